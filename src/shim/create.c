/* Create and Exec, Start, Delete: how a process comes and goes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "shim/events.h"
#include "shim/files.h"
#include "shim/log.h"
#include "shim/oom.h"
#include "shim/rootfs.h"
#include "shim/service.h"

enum { PATIENCE_MS = 10000, NEVER_RAN = 255 };

static void fail_err(struct call *c, const struct err *e)
{
	reply_fail(&c->ticket, RPC_UNKNOWN, "%s", e->msg);
}

/* --- Create --- */

static struct task *new_task(const Pb__CreateTaskRequest *r)
{
	struct task dummy = { 0 };
	struct proc *init = proc_new(&dummy, "");
	struct arena *arena;
	struct task *t;

	if (!init)
		return NULL;
	arena = &init->arena;
	t = arena_new(arena, struct task);
	t->init = init;
	init->task = t;
	t->id = arena_strdup(arena, r->id);
	t->bundle = arena_strdup(arena, r->bundle);
	t->rootfs = arena_printf(arena, "%s/rootfs", r->bundle);
	t->oom_watch.fd = -1;
	run_options_default(shim.namespace, arena, &t->options);
	run_options_read(shim.options_type, shim.options, shim.options_len, arena,
			 &t->options);
	if (r->options)
		run_options_read(r->options->type_url, r->options->value.data,
				 r->options->value.len, arena, &t->options);
	stdio_init(&init->stdio, arena, r->terminal, r->std_in, r->std_out, r->std_err);
	return t;
}

/* libskiff's part: the container, waiting. */
static int create_container(struct call *c, struct task *t)
{
	struct skiff_create create = {
		.size = sizeof(create),
		.id = t->id,
		.bundle = t->bundle,
		.pid_file = arena_printf(c->arena, "%s/init.pid", t->bundle),
		.no_pivot = t->options.no_pivot,
		.no_new_keyring = t->options.no_new_keyring,
		.stdio = t->init->stdio.terminal ? NULL : t->init->stdio.theirs,
	};
	struct skiff_process p = { .size = sizeof(p), .terminal = -1 };
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff *s = call_skiff(c, t);
	int r;

	if (!s)
		return -1;
	r = skiff_create(s, &create, &p, &e);
	task_skiff_end(s);
	if (r < 0) {
		call_fail(c, &e);
		return -1;
	}
	t->init->pid = p.pid;
	t->init->pidfd = p.pidfd;
	t->init->state = PROC_CREATED;
	t->shared_pids = p.shared_pids;
	stdio_start(&t->init->stdio, p.terminal);
	return 0;
}

static int make(struct call *c, struct task *t, const Pb__CreateTaskRequest *r)
{
	struct err e = { 0 };

	if (bundle_note_root(t->bundle, t->options.root, &e) < 0 ||
	    rootfs_mount(t->rootfs, r->rootfs, r->n_rootfs, c->arena, &e) < 0) {
		fail_err(c, &e);
		return -1;
	}
	t->mounted = r->n_rootfs;
	if (stdio_open(&t->init->stdio, t->id, shim.namespace, &e) < 0) {
		fail_err(c, &e);
		return -1;
	}
	return create_container(c, t);
}

void serve_create(struct call *c, const void *request)
{
	const Pb__CreateTaskRequest *r = request;
	Pb__CreateTaskResponse answer = PB__CREATE_TASK_RESPONSE__INIT;
	struct task *t;

	if (task_find(r->id)) {
		reply_fail(&c->ticket, RPC_EXISTS, "task %s: already exists", r->id);
		return;
	}
	if (*r->checkpoint) {
		reply_fail(&c->ticket, RPC_UNIMPLEMENTED, "restore: not implemented");
		return;
	}
	t = new_task(r);
	if (!t) {
		reply_fail(&c->ticket, RPC_EXHAUSTED, "no memory");
		return;
	}
	if (make(c, t, r) < 0) {
		if (t->mounted)
			rootfs_unmount(t->rootfs);
		proc_free(t->init);
		return;
	}
	task_add(t);
	oom_begin(t);
	event_create(t, r);
	answer.pid = (uint32_t)t->init->pid;
	reply(&c->ticket, &answer.base);
}

