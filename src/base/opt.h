/*
 * Command line options as tables: one `static const struct opt[]` per command parses
 * argv, prints help, and feeds man pages and shell completion.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum opt_kind {
	OPT_FLAG, /* bool; --x, --x=true, --x=false */
	OPT_STR,  /* const char * */
	OPT_PATH, /* const char *, completed as a file name */
	OPT_DIR,  /* const char *, completed as a directory */
	OPT_U32,  /* uint32_t */
	OPT_LIST, /* struct opt_list: may be given several times */
	OPT_HELP, /* answered by opt_parse itself */
};

enum opt_flag {
	OPT_COMPAT = 1, /* accepted for engines that pass it, without effect */
	OPT_HIDDEN = 2, /* not in help and completion */
};

struct opt_list {
	const char **v;
	size_t n;
};

struct opt {
	const char *name; /* long name, without dashes; NULL ends the table */
	char letter;      /* short form, 0 = none */
	enum opt_kind kind;
	uint16_t offset; /* in the command's struct of options */
	uint16_t flags;
	const char *arg;     /* what the argument is called: "DIR" */
	const char *help;    /* one line */
	const char *choices; /* "text json": the words allowed, NULL = anything */
};

/* clang-format off */
/* Offset of a member whose C type must be T; compile error otherwise. */
#define OPT_MEMBER(S, m, T) \
	(offsetof(S, m) + 0 * sizeof(char[__builtin_types_compatible_p(typeof(((S *)0)->m), T) ? 1 : -1]))

/* Rows. S = struct of options, m = member, c = letter, k = name, a = argument, h =
 * help. */
#define O_FLAG(S, m, c, k, h)    { k, c, OPT_FLAG, OPT_MEMBER(S, m, bool), 0, NULL, h, NULL }
#define O_STR(S, m, c, k, a, h)  { k, c, OPT_STR, OPT_MEMBER(S, m, const char *), 0, a, h, NULL }
#define O_WORD(S, m, c, k, a, h) { k, c, OPT_STR, OPT_MEMBER(S, m, const char *), 0, "WORD", h, a }
#define O_PATH_(S, m, c, k, a, h) { k, c, OPT_PATH, OPT_MEMBER(S, m, const char *), 0, a, h, NULL }
#define O_DIR(S, m, c, k, a, h)  { k, c, OPT_DIR, OPT_MEMBER(S, m, const char *), 0, a, h, NULL }
#define O_U32(S, m, c, k, a, h)  { k, c, OPT_U32, OPT_MEMBER(S, m, uint32_t), 0, a, h, NULL }
#define O_LIST(S, m, c, k, a, h) { k, c, OPT_LIST, OPT_MEMBER(S, m, struct opt_list), 0, a, h, NULL }
#define O_COMPAT(S, m, c, k, h)  { k, c, OPT_FLAG, OPT_MEMBER(S, m, bool), OPT_COMPAT, NULL, h, NULL }
#define O_HELP                   { "help", 'h', OPT_HELP, 0, 0, NULL, "Show this help.", NULL }
#define O_END                    { .name = NULL }
/* clang-format on */

/* What a command is, as far as help, man pages and completion need to know. */
struct usage {
	const char *name;     /* "run" */
	const char *operands; /* "CONTAINER [ARG...]", "" = none */
	const char *summary;  /* a few words for the list of commands, no full stop */
	const char *about;    /* two or three lines */
	const char *example;  /* a command line, several separated by newlines */
	const struct opt *opts;
};

/* Parses the options of argv[1..], stops behind `stop_after` operands (-1 = options
 * may stand anywhere) and at "--". argv is permuted so that the operands stand
 * together; *ret_first is the index of the first one. 0; 1 = help was asked for; -1 =
 * wrong usage; then e->origin is the name of an option that is unknown. */
int opt_parse(const struct opt *table, int argc, char **argv, int stop_after,
	      struct arena *arena, void *ret, int *ret_first, struct err *e);

/* The row of a long name, or of a letter; NULL = none. */
const struct opt *opt_find(const struct opt *table, const char *s);

/* The help text. program is "skiff", or "skiff run" for a command. */
void opt_help(const struct usage *u, const char *program, struct buf *b);
/* "-b, --bundle DIR" */
void opt_left(const struct opt *o, struct buf *b);
