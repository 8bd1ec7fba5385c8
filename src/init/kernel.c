/*
 * Writes to /proc. The container's own /proc may be a fake, or another file may be bound
 * over the one that is meant (CVE-2025-52881): everything goes through a procfs mount of
 * init's own that nobody else can reach.
 */
#include "init/init.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>

/* Where fsopen is refused: mounted over the host's /proc for a moment, which nobody else sees (STEP_DIR: the mount
 * namespace is init's own). What is opened stays. */
static long classic_proc(void)
{
	long fd, r = sys_mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC,
			       NULL);

	if (r < 0)
		return r;
	fd = sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
	r = sys_umount2("/proc", 2 /* MNT_DETACH */);
	return r < 0 ? r : fd;
}

int op_proc(struct init *c, const struct step *s)
{
	long fs = sys_fsopen("proc", FSOPEN_CLOEXEC), r;

	if ((fs == -ENOSYS || fs == -EPERM) && s->flags & STEP_DIR) {
		r = fds_note(c, classic_proc());
		if (r >= 0)
			fds_set(c, SLOT_PROC, (int)r);
		return r < 0 ? (int)r : 0;
	}
	if (fds_note(c, fs) < 0)
		return (int)fs;
	r = sys_fsconfig((int)fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r >= 0)
		r = fds_note(c, sys_fsmount((int)fs, FSMOUNT_CLOEXEC,
					    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						    MOUNT_ATTR_NOEXEC));
	if (r < 0)
		return (int)r;
	fds_set(c, SLOT_PROC, (int)r);
	return 0;
}

static int write_proc(struct init *c, const char *path, const char *value)
{
	struct open_how how = { .flags = O_WRONLY | O_CLOEXEC,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV |
					   RESOLVE_NO_MAGICLINKS };
	int proc = fds_slot(c, SLOT_PROC);
	size_t n = text_len(value);
	long fd, r;

	if (proc < 0)
		return proc;
	fd = sys_openat2(proc, path, &how, sizeof(how));
	/* Nothing can be mounted on it, so the plain call does no harm. */
	if (fd == -ENOSYS || fd == -EPERM)
		fd = sys_openat(proc, path, O_WRONLY | O_CLOEXEC, 0);
	if (fds_note(c, fd) < 0)
		return (int)fd;
	r = sys_write((int)fd, value, n);
	if (r >= 0 && (size_t)r != n)
		return -EIO;
	return r < 0 ? (int)r : 0;
}

int op_sysctl(struct init *c, const struct step *s)
{
	return write_proc(c, str(c, s->str[0]), str(c, s->str[1]));
}

/* The last one closes the procfs: the program is looked up with the image's links, which must not lead through it. */
int op_label(struct init *c, const struct step *s)
{
	int r = write_proc(c, str(c, s->str[1]), str(c, s->str[0]));
	const struct step *end = c->steps + c->flat->n_steps;

	for (const struct step *later = s + 1; later < end; later++)
		if (later->op == OP_LABEL || later->op == OP_SYSCTL)
			return r;
	sys_close(fds_slot(c, SLOT_PROC));
	fds_set(c, SLOT_PROC, -1);
	return r;
}
