/*
 * exec: a further process in a running container. It is the process of the container's
 * configuration, or of a process file, with what the command line adds.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/names.h"
#include "runtime/container.h"
#include "runtime/notify.h"

/* One exec in the making. */
struct exec_job {
	struct skiff *s;
	const struct skiff_exec *x;
	struct container *c;
	struct process process;
	struct host host;
	struct plan plan;
	int terminal;
	const char *below; /* init's cgroup, which is not the container's any more */
};

static int load_process_file(struct exec_job *j, struct err *e)
{
	const struct json_notes notes = { .ctx = j->s, .left_out = sk_left_out };

	j->s->config_name = j->x->process;
	if (json_load_file(&process_type, AT_FDCWD, j->x->process, &j->s->arena, &notes,
			   &j->process, NULL, NULL, e) < 0)
		return -1;
	return spec_check_process(&j->process, "", NULL, e);
}

/* "UID" or "UID:GID", decimal and nothing else: a name in the image's passwd must not
 * become a number. */
static int set_user(struct exec_job *j, const char *text, struct err *e)
{
	size_t n = strcspn(text, ":");
	uint64_t uid, gid = j->process.user.gid;

	if (!parse_u64(arena_strndup(&j->s->arena, text, n), UINT32_MAX - 1, &uid) ||
	    (text[n] && !parse_u64(text + n + 1, UINT32_MAX - 1, &gid)))
		return err_set(e, ERR_CONFIG, "--user: \"%s\" is not UID or UID:GID",
			       text);
	j->process.user.uid = (uint32_t)uid;
	j->process.user.gid = (uint32_t)gid;
	return 0;
}

static void add_groups(struct exec_job *j)
{
	struct user *u = &j->process.user;
	size_t n = u->additional_gids.n;
	uint32_t *v = arena_array(&j->s->arena, n + j->x->n_groups, sizeof(*v));

	if (n)
		memcpy(v, u->additional_gids.v, n * sizeof(*v));
	memcpy(v + n, j->x->groups, j->x->n_groups * sizeof(*v));
	u->additional_gids.v = v;
	u->additional_gids.n = n + j->x->n_groups;
}

/* NAME=value replaces an entry of that name. */
static int add_env(struct exec_job *j, struct err *e)
{
	strs *env = &j->process.env;
	char **v = arena_array(&j->s->arena, env->n + j->x->n_env, sizeof(*v));
	size_t n = env->n;

	if (n)
		memcpy(v, env->v, n * sizeof(*v));
	for (size_t i = 0; i < j->x->n_env; i++) {
		char *entry = arena_strdup(&j->s->arena, j->x->env[i]);
		size_t name = strcspn(entry, "="), at = 0;

		if (!name || !entry[name])
			return err_set(e, ERR_CONFIG, "--env: \"%s\" is not NAME=VALUE",
				       entry);
		while (at < n && strncmp(v[at], entry, name + 1) != 0)
			at++;
		v[at] = entry;
		n += at == n;
	}
	env->v = v;
	env->n = n;
	return 0;
}

