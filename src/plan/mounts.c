/*
 * Mounts (config: Mounts, Linux mount options). Sources are cloned by the host side when it may, mount points
 * are found inside the root by init, and both meet as file descriptors: no path is resolved twice.
 * Options are read once, here; what a fresh mount can be born with is not changed afterwards.
 */
#include <linux/mount.h>
#include <linux/sched.h>
#include <string.h>

#include "plan/mounts.h"

static bool is_cgroup(const struct mount *m)
{
	return m->type && (!strcmp(m->type, "cgroup") || !strcmp(m->type, "cgroup2"));
}

bool part_is_type(const struct mount *m, const char *type)
{
	return m->type && !strcmp(m->type, type);
}

static const char *part_below(const struct build *b, const char *path)
{
	return path[b->below] ? path + b->below : "/";
}

struct step *part_target(struct build *b, size_t i, const char *path, unsigned flags)
{
	struct step *s = plan_init(b->p, OP_TARGET, "mounts[%zu].destination", i);

	s->str[0] = plan_str(b->p, part_below(b, path));
	s->slot[0] = SLOT_TARGET;
	s->flags = (uint16_t)flags;
	s->word[0] = 0755;
	return s;
}

void part_attach(struct build *b, size_t i, int slot, const char *path)
{
	struct step *s = plan_init(b->p, OP_ATTACH, "mounts[%zu].destination", i);

	s->slot[0] = (int16_t)slot;
	s->slot[1] = SLOT_TARGET;
	s->str[0] = plan_str(b->p, path);
}

void part_source_at(struct build *b, int slot, const char *path, unsigned flags,
		    const char *origin)
{
	struct step *s;

	if (b->can_mount) {
		s = plan_host(b->p, OP_SOURCE, "%s", origin);
		s->str[0] = plan_str(b->p, path);
		s->slot[0] = (int16_t)slot;
		s->flags = (uint16_t)(flags | (b->live ? STEP_LAST : 0));
	}
	/* Inside a running container the path would be another. */
	if (b->live)
		return;
	s = plan_init(b->p, OP_TREE, "%s", origin);
	s->str[0] = plan_str(b->p, path);
	s->slot[0] = (int16_t)slot;
	s->flags = (uint16_t)flags;
}

int part_source(struct build *b, const char *path, unsigned flags, const char *origin)
{
	int slot = plan_slot(b->p);

	part_source_at(b, slot, path, flags, origin);
	return slot;
}

struct step *part_fs(struct build *b, size_t i, const char *type, const char *source)
{
	struct step *s = plan_init(b->p, OP_FS, "mounts[%zu]", i);

	s->str[0] = plan_str(b->p, type);
	s->str[1] = plan_str(b->p, source);
	s->slot[0] = SLOT_MOUNT;
	return s;
}

/* One mount_setattr, unless nothing would change. */
static void attr(struct build *b, size_t i, int slot, const struct step *want)
{
	struct step *s;

	if (!want->word[0] && !want->word[1] && !want->word[2])
		return;
	s = plan_init(b->p, OP_MOUNT_ATTR, "mounts[%zu].options", i);
	s->slot[0] = (int16_t)slot;
	memcpy(s->word, want->word, sizeof(s->word));
	s->flags = want->flags;
}

/*
 * Attributes of a bind. A clone stays in the propagation group of its source: unless the configuration asks
 * for that, it leaves, with all mounts below it.
 */
void part_bind_attr(struct build *b, size_t i, int slot, const struct mount_wish *w)
{
	uint64_t propagation = w->propagation ? w->propagation : MS_PRIVATE;
	struct step tree = { .word = { w->rec_set, w->rec_clear, propagation },
			     .flags = STEP_REC };
	struct step top = { .word = { w->set, w->clear, 0 } };

	if (!w->rec) {
		tree.flags = 0;
		tree.word[0] = (w->rec_set & ~w->clear) | w->set;
		tree.word[1] = (w->rec_clear & ~w->set) | w->clear;
		top = (struct step){ 0 };
	}
	attr(b, i, slot, &tree);
	attr(b, i, slot, &top);
}

const char *part_bind_source(struct build *b, const struct mount *m)
{
	if (*m->source == '/')
		return m->source;
	return part_text(b, "%s/%s", b->opts->bundle, m->source);
}

const char *part_link(const struct build *b, size_t i)
{
	const char *target = b->host->links ? b->host->links[i] : NULL;

	return target && *target ? target : NULL;
}

static void copy_link(struct build *b, size_t i, const char *path)
{
	struct step *s = plan_init(b->p, OP_LINK, "mounts[%zu].destination", i);

	s->str[0] = plan_str(b->p, part_below(b, path));
	s->str[1] = plan_str(b->p, part_link(b, i));
	s->slot[0] = SLOT_ROOTFS;
}

