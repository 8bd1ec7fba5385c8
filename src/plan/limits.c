/*
 * The limits of linux.resources as writes of {file, value}: entry, memory, cpu and pids.
 * config-linux: "Control groups".
 *
 * Each topic looks up the hierarchy that has its controller and writes the files of that
 * version; in a hybrid host both versions may occur in one plan. A limit that the host
 * cannot keep is an error, never left out in silence; zero and absent values are no
 * limits. memory.kernel is ignored, as the specification allows (kernels from 5.16 have
 * none), useHierarchy too (always so), and checkBeforeUpdate says nothing about a new,
 * empty cgroup.
 */
#include "plan/limits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define MEMORY "linux.resources.memory."
#define CPU    "linux.resources.cpu."

static const struct {
	uint32_t bit;
	const char *name;
} controller_names[] = {
	{ CT_CPU, "cpu" },         { CT_CPUSET, "cpuset" },     { CT_MEMORY, "memory" },
	{ CT_IO, "io" },           { CT_PIDS, "pids" },         { CT_HUGETLB, "hugetlb" },
	{ CT_NET_CLS, "net_cls" }, { CT_NET_PRIO, "net_prio" }, { CT_RDMA, "rdma" },
};

int limits_place(struct limits *l, uint32_t controller, const char *origin,
		 struct place *ret)
{
	const struct hierarchy *hy = host_hierarchy(l->h, controller);
	const char *name = "?";

	if (hy) {
		ret->slot = l->cg->slot[hy - l->h->hierarchies];
		ret->v2 = hy->v2;
		return 0;
	}
	for (size_t i = 0; i < sizeof(controller_names) / sizeof(controller_names[0]);
	     i++)
		if (controller_names[i].bit == controller)
			name = controller_names[i].name;
	return err_at(l->p->e, ERR_HOST, origin,
		      "this host has no cgroup controller \"%s\"", name);
}

struct step *limits_write(struct limits *l, const struct place *at, const char *origin,
			  const char *file, const char *fmt, ...)
{
	struct buf b;
	va_list ap;
	struct step *step = plan_host(l->p, OP_CGROUP_WRITE, "%s", origin);

	buf_init(&b, l->p->arena, 65536);
	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	step->slot[0] = (int16_t)at->slot;
	step->str[0] = plan_str(l->p, file);
	step->str[1] = plan_str(l->p, b.p);
	return step;
}

int limits_unsupported(struct limits *l, const char *origin, const char *what)
{
	return err_at(l->p->e, ERR_HOST, origin, "%s", what);
}

/* A number of bytes or processes. Negative = no limit: a new cgroup has none, so it
 * may do without the file. */
static void write_max(struct limits *l, const struct place *at, const char *origin,
		      const char *file, int64_t value)
{
	if (value < 0)
		limits_write(l, at, origin, file, "%s", at->v2 ? "max" : "-1")->policy =
			POL_SKIP_ENOENT;
	else
		limits_write(l, at, origin, file, "%" PRId64, value);
}

/* --- memory --- */

/* memory.swap counts memory and swap together, the file memory.swap.max swap alone. */
static int swap_v2(struct limits *l, const struct memory *m, const struct place *at)
{
	int64_t swap = m->swap.v;

	if (!l->h->has_swap) {
		/* Without swap nothing can be swapped out: "none" and "no limit" hold
		 * already. */
		if (swap < 0 || swap == m->limit.v)
			return 0;
		return err_at(l->p->e, ERR_HOST, MEMORY "swap",
			      "this kernel does not account swap");
	}
	write_max(l, at, MEMORY "swap", "memory.swap.max",
		  swap < 0 ? -1 : swap - m->limit.v);
	return 0;
}

static int swap_v1(struct limits *l, const struct memory *m, const struct place *at)
{
	if (!l->h->has_swap && m->swap.v > 0)
		return err_at(
			l->p->e, ERR_HOST, MEMORY "swap",
			"this kernel does not account swap (boot with swapaccount=1)");
	if (l->h->has_swap)
		write_max(l, at, MEMORY "swap", "memory.memsw.limit_in_bytes", m->swap.v);
	return 0;
}

static int memory_v2(struct limits *l, const struct memory *m, const struct place *at)
{
	if (m->limit.v)
		write_max(l, at, MEMORY "limit", "memory.max", m->limit.v);
	if (m->swap.v && swap_v2(l, m, at))
		return -1;
	if (m->reservation.v)
		write_max(l, at, MEMORY "reservation", "memory.low", m->reservation.v);
	if (m->kernel_tcp.v > 0)
		return limits_unsupported(l, MEMORY "kernelTCP",
					  "cgroup v2 has no limit of TCP memory");
	if (m->swappiness.set)
		return limits_unsupported(l, MEMORY "swappiness",
					  "cgroup v2 has no swappiness");
	if (m->disable_oom_killer.v)
		return limits_unsupported(l, MEMORY "disableOOMKiller",
					  "cgroup v2 cannot switch the OOM killer off");
	return 0;
}

