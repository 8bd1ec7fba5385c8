/* What checkpoint and restore share. */
#pragma once

#include "apply/criu.h"
#include "plan/criu.h"
#include "runtime/container.h"

/* images.c: the directories of an image and of criu's log, and what the command line wants of criu. */
int images_open(struct skiff *s, const struct skiff_criu *o, bool make,
		struct criu_job *ret, struct err *e);
void images_close(struct criu_job *j);
/* spec: its annotation names a configuration file for criu. */
int images_options(struct skiff *s, const struct skiff_criu *o, const struct spec *spec,
		   struct plan_criu *ret, struct err *e);
/* Which descriptors of ours stand for those of descriptors.json: 0 to 2 and `preserved` more. */
int images_streams(struct skiff *s, uint32_t preserved, struct criu_job *j,
		   struct err *e);
