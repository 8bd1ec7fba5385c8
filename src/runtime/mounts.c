/*
 * Mounts of a running container: added and removed by a short-lived process that joins it (plan/live.c). What was added
 * is recorded by the kernel's id: a path may lead elsewhere by the time of its removal, as far as to the mounts that keep
 * the container in.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/container.h"

struct mounts_job {
	struct skiff *s;
	struct container *c;
	struct spec spec; /* the container's own, with other mounts */
	struct plan plan;
	uint64_t *ids; /* per step of init: what it mounted */
	struct live_mount *added;
	size_t n_added;
};

enum { RECORDS_MAX = 1 << 20 };
#define RECORDS "mounts"

/* --- the record: "ID PATH" and a NUL for each --- */

static int read_records(struct mounts_job *j, struct err *e)
{
	char *text, *end;
	size_t n, count = 0;
	int r = fd_read_file(j->c->dir, RECORDS, &j->s->arena, RECORDS_MAX, &text, &n);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(e, -r, "read the record of mounts");
	for (size_t i = 0; i < n; i++)
		count += !text[i];
	j->added = arena_array(&j->s->arena, count + 1, sizeof(*j->added));
	for (char *at = text; at < text + n; at = end + strlen(end) + 1) {
		uint64_t id = strtoull(at, &end, 10);

		if (*end == ' ')
			j->added[j->n_added++] = (struct live_mount){ end + 1, id };
	}
	return 0;
}

static int write_records(struct mounts_job *j, struct err *e)
{
	struct buf b;
	int r;

	buf_init(&b, &j->s->arena, RECORDS_MAX);
	for (size_t i = 0; i < j->n_added; i++) {
		buf_fmt(&b, "%llu %s", (unsigned long long)j->added[i].id,
			j->added[i].path);
		buf_add(&b, "", 1);
	}
	r = b.full ? -EFBIG : fd_replace_file(j->c->dir, RECORDS, b.p, b.len, 0600);
	return r < 0 ? err_sys(e, -r, "record the mounts") : 0;
}

/* What the steps of the plan mounted joins the list. */
static void note_added(struct mounts_job *j)
{
	size_t n = j->plan.init.n;
	struct live_mount *v = arena_array(&j->s->arena, j->n_added + n + 1, sizeof(*v));

	if (j->n_added)
		memcpy(v, j->added, j->n_added * sizeof(*v));
	for (size_t i = 0; i < n; i++)
		if (j->ids[i])
			v[j->n_added++] = (struct live_mount){
				plan_text(&j->plan, j->plan.init.v[i].str[0]), j->ids[i]
			};
	j->added = v;
}

/* What the plan removed leaves it. */
static void note_removed(struct mounts_job *j)
{
	for (size_t i = 0; i < j->plan.init.n; i++) {
		const struct step *s = &j->plan.init.v[i];
		size_t k = 0;

		if (s->op != OP_UNMOUNT)
			continue;
		while (k < j->n_added && j->added[k].id != s->word[0])
			k++;
		for (; k + 1 < j->n_added; k++)
			j->added[k] = j->added[k + 1];
		j->n_added -= k < j->n_added;
	}
}

/* --- the work --- */

/* {"mounts": [...]}, or the list alone. */
static int load_file(struct mounts_job *j, const char *file, struct err *e)
{
	bool in = !strcmp(file, "-");
	auto_fd fd = in ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	struct arena *arena = &j->s->arena;
	struct mount_file f;
	char *text;
	size_t n;
	int r = fd < 0 ? -errno : fd_read_all(fd, arena, JSON_MAX_SIZE, &text, &n);

	if (r < 0)
		return err_sys(e, -r, "read %s", in ? "stdin" : file);
	if (text[strspn(text, " \t\r\n")] == '[') {
		text = arena_printf(arena, "{\"mounts\":%s}", text);
		n = strlen(text);
	}
	j->s->config_name = in ? "stdin" : arena_strdup(arena, file);
	if (json_load(&mount_file_type, text, n, j->s->config_name, arena, NULL, &f, e) <
	    0)
		return -1;
	memcpy(&j->spec.mounts, &f.mounts, sizeof(j->spec.mounts));
	return 0;
}

/* Joined from the host, it would be the host's mounts that change. */
static bool shares_mounts(const struct container *c)
{
	struct stat own, other;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)c->pid);
	return !stat("/proc/self/ns/mnt", &own) && !stat(path, &other) &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

