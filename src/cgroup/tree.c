/*
 * The directories of a cgroup and the events of one: what pids.c, freeze.c and remove.c
 * stand on. Containers with a delegated cgroup make their own trees below it, so breadth
 * and depth are theirs to choose: everything here is iterative and bounded.
 */
#include "cgroup/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

enum { DIRS_MAX = 100000 };

/* The kernel's record; libc's readdir would need a heap. */
struct record {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

void dir_scan_init(struct dir_scan *s, int fd)
{
	s->fd = fd;
	s->used = s->filled = 0;
	lseek(fd, 0, SEEK_SET);
}

const char *dir_scan_next(struct dir_scan *s)
{
	for (;;) {
		if (s->used >= s->filled) {
			long n = syscall(SYS_getdents64, s->fd, s->buf, sizeof(s->buf));

			if (n <= 0)
				return NULL;
			s->used = 0;
			s->filled = (size_t)n;
		}
		char *at = s->buf + s->used;
		uint16_t len;

		memcpy(&len, at + offsetof(struct record, len), sizeof(len));
		s->used += len;
		if (at[offsetof(struct record, type)] == DT_DIR &&
		    at[offsetof(struct record, name)] != '.')
			return at + offsetof(struct record, name);
	}
}

int cgroup_tree(int dirfd, struct arena *arena, const char *const **ret)
{
	size_t n = 0, cap = 64, done = 0;
	const char **v = arena_array(arena, cap, sizeof(*v));

	for (v[n++] = "."; done < n; done++) {
		auto_fd fd = openat(dirfd, v[done], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct dir_scan scan;
		const char *name;

		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return -errno;
		dir_scan_init(&scan, fd);
		while ((name = dir_scan_next(&scan))) {
			if (n + 1 == cap) {
				const char **bigger = arena_array(arena, cap * 2,
								  sizeof(*v));

				memcpy(bigger, v, n * sizeof(*v));
				v = bigger;
				cap *= 2;
			}
			if (n == DIRS_MAX)
				return -E2BIG;
			v[n++] = arena_printf(arena, "%s/%s", v[done], name);
		}
	}
	v[n] = NULL;
	*ret = v;
	return 0;
}

long long clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void wait_for_change(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLPRI };

	poll(&p, 1, ms);
}

int events_value(int fd, const char *key)
{
	char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	size_t len = strlen(key);

	if (n < 0)
		return -errno;
	text[n] = '\0';
	for (const char *line = text; *line; line += *line == '\n') {
		if (!strncmp(line, key, len) && line[len] == ' ')
			return line[len + 1] == '1';
		line += strcspn(line, "\n");
	}
	return -ENODATA;
}
