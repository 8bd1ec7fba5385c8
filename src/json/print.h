/* Structs to JSON text by the same descriptor tables; absent members are left out. */
#pragma once

#include "base/buf.h"
#include "json/schema.h"

enum json_style {
	JSON_COMPACT, /* one line, no spaces, '/' unescaped (hooks' stdin, log records) */
	JSON_PRETTY,  /* two-space indentation, as runc prints state and spec */
};

/* Appends the struct at p. Members that are absent (see schema.h) are omitted; F_REQUIRED
 * members and booleans/numbers of required rows are always printed. */
void json_print(struct buf *b, const struct type *t, const void *p,
		enum json_style style);
