/* The container's notify socket (notify.c), for the other builders. */
#pragma once

#include "plan/parts.h"

/* Where it is in the container. */
#define PLAN_NOTIFY_PLACE "/run/notify"

bool plan_notify(const struct build *b); /* the container gets one */
void plan_notify_make(struct build *b);  /* HOST */
void plan_notify_mount(struct build *b); /* INIT */
const char *plan_notify_variable(void);