static int cap_number(struct exec_job *j, const char *word)
{
	char *name = arena_printf(&j->s->arena, "%s%s",
				  strncasecmp(word, "CAP_", 4) ? "CAP_" : "", word);
	const struct name *found;

	for (char *c = name; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	found = names_find(cap_names(), name, strlen(name));
	return found ? (int)found->value : -1;
}

static void add_cap(struct exec_job *j, caps *set, int cap)
{
	int *v = arena_array(&j->s->arena, set->n + 1, sizeof(*v));

	if (set->n)
		memcpy(v, set->v, set->n * sizeof(*v));
	v[set->n] = cap;
	set->v = v;
	set->n++;
}

/* Never to the inheritable or ambient sets (CVE-2022-29162). */
static int add_caps(struct exec_job *j, struct err *e)
{
	struct capabilities *all = arena_new(&j->s->arena, struct capabilities);

	if (j->process.capabilities)
		*all = *j->process.capabilities;
	for (size_t i = 0; i < j->x->n_caps; i++) {
		int cap = cap_number(j, j->x->caps[i]);

		if (cap < 0)
			return err_set(e, ERR_CONFIG, "--cap: unknown capability \"%s\"",
				       j->x->caps[i]);
		add_cap(j, &all->bounding, cap);
		add_cap(j, &all->effective, cap);
		add_cap(j, &all->permitted, cap);
	}
	j->process.capabilities = all;
	return 0;
}

/* The container's own process, with other arguments and what the command line says. */
static int derive_process(struct exec_job *j, struct err *e)
{
	const struct skiff_exec *x = j->x;
	struct process *p = &j->process;

	if (!j->c->spec->process)
		return err_set(e, ERR_CONFIG,
			       "the container's configuration has no process: use "
			       "--process FILE");
	*p = *j->c->spec->process;
	if (!x->n_args)
		return err_set(e, ERR_CONFIG,
			       "no command given: skiff exec %s COMMAND [ARG...]",
			       j->c->id);
	p->args.v = (char **)x->args;
	p->args.n = x->n_args;
	p->terminal = x->terminal;
	p->console_size = NULL;
	if (x->cwd)
		p->cwd = (char *)x->cwd;
	if (x->process_label)
		p->selinux_label = (char *)x->process_label;
	if (x->apparmor)
		p->apparmor_profile = (char *)x->apparmor;
	p->no_new_privileges |= x->no_new_privs;
	if (x->user && set_user(j, x->user, e) < 0)
		return -1;
	if (x->n_groups)
		add_groups(j);
	if ((x->n_env && add_env(j, e) < 0) || (x->n_caps && add_caps(j, e) < 0))
		return -1;
	return spec_check_process(p, "process", NULL, e);
}

static int check_terminal(struct exec_job *j, struct err *e)
{
	const struct skiff_exec *x = j->x;

	/* A process file may leave it to the command line. */
	j->process.terminal |= x->terminal;
	j->process.terminal &= !x->no_terminal;
	if (x->detach && j->process.terminal && !x->console_socket)
		return err_set(e, ERR_CONFIG,
			       "cannot allocate tty if skiff will detach without setting "
			       "console socket: set terminal to false, or give "
			       "--console-socket");
	if ((!x->detach || !j->process.terminal) && x->console_socket)
		return err_set(e, ERR_CONFIG,
			       "cannot use console socket if skiff will not detach or "
			       "allocate tty");
	if (j->process.terminal && !j->process.console_size && x->rows && x->columns) {
		j->process.console_size = arena_new(&j->s->arena, struct box);
		*j->process.console_size = (struct box){ .height = x->rows,
							 .width = x->columns };
	}
	return 0;
}

static const char *absolute_path(struct exec_job *j, const char *path)
{
	char cwd[PATH_MAX];

	if (!path || *path == '/' || !getcwd(cwd, sizeof(cwd)))
		return path;
	return arena_printf(&j->s->arena, "%s/%s", cwd, path);
}

static int plan_exec(struct exec_job *j, struct err *e)
{
	const struct skiff_exec *x = j->x;
	struct plan_target target;
	struct plan_opts opts = {
		.id = x->id,
		.bundle = j->c->state.bundle,
		.state_root = j->s->root,
		.start_at_once = true,
		.foreground = !x->detach,
		.console_socket = absolute_path(j, x->console_socket),
		.pidfd_socket = absolute_path(j, x->pidfd_socket),
		.pid_file = absolute_path(j, x->pid_file),
		.preserve_fds = x->preserve_fds,
		.cgroup_manager = j->c->state.cgroup_manager,
		.rootless = j->s->rootless,
		.trace = x->trace,
	};

	if (container_target(j->c, &j->host, &target, e) < 0)
		return -1;
	if (j->process.apparmor_profile || j->process.selinux_label)
		probe_labels(&j->host);
	target.sub_cgroups = x->cgroups;
	target.n_sub_cgroups = x->n_cgroups;
	if (j->below) {
		target.sub_cgroups = &j->below;
		target.n_sub_cgroups = 1;
	}
	return plan_build_exec(j->c->spec, &j->process, &j->host, &target, &opts,
			       &j->s->arena, &j->plan, e);
}

static int on_tty_take(struct apply *a, int master, struct err *e)
{
	struct exec_job *j = a->ctx;

	(void)e;
	j->terminal = master;
	return 0;
}

static int on_listener(struct apply *a, int to, int listener, struct err *e)
{
	struct exec_job *j = a->ctx;

	return listener_hand_over(j->c, status_name(j->c->status),
				  a->payload > 0 ? a->payload : a->pid, to, listener, e);
}

static void on_lets_go(struct apply *a)
{
	const struct exec_job *j = a->ctx;

	if (j->x->lets_go)
		j->x->lets_go(j->x->ctx);
}

static int carry_out(struct exec_job *j, struct skiff_process *ret, struct err *e)
{
	static const struct apply_calls calls = { .tty_take = on_tty_take,
						  .listener = on_listener,
						  .lets_go = on_lets_go };
	struct apply a;
	int r;

	apply_init(&a, &j->plan, &j->s->arena);
	a.calls = &calls;
	a.ctx = j;
	a.cache_dir = cache_dir(j->s);
	a.trace = j->x->trace ? trace_new(&j->s->arena, j->x->trace) : NULL;
	a.slots[SLOT_PIDFD] = fd_take(&j->c->pidfd);
	sk_note_plan(j->s, &j->plan);
	r = apply_stdio(&a, j->x->stdio, e) < 0 ? -1 : apply_run(&a, e);
	write_trace(j->s, &a);
	if (!r)
		*ret = (struct skiff_process){
			sizeof(*ret),
			a.payload > 0 ? a.payload : a.pid,
			fd_take(&a.payload_pidfd),
			j->terminal,
			-1,
		};
	apply_done(&a);
	return r;
}

/* Init may have moved into a cgroup below the container's, as systemd does, and have handed
 * controllers on there: then nobody can enter the one above ("no internal processes"). */
static bool find_below(struct exec_job *j)
{
	const struct hierarchy *v2 = host_v2(&j->host);
	const char *own = NULL, *file;
	char *text, *rest;
	size_t n;

	for (size_t i = 0; v2 && i < j->c->state.cgroups.n; i++)
		if (!j->c->state.cgroups.v[i].v1)
			own = j->c->state.cgroups.v[i].path + strlen(v2->mount);
	file = arena_printf(&j->s->arena, "/proc/%d/cgroup", (int)j->c->pid);
	if (!own || fd_read_file(AT_FDCWD, file, &j->s->arena, 65536, &text, &n) < 0)
		return false;
	n = strlen(own);
	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (!strncmp(line, "0::", 3) && !strncmp(line + 3, own, n) &&
		    line[3 + n] == '/')
			j->below = line + 3 + n;
	return j->below;
}

static bool is_occupied(const struct exec_job *j, const struct err *e)
{
	bool joins = !strcmp(e->step, "spawn") || !strcmp(e->step, "unit.attach");

	return e->errnum == EBUSY && joins && !j->x->n_cgroups && !j->below;
}

static int check_status(const struct container *c, bool ignore_paused, struct err *e)
{
	switch (c->status) {
	case STATUS_RUNNING:
		return 0;
	case STATUS_PAUSED:
		return ignore_paused ? 0
				     : err_set(e, ERR_STATE,
					       "cannot exec in a paused container "
					       "(use --ignore-paused to override)");
	case STATUS_STOPPED:
		return err_set(
			e, ERR_STOPPED,
			"cannot exec in a stopped container: container not running");
	case STATUS_CREATING:
	case STATUS_CREATED:
		break;
	}
	/* runc allows it in a created container. */
	return c->status == STATUS_CREATED
		       ? 0
		       : err_set(e, ERR_STOPPED,
				 "container not running: it is being created");
}

static int exec(struct skiff *s, const struct skiff_exec *x, struct container *c,
		struct skiff_process *ret, struct err *e)
{
	struct exec_job j = { .s = s, .x = x, .c = c, .terminal = -1 };

	if (container_load(c, e) < 0 || container_hold(c, e) < 0 ||
	    check_status(c, x->ignore_paused, e) < 0 || container_load_spec(c, e) < 0)
		return -1;
	if ((x->process ? load_process_file(&j, e) : derive_process(&j, e)) < 0 ||
	    check_terminal(&j, e) < 0 || plan_exec(&j, e) < 0)
		return -1;
	/* What the container's own process lacks was told when it was created. */
	for (size_t i = 0; i < j.plan.warnings.n && (x->process || x->n_caps); i++)
		sk_warn(s, "%s", j.plan.warnings.v[i]);
	if (!carry_out(&j, ret, e))
		return 0;
	if (is_occupied(&j, e) && find_below(&j))
		return container_hold(c, e) < 0 || plan_exec(&j, e) < 0
			       ? -1
			       : carry_out(&j, ret, e);
	fd_close(&j.terminal);
	return -1;
}

int skiff_exec(struct skiff *s, const struct skiff_exec *x, struct skiff_process *ret,
	       struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct err err;

	if (probe_preserved(x->preserve_fds, &err) < 0 ||
	    check_trace(x->trace, &err) < 0 || container_open(s, x->id, &c, &err) < 0 ||
	    exec(s, x, &c, ret, &err) < 0)
		return sk_fail(s, &err, e);
	return 0;
}
