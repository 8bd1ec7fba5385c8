/*
 * The ends of processes. The shim is the parent of all of its containers' processes, of those that lost their own parent as well: whoever is
 * not known is only reaped. libskiff reaps its own helpers before it returns, so that none of them is seen here.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim/events.h"
#include "shim/log.h"
#include "shim/loop.h"
#include "shim/oom.h"
#include "shim/proto/task.pb-c.h"
#include "shim/task.h"

static struct watch children = { .fd = -1 };

void proc_answer_waiters(struct proc *p)
{
	Pb__WaitResponse r = PB__WAIT_RESPONSE__INIT;
	Pb__Timestamp at = PB__TIMESTAMP__INIT;

	at.seconds = p->exited_at.tv_sec;
	at.nanos = (int32_t)p->exited_at.tv_nsec;
	r.exit_status = p->exit_status;
	r.exited_at = &at;
	for (struct waiter *w = p->waiters; w; w = w->next)
		reply(&w->ticket, &r.base);
	p->waiters = NULL;
}

static void tell_exit(struct proc *p)
{
	if (p->state != PROC_STOPPED || p->announced)
		return;
	p->announced = true;
	event_exit(p);
	proc_answer_waiters(p);
}

/* containerd wants all execs' exits before init's. */
void task_tell_exits(struct task *t)
{
	bool busy = false;

	for (struct proc *p = t->execs; p; p = p->next) {
		tell_exit(p);
		busy |= p->state == PROC_RUNNING || work_goes_on(&p->work);
	}
	/* An action that goes on may have its own to tell first. */
	if (!busy && !work_goes_on(&t->init->work))
		tell_exit(t->init);
}

/* Without a pid namespace of its own nothing has ended with init. */
static void end_others(struct task *t)
{
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff *s;

	if (!t->shared_pids)
		return;
	s = task_skiff(t, &e);
	if (!s || skiff_kill(s, t->id, SIGKILL, true, &e) < 0)
		shim_log("warning", "%s: %s", t->id, e.message);
	if (s)
		task_skiff_end(s);
}

static void end_proc(struct proc *p, const siginfo_t *info)
{
	p->state = PROC_STOPPED;
	p->exit_status = (uint32_t)info->si_status;
	if (info->si_code != CLD_EXITED)
		p->exit_status += 128;
	clock_gettime(CLOCK_REALTIME, &p->exited_at);
	if (p == p->task->init) {
		oom_end(p->task);
		end_others(p->task);
	}
	task_tell_exits(p->task);
}

static struct proc *find_pid(pid_t pid)
{
	for (struct task *t = shim.tasks; t; t = t->next) {
		if (t->init->pid == pid && t->init->state != PROC_STOPPED)
			return t->init;
		for (struct proc *p = t->execs; p; p = p->next)
			if (p->pid == pid && p->state == PROC_RUNNING)
				return p;
	}
	return NULL;
}

void children_reap(void)
{
	siginfo_t info;
	struct proc *p;
	pid_t pid;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    !info.si_pid)
			return;
		pid = info.si_pid;
		/* It may be an init of which a child of ours has told us only now. */
		works_collect();
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG) < 0 ||
		    !info.si_pid)
			continue;
		p = find_pid(pid);
		if (p)
			end_proc(p, &info);
	}
}

static void on_signal(struct watch *w, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	while (read(w->fd, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			loop_stop();
	children_reap();
}

int children_init(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	children.ready = on_signal;
	children.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return children.fd < 0 ? -errno : loop_add(&children, EPOLLIN);
}
