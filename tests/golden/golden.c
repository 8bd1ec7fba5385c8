/*
 * Golden plans: for each directory in cases/ a configuration (a base and a JSON merge patch, RFC 7396), host facts and
 * options are turned into a plan, which must be the text in plan.txt. No root, no files but these. `golden --update
 * [CASE...]` writes what is new; the difference is then reviewed as text.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_tree.h>

#include "base/fd.h"
#include "plan/build.h"
#include "plan/unit.h"
#include "plan/update.h"

#define TEXT_MAX ((size_t)4 << 20)

struct g_hierarchy {
	strs controllers;
	bool v2;
	char *mount, *own, *options;
};
struct g_host {
	char *kernel, *arch, *cgroup_mode;
	uint32_t euid, egid, listen_fds;
	bool own_userns, no_setgroups, newuidmap, apparmor, selinux, swap, old_kernel;
	strs caps;
	bool no_caps;
	char *listen_fdnames, *resctrl, *notify_socket;
	LIST(struct g_hierarchy) hierarchies;
	strs links;
};
struct g_options {
	bool run, foreground, no_pivot, no_new_keyring, as_json;
	uint32_t preserve_fds;
	char *console_socket, *pidfd_socket, *pid_file, *cgroup_manager;
};
struct g_exec {
	strs namespaces, resctrl;
	char *process;
	strs sub_cgroups;
	bool cgroups;
	char *unit; /* the scope's path below the hierarchy */
};
/* Mounts of a running container: those of the configuration. */
struct g_live {
	strs namespaces;
	bool remove;
};
struct g_hook {
	char *hook;
	strs join;
};
struct g_now {
	struct opt_i64 memory, swap, usage, quota;
	struct opt_u64 period, burst, rt_period, idle;
	char *devices;
};
struct g_update {
	char *resources, *before, *resctrl, *schemata, *unit;
	struct g_now now;
};
struct g_case {
	char *about, *base, *config, *host, *host_patch;
	struct g_options *options;
	struct g_exec *exec;
	struct g_live *live;
	struct g_hook *hook;
	struct g_update *update;
};

static const struct field hierarchy_fields[] = {
	J_STRS(struct g_hierarchy, controllers, "controllers", 0, ""),
	J_BOOL(struct g_hierarchy, v2, "v2", 0, ""),
	J_STR(struct g_hierarchy, mount, "mount", F_REQUIRED, ""),
	J_STR(struct g_hierarchy, own, "own", 0, ""),
	J_STR(struct g_hierarchy, options, "options", 0, ""),
	J_END,
};
static const struct type hierarchy_type = { "hierarchy", sizeof(struct g_hierarchy),
					    hierarchy_fields };

static const struct field host_fields[] = {
	J_STR(struct g_host, kernel, "kernel", F_REQUIRED, ""),
	J_STR(struct g_host, arch, "arch", 0, ""),
	J_STR(struct g_host, cgroup_mode, "cgroupMode", F_REQUIRED, ""),
	J_U32(struct g_host, euid, "euid", 0, ""),
	J_U32(struct g_host, egid, "egid", 0, ""),
	J_U32(struct g_host, listen_fds, "listenFds", 0, ""),
	J_STR(struct g_host, listen_fdnames, "listenFdnames", 0, ""),
	J_STR(struct g_host, resctrl, "resctrl", 0, ""),
	J_STR(struct g_host, notify_socket, "notifySocket", 0, ""),
	J_BOOL(struct g_host, own_userns, "ownUserns", 0, ""),
	J_BOOL(struct g_host, no_setgroups, "noSetgroups", 0, ""),
	J_BOOL(struct g_host, newuidmap, "newuidmap", 0, ""),
	J_BOOL(struct g_host, apparmor, "apparmor", 0, ""),
	J_BOOL(struct g_host, selinux, "selinux", 0, ""),
	J_BOOL(struct g_host, swap, "swap", 0, ""),
	J_BOOL(struct g_host, old_kernel, "noNamespaces", 0, ""),
	J_STRS(struct g_host, caps, "caps", 0, ""),
	J_BOOL(struct g_host, no_caps, "noCaps", 0, ""),
	J_STRS(struct g_host, links, "links", 0, ""),
	J_OBJS(struct g_host, hierarchies, "hierarchies", 0, struct g_hierarchy,
	       &hierarchy_type, ""),
	J_END,
};
static const struct type host_type = { "host", sizeof(struct g_host), host_fields };

