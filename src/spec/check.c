/*
 * Rules that span fields, at the top level of config.json; each reports its own JSON path
 * and says what to do. Rules about one field alone (type, range, absolute path) are in
 * the tables. No rule looks at the host.
 */
#include "spec/check.h"

#include <stdio.h>
#include <string.h>

/* The kernel's __NEW_UTS_LEN */
#define UTS_MAX 64

const char *check_at(struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->origin, sizeof(c->origin), fmt, ap);
	va_end(ap);
	return c->origin;
}

void check_fault(struct check *c, const char *origin, const char *fmt, ...)
{
	bool collect = c->all && c->all->fault;
	struct err e = { .code = ERR_CONFIG };
	va_list ap;

	if (c->failed && !collect)
		return;
	c->failed = true;
	va_start(ap, fmt);
	vsnprintf(e.msg, sizeof(e.msg), fmt, ap);
	va_end(ap);
	err_origin(&e, origin);
	if (collect)
		c->all->fault(c->all->ctx, &e);
	else
		*c->e = e;
}

void check_warn(struct check *c, const char *origin, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (!c->all || !c->all->warn)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->all->warn(c->all->ctx, origin, text);
}

int check_run(struct check *c, check_rule *const *rules, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		rules[i](c);
		if (c->failed && !(c->all && c->all->fault))
			return -1;
	}
	return c->failed ? -1 : 0;
}

bool check_has_ns(const struct check *c, int type)
{
	return spec_ns(c->spec, type);
}

bool check_has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 32 || *s == 127)
			return true;
	return false;
}

bool check_climbs(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (!p[2] || p[2] == '/'))
			return true;
	return false;
}

/* NUMBER or NUMBER-NUMBER at *s; moves on. */
static bool take_range(const char **s)
{
	size_t n = strspn(*s, "0123456789");

	if (!n || n > 6)
		return false;
	*s += n;
	if (**s != '-')
		return true;
	n = strspn(++*s, "0123456789");
	*s += n;
	return n && n <= 6;
}

bool check_is_list(const char *s)
{
	for (;;) {
		s += strspn(s, " ");
		if (!take_range(&s))
			return false;
		s += strspn(s, " ");
		if (*s == '\n' && !s[1])
			s++;
		if (*s != ',')
			return !*s;
		s++;
	}
}

/* Digits at *s as a number; moves on. */
static bool take_number(const char **s, unsigned *ret)
{
	size_t n = strspn(*s, "0123456789");

	*ret = 0;
	for (size_t i = 0; i < n && n <= 9; i++)
		*ret = *ret * 10 + (unsigned)((*s)[i] - '0');
	*s += n;
	return n && n <= 9;
}

/* Versions 1.x.y, with anything behind a dash or plus: engines have written "1.0.2-dev"
 * and "1.0.0-rc5" for years. */
static void check_version(struct check *c)
{
	const char *v = c->spec->oci_version;
	unsigned major, minor, patch;

	if (!v)
		return;
	if (!take_number(&v, &major) || *v++ != '.' || !take_number(&v, &minor) ||
	    *v++ != '.' || !take_number(&v, &patch) || (*v && *v != '-' && *v != '+'))
		check_fault(c, "ociVersion", "not a version of the form 1.2.3");
	else if (major != 1)
		check_fault(c, "ociVersion",
			    "version %u.%u of the specification is not supported: "
			    "this is 1.x",
			    major, minor);
}

static void check_presence(struct check *c)
{
	const struct spec *s = c->spec;

	if (!s->root)
		check_fault(c, "root",
			    "missing: say where the root filesystem is, as in "
			    "{\"path\": \"rootfs\"}");
	if (!check_has_ns(c, NS_MNT))
		check_fault(c, "linux.namespaces",
			    "no mount namespace: add {\"type\": \"mount\"}; without "
			    "it the mounts would be the host's");
}

static void check_uts_name(struct check *c, const char *name, const char *origin)
{
	if (!name)
		return;
	if (!check_has_ns(c, NS_UTS))
		check_fault(c, origin,
			    "needs a uts namespace: add {\"type\": \"uts\"} to "
			    "linux.namespaces, "
			    "or the host's name would change");
	if (strlen(name) > UTS_MAX)
		check_fault(c, origin, "longer than %d bytes", UTS_MAX);
	if (check_has_control(name))
		check_fault(c, origin, "contains control characters");
}

static void check_names(struct check *c)
{
	check_uts_name(c, c->spec->hostname, "hostname");
	check_uts_name(c, c->spec->domainname, "domainname");
}

static bool has_option(const struct mount *m, const char *word)
{
	for (size_t i = 0; i < m->options.n; i++)
		if (!strcmp(m->options.v[i], word))
			return true;
	return false;
}

