/* Values in GVariant's text format, for D-Bus. */
#pragma once

#include "base/arena.h"
#include "json/schema.h"

/* A D-Bus signature, and the value's words as in plan/unit.h. */
struct variant {
	const char *type;
	strs words;
};

/* Reads a whole text ("uint64 5", "['a', 'b']", "@as []"). 0, or -1 and *ret_why says what is wrong. */
int variant_parse(struct arena *arena, const char *text, struct variant *ret,
		  const char **ret_why);
