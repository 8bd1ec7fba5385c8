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
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/process.h"
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

/* Where a frozen thread is: in the freezers' own functions, or in one of the few sleeps in
 * which version 1 leaves it (TASK_FREEZABLE). Where the kernel does not tell, nobody is
 * accused. */
static bool is_stopped(const struct process_info *p)
{
	static const char *const places[] = {
		"do_freezer_trap",   "get_signal",      "__refrigerator",
		"hrtimer_nanosleep", "do_nanosleep",    "futex",
		"do_poll",           "do_sys_poll",     "poll_schedule",
		"do_select",         "core_sys_select", "ep_poll",
		"do_epoll",          "do_sigtimedwait", "unix_stream",
		"kernel_clone",      "wait_for_vfork",
	};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (!strncmp(p->waits, places[i], strlen(places[i])))
			return true;
	return !*p->waits && p->state[0] != 'R';
}

/* The first thread of a process that goes on, if there is one. */
static bool find_awake(pid_t pid, struct process_info *ret)
{
	struct dir_scan scan;
	const char *name;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	auto_fd fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	dir_scan_init(&scan, fd);
	while ((name = dir_scan_next(&scan)))
		if (!process_read((pid_t)strtol(name, NULL, 10), ret) &&
		    !process_is_zombie(ret) && !is_stopped(ret))
			return true;
	return false;
}

/* Must be asked before all are thawed again. */
static void say_who(const char *path, char *to, size_t size)
{
	auto_arena arena = { 0 };
	struct process_info p;
	struct err ignored;
	pid_t *pids = NULL;
	size_t n = 0;

	snprintf(to, size, "not all of its processes can be stopped");
	if (arena_init(&arena) || cgroup_pids(path, &arena, &pids, &n, &ignored))
		return;
	for (size_t i = 0; i < n; i++)
		if (find_awake(pids[i], &p)) {
			process_describe(&p, to, size);
			return;
		}
}

static int gave_up(int fd, const char *path, bool v1, bool frozen, int timeout_ms,
		   struct err *e)
{
	char who[200];

	if (!frozen)
		return err_sys(e, ETIMEDOUT, "thaw cgroup %s: after %d ms", path,
			       timeout_ms);
	say_who(path, who, sizeof(who));
	fd_write_file(fd, v1 ? "freezer.state" : "cgroup.freeze", v1 ? "THAWED" : "0",
		      v1 ? 6 : 1);
	err_set(e, ERR_SYSTEM,
		"freeze cgroup %s: not done after %d ms, %s; all of it goes on", path,
		timeout_ms, who);
	e->errnum = ETIMEDOUT;
	return -1;
}

int cgroup_freeze(const char *path, bool v1, bool frozen, int timeout_ms, struct err *e)
{
	auto_fd fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? -errno
		: v1   ? freeze_v1(fd, frozen, timeout_ms)
		       : freeze_v2(fd, frozen, timeout_ms);

	if (!r)
		return 0;
	if (r == -ETIMEDOUT)
		return gave_up(fd, path, v1, frozen, timeout_ms, e);
	return err_sys(e, -r, "%s cgroup %s", frozen ? "freeze" : "thaw", path);
}

bool cgroup_can_freeze(const char *path, bool v1)
{
	char file[PATH_MAX];

	return snprintf(file, sizeof(file), "%s/%s", path,
			v1 ? "freezer.state" : "cgroup.freeze") < (int)sizeof(file) &&
	       !access(file, F_OK);
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
