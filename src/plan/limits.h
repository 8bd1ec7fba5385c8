/*
 * Control groups in a plan: where the container's cgroup is, its limits and its device
 * rules, for v1, v2 and hybrid hosts. Builders of plan/build.c call these in the order in
 * which they stand here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "plan/build.h"
#include "plan/devices.h"

/* What the first of them decides and the others need. */
struct cgroup_plan {
	int slot[HIERARCHIES_MAX]; /* per hierarchy of struct host; SLOT_NONE = not used */
	int into;       /* slot of the v2 cgroup, for CLONE_INTO_CGROUP, or SLOT_NONE */
	bool must_join; /* v1, hybrid, systemd: steps after the spawn move init, which waits */
	bool has_bpf; /* plan_devices_load() made a program to attach */
	bool has_rules; /* devices are restricted, by BPF or by v1 files: after init made its nodes */
	uint32_t controllers;  /* systemd: v2's, as of a cgroup.make step */
	const char *delegated; /* path of what the container gets wholly, or NULL */
	const char *unit,
		*sub; /* exec: systemd moves init to this place below the unit */
};

/* Before the spawn: chooses p->cgroup_path (NULL = no cgroup) and makes the cgroups. 0
 * or -1. */
int plan_cgroup_make(struct plan *p, const struct spec *s, const struct host *h,
		     const struct plan_opts *o, struct cgroup_plan *ret);
/* The same for `exec`: opens the container's cgroups. sub_cgroup counts in v2, else in
 * every hierarchy. */
int plan_cgroup_open(struct plan *p, const struct host *h, const struct plan_opts *o,
		     const struct plan_target *target, struct cgroup_plan *ret);
/* After the spawn: moves init (exec: the process) into the v1 cgroups. PLAN's is the
 * TELL that follows. */
void plan_cgroup_join(struct plan *p, const struct host *h, const struct cgroup_plan *cg);
/* The limits of linux.resources; they are in force before SYNC_GO. v1 device rules are
 * among them. 0 or -1. */
int plan_cgroup_limits(struct plan *p, const struct spec *s, const struct host *h,
		       const struct cgroup_plan *cg);
/* v2 device rules: loading (any time after the spawn) and attaching (after SYNC_READY,
 * before hooks). Without effect where v1 has the devices controller, where everything
 * is allowed, and where the caller may not load BPF. 0 or -1. */
int plan_devices_load(struct plan *p, const struct spec *s, const struct host *h,
		      struct cgroup_plan *cg);
int plan_devices_attach(struct plan *p, const struct spec *s, const struct host *h,
			const struct cgroup_plan *cg);

/* --- between limits*.c, cgroup_path.c and devices.c --- */

/* Where the cgroup of this container is, below the hierarchies' roots; NULL = none. 0
 * or -1. */
int cgroup_path_choose(struct plan *p, const struct spec *s, const struct host *h,
		       const struct plan_opts *o, const char **ret);
/* Annotation: a name below the container's cgroup that is handed over to it; or NULL. Chosen before the spawn (0 or -1), and
 * HOST steps when init has its namespaces. */
const char *cgroup_delegated(const struct spec *s);
struct build;
int plan_delegate_choose(struct build *b);
void plan_delegate(struct build *b);
/* What a cgroup.make step has as controllers. */
uint32_t cgroup_wanted(const struct resources *r, const struct host *h,
		       const struct hierarchy *hy);
/* Normalised copy of a path that the user wrote: begins with '/', no empty, "." or
 * ".." part, no control characters. */
int cgroup_path_clean(struct plan *p, const char *origin, const char *path,
		      const char **ret);

/* The controllers that this configuration's limits cannot do without, as CT_ bits. */
uint32_t limits_controllers(const struct resources *r, const struct host *h);

struct limits {
	struct plan *p;
	const struct host *h;
	const struct cgroup_plan *cg;
	const struct limits_now *now; /* of a live container; NULL = a new cgroup */
};

/* What a limit's builder knows of the place it writes to. */
struct place {
	int slot;
	bool v2;
};

/* The cgroup in which `controller` is; -1 and an error that names both when the host
 * has none. */
int limits_place(struct limits *l, uint32_t controller, const char *origin,
		 struct place *ret);
/* One CGROUP_WRITE; value is a printf form. */
struct step *limits_write(struct limits *l, const struct place *at, const char *origin,
			  const char *file, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* One CGROUP_WRITE of a number of bytes or processes; negative = no limit. */
void limits_max(struct limits *l, const struct place *at, const char *origin,
		const char *file, int64_t value);
/* An error: the limit at origin exists in the other version of cgroups only. */
int limits_unsupported(struct limits *l, const char *origin, const char *what);

int limits_all(struct limits *l, const struct resources *r);
int limits_memory(struct limits *l, const struct memory *m); /* limits_memory.c */
bool limits_needs_memory(const struct memory *m);
int limits_cpu(struct limits *l, const struct cpu *c); /* limits_cpu.c */
int limits_cpuset(struct limits *l, const struct cpu *c);
bool limits_needs_cpu(const struct cpu *c);
int limits_io(struct limits *l, const struct block_io *io); /* limits_io.c */
int limits_hugepages(struct limits *l,
		     const struct resources *r); /* limits_more.c, and the rest */
int limits_network(struct limits *l, const struct network *n);
int limits_rdma(struct limits *l, const struct resources *r);
int limits_unified(struct limits *l, const struct resources *r);
uint32_t limits_unified_controllers(const struct resources *r);
uint32_t limits_cpu_weight(uint64_t shares); /* cpu.shares -> cpu.weight */
/* process.c: "0-3,7" as bits, *ret_top = the highest + 1; -1: not such a list. */
int part_set(const char *text, unsigned char *bits, size_t n_bits, size_t *ret_top);
uint64_t limits_io_weight(uint64_t weight); /* blkio.weight -> io.weight */
