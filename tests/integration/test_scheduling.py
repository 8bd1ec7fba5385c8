"""process.scheduler, ioPriority, execCPUAffinity and linux.memoryPolicy, as the kernel tells them."""
import ctypes
import json
import os
import platform
import struct

import kernel
from harness import needs

X86 = platform.machine() == "x86_64"
SCHED_GETATTR, IOPRIO_GET = (315, 252) if X86 else (275, 31)
MS = 1_000_000
# The policies' numbers, from linux/sched.h
OTHER, FIFO, RR, BATCH, IDLE, DEADLINE = 0, 1, 2, 3, 5, 6
FLAGS = {"RESET_ON_FORK": 1, "RECLAIM": 2, "DL_OVERRUN": 4, "KEEP_POLICY": 8, "KEEP_PARAMS": 16,
         "UTIL_CLAMP_MIN": 32, "UTIL_CLAMP_MAX": 64}


def attributes(pid):
    """what sched_getattr(2) says of a process"""
    data = ctypes.create_string_buffer(56)
    if ctypes.CDLL(None).syscall(SCHED_GETATTR, pid, data, 56, 0):
        raise OSError("sched_getattr")
    names = ("size", "policy", "flags", "nice", "priority", "runtime", "deadline", "period",
             "util_min", "util_max")
    return dict(zip(names, struct.unpack("IIQiIQQQII", data.raw)))


def scheduled(t, wish):
    """the attributes of a payload, or None where this machine does not permit them: a cpu cgroup
    of version 1 without realtime budget, too little bandwidth"""
    config = t.config("/bin/sleep", "100000")
    config["process"]["scheduler"] = wish
    result = t.skiff("run", "--detach", "--bundle", t.bundle(config), "--pid-file",
                     t.path("pid"), t.new_id())
    if result.rc:
        t.contains(result.err, "process.scheduler")
        t.true(any(word in result.err for word in ("not permitted", "busy")), f"{result}")
        return None
    return attributes(int(kernel.read(t.path("pid"))))


@needs("root")
def test_policies(t):
    """every policy with what belongs to it: nice value, priority, the three of SCHED_DEADLINE"""
    cpus = os.sched_getaffinity(0)
    for word, number, more, certain in (
            ("SCHED_OTHER", OTHER, {"nice": 5}, True),
            ("SCHED_OTHER", OTHER, {"nice": -20}, True),
            ("SCHED_BATCH", BATCH, {"nice": 19}, True),
            ("SCHED_IDLE", IDLE, {}, True),
            ("SCHED_FIFO", FIFO, {"priority": 1}, False),
            ("SCHED_RR", RR, {"priority": 99}, False),
            ("SCHED_DEADLINE", DEADLINE,
             {"runtime": 2 * MS, "deadline": 10 * MS, "period": 20 * MS}, False)):
        t.note((word, more))
        found = scheduled(t, {"policy": word, **more})
        if found is None:
            t.true(not certain, "this policy needs no budget")
            continue
        t.equal(found["policy"], number)
        t.equal({key: found[key] for key in more}, more)
    t.equal(os.sched_getaffinity(0), cpus, "the test's own processors")


@needs("root")
def test_policy_that_no_kernel_has(t):
    """SCHED_ISO is reserved: the refusal names the property"""
    config = t.config()
    config["process"]["scheduler"] = {"policy": "SCHED_ISO"}
    t.fails(t.run(config), "process.scheduler", rc=1)


@needs("root")
def test_scheduler_flags(t):
    """flags of sched_setattr(2): those that the kernel keeps are there, the others have their
    effect or are refused by name"""
    for word, bit in FLAGS.items():
        t.note(word)
        deadline = word in ("RECLAIM", "DL_OVERRUN")
        wish = {"policy": "SCHED_DEADLINE", "runtime": 2 * MS, "deadline": 10 * MS,
                "period": 20 * MS} if deadline else {"policy": "SCHED_BATCH", "nice": 3}
        config = t.config("/bin/sleep", "100000")
        config["process"]["scheduler"] = {**wish, "flags": [f"SCHED_FLAG_{word}"]}
        result = t.skiff("run", "--detach", "--bundle", t.bundle(config), "--pid-file",
                         t.path("pid"), t.new_id())
        if result.rc:
            # Utilization clamps need a kernel that was built with them.
            t.true(deadline or word.startswith("UTIL"), f"{result}")
            t.fails(result, "process.scheduler", rc=1)
            t.true("nvalid" not in result.err, f"the kernel could not read it: {result}")
            continue
        found = attributes(int(kernel.read(t.path("pid"))))
        if word == "KEEP_POLICY":
            t.equal((found["policy"], found["nice"]), (OTHER, 3), "the policy is kept")
        elif word == "KEEP_PARAMS":
            t.equal(found["nice"], os.getpriority(os.PRIO_PROCESS, 0), "the nice value is kept")
        elif word.startswith("UTIL"):
            t.equal((found["util_min"], found["util_max"]), (0, 1024), "no clamp in fact")
        else:
            t.equal(found["flags"] & bit, bit, "flag")


