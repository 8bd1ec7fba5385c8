/* Create, of a new container or from a checkpoint, and Start. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "shim/events.h"
#include "shim/files.h"
#include "shim/oom.h"
#include "shim/rootfs.h"
#include "shim/service.h"
#include "shim/wire.h"

/* --- Create --- */

static struct task *new_task(struct call *c, const Pb__CreateTaskRequest *request)
{
	struct task dummy = { 0 };
	struct proc *init = proc_new(&dummy, "");
	const Pb__CreateTaskRequest *r;
	struct arena *arena;
	struct task *t;

	if (!init)
		return NULL;
	arena = &init->arena;
	r = wire_copy(arena, &request->base);
	if (!r) {
		proc_free(init);
		return NULL;
	}
	t = arena_new(arena, struct task);
	t->request = r;
	t->init = init;
	init->task = t;
	init->caller = c->ticket;
	init->state = PROC_OPENING;
	t->id = r->id;
	t->bundle = r->bundle;
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

static void not_created(struct task *t, const struct skiff_error *e)
{
	fail_by_skiff(&t->init->caller, e);
	if (t->mounted)
		rootfs_unmount(t->rootfs);
	task_free(t);
}

static void created(struct task *t)
{
	Pb__CreateTaskResponse answer = PB__CREATE_TASK_RESPONSE__INIT;

	t->init->state = PROC_CREATED;
	event_create(t);
	answer.pid = (uint32_t)t->init->pid;
	reply(&t->init->caller, &answer.base);
}

static struct skiff_create what_to_create(struct task *t)
{
	return (struct skiff_create){
		.size = sizeof(struct skiff_create),
		.id = t->id,
		.bundle = t->bundle,
		.pid_file = arena_printf(&t->init->arena, "%s/init.pid", t->bundle),
		.no_pivot = t->options.no_pivot,
		.no_new_keyring = t->options.no_new_keyring,
		.stdio = t->init->stdio.terminal ? NULL : t->init->stdio.theirs,
	};
}

static int act_create(struct proc *p, struct skiff *s, struct outcome *o)
{
	struct skiff_create create = what_to_create(p->task);

	return skiff_create(s, &create, &o->process, &o->error);
}

/* Init is there. */
static void take_init(struct task *t, const struct skiff_process *p)
{
	t->init->pid = p->pid;
	t->init->pidfd = p->pidfd;
	t->shared_pids = p->shared_pids;
	stdio_start(&t->init->stdio, p->terminal);
	oom_begin(t);
}

static void on_created(struct proc *p, struct outcome *o)
{
	struct task *t = p->task;

	if (o->r < 0) {
		not_created(t, &o->error);
		return;
	}
	take_init(t, &o->process);
	created(t);
}

/* The streams are open, or cannot be. A checkpoint is restored by Start: until then there is no process. */
static void on_opened(struct stdio *stdio, const struct err *why)
{
	struct task *t = OWNER(stdio, struct proc, stdio)->task;
	struct skiff_error e = { .size = sizeof(e) };

	if (why) {
		snprintf(e.message, sizeof(e.message), "%s", why->msg);
		not_created(t, &e);
	} else if (*t->request->checkpoint) {
		created(t);
	} else {
		work_do(t->init, act_create, on_created);
	}
}

static int prepare(struct call *c, struct task *t, struct err *e)
{
	const Pb__CreateTaskRequest *r = t->request;

	if (bundle_note_root(t->bundle, t->options.root, e) < 0 ||
	    rootfs_mount(t->rootfs, r->rootfs, r->n_rootfs, c->arena, e) < 0)
		return -1;
	t->mounted = r->n_rootfs;
	t->init->stdio.opened = on_opened;
	return stdio_open(&t->init->stdio, t->id, shim.namespace, e);
}

void serve_create(struct call *c, const void *request)
{
	const Pb__CreateTaskRequest *r = request;
	struct err e = { 0 };
	struct task *t;
	int waits;

	if (task_find(r->id)) {
		reply_fail(&c->ticket, RPC_EXISTS, "task %s: already exists", r->id);
		return;
	}
	if (shim.ending) {
		reply_fail(&c->ticket, RPC_UNAVAILABLE, "the shim is ending");
		return;
	}
	if (*r->bundle != '/') {
		reply_fail(&c->ticket, RPC_INVALID,
			   "bundle %s: an absolute path is needed", r->bundle);
		return;
	}
	t = new_task(c, r);
	if (!t) {
		reply_fail(&c->ticket, RPC_EXHAUSTED, "no memory");
		return;
	}
	task_add(t);
	waits = prepare(c, t, &e);
	if (waits <= 0)
		on_opened(&t->init->stdio, waits < 0 ? &e : NULL);
}

/* --- Start --- */

static int act_start(struct proc *p, struct skiff *s, struct outcome *o)
{
	return skiff_start(s, p->task->id, &o->error);
}

static int act_restore(struct proc *p, struct skiff *s, struct outcome *o)
{
	struct task *t = p->task;
	struct skiff_create create = what_to_create(t);
	struct skiff_criu criu = {
		.size = sizeof(criu),
		.image_path = t->request->checkpoint,
		.work_path = t->options.criu_work_path,
	};

	return skiff_restore(s, &create, &criu, &o->process, &o->error);
}

void proc_started(struct proc *p)
{
	Pb__StartResponse answer = PB__START_RESPONSE__INIT;

	/* It may have ended while a hook ran. */
	if (p->state != PROC_STOPPED)
		p->state = PROC_RUNNING;
	event_start(p);
	answer.pid = (uint32_t)p->pid;
	reply(&p->caller, &answer.base);
	task_tell_exits(p->task);
}

static void on_started(struct proc *p, struct outcome *o)
{
	if (o->r < 0) {
		fail_by_skiff(&p->caller, &o->error);
		task_tell_exits(p->task);
		return;
	}
	if (!p->pid)
		take_init(p->task, &o->process);
	proc_started(p);
}

static void start_init(struct call *c, struct proc *init)
{
	if (!call_is_next(c, init->task))
		return;
	init->caller = c->ticket;
	work_do(init, init->pid ? act_start : act_restore, on_started);
}

void serve_start(struct call *c, const void *request)
{
	const Pb__ProcessRequest *r = request;
	struct proc *p = call_proc(c, r->id, r->exec_id);
	bool init;

	if (!p)
		return;
	init = p == p->task->init;
	if (p->state != (init ? PROC_CREATED : PROC_ADDED))
		reply_fail(&c->ticket, RPC_FAILED_PRECONDITION,
			   "process %s was started already", *p->id ? p->id : r->id);
	else if (init)
		start_init(c, p);
	else
		exec_start(c, p);
}
