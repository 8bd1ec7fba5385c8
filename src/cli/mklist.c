/*
 * The third part of the build-time program mkman: every property of config.json, every
 * word that one may be, every mount option, every command and option, one a line.
 * tests/coverage.py compares them with the tests.
 */
#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "cli/mkman.h"
#include "plan/mount_options.h"

extern const struct type spec_type;
enum { LIST_MAX = 1 << 18 };

static void list_type(struct buf *b, struct arena *arena, const char *path,
		      const struct type *t);

static void list_words(struct buf *b, const char *path, const struct field *f)
{
	/* Capabilities: the same for each set, and a word more is no new feature. */
	if (f->flags & F_LENIENT)
		return;
	for (const struct name *n = f->names; n->text; n++)
		buf_fmt(b, "word %s%s=%s\n", path, f->key, n->text);
}

static void list_field(struct buf *b, struct arena *arena, const char *path,
		       const struct field *f)
{
	buf_fmt(b, "config %s%s\n", path, f->key);
	switch (f->kind) {
	case K_ENUM:
	case K_ENUMS:
		list_words(b, path, f);
		break;
	case K_OBJ:
	case K_VAL:
		list_type(b, arena, arena_printf(arena, "%s%s.", path, f->key), f->type);
		break;
	case K_OBJS:
		list_type(b, arena, arena_printf(arena, "%s%s[].", path, f->key),
			  f->type);
		break;
	case K_OBJMAP:
		list_type(b, arena, arena_printf(arena, "%s%s.*.", path, f->key),
			  f->type);
		break;
	default:
		break;
	}
}

static void list_type(struct buf *b, struct arena *arena, const char *path,
		      const struct type *t)
{
	for (const struct field *f = t->fields; f->key; f++)
		list_field(b, arena, path, f);
}

static void list_options(struct buf *b, const struct usage *u)
{
	buf_fmt(b, "command %s\n", u->name);
	for (const struct opt *o = u->opts; o->name; o++)
		buf_fmt(b, "option %s --%s\n", u->name, o->name);
}

int write_list(struct arena *arena)
{
	struct buf b;

	buf_init(&b, arena, LIST_MAX);
	list_type(&b, arena, "", &spec_type);
	for (const struct mount_option *o = mount_options; o->name; o++)
		buf_fmt(&b, "mount-option %s\n", o->name);
	list_options(&b, &cli_usage);
	for (size_t i = 0; cli_commands[i]; i++)
		list_options(&b, &cli_commands[i]->usage);
	return b.full ? -EFBIG : fd_write_all(STDOUT_FILENO, b.p, b.len);
}