@needs("root")
def test_io_priority(t):
    """class and level of the I/O priority"""
    libc = ctypes.CDLL(None)
    for name, number, level in (("IOPRIO_CLASS_RT", 1, 3), ("IOPRIO_CLASS_RT", 1, 0),
                                ("IOPRIO_CLASS_BE", 2, 6), ("IOPRIO_CLASS_IDLE", 3, 0)):
        config = t.config()
        config["process"]["ioPriority"] = {"class": name, "priority": level}
        found = libc.syscall(IOPRIO_GET, 1, t.sleeper(config).pid)
        t.equal((found >> 13, found & 7), (number, level))


def allowed(c, *options):
    return c.exec(*options, "/bin/sh", "-c", "grep Cpus_allowed_list /proc/self/status").out.split()[-1]


@needs("root")
def test_affinity_of_exec(t):
    """a process of exec runs on the processors of execCPUAffinity.final, the payload does not"""
    if os.cpu_count() < 2:
        t.skip("one processor")
    config = t.config()
    config["process"]["execCPUAffinity"] = {"initial": "0", "final": "1"}
    c = t.sleeper(config)
    t.equal(allowed(c), "1", "exec")
    t.equal(kernel.status(c.pid)["Cpus_allowed_list"], kernel.status("self")["Cpus_allowed_list"],
            "payload")
    process = t.path("process.json")
    for affinity, expected in (({"final": "0"}, "0"), ({"initial": "0"}, "0")):
        with open(process, "w", encoding="utf-8") as f:
            json.dump({"cwd": "/", "user": {"uid": 0, "gid": 0}, "env": ["PATH=/bin"],
                       "execCPUAffinity": affinity,
                       "args": ["grep", "Cpus_allowed_list", "/proc/self/status"]}, f)
        t.equal(t.ok("exec", "--process", process, c.id).out.split()[-1], expected, affinity)


# What numa_maps says of memory that has no policy of its own: the thread's.
POLICIES = [
    ({"mode": "MPOL_DEFAULT"}, "default"),
    ({"mode": "MPOL_PREFERRED", "nodes": "0"}, "prefer:0"),
    ({"mode": "MPOL_PREFERRED"}, "local"),
    ({"mode": "MPOL_BIND", "nodes": "0"}, "bind:0"),
    ({"mode": "MPOL_INTERLEAVE", "nodes": "0"}, "interleave:0"),
    ({"mode": "MPOL_LOCAL"}, "local"),
    ({"mode": "MPOL_PREFERRED_MANY", "nodes": "0"}, "prefer (many):0"),
    ({"mode": "MPOL_WEIGHTED_INTERLEAVE", "nodes": "0"}, "weighted interleave:0"),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_STATIC_NODES"]}, "bind=static:0"),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_RELATIVE_NODES"]}, "bind=relative:0"),
    ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]},
     "bind=balancing:0"),
]


@needs("root")
def test_memory_policy(t):
    """each mode and flag of set_mempolicy(2) is the payload's"""
    if not os.path.exists("/proc/self/numa_maps"):
        t.skip("a kernel without NUMA")
    for wish, expected in POLICIES:
        t.note(wish)
        config = t.config("/bin/sleep", "100000")
        config["linux"]["memoryPolicy"] = wish
        result = t.skiff("run", "--detach", "--bundle", t.bundle(config), "--pid-file",
                         t.path("pid"), t.new_id())
        if result.rc:  # kernels before 5.15 and 6.9 lack the younger modes, some the balancing
            t.true(set(wish.get("flags", ())) == {"MPOL_F_NUMA_BALANCING"}
                   or wish["mode"] in ("MPOL_PREFERRED_MANY", "MPOL_WEIGHTED_INTERLEAVE"),
                   f"{result}")
            t.fails(result, "linux.memoryPolicy", rc=1)
            continue
        lines = kernel.read(f"/proc/{kernel.read(t.path('pid'))}/numa_maps").splitlines()
        found = {line.split(" ", 1)[1] for line in lines if "stack" in line or "heap" in line}
        t.true(any(line.startswith(expected) for line in found), f"{expected}: {found}")


@needs("root")
def test_memory_nodes_that_are_not_there(t):
    """a policy for nodes that the machine has not is refused with its JSON path"""
    config = t.config()
    config["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "999"}
    t.fails(t.run(config), "linux.memoryPolicy", "Invalid argument", rc=1)
