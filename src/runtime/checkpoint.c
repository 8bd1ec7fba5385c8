/*
 * checkpoint: criu saves the processes of a running container. Afterwards the container is deleted, as its processes are
 * gone, unless it goes on. When criu fails it lets the container go on.
 */
#include <errno.h>
#include <unistd.h>

#include "runtime/images.h"

static int check_status(const struct container *c, struct err *e)
{
	if (c->status == STATUS_RUNNING || c->status == STATUS_PAUSED)
		return 0;
	if (c->status == STATUS_CREATED)
		return err_set(e, ERR_STATE,
			       "cannot checkpoint a container that was not started: "
			       "nothing of it "
			       "is worth saving");
	return err_set(e, ERR_STOPPED,
		       "cannot checkpoint container \"%s\": container not running (%s)",
		       c->id, status_name(c->status));
}

static int check_options(const struct skiff_criu *o, struct err *e)
{
	if (o->parent_path && *o->parent_path == '/')
		return err_set(
			e, ERR_USAGE,
			"--parent-path %s: it must be relative to the image's directory",
			o->parent_path);
	if (o->lazy_pages && !o->page_server)
		return err_set(e, ERR_USAGE, "--lazy-pages needs --page-server");
	return 0;
}

/* criu freezes it by the cgroup: nobody can be born meanwhile. */
static void add_freezer(struct container *c, struct criu_job *j)
{
	const struct cgroup_dir *d = container_freezer(c);

	if (d)
		criu_option(criu_request(j, &c->skiff->arena), "freeze-cgroup", "%s",
			    d->path);
}

static int plan_dump(struct container *c, const struct skiff_criu *o, struct plan *ret,
		     struct err *e)
{
	struct plan_opts opts = {
		.id = c->id,
		.bundle = c->state.bundle,
		.state_root = c->skiff->root,
		.cgroup_manager = c->state.cgroup_manager,
		.rootless = c->skiff->rootless,
	};
	struct plan_criu criu;
	struct host host;

	if (container_load_spec(c, e) < 0 ||
	    probe_host(c->spec, PROBE_CREATE, &c->skiff->arena, &host, e) < 0 ||
	    images_options(c->skiff, o, c->spec, &criu, e) < 0)
		return -1;
	return plan_build_checkpoint(c->spec, &host, &opts, &criu, &c->skiff->arena, ret,
				     e);
}

static int dump(struct container *c, const struct skiff_criu *o, struct err *e)
{
	struct criu_job job = {
		.images = -1,
		.work = -1,
		.root = -1,
		.pid = c->pid,
		.dir = arena_printf(&c->skiff->arena, "%s/%s", c->skiff->root, c->id),
		.state = c->dir,
	};
	struct plan plan;
	struct apply a;
	int r;

	if (plan_dump(c, o, &plan, e) < 0)
		return -1;
	r = images_open(c->skiff, o, true, &job, e);
	if (!r) {
		add_freezer(c, &job);
		apply_init(&a, &plan, &c->skiff->arena);
		a.criu = &job;
		sk_note_plan(c->skiff, &plan);
		r = apply_run(&a, e);
		apply_done(&a);
	}
	images_close(&job);
	return r;
}

static int checkpoint(struct container *c, const struct skiff_criu *o, struct err *e)
{
	if (check_options(o, e) < 0 || container_load(c, e) < 0 ||
	    container_hold(c, e) < 0 || check_status(c, e) < 0 || dump(c, o, e) < 0)
		return -1;
	return o->leave_running || o->pre_dump ? 0 : container_delete(c, true, e);
}

int skiff_checkpoint(struct skiff *s, const struct skiff_criu *o, struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct err err;

	if (container_open(s, o->id, &c, &err) < 0 || checkpoint(&c, o, &err) < 0)
		return sk_fail(s, &err, e);
	return 0;
}
