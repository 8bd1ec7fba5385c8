/*
 * GVariant's text format ("GVariant Text Format" of GLib's reference), as annotations have it: booleans, numbers, strings,
 * object paths, signatures, byte strings, arrays, tuples, dictionaries and variants, with types written before values
 * ("uint32 5", "@as []") or guessed: int32 for whole numbers, double for others. The first element of an array decides for
 * those that follow. Maybe types do not exist in D-Bus and are refused.
 */
#include "plan/variant.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { WORDS_MAX = 4096, DEPTH_MAX = 16, TYPE_MAX = 255 };

struct parse {
	struct arena *arena;
	const char *at; /* what is left of the text */
	strs words;
	const char *why;
	int depth;
	char *spare; /* takes what is too much */
};

/* Each of these reads one value and gives its type, or NULL. wish: the type it must have, NULL = any. */
typedef const char *reader(struct parse *p, const char *wish);
static reader read_value;

static const char *fail(struct parse *p, const char *why)
{
	if (!p->why)
		p->why = why;
	return NULL;
}

static void skip_space(struct parse *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
}

static bool accept(struct parse *p, char c)
{
	skip_space(p);
	if (*p->at != c)
		return false;
	p->at++;
	return true;
}

/* A place for a word; what it is may come later (an array's length). */
static char **add_word(struct parse *p, const char *word)
{
	char **at = p->words.n < WORDS_MAX ? &p->words.v[p->words.n++] : &p->spare;

	if (at == &p->spare)
		fail(p, "has more than 4096 values");
	*at = (char *)word;
	return at;
}

/* --- types --- */

/* The length of the one complete type at the beginning; 0 = there is none. */
static size_t type_length(const char *s, int depth)
{
	size_t n = 1, part;

	if (!*s || depth > DEPTH_MAX)
		return 0;
	if (strchr("bynqiuxthdsogv", *s))
		return 1;
	if (*s == 'a')
		return (part = type_length(s + 1, depth + 1)) ? 1 + part : 0;
	if (*s != '(' && *s != '{')
		return 0;
	while (s[n] && s[n] != ')' && s[n] != '}') {
		part = type_length(s + n, depth + 1);
		if (!part)
			return 0;
		n += part;
	}
	return s[n] == (*s == '(' ? ')' : '}') ? n + 1 : 0;
}

static bool fits(const char *wish, const char *type)
{
	return !wish || !strcmp(wish, type);
}

/* The one element type of "aX", or NULL when no array is wished. */
static const char *element_wish(const char *wish)
{
	return wish && *wish == 'a' ? wish + 1 : NULL;
}

/* --- numbers, booleans --- */

