/*
 * systemd's part in a plan: the transient scope that is asked for the container's cgroup (systemd.scope(5),
 * org.freedesktop.systemd1(5)), and its properties. A property is a name, a D-Bus signature and the value's words in the
 * order and form of busctl(1): arrays begin with their length, variants with their signature.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan/build.h"
#include "plan/limits.h"

/* Where the scope is, below the hierarchy's root. */
struct unit_place {
	const char *slice; /* "a-b.slice" */
	const char *unit;  /* "skiff-c1.scope" */
	const char *dir;   /* "/a.slice/a-b.slice/skiff-c1.scope" */
	const char
		*path; /* of the container's own cgroup: dir, or a directory below it */
};

struct unit_property {
	const char *origin, *name, *type;
	const char *const *words;
	size_t n;
};

struct unit_properties {
	struct plan *p;
	struct unit_property *v;
	size_t n, max;
};

/* unit_path.c: from linux.cgroupsPath. 0 or -1. */
int unit_choose(struct plan *p, const struct spec *s, const struct host *h,
		const struct plan_opts *o, struct unit_place *ret);
/* The hierarchy in which systemd keeps its units: version 2 or, in its place, "name=systemd"; NULL = none is mounted. */
const struct hierarchy *unit_tree(const struct host *h);
/* Whether systemd makes a scope's directory in it. With version 1 it leaves some controllers to others (cpuset, freezer ...). */
bool unit_has(const struct host *h, const struct hierarchy *hy);
/* "unix:path=...", where systemd is asked, the nearest way first; a "private:" before it: systemd itself listens there,
 * not a bus. */
strs unit_addresses(struct arena *arena, const struct host *h);

/* Whether the caller, a user, is outside of what the manager of the unit at this path has been given. */
bool unit_is_foreign(const struct host *h, const char *path);

/* unit.c */
void unit_properties_init(struct unit_properties *u, struct plan *p, size_t max);
/* Sets a property; one of that name is replaced. words is a printf form of the only word. */
void unit_set(struct unit_properties *u, const char *origin, const char *name,
	      const char *type, const char *word, ...)
	__attribute__((format(printf, 5, 6)));
void unit_set_words(struct unit_properties *u, const char *origin, const char *name,
		    const char *type, const char *const *words, size_t n);
/* HOST steps before the spawn, and after it: from then on the slots are the container's cgroups, and it is in that of version 2;
 * plan_cgroup_join() does the others. */
int plan_unit_open(struct plan *p, const struct spec *s, const struct host *h,
		   const struct plan_opts *o, struct cgroup_plan *cg);
void plan_unit_start(struct plan *p, const struct host *h, const struct cgroup_plan *cg);

/* exec: chooses whether systemd has to move init to sub below the container's cgroup, and has the helper started; and, after the
 * spawn, that step. */
void plan_unit_join(struct plan *p, const struct host *h,
		    const struct plan_target *target, const char *sub,
		    struct cgroup_plan *cg);
void plan_unit_attach(struct plan *p, const struct cgroup_plan *cg);

/* update: HOST steps before those that write; then those that tell systemd what they write to the container's own files;
 * *ret_set = whether there is anything to tell. Then the last step of all is plan_unit_keep()'s. */
void plan_unit_loosen(struct plan *p, const struct resources *r, const struct host *h,
		      const struct plan_target *target);
void plan_unit_update(struct plan *p, const struct resources *r, const struct host *h,
		      const struct limits_now *now, const char *unit, bool *ret_set);
void plan_unit_keep(struct plan *p);

/* unit_limits.c: what of linux.resources systemd has properties for. A limit that it cannot express is left to the
 * direct write, which is done in any case. */
void unit_limits(struct unit_properties *u, const struct resources *r,
		 const struct host *h);
/* The same of one file of cgroup v2, and of blockIO. */
void unit_file(struct unit_properties *u, const char *origin, const char *file,
	       const char *text);
void unit_io(struct unit_properties *u, const struct block_io *b, bool v1);
/* For no limit: a negative value. */
void unit_set_max(struct unit_properties *u, const char *origin, const char *name,
		  int64_t value);
/* quota: 0 = as it is; period: 0 = the usual one */
void unit_cpu_max(struct unit_properties *u, const char *origin, int64_t quota,
		  uint64_t period);
/* unit_limits_v1.c: the properties for version 1, in a hybrid host, too. now: update, else NULL. */
void unit_limits_v1(struct unit_properties *u, const struct resources *r,
		    const struct limits_now *now);
/* DevicePolicy and DeviceAllow, for a container that lives in the scope itself. 0 or -1. */
int unit_devices_v1(struct unit_properties *u, const struct spec *s);
/* CPU time for each second, in the steps of systemd: percents, rounded up. */
uint64_t unit_cpu_quota(uint64_t quota, uint64_t period);

/* unit_annotations.c: org.systemd.property.NAME. 0 or -1. */
int unit_annotations(struct unit_properties *u, const struct spec *s);
