/*
 * --exit-code-map: scripts that want to know the kind of a failure from the exit status
 * alone. Without it a failure is 1 (exec: 255), as with other runtimes. The statuses of
 * the default map are those of sysexits.h where one fits, so that service managers show a
 * name for them.
 */
#include <string.h>

#include "base/names.h"
#include "cli/cli.h"

const struct name cli_exit_map[] = {
	{ "general", 70 }, { "config", 78 },  { "host", 69 },   { "system", 71 },
	{ "init", 76 },    { "exec", 72 },    { "hook", 75 },   { "state", 74 },
	{ "usage", 64 },   { "unknown", 66 }, { "exists", 73 }, { "not-running", 65 },
	{ NULL, 0 },
};

_Static_assert(sizeof(cli_exit_map) / sizeof(cli_exit_map[0]) == CLI_CODES + 1,
	       "each code has a status");

static void take_default(struct cli *cli)
{
	for (int i = 0; i < CLI_CODES; i++)
		cli->exit_map[i] = (uint8_t)cli_exit_map[i].value;
}

/* "CODE=STATUS" of n bytes. */
static int take_entry(struct cli *cli, const char *entry, size_t n)
{
	const char *equals = memchr(entry, '=', n), *nearest;
	size_t len = equals ? (size_t)(equals - entry) : n;
	const struct name *code = names_find(cli_exit_map, entry, len);
	uint64_t status;

	if (!code) {
		nearest = names_nearest(cli_exit_map, entry, len);
		return cli_usage_error(
			cli, "--exit-code-map: unknown code \"%.*s\"%s%s%s", (int)len,
			entry, nearest ? " (did you mean \"" : "", nearest ? nearest : "",
			nearest ? "\"?)" : ": skiff-errors(7) lists them");
	}
	if (!equals ||
	    !parse_u64(arena_strndup(&cli->arena, equals + 1, n - len - 1), 255,
		       &status) ||
	    !status)
		return cli_usage_error(cli,
				       "--exit-code-map: \"%.*s\" is not CODE=STATUS "
				       "with a status from 1 to 255",
				       (int)n, entry);
	cli->exit_map[code - cli_exit_map] = (uint8_t)status;
	return 0;
}

int cli_read_exit_map(struct cli *cli, const char *text)
{
	for (const char *s = text; s;) {
		size_t n = strcspn(s, ",");
		int r = 0;

		if (n == strlen("default") && !memcmp(s, "default", n))
			take_default(cli);
		else
			r = take_entry(cli, s, n);
		if (r)
			return r;
		s = s[n] ? s + n + 1 : NULL;
	}
	return 0;
}
