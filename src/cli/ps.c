/*
 * skiff ps: the host's ps(1), of whose rows those of the container's processes are shown.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/names.h"
#include "cli/cli.h"

enum { OUTPUT_MAX = 64 << 20 };

extern char **environ;

struct ps_opts {
	const char *format;
};

/* clang-format off */
static const struct opt ps_opts[] = {
	O_WORD(struct ps_opts, format, 'f', "format", "table json", "A table by ps(1), or an array of the pids (default: table)."),
	O_HELP,
	O_END
};
/* clang-format on */

struct pids {
	const pid_t *v;
	size_t n;
};

static bool has_pid(const struct pids *pids, pid_t pid)
{
	for (size_t i = 0; i < pids->n; i++)
		if (pids->v[i] == pid)
			return true;
	return false;
}

/* The n-th word of a line, or NULL; columns cannot be told by their place. */
static char *nth_word(char *line, int n, size_t *ret_len)
{
	for (;; n--) {
		line += strspn(line, " \t");
		*ret_len = strcspn(line, " \t");
		if (!*ret_len)
			return NULL;
		if (!n)
			return line;
		line += *ret_len;
	}
}

static int pid_column(char *head)
{
	size_t len;
	char *word;

	for (int n = 0; (word = nth_word(head, n, &len)); n++)
		if (len == 3 && !memcmp(word, "PID", 3))
			return n;
	return -1;
}

/* Rows of threads have "-" for the pid (ps -m): they stand below that of their process. */
static bool is_shown(struct cli *cli, char *row, int column, const struct pids *pids,
		     bool above)
{
	size_t len;
	char *word = nth_word(row, column, &len);
	uint64_t pid;

	if (!word)
		return false;
	if (len == 1 && *word == '-')
		return above;
	return parse_u64(arena_strndup(&cli->arena, word, len), INT32_MAX, &pid) &&
	       has_pid(pids, (pid_t)pid);
}

static int put_rows(struct cli *cli, char *text, const struct pids *pids, struct buf *b)
{
	char *save = NULL, *row = strtok_r(text, "\n", &save);
	int column = row ? pid_column(row) : -1;
	bool shown = false;

	if (column < 0)
		return cli_usage_error(cli,
				       "couldn't find PID field in ps output: ps must be "
				       "told to show it (-o pid,...)");
	buf_fmt(b, "%s\n", row);
	while ((row = strtok_r(NULL, "\n", &save))) {
		shown = is_shown(cli, row, column, pids, shown);
		if (shown)
			buf_fmt(b, "%s\n", row);
	}
	return 0;
}

/* Starts ps with its output on out. */
static int spawn_ps(struct cli *cli, int out, int argc, char **argv, pid_t *ret)
{
	char **args = arena_array(&cli->arena, (size_t)argc + 3, sizeof(*args));
	posix_spawn_file_actions_t actions;
	int r;

	args[0] = arena_strdup(&cli->arena, "ps");
	args[1] = arena_strdup(&cli->arena, "-ef");
	for (int i = 0; i < argc; i++)
		args[1 + i] = argv[i];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	r = posix_spawnp(ret, "ps", &actions, NULL, args, environ);
	posix_spawn_file_actions_destroy(&actions);
	return r ? cli_error(cli, "cannot execute the host's ps(1) (Debian: procps): %s",
			     strerror(r))
		 : 0;
}

static int run_host_ps(struct cli *cli, int argc, char **argv, char **ret)
{
	auto_fd in = -1, out = -1;
	int ends[2], status = 0, r;
	pid_t pid;
	size_t len;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return cli_error(cli, "pipe: %s", strerror(errno));
	in = ends[0];
	out = ends[1];
	r = spawn_ps(cli, out, argc, argv, &pid);
	if (r)
		return r;
	fd_close(&out);
	r = fd_read_all(in, &cli->arena, OUTPUT_MAX, ret, &len);
	fd_close(&in);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return cli_error(cli, "read what ps prints: %s", strerror(-r));
	if (!status)
		return 0;
	return argc ? cli_usage_error(cli,
				      "the host's ps(1) refused its options, see above")
		    : cli_error(cli, "the host's ps(1) failed, see above");
}

static void put_json(const struct pids *pids, struct buf *b)
{
	buf_char(b, '[');
	for (size_t i = 0; i < pids->n; i++)
		buf_fmt(b, "%s%d", i ? "," : "", (int)pids->v[i]);
	buf_str(b, "]\n");
}

static int run_ps(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct ps_opts *o = opts;
	int first = argc > 1 && !strcmp(argv[1], "--") ? 2 : 1;
	struct skiff_error e = { .size = sizeof(e) };
	struct pids pids;
	struct buf b;
	char *text;
	int r = 0;

	if (skiff_processes(cli->skiff, argv[0], &pids.v, &pids.n, &e) < 0)
		return cli_fail(cli, &e);
	buf_init(&b, &cli->arena, OUTPUT_MAX);
	if (o->format && !strcmp(o->format, "json")) {
		put_json(&pids, &b);
	} else {
		r = run_host_ps(cli, argc - first, argv + first, &text);
		if (!r)
			r = put_rows(cli, text, &pids, &b);
	}
	return r ? r : cli_print(cli, b.p, b.len);
}

const struct cmd cmd_ps = {
	.usage = {
		"ps", "CONTAINER [PS-OPTION...]", "list the processes of a container",
		"Runs the host's ps(1) with the options that follow CONTAINER (default: -ef) and prints its rows\n"
		"of the container's processes. The options must let ps show a column PID.",
		"skiff ps web1\nskiff ps web1 -o pid,rss,comm\nskiff ps --format json web1", ps_opts,
	},
	.opts_size = sizeof(struct ps_opts), .min_args = 1, .max_args = -1, .stop_after = 1, .spawns = true,
	.own_failure = 1, .run = run_ps,
};