/* --- Exec --- */

void serve_exec(struct call *c, const void *request)
{
	const Pb__ExecProcessRequest *r = request;
	struct task *t = call_task(c, r->id);
	struct proc *p;

	if (!t)
		return;
	if (!*r->exec_id || strlen(r->exec_id) > ID_MAX || !r->spec) {
		reply_fail(&c->ticket, RPC_INVALID, "an exec needs an id and a process");
		return;
	}
	if (proc_find(t, r->exec_id)) {
		reply_fail(&c->ticket, RPC_EXISTS, "id %s: already exists", r->exec_id);
		return;
	}
	p = proc_new(t, r->exec_id);
	if (!p) {
		reply_fail(&c->ticket, RPC_EXHAUSTED, "no memory");
		return;
	}
	stdio_init(&p->stdio, &p->arena, r->terminal, r->std_in, r->std_out, r->std_err);
	p->spec = arena_strndup(&p->arena, (const char *)r->spec->value.data,
				r->spec->value.len);
	p->next = t->execs;
	t->execs = p;
	event_exec_added(p);
	reply_empty(&c->ticket);
}

/* The process object, in a file without a name. */
static int spec_file(const struct proc *p, char path[40])
{
	int fd = memfd("skiff-process", p->spec, strlen(p->spec));

	if (fd >= 0)
		snprintf(path, 40, "/dev/fd/%d", fd);
	return fd;
}

static int exec_process(struct call *c, struct proc *p)
{
	struct skiff_process started = { .size = sizeof(started), .terminal = -1 };
	struct skiff_error e = { .size = sizeof(e) };
	char path[40] = "";
	auto_fd file = spec_file(p, path);
	struct skiff_exec x = {
		.size = sizeof(x),
		.id = p->task->id,
		.process = path,
		.stdio = p->stdio.terminal ? NULL : p->stdio.theirs,
		.terminal = p->stdio.terminal,
		.no_terminal = !p->stdio.terminal,
	};
	struct skiff *s;
	int r;

	if (file < 0) {
		reply_fail(&c->ticket, RPC_UNKNOWN, "process file: %s", strerror(errno));
		return -1;
	}
	s = call_skiff(c, p->task);
	if (!s)
		return -1;
	r = skiff_exec(s, &x, &started, &e);
	task_skiff_end(s);
	if (r < 0) {
		call_fail(c, &e);
		return -1;
	}
	p->pid = started.pid;
	p->pidfd = started.pidfd;
	stdio_start(&p->stdio, started.terminal);
	return 0;
}

/* --- Start --- */

/* containerd is told of no exit that had no start. */
static void proc_never_ran(struct proc *p)
{
	stdio_close(&p->stdio);
	p->state = PROC_STOPPED;
	p->announced = true;
	p->exit_status = NEVER_RAN;
	clock_gettime(CLOCK_REALTIME, &p->exited_at);
	proc_answer_waiters(p);
}

static int start_exec(struct call *c, struct proc *p)
{
	struct err e = { 0 };

	if (p->task->init->state == PROC_STOPPED) {
		reply_fail(&c->ticket, RPC_FAILED_PRECONDITION,
			   "container %s init process is not running", p->task->id);
		return -1;
	}
	if (p->task->paused) {
		reply_fail(&c->ticket, RPC_FAILED_PRECONDITION,
			   "cannot exec in a paused state");
		return -1;
	}
	if (stdio_open(&p->stdio, p->id, shim.namespace, &e) < 0) {
		fail_err(c, &e);
		return -1;
	}
	return exec_process(c, p);
}

static int start_init(struct call *c, struct proc *p)
{
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff *s = call_skiff(c, p->task);
	int r;

	if (!s)
		return -1;
	r = skiff_start(s, p->task->id, &e);
	task_skiff_end(s);
	if (r < 0)
		call_fail(c, &e);
	return r;
}

