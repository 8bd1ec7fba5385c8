/*
 * Runs at build time: writes the manual pages from the option tables and from the tables
 * of the configuration, so that neither can tell anything else than the program does.
 * mkman MAN-DIR COMPLETIONS-DIR writes skiff.1, skiff-COMMAND.1 and skiff-config.5, and
 * the shells' completions; mkman --list prints the names of all that the tables have.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "cli/mkman.h"
#include "json/schema.h"

extern const struct type spec_type;
enum { PAGE_MAX = 1 << 20, TYPES_MAX = 64 };

/* Text for roff: no line begins with a control character, backslashes and dashes are
 * literal. */
static void put_roff(struct buf *b, const char *s)
{
	bool start = !b->len || b->p[b->len - 1] == '\n';

	for (; *s; s++) {
		if (start && (*s == '.' || *s == '\''))
			buf_str(b, "\\&");
		if (*s == '\\')
			buf_str(b, "\\e");
		else if (*s == '-')
			buf_str(b, "\\-");
		else
			buf_char(b, *s);
		start = *s == '\n';
	}
}

static void put_head(struct buf *b, const char *name, int section, const char *summary)
{
	buf_fmt(b, ".TH \"%s\" \"%d\" \"\" \"skiff %s\" \"skiff\"\n.SH NAME\n", name,
		section, skiff_version());
	put_roff(b, name);
	buf_str(b, " \\- ");
	put_roff(b, summary);
	buf_char(b, '\n');
}

static void put_option(struct buf *b, const struct opt *o)
{
	buf_str(b, ".TP\n\\fB");
	if (o->letter)
		buf_fmt(b, "\\-%c\\fR, \\fB", o->letter);
	buf_str(b, "\\-\\-");
	put_roff(b, o->name);
	buf_str(b, "\\fR");
	if (o->arg) {
		buf_str(b, " \\fI");
		put_roff(b, o->arg);
		buf_str(b, "\\fR");
	}
	buf_char(b, '\n');
	put_roff(b, o->help);
	if (o->choices)
		buf_fmt(b, " One of: %s.", o->choices);
	if (o->flags & OPT_COMPAT)
		buf_str(b, " Accepted for other runtimes' callers, without effect.");
	buf_char(b, '\n');
}

static void put_usage(struct buf *b, const struct usage *u, const char *program)
{
	buf_str(b, ".SH SYNOPSIS\n.B ");
	put_roff(b, program);
	buf_fmt(b, "\n[\\fIOPTION\\fR...] ");
	put_roff(b, u->operands);
	buf_str(b, "\n.SH DESCRIPTION\n");
	put_roff(b, u->about);
	buf_str(b, "\n.SH OPTIONS\n");
	for (const struct opt *o = u->opts; o->name; o++)
		if (!(o->flags & OPT_HIDDEN))
			put_option(b, o);
}

static void put_example(struct buf *b, const struct usage *u)
{
	if (!u->example)
		return;
	buf_str(b, ".SH EXAMPLES\n.nf\n");
	put_roff(b, u->example);
	buf_str(b, "\n.fi\n");
}

static int save(struct buf *b, int dir, const char *name)
{
	int r = b->full ? -EFBIG : fd_replace_file(dir, name, b->p, b->len, 0644);

	if (r < 0)
		fprintf(stderr, "mkman: %s: %s\n", name, strerror(-r));
	return r;
}

static int write_command(struct arena *arena, int dir, const struct cmd *cmd)
{
	const char *page = arena_printf(arena, "skiff-%s", cmd->usage.name);
	struct buf b;

	buf_init(&b, arena, PAGE_MAX);
	put_head(&b, page, 1, cmd->usage.summary);
	put_usage(&b, &cmd->usage, arena_printf(arena, "skiff %s", cmd->usage.name));
	put_example(&b, &cmd->usage);
	buf_fmt(&b, ".SH EXIT STATUS\n0 on success, %d when skiff itself fails%s.\n",
		cmd->own_failure,
		cmd == &cmd_run || cmd == &cmd_exec || cmd == &cmd_restore
			? "; in the foreground that of the program, or 128 and the "
			  "number of the signal that killed it"
			: "");
	buf_str(&b, ".SH SEE ALSO\n.BR skiff (1),\n.BR skiff\\-config (5),\n.BR "
		    "skiff\\-errors (7)\n");
	return save(&b, dir, arena_printf(arena, "%s.1", page));
}