static bool in_range(char type, bool negative, uint64_t value)
{
	static const struct {
		char type;
		uint64_t most, least; /* least: the size of the lowest number */
	} ranges[] = {
		{ 'y', UINT8_MAX, 0 },  { 'n', INT16_MAX, (uint64_t)INT16_MAX + 1 },
		{ 'q', UINT16_MAX, 0 }, { 'i', INT32_MAX, (uint64_t)INT32_MAX + 1 },
		{ 'u', UINT32_MAX, 0 }, { 'x', INT64_MAX, (uint64_t)INT64_MAX + 1 },
		{ 't', UINT64_MAX, 0 },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (ranges[i].type == type)
			return value <= (negative ? ranges[i].least : ranges[i].most);
	return false;
}

static const char *read_double(struct parse *p, const char *wish)
{
	size_t n = strspn(p->at, "+-0123456789.eE");
	char *text = arena_strndup(p->arena, p->at, n), *end;

	strtod(text, &end);
	if (!n || *end)
		return fail(p, "has something that is not a number");
	if (!fits(wish, "d"))
		return fail(p, "has a number of another type than is asked for");
	p->at += n;
	add_word(p, text);
	return "d";
}

static const char *read_number(struct parse *p, const char *wish)
{
	size_t n = strspn(p->at, "+-0123456789.eExXabcdfABCDF");
	const char *digits = p->at + (*p->at == '-' || *p->at == '+');
	bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	bool whole = hex || !memchr(p->at, '.', n);
	unsigned long long value;
	char type[2] = "i", *end;

	if (wish && (strlen(wish) != 1 || !strchr("ynqiuxtd", *wish)))
		return fail(p, "has a number where there is to be something else");
	if (wish ? *wish == 'd'
		 : !whole || (!hex && strpbrk(p->at, "eE") &&
			      strpbrk(p->at, "eE") < p->at + n))
		return read_double(p, wish);
	if (wish)
		type[0] = *wish;
	if (!isdigit((unsigned char)*digits))
		return fail(p, "has something that is not a value");
	/* As in C: hexadecimal, octal, decimal. */
	errno = 0;
	value = strtoull(digits, &end, 0);
	if (end != p->at + n)
		return fail(p, "has something that is not a number");
	if (errno || !in_range(*type, *p->at == '-', value))
		return fail(p, "has a number that its type cannot hold");
	add_word(p, arena_printf(p->arena, "%s%llu", *p->at == '-' && value ? "-" : "",
				 value));
	p->at = end;
	return wish ? wish : "i";
}

/* --- strings --- */

static unsigned hex_digits(struct parse *p, int n)
{
	unsigned value = 0;

	for (; n > 0 && isxdigit((unsigned char)*p->at); n--, p->at++)
		value = value * 16 + (unsigned)(isdigit((unsigned char)*p->at)
							? *p->at - '0'
							: (*p->at | 32) - 'a' + 10);
	if (n)
		fail(p, "has an unfinished escape");
	return value;
}

static void add_utf8(struct parse *p, struct buf *b, unsigned c)
{
	if (!c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		fail(p, "has an escape that is no character");
	else if (c < 0x80)
		buf_char(b, (char)c);
	else if (c < 0x800)
		buf_fmt(b, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 63));
	else if (c < 0x10000)
		buf_fmt(b, "%c%c%c", 0xe0 | c >> 12, 0x80 | (c >> 6 & 63),
			0x80 | (c & 63));
	else
		buf_fmt(b, "%c%c%c%c", 0xf0 | c >> 18, 0x80 | (c >> 12 & 63),
			0x80 | (c >> 6 & 63), 0x80 | (c & 63));
}

static void add_escape(struct parse *p, struct buf *b)
{
	static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
	char c = *p->at++;
	const char *known = c ? strchr(from, c) : NULL;

	if (!c)
		p->at--;
	else if (known)
		buf_char(b, to[known - from]);
	else if (c == 'u')
		add_utf8(p, b, hex_digits(p, 4));
	else if (c == 'U')
		add_utf8(p, b, hex_digits(p, 8));
	else
		buf_char(b, c);
}

/* The text between quotes; NULL. */
static const char *quoted(struct parse *p)
{
	char quote = *p->at++;
	struct buf b;

	buf_init(&b, p->arena, 65536);
	while (*p->at && *p->at != quote && !p->why)
		if (*p->at == '\\') {
			p->at++;
			add_escape(p, &b);
		} else {
			buf_char(&b, *p->at++);
		}
	if (*p->at != quote)
		return fail(p, "has a string without an end");
	p->at++;
	if (b.full)
		return fail(p, "has a string of more than 64 KiB");
	return b.len ? b.p : "";
}

static const char *read_string(struct parse *p, const char *wish)
{
	const char *type = wish ? wish : "s", *text = quoted(p);

	if (!text)
		return NULL;
	if (strcmp(type, "s") != 0 && strcmp(type, "o") != 0 && strcmp(type, "g") != 0)
		return fail(p, "has a string where there is to be something else");
	add_word(p, text);
	return type;
}

/* b'...' is an array of bytes that ends in a NUL. */
static const char *read_bytes(struct parse *p, const char *wish)
{
	const char *text;

	p->at++;
	text = quoted(p);
	if (!text)
		return NULL;
	if (!fits(wish, "ay"))
		return fail(p, "has a byte string where there is to be something else");
	add_word(p, arena_printf(p->arena, "%zu", strlen(text) + 1));
	for (size_t i = 0; i <= strlen(text); i++)
		add_word(p, arena_printf(p->arena, "%u", (unsigned char)text[i]));
	return "ay";
}

/* --- containers --- */

static const char *read_array(struct parse *p, const char *wish)
{
	const char *element = element_wish(wish);
	char **length = add_word(p, "0");
	unsigned n = 0;

	p->at++;
	if (wish && !element)
		return fail(p, "has an array where there is to be something else");
	for (bool more = !accept(p, ']'); more; more = !accept(p, ']')) {
		if (n++ && !accept(p, ','))
			return fail(p, "has an array without an end");
		element = read_value(p, element);
		if (!element)
			return NULL;
	}
	if (!element)
		return fail(p, "has an empty array without a type (\"@as []\")");
	*length = arena_printf(p->arena, "%u", n);
	return wish ? wish : arena_printf(p->arena, "a%s", element);
}

static const char *read_tuple(struct parse *p, const char *wish)
{
	const char *left = wish ? wish + 1 : NULL;
	unsigned n = 0;
	struct buf type;

	p->at++;
	if (wish && *wish != '(')
		return fail(p, "has a tuple where there is to be something else");
	buf_init(&type, p->arena, TYPE_MAX);
	buf_char(&type, '(');
	/* "(5,)" has one element. */
	for (bool more = !accept(p, ')'); more; more = !accept(p, ')')) {
		size_t len = left ? type_length(left, 0) : 0;
		const char *part;

		if (n && !accept(p, ','))
			return fail(p, "has a tuple without an end");
		if (n++ && accept(p, ')'))
			break;
		if (left && !len)
			return fail(p, "has a tuple with too many elements");
		part = read_value(p, left ? arena_strndup(p->arena, left, len) : NULL);
		if (!part)
			return NULL;
		buf_str(&type, part);
		left = left ? left + len : NULL;
	}
	buf_char(&type, ')');
	if (!n || !fits(wish, type.p))
		return fail(p, "has a tuple with too few elements");
	return type.p;
}

static const char *read_dictionary(struct parse *p, const char *wish)
{
	bool typed = wish && wish[0] == 'a' && wish[1] == '{';
	const char *key = typed ? arena_strndup(p->arena, wish + 2, 1) : NULL;
	const char *value = typed ? arena_strndup(p->arena, wish + 3, strlen(wish) - 4)
				  : NULL;
	char **length = add_word(p, "0");
	unsigned n = 0;

	p->at++;
	if (wish && !typed)
		return fail(p, "has a dictionary where there is to be something else");
	for (bool more = !accept(p, '}'); more; more = !accept(p, '}')) {
		if (n++ && !accept(p, ','))
			return fail(p, "has a dictionary without an end");
		key = read_value(p, key);
		if (!key)
			return NULL;
		if (strlen(key) != 1 || *key == 'v' || !accept(p, ':'))
			return fail(p, "has a dictionary that is not {key: value}");
		value = read_value(p, value);
		if (!value)
			return NULL;
	}
	if (!key || !value)
		return fail(p, "has an empty dictionary without a type");
	*length = arena_printf(p->arena, "%u", n);
	return arena_printf(p->arena, "a{%s%s}", key, value);
}

static const char *read_variant(struct parse *p, const char *wish)
{
	char **type = add_word(p, "");
	const char *inner;

	p->at++;
	if (!fits(wish, "v"))
		return fail(p, "has a variant where there is to be something else");
	inner = read_value(p, NULL);
	if (!inner)
		return NULL;
	if (!accept(p, '>'))
		return fail(p, "has a variant without an end");
	*type = (char *)inner;
	return "v";
}

/* --- words, and all --- */

/* "@as", before its value */
static const char *read_typed(struct parse *p, const char *wish)
{
	size_t n = type_length(++p->at, 0);
	const char *type = n ? arena_strndup(p->arena, p->at, n) : NULL;

	if (!type || !isspace((unsigned char)p->at[n]) || n > TYPE_MAX)
		return fail(p, "has a type that D-Bus does not know");
	if (!fits(wish, type))
		return fail(p, "has a value of another type than is asked for");
	p->at += n;
	return read_value(p, type);
}

static const char *read_word(struct parse *p, const char *wish)
{
	static const char *const types[][2] = {
		{ "boolean", "b" }, { "byte", "y" },       { "int16", "n" },
		{ "uint16", "q" },  { "int32", "i" },      { "uint32", "u" },
		{ "int64", "x" },   { "uint64", "t" },     { "double", "d" },
		{ "string", "s" },  { "objectpath", "o" }, { "signature", "g" },
	};
	size_t n = strspn(p->at, "abcdefghijklmnopqrstuvwxyz0123456789");
	const char *word = arena_strndup(p->arena, p->at, n);

	if (!strcmp(word, "true") || !strcmp(word, "false")) {
		if (!fits(wish, "b"))
			return fail(p, "has a boolean where there is to be something "
				       "else");
		p->at += n;
		add_word(p, word);
		return "b";
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(word, types[i][0]) != 0)
			continue;
		if (!fits(wish, types[i][1]))
			return fail(p, "has a value of another type than is asked for");
		p->at += n;
		return read_value(p, types[i][1]);
	}
	return fail(p, "has a word that is no type and no value (strings are in quotes)");
}

