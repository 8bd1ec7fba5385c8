/* Completion for zsh, see mkcomplete.c. */
#include <string.h>

#include "cli/mkcomplete.h"

/* Text inside '...[...]': quotes and brackets would end it. */
static void put_text(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			buf_str(b, "'\\'");
		else if (strchr("[]:\\", *s))
			buf_char(b, '\\');
		buf_char(b, *s);
	}
}

static void put_action(struct buf *b, const struct complete *c)
{
	switch (c->kind) {
	case COMPLETE_NOTHING:
		buf_str(b, ": ");
		return;
	case COMPLETE_WORDS:
		buf_fmt(b, ":(%s)", c->words);
		return;
	case COMPLETE_IDS:
		buf_str(b, ":_skiff_ids");
		return;
	case COMPLETE_FILES:
		buf_str(b, ":_files");
		return;
	case COMPLETE_DIRS:
		buf_str(b, ":_files -/");
		return;
	}
}

static void put_option(struct buf *b, const struct opt *o)
{
	const char *star = o->kind == OPT_LIST ? "*" : "";
	struct complete c = complete_value(o);
	bool value = complete_takes_value(o);

	buf_str(b, "\t\t\t");
	if (o->letter && !*star)
		buf_fmt(b, "'(-%c --%s)'", o->letter, o->name);
	if (o->letter)
		buf_fmt(b, "{'%s-%c%s','%s--%s%s'}'[", star, o->letter, value ? "+" : "",
			star, o->name, value ? "=" : "");
	else
		buf_fmt(b, "'%s--%s%s[", star, o->name, value ? "=" : "");
	put_text(b, o->help);
	buf_char(b, ']');
	if (value) {
		buf_char(b, ':');
		put_text(b, o->arg);
		put_action(b, &c);
	}
	buf_str(b, "' \\\n");
}

static void put_options(struct buf *b, const struct opt *opts)
{
	for (const struct opt *o = opts; o->name; o++)
		if (complete_is_shown(o))
			put_option(b, o);
}

static void put_command(struct buf *b, struct arena *arena, const struct cmd *cmd)
{
	struct complete c;

	buf_fmt(b, "\t\t%s) _arguments -s -S%s \\\n", cmd->usage.name,
		cmd->stop_after == 1 ? " -A '-*'" : "");
	put_options(b, cmd->usage.opts);
	for (int i = 0; complete_operand(arena, cmd, i, &c); i++) {
		buf_fmt(b, "\t\t\t'%d:argument", i + 1);
		put_action(b, &c);
		buf_str(b, "' \\\n");
	}
	buf_str(b, "\t\t\t;;\n");
}

void complete_zsh(struct buf *b, struct arena *arena)
{
	buf_str(b, "#compdef skiff\n"
		   "# zsh completion for skiff; made from its option tables\n"
		   "_skiff_ids() {\n"
		   "	local -a ids\n"
		   "	ids=(${(f)\"$(skiff $root list -q 2>/dev/null)\"})\n"
		   "	_describe container ids\n"
		   "}\n"
		   "_skiff() {\n"
		   "	local -a commands root line\n"
		   "	local context state state_descr option\n"
		   "	local -A opt_args\n"
		   "	commands=(\n");
	for (size_t i = 0; cli_commands[i]; i++) {
		buf_fmt(b, "\t\t'%s:", cli_commands[i]->usage.name);
		put_text(b, cli_commands[i]->usage.summary);
		buf_str(b, "'\n");
	}
	buf_str(b, "	)\n"
		   "	_arguments -C -S -A '-*' \\\n");
	put_options(b, cli_usage.opts);
	buf_str(b, "			'1:command:->command' '*::argument:->argument' "
		   "&& return\n"
		   "	for option in --root --rootless; do\n"
		   "		[[ -z ${opt_args[$option]} ]] ||\n"
		   "			root+=($option ${(Q)opt_args[$option]})\n"
		   "	done\n"
		   "	case $state in\n"
		   "	command) _describe command commands ;;\n"
		   "	argument)\n"
		   "		case $words[1] in\n");
	for (size_t i = 0; cli_commands[i]; i++)
		put_command(b, arena, cli_commands[i]);
	buf_str(b, "		esac ;;\n"
		   "	esac\n"
		   "}\n"
		   "_skiff \"$@\"\n");
}
