/*
 * init's frame: maps the plan and walks its INIT steps, each with its policy. What a step
 * does is in the file of its topic; table.c has the list. Stamps are taken only when the
 * host shares a page for them.
 */
#include "init/init.h"

#include <linux/errno.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/time.h>

static void stamp(struct init *c, int64_t *ret)
{
	int64_t now[2] = { 0 };

	/* The filter may answer clock_gettime with a signal. */
	if (c->filtered || sys_clock_gettime(CLOCK_MONOTONIC, now) < 0)
		return;
	*ret = now[0] * 1000000000 + now[1];
}

static int run_step(struct init *c, const struct step *s)
{
	init_op *fn = s->op < OP_COUNT ? init_ops[s->op] : NULL;
	size_t i = (size_t)(s - c->steps);
	bool stamping = c->page && c->page->stamping;
	int r;

	if (!fn)
		return -ENOSYS;
	c->step = s;
	c->detail = NULL;
	if (stamping)
		stamp(c, &c->page->steps[i].begin);
	r = fn(c, s);
	/* A caller with a low limit of descriptors: sweep, and once more. Steps may
	 * find their own traces. */
	if (r == -EMFILE && fds_sweep(c, c->flat->first_free) >= 0)
		r = fn(c, s);
	if (r >= 0 && fds_are_many(c))
		r = fds_sweep(c, c->flat->first_free);
	if (stamping)
		stamp(c, &c->page->steps[i].end);
	return r;
}

/* What made the preferred step impossible here; anything else is a failure of its own. */
static bool is_alt_errno(int r)
{
	return r == -EPERM || r == -EACCES || r == -EINVAL || r == -ENOSYS ||
	       r == -ENODEV;
}

int init_run(struct init *c)
{
	uint32_t n = c->flat->n_steps;

	for (uint32_t i = 0; i < n; i++) {
		const struct step *s = &c->steps[i];
		int r = run_step(c, s);

		if (s->policy == POL_ALT && r >= 0)
			i++;
		if (r >= 0 || (s->policy == POL_ALT && is_alt_errno(r)) ||
		    (s->policy == POL_SKIP_ENOENT && r == -ENOENT) ||
		    s->policy == POL_WARN)
			continue;
		talk_fail(c, i, -r);
		return 1;
	}
	return 0; /* a plan ends in EXEC, or with a last word to the host */
}

static void *map(int fd, size_t size, int flags)
{
	long p = sys_mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	return p < 0 && p > -4096 ? NULL : (void *)p;
}

static bool load(struct init *c, int fd, size_t size)
{
	char *base = map(fd, size, MAP_PRIVATE);
	const struct plan_flat *f = (const void *)base;
	int page;

	if (!f || f->magic != PLAN_MAGIC || f->version != PLAN_VERSION || f->size != size)
		return false;
	c->flat = f;
	c->steps = (const struct step *)(base + f->steps);
	c->slots = (int32_t *)(base + f->slots);
	c->strings = base + f->strings;
	c->made_in = c->mask_spare[0] = c->mask_spare[1] = -1;
	c->high = f->first_free;
	page = fds_slot(c, SLOT_TRACE);
	if (page >= 0)
		c->page = map(page,
			      sizeof(*c->page) + f->n_steps * sizeof(c->page->steps[0]),
			      MAP_SHARED);
	return true;
}

int init_main(int argc, char **argv)
{
	struct init c;
	uint64_t fd, size;

	/* Not "= { 0 }": that would touch every page of its buffers. */
	__builtin_memset(&c, 0, offsetof(struct init, detail_text));
	c.home[0] = c.program[0] = '\0';
	if (argc != 3 || !text_number(argv[1], INT32_MAX, &fd) ||
	    !text_number(argv[2], UINT32_MAX, &size))
		return 2;
	if (size < sizeof(struct plan_flat) || !load(&c, (int)fd, size))
		return 2;
	/* Else it is named after the memfd, or after the number of its descriptor. */
	sys_prctl(PR_SET_NAME, (unsigned long)"skiff-init", 0, 0, 0);
	return init_run(&c);
}
