/*
 * start and state. A created container's init waits on the socket `start` in the state
 * directory; whoever unlinks that socket is the one who starts it. The answers are
 * init's: a failure, or "executing" and then end-of-file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/container.h"
#include "runtime/notify.h"

/* /proc/self/fd makes the path short enough for sun_path whatever the root directory
 * is. */
static int connect_start(const struct container *c, int *ret, struct err *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	auto_fd fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(e, errno, "socket");
	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d/start", c->dir);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return err_sys(e, errno, "container \"%s\": connect to its init", c->id);
	*ret = fd_take(&fd);
	return 0;
}

static int not_created(const struct container *c, struct err *e)
{
	if (c->status == STATUS_STOPPED)
		return err_set(e, ERR_STOPPED,
			       "cannot start a container that has stopped");
	if (c->status == STATUS_PAUSED)
		return err_set(
			e, ERR_STATE,
			"cannot start a paused container (\"skiff resume %s\" comes "
			"first)",
			c->id);
	if (c->status == STATUS_CREATING)
		return err_set(e, ERR_STATE,
			       "cannot start a container that is being created");
	return err_set(e, ERR_STATE, "cannot start an already running container");
}

/* Reads what init says until the program runs (end-of-file after "executing") or a step
 * failed. */
static int hear_init(const struct container *c, int fd, struct err *e)
{
	bool executing = false;
	char text[1024];

	for (;;) {
		struct report r;
		int got = talk_read(fd, &r, text, sizeof(text), NULL, e);

		if (got < 0)
			return -1;
		if (!got && executing)
			return 0;
		if (!got)
			return err_set(
				e, ERR_INIT,
				"container \"%s\": its init ended before the program was "
				"executed (killed, or out of memory)",
				c->id);
		if (!r.what)
			return talk_failure(NULL, &r, text, e);
		executing |= r.what == SYNC_EXEC;
	}
}

static int run_hooks(struct container *c, enum hook_kind kind, const char *status,
		     struct err *e)
{
	if (!(c->state.hooks & 1u << kind))
		return 0;
	if (c->pidfd < 0 && container_find(c, e) < 0)
		return -1;
	if (c->pidfd < 0)
		return err_set(e, ERR_STOPPED, "container not running");
	return hooks_run(c, kind, status, c->pidfd, e);
}

/* The socket that `create` has mounted a place for; -1 = there is nothing to pass on. */
static int listen_for_ready(struct container *c, int *ret, struct err *e)
{
	const char *manager = getenv("NOTIFY_SOCKET");

	*ret = -1;
	if (!manager || !*manager || faccessat(c->dir, "notify", F_OK, 0) < 0)
		return 0;
	if (container_find(c, e) < 0)
		return -1;
	*ret = notify_listen(c->dir, e);
	return *ret < 0 ? -1 : 0;
}

/* The container is ours to start. */
static int go_on(struct container *c, int fd, struct err *e)
{
	static const char byte = SYNC_START;
	auto_fd notify = -1;

	if (run_hooks(c, HOOK_START_CONTAINER, "created", e) < 0)
		return -1;
	if (listen_for_ready(c, &notify, e) < 0)
		return -1;
	if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
		return err_sys(e, errno, "container \"%s\": start its init", c->id);
	if (hear_init(c, fd, e) < 0)
		return -1;
	if (run_hooks(c, HOOK_POSTSTART, "running", e) < 0)
		return -1;
	if (notify >= 0)
		notify_wait(c->skiff, notify, c->pid, c->pidfd);
	return 0;
}

static int start(struct container *c, struct err *e)
{
	auto_fd fd = -1;

	if (container_load(c, e) < 0 || container_status(c, e) < 0)
		return -1;
	if (c->status != STATUS_CREATED)
		return not_created(c, e);
	if (connect_start(c, &fd, e) < 0)
		return -1;
	if (unlinkat(c->dir, "start", 0) < 0)
		return errno == ENOENT
			       ? err_set(e, ERR_STATE,
					 "cannot start an already running container")
			       : err_sys(e, errno, "container \"%s\": unlink start",
					 c->id);
	if (go_on(c, fd, e) == 0)
		return 0;
	/* A container that could not be started is stopped (runtime.md, Lifecycle). */
	struct err ignored;
	container_kill_all(c, &ignored);
	return -1;
}

int skiff_start(struct skiff *s, const char *id, struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct err err;

	if (container_open(s, id, &c, &err) < 0 || start(&c, &err) < 0)
		return sk_fail(s, &err, e);
	return 0;
}

int skiff_state(struct skiff *s, const char *id, const char **ret, struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct err err;
	struct buf b;

	if (container_open(s, id, &c, &err) < 0 || container_load(&c, &err) < 0 ||
	    container_status(&c, &err) < 0)
		return sk_fail(s, &err, e);
	if (!c.has_state) {
		err_set(&err, ERR_STATE,
			"container \"%s\" is not complete: its creation was interrupted; "
			"\"skiff delete --force %s\" removes what is left",
			id, id);
		return sk_fail(s, &err, e);
	}
	buf_init(&b, &s->arena, (size_t)16 << 20);
	state_report(&c, status_name(c.status), c.pid, JSON_PRETTY, &b);
	buf_char(&b, '\n');
	*ret = b.p;
	return 0;
}
