/*
 * The system call filter. It is loaded as late as possible: what follows is only execve.
 * With a listener, the host takes it out of init by pidfd_getfd while init makes no
 * system call at all, as the filter may hand every one of them to that listener.
 */
#include "init/init.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>

/* Longer than the host side tries to reach the agent, whatever the CPU. */
#define SPINS (1u << 31)

static const void *filter_of(const struct init *c)
{
	return (const char *)c->flat + c->flat->filter;
}

bool filter_passes(const struct init *c, uint32_t nr, const uint64_t args[6])
{
	uint32_t answer = bpf_answer(filter_of(c), c->flat->n_filter, nr, args) &
			  SECCOMP_RET_ACTION_FULL;

	return answer == SECCOMP_RET_ALLOW || answer == SECCOMP_RET_LOG ||
	       answer == SECCOMP_RET_USER_NOTIF;
}

bool filter_lets(const struct init *c, uint32_t nr, const uint64_t args[6])
{
	uint32_t answer = bpf_answer(filter_of(c), c->flat->n_filter, nr, args) &
			  SECCOMP_RET_ACTION_FULL;

	return answer == SECCOMP_RET_ALLOW || answer == SECCOMP_RET_LOG;
}

/* Whether the filter lets init go on to a later chance: the clone, the report of its
 * pid, the closing. */
static bool lets_init_on(const struct init *c)
{
	static const struct {
		uint32_t nr;
		uint64_t args[6];
	} needed[] = {
		{ __NR_clone, { CLONE_VM | CLONE_PARENT | CLONE_PARENT_SETTID } },
		{ __NR_exit_group, { 0 } },
		{ __NR_setsid, { 0 } },
		{ __NR_write, { 3, 0, sizeof(struct report) } },
		{ __NR_close_range, { 3, ~0u, 4 } },
		{ __NR_execve, { 0 } },
	};

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!filter_lets(c, needed[i].nr, needed[i].args))
			return false;
	return true;
}

static bool has_later_chance(const struct init *c, const struct step *s)
{
	for (const struct step *later = s + 1; later < c->steps + c->flat->n_steps;
	     later++)
		if (later->op == OP_SECCOMP)
			return true;
	return false;
}

static int load(const struct init *c, const struct step *s)
{
	struct sock_fprog prog = { .len = (unsigned short)c->flat->n_filter,
				   .filter = (struct sock_filter *)filter_of(c) };
	unsigned listen = s->word[1] ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;

	return (int)sys_seccomp(SECCOMP_SET_MODE_FILTER, (unsigned)s->word[0] | listen,
				&prog);
}

/* Which number the listener will get: the lowest free one. */
static int announce(struct init *c)
{
	int fd = (int)sys_fcntl(fds_slot(c, SLOT_TALK), F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	sys_close(fd);
	return talk_tell(c, SYNC_LISTENER, fd);
}

static int wait_until_taken(const struct init *c)
{
	for (unsigned i = 0; i < SPINS; i++) {
		if (__atomic_load_n(&c->page->taken, __ATOMIC_ACQUIRE))
			return 0;
		sys_relax();
	}
	return -ETIMEDOUT;
}

static int prepare_listener(struct init *c)
{
	int r;

	if (!c->page)
		return -EINVAL;
	/* The host reaches into init, which it may not where init's memory belongs to
	 * the host's user namespace and the host side is not root; the exec to come
	 * makes this void anyway. */
	r = c->joined_user ? (int)sys_prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) : 0;
	return r < 0 ? r : announce(c);
}

int op_seccomp(struct init *c, const struct step *s)
{
	const struct step *next = s + 1;
	bool notify = s->word[1];
	int r = 0;

	if (c->filtered)
		return 0;
	if (!(s->flags & STEP_LAST) && has_later_chance(c, s) &&
	    (notify || !lets_init_on(c)))
		return 0;
	r = exec_close_early(c);
	if (r >= 0)
		r = filter_is_honest(c, s);
	if (r >= 0 && notify)
		r = prepare_listener(c);
	if (r >= 0 && next < c->steps + c->flat->n_steps && next->op == OP_EXEC)
		r = exec_prepare(c, next);
	if (r < 0)
		return r;
	c->filtered = true; /* before: the filter may refuse the stamp of this step */
	r = load(c, s);
	if (r < 0) {
		c->filtered = false;
		return r;
	}
	return notify ? wait_until_taken(c) : 0;
}
