/*
 * pause and resume: the freezer of the container's cgroup, version 1 or 2. What is paused is
 * told by the freezer itself; init's record gets a mark besides, so that the commands that
 * would go wrong on a frozen container need not ask for it each time (status.c).
 */
#include <errno.h>

#include "cgroup/cgroup.h"
#include "runtime/container.h"

enum { WAIT_MS = 10000 };

const struct cgroup_dir *container_freezer(const struct container *c)
{
	const struct cgroup_dir *found = NULL;

	/* Version 1 counts where both are there: in a hybrid layout cgroup2 may be without
	 * a freezer, and other runtimes look there. */
	for (size_t i = 0; i < c->state.cgroups.n; i++) {
		const struct cgroup_dir *d = &c->state.cgroups.v[i];

		if ((!found || (d->v1 && !found->v1)) &&
		    cgroup_can_freeze(d->path, d->v1))
			found = d;
	}
	return found;
}

static int no_freezer(const struct container *c, const char *what, struct err *e)
{
	return err_set(
		e, ERR_HOST,
		"cannot %s container \"%s\": it has no cgroup with a freezer (the "
		"freezer hierarchy of version 1, or cgroup.freeze of version 2, since "
		"Linux 5.2)",
		what, c->id);
}

static int pause_container(struct container *c, struct err *e)
{
	const struct cgroup_dir *d;
	struct err ignored;

	if (container_load(c, e) < 0 || container_status(c, e) < 0)
		return -1;
	if (c->status == STATUS_PAUSED)
		return err_set(
			e, ERR_STATE,
			"cannot pause container \"%s\": container not running, it is "
			"paused already",
			c->id);
	if (c->status != STATUS_RUNNING && c->status != STATUS_CREATED)
		return err_set(
			e, ERR_STOPPED,
			"cannot pause container \"%s\": container not running (%s)",
			c->id, status_name(c->status));
	d = container_freezer(c);
	if (!d)
		return no_freezer(c, "pause", e);
	/* First the mark: with it and without frost the container counts as it is. */
	if (container_mark(c, true, e) < 0)
		return -1;
	if (!cgroup_freeze(d->path, d->v1, true, WAIT_MS, e))
		return 0;
	container_mark(c, false, &ignored);
	return -1;
}

static int resume_container(struct container *c, struct err *e)
{
	bool found = false;

	if (container_load(c, e) < 0 || container_status(c, e) < 0)
		return -1;
	if (c->status != STATUS_PAUSED)
		return err_set(
			e, c->status == STATUS_STOPPED ? ERR_STOPPED : ERR_STATE,
			"cannot resume container \"%s\": container not paused (%s)",
			c->id, status_name(c->status));
	for (size_t i = 0; i < c->state.cgroups.n; i++) {
		const struct cgroup_dir *d = &c->state.cgroups.v[i];

		if (!cgroup_is_frozen(d->path, d->v1))
			continue;
		found = true;
		if (cgroup_freeze(d->path, d->v1, false, WAIT_MS, e) < 0)
			return -1;
	}
	return found ? container_mark(c, false, e) : no_freezer(c, "resume", e);
}

int skiff_pause(struct skiff *s, const char *id, struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct err err;

	if (container_open(s, id, &c, &err) < 0 || pause_container(&c, &err) < 0)
		return sk_fail(s, &err, e);
	return 0;
}

int skiff_resume(struct skiff *s, const char *id, struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct err err;

	if (container_open(s, id, &c, &err) < 0 || resume_container(&c, &err) < 0)
		return sk_fail(s, &err, e);
	return 0;
}
