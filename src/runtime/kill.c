/* kill: signals by pidfd, so that never a stranger with a reused pid is hit; names of
 * signals. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/names.h"
#include "cgroup/cgroup.h"
#include "runtime/container.h"

/* clang-format off */
static const struct name signals[] = {
	{ "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT }, { "ILL", SIGILL }, { "TRAP", SIGTRAP },
	{ "ABRT", SIGABRT }, { "IOT", SIGABRT }, { "BUS", SIGBUS }, { "FPE", SIGFPE }, { "KILL", SIGKILL },
	{ "USR1", SIGUSR1 }, { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 }, { "PIPE", SIGPIPE }, { "ALRM", SIGALRM },
	{ "TERM", SIGTERM }, { "STKFLT", SIGSTKFLT }, { "CHLD", SIGCHLD }, { "CLD", SIGCHLD }, { "CONT", SIGCONT },
	{ "STOP", SIGSTOP }, { "TSTP", SIGTSTP }, { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU }, { "URG", SIGURG },
	{ "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ }, { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF },
	{ "WINCH", SIGWINCH }, { "IO", SIGIO }, { "POLL", SIGIO }, { "PWR", SIGPWR }, { "SYS", SIGSYS },
	{ NULL, 0 },
};
/* clang-format on */

/* The kernel's numbers: what libc keeps for itself (32, 33) can be sent by number
 * only. */
enum { RT_MIN = 34, RT_MAX = 64, THAW_MS = 10000 };

/* "RTMIN", "RTMIN+3", "RTMAX-2" */
static int realtime(const char *name)
{
	bool max = !strncasecmp(name, "RTMAX", 5);
	uint64_t n = 0;

	if (!max && strncasecmp(name, "RTMIN", 5) != 0)
		return -1;
	if (name[5] &&
	    (name[5] != (max ? '-' : '+') || !parse_u64(name + 6, RT_MAX - RT_MIN, &n)))
		return -1;
	return max ? RT_MAX - (int)n : RT_MIN + (int)n;
}

int skiff_signal_number(const char *name)
{
	uint64_t n;

	if (parse_u64(name, RT_MAX, &n))
		return (int)n;
	if (!strncasecmp(name, "SIG", 3))
		name += 3;
	for (const struct name *s = signals; s->text; s++)
		if (!strcasecmp(name, s->text))
			return (int)s->value;
	return realtime(name);
}

/* Version 1's freezer keeps even what is killed until it is thawed. */
static int let_die(struct container *c, struct err *e)
{
	const struct cgroup_dir *d;

	if (container_load(c, e) < 0)
		return -1;
	d = container_freezer(c);
	return d && d->v1 ? cgroup_freeze(d->path, true, false, THAW_MS, e) : 0;
}

const char *skiff_signal_name(int number)
{
	return names_text(signals, number);
}

static int kill_one(struct container *c, int signal, struct err *e)
{
	if (container_find(c, e) < 0)
		return -1;
	if (c->pidfd >= 0 && !syscall(SYS_pidfd_send_signal, c->pidfd, signal, NULL, 0))
		return signal == SIGKILL && c->marked ? let_die(c, e) : 0;
	if (c->pidfd >= 0 && errno != ESRCH)
		return err_sys(e, errno, "container \"%s\": signal %d", c->id, signal);
	err_set(e, ERR_STOPPED, "container not running");
	e->errnum = ESRCH;
	return -1;
}

/* Every process: they are in the container's cgroups. Any one hierarchy has them all. */
static int kill_all(struct container *c, int signal, struct err *e)
{
	if (container_load(c, e) < 0)
		return -1;
	if (signal == SIGKILL)
		return container_kill_all(c, e);
	if (c->state.cgroups.n)
		return cgroup_signal_all(c->state.cgroups.v[0].path, signal, e);
	/* Without a cgroup only init is known; that it is gone already is what `all`
	 * forgives. */
	if (kill_one(c, signal, e) < 0 && e->errnum != ESRCH)
		return -1;
	return 0;
}

int skiff_kill(struct skiff *s, const char *id, int signal, bool all,
	       struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct err err;

	if (container_open(s, id, &c, &err) < 0)
		return sk_fail(s, &err, e);
	if ((all ? kill_all(&c, signal, &err) : kill_one(&c, signal, &err)) < 0)
		return sk_fail(s, &err, e);
	return 0;
}
