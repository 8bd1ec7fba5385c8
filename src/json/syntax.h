/* Syntax errors in our words. Private to src/json. */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* Refuses what must not reach yajl or us: escaped halves of a surrogate pair
 * (CVE-2017-16516) and NUL, odd spellings in UTF-8. */
int json_guard(const char *text, size_t n, const char *name, struct err *e);
/* Words yajl's complaint as "NAME: line L, column C: cause". at = bytes consumed,
 * more than n when the text ends too early. */
int json_syntax_error(const char *text, size_t n, size_t at, const char *name,
		      const char *cause, struct err *e);
