/*
 * events: statistics in intervals, and out-of-memory kills as soon as the kernel tells them.
 * The stream ends with the container. Each sample has an arena of its own: a stream may last
 * for years.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fd.h"
#include "cgroup/cgroup.h"
#include "runtime/stats.h"

enum { LINE_SIZE_MAX = 16 << 20, NSEC = 1000000000 };

int64_t skiff_duration(const char *text)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "ns", 1 },  { "us", 1e3 }, { "\u00b5s", 1e3 }, { "ms", 1e6 },
		      { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 } };
	double sum = 0;

	if (!*text)
		return -1;
	while (*text) {
		size_t n = strspn(text, "0123456789."), unit = 0, i = 0;
		char *end;
		double v = strtod(text, &end);

		if (!n || end != text + n)
			return -1;
		text = end;
		while (text[unit] && !strchr("0123456789.", text[unit]))
			unit++;
		while (i < sizeof(units) / sizeof(units[0]) &&
		       (strlen(units[i].unit) != unit ||
			strncmp(text, units[i].unit, unit)))
			i++;
		if (i == sizeof(units) / sizeof(units[0]))
			return -1;
		sum += v * units[i].ns;
		text += unit;
	}
	return sum < 9e18 ? (int64_t)sum : -1;
}

/* Finds a container that has not ended. */
static int find(struct skiff *s, const char *id, struct container *c, struct err *e)
{
	if (container_open(s, id, c, e) < 0 || container_load(c, e) < 0 ||
	    container_hold(c, e) < 0)
		return -1;
	if (c->pidfd >= 0 && c->status != STATUS_CREATING)
		return container_no_cgroup(c, e);
	return err_set(e, ERR_STOPPED,
		       "container \"%s\" is not running: container not running (%s)", id,
		       status_name(c->status));
}

static void put_stats(const struct container *c, struct arena *arena, struct buf *b)
{
	struct stats_event event = { "stats", (char *)c->id, stats_read(c, arena) };

	buf_init(b, arena, LINE_SIZE_MAX);
	stats_print(&event, b);
}

int skiff_stats(struct skiff *s, const char *id, const char **ret, struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct err err;
	struct buf b;

	if (find(s, id, &c, &err) < 0)
		return sk_fail(s, &err, e);
	put_stats(&c, &s->arena, &b);
	*ret = b.p;
	return 0;
}

/* --- the stream --- */

struct stream {
	struct container *c;
	const struct skiff_events *o;
	struct oom_watch oom;
	struct timespec next;
};

static void add_interval(struct timespec *t, int64_t ns)
{
	t->tv_sec += (time_t)(ns / NSEC);
	t->tv_nsec += (long)(ns % NSEC);
	if (t->tv_nsec >= NSEC) {
		t->tv_sec++;
		t->tv_nsec -= NSEC;
	}
}

static struct timespec time_left(const struct stream *st)
{
	struct timespec now, left;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left = (struct timespec){ st->next.tv_sec - now.tv_sec,
				  st->next.tv_nsec - now.tv_nsec };
	if (left.tv_nsec < 0) {
		left.tv_sec--;
		left.tv_nsec += NSEC;
	}
	return left.tv_sec < 0 ? (struct timespec){ 0 } : left;
}

/* 0, -1, or what the caller's function said. */
static int send_event(struct stream *st, const char *type, struct err *e)
{
	auto_arena arena = { 0 };
	int r = arena_init(&arena);
	struct buf b;

	if (r < 0)
		return err_sys(e, -r, "reserve memory");
	if (!strcmp(type, "stats")) {
		put_stats(st->c, &arena, &b);
	} else {
		struct stats_event event = { (char *)type, (char *)st->c->id, NULL };

		buf_init(&b, &arena, LINE_SIZE_MAX);
		stats_print(&event, &b);
	}
	return st->o->call(st->o->ctx, b.p);
}

static int hear_oom(struct stream *st, struct err *e)
{
	return oom_watch_take(&st->oom) ? send_event(st, "oom", e) : 0;
}

/* One wait. 1 = the container has ended. */
static int step(struct stream *st, bool *ret_ended, struct err *e)
{
	struct pollfd p[2] = { { st->c->pidfd, POLLIN, 0 },
			       { st->oom.fd, st->oom.events, 0 } };
	struct timespec left = time_left(st);
	int n = ppoll(p, 2, &left, NULL), r = 0;

	if (n < 0)
		return errno == EINTR ? 0 : err_sys(e, errno, "poll");
	/* Also after the end: its cause may be this. */
	if (n)
		r = hear_oom(st, e);
	*ret_ended = n && p[0].revents;
	if (r || n)
		return r;
	add_interval(&st->next, st->o->interval_ns);
	return send_event(st, "stats", e);
}

/* Of the first cgroup that has a memory controller; none: its fd stays -1. */
static void open_oom(const struct state *state, struct oom_watch *ret)
{
	for (size_t i = 0; i < state->cgroups.n && ret->fd < 0; i++)
		oom_watch_open(state->cgroups.v[i].path, state->cgroups.v[i].v1, ret);
}

static void watch_memory(struct stream *st)
{
	open_oom(&st->c->state, &st->oom);
	if (st->oom.fd < 0)
		sk_warn(st->c->skiff,
			"container \"%s\" is in no cgroup with a memory controller: "
			"there will "
			"be no events of type oom",
			st->c->id);
}

static int run(struct stream *st, struct err *e)
{
	bool ended = false;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &st->next);
	add_interval(&st->next, st->o->interval_ns);
	while (!r && !ended)
		r = step(st, &ended, e);
	return r;
}

int skiff_events(struct skiff *s, const struct skiff_events *o, struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct stream st = { .c = &c, .o = o, .oom = { .dir = -1, .fd = -1 } };
	struct err err = { 0 };
	int r;

	if (o->interval_ns <= 0) {
		err_set(&err, ERR_CONFIG, "duration interval must be greater than 0");
		return sk_fail(s, &err, e);
	}
	if (find(s, o->id, &c, &err) < 0)
		return sk_fail(s, &err, e);
	watch_memory(&st);
	r = run(&st, &err);
	oom_watch_close(&st.oom);
	return r < 0 && *err.msg ? sk_fail(s, &err, e) : r;
}

/* --- for loops of others --- */

int skiff_oom_open(struct skiff *s, const char *id, struct skiff_oom *ret,
		   struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct oom_watch w = { .dir = -1, .fd = -1 };
	struct err err = { 0 };

	if (container_open(s, id, &c, &err) < 0 || container_load(&c, &err) < 0)
		return sk_fail(s, &err, e);
	open_oom(&c.state, &w);
	if (w.fd < 0) {
		err_set(&err, ERR_HOST, "container \"%s\" has no memory controller", id);
		return sk_fail(s, &err, e);
	}
	*ret = (struct skiff_oom){ sizeof(*ret), w.fd, !w.v1, w.dir, w.kills };
	return 0;
}

bool skiff_oom_take(struct skiff_oom *o)
{
	struct oom_watch w = {
		.dir = o->dir, .fd = o->fd, .v1 = !o->urgent, .kills = o->kills
	};
	bool found = oom_watch_take(&w);

	o->kills = w.kills;
	return found;
}

void skiff_oom_close(struct skiff_oom *o)
{
	fd_close(&o->fd);
	fd_close(&o->dir);
}
