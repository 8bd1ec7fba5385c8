/*
 * Which cgroup hierarchies are mounted. statfs of /sys/fs/cgroup answers it for hosts
 * with version 2 alone; only for others mountinfo is read. /proc/self/cgroup tells the
 * caller's own place when a plan depends on it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/fd.h"
#include "runtime/runtime.h"

#define CGROUP_DIR "/sys/fs/cgroup"
#define TABLE_MAX  ((size_t)16 << 20) /* of mountinfo: hosts with 50,000 mounts exist */

/* clang-format off */
static const struct name controllers[] = {
	{ "cpu", CT_CPU }, { "cpuacct", CT_CPUACCT }, { "cpuset", CT_CPUSET }, { "memory", CT_MEMORY },
	{ "io", CT_IO }, { "blkio", CT_IO }, { "pids", CT_PIDS }, { "devices", CT_DEVICES },
	{ "freezer", CT_FREEZER }, { "hugetlb", CT_HUGETLB }, { "net_cls", CT_NET_CLS },
	{ "net_prio", CT_NET_PRIO }, { "perf_event", CT_PERF }, { "rdma", CT_RDMA }, { "misc", CT_MISC },
	{ "name=systemd", CT_SYSTEMD }, { NULL, 0 },
};
/* clang-format on */

/* The controllers named in a list; unknown "name=x" hierarchies count as CT_OTHER. */
static uint32_t parse_controllers(const char *s, size_t n, const char *separators)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < n;) {
		size_t len = strcspn(s + i, separators);
		const struct name *c;

		if (len > n - i)
			len = n - i;
		c = names_find(controllers, s + i, len);
		if (c)
			bits |= (uint32_t)c->value;
		else if (len > 5 && !memcmp(s + i, "name=", 5))
			bits |= CT_OTHER;
		i += len + 1;
	}
	return bits;
}

static uint32_t v2_controllers(const char *mount, struct arena *arena)
{
	char text[512];
	ssize_t n = fd_read_line(AT_FDCWD,
				 arena_printf(arena, "%s/cgroup.controllers", mount),
				 text, sizeof(text));

	return n > 0 ? parse_controllers(text, (size_t)n, " ") : 0;
}

/* One field of a mountinfo line, cut off at its end; the next one's beginning is
 * returned. */
static char *cut(char *s, char **ret)
{
	*ret = s;
	s = strchr(s, ' ');
	if (!s)
		return NULL;
	*s = '\0';
	return s + 1;
}

struct line {
	char *dev, *root, *mount, *type, *options;
};

/* "36 35 98:0 / /mnt rw,noatime master:1 - ext4 /dev/root rw,errors=continue" */
static bool split_line(char *s, struct line *l)
{
	char *skip;
	char *rest = strstr(s, " - ");

	if (!rest)
		return false;
	*rest = '\0';
	rest = cut(rest + 3, &l->type);
	if (!rest || !(rest = cut(rest, &skip)))
		return false;
	cut(rest, &l->options);
	s = cut(s, &skip);
	if (!s || !(s = cut(s, &skip)) || !(s = cut(s, &l->dev)) ||
	    !(s = cut(s, &l->root)))
		return false;
	cut(s, &l->mount);
	return true;
}

/* A hierarchy that is mounted twice counts once, at the first place that is seen. */
static bool is_known(const struct host *h, const struct line *l, const uint32_t bits)
{
	for (size_t i = 0; i < h->n_hierarchies; i++) {
		const struct hierarchy *y = &h->hierarchies[i];

		if (y->v2 ? !strcmp(l->type, "cgroup2")
			  : y->controllers == bits && !strcmp(l->type, "cgroup"))
			return true;
	}
	return false;
}

/* 1: the mount is what its path leads to; 0: others cover it, at its place or above; -1. */
static int is_seen(const struct line *l, struct err *e)
{
	unsigned major, minor;
	struct stat st;

	if (sscanf(l->dev, "%u:%u", &major, &minor) != 2)
		return 0;
	if (!stat(l->mount, &st))
		return st.st_dev == makedev(major, minor);
	return errno == ENOENT || errno == ENOTDIR || errno == EACCES
		       ? 0
		       : err_sys(e, errno, "look at the mount %s", l->mount);
}

static int add_line(struct host *h, const struct line *l, const char **roots,
		    struct arena *arena, struct err *e)
{
	struct hierarchy *y = &h->hierarchies[h->n_hierarchies];
	bool v2 = !strcmp(l->type, "cgroup2");
	const char *options = l->options;
	uint32_t bits = 0;
	int seen;

