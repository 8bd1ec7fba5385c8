/*
 * A growing text or byte buffer in an arena, with a stated maximum. Once an append would pass the
 * maximum the buffer is `full` and stays as it was: check once, at the end.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct buf {
	struct arena *arena;
	char *p; /* NUL-terminated at p[len] */
	size_t len, cap, max;
	bool full;
};

void buf_init(struct buf *b, struct arena *arena, size_t max);
void buf_add(struct buf *b, const void *data, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_fmt(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vfmt(struct buf *b, const char *fmt, va_list ap);
/* Appends s as a JSON string with quotes; control characters escaped, invalid UTF-8 replaced. */
void buf_json(struct buf *b, const char *s);
/* Appends s for a human: control characters and escape sequences shown as \xNN. */
void buf_safe(struct buf *b, const char *s);
