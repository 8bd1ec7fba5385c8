/*
 * The container's readiness is passed on (sd_notify(3)): its socket is heard until it says READY=1, and the service manager
 * gets that with the pid of the container's process, which the container cannot know. Nothing else is passed on: the
 * manager's unit is the engine's, not the container's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/container.h"
#include "runtime/notify.h"

enum { BARRIER_MS = 5000, MESSAGE_MAX = 4096 };

static int connect_manager(const char *path, int *ret, struct err *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	auto_fd fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	size_t n = strlen(path);

	if ((*path != '/' && *path != '@') || n >= sizeof(to.sun_path))
		return err_set(e, ERR_HOST, "NOTIFY_SOCKET=%s is no socket's address",
			       path);
	if (fd < 0)
		return err_sys(e, errno, "socket");
	memcpy(to.sun_path, path, n);
	if (*path == '@')
		to.sun_path[0] = '\0';
	if (connect(fd, (struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) < 0)
		return err_sys(e, errno, "connect to NOTIFY_SOCKET=%s", path);
	*ret = fd_take(&fd);
	return 0;
}

/* Whoever sent a message must not be gone before the manager has looked who it was: it closes the pipe then. */
static void wait_for_manager(int sock)
{
	static const char barrier[] = "BARRIER=1";
	struct pollfd p = { .events = 0 };
	struct err ignored;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	p.fd = ends[0];
	if (!send_fd(sock, barrier, sizeof(barrier) - 1, ends[1], &ignored)) {
		close(ends[1]);
		(void)poll(&p, 1, BARRIER_MS);
	} else {
		close(ends[1]);
	}
	close(ends[0]);
}

static int tell_manager(pid_t pid, struct err *e)
{
	auto_fd sock = -1;
	char text[48];
	int n;

	if (connect_manager(getenv("NOTIFY_SOCKET"), &sock, e) < 0)
		return -1;
	n = snprintf(text, sizeof(text), "READY=1\nMAINPID=%d\n", (int)pid);
	if (send(sock, text, (size_t)n, MSG_NOSIGNAL) < 0)
		return err_sys(e, errno,
			       "tell NOTIFY_SOCKET that the container is ready");
	wait_for_manager(sock);
	return 0;
}

static bool says_ready(char *text)
{
	for (char *line = strtok_r(text, "\n", &text); line;
	     line = strtok_r(NULL, "\n", &text))
		if (!strcmp(line, "READY=1"))
			return true;
	return false;
}

/* 1 = ready, 0 = nothing more for now. Descriptors that come along are dropped by the kernel. */
static int hear(int fd)
{
	char text[MESSAGE_MAX + 1];
	ssize_t n;

	while ((n = recv(fd, text, MESSAGE_MAX, MSG_DONTWAIT)) >= 0 || errno == EINTR) {
		if (n < 0)
			continue;
		text[n] = '\0';
		if (says_ready(text))
			return 1;
	}
	return 0;
}

int notify_pass_on(int fd, pid_t pid, struct err *e)
{
	if (!hear(fd))
		return 0;
	return tell_manager(pid, e) < 0 ? -1 : 1;
}

void notify_wait(struct skiff *s, int fd, pid_t pid, int pidfd)
{
	struct pollfd p[] = { { fd, POLLIN, 0 }, { pidfd, POLLIN, 0 } };
	struct err e;
	int r = 0;

	while (!r) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
		r = notify_pass_on(fd, pid, &e);
		if (p[1].revents)
			break;
	}
	if (r < 0)
		sk_warn(s, "%s", e.msg);
}

int skiff_notify(struct skiff *s, const struct skiff_process *p, struct skiff_error *e)
{
	struct err err;
	int r = notify_pass_on(p->notify, p->pid, &err);

	return r < 0 ? sk_fail(s, &err, e) : r;
}
