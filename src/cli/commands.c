/*
 * The tables of skiff(1) and how its commands report. Apart from main.c, so that the
 * program that writes manual pages and completions (mkman.c) shares them.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"

#define G struct globals
/* clang-format off */
static const struct opt global_opts[] = {
	O_DIR(G, root, 0, "root", "DIR", "Directory of the containers' state (default: /run/skiff; without root $XDG_RUNTIME_DIR/skiff)."),
	{ "log", 0, OPT_PATH, OPT_MEMBER(G, log, const char *), 0, "TARGET",
	  "Besides stderr, log to this file, or to journald:ID or syslog:ID (file:NAME is a file whatever its name).", NULL },
	O_FLAG(G, systemd_log, 0, "systemd-log", "Log to the journal, too, as --log journald:skiff does; another --log may be given beside it."),
	O_WORD(G, log_format, 0, "log-format", "text json", "Format of log records (default: text)."),
	O_WORD(G, log_level, 0, "log-level", "error warning debug", "Least severe records to log (default: errors, and warnings of commands that succeed)."),
	O_FLAG(G, debug, 0, "debug", "Log each step of the plan, too: the same as --log-level debug."),
	O_WORD(G, cgroup_manager, 0, "cgroup-manager", "cgroupfs systemd disabled", "Who makes the container's cgroup: skiff, systemd, or nobody (default: cgroupfs). With nobody there are neither limits nor device rules but the caller's."),
	O_FLAG(G, systemd_cgroup, 0, "systemd-cgroup", "The same as --cgroup-manager systemd."),
	O_WORD(G, rootless, 0, "rootless", "true false auto",
	       "Whether to run without a cgroup (and so without limits) where none may be made, and to keep state in $XDG_RUNTIME_DIR (default: auto, which is true without real root)."),
	O_STR(G, exit_code_map, 0, "exit-code-map", "MAP",
	      "Exit statuses by kind of failure: \"default\", or a list of CODE=STATUS with the codes of skiff-errors(7)."),
	O_FLAG(G, version, 'v', "version", "Show the versions of skiff and of the specification."),
	{ "Version", 'V', OPT_FLAG, OPT_MEMBER(G, version, bool), OPT_HIDDEN, NULL, "The same.", NULL },
	O_HELP,
	O_END
};
/* clang-format on */
#undef G

const struct cmd *const cli_commands[] = {
	&cmd_run,     &cmd_create, &cmd_start,  &cmd_exec,   &cmd_state,
	&cmd_list,    &cmd_ps,     &cmd_pause,  &cmd_resume, &cmd_events,
	&cmd_update,  &cmd_kill,   &cmd_delete, &cmd_mounts, &cmd_checkpoint,
	&cmd_restore, &cmd_spec,   &cmd_check,  &cmd_plan,   &cmd_features,
	&cmd_help,    NULL,
};

const struct usage cli_usage = {
	.name = "skiff",
	.operands = "COMMAND [ARG...]",
	.summary = "a small OCI container runtime",
	.about = "Runs containers from OCI bundles. A bundle is a directory with a "
		 "config.json and a root file system.",
	.example = "mkdir -p /tmp/b/rootfs/bin && cp /bin/busybox /tmp/b/rootfs/bin/sh\n"
		   "cd /tmp/b && skiff spec && skiff run first",
	.opts = global_opts,
};

int cli_fail(struct cli *cli, const struct skiff_error *e)
{
	struct log_record r = {
		.level = LOG_ERROR,
		.msg = e->message,
		.code = skiff_code_name(e->code),
		.step = e->step,
		.path = e->origin,
		.errno_name = skiff_errno_name(e->errnum),
		.errnum = e->errnum,
	};
	uint8_t mapped = cli->exit_map[e->code];

	cli->failed = true;
	log_record(&cli->log, &cli->arena, &r);
	cli->status = mapped ? mapped : cli->own_failure;
	return cli->status;
}

static int fail_with(struct cli *cli, enum skiff_code code, const char *fmt, va_list ap)
{
	struct skiff_error e = { .size = sizeof(e), .code = (int)code };

	vsnprintf(e.message, sizeof(e.message), fmt, ap);
	return cli_fail(cli, &e);
}

int cli_error(struct cli *cli, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = fail_with(cli, SKIFF_SYSTEM, fmt, ap);
	va_end(ap);
	return r;
}

int cli_usage_error(struct cli *cli, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = fail_with(cli, SKIFF_USAGE, fmt, ap);
	va_end(ap);
	return r;
}

void cli_warning(struct cli *cli, const char *text)
{
	struct log_record r = { .level = LOG_WARN, .msg = text };

	if (!cli->globals.log_level && cli->log.level < LOG_WARN)
		cli->log.level = LOG_WARN;
	log_record(&cli->log, &cli->arena, &r);
}

/* Of a success warnings are shown unless a level was asked for; beside an error only when
 * asked for: engines read the log file of a failure as one record, or its last one. */
void cli_warnings(struct cli *cli, const struct cmd *cmd)
{
	/* These two tell them on stdout. */
	bool told = cmd == &cmd_check || cmd == &cmd_plan;
	const char *text;

	if (!cli->globals.log_level && !cli->failed && !told && cli->log.level < LOG_WARN)
		cli->log.level = LOG_WARN;
	while (cli->log.level > LOG_ERROR && (text = skiff_next_warning(cli->skiff))) {
		struct log_record r = { .level = LOG_WARN, .msg = text };

		log_record(&cli->log, &cli->arena, &r);
	}
	while ((text = skiff_next_debug(cli->skiff))) {
		struct log_record r = { .level = LOG_DEBUG, .msg = text };

		log_record(&cli->log, &cli->arena, &r);
	}
}

int cli_print(struct cli *cli, const char *text, size_t n)
{
	int r = fd_write_all(STDOUT_FILENO, text, n);

	return r < 0 ? cli_error(cli, "write to stdout: %s", strerror(-r)) : 0;
}

int cli_check_preserved(struct cli *cli, uint32_t n)
{
	for (uint32_t fd = 3; fd < 3 + (uint64_t)n; fd++) {
		int flags = fcntl((int)fd, F_GETFD);

		if (flags < 0 || flags & FD_CLOEXEC)
			return cli_usage_error(
				cli, "--preserve-fds %u: descriptor %u is not open", n,
				fd);
	}
	return 0;
}
