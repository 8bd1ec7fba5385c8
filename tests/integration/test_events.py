"""events: statistics that agree with the kernel's files, and what happens to be told at once."""
import json
import os
import re
import subprocess
import time

import inside
import kernel
from harness import SLOW, needs

EATER = "sleep 0.3; x=a; while :; do x=$x$x; done"


def stats(t, c):
    """the data of `events --stats`, once"""
    result = t.ok("events", "--stats", c.id)
    t.equal(len(result.out.splitlines()), 1, "lines")
    event = result.json()
    t.equal((list(event), event["type"], event["id"]), (["type", "id", "data"], "stats", c.id))
    return event["data"]


def own_dir(t, c, controller):
    """the directory in which a controller counts, and whether it is of version 1"""
    dirs = kernel.cgroup_dirs(c.pid)
    return (dirs[controller], True) if controller in dirs else (dirs[""], False)


def flat(path):
    return {key: int(value) for key, value in
            (line.split() for line in kernel.read(path).splitlines())}


@needs("root")
def test_shape(t):
    """the objects that readers of runc's events look for are there, whatever is counted"""
    data = stats(t, t.sleeper())
    t.equal(list(data), ["cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt",
                         "network_interfaces"])
    t.true({"usage", "throttling"} <= set(data["cpu"]), f"cpu: {data['cpu']}")
    t.true({"kernel", "user"} <= set(data["cpu"]["usage"]), "cpu.usage")
    t.equal([key for key in data["cpuset"] if key not in ("cpus", "mems")],
            ["cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate",
             "memory_spread_page", "memory_spread_slab", "memory_pressure",
             "sched_load_balance", "sched_relax_domain_level"])
    for key in ("usage", "swap", "kernel", "kernelTCP"):
        t.true({"limit", "failcnt"} <= set(data["memory"][key]), f"memory.{key}")


@needs("root")
def test_cpu(t):
    """CPU time is the kernel's, in nanoseconds"""
    c = t.background(t.config("/bin/sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done;"
                              "exec sleep 100000"))
    t.wait_until(lambda: kernel.argv(c.pid)[:1] == ["sleep"], 20, "the loop's end")
    path, v1 = own_dir(t, c, "cpuacct")

    def used():
        return (int(kernel.read(f"{path}/cpuacct.usage")) if v1
                else flat(f"{path}/cpu.stat")["usage_usec"] * 1000)
    before, usage, after = used(), stats(t, c)["cpu"]["usage"], used()
    total = usage["total"]
    t.true(before <= total <= after, f"{total} is not between {before} and {after}")
    if v1:
        t.equal(len(usage["percpu"]), len(kernel.read(f"{path}/cpuacct.usage_percpu").split()))
        t.true(before <= sum(usage["percpu"]) <= after, f"the CPUs' sum is {usage['percpu']}")
    t.true(total > 1000000, f"{total} ns")


@needs("root", "memory")
def test_memory(t):
    """limit, use, high-water mark and the kernel's own names"""
    config = t.config("/bin/sh", "-c", "x=$(head -c 8000000 /dev/zero | tr '\\0' a); x=; "
                      "exec sleep 100000")
    config["linux"]["resources"]["memory"] = {"limit": 64 << 20}
    c = t.background(config)
    t.wait_until(lambda: kernel.argv(c.pid)[:1] == ["sleep"], 20, "the meal's end")
    path, v1 = own_dir(t, c, "memory")
    memory = stats(t, c)["memory"]
    t.equal(memory["usage"]["limit"], 64 << 20)
    t.true(0 < memory["usage"]["usage"] < 64 << 20, f"usage {memory['usage']}")
    names = flat(f"{path}/memory.stat")
    t.equal(set(memory["raw"]), set(names), "names of memory.stat")
    for key in ("pgfault", "unevictable"):
        t.equal(memory["raw"][key], names[key], key)
    peak = f"{path}/{'memory.max_usage_in_bytes' if v1 else 'memory.peak'}"
    t.equal(memory["usage"]["max"], int(kernel.read(peak)), "high-water mark")
    t.true(memory["usage"]["max"] > 8000000, "high-water mark is too low")


