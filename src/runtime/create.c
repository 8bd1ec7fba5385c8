/*
 * create and run: a plan is built and carried out. What happens at the plan's steps that
 * concern the container's life (state on disk, hooks, the terminal's master) is here;
 * everything else is apply's.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "plan/unit.h"
#include "runtime/images.h"
#include "runtime/notify.h"

const char *cache_dir(struct skiff *s)
{
	/* No id begins with a dot. */
	return arena_printf(&s->arena, "%s/.seccomp", s->root);
}

/* The directories the plan makes, for delete: what is below the container's own goes with that. */
static void note_cgroups(const struct job *j, struct state *ret)
{
	const struct plan *p = &j->plan;

	ret->cgroups.v = arena_array(&j->s->arena, HIERARCHIES_MAX,
				     sizeof(*ret->cgroups.v));
	for (size_t i = 0; i < p->host.n && ret->cgroups.n < HIERARCHIES_MAX; i++) {
		const struct step *st = &p->host.v[i];

		if (st->op != OP_CGROUP_MAKE ||
		    strcmp(plan_text(p, st->str[1]), p->cgroup_path) != 0)
			continue;
		ret->cgroups.v[ret->cgroups.n++] = (struct cgroup_dir){
			.path = arena_printf(&j->s->arena, "%s%s",
					     plan_text(p, st->str[0]),
					     plan_text(p, st->str[1])),
			.v1 = st->flags & STEP_V1,
		};
	}
}

static char *unit_directory(const struct job *j)
{
	return j->plan.unit ? arena_printf(&j->s->arena, "%s%s",
					   unit_tree(&j->host)->mount, j->plan.unit_dir)
			    : NULL;
}

uint32_t spec_ns_flags(const struct spec *s)
{
	uint32_t all = 0;

	for (size_t i = 0; s->linux_ && i < s->linux_->namespaces.n; i++)
		all |= plan_ns_flag(s->linux_->namespaces.v[i].type);
	return all;
}

static bool has_own_pids(const struct spec *s)
{
	const struct ns *ns = spec_ns(s, NS_PID);

	return ns && !ns->path;
}

static void state_from_job(const struct job *j, struct state *ret)
{
	char now[40];

	state_now(now, sizeof(now));
	*ret = (struct state){
		.owner = j->host.euid,
		.id = (char *)j->c->id,
		.bundle = (char *)j->bundle,
		.rootfs = (char *)j->plan.rootfs,
		.created = arena_strdup(&j->s->arena, now),
		.config = (char *)j->s->config_name,
		.cgroup_manager = (char *)j->s->cgroup_manager,
		.unit = (char *)j->plan.unit,
		.unit_dir = unit_directory(j),
		.hooks = hooks_present(j->spec.hooks),
		.shared_pids = !has_own_pids(&j->spec),
		.annotations = j->spec.annotations,
	};
	note_cgroups(j, ret);
	state_resctrl(ret, &j->spec, &j->host, j->c->id, &j->s->arena);
}

static int on_state_write(struct apply *a, struct err *e)
{
	struct job *j = a->ctx;

	state_from_job(j, &j->container->state);
	j->container->has_state = true;
	return state_write(a->slots[SLOT_STATE], &j->container->state, &j->s->arena, e);
}

static int on_state_config(struct apply *a, struct err *e)
{
	struct job *j = a->ctx;

	return state_write_config(a->slots[SLOT_STATE], j->text, j->text_len, e);
}

static int on_hooks(struct apply *a, int kind, struct err *e)
{
	static const char *const status[HOOK_KINDS] = {
		[HOOK_START_CONTAINER] = "created",
		[HOOK_POSTSTART] = "running",
	};
	struct job *j = a->ctx;

	j->container->pid = a->pid;
	if (kind == HOOK_POSTSTART)
		flock(a->slots[SLOT_STATE], LOCK_UN);
	return hooks_run(j->container, (enum hook_kind)kind,
			 status[kind] ? status[kind] : "creating", a->slots[SLOT_PIDFD],
			 e);
}

static int on_tty_take(struct apply *a, int master, struct err *e)
{
	struct job *j = a->ctx;

	(void)e;
	j->terminal = master;
	return 0;
}

static int on_listener(struct apply *a, int to, int listener, struct err *e)
{
	struct job *j = a->ctx;

	j->container->pid = a->pid;
	return listener_hand_over(j->container, "creating", a->pid, to, listener, e);
}

static void on_lets_go(struct apply *a)
{
	const struct job *j = a->ctx;

	if (j->start_at_once && j->c->lets_go)
		j->c->lets_go(j->c->ctx);
}

static const struct apply_calls calls = {
	.listener = on_listener,
	.state_write = on_state_write,
	.state_config = on_state_config,
	.hooks = on_hooks,
	.tty_take = on_tty_take,
	.lets_go = on_lets_go,
};

/* The container is there. This context may delete it without reading anything again. */
static void keep(struct job *j, struct apply *a)
{
	struct container *c = j->container;

	c->dir = fd_take(&a->slots[SLOT_STATE]);
	c->pid = a->pid;
	c->recorded = true;
	/* While the descriptor is open the lock says "being created"; after create it
	 * goes with the context, which nobody keeps. */
	if (j->start_at_once)
		flock(c->dir, LOCK_UN);
	j->s->own = c;
}

