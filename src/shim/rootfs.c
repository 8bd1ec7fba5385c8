/*
 * Mounting by mount(2), whose data is one page: an overlay of very many layers is mounted from the directory that they share, by
 * relative names. Unmounting goes from the last mount at or below the directory to the first.
 */
#include "shim/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/mountinfo.h"
#include "base/sys.h"

enum { PAGE = 4096, DATA_MAX = 1 << 20, MOUNTINFO_MAX = 64 << 20 };

static const struct {
	const char *word;
	unsigned long set, clear;
} words[] = {
	{ "ro", MS_RDONLY, 0 },
	{ "rw", 0, MS_RDONLY },
	{ "nosuid", MS_NOSUID, 0 },
	{ "suid", 0, MS_NOSUID },
	{ "nodev", MS_NODEV, 0 },
	{ "dev", 0, MS_NODEV },
	{ "noexec", MS_NOEXEC, 0 },
	{ "exec", 0, MS_NOEXEC },
	{ "sync", MS_SYNCHRONOUS, 0 },
	{ "async", 0, MS_SYNCHRONOUS },
	{ "dirsync", MS_DIRSYNC, 0 },
	{ "noatime", MS_NOATIME, 0 },
	{ "atime", 0, MS_NOATIME },
	{ "nodiratime", MS_NODIRATIME, 0 },
	{ "diratime", 0, MS_NODIRATIME },
	{ "relatime", MS_RELATIME, 0 },
	{ "norelatime", 0, MS_RELATIME },
	{ "strictatime", MS_STRICTATIME, 0 },
	{ "bind", MS_BIND, 0 },
	{ "rbind", MS_BIND | MS_REC, 0 },
	{ "defaults", 0, 0 },
};

struct wish {
	const char *type, *source;
	unsigned long flags;
	struct buf data;
};

/* false: the file system's own option. */
static bool take_word(const char *option, unsigned long *flags)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i].word, option)) {
			*flags = (*flags & ~words[i].clear) | words[i].set;
			return true;
		}
	return false;
}

static void read_wish(const Pb__Mount *m, struct arena *arena, struct wish *ret)
{
	*ret = (struct wish){ .type = m->type, .source = m->source };
	buf_init(&ret->data, arena, DATA_MAX);
	for (size_t i = 0; i < m->n_options; i++) {
		if (take_word(m->options[i], &ret->flags))
			continue;
		if (ret->data.len)
			buf_char(&ret->data, ',');
		buf_str(&ret->data, m->options[i]);
	}
}

/* --- data longer than a page --- */

/* The length of the directory, with its slash, that all layers of "a:b:c" lie in. */
static size_t common_directory(const char *layers)
{
	size_t n = strcspn(layers, ":,");

	for (const char *p = layers; *p && *p != ','; p += *p == ':') {
		size_t k = 0;

		while (k < n && p[k] == layers[k])
			k++;
		n = k;
		p += strcspn(p, ":,");
	}
	while (n && layers[n - 1] != '/')
		n--;
	return n;
}

/* "lowerdir=" with names that begin in the layers' directory, which becomes *ret_dir. */
static void shorten(struct buf *data, struct arena *arena, char **ret_dir)
{
	char *layers = strstr(data->p, "lowerdir=");
	struct buf out;
	size_t n;

	if (!layers)
		return;
	layers += strlen("lowerdir=");
	n = common_directory(layers);
	*ret_dir = arena_strndup(arena, layers, n);
	buf_init(&out, arena, DATA_MAX);
	buf_add(&out, data->p, (size_t)(layers - data->p));
	while (*layers && *layers != ',') {
		size_t k = strcspn(layers, ":,");

		buf_add(&out, layers + n, k - n);
		layers += k;
		if (*layers == ':')
			buf_char(&out, *layers++);
	}
	buf_str(&out, layers);
	*data = out;
}