@needs("root", "pids")
def test_pids(t):
    """the number of tasks, and their limit"""
    config = t.config("/bin/sh", "-c", "sleep 100000 & wait")
    config["linux"]["resources"]["pids"] = {"limit": 33}
    c = t.background(config)
    t.wait_until(lambda: len(kernel.descendants(c.pid)) == 1, what="the child")
    t.equal(stats(t, c)["pids"], {"current": 2, "limit": 33})


@needs("root")
def test_pids_uncounted(t):
    """without a pids controller the processes are counted"""
    if "pids" in kernel.cgroup_mounts() or "pids" in kernel.read(
            kernel.cgroup_mounts()[""] + "/cgroup.controllers").split():
        t.skip("there is a pids controller")
    t.equal(stats(t, t.sleeper())["pids"], {"current": 1})


@needs("root", "cpuset")
def test_cpuset(t):
    """the CPUs and memory nodes that it may use, as lists"""
    config = t.config()
    config["linux"]["resources"]["cpu"] = {"cpus": "0", "mems": "0"}
    found = stats(t, t.sleeper(config))["cpuset"]
    t.equal((found["cpus"], found["mems"]), ([0], [0]))


@needs("root", "hugetlb")
def test_hugetlb(t):
    """an entry for each size of huge pages"""
    config = t.config()
    config["linux"]["resources"]["hugepageLimits"] = [{"pageSize": "2MB", "limit": 4 << 20}]
    found = stats(t, t.sleeper(config))["hugetlb"]
    t.equal(found["2MB"], {"failcnt": 0})


@needs("root", "v2")
def test_pressure(t):
    """pressure (PSI) of CPU, memory and I/O, as far as the kernel tells it"""
    c = t.sleeper()
    data = stats(t, c)
    for which, name in (("cpu", "cpu"), ("memory", "memory"), ("blkio", "io")):
        try:
            text = kernel.read(f"{kernel.cgroup_dirs(c.pid)['']}/{name}.pressure")
        except OSError:
            t.true("psi" not in data[which], f"{which}: invented pressure")
            continue
        for line in text.splitlines():
            kind, *words = line.split()
            expected = dict(word.split("=") for word in words)
            found = data[which]["psi"][kind]
            t.equal(list(found), ["avg10", "avg60", "avg300", "total"], which)
            t.equal(found["total"], int(expected["total"]), f"{which} {kind} total")
            t.true(abs(found["avg300"] - float(expected["avg300"])) < 1, f"{which} {kind}")


@needs("root", "cmd:ip", "cmd:nsenter")
def test_network(t):
    """the interfaces of its own network namespace but lo, with what they carried"""
    c = t.sleeper()
    t.equal(stats(t, c)["network_interfaces"], None, "with lo alone")
    made = t.command("nsenter", f"--net=/proc/{c.pid}/ns/net", "ip", "link", "add", "eth9",
                     "type", "dummy")
    if made.rc:
        t.skip(f"no dummy interface: {made.err.strip()}")
    found, = stats(t, c)["network_interfaces"]
    t.equal(list(found), ["Name"] + [f"{way}{what}" for way in ("Rx", "Tx")
                                    for what in ("Bytes", "Packets", "Errors", "Dropped")])
    t.equal(found["Name"], "eth9")


RESCTRL = {
    "info/L3/cbm_mask": "fffff\n", "info/L3/min_cbm_bits": "1\n", "info/L3/num_closids": "16\n",
    "info/MB/bandwidth_gran": "10\n", "info/MB/min_bandwidth": "10\n",
    "info/MB/delay_linear": "1\n", "info/MB/num_closids": "8\n",
    "schemata": "    L3:0=fffff;1=fffff\n    MB:0=100;1=100\n",
    "web/schemata": "    MB:0=50;1=60\n    L3:0=f;1=ff\n",
    "web/mon_groups/c/mon_data/mon_L3_00/llc_occupancy": "4096\n",
    "web/mon_groups/c/mon_data/mon_L3_00/mbm_total_bytes": "300\n",
    "web/mon_groups/c/mon_data/mon_L3_00/mbm_local_bytes": "200\n",
    "web/mon_groups/c/mon_data/mon_L3_01/llc_occupancy": "8192\n",
    "web/mon_groups/c/mon_data/mon_L3_01/mbm_total_bytes": "30\n",
    "web/mon_groups/c/mon_data/mon_L3_01/mbm_local_bytes": "20\n",
}