static void check_bind(struct check *c, const struct mount *m, size_t i)
{
	bool bind = has_option(m, "bind") || has_option(m, "rbind") ||
		    (m->type && !strcmp(m->type, "bind"));

	if (bind && (!m->source || !*m->source))
		check_fault(c, check_at(c, "mounts[%zu].source", i),
			    "missing: a bind mount needs the path to bind");
	if (m->source && check_has_control(m->source))
		check_fault(c, check_at(c, "mounts[%zu].source", i),
			    "contains control characters");
	if (m->destination && check_has_control(m->destination))
		check_fault(c, check_at(c, "mounts[%zu].destination", i),
			    "contains control characters");
	if (m->destination && *m->destination != '/')
		check_warn(c, check_at(c, "mounts[%zu].destination", i),
			   "relative: taken as below /; begin it with /");
}

static void check_idmap(struct check *c, const struct mount *m, size_t i)
{
	bool plain = has_option(m, "idmap"), recursive = has_option(m, "ridmap");
	char what[64];

	if (plain && recursive)
		check_fault(c, check_at(c, "mounts[%zu].options", i),
			    "idmap and ridmap contradict each other: keep one");
	if (!m->uid_mappings.n != !m->gid_mappings.n)
		check_fault(
			c, check_at(c, "mounts[%zu]", i),
			"uidMappings and gidMappings go together: give both or neither");
	for (size_t k = 0; k < m->options.n; k++)
		if (m->uid_mappings.n && strstr(m->options.v[k], "idmap="))
			check_fault(c, check_at(c, "mounts[%zu].options[%zu]", i, k),
				    "idmap= and uidMappings contradict each other: keep "
				    "one");
	if ((plain || recursive) && !m->uid_mappings.n && !check_has_ns(c, NS_USER))
		check_fault(c, check_at(c, "mounts[%zu].options", i),
			    "an idmapped mount needs uidMappings "
			    "and gidMappings of its own, or a user namespace");
	snprintf(what, sizeof(what), "mounts[%zu].uidMappings", i);
	check_id_map(c, &m->uid_mappings, what);
	snprintf(what, sizeof(what), "mounts[%zu].gidMappings", i);
	check_id_map(c, &m->gid_mappings, what);
}

static void check_mounts(struct check *c)
{
	for (size_t i = 0; i < c->spec->mounts.n; i++) {
		check_bind(c, &c->spec->mounts.v[i], i);
		check_idmap(c, &c->spec->mounts.v[i], i);
	}
}

static void check_hook_list(struct check *c, const hook_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < l->v[i].env.n; k++)
			if (!strchr(l->v[i].env.v[k], '='))
				check_warn(
					c,
					check_at(c, "hooks.%s[%zu].env[%zu]", name, i, k),
					"not of the form NAME=value");
		if (l->v[i].args.v && !l->v[i].args.n)
			check_warn(c, check_at(c, "hooks.%s[%zu].args", name, i),
				   "empty: the hook gets its path as argv[0]");
	}
}

static void check_hooks(struct check *c)
{
	const struct hooks *h = c->spec->hooks;

	for (int i = 0; h && i < HOOK_KINDS; i++)
		check_hook_list(c, &h->of[i], names_text(hook_names, i));
}

static void check_root_process(struct check *c)
{
	if (c->spec->process)
		check_process(c, c->spec->process, "process");
}

static void check_limits(struct check *c)
{
	if (c->spec->linux_ && c->spec->linux_->resources)
		check_resources(c, c->spec->linux_->resources, "linux.resources");
}

/* A rule of linux.* may take spec->linux_ for granted. */
static check_rule *const rules[] = {
	check_version, check_presence, check_names,       check_root_process,
	check_mounts,  check_hooks,    check_annotations, check_limits,
};
static check_rule *const linux_rules[] = {
	check_namespaces,    check_id_maps,     check_time,         check_net_devices,
	check_sysctl,        check_devices,     check_cgroups_path, check_intel_rdt,
	check_memory_policy, check_personality, check_seccomp,      check_seccomp_notify,
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

int spec_check(const struct spec *s, const struct json_notes *all, struct err *e)
{
	struct check c = { .spec = s, .all = all, .e = e };

	if (check_run(&c, rules, COUNT(rules)) < 0 && !(all && all->fault))
		return -1;
	return s->linux_  ? check_run(&c, linux_rules, COUNT(linux_rules))
	       : c.failed ? -1
			  : 0;
}

int spec_check_process(const struct process *p, const char *prefix,
		       const struct json_notes *all, struct err *e)
{
	struct check c = { .all = all, .e = e };

	check_process(&c, p, prefix);
	return c.failed ? -1 : 0;
}

int spec_check_resources(const struct resources *r, const char *prefix,
			 const struct json_notes *all, struct err *e)
{
	struct check c = { .all = all, .e = e };

	check_resources(&c, r, prefix);
	return c.failed ? -1 : 0;
}

int spec_check_mounts(const struct spec *s, struct err *e)
{
	struct check c = { .spec = s, .e = e };

	check_mounts(&c);
	return c.failed ? -1 : 0;
}
