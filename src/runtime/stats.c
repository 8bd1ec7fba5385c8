/*
 * What `events` shows of a container: the counters of its cgroups, and of the interfaces of
 * its network namespace (/proc/PID/net/dev).
 */
#include "runtime/stats.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup/cgroup.h"

enum { DEV_MAX = 1 << 20, LINE_MAX_ = 1 << 20 };

static void read_cgroups(const struct container *c, bool v1, struct arena *arena,
			 struct cgroup_stats *to)
{
	for (size_t i = 0; i < c->state.cgroups.n; i++) {
		const struct cgroup_dir *d = &c->state.cgroups.v[i];

		if (d->v1 != v1)
			continue;
		auto_fd fd = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0)
			(v1 ? cgroup_stats_v1 : cgroup_stats_v2)(fd, arena, to);
	}
}

/* Without a pids controller processes can still be counted, if not threads. */
static void count_processes(const struct container *c, struct arena *arena,
			    struct stat_pids *to)
{
	struct err ignored;
	pid_t *pids;
	size_t n;

	if (!to->counted && c->state.cgroups.n &&
	    !cgroup_pids(c->state.cgroups.v[0].path, arena, &pids, &n, &ignored))
		to->current = n;
}

/* "eth0: 16 numbers": received bytes, packets, errors, dropped, four more, then sent. */
static bool put_interface(char *line, struct buf *b)
{
	char *colon = strchr(line, ':'), *name = line + strspn(line, " ");
	uint64_t v[12];

	if (!colon)
		return false;
	*colon = '\0';
	if (!strcmp(name, "lo") ||
	    sscanf(colon + 1,
		   "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64
		   "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64 "%" SCNu64,
		   &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9],
		   &v[10], &v[11]) != 12)
		return false;
	buf_str(b, b->len > 1 ? ",{\"Name\":" : "{\"Name\":");
	buf_json(b, name);
	buf_fmt(b,
		",\"RxBytes\":%" PRIu64 ",\"RxPackets\":%" PRIu64 ",\"RxErrors\":%" PRIu64
		",\"RxDropped\":%" PRIu64,
		v[0], v[1], v[2], v[3]);
	buf_fmt(b,
		",\"TxBytes\":%" PRIu64 ",\"TxPackets\":%" PRIu64 ",\"TxErrors\":%" PRIu64
		",\"TxDropped\":%" PRIu64 "}",
		v[8], v[9], v[10], v[11]);
	return true;
}

static bool is_own_network(pid_t pid, struct arena *arena)
{
	char own[64] = "", other[64] = "";

	return readlink("/proc/self/ns/net", own, sizeof(own) - 1) > 0 &&
	       readlink(arena_printf(arena, "/proc/%d/ns/net", (int)pid), other,
			sizeof(other) - 1) > 0 &&
	       strcmp(own, other) != 0;
}

static char *read_interfaces(const struct container *c, struct arena *arena)
{
	char *text, *save = NULL;
	bool any = false;
	struct buf b;
	size_t n;

	if (!c->pid || !is_own_network(c->pid, arena) ||
	    fd_read_file(AT_FDCWD, arena_printf(arena, "/proc/%d/net/dev", (int)c->pid),
			 arena, DEV_MAX, &text, &n))
		return arena_strdup(arena, "null");
	buf_init(&b, arena, LINE_MAX_);
	buf_char(&b, '[');
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		any |= put_interface(line, &b);
	buf_char(&b, ']');
	return any && !b.full ? b.p : arena_strdup(arena, "null");
}

struct stats_data *stats_read(const struct container *c, struct arena *arena)
{
	struct stats_data *data = arena_new(arena, struct stats_data);
	const typeof(c->state.resctrl) *groups = &c->state.resctrl;

	read_cgroups(c, false, arena, &data->cgroup);
	read_cgroups(c, true, arena, &data->cgroup);
	count_processes(c, arena, &data->cgroup.pids);
	/* The class comes first, the group that is monitored last. */
	if (groups->n)
		stat_rdt_read(groups->v[0].path, groups->v[groups->n - 1].path, arena,
			      &data->rdt);
	data->interfaces = read_interfaces(c, arena);
	return data;
}
