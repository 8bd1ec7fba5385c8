/* What a container is doing: from the record of init, /proc, the start socket and the
 * freezer. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
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

static const char paused_mark[] = " paused";

/* Init as its creator recorded it: "PID iINODE" (of its pidfd) or, before Linux 6.9, "PID sSTARTTIME". " paused" follows while
 * the container is paused, or was about to be: then the freezer is asked. */
struct record {
	pid_t pid;
	char kind;
	unsigned long long number;
	bool paused;
};

/* 1 = found, 0 = none. */
static int read_record(const struct container *c, struct record *ret, struct err *e)
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
	if (pid <= 0 || pid > INT32_MAX || *end != ' ' ||
	    (end[1] != 'i' && end[1] != 's'))
		return err_set(e, ERR_STATE,
			       "container \"%s\": corrupt record %s/%s/init (\"%s\"); "
			       "\"skiff delete --force %s\" removes what is left of the "
			       "container",
			       c->id, c->skiff->root, c->id, text, c->id);
	*ret = (struct record){ (pid_t)pid, end[1], strtoull(end + 2, &end, 10) };
	ret->paused = !strcmp(end, paused_mark);
	return 1;
}

/* Is it that very process, and has it not ended? A pid that was given away again cannot
 * fool us; a zombie has ended. */
static bool is_alive(const struct record *r, int pidfd)
{
	struct pollfd ended = { .fd = pidfd, .events = POLLIN };
	unsigned long long number;
	struct stat st;

	if (r->kind == 's')
		return !pid_start_time(r->pid, &number) && number == r->number &&
		       poll(&ended, 1, 0) == 0;
	return !fstat(pidfd, &st) && st.st_ino == r->number && poll(&ended, 1, 0) == 0;
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

/* Finds init and, when asked to, keeps hold of it: from then on its pid cannot become
 * another process'. */
static int find_init(struct container *c, bool hold, struct err *e)
{
	auto_fd pidfd = -1;
	struct record record = { 0 };
	int r = read_record(c, &record, e);

	if (r < 0)
		return -1;
	c->recorded = r;
	c->marked = record.paused;
	c->pid = 0;
	if (r)
		pidfd = (int)syscall(SYS_pidfd_open, record.pid, 0);
	if (pidfd < 0 || !is_alive(&record, pidfd))
		return 0;
	c->pid = record.pid;
	if (hold)
		c->pidfd = fd_take(&pidfd);
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
	} else if (c->marked && is_paused(c)) {
		c->status = STATUS_PAUSED;
	} else if (!faccessat(c->dir, "start", F_OK, 0)) {
		c->status = STATUS_CREATED;
	} else {
		c->status = is_paused(c) ? STATUS_PAUSED : STATUS_RUNNING;
	}
	return 0;
}

/* A new link over the old one: no reader ever misses the record. */
int container_mark(struct container *c, bool paused, struct err *e)
{
	static const char next[] = "init.new";
	struct record record;
	char text[64];
	int r = read_record(c, &record, e);

	if (r <= 0)
		return r;
	snprintf(text, sizeof(text), "%d %c%llu%s", (int)record.pid, record.kind,
		 record.number, paused ? paused_mark : "");
	unlinkat(c->dir, next, 0);
	if (symlinkat(text, c->dir, next) < 0 ||
	    renameat(c->dir, next, c->dir, "init") < 0)
		return err_sys(e, errno, "container \"%s\": write %s/%s/init", c->id,
			       c->skiff->root, c->id);
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
