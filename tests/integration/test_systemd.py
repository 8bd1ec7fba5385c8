"""--cgroup-manager systemd: a transient scope for each container, with its limits as properties."""
import json
import os
import re
import shutil
import socket
import subprocess

import inject
import kernel
import leaks
import systemd
from bundle import add_user_namespace
from harness import Container, limit, needs, tag

CGROUPS = systemd.tree()
MANAGER = "--systemd-cgroup"


def launch(t, config=None, path=None, annotations=None, resources=None):
    """a running sleeper in a scope; ID in path is the container's"""
    config = config or t.config()
    config["process"]["args"] = ["/bin/sleep", "100000"]
    ident, pid_file = t.new_id(), t.path("pid")
    if path is not None:
        config["linux"]["cgroupsPath"] = path.replace("ID", ident)
    if resources:
        config["linux"].setdefault("resources", {}).update(resources)
    config["annotations"] = annotations or {}
    bundle = t.bundle(config)
    t.ok(MANAGER, "run", "--detach", "--bundle", bundle, "--pid-file", pid_file, ident)
    c = Container(t, ident, bundle, int(kernel.read(pid_file)))
    t.wait_until(lambda: kernel.has_executed(c.pid), what="the payload")
    return c


def place(pid):
    """the process's cgroup, where systemd keeps its units"""
    return systemd.place(pid)


def value(cgroup, name):
    return systemd.value(cgroup, name)


def disk_node():
    """the machine's disk, as a device of a container"""
    major, minor = map(int, kernel.read("/sys/block/vda/dev").split(":"))
    return {"path": "/dev/disk", "type": "b", "major": major, "minor": minor}


def disk_rule():
    """to be read"""
    node = disk_node()
    del node["path"]
    return {**node, "allow": True, "access": "r"}


def gone(t, unit, cgroup, user=False):
    t.equal(systemd.directories(cgroup), [], f"what is left of {cgroup}")
    t.wait_until(lambda: not systemd.is_loaded(unit, user), what=f"{unit}'s end")


@needs("systemd", "vm", "root")
def test_scope(t):
    """the container lives below a scope of its own, which delete waits for"""
    c = launch(t)
    unit = f"skiff-{c.id}.scope"
    t.equal(place(c.pid), f"/system.slice/{unit}/container")
    found = systemd.show(unit, "ActiveState", "Delegate", "Slice", "Description", "CollectMode",
                         "DefaultDependencies", "ControlGroup")
    t.equal(found, {"ActiveState": "active", "Delegate": "yes", "Slice": "system.slice",
                    "Description": f"skiff container {c.id}", "DefaultDependencies": "no",
                    "CollectMode": "inactive-or-failed",
                    "ControlGroup": f"/system.slice/{unit}"})
    t.equal(c.state()["systemd-scope"], unit)
    c.kill()
    c.wait_stopped()
    c.delete()
    gone(t, unit, f"/system.slice/{unit}")


@needs("systemd", "vm", "root")
def test_create_start_delete(t):
    """the stop in "created", and deletion by force"""
    config = t.config("/bin/sleep", "100000")
    ident = t.new_id()
    t.ok(MANAGER, "create", "--bundle", t.bundle(config), "--pid-file", t.path("pid"), ident)
    pid = int(kernel.read(t.path("pid")))
    unit = f"skiff-{ident}.scope"
    t.equal(place(pid), f"/system.slice/{unit}/container")
    t.ok("start", ident)
    t.ok("delete", "--force", ident)
    gone(t, unit, f"/system.slice/{unit}")


@needs("systemd", "vm", "root")
def test_names(t):
    """slice:prefix:name as engines write it, parts left out, other paths"""
    for path, slices, unit in (("skiff-test.slice:libpod:ID",
                                "/skiff.slice/skiff-test.slice", "libpod-ID.scope"),
                               ("::ID", "/system.slice", "ID.scope"),
                               ("-.slice:p:ID", "", "p-ID.scope"),
                               ("/skiff/ID", "/system.slice", "skiff-ID.scope")):
        t.note(path)
        c = launch(t, path=path)
        t.equal(place(c.pid), f"{slices}/{unit.replace('ID', c.id)}/container")
        c.delete("--force")
    systemd.control("stop", "skiff-test.slice", "skiff.slice")


