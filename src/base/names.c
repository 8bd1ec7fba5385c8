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

/* Optimal string alignment: two letters that changed places are one mistake. */
size_t names_distance(const char *a, size_t an, const char *b, size_t bn)
{
	enum { LONGEST = 48 };
	size_t rows[3][LONGEST + 1];

	if (an > LONGEST || bn > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= bn; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= an; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3],
		       *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= bn; j++) {
			row[j] = min3(above[j] + 1, row[j - 1] + 1,
				      above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = min3(row[j], two_above[j - 2] + 1, row[j]);
		}
	}
	return rows[an % 3][bn];
}

bool names_nearer(const char *known, const char *s, size_t n, size_t *best)
{
	bool begun = n >= 2 && !strncmp(known, s, n);
	size_t d = begun ? 0 : names_distance(known, strlen(known), s, n);

	if (d >= *best)
		return false;
	*best = d;
	return true;
}

const char *names_nearest(const struct name *table, const char *s, size_t n)
{
	size_t best = NAMES_FAR(n);
	const char *found = NULL;

	for (; table->text; table++)
		if (names_nearer(table->text, s, n, &best))
			found = table->text;
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
