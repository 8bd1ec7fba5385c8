/*
 * plan_build: the pure compiler from configuration and host facts to steps. No I/O, no clock, no
 * environment: the same input gives the same plan, byte for byte.
 */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "plan/host.h"
#include "plan/plan.h"
#include "spec/spec.h"

/* Whether a container without limits goes without a cgroup that may not be made. */
enum rootless { ROOTLESS_AUTO, ROOTLESS_YES, ROOTLESS_NO };

/* What the command line adds to the configuration. Strings are absolute paths unless said otherwise. */
struct plan_opts {
	const char *id;
	const char *bundle;     /* absolute, no trailing '/' */
	const char *state_root; /* "/run/skiff" */
	bool start_at_once;     /* run: no waiting in `created` */
	bool foreground; /* run without --detach: the terminal's master stays with skiff */
	const char *console_socket, *pidfd_socket, *pid_file;
	bool no_pivot, no_new_keyring;
	uint32_t preserve_fds;      /* beyond stdio, LISTEN_FDS not counted */
	const char *cgroup_manager; /* "cgroupfs", "systemd", "disabled" */
	enum rootless rootless;
	const char
		*program; /* executed in place of args[0], with no other environment than
			      * the given one; NULL = args[0] */
	bool trace;
};

/* A mount that `mounts add` made: a cleaned path in the container, and the kernel's id. */
struct live_mount {
	const char *path;
	uint64_t id;
};

/* What `exec` knows of the running container, from its state. */
struct plan_target {
	uint32_t ns_flags; /* CLONE_NEW* of the container that differ from the host's */
	/* Per host hierarchy index: absolute directory, or NULL. */
	const char *const *cgroups;
	const char *const *sub_cgroups; /* exec --cgroup: "[CONTROLLER,...:]PATH" */
	size_t n_sub_cgroups;
	strs resctrl;                    /* its groups of resctrl */
	const char *unit, *unit_dir;     /* systemd's, and its cgroup; or NULL */
	int pid;                         /* of its init, for mounts */
	const struct live_mount *mounts; /* that may be removed */
	size_t n_mounts;
	strs places; /* destinations of the configuration's mounts */
};

struct steps {
	struct step *v;
	size_t n, cap;
};

struct plan {
	struct arena *arena;
	struct steps host, init;
	struct buf strings; /* byte 0 is NUL: offset 0 = none */
	int n_slots;        /* slots in use, SLOT_DYNAMIC and above included */
	uint32_t n_scratch; /* bytes of pointer room for argv and envp */
	/* Chosen, below the hierarchies' roots; NULL = none. Goes into the state. */
	const char *cgroup_path;
	/* systemd's: the scope, and where it is below the v2 root; NULL = not by systemd */
	const char *unit, *unit_dir;
	const char *rootfs;   /* absolute path of the root file system on the host */
	strs warnings;        /* capabilities left out, and the like */
	const char *headline; /* the host facts that count, in one line */
	struct err *e;        /* set by the first builder that failed */
};

/* Groups of resctrl that a configuration asks for, below the mount: the class, and the monitoring group, if any. How
 * many. */
struct resctrl_group {
	const char *dir, *origin;
	enum resctrl_owner owner;
};
size_t plan_resctrl_groups(const struct intel_rdt *r, const char *mount, const char *id,
			   struct arena *arena, struct resctrl_group ret[2]);
/* The CLONE_NEW* of an enum ns_type. */
uint32_t plan_ns_flag(int type);
/* Builds the plan of create (or run). 0 or -1. */
int plan_build(const struct spec *spec, const struct host *host,
	       const struct plan_opts *opts, struct arena *arena, struct plan *ret,
	       struct err *e);
/* Builds the plan of a further process in a running container. spec is the container's own. */
int plan_build_exec(const struct spec *spec, const struct process *process,
		    const struct host *host, const struct plan_target *target,
		    const struct plan_opts *opts, struct arena *arena, struct plan *ret,
		    struct err *e);
/* Builds the plan of mounts that are added to a running container, or removed. spec is the container's own, but for
 * its mounts. */
int plan_build_mounts(const struct spec *spec, const struct host *host,
		      const struct plan_target *target, const struct plan_opts *opts,
		      bool remove, struct arena *arena, struct plan *ret, struct err *e);
/* Builds the plan of one hook: executed in the host's namespaces (join_flags = 0) or in the container's (SLOT_PIDFD,
 * which the caller fills in as for exec). Standard streams are apply's (struct apply, stdio); argument list and
 * environment are the hook's. */
int plan_build_hook(const struct hook *hook, const char *dir, uint32_t join_flags,
		    struct arena *arena, struct plan *ret, struct err *e);

/* --- for the builders (plan/build.c has them) --- */

/* Appends a step; the result may be filled further until the next call. origin: printf form of the JSON path,
 * NULL = none. */
struct step *plan_host(struct plan *p, enum op op, const char *origin, ...)
	__attribute__((format(printf, 3, 4)));
struct step *plan_init(struct plan *p, enum op op, const char *origin, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds a string (NULL gives 0), bytes (8-byte aligned), or a list; returns the offset. */
uint32_t plan_str(struct plan *p, const char *s);
uint32_t plan_bytes(struct plan *p, const void *data, size_t n);
uint32_t plan_list(struct plan *p, const char *const *v, size_t n);
int plan_slot(struct plan *p); /* a new dynamic slot */
const char *plan_text(const struct plan *p, uint32_t offset);

/* The flat form for init: slots has p->n_slots fd numbers, filter n_filter instructions (8 bytes each). *ret is made
 * here, in the plan's arena. */
void plan_flatten(const struct plan *p, const int *slots, const void *filter,
		  uint32_t n_filter, int first_free, struct buf *ret);

/* print.c: the whole plan for a person, or as JSON with "schemaVersion". */
void plan_print_text(const struct plan *p, struct buf *b);
void plan_print_json(const struct plan *p, struct buf *b);
/* One step's operands in the printed form, without its name and origin. */
void plan_print_step(const struct plan *p, const struct step *s, struct buf *b);
