/*
 * Faults of a JSON text in the user's words: the path of the value from the stack of
 * frames, the cause, and the nearest known word. Text of the input is quoted short and
 * without control characters.
 */
#include "json/loader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct path {
	char *p;
	size_t len, size;
};

static void put(struct path *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n && out->len + 1 < out->size; i++) {
		unsigned char c = (unsigned char)s[i];

		out->p[out->len++] = c < 32 || c == 127 ? '?' : s[i];
	}
	out->p[out->len] = '\0';
}

static bool is_plain(const char *s)
{
	return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ01"
				  "23456789_-")];
}

static void put_member(struct path *out, const char *key)
{
	if (out->len)
		put(out, ".", 1);
	put(out, key, strlen(key));
}

static void put_free_key(struct path *out, const char *key)
{
	if (is_plain(key)) {
		put_member(out, key);
		return;
	}
	put(out, "[\"", 2);
	put(out, key, strlen(key));
	put(out, "\"]", 2);
}

static void put_index(struct path *out, size_t i)
{
	char number[24];
	int n = snprintf(number, sizeof(number), "[%zu]", i);

	put(out, number, (size_t)n);
}

/* The path of the current value, such as "mounts[3].options[1]". inner = false: of the
 * object on top. */
static void write_path(const struct loader *ld, bool inner, char *buf, size_t size)
{
	struct path out = { .p = buf, .size = size };

	buf[0] = '\0';
	for (unsigned i = 0; i < ld->depth; i++) {
		const struct frame *f = &ld->frames[i];

		if (i + 1 == ld->depth && !inner)
			break;
		if (f->kind == FRAME_OBJECT && f->field)
			put_member(&out, f->field->key);
		else if (f->kind == FRAME_LIST)
			put_index(&out, f->index);
		else if (f->kind == FRAME_MAP && f->key)
			put_free_key(&out, f->key);
	}
}

const char *json_quote(char out[static JSON_QUOTED], const char *s, size_t n)
{
	struct path p = { .p = out, .size = 65 };

	out[0] = '\0';
	put(&p, s, n);
	if (n > 64)
		memcpy(out + p.len, "...", 4);
	return out;
}

static enum got report(struct loader *ld, struct err *e)
{
	if (!ld->notes || !ld->notes->fault || ++ld->reports > JSON_MAX_REPORTS) {
		*ld->e = *e;
		return GOT_STOP;
	}
	ld->notes->fault(ld->notes->ctx, e);
	return GOT_BAD;
}

enum got json_fault(struct loader *ld, const char *fmt, ...)
{
	struct err e = { .code = ERR_CONFIG };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.msg, sizeof(e.msg), fmt, ap);
	va_end(ap);
	write_path(ld, true, e.origin, sizeof(e.origin));
	return report(ld, &e);
}

enum got json_missing(struct loader *ld, const char *key)
{
	struct err e = { .code = ERR_CONFIG };

	write_path(ld, false, e.origin, sizeof(e.origin));
	snprintf(e.msg, sizeof(e.msg), "required key \"%s\" is missing", key);
	return report(ld, &e);
}

enum got json_stop(struct loader *ld, const char *fmt, ...)
{
	struct err e = { .code = ERR_CONFIG };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.msg, sizeof(e.msg), fmt, ap);
	va_end(ap);
	write_path(ld, true, e.origin, sizeof(e.origin));
	*ld->e = e;
	return GOT_STOP;
}

enum got json_mismatch(struct loader *ld, const char *wanted, const struct token *t)
{
	static const char *const found[] = {
		[T_NULL] = "null",        [T_BOOL] = "true or false",
		[T_NUMBER] = "a number",  [T_STRING] = "a string",
		[T_OBJECT] = "an object", [T_ARRAY] = "an array",
	};

	return json_fault(ld, "expected %s, found %s", wanted, found[t->kind]);
}

/* "(did you mean "pid"?)" or, for a short table, "(one of: a, b)". */
static void write_advice(const struct field *f, const char *near, char *out, size_t size)
{
	struct path p = { .p = out, .size = size };

	out[0] = '\0';
	if (near) {
		snprintf(out, size, " (did you mean \"%s\"?)", near);
		return;
	}
	put(&p, " (one of: ", 10);
	for (const struct name *n = f->names; n->text; n++) {
		if (p.len + strlen(n->text) + 8 > size) {
			put(&p, "...", 3);
			break;
		}
		put(&p, n->text, strlen(n->text));
		if (n[1].text)
			put(&p, ", ", 2);
	}
	put(&p, ")", 1);
}

/* What an enum field holds, as a noun: `"type"` alone says little. */
static const char *noun(const struct loader *ld, const struct field *f)
{
	const struct frame *top = &ld->frames[ld->depth - 1];

	if (f->kind == K_ENUMS)
		return "word";
	return top->type && !strcmp(f->key, "type") ? top->type->name : f->key;
}

/* Every case counts as a typo of the same word: "Pid" is near "pid". */
static const char *nearest_word(const struct field *f, const struct token *t)
{
	for (const struct name *n = f->names; n->text; n++)
		if (strlen(n->text) == t->n && !strncasecmp(n->text, t->s, t->n))
			return n->text;
	return names_nearest(f->names, t->s, t->n);
}

enum got json_bad_word(struct loader *ld, const struct field *f, const struct token *t)
{
	char word[JSON_QUOTED], advice[256], path[192];
	const char *near;

	json_quote(word, t->s, t->n);
	if (!(f->flags & F_LENIENT)) {
		write_advice(f, nearest_word(f, t), advice, sizeof(advice));
		return json_fault(ld, "unknown %s \"%s\"%s", noun(ld, f), word, advice);
	}
	if (!ld->notes || ++ld->reports > JSON_MAX_REPORTS)
		return GOT_BAD;
	write_path(ld, true, path, sizeof(path));
	if (ld->notes->note) {
		near = nearest_word(f, t);
		ld->notes->note(ld->notes->ctx, path, word, near);
	} else if (ld->notes->left_out) {
		ld->notes->left_out(ld->notes->ctx, path, word);
	}
	return GOT_BAD;
}

static const char *nearest_key(const struct type *t, const char *key, size_t n)
{
	size_t best = NAMES_FAR(n);
	const char *found = NULL;

	for (const struct field *f = t->fields; f->key; f++) {
		if (strlen(f->key) == n && !strncasecmp(f->key, key, n))
			return f->key;
		if (names_nearer(f->key, key, n, &best))
			found = f->key;
	}
	return found;
}

void json_unknown_key(struct loader *ld, const char *key, size_t n)
{
	char word[JSON_QUOTED], path[192];

	if (!ld->notes || !ld->notes->note || ++ld->reports > JSON_MAX_REPORTS)
		return;
	write_path(ld, false, path, sizeof(path));
	ld->notes->note(ld->notes->ctx, path, json_quote(word, key, n),
			nearest_key(top_frame(ld)->type, key, n));
}
