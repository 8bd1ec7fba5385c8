/*
 * Where the container's cgroup is and the steps that make it, open it (exec) and enter
 * it. config-linux: "Cgroups path".
 *
 * The path is one for all hierarchies, below their roots. Written absolute: as it is.
 * Written relative, or not at all ("skiff-ID"): below the root for root, as engines
 * expect; beside the caller's own cgroup for everybody else, since the own one holds
 * processes and can therefore not hand controllers on (cgroup v2: "no internal
 * processes"). The default is a single directory, so nothing is left when it goes. What
 * the limits are is limits.c's business.
 */
#include <string.h>

#include "plan/limits.h"
#include "plan/unit.h"

/* Controllers that are enabled even without a limit, where the host has them:
 * statistics need them. */
#define CT_STATS (CT_CPU | CT_IO | CT_MEMORY | CT_PIDS)

static const char origin_path[] = "linux.cgroupsPath";

int cgroup_path_clean(struct plan *p, const char *origin, const char *path,
		      const char **ret)
{
	struct buf b;

	buf_init(&b, p->arena, 4096);
	for (const char *s = path; *s;) {
		size_t n = strcspn(s, "/");

		if (n == 2 && !memcmp(s, "..", 2))
			return err_at(p->e, ERR_CONFIG, origin,
				      "\"..\" is not allowed in a cgroup path");
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)s[i] < ' ' || s[i] == 127)
				return err_at(p->e, ERR_CONFIG, origin,
					      "control character in a cgroup path");
		if (n > 255)
			return err_at(
				p->e, ERR_CONFIG, origin,
				"a part of the cgroup path is longer than 255 bytes");
		if (n && !(n == 1 && *s == '.')) {
			buf_char(&b, '/');
			buf_add(&b, s, n);
		}
		s += n + (s[n] == '/');
	}
	if (b.full)
		return err_at(p->e, ERR_CONFIG, origin,
			      "cgroup path longer than 4096 bytes");
	*ret = b.p;
	return 0;
}

/* Below which cgroup a path that is not absolute is meant; "" = the root. */
static const char *base_cgroup(struct plan *p, const struct host *h)
{
	const struct hierarchy *v2 = host_v2(h);
	const char *own = v2 ? v2->own : h->n_hierarchies ? h->hierarchies[0].own : NULL;
	const char *slash = own ? strrchr(own, '/') : NULL;

	if ((!h->euid && !h->own_userns) || !slash)
		return "";
	return arena_strndup(p->arena, own, (size_t)(slash - own));
}

/* "slice:prefix:name", which only the systemd manager understands. */
static bool is_systemd_form(const char *path)
{
	const char *colon = path ? strchr(path, ':') : NULL;

	return colon && strchr(colon + 1, ':') && !strchr(path, '/');
}

static int check_manager(struct plan *p, const char *manager, const char *path)
{
	if (strcmp(manager, "cgroupfs") != 0)
		return err_set(p->e, ERR_CONFIG,
			       "--cgroup-manager: unknown manager \"%s\" (cgroupfs, "
			       "systemd, disabled)",
			       manager);
	if (is_systemd_form(path))
		return err_at(p->e, ERR_CONFIG, origin_path,
			      "\"%s\" is the form for --cgroup-manager systemd; cgroupfs "
			      "needs a path",
			      path);
	return 0;
}

/* What is recorded as the container's is killed with it. */
static bool is_above(const char *path, const char *own)
{
	size_t n = strlen(path);

	return own && !strncmp(own, path, n) && (own[n] == '/' || !own[n]);
}

int cgroup_path_choose(struct plan *p, const struct spec *s, const struct host *h,
		       const struct plan_opts *o, const char **ret)
{
	const char *path = s->linux_ ? s->linux_->cgroups_path : NULL;
	const char *manager = o->cgroup_manager && *o->cgroup_manager ? o->cgroup_manager
								      : "cgroupfs";
	const char *clean;
	struct unit_place unit;

	*ret = NULL;
	if (!strcmp(manager, "disabled"))
		return 0;
	if (!strcmp(manager, "systemd")) {
		if (unit_choose(p, s, h, o, &unit))
			return -1;
		*ret = unit.path;
		return 0;
	}
	if (check_manager(p, manager, path))
		return -1;
	if (h->cgroup_mode == CGM_NONE)
		return 0;
	if (!path || !*path)
		path = arena_printf(p->arena, "%s/skiff-%s", base_cgroup(p, h), o->id);
	else if (*path != '/')
		path = arena_printf(p->arena, "%s/%s", base_cgroup(p, h), path);
	if (cgroup_path_clean(p, origin_path, path, &clean))
		return -1;
	if (!*clean)
		return err_at(p->e, ERR_CONFIG, origin_path, "names the root cgroup");
	for (size_t i = 0; i < h->n_hierarchies; i++)
		if (is_above(clean, h->hierarchies[i].own))
			return err_at(
				p->e, ERR_CONFIG, origin_path,
				"\"%s\" is the caller's own cgroup or one above it: "
				"name another one",
				path);
	*ret = clean;
	return 0;
}

