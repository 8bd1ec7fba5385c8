/*
 * Between src/apply/seccomp*.c: from a canonical profile (plan/seccomp.h) to a cBPF
 * program for the kernel, and back to the question whether the program says what the
 * profile says.
 */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "plan/seccomp.h"

/* SC_INSNS_MAX is BPF_MAXINSNS of the kernel. */
enum { SC_INSNS_MAX = 4096, SC_TABLES_MAX = 24 };

/* A canonical profile, taken apart. */
struct sc_profile {
	const struct sc_head *head;
	const struct sc_arg *args;
	const struct sc_rule *rules;
	const char *names;
};

/* One rule for one number. mux: the call is reached through a multiplexer (socketcall,
 * ipc) whose argument 0 must be this; 0 = it is not. */
struct sc_call {
	uint32_t nr, rule, mux;
};

/* One architecture's numbers, sorted by number, then by rule. */
struct sc_table {
	uint32_t token; /* SCMP_ARCH_* */
	uint32_t audit; /* AUDIT_ARCH_*: x86-64 and x32 share one */
	bool wide;      /* arguments have 64 bits */
	bool x32;
	bool any;        /* the profile names a call that this architecture has */
	uint32_t newest; /* the highest number named */
	struct sc_call *v;
	size_t n;
};

struct sc_tables {
	struct sc_table v[SC_TABLES_MAX]; /* the native one first */
	size_t n;
};

/* The action for calls of architectures that the profile does not name. */
uint32_t sc_unknown_arch(void);
/* The action for calls newer than all that the profile names. */
uint32_t sc_newer(const struct sc_profile *p);
/* Is a (an action with data) stricter than b? The kernel's own order. */
bool sc_stricter(uint32_t a, uint32_t b);

/* seccomp_resolve.c */
int sc_parse(const char *profile, size_t n, struct arena *arena, struct sc_profile *ret,
	     struct err *e);
int sc_resolve(const struct sc_profile *p, struct arena *arena, struct sc_tables *ret,
	       struct err *e);

/* seccomp_emit.c: the program. 0 or -1. */
int sc_emit(const struct sc_profile *p, const struct sc_tables *t, struct arena *arena,
	    struct sock_filter **ret, uint32_t *ret_n, struct err *e);

/* seccomp_verify.c */
/* The action that the profile means, worked out without the program. */
uint32_t sc_reference(const struct sc_profile *p, const struct sc_tables *t,
		      const struct seccomp_data *d);
/* What the program answers; false when it is not a valid program. */
bool sc_run(const struct sock_filter *f, uint32_t n, const struct seccomp_data *d,
	    uint32_t *ret);
/* Compares both for every call that the profile names, its neighbours, and values
 * around all limits. */
int sc_verify(const struct sc_profile *p, const struct sc_tables *t,
	      const struct sock_filter *f, uint32_t n, struct err *e);

/* seccomp_cache.c */
/* The directory, made if need be; -1 when it cannot be trusted or used. */
int sc_cache_open(const char *path);
/* *ret_n = 0: not there, or not fit for use. */
void sc_cache_find(int dir, const char *profile, size_t n, struct arena *arena,
		   const void **ret, uint32_t *ret_n);
void sc_cache_store(int dir, const char *profile, size_t n, const void *filter,
		    uint32_t n_filter, struct arena *arena);
