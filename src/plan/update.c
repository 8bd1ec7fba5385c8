/*
 * plan_build_update: new limits and device rules for a live container, as HOST steps. What
 * the cgroups say now is among the facts: the order of writes, and what is left as it is,
 * depend on it. Every write is remembered, so that a failing one takes all back.
 */
#include "plan/update.h"

#include <string.h>

#include "plan/device_rules.h"
#include "plan/parts.h"
#include "plan/unit.h"

/* The container's cgroups, with the controllers that the new limits need. */
static void open_cgroups(struct limits *l, const struct plan_target *target,
			 uint32_t needed, struct cgroup_plan *cg)
{
	*cg = (struct cgroup_plan){ .into = SLOT_NONE };
	for (size_t i = 0; i < HIERARCHIES_MAX; i++)
		cg->slot[i] = SLOT_NONE;
	for (size_t i = 0; i < l->h->n_hierarchies; i++) {
		const struct hierarchy *hy = &l->h->hierarchies[i];
		uint32_t required = hy->v2 ? needed & hy->controllers : 0;
		struct step *step;

		if (!target->cgroups[i])
			continue;
		cg->slot[i] = hy->v2 ? SLOT_CGROUP : plan_slot(l->p);
		step = plan_host(l->p, OP_CGROUP_MAKE, NULL);
		step->str[0] = plan_str(l->p, hy->mount);
		step->str[1] = plan_str(l->p, target->cgroups[i] + strlen(hy->mount));
		step->slot[0] = (int16_t)cg->slot[i];
		step->word[0] = required | CT_REQUIRED(required);
		step->flags = hy->v2 ? 0 : STEP_V1;
	}
}

static bool has_cgroup(const struct host *h, const struct plan_target *target)
{
	for (size_t i = 0; i < h->n_hierarchies; i++)
		if (target->cgroups[i])
			return true;
	return false;
}

/* The file of an update has no linux.resources around it. */
static int shorten_origin(struct err *e)
{
	static const char prefix[] = "linux.resources.";
	size_t n = sizeof(prefix) - 1;

	if (!strncmp(e->origin, prefix, n))
		memmove(e->origin, e->origin + n, strlen(e->origin + n) + 1);
	return -1;
}

/* With version 1 rules in the scope itself are systemd's to write again. */
static void warn_devices(struct build *b, const struct resources *r,
			 const struct plan_target *target)
{
	const struct hierarchy *hy = devices_v1_hierarchy(b->host);
	const char *own = hy ? target->cgroups[hy - b->host->hierarchies] : NULL;
	size_t n = target->unit ? strlen(target->unit) : 0, len = own ? strlen(own) : 0;

	if (r->devices.n && n && len > n && !strcmp(own + len - n, target->unit))
		part_warn(b,
			  "devices: the container lives in %s itself "
			  "(run.oci.systemd.subgroup): the next reload of systemd's "
			  "brings the old rules back",
			  target->unit);
}

int plan_build_update(const struct plan_update *u, const struct host *host,
		      const struct plan_target *target, struct arena *arena,
		      struct plan *ret, struct err *e)
{
	struct build b = { .p = ret, .host = host, .e = e };
	struct cgroup_plan cg;
	struct limits l = { .p = ret, .h = host, .cg = &cg, .now = u->now };
	bool of_unit = false;

	plan_start(ret, arena, e);
	ret->headline = part_headline(&b);
	if (!has_cgroup(host, target))
		return err_set(e, ERR_STATE,
			       "the container has no cgroup of its own: there is nothing "
			       "to update");
	open_cgroups(&l, target, limits_controllers(u->resources, host), &cg);
	warn_devices(&b, u->resources, target);
	if (target->unit)
		plan_unit_loosen(ret, u->resources, host, target);
	if (limits_all(&l, u->resources) || devices_update(&l, u->resources, u->devices))
		return shorten_origin(e);
	if (target->unit)
		plan_unit_update(ret, u->resources, host, u->now, target->unit, &of_unit);
	/* These are not put back: they come last. */
	if (u->schemata) {
		struct step *step = plan_host(ret, OP_RESCTRL_WRITE, NULL);

		step->str[0] = plan_str(ret, u->resctrl);
		step->str[1] = plan_str(ret, u->schemata);
	}
	if (of_unit)
		plan_unit_keep(ret);
	return plan_end(ret);
}
