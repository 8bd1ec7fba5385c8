/* `skiff check`, files: the root file system, sources of mounts, device nodes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "plan/mount_options.h"
#include "runtime/check.h"

void check_root(struct checker *k)
{
	const char *path = k->spec->root ? k->spec->root->path : NULL;
	struct stat st;

	if (!path)
		return;
	k->rootfs = openat(k->bundle, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (k->rootfs < 0) {
		check_add(k, false, "root.path", "unpack an image there",
			  "root file system \"%s\": %s", path, strerror(errno));
		return;
	}
	if (!fstatat(k->bundle, path, &st, AT_SYMLINK_NOFOLLOW) && S_ISLNK(st.st_mode))
		check_add(k, true, "root.path", "name the directory itself",
			  "\"%s\" is a symbolic link", path);
}

/* In a user namespace a mount keeps the flags of the mount its source is on. */
static void check_locked(struct checker *k, const char *at, const char *source,
			 const struct mount_wish *w)
{
	static const struct {
		unsigned long flag;
		uint64_t attr;
		const char *name;
	} flags[] = {
		{ ST_RDONLY, 1 /* MOUNT_ATTR_RDONLY and so on */, "ro" },
		{ ST_NOSUID, 2, "nosuid" },
		{ ST_NODEV, 4, "nodev" },
		{ ST_NOEXEC, 8, "noexec" },
	};
	struct statvfs fs;

	if (!spec_ns(k->spec, NS_USER) || statvfs(source, &fs) < 0)
		return;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (fs.f_flag & flags[i].flag && !((w->set | w->rec_set) & flags[i].attr))
			check_add(
				k, true, at,
				check_path(k, "add \"%s\" to its options", flags[i].name),
				"%s is on a mount with \"%s\", which cannot be cleared "
				"in a user namespace",
				source, flags[i].name);
}

static void check_kind(struct checker *k, const char *at, const struct mount *m,
		       bool source_is_dir)
{
	struct stat st;
	auto_fd fd = k->rootfs < 0 ? -1 : check_open(k, m->destination, O_PATH);

	if (fd < 0 || fstat(fd, &st) < 0 || S_ISDIR(st.st_mode) == source_is_dir)
		return;
	check_add(k, false, at, "mount a file on a file and a directory on a directory",
		  "%s is a %s, but %s in the root file system is a %s", m->source,
		  source_is_dir ? "directory" : "file", m->destination,
		  source_is_dir ? "file" : "directory");
}

/* An earlier mount covers what the root file system has there. */
static bool is_covered_before(const struct checker *k, size_t index)
{
	const char *path = k->spec->mounts.v[index].destination;

	for (size_t i = 0; i < index; i++) {
		const char *d = k->spec->mounts.v[i].destination;
		size_t n = d ? strlen(d) : 0;

		if (n && !strncmp(path, d, n) && (path[n] == '/' || !path[n]))
			return true;
	}
	return false;
}

/* The kernel's own file systems have what they have: no mount point can be made there.
 * What the container's will have, the host's tells. */
static void check_kernel_place(struct checker *k, size_t index)
{
	const char *path = k->spec->mounts.v[index].destination, *type = NULL, *rest = "";

	for (size_t i = 0; path && i < index; i++) {
		const struct mount *m = &k->spec->mounts.v[i];
		size_t n = m->destination ? strlen(m->destination) : 0;

		if (n > 1 && !strncmp(path, m->destination, n) && path[n] == '/') {
			type = m->type;
			rest = path + n;
		}
	}
	if (!type || (strcmp(type, "proc") != 0 && strcmp(type, "sysfs") != 0))
		return;
	rest = check_path(k, "%s%s", *type == 'p' ? "/proc" : "/sys", rest);
	if (access(rest, F_OK) < 0 && errno == ENOENT)
		check_add(k, false, check_path(k, "mounts[%zu].destination", index),
			  "mount on a file or directory that is there",
			  "%s is not there, and cannot be made in a file system of type "
			  "%s",
			  path, type);
}

static void check_mount(struct checker *k, const struct mount *m, size_t i)
{
	const char *at = check_path(k, "mounts[%zu].source", i), *source;
	struct mount_wish w;
	struct stat st;

	check_kernel_place(k, i);
	mount_options_read(&m->options, k->arena, &w);
	w.bind |= m->type && !strcmp(m->type, "bind");
	if (!w.bind || !m->source || !m->destination)
		return;
	source = *m->source == '/'
			 ? m->source
			 : arena_printf(k->arena, "%s/%s", k->job.bundle, m->source);
	if (fstatat(AT_FDCWD, source, &st, w.nofollow ? AT_SYMLINK_NOFOLLOW : 0) < 0) {
		check_add(k, false, at, "create it, or leave the mount out", "%s: %s",
			  source, strerror(errno));
		return;
	}
	check_locked(k, at, source, &w);
	if (!is_covered_before(k, i))
		check_kind(k, at, m, S_ISDIR(st.st_mode));
}

void check_mounts(struct checker *k)
{
	for (size_t i = 0; i < k->spec->mounts.n; i++)
		check_mount(k, &k->spec->mounts.v[i], i);
}

/* In a user namespace nodes cannot be made: the host's are bound. */
static void check_host_node(struct checker *k, const char *at, const struct device *d,
			    dev_t dev)
{
	struct stat st;

	if (stat(d->path, &st) < 0)
		check_add(k, false, at, "create it on the host, or leave it out",
			  "in a user namespace the host's %s is used: %s", d->path,
			  strerror(errno));
	else if (st.st_rdev != dev)
		check_add(k, false, at, NULL,
			  "in a user namespace the host's %s is used, and that is device "
			  "%u:%u",
			  d->path, major(st.st_rdev), minor(st.st_rdev));
}

void check_device_nodes(struct checker *k)
{
	const struct linux_config *l = k->spec->linux_;

	for (size_t i = 0; l && i < l->devices.n; i++) {
		const struct device *d = &l->devices.v[i];
		const char *at = check_path(k, "linux.devices[%zu]", i);
		bool node = d->type && *d->type && strchr("cub", *d->type);

		if (!node || !d->path)
			continue;
		if (spec_ns(k->spec, NS_USER) || k->host->own_userns)
			check_host_node(
				k, at, d,
				makedev((unsigned)d->major.v, (unsigned)d->minor.v));
	}
}
