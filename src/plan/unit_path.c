/*
 * Which scope of which slice the container's cgroup is, by linux.cgroupsPath for --cgroup-manager systemd, and where
 * that is in the file system. systemd.slice(5): "a-b.slice" is below "a.slice"; systemd.unit(5): names.
 *
 * "slice:prefix:name" is prefix-name.scope in the slice. Parts may be empty: system.slice (of a user: user.slice), no
 * prefix. Nothing at all is skiff-ID.scope. Another path has no meaning for systemd; its parts, joined by '-', name the
 * scope.
 *
 * The directory is computed, systemd is not asked: a user's slices are below the cgroup of that user's manager, which
 * the caller's own place tells. It is the same in all hierarchies.
 */
#include <stdlib.h>
#include <string.h>

#include "plan/unit.h"

/* Where systemd mounts version 2 beside version 1. */
#define SYSTEMD_UNIFIED "/sys/fs/cgroup/unified"

enum { NAME_LONGEST = 255 };

static const char origin_path[] = "linux.cgroupsPath";

static bool is_user(const struct host *h)
{
	return h->euid || h->own_userns;
}

/* --- names --- */

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr(":-_.\\", c));
}

/* As systemd-escape(1): what a unit's name cannot have becomes "\x2b". */
static const char *escape(struct arena *arena, const char *s)
{
	struct buf b;

	buf_init(&b, arena, 4096);
	for (; *s; s++)
		if (is_name_char(*s))
			buf_char(&b, *s);
		else
			buf_fmt(&b, "\\x%02x", (unsigned char)*s);
	return b.len ? b.p : "";
}

/* The length of the controller's name that stands before the first dot, or 0. */
static size_t controller_length(const char *name)
{
	static const char *const controllers[] = {
		"cpu",         "cpuacct",      "cpuset",      "io",
		"blkio",       "memory",       "devices",     "pids",
		"bpf-devices", "bpf-firewall", "bpf-foreign",
	};
	size_t n = strcspn(name, ".");

	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]); i++)
		if (strlen(controllers[i]) == n && !memcmp(controllers[i], name, n))
			return n;
	return 0;
}

/* What systemd calls a unit's directory: it shall not look like a file of the kernel's. */
static const char *dir_name(struct arena *arena, const char *unit)
{
	bool taken = *unit == '_' || *unit == '.' || !strncmp(unit, "cgroup.", 7) ||
		     controller_length(unit);

	return arena_printf(arena, "%s%s", taken ? "_" : "", unit);
}

/* "memory.a.scope": systemd changed its mind about these. */
static int check_dir(struct plan *p, const char *unit)
{
	size_t n = controller_length(unit);

	if (!n || !strchr(unit + n + 1, '.'))
		return 0;
	return err_at(
		p->e, ERR_CONFIG, origin_path,
		"the cgroup of %s begins with a controller's name and a dot: where it "
		"is depends on the version of systemd; choose another name",
		unit);
}

static int check_slice(struct plan *p, const char *slice)
{
	size_t n = strlen(slice);
	const char *why = NULL;

	if (n <= 6 || strcmp(slice + n - 6, ".slice") != 0)
		why = "does not end in .slice";
	else if (n > NAME_LONGEST)
		why = "is longer than 255 bytes";
	else if (strcmp(slice, "-.slice") != 0 &&
		 (*slice == '-' || slice[n - 7] == '-' || strstr(slice, "--")))
		why = "has an empty part";
	for (size_t i = 0; i < n && !why; i++)
		if (!is_name_char(slice[i]))
			why = "has a character that slices cannot have";
	if (!why)
		return check_dir(p, slice);
	return err_at(p->e, ERR_CONFIG, origin_path,
		      "\"%s\" is no slice of systemd: it %s", slice, why);
}

/* "a-b.slice" -> "/a.slice/a-b.slice" */
static const char *slice_path(struct arena *arena, const char *slice)
{
	struct buf b;

	if (!strcmp(slice, "-.slice"))
		return "";
	buf_init(&b, arena, 65536);
	for (const char *s = strchr(slice, '-'); s; s = strchr(s + 1, '-'))
		buf_fmt(&b, "/%s",
			dir_name(arena, arena_printf(arena, "%.*s.slice",
						     (int)(s - slice), slice)));
	buf_fmt(&b, "/%s", dir_name(arena, slice));
	return b.p;
}

