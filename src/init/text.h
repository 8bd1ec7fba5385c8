/* Pure functions of init: strings, /etc/passwd, the filter. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* text.c: strings */
size_t text_len(const char *s);
bool text_is(const char *a, const char *b);
bool text_begins(const char *s, const char *prefix);
/* Appends to to[at..size), NUL-terminated; the new end, or size when it does not fit. */
size_t text_add(char *to, size_t size, size_t at, const char *s);
size_t text_decimal(char *to, size_t size, size_t at, uint64_t n);
bool text_number(const char *s, uint64_t max, uint64_t *ret);
#define FD_PATH_SIZE 32
/* "/proc/self/fd/N" */
void text_fd_path(char to[FD_PATH_SIZE], int fd);

/* home.c: the sixth field of the line of a user id */
struct home_scan {
	uint32_t uid;
	char *to; /* of size bytes; what is longer counts as no home */
	size_t size;
	/* private, zero at first */
	size_t len;
	uint64_t number;
	uint32_t field, digits;
	bool bad, found;
};
/* Takes the next n bytes of the file. True when the line was found: no more is needed. */
bool home_feed(struct home_scan *h, const char *data, size_t n);

/* bpf.c */
/* What the filter answers to one system call of ours: SECCOMP_RET_*. */
uint32_t bpf_answer(const void *filter, uint32_t n, uint32_t nr, const uint64_t args[6]);
