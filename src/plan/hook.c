/*
 * plan_build_hook: one hook (config: POSIX-platform Hooks). A hook of the container is executed like `exec`: by an
 * init that joins the container's namespaces. Its standard input and its time limit are its
 * parent's matter; its environment is what the configuration gives and nothing else (CVE-2025-23266).
 */
#include <linux/sched.h>

#include "plan/parts.h"

static void join(struct plan *p, uint32_t flags)
{
	struct step *s = plan_init(p, OP_NS_JOIN, NULL);

	s->slot[0] = SLOT_PIDFD;
	s->word[0] = flags;
	if (flags & CLONE_NEWUSER) {
		plan_init(p, OP_BECOME, NULL);
		plan_init(p, OP_DUMPABLE, NULL);
	}
}

/*
 * Hooks' authors count on the bundle's directory, as with other runtimes. It may be gone when poststop runs, or be out
 * of reach for the container's root: then it is "/", never wherever skiff was called.
 */
static void begin_in(struct plan *p, const char *dir)
{
	struct step *s = plan_init(p, OP_CWD, NULL);

	s->str[0] = plan_str(p, "/");
	s = plan_init(p, OP_CWD, NULL);
	s->str[0] = plan_str(p, dir);
	s->policy = POL_WARN;
}

int plan_build_hook(const struct hook *hook, const char *dir, uint32_t join_flags,
		    struct arena *arena, struct plan *ret, struct err *e)
{
	const char *self[] = { hook->path };
	const char *const *args = hook->args.n ? (const char *const *)hook->args.v : self;
	size_t n_args = hook->args.n ? hook->args.n : 1;
	struct step *s;

	plan_start(ret, arena, e);
	s = plan_host(ret, OP_SPAWN, NULL);
	s->slot[1] = SLOT_PIDFD;
	plan_init(ret, OP_DUMPABLE, NULL);
	if (join_flags)
		join(ret, join_flags);
	begin_in(ret, dir);
	s = plan_init(ret, OP_FIND, "path");
	s->str[0] = plan_str(ret, hook->path);
	if (join_flags & CLONE_NEWPID) {
		plan_host(ret, OP_WAIT, NULL)->word[0] = SYNC_PAYLOAD;
		plan_init(ret, OP_PID_ENTER, NULL);
	}
	plan_host(ret, OP_WAIT, NULL)->word[0] = SYNC_EXEC;
	/* A hook that takes too long is killed with all of its process group. */
	plan_init(ret, OP_SESSION, NULL);
	s = plan_init(ret, OP_EXEC, "args");
	s->str[0] = plan_list(ret, args, n_args);
	s->str[1] = plan_list(ret, (const char *const *)hook->env.v, hook->env.n);
	s->word[0] = n_args;
	s->word[1] = hook->env.n;
	ret->n_scratch = (uint32_t)((n_args + hook->env.n + 3) * sizeof(char *));
	return plan_end(ret);
}
