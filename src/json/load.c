/*
 * The loader: yajl's SAX events walk the descriptor tables with a fixed stack of frames.
 * What an event means follows from the frame on top; unknown or faulty values are skipped
 * by counting levels. Conversion is in store.c, wording in fault.c, syntax in syntax.c.
 */
#include "json/load.h"

#include <errno.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "base/fd.h"
#include "json/loader.h"
#include "json/syntax.h"

/*
 * yajl never checks its allocator's answer, so it gets one that cannot fail: the arena,
 * bounded by the limits of load.h (JSON_RESERVE covers its buffers). The size stands in
 * front of each block.
 */
static void *yajl_new(void *ctx, size_t size)
{
	size_t *p = arena_alloc(ctx, size + 16);

	*p = size;
	return (char *)p + 16;
}

static void *yajl_grow(void *ctx, void *old, size_t size)
{
	void *p = yajl_new(ctx, size);
	size_t had = old ? *(size_t *)(void *)((char *)old - 16) : 0;

	if (had)
		memcpy(p, old, had < size ? had : size);
	return p;
}

static void yajl_drop(void *ctx, void *p)
{
	(void)ctx;
	(void)p;
}

/* A value has ended, whatever became of it. */
static void value_done(struct loader *ld)
{
	if (ld->depth && top_frame(ld)->kind == FRAME_LIST)
		top_frame(ld)->index++;
}

static bool is_crowded(struct loader *ld)
{
	const struct frame *f = top_frame(ld);

	if (f->kind != FRAME_LIST || f->index < JSON_MAX_LIST)
		return false;
	json_stop(ld, "more than %d elements", JSON_MAX_LIST);
	return true;
}

static int on_scalar(struct loader *ld, const struct token *t)
{
	int r;

	if (ld->skip)
		return GOT_VALUE;
	if (!ld->depth)
		return (int)json_stop(ld, "%s: expected an object", ld->name);
	if (is_crowded(ld))
		return GOT_STOP;
	r = (int)json_store(ld, t);
	value_done(ld);
	return r;
}

static int on_null(void *ld)
{
	return on_scalar(ld, &(struct token){ .kind = T_NULL });
}

static int on_bool(void *ld, int truth)
{
	return on_scalar(ld, &(struct token){ .kind = T_BOOL, .truth = truth });
}

static int on_number(void *ld, const char *s, size_t n)
{
	return on_scalar(ld, &(struct token){ .kind = T_NUMBER, .s = s, .n = n });
}

static int on_string(void *ld, const unsigned char *s, size_t n)
{
	return on_scalar(
		ld, &(struct token){ .kind = T_STRING, .s = (const char *)s, .n = n });
}

static struct frame *push_frame(struct loader *ld, enum frame_kind kind)
{
	struct frame *f = &ld->frames[ld->depth++];

	*f = (struct frame){ .kind = kind };
	return f;
}

static int push_object(struct loader *ld, const struct type *t, void *base)
{
	struct frame *f = push_frame(ld, FRAME_OBJECT);

	f->type = t;
	f->next = t->fields;
	f->base = base;
	return GOT_VALUE;
}

static int push_list(struct loader *ld, const struct field *field, void *list,
		     enum frame_kind kind)
{
	struct frame *f = push_frame(ld, kind);

	f->field = field;
	f->list = list;
	f->size = json_element_size(field);
	/* An empty list differs from an absent one. */
	f->list->v = ld->arena->base + ld->arena->used;
	return GOT_VALUE;
}

/* Ignores everything up to the matching end. */
static int skip_value(struct loader *ld)
{
	ld->skip = 1;
	return GOT_VALUE;
}

static int mismatch(struct loader *ld, const char *wanted, enum token_kind found)
{
	if (json_mismatch(ld, wanted, &(struct token){ .kind = found }) == GOT_STOP)
		return GOT_STOP;
	return skip_value(ld);
}

static const char *wanted_name(enum kind k)
{
	switch (k) {
	case K_BOOL:
	case K_OPT_BOOL:
		return "true or false";
	case K_U32:
	case K_I64:
	case K_U64:
	case K_OPT_I64:
	case K_OPT_U64:
		return "a number";
	case K_STR:
	case K_ENUM:
		return "a string";
	case K_STRS:
	case K_ENUMS:
	case K_U32S:
	case K_OBJS:
		return "an array";
	default:
		return "an object";
	}
}

