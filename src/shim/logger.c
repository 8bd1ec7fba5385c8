/*
 * "binary:///path?key=value": a program that gets the output. It has stdout's and stderr's pipes as descriptors 3 and 4, and closes
 * (or, binary-v2, writes a byte to) descriptor 5 when it is ready. Its arguments are the query's words.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "shim/stdio.h"

enum { ARGS_MAX = 64, READY_MS = 10000, HIGH = 10 };

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. */
static char *decode(char *s)
{
	char *to = s;

	for (const char *p = s; *p; p++) {
		if (*p == '%' && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
			*to++ = (char)(hex(p[1]) << 4 | hex(p[2]));
			p += 2;
		} else {
			*to++ = *p == '+' ? ' ' : *p;
		}
	}
	*to = '\0';
	return s;
}

/* {path, key, value, key, value, ..., NULL}; NULL = too many */
static char **arguments(const char *uri, struct arena *arena)
{
	char **argv = arena_array(arena, ARGS_MAX + 2, sizeof(*argv));
	char *path = arena_strdup(arena, strstr(uri, "://") + 3), *rest;
	char *query = strchr(path, '?');
	size_t n = 0;

	if (query)
		*query++ = '\0';
	argv[n++] = decode(path);
	for (char *pair = query ? strtok_r(query, "&", &rest) : NULL; pair;
	     pair = strtok_r(NULL, "&", &rest)) {
		char *value = strchr(pair, '=');

		if (n >= ARGS_MAX)
			return NULL;
		if (value)
			*value++ = '\0';
		argv[n++] = decode(pair);
		if (value)
			argv[n++] = decode(value);
	}
	return argv;
}

static int spawn(char **argv, char *const *env, const int fds[3], pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, defaults;
	int r;

	sigemptyset(&none);
	sigfillset(&defaults);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&files, fds[i], 3 + i);
	r = posix_spawn(ret, argv[0], &files, &attr, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return r;
}

/* --- waiting --- */

void logger_forget(struct logger *l)
{
	timer_stop(&l->limit);
	loop_remove(&l->ready);
	fd_close(&l->ready.fd);
	fd_close(&l->pidfd);
}

/* Closed, or written to. */
static void on_ready(struct watch *w, uint32_t events)
{
	struct logger *l = OWNER(w, struct logger, ready);
	struct err e = { 0 };
	bool good;
	char c;

	(void)events;
	good = read(w->fd, &c, 1) > 0 || !l->byte;
	logger_forget(l);
	if (!good)
		err_set(&e, ERR_HOST, "logger %s ended before it was ready", l->path);
	l->done(l, good ? NULL : &e);
}

static void on_limit(struct timer *t)
{
	struct logger *l = OWNER(t, struct logger, limit);
	struct err e = { 0 };

	sys_pidfd_send_signal(l->pidfd, SIGKILL, NULL, 0);
	logger_forget(l);
	err_set(&e, ERR_HOST, "logger %s is not ready after %d s", l->path,
		READY_MS / 1000);
	l->done(l, &e);
}

static int wait_until_ready(struct logger *l, int *ready, pid_t pid)
{
	l->pidfd = (int)sys_pidfd_open(pid, 0);
	l->ready = (struct watch){ .fd = fd_take(ready), .ready = on_ready };
	l->limit.due = on_limit;
	timer_set(&l->limit, READY_MS);
	return loop_add(&l->ready, EPOLLIN);
}

int logger_start(struct logger *l, const char *uri, char *const env[], const int ends[2],
		 struct arena *arena, struct err *e)
{
	char **argv = arguments(uri, arena);
	int from[3], ready[2], r;
	pid_t pid;

	if (!argv)
		return err_set(e, ERR_CONFIG, "%s: more than %d arguments", uri,
			       ARGS_MAX);
	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_sys(e, errno, "pipe");
	/* Above those that they become. */
	from[0] = fcntl(ends[0], F_DUPFD_CLOEXEC, HIGH);
	from[1] = fcntl(ends[1], F_DUPFD_CLOEXEC, HIGH);
	from[2] = fcntl(ready[1], F_DUPFD_CLOEXEC, HIGH);
	fd_close(&ready[1]);
	r = spawn(argv, env, from, &pid);
	fd_close_all(from, 3);
	l->path = argv[0];
	l->byte = !strncmp(uri, "binary-v2:", 10);
	if (!r)
		r = -wait_until_ready(l, &ready[0], pid);
	fd_close(&ready[0]);
	return r ? err_sys(e, r, "start logger %s", argv[0]) : 0;
}
