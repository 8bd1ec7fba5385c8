/*
 * update: new limits and device rules for a container that is there. They are planned from
 * what is asked for and what the cgroups say now, and carried out all or not at all. One
 * update at a time: each holds a lock on state.json.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fd.h"
#include "json/load.h"
#include "plan/update.h"
#include "runtime/container.h"
#include "runtime/device_record.h"

struct update_job {
	struct skiff *s;
	struct container *c;
	struct resources resources; /* what is asked for */
	struct resources devices;   /* all rules then */
	struct host host;
	struct plan_target target;
	struct limits_now now;
	struct plan plan;
	const char *schemata; /* new lines for its class of resctrl, or NULL */
	bool ahead;           /* the rules are recorded, in force or not */
};

static int check_status(const struct container *c, struct err *e)
{
	if (c->status == STATUS_STOPPED)
		return err_set(
			e, ERR_STOPPED,
			"cannot update a stopped container: container not running");
	if (c->status == STATUS_CREATING)
		return err_set(e, ERR_STATE,
			       "cannot update a container that is being created");
	return 0;
}

static int lock(const struct container *c, int *ret_fd, struct err *e)
{
	auto_fd fd = openat(c->dir, "state.json", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_sys(e, errno, "lock the state of container \"%s\"", c->id);
	*ret_fd = fd_take(&fd);
	return 0;
}

static int plan_update(struct update_job *j, struct err *e)
{
	/* The host facts are those that limits depend on, and no others. */
	struct linux_config linux_ = { .resources = &j->resources };
	const struct spec spec = { .linux_ = &linux_ };
	const struct plan_update u = {
		&j->resources, &j->devices,
		&j->now,       j->schemata ? j->c->state.resctrl.v[0].path : NULL,
		j->schemata,
	};
	struct resources before = { 0 };

	if (j->resources.devices.n && device_record_load(j->c, &before, e) < 0)
		return -1;
	plan_devices_merge(&before, &j->resources, &j->s->arena, &j->devices);
	if (probe_host(&spec, PROBE_CREATE, &j->s->arena, &j->host, e) < 0)
		return -1;
	j->target.cgroups = container_cgroups(j->c, &j->host);
	j->target.unit = j->c->state.unit;
	j->target.unit_dir = j->c->state.unit_dir;
	probe_limits(&j->resources, &j->host, &j->target, &j->s->arena, &j->now);
	return plan_build_update(&u, &j->host, &j->target, &j->s->arena, &j->plan, e);
}

static int on_state_devices(struct apply *a, struct err *e)
{
	struct update_job *j = a->ctx;

	j->ahead = true;
	return device_record_ahead(j->c, &j->devices, a->bpf_prog, e);
}

/* If this fails the next update does it. */
static void settle_record(struct update_job *j, bool done)
{
	struct err ignored;

	if (done)
		device_record_keep(j->c, &ignored);
	else
		device_record_settle(j->c, &ignored);
}

static int carry_out(struct update_job *j, struct err *e)
{
	static const struct apply_calls calls = { .state_devices = on_state_devices };
	struct apply a;
	int r;

	apply_init(&a, &j->plan, &j->s->arena);
	a.calls = &calls;
	a.ctx = j;
	for (size_t i = 0; i < j->plan.warnings.n; i++)
		sk_warn(j->s, "%s", j->plan.warnings.v[i]);
	sk_note_plan(j->s, &j->plan);
	r = apply_run(&a, e);
	if (j->ahead)
		settle_record(j, !r);
	apply_done(&a);
	return r;
}

static int load_resources(struct update_job *j, const struct skiff_update *u,
			  struct err *e)
{
	j->s->config_name = u->name;
	if (json_load(&resources_type, u->resources, u->length,
		      u->name ? u->name : "options", &j->s->arena, NULL, &j->resources,
		      e) < 0)
		return -1;
	return spec_check_resources(&j->resources, "", NULL, e);
}

/* One line of each kind. */
static int choose_schemata(struct update_job *j, const struct skiff_update *u,
			   struct err *e)
{
	const char *const lines[] = { u->l3_cache_schema, u->mem_bw_schema };
	struct buf b;

	buf_init(&b, &j->s->arena, JSON_MAX_SIZE);
	for (size_t i = 0; i < 2; i++)
		if (lines[i] && *lines[i])
			buf_fmt(&b, "%s\n", lines[i]);
	if (!b.len)
		return 0;
	if (!j->c->state.resctrl.n)
		return err_set(e, ERR_STATE,
			       "container \"%s\" is in no class of resctrl: it was made "
			       "without linux.intelRdt",
			       j->c->id);
	j->schemata = b.p;
	return 0;
}

static int update(struct update_job *j, const struct skiff_update *u, struct err *e)
{
	auto_fd held = -1;

	if (load_resources(j, u, e) < 0 || container_load(j->c, e) < 0 ||
	    container_status(j->c, e) < 0 || check_status(j->c, e) < 0 ||
	    choose_schemata(j, u, e) < 0 || lock(j->c, &held, e) < 0)
		return -1;
	return plan_update(j, e) < 0 ? -1 : carry_out(j, e);
}

int skiff_update(struct skiff *s, const struct skiff_update *u, struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct update_job *j = arena_new(&s->arena, struct update_job);
	struct err err;

	j->s = s;
	j->c = &c;
	if (container_open(s, u->id, &c, &err) < 0 || update(j, u, &err) < 0)
		return sk_fail(s, &err, e);
	return 0;
}
