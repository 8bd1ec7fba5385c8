/*
 * A container's groups of resctrl over its life: in its record, for exec, update and delete. Its own are named after it and
 * go with it. A shared class goes when the container that made it is deleted and nobody is in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cgroup/resctrl.h"
#include "runtime/container.h"

void state_resctrl(struct state *st, const struct spec *spec, const struct host *host,
		   const char *id, struct arena *arena)
{
	const struct intel_rdt *r = spec->linux_ ? spec->linux_->intel_rdt : NULL;
	struct resctrl_group g[2];
	size_t n;

	if (!r || !host->resctrl)
		return;
	n = plan_resctrl_groups(r, host->resctrl, id, arena, g);
	st->resctrl.v = arena_array(arena, n, sizeof(*st->resctrl.v));
	for (size_t i = 0; i < n; i++)
		st->resctrl.v[st->resctrl.n++] = (struct resctrl_dir){
			(char *)g[i].dir, g[i].owner == RESCTRL_OWN
		};
}

int container_resctrl_remove(struct container *c, bool made, struct err *e)
{
	const struct state *st = &c->state;
	bool noted;

	if (!st->resctrl.n)
		return 0;
	noted = !faccessat(c->dir, RESCTRL_NOTE, F_OK, AT_SYMLINK_NOFOLLOW);
	for (size_t i = st->resctrl.n; i-- > 0;) {
		const struct resctrl_dir *d = &st->resctrl.v[i];

		if ((d->own || noted) && resctrl_remove(d->path, !made || !d->own, e) < 0)
			return -1;
	}
	if (unlinkat(c->dir, RESCTRL_NOTE, 0) < 0 && errno != ENOENT)
		return err_sys(e, errno, "remove the note of a class of resctrl");
	return 0;
}
