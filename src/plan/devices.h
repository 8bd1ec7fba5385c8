/* Device rules in the form that both the v2 BPF program and the v1 files are made
 * from. The first match counts. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { DEV_READ = 1, DEV_WRITE = 2, DEV_MKNOD = 4, DEV_ALL = 7 };
enum { DEVICES_RULES_MAX = 1024 };

struct device_bpf {
	char type; /* 'a', 'b', 'c' */
	bool allow;
	uint8_t access; /* DEV_* bits */
	uint8_t pad;
	int32_t major, minor; /* -1 = any */
};
