"""linux.resources, property by property: each reaches the file of its version, or is refused by
name where that version has none."""
import os

import kernel
from harness import needs

MB = 1 << 20

# (resources, {v1 file: value} or the words of the refusal, the same for v2)
MEMORY = [
    ({"memory": {"limit": 64 * MB}}, {"memory.limit_in_bytes": 64 * MB}, {"memory.max": 64 * MB}),
    ({"memory": {"reservation": 3 * MB}}, {"memory.soft_limit_in_bytes": 3 * MB},
     {"memory.low": 3 * MB}),
    ({"memory": {"limit": 8 * MB, "swap": 8 * MB}}, {"memory.memsw.limit_in_bytes": 8 * MB},
     {"memory.swap.max": 0}),
    ({"memory": {"limit": 8 * MB, "kernel": 1}}, {"memory.limit_in_bytes": 8 * MB},
     {"memory.max": 8 * MB}),
    ({"memory": {"kernelTCP": 5 * MB}}, {"memory.kmem.tcp.limit_in_bytes": 5 * MB},
     "memory.kernelTCP: cgroup v2 has no"),
    ({"memory": {"swappiness": 33}}, {"memory.swappiness": 33},
     "memory.swappiness: cgroup v2 has no"),
    ({"memory": {"swappiness": 0}}, {"memory.swappiness": 0},
     "memory.swappiness: cgroup v2 has no"),
    ({"memory": {"disableOOMKiller": True}}, {"memory.oom_control": "oom_kill_disable 1"},
     "memory.disableOOMKiller: cgroup v2 cannot"),
    ({"memory": {"disableOOMKiller": False, "limit": 8 * MB}},
     {"memory.oom_control": "oom_kill_disable 0"}, {"memory.max": 8 * MB}),
    ({"memory": {"useHierarchy": True, "limit": 8 * MB}}, {"memory.use_hierarchy": 1},
     {"memory.max": 8 * MB}),
    ({"memory": {"checkBeforeUpdate": True, "limit": 8 * MB}},
     {"memory.limit_in_bytes": 8 * MB}, {"memory.max": 8 * MB}),
]
CPU = [
    ({"cpu": {"shares": 512}}, {"cpu.shares": 512}, {"cpu.weight": 59}),
    ({"cpu": {"quota": 20000, "period": 50000}},
     {"cpu.cfs_quota_us": 20000, "cpu.cfs_period_us": 50000}, {"cpu.max": "20000 50000"}),
    ({"cpu": {"period": 50000}}, {"cpu.cfs_period_us": 50000}, {"cpu.max": "max 50000"}),
    ({"cpu": {"quota": 20000, "burst": 10000}}, {"cpu.cfs_burst_us": 10000},
     {"cpu.max.burst": 10000}),
    ({"cpu": {"idle": 1}}, {"cpu.idle": 1}, {"cpu.idle": 1}),
    ({"cpu": {"idle": 0, "shares": 512}}, {"cpu.idle": 0}, {"cpu.weight": 59}),
    ({"cpu": {"realtimePeriod": 500000, "realtimeRuntime": 1000}},
     {"cpu.rt_period_us": 500000, "cpu.rt_runtime_us": 1000},
     "cpu.realtimeRuntime: cgroup v2 has no"),
    ({"cpu": {"realtimePeriod": 500000}}, {"cpu.rt_period_us": 500000},
     "cpu.realtimePeriod: cgroup v2 has no"),
]


def resources(t, wish):
    config = t.config()
    config["linux"]["resources"].update(wish)
    return config


def holds(found, expected):
    """whether a file says a number or has a line"""
    return str(expected) in [found.strip()] + found.splitlines()


