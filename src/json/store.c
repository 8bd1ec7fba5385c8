/* Values of the text into members of structs: where they go, and lists that grow. */
#include "json/loader.h"

#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

enum kind json_element_kind(enum kind list)
{
	switch (list) {
	case K_ENUMS:
		return K_ENUM;
	case K_U32S:
		return K_U32;
	case K_OBJS:
	case K_OBJMAP:
		return K_OBJ;
	default:
		return K_STR;
	}
}

size_t json_element_size(const struct field *f)
{
	switch (f->kind) {
	case K_ENUMS:
		return sizeof(int);
	case K_U32S:
		return sizeof(uint32_t);
	case K_OBJS:
	case K_OBJMAP:
		return f->type->size;
	case K_PAIRS:
		return sizeof(struct pair);
	default:
		return sizeof(char *);
	}
}

char *json_keep(struct loader *ld, const char *s, size_t n)
{
	char *p = ld->pool;

	memcpy(p, s, n);
	p[n] = '\0';
	ld->pool += n + 1;
	return p;
}

enum got json_take_raw(struct loader *ld, struct frame *f)
{
	size_t from = ld->raw_start, to = yajl_get_bytes_consumed(ld->yajl);

	while (from < to && strchr(" \t\r\n:", ld->text[from]))
		from++;
	*(char **)(void *)(f->base + f->field->offset) = json_keep(ld, ld->text + from,
								   to - from);
	return GOT_VALUE;
}

static bool has_room(struct loader *ld, size_t size)
{
	if (size + JSON_RESERVE < arena_left(ld->arena))
		return true;
	json_stop(ld, "the lists are too large");
	return false;
}

/* Twice the room: in place when nothing was allocated since, which is the rule. */
static bool grow(struct loader *ld, struct frame *f)
{
	size_t size = f->size, now = f->cap * size,
	       more = f->cap ? now : (size > 32 ? 2 : 8) * size;
	char *v = f->list->v;

	if (!has_room(ld, now + more))
		return false;
	if (f->cap && now % 16 == 0 && v + now == ld->arena->base + ld->arena->used) {
		arena_alloc(ld->arena, more);
	} else {
		f->list->v = arena_alloc(ld->arena, now + more);
		if (f->list->n)
			memcpy(f->list->v, v, f->list->n * size);
	}
	f->cap = (now + more) / size;
	return true;
}

void *json_push(struct loader *ld, struct frame *f)
{
	size_t size = f->size;

	if (f->list->n == f->cap && !grow(ld, f))
		return NULL;
	return (char *)f->list->v + size * f->list->n++;
}

/* An element is converted first and appended only if that worked. */
static enum got store_element(struct loader *ld, struct frame *f, const struct token *t)
{
	union {
		char *s;
		int word;
		uint32_t number;
	} v = { NULL };
	enum kind kind = json_element_kind(f->field->kind);
	enum got r = json_convert(ld, f->field, kind, t, &v);
	void *slot;

	/* An object keeps its place even when it is faulty, so that later paths count
	 * right. */
	if (r == GOT_STOP || (r == GOT_BAD && kind != K_OBJ))
		return r;
	slot = json_push(ld, f);
	if (!slot)
		return GOT_STOP;
	if (r == GOT_VALUE)
		memcpy(slot, &v, f->size);
	return r;
}

static enum got store_pair(struct loader *ld, struct frame *f, const struct token *t)
{
	char *value;
	enum got r = json_convert(ld, f->field, json_element_kind(f->field->kind), t,
				  &value);
	struct pair *slot;

	if (r != GOT_VALUE)
		return r;
	slot = json_push(ld, f);
	if (!slot)
		return GOT_STOP;
	*slot = (struct pair){ f->key, value };
	return r;
}

enum got json_store(struct loader *ld, const struct token *t)
{
	struct frame *f = top_frame(ld);

	if (f->kind == FRAME_LIST)
		return store_element(ld, f, t);
	if (t->kind == T_NULL)
		return GOT_VALUE;
	if (f->kind == FRAME_MAP)
		return store_pair(ld, f, t);
	if (!f->field)
		return GOT_VALUE;
	f->present |= 1ull << (f->field - f->type->fields);
	if (f->field->kind == K_RAW)
		return json_take_raw(ld, f);
	return json_convert(ld, f->field, f->field->kind, t, f->base + f->field->offset);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *json_find_twice(struct arena *arena, const struct list *list, size_t size)
{
	char **keys;

	if (list->n < 2)
		return NULL;
	keys = arena_array(arena, list->n, sizeof(*keys));
	for (size_t i = 0; i < list->n; i++)
		keys[i] = *(char **)(void *)((char *)list->v + i * size);
	qsort(keys, list->n, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < list->n; i++)
		if (keys[i] && !strcmp(keys[i - 1], keys[i]))
			return keys[i];
	return NULL;
}
