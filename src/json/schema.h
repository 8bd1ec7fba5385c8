/*
 * Descriptor tables: one row per field of a JSON object, one table per object type.
 * The same table loads (json/load.h), prints (json/print.h), checks and documents (man pages) the type.
 *
 * Structs are plain and hand-written. How a C member stands for a JSON value:
 *   bool, uint32_t, int64_t, uint64_t, int (enum) absent = 0/false
 *   struct opt_bool / opt_i64 / opt_u64           absent = !set
 *   char *                                        absent = NULL
 *   struct T *                                    object, absent = NULL
 *   struct T                                      object by value, absent = all zero
 *   LIST(T)                                       array, absent = {NULL, 0}; T by value
 *   LIST(struct pair)                             object with free keys and string values
 *   LIST(struct T) with a `char *` key member     object with free keys and object values
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/names.h"

struct opt_bool {
	bool set, v;
};
struct opt_i64 {
	bool set;
	int64_t v;
};
struct opt_u64 {
	bool set;
	uint64_t v;
};
struct pair {
	char *key, *value;
};

/* Every LIST has the layout of struct list. */
struct list {
	void *v;
	size_t n;
};
#define LIST(T) \
	struct { \
		T *v; \
		size_t n; \
	}

typedef LIST(char *) strs;
typedef LIST(struct pair) pairs;

/* clang-format off */
enum kind {
	K_BOOL, K_U32, K_I64, K_U64, K_ENUM, K_STR, K_OBJ,
	K_OPT_BOOL, K_OPT_I64, K_OPT_U64,
	K_STRS,      /* LIST(char *) */
	K_ENUMS,     /* LIST(int): words of the row's names */
	K_U32S,      /* LIST(uint32_t) */
	K_OBJS,      /* LIST(struct T) */
	K_PAIRS,     /* {"key": "value", ...} as LIST(struct pair) */
	K_OBJMAP,    /* {"key": {...}, ...} as LIST(struct T); the key goes to the member at offset 0 */
	K_VAL,       /* an object by value */
	K_RAW,       /* any value, kept as its JSON text (char *) */
};

enum field_flag {
	F_REQUIRED = 1,
	F_ABSOLUTE = 2,   /* a string, or each string of a list, is an absolute path */
	F_NONEMPTY = 4,   /* a string or list that is not empty */
	F_LENIENT = 8,    /* K_ENUMS: an unknown word is left out with a note, not refused */
	F_SHOW = 16,      /* printed even when false, 0 or (K_VAL) absent */
	F_NOCASE = 32,    /* K_ENUM, K_ENUMS: words in any case */
	F_BLANK = 64,     /* K_STR, K_ENUM: "" counts as absent (engines in Go write both) */
};

/* clang-format on */

struct field {
	const char *key;
	enum kind kind;
	uint16_t flags;
	uint16_t offset;
	union {
		const struct type *type;  /* K_OBJ, K_VAL, K_OBJS, K_OBJMAP */
		const struct name *names; /* K_ENUM, K_ENUMS */
		struct {
			int64_t min;
			uint64_t max;
		} range; /* numbers; {0, 0} = the C type's */
	};
	const char *help; /* one line for the man page */
};

struct type {
	const char *name;           /* for documents: "process", "mount" */
	size_t size;                /* of the C struct */
	const struct field *fields; /* ends with a NULL key, in the spec's order */
};

/* clang-format off */
/* Offset of a member whose C type must be T; compile error otherwise. */
#define MEMBER(S, m, T) \
	(offsetof(S, m) + 0 * sizeof(char[__builtin_types_compatible_p(typeof(((S *)0)->m), T) ? 1 : -1]))
/* Offset of a LIST member whose elements have type T. */
#define MEMBER_LIST(S, m, T) \
	(offsetof(S, m) + 0 * sizeof(char[__builtin_types_compatible_p(typeof(*((S *)0)->m.v), T) ? 1 : -1]))

/* Rows. S = struct type, m = member, k = JSON key, f = flags, h = help. */
#define J_BOOL(S, m, k, f, h)      { k, K_BOOL, f, MEMBER(S, m, bool), {0}, h }
#define J_U32(S, m, k, f, h)       { k, K_U32, f, MEMBER(S, m, uint32_t), {0}, h }
#define J_I64(S, m, k, f, h)       { k, K_I64, f, MEMBER(S, m, int64_t), {0}, h }
#define J_U64(S, m, k, f, h)       { k, K_U64, f, MEMBER(S, m, uint64_t), {0}, h }
#define J_ENUM(S, m, k, f, tab, h) { k, K_ENUM, f, MEMBER(S, m, int), {.names = (tab)}, h }
#define J_STR(S, m, k, f, h)       { k, K_STR, f, MEMBER(S, m, char *), {0}, h }
#define J_RAW(S, m, k, f, h)       { k, K_RAW, f, MEMBER(S, m, char *), {0}, h }
#define J_OBJ(S, m, k, f, T, t, h) { k, K_OBJ, f, MEMBER(S, m, T *), {.type = (t)}, h }
#define J_VAL(S, m, k, f, T, t, h) { k, K_VAL, f, MEMBER(S, m, T), {.type = (t)}, h }
#define J_OBOOL(S, m, k, f, h)     { k, K_OPT_BOOL, f, MEMBER(S, m, struct opt_bool), {0}, h }
#define J_OI64(S, m, k, f, lo, hi, h) \
	{ k, K_OPT_I64, f, MEMBER(S, m, struct opt_i64), {.range = {lo, hi}}, h }
#define J_OU64(S, m, k, f, hi, h) \
	{ k, K_OPT_U64, f, MEMBER(S, m, struct opt_u64), {.range = {0, hi}}, h }
#define J_STRS(S, m, k, f, h)      { k, K_STRS, f, MEMBER_LIST(S, m, char *), {0}, h }
#define J_U32S(S, m, k, f, h)      { k, K_U32S, f, MEMBER_LIST(S, m, uint32_t), {0}, h }
#define J_ENUMS(S, m, k, f, tab, h) { k, K_ENUMS, f, MEMBER_LIST(S, m, int), {.names = (tab)}, h }
#define J_OBJS(S, m, k, f, T, t, h) { k, K_OBJS, f, MEMBER_LIST(S, m, T), {.type = (t)}, h }
#define J_OBJMAP(S, m, k, f, T, t, h) { k, K_OBJMAP, f, MEMBER_LIST(S, m, T), {.type = (t)}, h }
#define J_PAIRS(S, m, k, f, h)     { k, K_PAIRS, f, MEMBER_LIST(S, m, struct pair), {0}, h }
#define J_END                      { .key = NULL }
/* clang-format on */