static const struct field options_fields[] = {
	J_BOOL(struct g_options, run, "run", 0, ""),
	J_BOOL(struct g_options, foreground, "foreground", 0, ""),
	J_BOOL(struct g_options, no_pivot, "noPivot", 0, ""),
	J_BOOL(struct g_options, no_new_keyring, "noNewKeyring", 0, ""),
	J_BOOL(struct g_options, as_json, "asJson", 0, ""),
	J_U32(struct g_options, preserve_fds, "preserveFds", 0, ""),
	J_STR(struct g_options, console_socket, "consoleSocket", 0, ""),
	J_STR(struct g_options, pidfd_socket, "pidfdSocket", 0, ""),
	J_STR(struct g_options, pid_file, "pidFile", 0, ""),
	J_STR(struct g_options, cgroup_manager, "cgroupManager", 0, ""),
	J_END,
};
static const struct type options_type = { "options", sizeof(struct g_options),
					  options_fields };

static const struct field exec_fields[] = {
	J_STRS(struct g_exec, namespaces, "namespaces", 0, ""),
	J_STRS(struct g_exec, resctrl, "resctrl", 0, ""),
	J_RAW(struct g_exec, process, "process", 0, ""),
	J_STRS(struct g_exec, sub_cgroups, "subCgroups", 0, ""),
	J_BOOL(struct g_exec, cgroups, "cgroups", 0, ""),
	J_STR(struct g_exec, unit, "unit", 0, ""),
	J_END,
};
static const struct type exec_type = { "exec", sizeof(struct g_exec), exec_fields };

static const struct field live_fields[] = {
	J_STRS(struct g_live, namespaces, "namespaces", 0, ""),
	J_BOOL(struct g_live, remove, "remove", 0, ""),
	J_END,
};
static const struct type live_type = { "live", sizeof(struct g_live), live_fields };

static const struct field hook_fields[] = {
	J_RAW(struct g_hook, hook, "hook", F_REQUIRED, ""),
	J_STRS(struct g_hook, join, "join", 0, ""),
	J_END,
};
static const struct type hook_case_type = { "hook", sizeof(struct g_hook), hook_fields };

static const struct field now_fields[] = {
	J_OI64(struct g_now, memory, "memory", 0, 0, INT64_MAX, ""),
	J_OI64(struct g_now, swap, "swap", 0, 0, INT64_MAX, ""),
	J_OI64(struct g_now, usage, "usage", 0, 0, INT64_MAX, ""),
	J_OI64(struct g_now, quota, "quota", 0, -1, INT64_MAX, ""),
	J_OU64(struct g_now, period, "period", 0, UINT64_MAX, ""),
	J_OU64(struct g_now, burst, "burst", 0, UINT64_MAX, ""),
	J_OU64(struct g_now, rt_period, "rtPeriod", 0, UINT64_MAX, ""),
	J_OU64(struct g_now, idle, "idle", 0, UINT64_MAX, ""),
	J_STR(struct g_now, devices, "devices", 0, ""),
	J_END,
};
static const struct type now_type = { "now", sizeof(struct g_now), now_fields };

static const struct field update_fields[] = {
	J_RAW(struct g_update, resources, "resources", F_REQUIRED, ""),
	J_RAW(struct g_update, before, "before", 0, ""),
	J_STR(struct g_update, resctrl, "resctrl", 0, ""),
	J_STR(struct g_update, schemata, "schemata", 0, ""),
	J_STR(struct g_update, unit, "unit", 0, ""),
	J_VAL(struct g_update, now, "now", 0, struct g_now, &now_type, ""),
	J_END,
};
static const struct type update_type = { "update", sizeof(struct g_update),
					 update_fields };

