/*
 * Whether the container may manage cgroups below its own. config-linux: "Cgroup ownership":
 * on cgroup v2, in a cgroup namespace of its own, with a writable mount of it, the cgroup is
 * handed over to the user who executes the process.
 *
 * The annotation run.oci.delegate-cgroup (crun's) names one more directory, below the cgroup that has the limits: the container
 * lives there and owns it, whatever is mounted. A cgroup namespace begins above it.
 */
#include <string.h>

#include "plan/parts.h"

static bool is_writable(const struct mount *m)
{
	bool ro = false;

	for (size_t i = 0; i < m->options.n; i++) {
		const char *o = m->options.v[i];

		if (!strcmp(o, "ro") || !strcmp(o, "rro"))
			ro = true;
		else if (!strcmp(o, "rw") || !strcmp(o, "rrw"))
			ro = false;
	}
	return !ro;
}

static bool has_writable_mount(const struct build *b)
{
	for (size_t i = 0; i < b->spec->mounts.n; i++) {
		const struct mount *m = &b->spec->mounts.v[i];

		if (m->type &&
		    (!strcmp(m->type, "cgroup") || !strcmp(m->type, "cgroup2")) &&
		    is_writable(m))
			return true;
	}
	return false;
}

void plan_cgroup_owner(struct build *b)
{
	const struct ns *ns = spec_ns(b->spec, NS_CGROUP);
	uint32_t uid = b->process->user.uid;
	struct step *step;

	if (b->host->cgroup_mode != CGM_V2 || b->cg.into == SLOT_NONE || !ns ||
	    (ns->path && *ns->path) || !has_writable_mount(b))
		return;
	/* Whoever makes it owns it. */
	if (!plan_ns_host_id(b, &uid) || uid == b->host->euid)
		return;
	step = plan_host(b->p, OP_CGROUP_OWNER, "linux.namespaces");
	step->slot[0] = (int16_t)b->cg.into;
	step->word[0] = uid;
	/* An ordinary user can give nothing away. */
	step->policy = b->host->euid || b->host->own_userns ? POL_WARN : POL_FAIL;
}

const char *cgroup_delegated(const struct spec *s)
{
	const char *name = spec_annotation(s, "run.oci.delegate-cgroup");

	return name && *name ? name : NULL;
}

int plan_delegate_choose(struct build *b)
{
	static const char origin[] = "annotations.run.oci.delegate-cgroup";
	const char *name = cgroup_delegated(b->spec), *clean;

	if (!name)
		return 0;
	if (b->host->cgroup_mode != CGM_V2)
		return err_at(b->e, ERR_HOST, origin,
			      "only cgroup v2 alone can be delegated, and this host has "
			      "not that");
	if (!b->p->cgroup_path)
		return err_at(b->e, ERR_CONFIG, origin,
			      "the container has no cgroup (--cgroup-manager)");
	if (cgroup_path_clean(b->p, origin, name, &clean))
		return -1;
	b->cg.delegated = part_text(b, "%s%s", b->p->cgroup_path, clean);
	return 0;
}

static struct step *delegated_step(struct build *b, enum op op, int slot)
{
	struct step *s = plan_host(b->p, op, "annotations.run.oci.delegate-cgroup");

	s->str[0] = plan_str(b->p, host_v2(b->host)->mount);
	s->str[1] = plan_str(b->p, b->cg.delegated);
	s->slot[0] = (int16_t)slot;
	return s;
}

void plan_delegate(struct build *b)
{
	const struct hierarchy *v2 = host_v2(b->host);
	const struct linux_config *l = b->spec->linux_;
	uint32_t uid = b->process->user.uid;
	int slot;

	if (!b->cg.delegated)
		return;
	slot = plan_slot(b->p);
	delegated_step(b, OP_CGROUP_MAKE, slot)->word[1] = 1;
	if (plan_ns_host_id(b, &uid) && uid != b->host->euid)
		delegated_step(b, OP_CGROUP_OWNER, slot)->word[0] = uid;
	delegated_step(b, OP_CGROUP_JOIN, slot);
	/* Nobody is in the container's cgroup any more: it can hand its controllers on. */
	delegated_step(b, OP_CGROUP_ENABLE, slot)->word[0] =
		cgroup_wanted(l ? l->resources : NULL, b->host, v2) & 0xffff;
}
