/* The containers of this shim and their processes. */
#pragma once

#include <skiff/skiff.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/arena.h"
#include "shim/options.h"
#include "shim/proto/task.pb-c.h"
#include "shim/server.h"
#include "shim/stdio.h"
#include "shim/work.h"

enum { ID_MAX = 1024, EXECS_MAX = 1024, WAITERS_MAX = 65536 };

enum proc_state {
	PROC_ADDED, /* an exec that was not started */
	PROC_OPENING, /* its streams are opened, or it is being made: of init nobody knows yet */
	PROC_CREATED,
	PROC_RUNNING,
	PROC_STOPPED
};

struct waiter {
	struct waiter *next;
	struct ticket ticket;
};

/* Init, or a process that was added by Exec. Each has its own memory, which goes with it. */
struct proc {
	struct task *task;
	struct proc *next;
	struct arena arena;
	const char *id; /* "" = init */
	enum proc_state state;
	pid_t pid;
	int pidfd;
	uint32_t exit_status;
	struct timespec exited_at;
	struct stdio stdio;
	const char *spec; /* Exec: the process object's JSON */
	struct waiter *waiters;
	size_t n_waiters;
	struct work work;
	struct ticket caller;  /* who waits for it */
	struct ticket deleter; /* waits for the end of the output */
	struct timer patience;
	bool announced; /* its exit has been told */
};

struct task {
	struct task *next;
	const char *id, *bundle, *rootfs;
	const Pb__CreateTaskRequest *request;
	struct run_options options;
	struct proc *init, *execs;
	size_t n_execs;
	bool paused, mounted, shared_pids;
	struct watch oom;
	struct skiff_oom oom_watch;
};

/* What serves the whole process. */
struct shim {
	const char *namespace;
	bool ending; /* nothing new is begun */
	struct task *tasks;
	/* The runtime's options, for all containers. */
	const char *options_type;
	const void *options;
	size_t options_len;
};
extern struct shim shim;

struct task *task_find(const char *id);
/* The init of a task for "", else the exec; NULL */
struct proc *proc_find(struct task *t, const char *exec_id);
/* NULL = no memory. It is not in a list yet. */
struct proc *proc_new(struct task *t, const char *id);
void proc_free(struct proc *p);
void task_add(struct task *t);
void task_add_exec(struct task *t, struct proc *p);
void task_free(struct task *t);

/* A context of libskiff for one request about the task. NULL: *e says why. */
struct skiff *task_skiff(const struct task *t, struct skiff_error *e);
/* Its warnings go to the log; then it is gone. */
void task_skiff_end(struct skiff *s);

/* reap.c: every child that has ended. */
int children_init(void);
void children_reap(void);
/* Tells the exits that may be told: init's is the last. */
void task_tell_exits(struct task *t);
/* For whoever waits for it. */
void proc_answer_waiters(struct proc *p);
