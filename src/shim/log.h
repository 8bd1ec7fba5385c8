/* Lines for containerd's log, where the fifo `log` of the bundle ends. */
#pragma once

/* level: "debug", "info", "warning" or "error". Lost when nobody reads. */
void shim_log(const char *level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Opens the fifo of the working directory as descriptors 1 and 2. */
void shim_log_open(void);
