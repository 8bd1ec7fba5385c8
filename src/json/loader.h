/* What the files of json/load share: the loader's state and the way it reports. Private
 * to src/json. */
#pragma once

#include "json/load.h"

/* Room that is never given to loaded data: what yajl may need for 16 MiB of text (its two
 * buffers double), and the caller's work afterwards. */
#define JSON_RESERVE     ((size_t)96 << 20)
/* Faults and notes that are passed on; more help nobody. */
#define JSON_MAX_REPORTS 1000

/* What a callback or a step of it answers: yajl stops at 0. */
enum got {
	GOT_STOP, /* an error is set; loading ends */
	GOT_BAD,  /* a fault was reported; the value is left absent, loading goes on */
	GOT_VALUE,
};

enum token_kind { T_NULL, T_BOOL, T_NUMBER, T_STRING, T_OBJECT, T_ARRAY };

struct token {
	enum token_kind kind;
	bool truth;
	const char *s;
	size_t n;
};

enum frame_kind { FRAME_OBJECT, FRAME_LIST, FRAME_MAP };

/* One open object, list or map of the text. */
struct frame {
	enum frame_kind kind;
	const struct type *type; /* OBJECT: its table */
	/* OBJECT: row of the current key, NULL = unknown; LIST, MAP: row of the list */
	const struct field *field;
	const struct field *next; /* OBJECT: where the search for the next key starts */
	char *base;               /* OBJECT: the struct being filled */
	uint64_t seen, present; /* OBJECT: keys read; keys with a value other than null */
	struct list *list;      /* LIST, MAP: the member being filled */
	size_t cap, size;       /* LIST, MAP: elements that fit; bytes of each */
	size_t index;           /* elements (LIST) or keys (OBJECT, MAP) so far */
	char *key;              /* MAP: the current key */
};

struct loader {
	struct arena *arena;
	const struct json_notes *notes;
	struct err *e;
	const char *name, *text;
	size_t n;
	char *pool; /* strings go here: together they never exceed the text */
	struct yajl_handle_t *yajl;
	struct frame frames[JSON_MAX_DEPTH];
	unsigned depth; /* frames in use */
	unsigned skip;  /* levels open inside an ignored value */
	unsigned reports;
	size_t raw_start; /* where a K_RAW value begins, colon and space included */
	const struct type *root;
	void *ret;
};

static inline struct frame *top_frame(struct loader *ld)
{
	return &ld->frames[ld->depth - 1];
}

/* text is the word s of n bytes; most words differ early, so no call pays. */
static inline bool json_is_word(const char *text, const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && text[i] == s[i])
		i++;
	return i == n && !text[i];
}

/* fault.c */

/* A fault of the current value: reported (GOT_BAD) or final (GOT_STOP). */
enum got json_fault(struct loader *ld, const char *fmt, ...)
	__attribute__((cold, format(printf, 2, 3)));
/* A fault that ends loading in any mode. */
enum got json_stop(struct loader *ld, const char *fmt, ...)
	__attribute__((cold, format(printf, 2, 3)));
/* A required key that the object on top lacks. */
enum got json_missing(struct loader *ld, const char *key);
/* "expected a string, found a number" */
enum got json_mismatch(struct loader *ld, const char *wanted, const struct token *t);
/* An unknown word of a field with names: suggests or lists. F_LENIENT: a note only. */
enum got json_bad_word(struct loader *ld, const struct field *f, const struct token *t);
/* An unknown key of the object on top. */
void json_unknown_key(struct loader *ld, const char *key, size_t n);
/* A word for a message: at most 64 bytes, control characters replaced. Returns out. */
#define JSON_QUOTED 72
const char *json_quote(char out[static JSON_QUOTED], const char *s, size_t n);

/* convert.c */

/* Converts a scalar by the row into *out (the C type of kind). */
enum got json_convert(struct loader *ld, const struct field *f, enum kind kind,
		      const struct token *t, void *out);

/* store.c */

/* A copy of a string of the text in the pool. */
char *json_keep(struct loader *ld, const char *s, size_t n);
/* Keeps the text of the K_RAW value that yajl has just consumed. */
enum got json_take_raw(struct loader *ld, struct frame *f);
/* One more zeroed element at the end of the frame's list, or NULL (an error is set). */
void *json_push(struct loader *ld, struct frame *f);
/* A key that stands twice in a map's list (each element begins with its key), or NULL. */
char *json_find_twice(struct arena *arena, const struct list *list, size_t size);
/* Stores a scalar where the frame on top wants it. */
enum got json_store(struct loader *ld, const struct token *t);
/* Kind and size of one element of a list row. */
enum kind json_element_kind(enum kind list);
size_t json_element_size(const struct field *f);
