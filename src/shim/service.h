/* The methods of the Task service (../shim.proto). Each answers its ticket, at once or later. */
#pragma once

#include "base/arena.h"
#include "shim/proto/task.pb-c.h"
#include "shim/server.h"
#include "shim/task.h"

/* One request, while it is served. */
struct call {
	struct ticket ticket;
	struct arena *arena;
};

void serve_create(struct call *c, const void *request);
void serve_start(struct call *c, const void *request);
void serve_delete(struct call *c, const void *request);
void serve_state(struct call *c, const void *request);
void serve_wait(struct call *c, const void *request);
void serve_exec(struct call *c, const void *request);
void serve_kill(struct call *c, const void *request);
void serve_pids(struct call *c, const void *request);
void serve_pause(struct call *c, const void *request);
void serve_resume(struct call *c, const void *request);
void serve_checkpoint(struct call *c, const void *request);
void serve_stats(struct call *c, const void *request);
void serve_update(struct call *c, const void *request);
void serve_resize(struct call *c, const void *request);
void serve_close_io(struct call *c, const void *request);
void serve_connect(struct call *c, const void *request);
void serve_shutdown(struct call *c, const void *request);

/* The task, or NULL: the call has been answered. */
struct task *call_task(struct call *c, const char *id);
/* The same of a process. */
struct proc *call_proc(struct call *c, const char *id, const char *exec_id);
/* A context for the task, or NULL: the call has been answered. */
struct skiff *call_skiff(struct call *c, const struct task *t);
/* Whether no other action of the task goes on. false: the call has been answered. */
bool call_is_next(struct call *c, const struct task *t);
/* libskiff's error in ttrpc's terms. */
void fail_by_skiff(struct ticket *t, const struct skiff_error *e);

/* exec.c: Start of one that was added. */
void exec_start(struct call *c, struct proc *p);
/* It has ended without having begun. */
void exec_never_ran(struct proc *p);
/* create.c: answers Start, and tells of it. */
void proc_started(struct proc *p);
