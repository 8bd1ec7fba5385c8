"""--cgroup-manager systemd where systemd drives version 1, alone or with version 2 beside it: the
scope's path in every hierarchy, also in those that systemd leaves to others."""
import json
import os

import kernel
import systemd
from harness import needs, tag
from test_systemd import MANAGER, disk_node, gone, launch, user_config

def spare_device():
    """a device that containers have not, and that can be opened everywhere"""
    misc = dict(reversed(line.split()) for line in kernel.read("/proc/misc").splitlines())
    for name in ("fuse", "tun"):
        if name in misc:
            return {"type": "c", "major": 10, "minor": int(misc[name])}
    node = disk_node()
    del node["path"]
    return node


def places(pid):
    """{controller: cgroup}"""
    lines = [line.split(":", 2) for line in kernel.read(f"/proc/{pid}/cgroup").splitlines()]
    return {name: path for _, names, path in lines for name in names.split(",")}


RARE_FILES = (("net_cls.classid", "1048577", None),
              ("hugetlb.2MB.limit_in_bytes", str(4 << 20), None))


def rare_limits():
    """of controllers that not every kernel has"""
    found, mounts = {}, kernel.cgroup_mounts()
    if "net_cls" in mounts:
        found["network"] = {"classID": 1048577}
    if "hugetlb" in mounts:
        found["hugepageLimits"] = [{"pageSize": "2MB", "limit": 4 << 20}]
    return found


def opens(t, c, how):
    """whether the container can open /dev/spare"""
    result = c.sh(f"exec 3{how}/dev/spare")
    t.true(not result.rc or "not permitted" in result.err, result.err)
    return result.rc == 0


@needs("systemd", "vm", "root", "v1")
def test_places(t):
    """one path in all hierarchies; delete leaves none of it"""
    c = launch(t)
    scope = f"/system.slice/skiff-{c.id}.scope"
    found = places(c.pid)
    for name in kernel.cgroup_mounts():
        t.equal(found[name], scope + "/container", name)
    other = c.sh("cat /proc/self/cgroup").out
    for path in found.values():
        t.equal(other.count(path), kernel.read(f"/proc/{c.pid}/cgroup").count(path), other)
    t.equal(t.ok("ps", "--format", "json", c.id).out.strip(), json.dumps([c.pid]))
    c.kill()
    c.wait_stopped()
    c.delete()
    gone(t, f"skiff-{c.id}.scope", scope)


@needs("systemd", "vm", "root", "v1")
def test_limits(t):
    """files of the container's cgroups, and properties of the scope that version 1 knows"""
    c = launch(t, resources={
        "memory": {"limit": 64 << 20, "reservation": 32 << 20, "swappiness": 10},
        "cpu": {"shares": 2048, "quota": 12300, "period": 50000, "cpus": "0"},
        "pids": {"limit": 77}, **rare_limits()})
    unit = f"skiff-{c.id}.scope"
    scope = f"/system.slice/{unit}"
    for name, wanted, above in (
            ("memory.limit_in_bytes", str(64 << 20), str(64 << 20)),
            ("memory.soft_limit_in_bytes", str(32 << 20), None),
            ("memory.swappiness", "10", None), ("cpu.shares", "2048", "2048"),
            ("cpu.cfs_quota_us", "12300", "12500"), ("cpu.cfs_period_us", "50000", "50000"),
            ("cpuset.cpus", "0", None), ("pids.max", "77", "77"), *RARE_FILES):
        if name.split(".")[0] not in kernel.cgroup_mounts():
            continue
        t.equal(systemd.value(scope + "/container", name), wanted, name)
        if above:
            t.equal(systemd.value(scope, name), above, f"{name} of the scope")
    wanted = {"MemoryLimit": str(64 << 20), "CPUQuotaPerSecUSec": "250ms", "TasksMax": "77",
              "CPUQuotaPeriodUSec": "50ms", "CPUShares": "2048"}
    t.equal(systemd.show(unit, *wanted), wanted)
    systemd.control("daemon-reload")
    t.equal(systemd.value(scope + "/container", "cpu.cfs_quota_us"), "12300")
    t.equal(systemd.value(scope, "memory.limit_in_bytes"), str(64 << 20))


@needs("systemd", "vm", "root", "v1")
def test_update(t):
    """larger and smaller limits, in the container and the scope"""
    c = launch(t, resources={"memory": {"limit": 32 << 20}, "pids": {"limit": 20},
                             "cpu": {"quota": 10000, "period": 50000}})
    unit = f"skiff-{c.id}.scope"
    scope = f"/system.slice/{unit}"

    def check(**wanted):
        for name, text in wanted.items():
            name = name.replace("_", ".", 1)
            t.equal(systemd.value(scope + "/container", name), text, name)
            t.wait_until(lambda: systemd.value(scope, name) == text, what=f"the scope's {name}")

    t.ok("update", "--memory", str(64 << 20), "--pids-limit", "55", "--cpu-quota", "40000",
         c.id)
    check(memory_limit_in_bytes=str(64 << 20), pids_max="55", cpu_cfs_quota_us="40000",
          cpu_cfs_period_us="50000")
    t.ok("update", "--cpu-quota", "5000", "--cpu-share", "512", c.id)
    check(cpu_cfs_quota_us="5000", cpu_shares="512")
    t.ok("update", "--cpu-period", "100000", c.id)
    check(cpu_cfs_quota_us="5000", cpu_cfs_period_us="100000")
    t.ok("update", "--cpu-quota=-1", "--memory=-1", c.id)
    check(cpu_cfs_quota_us="-1")
    wanted = {"CPUQuotaPerSecUSec": "infinity", "TasksMax": "55", "CPUShares": "512",
              "MemoryLimit": "infinity"}
    t.equal(systemd.show(unit, *wanted), wanted)


