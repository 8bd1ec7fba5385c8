/*
 * The second part of mkman: completion for bash, zsh and fish from the option tables, a file
 * for each shell. Here is what they share: what each place of the command line may hold.
 */
#include "cli/mkcomplete.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "cli/mkman.h"

enum { SCRIPT_MAX = 1 << 18, SIGNALS = 32 };

bool complete_takes_value(const struct opt *o)
{
	return o->kind != OPT_FLAG && o->kind != OPT_HELP;
}

bool complete_is_shown(const struct opt *o)
{
	return !(o->flags & OPT_HIDDEN);
}

struct complete complete_value(const struct opt *o)
{
	if (o->choices)
		return (struct complete){ COMPLETE_WORDS, o->choices };
	if (o->kind == OPT_DIR)
		return (struct complete){ COMPLETE_DIRS, NULL };
	if (o->kind == OPT_PATH)
		return (struct complete){ COMPLETE_FILES, NULL };
	return (struct complete){ COMPLETE_NOTHING, NULL };
}

static const char *signals(struct arena *arena)
{
	struct buf b;

	buf_init(&b, arena, SCRIPT_MAX);
	for (int i = 1; i < SIGNALS; i++)
		if (skiff_signal_name(i))
			buf_fmt(&b, "%s%s", b.len ? " " : "", skiff_signal_name(i));
	return b.p;
}

const char *complete_commands(struct arena *arena)
{
	struct buf b;

	buf_init(&b, arena, SCRIPT_MAX);
	for (size_t i = 0; cli_commands[i]; i++)
		buf_fmt(&b, "%s%s", b.len ? " " : "", cli_commands[i]->usage.name);
	return b.p;
}

const char *complete_stopping(struct arena *arena, const char *between)
{
	struct buf b;

	buf_init(&b, arena, SCRIPT_MAX);
	for (size_t i = 0; cli_commands[i]; i++)
		if (cli_commands[i]->stop_after == 1)
			buf_fmt(&b, "%s%s", b.len ? between : "",
				cli_commands[i]->usage.name);
	return b.p;
}

static void put_valued(struct buf *b, const struct usage *u, const char *command,
		       const char *between)
{
	for (const struct opt *o = u->opts; o->name; o++) {
		if (!complete_takes_value(o))
			continue;
		buf_fmt(b, "%s%s:--%s", b->len ? between : "", command, o->name);
		if (o->letter)
			buf_fmt(b, "%s%s:-%c", between, command, o->letter);
	}
}

const char *complete_valued(struct arena *arena, const char *between)
{
	struct buf b;

	buf_init(&b, arena, SCRIPT_MAX);
	put_valued(&b, &cli_usage, "", between);
	for (size_t i = 0; cli_commands[i]; i++)
		put_valued(&b, &cli_commands[i]->usage, cli_commands[i]->usage.name,
			   between);
	return b.p;
}

/* "add|remove" is itself what may be written. */
static const char *alternatives(struct arena *arena, const char *s, size_t n)
{
	char *words = arena_strndup(arena, s, n);

	for (char *c = words; (c = strchr(c, '|')); c++)
		*c = ' ';
	return words;
}

bool complete_operand(struct arena *arena, const struct cmd *cmd, int index,
		      struct complete *ret)
{
	const char *s = cmd->usage.operands;
	size_t n;

	for (; index && *s; index--) {
		s += strcspn(s, " ");
		s += strspn(s, " ");
	}
	s += strspn(s, "[");
	n = strcspn(s, " ].");
	*ret = (struct complete){ COMPLETE_NOTHING, NULL };
	if (memchr(s, '|', n))
		*ret = (struct complete){ COMPLETE_WORDS, alternatives(arena, s, n) };
	else if (n == 9 && !memcmp(s, "CONTAINER", n) && cmd != &cmd_run &&
		 cmd != &cmd_create)
		/* Those two are given a new id. */
		ret->kind = COMPLETE_IDS;
	else if (n == 6 && !memcmp(s, "SIGNAL", n))
		*ret = (struct complete){ COMPLETE_WORDS, signals(arena) };
	else if (n == 6 && !memcmp(s, "BUNDLE", n))
		ret->kind = COMPLETE_DIRS;
	else if (n == 4 && !memcmp(s, "FILE", n))
		ret->kind = COMPLETE_FILES;
	else if (cmd == &cmd_help && n)
		*ret = (struct complete){ COMPLETE_WORDS, complete_commands(arena) };
	return n;
}

static int save(struct buf *b, int dir, const char *name)
{
	return b->full ? -EFBIG : fd_replace_file(dir, name, b->p, b->len, 0644);
}

int write_completions(struct arena *arena, const char *path)
{
	static const struct {
		const char *name;
		void (*put)(struct buf *b, struct arena *arena);
	} scripts[] = {
		{ "skiff.bash", complete_bash },
		{ "_skiff", complete_zsh },
		{ "skiff.fish", complete_fish },
	};
	auto_fd dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = dir < 0 ? -errno : 0;

	for (size_t i = 0; !r && i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		struct buf b;

		buf_init(&b, arena, SCRIPT_MAX);
		scripts[i].put(&b, arena);
		r = save(&b, dir, scripts[i].name);
	}
	return r;
}
