/*
 * The conversation with init: one packet per message over a socketpair, fixed headers,
 * lengths checked. What comes from init is not trusted after the pivot: it can at most
 * make its own container fail.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "apply/parts.h"
#include "base/fd.h"
#include "base/packet.h"
#include "base/sys.h"

enum { TEXT_SIZE = 2200, LISTENER_TRIES = 40000, LISTENER_PAUSE_NS = 100000 };

int talk_read(int fd, struct report *ret, char *text, size_t size, int *ret_fd,
	      struct err *e)
{
	const struct iovec parts[] = { { ret, sizeof(*ret) }, { text, size - 3 } };
	ssize_t n = packet_receive(fd, parts, 2, ret_fd);

	if (n < 0)
		return err_sys(e, (int)-n, "hear from init");
	if (!n)
		return 0;
	if ((size_t)n < sizeof(*ret))
		return err_set(e, ERR_INIT, "init said something that is no report");
	/* Three strings end here at the latest. */
	memset(text + (n - (ssize_t)sizeof(*ret)), 0, 3);
	return 1;
}

static int lost_it(struct apply *a, struct err *e)
{
	a->init_failed = true;
	return words_died(a, e);
}

static int failed(struct apply *a, const struct report *r, const char *text,
		  struct err *e)
{
	a->init_failed = true;
	a->failed_step = r->step;
	return talk_failure(a->plan, r, text, e);
}

/* Init has put a process in its place, whose pid is r->value; it is our child. The old
 * one has left. */
static int take_payload(struct apply *a, const struct report *r, struct err *e)
{
	auto_fd fd = (int)sys_pidfd_open(r->value, 0);
	siginfo_t info;

	if (r->value <= 0 || fd < 0)
		return err_sys(e, fd < 0 ? -fd : EINVAL,
			       "follow init into its pid namespace");
	/* Whoever took init over may name any process, which we would follow and kill. */
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | WNOWAIT | WNOHANG) < 0)
		return err_set(
			e, ERR_INIT,
			"init named process %d as what it became, which is none of our "
			"children",
			r->value);
	while (waitpid(a->pid, NULL, 0) < 0 && errno == EINTR)
		;
	a->pid = a->payload = r->value;
	a->has_payload = true;
	if (a->payload_pidfd >= 0) {
		close(a->payload_pidfd);
		a->payload_pidfd = fd_take(&fd);
	} else {
		slot_set(a, SLOT_PIDFD, fd_take(&fd));
	}
	return 0;
}

/* Reads on until init has reached `point`. */
static int hear(struct apply *a, enum sync point, struct report *ret, struct err *e)
{
	char text[TEXT_SIZE];

	for (;;) {
		int got = talk_read(slot_of(a, SLOT_TALK), ret, text, sizeof(text), NULL,
				    e);

		if (got <= 0)
			return got < 0 ? -1 : lost_it(a, e);
		if (!ret->what)
			return failed(a, ret, text, e);
		if (ret->what == SYNC_PAYLOAD && take_payload(a, ret, e) < 0)
			return -1;
		if (ret->what == (uint8_t)point)
			return 0;
		/* When the payload's pid is told depends on when the filter can be
		 * loaded. */
		if (ret->what != SYNC_PAYLOAD)
			return err_set(e, ERR_INIT, "init said \"%s\" before \"%s\"",
				       sync_name((enum sync)ret->what), sync_name(point));
	}
}

/* --- the seccomp listener --- */

/* A failure that waits to be read; "executing" may stand before it and is left. */
static bool has_failed(int fd)
{
	uint8_t what;
	ssize_t n = recv(fd, &what, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n == 1 && !what);
}

/* Init makes no system call now, so it cannot say when the filter is loaded: the
 * number comes into being. */
