/*
 * The root file system: a mount of its own, private to the container, that becomes the root (config: Root;
 * config-linux: Rootfs Mount Propagation).
 */
#include <linux/mount.h>
#include <linux/sched.h>

#include "plan/parts.h"

static int propagation(const struct build *b)
{
	return b->spec->linux_->rootfs_propagation;
}

void plan_root(struct build *b)
{
	/* What the host mounts later may come in, what the container mounts must not go out. "shared" is given to
	 * the new root after the pivot, which the kernel refuses for shared mounts. */
	uint64_t ours = propagation(b) == PROP_PRIVATE ? MS_PRIVATE : MS_SLAVE;
	bool by_host = b->user_ns && b->can_mount;
	/* With the slash the kernel refuses what is not a directory, at no extra call. */
	uint32_t directory = plan_str(b->p, part_text(b, "%s/", b->p->rootfs));
	struct step *s;

	/* The mounts of another user namespace are slaves from the beginning. */
	if (!b->user_ns || ours != MS_SLAVE) {
		s = plan_init(b->p, OP_PROPAGATION,
			      propagation(b) ? "linux.rootfsPropagation" : NULL);
		s->str[0] = plan_str(b->p, "/");
		s->word[0] = ours;
		s->flags = STEP_REC;
	}
	/* The way to the rootfs is often closed for the container's root. */
	if (by_host) {
		s = plan_host(b->p, OP_SOURCE, "root.path");
		s->str[0] = directory;
		s->slot[0] = SLOT_ROOTFS;
		s->flags = STEP_REC;
	}
	s = plan_init(b->p, OP_TREE, "root.path");
	s->str[0] = directory;
	s->slot[0] = SLOT_ROOTFS;
	s->flags = STEP_REC;
	if (by_host) {
		s = plan_init(b->p, OP_MOUNT_ATTR, "root.path");
		s->slot[0] = SLOT_ROOTFS;
		s->word[2] = ours;
		s->flags = STEP_REC;
	}
	s = plan_init(b->p, OP_ROOT_ATTACH, "root.path");
	s->str[0] = plan_str(b->p, b->p->rootfs);
	s->slot[0] = SLOT_ROOTFS;
}

void plan_pivot(struct build *b)
{
	struct step *s = plan_init(b->p, OP_PIVOT, "root.path");

	s->word[0] = b->opts->no_pivot;
	if (propagation(b) != PROP_SHARED && propagation(b) != PROP_UNBINDABLE)
		return;
	s = plan_init(b->p, OP_PROPAGATION, "linux.rootfsPropagation");
	s->str[0] = plan_str(b->p, "/");
	s->word[0] = propagation(b) == PROP_SHARED ? MS_SHARED : MS_UNBINDABLE;
}