static int write_main(struct arena *arena, int dir)
{
	struct buf b;

	buf_init(&b, arena, PAGE_MAX);
	put_head(&b, "skiff", 1, cli_usage.summary);
	put_usage(&b, &cli_usage, "skiff");
	buf_str(&b, ".SH COMMANDS\n");
	for (size_t i = 0; cli_commands[i]; i++) {
		buf_fmt(&b, ".TP\n.BR skiff\\-%s (1)\n", cli_commands[i]->usage.name);
		put_roff(&b, cli_commands[i]->usage.summary);
		buf_char(&b, '\n');
	}
	buf_str(&b, ".SH ERRORS\nAn error is one line on stderr, and one record in the "
		    "log. As JSON it has the keys level, msg and time, and where they "
		    "are known code, step (the plan's step that failed, see\n.BR "
		    "skiff\\-plan (1)),\npath (of the configuration) and errno. In "
		    "the journal these are the fields SKIFF_CODE, SKIFF_STEP, SKIFF_PATH "
		    "and ERRNO. The codes and their exit statuses are in\n.BR "
		    "skiff\\-errors (7).\n");
	buf_str(&b, ".SH FILES\n.TP\n.I /run/skiff\nState of containers; "
		    "\\fI$XDG_RUNTIME_DIR/skiff\\fR without root.\n");
	put_example(&b, &cli_usage);
	buf_str(&b, ".SH SEE ALSO\n.BR skiff\\-config (5),\n.BR skiff\\-errors (7)\n");
	return save(&b, dir, "skiff.1");
}

static const char *kind_text(const struct field *f)
{
	switch (f->kind) {
	case K_BOOL:
	case K_OPT_BOOL:
		return "true or false";
	case K_U32:
	case K_I64:
	case K_U64:
	case K_OPT_I64:
	case K_OPT_U64:
		return "number";
	case K_ENUM:
		return "word";
	case K_STR:
		return f->flags & F_ABSOLUTE ? "absolute path" : "string";
	case K_OBJ:
	case K_VAL:
		return "object";
	case K_STRS:
		return "list of strings";
	case K_ENUMS:
		return "list of words";
	case K_U32S:
		return "list of numbers";
	case K_OBJS:
		return "list of objects";
	case K_PAIRS:
		return "object with string values";
	case K_OBJMAP:
		return "object with objects as values";
	case K_RAW:
		return "any value";
	}
	return "";
}

static void put_words(struct buf *b, const struct name *names)
{
	buf_str(b, " One of: ");
	for (const struct name *n = names; n->text; n++) {
		put_roff(b, n->text);
		buf_str(b, n[1].text ? ", " : ".");
	}
}

static void put_field(struct buf *b, const char *path, const struct field *f)
{
	buf_str(b, ".TP\n\\fB");
	put_roff(b, path);
	put_roff(b, f->key);
	buf_fmt(b, "\\fR (%s%s)\n", kind_text(f),
		f->flags & F_REQUIRED ? ", required" : "");
	put_roff(b, f->help);
	if (f->kind == K_ENUM || f->kind == K_ENUMS)
		put_words(b, f->names);
	buf_char(b, '\n');
}

/* A type that is used in several places is described in the first one. */
struct seen {
	const struct type *v[TYPES_MAX];
	size_t n;
};

static void put_type(struct buf *b, struct arena *arena, const char *path,
		     const struct type *t, struct seen *seen)
{
	for (size_t i = 0; i < seen->n; i++)
		if (seen->v[i] == t)
			return;
	if (seen->n < TYPES_MAX)
		seen->v[seen->n++] = t;
	for (const struct field *f = t->fields; f->key; f++) {
		put_field(b, path, f);
		if (f->kind == K_OBJ || f->kind == K_VAL)
			put_type(b, arena, arena_printf(arena, "%s%s.", path, f->key),
				 f->type, seen);
		else if (f->kind == K_OBJS)
			put_type(b, arena, arena_printf(arena, "%s%s[].", path, f->key),
				 f->type, seen);
		else if (f->kind == K_OBJMAP)
			put_type(b, arena, arena_printf(arena, "%s%s.*.", path, f->key),
				 f->type, seen);
	}
}

static int write_config(struct arena *arena, int dir)
{
	struct seen seen = { .n = 0 };
	struct buf b;

	buf_init(&b, arena, PAGE_MAX);
	put_head(&b, "skiff-config", 5, "the configuration of a container");
	buf_str(&b, ".SH DESCRIPTION\nconfig.json in the bundle says what is run and how "
		    "it is isolated, as the "
		    "runtime specification of the Open Container Initiative lays down. "
		    "Unknown keys are ignored; "
		    "\\fBskiff check\\fR shows them.\n.SH KEYS\n");
	put_type(&b, arena, "", &spec_type, &seen);
	buf_str(&b, ".SH SEE ALSO\n.BR skiff\\-spec (1),\n.BR skiff\\-check (1),\n.BR "
		    "skiff\\-plan (1)\n");
	return save(&b, dir, "skiff-config.5");
}

static int write_pages(struct arena *arena, char **argv)
{
	int dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = dir < 0 ? -errno : write_main(arena, dir) | write_config(arena, dir);
	for (size_t i = 0; !r && cli_commands[i]; i++)
		r = write_command(arena, dir, cli_commands[i]);
	return r ? r : write_completions(arena, argv[2]);
}

int main(int argc, char **argv)
{
	bool list = argc == 2 && !strcmp(argv[1], "--list");
	struct arena arena;
	int r;

	if ((argc != 3 && !list) || arena_init(&arena) < 0) {
		fprintf(stderr, "Usage: mkman MAN-DIR COMPLETIONS-DIR | --list\n");
		return 1;
	}
	r = list ? write_list(&arena) : write_pages(&arena, argv);
	if (r)
		fprintf(stderr, "mkman: failed\n");
	return r != 0;
}
