/*
 * plan_build_mounts: mounts into a running container, and out of it again. Sources are cloned in the host's mount
 * namespace; a short-lived init then joins the container's namespaces, all but the pid namespace (nobody there can
 * see it), and puts them in their places, each found inside the container's root. It is not in the container's
 * cgroup: a frozen container does not stop it.
 *
 * The container runs and is hostile: nothing that init does there depends on a name outside the descriptor of the
 * root, on the container's /proc, or on a path of the host that would be looked up inside. What is made and where it is
 * mounted is on the mount that the caller named, never in a volume that a link or a renamed directory leads to.
 */
#include <linux/capability.h>
#include <linux/sched.h>
#include <signal.h>
#include <string.h>

#include "plan/mounts.h"

/* New file systems whose content depends on what init does not join, or on the set-up as a whole. */
static const char *refusal(const struct mount *m, const struct mount_wish *w)
{
	const char *type = m->type ? m->type : "";

	if (w->remount)
		return "remount: a mount of a running container cannot be changed; "
		       "remove "
		       "it and add it anew";
	if (w->bind || !strcmp(type, "bind"))
		return NULL;
	if (!strcmp(type, "proc") || !strncmp(type, "cgroup", 6))
		return "proc and cgroup file systems are made with the container only: "
		       "they "
		       "would show the host's";
	/* With all others the source, or an option, is looked up in the container. */
	if (strcmp(type, "tmpfs") != 0 && strcmp(type, "ramfs") != 0 &&
	    strcmp(type, "mqueue") != 0)
		return "of new file systems only tmpfs, ramfs and mqueue can be added: "
		       "mount it on the host and bind it";
	for (size_t k = 0; k < w->data.n; k++)
		if (strchr(w->data.v[k], '/'))
			return "an option names a path, which would be looked up in the "
			       "container: mount it on the host and bind it";
	return NULL;
}

static int check(struct build *b, bool remove)
{
	if (!b->can_mount)
		return err_at(b->e, ERR_HOST, "mounts",
			      "mounts of a running container take root (CAP_SYS_ADMIN)");
	if (!(b->target->ns_flags & CLONE_NEWNS))
		return err_at(
			b->e, ERR_STATE, "mounts",
			"the container has no mount namespace of its own: its mounts "
			"are those of the host");
	for (size_t i = 0; i < b->spec->mounts.n && !remove; i++) {
		const struct mount *m = &b->spec->mounts.v[i];
		struct mount_wish w;
		const char *why;

		mount_options_read(&m->options, b->p->arena, &w);
		why = refusal(m, &w);
		if (why)
			return err_at(b->e, ERR_CONFIG, part_text(b, "mounts[%zu]", i),
				      "%s", why);
	}
	return 0;
}

/* The container's user namespace, for mounts that are idmapped as it is. */
static void open_userns(struct build *b)
{
	struct step *s;

	if (!b->idmaps || !b->user_ns)
		return;
	b->ns_slots[NS_USER] = plan_slot(b->p);
	s = plan_host(b->p, OP_NS_OPEN, "mounts");
	s->str[0] = plan_str(b->p, part_text(b, "/proc/%d/ns/user", (int)b->target->pid));
	s->word[0] = CLONE_NEWUSER;
	s->slot[0] = (int16_t)b->ns_slots[NS_USER];
}

static void enter(struct build *b, bool remove)
{
	struct step *s;

	plan_init(b->p, OP_DUMPABLE, NULL);
	plan_init(b->p, OP_DEATH_SIGNAL, NULL)->word[0] = SIGKILL;
	if (remove)
		part_proc(b, false);
	s = plan_init(b->p, OP_NS_JOIN, NULL);
	s->slot[0] = SLOT_PIDFD;
	s->word[0] = b->target->ns_flags & ~(uint64_t)CLONE_NEWPID;
	if (b->user_ns) {
		plan_init(b->p, OP_BECOME, NULL);
		plan_init(b->p, OP_DUMPABLE, NULL);
	}
	plan_init(b->p, OP_ROOT_ENTER, NULL)->slot[0] = SLOT_ROOTFS;
}

