/*
 * HOST steps about systemd: the conversation with skiff-systemd (src/helpers/systemd.c), one request and one answer for each
 * unit.
 */
#include "apply/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include "apply/helper.h"
#include "apply/parts.h"
#include "base/clock.h"
#include "base/fd.h"

enum { WORDS = 2048, REQUEST_MAX = 128 * 1024, ADDRESSES_MAX = 8, GONE_MS = 2000 };

/* --- the helper --- */

static int start_helper(char *const *addresses, size_t n, struct arena *arena,
			pid_t *ret_pid, struct err *e)
{
	static char name[] = "skiff-systemd";
	char *argv[ADDRESSES_MAX + 2] = { name };
	auto_fd ours = -1, theirs = -1;
	struct helper_fd fd;
	const char *path;
	int pair[2], r;

	if (helper_find(name, arena, &path, e) < 0)
		return -1;
	for (size_t i = 0; i < n && i < ADDRESSES_MAX; i++)
		argv[i + 1] = addresses[i];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "socketpair");
	ours = pair[0];
	theirs = pair[1];
	fd = (struct helper_fd){ theirs, 0 };
	r = helper_start(path, argv, NULL, &fd, 1, ret_pid);
	if (r)
		return err_sys(e, r, "start %s", path);
	return fd_take(&ours);
}

static int hear(int fd, struct err *e)
{
	char words[WORDS];
	const char *rest;
	int error = helper_hear(fd, words, sizeof(words), &rest);

	if (error < 0)
		return err_set(e, ERR_HOST, "skiff-systemd ended without an answer");
	if (!error)
		return 0;
	err_set(e, ERR_HOST, "systemd:%s%s", rest,
		error == ENOENT || error == ECONNREFUSED
			? " (is systemd there, and this user's session? Else use "
			  "--cgroup-manager cgroupfs)"
			: "");
	e->errnum = error;
	return -1;
}

/* The request and its answer. */
static int ask(int fd, const struct buf *request, struct err *e)
{
	ssize_t n = -1;

	if (request->full)
		err_set(e, ERR_CONFIG, "the properties of the unit are too long");
	else
		n = send(fd, request->p, request->len, MSG_NOSIGNAL);
	if (n < 0 && !request->full)
		err_sys(e, errno, "ask skiff-systemd");
	return n < 0 ? -1 : hear(fd, e);
}

static void add_word(struct buf *b, const char *word)
{
	buf_add(b, word, strlen(word) + 1);
}

/* --- the steps --- */

int host_unit_open(struct apply *a, const struct step *s, struct err *e)
{
	char *addresses[ADDRESSES_MAX];
	const char *at = text_of(a, s->str[1]);
	size_t n = s->word[1] < ADDRESSES_MAX ? s->word[1] : ADDRESSES_MAX;
	int fd;

	for (size_t i = 0; i < n; i++, at += strlen(at) + 1)
		addresses[i] = arena_strdup(a->arena, at);
	fd = start_helper(addresses, n, a->arena, &a->unit_helper, e);
	if (fd < 0)
		return -1;
	slot_set(a, s->slot[0], fd);
	a->made[s - a->plan->host.v] = true;
	a->unit = text_of(a, s->str[0]);
	buf_init(&a->properties, a->arena, REQUEST_MAX);
	return 0;
}

int host_unit_property(struct apply *a, const struct step *s, struct err *e)
{
	const char *at = text_of(a, s->str[1]);

	(void)e;
	add_word(&a->properties, text_of(a, s->str[0]));
	for (uint64_t i = 0; i < s->word[0]; i++, at += strlen(at) + 1)
		add_word(&a->properties, at);
	return 0;
}

