/*
 * The steps by which systemd makes the container's cgroup. The helper is started before init is, so that its libraries
 * are loaded and its connection stands while skiff makes its own preparations; everything it has to say to systemd is one
 * StartTransientUnit with init's pid. Init waits until it is in the container's cgroup: nothing that counts is done
 * elsewhere.
 *
 * Delegate=yes leaves what is below the scope to us, its own files to systemd: the container lives in a directory below
 * it, where limits are written as without systemd. The unit has them as properties, too: for people who look, and for
 * systemd, which would write its defaults otherwise.
 *
 * With version 1 that directory has the same path in each hierarchy. Where systemd makes none for the scope, in those of
 * cpuset, freezer and others, we do.
 */
#include "plan/unit.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "plan/parts.h"

enum { OWN_PROPERTIES = 32 };

void unit_properties_init(struct unit_properties *u, struct plan *p, size_t max)
{
	*u = (struct unit_properties){ .p = p,
				       .v = arena_array(p->arena, max, sizeof(*u->v)),
				       .max = max };
}

void unit_set_words(struct unit_properties *u, const char *origin, const char *name,
		    const char *type, const char *const *words, size_t n)
{
	size_t i = 0;

	while (i < u->n && strcmp(u->v[i].name, name) != 0)
		i++;
	if (i == u->max)
		return;
	u->v[i] = (struct unit_property){ origin, name, type, words, n };
	u->n += i == u->n;
}

void unit_set(struct unit_properties *u, const char *origin, const char *name,
	      const char *type, const char *word, ...)
{
	const char **v = arena_array(u->p->arena, 1, sizeof(*v));
	struct buf b;
	va_list ap;

	buf_init(&b, u->p->arena, 65536);
	va_start(ap, word);
	buf_vfmt(&b, word, ap);
	va_end(ap);
	v[0] = b.p ? b.p : "";
	unit_set_words(u, origin, name, type, v, 1);
}

static void property_steps(const struct unit_properties *u)
{
	for (size_t i = 0; i < u->n; i++) {
		const struct unit_property *y = &u->v[i];
		struct step *s = plan_host(u->p, OP_UNIT_PROPERTY, "%s",
					   y->origin ? y->origin : "");
		uint32_t name = plan_str(u->p, y->name), type = plan_str(u->p, y->type);

		plan_list(u->p, y->words, y->n);
		s->str[0] = name;
		s->str[1] = type;
		s->word[0] = y->n + 1;
	}
}

static void set_identity(struct unit_properties *u, const struct unit_place *at,
			 const struct plan_opts *o)
{
	unit_set(u, NULL, "Description", "s", "skiff container %s", o->id);
	unit_set(u, "linux.cgroupsPath", "Slice", "s", "%s", at->slice);
	unit_set(u, NULL, "Delegate", "b", "true");
	/* Else the scope would be stopped before services that the container may need. */
	unit_set(u, NULL, "DefaultDependencies", "b", "false");
	/* A failed unit goes without anybody's doing, and its name is free again. */
	unit_set(u, NULL, "CollectMode", "s", "inactive-or-failed");
}

static void open_step(struct plan *p, const char *unit, const struct host *h)
{
	strs to = unit_addresses(p->arena, h);
	uint32_t list = plan_list(p, (const char *const *)to.v, to.n);
	struct step *s = plan_host(p, OP_UNIT_OPEN, "linux.cgroupsPath");

	s->str[0] = plan_str(p, unit);
	s->str[1] = list;
	s->word[1] = to.n;
	s->slot[0] = SLOT_UNIT;
}

static void take_slots(struct plan *p, const struct host *h, const struct resources *r,
		       struct cgroup_plan *cg)
{
	cg->must_join = true;
	for (size_t i = 0; i < h->n_hierarchies; i++) {
		const struct hierarchy *hy = &h->hierarchies[i];

		if (hy->v2) {
			cg->into = cg->slot[i] = SLOT_CGROUP;
			cg->controllers = cgroup_wanted(r, h, hy);
		} else if (!(hy->controllers & CT_OTHER)) {
			cg->slot[i] = plan_slot(p);
		}
	}
}

