/*
 * delete: removes what is left of a stopped container, in an order that can be taken up
 * again after an interruption: processes, cgroups, poststop hooks, and last the state
 * directory, in which state.json goes last. Half-made containers (their creator was
 * killed) are found by the same record.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "apply/unit.h"
#include "base/fd.h"
#include "cgroup/cgroup.h"
#include "plan/unit.h"
#include "runtime/container.h"

enum { WAIT_MS = 10000, UNIT_MS = 3000 };

/* Init's death, by its pidfd: an event, not a sleep. */
static int wait_for_init(const struct container *c, struct err *e)
{
	struct pollfd p = { c->pidfd, POLLIN, 0 };
	int n;

	do
		n = poll(&p, 1, WAIT_MS);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return 0;
	return container_stuck(c, WAIT_MS / 1000, e);
}

/* A creator that was killed before it had made the cgroups leaves the names of cgroups
 * that may be somebody else's. It writes config.json after that, and init's record later. */
static bool owns_cgroups(const struct container *c)
{
	return c->recorded || !faccessat(c->dir, "config.json", F_OK, 0);
}

int container_kill_all(struct container *c, struct err *e)
{
	struct err ignored;
	bool own;

	/* A record that cannot be read must not keep the rest from going. */
	if (c->pidfd < 0)
		(void)container_find(c, &ignored);
	if (c->pidfd >= 0)
		syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
	own = owns_cgroups(c);
	/* Processes outlive init when they are in no pid namespace of their own, and a
	 * creator that was killed may have left an init that nobody recorded. A frozen
	 * init does not die before the cgroup is thawed, too. */
	for (size_t i = 0; own && i < c->state.cgroups.n; i++)
		if (cgroup_kill_all(c->state.cgroups.v[i].path, e) < 0)
			return -1;
	return c->pidfd >= 0 ? wait_for_init(c, e) : 0;
}

/* The scope's own directory is systemd's to remove: the kernel tells of a cgroup's last process up to 10 ms late, and not at
 * all when the directory is gone by then. systemd would take the scope for a living one for ever. */
static bool is_of_unit(const struct container *c, const char *path)
{
	return c->state.unit_dir && !strcmp(path, c->state.unit_dir);
}

/* The scope's directories in the hierarchies where systemd does not keep its units: of some of them it knows nothing. */
static void remove_scopes(struct container *c)
{
	struct arena *arena = &c->skiff->arena;
	const char *dir = c->state.unit_dir;
	size_t n = strlen(dir), sub = 0;
	struct err ignored;

	for (size_t i = 0; i < c->state.cgroups.n; i++)
		if (!strncmp(c->state.cgroups.v[i].path, dir, n))
			sub = strlen(c->state.cgroups.v[i].path) - n;
	for (size_t i = 0; i < c->state.cgroups.n && sub; i++) {
		const char *path = c->state.cgroups.v[i].path;
		size_t len = strlen(path);

		if (len > sub && strncmp(path, dir, n) != 0)
			cgroup_remove(arena_strndup(arena, path, len - sub), 0, &ignored);
	}
}

static int remove_cgroups(struct container *c, struct err *e)
{
	bool own = owns_cgroups(c);

	for (size_t i = 0; i < c->state.cgroups.n; i++) {
		const char *path = c->state.cgroups.v[i].path;

		if (is_of_unit(c, path))
			continue;
		/* What was not ours has processes or children, and stays. */
		if (!own)
			rmdir(path);
		else if (cgroup_remove(path, WAIT_MS, e) < 0)
			return -1;
	}
	if (own && c->state.unit_dir)
		remove_scopes(c);
	return 0;
}

/* What only an update or a pause leaves that was killed. true: init has been recorded since we looked, by a creator that
 * is alive. */
