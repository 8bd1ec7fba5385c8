/*
 * --trace: every step of host and init with its time, in the Chrome trace format
 * (Perfetto opens it). The host's stamps are in memory; init's are in a page that both
 * share, so that tracing costs init one clock reading per stamp and nothing is said over
 * the socket. Without --trace no stamp is taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "apply/parts.h"
#include "base/fd.h"
#include "base/sys.h"

enum { LANE_HOST = 1, LANE_INIT = 2 };

struct span {
	int64_t begin, end;
};

struct trace {
	const char *path;
	struct arena *arena;
	struct span *host;
	size_t n_host;
	int64_t begin;
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

struct trace *trace_new(struct arena *arena, const char *path)
{
	struct trace *t = arena_new(arena, struct trace);

	t->path = path;
	t->arena = arena;
	t->begin = now();
	return t;
}

void trace_start(struct trace *t, size_t n_steps)
{
	t->host = arena_array(t->arena, n_steps + 1, sizeof(*t->host));
	t->n_host = n_steps;
}

void trace_stamp(struct trace *t, size_t step, bool end)
{
	*(end ? &t->host[step].end : &t->host[step].begin) = now();
}

/* The listener of a seccomp filter is handed over by the same page. */
static bool hands_over(const struct plan *p)
{
	for (size_t i = 0; i < p->init.n; i++)
		if (p->init.v[i].op == OP_SECCOMP && p->init.v[i].word[1])
			return true;
	return false;
}

int trace_page_make(struct apply *a, struct err *e)
{
	size_t size = sizeof(*a->page) + a->plan->init.n * sizeof(a->page->steps[0]);
	auto_fd fd = -1;
	void *page;

	if (!a->trace && !hands_over(a->plan))
		return 0;
	fd = (int)sys_memfd_create("skiff-trace", 1 /* MFD_CLOEXEC */);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		return err_sys(e, fd < 0 ? -fd : errno, "make the page shared with init");
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return err_sys(e, errno, "map the page shared with init");
	a->page = page;
	a->page_size = size;
	a->page->stamping = a->trace != NULL;
	slot_set(a, SLOT_TRACE, fd_take(&fd));
	return 0;
}

/* Times in microseconds with three digits behind the point. */
static void print_us(struct buf *b, const char *key, int64_t ns)
{
	buf_fmt(b, ",\"%s\":%" PRId64 ".%03d", key, ns / 1000, (int)(ns % 1000));
}

static void print_step(struct buf *b, const struct trace *t, const struct plan *p,
		       const struct step *s, const struct span *at, int lane)
{
	struct buf words;

	if (!at->begin || at->end < at->begin)
		return;
	buf_init(&words, t->arena, 1024);
	plan_print_step(p, s, &words);
	buf_str(b, ",\n{\"ph\":\"X\",\"cat\":\"step\",\"name\":");
	buf_json(b, op_info((enum op)s->op)->name);
	buf_fmt(b, ",\"pid\":1,\"tid\":%d", lane);
	print_us(b, "ts", at->begin - t->begin);
	print_us(b, "dur", at->end - at->begin);
	buf_str(b, ",\"args\":{\"origin\":");
	buf_json(b, plan_text(p, s->origin));
	buf_str(b, ",\"what\":");
	buf_json(b, words.p);
	buf_str(b, "}}");
}

static void print_lane(struct buf *b, int lane, const char *name)
{
	buf_fmt(b,
		"%s\n{\"ph\":\"M\",\"pid\":1,\"tid\":%d,\"name\":\"thread_name\","
		"\"args\":{\"name\":\"%s\"}}",
		lane == LANE_HOST ? "" : ",", lane, name);
}

static void print(struct buf *b, const struct trace *t, const struct apply *a)
{
	const struct plan *p = a->plan;

	buf_str(b, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
	print_lane(b, LANE_HOST, "skiff");
	print_lane(b, LANE_INIT, "init");
	for (size_t i = 0; i < t->n_host; i++)
		print_step(b, t, p, &p->host.v[i], &t->host[i], LANE_HOST);
	for (size_t i = 0; a->page && i < p->init.n; i++) {
		/* A copy: init may be writing. */
		struct span at = { a->page->steps[i].begin, a->page->steps[i].end };

		print_step(b, t, p, &p->init.v[i], &at, LANE_INIT);
	}
	buf_str(b, "\n]}\n");
}

int trace_write(struct trace *t, const struct apply *a, struct err *e)
{
	auto_fd fd = open(t->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct buf b;
	int r;

	if (fd < 0)
		return err_sys(e, errno, "open trace file %s", t->path);
	buf_init(&b, t->arena, (size_t)32 << 20);
	print(&b, t, a);
	r = fd_write_all(fd, b.p, b.len);
	return r < 0 ? err_sys(e, -r, "write trace file %s", t->path) : 0;
}
