/* What the files of the checks share. Private to src/spec. */
#pragma once

#include "spec/spec.h"

struct check {
	const struct spec *spec;      /* NULL when only a part is checked */
	const struct json_notes *all; /* NULL: only the first fault counts */
	struct err *e;
	bool failed;
	char origin[sizeof(((struct err *)0)->origin)];
};

typedef void check_rule(struct check *c);

/* The JSON path of a fault; the answer stays valid until the next call. */
const char *check_at(struct check *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Reports a fault: what is wrong, and after a semicolon or colon what to do. */
void check_fault(struct check *c, const char *origin, const char *fmt, ...)
	__attribute__((cold, format(printf, 3, 4)));
/* Reports what will work but is hardly meant. */
void check_warn(struct check *c, const char *origin, const char *fmt, ...)
	__attribute__((cold, format(printf, 3, 4)));
/* Runs rules until the first fault, or all of them. 0 or -1. */
int check_run(struct check *c, check_rule *const *rules, size_t n);

/* A namespace of this kind is made or joined. */
bool check_has_ns(const struct check *c, int type);
/* A list of numbers and ranges, such as "0-3,7". */
bool check_is_list(const char *s);
/* Control characters, which no name or path of a config needs. */
bool check_has_control(const char *s);
/* One of the components of a path is "..". */
bool check_climbs(const char *path);

/* check_process.c: prefix is the path of the object, "" for a file of its own. */
void check_process(struct check *c, const struct process *p, const char *prefix);
/* check_resources.c */
void check_resources(struct check *c, const struct resources *r, const char *prefix);

/* Rules of the other files, run by check.c. */
check_rule check_annotations, check_namespaces, check_id_maps, check_time,
	check_net_devices, check_sysctl, check_devices, check_cgroups_path,
	check_intel_rdt, check_memory_policy, check_personality, check_seccomp,
	check_seccomp_notify;
/* A mount's or the container's id mappings. what: "linux.uidMappings". */
void check_id_map(struct check *c, const id_maps *maps, const char *what);
