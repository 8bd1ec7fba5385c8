/* The growing buffer: doubling inside the arena; what is outgrown stays there until the arena goes. */
#include "base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

void buf_init(struct buf *b, struct arena *arena, size_t max)
{
	size_t cap = max < 255 ? max : 255;

	*b = (struct buf){ .arena = arena, .cap = cap, .max = max };
	b->p = arena_alloc(arena, cap + 1);
}

static bool make_room(struct buf *b, size_t n)
{
	size_t cap = b->cap;
	char *p;

	if (b->full || n > b->max - b->len) {
		b->full = true;
		return false;
	}
	if (n <= cap - b->len)
		return true;
	while (cap - b->len < n)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	p = arena_alloc(b->arena, cap + 1);
	memcpy(p, b->p, b->len);
	b->p = p;
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
	if (!n || !make_room(b, n))
		return;
	memcpy(b->p + b->len, data, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_vfmt(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !make_room(b, (size_t)n))
		return;
	vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_vfmt(b, fmt, ap);
	va_end(ap);
}

/* Length of the valid UTF-8 sequence at s, 0 when there is none (RFC 3629: no surrogates, no overlong). */
static size_t utf8_len(const unsigned char *s)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = *s < 0x80       ? 1
		   : *s >> 5 == 6  ? 2
		   : *s >> 4 == 14 ? 3
		   : *s >> 3 == 30 ? 4
				   : 0;
	uint32_t c;

	if (n < 2)
		return n;
	c = *s & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[n] || c > 0x10ffff || c >> 11 == 0x1b ? 0 : n;
}

static void json_char(struct buf *b, unsigned char c)
{
	static const char *const shorts[32] = {
		['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n",
		['\r'] = "\\r", ['\t'] = "\\t",
	};

	if (c == '"' || c == '\\')
		buf_fmt(b, "\\%c", c);
	else if (c < 32 && shorts[c])
		buf_str(b, shorts[c]);
	else if (c < 32 || c == 127)
		buf_fmt(b, "\\u%04x", c);
	else
		buf_char(b, (char)c);
}

/* U+0080 to U+009F: terminals obey some of them like escape sequences. */
static bool is_c1(const char *s)
{
	return (unsigned char)s[0] == 0xc2 && (unsigned char)s[1] >= 0x80 &&
	       (unsigned char)s[1] < 0xa0;
}

void buf_json(struct buf *b, const char *s)
{
	buf_char(b, '"');
	while (*s) {
		size_t n = utf8_len((const unsigned char *)s);

		if (n <= 1)
			n ? json_char(b, (unsigned char)*s) : buf_str(b, "\\ufffd");
		else if (is_c1(s))
			buf_fmt(b, "\\u%04x", (unsigned char)s[1]);
		else
			buf_add(b, s, n);
		s += n ? n : 1;
	}
	buf_char(b, '"');
}

void buf_safe(struct buf *b, const char *s)
{
	while (*s) {
		size_t n = utf8_len((const unsigned char *)s);
		bool bad = !n || (unsigned char)*s < 32 || *s == 127 || is_c1(s);

		if (!bad)
			buf_add(b, s, n);
		for (size_t i = 0; bad && i < (n ? n : 1); i++)
			buf_fmt(b, "\\x%02x", (unsigned char)s[i]);
		s += n ? n : 1;
	}
}
