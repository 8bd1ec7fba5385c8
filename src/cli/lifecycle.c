/* skiff start, state, pause, resume, kill, delete. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "cli/cli.h"

struct no_opts {
	bool unused;
};
struct kill_opts {
	bool all, regex;
};
struct delete_opts {
	bool force, regex;
};

static const struct opt only_help[] = { O_HELP, O_END };
/* clang-format off */
static const struct opt kill_opts[] = {
	O_FLAG(struct kill_opts, all, 'a', "all", "Signal every process of the container; succeed even if none is left."),
	O_FLAG(struct kill_opts, regex, 'r', "regex", "Take CONTAINER as an extended regular expression that selects ids."),
	O_HELP,
	O_END
};
static const struct opt delete_opts[] = {
	O_FLAG(struct delete_opts, force, 'f', "force", "Kill the container first if it runs; an unknown container is no error."),
	O_FLAG(struct delete_opts, regex, 'r', "regex", "Take CONTAINER as an extended regular expression that selects ids."),
	O_HELP,
	O_END
};
/* clang-format on */

static int run_start(struct cli *cli, const void *opts, int argc, char **argv)
{
	struct skiff_error e = { .size = sizeof(e) };

	(void)opts;
	(void)argc;
	return skiff_start(cli->skiff, argv[0], &e) < 0 ? cli_fail(cli, &e) : 0;
}

static int run_state(struct cli *cli, const void *opts, int argc, char **argv)
{
	struct skiff_error e = { .size = sizeof(e) };
	const char *text;

	(void)opts;
	(void)argc;
	if (skiff_state(cli->skiff, argv[0], &text, &e) < 0)
		return cli_fail(cli, &e);
	return cli_print(cli, text, strlen(text));
}

static int run_pause(struct cli *cli, const void *opts, int argc, char **argv)
{
	struct skiff_error e = { .size = sizeof(e) };

	(void)opts;
	(void)argc;
	return skiff_pause(cli->skiff, argv[0], &e) < 0 ? cli_fail(cli, &e) : 0;
}

static int run_resume(struct cli *cli, const void *opts, int argc, char **argv)
{
	struct skiff_error e = { .size = sizeof(e) };

	(void)opts;
	(void)argc;
	return skiff_resume(cli->skiff, argv[0], &e) < 0 ? cli_fail(cli, &e) : 0;
}

/* What is done to one container, or to all that a regular expression matches. */
struct each {
	int signal;
	bool flag; /* kill: all; delete: force */
	int (*act)(struct cli *cli, const char *id, const struct each *each);
};

/* One that fails does not keep the others from their turn. */
static int for_each(struct cli *cli, const struct each *each, const char *pattern)
{
	struct skiff_error e = { .size = sizeof(e) };
	const char *const *ids;
	size_t n;
	int first = 0;

	if (skiff_match(cli->skiff, pattern, &ids, &n, &e) < 0)
		return cli_fail(cli, &e);
	if (!n)
		cli_warning(cli,
			    arena_printf(&cli->arena, "no container's id matches \"%s\"",
					 pattern));
	for (size_t i = 0; i < n; i++) {
		int r = each->act(cli, ids[i], each);

		first = first ? first : r;
	}
	return first;
}

static int kill_one(struct cli *cli, const char *id, const struct each *each)
{
	struct skiff_error e = { .size = sizeof(e) };

	return skiff_kill(cli->skiff, id, each->signal, each->flag, &e) < 0
		       ? cli_fail(cli, &e)
		       : 0;
}

static int delete_one(struct cli *cli, const char *id, const struct each *each)
{
	struct skiff_error e = { .size = sizeof(e) };

	return skiff_delete(cli->skiff, id, each->flag, &e) < 0 ? cli_fail(cli, &e) : 0;
}

enum { SIGNALS = 32 };

