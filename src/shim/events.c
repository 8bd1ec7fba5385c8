/* Filling in events. */
#include "shim/events.h"

#include "shim/proto/events.pb-c.h"
#include "shim/publish.h"

void event_create(const struct task *t)
{
	const Pb__CreateTaskRequest *r = t->request;
	Pb__TaskCreate ev = PB__TASK_CREATE__INIT;
	Pb__TaskIO io = PB__TASK_IO__INIT;

	io.std_in = r->std_in;
	io.std_out = r->std_out;
	io.std_err = r->std_err;
	io.terminal = r->terminal;
	ev.container_id = (char *)t->id;
	ev.bundle = r->bundle;
	ev.rootfs = r->rootfs;
	ev.n_rootfs = r->n_rootfs;
	ev.io = &io;
	ev.checkpoint = r->checkpoint;
	ev.pid = (uint32_t)t->init->pid;
	publish("/tasks/create", "TaskCreate", &ev.base);
}

void event_start(const struct proc *p)
{
	Pb__TaskStart init = PB__TASK_START__INIT;
	Pb__TaskExecStarted exec = PB__TASK_EXEC_STARTED__INIT;

	init.container_id = exec.container_id = (char *)p->task->id;
	init.pid = exec.pid = (uint32_t)p->pid;
	exec.exec_id = (char *)p->id;
	if (*p->id)
		publish("/tasks/exec-started", "TaskExecStarted", &exec.base);
	else
		publish("/tasks/start", "TaskStart", &init.base);
}

void event_exec_added(const struct proc *p)
{
	Pb__TaskExecAdded ev = PB__TASK_EXEC_ADDED__INIT;

	ev.container_id = (char *)p->task->id;
	ev.exec_id = (char *)p->id;
	publish("/tasks/exec-added", "TaskExecAdded", &ev.base);
}

static Pb__Timestamp exit_time(const struct proc *p)
{
	Pb__Timestamp t = PB__TIMESTAMP__INIT;

	t.seconds = p->exited_at.tv_sec;
	t.nanos = (int32_t)p->exited_at.tv_nsec;
	return t;
}

void event_exit(const struct proc *p)
{
	Pb__TaskExit ev = PB__TASK_EXIT__INIT;
	Pb__Timestamp at = exit_time(p);

	ev.container_id = (char *)p->task->id;
	ev.id = (char *)(*p->id ? p->id : p->task->id);
	ev.pid = (uint32_t)p->pid;
	ev.exit_status = p->exit_status;
	ev.exited_at = &at;
	publish("/tasks/exit", "TaskExit", &ev.base);
}

void event_delete(const struct proc *p)
{
	Pb__TaskDelete ev = PB__TASK_DELETE__INIT;
	Pb__Timestamp at = exit_time(p);

	ev.container_id = (char *)p->task->id;
	ev.pid = (uint32_t)p->pid;
	ev.exit_status = p->exit_status;
	ev.exited_at = &at;
	publish("/tasks/delete", "TaskDelete", &ev.base);
}

void event_note(const struct task *t, const char *topic, const char *type)
{
	Pb__TaskNote ev = PB__TASK_NOTE__INIT;

	ev.container_id = (char *)t->id;
	publish(topic, type, &ev.base);
}
