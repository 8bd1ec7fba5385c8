/*
 * Descriptors. Slots hold those that several steps share; everything else is left open
 * until it is swept away in one call: init opens some 70 descriptors for a container, and
 * closing each is a system call.
 */
#include "init/init.h"

#include <linux/errno.h>

/* How many descriptors may gather before they are swept. */
#define FDS_MANY 100

int fds_note(struct init *c, long fd)
{
	if (fd > c->high)
		c->high = (int)fd;
	return (int)fd;
}

int fds_slot(const struct init *c, int slot)
{
	int32_t fd = slot >= 0 && (uint32_t)slot < c->flat->n_slots ? c->slots[slot] : -1;

	return fd < 0 ? -EBADF : fd & ~SLOT_PLAIN;
}

void fds_set(struct init *c, int slot, int fd)
{
	if (slot >= 0 && (uint32_t)slot < c->flat->n_slots)
		c->slots[slot] = fd;
}

bool fds_are_many(const struct init *c)
{
	return c->high - c->flat->first_free > FDS_MANY;
}

/* The lowest descriptor of a slot, from `from` on, or -1. */
static int next_kept(const struct init *c, int from)
{
	int next = -1;

	for (uint32_t i = 0; i < c->flat->n_slots; i++) {
		int fd = fds_slot(c, (int)i);

		if (fd >= from && (next < 0 || fd < next))
			next = fd;
	}
	return next;
}

int fds_sweep(struct init *c, int from)
{
	int kept, high = c->high, r;

	c->made_in = c->mask_spare[0] = c->mask_spare[1] = -1;
	c->high = from - 1;
	while ((kept = next_kept(c, from)) >= 0) {
		if (kept > from) {
			r = (int)sys_close_range((unsigned)from, (unsigned)kept - 1, 0);
			if (r < 0)
				return r;
		}
		c->high = kept;
		from = kept + 1;
	}
	return high < from ? 0 : (int)sys_close_range((unsigned)from, ~0u, 0);
}

static bool is_needed(const struct init *c, int slot)
{
	const struct step *end = c->steps + c->flat->n_steps;

	/* Who waits for `start` has nothing more to say to `create`. */
	if (slot == SLOT_TALK)
		return !(c->step[1].flags & STEP_ACCEPT);
	if (slot == SLOT_LISTEN)
		return true;
	if (slot == SLOT_ROOTFS)
		return false;
	for (const struct step *s = c->step + 1; s < end; s++) {
		if (s->slot[0] == slot || s->slot[1] == slot)
			return true;
		if (slot == SLOT_PROC && (s->op == OP_SYSCTL || s->op == OP_LABEL))
			return true;
		if (slot == SLOT_TTY && s->op == OP_TTY_USE)
			return true;
	}
	return false;
}

/* What EXEC, the last step, leaves to the payload from 3 on. */
static int preserved(const struct init *c)
{
	return (int)c->steps[c->flat->n_steps - 1].word[2];
}

int fds_forget(struct init *c)
{
	for (uint32_t i = 0; i < c->flat->n_slots; i++)
		if (!is_needed(c, (int)i))
			c->slots[i] = -1;
	return fds_sweep(c, 3 + preserved(c));
}

int op_sweep(struct init *c, const struct step *s)
{
	(void)s;
	return fds_forget(c);
}
