/* Completion for fish, see mkcomplete.c. */
#include "cli/mkcomplete.h"

static const char functions[] =
	"# Lines: the command, the number of its operands, whether its options go on, "
	"and\n"
	"# the options that say where state is.\n"
	"function __skiff_line\n"
	"	set -l command ''\n"
	"	set -l operands 0\n"
	"	set -l options yes\n"
	"	set -l option ''\n"
	"	set -l root\n"
	"	set -l words (commandline -opc)\n"
	"	for word in $words[2..-1]\n"
	"		if test -n \"$option\"\n"
	"			string match -q -- ':--root*' $option\n"
	"			and set -a root (string sub -s 2 -- $option) $word\n"
	"			set option ''\n"
	"		else if test $options = no\n"
	"			set operands (math $operands + 1)\n"
	"		else if contains -- \"$command:$word\" $__skiff_valued\n"
	"			set option \"$command:$word\"\n"
	"		else if string match -qr -- '^:--root(less)?=' "
	"\"$command:$word\"\n"
	"			set -a root $word\n"
	"		else if test \"$word\" = --\n"
	"			set options no\n"
	"		else if string match -q -- '-*' $word\n"
	"			continue\n"
	"		else if test -z \"$command\"\n"
	"			set command $word\n"
	"		else\n"
	"			set operands (math $operands + 1)\n"
	"			contains -- $command $__skiff_stopping\n"
	"			and set options no\n"
	"		end\n"
	"	end\n"
	"	printf '%s\\n' \"$command\" $operands $options $root\n"
	"end\n"
	"function __skiff_options\n"
	"	set -l line (__skiff_line)\n"
	"	test \"$line[1] $line[3]\" = \"$argv[1] yes\"\n"
	"end\n"
	"function __skiff_operand\n"
	"	set -l line (__skiff_line)\n"
	"	test \"$line[1] $line[2]\" = \"$argv[1] $argv[2]\"\n"
	"end\n"
	"function __skiff_ids\n"
	"	set -l line (__skiff_line)\n"
	"	skiff $line[4..-1] list -q 2>/dev/null\n"
	"end\n"
	"complete -c skiff -f\n";

static void put_text(struct buf *b, const char *s)
{
	buf_str(b, " -d '");
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			buf_char(b, '\\');
		buf_char(b, *s);
	}
	buf_char(b, '\'');
}

static void put_action(struct buf *b, const struct complete *c)
{
	switch (c->kind) {
	case COMPLETE_NOTHING:
		return;
	case COMPLETE_WORDS:
		buf_fmt(b, " -a '%s'", c->words);
		return;
	case COMPLETE_IDS:
		buf_str(b, " -a '(__skiff_ids)'");
		return;
	case COMPLETE_FILES:
		buf_str(b, " -F");
		return;
	case COMPLETE_DIRS:
		buf_str(b, " -a '(__fish_complete_directories)'");
		return;
	}
}

static void put_options(struct buf *b, const struct opt *opts, const char *command)
{
	for (const struct opt *o = opts; o->name; o++) {
		struct complete c = complete_value(o);

		if (!complete_is_shown(o))
			continue;
		buf_fmt(b, "complete -c skiff -n '__skiff_options \"%s\"' -l %s", command,
			o->name);
		if (o->letter)
			buf_fmt(b, " -s %c", o->letter);
		if (complete_takes_value(o))
			buf_str(b, c.kind == COMPLETE_FILES ? " -r" : " -x");
		put_action(b, &c);
		put_text(b, o->help);
		buf_char(b, '\n');
	}
}

static void put_operands(struct buf *b, struct arena *arena, const struct cmd *cmd)
{
	struct complete c;

	for (int i = 0; complete_operand(arena, cmd, i, &c); i++) {
		if (c.kind == COMPLETE_NOTHING)
			continue;
		buf_fmt(b, "complete -c skiff -n '__skiff_operand %s %d'",
			cmd->usage.name, i);
		put_action(b, &c);
		buf_char(b, '\n');
	}
}

void complete_fish(struct buf *b, struct arena *arena)
{
	buf_fmt(b,
		"# fish completion for skiff; made from its option tables\n"
		"# Options whose value is the next word, and commands whose options end "
		"at their\n"
		"# first operand.\n"
		"set -g __skiff_valued %s\n"
		"set -g __skiff_stopping %s\n",
		complete_valued(arena, " "), complete_stopping(arena, " "));
	buf_str(b, functions);
	put_options(b, cli_usage.opts, "");
	for (size_t i = 0; cli_commands[i]; i++) {
		const struct usage *u = &cli_commands[i]->usage;

		buf_fmt(b, "complete -c skiff -n '__skiff_options \"\"' -a %s", u->name);
		put_text(b, u->summary);
		buf_char(b, '\n');
		put_options(b, u->opts, u->name);
		put_operands(b, arena, cli_commands[i]);
	}
}