int plan_unit_open(struct plan *p, const struct spec *s, const struct host *h,
		   const struct plan_opts *o, struct cgroup_plan *cg)
{
	const struct resources *r = s->linux_ ? s->linux_->resources : NULL;
	struct unit_properties u;
	struct unit_place at;

	if (unit_choose(p, s, h, o, &at))
		return -1;
	unit_properties_init(&u, p, OWN_PROPERTIES + s->annotations.n);
	set_identity(&u, &at, o);
	if (r)
		unit_limits(&u, r, h);
	/* Else no reload reaches the rules. */
	if (h->cgroup_mode != CGM_V2 && !strcmp(at.path, at.dir) &&
	    unit_devices_v1(&u, s))
		return -1;
	if (unit_annotations(&u, s))
		return -1;
	p->unit = at.unit;
	p->unit_dir = at.dir;
	p->cgroup_path = at.path;
	take_slots(p, h, r, cg);
	open_step(p, at.unit, h);
	property_steps(&u);
	return 0;
}

static struct step *cgroup_step(struct plan *p, enum op op, const struct hierarchy *hy,
				const char *path, int slot)
{
	struct step *s = plan_host(p, op, "linux.cgroupsPath");

	s->str[0] = plan_str(p, hy->mount);
	s->str[1] = plan_str(p, path);
	s->slot[0] = (int16_t)slot;
	s->flags = hy->v2 ? 0 : STEP_V1;
	return s;
}

/* Below the scope everything is ours to make. */
static bool is_below(const struct plan *p)
{
	return strlen(p->cgroup_path) > strlen(p->unit_dir);
}

static void enter_v2(struct plan *p, const struct host *h, const struct cgroup_plan *cg)
{
	bool joins = is_below(p) || host_v2(h) != unit_tree(h);

	if (joins)
		plan_host(p, OP_CGROUP_JOIN, "linux.cgroupsPath")->slot[0] = SLOT_CGROUP;
	if (!cg->controllers)
		return;
	/* Only when nobody is in the scope itself can it hand its controllers on. */
	cgroup_step(p, OP_CGROUP_ENABLE, host_v2(h), p->cgroup_path, SLOT_CGROUP)
		->word[0] = joins ? cg->controllers
				  : CT_REQUIRED(cg->controllers >> 16) |
					    cg->controllers >> 16;
}

void plan_unit_start(struct plan *p, const struct host *h, const struct cgroup_plan *cg)
{
	cgroup_step(p, OP_UNIT_START, unit_tree(h), p->unit_dir, SLOT_UNIT)->flags = 0;
	for (size_t i = 0; i < h->n_hierarchies; i++) {
		const struct hierarchy *hy = &h->hierarchies[i];
		uint32_t inherited = hy->v2 ? 0 : hy->controllers & CT_CPUSET;
		bool ours = !unit_has(h, hy);
		struct step *s;

		if (cg->slot[i] == SLOT_NONE)
			continue;
		/* A step of its own, so that a failure later on removes it. */
		if (ours && is_below(p)) {
			s = cgroup_step(p, OP_CGROUP_MAKE, hy, p->unit_dir, cg->slot[i]);
			s->word[0] = inherited;
			s->word[1] = CGROUP_ANYBODYS;
		}
		s = cgroup_step(p, OP_CGROUP_MAKE, hy, p->cgroup_path, cg->slot[i]);
		s->word[0] = inherited;
		s->word[1] = is_below(p) ? 1 : CGROUP_ANYBODYS;
	}
	if (cg->into != SLOT_NONE)
		enter_v2(p, h, cg);
	plan_host(p, OP_STATE_CONFIG, NULL);
}

void plan_unit_join(struct plan *p, const struct host *h,
		    const struct plan_target *target, const char *sub,
		    struct cgroup_plan *cg)
{
	const struct hierarchy *v2 = host_v2(h);
	const char *dir = target->cgroups[v2 - h->hierarchies];
	size_t n = target->unit_dir ? strlen(target->unit_dir) : 0;

