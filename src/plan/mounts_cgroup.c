/*
 * Mounts of type "cgroup". One rule stands above all: outside a cgroup namespace no cgroup2 file system is ever
 * mounted afresh, because the kernel then applies that mount's (empty) options to the host's hierarchy
 * (nsdelegate and memory_recursiveprot would be gone) and waits for RCU. The host's mount is cloned instead.
 *
 * v1 and hybrid: a tmpfs with one directory per hierarchy, named as on the host, and links for the single names
 * of hierarchies with several controllers (cpu -> cpu,cpuacct).
 */
#include <linux/mount.h>
#include <linux/sched.h>
#include <string.h>

#include "plan/mounts.h"

/* One that a mount can be made in: a joined one belongs to an older user namespace than a new one. */
static bool has_cgroup_ns(const struct build *b)
{
	if (b->ns_new & CLONE_NEWUSER && b->ns_joined & CLONE_NEWCGROUP)
		return false;
	return (b->ns_new | b->ns_joined) & CLONE_NEWCGROUP;
}

/* Whether the container's cgroup is there whatever happens: an ordinary user may not be able to make it. */
static bool is_made(const struct build *b, size_t k)
{
	for (size_t i = 0; i < b->p->host.n; i++) {
		const struct step *s = &b->p->host.v[i];

		if (s->op == OP_CGROUP_MAKE && s->slot[0] == b->cg.slot[k])
			return s->policy == POL_FAIL;
	}
	return false;
}

/* The directory of a hierarchy that the container sees without a cgroup namespace: its own, or the caller's. */
static const char *own_dir(struct build *b, size_t k)
{
	const struct hierarchy *h = &b->host->hierarchies[k];
	const char *below = h->own;

	if (is_made(b, k))
		below = b->p->cgroup_path;
	if (!below || !strcmp(below, "/"))
		return h->mount;
	return part_text(b, "%s%s", h->mount, below);
}

/* A clone of dir at path. */
static void clone_dir(struct build *b, size_t i, const char *dir, const char *path,
		      const struct mount_wish *w)
{
	struct mount_wish flat = *w;
	int slot = part_source(b, dir, 0, part_text(b, "mounts[%zu]", i));

	flat.bind = true;
	flat.rec = false;
	part_target(b, i, path, STEP_DIR);
	part_bind_attr(b, i, slot, &flat);
	part_attach(b, i, slot, path);
}

/* The flags and keys by which the kernel finds the hierarchy: "none,name=systemd" -> "none", "name=systemd". */
static void hierarchy_options(struct build *b, const char *options, struct step *s)
{
	const char *v[32];
	size_t n = 0;

	while (options && *options && n < sizeof(v) / sizeof(v[0])) {
		size_t len = strcspn(options, ",");

		if (len)
			v[n++] = part_text(b, "%.*s", (int)len, options);
		options += len + (options[len] == ',');
	}
	s->word[1] = plan_list(b->p, v, n);
	s->word[2] = n;
}

static void fresh(struct build *b, size_t i, const struct hierarchy *h, const char *path,
		  const struct mount_wish *w)
{
	struct step *s;

	part_target(b, i, path, STEP_DIR);
	s = part_fs(b, i, h->v2 ? "cgroup2" : "cgroup", "cgroup");
	s->word[0] = w->set | w->rec_set;
	if (!h->v2)
		hierarchy_options(b, h->options, s);
	part_attach(b, i, SLOT_MOUNT, path);
}

static int v2_only(struct build *b, size_t i, const char *path,
		   const struct mount_wish *w)
{
	const struct hierarchy *h = host_v2(b->host);
	struct mount_wish closed = *w;
	size_t k = h ? (size_t)(h - b->host->hierarchies) : 0;

	if (!h)
		return err_at(b->e, ERR_HOST, part_text(b, "mounts[%zu].type", i),
			      "no cgroup file system is mounted on this host");
	if (has_cgroup_ns(b)) {
		fresh(b, i, h, path, w);
		return 0;
	}
	if (!b->user_ns && !b->host->own_userns) {
		clone_dir(b, i, h->mount, path, w);
		return 0;
	}
	/* Files of the host's hierarchy may belong to the caller: nothing but the container's own cgroup is shown, and
	 * not for writing (CVE-2023-25809). */
	closed.set |= MOUNT_ATTR_RDONLY;
	closed.clear &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	clone_dir(b, i, own_dir(b, k), path, &closed);
	return 0;
}

