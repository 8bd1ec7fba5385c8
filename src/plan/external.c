/*
 * The mounts that criu neither saves nor makes: what the host has for them is given to the container again. They are
 * those that create clones from the host (mounts.c, mounts_cgroup.c, devices_nodes.c, notify.c), and the covers of masked
 * paths. The others are file systems of the container's own, with their content.
 */
#include "plan/external.h"

#include <string.h>

#include "plan/mounts.h"
#include "plan/notify.h"

/* A mount point below another file system of the container's comes with that one's content. */
static bool is_in_rootfs(const struct build *b, const char *path)
{
	for (size_t i = 0; i < b->spec->mounts.n; i++) {
		const struct mount *m = &b->spec->mounts.v[i];
		struct mount_wish w;
		const char *at;
		size_t n;

		if (!m->destination)
			continue;
		mount_options_read(&m->options, b->p->arena, &w);
		at = part_clean((struct build *)b, m->destination);
		n = strlen(at);
		if (!w.remount && !strncmp(path, at, n) && path[n] == '/')
			return false;
	}
	return true;
}

static void add(struct build *b, bool restore, const char *path, const char *source,
		const char *origin)
{
	struct step *s = plan_host(b->p, restore ? OP_CRIU_MOUNT : OP_CRIU_LEAVE, "%s",
				   origin);

	s->str[0] = plan_str(b->p, path);
	if (!restore)
		return;
	s->str[1] = plan_str(b->p, source);
	s->flags = is_in_rootfs(b, path) ? STEP_LIKE : 0;
}

static void add_bind(struct build *b, bool restore, const char *path, const char *source,
		     bool rec, const char *origin)
{
	struct step *s;

	add(b, restore, path, source, origin);
	if (!rec)
		return;
	s = &b->p->host.v[b->p->host.n - 1];
	s->str[1] = plan_str(b->p, source);
	s->flags |= STEP_REC;
}

static int one(struct build *b, size_t i, bool restore)
{
	const struct mount *m = &b->spec->mounts.v[i];
	const char *origin = part_text(b, "mounts[%zu]", i), *path, *host;
	const struct part_clone *clones;
	struct mount_wish w;
	size_t n = 0;

	if (!m->destination || !*m->destination)
		return err_at(b->e, ERR_CONFIG,
			      part_text(b, "mounts[%zu].destination", i), "missing");
	path = part_clean(b, m->destination);
	mount_options_read(&m->options, b->p->arena, &w);
	if (w.remount || part_link(b, i))
		return 0;
	if (w.bind || part_is_type(m, "bind")) {
		if (!m->source || !*m->source)
			return err_at(b->e, ERR_CONFIG,
				      part_text(b, "mounts[%zu].source", i),
				      "a bind mount needs a source");
		add_bind(b, restore, path, part_bind_source(b, m), w.rec, origin);
		return 0;
	}
	host = part_host_view(b, m);
	if (host)
		add(b, restore, path, host, origin);
	clones = part_cgroup_clones(b, m, path, &n);
	for (size_t k = 0; k < n; k++)
		add(b, restore, clones[k].path, clones[k].dir, origin);
	return 0;
}

/* Nobody knows whether the container has one, nor needs it a mount point if it has none. */
static void notify(struct build *b, bool restore)
{
	const char *dir = part_text(b, "%s/%s/notify", b->opts->state_root, b->opts->id);
	struct step *s = plan_host(b->p, restore ? OP_CRIU_MOUNT : OP_CRIU_LEAVE, NULL);

	s->str[0] = plan_str(b->p, PLAN_NOTIFY_PLACE);
	s->str[1] = restore ? plan_str(b->p, dir) : 0;
}

static void masks(struct build *b)
{
	const strs *paths = &b->spec->linux_->masked_paths;

	for (size_t i = 0; i < paths->n; i++)
		plan_host(b->p, OP_CRIU_MASKED, "linux.maskedPaths[%zu]", i)->str[0] =
			plan_str(b->p, paths->v[i]);
}

int plan_external(struct build *b, bool restore)
{
	for (size_t i = 0; i < b->spec->mounts.n; i++)
		if (one(b, i, restore))
			return -1;
	part_bound_nodes(b, restore, add);
	notify(b, restore);
	if (!restore)
		masks(b);
	return 0;
}