/* Plain memory before memory and swap: the kernel keeps memsw >= memory. */
static int memory_v1(struct limits *l, const struct memory *m, const struct place *at)
{
	if (m->limit.v)
		write_max(l, at, MEMORY "limit", "memory.limit_in_bytes", m->limit.v);
	if (m->swap.v && swap_v1(l, m, at))
		return -1;
	if (m->reservation.v)
		write_max(l, at, MEMORY "reservation", "memory.soft_limit_in_bytes",
			  m->reservation.v);
	if (m->kernel_tcp.v)
		write_max(l, at, MEMORY "kernelTCP", "memory.kmem.tcp.limit_in_bytes",
			  m->kernel_tcp.v);
	if (m->swappiness.set)
		limits_write(l, at, MEMORY "swappiness", "memory.swappiness", "%" PRIu64,
			     m->swappiness.v);
	if (m->disable_oom_killer.v)
		limits_write(l, at, MEMORY "disableOOMKiller", "memory.oom_control", "1");
	return 0;
}

static bool needs_memory(const struct memory *m)
{
	return m && (m->limit.v > 0 || m->swap.v > 0 || m->reservation.v > 0 ||
		     m->kernel_tcp.v > 0 || m->swappiness.set || m->disable_oom_killer.v);
}

/* "No limit" counts only where there could be one. */
static bool has_memory(const struct limits *l, const struct memory *m)
{
	return needs_memory(m) ||
	       (m && host_hierarchy(l->h, CT_MEMORY) &&
		(m->limit.v || m->swap.v || m->reservation.v || m->kernel_tcp.v));
}

static int limits_memory(struct limits *l, const struct memory *m)
{
	struct place at;

	if (!has_memory(l, m))
		return 0;
	if (m->swap.v > 0 && m->limit.v > 0 && m->swap.v < m->limit.v)
		return err_at(l->p->e, ERR_CONFIG, MEMORY "swap",
			      "memory and swap together (%" PRId64
			      ") cannot be less than memory.limit (%" PRId64 ")",
			      m->swap.v, m->limit.v);
	if (limits_place(l, CT_MEMORY, "linux.resources.memory", &at))
		return -1;
	/* v2 counts swap apart, so the sum says nothing where memory is not limited. */
	if (at.v2 && m->swap.v > 0 && m->limit.v <= 0)
		return err_at(l->p->e, ERR_CONFIG, MEMORY "swap",
			      "a limit of memory and swap needs memory.limit");
	return at.v2 ? memory_v2(l, m, &at) : memory_v1(l, m, &at);
}

/* --- cpu --- */

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

static int cpu_v2(struct limits *l, const struct cpu *c, const struct place *at)
{
	char quota[24] = "max";

	if (c->realtime_runtime.v > 0 || c->realtime_period.v)
		return limits_unsupported(
			l,
			c->realtime_runtime.v > 0 ? CPU "realtimeRuntime"
						  : CPU "realtimePeriod",
			"cgroup v2 has no limits of realtime scheduling");
	if (c->shares.v)
		limits_write(l, at, CPU "shares", "cpu.weight", "%" PRIu32,
			     limits_cpu_weight(c->shares.v));
	if (c->quota.v > 0)
		snprintf(quota, sizeof(quota), "%" PRId64, c->quota.v);
	if (c->quota.v || c->period.v) {
		struct step *step = limits_write(
			l, at, c->quota.v ? CPU "quota" : CPU "period", "cpu.max",
			"%s %" PRIu64, quota, c->period.v ? c->period.v : 100000);

		step->policy = c->quota.v > 0 ? POL_FAIL : POL_SKIP_ENOENT;
	}
	return 0;
}

static void cpu_v1(struct limits *l, const struct cpu *c, const struct place *at)
{
	if (c->shares.v)
		limits_write(l, at, CPU "shares", "cpu.shares", "%" PRIu64, c->shares.v);
	if (c->period.v)
		limits_write(l, at, CPU "period", "cpu.cfs_period_us", "%" PRIu64,
			     c->period.v);
	if (c->quota.v)
		limits_write(l, at, CPU "quota", "cpu.cfs_quota_us", "%" PRId64,
			     c->quota.v);
	if (c->realtime_period.v)
		limits_write(l, at, CPU "realtimePeriod", "cpu.rt_period_us", "%" PRIu64,
			     c->realtime_period.v);
	if (c->realtime_runtime.v)
		limits_write(l, at, CPU "realtimeRuntime", "cpu.rt_runtime_us",
			     "%" PRId64, c->realtime_runtime.v);
}

