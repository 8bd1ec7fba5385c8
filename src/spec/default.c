/* The template of `skiff spec`: a shell in a read-only rootfs, in the shape that users
 * know from runc. */
#include <string.h>
#include <sys/resource.h>

#include "spec/spec.h"

/* clang-format off */
static const struct {
	const char *destination, *type, *source, *options;
} mounts[] = {
	{ "/proc", "proc", "proc", "" },
	{ "/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k" },
	{ "/dev/pts", "devpts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5" },
	{ "/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777 size=65536k" },
	{ "/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev" },
	{ "/sys", "sysfs", "sysfs", "nosuid noexec nodev ro" },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", "nosuid noexec nodev relatime ro" },
};
/* An ordinary user may not mount sysfs without a network namespace, and gid 5 is not
 * mapped. */
static const char rootless_sys[] = "rbind nosuid noexec nodev ro";
static const char rootless_pts[] = "nosuid noexec newinstance ptmxmode=0666 mode=0620";

static const char masked[] =
	"/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list "
	"/proc/timer_stats /proc/sched_debug /sys/firmware /sys/devices/virtual/powercap /proc/scsi";
static const char readonly[] = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger";
static const char env[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=xterm";
/* clang-format on */

/* Numbers of capabilities. */
enum { AUDIT_WRITE = 29, KILL = 5, NET_BIND_SERVICE = 10 };

/* The words of a text that are separated by single spaces. */
static strs words(struct arena *arena, const char *text)
{
	strs l = { .n = *text != '\0' };

	for (const char *s = text; *s; s++)
		l.n += *s == ' ';
	l.v = arena_array(arena, l.n, sizeof(*l.v));
	for (size_t i = 0; i < l.n; i++) {
		size_t n = strcspn(text, " ");

		l.v[i] = arena_strndup(arena, text, n);
		text += n + (text[n] == ' ');
	}
	return l;
}

static caps default_caps(struct arena *arena)
{
	static const int few[] = { AUDIT_WRITE, KILL, NET_BIND_SERVICE };
	caps l = { .v = arena_alloc(arena, sizeof(few)), .n = 3 };

	memcpy(l.v, few, sizeof(few));
	return l;
}

static struct process *default_process(struct arena *arena)
{
	struct process *p = arena_new(arena, struct process);

	p->terminal = true;
	p->args = words(arena, "sh");
	p->env = words(arena, env);
	p->cwd = arena_strdup(arena, "/");
	p->capabilities = arena_new(arena, struct capabilities);
	p->capabilities->bounding = default_caps(arena);
	p->capabilities->effective = default_caps(arena);
	p->capabilities->permitted = default_caps(arena);
	p->rlimits.v = arena_new(arena, struct rlimit_spec);
	p->rlimits.n = 1;
	p->rlimits.v[0] = (struct rlimit_spec){ .type = RLIMIT_NOFILE,
						.soft = 1024,
						.hard = 1024 };
	p->no_new_privileges = true;
	return p;
}

static void add_mounts(const struct spec_template *t, struct arena *arena, struct spec *s)
{
	size_t count = sizeof(mounts) / sizeof(mounts[0]);

	s->mounts.v = arena_array(arena, count, sizeof(*s->mounts.v));
	for (size_t i = 0; i < count; i++) {
		struct mount *m = &s->mounts.v[s->mounts.n];
		const char *options = mounts[i].options, *type = mounts[i].type,
			   *source = mounts[i].source;

		if (t->rootless && !strcmp(mounts[i].destination, "/sys/fs/cgroup"))
			continue;
		if (t->rootless && !strcmp(type, "sysfs")) {
			options = rootless_sys;
			type = "none";
			source = "/sys";
		} else if (t->rootless && !strcmp(type, "devpts")) {
			options = rootless_pts;
		}
		m->destination = arena_strdup(arena, mounts[i].destination);
		m->type = arena_strdup(arena, type);
		m->source = arena_strdup(arena, source);
		if (*options)
			m->options = words(arena, options);
		s->mounts.n++;
	}
}

static void add_namespaces(const struct spec_template *t, struct arena *arena,
			   struct linux_config *l)
{
	static const int types[] = { NS_PID, NS_NET, NS_IPC, NS_UTS, NS_MNT };

	l->namespaces.v = arena_array(arena, NS_COUNT, sizeof(*l->namespaces.v));
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] != NS_NET || !t->rootless)
			l->namespaces.v[l->namespaces.n++].type = types[i];
	if (t->rootless)
		l->namespaces.v[l->namespaces.n++].type = NS_USER;
	if (t->cgroup_ns)
		l->namespaces.v[l->namespaces.n++].type = NS_CGROUP;
}

static id_maps one_id(struct arena *arena, uint32_t host_id)
{
	id_maps l = { .v = arena_new(arena, struct id_map), .n = 1 };

	l.v[0] = (struct id_map){ .container_id = 0, .host_id = host_id, .size = 1 };
	return l;
}

static struct linux_config *default_linux(const struct spec_template *t,
					  struct arena *arena)
{
	struct linux_config *l = arena_new(arena, struct linux_config);

	if (t->rootless) {
		l->uid_mappings = one_id(arena, t->uid);
		l->gid_mappings = one_id(arena, t->gid);
	} else {
		l->resources = arena_new(arena, struct resources);
		l->resources->devices.v = arena_new(arena, struct device_rule);
		l->resources->devices.n = 1;
		l->resources->devices.v[0].access = arena_strdup(arena, "rwm");
	}
	add_namespaces(t, arena, l);
	l->masked_paths = words(arena, masked);
	l->readonly_paths = words(arena, readonly);
	return l;
}

void spec_default(const struct spec_template *t, struct arena *arena, struct spec *ret)
{
	*ret = (struct spec){ .oci_version = arena_strdup(arena, "1.3.0") };
	ret->process = default_process(arena);
	ret->root = arena_new(arena, struct root);
	ret->root->path = arena_strdup(arena, "rootfs");
	ret->root->readonly = true;
	ret->hostname = arena_strdup(arena, "skiff");
	add_mounts(t, arena, ret);
	ret->linux_ = default_linux(t, arena);
}
