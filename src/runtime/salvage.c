/*
 * A container whose state.json cannot be read, for `delete --force`: its cgroups are
 * found again as create chose them, from the copy of the configuration and the host as it
 * is now. Without the copy the default path is tried, which has the id in it.
 */
#include <string.h>
#include <unistd.h>

#include "plan/limits.h"
#include "runtime/container.h"

/* The path below the hierarchies' roots; NULL = cannot be told. */
static const char *find_path(struct container *c, const struct spec *spec,
			     struct host *host)
{
	struct arena *arena = &c->skiff->arena;
	const struct plan_opts opts = {
		.id = c->id,
		.state_root = c->skiff->root,
		/* Who manages it is told with every command, or is not systemd. */
		.cgroup_manager = !strcmp(c->skiff->cgroup_manager, "systemd")
					  ? "systemd"
					  : "cgroupfs",
	};
	const char *path = NULL;
	struct err e;
	struct plan plan = { .arena = arena, .e = &e };

	if (probe_host(NULL, PROBE_ALL, arena, host, &e) < 0)
		return NULL;
	return cgroup_path_choose(&plan, spec, host, &opts, &path) < 0 ? NULL : path;
}

void state_salvage(struct container *c)
{
	static const struct spec empty;
	struct arena *arena = &c->skiff->arena;
	const char *path;
	struct host host;
	struct err e;

	c->state = (struct state){ 0 };
	path = find_path(c, container_load_spec(c, &e) < 0 ? &empty : c->spec, &host);
	if (!path)
		return;
	state_resctrl(&c->state, c->spec ? c->spec : &empty, &host, c->id, arena);
	c->state.cgroups.v = arena_array(arena, HIERARCHIES_MAX,
					 sizeof(*c->state.cgroups.v));
	for (size_t i = 0; i < host.n_hierarchies; i++) {
		char *dir = arena_printf(arena, "%s%s", host.hierarchies[i].mount, path);

		if (!access(dir, F_OK))
			c->state.cgroups.v[c->state.cgroups.n++] = (struct cgroup_dir){
				dir, !host.hierarchies[i].v2
			};
	}
}