static int open_member(struct loader *ld, struct frame *f, enum token_kind found)
{
	const struct field *field = f->field;
	void *at;

	if (!field)
		return skip_value(ld);
	f->present |= 1ull << (field - f->type->fields);
	if (field->kind == K_RAW)
		return skip_value(ld);
	if (strcmp(wanted_name(field->kind),
		   found == T_OBJECT ? "an object" : "an array") != 0)
		return mismatch(ld, wanted_name(field->kind), found);
	at = f->base + field->offset;
	if (field->kind == K_VAL)
		return push_object(ld, field->type, at);
	if (field->kind == K_OBJ) {
		*(void **)at = arena_alloc(ld->arena, field->type->size);
		return push_object(ld, field->type, *(void **)at);
	}
	return push_list(ld, field, at, found == T_ARRAY ? FRAME_LIST : FRAME_MAP);
}

/* An element keeps its place even when it is faulty, so that later paths count right. */
static int open_element(struct loader *ld, struct frame *f, enum token_kind found)
{
	const struct field *field = f->field;
	void *slot;

	if (field->kind != K_OBJS && field->kind != K_OBJMAP)
		return mismatch(ld, wanted_name(json_element_kind(field->kind)), found);
	slot = json_push(ld, f);
	if (!slot)
		return GOT_STOP;
	if (field->kind == K_OBJMAP)
		*(char **)slot = f->key;
	if (found != T_OBJECT)
		return mismatch(ld, "an object", found);
	return push_object(ld, field->type, slot);
}

static int on_open(struct loader *ld, enum token_kind found)
{
	struct frame *f;

	if (ld->depth + ld->skip >= JSON_MAX_DEPTH)
		return (int)json_stop(ld, "nested more than %d levels deep",
				      JSON_MAX_DEPTH);
	if (ld->skip) {
		ld->skip++;
		return GOT_VALUE;
	}
	if (!ld->depth && found == T_OBJECT)
		return push_object(ld, ld->root, ld->ret);
	if (!ld->depth)
		return (int)json_stop(ld, "%s: expected an object, found an array",
				      ld->name);
	if (is_crowded(ld))
		return GOT_STOP;
	f = top_frame(ld);
	return f->kind == FRAME_OBJECT ? open_member(ld, f, found)
				       : open_element(ld, f, found);
}

static int on_start_map(void *ld)
{
	return on_open(ld, T_OBJECT);
}

static int on_start_array(void *ld)
{
	return on_open(ld, T_ARRAY);
}

static const struct field *search(const struct field *row, const struct field *end,
				  const char *key, size_t n)
{
	for (; row != end && row->key; row++)
		if (json_is_word(row->key, key, n))
			return row;
	return NULL;
}

/* The row of a key: the search starts behind the last hit, since texts keep the tables'
 * order. */
static const struct field *find_row(const struct frame *f, const char *key, size_t n)
{
	const struct field *row = search(f->next, NULL, key, n);

	return row ? row : search(f->type->fields, f->next, key, n);
}

static int on_member_key(struct loader *ld, struct frame *f, const char *key, size_t n)
{
	uint64_t bit;

	f->field = find_row(f, key, n);
	if (!f->field) {
		json_unknown_key(ld, key, n);
		return GOT_VALUE;
	}
	bit = 1ull << (f->field - f->type->fields);
	if (f->seen & bit)
		return (int)json_stop(ld, "the key is given twice");
	f->seen |= bit;
	f->next = f->field + 1;
	if (f->field->kind == K_RAW)
		ld->raw_start = yajl_get_bytes_consumed(ld->yajl);
	return GOT_VALUE;
}

static int on_key(void *ctx, const unsigned char *s, size_t n)
{
	const char *key = (const char *)s;
	struct loader *ld = ctx;
	struct frame *f = top_frame(ld);

	if (ld->skip)
		return GOT_VALUE;
	if (n > JSON_MAX_STR)
		return (int)json_stop(ld, "key of %zu bytes (at most %zu)", n,
				      JSON_MAX_STR);
	if (f->index++ >= JSON_MAX_LIST)
		return (int)json_stop(ld, "more than %d keys", JSON_MAX_LIST);
	if (f->kind == FRAME_OBJECT)
		return on_member_key(ld, f, key, n);
	f->key = json_keep(ld, key, n);
	return GOT_VALUE;
}

static int close_object(struct loader *ld, struct frame *f)
{
	f->field = NULL;
	for (const struct field *row = f->type->fields; row->key; row++) {
		if (!(row->flags & F_REQUIRED) ||
		    f->present >> (row - f->type->fields) & 1)
			continue;
		if (json_missing(ld, row->key) == GOT_STOP)
			return GOT_STOP;
	}
	return GOT_VALUE;
}

