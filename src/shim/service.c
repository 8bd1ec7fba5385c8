/*
 * Which function serves which method. Both versions of the Task service have the same messages; whoever asks for another service
 * hears "not implemented", on which containerd relies.
 */
#include "shim/service.h"

#include <string.h>

#include "shim/proto/ttrpc.pb-c.h"
#include "shim/wire.h"

struct method {
	const char *name;
	const ProtobufCMessageDescriptor *request;
	void (*serve)(struct call *c, const void *request);
};

static const struct method methods[] = {
	{ "Create", &pb__create_task_request__descriptor, serve_create },
	{ "Start", &pb__process_request__descriptor, serve_start },
	{ "Delete", &pb__process_request__descriptor, serve_delete },
	{ "State", &pb__process_request__descriptor, serve_state },
	{ "Wait", &pb__process_request__descriptor, serve_wait },
	{ "Exec", &pb__exec_process_request__descriptor, serve_exec },
	{ "Kill", &pb__kill_request__descriptor, serve_kill },
	{ "Pids", &pb__task_request__descriptor, serve_pids },
	{ "Pause", &pb__task_request__descriptor, serve_pause },
	{ "Resume", &pb__task_request__descriptor, serve_resume },
	{ "Checkpoint", &pb__checkpoint_task_request__descriptor, serve_checkpoint },
	{ "Stats", &pb__task_request__descriptor, serve_stats },
	{ "Update", &pb__update_task_request__descriptor, serve_update },
	{ "ResizePty", &pb__resize_pty_request__descriptor, serve_resize },
	{ "CloseIO", &pb__close_iorequest__descriptor, serve_close_io },
	{ "Connect", &pb__task_request__descriptor, serve_connect },
	{ "Shutdown", &pb__shutdown_request__descriptor, serve_shutdown },
};

static const struct method *find_method(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(methods[i].name, name))
			return &methods[i];
	return NULL;
}

static bool is_task_service(const char *name)
{
	return !strcmp(name, "containerd.task.v2.Task") ||
	       !strcmp(name, "containerd.task.v3.Task");
}

bool service_request(struct ticket t, struct arena *arena, const void *data, size_t n)
{
	const Pb__Request *r = wire_unpack(&pb__request__descriptor, arena, data, n);
	struct call c = { .ticket = t, .arena = arena };
	const struct method *m;
	void *message;

	if (!r)
		return false;
	m = find_method(r->method);
	if (!is_task_service(r->service) || !m) {
		if (is_task_service(r->service))
			reply_fail(&t, RPC_UNIMPLEMENTED, "method %s", r->method);
		else
			reply_fail(&t, RPC_UNIMPLEMENTED, "service %s", r->service);
		return true;
	}
	message = wire_unpack(m->request, arena, r->payload.data, r->payload.len);
	if (!message)
		return false;
	m->serve(&c, message);
	return true;
}