static bool needs_cpu(const struct cpu *c)
{
	return c && (c->shares.v || c->quota.v > 0 || c->period.v || c->burst.v ||
		     c->idle.v || c->realtime_period.v || c->realtime_runtime.v > 0);
}

static bool has_cpu(const struct limits *l, const struct cpu *c)
{
	return needs_cpu(c) || (c && c->quota.v && host_hierarchy(l->h, CT_CPU));
}

static int limits_cpu(struct limits *l, const struct cpu *c)
{
	struct place at;

	if (!has_cpu(l, c))
		return 0;
	if (limits_place(l, CT_CPU, "linux.resources.cpu", &at))
		return -1;
	if (at.v2 && cpu_v2(l, c, &at))
		return -1;
	if (!at.v2)
		cpu_v1(l, c, &at);
	/* The kernel wants burst <= quota, so after it; and refuses a weight once the
	 * group is idle. */
	if (c->burst.v)
		limits_write(l, &at, CPU "burst",
			     at.v2 ? "cpu.max.burst" : "cpu.cfs_burst_us", "%" PRIu64,
			     c->burst.v);
	if (c->idle.v)
		limits_write(l, &at, CPU "idle", "cpu.idle", "%" PRId64, c->idle.v);
	return 0;
}

static int limits_cpuset(struct limits *l, const struct cpu *c)
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

/* --- pids, and all together --- */

static int limits_pids(struct limits *l, const struct pids *pids)
{
	static const char origin[] = "linux.resources.pids.limit";
	struct place at;

	if (!pids || !pids->limit.set ||
	    (pids->limit.v < 0 && !host_hierarchy(l->h, CT_PIDS)))
		return 0;
	if (limits_place(l, CT_PIDS, origin, &at))
		return -1;
	/* 0 is a limit since runtime-spec 1.3. A container has one process at least: 0
	 * and 1 are the same for it, but 0 would refuse an exec into it in the wrong
	 * place, and systemd has no 0 at all. */
	at.v2 = true; /* "max" in both versions */
	write_max(l, &at, origin, "pids.max", pids->limit.v ? pids->limit.v : 1);
	return 0;
}

static bool has_io(const struct block_io *io)
{
	return io &&
	       (io->weight.v || io->leaf_weight.v || io->weight_device.n ||
		io->read_bps.n || io->write_bps.n || io->read_iops.n || io->write_iops.n);
}

uint32_t limits_controllers(const struct resources *r, const struct host *h)
{
	uint32_t need = 0;

	if (!r || h->cgroup_mode == CGM_NONE)
		return 0;
	need |= needs_memory(r->memory) ? CT_MEMORY : 0;
	need |= needs_cpu(r->cpu) ? CT_CPU : 0;
	if (r->cpu &&
	    ((r->cpu->cpus && *r->cpu->cpus) || (r->cpu->mems && *r->cpu->mems)))
		need |= CT_CPUSET;
	need |= r->pids && r->pids->limit.set && r->pids->limit.v >= 0 ? CT_PIDS : 0;
	need |= has_io(r->block_io) ? CT_IO : 0;
	need |= r->hugepage_limits.n ? CT_HUGETLB : 0;
	need |= r->network && r->network->class_id.v ? CT_NET_CLS : 0;
	need |= r->network && r->network->priorities.n ? CT_NET_PRIO : 0;
	need |= r->rdma.n ? CT_RDMA : 0;
	return need | limits_unified_controllers(r);
}

int plan_cgroup_limits(struct plan *p, const struct spec *s, const struct host *h,
		       const struct cgroup_plan *cg)
{
	const struct resources *r = s->linux_ ? s->linux_->resources : NULL;
	struct limits l = { .p = p, .h = h, .cg = cg };

	/* --cgroup-manager disabled: the caller has said that nothing shall be limited
	 * here. */
	if (!p->cgroup_path && h->cgroup_mode != CGM_NONE)
		return 0;
	if (!r)
		return 0;
	if (limits_memory(&l, r->memory) || limits_cpu(&l, r->cpu) ||
	    limits_cpuset(&l, r->cpu) || limits_pids(&l, r->pids))
		return -1;
	if ((has_io(r->block_io) && limits_io(&l, r->block_io)) ||
	    limits_hugepages(&l, r) || limits_network(&l, r->network) ||
	    limits_rdma(&l, r))
		return -1;
	/* Last: what is written by its file name wins over what it was translated to. */
	return limits_unified(&l, r);
}
