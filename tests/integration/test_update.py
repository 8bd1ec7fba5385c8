"""update: limits of a live container; what the kernel's files say afterwards, in every view."""
import json
import os

import kernel
from harness import needs

MB = 1 << 20


def limited(t, **more):
    """a sleeping container with these linux.resources besides the default ones"""
    config = t.config()
    config["linux"]["resources"].update(more)
    return t.sleeper(config)


def is_v1(c, controller):
    return controller in kernel.cgroup_dirs(c.pid)


def value(c, controller, v1_file, v2_file=None):
    return kernel.cgroup_value(c.pid, controller, v1_file, v2_file)


def update(t, c, **resources):
    """update --resources -, which must succeed"""
    return t.ok("update", "--resources", "-", c.id, input=json.dumps(resources))


def memory(c):
    """(limit, memory and swap together) in MB; None = no limit or no such file"""
    def number(path):
        if not os.path.exists(path):
            return None
        text = kernel.read(path).strip()
        return None if text == "max" or int(text) > 1 << 60 else int(text) // MB
    dirs = kernel.cgroup_dirs(c.pid)
    if "memory" in dirs:
        return (number(dirs["memory"] + "/memory.limit_in_bytes"),
                number(dirs["memory"] + "/memory.memsw.limit_in_bytes"))
    limit, swap = (number(f"{dirs['']}/memory.{name}max") for name in ("", "swap."))
    return limit, None if limit is None or swap is None else limit + swap


def has_swap(t, c):
    dirs = kernel.cgroup_dirs(c.pid)
    path = (dirs["memory"] + "/memory.memsw.limit_in_bytes" if "memory" in dirs
            else dirs[""] + "/memory.swap.max")
    if not os.path.exists(path):
        t.skip("the kernel does not account swap")


@needs("root", "memory")
def test_memory(t):
    """limits of memory and of the sum go up and down, whatever the order they need"""
    c = limited(t, memory={"limit": 64 * MB, "swap": 64 * MB})
    has_swap(t, c)
    for limit, swap in ((128, 256), (256, 256), (32, 32), (400, 500), (40, 500)):
        t.note(f"{limit} of {swap}")
        t.ok("update", "--memory", f"{limit}m", "--memory-swap", f"{swap}M", c.id)
        t.equal(memory(c), (limit, swap))
    t.ok("update", "--memory-swap", "-1", c.id)
    t.equal(memory(c), (40, None))
    t.ok("update", "--memory", "-1", c.id)
    t.equal(memory(c), (None, None))


@needs("root", "memory")
def test_memory_alone(t):
    """the sum of memory and swap stays when only the memory changes, and cannot be exceeded"""
    c = limited(t, memory={"limit": 64 * MB, "swap": 96 * MB})
    has_swap(t, c)
    t.ok("update", "--memory=80m", c.id)
    t.equal(memory(c), (80, 96))
    t.fails(t.skiff("update", "--memory=100m", c.id), "memory.limit", str(96 * MB), "memory.swap",
            rc=1)
    t.equal(memory(c), (80, 96))
    t.ok("update", "--memory=-1", c.id)
    t.equal(memory(c), (None, None))


@needs("root", "memory")
def test_swap_alone(t):
    """the sum changes with the memory as it is, and is no less than that"""
    c = limited(t, memory={"limit": 64 * MB, "swap": 64 * MB})
    has_swap(t, c)
    t.ok("update", "--memory-swap=100m", c.id)
    t.equal(memory(c), (64, 100))
    t.fails(t.skiff("update", "--memory-swap=50m", c.id), "memory.swap", str(64 * MB), rc=1)
    t.equal(memory(c), (64, 100))


@needs("root", "memory")
def test_memory_reservation(t):
    """the reservation changes, and nothing else does"""
    c = limited(t, memory={"limit": 64 * MB})
    before = memory(c)
    t.ok("update", "--memory-reservation", "16m", c.id)
    t.equal(value(c, "memory", "memory.soft_limit_in_bytes", "memory.low"), str(16 * MB))
    t.equal(memory(c), before)


