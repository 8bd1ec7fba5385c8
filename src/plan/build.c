/*
 * plan_build: the order of create and run. The HOST list is written in two parts, before and after the spawn, and
 * put together at the end: mounts in the INIT list ask for sources before the spawn, and init must know
 * whether somebody waits for it after the spawn.
 *
 * Host and init work at the same time from the spawn on. They meet where one needs the other: "ids mapped", "in
 * cgroup", "devices made" (then device rules and hooks), "go" (everything of the host's is in force),
 * "created" and "start".
 */
#include <linux/capability.h>
#include <linux/sched.h>
#include <string.h>

#include "plan/notify.h"
#include "plan/parts.h"
#include "plan/unit.h"

const struct hierarchy *host_hierarchy(const struct host *h, uint32_t controllers)
{
	for (size_t i = 0; i < h->n_hierarchies; i++)
		if (h->hierarchies[i].controllers & controllers)
			return &h->hierarchies[i];
	return NULL;
}

const struct hierarchy *host_v2(const struct host *h)
{
	for (size_t i = 0; i < h->n_hierarchies; i++)
		if (h->hierarchies[i].v2)
			return &h->hierarchies[i];
	return NULL;
}

static void tell_host(struct build *b, enum sync s)
{
	plan_host(b->p, OP_TELL, NULL)->word[0] = s;
}

static void wait_host(struct build *b, enum sync s)
{
	plan_host(b->p, OP_WAIT, NULL)->word[0] = s;
}

static void tell_init(struct build *b, enum sync s)
{
	plan_init(b->p, OP_TELL, NULL)->word[0] = s;
}

static void wait_init(struct build *b, enum sync s)
{
	plan_init(b->p, OP_WAIT, NULL)->word[0] = s;
}

/* --- hooks --- */

static bool has_hooks(const struct build *b, enum hook_kind k)
{
	return b->spec->hooks && b->spec->hooks->of[k].n;
}

void part_hooks(struct build *b, enum hook_kind k)
{
	const char *name = names_text(hook_names, k);
	struct step *s;

	if (!has_hooks(b, k))
		return;
	s = plan_host(b->p, OP_HOOKS, "hooks.%s", name);
	s->str[0] = plan_str(b->p, name);
	s->word[0] = k;
}

/* Hooks that may still mount something, or bring network devices; or the devices that are configured: their sysctls
 * can be set when they are there. */
static bool acts_before_pivot(const struct build *b)
{
	return has_hooks(b, HOOK_PRESTART) || has_hooks(b, HOOK_CREATE_RUNTIME) ||
	       has_hooks(b, HOOK_CREATE_CONTAINER) || b->spec->linux_->net_devices.n;
}

/* What the host does when init has its namespaces and device nodes. */
static bool meets(const struct build *b)
{
	return b->cg.has_rules || b->cg.delegated || acts_before_pivot(b);
}

/* --- the host's part --- */

static void host_state(struct build *b)
{
	struct step *s = plan_host(b->p, OP_STATE_MAKE, NULL);

	s->str[0] = plan_str(b->p, b->opts->state_root);
	s->str[1] = plan_str(b->p, b->opts->id);
	s->slot[0] = SLOT_STATE;
	/* Before anything is made: whoever is killed from here on leaves a record of what delete must remove. */
	plan_host(b->p, OP_STATE_WRITE, NULL);
	plan_notify_make(b);
	if (b->opts->start_at_once)
		return;
	s = plan_host(b->p, OP_LISTEN, NULL);
	s->slot[0] = SLOT_LISTEN;
}

void part_console(struct build *b)
{
	struct step *s;

	if (!b->process->terminal || !b->opts->console_socket)
		return;
	s = plan_host(b->p, OP_CONNECT, "%sterminal", part_at(b));
	s->str[0] = plan_str(b->p, b->opts->console_socket);
	s->slot[0] = SLOT_CONSOLE;
}

void part_spawn(struct build *b)
{
	uint32_t flags = b->target ? 0 : plan_ns_spawn_flags(b);
	struct step *s = plan_host(b->p, OP_SPAWN, "%s", flags ? "linux.namespaces" : "");

	s->word[0] = flags;
	s->word[1] = !!(flags & CLONE_NEWUSER);
	/* systemd moves what is there already. */
	s->slot[0] = (int16_t)(b->p->unit ? SLOT_NONE : b->cg.into);
	s->slot[1] = SLOT_PIDFD;
	if (b->p->unit)
		plan_unit_start(b->p, b->host, &b->cg);
	plan_cgroup_join(b->p, b->host, &b->cg);
	if (b->cg.must_join)
		tell_host(b, SYNC_IN_CGROUP);
}