def check_rows(t, controller, rows):
    """each row in the version that the controller has here"""
    for wish, v1, v2 in rows:
        t.note(wish)
        is_v1 = controller in kernel.cgroup_mounts()
        expected = v1 if is_v1 else v2
        if isinstance(expected, str):
            t.fails(t.run(resources(t, wish)), f"linux.resources.{expected}", rc=1)
            continue
        c = t.sleeper(resources(t, wish))
        path = kernel.cgroup_dirs(c.pid)[controller if is_v1 else ""]
        for name, value in expected.items():
            # Some kernels count no swap, and have no realtime groups.
            if (name.startswith(("memory.memsw", "memory.swap", "cpu.rt_"))
                    and not os.path.exists(f"{path}/{name}")):
                continue
            found = kernel.read(f"{path}/{name}")
            t.true(holds(found, value), f"{name}: {found!r} instead of {value!r}")
        c.delete("--force")


@needs("root", "memory")
def test_memory(t):
    """every property of memory"""
    check_rows(t, "memory", MEMORY)


@needs("root", "cpu")
def test_cpu(t):
    """every property of cpu but cpus and mems"""
    check_rows(t, "cpu", CPU)


def disk():
    """the numbers of a disk that can be throttled, as {"major": .., "minor": ..}"""
    for name in sorted(os.listdir("/sys/block")):
        if int(kernel.read(f"/sys/block/{name}/size")) and not name.startswith(("loop", "ram")):
            major, minor = kernel.read(f"/sys/block/{name}/dev").split(":")
            return {"major": int(major), "minor": int(minor)}
    return None


THROTTLES = [("throttleReadBpsDevice", "read_bps", "rbps"),
             ("throttleWriteBpsDevice", "write_bps", "wbps"),
             ("throttleReadIOPSDevice", "read_iops", "riops"),
             ("throttleWriteIOPSDevice", "write_iops", "wiops")]


@needs("root", "blkio")
def test_block_io_v1(t):
    """blockIO with version 1: weights of BFQ and throttles"""
    device = disk() or t.skip("no disk")
    number = f"{device['major']}:{device['minor']}"
    wish = {"weight": 321, **{key: [{**device, "rate": 1000 + n}]
                              for n, (key, _, _) in enumerate(THROTTLES)}}
    path = kernel.cgroup_dirs(t.sleeper(resources(t, {"blockIO": wish})).pid)["blkio"]
    for n, (key, name, _) in enumerate(THROTTLES):
        t.equal(kernel.read(f"{path}/blkio.throttle.{name}_device"), f"{number} {1000 + n}\n", key)
    weight = kernel.read(f"{path}/blkio.bfq.weight").split()
    t.equal(weight[-1], "321", "weight")


@needs("root", "io", "v2")
def test_block_io_v2(t):
    """blockIO with version 2: one line of io.max, and a weight"""
    device = disk() or t.skip("no disk")
    number = f"{device['major']}:{device['minor']}"
    wish = {"weight": 100, **{key: [{**device, "rate": 5000 + n}]
                              for n, (key, _, _) in enumerate(THROTTLES)}}
    path = kernel.cgroup_dirs(t.sleeper(resources(t, {"blockIO": wish})).pid)[""]
    line = kernel.read(f"{path}/io.max").split()
    t.equal(line[0], number, "device")
    t.equal(set(line[1:]), {f"{name}={5000 + n}" for n, (_, _, name) in enumerate(THROTTLES)})
    found = [kernel.read(f"{path}/{name}").split()[-1] for name in ("io.bfq.weight", "io.weight")
             if os.path.exists(f"{path}/{name}")]
    t.true("100" in found or "910" in found, f"weights {found}")


@needs("root")
def test_weight_of_a_device(t):
    """a device's weight is written, or what the kernel says is told with its JSON path"""
    device = disk() or t.skip("no disk")
    have = kernel.cgroup_mounts()
    wish = resources(t, {"blockIO": {"weightDevice": [{**device, "weight": 200}]}})
    result = t.run(wish)
    if "blkio" in have or "io" in kernel.read(f"{have['']}/cgroup.controllers").split():
        # BFQ keeps weights for disks that it schedules; most here have another scheduler.
        t.true(result.rc == 0 or "linux.resources.blockIO.weightDevice[0]" in result.err,
               f"{result}")
    else:
        t.fails(result, "linux.resources.blockIO", "no cgroup controller \"io\"", rc=1)


