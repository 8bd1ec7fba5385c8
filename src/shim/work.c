/* The child keeps the descriptors of the process's streams, and the socket for its one answer: with a descriptor of another's stream it
 * would keep that open. It dies with the shim, as `delete` is next to come then. */
#include "shim/work.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/packet.h"
#include "base/sys.h"
#include "shim/task.h"

static void act_now(struct proc *p, action *act, struct outcome *o)
{
	struct skiff *s = task_skiff(p->task, &o->error);

	o->r = s ? act(p, s, o) : -1;
	if (s)
		task_skiff_end(s);
}

/* --- the answer, with the terminal --- */

/* The pidfd is made anew: what the child started is reaped by nobody but us. */
static bool receive_outcome(int sock, struct outcome *ret)
{
	const struct iovec data = { ret, sizeof(*ret) };
	int terminal;
	ssize_t n = packet_receive(sock, &data, 1, &terminal);

	if (n == -EAGAIN)
		return false;
	if (n != sizeof(*ret)) {
		fd_close(&terminal);
		*ret = (struct outcome){ .r = -1 };
		strcpy(ret->error.message, "the shim's child for it was killed");
	}
	ret->process.terminal = terminal;
	ret->process.pidfd = -1;
	if (ret->process.pid > 0)
		ret->process.pidfd = (int)syscall(SYS_pidfd_open, ret->process.pid, 0);
	return true;
}

/* --- the child --- */

static void close_others(int *keep, size_t n)
{
	unsigned next = STDERR_FILENO + 1;

	/* In ascending order. */
	for (size_t i = 0; i < n; i++) {
		size_t least = i;

		for (size_t k = i + 1; k < n; k++)
			if (keep[k] < keep[least])
				least = k;
		int fd = keep[least];

		keep[least] = keep[i];
		keep[i] = fd;
		if (fd < (int)next)
			continue;
		if (fd > (int)next)
			sys_close_range(next, (unsigned)fd - 1, 0);
		next = (unsigned)fd + 1;
	}
	sys_close_range(next, ~0u, 0);
}

static void be_child(struct proc *p, action *act, int sock, pid_t shim_pid)
{
	const int *theirs = p->stdio.theirs;
	int keep[] = { sock, theirs[0], theirs[1], theirs[2] };
	struct outcome o = { .process = { .pidfd = -1, .terminal = -1 } };

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != shim_pid)
		_exit(1);
	close_others(keep, sizeof(keep) / sizeof(keep[0]));
	o.process.size = sizeof(o.process);
	o.error.size = sizeof(o.error);
	act_now(p, act, &o);
	packet_send(sock, &o, sizeof(o), o.process.terminal);
	_exit(0);
}

/* --- the shim --- */

void work_forget(struct work *w)
{
	loop_remove(&w->answer);
	fd_close(&w->answer.fd);
}

static bool has_answered(struct proc *p, struct outcome *ret)
{
	return work_goes_on(&p->work) && receive_outcome(p->work.answer.fd, ret);
}

static struct proc *find_answered(struct outcome *ret)
{
	for (struct task *t = shim.tasks; t; t = t->next) {
		if (has_answered(t->init, ret))
			return t->init;
		for (struct proc *p = t->execs; p; p = p->next)
			if (has_answered(p, ret))
				return p;
	}
	return NULL;
}

void works_collect(void)
{
	struct outcome o;
	struct proc *p;

	/* From the beginning each time: done() takes processes away. */
	while ((p = find_answered(&o))) {
		work_forget(&p->work);
		p->work.done(p, &o);
	}
}

static void on_answer(struct watch *w, uint32_t events)
{
	(void)w;
	(void)events;
	works_collect();
}

static int begin(struct proc *p, action *act)
{
	pid_t self = getpid(), pid;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	p->work.answer = (struct watch){ .fd = pair[0], .ready = on_answer };
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	pid = loop_add(&p->work.answer, EPOLLIN) < 0 ? -1 : fork();
	if (!pid)
		be_child(p, act, pair[1], self);
	close(pair[1]);
	if (pid > 0)
		return 0;
	work_forget(&p->work);
	return -1;
}

void work_init(struct work *w)
{
	*w = (struct work){ .answer.fd = -1 };
}

bool work_goes_on(const struct work *w)
{
	return w->answer.fd >= 0;
}

void work_do(struct proc *p, action *act, after *done)
{
	struct outcome o = { .r = -1, .process = { .pidfd = -1, .terminal = -1 } };

	p->work.done = done;
	if (!begin(p, act))
		return;
	o.error.code = SKIFF_SYSTEM;
	o.error.errnum = errno;
	snprintf(o.error.message, sizeof(o.error.message), "no process for it: %s",
		 strerror(errno));
	done(p, &o);
}
