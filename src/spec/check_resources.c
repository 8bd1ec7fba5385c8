/* Rules of linux.resources, which `update` shares: prefix is "linux.resources" or "". */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "spec/check.h"

struct part {
	struct check *c;
	const struct resources *r;
	const char *dot;
};

#define AT(t, fmt, ...) check_at((t)->c, "%s" fmt, (t)->dot, ##__VA_ARGS__)

static void check_rules(const struct part *t)
{
	for (size_t i = 0; i < t->r->devices.n; i++) {
		const struct device_rule *d = &t->r->devices.v[i];
		bool all = !d->type || !strcmp(d->type, "a");

		if (!all && (strlen(d->type) != 1 || !strchr("cb", d->type[0])))
			check_fault(t->c, AT(t, "devices[%zu].type", i),
				    "unknown device type \"%s\" (one of: a, c, b)",
				    d->type);
		if (d->access && d->access[strspn(d->access, "rwm")])
			check_fault(t->c, AT(t, "devices[%zu].access", i),
				    "may consist of r, w and m only");
		if (d->type && all &&
		    ((d->major.set && d->major.v >= 0) ||
		     (d->minor.set && d->minor.v >= 0)))
			check_warn(t->c, AT(t, "devices[%zu]", i),
				   "type a means all devices: major and minor have no "
				   "effect");
	}
}

static void check_memory(const struct part *t)
{
	const struct memory *m = t->r->memory;
	bool limited = m && m->limit.set && m->limit.v > 0;

	if (!m)
		return;
	if (m->swap.set && m->swap.v > 0 && limited && m->swap.v < m->limit.v)
		check_fault(t->c, AT(t, "memory.swap"),
			    "below memory.limit: it counts memory and swap together");
	/* `update` may change one of them alone. */
	if (m->swap.set && m->swap.v > 0 && !limited && t->c->spec)
		check_fault(t->c, AT(t, "memory.swap"), "needs memory.limit too");
	if (limited && m->reservation.set && m->reservation.v > m->limit.v)
		check_warn(t->c, AT(t, "memory.reservation"),
			   "above memory.limit: has no effect");
	if (m->kernel.set)
		check_warn(t->c, AT(t, "memory.kernel"),
			   "has no effect: kernels have no such limit any more");
}

static void check_cpu_time(const struct part *t, const struct cpu *u)
{
	if (u->quota.set && u->quota.v > 0 && u->quota.v < 1000)
		check_fault(t->c, AT(t, "cpu.quota"),
			    "at least 1000 microseconds, or -1 for no limit");
	if (u->period.set && u->period.v && (u->period.v < 1000 || u->period.v > 1000000))
		check_fault(t->c, AT(t, "cpu.period"),
			    "out of range (1000 to 1000000 microseconds)");
	if (u->burst.set && u->quota.set && u->quota.v > 0 &&
	    u->burst.v > (uint64_t)u->quota.v)
		check_fault(t->c, AT(t, "cpu.burst"), "above cpu.quota: lower it");
	if (u->shares.set && u->shares.v && (u->shares.v < 2 || u->shares.v > 262144))
		check_warn(t->c, AT(t, "cpu.shares"),
			   "out of range (2 to 262144): the nearest is taken");
	if (u->realtime_runtime.set && u->realtime_period.set &&
	    u->realtime_runtime.v > 0 &&
	    (uint64_t)u->realtime_runtime.v > u->realtime_period.v)
		check_fault(t->c, AT(t, "cpu.realtimeRuntime"),
			    "above cpu.realtimePeriod: lower it");
}

static void check_cpu(const struct part *t)
{
	const struct cpu *u = t->r->cpu;

	if (!u)
		return;
	check_cpu_time(t, u);
	if (u->cpus && !check_is_list(u->cpus))
		check_fault(t->c, AT(t, "cpu.cpus"), "not a list of CPUs such as 0-3,7");
	if (u->mems && !check_is_list(u->mems))
		check_fault(t->c, AT(t, "cpu.mems"),
			    "not a list of memory nodes such as 0-1");
	if (u->idle.set && u->idle.v && u->shares.set && u->shares.v)
		check_warn(t->c, AT(t, "cpu.shares"), "has no effect with cpu.idle");
}

