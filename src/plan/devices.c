/*
 * Which devices the container may use. config-linux: "Device allowed list", "Default
 * Devices".
 *
 * The rules of the configuration count in their order, the last match wins, and nothing
 * is allowed that no rule allows: also when the list is absent, empty or without a
 * leading "deny all" (GHSA-g54h-m393-cpwq). Behind them stand, as in other runtimes, the
 * devices every container has and mknod of anything (harmless: opening is what is
 * checked). A node of linux.devices needs a rule of its own, as with other runtimes. The list becomes a BPF program for v2 (each bit of a
 * request is decided by the last rule that covers it), or writes to devices.deny and
 * devices.allow for v1.
 */
#include <stdio.h>
#include <string.h>

#include "plan/device_rules.h"

/* clang-format off */
const struct device_bpf devices_defaults[] = {
	{ 'c', true, DEV_MKNOD, 0, -1, -1 },
	{ 'b', true, DEV_MKNOD, 0, -1, -1 },
	{ 'c', true, DEV_ALL, 0, 1, 3 },    /* null */
	{ 'c', true, DEV_ALL, 0, 1, 5 },    /* zero */
	{ 'c', true, DEV_ALL, 0, 1, 7 },    /* full */
	{ 'c', true, DEV_ALL, 0, 1, 8 },    /* random */
	{ 'c', true, DEV_ALL, 0, 1, 9 },    /* urandom */
	{ 'c', true, DEV_ALL, 0, 5, 0 },    /* tty */
	{ 'c', true, DEV_ALL, 0, 5, 1 },    /* console */
	{ 'c', true, DEV_ALL, 0, 5, 2 },    /* ptmx */
	{ 'c', true, DEV_ALL, 0, 136, -1 }, /* pts/N */
};
/* clang-format on */
const size_t n_devices_defaults = sizeof(devices_defaults) / sizeof(devices_defaults[0]);

static int parse_access(struct plan *p, const char *origin, const char *access,
			uint8_t *ret)
{
	uint8_t bits = 0;

	for (const char *s = access ? access : ""; *s; s++) {
		if (!strchr("rwm", *s))
			return err_at(p->e, ERR_CONFIG, origin,
				      "access \"%s\" is not made of r, w and m", access);
		bits |= *s == 'r' ? DEV_READ : *s == 'w' ? DEV_WRITE : DEV_MKNOD;
	}
	*ret = bits ? bits : DEV_ALL;
	return 0;
}

static int parse_number(struct plan *p, const char *origin, const struct opt_i64 *n,
			int32_t *ret)
{
	if (n->set && n->v > INT32_MAX)
		return err_at(p->e, ERR_CONFIG, origin, "device number out of range");
	*ret = n->set && n->v >= 0 ? (int32_t)n->v : -1;
	return 0;
}

int devices_rule(struct plan *p, const struct device_rule *r, size_t i,
		 struct device_bpf *ret)
{
	const char *origin = arena_printf(p->arena, "linux.resources.devices[%zu]", i);
	const char *type = r->type && *r->type ? r->type : "a";

	if (!strchr("abcu", *type) || type[1])
		return err_at(p->e, ERR_CONFIG, origin, "type \"%s\" is not a, b or c",
			      type);
	*ret = (struct device_bpf){ .type = *type == 'u' ? 'c' : *type,
				    .allow = r->allow };
	if (parse_access(p, origin, r->access, &ret->access) ||
	    parse_number(p, origin, &r->major, &ret->major) ||
	    parse_number(p, origin, &r->minor, &ret->minor))
		return -1;
	/* "a" means all devices whatever the numbers are, as in the kernel's own
	 * files. */
	if (ret->type == 'a')
		ret->major = ret->minor = -1;
	return 0;
}

bool devices_cover(const struct device_bpf *a, const struct device_bpf *b)
{
	return (a->type == 'a' || a->type == b->type) &&
	       (a->major < 0 || a->major == b->major) &&
	       (a->minor < 0 || a->minor == b->minor);
}

