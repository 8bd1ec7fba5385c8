/*
 * Stats: libskiff's numbers in the messages that containerd's clients read, which differ by the version of cgroups. A limit that is
 * not set is the largest number, as in the kernel's own files of version 1.
 */
#include <linux/magic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "json/load.h"
#include "json/schema.h"
#include "shim/proto/metrics.pb-c.h"
#include "shim/service.h"
#include "shim/wire.h"

/* --- what `skiff events --stats` prints, as far as it is needed here --- */

struct usage {
	uint64_t limit, usage, max, failcnt;
};
struct cpu_usage {
	uint64_t total, kernel, user;
	char *percpu;
};
struct throttling {
	uint64_t periods, throttled_periods, throttled_time;
};
struct cpu {
	struct cpu_usage usage;
	struct throttling throttling;
};
struct memory {
	struct usage usage, swap, kernel, kernel_tcp;
	char *raw;
};
struct pids {
	uint64_t current, limit;
};
struct io {
	uint64_t major, minor, value;
	char *op;
};
typedef LIST(struct io) io_list;
struct blkio {
	io_list bytes, serviced;
};
struct hugetlb {
	char *size;
	uint64_t usage, max, failcnt;
};
struct data {
	struct cpu cpu;
	struct memory memory;
	struct pids pids;
	struct blkio blkio;
	LIST(struct hugetlb) hugetlb;
};
struct stats {
	struct data data;
};

/* clang-format off */
#define U(S, member, key) J_U64(struct S, member, key, 0, "")
static const struct field usage_fields[] = {
	U(usage, limit, "limit"), U(usage, usage, "usage"), U(usage, max, "max"), U(usage, failcnt, "failcnt"), J_END
};
static const struct type usage_type = { "usage", sizeof(struct usage), usage_fields };
static const struct field cpu_usage_fields[] = {
	U(cpu_usage, total, "total"), U(cpu_usage, kernel, "kernel"), U(cpu_usage, user, "user"),
	J_RAW(struct cpu_usage, percpu, "percpu", 0, ""), J_END
};
static const struct type cpu_usage_type = { "cpu usage", sizeof(struct cpu_usage), cpu_usage_fields };
static const struct field throttling_fields[] = {
	U(throttling, periods, "periods"), U(throttling, throttled_periods, "throttledPeriods"),
	U(throttling, throttled_time, "throttledTime"), J_END
};
static const struct type throttling_type = { "throttling", sizeof(struct throttling), throttling_fields };
static const struct field cpu_fields[] = {
	J_VAL(struct cpu, usage, "usage", 0, struct cpu_usage, &cpu_usage_type, ""),
	J_VAL(struct cpu, throttling, "throttling", 0, struct throttling, &throttling_type, ""), J_END
};
static const struct type cpu_type = { "cpu", sizeof(struct cpu), cpu_fields };
#define M(member, key) J_VAL(struct memory, member, key, 0, struct usage, &usage_type, "")
static const struct field memory_fields[] = {
	M(usage, "usage"), M(swap, "swap"), M(kernel, "kernel"), M(kernel_tcp, "kernelTCP"),
	J_RAW(struct memory, raw, "raw", 0, ""), J_END
};
static const struct type memory_type = { "memory", sizeof(struct memory), memory_fields };
static const struct field pids_fields[] = { U(pids, current, "current"), U(pids, limit, "limit"), J_END };
static const struct type pids_type = { "pids", sizeof(struct pids), pids_fields };
static const struct field io_fields[] = {
	U(io, major, "major"), U(io, minor, "minor"), U(io, value, "value"), J_STR(struct io, op, "op", 0, ""), J_END
};
static const struct type io_type = { "io", sizeof(struct io), io_fields };
static const struct field blkio_fields[] = {
	J_OBJS(struct blkio, bytes, "ioServiceBytesRecursive", 0, struct io, &io_type, ""),
	J_OBJS(struct blkio, serviced, "ioServicedRecursive", 0, struct io, &io_type, ""), J_END
};
static const struct type blkio_type = { "blkio", sizeof(struct blkio), blkio_fields };
static const struct field hugetlb_fields[] = {
	U(hugetlb, usage, "usage"), U(hugetlb, max, "max"), U(hugetlb, failcnt, "failcnt"), J_END
};
static const struct type hugetlb_type = { "hugetlb", sizeof(struct hugetlb), hugetlb_fields };
static const struct field data_fields[] = {
	J_VAL(struct data, cpu, "cpu", 0, struct cpu, &cpu_type, ""),
	J_VAL(struct data, memory, "memory", 0, struct memory, &memory_type, ""),
	J_VAL(struct data, pids, "pids", 0, struct pids, &pids_type, ""),
	J_VAL(struct data, blkio, "blkio", 0, struct blkio, &blkio_type, ""),
	J_OBJMAP(struct data, hugetlb, "hugetlb", 0, struct hugetlb, &hugetlb_type, ""), J_END
};
static const struct type data_type = { "data", sizeof(struct data), data_fields };
static const struct field stats_fields[] = {
	J_VAL(struct stats, data, "data", 0, struct data, &data_type, ""), J_END
};
static const struct type stats_type = { "stats", sizeof(struct stats), stats_fields };
/* clang-format on */

