/* The methods that act on what is there: signals, freezing, limits, terminals, and questions. */
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/events.h"
#include "shim/exit.h"
#include "shim/service.h"
#include "shim/wire.h"

/* --- what all methods need --- */

struct task *call_task(struct call *c, const char *id)
{
	struct task *t = task_find(id);

	if (t && t->init->state != PROC_OPENING)
		return t;
	reply_fail(&c->ticket, RPC_NOT_FOUND, "container %s not created: not found", id);
	return NULL;
}

bool call_is_next(struct call *c, const struct task *t)
{
	if (!work_goes_on(&t->init->work))
		return true;
	reply_fail(&c->ticket, RPC_FAILED_PRECONDITION,
		   "container %s: another action goes on", t->id);
	return false;
}

struct proc *call_proc(struct call *c, const char *id, const char *exec_id)
{
	struct task *t = call_task(c, id);
	struct proc *p = t ? proc_find(t, exec_id) : NULL;

	if (t && !p)
		reply_fail(&c->ticket, RPC_NOT_FOUND,
			   "process does not exist %s: not found", exec_id);
	return p;
}

void fail_by_skiff(struct ticket *t, const struct skiff_error *e)
{
	switch (e->code) {
	case SKIFF_UNKNOWN:
		reply_fail(t, RPC_NOT_FOUND, "%s: not found", e->message);
		return;
	case SKIFF_STOPPED:
		reply_fail(t, RPC_NOT_FOUND, "process already finished: not found");
		return;
	case SKIFF_EXISTS:
		reply_fail(t, RPC_EXISTS, "%s: already exists", e->message);
		return;
	case SKIFF_STATE:
		reply_fail(t, RPC_FAILED_PRECONDITION, "%s", e->message);
		return;
	case SKIFF_CONFIG:
	case SKIFF_USAGE:
		reply_fail(t, RPC_INVALID, "%s", e->message);
		return;
	default:
		reply_fail(t, RPC_UNKNOWN, "%s", e->message);
	}
}

struct skiff *call_skiff(struct call *c, const struct task *t)
{
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff *s = task_skiff(t, &e);

	if (!s)
		fail_by_skiff(&c->ticket, &e);
	return s;
}

/* Ends the context and answers: with nothing, or the error. */
static bool end(struct call *c, struct skiff *s, int r, const struct skiff_error *e)
{
	task_skiff_end(s);
	if (r < 0)
		fail_by_skiff(&c->ticket, e);
	return r >= 0;
}

/* --- State, Wait, Pids, Connect --- */

static Pb__TaskStatus status_of(const struct proc *p)
{
	if (p->state == PROC_STOPPED)
		return PB__TASK_STATUS__STOPPED;
	if (p->task->paused)
		return PB__TASK_STATUS__PAUSED;
	return p->state == PROC_RUNNING ? PB__TASK_STATUS__RUNNING
					: PB__TASK_STATUS__CREATED;
}

void serve_state(struct call *c, const void *request)
{
	const Pb__ProcessRequest *r = request;
	const struct proc *p = call_proc(c, r->id, r->exec_id);
	Pb__StateResponse answer = PB__STATE_RESPONSE__INIT;
	Pb__Timestamp at = PB__TIMESTAMP__INIT;

	if (!p)
		return;
	at.seconds = p->exited_at.tv_sec;
	at.nanos = (int32_t)p->exited_at.tv_nsec;
	answer.id = (char *)(*p->id ? p->id : p->task->id);
	answer.exec_id = (char *)p->id;
	answer.bundle = (char *)p->task->bundle;
	answer.pid = (uint32_t)p->pid;
	answer.status = status_of(p);
	answer.std_in = (char *)p->stdio.paths[PUMP_IN];
	answer.std_out = (char *)p->stdio.paths[PUMP_OUT];
	answer.std_err = (char *)p->stdio.paths[PUMP_ERR];
	answer.terminal = p->stdio.terminal;
	answer.exit_status = p->exit_status;
	if (p->state == PROC_STOPPED)
		answer.exited_at = &at;
	reply(&c->ticket, &answer.base);
}