static bool is_weight(const struct opt_u64 *w)
{
	return !w->set || !w->v || (w->v >= 10 && w->v <= 1000);
}

static void check_throttle(const struct part *t, const throttles *l, const char *key)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].major < 0 || l->v[i].minor < 0)
			check_fault(t->c, AT(t, "blockIO.%s[%zu]", key, i),
				    "major and minor must not be negative");
}

static void check_block_io(const struct part *t)
{
	const struct block_io *b = t->r->block_io;

	if (!b)
		return;
	if (!is_weight(&b->weight))
		check_fault(t->c, AT(t, "blockIO.weight"), "out of range (10 to 1000)");
	for (size_t i = 0; i < b->weight_device.n; i++) {
		const struct weight_device *d = &b->weight_device.v[i];

		if (!d->weight.set && !d->leaf_weight.set)
			check_fault(t->c, AT(t, "blockIO.weightDevice[%zu]", i),
				    "needs a weight");
		if (!is_weight(&d->weight))
			check_fault(t->c, AT(t, "blockIO.weightDevice[%zu].weight", i),
				    "out of range (10 to 1000)");
		if (d->major < 0 || d->minor < 0)
			check_fault(t->c, AT(t, "blockIO.weightDevice[%zu]", i),
				    "major and minor must not be negative");
	}
	check_throttle(t, &b->read_bps, "throttleReadBpsDevice");
	check_throttle(t, &b->write_bps, "throttleWriteBpsDevice");
	check_throttle(t, &b->read_iops, "throttleReadIOPSDevice");
	check_throttle(t, &b->write_iops, "throttleWriteIOPSDevice");
}

/* 2MB, 64KB, 1GB: as the kernel names its files. */
static bool is_page_size(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && n < 8 && s[0] != '0' && s[n] && strchr("KMG", s[n]) &&
	       !strcmp(s + n + 1, "B");
}

static void check_pages(const struct part *t)
{
	for (size_t i = 0; i < t->r->hugepage_limits.n; i++) {
		const struct hugepage *h = &t->r->hugepage_limits.v[i];

		if (!h->page_size)
			continue;
		if (!is_page_size(h->page_size))
			check_fault(t->c, AT(t, "hugepageLimits[%zu].pageSize", i),
				    "not a page size such as 64KB, 2MB or 1GB");
		for (size_t k = 0; k < i && i < 64; k++)
			if (t->r->hugepage_limits.v[k].page_size &&
			    !strcmp(h->page_size, t->r->hugepage_limits.v[k].page_size))
				check_fault(t->c,
					    AT(t, "hugepageLimits[%zu].pageSize", i),
					    "%s is given twice: keep one", h->page_size);
	}
}

static void check_files(const struct part *t)
{
	for (size_t i = 0; i < t->r->rdma.n; i++) {
		const struct rdma *d = &t->r->rdma.v[i];

		if (!d->hca_handles.set && !d->hca_objects.set)
			check_fault(t->c, AT(t, "rdma.%.64s", d->name),
				    "needs hcaHandles or hcaObjects");
		if (!*d->name || strpbrk(d->name, " \t") || check_has_control(d->name))
			check_fault(t->c, AT(t, "rdma"),
				    "a name is empty or contains space");
	}
	for (size_t i = 0; i < t->r->unified.n; i++) {
		const char *key = t->r->unified.v[i].key;

		if (!strchr(key, '.') || *key == '.' || strchr(key, '/') ||
		    check_has_control(key))
			check_fault(
				t->c, AT(t, "unified"),
				"\"%.64s\" is not a file of a cgroup such as memory.high",
				check_has_control(key) ? "..." : key);
	}
	for (size_t i = 0; t->r->network && i < t->r->network->priorities.n; i++)
		if (t->r->network->priorities.v[i].name &&
		    !*t->r->network->priorities.v[i].name)
			check_fault(t->c, AT(t, "network.priorities[%zu].name", i),
				    "must not be empty");
}

void check_resources(struct check *c, const struct resources *r, const char *prefix)
{
	struct part t = { .c = c, .r = r, .dot = *prefix ? "linux.resources." : "" };

	check_rules(&t);
	check_memory(&t);
	check_cpu(&t);
	check_block_io(&t);
	check_pages(&t);
	check_files(&t);
}