bool devices_touch(const struct device_bpf *a, const struct device_bpf *b)
{
	return (a->type == b->type || a->type == 'a' || b->type == 'a') &&
	       (a->major < 0 || b->major < 0 || a->major == b->major) &&
	       (a->minor < 0 || b->minor < 0 || a->minor == b->minor);
}

static int collect(struct plan *p, const struct spec *s, struct device_bpf *v,
		   size_t *ret_n)
{
	const struct linux_config *lc = s->linux_;
	const struct resources *r = lc ? lc->resources : NULL;
	size_t n = 0;

	for (size_t i = 0; r && i < r->devices.n; i++)
		if (devices_rule(p, &r->devices.v[i], i, &v[n++]))
			return -1;
	memcpy(v + n, devices_defaults, sizeof(devices_defaults));
	n += n_devices_defaults;
	*ret_n = n;
	return 0;
}

/* In place: drops what an earlier rule decides already, and denials at the end, where
 * everything is denied. */
static size_t shorten(struct device_bpf *v, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		bool dead = false;

		for (size_t j = 0; j < kept && !dead; j++)
			dead = devices_cover(&v[j], &v[i]) &&
			       !(v[i].access & ~v[j].access);
		if (!dead)
			v[kept++] = v[i];
	}
	while (kept && !v[kept - 1].allow)
		kept--;
	return kept;
}

/* Is everything allowed before anything is denied? */
static bool allows_all(const struct device_bpf *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!v[i].allow)
			return false;
		if (v[i].type == 'a' && v[i].access == DEV_ALL)
			return true;
	}
	return false;
}

int devices_rules(struct plan *p, const struct spec *s, const struct device_bpf **ret,
		  size_t *ret_n, bool *ret_all)
{
	const struct linux_config *lc = s->linux_;
	size_t n = n_devices_defaults +
		   (lc && lc->resources ? lc->resources->devices.n : 0);
	struct device_bpf *v;

	if (n > DEVICES_RULES_MAX)
		return err_at(p->e, ERR_CONFIG, "linux.resources.devices",
			      "more than %d rules", DEVICES_RULES_MAX);
	v = arena_array(p->arena, n, sizeof(*v));
	if (collect(p, s, v, &n))
		return -1;
	/* From "last match wins" to "first match counts". */
	for (size_t i = 0; i < n / 2; i++) {
		struct device_bpf tmp = v[i];

		v[i] = v[n - 1 - i];
		v[n - 1 - i] = tmp;
	}
	*ret_n = shorten(v, n);
	*ret_all = allows_all(v, *ret_n);
	*ret = v;
	return 0;
}

/* Loading a cgroup program takes CAP_BPF or CAP_SYS_ADMIN in the initial user
 * namespace. Elsewhere device files are guarded by their owner and mode, and nobody
 * can make nodes. */
bool devices_may_use_bpf(const struct host *h)
{
	const uint64_t sys_admin = (uint64_t)1 << 21;

	return !h->own_userns && (h->caps & sys_admin);
}

const struct hierarchy *devices_v1_hierarchy(const struct host *h)
{
	const struct hierarchy *hy = host_hierarchy(h, CT_DEVICES);

	return !hy || hy->v2 || h->own_userns || h->euid ? NULL : hy;
}

int plan_devices_load(struct plan *p, const struct spec *s, const struct host *h,
		      struct cgroup_plan *cg)
{
	const struct device_bpf *rules;
	size_t n;
	bool all;

	cg->has_bpf = false;
	cg->has_rules = p->cgroup_path && devices_v1_hierarchy(h);
	if (devices_rules(p, s, &rules, &n, &all))
		return -1;
	if (all || cg->into == SLOT_NONE || host_hierarchy(h, CT_DEVICES) ||
	    !devices_may_use_bpf(h))
		return 0;
	uint32_t offset = plan_bytes(p, rules, n * sizeof(*rules));
	struct step *step = plan_host(p, OP_DEVICES_LOAD, "linux.resources.devices");

