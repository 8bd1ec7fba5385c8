/*
 * Names inside the root. The root is hostile: every name is resolved from a descriptor by
 * openat2, with the root as "/", so that no symbolic link and no ".." leads out; what is
 * missing is made by handles, never following a link. Without openat2 a walk part by part
 * stands in, which refuses symbolic links altogether.
 */
#include "init/files.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>

#include "init/stat.h"

/* openat2 answers EAGAIN while somebody renames; a storm of renames must not hold us
 * for ever. */
#define PATH_TRIES 128

int path_type(int fd)
{
	struct statx st;
	int r = (int)sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &st);

	return r < 0 ? r : st.stx_mode & S_IFMT;
}

/* The part that begins at *path: copied out, *path moved behind it. 1, 0 at the end,
 * or -errno. */
static int next_part(const char **path, char name[INIT_NAME_MAX + 1])
{
	size_t n = 0;

	while (**path == '/')
		(*path)++;
	if (!**path)
		return 0;
	while (**path && **path != '/') {
		if (n == INIT_NAME_MAX)
			return -ENAMETOOLONG;
		name[n++] = *(*path)++;
	}
	name[n] = '\0';
	return text_is(name, "..") ? -EXDEV : 1;
}

static bool is_last(const char *path)
{
	while (*path == '/')
		path++;
	return !*path;
}

/* Whether what was opened with O_PATH | O_NOFOLLOW is a link after all. */
static int refuse_link(int fd)
{
	int type = path_type(fd);

	if (type < 0)
		return type;
	return type == S_IFLNK ? -ELOOP : fd;
}

static int path_walk(struct init *c, int dir, const char *path, uint64_t flags)
{
	char name[INIT_NAME_MAX + 1];
	int fd = dir, r;

	while ((r = next_part(&path, name)) > 0) {
		bool last = is_last(path);
		int how = last ? (int)flags : O_PATH | O_DIRECTORY;

		fd = fds_note(c, sys_openat(fd, name, how | O_NOFOLLOW | O_CLOEXEC, 0));
		if (fd < 0 || last)
			break;
	}
	if (r < 0 || fd < 0)
		return r < 0 ? r : fd;
	if (fd == dir) /* nothing but "/" */
		return fds_note(c, sys_openat(dir, ".", (int)flags | O_CLOEXEC, 0));
	return flags & O_PATH && !(flags & O_DIRECTORY) ? refuse_link(fd) : fd;
}

int path_open(struct init *c, int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC,
				.resolve = resolve | c->confine | RESOLVE_IN_ROOT };
	long r = -ENOSYS;

	if (dir < 0 && dir != AT_FDCWD)
		return dir;
	for (int i = 0; i < PATH_TRIES && !c->no_openat2; i++) {
		r = sys_openat2(dir, path, &how, sizeof(how));
		if (r != -EAGAIN)
			break;
	}
	/* EPERM: a system call filter around us that does not know it. */
	if (r == -ENOSYS || r == -EPERM) {
		c->no_openat2 = c->no_openat2 || r == -ENOSYS;
		if (c->confine) /* a walk does not see where mounts begin */
			return (int)r;
		return path_walk(c, dir, path, flags);
	}
	return fds_note(c, r);
}

int path_mkdir(struct init *c, int dir, const char *name, unsigned mode)
{
	int r = (int)sys_mkdirat(dir, name, mode);

	if (r < 0 && r != -EEXIST)
		return r;
	return fds_note(c, sys_openat(dir, name,
				      O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0));
}

int path_mkfile(struct init *c, int dir, const char *name, unsigned mode)
{
	int flags = O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

	return fds_note(c, sys_openat(dir, name, flags, mode));
}

/* Where the last part begins and ends. */
static void last_part(const char *path, size_t *ret_begin, size_t *ret_end)
{
	size_t end = text_len(path), begin;

	while (end && path[end - 1] == '/')
		end--;
	begin = end;
	while (begin && path[begin - 1] != '/')
		begin--;
	*ret_begin = begin;
	*ret_end = end;
}

size_t path_dir_len(const char *path)
{
	size_t begin, end;

	last_part(path, &begin, &end);
	while (begin > 1 && path[begin - 1] == '/')
		begin--;
	return begin;
}

bool path_in_dir(const char *path, const char *dir, size_t dir_len)
{
	if (path_dir_len(path) != dir_len)
		return false;
	for (size_t i = 0; i < dir_len; i++)
		if (path[i] != dir[i])
			return false;
	return true;
}

/* The directory `path` itself, made if missing. */
static int path_dir(struct init *c, int dir, char *path, unsigned mode)
{
	char name[INIT_NAME_MAX + 1];
	int fd = path_open(c, dir, path, O_PATH | O_DIRECTORY, 0);

	if (fd != -ENOENT)
		return fd;
	fd = path_parent(c, dir, path, mode, name);
	return fd < 0 ? fd : path_mkdir(c, fd, name, mode);
}

int path_parent(struct init *c, int dir, char *path, unsigned mode,
		char ret_name[INIT_NAME_MAX + 1])
{
	size_t begin, end;
	char saved;
	int fd;

	last_part(path, &begin, &end);
	if (end - begin > INIT_NAME_MAX)
		return -ENAMETOOLONG;
	__builtin_memcpy(ret_name, path + begin, end - begin);
	ret_name[end - begin] = '\0';
	if (begin == end || text_is(ret_name, ".") || text_is(ret_name, ".."))
		return -EINVAL;
	if (!begin)
		return dir;
	saved = path[begin];
	path[begin] = '\0';
	fd = path_dir(c, dir, path, mode);
	path[begin] = saved;
	return fd;
}

int path_place(struct init *c, int dir, const char *name)
{
	int fd = path_mkfile(c, dir, name, 0), type;

	if (fd != -EEXIST)
		return fd;
	fd = fds_note(c, sys_openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0));
	type = fd < 0 ? fd : path_type(fd);
	if (type < 0)
		return type;
	return type == S_IFLNK || type == S_IFDIR ? -EEXIST : fd;
}
