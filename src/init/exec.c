/*
 * The end: working directory, program, closing, execve. Everything that can be refused is
 * done before SYNC_EXEC is said; after it only a failure or end-of-file follows.
 */
#include "init/init.h"

#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/fcntl.h>

#include "init/stat.h"

#define X_OK_ 1

static int make_dirs(char *path)
{
	int r = 0;

	for (char *p = path + 1; *p && (r >= 0 || r == -EEXIST); p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		r = (int)sys_mkdirat(AT_FDCWD, path, 0755);
		*p = '/';
	}
	r = (int)sys_mkdirat(AT_FDCWD, path, 0755);
	return r == -EEXIST ? 0 : r;
}

/* Inside the root by now; but a directory that came in through a descriptor may be
 * outside (CVE-2024-21626). */
int op_cwd(struct init *c, const struct step *s)
{
	char *path = c->strings + s->str[0];
	char real[INIT_PATH_MAX];
	int r = (int)sys_chdir(path);

	if (r == -ENOENT && s->word[0]) {
		r = make_dirs(path);
		if (r >= 0)
			r = (int)sys_chdir(path);
	}
	if (r < 0)
		return r;
	r = (int)sys_getcwd(real, sizeof(real));
	if (r < 0)
		return r;
	return real[0] == '/' ? 0 : -EXDEV;
}

/* 0 when path is something to execute; whether the user of the process may, execve
 * says. */
static int is_program(const char *path)
{
	struct statx st;
	int r = (int)sys_statx(AT_FDCWD, path, 0, STATX_TYPE | STATX_MODE, &st);

	if (r < 0)
		return r;
	if (S_ISDIR(st.stx_mode))
		return -EISDIR;
	return S_ISREG(st.stx_mode) && st.stx_mode & 0111 ? 0 : -EACCES;
}

static bool has_slash(const char *s)
{
	while (*s && *s != '/')
		s++;
	return *s;
}

/* The next directory of a search path joined with name; the rest of the search path,
 * or NULL at the end. */
static const char *next_candidate(const char *path, const char *name,
				  char to[INIT_PATH_MAX])
{
	size_t n = 0;

	while (*path && *path != ':') {
		if (n < INIT_PATH_MAX - 1)
			to[n++] = *path;
		path++;
	}
	if (!n)
		to[n++] = '.';
	n = text_add(to, INIT_PATH_MAX, n, "/");
	if (text_add(to, INIT_PATH_MAX, n, name) == INIT_PATH_MAX)
		to[0] = '\0'; /* too long: no such file */
	return *path ? path + 1 : NULL;
}

int op_find(struct init *c, const struct step *s)
{
	const char *name = str(c, s->str[0]), *path = str(c, s->str[1]);
	int result = -ENOENT;

	if (has_slash(name)) {
		if (text_add(c->program, INIT_PATH_MAX, 0, name) == INIT_PATH_MAX)
			return -ENAMETOOLONG;
		return is_program(name);
	}
	while (path && *name) {
		int r;

		path = next_candidate(path, name, c->program);
		r = is_program(c->program);
		if (r >= 0)
			return 0;
		/* A program that must not be run says more than that elsewhere there
		 * is none. */
		if (r == -EACCES)
			result = r;
	}
	return result;
}

/* Fills pointers to the n strings that begin at `text`; NULL-terminated, with one
 * place left before that. */
static char **list(char **to, char *text, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		*to++ = text;
		text += text_len(text) + 1;
	}
	*to = NULL;
	return to;
}

/* All but stdio and what is preserved goes at the exec: also the socket, whose end
 * tells the host that it came. */
static int close_at_exec(struct init *c, unsigned from)
{
	unsigned talk = (unsigned)fds_slot(c, SLOT_TALK);
	int r = (int)sys_close_range(from, ~0u, CLOSE_RANGE_CLOEXEC);

	if (r != -EINVAL)
		return r;
	/* Before Linux 5.11: close now; the socket stays for the report. */
	r = (int)sys_fcntl((int)talk, F_SETFD, FD_CLOEXEC);
	if (r >= 0 && talk > from)
		r = (int)sys_close_range(from, talk - 1, 0);
	return r < 0 ? r : (int)sys_close_range(talk + 1, ~0u, 0);
}

int exec_close_early(struct init *c)
{
	const struct step *s = &c->steps[c->flat->n_steps - 1];
	int r = (int)sys_close_range(3 + (unsigned)s->word[2], ~0u, CLOSE_RANGE_CLOEXEC);

	c->closed = r >= 0;
	return r == -EINVAL ? 0 : r;
}

static char **argv_of(const struct init *c)
{
	return (char **)((char *)c->flat + c->flat->scratch);
}

int exec_prepare(struct init *c, const struct step *s)
{
	uint64_t room = c->flat->n_scratch / sizeof(char *);
	char **env;
	int r;

	if (c->ready)
		return 0;
	if (s->word[0] + s->word[1] + 3 > room)
		return -E2BIG;
	env = list(argv_of(c), c->strings + s->str[0], s->word[0]) + 1;
	env = list(env, c->strings + s->str[1], s->word[1]);
	if (c->home[0])
		list(env, c->home, 1);
	r = c->closed ? 0 : close_at_exec(c, 3 + (unsigned)s->word[2]);
	if (r < 0)
		return r;
	r = talk_tell(c, SYNC_EXEC, 0);
	c->ready = r >= 0;
	return r;
}

int op_exec(struct init *c, const struct step *s)
{
	char **argv = argv_of(c);
	const char *program;
	int r;

	/* Created all the same: only the start needs a program. */
	if (!s->word[0])
		return -ENOENT;
	r = exec_prepare(c, s);
	if (r < 0)
		return r;
	/* A path is executed without having been looked for. */
	program = c->program[0] ? c->program : argv[0];
	r = (int)sys_execve(program, argv, argv + s->word[0] + 1);
	if (r == -ENOENT && !c->filtered && sys_faccessat(AT_FDCWD, program, X_OK_) == 0)
		c->detail = "the program is there, its interpreter or loader is not";
	return r;
}
