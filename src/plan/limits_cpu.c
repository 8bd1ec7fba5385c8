/*
 * linux.resources.cpu: weight, bandwidth, realtime, idle, and the CPUs and memory nodes.
 * config-linux: "CPU".
 *
 * Some of the kernel's files depend on each other: runtime <= period, burst <= quota, and a
 * share of the parent's time that is quota / period. A new cgroup takes them in any order
 * that ends well; in a live one (struct limits, now) every state in between must be right,
 * too.
 */
#include <inttypes.h>
#include <stdio.h>

#include "plan/limits.h"

#define CPU "linux.resources.cpu."

/* log2 of x >= 1, digit by digit; no libm for two functions that are called once per
 * container. */
static double log_2(double x)
{
	double digit = 1, result = 0;

	while (x >= 2) {
		x /= 2;
		result += 1;
	}
	for (int i = 0; i < 52; i++) {
		digit /= 2;
		x *= x;
		if (x >= 2) {
			x /= 2;
			result += digit;
		}
	}
	return result;
}

/* 10^x for 0 <= x <= 4: the series of e^y for y = x ln(10) / 64, squared six times. */
static double exp_10(double x)
{
	double y = x * 2.302585092994045684 / 64, term = 1, sum = 1;

	for (int i = 1; i < 20; i++) {
		term *= y / i;
		sum += term;
	}
	for (int i = 0; i < 6; i++)
		sum *= sum;
	return sum;
}

/*
 * [2, 262144] with default 1024 to [1, 10000] with default 100. The straight line that
 * was used until 2025 made 39 of 1024, and put containers at a disadvantage against
 * everything else on the host; runc 1.3.2 and crun 1.23 agreed on this curve through (2,
 * 1), (1024, 100) and (262144, 10000): 10^((l^2 + 125 l) / 612 - 7/34), l = log2(shares).
 */
uint32_t limits_cpu_weight(uint64_t shares)
{
	double l, weight;
	uint32_t whole;

	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	l = log_2((double)shares);
	weight = exp_10((l * l + 125 * l) / 612 - 7.0 / 34);
	whole = (uint32_t)weight;
	/* Rounded up, but for the noise of the arithmetic (1024 is 100, not 101). */
	return weight - whole > 1e-9 ? whole + 1 : whole;
}

/* What can be taken back to 0 in a live container. */
static bool is_given(const struct limits *l, bool set, uint64_t v)
{
	return v || (set && l->now);
}

static bool is_given_burst(const struct limits *l, const struct cpu *c)
{
	return is_given(l, c->burst.set, c->burst.v);
}

/* --- weight --- */

static void write_idle(struct limits *l, const struct cpu *c, const struct place *at)
{
	if (is_given(l, c->idle.set, (uint64_t)c->idle.v))
		limits_write(l, at, CPU "idle", "cpu.idle", "%" PRId64, c->idle.v);
}

/* The kernel refuses a weight while the group is idle. */
static int write_weight(struct limits *l, const struct cpu *c, const struct place *at)
{
	bool idle = l->now && l->now->idle.v && !c->idle.set;

	if (idle && c->shares.v)
		return err_at(l->p->e, ERR_CONFIG, CPU "shares",
			      "cpu.idle is 1: set that to 0, too");
	if (!c->idle.v)
		write_idle(l, c, at);
	if (c->shares.v && at->v2)
		limits_write(l, at, CPU "shares", "cpu.weight", "%" PRIu32,
			     limits_cpu_weight(c->shares.v));
	else if (c->shares.v)
		limits_write(l, at, CPU "shares", "cpu.shares", "%" PRIu64, c->shares.v);
	if (c->idle.v)
		write_idle(l, c, at);
	return 0;
}

/* --- bandwidth --- */

static void write_burst(struct limits *l, const struct cpu *c, const struct place *at)
{
	limits_write(l, at, CPU "burst", at->v2 ? "cpu.max.burst" : "cpu.cfs_burst_us",
		     "%" PRIu64, c->burst.v);
}

static void write_max_v2(struct limits *l, const struct cpu *c, const struct place *at)
{
	int64_t quota = c->quota.v;
	uint64_t period = c->period.v;
	char text[24] = "max";
	struct step *step;

	if (l->now && !quota)
		quota = l->now->quota.v;
	if (l->now && !period)
		period = l->now->period.v;
	if (quota > 0)
		snprintf(text, sizeof(text), "%" PRId64, quota);
	step = limits_write(l, at, c->quota.v ? CPU "quota" : CPU "period", "cpu.max",
			    "%s %" PRIu64, text, period ? period : 100000);
	step->policy = c->quota.v > 0 ? POL_FAIL : POL_SKIP_ENOENT;
}