static const struct field case_fields[] = {
	J_STR(struct g_case, about, "about", F_REQUIRED, ""),
	J_STR(struct g_case, base, "base", 0, ""),
	J_RAW(struct g_case, config, "config", 0, ""),
	J_STR(struct g_case, host, "host", 0, ""),
	J_RAW(struct g_case, host_patch, "hostPatch", 0, ""),
	J_OBJ(struct g_case, options, "options", 0, struct g_options, &options_type, ""),
	J_OBJ(struct g_case, exec, "exec", 0, struct g_exec, &exec_type, ""),
	J_OBJ(struct g_case, live, "live", 0, struct g_live, &live_type, ""),
	J_OBJ(struct g_case, hook, "hook", 0, struct g_hook, &hook_case_type, ""),
	J_OBJ(struct g_case, update, "update", 0, struct g_update, &update_type, ""),
	J_END,
};
static const struct type case_type = { "case", sizeof(struct g_case), case_fields };

/* --- JSON merge patch --- */

static void print_value(struct buf *b, yajl_val v);

static yajl_val member(yajl_val object, const char *key)
{
	for (size_t i = 0; object && YAJL_IS_OBJECT(object) && i < object->u.object.len;
	     i++)
		if (!strcmp(object->u.object.keys[i], key))
			return object->u.object.values[i];
	return NULL;
}

static void merge(struct buf *b, yajl_val base, yajl_val patch)
{
	const char *comma = "";

	if (!YAJL_IS_OBJECT(patch)) {
		print_value(b, patch);
		return;
	}
	buf_char(b, '{');
	for (size_t i = 0; base && YAJL_IS_OBJECT(base) && i < base->u.object.len; i++) {
		const char *key = base->u.object.keys[i];
		yajl_val change = member(patch, key);

		if (change && YAJL_IS_NULL(change))
			continue;
		buf_str(b, comma);
		comma = ",";
		buf_json(b, key);
		buf_char(b, ':');
		if (change)
			merge(b, base->u.object.values[i], change);
		else
			print_value(b, base->u.object.values[i]);
	}
	for (size_t i = 0; i < patch->u.object.len; i++) {
		const char *key = patch->u.object.keys[i];

		if (member(base, key) || YAJL_IS_NULL(patch->u.object.values[i]))
			continue;
		buf_str(b, comma);
		comma = ",";
		buf_json(b, key);
		buf_char(b, ':');
		merge(b, NULL, patch->u.object.values[i]);
	}
	buf_char(b, '}');
}

static void print_value(struct buf *b, yajl_val v)
{
	if (YAJL_IS_OBJECT(v)) {
		struct yajl_val_s none = { .type = yajl_t_object };

		merge(b, v, &none);
	} else if (YAJL_IS_ARRAY(v)) {
		buf_char(b, '[');
		for (size_t i = 0; i < v->u.array.len; i++) {
			buf_str(b, i ? "," : "");
			print_value(b, v->u.array.values[i]);
		}
		buf_char(b, ']');
	} else if (YAJL_IS_STRING(v)) {
		buf_json(b, v->u.string);
	} else if (YAJL_IS_NUMBER(v)) {
		buf_str(b, v->u.number.r);
	} else {
		buf_str(b, YAJL_IS_TRUE(v)    ? "true"
			   : YAJL_IS_FALSE(v) ? "false"
					      : "null");
	}
}

static char *patched(struct arena *arena, const char *base, const char *patch)
{
	char text[200];
	yajl_val a = yajl_tree_parse(base, text, sizeof(text));
	yajl_val b = a && patch ? yajl_tree_parse(patch, text, sizeof(text)) : NULL;
	struct buf out;

	buf_init(&out, arena, TEXT_MAX);
	if (!a || (patch && !b)) {
		fprintf(stderr, "%s\n", text);
		exit(1);
	}
	if (b)
		merge(&out, a, b);
	else
		print_value(&out, a);
	yajl_tree_free(a);
	yajl_tree_free(b);
	return out.p;
}

/* --- one case --- */

struct golden {
	int dir;
	struct arena *arena;
	struct buf out;
	struct err e;
	struct g_case c;
	struct g_options none;
};

static char *read_text(struct golden *g, const char *path)
{
	char *text;
	size_t n;
	int r = fd_read_file(g->dir, path, g->arena, TEXT_MAX, &text, &n);

	if (r == 0)
		return text;
	fprintf(stderr, "%s: %s\n", path, strerror(-r));
	exit(1);
}

