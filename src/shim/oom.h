/* Telling containerd of processes that the kernel killed for memory. */
#pragma once

#include "shim/task.h"

void oom_begin(struct task *t);
/* Tells what has not been told; closes. */
void oom_end(struct task *t);