	step->str[0] = offset;
	step->word[0] = n;
	cg->has_bpf = cg->has_rules = true;
	return 0;
}

/* --- v1 --- */

void devices_write_v1(struct limits *l, const struct place *at, const char *file,
		      const struct device_bpf *r)
{
	char major[12] = "*", minor[12] = "*", access[4], *a = access;

	if (r->major >= 0)
		snprintf(major, sizeof(major), "%d", r->major);
	if (r->minor >= 0)
		snprintf(minor, sizeof(minor), "%d", r->minor);
	if (r->access & DEV_READ)
		*a++ = 'r';
	if (r->access & DEV_WRITE)
		*a++ = 'w';
	if (r->access & DEV_MKNOD)
		*a++ = 'm';
	*a = '\0';
	limits_write(l, at, "linux.resources.devices", file, "%c %s:%s %s", r->type,
		     major, minor, access);
}

/* Takes from a rule that allows what the rules before it (n of them, which count first) deny. */
static int take_denied(struct plan *p, const struct device_bpf *v, size_t n,
		       struct device_bpf *rule)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].allow || !devices_touch(&v[i], rule) ||
		    !(v[i].access & rule->access))
			continue;
		if (!devices_cover(&v[i], rule))
			return err_at(p->e, ERR_HOST, "linux.resources.devices",
				      "cgroup v1 cannot deny a part of what another rule "
				      "allows");
		rule->access &= (uint8_t)~v[i].access;
	}
	return 0;
}

/*
 * The v1 files hold exceptions from "deny all", and a denial removes an exception only if
 * it is exactly the same one. So the list is reduced to what is allowed; a hole in a
 * wider permission cannot be written.
 */
int devices_exceptions(struct plan *p, const struct spec *s, struct device_bpf **ret,
		       size_t *ret_n, bool *ret_all)
{
	const struct device_bpf *v;
	struct device_bpf *out;
	size_t n, kept = 0;

	if (devices_rules(p, s, &v, &n, ret_all))
		return -1;
	out = arena_array(p->arena, 2 * n + 1, sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		/* The kernel reads "a" as everything, without looking further: both
		 * kinds are written instead. */
		for (const char *t = !v[i].allow        ? ""
				     : v[i].type == 'a' ? "bc"
				     : v[i].type == 'b' ? "b"
							: "c";
		     *t; t++) {
			out[kept] = v[i];
			out[kept].type = *t;
			if (take_denied(p, v, i, &out[kept]))
				return -1;
			kept += !!out[kept].access;
		}
	}
	*ret = out;
	*ret_n = kept;
	return 0;
}

static int devices_v1(struct limits *l, const struct spec *s)
{
	const struct hierarchy *hy = devices_v1_hierarchy(l->h);
	struct place at = { .slot = l->cg->slot[hy - l->h->hierarchies] };
	struct device_bpf *v;
	size_t n;
	bool all;

	if (devices_exceptions(l->p, s, &v, &n, &all))
		return -1;
	if (all)
		return 0;
	limits_write(l, &at, "linux.resources.devices", "devices.deny", "a");
	for (size_t i = 0; i < n; i++)
		devices_write_v1(l, &at, "devices.allow", &v[i]);
	return 0;
}

int plan_devices_attach(struct plan *p, const struct spec *s, const struct host *h,
			const struct cgroup_plan *cg)
{
	struct limits l = { .p = p, .h = h, .cg = cg };

	if (!cg->has_rules)
		return 0;
	if (!cg->has_bpf)
		return devices_v1(&l, s);
	plan_host(p, OP_DEVICES_ATTACH, "linux.resources.devices")->slot[0] =
		(int16_t)cg->into;
	return 0;
}