/* --- v1 and hybrid --- */

static const char *dir_name(const struct hierarchy *h)
{
	const char *slash = strrchr(h->mount, '/');

	return h->name && *h->name ? h->name : slash ? slash + 1 : h->mount;
}

/* cpu and cpuacct -> cpu,cpuacct */
static void links(struct build *b, size_t i, const char *name, int dir)
{
	const char *at = name;

	if (!strchr(name, ','))
		return;
	for (;;) {
		size_t len = strcspn(at, ",");
		struct step *s = plan_init(b->p, OP_LINK, "mounts[%zu]", i);

		s->str[0] = plan_str(b->p, part_text(b, "%.*s", (int)len, at));
		s->str[1] = plan_str(b->p, name);
		s->slot[0] = (int16_t)dir;
		if (!at[len])
			return;
		at += len + 1;
	}
}

/* The tmpfs that holds the hierarchies; a slot with its directory. */
static int frame(struct build *b, size_t i, const char *path, const struct mount_wish *w)
{
	static const char *const mode[] = { "mode=755" };
	int dir = plan_slot(b->p);
	struct step *s;

	part_target(b, i, path, STEP_DIR);
	s = part_fs(b, i, "tmpfs", "cgroup");
	s->word[0] = (w->set | w->rec_set) & ~(uint64_t)MOUNT_ATTR_RDONLY;
	s->word[1] = plan_list(b->p, mode, 1);
	s->word[2] = 1;
	part_attach(b, i, SLOT_MOUNT, path);
	s = plan_init(b->p, OP_DIR_OPEN, "mounts[%zu]", i);
	s->str[0] = plan_str(b->p, path);
	s->slot[0] = (int16_t)dir;
	return dir;
}

int plan_mount_cgroup(struct build *b, size_t i, const char *path,
		      const struct mount_wish *w)
{
	const struct host *h = b->host;
	struct step *s;
	int dir;

	if (h->cgroup_mode == CGM_V2 || h->cgroup_mode == CGM_NONE)
		return v2_only(b, i, path, w);
	dir = frame(b, i, path, w);
	for (size_t k = 0; k < h->n_hierarchies; k++) {
		const struct hierarchy *one = &h->hierarchies[k];
		const char *name = dir_name(one), *at = part_text(b, "%s/%s", path, name);

		if (has_cgroup_ns(b))
			fresh(b, i, one, at, w);
		else
			clone_dir(b, i, own_dir(b, k), at, w);
		links(b, i, name, dir);
	}
	if ((w->set | w->rec_set) & MOUNT_ATTR_RDONLY) {
		s = plan_init(b->p, OP_MOUNT_ATTR, "mounts[%zu].options", i);
		s->slot[0] = (int16_t)dir;
		s->word[0] = MOUNT_ATTR_RDONLY;
	}
	return 0;
}

const struct part_clone *part_cgroup_clones(struct build *b, const struct mount *m,
					    const char *path, size_t *ret_n)
{
	struct part_clone *v = arena_array(b->p->arena, HIERARCHIES_MAX, sizeof(*v));
	const struct host *h = b->host;
	const struct hierarchy *v2 = host_v2(h);

	*ret_n = 0;
	if (has_cgroup_ns(b) ||
	    !(part_is_type(m, "cgroup") || part_is_type(m, "cgroup2")))
		return v;
	if (h->cgroup_mode == CGM_V2 && v2) {
		v[(*ret_n)++] = (struct part_clone){
			b->user_ns ? own_dir(b, (size_t)(v2 - h->hierarchies))
				   : v2->mount,
			path
		};
		return v;
	}
	for (size_t k = 0; k < h->n_hierarchies; k++)
		v[(*ret_n)++] = (struct part_clone){
			own_dir(b, k),
			part_text(b, "%s/%s", path, dir_name(&h->hierarchies[k]))
		};
	return v;
}