static char *text_of(struct golden *g, const char *fmt, const char *name,
		     const char *patch)
{
	char path[300];

	snprintf(path, sizeof(path), fmt, name);
	return patched(g->arena, read_text(g, path), patch);
}

static uint32_t controller_bit(const char *word)
{
	static const struct name words[] = {
		{ "cpu", CT_CPU },         { "cpuacct", CT_CPUACCT },
		{ "cpuset", CT_CPUSET },   { "memory", CT_MEMORY },
		{ "io", CT_IO },           { "blkio", CT_IO },
		{ "pids", CT_PIDS },       { "devices", CT_DEVICES },
		{ "freezer", CT_FREEZER }, { "hugetlb", CT_HUGETLB },
		{ "systemd", CT_SYSTEMD }, { "rdma", CT_RDMA },
		{ "net_cls", CT_NET_CLS }, { "net_prio", CT_NET_PRIO },
		{ "misc", CT_MISC },       { NULL },
	};
	const struct name *n = names_find(words, word, strlen(word));

	return n ? (uint32_t)n->value : CT_OTHER;
}

static void fill_hierarchy(struct golden *g, const struct g_hierarchy *from,
			   struct hierarchy *to)
{
	const char *slash = strrchr(from->mount, '/');

	for (size_t i = 0; i < from->controllers.n; i++)
		to->controllers |= controller_bit(from->controllers.v[i]);
	to->v2 = from->v2;
	to->mount = from->mount;
	to->name = from->v2 ? "" : slash + 1;
	to->own = from->own ? from->own : "/";
	to->options = from->options ? from->options : arena_strdup(g->arena, slash + 1);
}

static int fill_host(struct golden *g, struct host *h)
{
	static const char *const modes[] = { "none", "v2", "v1", "hybrid" };
	char *text = text_of(g, "hosts/%s.json", g->c.host ? g->c.host : "v2",
			     g->c.host_patch);
	struct g_host from;

	if (json_load(&host_type, text, strlen(text), "host", g->arena, NULL, &from,
		      &g->e))
		return -1;
	*h = (struct host){
		.euid = from.euid,
		.egid = from.egid,
		.own_userns = from.own_userns,
		.cap_last = 40,
		.has_time_ns = !from.old_kernel,
		.has_cgroup_ns = !from.old_kernel,
		.has_user_ns = !from.old_kernel,
		.has_apparmor = from.apparmor,
		.has_selinux = from.selinux,
		.has_swap = from.swap,
		.no_setgroups = from.no_setgroups,
		.newuidmap = from.newuidmap,
		.arch = from.arch ? from.arch : "x86_64",
		.listen_fds = from.listen_fds,
		.listen_fdnames = from.listen_fdnames,
		.links = from.links.n ? (const char *const *)from.links.v : NULL,
		.resctrl = from.resctrl,
		.notify_socket = from.notify_socket,
	};
	sscanf(from.kernel, "%u.%u", &h->kernel_major, &h->kernel_minor);
	for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(from.cgroup_mode, modes[i]))
			h->cgroup_mode = (enum cgroup_mode)i;
	h->caps = from.no_caps || from.caps.n ? 0 : ((uint64_t)1 << 41) - 1;
	for (size_t i = 0; i < from.caps.n; i++)
		h->caps |= (uint64_t)1 << names_find(cap_names(), from.caps.v[i],
						     strlen(from.caps.v[i]))
						  ->value;
	for (size_t i = 0; i < from.hierarchies.n; i++)
		fill_hierarchy(g, &from.hierarchies.v[i],
			       &h->hierarchies[h->n_hierarchies++]);
	return 0;
}

static uint32_t ns_bits(const strs *words)
{
	static const struct name flags[] = {
		{ "pid", CLONE_NEWPID },
		{ "network", CLONE_NEWNET },
		{ "mount", CLONE_NEWNS },
		{ "ipc", CLONE_NEWIPC },
		{ "uts", CLONE_NEWUTS },
		{ "user", CLONE_NEWUSER },
		{ "cgroup", CLONE_NEWCGROUP },
		{ "time", 0x80 },
		{ NULL },
	};
	uint32_t bits = 0;

	for (size_t i = 0; i < words->n; i++)
		bits |= (uint32_t)names_find(flags, words->v[i], strlen(words->v[i]))
				->value;
	return bits;
}

