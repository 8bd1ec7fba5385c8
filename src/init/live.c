/*
 * Mounts of a running container. Init has joined its namespaces and is rooted where the container is; the container
 * goes on meanwhile and may swap whatever it can write to. Places are descriptors, found by openat2; what is done by
 * path goes through the private procfs that was opened before the join.
 */
#include "init/files.h"
#include "init/stat.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>

#define MNT_DETACH_ 2

/* What the path leads to must be where a mount begins, or the container has moved it out of the way. */
static int enter_mount(struct init *c, int root, const char *path)
{
	int fd = path_open(c, root, path, O_PATH, 0);
	struct statx st;
	int r = fd < 0 ? fd : (int)sys_statx(fd, "", AT_EMPTY_PATH, 0, &st);

	if (r < 0)
		return r;
	if (!(st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return -ENOSYS;
	return st.stx_attributes & STATX_ATTR_MOUNT_ROOT ? fd : -ESTALE;
}

int op_root_enter(struct init *c, const struct step *s)
{
	int fd = fds_note(c,
			  sys_openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
	const char *mount = str(c, s->str[0]);

	c->confine = 0;
	c->made_in = -1;
	if (fd >= 0 && mount[0] && mount[1]) {
		fd = enter_mount(c, fd, mount);
		c->confine = RESOLVE_NO_SYMLINKS;
	}
	if (fd < 0)
		return fd;
	if (*mount)
		c->confine |= RESOLVE_NO_XDEV;
	c->live = true;
	/* Mount points get the modes that are asked for. */
	sys_umask(0);
	fds_set(c, s->slot[0], fd);
	return 0;
}

int op_unmount(struct init *c, const struct step *s)
{
	int fd = path_open(c, fds_slot(c, SLOT_ROOTFS), str(c, s->str[0]), O_PATH, 0);
	struct statx st;
	int r = fd < 0 ? fd : (int)sys_statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st);
	char path[FD_PATH_SIZE];

	/* The container may have led the path to a mount that keeps it in. */
	if (r >= 0 && st.stx_mnt_id != s->word[0])
		r = -ESTALE;
	if (r >= 0)
		r = (int)sys_fchdir(fds_slot(c, SLOT_PROC));
	if (r < 0)
		return r;
	text_fd_path(path, fd);
	/* "self/fd/N", from the private procfs. */
	return (int)sys_umount2(path + sizeof("/proc"), MNT_DETACH_);
}
