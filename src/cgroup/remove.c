/*
 * Removing a cgroup with everything that a container made below it. cgroup-v2.rst:
 * "(Un)populated Notification".
 *
 * Processes that were killed leave some time later. In v2 the kernel tells when the last
 * one has left; in v1 one can only try again, in growing steps. Killing is not done here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/process.h"
#include "cgroup/cgroup.h"
#include "cgroup/tree.h"

enum { STEPS_MAX = 1000000 };

/* Removes all empty subdirectories. *ret_busy = one that is not empty, or "". How many
 * were removed. */
static int remove_empty(int dirfd, char *ret_busy, size_t size)
{
	struct dir_scan scan;
	const char *sub;
	int removed = 0;

	*ret_busy = '\0';
	dir_scan_init(&scan, dirfd);
	while ((sub = dir_scan_next(&scan))) {
		if (!unlinkat(dirfd, sub, AT_REMOVEDIR))
			removed++;
		else if (errno != ENOENT && !*ret_busy)
			snprintf(ret_busy, size, "%s", sub);
	}
	return removed;
}

/*
 * Goes down wherever a directory is not empty and up where all is done, with one
 * descriptor whatever the depth. A directory that still cannot be removed after its own
 * subdirectories were holds processes: -EBUSY.
 */
static int remove_below(int top)
{
	auto_fd fd = openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool climbed = false;
	char busy[256];

	for (int depth = 0, steps = 0; fd >= 0 && steps < STEPS_MAX; steps++) {
		int removed = remove_empty(fd, busy, sizeof(busy));

		if (!*busy && !depth)
			return 0;
		if (*busy && climbed && !removed)
			return -EBUSY;
		int next = openat(fd, *busy ? busy : "..",
				  O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		fd_close(&fd);
		fd = next;
		climbed = !*busy;
		depth += climbed ? -1 : 1;
	}
	return fd < 0 ? -errno : -EBUSY;
}

/* Names a process that will not leave, and why: "D" = it waits for a device or a file
 * system. */
static int timeout_error(const char *path, int timeout_ms, struct err *e)
{
	auto_arena arena = { 0 };
	struct process_info p;
	pid_t *pids = NULL;
	char who[200];
	size_t n = 0;

	if (arena_init(&arena) || cgroup_pids(path, &arena, &pids, &n, e) || !n)
		return err_sys(e, EBUSY, "remove cgroup %s", path);
	if (process_read(pids[0], &p) < 0)
		p = (struct process_info){ .pid = pids[0], .name = "?", .state = "?" };
	process_describe(&p, who, sizeof(who));
	err_set(e, ERR_SYSTEM,
		"remove cgroup %s: after %d ms %zu processes are still in it; %s", path,
		timeout_ms, n, who);
	e->errnum = EBUSY;
	return -1;
}

/* Until the last process has left, or for `pause` ms where there is no event. */
static void wait_for_leaving(int events, int pause, long long left)
{
	struct timespec t = { .tv_nsec = (long)pause * 1000000 };

	if (events >= 0 && events_value(events, "populated") == 1)
		wait_for_change(events, (int)left);
	else
		nanosleep(&t, NULL);
}

/* A read-only mount refuses to remove what was never there. */
static bool is_gone(int errnum, const char *path)
{
	return errnum == ENOENT ||
	       (errnum == EROFS && access(path, F_OK) < 0 && errno == ENOENT);
}

int cgroup_remove(const char *path, int timeout_ms, struct err *e)
{
	long long end = clock_ms() + timeout_ms;
	auto_fd events = -1;

	for (int pause = 1;; pause += pause < 32 ? pause : 0) {
		int r = rmdir(path) < 0 ? errno : 0;

		if (!r || is_gone(r, path))
			return 0;
		if (r != EBUSY && r != ENOTEMPTY)
			return err_sys(e, r, "remove cgroup %s", path);
		auto_fd fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		long long left = end - clock_ms();

		if (fd >= 0 && !remove_below(fd) && !rmdir(path))
			return 0;
		if (left <= 0)
			return timeout_error(path, timeout_ms, e);
		if (events < 0)
			events = openat(fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
		wait_for_leaving(events, pause, left);
	}
}
