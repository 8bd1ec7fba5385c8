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

/* Whatever is wrong in them, the rest of the options says where that is told. */
static int use_globals(struct cli *cli)
{
	const struct globals *g = &cli->globals;
	struct err e;

	if (g->log_format && !strcmp(g->log_format, "json"))
		cli->log.format = LOG_JSON;
	if (g->debug || (g->log_level && !strcmp(g->log_level, "debug")))
		cli->log.level = LOG_DEBUG;
	else if (g->log_level && !strcmp(g->log_level, "warning"))
		cli->log.level = LOG_WARN;
	if (g->exit_code_map) {
		int r = cli_read_exit_map(cli, g->exit_code_map);

		if (r)
			return r;
	}
	if ((g->log && *g->log && log_open(&cli->log, g->log, &e) < 0) ||
	    (g->systemd_log && log_open(&cli->log, "journald:skiff", &e) < 0))
		return cli_error(cli, "%s", e.msg);
	return 0;
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
				   cli->log.level == LOG_DEBUG, g->rootless };
	struct skiff_error e = { .size = sizeof(e) };

	if (g->systemd_cgroup)
		o.cgroup_manager = "systemd";
	return skiff_new(&o, &cli->skiff, &e) < 0 ? cli_fail(cli, &e) : 0;
}

static int check_operands(struct cli *cli, const struct cmd *cmd, int n)
{
	bool few = n < cmd->min_args;

	if (!few && (cmd->max_args < 0 || n <= cmd->max_args))
		return 0;
	return cli_usage_error(cli, "\"skiff %s\" %s: skiff %s [OPTION...] %s",
			       cmd->usage.name,
			       few ? "needs more arguments" : "takes fewer arguments",
			       cmd->usage.name, cmd->usage.operands);
}

/* The first command that has the option. */
static const struct cmd *owner_of(const char *option)
{
	for (size_t i = 0; cli_commands[i]; i++)
		if (opt_find(cli_commands[i]->usage.opts, option))
			return cli_commands[i];
	return NULL;
}

static int fail_options(struct cli *cli, const struct cmd *cmd, const struct err *e)
{
	const char *name = e->origin, *dashes = strlen(name) > 1 ? "--" : "-";
	const struct cmd *owner = cmd || !*name ? NULL : owner_of(name);

	if (*name && cmd && opt_find(cli_usage.opts, name))
		return cli_usage_error(cli,
				       "%s: it stands before the command, as in "
				       "\"skiff %s%s %s\"",
				       e->msg, dashes, name, cmd->usage.name);
	if (owner)
		return cli_usage_error(cli,
				       "%s: it stands after the command, as in "
				       "\"skiff %s %s%s\"",
				       e->msg, owner->usage.name, dashes, name);
	if (strstr(e->msg, "did you mean"))
		return cli_usage_error(cli, "%s", e->msg);
	return cli_usage_error(cli, "%s (\"skiff %s%s--help\" lists the options)", e->msg,
			       cmd ? cmd->usage.name : "", cmd ? " " : "");
}

static int run_command(struct cli *cli, const struct cmd *cmd, int argc, char **argv)
{
	void *opts = arena_alloc(&cli->arena, cmd->opts_size + 1);
	struct err e;
	int first, r;

	cli->own_failure = cmd->own_failure;
	r = opt_parse(cmd->usage.opts, argc, argv, cmd->stop_after, &cli->arena, opts,
		      &first, &e);
	if (r > 0)
		return cli_help(cli, cmd);
	if (r < 0)
		return fail_options(cli, cmd, &e);
	r = check_operands(cli, cmd, argc - first);
	if (r)
		return r;
	if (cmd->spawns)
		make_sane();
	r = open_context(cli);
	if (r)
		return r;
	r = cmd->run(cli, opts, argc - first, argv + first);
	cli_warnings(cli, cmd);
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
	struct cli cli = { .own_failure = 1 };
	const struct cmd *cmd;
	struct err e;
	int first, parsed, r;

	/* Setuid skiff would run the caller's configuration as root. */
	if (getauxval(AT_SECURE))
		return die("skiff: must not be set-user-id or have file capabilities\n");
	if (arena_init(&cli.arena) < 0)
		return die("skiff: out of memory\n");
	parsed = opt_parse(cli_usage.opts, argc, argv, 1, &cli.arena, &cli.globals,
			   &first, &e);
	if (parsed > 0)
		return cli_help(&cli, NULL);
	if (!parsed && cli.globals.version)
		return cli_version(&cli);
	r = use_globals(&cli);
	if (r)
		return r;
	if (parsed < 0)
		return fail_options(&cli, NULL, &e);
	if (first == argc)
		return cli_help(&cli, NULL);
	cmd = cli_find_command(&cli, argv[first]);
	return cmd ? run_command(&cli, cmd, argc - first, argv + first) : cli.status;
}
