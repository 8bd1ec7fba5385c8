/* epoll(7) for descriptors, a short list for timers. */
#include "shim/loop.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sys/epoll.h>

#include "base/clock.h"

static int epoll = -1;
static bool stopped;
static struct timer *timers;

int loop_init(void)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
	return epoll < 0 ? -errno : 0;
}

int loop_add(struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	if (epoll_ctl(epoll, w->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &e) < 0)
		return -errno;
	w->added = true;
	return 0;
}

void loop_remove(struct watch *w)
{
	if (w->added)
		epoll_ctl(epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->added = false;
}

void timer_stop(struct timer *t)
{
	struct timer **p = &timers;

	while (*p && *p != t)
		p = &(*p)->next;
	if (*p)
		*p = t->next;
	t->set = false;
}

void timer_set(struct timer *t, int ms)
{
	timer_stop(t);
	t->at = clock_ms() + ms;
	t->next = timers;
	t->set = true;
	timers = t;
}

/* Milliseconds until the next timer is due; -1 = there is none. */
static int next_timer(void)
{
	int64_t left = INT64_MAX, now = clock_ms();

	for (const struct timer *t = timers; t; t = t->next)
		if (t->at - now < left)
			left = t->at - now;
	if (left == INT64_MAX)
		return -1;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* One at a time: what is due may set and stop others. */
static bool run_timer(void)
{
	int64_t now = clock_ms();

	for (struct timer *t = timers; t; t = t->next)
		if (t->at <= now) {
			timer_stop(t);
			t->due(t);
			return true;
		}
	return false;
}

void loop_run(void)
{
	while (!stopped) {
		struct epoll_event e;
		/* One event a time: what it removes cannot be the next of a batch. */
		int n = epoll_wait(epoll, &e, 1, next_timer());

		if (n > 0) {
			struct watch *w = e.data.ptr;

			w->ready(w, e.events);
		}
		while (run_timer())
			;
	}
}

void loop_stop(void)
{
	stopped = true;
}
