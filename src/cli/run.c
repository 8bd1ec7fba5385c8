/* skiff run, skiff create. */
#include <string.h>
#include <sys/prctl.h>

#include "cli/cli.h"

struct run_opts {
	const char *bundle, *config, *console_socket, *pidfd_socket, *pid_file, *trace;
	bool no_pivot, no_new_keyring, no_subreaper, detach, keep;
	uint32_t preserve_fds;
};

/* clang-format off */
#define R struct run_opts
#define CREATE_OPTS \
	O_DIR(R, bundle, 'b', "bundle", "DIR", "Directory of the bundle (default: the working directory)."), \
	O_PATH_(R, config, 'f', "config", "FILE", "Configuration to use instead of the bundle's config.json."), \
	O_PATH_(R, console_socket, 0, "console-socket", "PATH", "Unix socket to send the terminal's master to."), \
	O_PATH_(R, pidfd_socket, 0, "pidfd-socket", "PATH", "Unix socket to send a pidfd of the process to."), \
	O_PATH_(R, pid_file, 0, "pid-file", "FILE", "File to write the process id to."), \
	O_FLAG(R, no_pivot, 0, "no-pivot", "Change the root by MS_MOVE and chroot, not pivot_root: for hosts that run from an initramfs."), \
	O_FLAG(R, no_new_keyring, 0, "no-new-keyring", "Share the caller's session keyring, do not make a new one."), \
	O_U32(R, preserve_fds, 0, "preserve-fds", "N", "Pass on N more file descriptors, beyond stdio and those of LISTEN_FDS."), \
	O_PATH_(R, trace, 0, "trace", "FILE", "File to write the time of each step to, as a Chrome trace.")

static const struct opt create_opts[] = {
	CREATE_OPTS,
	O_COMPAT(R, no_subreaper, 0, "no-subreaper", "create never becomes one."),
	O_HELP,
	O_END
};

static const struct opt run_opts[] = {
	CREATE_OPTS,
	O_FLAG(R, detach, 'd', "detach", "Return as soon as the program runs, do not wait for it."),
	O_FLAG(R, keep, 0, "keep", "Keep the container when it has stopped, until \"skiff delete\"."),
	O_FLAG(R, no_subreaper, 0, "no-subreaper", "Do not become the parent of the container's orphaned processes while waiting."),
	O_HELP,
	O_END
};
/* clang-format on */
#undef R

static struct skiff_create fill(const struct run_opts *o, const char *id)
{
	return (struct skiff_create){
		.size = sizeof(struct skiff_create),
		.id = id,
		.bundle = o->bundle,
		.config = o->config,
		.console_socket = o->console_socket,
		.pidfd_socket = o->pidfd_socket,
		.pid_file = o->pid_file,
		.trace = o->trace,
		.no_pivot = o->no_pivot,
		.no_new_keyring = o->no_new_keyring,
		.detach = o->detach,
		.preserve_fds = o->preserve_fds,
	};
}

static int run_create(struct cli *cli, const void *opts, int argc, char **argv)
{
	struct skiff_create c = fill(opts, argv[0]);
	struct skiff_error e = { .size = sizeof(e) };
	int r = cli_check_preserved(cli, c.preserve_fds);

	(void)argc;
	if (r)
		return r;
	return skiff_create(cli->skiff, &c, NULL, &e) < 0 ? cli_fail(cli, &e) : 0;
}

static int run_run(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct run_opts *o = opts;
	struct skiff_create c = fill(o, argv[0]);
	struct skiff_process p = { .size = sizeof(p) };
	struct skiff_error e = { .size = sizeof(e) };
	int status = cli_check_preserved(cli, c.preserve_fds);

	(void)argc;
	if (status)
		return status;
	if (!o->detach && !o->no_subreaper)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (!o->detach) {
		cli_window_size(&c.rows, &c.columns);
		c.lets_go = wait_block;
		c.ctx = cli;
	}
	if (skiff_run(cli->skiff, &c, &p, &e) < 0)
		return cli_fail(cli, &e);
	return o->detach ? 0 : cli_wait_and_delete(cli, &p, c.id, o->keep);
}

const struct cmd cmd_run = {
	.usage = {
		"run", "CONTAINER", "create and start a container, wait for it, delete it",
		"Runs the program of the bundle's config.json in a new container with the id CONTAINER, and\n"
		"deletes the container when the program has ended. Signals are passed on to the program, and\n"
		"the exit status is the program's, or 128 + N when signal N killed it. With --detach the\n"
		"container stays until \"skiff delete\".",
		"skiff run --bundle /srv/web web1\nskiff run -d --pid-file web1.pid -b /srv/web web1", run_opts,
	},
	.opts_size = sizeof(struct run_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .spawns = true,
	.own_failure = 1, .run = run_run,
};

const struct cmd cmd_create = {
	.usage = {
		"create", "CONTAINER", "create a container, ready to be started",
		"Makes a new container with the id CONTAINER from the bundle: namespaces, cgroup, mounts and\n"
		"all else of its config.json. Its program waits for \"skiff start\".",
		"skiff create --bundle /srv/web web1 && skiff start web1", create_opts,
	},
	.opts_size = sizeof(struct run_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .spawns = true,
	.own_failure = 1, .run = run_create,
};
