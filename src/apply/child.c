/*
 * Between clone and exec, with the parent's memory and the parent asleep: no libc
 * function that touches errno or a lock, no allocation, all signals blocked until the
 * handlers are gone.
 */
#include "apply/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <signal.h>
#include <string.h>

#include "base/sys.h"

#ifndef AT_EMPTY_PATH
#define AT_EMPTY_PATH 0x1000
#endif

/* As rt_sigaction(2) takes it; all zero is SIG_DFL without flags on every
 * architecture. */
struct kernel_sigaction {
	unsigned long words[5];
};
#define KERNEL_SIGSET_SIZE 8
#define SIGNALS            64

static long fail(struct child *c, const char *what, long r)
{
	if (r < 0)
		c->what = what;
	return r;
}

static long move(int from, int to)
{
	/* dup3 of a number to itself is an error, and would keep close-on-exec. */
	return from == to ? sys_fcntl(from, F_SETFD, 0) : sys_dup3(from, to, 0);
}

/* Init's program and the plan may have any number, so they go first; all others lie
 * below base. */
static long place_descriptors(struct child *c)
{
	long r = 0;

	if (c->exe != c->end)
		r = sys_dup3(c->exe, c->end, O_CLOEXEC);
	for (int i = 0; i < c->n_moves && r >= 0; i++)
		r = move(c->moves[i][0], c->moves[i][1]);
	for (int i = 0; i < 3 && r >= 0; i++)
		if (c->stdio[i] >= 0)
			r = move(c->stdio[i], i);
	if (r < 0)
		return fail(c, "dup3", r);
	/* What the caller passes on may have been made close-on-exec; what is not
	 * there is not passed. */
	for (int fd = 3; fd < 3 + c->keep; fd++)
		sys_fcntl(fd, F_SETFD, 0);
	r = sys_close_range((unsigned)(3 + c->keep), (unsigned)c->base - 1, 0);
	if (r >= 0)
		r = sys_close_range((unsigned)c->end + 1, ~0u, 0);
	return fail(c, "close_range", r);
}

/*
 * An exec drops all capabilities of a user namespace in which the id is not mapped yet,
 * unless they are ambient. Those that the kernel does not know are not permitted.
 */
static long raise_ambient(struct child *c)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	long r = sys_capget(&head, data);

	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	if (r >= 0)
		r = sys_capset(&head, data);
	for (unsigned cap = 0; cap < 64 && r >= 0; cap++)
		if (data[cap / 32].permitted >> cap % 32 & 1)
			r = sys_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
	return fail(c, "ambient capabilities", r);
}

static long join_cgroup(struct child *c)
{
	long fd, r;

	if (c->cgroup < 0)
		return 0;
	fd = sys_openat(c->cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC, 0);
	r = fd < 0 ? fd : sys_write((int)fd, "0", 1);
	if (r >= 0 && c->late_ns)
		r = sys_unshare(c->late_ns);
	return fail(c, "join the cgroup", r);
}

/* Ignored signals stay ignored over an exec. SIGPIPE is what engines and interpreters
 * ignore for themselves alone; SIGHUP (nohup) and SIGINT (a shell's background job)
 * are meant for us as well. */
static void reset_signals(bool all)
{
	struct kernel_sigaction plain = { { 0 } };
	uint64_t none = 0;

	/* No handler of ours may run here, in our memory. clone3 has seen to that,
	 * clone has not. */
	for (int i = 1; i <= SIGNALS && all; i++)
		sys_rt_sigaction(i, &plain, NULL, KERNEL_SIGSET_SIZE);
	if (!all)
		sys_rt_sigaction(SIGPIPE, &plain, NULL, KERNEL_SIGSET_SIZE);
	sys_rt_sigprocmask(SIG_SETMASK, &none, NULL, KERNEL_SIGSET_SIZE);
}

void child_main(void *child)
{
	struct child *c = child;
	char *const no_env[] = { NULL };
	long r = join_cgroup(c);

	if (r >= 0)
		r = place_descriptors(c);
	if (r >= 0 && c->ambient)
		r = raise_ambient(c);
	if (r >= 0) {
		reset_signals(c->all_signals);
		r = fail(c, "execveat",
			 sys_execveat(c->end, "", c->argv, no_env, AT_EMPTY_PATH));
	}
	c->error = (int)-r;
	sys_exit_group(1);
}
