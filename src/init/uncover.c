/*
 * --no-pivot: the old root cannot be dropped where it is an initramfs. All that is mounted on it can, so that nothing
 * but the bare initramfs is left below the new root for whoever gets the right to unmount that: not the host's
 * /proc and /sys, nor its disks. In a user namespace the host's mounts are locked: they stay, and stay covered.
 */
#include "init/files.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>

#define DETACH    (2 | 8) /* MNT_DETACH, UMOUNT_NOFOLLOW */
#define THE_POINT 4       /* field of mountinfo */
#define PASSES    1000    /* as deep as mounts may cover each other */

struct scan {
	int field;
	size_t n;
	size_t gone;
	char path[INIT_PATH_MAX];
};

/* The kernel writes blanks and backslashes as \ooo. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (*s == '\\' && s[1] && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				       (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* With a mount goes what is below it: later lines find nothing, and those of mounts that another one covers find that or
 * nothing. Paths lead from the old root still, so that the container's own mounts are not met. */
static int detach(struct scan *s)
{
	int r;

	s->path[s->n] = '\0';
	unescape(s->path);
	if (!s->path[0] || !s->path[1])
		return 0;
	r = (int)sys_umount2(s->path, DETACH);
	s->gone += r >= 0;
	return r == -EINVAL || r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

static int take(struct scan *s, char byte)
{
	int r = 0;

	if (byte == ' ' || byte == '\n') {
		if (s->field == THE_POINT)
			r = detach(s);
		s->field = byte == '\n' ? 0 : s->field + 1;
		s->n = 0;
	} else if (s->field == THE_POINT) {
		if (s->n == sizeof(s->path) - 1)
			return -ENAMETOOLONG;
		s->path[s->n++] = byte;
	}
	return r;
}

/* How many went, or -errno. */
static long pass(struct init *c, int proc)
{
	long list = sys_openat(proc, "self/mountinfo", O_RDONLY | O_CLOEXEC, 0), n = list;
	char part[1024];
	struct scan s;

	s.field = 0;
	s.n = s.gone = 0;
	if (fds_note(c, list) < 0)
		return list;
	while ((n = sys_read((int)list, part, sizeof(part))) > 0)
		for (long i = 0; i < n; i++) {
			int r = take(&s, part[i]);

			if (r < 0)
				return r;
		}
	sys_close((int)list);
	return n < 0 ? n : (long)s.gone;
}

/* Again and again: each pass uncovers what lay below the mounts that it took. */
static int detach_all(struct init *c, int proc)
{
	long gone = 1;

	for (int i = 0; i < PASSES && gone > 0; i++)
		gone = pass(c, proc);
	return gone > 0 ? -ELOOP : (int)gone;
}

int root_cover(struct init *c)
{
	int proc = fds_note(
		c, sys_openat(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0));
	int r = proc < 0 ? proc : (int)sys_mount(".", "/", NULL, MS_MOVE, NULL);

	if (r >= 0)
		r = detach_all(c, proc);
	if (r >= 0)
		r = (int)sys_chroot(".");
	return r < 0 ? r : (int)sys_chdir("/");
}
