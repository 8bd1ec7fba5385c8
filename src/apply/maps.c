/*
 * The id maps of a new user namespace: written directly, or by newuidmap and newgidmap,
 * which may map the subordinate ids of an ordinary user. The helpers are started by
 * absolute path, with nothing in their environment, and their exit status counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "apply/helper.h"
#include "apply/parts.h"
#include "base/fd.h"

enum { HELPER_WORDS = 300 };

static int write_proc(const struct apply *a, const char *file, const char *text,
		      struct err *e)
{
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)a->pid, file);
	r = fd_write_file(AT_FDCWD, path, text, strlen(text));
	return r < 0 ? err_sys(e, -r, "write %s", file) : 0;
}

/* What the helper says, one line of it, for the message. */
static void read_words(int fd, char words[HELPER_WORDS])
{
	size_t n = 0;
	ssize_t got;

	while (n < HELPER_WORDS - 1 &&
	       (got = read(fd, words + n, HELPER_WORDS - 1 - n)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		if (got > 0)
			n += (size_t)got;
	}
	words[n] = '\0';
	words[strcspn(words, "\n")] = '\0';
}

static int run_helper(const char *path, char *const *argv, struct err *e)
{
	char words[HELPER_WORDS];
	int fds[2], status, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, errno, "pipe");
	r = helper_start(path, argv, NULL,
			 (struct helper_fd[]){ { fds[1], 1 }, { fds[1], 2 } }, 2, &pid);
	close(fds[1]);
	if (r) {
		close(fds[0]);
		return err_sys(e, r, "start %s", path);
	}
	read_words(fds[0], words);
	close(fds[0]);
	status = helper_end(pid);
	if (status == 0)
		return 0;
	return err_set(e, ERR_HOST, "%s failed: %s", path,
		       words[0] ? words : "no reason given");
}

/* newuidmap PID INSIDE OUTSIDE COUNT ... */
static int by_helper(struct apply *a, const struct step *s, const char *path,
		     struct err *e)
{
	size_t n = s->word[1];
	char **argv = arena_array(a->arena, n + 3, sizeof(*argv));
	const char *word = text_of(a, s->str[0]);

	argv[0] = (char *)path;
	argv[1] = arena_printf(a->arena, "%d", (int)a->pid);
	for (size_t i = 0; i < n; i++) {
		argv[2 + i] = (char *)word;
		word += strlen(word) + 1;
	}
	return run_helper(path, argv, e);
}

int host_map_uid(struct apply *a, const struct step *s, struct err *e)
{
	if (s->word[0])
		return by_helper(a, s, "/usr/bin/newuidmap", e);
	return write_proc(a, "uid_map", text_of(a, s->str[0]), e);
}

int host_map_gid(struct apply *a, const struct step *s, struct err *e)
{
	if (s->word[2] && write_proc(a, "setgroups", "deny", e) < 0)
		return -1;
	if (s->word[0])
		return by_helper(a, s, "/usr/bin/newgidmap", e);
	return write_proc(a, "gid_map", text_of(a, s->str[0]), e);
}
