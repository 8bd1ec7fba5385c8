/* Tables of "linux.resources": limits of the control group (config-linux: Control
 * groups). Also what `update` reads. */
#include "spec/tables.h"

/* clang-format off */
static const struct field device_rule_fields[] = {
	J_BOOL(struct device_rule, allow, "allow", F_REQUIRED, "allow or deny"),
	J_STR(struct device_rule, type, "type", F_BLANK, "a (all), c (character) or b (block)"),
	J_OI64(struct device_rule, major, "major", 0, INT64_MIN, INT64_MAX, "major number; all when absent or negative"),
	J_OI64(struct device_rule, minor, "minor", 0, INT64_MIN, INT64_MAX, "minor number; all when absent or negative"),
	J_STR(struct device_rule, access, "access", 0, "of r (read), w (write), m (mknod); all when absent"),
	J_END
};
const struct type device_rule_type = { "device rule", sizeof(struct device_rule), device_rule_fields };

static const struct field memory_fields[] = {
	J_OI64(struct memory, limit, "limit", 0, -1, INT64_MAX, "bytes of memory; -1 = no limit"),
	J_OI64(struct memory, reservation, "reservation", 0, -1, INT64_MAX, "bytes that are reclaimed last"),
	J_OI64(struct memory, swap, "swap", 0, -1, INT64_MAX, "bytes of memory and swap together; -1 = no limit"),
	J_OI64(struct memory, kernel, "kernel", 0, INT64_MIN, INT64_MAX, "ignored: kernels from 5.16 have no such limit"),
	J_OI64(struct memory, kernel_tcp, "kernelTCP", 0, -1, INT64_MAX, "bytes of TCP buffers; cgroup v1 only"),
	J_OU64(struct memory, swappiness, "swappiness", 0, 100, "0 to 100; cgroup v1 only"),
	J_OBOOL(struct memory, disable_oom_killer, "disableOOMKiller", 0, "stop processes instead of killing one; cgroup v1 only"),
	J_OBOOL(struct memory, use_hierarchy, "useHierarchy", 0, "count children too; always so today"),
	J_OBOOL(struct memory, check_before_update, "checkBeforeUpdate", 0, "refuse a limit below the present usage"),
	J_END
};
static const struct type memory_type = { "memory", sizeof(struct memory), memory_fields };

static const struct field cpu_fields[] = {
	J_OU64(struct cpu, shares, "shares", 0, UINT64_MAX, "relative weight, 2 to 262144 (1024 = one share)"),
	J_OI64(struct cpu, quota, "quota", 0, -1, INT64_MAX, "microseconds of CPU time in each period; -1 = no limit"),
	J_OU64(struct cpu, burst, "burst", 0, UINT64_MAX, "microseconds of unused quota that may be kept"),
	J_OU64(struct cpu, period, "period", 0, UINT64_MAX, "period in microseconds, 1000 to 1000000"),
	J_OI64(struct cpu, realtime_runtime, "realtimeRuntime", 0, INT64_MIN, INT64_MAX, "microseconds of realtime scheduling; cgroup v1 only"),
	J_OU64(struct cpu, realtime_period, "realtimePeriod", 0, UINT64_MAX, "period of realtimeRuntime; cgroup v1 only"),
	J_STR(struct cpu, cpus, "cpus", F_BLANK, "CPUs, such as 0-3,7"),
	J_STR(struct cpu, mems, "mems", F_BLANK, "memory nodes, such as 0,1"),
	J_OI64(struct cpu, idle, "idle", 0, 0, 1, "1 = run only when nothing else wants to"),
	J_END
};
static const struct type cpu_type = { "cpu", sizeof(struct cpu), cpu_fields };

static const struct field pids_fields[] = {
	J_OI64(struct pids, limit, "limit", 0, INT64_MIN, INT64_MAX, "processes and threads; -1 = no limit"),
	J_END
};
static const struct type pids_type = { "pids", sizeof(struct pids), pids_fields };

static const struct field weight_device_fields[] = {
	J_I64(struct weight_device, major, "major", F_REQUIRED, "major number"),
	J_I64(struct weight_device, minor, "minor", F_REQUIRED, "minor number"),
	J_OU64(struct weight_device, weight, "weight", 0, UINT16_MAX, "weight, 10 to 1000"),
	J_OU64(struct weight_device, leaf_weight, "leafWeight", 0, UINT16_MAX, "refused: kernels from 5.0 have no such weight"),
	J_END
};
static const struct type weight_device_type = { "weight device", sizeof(struct weight_device), weight_device_fields };

