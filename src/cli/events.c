/* skiff events. */
#include <string.h>

#include "cli/cli.h"

struct events_opts {
	const char *interval;
	bool stats;
};

/* clang-format off */
static const struct opt events_opts[] = {
	O_STR(struct events_opts, interval, 0, "interval", "DURATION", "Time between two lines, such as 500ms or 1h30m (default: 5s)."),
	O_FLAG(struct events_opts, stats, 0, "stats", "Print the statistics once and end."),
	O_HELP,
	O_END
};
/* clang-format on */

static int put_line(void *ctx, const char *json)
{
	struct cli *cli = ctx;
	char *line = arena_printf(&cli->arena, "%s\n", json);
	int r = cli_print(cli, line, strlen(line));

	/* The end of a stream may be far. */
	cli_warnings(cli, &cmd_events);
	/* Nothing of a line is needed any more. */
	cli->arena.used = (size_t)(line - cli->arena.base);
	return r;
}

static int run_events(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct events_opts *o = opts;
	struct skiff_events events = {
		.size = sizeof(events),
		.id = argv[0],
		.interval_ns = skiff_duration(o->interval ? o->interval : "5s"),
		.call = put_line,
		.ctx = cli,
	};
	struct skiff_error e = { .size = sizeof(e) };
	const char *text;
	int r;

	(void)argc;
	if (events.interval_ns < 0)
		return cli_usage_error(
			cli, "--interval: \"%s\" is no duration (500ms, 5s, 1h30m)",
			o->interval);
	if (o->stats)
		return skiff_stats(cli->skiff, argv[0], &text, &e) < 0
			       ? cli_fail(cli, &e)
			       : put_line(cli, text);
	r = skiff_events(cli->skiff, &events, &e);
	return r < 0 ? cli_fail(cli, &e) : r;
}

const struct cmd cmd_events = {
	.usage = {
		"events", "CONTAINER", "show the resource usage and out-of-memory kills of a container",
		"Prints a line of JSON in each interval: what the container uses of each resource, as its cgroups\n"
		"count it. A line with the type \"oom\" comes at once when the kernel kills one of its processes\n"
		"for lack of memory. Ends with the container.",
		"skiff events --interval 1s web1\nskiff events --stats web1", events_opts,
	},
	.opts_size = sizeof(struct events_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .own_failure = 1,
	.run = run_events,
};
