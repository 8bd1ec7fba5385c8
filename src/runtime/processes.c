/* ps: which processes a container has, by its cgroup; those below it included. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "runtime/container.h"

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* Without root the record may name cgroups that could not be made. */
int container_no_cgroup(const struct container *c, struct err *e)
{
	for (size_t i = 0; i < c->state.cgroups.n; i++)
		if (!access(c->state.cgroups.v[i].path, F_OK))
			return 0;
	return err_set(
		e, ERR_STATE,
		"container \"%s\" has no cgroup of its own, by which its processes "
		"could be told from others and what they use be counted",
		c->id);
}

int container_pids(struct container *c, pid_t **ret, size_t *ret_n, struct err *e)
{
	size_t n = 0, unique = 0;
	pid_t *v = NULL;

	if (container_load(c, e) < 0)
		return -1;
	*ret_n = 0;
	if (container_no_cgroup(c, e) < 0) {
		/* It goes with a stopped container. */
		struct err ignored;

		return !container_find(c, &ignored) && !c->pid ? 0 : -1;
	}
	/* Any one hierarchy has them all. */
	if (cgroup_pids(c->state.cgroups.v[0].path, &c->skiff->arena, &v, &n, e) < 0 &&
	    e->errnum != ENOENT)
		return -1;
	/* Version 1 may name one twice. */
	if (n)
		qsort(v, n, sizeof(*v), by_number);
	for (size_t i = 0; i < n; i++)
		if (!i || v[i] != v[i - 1])
			v[unique++] = v[i];
	*ret = v;
	*ret_n = unique;
	return 0;
}

int skiff_processes(struct skiff *s, const char *id, const pid_t **ret, size_t *ret_n,
		    struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct err err;
	pid_t *v;

	if (container_open(s, id, &c, &err) < 0 ||
	    container_pids(&c, &v, ret_n, &err) < 0)
		return sk_fail(s, &err, e);
	*ret = v;
	return 0;
}
