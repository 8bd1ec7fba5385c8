/*
 * checkpoint and restore: criu (criu(8)) saves a container's processes with their namespaces and mounts, and makes them
 * again. What belongs to the host is not its matter: cgroups with their limits, bind mounts, joined namespaces and state
 * are planned from the configuration as for create.
 *
 * criu is put into the container's new cgroup before it begins, so that all that it makes is born there, and whatever
 * goes wrong there is one thing to kill. Limits and device rules follow when the processes are there: criu needs more
 * memory than they, and makes device nodes.
 */
#include "plan/criu.h"

#include <linux/sched.h>
#include <string.h>

#include "plan/external.h"
#include "plan/notify.h"
#include "plan/parts.h"
#include "plan/unit.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* --- hierarchies of cgroups --- */

/* The names that /proc/PID/cgroup has for a version 1 hierarchy, from its mount options: "rw,cpu,cpuacct",
 * "none,name=systemd". */
static strs names_v1(struct build *b, const struct hierarchy *h)
{
	static const char *const others[] = {
		"none", "xattr", "noprefix", "clone_children", "rw", "cpuset_v2_mode"
	};
	strs l = { arena_array(b->p->arena, 32, sizeof(char *)), 0 };

	for (const char *at = h->options; at && *at && l.n < 32;) {
		size_t n = strcspn(at, ",");
		bool is_name = n && strncmp(at, "release_agent=", 14) != 0;

		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
			is_name &= strlen(others[i]) != n ||
				   strncmp(at, others[i], n) != 0;
		if (is_name)
			l.v[l.n++] = arena_strndup(b->p->arena, at, n);
		at += n + (at[n] == ',');
	}
	return l;
}

static void pair_step(struct build *b, enum op op, const char *name, const char *value)
{
	struct step *s = plan_host(b->p, op, NULL);

	s->str[0] = plan_str(b->p, name);
	s->str[1] = plan_str(b->p, value);
}

/* criu would mount them, cgroup2 afresh, and with that take the host's hierarchy its options (see mounts_cgroup.c). It wants
 * all or none. */
static void add_hierarchies(struct build *b, const struct plan_criu *c)
{
	if (c->n_hierarchies != b->host->n_hierarchies)
		return;
	for (size_t k = 0; k < b->host->n_hierarchies; k++) {
		const struct hierarchy *h = &b->host->hierarchies[k];
		const char *name = "unified";
		strs l = { 0 };

		if (!h->v2)
			l = names_v1(b, h);
		for (size_t i = 0; i < l.n; i++)
			name = i ? part_text(b, "%s,%s", name, l.v[i]) : l.v[i];
		if (!strncmp(name, "name=", 5))
			name += 5;
		pair_step(b, OP_CRIU_HIERARCHY, name, h->mount);
	}
}

static void add_options(struct build *b, const struct plan_criu *c)
{
	add_hierarchies(b, c);
	for (size_t i = 0; i < c->n_options; i++) {
		struct step *s = plan_host(b->p, OP_CRIU_OPTION, NULL);

		s->str[0] = plan_str(b->p, c->options[i].key);
		/* The second value of an option is a word of its own. */
		s->str[1] = c->options[i].value ? plan_str(b->p, c->options[i].value) : 0;
	}
}

/* Namespaces that somebody else made. */
static int add_namespaces(struct build *b)
{
	const struct linux_config *l = b->spec->linux_;
	const uint32_t known = CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
			       CLONE_NEWTIME;

	for (size_t i = 0; i < l->namespaces.n; i++) {
		const struct ns *n = &l->namespaces.v[i];
		struct step *s;

		if (!n->path)
			continue;
		if (!(plan_ns_flag(n->type) & known))
			return err_at(b->e, ERR_CONFIG,
				      part_text(b, "linux.namespaces[%zu].path", i),
				      "criu cannot save a container in a joined "
				      "namespace of this "
				      "type");
		s = plan_host(b->p, OP_CRIU_NS, "linux.namespaces[%zu].path", i);
		s->word[0] = plan_ns_flag(n->type);
		s->slot[0] = (int16_t)b->ns_slots[n->type];
	}
	return 0;
}

static int check(struct build *b)
{
	if (!b->spec->root || !b->spec->root->path || !*b->spec->root->path)
		return err_at(b->e, ERR_CONFIG, "root", "missing");
	if (!b->spec->linux_)
		return err_at(b->e, ERR_CONFIG, "linux", "missing");
	if (plan_ns_choose(b))
		return -1;
	if (plan_notifies(b))
		return err_at(b->e, ERR_CONFIG, "linux.seccomp",
			      "criu cannot save a system call filter with a listener "
			      "(SCMP_ACT_NOTIFY)");
	if (b->spec->linux_->net_devices.n)
		return err_at(b->e, ERR_CONFIG, "linux.netDevices",
			      "criu cannot save a network device of the host");
	/* It reads the image and opens mount sources as that one's root, who may do neither. */
	if (b->ns_new & CLONE_NEWUSER)
		return err_at(b->e, ERR_HOST, "linux.namespaces",
			      "criu cannot restore a container that has a user namespace "
			      "of its own: its root may not read the image");
	if (b->host->euid || b->host->own_userns)
		return err_set(
			b->e, ERR_HOST,
			"checkpoint and restore need root on the host: criu works with "
			"CAP_CHECKPOINT_RESTORE and CAP_SYS_ADMIN of the initial user "
			"namespace");
	return 0;
}

