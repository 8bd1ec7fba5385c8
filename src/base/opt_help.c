/* The help text of a command, made from its option table. */
#include <string.h>

#include "base/opt.h"

enum { LEFT = 2, WIDEST = 26 };

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

static void put_option(const struct opt *o, struct buf *b)
{
	size_t begin, width;

	buf_str(b, "  ");
	begin = b->len;
	opt_left(o, b);
	width = b->len - begin;
	if (width > WIDEST) {
		buf_char(b, '\n');
		width = 0;
		buf_str(b, "  ");
	}
	buf_fmt(b, "%*s%s", (int)(WIDEST + LEFT - width), "", o->help);
	if (o->choices)
		buf_fmt(b, " One of: %s.", o->choices);
	if (o->flags & OPT_COMPAT)
		buf_str(b, " (accepted, no effect)");
	buf_char(b, '\n');
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
	buf_fmt(b, "Usage: %s [OPTION...]%s%s\n\n%s\n\nOptions:\n", program,
		*u->operands ? " " : "", u->operands, u->about);
	for (const struct opt *o = u->opts; o->name; o++)
		if (!(o->flags & OPT_HIDDEN))
			put_option(o, b);
	if (u->example) {
		buf_str(b, "\nExample:\n");
		put_indented(u->example, b);
	}
}
