/* What a container is doing: from the record of init, /proc, the start socket and the
 * freezer. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup/cgroup.h"
#include "runtime/container.h"

const char *status_name(enum status s)
{
	static const char *const names[] = { "creating", "created", "running", "paused",
					     "stopped" };

	return names[s];
}

/* The record that the creator left: "PID STARTTIME". 1 = found, 0 = none. */
static int read_record(const struct container *c, pid_t *ret_pid,
		       unsigned long long *ret_start, struct err *e)
{
	char text[64], *end;
	ssize_t n = readlinkat(c->dir, "init", text, sizeof(text) - 1);

	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return err_sys(e, errno, "container \"%s\": read %s/%s/init", c->id,
			       c->skiff->root, c->id);
	text[n] = '\0';
	long pid = strtol(text, &end, 10);
	if (pid <= 0 || pid > INT32_MAX || *end != ' ')
		return err_set(e, ERR_STATE,
			       "container \"%s\": corrupt record %s/%s/init (\"%s\"); "
			       "\"skiff delete --force %s\" removes what is left of the "
			       "container",
			       c->id, c->skiff->root, c->id, text, c->id);
	*ret_pid = (pid_t)pid;
	*ret_start = strtoull(end + 1, NULL, 10);
	return 1;
}

/* Start time and liveness by /proc/PID/stat: pid reuse cannot fool us, zombies do not
 * count as alive. */
static bool is_alive(pid_t pid, unsigned long long start)
{
	char path[32], text[1024], *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (fd_read_line(AT_FDCWD, path, text, sizeof(text)) < 0)
		return false;
	/* The name in parentheses may hold anything; fields count from its end. Field 3
	 * is the state, 22 the start. */
	p = strrchr(text, ')');
	if (!p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X')
		return false;
	p += 2;
	for (int field = 3; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p && strtoull(p + 1, NULL, 10) == start;
}

/* The shared lock goes with the descriptor; it is in nobody's way, since only creators
 * take the other kind. */
static bool is_being_created(const struct container *c)
{
	return flock(c->dir, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static bool is_paused(const struct container *c)
{
	for (size_t i = 0; i < c->state.cgroups.n; i++) {
		const struct cgroup_dir *d = &c->state.cgroups.v[i];

		if ((!d->v1 || strstr(d->path, "/freezer/")) &&
		    cgroup_is_frozen(d->path, d->v1))
			return true;
	}
	return false;
}

/* Finds init and, when asked to, takes hold of it: from then on its pid cannot become
 * another process'. */
static int find_init(struct container *c, bool hold, struct err *e)
{
	unsigned long long start = 0;
	int r = read_record(c, &c->pid, &start, e);

	if (r < 0)
		return -1;
	c->recorded = r;
	if (r && hold)
		c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (r && (!hold || c->pidfd >= 0) && is_alive(c->pid, start))
		return 0;
	fd_close(&c->pidfd);
	c->pid = 0;
	return 0;
}

static int status(struct container *c, bool hold, struct err *e)
{
	if (find_init(c, hold, e) < 0)
		return -1;
	if (!c->recorded) {
		c->status = is_being_created(c) ? STATUS_CREATING : STATUS_STOPPED;
	} else if (!c->pid) {
		c->status = STATUS_STOPPED;
	} else if (is_being_created(c)) {
		c->status = STATUS_CREATING;
	} else if (!faccessat(c->dir, "start", F_OK, 0)) {
		c->status = STATUS_CREATED;
	} else {
		c->status = is_paused(c) ? STATUS_PAUSED : STATUS_RUNNING;
	}
	return 0;
}

int container_status(struct container *c, struct err *e)
{
	return status(c, false, e);
}

int container_hold(struct container *c, struct err *e)
{
	return status(c, true, e);
}

int container_find(struct container *c, struct err *e)
{
	return find_init(c, true, e);
}
