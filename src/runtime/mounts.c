/*
 * Mounts of a running container: added and removed by a short-lived process that joins it (plan/live.c). Nothing is
 * recorded: the mounts end with the container's mount namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
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
};

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

static int plan(struct mounts_job *j, bool remove, struct err *e)
{
	struct plan_target target;
	struct plan_opts opts = { .id = j->c->id,
				  .bundle = j->c->state.bundle,
				  .state_root = j->s->root };
	struct host host;

	if (container_target(j->c, &host, &target, e) < 0)
		return -1;
	if (shares_mounts(j->c))
		target.ns_flags &= ~(uint32_t)CLONE_NEWNS;
	if (!remove)
		probe_links(&j->spec, opts.bundle, &j->s->arena, &host);
	return plan_build_mounts(&j->spec, &host, &target, &opts, remove, &j->s->arena,
				 &j->plan, e);
}

/* *ret_done: how many steps of init were carried out. */
static int carry_out(struct mounts_job *j, size_t *ret_done, struct err *e)
{
	static const struct apply_calls none;
	struct apply a;
	int r;

	apply_init(&a, &j->plan, &j->s->arena);
	a.calls = &none;
	a.slots[SLOT_PIDFD] = fcntl(j->c->pidfd, F_DUPFD_CLOEXEC, 3);
	sk_note_plan(j->s, &j->plan);
	r = apply_run(&a, e);
	while (!r && waitpid(a.pid, NULL, 0) < 0 && errno == EINTR)
		;
	*ret_done = r < 0 && a.init_failed ? a.failed_step : 0;
	apply_done(&a);
	return r;
}

/* Takes away again what was mounted before the step that failed. */
static void take_back(struct mounts_job *j, size_t done)
{
	struct mounts_job undo = *j;
	size_t n = 0, ignored;
	struct err e;

	undo.spec.mounts.v = arena_array(&j->s->arena, done + 1, sizeof(struct mount));
	for (size_t i = 0; i < done; i++) {
		const struct step *s = &j->plan.init.v[i];

		if (s->op == OP_ATTACH)
			undo.spec.mounts.v[n++].destination = (char *)plan_text(
				&j->plan, s->str[0]);
	}
	undo.spec.mounts.n = n;
	if (n && (plan(&undo, true, &e) < 0 || carry_out(&undo, &ignored, &e) < 0))
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
	size_t done;

	if (container_load(c, e) < 0 || container_hold(c, e) < 0 ||
	    check_status(c, e) < 0 || container_load_spec(c, e) < 0)
		return -1;
	j->spec = *c->spec;
	if (load_file(j, file, e) < 0 ||
	    (!remove && spec_check_mounts(&j->spec, e) < 0) || plan(j, remove, e) < 0)
		return -1;
	for (size_t i = 0; i < j->plan.warnings.n; i++)
		sk_warn(j->s, "%s", j->plan.warnings.v[i]);
	if (!j->spec.mounts.n || !carry_out(j, &done, e))
		return 0;
	if (!remove)
		take_back(j, done);
	return -1;
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