static int bind(struct build *b, size_t i, const char *path, const struct mount_wish *w)
{
	const struct mount *m = &b->spec->mounts.v[i];
	const char *origin = part_text(b, "mounts[%zu].source", i);
	struct step *s;
	int slot;

	if (!m->source || !*m->source)
		return err_at(b->e, ERR_CONFIG, origin, "a bind mount needs a source");
	for (size_t k = 0; k < w->data.n; k++)
		part_warn(b,
			  "mounts[%zu].options: %s is left out: a bind mount takes "
			  "no options of a file system",
			  i, w->data.v[k]);
	if (part_link(b, i)) {
		copy_link(b, i, path);
		return 0;
	}
	slot = part_idmap_slot(b, i);
	part_source_at(b, slot, part_bind_source(b, m),
		       (w->rec ? STEP_REC : 0) | (w->nofollow ? STEP_NOFOLLOW : 0),
		       origin);
	part_idmap(b, i);
	s = part_target(b, i, path, STEP_LIKE | (w->dest_nofollow ? STEP_NOFOLLOW : 0));
	s->slot[1] = (int16_t)slot;
	part_bind_attr(b, i, slot, w);
	part_attach(b, i, slot, path);
	return 0;
}

static void remount(struct build *b, size_t i, const char *path,
		    const struct mount_wish *w)
{
	struct buf data;
	struct step *s;

	part_target(b, i, path, 0);
	buf_init(&data, b->p->arena, (size_t)1 << 20);
	for (size_t k = 0; k < w->data.n; k++)
		buf_fmt(&data, "%s%s", data.len ? "," : "", w->data.v[k]);
	s = plan_init(b->p, OP_REMOUNT, "mounts[%zu]", i);
	s->slot[0] = SLOT_TARGET;
	s->str[0] = plan_str(b->p, path);
	s->str[1] = data.len ? plan_str(b->p, data.p) : 0;
	s->word[0] = w->ms;
}

/* --- file systems --- */

/* File systems that show a namespace: whoever does not own it may not mount them, and binds the host's. */
static const struct {
	const char *type;
	uint32_t ns;
	const char *host;
} views[] = {
	{ "proc", CLONE_NEWPID, "/proc" },
	{ "sysfs", CLONE_NEWNET, "/sys" },
	{ "mqueue", CLONE_NEWIPC, "/dev/mqueue" },
};

const char *part_host_view(const struct build *b, const struct mount *m)
{
	uint32_t own = b->ns_new | b->ns_joined;

	/* A joined network belongs to whoever made it; its interfaces cannot be shown from a user namespace made since. */
	if (b->ns_new & CLONE_NEWUSER)
		own &= ~(b->ns_joined & CLONE_NEWNET);
	/* The caller's own user namespace does not own the host's either. */
	if (!b->user_ns && !b->host->own_userns)
		return NULL;
	for (size_t k = 0; k < sizeof(views) / sizeof(views[0]); k++)
		if (part_is_type(m, views[k].type) && !(own & views[k].ns))
			return views[k].host;
	return NULL;
}

static void bind_view(struct build *b, size_t i, const char *path, const char *host,
		      const struct mount_wish *w)
{
	struct mount_wish tree = { .rec = true };
	int slot;

	/* What is below must not be more open than what was asked for. */
	tree.rec_set = w->set | w->rec_set;
	tree.rec_set &= ~(uint64_t)MOUNT_ATTR__ATIME;
	slot = part_source(b, host, STEP_REC, part_text(b, "mounts[%zu]", i));
	part_target(b, i, path, STEP_DIR | STEP_NO_SYMLINK);
	part_bind_attr(b, i, slot, &tree);
	part_attach(b, i, slot, path);
}

/* gid=5 of devpts is what every default has, also where no such group is mapped. */
static bool is_unmapped(const struct build *b, const char *option)
{
	const id_maps *maps = NULL;
	uint64_t id;

	if (!(b->ns_new & CLONE_NEWUSER))
		return false;
	if (!strncmp(option, "gid=", 4))
		maps = &b->gids;
	if (!strncmp(option, "uid=", 4))
		maps = &b->uids;
	return maps && parse_u64(option + 4, UINT32_MAX, &id) &&
	       !plan_ns_maps_id(maps, (uint32_t)id);
}

/* The option that gives all files of a new file system their SELinux label. */
static const char *label_option(struct build *b, const struct mount *m)
{
	const char *label = b->spec->linux_->mount_label;
	const char *kind = spec_annotation(b->spec, "run.oci.mount_context_type");

	/* The kernel labels the inodes of the first two itself; mqueue's file system is there before us, with a label. */
	if (!label || !*label || !b->host->has_selinux || part_is_type(m, "proc") ||
	    part_is_type(m, "sysfs") || part_is_type(m, "mqueue"))
		return NULL;
	return part_text(b, "%s=%s", kind && *kind ? kind : "context", label);
}

