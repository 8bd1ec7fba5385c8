/*
 * JSON text to structs: yajl's SAX callbacks drive the descriptor tables with a fixed
 * stack of frames. No recursion, no tree; everything lands in the arena.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "json/schema.h"

#define JSON_MAX_SIZE  ((size_t)16 << 20) /* bytes of input */
#define JSON_MAX_DEPTH 64
#define JSON_MAX_LIST  65536             /* elements of one array or object */
#define JSON_MAX_STR   ((size_t)1 << 20) /* bytes of one string or key */

/* What a lenient caller wants to hear about: `skiff check` shows these, other commands do
 * not. */
struct json_notes {
	/* Called for an unknown key (word = the key, hint = the nearest known key or
	 * NULL) and for a word that F_LENIENT left out. path is the JSON path of the
	 * object or element. */
	void (*note)(void *ctx, const char *path, const char *word, const char *hint);
	/* Called for each fault instead of ending at the first one, when not NULL: the
	 * value is left absent and loading goes on, to return 0. Syntax errors and
	 * exceeded limits always end it. */
	void (*fault)(void *ctx, const struct err *e);
	void *ctx;
	/* spec_check: what is no fault but hardly meant, such as a setting without
	 * effect. */
	void (*warn)(void *ctx, const char *path, const char *text);
	/* A word that F_LENIENT left out, when `note` is NULL: who runs a container does
	 * not look at unknown keys. */
	void (*left_out)(void *ctx, const char *path, const char *word);
};

/* Loads one JSON object of n bytes into *ret (t->size bytes, zeroed first). On failure
 * the error's origin is the JSON path ("linux.namespaces[2].type") and code ERR_CONFIG;
 * syntax errors name line and column. name is what the user calls the text
 * ("config.json"), used for syntax errors only. notes may be NULL. The struct's strings
 * live in the arena; the text need not outlive the call. */
int json_load(const struct type *t, const char *text, size_t n, const char *name,
	      struct arena *arena, const struct json_notes *notes, void *ret,
	      struct err *e);

/* Reads the file (bounded by JSON_MAX_SIZE, regular files only) and loads it.
 * ret_text/ret_len, when not NULL, receive the text. */
int json_load_file(const struct type *t, int dirfd, const char *path, struct arena *arena,
		   const struct json_notes *notes, void *ret, char **ret_text,
		   size_t *ret_len, struct err *e);
