/* external.c: the mounts that criu neither saves nor makes. */
#pragma once

#include "plan/parts.h"

/* HOST: criu.mount and what it needs (restore), or criu.leave. 0 or -1. */
int plan_external(struct build *b, bool restore);