static struct step *open_step(struct build *b, const struct plan_criu *c)
{
	struct step *s = plan_host(b->p, OP_CRIU_OPEN, NULL);

	s->str[0] = plan_str(b->p, c->program);
	return s;
}

static struct build begin(const struct spec *spec, const struct host *host,
			  const struct plan_opts *opts, struct arena *arena,
			  struct plan *ret, struct err *e)
{
	static const struct process none;

	plan_start(ret, arena, e);
	return (struct build){ .p = ret,
			       .spec = spec,
			       .process = spec->process ? spec->process : &none,
			       .host = host,
			       .opts = opts,
			       .e = e };
}

int plan_build_checkpoint(const struct spec *spec, const struct host *host,
			  const struct plan_opts *opts, const struct plan_criu *criu,
			  struct arena *arena, struct plan *ret, struct err *e)
{
	struct build b = begin(spec, host, opts, arena, ret, e);

	ret->headline = part_headline(&b);
	if (check(&b))
		return -1;
	add_options(&b, criu);
	if (add_namespaces(&b) || plan_external(&b, false))
		return -1;
	if (!criu->pre_dump)
		plan_host(ret, OP_CRIU_STREAMS, NULL);
	open_step(&b, criu);
	plan_host(ret, OP_CRIU_DUMP, NULL)->word[0] = criu->pre_dump;
	return plan_end(ret);
}

/* --- restore --- */

/* Where the processes go, wherever they were. */
static void add_cgroups(struct build *b)
{
	for (size_t k = 0; b->p->cgroup_path && k < b->host->n_hierarchies; k++) {
		const struct hierarchy *h = &b->host->hierarchies[k];
		strs l = { 0 };

		if (b->cg.slot[k] == SLOT_NONE)
			continue;
		if (h->v2)
			pair_step(b, OP_CRIU_CGROUP, "", b->p->cgroup_path);
		else
			l = names_v1(b, h);
		for (size_t i = 0; i < l.n; i++)
			pair_step(b, OP_CRIU_CGROUP, l.v[i], b->p->cgroup_path);
	}
}

static void add_state(struct build *b)
{
	struct step *s = plan_host(b->p, OP_STATE_MAKE, NULL);

	s->str[0] = plan_str(b->p, b->opts->state_root);
	s->str[1] = plan_str(b->p, b->opts->id);
	s->slot[0] = SLOT_STATE;
	plan_host(b->p, OP_STATE_WRITE, NULL);
	/* The container may have been made for a service manager, which it has told already that it is ready. */
	plan_host(b->p, OP_NOTIFY_MAKE, NULL);
}

static const char *rootfs_path(struct build *b)
{
	const char *path = b->spec->root->path;

	return part_clean(b, *path == '/' ? path
					  : part_text(b, "%s/%s", b->opts->bundle, path));
}

/* Everything that stands before criu. */
static int before_criu(struct build *b, const struct plan_criu *criu)
{
	b->p->rootfs = rootfs_path(b);
	add_state(b);
	part_console(b);
	plan_ns_open(b);
	if (plan_cgroup_make(b->p, b->spec, b->host, b->opts, &b->cg) ||
	    plan_resctrl_make(b))
		return -1;
	if (!b->p->unit)
		plan_host(b->p, OP_STATE_CONFIG, NULL);
	add_options(b, criu);
	if (add_namespaces(b))
		return -1;
	return plan_external(b, true);
}

static void join_cgroups(struct build *b)
{
	if (b->p->unit)
		plan_unit_start(b->p, b->host, &b->cg);
	else if (b->cg.into != SLOT_NONE)
		plan_host(b->p, OP_CGROUP_JOIN, "linux.cgroupsPath")->slot[0] =
			(int16_t)b->cg.into;
	plan_cgroup_join(b->p, b->host, &b->cg);
	plan_resctrl_join(b);
}

static int beside_criu(struct build *b)
{
	struct step *s;

	plan_host(b->p, OP_CRIU_RESTORE, NULL);
	plan_host(b->p, OP_STATE_PID, NULL);
	part_hooks(b, HOOK_PRESTART);
	part_hooks(b, HOOK_CREATE_RUNTIME);
	s = plan_host(b->p, OP_CRIU_FILL, NULL);
	s->slot[0] = b->opts->console_socket && b->process->terminal ? SLOT_CONSOLE
								     : SLOT_NONE;
	if (plan_cgroup_limits(b->p, b->spec, b->host, &b->cg))
		return -1;
	plan_cgroup_owner(b);
	if (plan_devices_load(b->p, b->spec, b->host, &b->cg) ||
	    plan_devices_attach(b->p, b->spec, b->host, &b->cg))
		return -1;
	part_pid_files(b);
	plan_host(b->p, OP_CRIU_RESUME, NULL);
	part_hooks(b, HOOK_POSTSTART);
	return 0;
}

int plan_build_restore(const struct spec *spec, const struct host *host,
		       const struct plan_opts *opts, const struct plan_criu *criu,
		       struct arena *arena, struct plan *ret, struct err *e)
{
	struct build b = begin(spec, host, opts, arena, ret, e);

	ret->headline = part_headline(&b);
	if (check(&b) || before_criu(&b, criu))
		return -1;
	add_cgroups(&b);
	open_step(&b, criu)->str[1] = plan_str(ret, ret->rootfs);
	join_cgroups(&b);
	return beside_criu(&b) ? -1 : plan_end(ret);
}
