/*
 * Starting init: one clone3 with all new namespaces, into the cgroup, sharing our memory
 * until the exec (CLONE_VM | CLONE_VFORK: the cost does not grow with the caller, and
 * without VFORK an out-of-memory kill in the new cgroup would take the caller along). The
 * caller may be one thread of many: its state stays as it is.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "apply/child.h"
#include "apply/parts.h"
#include "base/fd.h"
#include "base/sys.h"

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

enum { STACK_SIZE = 16384, ARG_SIZE = 12 };

/* --- which descriptors init gets, under which numbers --- */

static bool init_uses(const struct plan *p, int slot)
{
	if (slot == SLOT_TRACE || slot == SLOT_LISTEN)
		return true;
	for (size_t i = 0; i < p->init.n; i++)
		if (p->init.v[i].slot[0] == slot || p->init.v[i].slot[1] == slot)
			return true;
	return false;
}

static uint32_t preserved(const struct plan *p)
{
	for (size_t i = 0; i < p->init.n; i++)
		if (p->init.v[i].op == OP_EXEC)
			return (uint32_t)p->init.v[i].word[2];
	return 0;
}

static int max(int a, int b)
{
	return a > b ? a : b;
}

static void add_move(struct child *c, int from, int *ret_number)
{
	c->moves[c->n_moves][0] = from;
	c->moves[c->n_moves++][1] = c->end;
	*ret_number = c->end++;
}

/*
 * Init's numbers lie above everything that is open here and goes to init, and above what
 * the payload gets, so that no move hits the source of a later one. The plan (moves[0],
 * opened later) has the first number. numbers[] is the table for the flat plan.
 */
static void choose_numbers(struct apply *a, struct child *c, int talk, int *numbers)
{
	int top = max(talk, 2 + c->keep), ignored;

	for (int i = 0; i < a->plan->n_slots; i++)
		top = max(top, a->slots[i]);
	for (int i = 0; i < 3; i++)
		top = max(top, a->stdio[i]);
	c->base = c->end = top + 1;
	add_move(c, -1, &ignored);
	/* The two that init keeps longest side by side: what is above and below goes
	 * in two calls. */
	add_move(c, talk, &numbers[SLOT_TALK]);
	numbers[SLOT_LISTEN] = -1;
	if (a->slots[SLOT_LISTEN] >= 0)
		add_move(c, a->slots[SLOT_LISTEN], &numbers[SLOT_LISTEN]);
	for (int i = 0; i < a->plan->n_slots; i++) {
		if (i == SLOT_TALK || i == SLOT_LISTEN)
			continue;
		numbers[i] = -1;
		if (a->slots[i] >= 0 && init_uses(a->plan, i))
			add_move(c, a->slots[i], &numbers[i]);
	}
}

/* --- the clone --- */

/* A filter around us that does not know clone3: clone(2), the cgroup joined by the
 * child. */
static int run_child(void *child)
{
	child_main(child);
	return 1;
}

static long clone_old(const struct clone_args *args, struct child *c, char *stack)
{
	uint64_t flags = args->flags & ~(CLONE_INTO_CGROUP | CLONE_CLEAR_SIGHAND);
	int pid;

	c->all_signals = true;
	if (args->flags & CLONE_INTO_CGROUP) {
		c->cgroup = (int)args->cgroup;
		c->late_ns = flags & CLONE_NEWCGROUP;
		flags &= ~(uint64_t)CLONE_NEWCGROUP;
	}
	pid = clone(run_child, stack + STACK_SIZE, (int)flags | SIGCHLD, c,
		    (int *)(uintptr_t)args->pidfd);
	return pid < 0 ? -errno : pid;
}

