/* Name tables and strict number parsing. */
#include "base/names.h"

#include <string.h>

const struct name *names_find(const struct name *table, const char *s, size_t n)
{
	for (; table->text; table++)
		if (strlen(table->text) == n && !memcmp(table->text, s, n))
			return table;
	return NULL;
}

const char *names_text(const struct name *table, int64_t value)
{
	for (; table->text; table++)
		if (table->value == value)
			return table->text;
	return NULL;
}

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

size_t names_distance(const char *a, size_t an, const char *b, size_t bn)
{
	enum { LONGEST = 48 };
	size_t row[LONGEST + 1];

	if (an > LONGEST || bn > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= bn; j++)
		row[j] = j;
	for (size_t i = 1; i <= an; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= bn; j++) {
			size_t above = row[j];

			row[j] = min3(above + 1, row[j - 1] + 1,
				      diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[bn];
}

const char *names_nearest(const struct name *table, const char *s, size_t n)
{
	size_t best = n / 3 + 1;
	const char *found = NULL;

	for (; table->text; table++) {
		size_t d = names_distance(table->text, strlen(table->text), s, n);

		if (d < best) {
			best = d;
			found = table->text;
		}
	}
	return found;
}

bool parse_u64(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*s - '0'), &v) || v > max)
			return false;
	}
	*ret = v;
	return true;
}

bool parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	bool minus = *s == '-';
	uint64_t v;

	if (!parse_u64(s + minus, minus ? (uint64_t)1 << 63 : INT64_MAX, &v))
		return false;
	int64_t x = minus ? (int64_t)(0 - v) : (int64_t)v;

	if (x < min || x > max)
		return false;
	*ret = x;
	return true;
}