	if (!v2 && strcmp(l->type, "cgroup") != 0)
		return 0;
	if (!strncmp(options, "rw,", 3) || !strncmp(options, "ro,", 3))
		options += 3;
	if (!v2)
		bits = parse_controllers(options, strlen(options), ",");
	if (h->n_hierarchies == HIERARCHIES_MAX || is_known(h, l, bits) || (!v2 && !bits))
		return 0;
	seen = is_seen(l, e);
	if (seen <= 0)
		return seen;
	*y = (struct hierarchy){ .controllers = bits,
				 .v2 = v2,
				 .mount = arena_strdup(arena, l->mount) };
	y->name = v2 ? "" : strrchr(y->mount, '/') + 1;
	y->own = "/";
	y->options = v2 ? NULL : arena_strdup(arena, options);
	if (v2)
		y->controllers = v2_controllers(y->mount, arena);
	roots[h->n_hierarchies++] = arena_strdup(arena, l->root);
	return 0;
}

static int probe_table(struct host *h, const char **roots, struct arena *arena,
		       struct err *e)
{
	struct line l;
	char *text, *rest;
	size_t n;
	int r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", arena, TABLE_MAX, &text,
			     &n);
	bool v1 = false;

	if (r < 0)
		return err_sys(e, -r, "read /proc/self/mountinfo");
	for (char *s = strtok_r(text, "\n", &rest); s; s = strtok_r(NULL, "\n", &rest))
		if (strstr(s, " - cgroup") && split_line(s, &l) &&
		    add_line(h, &l, roots, arena, e) < 0)
			return -1;
	for (size_t i = 0; i < h->n_hierarchies; i++)
		v1 |= !h->hierarchies[i].v2;
	h->cgroup_mode = !h->n_hierarchies ? CGM_NONE
			 : !v1             ? CGM_V2
			 : host_v2(h)      ? CGM_HYBRID
					   : CGM_V1;
	return 0;
}

/* "4:memory:/a/b" of /proc/self/cgroup; paths count from the mount's root. */
static void set_own(struct hierarchy *y, const char *root, const char *path,
		    struct arena *arena)
{
	size_t n = strlen(root);

	if (strcmp(root, "/") != 0 && !strncmp(path, root, n) &&
	    (path[n] == '/' || !path[n]))
		path += n;
	y->own = *path ? arena_strdup(arena, path) : "/";
}

static int probe_own(struct host *h, const char *const *roots, struct arena *arena,
		     struct err *e)
{
	char *text, *rest;
	size_t n;
	int r = fd_read_file(AT_FDCWD, "/proc/self/cgroup", arena, TABLE_MAX, &text, &n);

	if (r < 0)
		return err_sys(e, -r, "read /proc/self/cgroup");
	for (char *s = strtok_r(text, "\n", &rest); s; s = strtok_r(NULL, "\n", &rest)) {
		char *names = strchr(s, ':');
		char *path = names ? strchr(names + 1, ':') : NULL;

		if (!path)
			continue;
		uint32_t bits = parse_controllers(names + 1, (size_t)(path - names - 1),
						  ",:");
		for (size_t i = 0; i < h->n_hierarchies; i++) {
			struct hierarchy *y = &h->hierarchies[i];

			if (y->v2 ? path == names + 1 : bits && y->controllers == bits)
				set_own(y, roots[i], path + 1, arena);
		}
	}
	return 0;
}

int probe_cgroups(struct host *h, struct arena *arena, enum probe what, struct err *e)
{
	const char *roots[HIERARCHIES_MAX] = { "/" };
	struct statfs fs;

	if (statfs(CGROUP_DIR, &fs) < 0) {
		h->cgroup_mode = CGM_NONE;
		return 0;
	}
	if (fs.f_type == CGROUP2_SUPER_MAGIC) {
		h->cgroup_mode = CGM_V2;
		h->n_hierarchies = 1;
		h->hierarchies[0] = (struct hierarchy){
			.v2 = true,
			.mount = CGROUP_DIR,
			.name = "",
			.own = "/",
			.controllers = what == PROBE_EXEC
					       ? 0
					       : v2_controllers(CGROUP_DIR, arena),
		};
	} else if (probe_table(h, roots, arena, e) < 0) {
		return -1;
	}
	return what == PROBE_ALL && h->n_hierarchies ? probe_own(h, roots, arena, e) : 0;
}

int probe_resctrl(struct host *h, struct arena *arena, struct err *e)
{
	struct line l;
	char *text, *rest;
	size_t n;
	int r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", arena, TABLE_MAX, &text,
			     &n);

	if (r < 0)
		return err_sys(e, -r, "read /proc/self/mountinfo");
	for (char *s = strtok_r(text, "\n", &rest); s; s = strtok_r(NULL, "\n", &rest))
		if (strstr(s, " - resctrl ") && split_line(s, &l)) {
			int seen = is_seen(&l, e);

			if (seen > 0)
				h->resctrl = arena_strdup(arena, l.mount);
			if (seen)
				return seen < 0 ? -1 : 0;
		}
	return 0;
}
