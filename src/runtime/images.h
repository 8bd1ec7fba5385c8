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
/* Which descriptors stand for those of descriptors.json: the streams that c names, or our own, and those it preserves. */
int images_streams(struct skiff *s, const struct skiff_create *c, struct criu_job *j,
		   struct err *e);