static void fs_options(struct build *b, size_t i, const struct mount_wish *w,
		       struct step *s)
{
	const struct mount *m = &b->spec->mounts.v[i];
	const char **v = arena_array(b->p->arena, w->data.n + 2, sizeof(*v));
	const char *label = label_option(b, m);
	size_t n = 0;

	for (size_t k = 0; k < w->data.n; k++) {
		if (is_unmapped(b, w->data.v[k]))
			part_warn(b,
				  "mounts[%zu].options: %s is left out: the id is not "
				  "mapped in the "
				  "container's user namespace",
				  i, w->data.v[k]);
		else
			v[n++] = w->data.v[k];
	}
	/* A block device must not be written at all, the mount's attribute is not enough. */
	if ((w->set | w->rec_set) & MOUNT_ATTR_RDONLY && m->source && *m->source == '/')
		v[n++] = "ro";
	if (label)
		v[n++] = label;
	s->word[1] = plan_list(b->p, v, n);
	s->word[2] = n;
}

static int fs(struct build *b, size_t i, const char *path, const struct mount_wish *w)
{
	const struct mount *m = &b->spec->mounts.v[i];
	bool kernel_view = part_is_type(m, "proc") || part_is_type(m, "sysfs");
	bool copy_up = w->copy_up && part_is_type(m, "tmpfs");
	struct step later = {
		.word = { 0, 0, w->propagation == MS_PRIVATE ? 0 : w->propagation }
	};
	struct step *s;

	if (!m->type || !*m->type || !strcmp(m->type, "none") || !strcmp(m->type, "bind"))
		return err_at(b->e, ERR_CONFIG, part_text(b, "mounts[%zu].type", i),
			      "neither a file system nor one of the options bind, rbind "
			      "and remount is given");
	part_target(b, i, path, STEP_DIR | (kernel_view ? STEP_NO_SYMLINK : 0));
	s = part_fs(b, i, m->type, m->source);
	s->word[0] = w->set | w->rec_set | (uint64_t)w->super << 32;
	if (copy_up) {
		later.word[0] = s->word[0] & MOUNT_ATTR_RDONLY;
		s->word[0] &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	}
	fs_options(b, i, w, s);
	if (copy_up) {
		s = plan_init(b->p, OP_COPY_UP, "mounts[%zu].options", i);
		s->str[0] = plan_str(b->p, part_below(b, path));
		s->slot[0] = SLOT_MOUNT;
	}
	attr(b, i, SLOT_MOUNT, &later);
	part_attach(b, i, SLOT_MOUNT, path);
	return 0;
}

static int one(struct build *b, size_t i)
{
	const struct mount *m = &b->spec->mounts.v[i];
	const char *path, *host;
	struct mount_wish w;

	if (!m->destination || !*m->destination)
		return err_at(b->e, ERR_CONFIG,
			      part_text(b, "mounts[%zu].destination", i), "missing");
	path = part_clean(b, m->destination);
	if (!strcmp(path, "/"))
		return err_at(b->e, ERR_CONFIG,
			      part_text(b, "mounts[%zu].destination", i),
			      "the root itself: that is what root.path is for");
	mount_options_read(&m->options, b->p->arena, &w);
	if (b->live)
		part_enter_mount(b, i, path);
	if (w.remount) {
		remount(b, i, path, &w);
		return 0;
	}
	w.bind |= part_is_type(m, "bind");
	if (w.bind)
		return bind(b, i, path, &w);
	if (is_cgroup(m))
		return plan_mount_cgroup(b, i, path, &w);
	host = part_host_view(b, m);
	if (!host)
		return fs(b, i, path, &w);
	bind_view(b, i, path, host, &w);
	return 0;
}

static int check_label(struct build *b)
{
	static const char *const known[] = { "context", "fscontext", "defcontext",
					     "rootcontext" };
	const char *kind = spec_annotation(b->spec, "run.oci.mount_context_type");

	if (!kind || !*kind)
		return 0;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(kind, known[i]))
			return 0;
	return err_at(b->e, ERR_CONFIG, "annotations[\"run.oci.mount_context_type\"]",
		      "\"%s\" is not context, fscontext, defcontext or rootcontext",
		      kind);
}

int plan_mounts(struct build *b)
{
	if (check_label(b))
		return -1;
	for (size_t i = 0; i < b->spec->mounts.n; i++)
		if (one(b, i))
			return -1;
	return 0;
}
