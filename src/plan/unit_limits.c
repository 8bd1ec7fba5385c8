/*
 * linux.resources as properties of the scope. systemd.resource-control(5); the units are D-Bus's: bytes, microseconds,
 * masks, with the largest number for "no limit".
 *
 * Not here: what systemd has no property for (huge pages, RDMA, burst, realtime; device rules are a program that is
 * attached below the scope, where no reload of systemd's reaches it). Values that are wrong are found by limits*.c, which
 * translates the same configuration into writes.
 */
#include <inttypes.h>
#include <string.h>

#include "base/names.h"
#include "plan/parts.h"
#include "plan/unit.h"

#define R "linux.resources."

enum {
	SECOND = 1000000,      /* in µs */
	QUOTA_STEP = 10000,    /* systemd keeps whole percents */
	PERIOD_USUAL = 100000, /* µs */
	SET_BITS = 8192,
};

void unit_set_max(struct unit_properties *u, const char *origin, const char *name,
		  int64_t value)
{
	unit_set(u, origin, name, "t", "%" PRIu64,
		 value < 0 ? UINT64_MAX : (uint64_t)value);
}

/* --- memory, pids --- */

static void memory(struct unit_properties *u, const struct memory *m,
		   const struct host *h)
{
	if (m->limit.v)
		unit_set_max(u, R "memory.limit", "MemoryMax", m->limit.v);
	if (m->reservation.v)
		unit_set_max(u, R "memory.reservation", "MemoryLow", m->reservation.v);
	/* There memory and swap count together, here swap alone. */
	if (h->has_swap && m->swap.v < 0)
		unit_set_max(u, R "memory.swap", "MemorySwapMax", -1);
	else if (h->has_swap && m->limit.v > 0 && m->swap.v >= m->limit.v)
		unit_set_max(u, R "memory.swap", "MemorySwapMax", m->swap.v - m->limit.v);
}

static void pids(struct unit_properties *u, const struct pids *p)
{
	if (p->limit.set)
		unit_set_max(u, R "pids.limit", "TasksMax", p->limit.v ? p->limit.v : 1);
}

/* --- cpu, cpuset --- */

uint64_t unit_cpu_quota(uint64_t quota, uint64_t period)
{
	unsigned __int128 us = (unsigned __int128)quota * SECOND / period;

	us = (us + QUOTA_STEP - 1) / QUOTA_STEP * QUOTA_STEP;
	return us >= UINT64_MAX ? UINT64_MAX : (uint64_t)us;
}

void unit_cpu_max(struct unit_properties *u, const char *origin, int64_t quota,
		  uint64_t period)
{
	if (quota > 0)
		unit_set(u, origin, "CPUQuotaPerSecUSec", "t", "%" PRIu64,
			 unit_cpu_quota((uint64_t)quota, period ? period : PERIOD_USUAL));
	else if (quota < 0)
		unit_set_max(u, origin, "CPUQuotaPerSecUSec", -1);
	if (period)
		unit_set(u, origin, "CPUQuotaPeriodUSec", "t", "%" PRIu64, period);
}

/* Bytes, the lowest CPU in the lowest bit of the first. */
static void set_mask(struct unit_properties *u, const char *origin, const char *name,
		     const char *list)
{
	unsigned char bits[SET_BITS / 8] = { 0 };
	const char **words;
	size_t top, n;

	if (part_set(list, bits, SET_BITS, &top))
		return;
	n = (top + 7) / 8;
	words = arena_array(u->p->arena, n + 1, sizeof(*words));
	words[0] = arena_printf(u->p->arena, "%zu", n);
	for (size_t i = 0; i < n; i++)
		words[i + 1] = arena_printf(u->p->arena, "%u", bits[i]);
	unit_set_words(u, origin, name, "ay", words, n + 1);
}

static void cpu(struct unit_properties *u, const struct cpu *c)
{
	if (c->shares.v)
		unit_set(u, R "cpu.shares", "CPUWeight", "t", "%" PRIu32,
			 limits_cpu_weight(c->shares.v));
	/* Since systemd 252; it has no other word for it. */
	if (c->idle.v == 1)
		unit_set(u, R "cpu.idle", "CPUWeight", "t", "0");
	/* Above the container the quota would forbid what is saved up below. */
	if ((c->quota.v || c->period.v) && !c->burst.v)
		unit_cpu_max(u, c->quota.v ? R "cpu.quota" : R "cpu.period", c->quota.v,
			     c->period.v);
	if (c->cpus && *c->cpus)
		set_mask(u, R "cpu.cpus", "AllowedCPUs", c->cpus);
	if (c->mems && *c->mems)
		set_mask(u, R "cpu.mems", "AllowedMemoryNodes", c->mems);
}

/* --- io --- */

struct device_list {
	const char **words; /* length, then path and value of each */
	size_t n;
};

static void list_init(struct unit_properties *u, struct device_list *l, size_t max)
{
	l->words = arena_array(u->p->arena, 1 + 2 * max, sizeof(*l->words));
	l->n = 1;
}

static void list_add(struct unit_properties *u, struct device_list *l, int64_t major,
		     int64_t minor, uint64_t value)
{
	l->words[l->n++] = arena_printf(u->p->arena, "/dev/block/%" PRId64 ":%" PRId64,
					major, minor);
	l->words[l->n++] = arena_printf(u->p->arena, "%" PRIu64, value);
}

static void list_set(struct unit_properties *u, struct device_list *l, const char *origin,
		     const char *name)
{
	l->words[0] = arena_printf(u->p->arena, "%zu", (l->n - 1) / 2);
	if (l->n > 1)
		unit_set_words(u, origin, name, "a(st)", l->words, l->n);
}

