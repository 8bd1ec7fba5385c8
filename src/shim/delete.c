/* Delete: a process is forgotten, with init its container. */
#include <signal.h>
#include <stddef.h>
#include <time.h>

#include "shim/events.h"
#include "shim/log.h"
#include "shim/rootfs.h"
#include "shim/service.h"

enum { PATIENCE_MS = 10000 };

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
		if (p->state == PROC_ADDED || p->state == PROC_OPENING) {
			reply_fail(&p->caller, RPC_FAILED_PRECONDITION,
				   "the container is deleted");
			exec_never_ran(p);
		} else if (p->state == PROC_RUNNING) {
			p->state = PROC_STOPPED;
			p->exit_status = 128 + SIGKILL;
			clock_gettime(CLOCK_REALTIME, &p->exited_at);
		}
		if (p->deleter.generation)
			answer_delete(p);
	}
}

static int act_delete(struct proc *p, struct skiff *s, struct outcome *o)
{
	return skiff_delete(s, p->task->id, true, &o->error);
}

static void on_deleted(struct proc *init, struct outcome *o)
{
	struct task *t = init->task;

	if (o->r < 0) {
		fail_by_skiff(&init->deleter, &o->error);
		return;
	}
	/* Whoever was left was killed just now. */
	children_reap();
	end_execs(t);
	task_tell_exits(t);
	stdio_close(&init->stdio);
	if (t->mounted)
		rootfs_unmount(t->rootfs);
	event_delete(init);
	answer_delete(init);
	task_free(t);
}

/* All output has been handed on, or nobody takes it. */
static void finish_delete(struct proc *p)
{
	struct task *t = p->task;

	timer_stop(&p->patience);
	p->stdio.drained = NULL;
	if (p == t->init) {
		work_do(p, act_delete, on_deleted);
		return;
	}
	if (p->state == PROC_ADDED)
		exec_never_ran(p);
	answer_delete(p);
	proc_free(p);
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
	if (p->state == PROC_RUNNING || p->state == PROC_OPENING ||
	    p->deleter.generation) {
		reply_fail(&c->ticket, RPC_FAILED_PRECONDITION,
			   "cannot delete a running process");
		return;
	}
	if (p == p->task->init && !call_is_next(c, p->task))
		return;
	p->deleter = c->ticket;
	p->stdio.drained = on_drained;
	p->patience.due = on_impatience;
	if (p->state == PROC_STOPPED && stdio_is_busy(&p->stdio))
		timer_set(&p->patience, PATIENCE_MS);
	else
		finish_delete(p);
}