@needs("systemd", "vm", "root", "v1")
def test_update_fails(t):
    """a limit that is refused leaves files and properties as they were"""
    c = launch(t, resources={"cpu": {"quota": 10000, "period": 50000}})
    unit = f"skiff-{c.id}.scope"
    scope = f"/system.slice/{unit}"
    t.fails(t.skiff("update", "--resources", "-", c.id, input=json.dumps(
        {"cpu": {"quota": 40000, "cpus": "999"}})), "cpuset.cpus")
    for path in (scope, scope + "/container"):
        t.equal(systemd.value(path, "cpu.cfs_quota_us"), "10000", path)
    t.equal(systemd.show(unit, "CPUQuotaPerSecUSec"), {"CPUQuotaPerSecUSec": "200ms"})


@needs("systemd", "vm", "root", "v1")
def test_device_rules_survive(t):
    """no reload of systemd's opens what is closed, or closes what is open"""
    for sub in ({}, {"run.oci.systemd.subgroup": ""}):
        t.note(sub)
        config = t.config()
        device = spare_device()
        config["linux"]["devices"] = [{"path": "/dev/spare", **device}]
        c = launch(t, config, annotations=sub)
        for action in (None, ("daemon-reload",), ("set-property", "--runtime",
                                                  f"skiff-{c.id}.scope", "TasksMax=500")):
            t.note(action)
            if action:
                systemd.control(*action)
            t.equal(c.sh("echo x >/dev/null").rc, 0)
            t.equal(opens(t, c, "<"), False)
        result = t.ok("update", "--resources", "-", c.id,
                      input=json.dumps({"devices": [{**device, "allow": True, "access": "r"}]}))
        t.equal("reload" in result.err, bool(sub), "a warning that it will not stay")
        if not sub:
            systemd.control("daemon-reload")
        t.equal((opens(t, c, "<"), opens(t, c, ">>")), (True, False))
        c.delete("--force")
        gone(t, f"skiff-{c.id}.scope", f"/system.slice/skiff-{c.id}.scope")


@needs("systemd", "vm", "root", "v1")
def test_life(t):
    """pause, resume, statistics, kill --all"""
    config = t.config()
    config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"]
                                     if n["type"] != "pid"]
    c = launch(t, config, resources={"memory": {"limit": 64 << 20}, "pids": {"limit": 20}})
    t.ok("pause", c.id)
    freezer = kernel.cgroup_mounts()["freezer"] + places(c.pid)["freezer"]
    t.equal(kernel.read(freezer + "/freezer.state").strip(), "FROZEN")
    t.equal(c.state()["status"], "paused")
    t.ok("resume", c.id)
    data = json.loads(t.ok("events", "--stats", c.id).out)["data"]
    t.equal((data["pids"]["limit"], data["memory"]["usage"]["limit"]), (20, 64 << 20))
    t.true(data["memory"]["usage"]["usage"] > 0 and data["pids"]["current"] >= 1, data)
    t.ok("exec", "--detach", "--pid-file", t.path("other"), c.id, "/bin/sleep", "1000")
    pid = int(kernel.read(t.path("other")))
    t.ok("kill", "--all", c.id, "KILL")
    c.wait_stopped()
    t.wait_until(lambda: not kernel.is_alive(pid), what="the other process's end")
    c.delete()
    gone(t, f"skiff-{c.id}.scope", f"/system.slice/skiff-{c.id}.scope")


@needs("systemd", "vm", "root", "v1")
def test_idle(t):
    """an idle container has the fewest shares among its neighbours"""
    c = launch(t, resources={"cpu": {"idle": 1}})
    scope = f"/system.slice/skiff-{c.id}.scope"
    t.equal((systemd.value(scope, "cpu.shares"),
             systemd.value(scope + "/container", "cpu.idle")), ("2", "1"))


@tag("systemd")
@needs("systemd", "vm", "user", "v1")
def test_user(t):
    """a user's systemd has no controllers to give: the message says so"""
    t.fails(t.skiff(MANAGER, "run", "--bundle", t.bundle(user_config(t)), t.new_id()),
            "user's systemd", "cgroup v1", "--cgroup-manager cgroupfs")
    t.equal(os.listdir(t.root), [])
