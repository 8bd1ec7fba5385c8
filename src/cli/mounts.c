/* skiff mounts. */
#include <string.h>

#include "cli/cli.h"

struct mounts_opts {
	bool unused;
};

static const struct opt mounts_opts[] = { O_HELP, O_END };

static int run_mounts(struct cli *cli, const void *opts, int argc, char **argv)
{
	struct skiff_error e = { .size = sizeof(e) };
	bool remove = !strcmp(argv[0], "remove");

	(void)opts;
	(void)argc;
	if (!remove && strcmp(argv[0], "add") != 0)
		return cli_usage_error(
			cli, "unknown command \"%s\": mounts add, mounts remove",
			argv[0]);
	return skiff_mounts(cli->skiff, argv[1], remove, argv[2], &e) < 0
		       ? cli_fail(cli, &e)
		       : 0;
}

const struct cmd cmd_mounts = {
	.usage = {
		"mounts", "add|remove CONTAINER FILE", "add mounts to a running container, and remove them",
		"\"add\" makes the mounts of FILE in their order, all or none; \"remove\" unmounts what is at\n"
		"their destinations, the last one first. FILE (- is stdin) is JSON: the list of mounts, each as\n"
		"in config.json, or an object with the list as \"mounts\". Destinations are inside the\n"
		"container's root, relative sources count from the bundle. A file system that needs a path or device\n"
		"of the host must be mounted there first, and then be bound. A destination in a mount of the\n"
		"container (a volume) must name it without symbolic links: the container leads nothing into what\n"
		"it shares with the host. Mounts that were added end with the container.",
		"echo '[{\"destination\": \"/data\", \"type\": \"bind\", \"source\": \"/srv/data\",\n"
		"  \"options\": [\"bind\", \"ro\"]}]' | skiff mounts add web1 -", mounts_opts,
	},
	.opts_size = sizeof(struct mounts_opts), .min_args = 3, .max_args = 3, .stop_after = -1,
	.spawns = true, .own_failure = 1, .run = run_mounts,
};