@needs("systemd", "vm", "root")
def test_odd_names(t):
    """characters that a unit's name cannot have, and names that a directory cannot have"""
    for path, unit, escape in (
            (":a@b:c+d ID", "a\\x40b-c\\x2bd\\x20ID.scope", ""), ("::_ID", "_ID.scope", "_"),
            ("::.ID", ".ID.scope", "_"), ("::cgroup.ID", "cgroup.ID.scope", "_"),
            ("::memory", "memory.scope", "_"), (":ä:ID", "\\xc3\\xa4-ID.scope", "")):
        t.note(path)
        c = launch(t, path=path)
        unit = unit.replace("ID", c.id)
        t.equal(place(c.pid), f"/system.slice/{escape}{unit}/container")
        t.equal(systemd.show(unit, "ActiveState"), {"ActiveState": "active"})
        c.delete("--force")
        gone(t, unit, f"/system.slice/{escape}{unit}")


@needs("systemd", "vm", "root")
def test_value_types(t):
    """properties of each type that scopes have: numbers of all sizes, text, lists, structures"""
    for name, text, shown in (
            ("KillSignal", "int32 12", "12"), ("SendSIGKILL", "false", "no"),
            ("TimeoutStopUSec", "uint64 9000000", "9s"), ("TasksMax", "uint64 50", "50"),
            ("Documentation", "['http://a', 'http://b']", "http://a http://b"),
            ("AllowedCPUs", "[byte 0x01]", "0"), ("RuntimeMaxSec", "90", "1min 30s"),
            ("RuntimeMaxSec", "1000.5", "16min 40.500000s"), ("OOMPolicy", "'continue'", "continue"),
            ("DeviceAllow", "[('/dev/null', 'rw')]", "/dev/null rw"),
            ("IPAddressDeny", "[(2, [byte 10, 0, 0, 0], uint32 8)]", "10.0.0.0/8")):
        if name == "DeviceAllow" and "devices" in kernel.cgroup_mounts():
            continue  # version 1 lets the container have no more than its scope
        t.note((name, text))
        c = launch(t, annotations={f"org.systemd.property.{name}": text})
        name = name.replace("MaxSec", "MaxUSec")
        t.equal(systemd.show(f"skiff-{c.id}.scope", name), {name: shown})
        c.delete("--force")


@needs("root")
def test_wrong_names(t):
    """what systemd could not make is refused before anything is made"""
    for path, phrase in (("system:p:n", ".slice"), ("a--b.slice:p:n", "empty part"),
                         ("a/b.slice:p:n", "slice:prefix:name"), ("system.slice:p:", "slice:"),
                         ("system.slice:p", "slice:prefix:name"), ("/../x", "..")):
        t.note(path)
        config = t.config()
        config["linux"]["cgroupsPath"] = path
        t.fails(t.skiff(MANAGER, "run", "--bundle", t.bundle(config), t.new_id()),
                "linux.cgroupsPath", phrase)
        t.equal(os.listdir(t.root), [])


@needs("systemd", "vm", "root", "v2", "memory", "cpu", "cpuset", "pids")
def test_limits(t):
    """limits are files of the container's cgroup and properties of its scope"""
    c = launch(t, resources={
        "memory": {"limit": 64 << 20, "reservation": 32 << 20},
        "cpu": {"shares": 2048, "quota": 12300, "period": 50000, "cpus": "0"},
        "pids": {"limit": 77}, "unified": {"memory.high": str(48 << 20)}})
    unit = f"skiff-{c.id}.scope"
    scope = f"/system.slice/{unit}"
    for name, wanted in (("memory.max", str(64 << 20)), ("memory.low", str(32 << 20)),
                         ("memory.high", str(48 << 20)), ("cpu.weight", "174"),
                         ("cpuset.cpus", "0"), ("pids.max", "77")):
        t.equal(value(scope + "/container", name), wanted, name)
        t.equal(value(scope, name), wanted, f"{name} of the scope")
    t.equal(value(scope + "/container", "cpu.max"), "12300 50000")
    t.equal(systemd.show(unit, "MemoryMax", "CPUQuotaPerSecUSec", "AllowedCPUs", "TasksMax",
                         "CPUQuotaPeriodUSec"),
            {"MemoryMax": str(64 << 20), "CPUQuotaPerSecUSec": "250ms", "AllowedCPUs": "0",
             "TasksMax": "77", "CPUQuotaPeriodUSec": "50ms"})
    systemd.control("daemon-reload")
    t.equal(value(scope + "/container", "memory.max"), str(64 << 20))
    t.equal(value(scope, "memory.max"), str(64 << 20))