static int unknown_signal(struct cli *cli, const char *name)
{
	const char *word = strncasecmp(name, "SIG", 3) ? name : name + 3, *nearest = NULL;
	size_t n = strlen(word), best = NAMES_FAR(n) + 1;
	char *upper = arena_strdup(&cli->arena, word);

	for (char *c = upper; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	for (int i = 1; i < SIGNALS; i++) {
		const char *known = skiff_signal_name(i);

		if (known && names_nearer(known, upper, n, &best))
			nearest = known;
	}
	if (nearest)
		return cli_usage_error(cli,
				       "unknown signal \"%s\" (did you mean \"%s\"?)",
				       name, nearest);
	return cli_usage_error(cli,
			       "unknown signal \"%s\": a name as of kill(1) or a number "
			       "from 0 to 64",
			       name);
}

static int run_kill(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct kill_opts *o = opts;
	const char *name = argc > 1 ? argv[1] : "TERM";
	struct each each = { skiff_signal_number(name), o->all, kill_one };

	if (each.signal < 0)
		return unknown_signal(cli, name);
	return o->regex ? for_each(cli, &each, argv[0]) : kill_one(cli, argv[0], &each);
}

static int run_delete(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct delete_opts *o = opts;
	struct each each = { 0, o->force, delete_one };

	(void)argc;
	return o->regex ? for_each(cli, &each, argv[0]) : delete_one(cli, argv[0], &each);
}

const struct cmd cmd_start = {
	.usage = {
		"start", "CONTAINER", "start the program of a created container",
		"Lets the container that \"skiff create\" made execute its program. Fails if the program\n"
		"cannot be executed.",
		"skiff create -b /srv/web web1 && skiff start web1", only_help,
	},
	.opts_size = sizeof(struct no_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .spawns = true,
	.own_failure = 1, .run = run_start,
};

const struct cmd cmd_state = {
	.usage = {
		"state", "CONTAINER", "show the state of a container as JSON",
		"Prints the container's id, status (creating, created, running, paused or stopped), pid,\n"
		"bundle and annotations, as the OCI runtime specification defines them.",
		"skiff state web1", only_help,
	},
	.opts_size = sizeof(struct no_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .own_failure = 1,
	.run = run_state,
};

const struct cmd cmd_pause = {
	.usage = {
		"pause", "CONTAINER", "suspend all processes of a container",
		"Freezes all processes of a running or created container: they stay in memory, but get no CPU\n"
		"time until \"skiff resume\". If one of them cannot be frozen within 10 seconds, all are resumed\n"
		"and the error names it.",
		"skiff pause web1 && skiff resume web1", only_help,
	},
	.opts_size = sizeof(struct no_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .own_failure = 1,
	.run = run_pause,
};

const struct cmd cmd_resume = {
	.usage = {
		"resume", "CONTAINER", "resume a paused container",
		"Lets the processes run again that \"skiff pause\" has frozen.",
		"skiff resume web1", only_help,
	},
	.opts_size = sizeof(struct no_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .own_failure = 1,
	.run = run_resume,
};

const struct cmd cmd_kill = {
	.usage = {
		"kill", "CONTAINER [SIGNAL]", "send a signal to a container",
		"Sends SIGNAL, a name or a number (default: TERM), to the container's first process. Options\n"
		"stand before CONTAINER. KILL ends a paused container at once; other signals reach it when it\n"
		"is resumed.",
		"skiff kill web1 HUP\nskiff kill --all web1 KILL\nskiff kill --regex '^web' TERM", kill_opts,
	},
	.opts_size = sizeof(struct kill_opts), .min_args = 1, .max_args = 2, .stop_after = 1, .own_failure = 1,
	.run = run_kill,
};

const struct cmd cmd_delete = {
	.usage = {
		"delete", "CONTAINER", "delete a stopped container",
		"Removes the container's cgroup and state and runs its poststop hooks; the bundle stays. A\n"
		"container that was created but never started is killed first. A process that does not end\n"
		"within 10 seconds of KILL is named, with what it waits for.",
		"skiff delete web1\nskiff delete --force web1\nskiff delete --force --regex '^test-'", delete_opts,
	},
	.opts_size = sizeof(struct delete_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .spawns = true,
	.own_failure = 1, .run = run_delete,
};