void serve_wait(struct call *c, const void *request)
{
	const Pb__ProcessRequest *r = request;
	struct proc *p = call_proc(c, r->id, r->exec_id);
	struct waiter *w;

	if (!p)
		return;
	/* Room of one whose connection has gone. */
	for (w = p->waiters; w && ticket_is_valid(&w->ticket);)
		w = w->next;
	if (!w && p->n_waiters == WAITERS_MAX) {
		reply_fail(&c->ticket, RPC_EXHAUSTED, "%d wait already", WAITERS_MAX);
		return;
	}
	if (!w) {
		w = arena_new(&p->arena, struct waiter);
		w->next = p->waiters;
		p->waiters = w;
		p->n_waiters++;
	}
	w->ticket = c->ticket;
	if (p->announced)
		proc_answer_waiters(p);
}

static const char *exec_of(const struct task *t, pid_t pid)
{
	for (const struct proc *p = t->execs; p; p = p->next)
		if (p->pid == pid && p->state == PROC_RUNNING)
			return p->id;
	return NULL;
}

static Pb__ProcessInfo *describe(struct call *c, const struct task *t, pid_t pid)
{
	Pb__ProcessInfo *info = arena_new(c->arena, Pb__ProcessInfo);
	Pb__ProcessDetails details = PB__PROCESS_DETAILS__INIT;
	const char *exec = exec_of(t, pid);

	pb__process_info__init(info);
	info->pid = (uint32_t)pid;
	if (!exec)
		return info;
	details.exec_id = (char *)exec;
	info->info = arena_new(c->arena, Pb__Any);
	pb__any__init(info->info);
	info->info->type_url = (char *)"containerd.runc.v1.ProcessDetails";
	info->info->value = wire_pack(c->arena, &details.base);
	return info;
}

void serve_pids(struct call *c, const void *request)
{
	const Pb__TaskRequest *r = request;
	const struct task *t = call_task(c, r->id);
	struct skiff *s = t ? call_skiff(c, t) : NULL;
	Pb__PidsResponse answer = PB__PIDS_RESPONSE__INIT;
	struct skiff_error e = { .size = sizeof(e) };
	const pid_t *pids = NULL;
	int result;
	size_t n = 0;

	if (!s)
		return;
	result = skiff_processes(s, t->id, &pids, &n, &e);
	/* containerd, when it comes back, takes a shim without any process for one whose Create
	 * failed: it would throw it away, and with it how the container ended. */
	if (result >= 0 && !n && t->init->state == PROC_STOPPED) {
		pids = &t->init->pid;
		n = 1;
	}
	answer.processes = arena_array(c->arena, n + 1, sizeof(*answer.processes));
	for (size_t i = 0; i < n && result >= 0; i++)
		answer.processes[answer.n_processes++] = describe(c, t, pids[i]);
	if (end(c, s, result, &e))
		reply(&c->ticket, &answer.base);
}

/* Also containerd's question whether we live: any id will do. */
void serve_connect(struct call *c, const void *request)
{
	const Pb__TaskRequest *r = request;
	const struct task *t = task_find(r->id);
	Pb__ConnectResponse answer = PB__CONNECT_RESPONSE__INIT;

	answer.shim_pid = (uint32_t)getpid();
	answer.task_pid = t ? (uint32_t)t->init->pid : 0;
	answer.version = (char *)skiff_version();
	reply(&c->ticket, &answer.base);
}

void serve_shutdown(struct call *c, const void *request)
{
	(void)request;
	reply_empty(&c->ticket);
	if (!shim.tasks)
		exit_soon();
}

/* --- Kill, Pause, Resume, Update --- */

