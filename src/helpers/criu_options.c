/* The words of a request as criu's options: NAME VALUE, or NAME KEY VALUE for those that come in pairs. */
#include <stdlib.h>
#include <string.h>

#include "helpers/criu.h"
#include "helpers/criu.pb-c.h"

enum kind { FLAG, NUMBER, TEXT };

/* has: where protobuf-c keeps whether a number is set. */
static const struct {
	const char *name;
	enum kind kind;
	size_t at, has;
} simple[] = {
#define O Skiff__Criu__Options
/* clang-format off */
#define FLAG_ROW(name, member)   { name, FLAG, offsetof(O, member), offsetof(O, has_##member) }
#define NUMBER_ROW(name, member) { name, NUMBER, offsetof(O, member), offsetof(O, has_##member) }
#define TEXT_ROW(name, member)   { name, TEXT, offsetof(O, member), 0 }
	FLAG_ROW("leave-running", leave_running),
	FLAG_ROW("ext-unix-sk", ext_unix_sk),
	FLAG_ROW("tcp-established", tcp_established),
	FLAG_ROW("tcp-close", tcp_close),
	FLAG_ROW("tcp-skip-in-flight", tcp_skip_in_flight),
	FLAG_ROW("shell-job", shell_job),
	FLAG_ROW("file-locks", file_locks),
	FLAG_ROW("notify", notify_scripts),
	FLAG_ROW("track-mem", track_mem),
	FLAG_ROW("auto-dedup", auto_dedup),
	FLAG_ROW("link-remap", link_remap),
	FLAG_ROW("manage-cgroups", manage_cgroups),
	FLAG_ROW("restore-sibling", restore_sibling),
	FLAG_ROW("ext-sharing", ext_sharing),
	FLAG_ROW("ext-masters", ext_masters),
	FLAG_ROW("lazy-pages", lazy_pages),
	FLAG_ROW("orphan-pts-master", orphan_pts_master),
	NUMBER_ROW("pid", pid),
	NUMBER_ROW("log-level", log_level),
	NUMBER_ROW("work", work_fd),
	NUMBER_ROW("cgroups-mode", cgroups_mode),
	NUMBER_ROW("empty-ns", empty_ns),
	NUMBER_ROW("status-fd", status_fd),
	NUMBER_ROW("network-lock", network_lock),
	TEXT_ROW("log-file", log_file),
	TEXT_ROW("root", root),
	TEXT_ROW("parent", parent),
	TEXT_ROW("freeze-cgroup", freeze_cgroup),
	TEXT_ROW("config", config_file),
	TEXT_ROW("cgroup-yard", cgroup_yard),
	TEXT_ROW("lsm-profile", lsm_profile),
	TEXT_ROW("lsm-mount-context", lsm_mount_context),
/* clang-format on */
#undef O
};
_Static_assert(sizeof(protobuf_c_boolean) == sizeof(int), "as protobuf-c 1.x has it");

static bool set_simple(Skiff__Criu__Options *o, const char *name, char *value)
{
	for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
		char *base = (char *)o;
		int number = simple[i].kind == FLAG ? 1 : atoi(value);

		if (strcmp(simple[i].name, name) != 0)
			continue;
		if (simple[i].kind == TEXT) {
			memcpy(base + simple[i].at, &value, sizeof(value));
			return true;
		}
		memcpy(base + simple[i].at, &number, sizeof(number));
		number = 1;
		memcpy(base + simple[i].has, &number, sizeof(number));
		return true;
	}
	return false;
}

/* Room for one more pointer at the end of a list. */
static void *grow(struct arena *arena, const void *list, size_t n)
{
	void *more = arena_array(arena, n + 1, sizeof(void *));

	if (n)
		memcpy(more, list, n * sizeof(void *));
	return more;
}

#define APPEND(list, n, value) \
	do { \
		(list) = grow(arena, (list), (n)); \
		(list)[(n)++] = (value); \
	} while (0)

static void add_inherit(Skiff__Criu__Options *o, struct arena *arena, char *key,
			const char *fd)
{
	Skiff__Criu__InheritFd *m = arena_new(arena, Skiff__Criu__InheritFd);

	skiff__criu__inherit_fd__init(m);
	m->key = key;
	m->fd = atoi(fd);
	APPEND(o->inherit, o->n_inherit, m);
}

static void add_join(Skiff__Criu__Options *o, struct arena *arena, char *kind, char *file)
{
	Skiff__Criu__JoinNs *m = arena_new(arena, Skiff__Criu__JoinNs);

	skiff__criu__join_ns__init(m);
	m->kind = kind;
	m->file = file;
	APPEND(o->join_ns, o->n_join_ns, m);
}

static void add_cgroup_root(Skiff__Criu__Options *o, struct arena *arena,
			    char *controller, char *path)
{
	Skiff__Criu__CgroupRoot *m = arena_new(arena, Skiff__Criu__CgroupRoot);

	skiff__criu__cgroup_root__init(m);
	m->controller = controller;
	m->path = path;
	APPEND(o->cgroup_roots, o->n_cgroup_roots, m);
}

static void set_page_server(Skiff__Criu__Options *o, struct arena *arena, char *address,
			    const char *port)
{
	Skiff__Criu__PageServer *m = arena_new(arena, Skiff__Criu__PageServer);

	skiff__criu__page_server__init(m);
	m->address = address;
	m->has_port = true;
	m->port = atoi(port);
	o->page_server = m;
}

static bool set_pair(Skiff__Criu__Options *o, struct arena *arena, const char *name,
		     char *key, char *value)
{
	if (!strcmp(name, "inherit"))
		add_inherit(o, arena, key, value);
	else if (!strcmp(name, "join-ns"))
		add_join(o, arena, key, value);
	else if (!strcmp(name, "cgroup-root"))
		add_cgroup_root(o, arena, key, value);
	else if (!strcmp(name, "page-server"))
		set_page_server(o, arena, key, value);
	else
		return false;
	return true;
}

static char *next(char **at, const char *end)
{
	char *word = *at;

	if (word >= end)
		return NULL;
	*at += strlen(word) + 1;
	return word;
}

const char *options_read(char *at, const char *end, struct arena *arena,
			 Skiff__Criu__Options *ret)
{
	char *name, *value, *second;

	while ((name = next(&at, end))) {
		value = next(&at, end);
		if (!value)
			return name;
		if (!strcmp(name, "images"))
			ret->images_fd = atoi(value);
		else if (!strcmp(name, "external"))
			APPEND(ret->external, ret->n_external, value);
		else if (!set_simple(ret, name, value) &&
			 (!(second = next(&at, end)) ||
			  !set_pair(ret, arena, name, value, second)))
			return name;
	}
	return NULL;
}