/* The file that makes the smaller share comes first: quota / period never exceeds the
 * larger of what it was and what it will be, and so not the parent's. */
static void write_max_v1(struct limits *l, const struct cpu *c, const struct place *at)
{
	bool shorter = l->now && c->period.v && c->quota.v &&
		       c->period.v < l->now->period.v;

	if (c->period.v && !shorter)
		limits_write(l, at, CPU "period", "cpu.cfs_period_us", "%" PRIu64,
			     c->period.v);
	if (c->quota.v)
		limits_write(l, at, CPU "quota", "cpu.cfs_quota_us", "%" PRId64,
			     c->quota.v);
	if (shorter)
		limits_write(l, at, CPU "period", "cpu.cfs_period_us", "%" PRIu64,
			     c->period.v);
}

static int write_bandwidth(struct limits *l, const struct cpu *c, const struct place *at)
{
	bool below = l->now && c->quota.v > 0 && l->now->burst.v > (uint64_t)c->quota.v;

	if (below && !c->burst.set)
		return err_at(l->p->e, ERR_CONFIG, CPU "quota",
			      "below the cpu.burst in force (%" PRIu64
			      "): lower that, too",
			      l->now->burst.v);
	if (below)
		write_burst(l, c, at);
	if (at->v2 && (c->quota.v || c->period.v))
		write_max_v2(l, c, at);
	if (!at->v2)
		write_max_v1(l, c, at);
	if (!below && is_given_burst(l, c))
		write_burst(l, c, at);
	return 0;
}

/* --- realtime --- */

static void write_rt_period(struct limits *l, const struct cpu *c, const struct place *at)
{
	if (c->realtime_period.v)
		limits_write(l, at, CPU "realtimePeriod", "cpu.rt_period_us", "%" PRIu64,
			     c->realtime_period.v);
}

static void write_realtime(struct limits *l, const struct cpu *c, const struct place *at)
{
	bool shorter = l->now && c->realtime_period.v < l->now->rt_period.v;
	bool zero = c->realtime_runtime.set && !c->realtime_runtime.v;

	if (!shorter)
		write_rt_period(l, c, at);
	if (is_given(l, c->realtime_runtime.set, (uint64_t)c->realtime_runtime.v))
		limits_write(l, at, CPU "realtimeRuntime", "cpu.rt_runtime_us",
			     "%" PRId64, c->realtime_runtime.v)
			->policy = zero ? POL_SKIP_ENOENT : POL_FAIL;
	if (shorter)
		write_rt_period(l, c, at);
}

/* --- */

static int check_v2(struct limits *l, const struct cpu *c)
{
	bool runtime = c->realtime_runtime.v > 0;

	if (runtime || c->realtime_period.v)
		return limits_unsupported(
			l, runtime ? CPU "realtimeRuntime" : CPU "realtimePeriod",
			"cgroup v2 has no limits of realtime scheduling");
	return 0;
}

bool limits_needs_cpu(const struct cpu *c)
{
	return c && (c->shares.v || c->quota.v > 0 || c->period.v || c->burst.v ||
		     c->idle.v || c->realtime_period.v || c->realtime_runtime.v > 0);
}

static bool has_cpu(const struct limits *l, const struct cpu *c)
{
	if (limits_needs_cpu(c))
		return true;
	return c && host_hierarchy(l->h, CT_CPU) &&
	       (c->quota.v ||
		(l->now && (c->burst.set || c->idle.set || c->realtime_runtime.set)));
}

int limits_cpu(struct limits *l, const struct cpu *c)
{
	struct place at;

	if (!has_cpu(l, c))
		return 0;
	if (limits_place(l, CT_CPU, "linux.resources.cpu", &at) ||
	    (at.v2 && check_v2(l, c)) || write_weight(l, c, &at) ||
	    write_bandwidth(l, c, &at))
		return -1;
	if (!at.v2)
		write_realtime(l, c, &at);
	return 0;
}

int limits_cpuset(struct limits *l, const struct cpu *c)
{
	bool cpus = c && c->cpus && *c->cpus, mems = c && c->mems && *c->mems;
	struct place at;

	if (!cpus && !mems)
		return 0;
	if (limits_place(l, CT_CPUSET, cpus ? CPU "cpus" : CPU "mems", &at))
		return -1;
	if (cpus)
		limits_write(l, &at, CPU "cpus", "cpuset.cpus", "%s", c->cpus);
	if (mems)
		limits_write(l, &at, CPU "mems", "cpuset.mems", "%s", c->mems);
	return 0;
}
