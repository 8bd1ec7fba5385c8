/*
 * Statistics as JSON: the shape that consumers of `runc events` read. Numbers that are 0 are
 * left out where they are there, too.
 */
#include "runtime/stats.h"

#include "json/print.h"

/* clang-format off */
#define S struct stat_usage
static const struct field usage_fields[] = {
	J_U64(S, limit, "limit", F_SHOW, "Bytes that may be used."),
	J_U64(S, usage, "usage", 0, "Bytes in use."),
	J_U64(S, max, "max", 0, "The most that was ever in use."),
	J_U64(S, failcnt, "failcnt", F_SHOW, "How often the limit was hit."),
	J_END
};
#undef S
static const struct type usage_type = { "usage", sizeof(struct stat_usage), usage_fields };

#define S struct stat_pressure
static const struct field pressure_fields[] = {
	J_RAW(S, avg10, "avg10", 0, "Percent of the last 10 seconds."),
	J_RAW(S, avg60, "avg60", 0, "Percent of the last minute."),
	J_RAW(S, avg300, "avg300", 0, "Percent of the last five minutes."),
	J_U64(S, total, "total", F_SHOW, "Microseconds in all."),
	J_END
};
#undef S
static const struct type pressure_type = { "pressure", sizeof(struct stat_pressure), pressure_fields };

#define S struct stat_psi
static const struct field psi_fields[] = {
	J_VAL(S, some, "some", F_SHOW, struct stat_pressure, &pressure_type, "Some waited."),
	J_VAL(S, full, "full", F_SHOW, struct stat_pressure, &pressure_type, "All waited."),
	J_END
};
#undef S
static const struct type psi_type = { "psi", sizeof(struct stat_psi), psi_fields };

#define S struct stat_cpu_usage
static const struct field cpu_usage_fields[] = {
	J_U64(S, total, "total", 0, "Nanoseconds."),
	J_RAW(S, percpu, "percpu", 0, "For each CPU."),
	J_RAW(S, percpu_kernel, "percpu_kernel", 0, "In the kernel, for each CPU."),
	J_RAW(S, percpu_user, "percpu_user", 0, "In programs, for each CPU."),
	J_U64(S, kernel, "kernel", F_SHOW, "In the kernel."),
	J_U64(S, user, "user", F_SHOW, "In programs."),
	J_END
};
#undef S
static const struct type cpu_usage_type = { "cpu usage", sizeof(struct stat_cpu_usage), cpu_usage_fields };

#define S struct stat_throttling
static const struct field throttling_fields[] = {
	J_U64(S, periods, "periods", 0, "Periods with a quota."),
	J_U64(S, throttled_periods, "throttledPeriods", 0, "Those in which it was used up."),
	J_U64(S, throttled_time, "throttledTime", 0, "Nanoseconds of waiting for the next one."),
	J_END
};
#undef S
static const struct type throttling_type = { "throttling", sizeof(struct stat_throttling), throttling_fields };

#define S struct stat_cpu
static const struct field cpu_fields[] = {
	J_VAL(S, usage, "usage", F_SHOW, struct stat_cpu_usage, &cpu_usage_type, "CPU time."),
	J_VAL(S, throttling, "throttling", F_SHOW, struct stat_throttling, &throttling_type, "By the quota."),
	J_OBJ(S, psi, "psi", 0, struct stat_psi, &psi_type, "Pressure."),
	J_END
};
#undef S
static const struct type cpu_type = { "cpu", sizeof(struct stat_cpu), cpu_fields };

#define S struct stat_cpuset
static const struct field cpuset_fields[] = {
	J_U32S(S, cpus, "cpus", 0, "CPUs that it may use."),
	J_U64(S, cpu_exclusive, "cpu_exclusive", F_SHOW, "cpuset.cpu_exclusive."),
	J_U32S(S, mems, "mems", 0, "Memory nodes that it may use."),
	J_U64(S, mem_hardwall, "mem_hardwall", F_SHOW, "cpuset.mem_hardwall."),
	J_U64(S, mem_exclusive, "mem_exclusive", F_SHOW, "cpuset.mem_exclusive."),
	J_U64(S, memory_migrate, "memory_migrate", F_SHOW, "cpuset.memory_migrate."),
	J_U64(S, memory_spread_page, "memory_spread_page", F_SHOW, "cpuset.memory_spread_page."),
	J_U64(S, memory_spread_slab, "memory_spread_slab", F_SHOW, "cpuset.memory_spread_slab."),
	J_U64(S, memory_pressure, "memory_pressure", F_SHOW, "cpuset.memory_pressure."),
	J_U64(S, sched_load_balance, "sched_load_balance", F_SHOW, "cpuset.sched_load_balance."),
	J_I64(S, sched_relax_domain_level, "sched_relax_domain_level", F_SHOW, "cpuset.sched_relax_domain_level."),
	J_END
};
#undef S
static const struct type cpuset_type = { "cpuset", sizeof(struct stat_cpuset), cpuset_fields };

