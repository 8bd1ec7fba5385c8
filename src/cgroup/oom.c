/*
 * Out of memory, as the kernel tells it. cgroup-v2.rst, "memory.events": reading the file after
 * POLLPRI; cgroup-v1/memory.rst, "OOM Control": an eventfd registered in
 * cgroup.event_control.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup/cgroup.h"
#include "cgroup/stats.h"

enum { EVENTS_SIZE = 1024 };

/* Reading the file is what makes the next change known. */
static uint64_t count_kills(int fd)
{
	char text[EVENTS_SIZE];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n < 0)
		return 0;
	text[n] = '\0';
	return stat_value(text, "oom_kill");
}

static int open_v1(int dir)
{
	auto_fd event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	auto_fd control = openat(dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	char text[32];
	int n;

	if (event < 0 || control < 0)
		return -1;
	n = snprintf(text, sizeof(text), "%d %d", event, control);
	return fd_write_file(dir, "cgroup.event_control", text, (size_t)n)
		       ? -1
		       : fd_take(&event);
}

bool oom_watch_open(const char *path, bool v1, struct oom_watch *ret)
{
	auto_fd dir = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_fd fd = -1;

	if (dir < 0)
		return false;
	fd = v1 ? open_v1(dir) : openat(dir, "memory.events", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	*ret = (struct oom_watch){ .v1 = v1, .events = v1 ? POLLIN : POLLPRI };
	ret->kills = v1 ? 0 : count_kills(fd);
	ret->dir = fd_take(&dir);
	ret->fd = fd_take(&fd);
	return true;
}

/* The eventfd also fires when the cgroup is removed. */
static bool take_v1(struct oom_watch *w)
{
	uint64_t n;

	return read(w->fd, &n, sizeof(n)) == sizeof(n) &&
	       !faccessat(w->dir, "memory.oom_control", F_OK, 0);
}

bool oom_watch_take(struct oom_watch *w)
{
	uint64_t before = w->kills;

	if (w->fd < 0)
		return false;
	if (w->v1)
		return take_v1(w);
	w->kills = count_kills(w->fd);
	return w->kills > before;
}

void oom_watch_close(struct oom_watch *w)
{
	fd_close(&w->fd);
	fd_close(&w->dir);
}
