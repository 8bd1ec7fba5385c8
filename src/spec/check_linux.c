/* Rules of linux.*: namespaces and what belongs to them, devices, paths, resctrl,
 * NUMA. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "spec/check.h"

/* The kernel takes no more lines in uid_map (UID_GID_MAP_MAX_EXTENTS). */
#define MAPS_MAX  340
#define MAJOR_MAX 4095
#define MINOR_MAX 1048575

void check_namespaces(struct check *c)
{
	const struct linux_config *l = c->spec->linux_;
	unsigned seen = 0;

	for (size_t i = 0; i < l->namespaces.n; i++) {
		const struct ns *ns = &l->namespaces.v[i];

		if (ns->type == NS_NONE)
			continue;
		if (seen >> ns->type & 1)
			check_fault(c, check_at(c, "linux.namespaces[%zu].type", i),
				    "\"%s\" is listed twice: keep one",
				    names_text(ns_names, ns->type));
		seen |= 1u << ns->type;
		if (ns->path && check_has_control(ns->path))
			check_fault(c, check_at(c, "linux.namespaces[%zu].path", i),
				    "contains control characters");
	}
}

static bool overlap(uint32_t a, uint32_t an, uint32_t b, uint32_t bn)
{
	return a < (uint64_t)b + bn && b < (uint64_t)a + an;
}

static void check_overlap(struct check *c, const id_maps *maps, size_t i,
			  const char *what)
{
	const struct id_map *a = &maps->v[i];

	for (size_t k = 0; k < i; k++) {
		const struct id_map *b = &maps->v[k];

		if (overlap(a->container_id, a->size, b->container_id, b->size))
			check_fault(c, check_at(c, "%s[%zu]", what, i),
				    "container ids overlap those of %s[%zu]", what, k);
		if (overlap(a->host_id, a->size, b->host_id, b->size))
			check_fault(c, check_at(c, "%s[%zu]", what, i),
				    "host ids overlap those of %s[%zu]", what, k);
	}
}

void check_id_map(struct check *c, const id_maps *maps, const char *what)
{
	if (maps->n > MAPS_MAX) {
		check_fault(c, what, "%zu ranges, the kernel takes %d: join neighbours",
			    maps->n, MAPS_MAX);
		return;
	}
	for (size_t i = 0; i < maps->n; i++) {
		const struct id_map *m = &maps->v[i];

		if (!m->size)
			check_fault(c, check_at(c, "%s[%zu].size", what, i),
				    "0 ids: give at least 1");
		if ((uint64_t)m->container_id + m->size > UINT32_MAX ||
		    (uint64_t)m->host_id + m->size > UINT32_MAX)
			check_fault(c, check_at(c, "%s[%zu]", what, i),
				    "passes the highest id, 4294967294");
		check_overlap(c, maps, i, what);
	}
}

void check_id_maps(struct check *c)
{
	const struct linux_config *l = c->spec->linux_;
	const struct ns *ns = spec_ns(c->spec, NS_USER);
	bool mapped = l->uid_mappings.n || l->gid_mappings.n;

	check_id_map(c, &l->uid_mappings, "linux.uidMappings");
	check_id_map(c, &l->gid_mappings, "linux.gidMappings");
	if (mapped && !ns)
		check_fault(c,
			    l->uid_mappings.n ? "linux.uidMappings" : "linux.gidMappings",
			    "needs a user namespace: add {\"type\": \"user\"} to "
			    "linux.namespaces");
	else if (mapped && ns->path)
		check_warn(c, "linux.uidMappings",
			   "the joined user namespace has mappings already");
	else if (mapped && !l->uid_mappings.n != !l->gid_mappings.n)
		check_fault(c,
			    l->uid_mappings.n ? "linux.gidMappings" : "linux.uidMappings",
			    "missing: a user namespace needs mappings of users and of "
			    "groups");
}

