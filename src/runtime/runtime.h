/*
 * Inside of libskiff's upper layer: the context, host facts, and the way from what the
 * caller wants to a plan. Containers are in container.h. Functions return 0 or -1 with *e
 * set unless said otherwise.
 */
#pragma once

#include <skiff/skiff.h>

#include "apply/apply.h"
#include "base/arena.h"
#include "base/err.h"
#include "plan/build.h"
#include "plan/host.h"
#include "spec/spec.h"

struct container;
struct criu_job;
struct plan_criu;

#define SPEC_VERSION "1.3.0"

struct warning {
	const char *text;
	struct warning *next;
};

struct skiff {
	struct arena arena;
	const char *root;           /* state directory of all containers, absolute */
	const char *cgroup_manager; /* "cgroupfs", "systemd", "disabled" */
	enum rootless rootless;
	struct container *own;   /* made by this context: delete need not read it again */
	const char *config_name; /* what a config error is about: "config.json" */
	struct warning *warnings, **last_warning;
	bool debug;
	struct warning *notes, **last_note;
};

/* context.c */
int sk_fail(struct skiff *s, const struct err *err, struct skiff_error *e);
void sk_warn(struct skiff *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* json_notes.left_out: a capability that nobody knows is warned of (config: Capabilities). */
void sk_left_out(void *skiff, const char *path, const char *word);
/* Notes the steps of a plan for --debug. */
void sk_note_plan(struct skiff *s, const struct plan *p);
bool in_user_namespace(void);

/* state.c */
int id_check(const char *id, struct err *e);
/* The name of a user of the host, or the number. */
char *owner_name(uint32_t uid, struct arena *arena);

/* probe.c: host facts. Only those that the configuration needs when spec is given. */
enum probe {
	PROBE_EXEC, /* for exec: not which controllers version 2 has */
	PROBE_CREATE,
	PROBE_ALL, /* where the caller itself is, too; so without root whatever is asked */
};
int probe_host(const struct spec *spec, enum probe what, struct arena *arena,
	       struct host *ret, struct err *e);
/* Which modules take labels, for a process that is not the configuration's. */
void probe_labels(struct host *h);
/* What sources with the option copy-symlink link to; relative ones count from the bundle. */
void probe_links(const struct spec *spec, const char *bundle, struct arena *arena,
		 struct host *h);
/* Only who the caller is, and the environment. */
void probe_caller(struct host *h, struct arena *arena);
/* Descriptors that the caller wants to pass on must be open before we open any: ours
 * would take their places. */
int probe_preserved(uint32_t n, struct err *e);
/* probe_limits.c: the current values of what r is about. */
void probe_limits(const struct resources *r, const struct host *h,
		  const struct plan_target *t, struct arena *arena,
		  struct limits_now *ret);
/* probe_cgroup.c */
int probe_cgroups(struct host *h, struct arena *arena, enum probe what, struct err *e);
int probe_resctrl(struct host *h, struct arena *arena, struct err *e);

/* prepare.c: from the caller's wishes to a plan. */
struct job {
	struct skiff *s;
	const struct skiff_create *c;
	bool start_at_once, keep_terminal;
	const char *bundle; /* absolute */
	struct spec spec;
	char *text; /* of config.json */
	size_t text_len;
	struct host host;
	struct plan_opts opts;
	struct plan plan;
	int terminal; /* master, of run */
	struct container *container;
	/* restore; else NULL */
	struct criu_job *criu;
	const struct plan_criu *wishes;
};
/* Finds the bundle and loads the configuration, which is right afterwards. */
int job_load(struct job *j, struct err *e);
/* The parts of it. all: for `check`, see json/load.h. */
int job_open(struct job *j, int *ret_dir, struct err *e);
int job_read(struct job *j, int dir, const struct json_notes *all, struct err *e);
/* Probes the host and builds the plan. */
int job_plan(struct job *j, struct err *e);
/* create.c */
/* CLONE_NEW* of all namespaces that the configuration names, new and joined. */
uint32_t spec_ns_flags(const struct spec *s);
/* target.c: the container's directory in each of the host's hierarchies, or NULL. */
const char *const *container_cgroups(const struct container *c, const struct host *host);
/* Probes the host and tells what a further process of the container joins. */
int container_target(struct container *c, struct host *ret_host, struct plan_target *ret,
		     struct err *e);
/* Whether the trace can be written, before anything is made. */
int check_trace(const char *path, struct err *e);
/* A trace that cannot be written in the end is no reason to fail: it becomes a
 * warning. */
void write_trace(struct skiff *s, const struct apply *a);
/* The directory of compiled seccomp filters. */
const char *cache_dir(struct skiff *s);
