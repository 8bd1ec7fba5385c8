/*
 * The canonical form of a seccomp profile: what stands in the plan, keys the cache and is
 * compiled. Packed little records, no pointers: head | 4 bytes | sc_arg[n_args] |
 * sc_rule[n_rules] | names names begins with n_archs architecture names; everything is
 * padded to 8 bytes.
 */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "spec/spec.h"

/* In sc_head.flags: a name that is no system call is an error. */
#define SC_KNOWN_ONLY (1u << 31)

struct sc_head {
	uint32_t version;        /* of this form */
	uint32_t default_action; /* SECCOMP_RET_* with data */
	uint32_t flags;          /* SECCOMP_FILTER_FLAG_* */
	uint32_t n_archs, n_rules, n_args;
	uint32_t names_size;
};
struct sc_rule {
	uint32_t name; /* offset in names */
	uint32_t action;
	uint32_t first_arg, n_args;
};
struct sc_arg {
	uint32_t index, op;
	uint64_t value, value_two;
};

/* Appends the canonical form; archs are names too ("SCMP_ARCH_X86_64"), resolved by
 * whoever compiles. 0 or -1. */
int seccomp_canonical(const struct seccomp *s, struct buf *ret, struct err *e);
/* Lets the profile be refused if it has unknown names. */
void seccomp_known_only(struct buf *canonical);
