/*
 * linux.resources as properties of the scope where systemd drives version 1, alone or beside version 2: names and units are
 * older than those of unit_limits.c. systemd.resource-control(5), "Deprecated options".
 *
 * Not here: what systemd leaves to others (cpuset, huge pages, packet marks), or has no property for (swap, reservation,
 * operations per second). The container's own files have those, as without systemd.
 */
#include <inttypes.h>
#include <string.h>

#include "plan/device_rules.h"
#include "plan/unit.h"

#define R "linux.resources."

enum { SHARES_LEAST = 2, SHARES_MOST = 262144 };

static void memory(struct unit_properties *u, const struct memory *m)
{
	/* What is over the limit waits in the container; in the scope it would be killed. */
	if (m->limit.v && !m->disable_oom_killer.v)
		unit_set_max(u, R "memory.limit", "MemoryLimit", m->limit.v);
}

static void set_shares(struct unit_properties *u, const char *origin, uint64_t shares)
{
	if (shares < SHARES_LEAST)
		shares = SHARES_LEAST;
	if (shares > SHARES_MOST)
		shares = SHARES_MOST;
	unit_set(u, origin, "CPUShares", "t", "%" PRIu64, shares);
}

static void bandwidth(struct unit_properties *u, const struct cpu *c,
		      const struct limits_now *now)
{
	const char *origin = c->quota.v ? R "cpu.quota" : R "cpu.period";
	bool bursts = c->burst.set ? c->burst.v : now && now->burst.v;
	int64_t quota = c->quota.v || !now ? c->quota.v : now->quota.v;
	uint64_t period = c->period.v || !now ? c->period.v : now->period.v;

	/* Above the container the quota would forbid what is saved up below. */
	if (bursts && now)
		unit_set_max(u, R "cpu.burst", "CPUQuotaPerSecUSec", -1);
	else if (!bursts && (c->quota.v || c->period.v || (now && c->burst.set)))
		unit_cpu_max(u, origin, quota, period);
}

static void cpu(struct unit_properties *u, const struct cpu *c,
		const struct limits_now *now)
{
	if (c->shares.v)
		set_shares(u, R "cpu.shares", c->shares.v);
	/* The least there is: no property says idle. */
	if (c->idle.v == 1)
		set_shares(u, R "cpu.idle", SHARES_LEAST);
	else if (now && c->idle.set && !c->shares.v)
		unit_set_max(u, R "cpu.idle", "CPUShares", -1);
	bandwidth(u, c, now);
}

void unit_limits_v1(struct unit_properties *u, const struct resources *r,
		    const struct limits_now *now)
{
	if (r->memory)
		memory(u, r->memory);
	if (r->cpu)
		cpu(u, r->cpu, now);
	if (r->pids && r->pids->limit.set)
		unit_set_max(u, R "pids.limit", "TasksMax",
			     r->pids->limit.v ? r->pids->limit.v : 1);
	if (r->block_io)
		unit_io(u, r->block_io, true);
}

/* --- devices --- */

/* NULL: systemd has no word for it. */
static const char *pattern(struct arena *arena, const struct device_bpf *d)
{
	const char *type = d->type == 'b' ? "block" : "char";

	if (d->major < 0)
		return d->minor < 0 ? arena_printf(arena, "%s-*", type) : NULL;
	if (d->minor < 0)
		return arena_printf(arena, "%s-%" PRId32, type, d->major);
	return arena_printf(arena, "/dev/%s/%" PRId32 ":%" PRId32, type, d->major,
			    d->minor);
}

int unit_devices_v1(struct unit_properties *u, const struct spec *s)
{
	static const char origin[] = R "devices";
	struct arena *arena = u->p->arena;
	struct device_bpf *v;
	const char **words;
	size_t n, used = 1;
	bool all;

	if (devices_exceptions(u->p, s, &v, &n, &all))
		return -1;
	if (all)
		return 0;
	words = arena_array(arena, 2 * n + 1, sizeof(*words));
	for (size_t i = 0; i < n; i++) {
		const char *name = pattern(arena, &v[i]);

		if (!name)
			continue;
		words[used++] = name;
		words[used++] = arena_printf(arena, "%s%s%s",
					     v[i].access & DEV_READ ? "r" : "",
					     v[i].access & DEV_WRITE ? "w" : "",
					     v[i].access & DEV_MKNOD ? "m" : "");
	}
	words[0] = arena_printf(arena, "%zu", (used - 1) / 2);
	unit_set(u, origin, "DevicePolicy", "s", "strict");
	unit_set_words(u, origin, "DeviceAllow", "a(ss)", words, used);
	return 0;
}