@needs("systemd", "vm", "root", "v2", "memory", "pids", "cpu")
def test_update(t):
    """new limits hold in the scope, too: a larger one counts"""
    c = launch(t, resources={"memory": {"limit": 32 << 20}, "pids": {"limit": 20}})
    scope, unit = f"/system.slice/skiff-{c.id}.scope", f"skiff-{c.id}.scope"
    t.ok("update", "--memory", str(64 << 20), "--pids-limit", "55", "--cpu-quota", "20000",
         "--cpu-period", "100000", c.id)
    for name, wanted in (("memory.max", str(64 << 20)), ("pids.max", "55"),
                         ("cpu.max", "20000 100000")):
        t.equal(value(scope + "/container", name), wanted, name)
        t.equal(value(scope, name), wanted, f"{name} of the scope")
    t.equal(systemd.show(unit, "MemoryMax", "TasksMax", "CPUQuotaPerSecUSec"),
            {"MemoryMax": str(64 << 20), "TasksMax": "55", "CPUQuotaPerSecUSec": "200ms"})
    t.ok("update", "--memory=-1", c.id)
    t.equal(value(scope, "memory.max"), "max")


@needs("systemd", "vm", "root", "v2")
def test_device_rules_survive(t):
    """no reload of systemd's opens what is closed, or closes what is open"""
    config = t.config()
    config["linux"]["devices"] = [disk_node()]
    c = launch(t, config)
    cgroup = CGROUPS + place(c.pid)
    for action in (None, ("daemon-reload",),
                   ("set-property", "--runtime", f"skiff-{c.id}.scope", "TasksMax=500")):
        t.note(action)
        if action:
            systemd.control(*action)
        t.equal(kernel.device_programs(cgroup), 1)
        t.equal(c.sh("echo x >/dev/null").rc, 0)
        t.contains(c.sh("exec 3</dev/disk").err, "not permitted")
    t.ok("update", "--resources", "-", c.id, input=json.dumps({"devices": [disk_rule()]}))
    systemd.control("daemon-reload")
    t.equal(kernel.device_programs(cgroup), 1)
    t.equal(c.sh("exec 3</dev/disk").rc, 0)
    t.contains(c.sh("exec 3>>/dev/disk").err, "not permitted")


@needs("systemd", "vm", "root")
def test_annotations(t):
    """org.systemd.property.NAME: GVariant's text, seconds converted"""
    c = launch(t, annotations={
        "org.systemd.property.TimeoutStopSec": "uint32 7",
        "org.systemd.property.Description": "'two words'",
        "org.systemd.property.After": "['skiff-none.service', 'basic.target']",
        "org.systemd.property.CPUWeight": "uint64 33",
        "org.systemd.property.SendSIGHUP": "true"})
    found = systemd.show(f"skiff-{c.id}.scope", "TimeoutStopUSec", "Description", "After",
                         "CPUWeight", "SendSIGHUP")
    t.contains(found.pop("After"), "skiff-none.service")
    t.equal(found, {"TimeoutStopUSec": "7s", "Description": "two words", "CPUWeight": "33",
                    "SendSIGHUP": "yes"})


@needs("systemd", "vm", "root")
def test_subgroup(t):
    """run.oci.systemd.subgroup: another directory, or none"""
    for sub, below in (("a/b", "/a/b"), ("", "")):
        t.note(sub)
        c = launch(t, annotations={"run.oci.systemd.subgroup": sub},
                   resources={"pids": {"limit": 50}})
        scope = f"/system.slice/skiff-{c.id}.scope"
        t.equal(place(c.pid), scope + below)
        t.equal(value(scope + below, "pids.max"), "50")
        c.delete("--force")
        gone(t, f"skiff-{c.id}.scope", scope)


