/*
 * Why a container does not end. Who waits for init may wait for another: the first process of a
 * pid namespace does not end before all others of it are collected (zap_pid_ns_processes),
 * and one that came in by exec has its parent outside. Only asked when time is up.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/process.h"
#include "runtime/container.h"

struct found {
	struct process_info uncollected, stuck; /* pid 0 = none */
};

static bool same_namespace(pid_t pid, const char *link)
{
	char path[40], text[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	return readlink(path, text, sizeof(text) - 1) > 0 && !strcmp(text, link);
}

static void judge(pid_t pid, const char *link, struct found *to)
{
	struct process_info p;

	if (!same_namespace(pid, link) || process_read(pid, &p) < 0)
		return;
	/* Its like with a parent inside go when that does. */
	if (process_is_zombie(&p) && !same_namespace(p.parent, link))
		to->uncollected = p;
	else if (p.state[0] == 'D')
		to->stuck = p;
}

static void search(pid_t init, struct found *ret)
{
	char path[40], own[64] = "", link[64] = "";
	struct dirent *d;
	DIR *dir;

	*ret = (struct found){ 0 };
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)init);
	if (readlink("/proc/self/ns/pid", own, sizeof(own) - 1) < 0 ||
	    readlink(path, link, sizeof(link) - 1) < 0 || !strcmp(own, link))
		return;
	dir = opendir("/proc");
	while (dir && (d = readdir(dir))) {
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);

		if (pid > 0 && pid != init)
			judge(pid, link, ret);
	}
	if (dir)
		closedir(dir);
}

/* Version 1: what is frozen from above is not ours to thaw. */
static bool is_frozen_above(const struct container *c)
{
	const struct cgroup_dir *d = container_freezer(c);
	char path[4096], text[8];

	return d && d->v1 &&
	       snprintf(path, sizeof(path), "%s/freezer.parent_freezing", d->path) <
		       (int)sizeof(path) &&
	       fd_read_line(AT_FDCWD, path, text, sizeof(text)) > 0 && *text == '1';
}

static int uncollected(const struct container *c, const char *head,
		       const struct process_info *p, struct err *e)
{
	struct process_info parent;

	if (process_read(p->parent, &parent) < 0)
		snprintf(parent.name, sizeof(parent.name), "?");
	return err_set(
		e, ERR_SYSTEM,
		"%s: it waits for process %d (%s), which has ended and is not collected "
		"by "
		"its parent, process %d (%s); when that does so or ends, \"skiff delete "
		"--force %s\" removes the container",
		head, (int)p->pid, p->name, (int)p->parent, parent.name, c->id);
}

int container_stuck(const struct container *c, int seconds, struct err *e)
{
	struct found found;
	char head[400], who[200];
	struct process_info init;

	search(c->pid, &found);
	if (process_read(c->pid, &init) < 0)
		init = (struct process_info){ .pid = c->pid, .name = "?", .state = "?" };
	snprintf(head, sizeof(head),
		 "container \"%s\": process %d (%s) did not end within %d s of SIGKILL",
		 c->id, (int)c->pid, init.name, seconds);
	if (found.uncollected.pid)
		return uncollected(c, head, &found.uncollected, e);
	process_describe(found.stuck.pid ? &found.stuck : &init, who, sizeof(who));
	if (is_frozen_above(c))
		return err_set(
			e, ERR_SYSTEM,
			"%s: %s, since a cgroup above its own is frozen: thaw that first",
			head, who);
	return err_set(
		e, ERR_SYSTEM,
		"%s: %s; it ends when that lets go of it (a device, a file system whose "
		"server does not answer); then \"skiff delete --force %s\" removes the "
		"container",
		head, who, c->id);
}
