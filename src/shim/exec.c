/* Exec and its Start: a further process of a container. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "shim/events.h"
#include "shim/files.h"
#include "shim/service.h"

enum { NEVER_RAN = 255 };

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
	p = t->n_execs < EXECS_MAX ? proc_new(t, r->exec_id) : NULL;
	if (!p) {
		reply_fail(&c->ticket, RPC_EXHAUSTED, "no memory, or more than %d execs",
			   EXECS_MAX);
		return;
	}
	stdio_init(&p->stdio, &p->arena, r->terminal, r->std_in, r->std_out, r->std_err);
	p->spec = arena_strndup(&p->arena, (const char *)r->spec->value.data,
				r->spec->value.len);
	task_add_exec(t, p);
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

static int act_exec(struct proc *p, struct skiff *s, struct outcome *o)
{
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

	if (file >= 0)
		return skiff_exec(s, &x, &o->process, &o->error);
	snprintf(o->error.message, sizeof(o->error.message), "process file: %s",
		 strerror(errno));
	return -1;
}

/* containerd is told of no exit that had no start. */
void exec_never_ran(struct proc *p)
{
	stdio_close(&p->stdio);
	p->state = PROC_STOPPED;
	p->announced = true;
	p->exit_status = NEVER_RAN;
	clock_gettime(CLOCK_REALTIME, &p->exited_at);
	proc_answer_waiters(p);
}

/* It can be deleted, as one that has ended. */
static void not_started(struct proc *p, const struct skiff_error *e)
{
	fail_by_skiff(&p->caller, e);
	exec_never_ran(p);
	task_tell_exits(p->task);
}

static void on_started(struct proc *p, struct outcome *o)
{
	if (o->r < 0) {
		not_started(p, &o->error);
		return;
	}
	p->pid = o->process.pid;
	p->pidfd = o->process.pidfd;
	stdio_start(&p->stdio, o->process.terminal);
	proc_started(p);
}

/* Its streams are open, or cannot be. */
static void on_opened(struct stdio *stdio, const struct err *why)
{
	struct proc *p = OWNER(stdio, struct proc, stdio);
	struct skiff_error e = { .size = sizeof(e) };

	if (why) {
		snprintf(e.message, sizeof(e.message), "%s", why->msg);
		not_started(p, &e);
	} else {
		work_do(p, act_exec, on_started);
	}
}

void exec_start(struct call *c, struct proc *p)
{
	struct err e = { 0 };
	int r;

	if (p->task->init->state == PROC_STOPPED) {
		reply_fail(&c->ticket, RPC_FAILED_PRECONDITION,
			   "container %s init process is not running", p->task->id);
	} else if (p->task->paused) {
		reply_fail(&c->ticket, RPC_FAILED_PRECONDITION,
			   "cannot exec in a paused state");
	} else {
		p->caller = c->ticket;
		p->stdio.opened = on_opened;
		p->state = PROC_OPENING;
		r = stdio_open(&p->stdio, p->id, shim.namespace, &e);
		if (r <= 0)
			on_opened(&p->stdio, r < 0 ? &e : NULL);
		return;
	}
	/* It can be deleted, as one that has ended. */
	exec_never_ran(p);
}
