/*
 * tmpcopyup: fills a new tmpfs with what the image has at its mount point. Types, modes,
 * owners and contents; not times and extended attributes. The tmpfs' own size is the
 * bound.
 */
#include "init/files.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "init/stat.h"

#define COPY_DEPTH 64
#define COPY_CHUNK (1 << 30)

/* As the kernel lays it out. */
struct dirent64 {
	uint64_t ino;
	int64_t off;
	unsigned short len;
	unsigned char type;
	char name[];
};

static int copy_content(int from, int to)
{
	long n;

	do
		n = sys_sendfile(to, from, NULL, COPY_CHUNK);
	while (n > 0);
	return (int)n;
}

static int set_owner(int fd, const struct statx *st)
{
	int r = (int)sys_fchown(fd, st->stx_uid, st->stx_gid);

	return r < 0 ? r : (int)sys_fchmod(fd, st->stx_mode & 07777);
}

static int copy_file(int from_dir, int to_dir, const char *name, const struct statx *st)
{
	int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, from, to, r;

	from = (int)sys_openat(from_dir, name, O_RDONLY | flags, 0);
	if (from < 0)
		return from;
	to = (int)sys_openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | flags, 0600);
	r = to < 0 ? to : copy_content(from, to);
	if (r >= 0)
		r = set_owner(to, st);
	sys_close(from);
	if (to >= 0)
		sys_close(to);
	return r;
}

static int copy_dir(int from_dir, int to_dir, const char *name, const struct statx *st,
		    int depth)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, from, to;
	int r = (int)sys_mkdirat(to_dir, name, 0700);

	if (r < 0)
		return r;
	from = (int)sys_openat(from_dir, name, flags, 0);
	if (from < 0)
		return from;
	to = (int)sys_openat(to_dir, name, flags, 0);
	r = to < 0 ? to : copy_tree(from, to, depth + 1);
	if (r >= 0)
		r = set_owner(to, st);
	sys_close(from);
	if (to >= 0)
		sys_close(to);
	return r;
}

static int copy_link(int from_dir, int to_dir, const char *name)
{
	char text[INIT_PATH_MAX];
	long n = sys_readlinkat(from_dir, name, text, sizeof(text) - 1);

	if (n < 0)
		return (int)n;
	text[n] = '\0';
	return (int)sys_symlinkat(text, to_dir, name);
}

/* For what is not opened: a link, a FIFO, a device. */
static int copy_special(int from_dir, int to_dir, const char *name,
			const struct statx *st)
{
	unsigned type = st->stx_mode & S_IFMT;
	unsigned dev = st->stx_rdev_minor | st->stx_rdev_major << 8;
	int r;

	if (type == S_IFSOCK)
		return 0;
	if (type == S_IFLNK)
		r = copy_link(from_dir, to_dir, name);
	else
		r = (int)sys_mknodat(to_dir, name, st->stx_mode, dev);
	return r < 0 ? r
		     : (int)sys_fchownat(to_dir, name, st->stx_uid, st->stx_gid,
					 AT_SYMLINK_NOFOLLOW);
}

static int copy_entry(int from, int to, const char *name, int depth)
{
	struct statx st;
	int r;

	if (text_is(name, ".") || text_is(name, ".."))
		return 0;
	r = (int)sys_statx(from, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st);
	if (r < 0)
		return r;
	if (S_ISDIR(st.stx_mode))
		return copy_dir(from, to, name, &st, depth);
	if (S_ISREG(st.stx_mode))
		return copy_file(from, to, name, &st);
	return copy_special(from, to, name, &st);
}

int copy_tree(int from, int to, int depth)
{
	char list[2048] __attribute__((aligned(8)));
	long n;

	if (depth > COPY_DEPTH)
		return -ELOOP;
	while ((n = sys_getdents64(from, list, sizeof(list))) > 0) {
		for (long at = 0; at < n;) {
			const struct dirent64 *d = (const void *)(list + at);
			int r = copy_entry(from, to, d->name, depth);

			if (r < 0)
				return r;
			at += d->len;
		}
	}
	return (int)n;
}

int op_copy_up(struct init *c, const struct step *s)
{
	int to = fds_slot(c, SLOT_MOUNT), from, r;

	if (c->fs) {
		c->copy = s;
		return 0;
	}
	if (to < 0)
		return to;
	from = path_open(c, fds_slot(c, SLOT_ROOTFS), str(c, s->str[0]),
			 O_RDONLY | O_DIRECTORY, 0);
	if (from == -ENOENT)
		return 0; /* the mount point is yet to be made */
	/* A mount's descriptor is an O_PATH one: fchmod and getdents want a real one,
	 * mkdirat does not. */
	r = from < 0 ? from : copy_tree(from, to, 0);
	return r;
}
