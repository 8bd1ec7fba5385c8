/*
 * The plan as a growing pair of step lists with one pool of strings, and its flat form for init. Offsets, not
 * pointers, name everything, so that the flat form is a copy.
 */
#include <stdio.h>
#include <string.h>

#include "plan/parts.h"

#define STRINGS_MAX \
	((size_t)40 << 20) /* two and a half configurations of the largest size */

void plan_start(struct plan *p, struct arena *arena, struct err *e)
{
	*p = (struct plan){ .arena = arena, .n_slots = SLOT_DYNAMIC, .e = e };
	buf_init(&p->strings, arena, STRINGS_MAX);
	buf_char(&p->strings, '\0');
}

int plan_end(struct plan *p)
{
	if (p->strings.full)
		return err_set(p->e, ERR_CONFIG,
			       "the configuration is too large for a plan");
	return 0;
}

/* The origin's offset; consecutive steps of one origin share the text. */
static uint32_t add_origin(struct plan *p, const struct steps *list, const char *form,
			   va_list ap)
{
	size_t start = p->strings.len;
	const char *before;

	if (!form)
		return 0;
	buf_vfmt(&p->strings, form, ap);
	if (p->strings.len == start)
		return 0;
	buf_char(&p->strings, '\0');
	if (!list->n || !list->v[list->n - 1].origin || p->strings.full)
		return (uint32_t)start;
	before = plan_text(p, list->v[list->n - 1].origin);
	if (strcmp(before, p->strings.p + start) != 0)
		return (uint32_t)start;
	p->strings.len = start;
	return list->v[list->n - 1].origin;
}

static void make_room(struct plan *p, struct steps *list, size_t n)
{
	size_t cap = list->cap ? list->cap : 64;
	struct step *v;

	if (list->n + n <= list->cap)
		return;
	while (cap < list->n + n)
		cap *= 2;
	v = arena_array(p->arena, cap, sizeof(*v));
	if (list->n)
		memcpy(v, list->v, list->n * sizeof(*v));
	list->v = v;
	list->cap = cap;
}

void plan_append(struct plan *p, struct steps *list, const struct steps *more)
{
	make_room(p, list, more->n);
	memcpy(list->v + list->n, more->v, more->n * sizeof(*list->v));
	list->n += more->n;
}

static struct step *add_step(struct plan *p, struct steps *list, enum op op,
			     const char *form, va_list ap)
{
	uint32_t origin = add_origin(p, list, form, ap);
	struct step *s;

	make_room(p, list, 1);
	s = &list->v[list->n++];
	*s = (struct step){ .op = op,
			    .slot = { SLOT_NONE, SLOT_NONE },
			    .origin = origin };
	return s;
}

struct step *plan_host(struct plan *p, enum op op, const char *origin, ...)
{
	struct step *s;
	va_list ap;

	va_start(ap, origin);
	s = add_step(p, &p->host, op, origin, ap);
	va_end(ap);
	return s;
}

struct step *plan_init(struct plan *p, enum op op, const char *origin, ...)
{
	struct step *s;
	va_list ap;

	va_start(ap, origin);
	s = add_step(p, &p->init, op, origin, ap);
	va_end(ap);
	return s;
}

uint32_t plan_str(struct plan *p, const char *s)
{
	size_t start = p->strings.len;

	if (!s)
		return 0;
	buf_add(&p->strings, s, strlen(s) + 1);
	return (uint32_t)start;
}

uint32_t plan_bytes(struct plan *p, const void *data, size_t n)
{
	static const char zeros[8];
	size_t start;

	buf_add(&p->strings, zeros, -p->strings.len & 7);
	start = p->strings.len;
	buf_add(&p->strings, data, n);
	return (uint32_t)start;
}

uint32_t plan_list(struct plan *p, const char *const *v, size_t n)
{
	size_t start = p->strings.len;

	for (size_t i = 0; i < n; i++)
		buf_add(&p->strings, v[i], strlen(v[i]) + 1);
	return n ? (uint32_t)start : 0;
}

int plan_slot(struct plan *p)
{
	return p->n_slots++;
}

const char *plan_text(const struct plan *p, uint32_t offset)
{
	return offset < p->strings.len ? p->strings.p + offset : "";
}

/* A part of the flat form: where it begins; the next one begins 8-byte aligned. */
static uint32_t reserve(size_t *size, size_t n)
{
	size_t start = *size;

	*size = (start + n + 7) & ~(size_t)7;
	return (uint32_t)start;
}

void plan_flatten(const struct plan *p, const int *slots, const void *filter,
		  uint32_t n_filter, int first_free, struct buf *ret)
{
	size_t n_steps = p->init.n, filter_bytes = (size_t)n_filter * 8, size = 0;
	struct plan_flat f = { .magic = PLAN_MAGIC,
			       .version = PLAN_VERSION,
			       .first_free = first_free };
	int32_t *fds;
	char *at;

	reserve(&size, sizeof(f));
	f.n_steps = (uint32_t)n_steps;
	f.steps = reserve(&size, n_steps * sizeof(struct step));
	f.n_slots = (uint32_t)p->n_slots;
	f.slots = reserve(&size, (size_t)p->n_slots * sizeof(*fds));
	f.n_filter = n_filter;
	f.filter = reserve(&size, filter_bytes);
	f.n_strings = (uint32_t)p->strings.len;
	f.strings = reserve(&size, p->strings.len);
	f.n_scratch = p->n_scratch;
	f.scratch = reserve(&size, p->n_scratch);
	f.size = (uint32_t)size;

	at = arena_alloc(p->arena, size);
	memcpy(at, &f, sizeof(f));
	if (n_steps)
		memcpy(at + f.steps, p->init.v, n_steps * sizeof(struct step));
	fds = (int32_t *)(void *)(at + f.slots);
	for (int i = 0; i < p->n_slots; i++)
		fds[i] = slots[i];
	if (filter_bytes)
		memcpy(at + f.filter, filter, filter_bytes);
	memcpy(at + f.strings, p->strings.p, p->strings.len);
	*ret = (struct buf){
		.arena = p->arena, .p = at, .len = size, .cap = size, .max = size
	};
}

const char *part_text(struct build *b, const char *fmt, ...)
{
	va_list ap, again;
	char *s;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	s = arena_alloc(b->p->arena, (size_t)n + 1);
	vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	va_end(ap);
	return s;
}

void part_warn(struct build *b, const char *fmt, ...)
{
	strs *w = &b->p->warnings;
	char **v = arena_array(b->p->arena, w->n + 1, sizeof(*v));
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (w->n)
		memcpy(v, w->v, w->n * sizeof(*v));
	v[w->n] = arena_strdup(b->p->arena, text);
	w->v = v;
	w->n++;
}

const char *part_clean(struct build *b, const char *path)
{
	char *out = arena_alloc(b->p->arena, strlen(path) + 2), *end = out;

	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (end > out && *--end != '/')
				;
		} else if (n && !(n == 1 && path[0] == '.')) {
			*end++ = '/';
			memcpy(end, path, n);
			end += n;
		}
		path += n + (path[n] == '/');
	}
	if (end == out)
		*end++ = '/';
	*end = '\0';
	return out;
}
