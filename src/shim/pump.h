/* Bytes from one descriptor to another. */
#pragma once

#include "shim/stdio.h"

/* Takes both descriptors over. by_hand: neither is a pipe. */
void pump_start(struct pump *p, struct stdio *s, int from, int to, bool by_hand);
bool pump_is_open(const struct pump *p);
void pump_close(struct pump *p);
