/* Device rules between devices.c and devices_update.c. */
#pragma once

#include "plan/limits.h"

extern const struct device_bpf devices_defaults[]; /* every container's */
extern const size_t n_devices_defaults;

/* One rule of the configuration, number i of its list. 0 or -1. */
int devices_rule(struct plan *p, const struct device_rule *r, size_t i,
		 struct device_bpf *ret);
/* Does every device that b is about belong to a too? Does any? */
bool devices_cover(const struct device_bpf *a, const struct device_bpf *b);
bool devices_touch(const struct device_bpf *a, const struct device_bpf *b);
/* The configuration's rules in the order in which the first match counts; *ret_all =
 * everything is allowed. 0 or -1. */
int devices_rules(struct plan *p, const struct spec *s, const struct device_bpf **ret,
		  size_t *ret_n, bool *ret_all);
/* What v1's files hold of them: exceptions from "deny all", each for one type. 0 or -1. */
int devices_exceptions(struct plan *p, const struct spec *s, struct device_bpf **ret,
		       size_t *ret_n, bool *ret_all);
/* Whether rules can be a BPF program here. */
bool devices_may_use_bpf(const struct host *h);
/* The v1 hierarchy whose device files we may write, or NULL. */
const struct hierarchy *devices_v1_hierarchy(const struct host *h);
/* One line of devices.allow or devices.deny. */
void devices_write_v1(struct limits *l, const struct place *at, const char *file,
		      const struct device_bpf *r);

/* devices_update.c: `update` of a live container's rules; all = the old and the new
 * ones. 0 or -1. */
int devices_update(struct limits *l, const struct resources *r,
		   const struct resources *all);
