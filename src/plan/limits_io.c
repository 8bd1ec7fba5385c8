/*
 * linux.resources.blockIO: weights and throttles of block devices. config-linux: "Block
 * IO".
 *
 * Weights exist twice in the kernel: of the BFQ scheduler and of the cost model (v2) or
 * CFQ (v1, gone since 5.0). BFQ's file is tried first; where the kernel has no BFQ the
 * other one is written, on v2 converted to its range. leafWeight has no file in any
 * kernel that skiff runs on, and is refused.
 */
#include <inttypes.h>

#include "plan/limits.h"

#define IO "linux.resources.blockIO."

static int check_weight(struct limits *l, const char *origin, uint64_t weight)
{
	if (weight >= 10 && weight <= 1000)
		return 0;
	return err_at(l->p->e, ERR_CONFIG, origin,
		      "weight %" PRIu64 " is not between 10 and 1000", weight);
}

/* [10, 1000] to [1, 10000], as every runtime does it. */
uint64_t limits_io_weight(uint64_t weight)
{
	return 1 + (weight - 10) * 9999 / 990;
}

/* One weight; device is "8:0 " or "". */
static int write_weight(struct limits *l, const struct place *at, const char *origin,
			const char *device, uint64_t weight)
{
	const char *bfq = !at->v2 ? (*device ? "blkio.bfq.weight_device"
					     : "blkio.bfq.weight")
				  : "io.bfq.weight";
	const char *other = !at->v2 ? (*device ? "blkio.weight_device" : "blkio.weight")
				    : "io.weight";

	if (check_weight(l, origin, weight))
		return -1;
	limits_write(l, at, origin, bfq, "%s%" PRIu64, device, weight)->policy = POL_ALT;
	limits_write(l, at, origin, other, "%s%" PRIu64, device,
		     at->v2 ? limits_io_weight(weight) : weight);
	return 0;
}

static int no_leaf_weight(struct limits *l, const char *origin)
{
	return limits_unsupported(l, origin,
				  "no kernel since 5.0 has leaf weights: leave it out");
}

static int io_weights(struct limits *l, const struct block_io *io, const struct place *at)
{
	if (io->leaf_weight.v)
		return no_leaf_weight(l, IO "leafWeight");
	if (io->weight.v && write_weight(l, at, IO "weight", "", io->weight.v))
		return -1;
	for (size_t i = 0; i < io->weight_device.n; i++) {
		const struct weight_device *d = &io->weight_device.v[i];
		const char *origin = arena_printf(l->p->arena,
						  IO "weightDevice[%zu].weight", i);
		const char *device = arena_printf(l->p->arena, "%" PRId64 ":%" PRId64 " ",
						  d->major, d->minor);

		if (d->leaf_weight.v)
			return no_leaf_weight(
				l, arena_printf(l->p->arena,
						IO "weightDevice[%zu].leafWeight", i));
		if (d->weight.v && write_weight(l, at, origin, device, d->weight.v))
			return -1;
	}
	return 0;
}

static void io_throttles(struct limits *l, const struct place *at, const char *name,
			 const throttles *t, const char *const file[2])
{
	for (size_t i = 0; i < t->n; i++) {
		const struct throttle_device *d = &t->v[i];
		const char *origin = arena_printf(l->p->arena, IO "%s[%zu]", name, i);

		if (!at->v2)
			limits_write(l, at, origin, file[0],
				     "%" PRId64 ":%" PRId64 " %" PRIu64, d->major,
				     d->minor, d->rate);
		else if (d->rate)
			limits_write(l, at, origin, "io.max",
				     "%" PRId64 ":%" PRId64 " %s=%" PRIu64, d->major,
				     d->minor, file[1], d->rate);
		else
			limits_write(l, at, origin, "io.max",
				     "%" PRId64 ":%" PRId64 " %s=max", d->major, d->minor,
				     file[1]);
	}
}

int limits_io(struct limits *l, const struct block_io *io)
{
	static const char *const files[][2] = {
		{ "blkio.throttle.read_bps_device", "rbps" },
		{ "blkio.throttle.write_bps_device", "wbps" },
		{ "blkio.throttle.read_iops_device", "riops" },
		{ "blkio.throttle.write_iops_device", "wiops" },
	};
	struct place at;

	if (limits_place(l, CT_IO, "linux.resources.blockIO", &at) ||
	    io_weights(l, io, &at))
		return -1;
	io_throttles(l, &at, "throttleReadBpsDevice", &io->read_bps, files[0]);
	io_throttles(l, &at, "throttleWriteBpsDevice", &io->write_bps, files[1]);
	io_throttles(l, &at, "throttleReadIOPSDevice", &io->read_iops, files[2]);
	io_throttles(l, &at, "throttleWriteIOPSDevice", &io->write_iops, files[3]);
	return 0;
}
