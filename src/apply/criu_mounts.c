/*
 * Which mounts of a container criu does not save: what the host has for them is found again when it is restored. A mount
 * is named by its destination in the configuration, never by what the image's links make of that: criu takes
 * "mnt[PLACE]:NAME" apart at the first "]:", so neither part may have one (CVE-2026-119101, CVE-2026-115520).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "apply/criu.h"
#include "apply/parts.h"
#include "base/fd.h"
#include "base/mountinfo.h"
#include "base/sys.h"

enum { MOUNTINFO_MAX = 64 << 20, LINES_MAX = 100000 };

/* mountinfo of the container's init, by the kernel's ids. */
struct mount_table {
	struct criu_mount *v;
	size_t n;
};

/* "ID PARENT MAJOR:MINOR ROOT PLACE ..." */
static void add_line(struct mount_table *t, char *line)
{
	char *save = NULL, *word = strtok_r(line, " ", &save);
	unsigned long long id = word ? strtoull(word, NULL, 10) : 0;

	for (int i = 0; word && i < 4; i++)
		word = strtok_r(NULL, " ", &save);
	if (!word)
		return;
	mountinfo_unescape(word);
	t->v[t->n++] = (struct criu_mount){ id, word };
}

static int read_table(struct criu_job *j, struct arena *arena, struct err *e)
{
	char path[48], *text, *save = NULL;
	size_t n, lines = 1;
	int r;

	if (j->mounts)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)j->pid);
	j->root = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (j->root < 0)
		return err_sys(e, errno, "open the container's root");
	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)j->pid);
	r = fd_read_file(AT_FDCWD, path, arena, MOUNTINFO_MAX, &text, &n);
	if (r < 0)
		return err_sys(e, -r, "read the container's mounts");
	for (const char *c = text; *c && lines < LINES_MAX; c++)
		lines += *c == '\n';
	j->mounts = arena_new(arena, struct mount_table);
	j->mounts->v = arena_array(arena, lines, sizeof(*j->mounts->v));
	for (char *line = strtok_r(text, "\n", &save); line && j->mounts->n < lines;
	     line = strtok_r(NULL, "\n", &save))
		add_line(j->mounts, line);
	return 0;
}

int criu_has_mount(struct criu_job *j, unsigned long long id, struct arena *arena,
		   struct err *e)
{
	if (read_table(j, arena, e) < 0)
		return -1;
	for (size_t i = 0; i < j->mounts->n; i++)
		if (j->mounts->v[i].id == id)
			return 1;
	return 0;
}

static bool is_ambiguous(const char *path)
{
	return strstr(path, "]:") || path[strlen(path) - 1] == ']';
}

static int refuse(const char *path, struct err *e)
{
	return err_set(
		e, ERR_CONFIG,
		"\"%s\": criu cannot tell a mount of this name from others (\"]\" ends "
		"one): use another path",
		path);
}

/* Where the mount is that is found at this path of the container: NULL = none is. Links of the image are followed inside its
 * root. */
static int find_place(struct apply *a, const char *path, const char **ret, bool *ret_dir,
		      struct err *e)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	auto_fd fd = -1;
	struct statx st;
	int r;

	*ret = NULL;
	if (read_table(a->criu, a->arena, e) < 0)
		return -1;
	fd = (int)syscall(SYS_openat2, a->criu->root, path, &how, sizeof(how));
	if (fd < 0)
		return 0;
	r = (int)sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID, &st);
	if (r < 0)
		return err_sys(e, -r, "look at %s of the container", path);
	if (!(st.stx_mask & STATX_MNT_ID))
		return err_set(e, ERR_HOST,
			       "this kernel (before 5.8) does not tell the mount of %s",
			       path);
	*ret_dir = S_ISDIR(st.stx_mode);
	for (size_t i = 0;
	     i < a->criu->mounts->n && st.stx_attributes & STATX_ATTR_MOUNT_ROOT; i++)
		if (a->criu->mounts->v[i].id == st.stx_mnt_id)
			*ret = a->criu->mounts->v[i].place;
	/* Not the root itself, where something of the container's stood before. */
	if (*ret && !strcmp(*ret, "/"))
		*ret = NULL;
	return 0;
}

static int leave(struct apply *a, const char *place, const char *name, struct err *e)
{
	if (is_ambiguous(place))
		return refuse(place, e);
	criu_option(criu_request(a->criu, a->arena), "external", "mnt[%s]:%s", place,
		    name);
	return 0;
}

/* The mounts below that came with it. Others are the container's own. */
static int leave_below(struct apply *a, const char *place, const char *path,
		       const char *source, struct err *e)
{
	const struct mount_table *t = a->criu->mounts;
	auto_fd dir = openat(AT_FDCWD, source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	size_t n = strlen(place);

	/* A file has nothing below. */
	for (size_t i = 0; dir >= 0 && i < t->n; i++) {
		const char *at = t->v[i].place;

		if (strncmp(at, place, n) != 0 || at[n] != '/' ||
		    !criu_is_below(a->criu->root, &t->v[i], dir, at + n + 1))
			continue;
		if (leave(a, at, arena_printf(a->arena, "%s%s", path, at + n), e) < 0)
			return -1;
	}
	return 0;
}

int host_criu_leave(struct apply *a, const struct step *s, struct err *e)
{
	const char *path = text_of(a, s->str[0]), *place;
	bool dir;

	if (is_ambiguous(path))
		return refuse(path, e);
	if (find_place(a, path, &place, &dir, e) < 0)
		return -1;
	if (!place)
		return 0;
	if (leave(a, place, path, e) < 0)
		return -1;
	return s->flags & STEP_REC ? leave_below(a, place, path, text_of(a, s->str[1]), e)
				   : 0;
}

int host_criu_masked(struct apply *a, const struct step *s, struct err *e)
{
	const char *place;
	bool dir;

	if (find_place(a, text_of(a, s->str[0]), &place, &dir, e) < 0)
		return -1;
	return place ? leave(a, place, dir ? CRIU_MASK_DIR : CRIU_MASK_FILE, e) : 0;
}

/* --- restore --- */

int host_criu_mount(struct apply *a, const struct step *s, struct err *e)
{
	const char *path = text_of(a, s->str[0]), *source = text_of(a, s->str[1]);

	if (is_ambiguous(path))
		return refuse(path, e);
	if (is_ambiguous(source))
		return refuse(source, e);
	criu_option(criu_request(a->criu, a->arena), "external", "mnt[%s]:%s", path,
		    source);
	if (s->flags & STEP_LIKE)
		criu_stage(a, path, source);
	return s->flags & STEP_REC ? criu_mount_below(a, path, source, e) : 0;
}
