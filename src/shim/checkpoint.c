/* Checkpoint. containerd pauses the container before, and lets it go on afterwards. */
#include <string.h>

#include "shim/service.h"
#include "shim/wire.h"

static void read_options(const Pb__CheckpointOptions *o, struct skiff_criu *to)
{
	to->leave_running = !o->exit;
	to->tcp_established = o->open_tcp;
	to->ext_unix_sk = o->external_unix_sockets;
	to->shell_job = o->terminal;
	to->file_locks = o->file_locks;
	to->cgroups_mode = *o->cgroups_mode ? o->cgroups_mode : NULL;
	to->work_path = *o->work_path ? o->work_path : to->work_path;
	to->parent_path = *o->parent_path ? o->parent_path : NULL;
	to->image_path = *o->image_path ? o->image_path : to->image_path;
	for (size_t i = 0; i < o->n_empty_namespaces; i++)
		to->empty_network |= !strcmp(o->empty_namespaces[i], "network");
}

static int act_checkpoint(struct proc *p, struct skiff *s, struct outcome *o)
{
	return skiff_checkpoint(s, p->work.wish, &o->error);
}

static void on_checkpoint(struct proc *p, struct outcome *o)
{
	if (o->r < 0)
		fail_by_skiff(&p->caller, &o->error);
	else
		reply_empty(&p->caller);
	task_tell_exits(p->task);
}

void serve_checkpoint(struct call *c, const void *request)
{
	const Pb__CheckpointTaskRequest *r = request;
	struct task *t = call_task(c, r->id);
	struct skiff_criu criu = { .size = sizeof(criu),
				   .id = r->id,
				   .image_path = r->path,
				   .leave_running = true };
	const Pb__CheckpointOptions *o = NULL;

	if (!t || !call_is_next(c, t))
		return;
	criu.work_path = t->options.criu_work_path;
	if (r->options &&
	    !strcmp(r->options->type_url, "containerd.runc.v1.CheckpointOptions"))
		o = wire_unpack(&pb__checkpoint_options__descriptor, c->arena,
				r->options->value.data, r->options->value.len);
	if (o)
		read_options(o, &criu);
	t->init->caller = c->ticket;
	t->init->work.wish = &criu;
	work_do(t->init, act_checkpoint, on_checkpoint);
}