void check_time(struct check *c)
{
	const struct linux_config *l = c->spec->linux_;
	const struct ns *ns = spec_ns(c->spec, NS_TIME);

	if (!l->time_offsets.n)
		return;
	if (!ns)
		check_fault(c, "linux.timeOffsets",
			    "needs a time namespace: add {\"type\": \"time\"} to "
			    "linux.namespaces");
	else if (ns->path)
		check_fault(c, "linux.timeOffsets",
			    "the offsets of a joined time namespace cannot be set");
	for (size_t i = 0; i < l->time_offsets.n; i++) {
		const struct time_offset *t = &l->time_offsets.v[i];

		if (strcmp(t->clock, "monotonic") != 0 &&
		    strcmp(t->clock, "boottime") != 0)
			check_fault(c, "linux.timeOffsets",
				    "\"%.64s\" has no offset: the clocks are "
				    "monotonic and boottime",
				    t->clock);
		if (t->nanosecs >= 1000000000)
			check_fault(
				c, check_at(c, "linux.timeOffsets.%s.nanosecs", t->clock),
				"out of range (0 to 999999999)");
	}
}

/* The kernel's dev_valid_name() */
static bool is_device_name(const char *s)
{
	return *s && strlen(s) < 16 && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 &&
	       !strpbrk(s, "/: \t\n\v\f\r") && !check_has_control(s);
}

static const char *new_name(const struct net_device *d)
{
	return d->name ? d->name : d->host_name;
}

/* "eth%d": the first number that is free. */
static bool is_template(const char *s)
{
	return strchr(s, '%') != NULL;
}

static bool is_good_template(const char *s)
{
	const char *sign = strchr(s, '%');

	return !sign || (sign[1] == 'd' && !strchr(sign + 1, '%'));
}

void check_net_devices(struct check *c)
{
	const struct linux_config *l = c->spec->linux_;

	if (l->net_devices.n && !check_has_ns(c, NS_NET))
		check_fault(c, "linux.netDevices",
			    "needs a network namespace: add {\"type\": \"network\"} to "
			    "linux.namespaces");
	for (size_t i = 0; i < l->net_devices.n; i++) {
		const struct net_device *d = &l->net_devices.v[i];

		if (!is_device_name(d->host_name) || !is_device_name(new_name(d))) {
			check_fault(c, "linux.netDevices",
				    "\"%.32s\" is not the name of an interface: 1 to 15 "
				    "characters without '/', ':' and space",
				    is_device_name(d->host_name) ? new_name(d)
								 : d->host_name);
			continue;
		}
		if (d->name && !is_good_template(d->name))
			check_fault(c,
				    check_at(c, "linux.netDevices.%s.name", d->host_name),
				    "\"%s\": '%%' only as one \"%%d\", for the first "
				    "number that is free",
				    d->name);
		for (size_t k = 0; k < i && i < 256; k++)
			if (!is_template(new_name(d)) &&
			    !strcmp(new_name(d), new_name(&l->net_devices.v[k])))
				check_fault(
					c,
					check_at(c, "linux.netDevices.%s", d->host_name),
					"would have the same name as %s: \"%s\"",
					l->net_devices.v[k].host_name, new_name(d));
	}
}

static void check_device(struct check *c, const struct device *d, size_t i)
{
	bool fifo = d->type && !strcmp(d->type, "p");

	if (d->type && (strlen(d->type) != 1 || !strchr("cbup", d->type[0])))
		check_fault(c, check_at(c, "linux.devices[%zu].type", i),
			    "unknown device type \"%s\" (one of: c, u, b, p)", d->type);
	else if (!fifo && (!d->major.set || !d->minor.set))
		check_fault(c, check_at(c, "linux.devices[%zu]", i),
			    "needs major and minor");
	if (!fifo && (d->major.v < 0 || d->major.v > MAJOR_MAX))
		check_fault(c, check_at(c, "linux.devices[%zu].major", i),
			    "out of range (0 to %d)", MAJOR_MAX);
	if (!fifo && (d->minor.v < 0 || d->minor.v > MINOR_MAX))
		check_fault(c, check_at(c, "linux.devices[%zu].minor", i),
			    "out of range (0 to %d)", MINOR_MAX);
	if ((d->uid.set && d->uid.v == UINT32_MAX) ||
	    (d->gid.set && d->gid.v == UINT32_MAX))
		check_fault(c, check_at(c, "linux.devices[%zu]", i),
			    "4294967295 is not an id");
	if (d->path && (check_climbs(d->path) || check_has_control(d->path)))
		check_fault(
			c, check_at(c, "linux.devices[%zu].path", i),
			"contains \"..\" or control characters: write the plain path");
}

