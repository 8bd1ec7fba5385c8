/*
 * Whether the container may manage cgroups below its own. config-linux: "Cgroup ownership":
 * on cgroup v2, in a cgroup namespace of its own, with a writable mount of it, the cgroup is
 * handed over to the user who executes the process.
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