@needs("root", "memory")
def test_units(t):
    """bytes take the units that docker and runc take"""
    c = limited(t)
    for text, expected in (("8388608", 8 * MB), ("8388608b", 8 * MB), ("8192k", 8 * MB),
                           ("8192KB", 8 * MB), ("8192kiB", 8 * MB), ("9m", 9 * MB),
                           ("10 MB", 10 * MB), ("0.25g", 256 * MB), ("1G", 1024 * MB),
                           ("0.001t", 1099510579 // 4096 * 4096)):
        t.ok("update", "--memory-reservation", text, c.id)
        t.equal(value(c, "memory", "memory.soft_limit_in_bytes", "memory.low"), str(expected),
                text)
    for text in ("m", "1x", "1mm", "1.m", "-5", "1e6", "0x10", "1ib"):
        t.fails(t.skiff("update", "--memory-reservation", text, c.id), "--memory-reservation",
                rc=1)


@needs("root", "memory")
def test_check_before_update(t):
    """with memory.checkBeforeUpdate a limit below the present usage is refused, and none is set"""
    c = limited(t, memory={"limit": 64 * MB})
    t.fails(t.skiff("update", "-r", "-", c.id,
                    input='{"memory": {"limit": 4096, "checkBeforeUpdate": true}}'),
            "memory.limit", "in use", rc=1)
    t.equal(memory(c)[0], 64)
    t.true(kernel.is_alive(c.pid), "the container died")


@needs("root", "memory", "v1")
def test_memory_v1_files(t):
    """what only v1 has: swappiness, TCP buffers, the OOM killer off and on again"""
    c = limited(t)
    update(t, c, memory={"swappiness": 33, "kernelTCP": 8 * MB, "disableOOMKiller": True})
    t.equal([value(c, "memory", f"memory.{name}") for name in
             ("swappiness", "kmem.tcp.limit_in_bytes")], ["33", str(8 * MB)])
    t.contains(value(c, "memory", "memory.oom_control"), "oom_kill_disable 1")
    t.ok("update", "--kernel-memory-tcp=4m", c.id)
    t.equal(value(c, "memory", "memory.kmem.tcp.limit_in_bytes"), str(4 * MB))
    update(t, c, memory={"disableOOMKiller": False})
    t.contains(value(c, "memory", "memory.oom_control"), "oom_kill_disable 0")


@needs("root", "cpu")
def test_cpu(t):
    """weight, quota and period, each alone and together; what is not given stays"""
    c = limited(t, cpu={"quota": 40000, "period": 80000, "shares": 1024})

    def now():
        if is_v1(c, "cpu"):
            return [value(c, "cpu", f"cpu.{name}") for name in
                    ("cfs_quota_us", "cfs_period_us", "shares")]
        quota, period = value(c, "cpu", "", "cpu.max").split()
        return ["-1" if quota == "max" else quota, period, value(c, "cpu", "", "cpu.weight")]
    weight = {1024: "1024", 2048: "2048"} if is_v1(c, "cpu") else {1024: "100", 2048: "174"}
    for options, expected in ((["--cpu-quota=20000"], ["20000", "80000", weight[1024]]),
                              (["--cpu-period=50000"], ["20000", "50000", weight[1024]]),
                              (["--cpu-share=2048"], ["20000", "50000", weight[2048]]),
                              (["--cpu-quota", "9000", "--cpu-period", "10000"],
                               ["9000", "10000", weight[2048]]),
                              (["--cpu-quota=-1"], ["-1", "10000", weight[2048]])):
        t.note(" ".join(options))
        t.ok("update", *options, c.id)
        t.equal(now(), expected)


@needs("root", "cpu", "v1")
def test_cpu_below_a_parent(t):
    """quota and period are written in the order that never exceeds the parent's share"""
    parent = f"{kernel.cgroup_mounts()['cpu']}/{t.mark}-parent"
    os.mkdir(parent)
    try:
        for name, text in (("cfs_period_us", "100000"), ("cfs_quota_us", "50000")):
            with open(f"{parent}/cpu.{name}", "w") as f:
                f.write(text)
        config = t.config()
        config["linux"]["cgroupsPath"] = f"/{t.mark}-parent/{t.mark}-own"
        config["linux"]["resources"]["cpu"] = {"quota": 50000, "period": 100000}
        c = t.sleeper(config)
        for quota, period in ((5000, 10000), (400000, 800000), (20000, 40000)):
            t.note(f"{quota} of {period}")
            update(t, c, cpu={"quota": quota, "period": period})
            t.equal([value(c, "cpu", f"cpu.cfs_{name}_us") for name in ("quota", "period")],
                    [str(quota), str(period)])
        c.delete("--force")
    finally:
        for point in set(kernel.cgroup_mounts().values()):
            if os.path.isdir(f"{point}/{t.mark}-parent"):
                os.rmdir(f"{point}/{t.mark}-parent")


@needs("root", "cpu")
def test_cpu_burst(t):
    """burst goes up and down together with the quota, and back to 0"""
    c = limited(t, cpu={"quota": 50000, "period": 100000})
    if not is_v1(c, "cpu") and not os.path.exists(
            kernel.cgroup_dirs(c.pid)[""] + "/cpu.max.burst"):
        t.skip("the kernel has no burst")
    for quota, burst in ((50000, 40000), (20000, 10000), (90000, 80000), (90000, 0)):
        t.note(f"{quota}, {burst}")
        t.ok("update", "--cpu-quota", str(quota), "--cpu-burst", str(burst), c.id)
        t.equal(value(c, "cpu", "cpu.cfs_burst_us", "cpu.max.burst"), str(burst))
    t.ok("update", "--cpu-burst=60000", c.id)
    t.fails(t.skiff("update", "--cpu-quota=50000", c.id), "cpu.quota", "cpu.burst", rc=1)


@needs("root", "cpu")
def test_cpu_idle(t):
    """idle is switched on and off; a weight has no place while it is on"""
    c = limited(t, cpu={"shares": 512})
    dirs = kernel.cgroup_dirs(c.pid)
    if not os.path.exists(dirs.get("cpu", dirs.get("")) + "/cpu.idle"):
        t.skip("the kernel has no idle groups")
    t.ok("update", "--cpu-idle=1", c.id)
    t.equal(value(c, "cpu", "cpu.idle"), "1")
    t.fails(t.skiff("update", "--cpu-share=700", c.id), "cpu.shares", "cpu.idle", rc=1)
    t.ok("update", "--cpu-idle=0", "--cpu-share=1024", c.id)
    t.equal([value(c, "cpu", "cpu.idle"), value(c, "cpu", "cpu.shares", "cpu.weight")],
            ["0", "1024" if is_v1(c, "cpu") else "100"])


@needs("root", "cpu", "v1")
def test_realtime(t):
    """period and runtime of realtime scheduling go up and down together"""
    c = limited(t)
    if not os.path.exists(kernel.cgroup_dirs(c.pid)["cpu"] + "/cpu.rt_runtime_us"):
        t.skip("the kernel has no realtime groups")
    for runtime, period in ((1000, 500000), (600000, 900000), (2000, 4000), (0, 1000000)):
        t.note(f"{runtime} of {period}")
        if t.skiff("update", "--cpu-rt-runtime", str(runtime), "--cpu-rt-period", str(period),
                   c.id).rc and runtime:
            t.skip("the machine has no realtime to give")
        t.equal([value(c, "cpu", f"cpu.rt_{name}_us") for name in ("runtime", "period")],
                [str(runtime), str(period)])


@needs("root", "cpuset")
def test_cpuset(t):
    """CPUs and memory nodes; on v2 the controller is switched on when it was not"""
    c = limited(t)
    t.ok("update", "--cpuset-cpus", "0", "--cpuset-mems", "0", c.id)
    t.equal([value(c, "cpuset", "cpuset.cpus"), value(c, "cpuset", "cpuset.mems")], ["0", "0"])
    t.equal(kernel.status(c.pid)["Cpus_allowed_list"], "0")


@needs("root", "pids")
def test_pids(t):
    """the number of tasks; -1 is no limit"""
    c = limited(t, pids={"limit": 20})
    for limit, text in ((50, "50"), (-1, "max"), (7, "7")):
        t.ok("update", "--pids-limit", str(limit), c.id)
        t.equal(value(c, "pids", "pids.max"), text)


@needs("root", "hugetlb")
def test_hugetlb(t):
    """a limit of a controller that the container did not have before"""
    c = limited(t)
    update(t, c, hugepageLimits=[{"pageSize": "2MB", "limit": 4 * MB}])
    for part in ("", "rsvd."):
        t.equal(value(c, "hugetlb", f"hugetlb.2MB.{part}limit_in_bytes",
                      f"hugetlb.2MB.{part}max"), str(4 * MB))


@needs("root", "v2")
def test_unified(t):
    """unified: files of the cgroup by name"""
    c = limited(t)
    update(t, c, unified={"cgroup.max.descendants": "5"})
    t.equal(value(c, "", "cgroup.max.descendants"), "5")
    t.fails(t.skiff("update", "-r", "-", c.id, input='{"unified": {"no.such": "1"}}'),
            "unified.no.such", rc=1)


def block_device(t):
    """MAJOR, MINOR of a whole disk"""
    for name in sorted(os.listdir("/sys/block")):
        if not name.startswith(("loop", "ram", "zram")):
            return [int(n) for n in kernel.read(f"/sys/block/{name}/dev").split(":")]
    return t.skip("no disk")


@needs("root", "io")
def test_throttles_v2(t):
    """each throttle alone leaves the others"""
    major, minor = block_device(t)
    c = limited(t, blockIO={"throttleReadBpsDevice": [{"major": major, "minor": minor,
                                                       "rate": 1000000}]})
    if is_v1(c, "blkio"):
        t.skip("v1")
    update(t, c, blockIO={"throttleWriteIOPSDevice": [{"major": major, "minor": minor,
                                                       "rate": 500}]})
    t.equal(value(c, "", "io.max"), f"{major}:{minor} rbps=1000000 wbps=max riops=max wiops=500")


@needs("root", "blkio")
def test_throttles_v1(t):
    """the four files of throttles"""
    major, minor = block_device(t)
    c = limited(t)
    for kind, file in (("ReadBps", "read_bps"), ("WriteBps", "write_bps"),
                       ("ReadIOPS", "read_iops"), ("WriteIOPS", "write_iops")):
        update(t, c, blockIO={f"throttle{kind}Device": [{"major": major, "minor": minor,
                                                         "rate": 12345}]})
        t.equal(value(c, "blkio", f"blkio.throttle.{file}_device"), f"{major}:{minor} 12345")


@needs("root", "pids")
def test_all_or_nothing(t):
    """when one limit is refused, those that were changed before it are put back"""
    major, minor = block_device(t)
    throttle = [{"major": major, "minor": minor, "rate": 1000}]
    none = [{"major": 0, "minor": 1, "rate": 1000}]
    config = t.config()
    c = t.sleeper(config)
    files = [f"{path}/{name}" for path in {p for p in kernel.cgroup_dirs(c.pid).values()
                                           if t.mark in p}
             for name in os.listdir(path)
             if name.endswith((".max", "limit_in_bytes", "shares", "weight", "_us", "_device"))]

    def now():
        return {path: kernel.read(path) for path in files}
    available = set(kernel.cgroup_dirs(c.pid))
    if "" in available:
        available |= set(kernel.read(kernel.cgroup_dirs(c.pid)[""] + "/cgroup.controllers").split())
    wanted = {"pids": {"limit": 77}}
    if "memory" in available:
        wanted["memory"] = {"limit": 64 * MB, "reservation": 32 * MB}
    if "cpu" in available:
        wanted["cpu"] = {"shares": 300, "quota": 30000, "period": 60000}
    broken = dict(wanted)
    if available & {"blkio", "io"}:
        wanted["blockIO"] = {"throttleReadBpsDevice": throttle}
        broken["blockIO"] = {"throttleReadBpsDevice": throttle, "throttleWriteBpsDevice": none}
        cause = "blockIO.throttleWriteBpsDevice[0]"
    else:
        broken["hugepageLimits"] = [{"pageSize": "3MB", "limit": 4096}]
        cause = "hugepageLimits[0]"
    before = now()
    t.fails(t.skiff("update", "-r", "-", c.id, input=json.dumps(broken)), cause, rc=1)
    t.equal({path: text for path, text in now().items() if text != before[path]}, {}, "changed")
    update(t, c, **wanted)
    t.equal(value(c, "pids", "pids.max"), "77")


@needs("root", "pids")
def test_resources_file(t):
    """--resources takes a file or stdin, in any form of the option; unknown keys are no fault"""
    c = limited(t)
    path = t.path("resources.json")
    for n, options in enumerate((["--resources", path], ["-r", path], [f"--resources={path}"],
                                 ["-resources", path], ["--resources=-"], ["-r", "-"])):
        text = json.dumps({"pids": {"limit": 60 + n}, "x-else": [1]})
        with open(path, "w") as f:
            f.write(text)
        t.ok("update", *options, c.id, input=text)
        t.equal(value(c, "pids", "pids.max"), str(60 + n), " ".join(options))
    t.ok("update", "-r", "-", c.id, input="{}")
    t.ok("update", c.id)
    t.equal(value(c, "pids", "pids.max"), "65")


@needs("root", "pids")
def test_refused(t):
    """broken input, options that contradict each other, limits out of range: nothing changes"""
    c = limited(t, pids={"limit": 21})
    for text, phrases in (("{", ["standard input"]), ("[]", ["standard input"]),
                          ('{"pids": {"limit": "5"}}', ["standard input", "pids.limit"]),
                          ('{"pids": {"limit": 9}, "cpu": {"cpus": "x"}}', ["cpu.cpus"]),
                          ('{"pids": {"limit": 9}, "devices": [{"allow": true, "type": "q"}]}',
                           ["devices[0].type"]),
                          ('{"memory": {"limit": 100, "swap": 50}}', ["memory.swap"])):
        t.note(text)
        t.fails(t.skiff("update", "-r", "-", c.id, input=text), *phrases, rc=1)
    for options, phrases in ((["--memory=lots"], ["--memory", "lots"]),
                             (["--memory=9999999999g"], ["--memory"]),
                             (["--pids-limit=many"], ["--pids-limit", "many"]),
                             (["--cpu-quota=12"], ["cpu.quota"]),
                             (["--blkio-weight=5"], ["blockIO.weight"]),
                             (["-r", t.path("missing"), ], ["missing", "No such file"]),
                             (["-r", "-", "--memory", "1g"], ["--resources", "--memory"]),
                             (["--memroy=1g"], ["--memroy", "--memory"])):
        t.note(" ".join(options))
        t.fails(t.skiff("update", *options, c.id, input="{}"), *phrases, rc=1)
    t.equal(value(c, "pids", "pids.max"), "21")


@needs("root", "pids")
def test_states(t):
    """a created and a paused container are updated, a stopped and an unknown one are not"""
    created = t.create()
    t.ok("update", "--pids-limit=31", created.id)
    t.equal(value(created, "pids", "pids.max"), "31")
    created.start()
    c = t.sleeper()
    c.kill()
    c.wait_stopped()
    t.fails(t.skiff("update", "--pids-limit=31", c.id), "container not running", rc=1)
    t.fails(t.skiff("update", "--pids-limit=31", "no-such"), "does not exist", rc=1)


@needs("root")
def test_without_cgroup(t):
    """a container without a cgroup of its own has nothing to update"""
    path, ident = t.bundle(t.config("/bin/sleep", "100000")), t.new_id()
    t.command(t.binary, "--root", t.root, "--cgroup-manager=disabled", "run", "--detach",
              "--bundle", path, ident)
    t.fails(t.skiff("update", "--pids-limit=31", ident), "no cgroup", rc=1)


@needs("root")
def test_kernel_memory(t):
    """--kernel-memory is accepted, with a warning and no effect"""
    c = limited(t)
    result = t.ok("update", "--kernel-memory=1g", c.id)
    t.contains(result.err, "--kernel-memory has no effect")
