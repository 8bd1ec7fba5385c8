/* The second half of mkman: completion for bash, zsh and fish from the option tables. Ids
 * come from `skiff list -q`. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "cli/mkman.h"

enum { SCRIPT_MAX = 1 << 18 };

static bool takes_value(const struct opt *o)
{
	return o->kind != OPT_FLAG && o->kind != OPT_HELP;
}

static bool is_shown(const struct opt *o)
{
	return !(o->flags & OPT_HIDDEN);
}

static bool takes_id(const struct cmd *cmd)
{
	/* The id of a new container cannot be completed. */
	return !strncmp(cmd->usage.operands, "CONTAINER", 9) && cmd != &cmd_run &&
	       cmd != &cmd_create;
}

/* --- bash --- */

static void bash_words(struct buf *b, const struct opt *opts)
{
	for (const struct opt *o = opts; o->name; o++)
		if (is_shown(o))
			buf_fmt(b, "--%s ", o->name);
}

/* What may follow an option of the command. */
static void bash_values(struct buf *b, const char *command, const struct opt *opts)
{
	for (const struct opt *o = opts; o->name; o++) {
		if (!takes_value(o) || !is_shown(o))
			continue;
		buf_fmt(b, "\t%s:--%s) ", command, o->name);
		if (o->choices)
			buf_fmt(b, "COMPREPLY=($(compgen -W '%s' -- \"$word\"))",
				o->choices);
		else if (o->kind == OPT_DIR)
			buf_str(b, "COMPREPLY=($(compgen -d -- \"$word\"))");
		else if (o->kind == OPT_PATH)
			buf_str(b, "COMPREPLY=($(compgen -f -- \"$word\"))");
		else
			buf_str(b, "COMPREPLY=()");
		buf_str(b, "; return ;;\n");
	}
}

static void put_bash(struct buf *b)
{
	buf_str(b, "# bash completion for skiff; made from its option tables\n"
		   "_skiff()\n{\n\tlocal word=${COMP_WORDS[COMP_CWORD]} "
		   "last=${COMP_WORDS[COMP_CWORD-1]} command= options= w\n"
		   "\tfor w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n\t\tcase $w "
		   "in\n\t\t");
	for (size_t i = 0; cli_commands[i]; i++)
		buf_fmt(b, "%s%s", i ? "|" : "", cli_commands[i]->usage.name);
	buf_str(b,
		") command=$w; break ;;\n\t\tesac\n\tdone\n\tcase $command:$last in\n");
	bash_values(b, "", cli_usage.opts);
	for (size_t i = 0; cli_commands[i]; i++)
		bash_values(b, cli_commands[i]->usage.name, cli_commands[i]->usage.opts);
	buf_str(b, "\tesac\n\tcase $command in\n");
	for (size_t i = 0; cli_commands[i]; i++) {
		buf_fmt(b, "\t%s) options='", cli_commands[i]->usage.name);
		bash_words(b, cli_commands[i]->usage.opts);
		buf_str(b, "' ;;\n");
	}
	buf_str(b, "\t*) options='");
	bash_words(b, cli_usage.opts);
	for (size_t i = 0; cli_commands[i]; i++)
		buf_fmt(b, "%s ", cli_commands[i]->usage.name);
	buf_str(b, "' ;;\n\tesac\n\tcase $word:$command in\n\t-*) ;;\n\t*:");
	for (size_t i = 0, n = 0; cli_commands[i]; i++)
		if (takes_id(cli_commands[i]))
			buf_fmt(b, "%s%s", n++ ? "|*:" : "", cli_commands[i]->usage.name);
	buf_str(b, ") options=$(skiff list -q 2>/dev/null) ;;\n\tesac\n"
		   "\tCOMPREPLY=($(compgen -W \"$options\" -- \"$word\"))\n}\ncomplete "
		   "-o default -F _skiff skiff\n");
}

/* --- zsh --- */

/* Text inside '...[...]': quotes and brackets would end it. */
static void zsh_text(struct buf *b, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			buf_str(b, "'\\'");
		else if (strchr("[]:\\", *s))
			buf_char(b, '\\');
		buf_char(b, *s);
	}
}

static void zsh_options(struct buf *b, const struct opt *opts)
{
	for (const struct opt *o = opts; o->name; o++) {
		if (!is_shown(o))
			continue;
		buf_fmt(b, "\t\t\t%s'--%s%s[", o->kind == OPT_LIST ? "\\*" : "", o->name,
			takes_value(o) ? "=" : "");
		zsh_text(b, o->help);
		buf_char(b, ']');
		if (o->choices)
			buf_fmt(b, ":%s:(%s)", o->arg, o->choices);
		else if (o->kind == OPT_DIR)
			buf_fmt(b, ":%s:_files -/", o->arg);
		else if (takes_value(o))
			buf_fmt(b, ":%s:%s", o->arg,
				o->kind == OPT_PATH ? "_files" : " ");
		buf_str(b, "' \\\n");
	}
}