#define S struct stat_memory
static const struct field memory_fields[] = {
	J_U64(S, cache, "cache", 0, "Bytes of the page cache."),
	J_VAL(S, usage, "usage", F_SHOW, struct stat_usage, &usage_type, "Memory."),
	J_VAL(S, swap, "swap", F_SHOW, struct stat_usage, &usage_type, "Memory and swap together."),
	J_VAL(S, kernel, "kernel", F_SHOW, struct stat_usage, &usage_type, "Kernel memory (version 1)."),
	J_VAL(S, kernel_tcp, "kernelTCP", F_SHOW, struct stat_usage, &usage_type, "TCP buffers (version 1)."),
	J_RAW(S, raw, "raw", 0, "The kernel's own names."),
	J_OBJ(S, psi, "psi", 0, struct stat_psi, &psi_type, "Pressure."),
	J_END
};
#undef S
static const struct type memory_type = { "memory", sizeof(struct stat_memory), memory_fields };

#define S struct stat_pids
static const struct field pids_fields[] = {
	J_U64(S, current, "current", 0, "Tasks."),
	J_U64(S, limit, "limit", 0, "How many there may be."),
	J_END
};
#undef S
static const struct type pids_type = { "pids", sizeof(struct stat_pids), pids_fields };

#define S struct stat_io_entry
static const struct field io_fields[] = {
	J_U64(S, major, "major", 0, "Device."),
	J_U64(S, minor, "minor", 0, "Device."),
	J_STR(S, op, "op", 0, "Read, Write, ..."),
	J_U64(S, value, "value", 0, "Bytes, requests, ..."),
	J_END
};
#undef S
static const struct type io_type = { "io", sizeof(struct stat_io_entry), io_fields };

#define S struct stat_blkio
#define IO(which, key, help) J_OBJS(S, io[which], key, 0, struct stat_io_entry, &io_type, help)
static const struct field blkio_fields[] = {
	IO(STAT_IO_BYTES, "ioServiceBytesRecursive", "Bytes."),
	IO(STAT_IO_SERVICED, "ioServicedRecursive", "Requests."),
	IO(STAT_IO_QUEUED, "ioQueueRecursive", "Requests that wait."),
	IO(STAT_IO_SERVICE_TIME, "ioServiceTimeRecursive", "Nanoseconds in the device."),
	IO(STAT_IO_WAIT_TIME, "ioWaitTimeRecursive", "Nanoseconds in the queue."),
	IO(STAT_IO_MERGED, "ioMergedRecursive", "Requests that were merged."),
	IO(STAT_IO_TIME, "ioTimeRecursive", "Time of the device."),
	IO(STAT_IO_SECTORS, "sectorsRecursive", "Sectors."),
	J_OBJ(S, psi, "psi", 0, struct stat_psi, &psi_type, "Pressure."),
	J_END
};
#undef IO
#undef S
static const struct type blkio_type = { "blkio", sizeof(struct stat_blkio), blkio_fields };

#define S struct stat_hugetlb
static const struct field hugetlb_fields[] = {
	J_U64(S, usage, "usage", 0, "Bytes in use."),
	J_U64(S, max, "max", 0, "The most that was ever in use."),
	J_U64(S, failcnt, "failcnt", F_SHOW, "How often the limit was hit."),
	J_END
};
#undef S
static const struct type hugetlb_type = { "hugetlb", sizeof(struct stat_hugetlb), hugetlb_fields };

#define S struct stat_l3_info
static const struct field l3_info_fields[] = {
	J_STR(S, cbm_mask, "cbm_mask", 0, "Ways of the cache."),
	J_U64(S, min_cbm_bits, "min_cbm_bits", 0, "The least that a class may have."),
	J_U64(S, num_closids, "num_closids", 0, "How many classes there may be."),
	J_END
};
#undef S
static const struct type l3_info_type = { "l3 info", sizeof(struct stat_l3_info), l3_info_fields };

