/*
 * Mount points: found inside the root, or made there.
 */
#include "init/files.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>

#include "init/stat.h"

static int make_last(struct init *c, const struct step *s, int dir, const char *name)
{
	bool file = s->flags & STEP_FILE;

	if (s->flags & STEP_LIKE) {
		int type = path_type(fds_slot(c, s->slot[1]));

		if (type < 0)
			return type;
		file = type != S_IFDIR;
	}
	return file ? path_mkfile(c, dir, name, 0644)
		    : path_mkdir(c, dir, name, (unsigned)s->word[0]);
}

/*
 * In a directory that one mount point was made in, the others are missing most likely
 * (/dev/pts, /dev/shm on a new tmpfs): making them at once saves looking for them twice.
 */
static int make_beside(struct init *c, const struct step *s, char *path)
{
	char name[INIT_NAME_MAX + 1];
	size_t len = path_dir_len(path), n = 0;

	if (c->made_in < 0 || s->flags & (STEP_FILE | STEP_LIKE) ||
	    !path_in_dir(path, c->made_path, c->made_len))
		return -EEXIST;
	while (path[len] == '/')
		len++;
	while (path[len + n] && path[len + n] != '/' && n < INIT_NAME_MAX) {
		name[n] = path[len + n];
		n++;
	}
	name[n] = '\0';
	if (path[len + n] || !n || name[0] == '.' ||
	    sys_mkdirat(c->made_in, name, (unsigned)s->word[0]) < 0)
		return -EEXIST;
	return fds_note(c, sys_openat(c->made_in, name,
				      O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0));
}

static int make(struct init *c, const struct step *s, int root, char *path)
{
	char name[INIT_NAME_MAX + 1];
	int dir = path_parent(c, root, path, (unsigned)s->word[0], name);

	if (dir < 0)
		return dir;
	c->made_in = dir;
	c->made_path = path;
	c->made_len = path_dir_len(path);
	return make_last(c, s, dir, name);
}

int op_target(struct init *c, const struct step *s)
{
	uint64_t resolve = s->flags & STEP_NO_SYMLINK ? RESOLVE_NO_SYMLINKS : 0;
	int root = fds_slot(c, SLOT_ROOTFS);
	char *path = c->strings + s->str[0];
	int fd;

	if (root < 0)
		return root;
	fd = make_beside(c, s, path);
	if (fd == -EEXIST)
		fd = path_open(c, root, path,
			       O_PATH | (s->flags & STEP_NOFOLLOW ? O_NOFOLLOW : 0),
			       resolve);
	if (fd == -ENOENT)
		fd = make(c, s, root, path);
	if (fd < 0)
		return fd;
	fds_set(c, SLOT_TARGET, fd);
	return 0;
}

int op_dir_open(struct init *c, const struct step *s)
{
	int root = fds_slot(c, SLOT_ROOTFS);
	char name[INIT_NAME_MAX + 1];
	char *path = c->strings + s->str[0];
	int fd;

	fd = path_open(c, root, path, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT) {
		int dir = path_parent(c, root, path, 0755, name);

		fd = dir < 0 ? dir : path_mkdir(c, dir, name, 0755);
	}
	if (fd < 0)
		return fd;
	fds_set(c, s->slot[0], fd);
	return 0;
}
