/* Completion for bash, see mkcomplete.c. It needs nothing of the package bash-completion. */
#include "cli/mkcomplete.h"

/* "words" is the line as skiff will get it: readline takes it apart at "=" and ":", too.
 * compgen -W would expand what it is given, so the words are compared here. */
static const char begin[] =
	"# bash completion for skiff; made from its option tables\n"
	"_skiff_words()\n"
	"{\n"
	"	local -a all\n"
	"	local w\n"
	"	read -r -d '' -a all <<<\"$1\"\n"
	"	for w in \"${all[@]}\"; do\n"
	"		[[ $w != \"$cur\"* ]] || COMPREPLY+=(\"$w\")\n"
	"	done\n"
	"}\n"
	"_skiff_files()\n"
	"{\n"
	"	compopt -o filenames 2>/dev/null\n"
	"	mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$cur\")\n"
	"}\n"
	"_skiff()\n"
	"{\n"
	"	local command='' option='' end='' glue='' cur w\n"
	"	local -i operands=0 i\n"
	"	local -a words=() root=()\n"
	"	COMPREPLY=()\n"
	"	for ((i = 1; i <= COMP_CWORD; i++)); do\n"
	"		w=${COMP_WORDS[i]}\n"
	"		if [[ ${#words[@]} -gt 0 && ($glue || $w = [=:]*) ]]; then\n"
	"			words[-1]+=$w\n"
	"		else\n"
	"			words+=(\"$w\")\n"
	"		fi\n"
	"		glue=\n"
	"		[[ $w != *[=:] ]] || glue=1\n"
	"	done\n"
	"	cur=${words[-1]}\n"
	"	for w in \"${words[@]:0:${#words[@]}-1}\"; do\n"
	"		if [[ $option ]]; then\n"
	"			[[ $option != :--root* ]] || root+=(\"${option#:}\" "
	"\"$w\")\n"
	"			option=\n"
	"			continue\n"
	"		fi\n"
	"		case $end$command:$w in\n"
	"		:--root=*|:--rootless=*) root+=(\"$w\") ;;\n"
	"		";

static void put_action(struct buf *b, const struct complete *c)
{
	switch (c->kind) {
	case COMPLETE_NOTHING:
		break;
	case COMPLETE_WORDS:
		buf_fmt(b, "_skiff_words '%s' ", c->words);
		break;
	case COMPLETE_IDS:
		buf_str(b,
			"_skiff_words \"$(skiff \"${root[@]}\" list -q 2>/dev/null)\" ");
		break;
	case COMPLETE_FILES:
		buf_str(b, "_skiff_files -f ");
		break;
	case COMPLETE_DIRS:
		buf_str(b, "_skiff_files -d ");
		break;
	}
	buf_str(b, ";;\n");
}

static void put_values(struct buf *b, const char *command, const struct opt *opts)
{
	for (const struct opt *o = opts; o->name; o++) {
		struct complete c = complete_value(o);

		if (c.kind == COMPLETE_NOTHING)
			continue;
		buf_fmt(b, "\t\t%s:--%s", command, o->name);
		if (o->letter)
			buf_fmt(b, "|%s:-%c", command, o->letter);
		buf_str(b, ") ");
		put_action(b, &c);
	}
}

static void put_options(struct buf *b, const char *command, const struct opt *opts)
{
	buf_fmt(b, "\t\t%s) _skiff_words '", command);
	for (const struct opt *o = opts; o->name; o++) {
		if (!complete_is_shown(o))
			continue;
		buf_fmt(b, "--%s ", o->name);
		if (o->letter)
			buf_fmt(b, "-%c ", o->letter);
	}
	buf_str(b, "' ;;\n");
}

static void put_operands(struct buf *b, struct arena *arena, const struct cmd *cmd)
{
	struct complete c;

	for (int i = 0; complete_operand(arena, cmd, i, &c); i++) {
		buf_fmt(b, "\t\t%s:%d) ", cmd->usage.name, i);
		put_action(b, &c);
	}
}

void complete_bash(struct buf *b, struct arena *arena)
{
	buf_str(b, begin);
	buf_str(b, complete_valued(arena, "|"));
	buf_fmt(b,
		") option=$command:$w ;;\n"
		"		?*:--) end=- ;;\n"
		"		-*) operands+=1 ;;\n"
		"		*:-*) ;;\n"
		"		:*) command=$w ;;\n"
		"		*)\n"
		"			operands+=1\n"
		"			case $command in %s) end=- ;; esac\n"
		"			;;\n"
		"		esac\n"
		"	done\n"
		"	if [[ ! $option && ! $end && $cur = --*=* ]]; then\n"
		"		option=$command:${cur%%%%=*}\n"
		"		cur=${cur#*=}\n"
		"	fi\n"
		"	if [[ $option ]]; then\n"
		"		case $option in\n",
		complete_stopping(arena, "|"));
	put_values(b, "", cli_usage.opts);
	for (size_t i = 0; cli_commands[i]; i++)
		put_values(b, cli_commands[i]->usage.name, cli_commands[i]->usage.opts);
	buf_str(b, "		esac\n"
		   "	elif [[ ! $end && $cur = -* ]]; then\n"
		   "		case $command in\n");
	put_options(b, "''", cli_usage.opts);
	for (size_t i = 0; cli_commands[i]; i++)
		put_options(b, cli_commands[i]->usage.name, cli_commands[i]->usage.opts);
	buf_fmt(b,
		"		esac\n"
		"	else\n"
		"		case $command:$operands in\n"
		"		:*) _skiff_words '%s' ;;\n",
		complete_commands(arena));
	for (size_t i = 0; cli_commands[i]; i++)
		put_operands(b, arena, cli_commands[i]);
	buf_str(b, "		esac\n"
		   "	fi\n"
		   "}\n"
		   "complete -F _skiff skiff\n");
}
