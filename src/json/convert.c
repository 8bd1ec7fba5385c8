/* Scalars of the text to the C types of the rows: whole numbers stay exact, strings are
 * bounded. */
#include "json/loader.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

static bool is_list(enum kind k)
{
	return k == K_STRS || k == K_ENUMS || k == K_U32S || k == K_OBJS;
}

struct integer {
	bool minus;
	uint64_t size;
};

/* Digits only: 1.0 and 1e3 are no integers here, as in every other runtime. -1: no
 * integer, -2: too large. */
static int parse_integer(const struct token *t, struct integer *ret)
{
	struct integer v = { .minus = t->s[0] == '-' };

	for (size_t i = v.minus; i < t->n; i++) {
		if (t->s[i] < '0' || t->s[i] > '9')
			return -1;
		if (__builtin_mul_overflow(v.size, 10, &v.size) ||
		    __builtin_add_overflow(v.size, (uint64_t)(t->s[i] - '0'), &v.size))
			return -2;
	}
	*ret = v;
	return 0;
}

static bool in_range(const struct integer *v, int64_t min, uint64_t max)
{
	if (!v->minus || !v->size)
		return v->size <= max && (min <= 0 || v->size >= (uint64_t)min);
	return min < 0 && v->size <= 0 - (uint64_t)min;
}

static enum got convert_number(struct loader *ld, const struct field *f, enum kind kind,
			       const struct token *t, uint64_t *out)
{
	bool is_signed = kind == K_I64 || kind == K_OPT_I64;
	int64_t min = is_signed ? INT64_MIN : 0;
	uint64_t max = is_signed ? INT64_MAX : kind == K_U32 ? UINT32_MAX : UINT64_MAX;
	char word[JSON_QUOTED];
	struct integer v;
	int r;

	if (t->kind != T_NUMBER)
		return json_mismatch(ld, "a number", t);
	if (kind != K_U32 && (f->range.min || f->range.max)) {
		min = f->range.min;
		max = f->range.max;
	}
	r = parse_integer(t, &v);
	if (r == -1)
		return json_fault(ld, "expected a whole number, found %s",
				  json_quote(word, t->s, t->n));
	if (r || !in_range(&v, min, max))
		return json_fault(ld, "%s is out of range (%" PRId64 " to %" PRIu64 ")",
				  json_quote(word, t->s, t->n), min, max);
	*out = v.minus ? 0 - v.size : v.size;
	return GOT_VALUE;
}

static enum got convert_string(struct loader *ld, const struct field *f,
			       const struct token *t, char **out)
{
	if (t->kind != T_STRING)
		return json_mismatch(ld, "a string", t);
	if (t->n > JSON_MAX_STR)
		return json_fault(ld, "string of %zu bytes (at most %zu)", t->n,
				  JSON_MAX_STR);
	if (f->flags & F_BLANK && !t->n)
		return GOT_VALUE;
	if (f->flags & F_NONEMPTY && f->kind == K_STR && !t->n)
		return json_fault(ld, "must not be empty");
	if (f->flags & F_ABSOLUTE && (!t->n || t->s[0] != '/'))
		return json_fault(ld, "must be an absolute path (begin with /)");
	*out = json_keep(ld, t->s, t->n);
	return GOT_VALUE;
}

static const struct name *find_word(const struct field *f, const struct token *t)
{
	for (const struct name *n = f->names; n->text; n++)
		if (json_is_word(n->text, t->s, t->n))
			return n;
	if (!(f->flags & F_NOCASE))
		return NULL;
	for (const struct name *n = f->names; n->text; n++)
		if (!strncasecmp(n->text, t->s, t->n) && !n->text[t->n])
			return n;
	return NULL;
}

static enum got convert_word(struct loader *ld, const struct field *f,
			     const struct token *t, int *out)
{
	const struct name *n;

	if (t->kind != T_STRING)
		return json_mismatch(ld, "a string", t);
	if (f->flags & F_BLANK && !t->n)
		return GOT_VALUE;
	n = find_word(f, t);
	if (!n)
		return json_bad_word(ld, f, t);
	*out = (int)n->value;
	return GOT_VALUE;
}

static enum got convert_bool(struct loader *ld, const struct token *t, bool *out)
{
	if (t->kind != T_BOOL)
		return json_mismatch(ld, "true or false", t);
	*out = t->truth;
	return GOT_VALUE;
}

/* What an object, a list or a map should have been. */
static enum got wrong_scalar(struct loader *ld, enum kind kind, const struct token *t)
{
	return json_mismatch(ld, is_list(kind) ? "an array" : "an object", t);
}

enum got json_convert(struct loader *ld, const struct field *f, enum kind kind,
		      const struct token *t, void *out)
{
	uint64_t v = 0;
	bool truth = false;
	enum got r;

	switch (kind) {
	case K_BOOL:
		return convert_bool(ld, t, out);
	case K_OPT_BOOL:
		r = convert_bool(ld, t, &truth);
		if (r == GOT_VALUE)
			*(struct opt_bool *)out = (struct opt_bool){ true, truth };
		return r;
	case K_STR:
		return convert_string(ld, f, t, out);
	case K_ENUM:
		return convert_word(ld, f, t, out);
	case K_U32:
	case K_I64:
	case K_U64:
	case K_OPT_I64:
	case K_OPT_U64:
		r = convert_number(ld, f, kind, t, &v);
		break;
	default:
		return wrong_scalar(ld, kind, t);
	}
	if (r != GOT_VALUE)
		return r;
	if (kind == K_U32)
		*(uint32_t *)out = (uint32_t)v;
	else if (kind == K_I64)
		*(int64_t *)out = (int64_t)v;
	else if (kind == K_U64)
		*(uint64_t *)out = v;
	else if (kind == K_OPT_I64)
		*(struct opt_i64 *)out = (struct opt_i64){ true, (int64_t)v };
	else
		*(struct opt_u64 *)out = (struct opt_u64){ true, v };
	return r;
}
