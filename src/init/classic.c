/*
 * mount(2): the short way for a plain file system, and what stands in for the new mount
 * calls. Places are named through the descriptor that openat2 gave ("/proc/self/fd/N" of
 * the host's /proc, or "." after fchdir), never by their path.
 */
#include "init/files.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <asm/statfs.h>

#define DATA_MAX 2048

/* ST_* of statfs have the numbers of the MS_* flags, but for relatime. */
#define ST_FLAGS \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME)
#define ST_RELATIME 4096

unsigned long classic_flags(uint64_t attr)
{
	unsigned long flags = 0;

	if (attr & MOUNT_ATTR_RDONLY)
		flags |= MS_RDONLY;
	if (attr & MOUNT_ATTR_NOSUID)
		flags |= MS_NOSUID;
	if (attr & MOUNT_ATTR_NODEV)
		flags |= MS_NODEV;
	if (attr & MOUNT_ATTR_NOEXEC)
		flags |= MS_NOEXEC;
	if (attr & MOUNT_ATTR_NODIRATIME)
		flags |= MS_NODIRATIME;
	if (attr & MOUNT_ATTR_NOSYMFOLLOW)
		flags |= MS_NOSYMFOLLOW;
	if ((attr & MOUNT_ATTR__ATIME) == MOUNT_ATTR_NOATIME)
		flags |= MS_NOATIME;
	if ((attr & MOUNT_ATTR__ATIME) == MOUNT_ATTR_STRICTATIME)
		flags |= MS_STRICTATIME;
	return flags;
}

int classic_bind(int from, int to, bool rec)
{
	char source[FD_PATH_SIZE], target[FD_PATH_SIZE];

	text_fd_path(source, from);
	text_fd_path(target, to);
	return (int)sys_mount(source, target, NULL, MS_BIND | (rec ? MS_REC : 0), NULL);
}

long classic_kept_flags(int fd)
{
	struct statfs st;
	int r = (int)sys_fstatfs(fd, &st);

	if (r < 0)
		return r;
	return (st.f_flags & ST_FLAGS) | (st.f_flags & ST_RELATIME ? MS_RELATIME : 0);
}

/* A remount sets all flags, so those that the mount has must be named again: some may
 * be locked. */
int classic_remount(int fd, uint64_t set, uint64_t clear)
{
	char path[FD_PATH_SIZE];
	long kept = classic_kept_flags(fd);
	unsigned long flags = (unsigned long)kept;

	if (kept < 0)
		return (int)kept;
	if (clear & MOUNT_ATTR__ATIME)
		flags &= ~(unsigned long)(MS_NOATIME | MS_RELATIME);
	flags = (flags & ~classic_flags(clear & ~(uint64_t)MOUNT_ATTR__ATIME)) |
		classic_flags(set);
	text_fd_path(path, fd);
	return (int)sys_mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL);
}

static int join_options(const struct init *c, const struct step *fs, char data[DATA_MAX])
{
	const char *option = c->strings + fs->word[1];
	size_t at = 0;

	data[0] = '\0';
	for (uint64_t i = 0; i < fs->word[2]; i++) {
		if (i)
			at = text_add(data, DATA_MAX, at, ",");
		at = text_add(data, DATA_MAX, at, option);
		option += text_len(option) + 1;
	}
	return at < DATA_MAX ? 0 : -E2BIG;
}

int classic_fs(struct init *c, const struct step *s, int target)
{
	char data[DATA_MAX];
	int r = join_options(c, s, data);

	if (r >= 0)
		r = target < 0 ? target : (int)sys_fchdir(target);
	if (r < 0)
		return r;
	return (int)sys_mount(str(c, s->str[1]), ".", str(c, s->str[0]),
			      classic_flags(s->word[0]) | s->word[0] >> 32, data);
}

int classic_fs_late(struct init *c, const struct step *s, int target)
{
	int r = classic_fs(c, c->fs, target), to;
	bool copy = c->copy;

	c->fs = c->copy = NULL;
	if (r < 0 || !copy)
		return r;
	to = path_open(c, fds_slot(c, SLOT_ROOTFS), str(c, s->str[0]),
		       O_RDONLY | O_DIRECTORY, 0);
	/* From the target's descriptor "." is still what the mount covers. */
	r = to < 0 ? to
		   : fds_note(c, sys_openat(target, ".",
					    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));
	return r < 0 ? r : copy_tree(r, to, 0);
}
