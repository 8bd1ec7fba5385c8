/*
 * Freezing and thawing. cgroup-v2.rst: "cgroup.freeze"; cgroup-v1/freezer-subsystem.rst.
 *
 * v2 says by an event when all have stopped. v1 has no event, and can hang in FREEZING
 * when a process waits for another that is frozen already: writing FROZEN again helps.
 * When time is up everything is thawed, so that no half-frozen container stays.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup/cgroup.h"
#include "cgroup/tree.h"

static int freeze_v2(int dirfd, bool frozen, int timeout_ms)
{
	long long end = clock_ms() + timeout_ms;
	auto_fd events = openat(dirfd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	int r = events < 0 ? -errno
			   : fd_write_file(dirfd, "cgroup.freeze", frozen ? "1" : "0", 1);

	while (!r) {
		long long left = end - clock_ms();
		int is = events_value(events, "frozen");

		if (is < 0 || is == (int)frozen)
			return is < 0 ? is : 0;
		if (left <= 0)
			return -ETIMEDOUT;
		wait_for_change(events, (int)left);
	}
	return r;
}

static int freeze_v1(int dirfd, bool frozen, int timeout_ms)
{
	const char *want = frozen ? "FROZEN" : "THAWED";
	long long end = clock_ms() + timeout_ms;
	struct timespec pause = { .tv_nsec = 100000 };

	for (;;) {
		char state[16];
		int r = fd_write_file(dirfd, "freezer.state", want, 6);
		ssize_t n = r ? r
			      : fd_read_line(dirfd, "freezer.state", state,
					     sizeof(state));

		if (n < 0)
			return (int)n;
		if (!strcmp(state, want))
			return 0;
		if (clock_ms() >= end)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 20000000)
			pause.tv_nsec *= 2;
	}
}

int cgroup_freeze(const char *path, bool v1, bool frozen, int timeout_ms, struct err *e)
{
	auto_fd fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno
		: v1   ? freeze_v1(fd, frozen, timeout_ms)
		       : freeze_v2(fd, frozen, timeout_ms);

	if (!r)
		return 0;
	if (r == -ETIMEDOUT && frozen)
		fd_write_file(fd, v1 ? "freezer.state" : "cgroup.freeze",
			      v1 ? "THAWED" : "0", v1 ? 6 : 1);
	return err_sys(e, -r, "%s cgroup %s", frozen ? "freeze" : "thaw", path);
}

bool cgroup_is_frozen(const char *path, bool v1)
{
	char file[PATH_MAX], text[64];

	if (snprintf(file, sizeof(file), "%s/%s", path,
		     v1 ? "freezer.state" : "cgroup.freeze") >= (int)sizeof(file) ||
	    fd_read_line(AT_FDCWD, file, text, sizeof(text)) < 0)
		return false;
	return v1 ? strcmp(text, "THAWED") != 0 : !strcmp(text, "1");
}
