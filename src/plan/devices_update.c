/*
 * New device rules for a live container: they are added to those in force, and as always
 * the last one that matches counts. config-linux: "Device allowed list".
 *
 * v2: one program takes the place of another at once. The rules in force are what create
 * and earlier updates were given. v1: the kernel's own list (devices.list) is what is in
 * force, whoever wrote it; what becomes allowed is added before what is denied goes, so
 * that at no time anything is refused that both lists allow, or allowed that neither does.
 * Only where everything was allowed the kernel has to begin with "deny all".
 */
#include <stdio.h>
#include <string.h>

#include "plan/device_rules.h"
#include "plan/update.h"

/* Exceptions from "deny all", as the kernel keeps them: one for each type and numbers. */
struct exceptions {
	struct device_bpf *v;
	size_t n;
	bool all; /* or everything is allowed, but for what was denied since */
};

static bool is_same(const struct device_bpf *a, const struct device_bpf *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

static uint8_t access_in(const struct device_bpf *v, size_t n, const struct device_bpf *r)
{
	uint8_t access = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i].allow && is_same(&v[i], r))
			access |= v[i].access;
	return access;
}

static int add(struct limits *l, struct exceptions *list, struct device_bpf r)
{
	for (size_t i = 0; i < list->n; i++)
		if (is_same(&list->v[i], &r)) {
			list->v[i].access |= r.access;
			return 0;
		}
	if (list->n == DEVICES_RULES_MAX)
		return err_at(l->p->e, ERR_CONFIG, "linux.resources.devices",
			      "more than %d rules", DEVICES_RULES_MAX);
	r.allow = true;
	list->v[list->n++] = r;
	return 0;
}

/* Every container's own devices cannot be denied, as when it was made. */
static int take_away(struct limits *l, struct exceptions *list,
		     const struct device_bpf *r)
{
	for (size_t i = 0; i < list->n; i++) {
		struct device_bpf *old = &list->v[i];
		uint8_t access = old->access & r->access &
				 (uint8_t)~access_in(devices_defaults, n_devices_defaults,
						     old);

		if (!access || !devices_touch(old, r))
			continue;
		if (!devices_cover(r, old))
			return err_at(l->p->e, ERR_HOST, "linux.resources.devices",
				      "cgroup v1 cannot deny a part of what another rule "
				      "allows");
		old->access &= (uint8_t)~access;
	}
	return 0;
}

/* --- the kernel's list: "c 1:3 rwm" --- */

static int32_t number(const char *s)
{
	int n = -1;

	return *s == '*' || sscanf(s, "%d", &n) != 1 ? -1 : n;
}

static int read_list(struct limits *l, const char *text, struct exceptions *ret)
{
	char type, major[12], minor[12], access[4];

	for (const char *s = text; s && *s; s += strcspn(s, "\n"), s += *s == '\n') {
		struct device_bpf r = { 0 };

		if (sscanf(s, "%c %11[0-9*]:%11[0-9*] %3s", &type, major, minor,
			   access) != 4)
			continue;
		ret->all |= type == 'a';
		r.type = type;
		r.major = number(major);
		r.minor = number(minor);
		r.access = (strchr(access, 'r') ? DEV_READ : 0) |
			   (strchr(access, 'w') ? DEV_WRITE : 0) |
			   (strchr(access, 'm') ? DEV_MKNOD : 0);
		if (type != 'a' && add(l, ret, r))
			return -1;
	}
	return 0;
}

/* --- v1 --- */

static bool is_everything(const struct device_bpf *r)
{
	return r->type == 'a' && r->access == DEV_ALL;
}

/* The kernel reads "a" as everything without looking further: both kinds stand for it. */
static int apply_rule(struct limits *l, struct exceptions *list, struct device_bpf r)
{
	const char *types = r.type == 'a' ? "bc" : r.type == 'b' ? "b" : "c";

	for (; *types; types++) {
		r.type = *types;
		if (r.allow ? add(l, list, r) : take_away(l, list, &r))
			return -1;
	}
	return 0;
}

/* Where everything is allowed the kernel takes the exceptions as they come. */
static void write_rule(struct limits *l, const struct place *at, struct device_bpf r)
{
	const char *types = r.type == 'a' ? "bc" : r.type == 'b' ? "b" : "c";

	for (; *types; types++) {
		r.type = *types;
		devices_write_v1(l, at, r.allow ? "devices.allow" : "devices.deny", &r);
	}
}

/* What v has and `other` has not. */
static void write_difference(struct limits *l, const struct place *at, const char *file,
			     const struct exceptions *list,
			     const struct exceptions *other)
{
	for (size_t i = 0; i < list->n; i++) {
		struct device_bpf r = list->v[i];

		r.access &= (uint8_t)~access_in(other->v, other->n, &r);
		if (r.access)
			devices_write_v1(l, at, file, &r);
	}
}

static struct exceptions copy_list(struct limits *l, const struct exceptions *from)
{
	struct exceptions to = *from;

	to.v = arena_array(l->p->arena, DEVICES_RULES_MAX, sizeof(*to.v));
	if (from->n)
		memcpy(to.v, from->v, from->n * sizeof(*to.v));
	return to;
}

