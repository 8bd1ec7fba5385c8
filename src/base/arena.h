/*
 * One arena per command or request: every string and struct of a spec and a plan lives there and goes
 * with it. The address range is reserved at once, so allocation never moves and never fails half-way.
 */
#pragma once

#include <stddef.h>

/* More than any bounded input needs (config.json is at most 16 MiB, see json/load.h). */
#define ARENA_MAX ((size_t)256 << 20)

struct arena {
	char *base;
	size_t used, max;
};

/* Reserves ARENA_MAX bytes of address space. 0 or -errno. */
int arena_init(struct arena *a);
void arena_done(struct arena *a);
/* From now on an arena's first byte costs 4 KB, also where the kernel would give 2 MB. For processes that keep arenas; others
 * save the system call. */
void arena_use_small_pages(void);

/* Zeroed memory, aligned to 16 bytes. Exhaustion is a bug of the caller's bounds and aborts. */
void *arena_alloc(struct arena *a, size_t size)
	__attribute__((alloc_size(2), malloc, returns_nonnull));
/* Room for n elements; the product is checked. */
void *arena_array(struct arena *a, size_t n, size_t size)
	__attribute__((alloc_size(2, 3), malloc, returns_nonnull));
/* How much can still be had. */
size_t arena_left(const struct arena *a);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define arena_new(a, type) ((type *)arena_alloc((a), sizeof(type)))

#define auto_arena         __attribute__((cleanup(arena_done))) struct arena
