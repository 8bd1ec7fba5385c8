/*
 * What the builders of src/plan share and nobody else sees: one build in the making, and the functions that
 * each add the steps of one topic. Those that can fail return 0, or -1 with p->e set.
 */
#pragma once

#include "plan/build.h"
#include "plan/limits.h"

struct build {
	struct plan *p;
	const struct spec *spec;
	const struct process *process; /* NULL: none is configured */
	const struct host *host;
	const struct plan_opts *opts;
	const struct plan_target *target; /* exec; else NULL */
	struct err *e;

	/* Filled by plan_ns_choose. */
	uint32_t ns_new, ns_joined; /* CLONE_NEW* that are made, and that exist already */
	bool user_ns;       /* init ends in a user namespace that is not skiff's */
	bool can_mount;     /* the host side may clone mount sources */
	bool deny_groups;   /* setgroups is denied in the container's user namespace */
	id_maps uids, gids; /* of a new user namespace */
	int ns_slots[NS_COUNT];
	struct idmap *idmaps; /* per mount; NULL: none is idmapped */
	bool live;            /* mounts of a running container */
	size_t below; /* live: so much of a destination names a mount it lies in */

	struct cgroup_plan cg;
	strs resctrl;  /* directories of resctrl, in the order in which they are joined */
	bool has_proc; /* SLOT_PROC is made */
};

/* steps.c */
void plan_start(struct plan *p, struct arena *arena, struct err *e);
void plan_append(struct plan *p, struct steps *list, const struct steps *more);
int plan_end(struct plan *p); /* -1 when the plan became too large */
/* A text in the plan's arena. */
const char *part_text(struct build *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Notes something that is left out. */
void part_warn(struct build *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* An absolute path without empty, "." and ".." parts; ".." of the root is the root. */
const char *part_clean(struct build *b, const char *path);

static inline bool host_has_cap(const struct host *h, int cap)
{
	return h->caps >> cap & 1;
}

void plan_cgroup_owner(struct build *b); /* cgroup_owner.c: HOST */

/* namespaces.c */
int plan_ns_choose(struct build *b); /* no steps */
void plan_ns_open(struct build *b);  /* HOST: what is joined */
void plan_ns_maps(struct build *b);  /* HOST, after SPAWN: the maps, TELL MAPPED */
uint32_t plan_ns_spawn_flags(const struct build *b);
int plan_ns_enter(struct build *b); /* INIT: from the first step up to the host names */
/* Whether init enters its pid namespace by a clone of itself. */
bool plan_ns_pid_enter(const struct build *b);
bool plan_ns_maps_id(const id_maps *maps, uint32_t id);
uint32_t part_map_text(struct build *b, const id_maps *maps); /* for uid_map */
/* *id of the container's user namespace as the host sees it; false = not known. */
bool plan_ns_host_id(const struct build *b, uint32_t *id);

/* resctrl.c: HOST */
int plan_resctrl_make(struct build *b);
void plan_resctrl_join(struct build *b); /* after SPAWN */

/* net_devices.c: HOST */
int plan_net_check(struct build *b); /* no steps */
void plan_net_move(struct build *b);
void plan_net_keep(struct build *b);

/* rootfs.c */
void plan_root(struct build *b); /* the root file system as a mount of its own */
void plan_pivot(struct build *b);

/* mounts.c; more of it in mounts.h */
int plan_mounts(struct build *b);
/* idmap.c */
int plan_idmaps_choose(struct build *b); /* no steps */
void plan_idmaps_own(struct build *b);   /* HOST: those of the new user namespace */

/* devices_nodes.c */
int plan_nodes(struct build *b);

/* masks.c */
/* PROC, once. own_tree: before the pivot, in a mount namespace of init's own. */
void part_proc(struct build *b, bool own_tree);
int plan_sysctls(struct build *b);
void plan_masks(struct build *b); /* read-only and masked paths */

/* process.c, identity.c: the payload */
int plan_terminal(struct build *b); /* INIT: TTY, HOST: TTY_TAKE */
int plan_process_place(
	struct build *b); /* working directory, program: what can fail early */
int plan_process_tail(struct build *b); /* who it is, what it may do; no EXEC */
void plan_process_exec(struct build *b);
uint64_t part_kept_fds(const struct build *b);
int plan_identity(struct build *b);
int plan_affinity(struct build *b, const char *key, const char *list);
int plan_seccomp_host(
	struct build *b); /* HOST: the filter, the connection of its listener */
void plan_seccomp_load(struct build *b, bool last);
/* "process." or, for exec, "": how paths of the process begin. */
const char *part_at(const struct build *b);
bool plan_notifies(const struct build *b); /* the filter has a listener */

/* build.c: HOST steps that create, exec and restore share */
void part_console(struct build *b); /* connection to --console-socket */
void part_spawn(struct build *b);   /* SPAWN, cgroup.join */
void part_hooks(struct build *b, enum hook_kind k);
void part_oom(struct build *b);
void part_pid_files(struct build *b);
void part_listener_send(struct build *b);
const char *part_headline(struct build *b);