/* A job that is "done" with init elsewhere would leave it without limits. */
static int check_place(struct apply *a, const char *dir, struct err *e)
{
	char text[64];
	ssize_t n = fd_read_line(AT_FDCWD, arena_printf(a->arena, "%s/cgroup.procs", dir),
				 text, sizeof(text));

	if (n < 0)
		return err_sys(e, (int)-n,
			       "systemd has started %s, but its cgroup is not at %s",
			       a->unit, dir);
	for (const char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n')
		if (strtol(s, NULL, 10) == (long)a->pid)
			return 0;
	return err_set(e, ERR_HOST, "systemd has started %s, but init is not in %s",
		       a->unit, dir);
}

/* The status of its end: not 0 when it failed at what it was asked for, or at the way back. */
static int end_helper(struct apply *a)
{
	pid_t helper = a->unit_helper;

	slot_set(a, SLOT_UNIT, -1);
	a->unit_helper = 0;
	return helper_end(helper);
}

/* With one more word, if any, and the properties that were collected. The helper stays. */
static int send_request(struct apply *a, const char *verb, const char *pid,
			const char *word, struct err *e)
{
	struct buf request;

	buf_init(&request, a->arena, REQUEST_MAX);
	add_word(&request, verb);
	add_word(&request, a->unit);
	if (pid)
		add_word(&request, pid);
	if (word)
		add_word(&request, word);
	buf_add(&request, a->properties.p, a->properties.len);
	request.full |= a->properties.full;
	return ask(slot_of(a, SLOT_UNIT), &request, e);
}

static const char *own_pid(const struct apply *a)
{
	return arena_printf(a->arena, "%d", (int)a->pid);
}

int host_unit_set(struct apply *a, const struct step *s, struct err *e)
{
	(void)s;
	if (!send_request(a, "set", NULL, NULL, e))
		return 0;
	end_helper(a);
	return -1;
}

int host_unit_keep(struct apply *a, const struct step *s, struct err *e)
{
	static const char word[] = "keep";
	ssize_t n;

	do
		n = send(slot_of(a, s->slot[0]), word, sizeof(word), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, errno, "skiff-systemd has put the properties back");
	end_helper(a);
	return 0;
}

int host_unit_attach(struct apply *a, const struct step *s, struct err *e)
{
	int r = send_request(a, "attach", own_pid(a), text_of(a, s->str[1]), e);

	end_helper(a);
	return r;
}

int host_unit_start(struct apply *a, const struct step *s, struct err *e)
{
	const char *dir = arena_printf(a->arena, "%s%s", text_of(a, s->str[0]),
				       text_of(a, s->str[1]));
	int r = send_request(a, "start", own_pid(a), NULL, e);

	end_helper(a);
	/* Also of a job that was not waited for to the end; but a unit that was there before is somebody else's. */
	if (!r || e->errnum != EEXIST)
		a->unit_dir = dir;
	return r < 0 ? -1 : check_place(a, dir, e);
}

void unit_undo(struct apply *a, const struct step *open, struct err *e)
{
	strs addresses = { .v = arena_array(a->arena, ADDRESSES_MAX, sizeof(char *)) };
	const char *at = text_of(a, open->str[1]);
	size_t n = strlen(e->msg);
	struct err ignored;

	if (a->unit_helper && end_helper(a))
		snprintf(e->msg + n, sizeof(e->msg) - n,
			 "; the properties of %s could not be put back", a->unit);
	if (!a->unit_dir)
		return;
	for (; addresses.n < open->word[1] && addresses.n < ADDRESSES_MAX;
	     at += strlen(at) + 1)
		addresses.v[addresses.n++] = arena_strdup(a->arena, at);
	unit_end(a->unit, a->unit_dir, &addresses, GONE_MS, a->arena, &ignored);
}

/* --- the end --- */

/* Whether the directory is gone in time. */
static bool goes_away(const char *dir, int timeout_ms)
{
	long long end = clock_ms() + timeout_ms, left = timeout_ms;
	auto_fd watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd p = { watch, POLLIN, 0 };
	char events[4096];

	if (watch >= 0)
		inotify_add_watch(watch, dir, IN_DELETE_SELF | IN_ONLYDIR);
	while (left > 0 && !access(dir, F_OK)) {
		/* Not only the event: a directory may go without one. */
		poll(&p, 1, left < 100 ? (int)left : 100);
		while (watch >= 0 && read(watch, events, sizeof(events)) > 0)
			;
		left = end - clock_ms();
	}
	return access(dir, F_OK) < 0;
}

int unit_end(const char *unit, const char *dir, const strs *addresses, int timeout_ms,
	     struct arena *arena, struct err *e)
{
	struct buf request;
	auto_fd fd = -1;
	pid_t pid;
	int r;

	if (access(dir, F_OK) < 0 || goes_away(dir, timeout_ms))
		return 0;
	fd = start_helper(addresses->v, addresses->n, arena, &pid, e);
	if (fd < 0)
		return -1;
	buf_init(&request, arena, REQUEST_MAX);
	add_word(&request, "stop");
	add_word(&request, unit);
	r = ask(fd, &request, e);
	fd_close(&fd);
	helper_end(pid);
	return r;
}
