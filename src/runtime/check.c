/*
 * `skiff check`: everything that would keep a bundle from running here, all at once.
 * First the configuration (types, ranges, unknown keys, rules over several fields), then
 * what it needs of the host and of the root file system, and at last whatever the planner
 * itself refuses. A finding has a path, a cause and, where there is one, a fix.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/check.h"

enum { FINDINGS_MAX = 10000 };

void check_add(struct checker *k, bool hint, const char *origin, const char *fix,
	       const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (k->n == FINDINGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	k->v[k->n++] = (struct skiff_finding){
		.size = sizeof(struct skiff_finding),
		.hint = hint,
		.origin = arena_strdup(k->arena, origin ? origin : ""),
		.cause = arena_strdup(k->arena, text),
		.fix = fix ? fix : "",
	};
	k->faults += !hint;
}

const char *check_path(struct checker *k, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return arena_strdup(k->arena, text);
}

int check_open(const struct checker *k, const char *path, int flags)
{
	/* O_PATH goes with few other flags; without it a FIFO must not hold us. */
	int careful = flags & O_PATH ? O_CLOEXEC : O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct open_how how = { .flags = (uint64_t)(flags | careful),
				.resolve = RESOLVE_IN_ROOT };
	int fd = (int)syscall(SYS_openat2, k->rootfs, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static void on_note(void *ctx, const char *path, const char *word, const char *hint)
{
	struct checker *k = ctx;
	const char *fix = hint ? check_path(k, "did you mean \"%s\"?", hint) : NULL;

	check_add(k, true, path, fix, "\"%s\" is not known here and has no effect", word);
}

static void on_fault(void *ctx, const struct err *e)
{
	check_add(ctx, false, e->origin, NULL, "%s", e->msg);
}

/* false: there is no configuration to go on with. */
static bool check_config(struct checker *k)
{
	struct json_notes all = { on_note, on_fault, k };
	struct err e;
	size_t before;

	if (job_open(&k->job, &k->bundle, &e) < 0) {
		on_fault(k, &e);
		return false;
	}
	before = k->faults;
	if (job_read(&k->job, k->bundle, &all, &e) < 0) {
		/* A syntax error ends the reading and is told by the return only. */
		if (k->faults == before)
			on_fault(k, &e);
		if (!k->job.text)
			return false;
	}
	spec_check(k->spec, &all, &e);
	return true;
}

bool check_is_known(const struct checker *k, const char *origin)
{
	for (size_t i = 0; i < k->n; i++) {
		size_t n = strlen(k->v[i].origin);

		if (!k->v[i].hint && n && !strncmp(origin, k->v[i].origin, n) &&
		    (!origin[n] || origin[n] == '.' || origin[n] == '['))
			return true;
	}
	return false;
}

/* What the planner refuses, unless the same thing was found before. */
static void check_plan(struct checker *k)
{
	struct err e;

	if (k->spec->process && k->spec->process->terminal)
		((struct skiff_create *)k->job.c)->console_socket = "/CONSOLE-SOCKET";
	if (!job_plan(&k->job, &e))
		return;
	if (!check_is_known(k, e.origin))
		on_fault(k, &e);
}

static void check_id(struct checker *k, const char *id)
{
	struct err e;

	if (!id)
		return;
	if (id_check(id, &e) < 0)
		on_fault(k, &e);
	else if (!access(arena_printf(k->arena, "%s/%s", k->job.s->root, id), F_OK))
		check_add(k, false, NULL,
			  check_path(k, "choose another one, or: skiff delete %s", id),
			  "container with given ID already exists: %s", id);
}

static void check_all(struct checker *k, const char *id)
{
	struct err e;

	check_id(k, id);
	if (!check_config(k))
		return;
	if (probe_host(NULL, PROBE_ALL, k->arena, &k->job.host, &e) < 0) {
		on_fault(k, &e);
		return;
	}
	check_kernel(k);
	check_root(k);
	check_mounts(k);
	check_device_nodes(k);
	check_filesystems(k);
	check_namespace_files(k);
	check_cpus(k);
	check_program(k);
	check_hooks(k);
	check_terminal(k);
	check_identity(k);
	check_labels(k);
	check_sysctls(k);
	check_net(k);
	check_limits(k);
	check_capabilities(k);
	check_filter(k);
	check_controllers(k);
	check_plan(k);
	check_cgroups(k);
}

int skiff_check(struct skiff *s, const struct skiff_create *c,
		const struct skiff_finding **ret, size_t *ret_n, struct skiff_error *e)
{
	struct checker *k = arena_new(&s->arena, struct checker);
	struct skiff_create *copy = arena_new(&s->arena, struct skiff_create);

	(void)e;
	*copy = *c;
	if (!copy->id)
		copy->id = "container";
	*k = (struct checker){
		.job = { .s = s, .c = copy },
		.arena = &s->arena,
		.bundle = -1,
		.rootfs = -1,
		.v = arena_array(&s->arena, FINDINGS_MAX, sizeof(*k->v)),
	};
	k->spec = &k->job.spec;
	k->host = &k->job.host;
	check_all(k, c->id);
	fd_close(&k->bundle);
	fd_close(&k->rootfs);
	*ret = k->v;
	*ret_n = k->n;
	return 0;
}