/* --- linux.cgroupsPath --- */

/* "slice:prefix:name" */
static void from_triple(struct plan *p, const char *path, struct unit_place *ret)
{
	const char *prefix = strchr(path, ':') + 1, *name = strchr(prefix, ':') + 1;
	const char *joined = name - 1 == prefix ? name
						: arena_printf(p->arena, "%.*s-%s",
							       (int)(name - 1 - prefix),
							       prefix, name);

	if (prefix - 1 != path)
		ret->slice = arena_strndup(p->arena, path, (size_t)(prefix - 1 - path));
	ret->unit = arena_printf(p->arena, "%s.scope", escape(p->arena, joined));
}

static int from_path(struct plan *p, const char *path, struct unit_place *ret)
{
	const char *clean;
	char *name;

	if (cgroup_path_clean(p, origin_path, path, &clean))
		return -1;
	if (!*clean)
		return err_at(p->e, ERR_CONFIG, origin_path, "names the root cgroup");
	name = arena_strdup(p->arena, clean + 1);
	for (char *c = name; *c; c++)
		if (*c == '/')
			*c = '-';
	ret->unit = arena_printf(p->arena, "%s.scope", escape(p->arena, name));
	return 0;
}

static int read_path(struct plan *p, const struct spec *s, const struct plan_opts *o,
		     struct unit_place *ret)
{
	const char *path = s->linux_ ? s->linux_->cgroups_path : NULL;
	const char *colon = path ? strchr(path, ':') : NULL;
	const char *second = colon ? strchr(colon + 1, ':') : NULL;

	if (!path || !*path)
		ret->unit = arena_printf(p->arena, "skiff-%s.scope",
					 escape(p->arena, o->id));
	else if (!colon)
		return from_path(p, path, ret);
	else if (!second || strchr(second + 1, ':') || strchr(path, '/') || !second[1])
		return err_at(p->e, ERR_CONFIG, origin_path,
			      "\"%s\" is not \"slice:prefix:name\", as --cgroup-manager "
			      "systemd needs it",
			      path);
	else
		from_triple(p, path, ret);
	if (strlen(ret->unit) > NAME_LONGEST)
		return err_at(p->e, ERR_CONFIG, origin_path,
			      "%s is longer than the 255 bytes of a unit's name",
			      ret->unit);
	return 0;
}

/* --- a user's manager --- */

/* The first part of a path that begins so; NULL = none. */
static const char *find_part(const char *path, const char *begin)
{
	for (const char *s = path ? strchr(path, '/') : NULL; s; s = strchr(s + 1, '/'))
		if (!strncmp(s + 1, begin, strlen(begin)))
			return s + 1;
	return NULL;
}

static const char *service_of(struct plan *p, const char *uid)
{
	int n = (int)strspn(uid, "0123456789");

	return arena_printf(p->arena, "/user.slice/user-%.*s.slice/user@%.*s.service", n,
			    uid, n, uid);
}

/* Inside a user namespace the caller's own number says nothing; its place and its directory are the host's. */
static int user_manager(struct plan *p, const struct host *h, const char **ret)
{
	static const char run_user[] = "/run/user/";
	const char *own = host_v2(h)->own, *at = find_part(own, "user@");
	const char *dir = h->runtime_dir;

	if (at && strstr(at, ".service"))
		*ret = arena_strndup(p->arena, own,
				     (size_t)(strstr(at, ".service") + 8 - own));
	else if ((at = find_part(own, "user-")))
		*ret = service_of(p, at + 5);
	else if (dir && !strncmp(dir, run_user, sizeof(run_user) - 1))
		*ret = service_of(p, dir + sizeof(run_user) - 1);
	else if (!h->own_userns)
		*ret = service_of(p, arena_printf(p->arena, "%u", h->euid));
	else
		return err_set(
			p->e, ERR_HOST,
			"--cgroup-manager systemd: cannot tell whose systemd it is "
			"about: set XDG_RUNTIME_DIR, or use --cgroup-manager cgroupfs");
	return 0;
}

