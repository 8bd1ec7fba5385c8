/*
 * plan_build_exec: a further process in a running container. Init is executed in the host's namespaces and made
 * unreadable there, joins the container's afterwards and enters its pid namespace last, when it has no more
 * privilege than the payload: processes of the container never see it before.
 */
#include <linux/capability.h>
#include <linux/sched.h>
#include <signal.h>

#include "plan/parts.h"

static bool enters_pid(const struct build *b)
{
	return b->target->ns_flags & CLONE_NEWPID;
}

/* For what is done to init from outside, beside the cgroup. */
static bool waits_for_host(const struct build *b)
{
	return b->process->oom_score_adj.set || b->resctrl.n;
}

/* The agent is told the pid of the process that stays: with no_new_privs the filter is loaded when that is there. */
static void listener(struct build *b)
{
	bool late = b->process->no_new_privileges;

	if (plan_notifies(b)) {
		plan_host(b->p, OP_WAIT, NULL)->word[0] = SYNC_LISTENER;
		if (late || !enters_pid(b))
			part_listener_send(b);
		plan_host(b->p, OP_TELL, NULL)->word[0] = SYNC_TAKEN;
	}
	if (enters_pid(b))
		plan_host(b->p, OP_WAIT, NULL)->word[0] = SYNC_PAYLOAD;
	if (plan_notifies(b) && !late && enters_pid(b))
		part_listener_send(b);
}

static void host_part(struct build *b)
{
	part_spawn(b);
	plan_resctrl_join(b);
	part_oom(b);
	if (waits_for_host(b))
		plan_host(b->p, OP_TELL, NULL)->word[0] = SYNC_GO;
	if (b->process->terminal && !b->opts->console_socket)
		plan_host(b->p, OP_TTY_TAKE, "terminal");
	listener(b);
	plan_host(b->p, OP_WAIT, NULL)->word[0] = SYNC_EXEC;
	part_pid_files(b);
}

static bool has_label(const struct process *pr)
{
	return (pr->selinux_label && *pr->selinux_label) ||
	       (pr->apparmor_profile && *pr->apparmor_profile);
}

static int enter(struct build *b)
{
	const struct cpu_affinity *cpus = b->process->exec_cpu_affinity;
	struct step *s;

	plan_init(b->p, OP_DUMPABLE, NULL);
	plan_init(b->p, OP_DEATH_SIGNAL, NULL)->word[0] = SIGKILL;
	if (cpus && plan_affinity(b, "initial", cpus->initial))
		return -1;
	if (b->cg.must_join)
		plan_init(b->p, OP_WAIT, NULL)->word[0] = SYNC_IN_CGROUP;
	if (cpus && plan_affinity(b, "final", cpus->final))
		return -1;
	if (waits_for_host(b))
		plan_init(b->p, OP_WAIT, NULL)->word[0] = SYNC_GO;
	/* Inside, a procfs of the host's pid namespace could not be made any more. */
	if (has_label(b->process))
		part_proc(b, false);
	if (!b->target->ns_flags)
		return 0;
	s = plan_init(b->p, OP_NS_JOIN, NULL);
	s->slot[0] = SLOT_PIDFD;
	s->word[0] = b->target->ns_flags;
	if (b->user_ns) {
		plan_init(b->p, OP_BECOME, NULL);
		/* The change of ids makes init dumpable again where fs.suid_dumpable is set. */
		plan_init(b->p, OP_DUMPABLE, NULL);
	}
	return 0;
}

/* The session and the terminal belong to the process that stays. */
static void session(struct build *b)
{
	plan_init(b->p, OP_SESSION, NULL);
	if (b->process->terminal)
		plan_init(b->p, OP_TTY_USE, "terminal");
}

static int init_part(struct build *b)
{
	bool late = b->process->no_new_privileges;

	if (enter(b) || plan_terminal(b) || plan_process_place(b))
		return -1;
	if (!enters_pid(b))
		session(b);
	if (plan_process_tail(b))
		return -1;
	if (enters_pid(b)) {
		if (late)
			plan_seccomp_load(b, false);
		plan_init(b->p, OP_PID_ENTER, NULL);
		session(b);
	}
	if (late)
		plan_seccomp_load(b, true);
	plan_process_exec(b);
	return 0;
}

/* As the container was made: an ordinary user's single id means that groups cannot be set. */
static bool groups_denied(const struct build *b)
{
	const struct linux_config *l = b->spec->linux_;
	const struct host *h = b->host;
	bool single = !l || !l->gid_mappings.n ||
		      (l->gid_mappings.n == 1 && l->gid_mappings.v[0].size == 1 &&
		       l->gid_mappings.v[0].host_id == h->egid);

	return h->no_setgroups || (b->user_ns && single && !host_has_cap(h, CAP_SETGID));
}

int plan_build_exec(const struct spec *spec, const struct process *process,
		    const struct host *host, const struct plan_target *target,
		    const struct plan_opts *opts, struct arena *arena, struct plan *ret,
		    struct err *e)
{
	struct build b = {
		.p = ret,
		.spec = spec,
		.process = process,
		.host = host,
		.opts = opts,
		.target = target,
		.e = e,
		.resctrl = target->resctrl,
		.ns_joined = target->ns_flags,
		.user_ns = target->ns_flags & CLONE_NEWUSER,
	};

	plan_start(ret, arena, e);
	ret->headline = part_headline(&b);
	b.deny_groups = groups_denied(&b);
	part_console(&b);
	if (plan_cgroup_open(ret, host, opts, target, &b.cg) || plan_seccomp_host(&b) ||
	    init_part(&b))
		return -1;
	host_part(&b);
	return plan_end(ret);
}