static int mount_shortened(const char *target, struct wish *w, struct arena *arena)
{
	char *dir = NULL;
	auto_fd before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	shorten(&w->data, arena, &dir);
	if (w->data.len >= PAGE || !dir)
		return E2BIG;
	if (chdir(dir) < 0)
		return errno;
	r = mount(w->source, target, w->type, w->flags, w->data.p) < 0 ? errno : 0;
	if (before < 0 || fchdir(before) < 0)
		r = chdir("/") < 0 ? errno : r;
	return r;
}

/* --- mounting --- */

enum { TARGET_SIZE = 40 };

/* dir, or what `below` means in it: links of the image end there. A path that stays right for as long as the descriptor, which
 * is the result, or -errno. */
static int open_target(const char *dir, const char *below, char ret_path[TARGET_SIZE])
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	auto_fd root = open(dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int fd;

	if (root < 0)
		return -errno;
	fd = *below ? (int)sys_openat2(root, below, &how, sizeof(how)) : fd_take(&root);
	if (fd >= 0)
		snprintf(ret_path, TARGET_SIZE, "/proc/self/fd/%d", fd);
	return fd;
}

static int mount_new(const char *dir, const char *below, struct wish *w,
		     struct arena *arena)
{
	char target[TARGET_SIZE];
	auto_fd fd = open_target(dir, below, target);

	if (fd < 0)
		return -fd;
	if (w->data.len >= PAGE)
		return mount_shortened(target, w, arena);
	return mount(w->source, target, w->type, w->flags,
		     w->data.len ? w->data.p : NULL) < 0
		       ? errno
		       : 0;
}

/* A bind takes its flags by a second call only; what was opened before lies below it. */
static int set_bind_flags(const char *dir, const char *below, const struct wish *w)
{
	char target[TARGET_SIZE];
	auto_fd fd = open_target(dir, below, target);

	if (fd < 0)
		return -fd;
	return mount(NULL, target, NULL, w->flags | MS_REMOUNT, NULL) < 0 ? errno : 0;
}

static int mount_one(const char *dir, const Pb__Mount *m, struct arena *arena,
		     struct err *e)
{
	struct wish w;
	int r;

	read_wish(m, arena, &w);
	r = mount_new(dir, m->target, &w, arena);
	if (!r && w.flags & MS_BIND && w.flags & ~(unsigned long)(MS_BIND | MS_REC))
		r = set_bind_flags(dir, m->target, &w);
	return r ? err_sys(e, r, "mount %s (%s) at %s/%s", m->source, m->type, dir,
			   m->target)
		 : 0;
}

int rootfs_mount(const char *dir, Pb__Mount *const *mounts, size_t n, struct arena *arena,
		 struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (mount_one(dir, mounts[i], arena, e) < 0) {
			rootfs_unmount(dir);
			return -1;
		}
	}
	return 0;
}

/* --- unmounting --- */

static bool is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && (!path[n] || path[n] == '/');
}

/* The last one in mountinfo is on top. NULL = none. */
static char *last_mount(const char *dir, char *mountinfo)
{
	char *found = NULL, *rest;

	for (char *line = strtok_r(mountinfo, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *point = line;

		for (int i = 0; i < 4 && point; i++)
			point = strchr(point, ' ') ? strchr(point, ' ') + 1 : NULL;
		if (!point)
			continue;
		point[strcspn(point, " ")] = '\0';
		mountinfo_unescape(point);
		if (is_below(point, dir))
			found = point;
	}
	return found;
}

static bool unmount_last(const char *dir)
{
	auto_arena arena = { 0 };
	char *text, *point;
	size_t n;

	if (arena_init(&arena) < 0 || fd_read_file(AT_FDCWD, "/proc/self/mountinfo",
						   &arena, MOUNTINFO_MAX, &text, &n) < 0)
		return false;
	point = last_mount(dir, text);
	if (!point)
		return false;
	return !umount2(point, UMOUNT_NOFOLLOW) ||
	       !umount2(point, UMOUNT_NOFOLLOW | MNT_DETACH);
}

void rootfs_unmount(const char *dir)
{
	char real[PATH_MAX];
	struct stat st;

	/* It is a directory, whatever leads to it; mountinfo has no symbolic links in it. */
	if (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode) || !realpath(dir, real))
		return;
	while (unmount_last(real))
		;
}