/* The rules from `first` on, where nothing but exceptions is allowed. */
static int change_list(struct limits *l, const struct place *at,
		       const struct device_bpf *v, size_t n, size_t first,
		       const struct exceptions *old)
{
	static const struct exceptions nothing;
	struct exceptions wanted = copy_list(l, first || old->all ? &nothing : old);

	wanted.all = false;
	for (size_t i = first; i < n; i++)
		if (apply_rule(l, &wanted, v[i]))
			return -1;
	for (size_t i = 0; i < n_devices_defaults; i++)
		if (add(l, &wanted, devices_defaults[i]))
			return -1;
	if (old->all)
		limits_write(l, at, "linux.resources.devices", "devices.deny", "a");
	write_difference(l, at, "devices.allow", &wanted, old->all ? &nothing : old);
	if (!old->all)
		write_difference(l, at, "devices.deny", old, &wanted);
	return 0;
}

static int update_v1(struct limits *l, const struct place *at, const struct device_bpf *v,
		     size_t n)
{
	static const struct exceptions nothing;
	struct exceptions old = copy_list(l, &nothing);
	size_t first = 0; /* what stands before the last rule about everything is moot */

	if (read_list(l, l->now->devices, &old))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (is_everything(&v[i]))
			first = i + 1;
	bool all = first ? v[first - 1].allow : old.all;

	if (!all)
		return change_list(l, at, v, n, first, &old);
	if (first)
		limits_write(l, at, "linux.resources.devices", "devices.allow", "a");
	for (size_t i = first; i < n; i++)
		write_rule(l, at, v[i]);
	return 0;
}

/* --- v2 --- */

static int update_v2(struct limits *l, const struct resources *all)
{
	struct linux_config linux_ = { .resources = (struct resources *)all };
	const struct spec spec = { .linux_ = &linux_ };
	const struct device_bpf *rules;
	struct step *step;
	uint32_t offset;
	bool everything;
	size_t n;

	if (!devices_may_use_bpf(l->h))
		return err_at(l->p->e, ERR_HOST, "linux.resources.devices",
			      "an ordinary user has no device rules to change");
	if (devices_rules(l->p, &spec, &rules, &n, &everything))
		return -1;
	offset = plan_bytes(l->p, rules, n * sizeof(*rules));
	step = plan_host(l->p, OP_DEVICES_LOAD, "devices");
	step->str[0] = offset;
	step->word[0] = n;
	/* Ahead: whoever is killed between the two must not leave rules that nobody knows. */
	plan_host(l->p, OP_STATE_DEVICES, "devices");
	step = plan_host(l->p, OP_DEVICES_ATTACH, "devices");
	step->slot[0] = SLOT_CGROUP;
	step->flags = STEP_PUT_BACK;
	return 0;
}

int devices_update(struct limits *l, const struct resources *r,
		   const struct resources *all)
{
	const struct hierarchy *v1 = devices_v1_hierarchy(l->h);
	size_t n = r->devices.n;
	struct device_bpf *v;
	struct place at = { 0 };

	if (!n)
		return 0;
	if (n > DEVICES_RULES_MAX)
		return err_at(l->p->e, ERR_CONFIG, "linux.resources.devices",
			      "more than %d rules", DEVICES_RULES_MAX);
	v = arena_array(l->p->arena, n, sizeof(*v));
	for (size_t i = 0; i < n; i++)
		if (devices_rule(l->p, &r->devices.v[i], i, &v[i]))
			return -1;
	if (!v1)
		return update_v2(l, all);
	at.slot = l->cg->slot[v1 - l->h->hierarchies];
	return update_v1(l, &at, v, n);
}

/* --- */

static bool is_total(const struct device_rule *r)
{
	bool all = !r->type || !*r->type || !strcmp(r->type, "a");

	return all && (!r->access || !*r->access ||
		       (strchr(r->access, 'r') && strchr(r->access, 'w') &&
			strchr(r->access, 'm')));
}

static bool is_equal(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool is_repeated(const struct device_rule *a, const struct device_rule *b)
{
	return a->allow == b->allow && is_equal(a->type, b->type) &&
	       is_equal(a->access, b->access) && a->major.set == b->major.set &&
	       a->major.v == b->major.v && a->minor.set == b->minor.set &&
	       a->minor.v == b->minor.v;
}

void plan_devices_merge(const struct resources *old, const struct resources *more,
			struct arena *arena, struct resources *ret)
{
	size_t n = old->devices.n + more->devices.n, kept = 0;
	struct device_rule *v = arena_array(arena, n + 1, sizeof(*v));

	for (size_t i = 0; i < n; i++) {
		const struct device_rule *r =
			i < old->devices.n ? &old->devices.v[i]
					   : &more->devices.v[i - old->devices.n];
		size_t to = 0;

		/* The later one of two equal rules stays; of what stands before a rule
		 * about everything nothing does. */
		for (size_t k = 0; k < kept && !is_total(r); k++)
			if (!is_repeated(&v[k], r))
				v[to++] = v[k];
		v[to++] = *r;
		kept = to;
	}
	*ret = (struct resources){ 0 };
	ret->devices.v = v;
	ret->devices.n = kept;
}
