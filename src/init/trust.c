/*
 * Without no_new_privs the filter is loaded before the process gets its identity, and answers init's own calls from then
 * on. One that says "done" without doing it (an errno of 0), or that errs where init takes an error for the end of a list,
 * would leave the payload with init's rights. So each call to come is put to the filter first: it must let the
 * kernel do it.
 */
#include "init/init.h"

#include <linux/errno.h>
#include <linux/prctl.h>
#include <linux/sched.h>

static bool lets(const struct init *c, uint32_t nr, uint64_t a0, uint64_t a1, uint64_t a2)
{
	const uint64_t args[6] = { a0, a1, a2 };

	return filter_lets(c, nr, args);
}

static bool lets_drop(const struct init *c, uint64_t keep)
{
	bool all = lets(c, __NR_prctl, PR_CAPBSET_READ, 0, 0);

	for (uint64_t cap = 0; cap < 64 && all; cap++)
		all = keep >> cap & 1 || lets(c, __NR_prctl, PR_CAPBSET_DROP, cap, 0);
	return all;
}

static bool lets_raise(const struct init *c, uint64_t set)
{
	bool all = lets(c, __NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0);

	for (uint64_t cap = 0; cap < 64 && all; cap++)
		all = !(set >> cap & 1) ||
		      lets(c, __NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
	return all;
}

static bool lets_step(const struct init *c, const struct step *s)
{
	uint64_t uid = s->word[0], gid = s->word[1];

	switch (s->op) {
	case OP_BOUNDING:
		return lets_drop(c, s->word[0]);
	case OP_GROUPS:
		return lets(c, __NR_setgroups, s->word[0], 0, 0);
	case OP_IDS:
		return lets(c, __NR_setresgid, gid, gid, gid) &&
		       lets(c, __NR_setresuid, uid, uid, uid) &&
		       lets(c, __NR_prctl, PR_SET_KEEPCAPS, 1, 0) &&
		       lets(c, __NR_prctl, PR_SET_DUMPABLE, 0, 0);
	case OP_CAPS:
		return lets(c, __NR_capset, 0, 0, 0);
	case OP_AMBIENT:
		return lets_raise(c, s->word[0]);
	case OP_NO_NEW_PRIVS:
		return lets(c, __NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0);
	default:
		return true;
	}
}

static bool passes(const struct init *c, uint32_t nr, uint64_t a0, uint64_t a1)
{
	const uint64_t args[6] = { a0, a1 };

	return filter_passes(c, nr, args);
}

/* What an agent may be asked about, because it knows of the filter by then, and what it does not. */
static const char *refused_call(const struct init *c, const struct step *s)
{
	bool report = lets(c, __NR_write, 0, 0, sizeof(struct report));

	switch (s->op) {
	case OP_TELL:
		return report ? NULL : "write";
	case OP_SWEEP:
		return passes(c, __NR_close_range, 3, ~0u) ? NULL : "close_range";
	case OP_WAIT:
		return !passes(c, __NR_accept4, 0, 0) ? "accept4"
		       : !passes(c, __NR_read, 0, 0)  ? "read"
						      : NULL;
	case OP_PID_ENTER:
		return !lets(c, __NR_clone, CLONE_VM | CLONE_PARENT | CLONE_PARENT_SETTID,
			     0, 0)
			       ? "clone"
		       : !lets(c, __NR_exit_group, 0, 0, 0) ? "exit_group"
		       : report                             ? NULL
							    : "write";
	case OP_EXEC:
		return !c->ready && !report            ? "write"
		       : !passes(c, __NR_execve, 0, 0) ? "execve"
						       : NULL;
	default:
		return NULL;
	}
}

/* The rest of init's way to the program. */
static bool leaves_a_way(struct init *c, const struct step *s)
{
	const char *call = refused_call(c, s);
	size_t n;

	if (!call)
		return true;
	n = text_add(c->detail_text, sizeof(c->detail_text), 0, "the filter answers ");
	n = text_add(c->detail_text, sizeof(c->detail_text), n, call);
	text_add(c->detail_text, sizeof(c->detail_text), n,
		 ", which starting the program needs after it is loaded: allow it");
	c->detail = c->detail_text;
	return false;
}

int filter_is_honest(struct init *c, const struct step *s)
{
	for (const struct step *later = s + 1; later < c->steps + c->flat->n_steps;
	     later++)
		if (!lets_step(c, later)) {
			c->detail =
				"the filter answers the calls that give the process its "
				"identity: allow them, or set noNewPrivileges";
			return -EPERM;
		} else if (!leaves_a_way(c, later)) {
			return -EPERM;
		}
	return 0;
}