@needs("systemd", "vm", "root")
def test_exec(t):
    """a further process joins the container's cgroup, also one below it"""
    c = launch(t)
    t.contains(c.sh("cat /proc/self/cgroup").out, f"skiff-{c.id}.scope/container\n")
    mounts = kernel.cgroup_mounts()
    os.mkdir((mounts.get("") or mounts["pids"]) + place(c.pid) + "/below")
    t.contains(t.ok("exec", "--cgroup", "below" if "" in mounts else "pids:below", c.id,
                    "/bin/cat", "/proc/self/cgroup").out,
               f"skiff-{c.id}.scope/container/below\n")


@needs("systemd", "vm", "root", "v2")
def test_namespaces(t):
    """in a cgroup namespace its own cgroup is the root; so it is with mapped ids"""
    config = t.config()
    config["linux"]["namespaces"].append({"type": "cgroup"})
    add_user_namespace(config)
    c = launch(t, config, resources={"pids": {"limit": 60}})
    t.contains(place(c.pid), f"skiff-{c.id}.scope/container")
    t.equal(c.sh("cat /proc/1/cgroup").out, "0::/\n")
    t.equal(value(place(c.pid), "pids.max"), "60")


@needs("systemd", "vm", "root")
def test_one_call(t):
    """one StartTransientUnit, one JobRemoved; none to delete, none for a container without"""
    proxy = systemd.Proxy(t.path("proxy"), "/run/systemd/private")
    with systemd.covered("/run/systemd/private", t.path("proxy")):
        c = launch(t, resources={"pids": {"limit": 50}})
        t.equal(proxy.calls(), ["StartTransientUnit"])
        t.true(len(proxy.signals("JobRemoved")) >= 1, "JobRemoved")
        t.equal(c.sh("true").rc, 0)
        c.state()
        c.kill()
        c.wait_stopped()
        c.delete()
        t.equal(proxy.calls(), ["StartTransientUnit"])
        t.sleeper()
    t.equal((proxy.calls(), proxy.connections), (["StartTransientUnit"], 1))


@needs("systemd", "vm", "root")
def test_bus(t):
    """where systemd's own socket is out of reach, the system bus is used"""
    with systemd.covered("/run/systemd/private", systemd.dead_socket(t.path("dead"))):
        c = launch(t)
    t.contains(place(c.pid), f"skiff-{c.id}.scope")


@needs("systemd", "vm", "root")
def test_taken_names(t):
    """a failed unit of the same name makes room, one that runs is left alone"""
    unit = f"{t.mark}-taken.scope"
    subprocess.run(["systemd-run", "--scope", f"--unit={unit}", "-pRuntimeMaxSec=1", "sleep",
                    "1000"], check=False, capture_output=True)
    t.equal(systemd.show(unit, "ActiveState"), {"ActiveState": "failed"})
    c = launch(t, path=f"::{t.mark}-taken")
    t.equal(systemd.show(unit, "ActiveState"), {"ActiveState": "active"})
    config = t.config()
    config["linux"]["cgroupsPath"] = f"::{t.mark}-taken"
    t.fails(t.skiff(MANAGER, "run", "--bundle", t.bundle(config), t.new_id(), timeout=20),
            unit, "systemctl status")
    t.true(kernel.is_alive(c.pid), "the container whose unit it is")
    t.equal(systemd.show(unit, "ActiveState", "Job"), {"ActiveState": "active", "Job": ""},
            "nobody has asked for its end")
    t.equal(os.listdir(t.root), [c.id])