static int close_list(struct loader *ld, struct frame *f)
{
	char *twice = NULL, word[JSON_QUOTED];

	if (f->field->flags & F_NONEMPTY && !f->index) {
		ld->depth--; /* the fault is the list's, not that of an element */
		enum got r = json_fault(ld, "must not be empty");

		ld->depth++;
		return (int)r;
	}
	if (f->kind == FRAME_MAP)
		twice = json_find_twice(ld->arena, f->list, f->size);
	f->key = NULL;
	if (twice)
		return (int)json_fault(ld, "the key \"%s\" is given twice",
				       json_quote(word, twice, strlen(twice)));
	return GOT_VALUE;
}

static int on_close(void *ctx)
{
	struct loader *ld = ctx;
	struct frame *f = top_frame(ld);
	int r = GOT_VALUE;

	if (ld->skip) {
		if (--ld->skip)
			return GOT_VALUE;
		if (f->kind == FRAME_OBJECT && f->field && f->field->kind == K_RAW)
			r = (int)json_take_raw(ld, f);
	} else {
		r = f->kind == FRAME_OBJECT ? close_object(ld, f) : close_list(ld, f);
		ld->depth--;
	}
	value_done(ld);
	return r;
}

static int parse(struct loader *ld)
{
	static const yajl_callbacks events = {
		.yajl_null = on_null,
		.yajl_boolean = on_bool,
		.yajl_number = on_number,
		.yajl_string = on_string,
		.yajl_start_map = on_start_map,
		.yajl_map_key = on_key,
		.yajl_end_map = on_close,
		.yajl_start_array = on_start_array,
		.yajl_end_array = on_close,
	};
	yajl_alloc_funcs memory = { yajl_new, yajl_grow, yajl_drop, ld->arena };
	const unsigned char *text = (const unsigned char *)ld->text;
	yajl_status status;
	size_t at;

	ld->yajl = yajl_alloc(&events, &memory, ld);
	status = yajl_parse(ld->yajl, text, ld->n);
	at = yajl_get_bytes_consumed(ld->yajl);
	if (status == yajl_status_ok) {
		status = yajl_complete_parse(ld->yajl);
		at = ld->n + 1; /* behind the end */
	}
	if (status == yajl_status_ok)
		return 0;
	if (status == yajl_status_client_canceled)
		return -1;
	return json_syntax_error(ld->text, ld->n, at, ld->name,
				 (const char *)yajl_get_error(ld->yajl, 0, NULL, 0),
				 ld->e);
}

int json_load(const struct type *t, const char *text, size_t n, const char *name,
	      struct arena *arena, const struct json_notes *notes, void *ret,
	      struct err *e)
{
	struct loader ld = {
		.arena = arena,
		.notes = notes,
		.e = e,
		.name = name,
		.text = text,
		.n = n,
		.root = t,
		.ret = ret,
	};

	memset(ret, 0, t->size);
	if (n > JSON_MAX_SIZE)
		return err_set(e, ERR_CONFIG, "%s is larger than %zu MiB", name,
			       JSON_MAX_SIZE >> 20);
	if (arena_left(arena) < n + JSON_RESERVE + 16)
		return err_set(e, ERR_GENERAL, "%s: no room left to load it", name);
	if (json_guard(text, n, name, e) < 0)
		return -1;
	ld.pool = arena_alloc(arena, n + 1);
	return parse(&ld);
}

int json_load_file(const struct type *t, int dirfd, const char *path, struct arena *arena,
		   const struct json_notes *notes, void *ret, char **ret_text,
		   size_t *ret_len, struct err *e)
{
	char *text;
	size_t n;
	const char *file = strcmp(path, "-") ? path : "/dev/stdin";
	int r = fd_read_file(dirfd, file, arena, JSON_MAX_SIZE, &text, &n);

	if (r == -EFBIG)
		return err_set(e, ERR_CONFIG, "%s is larger than %zu MiB", path,
			       JSON_MAX_SIZE >> 20);
	if (r == -EISDIR || r == -EINVAL)
		return err_set(e, ERR_CONFIG, "%s is not a regular file", path);
	if (r < 0)
		return err_sys(e, -r, "open %s", path);
	if (json_load(t, text, n, path, arena, notes, ret, e) < 0)
		return -1;
	if (ret_text)
		*ret_text = text;
	if (ret_len)
		*ret_len = n;
	return 0;
}