static void kill_exec(struct call *c, const struct proc *p, int signal)
{
	if (p->state == PROC_ADDED || p->state == PROC_OPENING)
		reply_fail(&c->ticket, RPC_FAILED_PRECONDITION, "process not created");
	else if (p->state == PROC_STOPPED ||
		 syscall(SYS_pidfd_send_signal, p->pidfd, signal, NULL, 0) < 0)
		reply_fail(&c->ticket, RPC_NOT_FOUND,
			   "process already finished: not found");
	else
		reply_empty(&c->ticket);
}

void serve_kill(struct call *c, const void *request)
{
	const Pb__KillRequest *r = request;
	struct proc *p = call_proc(c, r->id, r->exec_id);
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff *s;

	if (!p)
		return;
	if (p != p->task->init) {
		kill_exec(c, p, (int)r->signal);
		return;
	}
	if (p->state == PROC_STOPPED && !r->all) {
		reply_fail(&c->ticket, RPC_NOT_FOUND,
			   "process already finished: not found");
		return;
	}
	s = call_skiff(c, p->task);
	if (s && end(c, s, skiff_kill(s, r->id, (int)r->signal, r->all, &e), &e))
		reply_empty(&c->ticket);
}

static int act_pause(struct proc *p, struct skiff *s, struct outcome *o)
{
	return skiff_pause(s, p->task->id, &o->error);
}

static void on_paused(struct proc *p, struct outcome *o)
{
	if (o->r < 0) {
		fail_by_skiff(&p->caller, &o->error);
	} else {
		p->task->paused = true;
		event_note(p->task, "/tasks/paused", "TaskPaused");
		reply_empty(&p->caller);
	}
	task_tell_exits(p->task);
}

void serve_pause(struct call *c, const void *request)
{
	struct task *t = call_task(c, ((const Pb__TaskRequest *)request)->id);

	if (!t || !call_is_next(c, t))
		return;
	t->init->caller = c->ticket;
	work_do(t->init, act_pause, on_paused);
}

void serve_resume(struct call *c, const void *request)
{
	struct task *t = call_task(c, ((const Pb__TaskRequest *)request)->id);
	struct skiff *s = t && call_is_next(c, t) ? call_skiff(c, t) : NULL;
	struct skiff_error e = { .size = sizeof(e) };

	if (!s || !end(c, s, skiff_resume(s, t->id, &e), &e))
		return;
	t->paused = false;
	event_note(t, "/tasks/resumed", "TaskResumed");
	reply_empty(&c->ticket);
}

void serve_update(struct call *c, const void *request)
{
	const Pb__UpdateTaskRequest *r = request;
	const struct task *t = call_task(c, r->id);
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff_update u = { .size = sizeof(u), .id = r->id, .name = "resources" };
	struct skiff *s;

	if (!t)
		return;
	if (!r->resources) {
		reply_fail(&c->ticket, RPC_INVALID, "Update without resources");
		return;
	}
	u.resources = arena_strndup(c->arena, (const char *)r->resources->value.data,
				    r->resources->value.len);
	u.length = r->resources->value.len;
	s = call_skiff(c, t);
	if (s && end(c, s, skiff_update(s, &u, &e), &e))
		reply_empty(&c->ticket);
}

/* --- ResizePty, CloseIO --- */

void serve_resize(struct call *c, const void *request)
{
	const Pb__ResizePtyRequest *r = request;
	const struct proc *p = call_proc(c, r->id, r->exec_id);

	if (!p)
		return;
	if (p->state == PROC_STOPPED) {
		reply_fail(&c->ticket, RPC_FAILED_PRECONDITION,
			   "cannot resize a stopped container");
		return;
	}
	stdio_resize(&p->stdio, (uint16_t)r->width, (uint16_t)r->height);
	reply_empty(&c->ticket);
}

void serve_close_io(struct call *c, const void *request)
{
	const Pb__CloseIORequest *r = request;
	struct proc *p = call_proc(c, r->id, r->exec_id);

	if (!p)
		return;
	if (r->std_in)
		stdio_close_input(&p->stdio);
	reply_empty(&c->ticket);
}
