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
		char *name = at + offsetof(struct record, name);

		/* Nothing else is hidden: a container may make cgroups that begin with a dot. */
		if (at[offsetof(struct record, type)] == DT_DIR &&
		    strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			return name;
	}
}

/* A directory that is still to be visited. */
struct entry {
	const char *name;
	int depth;
};

struct walk {
	struct arena *arena;
	struct entry *v; /* a stack */
	size_t n, cap, seen;
	int fd, depth; /* where we stand */
};

static int push(struct walk *w, const char *name, int depth)
{
	if (++w->seen > DIRS_MAX)
		return -E2BIG;
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 64;
		struct entry *bigger = arena_array(w->arena, cap, sizeof(*bigger));

		if (w->n)
			memcpy(bigger, w->v, w->n * sizeof(*bigger));
		w->v = bigger;
		w->cap = cap;
	}
	w->v[w->n++] = (struct entry){ arena_strdup(w->arena, name), depth };
	return 0;
}

/* To another directory from the one in hand. 0 or -errno; then we still stand there. */
static int step_to(struct walk *w, const char *name, int depth)
{
	int fd = openat(w->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	fd_close(&w->fd);
	w->fd = fd;
	w->depth = depth;
	return 0;
}

/* Cgroups cannot be moved to another parent, so ".." leads where we came from. */
static int enter(struct walk *w, const struct entry *to)
{
	int r = 0;

	while (!r && w->depth >= to->depth)
		r = step_to(w, "..", w->depth - 1);
	return r ? r : step_to(w, to->name, to->depth);
}

static int visit_here(struct walk *w, int (*visit)(int dirfd, void *ctx), void *ctx)
{
	struct dir_scan scan;
	const char *name;
	int r = visit(w->fd, ctx);

	dir_scan_init(&scan, w->fd);
	while (!r && (name = dir_scan_next(&scan)))
		r = push(w, name, w->depth + 1);
	return r;
}

int cgroup_walk(int dirfd, struct arena *arena, int (*visit)(int dirfd, void *ctx),
		void *ctx)
{
	auto_fd here = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct walk w = { .arena = arena };
	int r;

	if (here < 0)
		return -errno;
	w.fd = fd_take(&here);
	r = visit_here(&w, visit, ctx);
	while (!r && w.n) {
		struct entry next = w.v[--w.n];

		r = enter(&w, &next);
		/* ENOENT: gone meanwhile. */
		r = r == -ENOENT ? 0 : r ? r : visit_here(&w, visit, ctx);
	}
	fd_close(&w.fd);
	return r;
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