void check_devices(struct check *c)
{
	const struct linux_config *l = c->spec->linux_;

	for (size_t i = 0; i < l->devices.n; i++) {
		const struct device *d = &l->devices.v[i];

		check_device(c, d, i);
		/* Long lists come from engines that mirror /dev; those have no
		 * doubles. */
		for (size_t k = 0; d->path && k < i && i < 1024; k++) {
			const struct device *o = &l->devices.v[k];

			if (o->path && !strcmp(d->path, o->path) &&
			    (d->major.v != o->major.v || d->minor.v != o->minor.v))
				check_fault(c, check_at(c, "linux.devices[%zu].path", i),
					    "linux.devices[%zu] is another device with "
					    "this path",
					    k);
		}
	}
}

void check_cgroups_path(struct check *c)
{
	const char *p = c->spec->linux_->cgroups_path;

	if (p && check_climbs(p))
		check_fault(c, "linux.cgroupsPath",
			    "\"..\" would leave the cgroup: write the plain path");
	if (p && check_has_control(p))
		check_fault(c, "linux.cgroupsPath", "contains control characters");
}

void check_intel_rdt(struct check *c)
{
	const struct intel_rdt *r = c->spec->linux_->intel_rdt;

	if (!r)
		return;
	if (r->clos_id && strcmp(r->clos_id, "/") != 0 &&
	    (strchr(r->clos_id, '/') || check_has_control(r->clos_id) ||
	     !strcmp(r->clos_id, ".") || !strcmp(r->clos_id, "..") ||
	     strlen(r->clos_id) > 255))
		check_fault(c, "linux.intelRdt.closID",
			    "not a plain file name, nor \"/\" for the default class");
	if (r->mem_bw_schema &&
	    (strncmp(r->mem_bw_schema, "MB:", 3) != 0 || strchr(r->mem_bw_schema, '\n')))
		check_fault(c, "linux.intelRdt.memBwSchema",
			    "must be one line that begins with MB:");
	for (size_t i = 0; i < r->schemata.n; i++)
		if (strchr(r->schemata.v[i], '\n'))
			check_fault(c, check_at(c, "linux.intelRdt.schemata[%zu]", i),
				    "contains a line break: one element for each line");
}

void check_memory_policy(struct check *c)
{
	enum { DEFAULT, PREFERRED, BIND, INTERLEAVE, LOCAL };
	const struct memory_policy *m = c->spec->linux_->memory_policy;
	unsigned flags = 0;

	if (!m)
		return;
	for (size_t i = 0; i < m->flags.n; i++)
		flags |= (unsigned)m->flags.v[i];
	if (m->nodes && !check_is_list(m->nodes))
		check_fault(c, "linux.memoryPolicy.nodes",
			    "not a list of memory nodes such as 0-1");
	if (m->nodes && (m->mode == DEFAULT || m->mode == LOCAL))
		check_fault(c, "linux.memoryPolicy.nodes",
			    "%s takes no nodes: leave them out",
			    names_text(mpol_names, m->mode));
	if (!m->nodes && m->mode != DEFAULT && m->mode != LOCAL && m->mode != PREFERRED)
		check_fault(c, "linux.memoryPolicy.nodes", "missing: %s needs nodes",
			    names_text(mpol_names, m->mode));
	if ((flags & 3u << 14) == 3u << 14)
		check_fault(c, "linux.memoryPolicy.flags",
			    "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each "
			    "other");
	if (flags && (m->mode == DEFAULT || m->mode == LOCAL))
		check_fault(c, "linux.memoryPolicy.flags",
			    "%s takes no flags: leave them out",
			    names_text(mpol_names, m->mode));
}

void check_personality(struct check *c)
{
	const struct personality *p = c->spec->linux_->personality;

	if (p && p->flags.n)
		check_fault(c, "linux.personality.flags",
			    "no flags are defined: leave them out");
}
