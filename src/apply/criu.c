/*
 * Speaking with criu, by way of skiff-criu: skiff starts both, so that a restored container is skiff's child and criu finds
 * skiff's descriptors (criu looks for them in /proc of the process that made its socket).
 */
#include "apply/criu.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/helper.h"
#include "base/fd.h"
#include "base/packet.h"

enum { HIGH_FD = 200, WORDS = 2304, WATCH_MS = 1000 };
/* Numbers in the helper: see src/helpers/criu.h. */
enum { TO_SKIFF = 0, TO_CRIU = 3, FAULT = 4 };

static const char helper_name[] = "skiff-criu";

/* --- starting --- */

int criu_find(struct arena *arena, const char **ret, struct err *e)
{
	/* Engines start their runtime with hardly any environment. */
	static const char usual[] =
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	const char *path = getenv("PATH");
	const char *all = arena_printf(arena, "%s:%s", path ? path : "", usual);

	for (const char *at = all; *at; at += strcspn(at, ":"), at += *at == ':') {
		*ret = arena_printf(arena, "%.*s/criu", (int)strcspn(at, ":"), at);
		if (*at == '/' && !access(*ret, X_OK))
			return 0;
	}
	return err_set(
		e, ERR_HOST,
		"criu is not installed: checkpoint and restore need the program criu, "
		"of the package criu, in PATH");
}

static char *variable(struct arena *arena, const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return arena_printf(arena, "%s=%s", name, value ? value : otherwise);
}

/* criu starts iptables, tar and others by their names, and looks for its configuration in HOME. */
static char **environment(struct arena *arena)
{
	char **env = arena_array(arena, 3, sizeof(*env));

	env[0] = variable(arena, "PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
	env[1] = variable(arena, "HOME", "/root");
	return env;
}

static int start_talk(const char *path, int skiff, int criu, struct criu *c,
		      struct err *e)
{
	char *argv[] = { (char *)helper_name, "talk", NULL };
	struct helper_fd fds[] = { { skiff, TO_SKIFF }, { criu, TO_CRIU } };
	int r = helper_start(path, argv, NULL, fds, 2, &c->helper);

	return r ? err_sys(e, r, "start %s", path) : 0;
}

/* Moves must not hit the source of a later one: all of them are copied to high numbers first. */
static size_t high_copies(const struct criu_start *how, int fault, struct helper_fd *ret)
{
	const int all[] = { fault, how->images, how->work };
	const int to[] = { FAULT, CRIU_IMAGES, CRIU_WORK };
	size_t n = 0;

	for (size_t i = 0; i < 3; i++)
		ret[n++] = (struct helper_fd){ all[i], to[i] };
	if (how->status > 0)
		ret[n++] = (struct helper_fd){ how->status, CRIU_STATUS };
	for (size_t i = 0; i < how->n_fds; i++)
		ret[n++] = (struct helper_fd){ how->fds[i], CRIU_FIRST_FD + (int)i };
	for (size_t i = 0; i < n; i++)
		ret[i].from = fcntl(ret[i].from, F_DUPFD_CLOEXEC, HIGH_FD);
	return n;
}

static int start_run(const char *path, const struct criu_start *how, int fault,
		     struct arena *arena, struct criu *c, struct err *e)
{
	char **argv = arena_array(arena, how->n_stage + 4, sizeof(*argv));
	struct helper_fd *fds = arena_array(arena, how->n_fds + 4, sizeof(*fds));
	size_t n = high_copies(how, fault, fds);
	int r;

	argv[0] = (char *)helper_name;
	argv[1] = "run";
	argv[2] = (char *)how->program;
	for (size_t i = 0; i < how->n_stage; i++)
		argv[3 + i] = (char *)how->stage[i];
	r = helper_start(path, argv, environment(arena), fds, n, &c->pid);
	for (size_t i = 0; i < n; i++)
		fd_close(&fds[i].from);
	return r ? err_sys(e, r, "start %s", path) : 0;
}

/* A socket pair far above the numbers that the helpers get: no move hits the source of a later one. */
static int make_pair(int type, int *ret_a, int *ret_b, struct err *e)
{
	int pair[2], *to[] = { ret_a, ret_b };

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "socketpair");
	for (int i = 0; i < 2; i++) {
		*to[i] = fcntl(pair[i], F_DUPFD_CLOEXEC, HIGH_FD);
		close(pair[i]);
	}
	return *ret_a < 0 || *ret_b < 0 ? err_sys(e, EMFILE, "socketpair") : 0;
}