@needs("systemd", "vm", "root", "v2", "memory", "pids", "io", "cpuset", "cmd:strace")
def test_update_fails(t):
    """when the last step of an update fails, files, properties and device rules are as before"""
    config = t.config()
    config["linux"]["devices"] = [disk_node()]
    c = launch(t, config, resources={"memory": {"limit": 32 << 20}, "pids": {"limit": 20}})
    scope, unit = f"/system.slice/skiff-{c.id}.scope", f"skiff-{c.id}.scope"
    before = systemd.show(unit, "MemoryMax", "TasksMax", "IOReadBandwidthMax", "AllowedCPUs")
    with open(t.path("new"), "w", encoding="utf-8") as f:
        json.dump({
            "memory": {"limit": 64 << 20}, "pids": {"limit": 55}, "cpu": {"cpus": "0"},
            "blockIO": {"throttleReadBpsDevice": [{"major": disk_node()["major"],
                                                   "minor": disk_node()["minor"], "rate": 4096}]},
            "devices": [disk_rule()]}, f)
    for what in ("error=EPIPE", "signal=SIGKILL"):  # at the helper's second message
        t.note(what)
        run, _ = inject.strace(t, f"sendto:{what}:when=2",
                               ["update", "--resources", t.path("new"), c.id], follow=False)
        t.true(run.rc, f"it succeeded: {run.trace}")
        t.wait_until(lambda: systemd.show(unit, *before) == before, what="the old properties")
        t.equal((value(scope, "memory.max"), value(scope, "pids.max")), (str(32 << 20), "20"))
        if what == "error=EPIPE":
            t.equal(value(scope + "/container", "memory.max"), str(32 << 20))
            t.equal(value(scope + "/container", "pids.max"), "20")
            t.equal(kernel.device_programs(CGROUPS + scope + "/container"), 1)
            t.contains(c.sh("exec 3</dev/disk").err, "not permitted")


@needs("systemd", "vm", "root", "v2", "cpu")
def test_idle_and_burst(t):
    """an idle container is idle among its neighbours, and the scope does not forbid its bursts"""
    c = launch(t, resources={"cpu": {"idle": 1}})
    scope = f"/system.slice/skiff-{c.id}.scope"
    for path in (scope, scope + "/container"):
        t.equal(value(path, "cpu.idle"), "1", path)
    t.ok("update", "--cpu-idle", "0", "--cpu-share", "2048", c.id)
    for path in (scope, scope + "/container"):
        t.equal((value(path, "cpu.idle"), value(path, "cpu.weight")), ("0", "174"), path)
    c = launch(t, resources={"cpu": {"quota": 20000, "period": 100000, "burst": 5000}})
    scope = f"/system.slice/skiff-{c.id}.scope"
    t.equal((value(scope, "cpu.max"), value(scope + "/container", "cpu.max"),
             value(scope + "/container", "cpu.max.burst")),
            ("max 100000", "20000 100000", "5000"))


@needs("systemd", "vm", "root", "v2", "io")
def test_io(t):
    """limits of block devices hold in the scope, too, and change with an update"""
    node = disk_node()
    major, minor = node["major"], node["minor"]
    rate = {"major": major, "minor": minor, "rate": 1 << 20}
    c = launch(t, resources={"blockIO": {"throttleReadBpsDevice": [rate]}})
    scope, unit = f"/system.slice/skiff-{c.id}.scope", f"skiff-{c.id}.scope"
    for path in (scope, scope + "/container"):
        t.contains(value(path, "io.max"), f"{major}:{minor} rbps=1048576", path)
    t.contains(systemd.show(unit, "IOReadBandwidthMax")["IOReadBandwidthMax"], "1048576")
    t.ok("update", "--resources", "-", c.id, input=json.dumps(
        {"blockIO": {"throttleReadBpsDevice": [{**rate, "rate": 2 << 20}]}}))
    for path in (scope, scope + "/container"):
        t.contains(value(path, "io.max"), f"{major}:{minor} rbps=2097152", path)


@needs("systemd", "vm", "root", "v2", "pids")
def test_delegate(t):
    """run.oci.delegate-cgroup: the container owns a cgroup below the one with the limits"""
    config = t.config()
    config["linux"]["namespaces"].append({"type": "cgroup"})
    add_user_namespace(config)
    c = launch(t, config, annotations={"run.oci.delegate-cgroup": "inner"},
               resources={"pids": {"limit": 40}})
    own = f"/system.slice/skiff-{c.id}.scope/container"
    t.equal(place(c.pid), own + "/inner")
    t.equal(c.sh("cat /proc/1/cgroup").out, "0::/inner\n")
    t.equal((value(own, "pids.max"), value(own + "/inner", "pids.max")), ("40", "max"))
    t.contains(value(own + "/inner", "cgroup.controllers"), "pids")
    t.equal((os.stat(CGROUPS + own).st_uid, os.stat(CGROUPS + own + "/inner").st_uid),
            (0, 100000))
    t.contains(c.sh("cat /proc/self/cgroup").out, "0::/inner\n")
    t.ok("delete", "--force", c.id)
    gone(t, f"skiff-{c.id}.scope", own)


