/* skiff checkpoint, skiff restore. */
#include "cli/create.h"

#include <string.h>

struct criu_opts {
	const char *image_path, *work_path, *parent_path, *page_server, *cgroups_mode;
	const char *network_lock, *lsm_profile, *lsm_mount_context, *status_fd;
	struct opt_list empty_ns;
	bool leave_running, tcp_established, tcp_close, tcp_skip_in_flight, ext_unix_sk;
	bool shell_job, file_locks, lazy_pages, pre_dump, auto_dedup, link_remap;
	struct create_opts create; /* restore */
};

/* clang-format off */
#define R struct criu_opts
#define BOTH_OPTS \
	O_FLAG(R, tcp_established, 0, "tcp-established", "Save and restore open TCP connections."), \
	O_FLAG(R, ext_unix_sk, 0, "ext-unix-sk", "Allow Unix sockets that are connected to a process outside."), \
	O_FLAG(R, shell_job, 0, "shell-job", "Allow a session and a terminal of the caller's."), \
	O_FLAG(R, file_locks, 0, "file-locks", "Save and restore file locks."), \
	O_FLAG(R, lazy_pages, 0, "lazy-pages", "Bring memory when it is used (criu lazy-pages)."), \
	O_FLAG(R, auto_dedup, 0, "auto-dedup", "Drop from images before what a later one has, too."), \
	O_WORD(R, cgroups_mode, 0, "manage-cgroups-mode", "soft full strict ignore", "What criu does about cgroups below the container's own (default: soft)."), \
	O_WORD(R, network_lock, 0, "network-lock", "iptables nftables skip", "How the network is locked meanwhile (default: criu's choice)."), \
	{ "empty-ns", 0, OPT_LIST, OPT_MEMBER(R, empty_ns, struct opt_list), 0, "WORD", "Save or restore nothing of this namespace: hooks set it up.", "network" }

static const struct opt checkpoint_opts[] = {
	O_DIR(R, image_path, 0, "image-path", "DIR", "Directory to save the image to (default: checkpoint)."),
	O_DIR(R, work_path, 0, "work-path", "DIR", "Directory for criu's log, dump.log (default: that of the image)."),
	O_STR(R, parent_path, 0, "parent-path", "DIR", "Directory of an image before, of --pre-dump, relative to the image's: only what has changed is saved."),
	O_FLAG(R, pre_dump, 0, "pre-dump", "Save memory only; the container runs on."),
	O_FLAG(R, leave_running, 0, "leave-running", "Let the container run on; else it is deleted."),
	O_STR(R, page_server, 0, "page-server", "ADDRESS:PORT", "Send memory to a criu page-server, do not write it to the image."),
	O_STR(R, status_fd, 0, "status-fd", "FD", "Descriptor that gets a NUL byte when criu is ready to send pages."),
	O_FLAG(R, tcp_skip_in_flight, 0, "tcp-skip-in-flight", "Leave out TCP connections that are not established yet."),
	O_FLAG(R, link_remap, 0, "link-remap", "Allow open files that have been removed, by linking them again."),
	BOTH_OPTS,
	O_HELP,
	O_END
};

static const struct opt restore_opts[] = {
	CREATE_OPTS(R),
	WAIT_OPTS(R),
	O_DIR(R, image_path, 0, "image-path", "DIR", "Directory of the image (default: checkpoint)."),
	O_DIR(R, work_path, 0, "work-path", "DIR", "Directory for criu's log, restore.log (default: that of the image)."),
	O_U32(R, create.preserve_fds, 0, "preserve-fds", "N", "Pass on N more file descriptors, in place of those that the process had from outside."),
	O_COMPAT(R, create.no_pivot, 0, "no-pivot", "criu chooses how the root is changed."),
	O_FLAG(R, tcp_close, 0, "tcp-close", "Close TCP connections that were open, instead of restoring them."),
	O_STR(R, lsm_profile, 0, "lsm-profile", "TYPE:NAME", "Security profile instead of that of the image: apparmor:NAME or selinux:LABEL."),
	O_STR(R, lsm_mount_context, 0, "lsm-mount-context", "CONTEXT", "SELinux context of mounts instead of that of the image."),
	BOTH_OPTS,
	O_HELP,
	O_END
};
/* clang-format on */
#undef R

