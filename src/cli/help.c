/* skiff help, and what else is printed about skiff itself. */
#include <string.h>

#include "base/names.h"
#include "cli/cli.h"

struct help_opts {
	bool unused;
};

static const struct opt help_opts[] = { O_HELP, O_END };

int cli_help(struct cli *cli, const struct cmd *cmd)
{
	const struct usage *u = cmd ? &cmd->usage : &cli_usage;
	struct buf b;

	buf_init(&b, &cli->arena, 1 << 16);
	opt_help(u, cmd ? arena_printf(&cli->arena, "skiff %s", u->name) : "skiff", &b);
	if (!cmd) {
		buf_str(&b, "\nCommands:\n");
		for (size_t i = 0; cli_commands[i]; i++)
			buf_fmt(&b, "  %-10s %s\n", cli_commands[i]->usage.name,
				cli_commands[i]->usage.summary);
		buf_str(&b, "\n\"skiff COMMAND --help\" tells more about a command.\n");
	}
	return cli_print(cli, b.p, b.len);
}

int cli_version(struct cli *cli)
{
	char *text = arena_printf(&cli->arena, "skiff version %s\ncommit: %s\nspec: %s\n",
				  skiff_version(), skiff_commit(), skiff_spec_version());

	return cli_print(cli, text, strlen(text));
}

const struct cmd *cli_find_command(struct cli *cli, const char *name)
{
	size_t n = strlen(name), best = NAMES_FAR(n);
	const char *nearest = NULL;

	for (size_t i = 0; cli_commands[i]; i++) {
		const char *known = cli_commands[i]->usage.name;

		if (!strcmp(known, name))
			return cli_commands[i];
		if (names_nearer(known, name, n, &best))
			nearest = known;
	}
	if (nearest)
		cli_usage_error(cli, "unknown command \"%s\" (did you mean \"%s\"?)",
				name, nearest);
	else
		cli_usage_error(
			cli, "unknown command \"%s\": \"skiff --help\" lists them", name);
	return NULL;
}

static int run_help(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct cmd *cmd = argc ? cli_find_command(cli, argv[0]) : NULL;

	(void)opts;
	return argc && !cmd ? cli->status : cli_help(cli, cmd);
}

const struct cmd cmd_help = {
	.usage = {
		"help", "[COMMAND]", "show help for skiff or one of its commands",
		"Prints the options and commands of skiff, or what COMMAND does and its options.",
		"skiff help run", help_opts,
	},
	.opts_size = sizeof(struct help_opts), .max_args = 1, .stop_after = -1, .own_failure = 1, .run = run_help,
};
