/* spec and plan: what is printed without touching any container. */
#include <unistd.h>

#include "json/print.h"
#include "runtime/runtime.h"

enum { TEXT_MAX = 64 << 20 };

int skiff_spec(struct skiff *s, bool rootless, const char **ret, struct skiff_error *e)
{
	struct spec_template template = { .rootless = rootless,
					  .uid = geteuid(),
					  .gid = getegid() };
	struct spec spec;
	struct host host;
	struct err err;
	struct buf b;

	if (probe_host(NULL, PROBE_ALL, &s->arena, &host, &err) < 0)
		return sk_fail(s, &err, e);
	template.cgroup_ns = host.cgroup_mode == CGM_V2;
	spec_default(&template, &s->arena, &spec);
	buf_init(&b, &s->arena, TEXT_MAX);
	json_print(&b, &spec_type, &spec, JSON_PRETTY);
	buf_char(&b, '\n');
	*ret = b.p;
	return 0;
}

static int show_plan(struct skiff *s, const struct skiff_create *c, bool json,
		     struct buf *b, struct err *e)
{
	/* A terminal's master goes to a socket that only create knows. */
	struct skiff_create with_socket = *c;
	struct job j = { .s = s, .c = &with_socket };

	if (id_check(c->id, e) < 0 || job_load(&j, e) < 0)
		return -1;
	if (j.spec.process && j.spec.process->terminal && !c->console_socket)
		with_socket.console_socket = "/CONSOLE-SOCKET";
	if (job_plan(&j, e) < 0)
		return -1;
	(json ? plan_print_json : plan_print_text)(&j.plan, b);
	return 0;
}

int skiff_plan(struct skiff *s, const struct skiff_create *c, bool json, const char **ret,
	       struct skiff_error *e)
{
	struct err err;
	struct buf b;

	buf_init(&b, &s->arena, TEXT_MAX);
	if (show_plan(s, c, json, &b, &err) < 0)
		return sk_fail(s, &err, e);
	*ret = b.p;
	return 0;
}