static int build_live(struct golden *g, const struct spec *spec, const struct host *h,
		      const struct plan_opts *o, struct plan *p)
{
	static const struct live_mount added[] = { { "/a", 70 }, { "/c", 71 } };
	struct plan_target target = { .ns_flags = ns_bits(&g->c.live->namespaces),
				      .pid = 42,
				      .mounts = added,
				      .n_mounts = sizeof(added) / sizeof(added[0]) };

	return plan_build_mounts(spec, h, &target, o, g->c.live->remove, g->arena, p,
				 &g->e);
}

/* The container's directory in each hierarchy. */
static void set_place(struct golden *g, const struct host *h, const char *unit,
		      const char **dirs, struct plan_target *target)
{
	const char *path = unit ? arena_printf(g->arena, "%s/container", unit)
				: "/skiff/c1";

	for (size_t i = 0; i < h->n_hierarchies; i++)
		dirs[i] = arena_printf(g->arena, "%s%s", h->hierarchies[i].mount, path);
	target->cgroups = dirs;
	if (!unit)
		return;
	target->unit = strrchr(unit, '/') + 1;
	target->unit_dir = arena_printf(g->arena, "%s%s", unit_tree(h)->mount, unit);
}

static int build_exec(struct golden *g, const struct spec *spec, const struct host *h,
		      const struct plan_opts *o, struct plan *p)
{
	const struct g_exec *x = g->c.exec;
	const char *dirs[HIERARCHIES_MAX] = { NULL };
	struct plan_target target = {
		.ns_flags = ns_bits(&x->namespaces),
		.sub_cgroups = (const char *const *)x->sub_cgroups.v,
		.n_sub_cgroups = x->sub_cgroups.n,
		.resctrl = x->resctrl
	};
	struct process process;

	if (json_load(&process_type, x->process, strlen(x->process), "process", g->arena,
		      NULL, &process, &g->e))
		return -1;
	target.cgroups = dirs;
	if (x->cgroups)
		set_place(g, h, x->unit, dirs, &target);
	return plan_build_exec(spec, &process, h, &target, o, g->arena, p, &g->e);
}

static int load_resources(struct golden *g, const char *text, struct resources *ret)
{
	*ret = (struct resources){ 0 };
	if (!text)
		return 0;
	return json_load(&resources_type, text, strlen(text), "update", g->arena, NULL,
			 ret, &g->e) ||
			       spec_check_resources(ret, "", NULL, &g->e)
		       ? -1
		       : 0;
}

static int build_update(struct golden *g, const struct host *h, struct plan *p)
{
	const struct g_update *x = g->c.update;
	const char *dirs[HIERARCHIES_MAX] = { NULL };
	struct plan_target target = { .cgroups = dirs };
	struct resources wanted, before, all;
	const struct limits_now now = {
		.memory = x->now.memory,
		.swap = x->now.swap,
		.usage = x->now.usage,
		.quota = x->now.quota,
		.period = x->now.period,
		.burst = x->now.burst,
		.rt_period = x->now.rt_period,
		.idle = x->now.idle,
		.devices = x->now.devices,
	};
	const struct plan_update u = { &wanted, &all, &now, x->resctrl, x->schemata };

	if (load_resources(g, x->resources, &wanted) ||
	    load_resources(g, x->before, &before))
		return -1;
	plan_devices_merge(&before, &wanted, g->arena, &all);
	set_place(g, h, x->unit, dirs, &target);
	return plan_build_update(&u, h, &target, g->arena, p, &g->e);
}

static int build_hook(struct golden *g, struct plan *p)
{
	struct hook hook;

	if (json_load(&hook_type, g->c.hook->hook, strlen(g->c.hook->hook), "hook",
		      g->arena, NULL, &hook, &g->e))
		return -1;
	return plan_build_hook(&hook, "/bundle", ns_bits(&g->c.hook->join), g->arena, p,
			       &g->e);
}