static const struct field throttle_device_fields[] = {
	J_I64(struct throttle_device, major, "major", F_REQUIRED, "major number"),
	J_I64(struct throttle_device, minor, "minor", F_REQUIRED, "minor number"),
	J_U64(struct throttle_device, rate, "rate", F_REQUIRED | F_SHOW, "bytes or operations in a second"),
	J_END
};
static const struct type throttle_device_type = { "throttle device", sizeof(struct throttle_device), throttle_device_fields };

static const struct field block_io_fields[] = {
	J_OU64(struct block_io, weight, "weight", 0, UINT16_MAX, "relative weight, 10 to 1000"),
	J_OU64(struct block_io, leaf_weight, "leafWeight", 0, UINT16_MAX, "refused: kernels from 5.0 have no such weight"),
	J_OBJS(struct block_io, weight_device, "weightDevice", 0, struct weight_device, &weight_device_type, "weights of single devices"),
	J_OBJS(struct block_io, read_bps, "throttleReadBpsDevice", 0, struct throttle_device, &throttle_device_type, "bytes read in a second"),
	J_OBJS(struct block_io, write_bps, "throttleWriteBpsDevice", 0, struct throttle_device, &throttle_device_type, "bytes written in a second"),
	J_OBJS(struct block_io, read_iops, "throttleReadIOPSDevice", 0, struct throttle_device, &throttle_device_type, "reads in a second"),
	J_OBJS(struct block_io, write_iops, "throttleWriteIOPSDevice", 0, struct throttle_device, &throttle_device_type, "writes in a second"),
	J_END
};
static const struct type block_io_type = { "block I/O", sizeof(struct block_io), block_io_fields };

static const struct field hugepage_fields[] = {
	J_STR(struct hugepage, page_size, "pageSize", F_REQUIRED, "such as 2MB or 1GB"),
	J_U64(struct hugepage, limit, "limit", F_REQUIRED, "bytes"),
	J_END
};
static const struct type hugepage_type = { "huge page limit", sizeof(struct hugepage), hugepage_fields };

static const struct field net_priority_fields[] = {
	J_STR(struct net_priority, name, "name", F_REQUIRED, "network interface"),
	J_U32(struct net_priority, priority, "priority", F_REQUIRED, "priority of its traffic"),
	J_END
};
static const struct type net_priority_type = { "network priority", sizeof(struct net_priority), net_priority_fields };

static const struct field network_fields[] = {
	J_OU64(struct network, class_id, "classID", 0, UINT32_MAX, "traffic class of packets; cgroup v1 only"),
	J_OBJS(struct network, priorities, "priorities", 0, struct net_priority, &net_priority_type, "priority of packets; cgroup v1 only"),
	J_END
};
static const struct type network_type = { "network", sizeof(struct network), network_fields };

static const struct field rdma_fields[] = {
	J_OU64(struct rdma, hca_handles, "hcaHandles", 0, UINT32_MAX, "handles that may be open"),
	J_OU64(struct rdma, hca_objects, "hcaObjects", 0, UINT32_MAX, "objects that may exist"),
	J_END
};
static const struct type rdma_type = { "rdma limit", sizeof(struct rdma), rdma_fields };

static const struct field resources_fields[] = {
	J_OBJS(struct resources, devices, "devices", 0, struct device_rule, &device_rule_type, "devices that may be used, applied in order"),
	J_OBJ(struct resources, memory, "memory", 0, struct memory, &memory_type, "memory"),
	J_OBJ(struct resources, cpu, "cpu", 0, struct cpu, &cpu_type, "CPU time and CPU sets"),
	J_OBJ(struct resources, pids, "pids", 0, struct pids, &pids_type, "number of processes"),
	J_OBJ(struct resources, block_io, "blockIO", 0, struct block_io, &block_io_type, "block devices"),
	J_OBJS(struct resources, hugepage_limits, "hugepageLimits", 0, struct hugepage, &hugepage_type, "huge pages"),
	J_OBJ(struct resources, network, "network", 0, struct network, &network_type, "packet marks"),
	J_OBJMAP(struct resources, rdma, "rdma", 0, struct rdma, &rdma_type, "RDMA limits by device"),
	J_PAIRS(struct resources, unified, "unified", 0, "cgroup v2 files and what is written to them"),
	J_END
};
const struct type resources_type = { "resources", sizeof(struct resources), resources_fields };
/* clang-format on */
