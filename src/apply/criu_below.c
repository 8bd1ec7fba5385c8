/*
 * Mounts below the source of a bind mount with "rbind": the container has them from the host, and gets the host's again.
 * Whoever can write to the source decides about the names on the way, so no link in it is followed: skiff-criu opens them
 * once and shows criu what it has opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

enum { MOUNTINFO_MAX = 64 << 20 };

/* The root of a mount at path, below dir or in it as the root directory. */
static bool look(int dir, const char *path, uint64_t resolve, struct statx *ret)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = resolve };
	auto_fd fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd >= 0 &&
	       !sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_INO | STATX_MNT_ID,
			  ret) &&
	       ret->stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

bool criu_is_below(int root, const struct criu_mount *m, int source, const char *suffix)
{
	struct statx in, out;

	return look(root, m->place, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS, &in) &&
	       in.stx_mnt_id == m->id &&
	       look(source, suffix, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, &out) &&
	       in.stx_dev_major == out.stx_dev_major &&
	       in.stx_dev_minor == out.stx_dev_minor && in.stx_ino == out.stx_ino;
}

/* One that is on top: not hidden below another. */
static int add(struct apply *a, const char *path, const char *source, int dir,
	       const char *suffix, struct err *e)
{
	struct criu_job *j = a->criu;
	struct statx st;

	if (strstr(suffix, "]:") || suffix[strlen(suffix) - 1] == ']' ||
	    !look(dir, suffix, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, &st))
		return 0;
	if (j->n_below == CRIU_BELOW_MAX)
		return err_set(e, ERR_HOST,
			       "more than %d mounts are below the sources of bind mounts",
			       CRIU_BELOW_MAX);
	criu_option(criu_request(j, a->arena), "external", "mnt[%s/%s]:%s/criu/m%zu",
		    path, suffix, j->dir, j->n_below++);
	criu_stage(a, arena_printf(a->arena, "+%s", suffix), source);
	return 0;
}

/* "ID PARENT MAJOR:MINOR ROOT PLACE ..." */
static char *place_of(char *line)
{
	char *save = NULL, *word = strtok_r(line, " ", &save);

	for (int i = 0; word && i < 4; i++)
		word = strtok_r(NULL, " ", &save);
	if (word)
		mountinfo_unescape(word);
	return word;
}

int criu_mount_below(struct apply *a, const char *path, const char *source, struct err *e)
{
	char real[PATH_MAX], *text, *save = NULL;
	auto_fd dir = -1;
	size_t n;
	int r;

	if (!realpath(source, real))
		return err_sys(e, errno, "mount source %s", source);
	dir = openat(AT_FDCWD, real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 0;
	r = fd_read_file(AT_FDCWD, "/proc/self/mountinfo", a->arena, MOUNTINFO_MAX, &text,
			 &n);
	if (r < 0)
		return err_sys(e, -r, "read /proc/self/mountinfo");
	n = strcmp(real, "/") ? strlen(real) : 0;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *place = place_of(line);

		if (place && !strncmp(place, real, n) && place[n] == '/' &&
		    place[n + 1] &&
		    add(a, path, arena_strdup(a->arena, real), dir, place + n + 1, e) < 0)
			return -1;
	}
	return 0;
}
