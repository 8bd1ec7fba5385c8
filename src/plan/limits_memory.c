/*
 * linux.resources.memory. config-linux: "Memory".
 *
 * memory.swap is the sum of memory and swap, as in v1's memory.memsw files; v2 counts swap
 * alone. memory.kernel is ignored, as the specification allows (kernels from 5.16 have no
 * such limit). In a live container (struct limits, now) what is not given stays as it is:
 * the sum, where the memory alone changes.
 */
#include <inttypes.h>

#include "plan/limits.h"

#define MEMORY "linux.resources.memory."

/* -1 is no limit. */
static int64_t ceiling(int64_t v)
{
	return v < 0 ? INT64_MAX : v;
}

static bool is_limit(const struct opt_i64 *now)
{
	return now->set && now->v < INT64_MAX;
}

/* The sum is not given, and would be exceeded. */
static int above_sum(struct limits *l, int64_t sum)
{
	return err_at(l->p->e, ERR_CONFIG, MEMORY "limit",
		      "above the limit of memory and swap together (%" PRId64
		      "): give memory.swap, too",
		      sum);
}

/* --- v2 --- */

static void write_max(struct limits *l, const struct memory *m, const struct place *at)
{
	if (m->limit.v)
		limits_max(l, at, MEMORY "limit", "memory.max", m->limit.v);
}

/* More swap comes before less memory: what no longer fits has a place to go to. */
static void write_v2(struct limits *l, const struct memory *m, const struct place *at,
		     const char *origin, int64_t swap)
{
	bool first = l->now && ceiling(swap) > l->now->swap.v;

	if (!first)
		write_max(l, m, at);
	limits_max(l, at, origin, "memory.swap.max", swap);
	if (first)
		write_max(l, m, at);
}

/* Only memory.limit is given: the sum stays. */
static int keep_sum_v2(struct limits *l, const struct memory *m, const struct place *at)
{
	const struct limits_now *now = l->now;
	int64_t sum;

	if (!now || !m->limit.v || !is_limit(&now->swap) || !is_limit(&now->memory)) {
		write_max(l, m, at);
		return 0;
	}
	sum = now->memory.v + now->swap.v;
	if (m->limit.v > sum)
		return above_sum(l, sum);
	write_v2(l, m, at, MEMORY "limit", m->limit.v < 0 ? -1 : sum - m->limit.v);
	return 0;
}

static int swap_v2(struct limits *l, const struct memory *m, const struct place *at)
{
	int64_t swap = m->swap.v, limit = m->limit.v;

	if (l->now && !limit && is_limit(&l->now->memory))
		limit = l->now->memory.v;
	/* v2 counts swap apart, so the sum says nothing where memory is not limited. */
	if (swap > 0 && limit <= 0)
		return err_at(l->p->e, ERR_CONFIG, MEMORY "swap",
			      "a limit of memory and swap needs memory.limit");
	if (swap > 0 && swap < limit)
		return err_at(l->p->e, ERR_CONFIG, MEMORY "swap",
			      "below the memory.limit in force (%" PRId64 ")", limit);
	if (l->h->has_swap) {
		write_v2(l, m, at, MEMORY "swap", swap < 0 ? -1 : swap - limit);
		return 0;
	}
	write_max(l, m, at);
	/* Without swap nothing can be swapped out: "none" and "no limit" hold already. */
	if (swap < 0 || swap == limit)
		return 0;
	return err_at(l->p->e, ERR_HOST, MEMORY "swap",
		      "this kernel does not account swap");
}

static int memory_v2(struct limits *l, const struct memory *m, const struct place *at)
{
	if (m->swap.v ? swap_v2(l, m, at) : keep_sum_v2(l, m, at))
		return -1;
	if (m->reservation.v)
		limits_max(l, at, MEMORY "reservation", "memory.low", m->reservation.v);
	if (m->kernel_tcp.v > 0)
		return limits_unsupported(l, MEMORY "kernelTCP",
					  "cgroup v2 has no limit of TCP memory");
	if (m->swappiness.set)
		return limits_unsupported(l, MEMORY "swappiness",
					  "cgroup v2 has no swappiness");
	if (m->disable_oom_killer.v)
		return limits_unsupported(l, MEMORY "disableOOMKiller",
					  "cgroup v2 cannot switch the OOM killer off");
	if (m->use_hierarchy.set && !m->use_hierarchy.v)
		return limits_unsupported(l, MEMORY "useHierarchy",
					  "cgroup v2 always counts children, too");
	return 0;
}

/* --- v1 --- */

