/*
 * A container, on disk (state.c), in the kernel (status.c), and what is done to it.
 * Functions return 0 or -1 with *e set unless said otherwise.
 */
#pragma once

#include "json/print.h"
#include "runtime/runtime.h"

enum status {
	STATUS_CREATING,
	STATUS_CREATED,
	STATUS_RUNNING,
	STATUS_PAUSED,
	STATUS_STOPPED
};

/* One cgroup directory of the container. */
struct cgroup_dir {
	char *path;
	bool v1;
};

/* One group of resctrl that it is in; the monitoring group comes last. */
struct resctrl_dir {
	char *path;
	bool own; /* nobody else's; others are removed only with RESCTRL_NOTE */
};

/* state.json. Written once, before anything else of the container exists. unit: systemd's, in unit_dir; or NULL. */
struct state {
	uint32_t version, owner;
	char *id, *bundle, *rootfs, *created, *config, *cgroup_manager, *unit, *unit_dir;
	uint32_t hooks;   /* bits of enum hook_kind: which kinds config.json has */
	bool shared_pids; /* no pid namespace of its own: processes survive init */
	LIST(struct cgroup_dir) cgroups;
	LIST(struct resctrl_dir) resctrl;
	pairs annotations;
};

struct container {
	struct skiff *skiff;
	const char *id;
	int dir;        /* its state directory */
	bool has_state; /* state.json was written */
	struct state state;
	bool recorded; /* init's pid was recorded */
	bool marked;   /* as paused, in that record */
	pid_t pid;     /* init, 0 = none recorded or gone */
	int pidfd;     /* of init, when it was asked for; else -1 */
	enum status status;
	const struct spec *spec; /* NULL until it is needed */
};

#define auto_container __attribute__((cleanup(container_close))) struct container

/* state.c */
/* Opens the state directory of an existing container; reads nothing. */
int container_open(struct skiff *s, const char *id, struct container *ret, struct err *e);
/* Reads state.json (once). An unfinished one leaves has_state false. */
int container_load(struct container *c, struct err *e);
int container_load_spec(struct container *c, struct err *e);
void container_close(struct container *c);
/* Writes state.json, and takes the lock that says "being created" until the descriptor
 * dir is closed. */
int state_write(int dir, const struct state *st, struct arena *arena, struct err *e);
/* The copy of the configuration, once the cgroups are made. */
int state_write_config(int dir, const char *config, size_t n, struct err *e);
/* salvage.c: what delete needs, when state.json cannot be read. */
void state_salvage(struct container *c);
/* What the specification calls state, for people, engines and hooks. */
void state_report(const struct container *c, const char *status, pid_t pid,
		  enum json_style style, struct buf *b);
/* "2026-11-22T13:00:00.123456789Z" */
void state_now(char *ret, size_t size);

/* resctrl.c */
/* Notes the groups that the configuration asks for. */
void state_resctrl(struct state *st, const struct spec *spec, const struct host *host,
		   const char *id, struct arena *arena);
/* made: create came far enough to own what is named after the container. */
int container_resctrl_remove(struct container *c, bool made, struct err *e);

/* status.c */
/* Finds out pid and status: 4 to 8 system calls. */
int container_status(struct container *c, struct err *e);
/* The same, and opens c->pidfd when init is alive. */
int container_hold(struct container *c, struct err *e);
/* Only pid and pidfd: 0 and -1 when init is gone. */
int container_find(struct container *c, struct err *e);
const char *status_name(enum status s);
/* Writes into init's record that the container is paused, or is not. */
int container_mark(struct container *c, bool paused, struct err *e);

/* pause.c: the cgroup that freezes the container, or NULL. */
const struct cgroup_dir *container_freezer(const struct container *c);
/* stuck.c: init did not end within some seconds of SIGKILL: who holds it up, and what to do.
 * Always -1. */
int container_stuck(const struct container *c, int seconds, struct err *e);
/* processes.c: 0 when one of its cgroups is there. */
int container_no_cgroup(const struct container *c, struct err *e);
/* Every process of the container, in ascending order; without a cgroup an error. */
int container_pids(struct container *c, pid_t **ret, size_t *ret_n, struct err *e);

/* hooks.c */
uint32_t hooks_present(const struct hooks *h);
/* Runs the hooks of one kind with the container's state on stdin. pidfd of init: for
 * those that run inside. */
int hooks_run(struct container *c, enum hook_kind kind, const char *status, int pidfd,
	      struct err *e);

/* delete.c */
int container_delete(struct container *c, bool force, struct err *e);
/* SIGKILLs init and everything in the cgroups, and waits until init is gone. */
int container_kill_all(struct container *c, struct err *e);