@needs("systemd", "vm", "root", "cmd:strace")
def test_killed_early(t):
    """SIGKILL between the unit's start and the record of init leaves nothing after delete"""
    path = t.bundle(t.config("/bin/sleep", "100000"))
    for call, word in (("mkdir", "/container"), ("symlinkat", "init")):
        t.note(f"{call} {word}")
        control, _ = inject.strace(t, f"{call}:delay_exit=0", [
            MANAGER, "create", "--bundle", path, t.new_id()], follow=False)
        calls = [line for line in control.trace if re.match(call + r"\(", line)]
        k = next(i for i, line in enumerate(calls) if word in line) + 1
        t.ok("delete", "--force", t.ids[-1])
        ident = t.new_id()
        run, _ = inject.strace(t, f"{call}:signal=SIGKILL:when={k}", [
            MANAGER, "create", "--bundle", path, ident], follow=False)
        t.true(run.rc != 0, f"it was not killed: {run.trace}")
        t.ok("delete", "--force", ident)
        # An init that nobody recorded ends by itself, when it misses its creator: delete cannot wait for it.
        scope = f"/system.slice/skiff-{ident}.scope"
        t.wait_until(lambda: not os.path.exists(CGROUPS + scope), what="the scope's end")
        gone(t, f"skiff-{ident}.scope", scope)
        t.equal((leaks.settled(leaks.processes, t), os.path.exists(f"{t.root}/{ident}")),
                ([], False))


@tag("slow")
@needs("systemd", "vm", "root")
def test_no_answer(t):
    """a systemd that does not answer ends the command in bounded time, with nothing left"""
    with socket.socket(socket.AF_UNIX) as dumb:
        dumb.bind(t.path("dumb"))
        dumb.listen()
        with systemd.covered("/run/systemd/private", t.path("dumb")):
            result = t.skiff(MANAGER, "run", "--bundle", t.bundle(), t.new_id())
    t.fails(result, "no answer within 25 s", rc=1)
    t.true(result.seconds < 60, f"{result.seconds} s")
    t.equal(os.listdir(t.root), [])


@needs("systemd", "vm", "root")
def test_refused_property(t):
    """systemd's answer is the message, and nothing is left"""
    config = t.config("/bin/sleep", "1000")
    config["annotations"] = {"org.systemd.property.NoSuchThing": "'x'"}
    ident = t.new_id()
    t.fails(t.skiff(MANAGER, "run", "--bundle", t.bundle(config), ident), "NoSuchThing")
    t.equal(os.listdir(t.root), [])
    gone(t, f"skiff-{ident}.scope", f"/system.slice/skiff-{ident}.scope")


@needs("systemd", "vm", "root")
def test_late_failure(t):
    """a container that fails after its unit was started leaves no unit"""
    ident = t.new_id()
    t.fails(t.skiff(MANAGER, "run", "--bundle", t.bundle(t.config("/no/such")), ident),
            "no such file")
    t.equal(os.listdir(t.root), [])
    gone(t, f"skiff-{ident}.scope", f"/system.slice/skiff-{ident}.scope")


@needs("root")
def test_wrong_annotations(t):
    """what is no value, or not theirs to set, is refused with its name"""
    for name, text, phrase in (("KillSignal", "fifteen", "GVariant"), ("After", "[]", "type"),
                               ("Slice", "'a.slice'", "container's own"),
                               ("TimeoutStopSec", "'5'", "number"), ("x", "1", "no name")):
        t.note(name)
        config = t.config()
        config["annotations"] = {f"org.systemd.property.{name}": text}
        t.fails(t.skiff(MANAGER, "run", "--bundle", t.bundle(config), t.new_id()),
                f"annotations.org.systemd.property.{name}", phrase)
    t.equal(os.listdir(t.root), [])


@needs("root")
def test_helper_missing(t):
    """without skiff-systemd: which program, and where it was looked for"""
    alone = t.path("alone")
    os.mkdir(alone)
    shutil.copy(t.binary, f"{alone}/skiff")
    result = t.command(f"{alone}/skiff", "--root", t.root, MANAGER, "run", "--bundle",
                       t.bundle(), t.new_id())
    t.fails(result, "skiff-systemd is not installed", f"{alone}/skiff-systemd")
    t.equal(os.listdir(t.root), [])


