/*
 * A running container as the target of a further process: which namespaces are entered and which cgroups joined. For exec,
 * and for startContainer hooks, which get no more rights than the payload has.
 */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/container.h"
#include "runtime/runtime.h"

/* The container's namespaces that differ from ours. Entering the own user namespace again
 * would be refused. */
static uint32_t foreign_namespaces(const struct container *c)
{
	uint32_t flags = spec_ns_flags(c->spec);
	struct stat own, other;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", c->pid);
	if (flags & CLONE_NEWUSER && !stat("/proc/self/ns/user", &own) &&
	    !stat(path, &other) && own.st_ino == other.st_ino)
		flags &= ~(uint32_t)CLONE_NEWUSER;
	return flags;
}

static const char *cgroup_in(const struct state *st, const struct hierarchy *h)
{
	size_t n = strlen(h->mount);

	for (size_t i = 0; i < st->cgroups.n; i++) {
		const struct cgroup_dir *d = &st->cgroups.v[i];

		if (!strncmp(d->path, h->mount, n) && d->path[n] == '/' && d->v1 != h->v2)
			return d->path;
	}
	return NULL;
}

const char *const *container_cgroups(const struct container *c, const struct host *host)
{
	const char **v = arena_array(&c->skiff->arena, HIERARCHIES_MAX, sizeof(*v));
	bool root = c->skiff->rootless == ROOTLESS_AUTO
			    ? !host->euid && !host->own_userns
			    : c->skiff->rootless == ROOTLESS_NO;

	for (size_t i = 0; i < host->n_hierarchies; i++) {
		const char *path = cgroup_in(&c->state, &host->hierarchies[i]);

		/* Without root a cgroup that could not be made was done without. */
		if (path && (root || !access(path, F_OK)))
			v[i] = path;
	}
	return v;
}

static strs target_resctrl(const struct container *c)
{
	const struct state *st = &c->state;
	strs l = { arena_array(&c->skiff->arena, st->resctrl.n, sizeof(char *)), 0 };

	for (size_t i = 0; i < st->resctrl.n; i++)
		l.v[l.n++] = st->resctrl.v[i].path;
	return l;
}

int container_target(struct container *c, struct host *ret_host, struct plan_target *ret,
		     struct err *e)
{
	if (probe_host(c->spec, PROBE_EXEC, &c->skiff->arena, ret_host, e) < 0)
		return -1;
	*ret = (struct plan_target){
		.ns_flags = foreign_namespaces(c),
		.pid = c->pid,
		.cgroups = container_cgroups(c, ret_host),
		.resctrl = target_resctrl(c),
		.unit = c->state.unit,
		.unit_dir = c->state.unit_dir,
	};
	return 0;
}