static int fill(struct cli *cli, const struct criu_opts *o, const char *id,
		struct skiff_criu *ret)
{
	uint64_t fd = 0;

	for (size_t i = 0; i < o->empty_ns.n; i++)
		if (strcmp(o->empty_ns.v[i], "network") != 0)
			return cli_usage_error(cli, "--empty-ns: \"%s\" is not network",
					       o->empty_ns.v[i]);
	if (o->status_fd && (!parse_u64(o->status_fd, 1 << 20, &fd) || !fd))
		return cli_usage_error(cli, "--status-fd: \"%s\" is no descriptor",
				       o->status_fd);
	*ret = (struct skiff_criu){
		.size = sizeof(*ret),
		.id = id,
		.image_path = o->image_path,
		.work_path = o->work_path,
		.parent_path = o->parent_path,
		.page_server = o->page_server,
		.cgroups_mode = o->cgroups_mode,
		.network_lock = o->network_lock,
		.lsm_profile = o->lsm_profile,
		.lsm_mount_context = o->lsm_mount_context,
		.status_fd = (int)fd,
		.empty_network = o->empty_ns.n,
		.tcp_established = o->tcp_established,
		.tcp_close = o->tcp_close,
		.tcp_skip_in_flight = o->tcp_skip_in_flight,
		.ext_unix_sk = o->ext_unix_sk,
		.shell_job = o->shell_job,
		.file_locks = o->file_locks,
		.lazy_pages = o->lazy_pages,
		.auto_dedup = o->auto_dedup,
		.link_remap = o->link_remap,
		.leave_running = o->leave_running,
		.pre_dump = o->pre_dump,
	};
	return 0;
}

static int run_checkpoint(struct cli *cli, const void *opts, int argc, char **argv)
{
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff_criu c;
	int r = fill(cli, opts, argv[0], &c);

	(void)argc;
	if (r)
		return r;
	return skiff_checkpoint(cli->skiff, &c, &e) < 0 ? cli_fail(cli, &e) : 0;
}

static int run_restore(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct criu_opts *o = opts;
	struct skiff_process p = { .size = sizeof(p), .notify = -1 };
	struct skiff_error e = { .size = sizeof(e) };
	struct skiff_create c;
	struct skiff_criu k;
	int r = fill(cli, o, argv[0], &k);

	(void)argc;
	r = r ? r : create_fill(cli, &o->create, argv[0], &c);
	if (r)
		return r;
	create_will_wait(cli, &o->create, &c);
	if (skiff_restore(cli->skiff, &c, &k, &p, &e) < 0)
		return cli_fail(cli, &e);
	return c.detach ? 0 : cli_wait_and_delete(cli, &p, c.id, o->create.keep);
}

const struct cmd cmd_checkpoint = {
	.usage = {
		"checkpoint", "CONTAINER", "save a running container to files",
		"Saves the processes of a container, as they are, to the directory of an image, from which\n"
		"\"skiff restore\" makes them again, here or on another host. The container is deleted then,\n"
		"unless it is to run on. The files of its root file system are not part of the image. Needs\n"
		"criu(8) and root.",
		"skiff checkpoint --image-path /srv/web1.image web1", checkpoint_opts,
	},
	.opts_size = sizeof(struct criu_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .spawns = true,
	.own_failure = 1, .run = run_checkpoint,
};

const struct cmd cmd_restore = {
	.usage = {
		"restore", "CONTAINER", "make a container from saved processes",
		"Makes a new container with the id CONTAINER from the bundle, with the processes that\n"
		"\"skiff checkpoint\" has saved in place of the configuration's, and lets them run on. The root\n"
		"file system must be as it was. An image says itself which rights its processes have: restore\n"
		"only what you trust. Without --detach it waits like \"skiff run\". Needs criu(8) and root.",
		"skiff restore --bundle /srv/web --image-path /srv/web1.image web1", restore_opts,
	},
	.opts_size = sizeof(struct criu_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .spawns = true,
	.own_failure = 1, .run = run_restore,
};
