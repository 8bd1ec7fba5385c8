/*
 * Errors: a fixed-size value on the caller's stack, never allocated.
 *
 * A function of the second tier (everything above base) takes `struct err *` last and returns 0 or
 * -1; on -1 the struct says what failed, where the user asked for it, and why.
 */
#pragma once

#include <stdarg.h>

/* What kind of failure it is: the `code` of the JSON log record (documented in skiff-errors(7)). */
enum err_code {
	ERR_GENERAL,
	ERR_CONFIG, /* config.json, a process file or an option is wrong */
	ERR_HOST,   /* the kernel or the host lacks what is asked for */
	ERR_SYSTEM, /* a system call failed on the host side */
	ERR_INIT,   /* a step inside the container failed */
	ERR_EXEC,   /* the program cannot be executed */
	ERR_HOOK,   /* a hook failed */
	ERR_STATE, /* the container is not in the state for this, or its state is damaged */
	ERR_USAGE,   /* the command line is wrong */
	ERR_UNKNOWN, /* no container has the id */
	ERR_EXISTS,  /* a container has the id already */
	ERR_STOPPED, /* the container does not run (any more) */
	ERR_COUNT
};

struct err {
	enum err_code code;
	int errnum;       /* errno of the cause, 0 when there is none */
	char origin[192]; /* JSON path the user wrote, e.g. "linux.namespaces[2].type" */
	char step[64];    /* name of the plan step that failed */
	char msg[1024];
};

/* Sets the message; returns -1 always, so that `return err_set(...)` is one line. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
	__attribute__((cold, format(printf, 3, 4)));
/* The same with a JSON path. */
int err_at(struct err *e, enum err_code code, const char *origin, const char *fmt, ...)
	__attribute__((cold, format(printf, 4, 5)));
/* The same with ": <text of errnum>" appended; errnum is a positive errno. */
int err_sys(struct err *e, int errnum, const char *fmt, ...)
	__attribute__((cold, format(printf, 3, 4)));
/* Puts "text: " before the message: used at most once per failure, with the thing the user named. */
int err_wrap(struct err *e, const char *fmt, ...)
	__attribute__((cold, format(printf, 2, 3)));
/* Names the JSON path, unless one is named already. */
int err_origin(struct err *e, const char *origin) __attribute__((cold));
const char *err_code_name(enum err_code code);
/* The name of an errno ("ENOENT"), or "" when it is unknown. */
const char *err_errno_name(int errnum);
