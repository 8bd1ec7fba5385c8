/* `skiff check`, the kernel and the host's configuration: system calls, user namespaces,
 * security modules, sysctls. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/check.h"

enum { TABLE_MAX = 1 << 20 };

/* Arguments that every kernel refuses before it does anything: the errno tells whether
 * the call is there. */
static const struct {
	const char *name;
	long number, args[5];
	bool privileged; /* EPERM is the answer to an ordinary user */
	bool optional;   /* without it things are slower or a single feature is missing */
} calls[] = {
	{ "openat2", SYS_openat2, { -1, 0, 0, 0, 0 }, false, false },
	{ "clone3", SYS_clone3, { 0, 0, 0, 0, 0 }, false, false },
	{ "pidfd_open", SYS_pidfd_open, { -1, -1, 0, 0, 0 }, false, false },
	{ "close_range", SYS_close_range, { 2, 1, 0, 0, 0 }, false, false },
	{ "fsopen", SYS_fsopen, { 0, -1, 0, 0, 0 }, true, false },
	{ "open_tree", SYS_open_tree, { -1, 0, -1, 0, 0 }, false, false },
	{ "move_mount", SYS_move_mount, { -1, 0, -1, 0, -1 }, true, false },
	{ "mount_setattr", SYS_mount_setattr, { -1, 0, -1, 0, 0 }, false, true },
};

void check_kernel(struct checker *k)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const long *a = calls[i].args;

		errno = 0;
		syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4]);
		if (errno == ENOSYS)
			check_add(k, calls[i].optional, NULL,
				  "use a newer kernel, or allow it in the seccomp filter "
				  "that "
				  "skiff runs under",
				  "the kernel has no %s", calls[i].name);
		else if (errno == EPERM && !calls[i].privileged)
			check_add(k, calls[i].optional, NULL,
				  "allow it in the seccomp profile of the container that "
				  "skiff runs in",
				  "%s is forbidden by a seccomp filter", calls[i].name);
	}
}

static long number_in(const char *path, long absent)
{
	char text[32];

	return fd_read_line(AT_FDCWD, path, text, sizeof(text)) > 0
		       ? strtol(text, NULL, 10)
		       : absent;
}

/* Whether the ranges "user:first:count" of /etc/subuid hold all of m. */
static bool is_delegated(struct checker *k, const char *file, const struct id_map *m)
{
	const char *user = owner_name(k->host->euid, k->arena);
	const char *number = check_path(k, "%u", k->host->euid);
	char *text, *rest;
	size_t n;

	if (fd_read_file(AT_FDCWD, file, k->arena, TABLE_MAX, &text, &n) < 0)
		return false;
	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *colon = strchr(line, ':'), *end;

		if (!colon)
			continue;
		*colon = '\0';
		if (strcmp(line, user) != 0 && strcmp(line, number) != 0)
			continue;
		unsigned long first = strtoul(colon + 1, &end, 10);
		unsigned long count = *end == ':' ? strtoul(end + 1, NULL, 10) : 0;

		if (m->host_id >= first &&
		    (unsigned long)m->host_id + m->size <= first + count)
			return true;
	}
	return false;
}

static void check_maps(struct checker *k, const id_maps *maps, const char *what,
		       const char *file, uint32_t own)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct id_map *m = &maps->v[i];
		const char *at = check_path(k, "linux.%s[%zu]", what, i);

		if (m->size == 1 && m->host_id == own)
			continue;
		if (!k->host->newuidmap)
			check_add(k, false, at, "install the package uidmap",
				  "newuidmap and newgidmap are not installed: "
				  "only the own id %u can be mapped",
				  own);
		if (!is_delegated(k, file, m))
			check_add(k, false, at,
				  check_path(k,
					     "add a range to %s (usermod --add-subuids, "
					     "--add-subgids)",
					     file),
				  "host ids %u to %llu are not this user's in %s",
				  m->host_id,
				  (unsigned long long)m->host_id + m->size - 1, file);
	}
}

void check_identity(struct checker *k)
{
	const struct ns *ns = spec_ns(k->spec, NS_USER);
	const struct linux_config *l = k->spec->linux_;

	if (k->host->euid && !ns)
		check_add(k, false, "linux.namespaces",
			  "add a namespace of type \"user\" with uidMappings and "
			  "gidMappings: \"skiff spec --rootless\" shows how",
			  "an ordinary user needs a user namespace");
	if (!ns || ns->path)
		return;
	if (!k->host->has_user_ns)
		check_add(k, false, "linux.namespaces", NULL,
			  "the kernel has no user namespaces");
	if (!number_in("/proc/sys/user/max_user_namespaces", 1))
		check_add(k, false, "linux.namespaces",
			  "sysctl user.max_user_namespaces=10000",
			  "user namespaces are switched off (user.max_user_namespaces = "
			  "0)");
	if (!k->host->euid)
		return;
	if (!number_in("/proc/sys/kernel/unprivileged_userns_clone", 1))
		check_add(k, false, "linux.namespaces",
			  "sysctl kernel.unprivileged_userns_clone=1",
			  "ordinary users may not make user namespaces");
	if (number_in("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0))
		check_add(k, true, "linux.namespaces",
			  "load an AppArmor profile for skiff that allows userns",
			  "AppArmor restricts user namespaces of ordinary users");
	check_maps(k, &l->uid_mappings, "uidMappings", "/etc/subuid", k->host->euid);
	check_maps(k, &l->gid_mappings, "gidMappings", "/etc/subgid", k->host->egid);
}

static bool is_profile_loaded(struct checker *k, const char *profile)
{
	char *text, *rest;
	size_t n = strlen(profile), len;

	/* Who may not read the list cannot tell. */
	if (!strcmp(profile, "unconfined") ||
	    fd_read_file(AT_FDCWD, "/sys/kernel/security/apparmor/profiles", k->arena,
			 16 * TABLE_MAX, &text, &len) < 0)
		return true;
	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (!strncmp(line, profile, n) && !strncmp(line + n, " (", 2))
			return true;
	return false;
}

void check_labels(struct checker *k)
{
	const struct process *p = k->spec->process;
	const struct linux_config *l = k->spec->linux_;

	if (p && p->apparmor_profile && *p->apparmor_profile) {
		if (!k->host->has_apparmor)
			check_add(k, false, "process.apparmorProfile",
				  "leave it out, or boot with apparmor=1",
				  "AppArmor is not enabled");
		else if (!is_profile_loaded(k, p->apparmor_profile))
			check_add(k, false, "process.apparmorProfile",
				  "load it with apparmor_parser",
				  "the profile \"%s\" is not loaded",
				  p->apparmor_profile);
	}
	if (k->host->has_selinux)
		return;
	if (p && p->selinux_label && *p->selinux_label)
		check_add(k, false, "process.selinuxLabel", "leave it out",
			  "SELinux is not enabled");
	if (l && l->mount_label && *l->mount_label)
		check_add(k, false, "linux.mountLabel", "leave it out",
			  "SELinux is not enabled");
}

void check_sysctls(struct checker *k)
{
	const struct linux_config *l = k->spec->linux_;

	for (size_t i = 0; l && i < l->sysctl.n; i++) {
		const char *key = l->sysctl.v[i].key;
		char name[256], path[300];

		if (!spec_sysctl_path(key, name, sizeof(name)))
			continue;
		snprintf(path, sizeof(path), "/proc/sys/%s", name);
		if (access(path, F_OK) < 0)
			check_add(k, false, check_path(k, "linux.sysctl[\"%s\"]", key),
				  "check the spelling, or load the kernel module that "
				  "has it",
				  "the kernel has no %s", path);
	}
}
