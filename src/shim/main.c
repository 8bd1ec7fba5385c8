/*
 * containerd-shim-skiff-v2: what containerd runs for the runtime io.containerd.skiff.v2. It serves the Task service for the containers
 * of a pod with libskiff in the same process: no program is executed for an action, and init is spawned without copying the shim.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skiff/skiff.h>

#include "base/arena.h"
#include "shim/launch.h"

int main(int argc, char **argv)
{
	auto_arena arena = { 0 };
	struct shim_args args;
	struct err e = { 0 };

	arena_use_small_pages();
	if (arena_init(&arena) < 0)
		return launch_fail("no memory");
	if (args_read(argc, argv, &args, &e) < 0)
		return launch_fail("%s", e.msg);
	if (args.version) {
		dprintf(STDOUT_FILENO, "%s:\n  Version:  %s\n  Revision: %s\n", argv[0],
			skiff_version(), skiff_commit());
		return 0;
	}
	if (args.help) {
		dprintf(STDOUT_FILENO,
			"%s [-namespace NS] [-id ID] [-address SOCKET] [-bundle DIR] "
			"start|delete\n"
			"%s -info | -v\n\n"
			"Run by containerd for the runtime io.containerd.skiff.v2. See "
			"containerd-shim-skiff-v2(8).\n",
			argv[0], argv[0]);
		return 0;
	}
	if (args.info)
		return launch_info(&arena);
	if (!args.action)
		return launch_fail("%s is run by containerd: set the runtime to "
				   "io.containerd.skiff.v2",
				   argv[0]);
	if (!*args.namespace || !*args.id)
		return launch_fail("-namespace and -id are needed");
	if (strchr(args.namespace, '/') || args.namespace[0] == '.')
		return launch_fail("-namespace %s: a directory is named after it",
				   args.namespace);
	if (!strcmp(args.action, "start"))
		return launch_start(&args, &arena);
	if (!strcmp(args.action, "delete"))
		return launch_delete(&args, &arena);
	return launch_fail("unknown action %s: start or delete", args.action);
}
