/* skiff start, state, kill, delete. */
#include <string.h>

#include "cli/cli.h"

struct no_opts {
	bool unused;
};
struct kill_opts {
	bool all;
};
struct delete_opts {
	bool force;
};

static const struct opt only_help[] = { O_HELP, O_END };
/* clang-format off */
static const struct opt kill_opts[] = {
	O_FLAG(struct kill_opts, all, 'a', "all", "Every process of the container, and success when none is left."),
	O_HELP,
	O_END
};
static const struct opt delete_opts[] = {
	O_FLAG(struct delete_opts, force, 'f', "force", "Kill it first; an unknown container is no error."),
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

static int run_kill(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct kill_opts *o = opts;
	const char *name = argc > 1 ? argv[1] : "TERM";
	struct skiff_error e = { .size = sizeof(e) };
	int signal = skiff_signal_number(name);

	if (signal < 0)
		return cli_error(cli, "unknown signal \"%s\"", name);
	return skiff_kill(cli->skiff, argv[0], signal, o->all, &e) < 0 ? cli_fail(cli, &e)
								       : 0;
}

static int run_delete(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct delete_opts *o = opts;
	struct skiff_error e = { .size = sizeof(e) };

	(void)argc;
	return skiff_delete(cli->skiff, argv[0], o->force, &e) < 0 ? cli_fail(cli, &e)
								   : 0;
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
		"Prints id, status (creating, created, running, paused, stopped), pid, bundle and annotations\n"
		"of the container, as the specification says.",
		"skiff state web1", only_help,
	},
	.opts_size = sizeof(struct no_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .own_failure = 1,
	.run = run_state,
};

const struct cmd cmd_kill = {
	.usage = {
		"kill", "CONTAINER [SIGNAL]", "send a signal to a container",
		"Sends SIGNAL, by name or number (TERM), to the container's first process.",
		"skiff kill web1 HUP\nskiff kill --all web1 KILL", kill_opts,
	},
	.opts_size = sizeof(struct kill_opts), .min_args = 1, .max_args = 2, .stop_after = 1, .own_failure = 1,
	.run = run_kill,
};

const struct cmd cmd_delete = {
	.usage = {
		"delete", "CONTAINER", "remove what is left of a stopped container",
		"Removes the container's cgroup and state and runs its poststop hooks. The bundle stays.",
		"skiff delete web1\nskiff delete --force web1", delete_opts,
	},
	.opts_size = sizeof(struct delete_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .spawns = true,
	.own_failure = 1, .run = run_delete,
};