void write_trace(struct skiff *s, const struct apply *a)
{
	struct err e;

	if (a->trace && trace_write(a->trace, a, &e) < 0)
		sk_warn(s, "%s", e.msg);
}

static int carry_out(struct job *j, struct skiff_process *ret, struct err *e)
{
	struct arena *arena = &j->s->arena;
	struct apply a;
	int r;

	apply_init(&a, &j->plan, arena);
	a.calls = &calls;
	a.ctx = j;
	a.cache_dir = cache_dir(j->s);
	a.trace = j->c->trace ? trace_new(arena, j->c->trace) : NULL;
	a.criu = j->criu;
	sk_note_plan(j->s, &j->plan);
	r = apply_stdio(&a, j->c->stdio, e) < 0 ? -1 : apply_run(&a, e);
	write_trace(j->s, &a);
	if (!r) {
		keep(j, &a);
		*ret = (struct skiff_process){ sizeof(*ret),
					       a.pid,
					       fd_take(&a.slots[SLOT_PIDFD]),
					       j->terminal,
					       fd_take(&a.slots[SLOT_NOTIFY]),
					       !has_own_pids(&j->spec) };
	}
	apply_done(&a);
	return r;
}

int check_trace(const char *path, struct err *e)
{
	auto_fd fd = -1;

	if (!path)
		return 0;
	fd = openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
	return fd < 0 ? err_sys(e, errno, "--trace %s", path) : 0;
}

static struct job *new_job(struct skiff *s, const struct skiff_create *c, bool start,
			   bool keep_terminal)
{
	struct job *j = arena_new(&s->arena, struct job);

	j->s = s;
	j->c = c;
	j->start_at_once = start;
	j->keep_terminal = keep_terminal;
	j->container = arena_new(&s->arena, struct container);
	*j->container = (struct container){
		.skiff = s, .id = c->id, .dir = -1, .pidfd = -1, .spec = &j->spec
	};
	return j;
}

static int check_wishes(const struct skiff_create *c, struct err *e)
{
	if (id_check(c->id, e) < 0 || probe_preserved(c->preserve_fds, e) < 0)
		return -1;
	return check_trace(c->trace, e);
}

static int finish(struct job *j, struct skiff_process *ret, struct err *e)
{
	if (job_plan(j, e) < 0)
		return -1;
	if (carry_out(j, ret, e) < 0) {
		fd_close(&j->terminal);
		return -1;
	}
	return 0;
}

static int make(struct skiff *s, const struct skiff_create *c, bool start,
		bool keep_terminal, struct skiff_process *ret, struct err *e)
{
	struct job *j = new_job(s, c, start, keep_terminal);

	if (check_wishes(c, e) < 0 || job_load(j, e) < 0)
		return -1;
	return finish(j, ret, e);
}

/* The processes come from an image instead of from process.args. */
static int restore(struct skiff *s, const struct skiff_create *c,
		   const struct skiff_criu *o, struct criu_job *criu,
		   struct skiff_process *ret, struct err *e)
{
	struct job *j = new_job(s, c, true, !c->detach);
	struct plan_criu wishes = { 0 };

	if (check_wishes(c, e) < 0 || job_load(j, e) < 0 ||
	    images_options(s, o, &j->spec, &wishes, e) < 0 ||
	    images_open(s, o, false, criu, e) < 0 || images_streams(s, c, criu, e) < 0)
		return -1;
	criu->dir = arena_printf(&s->arena, "%s/%s", s->root, c->id);
	j->criu = criu;
	j->wishes = &wishes;
	return finish(j, ret, e);
}

int skiff_create(struct skiff *s, const struct skiff_create *c, struct skiff_process *ret,
		 struct skiff_error *e)
{
	struct skiff_process p;
	struct err err;

	if (make(s, c, false, ret != NULL, &p, &err) < 0)
		return sk_fail(s, &err, e);
	if (ret)
		*ret = p;
	else
		fd_close(&p.pidfd);
	return 0;
}

int skiff_run(struct skiff *s, const struct skiff_create *c, struct skiff_process *ret,
	      struct skiff_error *e)
{
	struct err err;

	if (make(s, c, true, !c->detach, ret, &err) < 0)
		return sk_fail(s, &err, e);
	if (c->detach && ret->notify >= 0) {
		notify_wait(s, ret->notify, ret->pid, ret->pidfd);
		fd_close(&ret->notify);
	}
	return 0;
}

int skiff_restore(struct skiff *s, const struct skiff_create *c,
		  const struct skiff_criu *o, struct skiff_process *ret,
		  struct skiff_error *e)
{
	struct criu_job criu = { .images = -1, .work = -1, .root = -1, .state = -1 };
	struct err err;
	int r = restore(s, c, o, &criu, ret, &err);

	images_close(&criu);
	return r < 0 ? sk_fail(s, &err, e) : 0;
}