/* Of the mounts that config.json asks for. */
static strs destinations(const struct mounts_job *j)
{
	const struct spec *spec = j->c->spec;
	strs l = { arena_array(&j->s->arena, spec->mounts.n + 1, sizeof(char *)), 0 };

	for (size_t i = 0; i < spec->mounts.n; i++)
		l.v[l.n++] = spec->mounts.v[i].destination;
	return l;
}

static int plan(struct mounts_job *j, bool remove, struct err *e)
{
	struct plan_target target;
	struct plan_opts opts = { .id = j->c->id,
				  .bundle = j->c->state.bundle,
				  .state_root = j->s->root };
	struct host host;

	if (container_target(j->c, &host, &target, e) < 0)
		return -1;
	target.mounts = j->added;
	target.n_mounts = j->n_added;
	target.places = destinations(j);
	if (shares_mounts(j->c))
		target.ns_flags &= ~(uint32_t)CLONE_NEWNS;
	if (!remove)
		probe_links(&j->spec, opts.bundle, &j->s->arena, &host);
	return plan_build_mounts(&j->spec, &host, &target, &opts, remove, &j->s->arena,
				 &j->plan, e);
}

static int carry_out(struct mounts_job *j, struct err *e)
{
	static const struct apply_calls none;
	struct apply a;
	int r;

	apply_init(&a, &j->plan, &j->s->arena);
	a.calls = &none;
	a.mounted = j->ids = arena_array(&j->s->arena, j->plan.init.n + 1,
					 sizeof(*j->ids));
	a.slots[SLOT_PIDFD] = fcntl(j->c->pidfd, F_DUPFD_CLOEXEC, 3);
	sk_note_plan(j->s, &j->plan);
	r = apply_run(&a, e);
	while (!r && waitpid(a.pid, NULL, 0) < 0 && errno == EINTR)
		;
	apply_done(&a);
	return r;
}

/* Takes away again what was mounted before the step that failed. */
static void take_back(struct mounts_job *j)
{
	struct mounts_job undo = *j;
	struct err e;
	size_t old = j->n_added;

	note_added(&undo);
	undo.spec.mounts.n = undo.n_added - old;
	undo.spec.mounts.v = arena_array(&j->s->arena, undo.spec.mounts.n + 1,
					 sizeof(struct mount));
	for (size_t i = 0; i < undo.spec.mounts.n; i++)
		undo.spec.mounts.v[i].destination = (char *)undo.added[old + i].path;
	if (undo.spec.mounts.n && (plan(&undo, true, &e) < 0 || carry_out(&undo, &e) < 0))
		sk_warn(j->s, "mounts that were made already are still there: %s", e.msg);
}

static int check_status(const struct container *c, struct err *e)
{
	if (c->status == STATUS_CREATED || c->status == STATUS_RUNNING ||
	    c->status == STATUS_PAUSED)
		return 0;
	return err_set(e, ERR_STOPPED, "container not running: %s is %s", c->id,
		       status_name(c->status));
}

static int work(struct mounts_job *j, bool remove, const char *file, struct err *e)
{
	struct container *c = j->c;
	if (container_load(c, e) < 0 || container_hold(c, e) < 0 ||
	    check_status(c, e) < 0 || container_load_spec(c, e) < 0)
		return -1;
	j->spec = *c->spec;
	if (load_file(j, file, e) < 0 || read_records(j, e) < 0 ||
	    (!remove && spec_check_mounts(&j->spec, e) < 0) || plan(j, remove, e) < 0)
		return -1;
	for (size_t i = 0; i < j->plan.warnings.n; i++)
		sk_warn(j->s, "%s", j->plan.warnings.v[i]);
	if (!j->spec.mounts.n)
		return 0;
	if (carry_out(j, e) < 0) {
		if (!remove)
			take_back(j);
		return -1;
	}
	if (remove)
		note_removed(j);
	else
		note_added(j);
	return write_records(j, e);
}

int skiff_mounts(struct skiff *s, const char *id, bool remove, const char *file,
		 struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct mounts_job j = { .s = s, .c = &c };
	struct err err;

	if (container_open(s, id, &c, &err) < 0 || work(&j, remove, file, &err) < 0)
		return sk_fail(s, &err, e);
	return 0;
}