@needs("root")
def test_resctrl(t):
    """class and monitoring group of resctrl, here of a directory that stands for it"""
    c = t.sleeper()
    t.equal(stats(t, c)["intel_rdt"], {})
    for name, text in RESCTRL.items():
        path = t.path(f"resctrl/{name}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    record = json.loads(kernel.read(f"{t.root}/{c.id}/state.json"))
    changed = dict(record, resctrl=[{"path": t.path("resctrl/web")},
                                    {"path": t.path("resctrl/web/mon_groups/c")}])
    for content in (changed, record):
        with open(f"{t.root}/{c.id}/state.json", "w", encoding="utf-8") as f:
            json.dump(content, f)
        found = stats(t, c)["intel_rdt"]
        if content is record:
            t.equal(found, {})
            continue
        t.equal(found, {
            "l3_cache_info": {"cbm_mask": "fffff", "min_cbm_bits": 1, "num_closids": 16},
            "l3_cache_schema_root": "L3:0=fffff;1=fffff", "l3_cache_schema": "L3:0=f;1=ff",
            "mem_bw_info": {"bandwidth_gran": 10, "delay_linear": 1, "min_bandwidth": 10,
                            "num_closids": 8},
            "mem_bw_schema_root": "MB:0=100;1=100", "mem_bw_schema": "MB:0=50;1=60",
            "mbm_stats": [{"mbm_total_bytes": 300, "mbm_local_bytes": 200},
                          {"mbm_total_bytes": 30, "mbm_local_bytes": 20}],
            "cmt_stats": [{"llc_occupancy": 4096}, {"llc_occupancy": 8192}]})


@needs("root")
def test_states(t):
    """a stopped container has no statistics; a created and a paused one have"""
    c = t.create()
    stats(t, c)
    t.ok("pause", c.id)
    stats(t, c)
    c.kill()
    c.wait_stopped()
    for options in (["--stats"], []):
        t.fails(t.skiff("events", *options, c.id), "not running", rc=1)
    t.fails(t.skiff("events", "none"), "does not exist", rc=1)


@needs("root")
def test_interval(t):
    """durations are Go's; others are refused"""
    c = t.sleeper()
    for text in ("0", "5", "", "1x", "s", "-1s", "1s2", ".s", "1..5s", "0s"):
        t.fails(t.skiff("events", "--interval", text, c.id), "interval", rc=1)


class Stream:
    """`events` of a container in the background"""

    def __init__(self, t, c, interval):
        self.t, self.path = t, t.path("events")
        with open(self.path, "wb") as out:
            self.process = t.spawn(t.binary, "--root", t.root, "events", "--interval", interval,
                                   c.id, stdout=out, stderr=subprocess.PIPE)

    def events(self):
        return [json.loads(line) for line in kernel.read(self.path).splitlines(True)
                if line.endswith("\n")]

    def types(self):
        return [event["type"] for event in self.events()]

    def end(self):
        self.t.wait_until(lambda: self.process.poll() is not None, 10, "the stream's end")
        return self.process.returncode


@needs("root")
def test_stream(t):
    """a line in each interval; the stream ends by itself with the container"""
    c = t.sleeper()
    begin = time.monotonic()
    stream = Stream(t, c, f"{int(200 * SLOW)}ms")
    t.wait_until(lambda: len(stream.events()) >= 3, what="three lines")
    t.true(time.monotonic() - begin > 0.5 * SLOW, "the lines came too early")
    t.equal(set(stream.types()), {"stats"})
    t.true(all(event["id"] == c.id for event in stream.events()), "ids")
    c.kill()
    t.equal(stream.end(), 0, "exit status")


@needs("root")
def test_stream_ends_early(t):
    """the end of the container does not wait for the interval's"""
    c = t.sleeper()
    stream = Stream(t, c, "1h")
    t.wait_until(lambda: re.search(r"State:\s+S", kernel.read(f"/proc/{stream.process.pid}/status")),
                 what="its sleep")
    c.kill()
    t.equal(stream.end(), 0, "exit status")
    t.equal(stream.events(), [])
    dirs = kernel.cgroup_dirs("self")
    counted = "memory" in dirs or "memory" in kernel.read(f"{kernel.cgroup_mounts()['']}"
                                                          "/cgroup.controllers").split()
    t.equal("no events of type oom" in stream.process.stderr.read().decode(), not counted,
            "warning of what cannot be heard")


@needs("root", "memory")
def test_oom(t):
    """an OOM kill in the container is told at once, long before the interval is over, also when it
    is the container's end"""
    config = t.config("/bin/sh", "-c", f"(while [ ! -e /tmp/go ]; do sleep 0.05; done; {EATER})& wait;"
                      "exec sleep 100000")
    config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"})
    config["linux"]["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
    c = t.background(config)
    stream = Stream(t, c, "1h")
    t.wait_until(lambda: re.search(r"State:\s+S", kernel.read(f"/proc/{stream.process.pid}/status")),
                 what="its sleep")
    time.sleep(0.2 * SLOW)
    with open(f"/proc/{c.pid}/root/tmp/go", "w", encoding="utf-8"):
        pass
    t.wait_until(lambda: "oom" in stream.types(), 20, "the event")
    t.equal(stream.events()[0], {"type": "oom", "id": c.id})
    t.true(kernel.is_alive(c.pid), "the container died")
    c.kill()
    t.equal(stream.end(), 0, "exit status")


@needs("root", "memory")
def test_oom_is_the_end(t):
    """the kill that ends the container is the stream's last line"""
    config = t.config("/bin/sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.05; done; " + EATER)
    config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"})
    config["linux"]["resources"]["memory"] = {"limit": 16 << 20, "swap": 16 << 20}
    c = t.background(config)
    stream = Stream(t, c, "1h")
    time.sleep(0.3 * SLOW)
    with open(f"/proc/{c.pid}/root/tmp/go", "w", encoding="utf-8"):
        pass
    t.equal(stream.end(), 0, "exit status")
    t.equal(stream.types()[-1:], ["oom"])


@needs("root")
def test_reader_goes(t):
    """a reader that closes the pipe ends the stream"""
    c = t.sleeper()
    result = t.command("/bin/sh", "-c", '"$0" --root "$1" events --interval 50ms "$2" | head -n 1',
                       t.binary, t.root, c.id, timeout=10)
    t.equal(len(result.out.splitlines()), 1, "lines")


def io_entries(text):
    """the lines of blkio.throttle.io_service_bytes_recursive or io.stat as `events` has them"""
    found = []
    for line in text.splitlines():
        device, *words = line.split()
        if ":" not in device:
            continue
        major, minor = map(int, device.split(":"))
        pairs = [word.split("=") for word in words] if "=" in line else [words]
        for op, value in pairs:
            name = {"rbytes": "Read", "wbytes": "Write", "dbytes": "Discard"}.get(op, op)
            if op.endswith("ios"):
                continue
            entry = {"major": major, "minor": minor, "op": name, "value": int(value)}
            found.append({key: value for key, value in entry.items() if value != 0})
    return found


@needs("root")
def test_io(t):
    """bytes for each device and direction"""
    config = t.config("/bin/sh", "-c", "dd if=/dev/zero of=/mnt/file bs=4096 count=64 conv=fsync "
                      "2>/dev/null; exec sleep 100000")
    inside.share(t, config)
    if "blkio" not in kernel.cgroup_mounts() and "io" in kernel.read(
            kernel.cgroup_mounts()[""] + "/cgroup.controllers").split():
        config["linux"]["resources"]["blockIO"] = {"weight": 200}
    c = t.background(config)
    t.wait_until(lambda: kernel.argv(c.pid)[:1] == ["sleep"], 20, "the writing")
    dirs = kernel.cgroup_dirs(c.pid)
    v1 = "blkio" in dirs
    path = (f"{dirs['blkio']}/blkio.throttle.io_service_bytes_recursive" if v1
            else f"{dirs['']}/io.stat")
    if not os.path.exists(path):
        t.skip("no controller counts I/O")
    expected = io_entries(kernel.read(path))
    if not expected:
        t.skip("no device was written to")
    found = stats(t, c)["blkio"]["ioServiceBytesRecursive"]
    t.equal(found, expected)


@needs("root")
def test_without_cgroup(t):
    """without a cgroup nothing is counted: an error says so"""
    t.command(t.binary, "--root", t.root, "--cgroup-manager=disabled", "run", "--detach",
              "--bundle", t.bundle(t.config("/bin/sleep", "100000")), ident := t.new_id())
    for options in (["--stats"], []):
        t.fails(t.skiff("events", *options, ident), "no cgroup", rc=1)
