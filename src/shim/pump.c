/*
 * One direction of a stream. The kernel moves the bytes (splice(2)) where a pipe is on one side; a terminal's are read and written.
 * While the reader is slow, only the writing side is watched, and the container waits: nothing is kept in memory.
 */
#include "shim/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"

enum { HELD = 4096, SPLICE = 65536 };

bool pump_is_open(const struct pump *p)
{
	return p->from.fd >= 0;
}

void pump_close(struct pump *p)
{
	loop_remove(&p->from);
	loop_remove(&p->to);
	fd_close(&p->from.fd);
	fd_close(&p->to.fd);
}

static void end(struct pump *p)
{
	struct stdio *s = p->stdio;

	pump_close(p);
	if (!stdio_is_busy(s) && s->drained)
		s->drained(s);
}

/* > 0: some went; 0: the end; -EAGAIN: nothing to read, or nowhere to write. */
static ssize_t splice_some(struct pump *p)
{
	ssize_t n = splice(p->from.fd, NULL, p->to.fd, NULL, SPLICE, SPLICE_F_NONBLOCK);

	return n < 0 ? -errno : n;
}

static ssize_t copy_some(struct pump *p)
{
	ssize_t n;

	if (p->held_at == p->held_len) {
		n = read(p->from.fd, p->held, HELD);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		p->held_at = 0;
		p->held_len = (size_t)n;
	}
	n = write(p->to.fd, p->held + p->held_at, p->held_len - p->held_at);
	if (n < 0)
		return -errno;
	p->held_at += (size_t)n;
	return n;
}

static void wait_for_room(struct pump *p)
{
	loop_remove(&p->from);
	/* A file is never full. */
	if (loop_add(&p->to, EPOLLOUT) < 0)
		end(p);
}

static void on_room(struct watch *w, uint32_t events)
{
	struct pump *p = OWNER(w, struct pump, to);

	(void)events;
	loop_remove(w);
	loop_add(&p->from, EPOLLIN);
}

static void on_bytes(struct watch *w, uint32_t events)
{
	struct pump *p = OWNER(w, struct pump, from);
	ssize_t n = p->by_hand ? copy_some(p) : splice_some(p);

	(void)events;
	if (n == -EINVAL && !p->by_hand) {
		/* A file that splice does not take. */
		p->by_hand = true;
		if (!p->held)
			p->held = arena_alloc(p->stdio->arena, HELD);
		return;
	}
	if (n == -EAGAIN)
		wait_for_room(p);
	else if (n <= 0 && n != -EINTR)
		end(p); /* EIO: the last process has closed the terminal. */
	else if (p->by_hand && p->held_at < p->held_len)
		wait_for_room(p);
}

void pump_start(struct pump *p, struct stdio *s, int from, int to, bool by_hand)
{
	*p = (struct pump){
		.from = { .fd = from, .ready = on_bytes },
		.to = { .fd = to, .ready = on_room },
		.by_hand = by_hand,
		.held = by_hand ? arena_alloc(s->arena, HELD) : NULL,
		.stdio = s,
	};
	fcntl(from, F_SETFL, fcntl(from, F_GETFL) | O_NONBLOCK);
	fcntl(to, F_SETFL, fcntl(to, F_GETFL) | O_NONBLOCK);
	loop_add(&p->from, EPOLLIN);
}