void part_oom(struct build *b)
{
	const struct opt_i64 *wish = &b->process->oom_score_adj;
	struct step *s;

	if (!wish->set)
		return;
	s = plan_host(b->p, OP_PROC_WRITE, "%soomScoreAdj", part_at(b));
	s->str[0] = plan_str(b->p, "oom_score_adj");
	s->str[1] = plan_str(b->p, part_text(b, "%lld", (long long)wish->v));
	/* An ordinary user may raise it, not lower it: what the engine's default is depends on the session. The right to
	 * that is the host's, a user namespace does not give it. */
	if (b->host->own_userns || !host_has_cap(b->host, CAP_SYS_RESOURCE))
		s->policy = POL_WARN;
}

void part_pid_files(struct build *b)
{
	if (b->opts->pid_file)
		plan_host(b->p, OP_PID_FILE, NULL)->str[0] = plan_str(b->p,
								      b->opts->pid_file);
	if (b->opts->pidfd_socket)
		plan_host(b->p, OP_PIDFD_SEND, NULL)->str[0] = plan_str(
			b->p, b->opts->pidfd_socket);
}

/* --- the host's part after the spawn --- */

/* What init must have before it can go on, then what can be done while it works. */
static int host_beside_init(struct build *b)
{
	bool late = !plan_ns_spawn_flags(
		b); /* namespaces are made, and mapped, before the pid one is entered */

	if (!late && plan_ns_pid_enter(b))
		wait_host(b, SYNC_PAYLOAD);
	plan_resctrl_join(b);
	part_oom(b); /* before the ids are mapped: init's files are not ours afterwards */
	plan_ns_maps(b);
	if (late && plan_ns_pid_enter(b))
		wait_host(b, SYNC_PAYLOAD);
	plan_host(b->p, OP_STATE_PID, NULL);
	if (plan_cgroup_limits(b->p, b->spec, b->host, &b->cg))
		return -1;
	plan_cgroup_owner(b);
	return plan_devices_load(b->p, b->spec, b->host, &b->cg);
}

static int host_meet(struct build *b)
{
	if (b->process->terminal && !b->opts->console_socket)
		plan_host(b->p, OP_TTY_TAKE, "process.terminal");
	if (meets(b))
		wait_host(b, SYNC_READY);
	plan_net_move(b);
	if (plan_devices_attach(b->p, b->spec, b->host, &b->cg))
		return -1;
	plan_delegate(b);
	part_hooks(b, HOOK_PRESTART);
	part_hooks(b, HOOK_CREATE_RUNTIME);
	part_hooks(b, HOOK_CREATE_CONTAINER);
	tell_host(b, SYNC_GO);
	return 0;
}

void part_listener_send(struct build *b)
{
	plan_host(b->p, OP_LISTENER_SEND, "linux.seccomp.listenerPath")->str[0] =
		plan_str(b->p, spec_listener_path(b->spec));
}

static void host_listener(struct build *b)
{
	if (!plan_notifies(b))
		return;
	wait_host(b, SYNC_LISTENER);
	part_listener_send(b);
	tell_host(b, SYNC_TAKEN);
}

/* create */
static void host_leave(struct build *b)
{
	host_listener(b);
	wait_host(b, SYNC_CREATED);
	part_pid_files(b);
}

/* run */
static void host_start(struct build *b)
{
	if (has_hooks(b, HOOK_START_CONTAINER)) {
		wait_host(b, SYNC_CREATED);
		part_hooks(b, HOOK_START_CONTAINER);
		tell_host(b, SYNC_START);
	}
	host_listener(b);
	wait_host(b, SYNC_EXEC);
	part_pid_files(b);
	part_hooks(b, HOOK_POSTSTART);
}

/* --- init's part --- */

static int init_file_system(struct build *b)
{
	if (b->ns_joined & CLONE_NEWNS)
		return plan_terminal(b);
	plan_root(b);
	if (plan_mounts(b))
		return -1;
	plan_notify_mount(b);
	if (plan_nodes(b))
		return -1;
	return plan_terminal(b);
}

/* From "devices made" to "go". Without such acts init stops for the host only when it has nothing else to do. */
static int init_meet(struct build *b)
{
	bool early = acts_before_pivot(b);

	if (meets(b))
		tell_init(b, SYNC_READY);
	if (early)
		wait_init(b, SYNC_GO);
	if (plan_sysctls(b))
		return -1;
	if (!(b->ns_joined & CLONE_NEWNS)) {
		plan_masks(b);
		plan_pivot(b);
	}
	if (plan_process_place(b))
		return -1;
	if (!early)
		wait_init(b, SYNC_GO);
	return 0;
}

static void init_created(struct build *b)
{
	struct step *s;

	tell_init(b, SYNC_CREATED);
	plan_init(b->p, OP_SWEEP, NULL)->word[0] = part_kept_fds(b);
	s = plan_init(b->p, OP_WAIT, NULL);
	s->word[0] = SYNC_START;
	s->flags = STEP_ACCEPT;
}