static void throttle(struct unit_properties *u, const char *origin, const char *name,
		     const throttles *t)
{
	struct device_list l;

	list_init(u, &l, t->n);
	for (size_t i = 0; i < t->n; i++)
		list_add(u, &l, t->v[i].major, t->v[i].minor,
			 t->v[i].rate ? t->v[i].rate : UINT64_MAX);
	list_set(u, &l, origin, name);
}

static bool is_weight(uint64_t weight)
{
	return weight >= 10 && weight <= 1000;
}

/* What a property for each of them is called; NULL = there is none. */
struct io_names {
	const char *weight, *device, *read_bps, *write_bps, *read_iops, *write_iops;
};

static uint64_t weight_of(uint64_t weight, bool v1)
{
	return v1 ? weight : limits_io_weight(weight);
}

void unit_io(struct unit_properties *u, const struct block_io *b, bool v1)
{
	static const struct io_names io = { "IOWeight",           "IODeviceWeight",
					    "IOReadBandwidthMax", "IOWriteBandwidthMax",
					    "IOReadIOPSMax",      "IOWriteIOPSMax" };
	static const struct io_names block_io = { "BlockIOWeight", "BlockIODeviceWeight",
						  "BlockIOReadBandwidth",
						  "BlockIOWriteBandwidth" };
	const struct io_names *is = v1 ? &block_io : &io;
	struct device_list l;

	if (is_weight(b->weight.v))
		unit_set(u, R "blockIO.weight", is->weight, "t", "%" PRIu64,
			 weight_of(b->weight.v, v1));
	list_init(u, &l, b->weight_device.n);
	for (size_t i = 0; i < b->weight_device.n; i++)
		if (is_weight(b->weight_device.v[i].weight.v))
			list_add(u, &l, b->weight_device.v[i].major,
				 b->weight_device.v[i].minor,
				 weight_of(b->weight_device.v[i].weight.v, v1));
	list_set(u, &l, R "blockIO.weightDevice", is->device);
	throttle(u, R "blockIO.throttleReadBpsDevice", is->read_bps, &b->read_bps);
	throttle(u, R "blockIO.throttleWriteBpsDevice", is->write_bps, &b->write_bps);
	if (!v1) {
		throttle(u, R "blockIO.throttleReadIOPSDevice", is->read_iops,
			 &b->read_iops);
		throttle(u, R "blockIO.throttleWriteIOPSDevice", is->write_iops,
			 &b->write_iops);
	}
}

/* --- unified --- */

/* "max" or a number; anything else that the kernel may take is its business. */
static bool read_max(const char *text, uint64_t *ret)
{
	if (!strcmp(text, "max")) {
		*ret = UINT64_MAX;
		return true;
	}
	return parse_u64(text, UINT64_MAX - 1, ret);
}

/* "QUOTA" or "QUOTA PERIOD" */
static void cpu_max_file(struct unit_properties *u, const char *origin, const char *text)
{
	size_t n = strcspn(text, " ");
	uint64_t quota, period = PERIOD_USUAL;

	if (!read_max(arena_strndup(u->p->arena, text, n), &quota) || !quota ||
	    (text[n] && (!parse_u64(text + n + 1, INT64_MAX, &period) || !period)))
		return;
	unit_cpu_max(u, origin, quota > INT64_MAX ? -1 : (int64_t)quota, period);
}

void unit_file(struct unit_properties *u, const char *origin, const char *file,
	       const char *text)
{
	static const char *const numbers[][2] = {
		{ "cpu.weight", "CPUWeight" }, { "memory.min", "MemoryMin" },
		{ "memory.low", "MemoryLow" }, { "memory.high", "MemoryHigh" },
		{ "memory.max", "MemoryMax" }, { "memory.swap.max", "MemorySwapMax" },
		{ "pids.max", "TasksMax" },
	};
	uint64_t value;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!strcmp(file, numbers[i][0]) && read_max(text, &value))
			unit_set(u, origin, numbers[i][1], "t", "%" PRIu64, value);
	if (!strcmp(file, "cpu.idle"))
		unit_set_max(u, origin, "CPUWeight", !strcmp(text, "0") ? -1 : 0);
	else if (!strcmp(file, "cpu.max.burst") && strcmp(text, "0") != 0)
		unit_set_max(u, origin, "CPUQuotaPerSecUSec", -1);
	else if (!strcmp(file, "cpu.max"))
		cpu_max_file(u, origin, text);
	else if (!strcmp(file, "cpuset.cpus"))
		set_mask(u, origin, "AllowedCPUs", text);
	else if (!strcmp(file, "cpuset.mems"))
		set_mask(u, origin, "AllowedMemoryNodes", text);
}

void unit_limits(struct unit_properties *u, const struct resources *r,
		 const struct host *h)
{
	if (h->cgroup_mode != CGM_V2) {
		unit_limits_v1(u, r, NULL);
		return;
	}
	if (r->memory)
		memory(u, r->memory, h);
	if (r->cpu)
		cpu(u, r->cpu);
	if (r->pids)
		pids(u, r->pids);
	if (r->block_io)
		unit_io(u, r->block_io, false);
	/* Last: what is written by its file name wins. */
	for (size_t i = 0; i < r->unified.n; i++)
		unit_file(u,
			  arena_printf(u->p->arena, R "unified.%s", r->unified.v[i].key),
			  r->unified.v[i].key, r->unified.v[i].value);
}
