/* Syntax: what is refused before yajl sees it, and its complaints in our words with line
 * and column. */
#include "json/syntax.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* yajl's words, where they can be said better. */
static const struct {
	const char *theirs, *ours;
} causes[] = {
	{ "premature EOF", "the text ends too early" },
	{ "unallowed token", "unexpected character" },
	{ "object key and value must", "expected ':' after a key" },
	{ "after key and value", "expected ',' or '}' after a value" },
	{ "after array element", "expected ',' or ']' after a value" },
	{ "invalid object key", "expected a key (a string)" },
	{ "trailing garbage", "text after the end of the object" },
	{ "invalid bytes in UTF8", "invalid UTF-8 in a string" },
	{ "occurs before a character which it may not", "unknown escape in a string" },
	{ "(non-hex) character", "expected four hex digits after \\u" },
	{ "invalid character inside string", "control character in a string" },
	{ "probable comment", "comments are not allowed" },
	{ "invalid string in json text", "unknown word" },
	{ "invalid char in json text", "unexpected character" },
	{ "after the decimal point", "expected a digit after the decimal point" },
	{ "after the exponent", "expected a digit in the exponent" },
	{ "after the minus sign", "expected a digit after the minus sign" },
};

static const char *reword(const char *cause)
{
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (strstr(cause, causes[i].theirs))
			return causes[i].ours;
	return cause;
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '+';
}

/* Where the last token begins that begins before `at`; all tokens before it are sound. */
static size_t token_start(const char *text, size_t at)
{
	size_t i = 0, start = 0;

	while (i < at) {
		start = i;
		if (text[i] == '"') {
			for (i++; i < at && text[i] != '"'; i++)
				i += text[i] == '\\';
			i++;
		} else if (is_word(text[i])) {
			while (i < at && is_word(text[i]))
				i++;
		} else {
			i++;
			if (strchr(" \t\r\n", text[start]))
				continue;
		}
		/* Space behind a token belongs to it, so that `start` stays. */
		while (i < at && strchr(" \t\r\n", text[i]))
			i++;
	}
	return start;
}

/*
 * yajl stops behind a bad character, behind a token that it dislikes, or (where it says
 * what it expects after something) goes back to its first characters; people look for the
 * beginning.
 */
static size_t find_place(const char *text, size_t n, size_t at, const char *cause)
{
	if (at > n)
		return n;
	if (strstr(cause, "comment")) {
		while (at < n && text[at] != '/')
			at++;
		while (at && text[at - 1] == '/')
			at--;
		return at;
	}
	if (!strncmp(cause, "lexical", 7) && !strstr(cause, "invalid string"))
		return at ? at - 1 : 0;
	if (strstr(cause, "after key and value") && at < n)
		at++;
	return token_start(text, at);
}

static int report(const char *text, size_t place, const char *name, const char *cause,
		  struct err *e)
{
	size_t line = 1, column = 1;

	for (size_t i = 0; i < place; i++) {
		if (text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	return err_set(e, ERR_CONFIG, "%s: line %zu, column %zu: %s", name, line, column,
		       cause);
}

int json_syntax_error(const char *text, size_t n, size_t at, const char *name,
		      const char *cause, struct err *e)
{
	return report(text, find_place(text, n, at, cause), name, reword(cause), e);
}

/* Value of the four hex digits at s, or -1 (yajl's lexer will complain). */
static int hex4(const char *s, const char *end)
{
	int v = 0;

	if (end - s < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int c = (unsigned char)s[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v << 4 | ((c | 32) - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/* Length of the escape at s (a backslash); 0 and the cause when it may not be. */
static size_t escape_len(const char *s, const char *end, const char **cause)
{
	int c;

	if (end - s < 2 || s[1] != 'u')
		return 2;
	c = hex4(s + 2, end);
	*cause = "NUL character in a string";
	if (!c)
		return 0;
	if (c < 0xd800 || c > 0xdfff)
		return 2;
	*cause = "half of a surrogate pair in a string";
	if (c > 0xdbff || end - s < 12 || s[6] != '\\' || s[7] != 'u')
		return 0;
	c = hex4(s + 8, end);
	return c >= 0xdc00 && c <= 0xdfff ? 12 : 0;
}

/* The next byte that is not ASCII, or the end. */
static const unsigned char *skip_ascii(const unsigned char *s, const unsigned char *end)
{
	uint64_t word;

	for (; end - s >= 8; s += 8) {
		memcpy(&word, s, 8);
		if (word & 0x8080808080808080)
			break;
	}
	while (s < end && *s < 0x80)
		s++;
	return s;
}

/*
 * The first sequence that has the shape of UTF-8, which yajl looks at, but is none: longer
 * than it need be (another spelling of '/' or of NUL), half of a surrogate pair, or beyond
 * U+10FFFF.
 */
static const char *odd_utf8(const char *text, size_t n)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + n;

	for (; (s = skip_ascii(s, end)) < end; s++) {
		unsigned next = end - s > 1 ? s[1] : 0x80;

		if (*s == 0xc0 || *s == 0xc1 || *s > 0xf4 ||
		    (*s == 0xe0 && next < 0xa0) || (*s == 0xed && next > 0x9f) ||
		    (*s == 0xf0 && next < 0x90) || (*s == 0xf4 && next > 0x8f))
			return (const char *)s;
	}
	return NULL;
}

/*
 * yajl 2.1 reads on after a lone surrogate without asking whether the string ends there
 * (CVE-2017-16516; not every build carries the fix). Outside of strings a backslash is an
 * error anyway, so looking at each backslash is enough. An escaped NUL would end our
 * strings early; a raw one is a control character, which yajl refuses.
 */
int json_guard(const char *text, size_t n, const char *name, struct err *e)
{
	const char *s = odd_utf8(text, n), *end = text + n, *cause = NULL;

	if (s)
		return report(text, (size_t)(s - text), name, "invalid UTF-8", e);
	s = text;
	while (s < end && (s = memchr(s, '\\', (size_t)(end - s)))) {
		size_t len = escape_len(s, end, &cause);

		if (!len)
			return report(text, (size_t)(s - text), name, cause, e);
		if (len > (size_t)(end - s))
			break;
		s += len;
	}
	return 0;
}
