/* Small files, and the one part of config.json that a shim has to know before libskiff reads it. */
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

struct config {
	pairs annotations;
};

/* clang-format off */
static const struct field config_fields[] = {
	J_PAIRS(struct config, annotations, "annotations", 0, ""),
	J_END
};
static const struct type config_type = { "config", sizeof(struct config), config_fields };
/* clang-format on */

const char *bundle_group(const char *id, struct arena *arena)
{
	static const char *const names[] = { "io.containerd.runc.v2.group",
					     "io.kubernetes.cri.sandbox-id" };
	struct err e = { 0 };
	struct config c;
	char *text;
	size_t n;

	/* What is wrong with it, create will say. */
	if (json_load_file(&config_type, AT_FDCWD, "config.json", arena, NULL, &c, &text,
			   &n, &e))
		return id;
	for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
		for (size_t i = 0; i < c.annotations.n; i++)
			if (!strcmp(c.annotations.v[i].key, names[k]))
				return c.annotations.v[i].value;
	return id;
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
