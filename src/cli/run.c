/* skiff run, skiff create. */
#include "cli/create.h"

#include <sys/prctl.h>

struct run_opts {
	struct create_opts create;
	bool no_new_keyring;
};

/* clang-format off */
#define R struct run_opts
#define NEW_OPTS \
	CREATE_OPTS(R), \
	O_FLAG(R, create.no_pivot, 0, "no-pivot", "Change the root by MS_MOVE and chroot, not pivot_root: for hosts that run from an initramfs."), \
	O_FLAG(R, no_new_keyring, 0, "no-new-keyring", "Share the caller's session keyring, do not make a new one."), \
	O_U32(R, create.preserve_fds, 0, "preserve-fds", "N", "Pass on N more file descriptors, beyond stdio and those of LISTEN_FDS.")

static const struct opt new_opts[] = {
	NEW_OPTS,
	O_COMPAT(R, create.no_subreaper, 0, "no-subreaper", "create never becomes one."),
	O_HELP,
	O_END
};

static const struct opt run_opts[] = {
	NEW_OPTS,
	WAIT_OPTS(R),
	O_HELP,
	O_END
};
/* clang-format on */
#undef R

int create_fill(struct cli *cli, const struct create_opts *o, const char *id,
		struct skiff_create *ret)
{
	*ret = (struct skiff_create){
		.size = sizeof(*ret),
		.id = id,
		.bundle = o->bundle,
		.config = o->config,
		.console_socket = o->console_socket,
		.pidfd_socket = o->pidfd_socket,
		.pid_file = o->pid_file,
		.trace = o->trace,
		.no_pivot = o->no_pivot,
		.detach = o->detach,
		.preserve_fds = o->preserve_fds,
	};
	return cli_check_preserved(cli, o->preserve_fds);
}

void create_will_wait(struct cli *cli, const struct create_opts *o,
		      struct skiff_create *c)
{
	if (o->detach)
		return;
	if (!o->no_subreaper)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	c->lets_go = wait_block;
	c->ctx = cli;
}

static int run_create(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct run_opts *o = opts;
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff_create c;
	int status = create_fill(cli, &o->create, argv[0], &c);

	(void)argc;
	if (status)
		return status;
	c.no_new_keyring = o->no_new_keyring;
	return skiff_create(cli->skiff, &c, NULL, &e) < 0 ? cli_fail(cli, &e) : 0;
}

static int run_run(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct run_opts *o = opts;
	struct skiff_process p = { .size = sizeof(p) };
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff_create c;
	int status = create_fill(cli, &o->create, argv[0], &c);

	(void)argc;
	if (status)
		return status;
	c.no_new_keyring = o->no_new_keyring;
	create_will_wait(cli, &o->create, &c);
	if (!c.detach)
		cli_window_size(&c.rows, &c.columns);
	if (skiff_run(cli->skiff, &c, &p, &e) < 0)
		return cli_fail(cli, &e);
	return c.detach ? 0 : cli_wait_and_delete(cli, &p, c.id, o->create.keep);
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
		"skiff create --bundle /srv/web web1 && skiff start web1", new_opts,
	},
	.opts_size = sizeof(struct run_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .spawns = true,
	.own_failure = 1, .run = run_create,
};