/* --- common parts --- */

static uint64_t limit_or_none(uint64_t limit)
{
	return limit ? limit : UINT64_MAX;
}

static uint64_t raw_value(const char *raw, const char *key)
{
	char quoted[80];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	at = raw ? strstr(raw, quoted) : NULL;
	return at ? strtoull(at + strlen(quoted), NULL, 10) : 0;
}

/* Fills each number of the message that memory.stat has under the same name. */
static void fill_by_name(ProtobufCMessage *m, const char *raw)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;

	for (unsigned i = 0; i < d->n_fields; i++)
		if (d->fields[i].type == PROTOBUF_C_TYPE_UINT64)
			*(uint64_t *)(void *)((char *)m + d->fields[i].offset) =
				raw_value(raw, d->fields[i].name);
}

#define NEW(arena, type, init) \
	({ \
		type *new_ = arena_new(arena, type); \
		init(new_); \
		new_; \
	})

static Pb__Pids *pids_of(const struct data *d, struct arena *arena)
{
	Pb__Pids *p = NEW(arena, Pb__Pids, pb__pids__init);

	p->current = d->pids.current;
	p->limit = d->pids.limit;
	return p;
}

/* --- version 1 --- */

static uint64_t *numbers(const char *list, struct arena *arena, size_t *ret_n)
{
	size_t max = list ? strlen(list) / 2 + 1 : 0, n = 0;
	uint64_t *v = arena_array(arena, max + 1, sizeof(*v));
	char *end;

	for (const char *p = list; p && *p; p = end) {
		p += strcspn(p, "0123456789");
		if (!*p)
			break;
		v[n++] = strtoull(p, &end, 10);
	}
	*ret_n = n;
	return v;
}

static Pb__CpuV1 *cpu_v1(const struct cpu *c, struct arena *arena)
{
	Pb__CpuV1 *to = NEW(arena, Pb__CpuV1, pb__cpu_v1__init);

	to->usage = NEW(arena, Pb__CpuUsageV1, pb__cpu_usage_v1__init);
	to->throttling = NEW(arena, Pb__ThrottleV1, pb__throttle_v1__init);
	to->usage->total = c->usage.total;
	to->usage->kernel = c->usage.kernel;
	to->usage->user = c->usage.user;
	to->usage->per_cpu = numbers(c->usage.percpu, arena, &to->usage->n_per_cpu);
	to->throttling->periods = c->throttling.periods;
	to->throttling->throttled_periods = c->throttling.throttled_periods;
	to->throttling->throttled_time = c->throttling.throttled_time;
	return to;
}

static Pb__MemoryEntry *memory_entry(const struct usage *u, struct arena *arena)
{
	Pb__MemoryEntry *to = NEW(arena, Pb__MemoryEntry, pb__memory_entry__init);

	to->limit = limit_or_none(u->limit);
	to->usage = u->usage;
	to->max = u->max;
	to->failcnt = u->failcnt;
	return to;
}

