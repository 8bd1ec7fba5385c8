/* What every unit test needs: cmocka with its prerequisites, and small helpers. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* JSON of a test, written with ' for ". */
static inline char *quotes(struct arena *a, const char *text)
{
	char *s = arena_strdup(a, text);

	for (char *p = s; *p; p++)
		if (*p == '\'')
			*p = '"';
	return s;
}

/* The folder tests/ of the source. */
static inline const char *tests_dir(void)
{
	const char *dir = getenv("TESTS_DIR");

	return dir ? dir : "tests";
}
