/* Rules of linux.seccomp. What a profile does is not judged here; src/plan compiles
 * it. */
#include <stdio.h>
#include <string.h>

#include "spec/check.h"
#include "spec/tables.h"

static bool has_errno(int action)
{
	return action == SC_ERRNO || action == SC_TRACE;
}

static void check_rule_at(struct check *c, const struct seccomp_rule *r, size_t i)
{
	if (r->errno_ret.set && !has_errno(r->action))
		check_fault(c, check_at(c, "linux.seccomp.syscalls[%zu].errnoRet", i),
			    "%s answers no errno: leave it out",
			    names_text(sc_action_names, r->action));
	for (size_t k = 0; k < r->args.n; k++)
		if (r->args.v[k].index > 5)
			check_fault(
				c,
				check_at(c, "linux.seccomp.syscalls[%zu].args[%zu].index",
					 i, k),
				"system calls have six arguments: 0 to 5");
	for (size_t k = 0; k < r->names.n; k++)
		if (!*r->names.v[k])
			check_fault(c,
				    check_at(c, "linux.seccomp.syscalls[%zu].names[%zu]",
					     i, k),
				    "must not be empty");
}

void check_seccomp(struct check *c)
{
	const struct seccomp *s = c->spec->linux_->seccomp;

	if (!s)
		return;
	if (s->default_errno_ret.set && !has_errno(s->default_action))
		check_fault(c, "linux.seccomp.defaultErrnoRet",
			    "%s answers no errno: leave it out",
			    names_text(sc_action_names, s->default_action));
	for (size_t i = 0; i < s->architectures.n; i++) {
		const char *word = s->architectures.v[i], *near;

		if (names_find(sc_arch_names, word, strlen(word)))
			continue;
		near = names_nearest(sc_arch_names, word, strlen(word));
		check_fault(c, check_at(c, "linux.seccomp.architectures[%zu]", i),
			    near ? "unknown architecture \"%s\" (did you mean \"%s\"?)"
				 : "unknown architecture \"%s\"",
			    word, near);
	}
	for (size_t i = 0; i < s->syscalls.n; i++)
		check_rule_at(c, &s->syscalls.v[i], i);
}

static bool is_notified(const struct seccomp_rule *r, const char *name)
{
	for (size_t k = 0; r->action == SC_NOTIFY && k < r->names.n; k++)
		if (!strcmp(r->names.v[k], name))
			return true;
	return false;
}

void check_seccomp_notify(struct check *c)
{
	enum { WAIT_KILLABLE_RECV = 32 };
	const struct seccomp *s = c->spec->linux_->seccomp;
	bool notify = false;
	const char *path;

	if (!s)
		return;
	if (s->default_action == SC_NOTIFY)
		check_fault(c, "linux.seccomp.defaultAction",
			    "SCMP_ACT_NOTIFY cannot be the default: nobody could hand "
			    "over the listener");
	for (size_t i = 0; i < s->syscalls.n; i++) {
		notify |= s->syscalls.v[i].action == SC_NOTIFY;
		if (is_notified(&s->syscalls.v[i], "write"))
			check_fault(c, check_at(c, "linux.seccomp.syscalls[%zu]", i),
				    "write cannot have SCMP_ACT_NOTIFY: it is needed "
				    "before anyone listens");
	}
	path = spec_listener_path(c->spec);
	if (notify && !path)
		check_fault(c, "linux.seccomp.listenerPath",
			    "missing: SCMP_ACT_NOTIFY needs a listener");
	if (path && *path != '/')
		check_fault(c,
			    s->listener_path ? "linux.seccomp.listenerPath"
					     : "annotations",
			    "\"%s\" is not an absolute path to the agent's socket", path);
	if (s->listener_metadata && !path)
		check_fault(c, "linux.seccomp.listenerMetadata", "needs listenerPath");
	if (s->listener_path && !notify)
		check_warn(c, "linux.seccomp.listenerPath",
			   "has no effect without SCMP_ACT_NOTIFY");
	for (size_t i = 0; i < s->flags.n; i++)
		if (s->flags.v[i] == WAIT_KILLABLE_RECV && !notify)
			check_fault(c, check_at(c, "linux.seccomp.flags[%zu]", i),
				    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs "
				    "SCMP_ACT_NOTIFY");
}
