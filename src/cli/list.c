/* skiff list. */
#include <string.h>

#include "base/buf.h"
#include "cli/cli.h"

enum { COLUMNS = 6, OUTPUT_MAX = 64 << 20 };

struct list_opts {
	const char *format;
	bool quiet;
};

/* clang-format off */
static const struct opt list_opts[] = {
	O_WORD(struct list_opts, format, 'f', "format", "table json", "Format of the list (default: table)."),
	O_FLAG(struct list_opts, quiet, 'q', "quiet", "Print only the ids."),
	O_HELP,
	O_END
};
/* clang-format on */

static void fill_row(struct cli *cli, const struct skiff_container *c, const char **row)
{
	row[0] = c->id;
	row[1] = arena_printf(&cli->arena, "%d", (int)c->pid);
	row[2] = c->status;
	row[3] = c->bundle;
	row[4] = c->created;
	row[5] = c->owner;
}

/* runc's columns: at least 12 wide, three spaces between. */
static void put_table(struct cli *cli, const struct skiff_container *v, size_t n,
		      struct buf *b)
{
	static const char *const heads[COLUMNS] = { "ID",     "PID",     "STATUS",
						    "BUNDLE", "CREATED", "OWNER" };
	const char **cells = arena_array(&cli->arena, (n + 1) * COLUMNS, sizeof(*cells));
	size_t width[COLUMNS];

	for (size_t i = 0; i < COLUMNS; i++) {
		cells[i] = heads[i];
		width[i] = 12;
	}
	for (size_t i = 0; i < n; i++)
		fill_row(cli, &v[i], cells + (i + 1) * COLUMNS);
	for (size_t i = 0; i < (n + 1) * COLUMNS; i++)
		if (strlen(cells[i]) + 3 > width[i % COLUMNS])
			width[i % COLUMNS] = strlen(cells[i]) + 3;
	for (size_t i = 0; i < (n + 1) * COLUMNS; i++) {
		bool last = i % COLUMNS == COLUMNS - 1;

		buf_safe(b, cells[i]);
		buf_fmt(b, "%*s", last ? 0 : (int)(width[i % COLUMNS] - strlen(cells[i])),
			"");
		if (last)
			buf_char(b, '\n');
	}
}

static void put_json(const struct skiff_container *v, size_t n, struct buf *b)
{
	buf_char(b, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_char(b, ',');
		buf_str(b, v[i].json);
	}
	buf_str(b, "]\n");
}

static int run_list(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct list_opts *o = opts;
	struct skiff_error e = { .size = sizeof(e) };
	const struct skiff_container *v;
	struct buf b;
	size_t n;

	(void)argc;
	(void)argv;
	if (skiff_list(cli->skiff, &v, &n, &e) < 0)
		return cli_fail(cli, &e);
	buf_init(&b, &cli->arena, OUTPUT_MAX);
	if (o->quiet)
		for (size_t i = 0; i < n; i++)
			buf_fmt(&b, "%s\n", v[i].id);
	else if (o->format && !strcmp(o->format, "json"))
		put_json(v, n, &b);
	else
		put_table(cli, v, n, &b);
	return cli_print(cli, b.p, b.len);
}

const struct cmd cmd_list = {
	.usage = {
		"list", "", "list the containers",
		"Prints a line for each container of the state directory (--root): id, pid, status, bundle, time\n"
		"of creation and owner.",
		"skiff list\nskiff --root /run/test list --format json", list_opts,
	},
	.opts_size = sizeof(struct list_opts), .max_args = 0, .stop_after = -1, .own_failure = 1, .run = run_list,
};
