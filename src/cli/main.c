/*
 * skiff(1): global options, choosing the command. Starts in as few system calls as it
 * can: no locale, no stdio, no user database.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/names.h"
#include "cli/cli.h"

static int print_help(struct cli *cli, const struct usage *u, const char *program,
		      bool commands)
{
	struct buf b;

	buf_init(&b, &cli->arena, 1 << 16);
	opt_help(u, program, &b);
	if (commands) {
		buf_str(&b, "\nCommands:\n");
		for (size_t i = 0; cli_commands[i]; i++)
			buf_fmt(&b, "  %-10s %s\n", cli_commands[i]->usage.name,
				cli_commands[i]->usage.summary);
		buf_str(&b, "\n\"skiff COMMAND --help\" explains a command.\n");
	}
	return cli_print(cli, b.p, b.len);
}

static int print_version(struct cli *cli)
{
	char *text = arena_printf(&cli->arena, "skiff version %s\ncommit: %s\nspec: %s\n",
				  skiff_version(), skiff_commit(), skiff_spec_version());

	return cli_print(cli, text, strlen(text));
}

static const struct cmd *find_command(struct cli *cli, const char *name)
{
	const char *nearest = NULL;
	size_t best = 3;

	for (size_t i = 0; cli_commands[i]; i++) {
		const char *known = cli_commands[i]->usage.name;
		size_t d = names_distance(known, strlen(known), name, strlen(name));

		if (!d)
			return cli_commands[i];
		if (d < best) {
			best = d;
			nearest = known;
		}
	}
	if (nearest)
		cli_error(cli, "unknown command \"%s\" (did you mean \"%s\"?)", name,
			  nearest);
	else
		cli_error(cli, "unknown command \"%s\": \"skiff --help\" lists them",
			  name);
	return NULL;
}

static int open_log(struct cli *cli)
{
	const struct globals *g = &cli->globals;

	if (g->log_format && !strcmp(g->log_format, "json"))
		cli->log.format = LOG_JSON;
	if (g->debug || (g->log_level && !strcmp(g->log_level, "debug")))
		cli->log.level = LOG_DEBUG;
	else if (g->log_level && !strcmp(g->log_level, "warning"))
		cli->log.level = LOG_WARN;
	if (!g->log || !*g->log)
		return 0;
	cli->log.fd = open(g->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY,
			   0644);
	return cli->log.fd < 0
		       ? cli_error(cli, "open log %s: %s", g->log, strerror(errno))
		       : 0;
}

/* A closed stdin, stdout or stderr would be taken by the next file that is opened, and
 * the container would inherit that (one call asks for all three). An ignored SIGCHLD
 * would lose exit statuses. */
static void make_sane(void)
{
	struct pollfd p[3] = { { 0, 0, 0 }, { 1, 0, 0 }, { 2, 0, 0 } };

	if (poll(p, 3, 0) > 0)
		for (int i = 0; i < 3; i++)
			if (p[i].revents & POLLNVAL && open("/dev/null", O_RDWR) < 0)
				return;
	signal(SIGCHLD, SIG_DFL);
}

static int open_context(struct cli *cli)
{
	const struct globals *g = &cli->globals;
	struct skiff_options o = { sizeof(o), g->root, g->cgroup_manager,
				   cli->log.level == LOG_DEBUG };
	struct skiff_error e = { .size = sizeof(e) };

	if (g->systemd_cgroup)
		o.cgroup_manager = "systemd";
	return skiff_new(&o, &cli->skiff, &e) < 0 ? cli_fail(cli, &e) : 0;
}

static void log_warnings(struct cli *cli)
{
	const char *text;

	while (cli->log.level > LOG_ERROR && (text = skiff_next_warning(cli->skiff))) {
		struct log_record r = { .level = LOG_WARN, .msg = text };

		log_record(&cli->log, &cli->arena, &r);
	}
	while ((text = skiff_next_debug(cli->skiff))) {
		struct log_record r = { .level = LOG_DEBUG, .msg = text };

		log_record(&cli->log, &cli->arena, &r);
	}
}

static int check_operands(struct cli *cli, const struct cmd *cmd, int n)
{
	if (n < cmd->min_args)
		return cli_error(
			cli, "\"skiff %s\" needs more arguments: skiff %s [OPTION...] %s",
			cmd->usage.name, cmd->usage.name, cmd->usage.operands);
	if (cmd->max_args >= 0 && n > cmd->max_args)
		return cli_error(
			cli,
			"\"skiff %s\" takes fewer arguments: skiff %s [OPTION...] %s",
			cmd->usage.name, cmd->usage.name, cmd->usage.operands);
	return 0;
}

static int run_command(struct cli *cli, const struct cmd *cmd, int argc, char **argv)
{
	void *opts = arena_alloc(&cli->arena, cmd->opts_size + 1);
	struct err e;
	int first, r = opt_parse(cmd->usage.opts, argc, argv, cmd->stop_after,
				 &cli->arena, opts, &first, &e);

	if (r > 0)
		return print_help(cli, &cmd->usage,
				  arena_printf(&cli->arena, "skiff %s", cmd->usage.name),
				  false);
	if (r < 0) {
		cli_error(cli, "%s", e.msg);
		return cmd->own_failure;
	}
	if (check_operands(cli, cmd, argc - first))
		return cmd->own_failure;
	if (cmd->spawns)
		make_sane();
	if (open_context(cli))
		return cmd->own_failure;
	r = cmd->run(cli, opts, argc - first, argv + first);
	log_warnings(cli);
	return r;
}

/* Before there is a log, or memory to format with. */
static int die(const char *text)
{
	(void)fd_write_all(STDERR_FILENO, text, strlen(text));
	return 1;
}

int main(int argc, char **argv)
{
	struct cli cli = { .log = { .fd = -1 } };
	const struct cmd *cmd;
	struct err e;
	int first, r;

	/* Setuid skiff would run the caller's configuration as root. */
	if (getauxval(AT_SECURE))
		return die("skiff: must not be set-user-id or have file capabilities\n");
	if (arena_init(&cli.arena) < 0)
		return die("skiff: out of memory\n");
	r = opt_parse(cli_usage.opts, argc, argv, 1, &cli.arena, &cli.globals, &first,
		      &e);
	if (r > 0)
		return print_help(&cli, &cli_usage, "skiff", true);
	if (r < 0)
		return cli_error(&cli, "%s", e.msg);
	if (cli.globals.version)
		return print_version(&cli);
	if (open_log(&cli))
		return 1;
	if (first == argc)
		return print_help(&cli, &cli_usage, "skiff", true);
	cmd = find_command(&cli, argv[first]);
	return cmd ? run_command(&cli, cmd, argc - first, argv + first) : 1;
}