/* Moving a process takes rights over the nearest cgroup above both places. In a login session that is the system's. */
bool unit_is_foreign(const struct host *h, const char *path)
{
	const char *at = find_part(path, "user@");
	const char *end = at ? strstr(at, ".service/") : NULL;

	if (!is_user(h) || !end)
		return false;
	return strncmp(host_v2(h)->own, path, (size_t)(end - path) + 9) != 0;
}

strs unit_addresses(struct arena *arena, const struct host *h)
{
	const char *dir = h->runtime_dir;
	strs ret = { .v = arena_array(arena, 3, sizeof(char *)) };

	if (!is_user(h)) {
		ret.v[ret.n++] = "private:unix:path=/run/systemd/private";
		ret.v[ret.n++] = "unix:path=/run/dbus/system_bus_socket";
		return ret;
	}
	if (!dir && !h->own_userns)
		dir = arena_printf(arena, "/run/user/%u", h->euid);
	if (dir)
		ret.v[ret.n++] = arena_printf(
			arena, "private:unix:path=%s/systemd/private", dir);
	if (h->session_bus)
		ret.v[ret.n++] = arena_strdup(arena, h->session_bus);
	else if (dir)
		ret.v[ret.n++] = arena_printf(arena, "unix:path=%s/bus", dir);
	return ret;
}

/* --- hierarchies --- */

const struct hierarchy *unit_tree(const struct host *h)
{
	const struct hierarchy *v2 = host_v2(h);

	/* Mounted elsewhere it is not systemd's. */
	if (v2 && (h->cgroup_mode == CGM_V2 || !strcmp(v2->mount, SYSTEMD_UNIFIED)))
		return v2;
	return host_hierarchy(h, CT_SYSTEMD);
}

bool unit_has(const struct host *h, const struct hierarchy *hy)
{
	const uint32_t of_systemd = CT_CPU | CT_MEMORY | CT_IO | CT_PIDS | CT_DEVICES |
				    CT_SYSTEMD;

	return hy->v2 ? hy == unit_tree(h) : hy->controllers & of_systemd;
}

static int check_host(struct plan *p, const struct host *h)
{
	if (!unit_tree(h))
		return err_set(p->e, ERR_HOST,
			       "--cgroup-manager systemd: no hierarchy of cgroups in "
			       "which systemd keeps its units is mounted; use "
			       "--cgroup-manager cgroupfs");
	if (is_user(h) && h->cgroup_mode != CGM_V2)
		return err_set(
			p->e, ERR_HOST,
			"--cgroup-manager systemd: a user's systemd has no controllers "
			"of cgroup v1 to give, and this host has not cgroup v2 alone; "
			"use --cgroup-manager cgroupfs or disabled");
	return 0;
}

/* --- all --- */

/* What crun's annotation says, and its default: systemd owns the scope's own files, the container a directory below. */
static int choose_sub(struct plan *p, const struct spec *s, const char **ret)
{
	static const char key[] = "run.oci.systemd.subgroup";
	const char *sub = spec_annotation(s, key);

	if (!sub)
		sub = "container";
	return cgroup_path_clean(p,
				 "annotations."
				 "run.oci.systemd.subgroup",
				 sub, ret);
}

int unit_choose(struct plan *p, const struct spec *s, const struct host *h,
		const struct plan_opts *o, struct unit_place *ret)
{
	const char *base = "", *sub;

	*ret = (struct unit_place){ .slice = is_user(h) ? "user.slice" : "system.slice" };
	if (check_host(p, h) || read_path(p, s, o, ret) || check_dir(p, ret->unit) ||
	    check_slice(p, ret->slice) || choose_sub(p, s, &sub))
		return -1;
	if (is_user(h) && user_manager(p, h, &base))
		return -1;
	ret->dir = arena_printf(p->arena, "%s%s/%s", base,
				slice_path(p->arena, ret->slice),
				dir_name(p->arena, ret->unit));
	ret->path = arena_printf(p->arena, "%s%s", ret->dir, sub);
	return 0;
}