static void put_zsh(struct buf *b)
{
	buf_str(b, "#compdef skiff\n# zsh completion for skiff; made from its option "
		   "tables\n_skiff_ids() {\n"
		   "\tlocal -a ids\n\tids=(${(f)\"$(skiff list -q "
		   "2>/dev/null)\"})\n\t_describe container ids\n}\n"
		   "_skiff() {\n\tlocal -a commands\n\tlocal context state "
		   "line\n\tcommands=(\n");
	for (size_t i = 0; cli_commands[i]; i++) {
		buf_fmt(b, "\t\t'%s:", cli_commands[i]->usage.name);
		zsh_text(b, cli_commands[i]->usage.summary);
		buf_str(b, "'\n");
	}
	buf_str(b, "\t)\n\t_arguments -C \\\n");
	zsh_options(b, cli_usage.opts);
	buf_str(b, "\t\t\t'1:command:->command' '*::argument:->argument' && "
		   "return\n\tcase $state in\n"
		   "\tcommand) _describe command commands ;;\n\targument)\n\t\tcase "
		   "$words[1] in\n");
	for (size_t i = 0; cli_commands[i]; i++) {
		buf_fmt(b, "\t\t%s) _arguments \\\n", cli_commands[i]->usage.name);
		zsh_options(b, cli_commands[i]->usage.opts);
		buf_fmt(b, "\t\t\t'*:argument:%s' ;;\n",
			takes_id(cli_commands[i]) ? "_skiff_ids" : "_files");
	}
	buf_str(b, "\t\tesac ;;\n\tesac\n}\n_skiff \"$@\"\n");
}

/* --- fish --- */

static void fish_text(struct buf *b, const char *s)
{
	buf_str(b, " -d '");
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			buf_char(b, '\\');
		buf_char(b, *s);
	}
	buf_str(b, "'\n");
}

static void fish_options(struct buf *b, const struct opt *opts, const char *condition)
{
	for (const struct opt *o = opts; o->name; o++) {
		if (!is_shown(o))
			continue;
		buf_fmt(b, "complete -c skiff -n '%s' -l %s", condition, o->name);
		if (o->letter)
			buf_fmt(b, " -s %c", o->letter);
		if (o->choices)
			buf_fmt(b, " -x -a '%s'", o->choices);
		else if (o->kind == OPT_DIR)
			buf_str(b, " -x -a '(__fish_complete_directories)'");
		else if (takes_value(o))
			buf_str(b, o->kind == OPT_PATH ? " -r -F" : " -x");
		fish_text(b, o->help);
	}
}

static void put_fish(struct buf *b, struct arena *arena)
{
	buf_str(b, "# fish completion for skiff; made from its option tables\ncomplete "
		   "-c skiff -f\n");
	fish_options(b, cli_usage.opts, "__fish_use_subcommand");
	for (size_t i = 0; cli_commands[i]; i++) {
		const struct usage *u = &cli_commands[i]->usage;
		const char *here = arena_printf(arena, "__fish_seen_subcommand_from %s",
						u->name);

		buf_fmt(b, "complete -c skiff -n __fish_use_subcommand -a %s", u->name);
		fish_text(b, u->summary);
		fish_options(b, u->opts, here);
		if (takes_id(cli_commands[i]))
			buf_fmt(b,
				"complete -c skiff -n '%s' -a '(skiff list -q "
				"2>/dev/null)'\n",
				here);
	}
}

static int save(struct buf *b, int dir, const char *name)
{
	return b->full ? -EFBIG : fd_replace_file(dir, name, b->p, b->len, 0644);
}

int write_completions(struct arena *arena, const char *path)
{
	auto_fd dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct buf bash, zsh, fish;
	int r;

	if (dir < 0)
		return -errno;
	buf_init(&bash, arena, SCRIPT_MAX);
	buf_init(&zsh, arena, SCRIPT_MAX);
	buf_init(&fish, arena, SCRIPT_MAX);
	put_bash(&bash);
	put_zsh(&zsh);
	put_fish(&fish, arena);
	r = save(&bash, dir, "skiff.bash");
	if (!r)
		r = save(&zsh, dir, "_skiff");
	return r ? r : save(&fish, dir, "skiff.fish");
}
