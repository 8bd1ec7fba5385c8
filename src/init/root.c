/*
 * The root file system: attached over its own directory, made the root, read-only.
 * pivot_root leaves no host root behind; --no-pivot, for an initramfs that cannot be
 * pivoted away, covers it (uncover.c).
 */
#include "init/files.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>

static int reopen(struct init *c, const struct step *s)
{
	int fd = fds_note(c, sys_openat(AT_FDCWD, str(c, s->str[0]),
					O_PATH | O_DIRECTORY | O_CLOEXEC, 0));

	if (fd >= 0)
		fds_set(c, s->slot[0], fd);
	return fd < 0 ? fd : 0;
}

/* The first mount that is put in its place: it shows whether that call can be had at
 * all. */
int op_root_attach(struct init *c, const struct step *s)
{
	int fd = fds_slot(c, s->slot[0]), r = -ENOSYS;
	const char *place = str(c, s->str[0]);

	/* From here on files of the container are made, with the modes that are asked for. */
	sys_umask(0);
	if (fd >= 0 && !(c->slots[s->slot[0]] & SLOT_PLAIN))
		r = (int)sys_move_mount(fd, "", AT_FDCWD, place,
					MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
	if (mount_is_refused(c, r)) {
		c->classic = true;
		r = (int)sys_mount(place, place, NULL, MS_BIND | MS_REC, NULL);
		if (r >= 0)
			r = reopen(c, s);
	}
	return r < 0 ? r : mount_finish(c, fds_slot(c, s->slot[0]));
}

int op_root_readonly(struct init *c, const struct step *s)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	int fd = fds_slot(c, SLOT_ROOTFS), r;

	(void)s;
	/* After the pivot it is "/". */
	r = fd < 0 ? (int)sys_mount_setattr(AT_FDCWD, "/", 0, &ro, sizeof(ro))
		   : mount_attr_set(fd, MOUNT_ATTR_RDONLY, 0, 0, false);
	if (!mount_is_refused(c, r))
		return r;
	if (fd < 0)
		fd = fds_note(c, sys_openat(AT_FDCWD, "/",
					    O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
	return fd < 0 ? fd : classic_remount(fd, MOUNT_ATTR_RDONLY, 0);
}

static int pivot(const struct init *c)
{
	/* The old root lands on top of the new one, at the same place: "." is the old
	 * one until it is gone. */
	int r = (int)sys_pivot_root(".", ".");

	if (r >= 0 && c->shared)
		r = (int)sys_mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL);
	if (r >= 0)
		r = (int)sys_umount2(".", 2 /* MNT_DETACH */);
	return r < 0 ? r : (int)sys_chdir("/");
}

/* From a chroot, whose directory is no mount point, to the root of init's own mount namespace. */
static int leave_chroot(struct init *c)
{
	long fd = fds_note(
		c, sys_openat(AT_FDCWD, "/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC, 0));

	return fd < 0 ? (int)fd : (int)sys_setns((int)fd, CLONE_NEWNS);
}

/* What is below and above the chroot changes, then init is back in it: the paths of the plan count from there. */
static int propagate_in_chroot(struct init *c, unsigned long flags)
{
	long here = fds_note(
		c, sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
	int r = here < 0 ? (int)here : leave_chroot(c);

	if (r >= 0)
		r = (int)sys_mount(NULL, "/", NULL, flags, NULL);
	if (r >= 0)
		r = (int)sys_fchdir((int)here);
	return r < 0 ? r : (int)sys_chroot(".");
}

int op_propagation(struct init *c, const struct step *s)
{
	unsigned long flags = s->word[0] | (s->flags & STEP_REC ? MS_REC : 0);
	int r;

	if (s->word[0] & MS_SHARED)
		c->shared = true;
	r = (int)sys_mount(NULL, str(c, s->str[0]), NULL, flags, NULL);
	return r == -EINVAL && fds_slot(c, SLOT_ROOTFS) < 0
		       ? propagate_in_chroot(c, flags)
		       : r;
}

int op_pivot(struct init *c, const struct step *s)
{
	int r = (int)sys_fchdir(fds_slot(c, SLOT_ROOTFS));

	/* A change that waits for a mount to be put in its place must not be lost. */
	if (c->fs || c->pending[0])
		return -ENOSYS;
	if (r >= 0)
		r = s->word[0] ? root_cover(c) : pivot(c);
	if (r == -EINVAL && !s->word[0] && leave_chroot(c) >= 0) {
		r = (int)sys_fchdir(fds_slot(c, SLOT_ROOTFS));
		if (r >= 0)
			r = pivot(c);
	}
	if (r < 0)
		return r;
	/* What lies under masks and read-only mounts is still open here: a link of the
	 * image to /proc/self/fd/N must not lead there (compare CVE-2024-21626). */
	return fds_forget(c);
}
