/*
 * Values for D-Bus messages from a signature and words: as busctl(1) reads them. The words come from skiff, which has made
 * or checked them; a mistake is still an error, not a wild message.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/bus.h"

enum { TYPE_MAX = 256 };

const char *words_next(struct words *w)
{
	char *word = w->at;
	char *nul = word < w->end ? memchr(word, '\0', (size_t)(w->end - word)) : NULL;

	if (!nul)
		return NULL;
	w->at = nul + 1;
	return word;
}

static size_t type_length(const char *s)
{
	size_t n = 1, depth = 0;

	if (*s == 'a')
		return 1 + type_length(s + 1);
	if (*s != '(' && *s != '{')
		return *s ? 1 : 0;
	for (depth = 1; depth && s[n]; n++)
		depth += s[n] == '(' || s[n] == '{'   ? 1
			 : s[n] == ')' || s[n] == '}' ? (size_t)-1
						      : 0;
	return n;
}

static int append_number(sd_bus_message *m, char type, const char *word)
{
	uint64_t whole = *word == '-' ? (uint64_t)strtoll(word, NULL, 10)
				      : strtoull(word, NULL, 10);
	union {
		uint8_t y;
		uint16_t q;
		uint32_t u;
		uint64_t t;
		double d;
		int b;
	} v;

	switch (type) {
	case 'y':
		v.y = (uint8_t)whole;
		break;
	case 'n':
	case 'q':
		v.q = (uint16_t)whole;
		break;
	case 'i':
	case 'u':
		v.u = (uint32_t)whole;
		break;
	case 'x':
	case 't':
		v.t = whole;
		break;
	case 'd':
		v.d = strtod(word, NULL);
		break;
	case 'b':
		v.b = !strcmp(word, "true");
		break;
	default:
		return -EINVAL;
	}
	return sd_bus_message_append_basic(m, type, &v);
}

static int append_one(sd_bus_message *m, const char *type, size_t n, struct words *w);

/* Complete types one after the other, to the end. */
static int append_all(sd_bus_message *m, const char *type, size_t n, struct words *w)
{
	int r = 0;

	for (size_t i = 0, len; i < n && r >= 0; i += len) {
		len = type_length(type + i);
		r = len ? append_one(m, type + i, len, w) : -EINVAL;
	}
	return r;
}

static int append_container(sd_bus_message *m, char kind, const char *inner, size_t n,
			    unsigned long times, struct words *w)
{
	char text[TYPE_MAX];
	int r;

	if (n >= sizeof(text))
		return -EINVAL;
	memcpy(text, inner, n);
	text[n] = '\0';
	r = sd_bus_message_open_container(m, kind, text);
	for (unsigned long i = 0; i < times && r >= 0; i++)
		r = append_all(m, text, n, w);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* One complete type of n characters. */
static int append_one(sd_bus_message *m, const char *type, size_t n, struct words *w)
{
	const char *word;

	if (*type == '(')
		return append_container(m, 'r', type + 1, n - 2, 1, w);
	if (*type == '{')
		return append_container(m, 'e', type + 1, n - 2, 1, w);
	word = words_next(w);
	if (!word)
		return -EINVAL;
	if (*type == 'a')
		return append_container(m, 'a', type + 1, n - 1, strtoul(word, NULL, 10),
					w);
	if (*type == 'v')
		return append_container(m, 'v', word, strlen(word), 1, w);
	if (strchr("sog", *type))
		return sd_bus_message_append_basic(m, *type, word);
	return append_number(m, *type, word);
}

int value_append(sd_bus_message *m, const char *type, struct words *w)
{
	size_t n = strlen(type);

	return n && type_length(type) == n ? append_one(m, type, n, w) : -EINVAL;
}