static void clear_plan(struct cgroup_plan *cg)
{
	*cg = (struct cgroup_plan){ .into = SLOT_NONE };
	for (size_t i = 0; i < HIERARCHIES_MAX; i++)
		cg->slot[i] = SLOT_NONE;
}

/* Takes a slot for a hierarchy and notes how one gets into its cgroup. */
static int take_slot(struct plan *p, const struct hierarchy *hy, struct cgroup_plan *cg)
{
	if (hy->v2) {
		cg->into = SLOT_CGROUP;
		return SLOT_CGROUP;
	}
	cg->must_join = true;
	return plan_slot(p);
}

uint32_t cgroup_wanted(const struct resources *r, const struct host *h,
		       const struct hierarchy *hy)
{
	uint32_t required = hy->v2 ? limits_controllers(r, h) & hy->controllers : 0;
	/* v1: whose new directories need their parent's cpus and mems. */
	uint32_t wanted = (hy->v2 ? CT_STATS : CT_CPUSET) & hy->controllers;

	return wanted | required | CT_REQUIRED(required);
}

static void make_step(struct plan *p, const struct hierarchy *hy, uint32_t controllers,
		      bool lenient, int slot)
{
	struct step *step = plan_host(p, OP_CGROUP_MAKE, "%s", origin_path);

	step->str[0] = plan_str(p, hy->mount);
	step->str[1] = plan_str(p, p->cgroup_path);
	step->slot[0] = (int16_t)slot;
	step->word[0] = controllers;
	step->word[1] = 1;
	step->flags = hy->v2 ? 0 : STEP_V1;
	step->policy = lenient ? POL_WARN : POL_FAIL;
}

/* An ordinary user whose cgroups were not delegated can still have a container, only no
 * limits. */
static bool may_lack_cgroup(const struct host *h, const struct plan_opts *o)
{
	switch (o->rootless) {
	case ROOTLESS_YES:
		return true;
	case ROOTLESS_NO:
		return false;
	case ROOTLESS_AUTO:
		break;
	}
	return h->euid || h->own_userns;
}

int plan_cgroup_make(struct plan *p, const struct spec *s, const struct host *h,
		     const struct plan_opts *o, struct cgroup_plan *ret)
{
	const struct resources *r = s->linux_ ? s->linux_->resources : NULL;
	bool lenient = may_lack_cgroup(h, o) && !limits_controllers(r, h) &&
		       !cgroup_delegated(s);

	clear_plan(ret);
	if (o->cgroup_manager && !strcmp(o->cgroup_manager, "systemd"))
		return plan_unit_open(p, s, h, o, ret);
	if (cgroup_path_choose(p, s, h, o, &p->cgroup_path))
		return -1;
	if (!p->cgroup_path)
		return 0;
	for (size_t i = 0; i < h->n_hierarchies; i++) {
		const struct hierarchy *hy = &h->hierarchies[i];

		if (hy->controllers & CT_OTHER)
			continue;
		ret->slot[i] = take_slot(p, hy, ret);
		make_step(p, hy, cgroup_wanted(r, h, hy), lenient, ret->slot[i]);
	}
	return 0;
}

/* --- exec --cgroup --- */

/* The length of "cpu,memory" in "cpu,memory:PATH", 0 when there are no controllers. */
static size_t controllers_of(const char *sub)
{
	size_t n = strcspn(sub, ":/");

	return sub[n] == ':' ? n : 0;
}

