/* Structs to JSON by the tables. The nesting is that of the tables, so the depth is known
 * and small. */
#include "json/print.h"

#include <inttypes.h>

struct printer {
	struct buf *b;
	enum json_style style;
	unsigned depth;
};

static void print_object(struct printer *p, const struct type *t, const char *base);

static void new_line(struct printer *p)
{
	if (p->style == JSON_COMPACT)
		return;
	buf_char(p->b, '\n');
	for (unsigned i = 0; i < p->depth; i++)
		buf_str(p->b, "  ");
}

static void open_level(struct printer *p, char bracket)
{
	buf_char(p->b, bracket);
	p->depth++;
}

static void close_level(struct printer *p, char bracket, bool empty)
{
	p->depth--;
	if (!empty)
		new_line(p);
	buf_char(p->b, bracket);
}

static void print_key(struct printer *p, const char *key, bool first)
{
	if (!first)
		buf_char(p->b, ',');
	new_line(p);
	buf_json(p->b, key);
	buf_str(p->b, p->style == JSON_PRETTY ? ": " : ":");
}

static void print_word(struct printer *p, const struct name *names, int64_t value)
{
	const char *text = names_text(names, value);

	buf_json(p->b, text ? text : "");
}

static void print_element(struct printer *p, const struct field *f, const char *v,
			  size_t i)
{
	const void *at = v + i * (f->kind == K_OBJS ? f->type->size : 0);

	if (f->kind == K_STRS)
		buf_json(p->b, ((char *const *)(const void *)v)[i]);
	else if (f->kind == K_ENUMS)
		print_word(p, f->names, ((const int *)(const void *)v)[i]);
	else if (f->kind == K_U32S)
		buf_fmt(p->b, "%" PRIu32, ((const uint32_t *)(const void *)v)[i]);
	else
		print_object(p, f->type, at);
}

static void print_list(struct printer *p, const struct field *f, const struct list *l)
{
	open_level(p, '[');
	for (size_t i = 0; i < l->n; i++) {
		if (i)
			buf_char(p->b, ',');
		new_line(p);
		print_element(p, f, l->v, i);
	}
	close_level(p, ']', !l->n);
}

static void print_map(struct printer *p, const struct field *f, const struct list *l)
{
	size_t size = f->kind == K_PAIRS ? sizeof(struct pair) : f->type->size;

	open_level(p, '{');
	for (size_t i = 0; i < l->n; i++) {
		const char *at = (const char *)l->v + i * size;
		const struct pair *pair = (const struct pair *)(const void *)at;

		print_key(p, pair->key, !i);
		if (f->kind == K_PAIRS)
			buf_json(p->b, pair->value);
		else
			print_object(p, f->type, at);
	}
	close_level(p, '}', !l->n);
}

static bool is_present(const struct field *f, const void *at)
{
	bool show = f->flags & (F_REQUIRED | F_SHOW);

	switch (f->kind) {
	case K_BOOL:
		return show || *(const bool *)at;
	case K_U32:
		return show || *(const uint32_t *)at;
	case K_I64:
	case K_U64:
		return show || *(const uint64_t *)at;
	case K_ENUM:
		return names_text(f->names, *(const int *)at) &&
		       (show || *(const int *)at);
	case K_OPT_BOOL:
		return ((const struct opt_bool *)at)->set;
	case K_OPT_I64:
		return ((const struct opt_i64 *)at)->set;
	case K_OPT_U64:
		return ((const struct opt_u64 *)at)->set;
	case K_VAL:
		return show;
	case K_STR:
	case K_RAW:
	case K_OBJ:
		return *(const void *const *)at;
	case K_STRS:
	case K_ENUMS:
	case K_U32S:
	case K_OBJS:
	case K_PAIRS:
	case K_OBJMAP:
		return show || ((const struct list *)at)->v;
	}
	return false;
}

static void print_scalar(struct printer *p, const struct field *f, const void *at)
{
	switch (f->kind) {
	case K_BOOL:
		buf_str(p->b, *(const bool *)at ? "true" : "false");
		break;
	case K_OPT_BOOL:
		buf_str(p->b, ((const struct opt_bool *)at)->v ? "true" : "false");
		break;
	case K_U32:
		buf_fmt(p->b, "%" PRIu32, *(const uint32_t *)at);
		break;
	case K_I64:
		buf_fmt(p->b, "%" PRId64, *(const int64_t *)at);
		break;
	case K_OPT_I64:
		buf_fmt(p->b, "%" PRId64, ((const struct opt_i64 *)at)->v);
		break;
	case K_U64:
		buf_fmt(p->b, "%" PRIu64, *(const uint64_t *)at);
		break;
	case K_OPT_U64:
		buf_fmt(p->b, "%" PRIu64, ((const struct opt_u64 *)at)->v);
		break;
	default:
		break;
	}
}

static void print_value(struct printer *p, const struct field *f, const char *at)
{
	switch (f->kind) {
	case K_ENUM:
		print_word(p, f->names, *(const int *)(const void *)at);
		break;
	case K_STR:
		buf_json(p->b, *(char *const *)(const void *)at);
		break;
	case K_RAW:
		buf_str(p->b, *(char *const *)(const void *)at);
		break;
	case K_OBJ:
		print_object(p, f->type, *(const char *const *)(const void *)at);
		break;
	case K_VAL:
		print_object(p, f->type, at);
		break;
	case K_STRS:
	case K_ENUMS:
	case K_U32S:
	case K_OBJS:
		print_list(p, f, (const void *)at);
		break;
	case K_PAIRS:
	case K_OBJMAP:
		print_map(p, f, (const void *)at);
		break;
	default:
		print_scalar(p, f, at);
	}
}

static void print_object(struct printer *p, const struct type *t, const char *base)
{
	bool empty = true;

	open_level(p, '{');
	for (const struct field *f = t->fields; f->key; f++) {
		const char *at = base + f->offset;

		if (!is_present(f, at))
			continue;
		print_key(p, f->key, empty);
		empty = false;
		print_value(p, f, at);
	}
	close_level(p, '}', empty);
}

void json_print(struct buf *b, const struct type *t, const void *p, enum json_style style)
{
	struct printer printer = { .b = b, .style = style };

	print_object(&printer, t, p);
}
