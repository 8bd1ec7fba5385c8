/*
 * Carrying a plan out, host side: runs the HOST steps, spawns init, talks with it, words
 * its failures, and undoes what was done when a step fails. Knows plans only, never the
 * configuration.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "plan/build.h"
#include "plan/plan.h"

struct apply;
struct trace;
struct criu_job;

/* In the state directory: a symbolic link to a shared class of resctrl that was made with the container. */
#define RESCTRL_NOTE "resctrl"

/* What the layer above does at some steps. Each returns 0 or -1. NULL = not needed by
 * this plan. */
struct apply_calls {
	int (*state_write)(struct apply *a, struct err *e);   /* OP_STATE_WRITE */
	int (*state_config)(struct apply *a, struct err *e);  /* OP_STATE_CONFIG */
	int (*state_devices)(struct apply *a, struct err *e); /* OP_STATE_DEVICES */
	int (*hooks)(struct apply *a, int kind,
		     struct err *e); /* OP_HOOKS, enum hook_kind */
	int (*tty_take)(struct apply *a, int master,
			struct err *e); /* OP_TTY_TAKE; owns master */
	/* OP_LISTENER_SEND: the message for the agent on the connection `to`, with the listener. */
	int (*listener)(struct apply *a, int to, int listener, struct err *e);
	/* Before the last step that the program waits for. */
	void (*lets_go)(struct apply *a);
};

struct apply {
	const struct plan *plan;
	struct arena *arena;
	const struct apply_calls *calls;
	void *ctx;             /* the caller's */
	const char *cache_dir; /* compiled seccomp filters, absolute; NULL = no cache */
	struct trace *trace;   /* NULL = off */
	int stdio[3];          /* see apply_stdio(); -1 = our own */

	int *slots; /* plan->n_slots descriptors, -1 = closed. SLOT_PIDFD filled before: the container's */
	pid_t pid; /* init, our child */
	pid_t payload; /* as pid: a process that init became by entering a pid namespace is both */
	pid_t net_helper;     /* skiff-net, while it is there */
	int listener;         /* of the filter, taken from init; else -1 */
	pid_t unit_helper;    /* skiff-systemd, while it is there */
	const char *unit;     /* systemd's */
	const char *unit_dir; /* its cgroup, once it was asked for */
	struct buf properties;
	struct criu_job *criu; /* checkpoint and restore; else NULL */
	int payload_pidfd;     /* exec: of the payload; else -1 and SLOT_PIDFD counts */
	const void *filter;
	uint32_t n_filter;
	int bpf_prog, bpf_before; /* devices.attach: the new program, the replaced one */
	bool *made; /* per HOST step: it made something that undo has to remove */
	const char **before;     /* per HOST step with STEP_PUT_BACK: what undo writes */
	struct trace_page *page; /* shared with init, or NULL */
	size_t page_size;
	bool has_payload; /* init has told its pid in the pid namespace */
	bool init_failed; /* init reported or died: e has its words */
	uint64_t *
		mounted; /* per INIT step: the id of the mount that it made, 0 = none; NULL = nobody asks */
	uint16_t failed_step; /* of init, if it reported */
	bool reaped;
};

void apply_init(struct apply *a, const struct plan *plan, struct arena *arena);
/* Three descriptors of the caller that become the payload's 0, 1 and 2, or NULL. 0 or -1. */
int apply_stdio(struct apply *a, const int *fds, struct err *e);
/* Runs all HOST steps, and waits until the program is executed unless init waits for
 * `start`. On failure everything is undone (init killed and reaped, cgroups and state
 * directory removed, pid file unlinked), and e names step, JSON path and cause. 0 or
 * -1. The caller's signal mask, umask, cwd, dumpable flag and environment are as
 * before. */
int apply_run(struct apply *a, struct err *e);
/* Closes the descriptors that are left. Does not end the container. */
void apply_done(struct apply *a);

/* When a process began, in clock ticks since boot (/proc/PID/stat). 0 or -errno. */
int pid_start_time(pid_t pid, unsigned long long *ret);

/* notify.c: the container's notify socket in its state directory; a descriptor or -1. */
int notify_listen(int dir, struct err *e);
/* Removes its directory from the state directory. */
void notify_remove(int dir);

/* sources.c: a message with a descriptor, on a Unix socket. 0 or -1. */
int send_fd(int sock, const void *data, size_t n, int fd, struct err *e);

/* talk.c: reads one report from a socket. 1 = a report, 0 = end of file, -1 = error. A
 * descriptor that comes with it goes to *ret_fd (-1 = none; NULL: none is taken). text
 * receives what follows the header: three NUL-terminated strings after a failure, else
 * nothing; size >= 4. */
int talk_read(int fd, struct report *ret, char *text, size_t size, int *ret_fd,
	      struct err *e);
/* Words a failure that init reported, for a process that has the plan (p) or has not
 * (p NULL, text from the packet). Keeps the phrases engines match: `exec: "x":
 * executable file not found in $PATH`. Always returns -1. */
int talk_failure(const struct plan *p, const struct report *r, const char *text,
		 struct err *e);

/* trace.c: Chrome trace format. A trace collects the host's stamps in memory and
 * init's in a shared page. */
struct trace *trace_new(struct arena *arena, const char *path);
int trace_write(struct trace *t, const struct apply *a, struct err *e);

/* seccomp.c: compiles or finds the filter of a canonical profile; result in the arena.
 * cache_dir may be NULL. */
int seccomp_filter(const char *profile, size_t n, const char *cache_dir,
		   struct arena *arena, const void **ret_filter, uint32_t *ret_n,
		   struct err *e);
