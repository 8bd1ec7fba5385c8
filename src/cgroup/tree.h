/* Within src/cgroup: walking through a cgroup's directories. */
#pragma once

#include <stddef.h>

#include "base/arena.h"

/* Name of the next subdirectory of dirfd in the arena, from the directory's read
 * position; NULL = no more. */
struct dir_scan {
	int fd;
	size_t used, filled;
	char buf[2048];
};
void dir_scan_init(struct dir_scan *s, int fd); /* rewinds */
const char *dir_scan_next(struct dir_scan *s);

/* Calls visit with a descriptor of dirfd's directory and of every one below it, at any
 * depth, until one answers other than 0. That answer, 0 or -errno. */
int cgroup_walk(int dirfd, struct arena *arena, int (*visit)(int dirfd, void *ctx),
		void *ctx);

/* Waits for a change of a kernfs file that was read through fd, for at most ms. */
void wait_for_change(int fd, int ms);
/* "frozen 1" and the like in the text of cgroup.events: 0, 1, or -errno. fd stays at
 * the file's end for wait_for_change. */
int events_value(int fd, const char *key);
