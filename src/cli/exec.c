/* skiff exec. */
#include <string.h>

#include "base/names.h"
#include "cli/cli.h"

enum { OWN_FAILURE = 255 };

struct exec_opts {
	const char *process, *user, *cwd, *process_label, *apparmor;
	const char *console_socket, *pidfd_socket, *pid_file, *trace;
	struct opt_list env, caps, gids, cgroups;
	bool tty, detach, no_new_privs, ignore_paused;
	uint32_t preserve_fds;
};

#define X struct exec_opts
/* clang-format off */
static const struct opt exec_opts[] = {
	O_FLAG(X, tty, 't', "tty", "Give the program a terminal."),
	O_FLAG(X, detach, 'd', "detach", "Return as soon as the program runs, do not wait for it."),
	O_STR(X, user, 'u', "user", "UID[:GID]", "User and group to run as (default: those of config.json)."),
	O_LIST(X, gids, 'g', "additional-gids", "GID", "Supplementary group to add; may be repeated."),
	O_LIST(X, env, 'e', "env", "NAME=VALUE", "Environment variable to set; may be repeated."),
	O_STR(X, cwd, 0, "cwd", "DIR", "Working directory of the program."),
	O_LIST(X, caps, 'c', "cap", "CAP", "Capability to add to the bounding, effective and permitted sets; may be repeated."),
	O_PATH_(X, process, 'p', "process", "FILE", "JSON file with the process, in the form of process in config.json; no COMMAND is needed then."),
	O_FLAG(X, no_new_privs, 0, "no-new-privs", "Keep the program from gaining privileges, by set-user-id programs for example."),
	O_STR(X, process_label, 0, "process-label", "LABEL", "SELinux label of the process."),
	O_STR(X, apparmor, 0, "apparmor", "PROFILE", "AppArmor profile of the process."),
	O_LIST(X, cgroups, 0, "cgroup", "[CTRL:]PATH", "Cgroup to run in, relative to the container's own, which is /; on cgroup v1 also by controllers (cpu,memory:PATH); may be repeated (default: /, or that of the first process where / cannot be entered)."),
	O_FLAG(X, ignore_paused, 0, "ignore-paused", "Do not refuse a paused container: the program runs once it is resumed."),
	O_PATH_(X, pid_file, 0, "pid-file", "FILE", "File to write the process id to."),
	O_PATH_(X, console_socket, 0, "console-socket", "PATH", "Unix socket to send the terminal's master to."),
	O_PATH_(X, pidfd_socket, 0, "pidfd-socket", "PATH", "Unix socket to send a pidfd of the process to."),
	O_U32(X, preserve_fds, 0, "preserve-fds", "N", "Pass on N more file descriptors, beyond stdio."),
	O_PATH_(X, trace, 0, "trace", "FILE", "File to write the time of each step to, as a Chrome trace."),
	O_HELP,
	O_END
};
/* clang-format on */
#undef X

static int parse_groups(struct cli *cli, const struct opt_list *l, struct skiff_exec *x)
{
	uint32_t *v = l->n ? arena_array(&cli->arena, l->n, sizeof(*v)) : NULL;

	for (size_t i = 0; i < l->n; i++) {
		uint64_t gid;

		if (!parse_u64(l->v[i], UINT32_MAX - 1, &gid))
			return cli_usage_error(
				cli, "--additional-gids: \"%s\" is not a group id",
				l->v[i]);
		v[i] = (uint32_t)gid;
	}
	x->groups = v;
	x->n_groups = l->n;
	return 0;
}

static int run_exec(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct exec_opts *o = opts;
	bool separator = argc > 1 && !strcmp(argv[1], "--");
	struct skiff_exec x = {
		.size = sizeof(x),
		.id = argv[0],
		.process = o->process,
		.args = (const char *const *)argv + 1 + separator,
		.n_args = (size_t)(argc - 1 - separator),
		.env = o->env.v,
		.n_env = o->env.n,
		.caps = o->caps.v,
		.n_caps = o->caps.n,
		.user = o->user,
		.cwd = o->cwd,
		.process_label = o->process_label,
		.apparmor = o->apparmor,
		.cgroups = o->cgroups.v,
		.n_cgroups = o->cgroups.n,
		.console_socket = o->console_socket,
		.pidfd_socket = o->pidfd_socket,
		.pid_file = o->pid_file,
		.trace = o->trace,
		.terminal = o->tty,
		.no_new_privs = o->no_new_privs,
		.ignore_paused = o->ignore_paused,
		.detach = o->detach,
		.preserve_fds = o->preserve_fds,
	};
	struct skiff_process p = { .size = sizeof(p) };
	struct skiff_error e = { .size = sizeof(e) };
	int r = parse_groups(cli, &o->gids, &x);

	if (!r)
		r = cli_check_preserved(cli, x.preserve_fds);
	if (r)
		return r;
	if (!o->detach && (o->tty || o->process))
		cli_window_size(&x.rows, &x.columns);
	if (!o->detach) {
		x.lets_go = wait_block;
		x.ctx = cli;
	}
	if (skiff_exec(cli->skiff, &x, &p, &e) < 0)
		return cli_fail(cli, &e);
	if (o->detach)
		return 0;
	return p.terminal >= 0 ? cli_wait_terminal(cli, &p) : cli_wait(cli, &p);
}

const struct cmd cmd_exec = {
	.usage = {
		"exec", "CONTAINER [COMMAND [ARG...]]", "run another program in a running container",
		"Executes COMMAND in the container's namespaces and cgroup, as the user and with the\n"
		"environment of its config.json. Options end at CONTAINER: what follows is the command.\n"
		"Signals are passed on to the program, and the exit status is the program's, or 128 + N when\n"
		"signal N killed it; 255 is a failure of skiff itself.",
		"skiff exec -t web1 sh\nskiff exec -u 1000 -e DEBUG=1 web1 /bin/app --reload", exec_opts,
	},
	.opts_size = sizeof(struct exec_opts), .min_args = 1, .max_args = -1, .stop_after = 1, .spawns = true,
	.own_failure = OWN_FAILURE, .run = run_exec,
};