static void write_limit_v1(struct limits *l, const struct memory *m,
			   const struct place *at)
{
	if (m->limit.v)
		limits_max(l, at, MEMORY "limit", "memory.limit_in_bytes", m->limit.v);
}

/* The kernel keeps memory <= memory and swap together, at all times. */
static int sum_v1(struct limits *l, const struct memory *m, const struct place *at)
{
	const struct limits_now *now = l->now;
	int64_t swap = m->swap.v, limit = m->limit.v;
	bool above = now && limit && now->swap.set && ceiling(limit) > now->swap.v;

	if (above && !swap && limit > 0)
		return above_sum(l, now->swap.v);
	/* As with other runtimes: no limit of memory is none of the sum. */
	if (above && !swap)
		swap = -1;
	if (now && swap > 0 && !limit && swap < now->memory.v)
		return err_at(l->p->e, ERR_CONFIG, MEMORY "swap",
			      "below the memory.limit in force (%" PRId64 ")",
			      now->memory.v);
	if (!l->h->has_swap && swap > 0)
		return err_at(
			l->p->e, ERR_HOST, MEMORY "swap",
			"this kernel does not account swap (boot with swapaccount=1)");
	if (!above)
		write_limit_v1(l, m, at);
	if (swap && l->h->has_swap)
		limits_max(l, at, m->swap.v ? MEMORY "swap" : MEMORY "limit",
			   "memory.memsw.limit_in_bytes", swap);
	if (above)
		write_limit_v1(l, m, at);
	return 0;
}

static int memory_v1(struct limits *l, const struct memory *m, const struct place *at)
{
	/* Kernels from 5.11 always do so, and refuse 0. */
	if (m->use_hierarchy.set)
		limits_write(l, at, MEMORY "useHierarchy", "memory.use_hierarchy", "%d",
			     m->use_hierarchy.v);
	if (sum_v1(l, m, at))
		return -1;
	if (m->reservation.v)
		limits_max(l, at, MEMORY "reservation", "memory.soft_limit_in_bytes",
			   m->reservation.v);
	if (m->kernel_tcp.v)
		limits_max(l, at, MEMORY "kernelTCP", "memory.kmem.tcp.limit_in_bytes",
			   m->kernel_tcp.v);
	if (m->swappiness.set)
		limits_write(l, at, MEMORY "swappiness", "memory.swappiness", "%" PRIu64,
			     m->swappiness.v);
	if (m->disable_oom_killer.v || (m->disable_oom_killer.set && l->now))
		limits_write(l, at, MEMORY "disableOOMKiller", "memory.oom_control", "%d",
			     m->disable_oom_killer.v);
	return 0;
}

/* --- */

bool limits_needs_memory(const struct memory *m)
{
	return m &&
	       (m->limit.v > 0 || m->swap.v > 0 || m->reservation.v > 0 ||
		m->kernel_tcp.v > 0 || m->swappiness.set || m->disable_oom_killer.v ||
		(m->use_hierarchy.set && !m->use_hierarchy.v));
}

/* "No limit" counts only where there could be one. */
static bool has_memory(const struct limits *l, const struct memory *m)
{
	return limits_needs_memory(m) ||
	       (m && host_hierarchy(l->h, CT_MEMORY) &&
		(m->limit.v || m->swap.v || m->reservation.v || m->kernel_tcp.v ||
		 m->use_hierarchy.set || (l->now && m->disable_oom_killer.set)));
}

/* checkBeforeUpdate. The kernel itself would kill (v2), or refuse after it has reclaimed
 * what it could (v1). */
static int check_usage(struct limits *l, const struct memory *m)
{
	const struct limits_now *now = l->now;

	if (!now || !m->check_before_update.v || m->limit.v <= 0 || !now->usage.set ||
	    m->limit.v >= now->usage.v)
		return 0;
	return err_at(l->p->e, ERR_HOST, MEMORY "limit",
		      "%" PRId64 " is less than the %" PRId64
		      " bytes in use (memory.checkBeforeUpdate)",
		      m->limit.v, now->usage.v);
}

int limits_memory(struct limits *l, const struct memory *m)
{
	struct place at;

	if (!has_memory(l, m))
		return 0;
	if (m->swap.v > 0 && m->limit.v > 0 && m->swap.v < m->limit.v)
		return err_at(l->p->e, ERR_CONFIG, MEMORY "swap",
			      "memory and swap together (%" PRId64
			      ") cannot be less than memory.limit (%" PRId64 ")",
			      m->swap.v, m->limit.v);
	if (limits_place(l, CT_MEMORY, "linux.resources.memory", &at) ||
	    check_usage(l, m))
		return -1;
	return at.v2 ? memory_v2(l, m, &at) : memory_v1(l, m, &at);
}