static bool sweep(struct container *c)
{
	int fd = openat(c->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	bool alive = false;

	while (d && (entry = readdir(d))) {
		if (!c->recorded && !strcmp(entry->d_name, "init"))
			alive = true;
		else if (unlinkat(c->dir, entry->d_name, 0) < 0 && errno == EISDIR)
			/* criu's, of a restore that was killed. */
			unlinkat(c->dir, entry->d_name, AT_REMOVEDIR);
	}
	if (d)
		closedir(d);
	notify_remove(c->dir);
	return alive;
}

/* systemd sees by itself that the scope is empty; when delete returns, its name is free. */
static int end_unit(struct container *c, struct err *e)
{
	struct arena *arena = &c->skiff->arena;
	struct host host;
	strs addresses;

	if (!c->state.unit || !c->state.unit_dir || !owns_cgroups(c) ||
	    access(c->state.unit_dir, F_OK) < 0)
		return 0;
	probe_caller(&host, arena);
	addresses = unit_addresses(arena, &host);
	if (unit_end(c->state.unit, c->state.unit_dir, &addresses, UNIT_MS, arena, e) < 0)
		return -1;
	/* Of a unit that systemd does not know any more. */
	return cgroup_remove(c->state.unit_dir, WAIT_MS, e);
}

/* 0, -1, or 1: see sweep(). A creator fails when it finds its directory gone. */
static int remove_directory(struct container *c, struct err *e)
{
	static const char *const names[] = { "start", "init", "config.json",
					     "state.json" };
	const char *path = arena_printf(&c->skiff->arena, "%s/%s", c->skiff->root, c->id);
	int r;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!c->recorded && !strcmp(names[i], "init"))
			continue;
		r = unlinkat(c->dir, names[i], 0);

		/* Nothing of ours is a directory, but it must not keep the id for
		 * ever. */
		if (r < 0 && errno == EISDIR)
			r = unlinkat(c->dir, names[i], AT_REMOVEDIR);
		if (r < 0 && errno != ENOENT)
			return err_sys(e, errno, "remove %s/%s", path, names[i]);
	}
	r = rmdir(path);
	if (r < 0 && errno == ENOTEMPTY) {
		if (sweep(c))
			return 1;
		r = rmdir(path);
	}
	return r < 0 && errno != ENOENT ? err_sys(e, errno, "remove %s", path) : 0;
}

/* A failing poststop hook is a warning; the container goes all the same (runtime.md,
 * Lifecycle). */
static void run_poststop(struct container *c)
{
	struct err e;

	if (c->state.hooks & 1u << HOOK_POSTSTOP &&
	    hooks_run(c, HOOK_POSTSTOP, "stopped", -1, &e) < 0)
		sk_warn(c->skiff, "%s: %s", *e.origin ? e.origin : "hooks.poststop",
			e.msg);
}

static int remove_all(struct container *c, bool kill, struct err *e)
{
	if (kill && container_kill_all(c, e) < 0)
		return -1;
	c->pid = 0;
	if (remove_cgroups(c, e) < 0 || end_unit(c, e) < 0 ||
	    container_resctrl_remove(c, owns_cgroups(c), e) < 0)
		return -1;
	run_poststop(c);
	return remove_directory(c, e);
}

int container_delete(struct container *c, bool force, struct err *e)
{
	int r = remove_all(c, force || c->state.shared_pids, e);

	/* Its creator came to an end while we looked: from now on there is an init to kill. */
	if (r == 1)
		r = remove_all(c, true, e);
	return r == 1 ? err_set(e, ERR_STATE, "container \"%s\" is being created", c->id)
		      : r;
}

static int delete_container(struct container *c, bool force, struct err *e)
{
	/* What cannot be read cannot be obeyed; by force goes what can be
	 * found otherwise. */
	if (container_load(c, e) < 0) {
		if (!force)
			return -1;
		sk_warn(c->skiff, "%s", e->msg);
	}
	if (!c->has_state)
		state_salvage(c);
	if (!force && container_status(c, e) < 0)
		return -1;
	/* Nothing of the user's runs in one that was never started, and engines delete it without force. */
	force |= c->status == STATUS_CREATED;
	if (!force && c->status != STATUS_STOPPED)
		return err_set(e, ERR_STATE,
			       "cannot delete container \"%s\" that is not stopped: %s "
			       "(\"skiff delete --force\" kills it first)",
			       c->id, status_name(c->status));
	/* An init that nobody recorded may be left by a creator that was killed. */
	return container_delete(c, force || !c->recorded, e);
}

int skiff_delete(struct skiff *s, const char *id, bool force, struct skiff_error *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct err err;
	int r;

	if (s->own && !strcmp(s->own->id, id) && s->own->dir >= 0) {
		r = container_delete(s->own, force, &err);
		return r < 0 ? sk_fail(s, &err, e) : 0;
	}
	r = container_open(s, id, &c, &err);
	if (r < 0 && force && err.errnum == ENOENT)
		return 0;
	if (!r)
		r = delete_container(&c, force, &err);
	return r < 0 ? sk_fail(s, &err, e) : 0;
}
