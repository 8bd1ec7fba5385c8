/*
 * Host facts (plan/host.h) of the real machine. With a configuration at hand only what it
 * depends on is asked, so that the common case costs a handful of system calls; without
 * one (skiff plan's headline, features, check) everything.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/names.h"
#include "runtime/runtime.h"

enum {
	KERNEL_MAJOR = 5,
	KERNEL_MINOR = 10,
	CAP_LAST_KNOWN = 40 /* since 5.9 */,
	LISTEN_MAX = 1024
};

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

static int probe_kernel(struct host *h, struct arena *arena, struct err *e)
{
	struct utsname u;
	char *end;

	if (uname(&u) < 0)
		return err_sys(e, errno, "uname");
	h->kernel_major = (uint32_t)strtoul(u.release, &end, 10);
	h->kernel_minor = *end == '.' ? (uint32_t)strtoul(end + 1, NULL, 10) : 0;
	h->arch = arena_strdup(arena, u.machine);
	if (h->kernel_major > KERNEL_MAJOR ||
	    (h->kernel_major == KERNEL_MAJOR && h->kernel_minor >= KERNEL_MINOR))
		return 0;
	return err_set(e, ERR_HOST,
		       "kernel %s is too old: skiff needs Linux %d.%d or newer",
		       u.release, KERNEL_MAJOR, KERNEL_MINOR);
}

static int probe_caps(struct host *h, struct err *e)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	if (syscall(SYS_capget, &head, data) < 0)
		return err_sys(e, errno, "capget");
	h->caps = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	h->cap_last = CAP_LAST_KNOWN;
	/* Newer ones show by being permitted, and need no further question otherwise. */
	while (h->cap_last < 63 && h->caps >> h->cap_last > 1)
		h->cap_last++;
	return 0;
}

static bool wants_label(const struct spec *s)
{
	const struct process *p = s->process;

	return (p && (p->apparmor_profile || p->selinux_label)) ||
	       (s->linux_ && s->linux_->mount_label);
}

static bool wants_memory(const struct spec *s)
{
	return s->linux_ && s->linux_->resources && s->linux_->resources->memory;
}

static bool has_swap(const struct host *h)
{
	const struct hierarchy *y = host_hierarchy(h, CT_MEMORY);
	char path[4200];

	if (!y || y->v2)
		return exists("/proc/swaps");
	snprintf(path, sizeof(path), "%s/memory.memsw.limit_in_bytes", y->mount);
	return exists(path);
}

/* Whoever made our user namespace without privilege had to give up setgroups in it. */
static bool denies_groups(void)
{
	char text[8];

	return fd_read_line(AT_FDCWD, "/proc/self/setgroups", text, sizeof(text)) > 0 &&
	       !strcmp(text, "deny");
}

/* systemd's socket activation: not for us when LISTEN_PID names another process. */
static uint32_t listen_fds(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t n;

	if (!fds || !parse_u64(fds, LISTEN_MAX, &n))
		return 0;
	if (pid && strtol(pid, NULL, 10) != (long)getpid())
		return 0;
	return (uint32_t)n;
}

static void probe_environment(struct host *h, struct arena *arena)
{
	const char *text = getenv("NOTIFY_SOCKET");

	h->notify_socket = text && *text ? arena_strdup(arena, text) : NULL;
	h->listen_fds = listen_fds();
	text = getenv("XDG_RUNTIME_DIR");
	h->runtime_dir = text && *text == '/' ? arena_strdup(arena, text) : NULL;
	text = getenv("DBUS_SESSION_BUS_ADDRESS");
	h->session_bus = text && *text ? arena_strdup(arena, text) : NULL;
	text = h->listen_fds ? getenv("LISTEN_FDNAMES") : NULL;
	h->listen_fdnames = text ? arena_strdup(arena, text) : NULL;
}

/* The target of a link; NULL for anything else: then it is bound. */
static const char *link_target(const char *bundle, const char *source,
			       struct arena *arena)
{
	char text[PATH_MAX];
	ssize_t n = readlink(
		*source == '/' ? source : arena_printf(arena, "%s/%s", bundle, source),
		text, sizeof(text));

	return n <= 0 || n == sizeof(text) ? NULL : arena_strndup(arena, text, (size_t)n);
}

static bool copies_links(const struct mount *m)
{
	for (size_t i = 0; m->source && i < m->options.n; i++)
		if (!strcmp(m->options.v[i], "copy-symlink"))
			return true;
	return false;
}

void probe_links(const struct spec *spec, const char *bundle, struct arena *arena,
		 struct host *h)
{
	const char **v = NULL;

	for (size_t i = 0; i < spec->mounts.n; i++) {
		const struct mount *m = &spec->mounts.v[i];

		if (!copies_links(m))
			continue;
		if (!v)
			v = arena_array(arena, spec->mounts.n, sizeof(*v));
		v[i] = link_target(bundle, m->source, arena);
	}
	h->links = v;
}

void probe_caller(struct host *h, struct arena *arena)
{
	*h = (struct host){ .euid = geteuid(), .egid = getegid() };
	h->own_userns = in_user_namespace();
	probe_environment(h, arena);
}

int probe_preserved(uint32_t n, struct err *e)
{
	uint32_t end = 3 + n + listen_fds();

	for (uint32_t fd = 3; fd < end; fd++)
		if (fcntl((int)fd, F_GETFD) < 0)
			return err_set(
				e, ERR_CONFIG,
				"descriptor %u is to be preserved, but is not open", fd);
	return 0;
}

void probe_labels(struct host *h)
{
	h->has_apparmor = exists("/sys/kernel/security/apparmor") ||
			  exists("/sys/module/apparmor/parameters/enabled");
	h->has_selinux = exists("/sys/fs/selinux/enforce");
}

int probe_host(const struct spec *spec, enum probe what, struct arena *arena,
	       struct host *ret, struct err *e)
{
	*ret = (struct host){ .euid = geteuid(), .egid = getegid() };
	if (probe_kernel(ret, arena, e) < 0 || probe_caps(ret, e) < 0)
		return -1;
	ret->own_userns = in_user_namespace();
	if (!spec || ret->euid || ret->own_userns)
		what = PROBE_ALL;
	if (probe_cgroups(ret, arena, what, e) < 0)
		return -1;
	/* Kernels that lack one of these are rare: the plan asks for it, and clone3 says
	 * no. */
	ret->has_time_ns = ret->has_cgroup_ns = ret->has_user_ns = true;
	if (!spec) {
		ret->has_time_ns = exists("/proc/self/ns/time");
		ret->has_cgroup_ns = exists("/proc/self/ns/cgroup");
		ret->has_user_ns = exists("/proc/self/ns/user");
	}
	if (!spec || wants_label(spec))
		probe_labels(ret);
	if (!spec || wants_memory(spec))
		ret->has_swap = has_swap(ret);
	if ((!spec || (spec->linux_ && spec->linux_->intel_rdt)) &&
	    probe_resctrl(ret, arena, e) < 0)
		return -1;
	if (!spec || ret->euid || ret->own_userns) {
		ret->newuidmap = !access("/usr/bin/newuidmap", X_OK) &&
				 !access("/usr/bin/newgidmap", X_OK);
		ret->no_setgroups = denies_groups();
	}
	probe_environment(ret, arena);
	return 0;
}