static int build_case(struct golden *g, struct plan *p)
{
	const struct g_options *w = g->c.options ? g->c.options : &g->none;
	struct plan_opts o = {
		.id = "c1",
		.bundle = "/bundle",
		.state_root = "/run/skiff",
		.start_at_once = w->run,
		.foreground = w->foreground,
		.console_socket = w->console_socket,
		.pidfd_socket = w->pidfd_socket,
		.pid_file = w->pid_file,
		.no_pivot = w->no_pivot,
		.no_new_keyring = w->no_new_keyring,
		.preserve_fds = w->preserve_fds,
		.cgroup_manager = w->cgroup_manager ? w->cgroup_manager : "cgroupfs",
	};
	struct spec spec;
	struct host h;
	char *text;

	if (g->c.hook)
		return build_hook(g, p);
	text = text_of(g, "base/%s.json", g->c.base ? g->c.base : "min", g->c.config);
	if (spec_load(text, strlen(text), "config.json", g->arena, NULL, &spec, &g->e) ||
	    spec_check(&spec, NULL, &g->e) || fill_host(g, &h))
		return -1;
	if (g->c.live)
		return build_live(g, &spec, &h, &o, p);
	if (g->c.update)
		return build_update(g, &h, p);
	if (g->c.exec)
		return build_exec(g, &spec, &h, &o, p);
	return plan_build(&spec, &h, &o, g->arena, p, &g->e);
}

static void run_case(struct golden *g, const char *name)
{
	char path[300];
	struct plan p;
	char *text;

	snprintf(path, sizeof(path), "cases/%s/case.json", name);
	text = read_text(g, path);
	buf_init(&g->out, g->arena, TEXT_MAX);
	if (json_load(&case_type, text, strlen(text), path, g->arena, NULL, &g->c,
		      &g->e) ||
	    build_case(g, &p)) {
		buf_fmt(&g->out, "refused: %s%s%s\n", g->e.origin,
			*g->e.origin ? ": " : "", g->e.msg);
		return;
	}
	if (g->c.options && g->c.options->as_json)
		plan_print_json(&p, &g->out);
	else
		plan_print_text(&p, &g->out);
}

/* 0 = as expected. */
static int check_case(struct golden *g, const char *name, bool update)
{
	char path[300];
	char *expected;
	size_t n;
	int r;

	run_case(g, name);
	snprintf(path, sizeof(path), "cases/%s/plan.txt", name);
	r = fd_read_file(g->dir, path, g->arena, TEXT_MAX, &expected, &n);
	if (!r && n == g->out.len && !memcmp(expected, g->out.p, n))
		return 0;
	if (update) {
		auto_fd fd = openat(g->dir, path,
				    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		return fd < 0 || fd_write_all(fd, g->out.p, g->out.len);
	}
	snprintf(path, sizeof(path), "%s.plan.txt.new", name);
	auto_fd fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd >= 0)
		fd_write_all(fd, g->out.p, g->out.len);
	printf("# what came out is in %s\n", path);
	return 1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t list_cases(struct golden *g, char *names[], size_t max)
{
	int fd = openat(g->dir, "cases", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t n = 0;

	while (d && n < max && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			names[n++] = arena_strdup(g->arena, entry->d_name);
	if (d)
		closedir(d);
	qsort(names, n, sizeof(names[0]), by_name);
	return n;
}

int main(int argc, char **argv)
{
	const char *tests = getenv("TESTS_DIR");
	bool update = argc > 1 && !strcmp(argv[1], "--update");
	char *names[1000], path[4096];
	size_t n, bad = 0;

	auto_arena list;
	struct golden all = { .arena = &list };

	snprintf(path, sizeof(path), "%s/golden", tests ? tests : "tests");
	all.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (arena_init(&list) || all.dir < 0) {
		fprintf(stderr, "%s: no such directory\n", path);
		return 1;
	}
	n = list_cases(&all, names, 1000);
	printf("1..%zu\n", n);
	for (size_t i = 0; i < n; i++) {
		auto_arena arena;
		struct golden g = { .dir = all.dir, .arena = &arena };
		int r = arena_init(&arena) || check_case(&g, names[i], update);

		printf("%sok %zu - %s\n", r ? "not " : "", i + 1, names[i]);
		bad += !!r;
	}
	printf("# %zu of %zu golden plans passed\n", n - bad, n);
	return bad || !n;
}