static int take_listener(struct apply *a, int number, struct err *e)
{
	int pidfd = a->payload_pidfd >= 0 ? a->payload_pidfd : slot_of(a, SLOT_PIDFD);
	struct timespec pause = { 0, LISTENER_PAUSE_NS };
	struct report r;
	long fd = -1;

	for (int i = 0; i < LISTENER_TRIES; i++) {
		fd = sys_pidfd_getfd(pidfd, number, 0);
		if (fd >= 0)
			break;
		if (has_failed(slot_of(a, SLOT_TALK)))
			return hear(a, SYNC_TAKEN, &r, e);
		nanosleep(&pause, NULL);
	}
	if (fd < 0)
		return err_sys(e, (int)-fd, "take the seccomp listener from init");
	a->listener = (int)fd;
	return 0;
}

int host_listener_send(struct apply *a, const struct step *s, struct err *e)
{
	auto_fd listener = fd_take(&a->listener), sock = -1;

	sock = connect_to(text_of(a, s->str[0]), SOCK_STREAM, e);
	if (sock < 0)
		return -1;
	if (!a->calls || !a->calls->listener)
		return err_set(e, ERR_GENERAL, "nobody hands over the listener");
	return a->calls->listener(a, sock, listener, e);
}

/* --- operations --- */

int host_wait(struct apply *a, const struct step *s, struct err *e)
{
	enum sync point = (enum sync)s->word[0];
	struct report r;

	if (point == SYNC_PAYLOAD && a->has_payload)
		return 0;
	if (point == SYNC_EXEC)
		return talk_until_exec(a, e);
	if (hear(a, point, &r, e) < 0)
		return -1;
	return point == SYNC_LISTENER ? take_listener(a, r.value, e) : 0;
}

int host_tell(struct apply *a, const struct step *s, struct err *e)
{
	uint8_t point = (uint8_t)s->word[0];

	if (point == SYNC_TAKEN) {
		__atomic_store_n(&a->page->taken, 1, __ATOMIC_RELEASE);
		return 0;
	}
	while (send(slot_of(a, SLOT_TALK), &point, 1, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return err_sys(e, errno, "tell init \"%s\"",
				       sync_name((enum sync)point));
	return 0;
}

int host_tty_take(struct apply *a, const struct step *s, struct err *e)
{
	char text[TEXT_SIZE];
	struct report r;
	int fd, got = talk_read(slot_of(a, SLOT_TALK), &r, text, sizeof(text), &fd, e);

	(void)s;
	if (got <= 0)
		return got < 0 ? -1 : lost_it(a, e);
	if (!r.what || r.what != SYNC_TTY || fd < 0) {
		fd_close(&fd);
		return r.what ? err_set(e, ERR_INIT, "init sent no terminal")
			      : failed(a, &r, text, e);
	}
	if (a->calls && a->calls->tty_take)
		return a->calls->tty_take(a, fd, e);
	close(fd);
	return 0;
}

int talk_until_exec(struct apply *a, struct err *e)
{
	bool executing = false;
	char text[TEXT_SIZE];
	struct report r;

	for (;;) {
		int got = talk_read(slot_of(a, SLOT_TALK), &r, text, sizeof(text), NULL,
				    e);

		if (got < 0)
			return -1;
		if (!got)
			return executing ? 0 : lost_it(a, e);
		if (!r.what)
			return failed(a, &r, text, e);
		if (r.what == SYNC_PAYLOAD && take_payload(a, &r, e) < 0)
			return -1;
		if (r.what == SYNC_MOUNTED && a->mounted && r.step < a->plan->init.n)
			a->mounted[r.step] = (uint64_t)r.value;
		executing |= r.what == SYNC_EXEC;
	}
}

void talk_prefer_init(struct apply *a, struct err *e)
{
	struct pollfd p = { .fd = slot_of(a, SLOT_TALK), .events = POLLIN };
	char text[TEXT_SIZE];
	struct report r;
	struct err ignored;

	if (a->init_failed || a->pid < 0)
		return;
	while (poll(&p, 1, 0) == 1 &&
	       talk_read(p.fd, &r, text, sizeof(text), NULL, &ignored) == 1) {
		if (r.what == SYNC_PAYLOAD)
			take_payload(a, &r, &ignored);
		if (r.what)
			continue;
		*e = (struct err){ 0 };
		failed(a, &r, text, e);
		return;
	}
}
