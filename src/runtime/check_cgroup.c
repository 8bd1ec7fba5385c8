/* `skiff check`, control groups: whether the cgroups of the plan can be made and have the
 * controllers they need. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup/cgroup.h"
#include "plan/limits.h"
#include "runtime/check.h"

static const char *const controllers[] = {
	"cpu",     "cpuacct", "cpuset",  "memory",   "io",         "pids", "devices",
	"freezer", "hugetlb", "net_cls", "net_prio", "perf_event", "rdma", "misc",
};
enum { CONTROLLERS = sizeof(controllers) / sizeof(controllers[0]) };

/* A limit whose controller no hierarchy has. */
void check_controllers(struct checker *k)
{
	uint32_t needed = k->spec->linux_ ? limits_controllers(k->spec->linux_->resources,
							       k->host)
					  : 0;

	for (size_t i = 0; i < CONTROLLERS; i++)
		if (needed & 1u << i && !host_hierarchy(k->host, 1u << i))
			check_add(k, false, "linux.resources",
				  "enable it in the kernel (see /proc/cgroups), or leave "
				  "the "
				  "limit out",
				  "the %s controller is not available on this host",
				  controllers[i]);
}

/* The deepest directory of path that is there already. */
static const char *existing_part(struct checker *k, const char *path, size_t mount)
{
	char *s = arena_strdup(k->arena, path);

	while (access(s, F_OK) < 0 && strlen(s) > mount)
		*strrchr(s, '/') = '\0';
	return s;
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = text; (s = strstr(s, word)); s += n)
		if ((s == text || s[-1] == ' ') && (!s[n] || s[n] == ' '))
			return true;
	return false;
}

static void check_delegated(struct checker *k, const char *dir, uint32_t needed)
{
	char text[512];

	if (fd_read_line(AT_FDCWD, arena_printf(k->arena, "%s/cgroup.controllers", dir),
			 text, sizeof(text)) < 0)
		return;
	for (size_t i = 0; i < CONTROLLERS; i++)
		if (needed & 1u << i && !has_word(text, controllers[i]))
			check_add(k, false, "linux.resources",
				  "delegate it: Delegate=yes in the systemd unit, or "
				  "write it to the "
				  "cgroup.subtree_control of the parent",
				  "the %s controller is not delegated to %s",
				  controllers[i], dir);
}

static void check_made(struct checker *k, const struct step *st, uint32_t needed)
{
	const char *mount = plan_text(&k->job.plan, st->str[0]);
	const char *path = arena_printf(k->arena, "%s%s", mount,
					plan_text(&k->job.plan, st->str[1]));
	const char *parent = existing_part(k, path, strlen(mount));
	struct err e;
	pid_t *pids;
	size_t n;

	if (!strcmp(parent, path)) {
		if (!cgroup_pids(path, k->arena, &pids, &n, &e) && n)
			check_add(k, false, "linux.cgroupsPath", "choose another path",
				  "the cgroup %s exists already "
				  "and has processes (%d)",
				  path, pids[0]);
	} else if (access(parent, W_OK) < 0 && st->policy == POL_FAIL) {
		check_add(k, false, "linux.cgroupsPath",
			  "choose a path below a delegated cgroup, or use "
			  "--cgroup-manager disabled",
			  "no cgroup can be made in %s: %s", parent, strerror(errno));
	}
	if (!(st->flags & STEP_V1))
		check_delegated(k, parent, needed & host_v2(k->host)->controllers);
}

/* The kernel charges memory in portions of 64 pages: with less than two of them even the
 * smallest static program is killed before it begins. */
static void check_memory(struct checker *k)
{
	const struct resources *r = k->spec->linux_ ? k->spec->linux_->resources : NULL;
	const struct memory *m = r ? r->memory : NULL;
	enum { LEAST = 512 << 10 };

	if (m && m->limit.set && m->limit.v > 0 && m->limit.v < LEAST)
		check_add(k, true, "linux.resources.memory.limit",
			  "the unit is bytes: allow some MiB",
			  "%lld bytes are hardly enough to start a program",
			  (long long)m->limit.v);
}

void check_cgroups(struct checker *k)
{
	const struct plan *p = &k->job.plan;
	uint32_t needed = k->spec->linux_ ? limits_controllers(k->spec->linux_->resources,
							       k->host)
					  : 0;

	check_memory(k);
	for (size_t i = 0; i < p->host.n; i++)
		if (p->host.v[i].op == OP_CGROUP_MAKE)
			check_made(k, &p->host.v[i], needed);
}