static Pb__MemoryV1 *memory_v1(const struct memory *m, struct arena *arena)
{
	Pb__MemoryV1 *to = NEW(arena, Pb__MemoryV1, pb__memory_v1__init);

	fill_by_name(&to->base, m->raw);
	to->usage = memory_entry(&m->usage, arena);
	to->swap = memory_entry(&m->swap, arena);
	to->kernel = memory_entry(&m->kernel, arena);
	to->kernel_tcp = memory_entry(&m->kernel_tcp, arena);
	return to;
}

static Pb__BlkioEntry **blkio_entries(const io_list *l, struct arena *arena,
				      size_t *ret_n)
{
	Pb__BlkioEntry **v = arena_array(arena, l->n + 1, sizeof(*v));

	for (size_t i = 0; i < l->n; i++) {
		v[i] = NEW(arena, Pb__BlkioEntry, pb__blkio_entry__init);
		v[i]->major = l->v[i].major;
		v[i]->minor = l->v[i].minor;
		v[i]->value = l->v[i].value;
		if (l->v[i].op)
			v[i]->op = l->v[i].op;
	}
	*ret_n = l->n;
	return v;
}

static Pb__HugetlbV1 **hugetlb_v1(const struct data *d, struct arena *arena)
{
	Pb__HugetlbV1 **v = arena_array(arena, d->hugetlb.n + 1, sizeof(*v));

	for (size_t i = 0; i < d->hugetlb.n; i++) {
		v[i] = NEW(arena, Pb__HugetlbV1, pb__hugetlb_v1__init);
		v[i]->pagesize = d->hugetlb.v[i].size;
		v[i]->usage = d->hugetlb.v[i].usage;
		v[i]->max = d->hugetlb.v[i].max;
		v[i]->failcnt = d->hugetlb.v[i].failcnt;
	}
	return v;
}

static ProtobufCBinaryData pack_v1(const struct data *d, struct arena *arena)
{
	Pb__MetricsV1 m = PB__METRICS_V1__INIT;
	Pb__BlkioV1 io = PB__BLKIO_V1__INIT;

	io.io_service_bytes = blkio_entries(&d->blkio.bytes, arena,
					    &io.n_io_service_bytes);
	io.io_serviced = blkio_entries(&d->blkio.serviced, arena, &io.n_io_serviced);
	m.pids = pids_of(d, arena);
	m.cpu = cpu_v1(&d->cpu, arena);
	m.memory = memory_v1(&d->memory, arena);
	m.blkio = &io;
	m.hugetlb = hugetlb_v1(d, arena);
	m.n_hugetlb = d->hugetlb.n;
	return wire_pack(arena, &m.base);
}

/* --- version 2 --- */

static Pb__CpuV2 *cpu_v2(const struct cpu *c, struct arena *arena)
{
	Pb__CpuV2 *to = NEW(arena, Pb__CpuV2, pb__cpu_v2__init);

	to->usage_usec = c->usage.total / 1000;
	to->user_usec = c->usage.user / 1000;
	to->system_usec = c->usage.kernel / 1000;
	to->nr_periods = c->throttling.periods;
	to->nr_throttled = c->throttling.throttled_periods;
	to->throttled_usec = c->throttling.throttled_time / 1000;
	return to;
}

static Pb__MemoryV2 *memory_v2(const struct memory *m, struct arena *arena)
{
	Pb__MemoryV2 *to = NEW(arena, Pb__MemoryV2, pb__memory_v2__init);

	fill_by_name(&to->base, m->raw);
	to->usage = m->usage.usage;
	to->usage_limit = limit_or_none(m->usage.limit);
	/* libskiff tells memory and swap together, as version 1 does. */
	to->swap_usage = m->swap.usage > m->usage.usage ? m->swap.usage - m->usage.usage
							: 0;
	to->swap_limit = m->swap.limit > m->usage.limit && m->swap.limit != UINT64_MAX
				 ? m->swap.limit - m->usage.limit
				 : UINT64_MAX;
	to->max_usage = m->usage.max;
	return to;
}

