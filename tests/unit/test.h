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

/* An arena for each test or for all of a file; a test's *state is it. */
static struct arena arena __attribute__((unused));

static inline int setup_arena(void **state)
{
	*state = &arena;
	return arena_init(&arena);
}

static inline int teardown_arena(void **state)
{
	(void)state;
	arena_done(&arena);
	return 0;
}

/* The folder tests/ of the source. */
static inline const char *tests_dir(void)
{
	const char *dir = getenv("TESTS_DIR");

	return dir ? dir : "tests";
}