static bool has_controller(const struct hierarchy *hy, const char *word, size_t n)
{
	for (const char *s = hy->v2 || !hy->options ? "" : hy->options; *s;) {
		size_t len = strcspn(s, ",");

		if (len == n && !memcmp(s, word, n))
			return true;
		s += len + (s[len] == ',');
	}
	return false;
}

/* Whether hy (NULL = any of the host's) is named in front of the path. */
static bool is_named(const struct host *h, const struct hierarchy *hy, const char *words,
		     size_t n)
{
	for (size_t i = 0; i < h->n_hierarchies; i++)
		if ((!hy || hy == &h->hierarchies[i]) &&
		    has_controller(&h->hierarchies[i], words, n))
			return true;
	return false;
}

static int check_subs(struct plan *p, const struct host *h,
		      const struct plan_target *target)
{
	for (size_t i = 0; i < target->n_sub_cgroups; i++) {
		const char *sub = target->sub_cgroups[i];
		size_t end = controllers_of(sub), n;

		if (end && h->cgroup_mode == CGM_V2)
			return err_set(p->e, ERR_CONFIG,
				       "--cgroup %s: cgroup v2 has one hierarchy for all "
				       "controllers: give the path alone",
				       sub);
		for (size_t at = 0; at < end; at += n + 1) {
			n = strcspn(sub + at, ",:");
			if (!is_named(h, NULL, sub + at, n))
				return err_set(p->e, ERR_CONFIG,
					       "--cgroup %s: this host has no hierarchy "
					       "of cgroup v1 with \"%.*s\"",
					       sub, (int)n, sub + at);
		}
	}
	return 0;
}

/* Does the path count in this hierarchy? In a hybrid host processes are sorted in v2 only,
 * unless controllers are named; the v1 hierarchies keep the container whole. */
static bool is_meant(const struct host *h, const struct hierarchy *hy, const char *sub)
{
	size_t end = controllers_of(sub), n;

	if (!end)
		return hy->v2 || !host_v2(h);
	for (size_t at = 0; at < end; at += n + 1) {
		n = strcspn(sub + at, ",:");
		if (is_named(h, hy, sub + at, n))
			return true;
	}
	return false;
}

/* The last one counts; "" = the container's own. */
static int find_sub(struct plan *p, const struct host *h, const struct hierarchy *hy,
		    const struct plan_target *target, const char **ret)
{
	*ret = "";
	for (size_t i = 0; i < target->n_sub_cgroups; i++) {
		const char *sub = target->sub_cgroups[i];
		size_t end = controllers_of(sub);

		if (is_meant(h, hy, sub) &&
		    cgroup_path_clean(p, "--cgroup", sub + end + !!end, ret))
			return -1;
	}
	return 0;
}

int plan_cgroup_open(struct plan *p, const struct host *h, const struct plan_opts *o,
		     const struct plan_target *target, struct cgroup_plan *ret)
{
	const char *sub;

	clear_plan(ret);
	if (check_subs(p, h, target))
		return -1;
	for (size_t i = 0; target->cgroups && i < h->n_hierarchies; i++) {
		const struct hierarchy *hy = &h->hierarchies[i];

		if (!target->cgroups[i])
			continue;
		if (find_sub(p, h, hy, target, &sub))
			return -1;
		ret->slot[i] = take_slot(p, hy, ret);
		struct step *step = plan_host(p, OP_CGROUP_MAKE, NULL);

		step->str[0] = plan_str(p, target->cgroups[i]);
		step->str[1] = plan_str(p, sub);
		step->slot[0] = (int16_t)ret->slot[i];
		step->flags = hy->v2 ? 0 : STEP_V1;
		/* create may have done without, too. */
		if (may_lack_cgroup(h, o) && !*sub)
			step->policy = POL_WARN;
		if (hy->v2)
			plan_unit_join(p, h, target, sub, ret);
	}
	return 0;
}

void plan_cgroup_join(struct plan *p, const struct host *h, const struct cgroup_plan *cg)
{
	if (cg->unit)
		plan_unit_attach(p, cg);
	for (size_t i = 0; i < h->n_hierarchies; i++) {
		if (cg->slot[i] == SLOT_NONE || h->hierarchies[i].v2)
			continue;
		struct step *step = plan_host(p, OP_CGROUP_JOIN, "%s", origin_path);

		step->slot[0] = (int16_t)cg->slot[i];
		/* Messages name the hierarchy. */
		step->str[0] = plan_str(p, h->hierarchies[i].mount);
	}
}