/* One entry for each device, from the four lists of operations. */
static Pb__IOEntry *entry_of(Pb__IOV2 *io, const struct io *from, struct arena *arena)
{
	Pb__IOEntry *to;

	for (size_t i = 0; i < io->n_usage; i++)
		if (io->usage[i]->major == from->major &&
		    io->usage[i]->minor == from->minor)
			return io->usage[i];
	to = NEW(arena, Pb__IOEntry, pb__ioentry__init);
	to->major = from->major;
	to->minor = from->minor;
	io->usage[io->n_usage++] = to;
	return to;
}

static void add_io(Pb__IOV2 *io, const struct blkio *b, struct arena *arena)
{
	io->usage = arena_array(arena, b->bytes.n + b->serviced.n + 1,
				sizeof(*io->usage));
	for (size_t i = 0; i < b->bytes.n; i++) {
		const struct io *from = &b->bytes.v[i];

		if (from->op && !strcmp(from->op, "Read"))
			entry_of(io, from, arena)->rbytes = from->value;
		else if (from->op && !strcmp(from->op, "Write"))
			entry_of(io, from, arena)->wbytes = from->value;
	}
	for (size_t i = 0; i < b->serviced.n; i++) {
		const struct io *from = &b->serviced.v[i];

		if (from->op && !strcmp(from->op, "Read"))
			entry_of(io, from, arena)->rios = from->value;
		else if (from->op && !strcmp(from->op, "Write"))
			entry_of(io, from, arena)->wios = from->value;
	}
}

static ProtobufCBinaryData pack_v2(const struct data *d, struct arena *arena)
{
	Pb__MetricsV2 m = PB__METRICS_V2__INIT;
	Pb__IOV2 io = PB__IOV2__INIT;

	m.hugetlb = arena_array(arena, d->hugetlb.n + 1, sizeof(*m.hugetlb));
	for (size_t i = 0; i < d->hugetlb.n; i++) {
		Pb__HugetlbV2 *h = NEW(arena, Pb__HugetlbV2, pb__hugetlb_v2__init);

		h->pagesize = d->hugetlb.v[i].size;
		h->current = d->hugetlb.v[i].usage;
		h->max = d->hugetlb.v[i].max;
		m.hugetlb[m.n_hugetlb++] = h;
	}
	add_io(&io, &d->blkio, arena);
	m.pids = pids_of(d, arena);
	m.cpu = cpu_v2(&d->cpu, arena);
	m.memory = memory_v2(&d->memory, arena);
	m.io = &io;
	return wire_pack(arena, &m.base);
}

static bool is_v2(void)
{
	struct statfs fs;

	return !statfs("/sys/fs/cgroup", &fs) && fs.f_type == CGROUP2_SUPER_MAGIC;
}

void serve_stats(struct call *c, const void *request)
{
	const Pb__TaskRequest *r = request;
	const struct task *t = call_task(c, r->id);
	Pb__StatsResponse answer = PB__STATS_RESPONSE__INIT;
	Pb__Any any = PB__ANY__INIT;
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff *s = t ? call_skiff(c, t) : NULL;
	struct stats stats = { 0 };
	struct err err = { 0 };
	const char *text;
	bool v2 = is_v2();

	if (!s)
		return;
	if (skiff_stats(s, t->id, &text, &e) < 0) {
		fail_by_skiff(&c->ticket, &e);
	} else if (json_load(&stats_type, text, strlen(text), "statistics", c->arena,
			     NULL, &stats, &err)) {
		reply_fail(&c->ticket, RPC_UNKNOWN, "%s", err.msg);
	} else {
		any.type_url = v2 ? (char *)"io.containerd.cgroups.v2.Metrics"
				  : (char *)"io.containerd.cgroups.v1.Metrics";
		any.value = v2 ? pack_v2(&stats.data, c->arena)
			       : pack_v1(&stats.data, c->arena);
		answer.stats = &any;
		reply(&c->ticket, &answer.base);
	}
	task_skiff_end(s);
}