@needs("root")
def test_leaf_weights(t):
    """leaf weights are refused: no kernel has them since CFQ went"""
    have = kernel.cgroup_mounts()
    if "blkio" not in have and "io" not in kernel.read(f"{have['']}/cgroup.controllers").split():
        t.fails(t.run(resources(t, {"blockIO": {"leafWeight": 200}})), "controller \"io\"", rc=1)
        return
    device = disk() or {"major": 1, "minor": 0}
    for wish, path in (({"leafWeight": 200}, "blockIO.leafWeight"),
                       ({"weightDevice": [{**device, "leafWeight": 200}]},
                        "blockIO.weightDevice[0].leafWeight")):
        t.fails(t.run(resources(t, {"blockIO": wish})), f"linux.resources.{path}", rc=1)


@needs("root", "hugetlb")
def test_hugetlb_reserved(t):
    """a limit of huge pages counts reserved ones as well; several sizes at once"""
    sizes = sorted(int(name.split("-")[1][:-2]) for name in os.listdir("/sys/kernel/mm/hugepages"))
    words = [f"{kb // 1024}MB" if kb < 1 << 20 else f"{kb >> 20}GB" for kb in sizes]
    wish = [{"pageSize": word, "limit": kb << 10} for word, kb in zip(words, sizes)]
    path = kernel.cgroup_dirs(t.sleeper(resources(t, {"hugepageLimits": wish})).pid)[""]
    for word, kb in zip(words, sizes):
        for name in (f"hugetlb.{word}.max", f"hugetlb.{word}.rsvd.max"):
            t.equal(kernel.read(f"{path}/{name}").strip(), str(kb << 10), name)


@needs("root")
def test_missing_controllers(t):
    """a limit whose controller this machine has not is refused by name"""
    have = set(kernel.cgroup_mounts())
    if "" in have:
        have |= set(kernel.read(f"{kernel.cgroup_mounts()['']}/cgroup.controllers").split())
    for wish, controller, path in (
            ({"network": {"classID": 1048577}}, "net_cls", "network.classID"),
            ({"network": {"priorities": [{"name": "lo", "priority": 3}]}}, "net_prio",
             "network.priorities[0]"),
            ({"rdma": {"mlx5_1": {"hcaHandles": 3}}}, "rdma", "rdma.mlx5_1"),
            ({"hugepageLimits": [{"pageSize": "2MB", "limit": 2 * MB}]}, "hugetlb",
             "hugepageLimits[0]"),
            ({"memory": {"limit": 8 * MB}}, "memory", "memory"),
            ({"pids": {"limit": 8}}, "pids", "pids.limit"),
            ({"cpu": {"cpus": "0"}}, "cpuset", "cpu.cpus"),
            ({"cpu": {"shares": 2}}, "cpu", "cpu")):
        t.note(controller)
        if controller not in have:
            t.fails(t.run(resources(t, wish)), f"linux.resources.{path}: ", controller, rc=1)


@needs("root", "vm")
def test_rdma_device(t):
    """an RDMA device that is not there is told with its JSON path"""
    t.fails(t.run(resources(t, {"rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 9}}})),
            "linux.resources.rdma.mlx5_1", rc=1)


@needs("root")
def test_unified_without_v2(t):
    """unified where no cgroup2 is mounted is refused"""
    if "" in kernel.cgroup_mounts():
        t.equal(t.run(resources(t, {"unified": {"cgroup.max.depth": "5"}})).rc, 0)
    else:
        t.fails(t.run(resources(t, {"unified": {"cgroup.max.depth": "5"}})),
                "linux.resources.unified", "no cgroup v2", rc=1)
