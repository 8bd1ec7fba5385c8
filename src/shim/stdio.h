/*
 * A process's standard streams: what containerd names (fifos, files, loggers) on one side, pipes or a terminal on the other.
 * The container never gets a fifo itself: it could open it anew, and it would end with the client.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "shim/loop.h"

/* One direction: bytes go from one descriptor to the other until the end of the file. */
struct pump {
	struct watch from, to;
	bool by_hand; /* no pipe on either side: read and write instead of splice */
	char *held;   /* what was read and not yet written */
	size_t held_len, held_at;
	struct stdio *stdio;
};

enum { PUMP_IN, PUMP_OUT, PUMP_ERR, PUMPS };

/* The program of a binary: URI, until it is ready. */
struct logger {
	struct watch ready; /* fd -1 = nobody waits */
	struct timer limit;
	const char *path;
	int pidfd;
	bool byte; /* only a byte says that it is ready */
	void (*done)(struct logger *l,
		     const struct err *e); /* e: NULL, or why it is not */
};

struct stdio {
	struct arena *arena; /* the process's */
	bool terminal;
	const char *paths[PUMPS]; /* as containerd names them; "" = none */
	int theirs[PUMPS];        /* what the process gets, until it has it */
	int master;               /* of the terminal */
	struct pump pumps[PUMPS];
	int spare; /* a writing end of stdin's fifo: clients may go without an end of the input */
	struct logger logger;
	/* What stdio_open() could not answer: e is NULL, or says why it failed. */
	void (*opened)(struct stdio *s, const struct err *e);
	void (*drained)(struct stdio *s); /* stdout and stderr have come to their end */
};

void stdio_init(struct stdio *s, struct arena *arena, bool terminal, const char *in,
		const char *out, const char *err);
/* Opens everything; id and namespace are for a logger. 0; 1: opened() will be called; or -1. */
int stdio_open(struct stdio *s, const char *id, const char *namespace, struct err *e);
/* The process has its ends (master: its terminal, or -1): the bytes may flow. */
void stdio_start(struct stdio *s, int master);
/* Whether output may still come. */
bool stdio_is_busy(const struct stdio *s);
/* The end of the client's input, once the client has closed its own end. */
void stdio_close_input(struct stdio *s);
void stdio_resize(const struct stdio *s, uint16_t columns, uint16_t rows);
void stdio_close(struct stdio *s);

/* logger.c: starts the program of a binary: URI with the reading ends; done() is called when it is ready. It ends with the
 * writing ends. 0 or -1. */
int logger_start(struct logger *l, const char *uri, char *const env[], const int ends[2],
		 struct arena *arena, struct err *e);
/* Nobody waits for it any more. */
void logger_forget(struct logger *l);
