/* A bump allocator over one reserved mapping; untouched pages cost nothing. */
#include "base/arena.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static bool small_pages;

void arena_use_small_pages(void)
{
	small_pages = true;
}

int arena_init(struct arena *a)
{
	void *p = mmap(NULL, ARENA_MAX, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return -errno;
	if (small_pages)
		madvise(p, ARENA_MAX, MADV_NOHUGEPAGE);
	*a = (struct arena){ .base = p, .max = ARENA_MAX };
	return 0;
}

void arena_done(struct arena *a)
{
	if (a->base)
		munmap(a->base, a->max);
	*a = (struct arena){ 0 };
}

size_t arena_left(const struct arena *a)
{
	return a->max - a->used;
}

void *arena_alloc(struct arena *a, size_t size)
{
	size_t start = (a->used + 15) & ~(size_t)15;

	if (start > a->max || size > a->max - start)
		abort();
	a->used = start + size;
	return a->base + start;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		abort();
	return arena_alloc(a, total);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		abort();
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return p;
}