@needs("root", "native")
def test_no_systemd(t):
    """where there is no systemd, the message says what to use instead"""
    if os.path.exists("/run/systemd/system"):
        t.skip("this machine has systemd")
    t.fails(t.skiff(MANAGER, "run", "--bundle", t.bundle(), t.new_id()), "connect",
            "--cgroup-manager cgroupfs")
    t.equal(os.listdir(t.root), [])


# -- an ordinary user's systemd

def user_config(t, *args):
    config = t.config(*args)
    add_user_namespace(config, os.geteuid(), 1)
    del config["linux"]["resources"]
    config["mounts"] = [m for m in config["mounts"] if m["type"] != "cgroup"]
    for mount in config["mounts"]:
        if mount["type"] == "devpts":
            mount["options"].remove("gid=5")
    return config


def manager_cgroup():
    uid = os.geteuid()
    return f"/user.slice/user-{uid}.slice/user@{uid}.service"


@tag("systemd")
@needs("systemd", "vm", "user", "v2")
def test_user(t):
    """a user's own systemd makes the scope, with limits that hold"""
    c = launch(t, user_config(t), path="user.slice:libpod:ID",
               resources={"pids": {"limit": 40}, "memory": {"limit": 32 << 20}})
    unit = f"libpod-{c.id}.scope"
    scope = f"{manager_cgroup()}/user.slice/{unit}"
    t.equal(place(c.pid), scope + "/container")
    t.equal(value(scope + "/container", "pids.max"), "40")
    t.equal(value(scope, "memory.max"), str(32 << 20))
    t.equal(systemd.show(unit, "TasksMax", user=True), {"TasksMax": "40"})
    t.contains(c.sh("cat /proc/self/cgroup").out, unit + "/container\n")
    c.kill()
    c.wait_stopped()
    c.delete()
    gone(t, unit, scope, user=True)


@tag("systemd")
@needs("systemd", "vm", "user", "v2")
def test_user_bus(t):
    """by the user's bus, when only that is known"""
    config = user_config(t, "/bin/cat", "/proc/self/cgroup")
    ident = t.new_id()
    runtime_dir = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
    result = t.ok(MANAGER, "run", "--bundle", t.bundle(config), ident,
                  env={"XDG_RUNTIME_DIR": t.dir,
                       "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime_dir}/bus"})
    t.contains(result.out, f"{manager_cgroup()}/user.slice/skiff-{ident}.scope/container\n")


@tag("systemd")
@needs("systemd", "vm", "user", "v2")
def test_user_namespace(t):
    """as root of a user namespace, which is how rootless engines call"""
    config = t.config("/bin/cat", "/proc/self/cgroup")
    del config["linux"]["resources"]
    config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"]
                                     if n["type"] != "network"]
    config["mounts"] = [m for m in config["mounts"] if m["type"] not in ("cgroup", "sysfs")]
    for mount in config["mounts"]:
        if mount["type"] == "devpts":
            mount["options"].remove("gid=5")
    ident = t.new_id()
    result = t.command("unshare", "--user", "--map-auto", "--map-root-user", "--mount",
                       "--setgroups=allow", t.binary, "--root", t.root, MANAGER, "run", "--bundle", t.bundle(config), ident)
    t.equal(result.rc, 0, result.err)
    t.contains(result.out, f"{manager_cgroup()}/user.slice/skiff-{ident}.scope/container\n")


@tag("systemd")
@needs("systemd", "vm", "user", "v2")
def test_login_session(t):
    """exec from a login session, whose processes a user may not move: systemd does it"""
    if manager_cgroup() in place(os.getpid()):
        t.skip("the caller is among the user's own cgroups (run -m session)")
    c = launch(t, user_config(t), resources={"pids": {"limit": 40}})
    scope = f"{manager_cgroup()}/user.slice/skiff-{c.id}.scope"
    t.equal(place(c.pid), scope + "/container")
    t.contains(c.sh("cat /proc/self/cgroup").out, scope + "/container\n")
    os.mkdir(CGROUPS + scope + "/container/below")
    t.contains(t.ok("exec", "--cgroup", "below", c.id, "/bin/cat", "/proc/self/cgroup").out,
               scope + "/container/below\n")
    t.equal(c.sh("exit 7").rc, 7)