/* The longest of these paths that `path` is or lies below. */
static size_t longest(struct build *b, const char *path, const char *mount, size_t best)
{
	const char *clean = part_clean(b, mount);
	size_t n = strlen(clean);

	if (n <= best || n == 1 || strncmp(path, clean, n) != 0 ||
	    (path[n] && path[n] != '/'))
		return best;
	return n;
}

/* The container must not lead a destination into a mount that the caller did not name: a volume is shared with the
 * host. Of the container's mounts only those that the destination lies in by its name are entered. */
void part_enter_mount(struct build *b, size_t i, const char *path)
{
	const struct plan_target *t = b->target;
	struct step *s;
	size_t n = 0;

	for (size_t k = 0; k < t->places.n; k++)
		n = longest(b, path, t->places.v[k], n);
	for (size_t k = 0; k < t->n_mounts; k++)
		n = longest(b, path, t->mounts[k].path, n);
	for (size_t k = 0; k < i; k++)
		n = longest(b, path, b->spec->mounts.v[k].destination, n);
	b->below = n;
	s = plan_init(b->p, OP_ROOT_ENTER, "mounts[%zu].destination", i);
	s->slot[0] = SLOT_ROOTFS;
	s->str[0] = plan_str(b->p, n ? part_text(b, "%.*s", (int)n, path) : "/");
}

static void spawn(struct plan *p)
{
	struct step *s = plan_host(p, OP_SPAWN, NULL);

	s->slot[0] = SLOT_NONE;
	s->slot[1] = SLOT_PIDFD;
}

/* The last that `mounts add` put there, or 0. */
static uint64_t added_at(const struct plan_target *t, const char *path)
{
	for (size_t i = t->n_mounts; i-- > 0;)
		if (!strcmp(t->mounts[i].path, path))
			return t->mounts[i].id;
	return 0;
}

/* The last that was mounted goes first. */
static int unmount_all(struct build *b)
{
	for (size_t i = b->spec->mounts.n; i-- > 0;) {
		const char *path = part_clean(b, b->spec->mounts.v[i].destination);
		const char *origin = part_text(b, "mounts[%zu].destination", i);
		struct step *s;
		uint64_t id;

		if (!strcmp(path, "/"))
			return err_at(b->e, ERR_CONFIG, origin,
				      "the root of the container cannot be unmounted");
		id = added_at(b->target, path);
		if (!id)
			return err_at(b->e, ERR_STATE, origin,
				      "nothing was mounted on \"%s\" by `skiff mounts "
				      "add`: the "
				      "mounts of config.json stay",
				      path);
		s = plan_init(b->p, OP_UNMOUNT, "%s", origin);
		s->word[0] = id;
		s->str[0] = plan_str(b->p, path);
		s->slot[0] = SLOT_PROC;
	}
	return 0;
}

int plan_build_mounts(const struct spec *spec, const struct host *host,
		      const struct plan_target *target, const struct plan_opts *opts,
		      bool remove, struct arena *arena, struct plan *ret, struct err *e)
{
	struct build b = {
		.p = ret,
		.spec = spec,
		.host = host,
		.opts = opts,
		.target = target,
		.e = e,
		.live = true,
		.ns_joined = target->ns_flags,
		.user_ns = target->ns_flags & CLONE_NEWUSER,
		.can_mount = host_has_cap(host, CAP_SYS_ADMIN),
	};

	plan_start(ret, arena, e);
	ret->headline = part_headline(&b);
	if (check(&b, remove) || (!remove && plan_idmaps_choose(&b)))
		return -1;
	open_userns(&b);
	enter(&b, remove);
	if (remove ? unmount_all(&b) : plan_mounts(&b))
		return -1;
	plan_init(ret, OP_TELL, NULL)->word[0] = SYNC_EXEC;
	spawn(ret);
	plan_host(ret, OP_WAIT, NULL)->word[0] = SYNC_EXEC;
	return plan_end(ret);
}