static long clone_child(struct child *c, uint64_t ns, int cgroup, int *ret_pidfd)
{
	char stack[STACK_SIZE] __attribute__((aligned(16)));
	struct clone_args args = {
		.flags = ns | CLONE_PIDFD | CLONE_VFORK | CLONE_CLEAR_SIGHAND,
		.pidfd = (uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};
	uint64_t all = ~(uint64_t)0, old;
	long r;

	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	if (SYS_HAS_VM_CLONE) {
		args.flags |= CLONE_VM;
		args.stack = (uintptr_t)stack;
		args.stack_size = sizeof(stack);
	}
	sys_rt_sigprocmask(SIG_SETMASK, &all, &old, sizeof(all));
	r = sys_clone3_on(&args, child_main, c);
	if (r == -ENOSYS || r == -EPERM)
		r = clone_old(&args, c, stack);
	sys_rt_sigprocmask(SIG_SETMASK, &old, NULL, sizeof(old));
	return r;
}

static int clone_failed(uint64_t ns, long r, struct err *e)
{
	const char *hint = "";

	if (r == -ENOSPC)
		hint = " (a limit of /proc/sys/user/max_*_namespaces is reached)";
	if (r == -EPERM && ns & CLONE_NEWUSER)
		hint = " (this host does not let the caller make user namespaces)";
	if (r == -EBUSY)
		hint = " (the cgroup has child groups with controllers, or processes "
		       "cannot live in it)";
	return err_sys(e, (int)-r, "start init in its namespaces%s", hint);
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Clones and executes; the pid, or -1. c->error tells an exec that was refused from
 * the rest. */
static pid_t try_carrier(struct child *c, const struct step *s, int cgroup,
			 int *ret_pidfd, struct err *e)
{
	auto_fd pidfd = -1;
	long pid = clone_child(c, s->word[0], cgroup, &pidfd);

	if (pid < 0)
		return clone_failed(s->word[0], pid, e);
	if (c->error) {
		reap((pid_t)pid);
		return err_sys(e, c->error, "start init: %s", c->what);
	}
	*ret_pidfd = fd_take(&pidfd);
	return (pid_t)pid;
}

/* --- all --- */

static int make_plan(struct apply *a, struct child *c, const int *numbers,
		     size_t *ret_size, struct err *e)
{
	struct buf flat;
	int fd;

	buf_init(&flat, a->arena, (size_t)64 << 20);
	plan_flatten(a->plan, numbers, a->filter, a->n_filter, c->end, &flat);
	if (flat.full)
		return err_set(e, ERR_CONFIG, "the plan is too large");
	fd = carrier_data("skiff-plan", flat.p, flat.len);
	if (fd < 0)
		return err_sys(e, -fd, "hand the plan to init");
	*ret_size = flat.len;
	return fd;
}

/* What is ours only until init has it; closed together. */
enum { CARRIED_TALK, CARRIED_PLAN, CARRIED_PROGRAM, CARRIED };

static void close_carried(int (*fds)[CARRIED])
{
	fd_close_all(*fds, CARRIED);
}

/* Refused means: this way to carry init's program is forbidden here. */
static bool is_refused(int error)
{
	return error == EACCES || error == EPERM;
}

static pid_t try_carriers(const struct step *s, struct child *c, int carried[CARRIED],
			  int cgroup, int *ret_pidfd, struct err *e)
{
	pid_t pid = -1;

	for (int which = CARRIER_MEMFD; which < CARRIER_COUNT && pid < 0; which++) {
		int exe = carrier_open((enum carrier)which);

		fd_close(&carried[CARRIED_PROGRAM]);
		if (exe < 0) {
			if (!e->msg[0])
				err_sys(e, -exe, "make init's program");
			continue;
		}
		c->exe = carried[CARRIED_PROGRAM] = exe;
		c->error = 0;
		pid = try_carrier(c, s, cgroup, ret_pidfd, e);
		if (pid < 0 && !is_refused(c->error))
			return -1;
	}
	return pid;
}

static pid_t start(struct apply *a, const struct step *s, struct child *c,
		   int carried[CARRIED], int *ret_pidfd, struct err *e)
{
	int n_slots = a->plan->n_slots;
	int *numbers = arena_array(a->arena, (size_t)n_slots, sizeof(*numbers));
	char fd_text[ARG_SIZE], size_text[24];
	char *argv[] = { "skiff-init", fd_text, size_text, NULL };
	size_t size = 0;
	int plan;

	c->moves = arena_array(a->arena, (size_t)n_slots + 2, sizeof(*c->moves));
	choose_numbers(a, c, carried[CARRIED_TALK], numbers);
	plan = make_plan(a, c, numbers, &size, e);
	if (plan < 0)
		return -1;
	c->moves[0][0] = carried[CARRIED_PLAN] = plan;
	c->argv = argv;
	snprintf(fd_text, sizeof(fd_text), "%d", c->base);
	snprintf(size_text, sizeof(size_text), "%zu", size);
	return try_carriers(s, c, carried, slot_of(a, s->slot[0]), ret_pidfd, e);
}

/* Without CLONE_VM the child can only answer in a shared page. */
static struct child *new_child(struct apply *a)
{
	void *p = NULL;

	if (SYS_HAS_VM_CLONE)
		return arena_new(a->arena, struct child);
	p = mmap(NULL, sizeof(struct child), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

int host_spawn(struct apply *a, const struct step *s, struct err *e)
{
	struct child *c = new_child(a);
	bool have_target = slot_of(a, SLOT_PIDFD) >= 0;
	__attribute__((cleanup(close_carried))) int carried[CARRIED] = { -1, -1, -1 };
	int talk[2], pidfd = -1;

	if (!c)
		return err_sys(e, errno, "mmap");
	if (trace_page_make(a, e) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) < 0)
		return err_sys(e, errno, "socketpair");
	carried[CARRIED_TALK] = talk[1];
	slot_set(a, SLOT_TALK, talk[0]);
	*c = (struct child){ .keep = (int)preserved(a->plan),
			     .ambient = s->word[1],
			     .cgroup = -1 };
	memcpy(c->stdio, a->stdio, sizeof(c->stdio));
	a->pid = a->payload = start(a, s, c, carried, &pidfd, e);
	if (a->pid < 0)
		return -1;
	if (have_target)
		a->payload_pidfd = pidfd;
	else
		slot_set(a, SLOT_PIDFD, pidfd);
	return 0;
}
