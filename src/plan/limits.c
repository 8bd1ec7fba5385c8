/*
 * The limits of linux.resources as writes of {file, value}: entry and pids; the other
 * topics are in limits_*.c. config-linux: "Control groups".
 *
 * Each topic looks up the hierarchy that has its controller and writes the files of that
 * version; in a hybrid host both versions may occur in one plan. A limit that the host
 * cannot keep is an error, never left out in silence; zero and absent values are no
 * limits.
 */
#include "plan/limits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

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
	/* The file of an update has no linux.resources around it. */
	size_t skip = l->now ? strlen("linux.resources.") : 0;
	struct step *step = plan_host(l->p, OP_CGROUP_WRITE, "%s", origin + skip);

	buf_init(&b, l->p->arena, 65536);
	va_start(ap, fmt);
	buf_vfmt(&b, fmt, ap);
	va_end(ap);
	step->slot[0] = (int16_t)at->slot;
	step->str[0] = plan_str(l->p, file);
	step->str[1] = plan_str(l->p, b.p);
	step->flags = l->now ? STEP_PUT_BACK : 0;
	return step;
}

int limits_unsupported(struct limits *l, const char *origin, const char *what)
{
	return err_at(l->p->e, ERR_HOST, origin, "%s", what);
}

/* A new cgroup has no limit, so it may do without the file. */
void limits_max(struct limits *l, const struct place *at, const char *origin,
		const char *file, int64_t value)
{
	if (value < 0)
		limits_write(l, at, origin, file, "%s", at->v2 ? "max" : "-1")->policy =
			POL_SKIP_ENOENT;
	else
		limits_write(l, at, origin, file, "%" PRId64, value);
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
	limits_max(l, &at, origin, "pids.max", pids->limit.v ? pids->limit.v : 1);
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
	need |= limits_needs_memory(r->memory) ? CT_MEMORY : 0;
	need |= limits_needs_cpu(r->cpu) ? CT_CPU : 0;
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

int limits_all(struct limits *l, const struct resources *r)
{
	if (limits_memory(l, r->memory) || limits_cpu(l, r->cpu) ||
	    limits_cpuset(l, r->cpu) || limits_pids(l, r->pids))
		return -1;
	if ((has_io(r->block_io) && limits_io(l, r->block_io)) ||
	    limits_hugepages(l, r) || limits_network(l, r->network) || limits_rdma(l, r))
		return -1;
	/* Last: what is written by its file name wins over what it was translated to. */
	return limits_unified(l, r);
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
	return r ? limits_all(&l, r) : 0;
}
