/* Tables of "linux": namespaces, devices and everything else that only Linux has
 * (config-linux). */
#include "spec/tables.h"

/* clang-format off */
static const struct field id_map_fields[] = {
	J_U32(struct id_map, container_id, "containerID", F_REQUIRED, "first id in the container"),
	J_U32(struct id_map, host_id, "hostID", F_REQUIRED, "first id on the host"),
	J_U32(struct id_map, size, "size", F_REQUIRED, "how many ids"),
	J_END
};
const struct type id_map_type = { "id mapping", sizeof(struct id_map), id_map_fields };

static const struct field ns_fields[] = {
	J_ENUM(struct ns, type, "type", F_REQUIRED, ns_names, "kind of namespace"),
	J_STR(struct ns, path, "path", F_BLANK | F_ABSOLUTE, "file of a namespace to join; a new one is made when absent"),
	J_END
};
static const struct type ns_type = { "namespace", sizeof(struct ns), ns_fields };

static const struct field device_fields[] = {
	J_STR(struct device, path, "path", F_REQUIRED | F_ABSOLUTE, "path in the container"),
	J_STR(struct device, type, "type", F_REQUIRED, "c or u (character), b (block) or p (FIFO)"),
	J_OI64(struct device, major, "major", 0, INT64_MIN, INT64_MAX, "major number"),
	J_OI64(struct device, minor, "minor", 0, INT64_MIN, INT64_MAX, "minor number"),
	J_OU64(struct device, file_mode, "fileMode", 0, UINT32_MAX, "permissions; decimal (438 is 0666)"),
	J_OU64(struct device, uid, "uid", 0, UINT32_MAX, "owner in the container"),
	J_OU64(struct device, gid, "gid", 0, UINT32_MAX, "group in the container"),
	J_END
};
static const struct type device_type = { "device", sizeof(struct device), device_fields };

static const struct field net_device_fields[] = {
	J_STR(struct net_device, name, "name", F_BLANK, "its name in the container; the same when absent"),
	J_END
};
static const struct type net_device_type = { "network device", sizeof(struct net_device), net_device_fields };

static const struct field time_offset_fields[] = {
	J_I64(struct time_offset, secs, "secs", 0, "seconds"),
	J_U32(struct time_offset, nanosecs, "nanosecs", 0, "nanoseconds"),
	J_END
};
static const struct type time_offset_type = { "time offset", sizeof(struct time_offset), time_offset_fields };

static const struct field intel_rdt_fields[] = {
	J_STR(struct intel_rdt, clos_id, "closID", F_BLANK, "class of service: a directory of resctrl"),
	J_STRS(struct intel_rdt, schemata, "schemata", 0, "lines for its schemata file"),
	J_STR(struct intel_rdt, l3_cache_schema, "l3CacheSchema", F_BLANK, "line that begins with L3:"),
	J_STR(struct intel_rdt, mem_bw_schema, "memBwSchema", F_BLANK, "line that begins with MB:"),
	J_BOOL(struct intel_rdt, enable_cmt, "enableCMT", 0, "watch cache use"),
	J_BOOL(struct intel_rdt, enable_mbm, "enableMBM", 0, "watch memory bandwidth"),
	J_BOOL(struct intel_rdt, enable_monitoring, "enableMonitoring", 0, "make a monitoring group"),
	J_END
};
static const struct type intel_rdt_type = { "intelRdt", sizeof(struct intel_rdt), intel_rdt_fields };

static const struct field memory_policy_fields[] = {
	J_ENUM(struct memory_policy, mode, "mode", F_REQUIRED, mpol_names, "mode of set_mempolicy(2)"),
	J_STR(struct memory_policy, nodes, "nodes", F_BLANK, "memory nodes, such as 0-1"),
	J_ENUMS(struct memory_policy, flags, "flags", 0, mpol_flag_names, "its mode flags"),
	J_END
};
static const struct type memory_policy_type = { "memory policy", sizeof(struct memory_policy), memory_policy_fields };

static const struct field personality_fields[] = {
	J_ENUM(struct personality, domain, "domain", F_REQUIRED | F_SHOW, personality_names, "execution domain of personality(2)"),
	J_STRS(struct personality, flags, "flags", 0, "none are defined"),
	J_END
};
static const struct type personality_type = { "personality", sizeof(struct personality), personality_fields };

static const struct field linux_fields[] = {
	J_OBJS(struct linux_config, uid_mappings, "uidMappings", 0, struct id_map, &id_map_type, "user ids of the user namespace"),
	J_OBJS(struct linux_config, gid_mappings, "gidMappings", 0, struct id_map, &id_map_type, "group ids of the user namespace"),
	J_PAIRS(struct linux_config, sysctl, "sysctl", 0, "kernel parameters that belong to a namespace"),
	J_OBJ(struct linux_config, resources, "resources", 0, struct resources, &resources_type, "limits of the control group"),
	J_STR(struct linux_config, cgroups_path, "cgroupsPath", F_BLANK, "control group; SLICE:PREFIX:NAME with the systemd manager"),
	J_OBJS(struct linux_config, namespaces, "namespaces", 0, struct ns, &ns_type, "namespaces to make or join; the others are the host's"),
	J_OBJS(struct linux_config, devices, "devices", 0, struct device, &device_type, "device nodes besides the default ones"),
	J_OBJMAP(struct linux_config, net_devices, "netDevices", 0, struct net_device, &net_device_type, "network interfaces of the host that move into the container"),
	J_OBJ(struct linux_config, seccomp, "seccomp", 0, struct seccomp, &seccomp_type, "system call filter"),
	J_ENUM(struct linux_config, rootfs_propagation, "rootfsPropagation", F_BLANK, prop_names, "mount propagation of the root filesystem"),
	J_STRS(struct linux_config, masked_paths, "maskedPaths", F_ABSOLUTE, "paths whose content is hidden"),
	J_STRS(struct linux_config, readonly_paths, "readonlyPaths", F_ABSOLUTE, "paths that become read-only"),
	J_STR(struct linux_config, mount_label, "mountLabel", F_BLANK, "SELinux label of mounts"),
	J_OBJ(struct linux_config, intel_rdt, "intelRdt", 0, struct intel_rdt, &intel_rdt_type, "cache and memory bandwidth of Intel processors"),
	J_OBJ(struct linux_config, memory_policy, "memoryPolicy", 0, struct memory_policy, &memory_policy_type, "NUMA policy"),
	J_OBJ(struct linux_config, personality, "personality", 0, struct personality, &personality_type, "execution domain"),
	J_OBJMAP(struct linux_config, time_offsets, "timeOffsets", 0, struct time_offset, &time_offset_type, "offsets of the clocks monotonic and boottime"),
	J_END
};
const struct type linux_type = { "linux", sizeof(struct linux_config), linux_fields };
/* clang-format on */
