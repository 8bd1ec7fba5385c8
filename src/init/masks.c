/*
 * Masked and read-only paths. What covers a path comes from an own, read-only tmpfs that
 * holds one empty directory and one empty file and is mounted nowhere itself: the
 * container's /dev/null, which it may have replaced, has no part in it (CVE-2025-31133),
 * and all masks share one file system.
 */
#include "init/files.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>

#include "init/stat.h"

#define MASK_ATTR  (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define MASK_CLONE (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
#define MASK_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* Without limits: whoever could make it writable again could as well mount a tmpfs of
 * his own. */
static long new_tmpfs(struct init *c)
{
	long fs = sys_fsopen("tmpfs", FSOPEN_CLOEXEC), r;

	if (fds_note(c, fs) < 0)
		return fs;
	r = sys_fsconfig((int)fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	return r < 0 ? r : sys_fsmount((int)fs, FSMOUNT_CLOEXEC, MASK_ATTR);
}

int op_masks(struct init *c, const struct step *s)
{
	long fd = c->classic ? -ENOSYS : fds_note(c, new_tmpfs(c)), r;

	if (mount_is_refused(c, fd))
		return 0; /* op_mask does without */
	if (fd < 0)
		return (int)fd;
	r = sys_mkdirat((int)fd, "d", 0555);
	if (r >= 0)
		r = fds_note(c,
			     sys_openat((int)fd, "f",
					O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
	if (r >= 0)
		r = mount_attr_set((int)fd, MOUNT_ATTR_RDONLY, 0, 0, false);
	if (mount_is_refused(c, r))
		return 0;
	if (r >= 0)
		fds_set(c, s->slot[0], (int)fd);
	return r < 0 ? (int)r : 0;
}

/* The host's own /dev/null, before the pivot. */
static int null_device(struct init *c)
{
	struct statx st;
	int fd = fds_note(
		c, sys_openat(AT_FDCWD, "/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0));
	int r = fd < 0 ? fd : (int)sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &st);

	if (r < 0)
		return r;
	return S_ISCHR(st.stx_mode) && st.stx_rdev_major == 1 && st.stx_rdev_minor == 3
		       ? fd
		       : -ENODEV;
}

static int mask_classic(struct init *c, int target)
{
	int type = path_type(target), null;

	if (type < 0)
		return type;
	if (type == S_IFDIR) {
		int r = (int)sys_fchdir(target);

		return r < 0 ? r
			     : (int)sys_mount("tmpfs", ".", "tmpfs", MASK_FLAGS,
					      "nr_inodes=1,nr_blocks=1");
	}
	null = null_device(c);
	return null < 0 ? null : classic_bind(null, target, false);
}

/*
 * Before Linux 6.15 what is not attached cannot be cloned. Then the masks cover the host's /sys, in init's own mount
 * namespace and only until the pivot: nothing of the host is looked up there any more.
 */
static long clone_mask(struct init *c, int masks, const char *name)
{
	long tree = sys_open_tree(masks, name, MASK_CLONE), r;

	if (tree != -EINVAL || c->masks_attached)
		return fds_note(c, tree);
	c->masks_attached = true;
	r = sys_move_mount(masks, "", AT_FDCWD, "/sys", MOVE_MOUNT_F_EMPTY_PATH);
	return r < 0 ? r : fds_note(c, sys_open_tree(masks, name, MASK_CLONE));
}

/* A clone of the empty file or directory onto target. -EINVAL: what is there is of the
 * other kind. */
static int cover(struct init *c, int masks, bool dir, int target)
{
	int *spare = &c->mask_spare[dir], r;

	if (*spare < 0)
		*spare = (int)clone_mask(c, masks, dir ? "d" : "f");
	r = *spare < 0 ? *spare : mount_onto(c, *spare, target);
	if (r >= 0)
		*spare = -1;
	return r;
}

/* The plan knows by its name what the path most likely is; the kernel refuses the
 * wrong kind. */
int op_mask(struct init *c, const struct step *s)
{
	int target = path_open(c, fds_slot(c, SLOT_ROOTFS), str(c, s->str[0]), O_PATH, 0);
	int masks = fds_slot(c, SLOT_MASKS), r;
	bool dir = s->flags & STEP_DIR;

	if (target < 0)
		return target;
	if (masks < 0)
		return mask_classic(c, target);
	r = cover(c, masks, dir, target);
	return r == -EINVAL || r == -ENOTDIR ? cover(c, masks, !dir, target) : r;
}

/* A bind of the path on itself, changed in its place. Submounts stay as they are. */
static int readonly_classic(struct init *c, const char *path, int target)
{
	int r = classic_bind(target, target, true);

	if (r >= 0)
		r = path_open(c, fds_slot(c, SLOT_ROOTFS), path, O_PATH, 0);
	return r < 0 ? r : classic_remount(r, MOUNT_ATTR_RDONLY, 0);
}

/* A read-only clone of what target is; Linux 6.15 has one call for that. */
static int readonly_tree(struct init *c, int target)
{
	struct mount_attr ro = { .attr_set = MOUNT_ATTR_RDONLY };
	unsigned flags = MASK_CLONE | AT_EMPTY_PATH | AT_RECURSIVE;
	long tree = c->no_tree_attr
			    ? -ENOSYS
			    : sys_open_tree_attr(target, "", flags, &ro, sizeof(ro)),
	     r;

	if (!mount_is_refused(c, tree))
		return fds_note(c, tree);
	c->no_tree_attr = true;
	tree = fds_note(c, sys_open_tree(target, "", flags));
	r = tree < 0 ? tree : mount_attr_set((int)tree, MOUNT_ATTR_RDONLY, 0, 0, true);
	return r < 0 ? (int)r : (int)tree;
}

int op_readonly(struct init *c, const struct step *s)
{
	const char *path = str(c, s->str[0]);
	int target = path_open(c, fds_slot(c, SLOT_ROOTFS), path, O_PATH, 0);
	int tree;

	if (target < 0)
		return target;
	tree = c->classic ? -ENOSYS : readonly_tree(c, target);
	if (mount_is_refused(c, tree))
		return readonly_classic(c, path, target);
	return tree < 0 ? tree : mount_onto(c, tree, target);
}
