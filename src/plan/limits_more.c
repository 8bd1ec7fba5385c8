/*
 * The rarer limits of linux.resources: huge pages, packet marks, RDMA, and `unified`,
 * which names v2 files directly. config-linux: "Huge page limits", "Network", "RDMA",
 * "Unified".
 */
#include <inttypes.h>
#include <string.h>

#include "plan/limits.h"

#define RESOURCES "linux.resources."

/* A file name is made of it: "64KB", "2MB", "1GB". */
static bool is_page_size(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && n < 12 && s[n] && strchr("KMG", s[n]) && !strcmp(s + n + 1, "B");
}

int limits_hugepages(struct limits *l, const struct resources *r)
{
	struct place at;

	for (size_t i = 0; i < r->hugepage_limits.n; i++) {
		const struct hugepage *hp = &r->hugepage_limits.v[i];
		const char *origin = arena_printf(l->p->arena,
						  RESOURCES "hugepageLimits[%zu]", i);

		if (!is_page_size(hp->page_size))
			return err_at(l->p->e, ERR_CONFIG, origin,
				      "pageSize \"%s\" is not like 2MB", hp->page_size);
		if (limits_place(l, CT_HUGETLB, origin, &at))
			return -1;
		const char *end = at.v2 ? "max" : "limit_in_bytes";
		const char *file = arena_printf(l->p->arena, "hugetlb.%s.%s",
						hp->page_size, end);

		limits_write(l, &at, origin, file, "%" PRIu64, hp->limit);
		/* Pages that are reserved, not yet touched, count only here (kernel
		 * 5.7; without it the limit above means SIGBUS at the first touch
		 * instead of a failing mmap). */
		file = arena_printf(l->p->arena, "hugetlb.%s.rsvd.%s", hp->page_size,
				    end);
		limits_write(l, &at, origin, file, "%" PRIu64, hp->limit)->policy =
			POL_SKIP_ENOENT;
	}
	return 0;
}

int limits_network(struct limits *l, const struct network *n)
{
	struct place at;

	if (!n)
		return 0;
	if (n->class_id.v) {
		if (limits_place(l, CT_NET_CLS, RESOURCES "network.classID", &at))
			return -1;
		limits_write(l, &at, RESOURCES "network.classID", "net_cls.classid",
			     "%" PRIu64, n->class_id.v);
	}
	for (size_t i = 0; i < n->priorities.n; i++) {
		const char *origin = arena_printf(l->p->arena,
						  RESOURCES "network.priorities[%zu]", i);

		if (limits_place(l, CT_NET_PRIO, origin, &at))
			return -1;
		limits_write(l, &at, origin, "net_prio.ifpriomap", "%s %" PRIu32,
			     n->priorities.v[i].name, n->priorities.v[i].priority);
	}
	return 0;
}

int limits_rdma(struct limits *l, const struct resources *r)
{
	struct place at;

	for (size_t i = 0; i < r->rdma.n; i++) {
		const struct rdma *d = &r->rdma.v[i];
		const char *origin = arena_printf(l->p->arena, RESOURCES "rdma.%s",
						  d->name);
		struct buf value;

		if (limits_place(l, CT_RDMA, origin, &at))
			return -1;
		buf_init(&value, l->p->arena, 4096);
		buf_str(&value, d->name);
		if (d->hca_handles.set)
			buf_fmt(&value, " hca_handle=%" PRIu64, d->hca_handles.v);
		if (d->hca_objects.set)
			buf_fmt(&value, " hca_object=%" PRIu64, d->hca_objects.v);
		limits_write(l, &at, origin, "rdma.max", "%s", value.p);
	}
	return 0;
}

/* --- unified --- */

/* 0 for files of no controller ("cgroup.max.depth") and for controllers that are
 * younger than this table. */
static uint32_t controller_of_file(const char *file)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} prefixes[] = {
		{ "cpu", CT_CPU },   { "cpuset", CT_CPUSET },   { "memory", CT_MEMORY },
		{ "io", CT_IO },     { "hugetlb", CT_HUGETLB }, { "pids", CT_PIDS },
		{ "rdma", CT_RDMA }, { "misc", CT_MISC },
	};
	size_t n = strcspn(file, ".");

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strlen(prefixes[i].name) == n && !memcmp(prefixes[i].name, file, n))
			return prefixes[i].bit;
	return 0;
}

uint32_t limits_unified_controllers(const struct resources *r)
{
	uint32_t need = 0;

	for (size_t i = 0; i < r->unified.n; i++)
		need |= controller_of_file(r->unified.v[i].key);
	return need;
}

/* These would move, stop or kill what is inside, or take control from the runtime:
 * commands, not limits. */
static bool is_command(const char *file)
{
	static const char *const commands[] = {
		"cgroup.procs",           "cgroup.threads", "cgroup.type",
		"cgroup.subtree_control", "cgroup.freeze",  "cgroup.kill",
		"memory.reclaim",
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(file, commands[i]))
			return true;
	return false;
}

static int check_unified(struct limits *l, const struct pair *u, const char *origin)
{
	const struct hierarchy *v2 = host_v2(l->h);
	uint32_t controller = controller_of_file(u->key);

	if (!*u->key || strchr(u->key, '/') || !strchr(u->key, '.') || *u->key == '.')
		return err_at(l->p->e, ERR_CONFIG, origin,
			      "\"%s\" is not a file name of cgroup v2", u->key);
	for (const char *s = u->key; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 127)
			return err_at(l->p->e, ERR_CONFIG, origin,
				      "blank or control character in a file name");
	if (is_command(u->key))
		return err_at(l->p->e, ERR_CONFIG, origin,
			      "\"%s\" is a command, not a limit", u->key);
	if (!v2)
		return err_at(l->p->e, ERR_HOST, origin,
			      "this host has no cgroup v2 mounted");
	if (controller && !(v2->controllers & controller))
		return err_at(l->p->e, ERR_HOST, origin,
			      "this host's cgroup v2 has no controller \"%.*s\"",
			      (int)strcspn(u->key, "."), u->key);
	return 0;
}

int limits_unified(struct limits *l, const struct resources *r)
{
	const struct place at = { .slot = SLOT_CGROUP, .v2 = true };

	for (size_t i = 0; i < r->unified.n; i++) {
		const struct pair *u = &r->unified.v[i];
		const char *origin = arena_printf(l->p->arena, RESOURCES "unified.%s",
						  u->key);

		if (check_unified(l, u, origin))
			return -1;
		/* The kernel takes one line with each write. */
		for (const char *line = u->value; *line;) {
			size_t n = strcspn(line, "\n");

			if (n)
				limits_write(l, &at, origin, u->key, "%.*s", (int)n,
					     line);
			line += n + (line[n] == '\n');
		}
	}
	return 0;
}