static reader *reader_for(const char *s)
{
	switch (*s) {
	case '\'':
	case '"':
		return read_string;
	case '[':
		return read_array;
	case '(':
		return read_tuple;
	case '{':
		return read_dictionary;
	case '<':
		return read_variant;
	case '@':
		return read_typed;
	case 'b':
		return s[1] == '\'' || s[1] == '"' ? read_bytes : read_word;
	default:
		return isalpha((unsigned char)*s) ? read_word : read_number;
	}
}

static const char *read_value(struct parse *p, const char *wish)
{
	const char *type;

	skip_space(p);
	if (p->why || !*p->at)
		return fail(p, "has no value");
	if (++p->depth > DEPTH_MAX)
		return fail(p, "is nested too deeply");
	type = reader_for(p->at)(p, wish);
	p->depth--;
	return p->why ? NULL : type;
}

int variant_parse(struct arena *arena, const char *text, struct variant *ret,
		  const char **ret_why)
{
	struct parse p = { .arena = arena, .at = text };
	const char *type;

	p.words.v = arena_array(arena, WORDS_MAX, sizeof(char *));
	type = read_value(&p, NULL);
	skip_space(&p);
	if (type && *p.at)
		type = fail(&p, "goes on after its value");
	if (type && strlen(type) > TYPE_MAX)
		type = fail(&p, "has too long a type");
	if (!type) {
		*ret_why = p.why;
		return -1;
	}
	*ret = (struct variant){ .type = type, .words = p.words };
	return 0;
}
