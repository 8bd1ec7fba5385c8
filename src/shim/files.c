/* Small files, and the few parts of config.json that a shim has to know; libskiff reads it whole. */
#include "shim/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "json/load.h"
#include "json/schema.h"

#define ROOT_FILE "skiff-root"

enum { ROOT_MAX = 4096 };

struct namespace
{
	char *type, *path;
};
struct linux_part {
	LIST(struct namespace) namespaces;
};
struct config {
	pairs annotations;
	struct linux_part *linux_;
};

/* clang-format off */
static const struct field namespace_fields[] = {
	J_STR(struct namespace, type, "type", 0, ""),
	J_STR(struct namespace, path, "path", 0, ""),
	J_END
};
static const struct type namespace_type = { "namespace", sizeof(struct namespace), namespace_fields };
static const struct field linux_fields[] = {
	J_OBJS(struct linux_part, namespaces, "namespaces", 0, struct namespace, &namespace_type, ""),
	J_END
};
static const struct type linux_type = { "linux", sizeof(struct linux_part), linux_fields };
static const struct field config_fields[] = {
	J_PAIRS(struct config, annotations, "annotations", 0, ""),
	J_OBJ(struct config, linux_, "linux", 0, struct linux_part, &linux_type, ""),
	J_END
};
static const struct type config_type = { "config", sizeof(struct config), config_fields };
/* clang-format on */

/* false: it cannot be read; create will say why. */
static bool load_config(const char *path, struct arena *arena, struct config *ret)
{
	struct err e = { 0 };
	char *text;
	size_t n;

	return !json_load_file(&config_type, AT_FDCWD, path, arena, NULL, ret, &text, &n,
			       &e);
}

const char *bundle_group(const char *id, struct arena *arena)
{
	static const char *const names[] = { "io.containerd.runc.v2.group",
					     "io.kubernetes.cri.sandbox-id" };
	struct config c;

	if (!load_config("config.json", arena, &c))
		return id;
	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		for (size_t i = 0; i < c.annotations.n; i++)
			if (!strcmp(c.annotations.v[i].key, names[k]))
				return c.annotations.v[i].value;
	return id;
}

bool bundle_has_pid_namespace(const char *bundle, struct arena *arena)
{
	struct config c;

	if (!load_config(arena_printf(arena, "%s/config.json", bundle), arena, &c) ||
	    !c.linux_)
		return false;
	for (size_t i = 0; i < c.linux_->namespaces.n; i++) {
		const struct namespace *ns = &c.linux_->namespaces.v[i];

		if (ns->type && !strcmp(ns->type, "pid"))
			return !ns->path || !*ns->path;
	}
	return false;
}

int bundle_note_root(const char *bundle, const char *root, struct err *e)
{
	auto_fd dir = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return err_sys(e, errno, "bundle %s", bundle);
	r = fd_replace_file(dir, ROOT_FILE, root, strlen(root), 0600);
	return r < 0 ? err_sys(e, -r, "write %s/" ROOT_FILE, bundle) : 0;
}

char *bundle_noted_root(struct arena *arena)
{
	char *text;
	size_t n;

	return fd_read_file(AT_FDCWD, ROOT_FILE, arena, ROOT_MAX, &text, &n) < 0 ? NULL
										 : text;
}

int memfd(const char *name, const void *data, size_t n)
{
	auto_fd fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, data, n) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return fd_take(&fd);
}
