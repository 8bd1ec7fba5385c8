/* What the completions of the three shells share, at build time. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "cli/cli.h"

enum complete_kind {
	COMPLETE_NOTHING,
	COMPLETE_WORDS,
	COMPLETE_IDS,
	COMPLETE_FILES,
	COMPLETE_DIRS,
};

/* What may stand in one place of the command line. */
struct complete {
	enum complete_kind kind;
	const char *words; /* with spaces between them */
};

/* The value of an option. */
struct complete complete_value(const struct opt *o);
bool complete_takes_value(const struct opt *o);
bool complete_is_shown(const struct opt *o);

/* The operand of a command, from 0 on. false = there are no more. */
bool complete_operand(struct arena *arena, const struct cmd *cmd, int index,
		      struct complete *ret);
/* Of all commands, with spaces between them. */
const char *complete_commands(struct arena *arena);
/* Those whose first operand ends their options, with `between` between them. */
const char *complete_stopping(struct arena *arena, const char *between);
/* The options whose value is the next word, each as COMMAND:OPTION. */
const char *complete_valued(struct arena *arena, const char *between);

void complete_bash(struct buf *b, struct arena *arena);
void complete_zsh(struct buf *b, struct arena *arena);
void complete_fish(struct buf *b, struct arena *arena);
