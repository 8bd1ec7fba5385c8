/* Tables of names: enum and flag words of the spec, signals, errors; with a suggestion for a typo. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct name {
	const char *text;
	int64_t value;
};

/* A table ends with a NULL text. The row of the word s of n bytes, or NULL. */
const struct name *names_find(const struct name *table, const char *s, size_t n);
/* The first word with this value, or NULL. */
const char *names_text(const struct name *table, int64_t value);
/* The word nearest to a mistyped one (at most a third of it wrong), or NULL. */
const char *names_nearest(const struct name *table, const char *s, size_t n);
/* Edit distance of two short words, capped; for suggestions only. */
size_t names_distance(const char *a, size_t an, const char *b, size_t bn);
/* For lists of another kind: whether a known word is nearer to the mistyped one than *best, which becomes its
 * distance then. Begin with NAMES_FAR(n). A word that was only begun is nearest. */
#define NAMES_FAR(n) ((n) / 3 + 1)
bool names_nearer(const char *known, const char *s, size_t n, size_t *best);

/* A whole decimal number (no sign, no space, no leading '+'), at most max. */
bool parse_u64(const char *s, uint64_t max, uint64_t *ret);
/* The same with an optional '-'. */
bool parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret);