/* criu's socket, once criu is executed; or the helper says what kept it. */
static int hear_start(int fd, int *ret_criu, struct err *e)
{
	char words[WORDS], *rest;
	const struct iovec part = { words, sizeof(words) - 1 };
	ssize_t n;
	long error;
	int got;

	while ((n = packet_receive(fd, &part, 1, &got)) > 0) {
		if (got >= 0) {
			fd_close(ret_criu);
			*ret_criu = got;
		}
		words[n] = '\0';
		error = strtol(words, &rest, 10);
		if (error || *rest)
			return err_sys(e, (int)error, "%s", rest + (*rest == ' '));
	}
	return *ret_criu < 0 ? err_set(e, ERR_HOST,
				       "skiff-criu ended before it had executed criu")
			     : 0;
}

static int start_both(const struct criu_start *how, struct arena *arena, struct criu *c,
		      struct err *e)
{
	auto_fd talk = -1, criu = -1, low = -1, fault = -1, theirs = -1;
	const char *path;

	if (helper_find(helper_name, arena, &path, e) < 0 ||
	    make_pair(SOCK_SEQPACKET, &fault, &theirs, e) < 0 ||
	    start_run(path, how, theirs, arena, c, e) < 0)
		return -1;
	fd_close(&theirs);
	if (hear_start(fault, &low, e) < 0 ||
	    make_pair(SOCK_SEQPACKET, &c->talk, &talk, e) < 0)
		return -1;
	criu = fcntl(low, F_DUPFD_CLOEXEC, HIGH_FD);
	return start_talk(path, talk, criu, c, e);
}

int criu_open(const struct criu_start *how, struct arena *arena, struct criu *ret,
	      struct err *e)
{
	struct criu c = { .talk = -1 };

	if (start_both(how, arena, &c, e) < 0) {
		criu_close(&c);
		return -1;
	}
	*ret = c;
	return 0;
}

void criu_close(struct criu *c)
{
	fd_close(&c->talk);
	/* Children that nobody has waited for: the pids are theirs. The helper would hear of criu's end when children of
	 * criu's end, too, which may wait for ever. */
	for (int i = 0; i < 2; i++) {
		pid_t *pid = i ? &c->helper : &c->pid;

		if (*pid > 0) {
			kill(*pid, SIGKILL);
			helper_end(*pid);
		}
		*pid = 0;
	}
}

/* --- talking --- */

void criu_word(struct buf *request, const char *word)
{
	buf_add(request, word, strlen(word) + 1);
}

void criu_option(struct buf *request, const char *name, const char *form, ...)
{
	va_list ap;

	criu_word(request, name);
	va_start(ap, form);
	buf_vfmt(request, form, ap);
	va_end(ap);
	buf_char(request, '\0');
}

int criu_ask(const struct criu *c, const struct buf *request, struct err *e)
{
	ssize_t n;

	if (request->full)
		return err_set(e, ERR_CONFIG,
			       "there are too many mounts for a request to criu");
	do
		n = send(c->talk, request->p, request->len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_sys(e, errno, "ask skiff-criu") : 0;
}

/* criu itself has no time limit, and can wait for ever for a process that it could not restore: when its log says that it has
 * given up, or falls silent where nothing should take long, nobody waits on. */
static int await(const struct criu *c, struct err *e)
{
	struct criu_watch w = { .log = c->log, .lazy = c->lazy };
	struct pollfd p = { .fd = c->talk, .events = POLLIN };
	int r;

	for (;;) {
		r = poll(&p, 1, WATCH_MS);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return err_sys(e, errno, "wait for criu");
		if (!r && criu_watch(&w, WATCH_MS, e) < 0)
			return -1;
	}
}

int criu_hear(const struct criu *c, struct criu_said *ret, struct err *e)
{
	char words[WORDS];
	const struct iovec part = { words, sizeof(words) - 1 };
	int at = 0, error = 0;
	ssize_t n;

	*ret = (struct criu_said){ .fd = -1 };
	if (await(c, e) < 0)
		return -1;
	n = packet_receive(c->talk, &part, 1, &ret->fd);
	if (n <= 0)
		return err_set(e, ERR_HOST, "skiff-criu ended without an answer");
	words[n] = '\0';
	if (sscanf(words, "notify %47s %d", ret->point, &ret->pid) == 2)
		return 0;
	ret->end = true;
	if (sscanf(words, "done %d", &ret->pid) == 1)
		return 0;
	sscanf(words, "failed %d %n", &error, &at);
	error = error < 0 ? -error : error;
	err_set(e, ERR_HOST, "criu failed%s%s%s%s", at && words[at] ? ": " : "",
		words + at, error ? ": " : "", error ? strerror(error) : "");
	e->errnum = error;
	return -1;
}

int criu_go(const struct criu *c, struct err *e)
{
	ssize_t n;

	do
		n = send(c->talk, "go", 2, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_sys(e, errno, "answer skiff-criu") : 0;
}