	if (!n || !target->unit || strncmp(dir, target->unit_dir, n) != 0 ||
	    !unit_is_foreign(h, dir + strlen(v2->mount)))
		return;
	cg->into = SLOT_NONE;
	cg->must_join = true;
	cg->unit = target->unit;
	cg->sub = arena_printf(p->arena, "%s%s", dir + n, sub);
	open_step(p, cg->unit, h);
}

void plan_unit_attach(struct plan *p, const struct cgroup_plan *cg)
{
	struct step *s = plan_host(p, OP_UNIT_ATTACH, NULL);

	s->str[0] = plan_str(p, cg->unit);
	s->str[1] = plan_str(p, cg->sub);
	s->slot[0] = SLOT_UNIT;
}

/* --- update --- */

/* What was translated is translated again: so both have the same values, also those that depend on what was before. */
static void changed_files(struct unit_properties *u, const struct limits_now *now,
			  const struct resources *r)
{
	struct plan *p = u->p;

	for (size_t i = 0; i < p->host.n; i++) {
		const struct step *w = &p->host.v[i];

		if (w->op == OP_CGROUP_WRITE && w->slot[0] == SLOT_CGROUP)
			unit_file(u, arena_strdup(p->arena, plan_text(p, w->origin)),
				  arena_strdup(p->arena, plan_text(p, w->str[0])),
				  arena_strdup(p->arena, plan_text(p, w->str[1])));
	}
	if (r->block_io)
		unit_io(u, r->block_io, false);
	/* See unit_limits.c about bursts. */
	if (u->n && now->burst.v && !(r->cpu && r->cpu->burst.set))
		unit_set(u, "cpu.burst", "CPUQuotaPerSecUSec", "t", "%" PRIu64,
			 UINT64_MAX);
}

void plan_unit_loosen(struct plan *p, const struct resources *r, const struct host *h,
		      const struct plan_target *target)
{
	const struct hierarchy *hy = host_hierarchy(h, CT_CPU), *tree = unit_tree(h);
	const struct cpu *c = r->cpu;
	const char *scope, *own;
	struct step *s;
	int slot;

	if (h->cgroup_mode == CGM_V2 || !hy || hy->v2 || !tree || !target->unit_dir ||
	    !c || !(c->quota.v || c->period.v || c->burst.set))
		return;
	scope = target->unit_dir + strlen(tree->mount);
	own = target->cgroups[hy - h->hierarchies];
	if (!own || !strcmp(own + strlen(hy->mount), scope))
		return;
	/* Version 1 refuses what is more than the one above has; systemd gives that its new quota after this. */
	slot = plan_slot(p);
	cgroup_step(p, OP_CGROUP_MAKE, hy, scope, slot);
	s = plan_host(p, OP_CGROUP_WRITE, "cpu.quota");
	s->slot[0] = (int16_t)slot;
	s->str[0] = plan_str(p, "cpu.cfs_quota_us");
	s->str[1] = plan_str(p, "-1");
	s->policy = POL_SKIP_ENOENT;
	s->flags = STEP_PUT_BACK;
}

void plan_unit_update(struct plan *p, const struct resources *r, const struct host *h,
		      const struct limits_now *now, const char *unit, bool *ret_set)
{
	struct unit_properties u;
	struct step *s;

	*ret_set = false;
	unit_properties_init(&u, p, OWN_PROPERTIES);
	if (h->cgroup_mode == CGM_V2)
		changed_files(&u, now, r);
	else
		unit_limits_v1(&u, r, now);
	if (!u.n)
		return;
	open_step(p, unit, h);
	property_steps(&u);
	s = plan_host(p, OP_UNIT_SET, NULL);
	s->str[0] = plan_str(p, unit);
	s->slot[0] = SLOT_UNIT;
	*ret_set = true;
}

void plan_unit_keep(struct plan *p)
{
	plan_host(p, OP_UNIT_KEEP, NULL)->slot[0] = SLOT_UNIT;
}
