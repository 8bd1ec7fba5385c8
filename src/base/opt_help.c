/* The help text of a command, made from its option table. */
#include <string.h>

#include "base/opt.h"

enum { LEFT = 2, WIDEST = 26, TEXT = LEFT + WIDEST + 2, COLUMNS = 80 };

void opt_left(const struct opt *o, struct buf *b)
{
	if (o->letter)
		buf_fmt(b, "-%c, ", o->letter);
	else
		buf_str(b, "    ");
	buf_fmt(b, "--%s", o->name);
	if (o->kind != OPT_FLAG && o->kind != OPT_HELP)
		buf_fmt(b, " %s", o->arg);
}

/* Fills lines with the words of text, each from the column on at which we are. */
static void put_filled(const char *text, size_t column, struct buf *b)
{
	size_t at = column;

	for (text += strspn(text, " \n"); *text; text += strspn(text, " \n")) {
		size_t n = strcspn(text, " \n");

		if (at > column && at + 1 + n > COLUMNS) {
			buf_fmt(b, "\n%*s", (int)column, "");
			at = column;
		} else if (at > column) {
			buf_char(b, ' ');
			at++;
		}
		buf_add(b, text, n);
		at += n;
		text += n;
	}
	buf_char(b, '\n');
}

static void put_option(const struct opt *o, struct buf *b)
{
	size_t begin = b->len, width;

	buf_fmt(b, "%*s", LEFT, "");
	opt_left(o, b);
	width = b->len - begin;
	if (width > LEFT + WIDEST) {
		buf_char(b, '\n');
		width = 0;
	}
	buf_fmt(b, "%*s", (int)(TEXT - width), "");
	put_filled(arena_printf(b->arena, "%s%s%s%s%s", o->help,
				o->choices ? " One of: " : "",
				o->choices ? o->choices : "", o->choices ? "." : "",
				o->flags & OPT_COMPAT ? " (accepted, no effect)" : ""),
		   TEXT, b);
}

static void put_indented(const char *text, struct buf *b)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		buf_str(b, "  ");
		buf_add(b, text, n);
		buf_char(b, '\n');
		text += n + (text[n] == '\n');
	}
}

void opt_help(const struct usage *u, const char *program, struct buf *b)
{
	buf_fmt(b, "Usage: %s [OPTION...]%s%s\n\n", program, *u->operands ? " " : "",
		u->operands);
	put_filled(u->about, 0, b);
	buf_str(b, "\nOptions:\n");
	for (const struct opt *o = u->opts; o->name; o++)
		if (!(o->flags & OPT_HIDDEN))
			put_option(o, b);
	if (u->example) {
		buf_str(b, "\nExample:\n");
		put_indented(u->example, b);
	}
}