static int init_end(struct build *b)
{
	/* The filter's listener is handed over while `create` is there: all but the exec is done before. */
	bool early = plan_notifies(b) && !b->opts->start_at_once;

	/* Whoever reads what `create` says must see its end: a waiting init keeps no stream of the caller's. */
	if (b->process->terminal)
		plan_init(b->p, OP_TTY_USE, "process.terminal");
	if (!early && !b->opts->start_at_once) {
		plan_init(b->p, OP_DEATH_SIGNAL, NULL)->word[0] = 0;
		init_created(b);
	}
	/* `run` needs no stop between create and start, unless somebody has to act there. */
	if (b->opts->start_at_once && has_hooks(b, HOOK_START_CONTAINER)) {
		tell_init(b, SYNC_CREATED);
		wait_init(b, SYNC_START);
	}
	if (plan_process_tail(b))
		return -1;
	if (b->process->no_new_privileges)
		plan_seccomp_load(b, true);
	if (early)
		init_created(b);
	plan_process_exec(b);
	return 0;
}

/* --- all --- */

static const char *who_is(const struct host *h)
{
	if (h->own_userns)
		return "in a user namespace";
	return h->euid ? "as an ordinary user" : "as root";
}

const char *part_headline(struct build *b)
{
	static const char *const modes[] = {
		[CGM_NONE] = "no cgroups",
		[CGM_V2] = "cgroup v2",
		[CGM_V1] = "cgroup v1",
		[CGM_HYBRID] = "hybrid cgroups (v1 with v2 beside)",
	};
	const struct host *h = b->host;

	return part_text(b, "Linux %u.%u %s, %s, %s%s%s", h->kernel_major,
			 h->kernel_minor, h->arch ? h->arch : "", modes[h->cgroup_mode],
			 who_is(h), h->has_apparmor ? ", AppArmor" : "",
			 h->has_selinux ? ", SELinux" : "");
}

static int check(struct build *b)
{
	const struct linux_config *l = b->spec->linux_;

	if (b->opts->start_at_once && !b->process->args.n)
		return err_at(b->e, ERR_CONFIG,
			      b->spec->process ? "process.args" : "process",
			      "missing: say what to run");
	if (!b->spec->root || !b->spec->root->path || !*b->spec->root->path)
		return err_at(b->e, ERR_CONFIG, "root", "missing");
	if (!l)
		return err_at(b->e, ERR_CONFIG, "linux", "missing");
	return plan_net_check(b);
}

static const char *rootfs_path(struct build *b)
{
	const char *path = b->spec->root->path;

	return part_clean(b, *path == '/' ? path
					  : part_text(b, "%s/%s", b->opts->bundle, path));
}

static int host_before(struct build *b)
{
	host_state(b);
	part_console(b);
	plan_ns_open(b);
	if (plan_cgroup_make(b->p, b->spec, b->host, b->opts, &b->cg) ||
	    plan_delegate_choose(b) || plan_resctrl_make(b))
		return -1;
	/* From here on delete may kill what is in the cgroups: before, they may be anybody's. */
	if (!b->p->unit)
		plan_host(b->p, OP_STATE_CONFIG, NULL);
	return 0;
}

static int host_after(struct build *b)
{
	part_spawn(b);
	if (host_beside_init(b))
		return -1;
	if (host_meet(b))
		return -1;
	if (b->opts->start_at_once)
		host_start(b);
	else
		host_leave(b);
	plan_net_keep(b);
	return 0;
}

static int build_all(struct build *b)
{
	struct steps before, after;

	b->p->headline = part_headline(b);
	if (check(b) || plan_ns_choose(b) || plan_idmaps_choose(b))
		return -1;
	b->p->rootfs = rootfs_path(b);
	if (host_before(b))
		return -1;
	before = b->p->host;
	b->p->host = (struct steps){ 0 };
	if (host_after(b))
		return -1;
	after = b->p->host;
	b->p->host = before;
	if (plan_ns_enter(b) || init_file_system(b) || init_meet(b) || init_end(b) ||
	    plan_seccomp_host(b))
		return -1;
	plan_append(b->p, &b->p->host, &after);
	return plan_end(b->p);
}

int plan_build(const struct spec *spec, const struct host *host,
	       const struct plan_opts *opts, struct arena *arena, struct plan *ret,
	       struct err *e)
{
	/* Until its start a container needs no program (runtime.md, Start). */
	static const struct process none;
	struct build b = { .p = ret,
			   .spec = spec,
			   .process = spec->process ? spec->process : &none,
			   .host = host,
			   .opts = opts,
			   .e = e };

	plan_start(ret, arena, e);
	return build_all(&b);
}