void serve_start(struct call *c, const void *request)
{
	const Pb__ProcessRequest *r = request;
	struct proc *p = call_proc(c, r->id, r->exec_id);
	Pb__StartResponse answer = PB__START_RESPONSE__INIT;
	bool init;

	if (!p)
		return;
	init = p == p->task->init;
	if (p->state != (init ? PROC_CREATED : PROC_ADDED)) {
		reply_fail(&c->ticket, RPC_FAILED_PRECONDITION,
			   "process %s was started already", *p->id ? p->id : r->id);
		return;
	}
	if ((init ? start_init(c, p) : start_exec(c, p)) < 0) {
		/* It can be deleted, as one that has ended. */
		if (!init)
			proc_never_ran(p);
		return;
	}
	p->state = PROC_RUNNING;
	event_start(p);
	answer.pid = (uint32_t)p->pid;
	reply(&c->ticket, &answer.base);
}

/* --- Delete --- */

static int delete_container(struct task *t, struct ticket *ticket)
{
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff *s = task_skiff(t, &e);
	int r = s ? skiff_delete(s, t->id, true, &e) : -1;

	if (s)
		task_skiff_end(s);
	if (r < 0)
		reply_fail(ticket, RPC_UNKNOWN, "%s", e.message);
	return r;
}

static void answer_delete(struct proc *p)
{
	Pb__DeleteResponse answer = PB__DELETE_RESPONSE__INIT;
	Pb__Timestamp at = PB__TIMESTAMP__INIT;

	at.seconds = p->exited_at.tv_sec;
	at.nanos = (int32_t)p->exited_at.tv_nsec;
	answer.pid = (uint32_t)p->pid;
	answer.exit_status = p->exit_status;
	answer.exited_at = &at;
	reply(&p->deleter, &answer.base);
}

/* Execs go with their container: whoever waits for one is answered. */
static void end_execs(struct task *t)
{
	for (struct proc *p = t->execs; p; p = p->next) {
		if (p->state == PROC_ADDED) {
			proc_never_ran(p);
		} else if (p->state == PROC_RUNNING) {
			p->state = PROC_STOPPED;
			p->exit_status = 128 + SIGKILL;
			clock_gettime(CLOCK_REALTIME, &p->exited_at);
		}
		if (p->deleter.generation)
			answer_delete(p);
	}
}

/* All output has been handed on, or nobody takes it. */
static void finish_delete(struct proc *p)
{
	struct task *t = p->task;

	timer_stop(&p->patience);
	p->stdio.drained = NULL;
	if (p != t->init) {
		if (p->state == PROC_ADDED)
			proc_never_ran(p);
		answer_delete(p);
		proc_free(p);
		return;
	}
	if (delete_container(t, &p->deleter) < 0)
		return;
	/* Whoever was left was killed just now. */
	children_reap();
	end_execs(t);
	task_tell_exits(t);
	stdio_close(&p->stdio);
	if (t->mounted)
		rootfs_unmount(t->rootfs);
	event_delete(p);
	answer_delete(p);
	task_free(t);
}

static void on_drained(struct stdio *s)
{
	finish_delete(OWNER(s, struct proc, stdio));
}

static void on_impatience(struct timer *timer)
{
	struct proc *p = OWNER(timer, struct proc, patience);

	shim_log("warning", "%s %s: its output is not read", p->task->id, p->id);
	finish_delete(p);
}

void serve_delete(struct call *c, const void *request)
{
	const Pb__ProcessRequest *r = request;
	struct proc *p = call_proc(c, r->id, r->exec_id);

	if (!p)
		return;
	if (p->state == PROC_RUNNING || p->deleter.generation) {
		reply_fail(&c->ticket, RPC_FAILED_PRECONDITION,
			   "cannot delete a running process");
		return;
	}
	p->deleter = c->ticket;
	p->stdio.drained = on_drained;
	p->patience.due = on_impatience;
	if (p->state == PROC_STOPPED && stdio_is_busy(&p->stdio))
		timer_set(&p->patience, PATIENCE_MS);
	else
		finish_delete(p);
}