#define S struct stat_mb_info
static const struct field mb_info_fields[] = {
	J_U64(S, bandwidth_gran, "bandwidth_gran", 0, "Steps in percent."),
	J_U64(S, delay_linear, "delay_linear", 0, "Whether the scale is linear."),
	J_U64(S, min_bandwidth, "min_bandwidth", 0, "The least in percent."),
	J_U64(S, num_closids, "num_closids", 0, "How many classes there may be."),
	J_END
};
#undef S
static const struct type mb_info_type = { "mb info", sizeof(struct stat_mb_info), mb_info_fields };

#define S struct stat_mbm
static const struct field mbm_fields[] = {
	J_U64(S, total, "mbm_total_bytes", 0, "Memory traffic."),
	J_U64(S, local, "mbm_local_bytes", 0, "That of the own node."),
	J_END
};
#undef S
static const struct type mbm_type = { "mbm", sizeof(struct stat_mbm), mbm_fields };

#define S struct stat_cmt
static const struct field cmt_fields[] = {
	J_U64(S, llc_occupancy, "llc_occupancy", 0, "Bytes in the cache."),
	J_END
};
#undef S
static const struct type cmt_type = { "cmt", sizeof(struct stat_cmt), cmt_fields };

#define S struct stat_rdt
static const struct field rdt_fields[] = {
	J_OBJ(S, l3_info, "l3_cache_info", 0, struct stat_l3_info, &l3_info_type, "What the hardware can do."),
	J_STR(S, l3_root, "l3_cache_schema_root", 0, "Of the whole machine."),
	J_STR(S, l3, "l3_cache_schema", 0, "Of the container's class."),
	J_OBJ(S, mb_info, "mem_bw_info", 0, struct stat_mb_info, &mb_info_type, "What the hardware can do."),
	J_STR(S, mb_root, "mem_bw_schema_root", 0, "Of the whole machine."),
	J_STR(S, mb, "mem_bw_schema", 0, "Of the container's class."),
	J_OBJS(S, mbm, "mbm_stats", 0, struct stat_mbm, &mbm_type, "Memory bandwidth, for each cache."),
	J_OBJS(S, cmt, "cmt_stats", 0, struct stat_cmt, &cmt_type, "Cache occupancy, for each cache."),
	J_END
};
#undef S
static const struct type rdt_type = { "intel_rdt", sizeof(struct stat_rdt), rdt_fields };

#define D struct stats_data
static const struct field data_fields[] = {
	J_VAL(D, cgroup.cpu, "cpu", F_SHOW, struct stat_cpu, &cpu_type, "CPU."),
	J_VAL(D, cgroup.cpuset, "cpuset", F_SHOW, struct stat_cpuset, &cpuset_type, "Where it may run."),
	J_VAL(D, cgroup.memory, "memory", F_SHOW, struct stat_memory, &memory_type, "Memory."),
	J_VAL(D, cgroup.pids, "pids", F_SHOW, struct stat_pids, &pids_type, "Processes."),
	J_VAL(D, cgroup.blkio, "blkio", F_SHOW, struct stat_blkio, &blkio_type, "Block devices."),
	J_OBJMAP(D, cgroup.hugetlb, "hugetlb", F_SHOW, struct stat_hugetlb, &hugetlb_type, "Huge pages."),
	J_VAL(D, rdt, "intel_rdt", F_SHOW, struct stat_rdt, &rdt_type, "Cache and memory bandwidth."),
	J_RAW(D, interfaces, "network_interfaces", 0, "Of its own network namespace."),
	J_END
};
#undef D
static const struct type data_type = { "data", sizeof(struct stats_data), data_fields };
static const struct type event_type = { "event", sizeof(struct stats_event), (const struct field[]){
	J_STR(struct stats_event, type, "type", F_REQUIRED, "stats or oom."),
	J_STR(struct stats_event, id, "id", F_REQUIRED, "The container's id."),
	J_OBJ(struct stats_event, data, "data", 0, struct stats_data, &data_type, "Of stats."),
	J_END
} };
/* clang-format on */

void stats_print(const struct stats_event *event, struct buf *b)
{
	json_print(b, &event_type, event, JSON_COMPACT);
}
