/*
 * `skiff check`: names that only the kernel can judge: file systems and their options, namespace files, processors. File
 * system options are given to fsopen(2)/fsconfig(2), which parse them without making a file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/sys.h"
#include "plan/mount_options.h"
#include "runtime/check.h"

enum { LIST_MAX = 1 << 20 };

/* Is the word the last one of a line of the text? */
static bool ends_a_line(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p++)
		if (p > text && (p[-1] == '\t' || p[-1] == ' ') &&
		    (p[n] == '\n' || !p[n]))
			return true;
	return false;
}

/* Modules are loaded when a file system is first used: modules.alias knows what there is. */
static bool has_module(struct checker *k, const char *type)
{
	struct utsname u;
	size_t len;
	char *text;

	if (uname(&u) < 0 ||
	    fd_read_file(AT_FDCWD,
			 check_path(k, "/lib/modules/%s/modules.alias", u.release),
			 k->arena, LIST_MAX * 4, &text, &len) < 0)
		return false;
	return strstr(text, check_path(k, "alias fs-%s ", type));
}

/* Gives the options to the kernel. In the kernel's own words what it says of a wrong one. */
static void check_options(struct checker *k, const char *at, const char *type,
			  const struct mount_wish *w)
{
	auto_fd fs = (int)sys_fsopen(type, FSOPEN_CLOEXEC);

	for (size_t i = 0; fs >= 0 && i < w->data.n; i++) {
		char *key = arena_strdup(k->arena, w->data.v[i]),
		     *value = strchr(key, '=');
		char said[256] = "";
		long r;

		if (value)
			*value++ = '\0';
		r = sys_fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key,
				 value, 0);
		if (r >= 0)
			continue;
		ssize_t n = read(fs, said, sizeof(said) - 1);

		said[n > 1 ? n - 1 : 0] = '\0';
		check_add(k, false, at, "correct the option, or leave it out",
			  "%s does not know the option \"%s\" (%s)", type, w->data.v[i],
			  n > 2 ? said + 2 : strerror((int)-r));
	}
}

void check_filesystems(struct checker *k)
{
	char *known = "";
	size_t len;

	fd_read_file(AT_FDCWD, "/proc/filesystems", k->arena, LIST_MAX, &known, &len);
	for (size_t i = 0; i < k->spec->mounts.n; i++) {
		const struct mount *m = &k->spec->mounts.v[i];
		const char *at = check_path(k, "mounts[%zu]", i);
		struct mount_wish w;

		mount_options_read(&m->options, k->arena, &w);
		if (w.bind || w.remount || !m->type || !strcmp(m->type, "bind") ||
		    !strcmp(m->type, "none") || !strncmp(m->type, "cgroup", 6))
			continue;
		if (ends_a_line(known, m->type))
			check_options(k, check_path(k, "%s.options", at), m->type, &w);
		else if (!has_module(k, m->type))
			check_add(k, false, check_path(k, "%s.type", at),
				  "see /proc/filesystems",
				  "this kernel has no file system \"%s\"", m->type);
	}
}

void check_namespace_files(struct checker *k)
{
	const struct linux_config *l = k->spec->linux_;

	for (size_t i = 0; l && i < l->namespaces.n; i++) {
		const struct ns *ns = &l->namespaces.v[i];
		const char *at = check_path(k, "linux.namespaces[%zu].path", i);

		if (!ns->path)
			continue;
		auto_fd fd = openat(AT_FDCWD, ns->path,
				    O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
		int kind = fd < 0 ? -1 : ioctl(fd, NS_GET_NSTYPE);

		if (kind >= 0 && (uint32_t)kind == plan_ns_flag(ns->type))
			continue;
		check_add(k, false, at, "name a file like /proc/PID/ns/net", "%s: %s",
			  ns->path,
			  fd < 0     ? strerror(errno)
			  : kind < 0 ? "is not a namespace"
				     : "is a namespace of another kind");
	}
}

/* The highest number in a list like "0-3,8". */
static long highest(const char *list)
{
	long most = -1;

	while (*list) {
		char *end;
		long n = strtol(list, &end, 10);

		most = end > list && n > most ? n : most;
		list = end > list ? end : list + 1;
	}
	return most;
}

static void check_list(struct checker *k, const char *key, const char *list,
		       const char *file)
{
	char have[4096];

	if (!list || fd_read_line(AT_FDCWD, file, have, sizeof(have)) < 0 ||
	    highest(list) <= highest(have))
		return;
	check_add(k, false, check_path(k, "linux.resources.cpu.%s", key),
		  check_path(k, "choose from %s", have),
		  "\"%s\" names more than this host has", list);
}

void check_cpus(struct checker *k)
{
	const struct linux_config *l = k->spec->linux_;

	if (!l || !l->resources || !l->resources->cpu)
		return;
	check_list(k, "cpus", l->resources->cpu->cpus,
		   "/sys/devices/system/cpu/possible");
	check_list(k, "mems", l->resources->cpu->mems,
		   "/sys/devices/system/node/possible");
}
