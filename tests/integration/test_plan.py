"""plan: what would be done, without doing it."""
import os

import inside
import kernel
import leaks
from bundle import add_user_namespace
from harness import needs


def plan(t, config, *options):
    return t.ok("plan", *options, "--bundle", t.bundle(config)).out


def machine(t):
    """what a plan must not change: mounts, cgroups, processes, files of the test's directory"""
    cgroups = {where for point in set(kernel.cgroup_mounts().values())
               for where, _, _ in os.walk(point) if t.mark in where}
    files = {where: sorted(names) for where, _, names in os.walk(t.dir)}
    return leaks.mounts(), cgroups, set(leaks.processes(t)), files


@needs("root")
def test_no_side_effects(t):
    """plan changes neither mounts nor cgroups, state, root file system or processes"""
    config = add_user_namespace(t.config("sleep", "100000"))
    inside.add_tmpfs(config, "/not/there")
    config["linux"]["cgroupsPath"] = f"/{t.mark}-plan"
    config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW"}
    config["hooks"] = {"createRuntime": [{"path": inside.script(
        t.path("hook"), f"touch {t.path('ran')}\n")}]}
    rootfs = t.rootfs()
    path = t.bundle(config, rootfs)
    t.skiff("list")  # makes the files in which output is collected
    before = machine(t)
    for format_ in ("text", "json"):
        t.ok("plan", "--format", format_, path)
        t.equal(machine(t), before, format_)
    t.equal(os.listdir(t.root), [], "state directory")


@needs("root")
def test_json(t):
    """the JSON form has a schema version and both lists of steps, each with its JSON path"""
    config = inside.add_tmpfs(t.config(), "/mnt")
    found = t.ok("plan", "--format", "json", t.bundle(config)).json()
    t.true(isinstance(found["schemaVersion"], int) and found["schemaVersion"] >= 1, "version")
    for steps in (found["hostSteps"], found["initSteps"]):
        t.equal([step["index"] for step in steps], list(range(len(steps))), "indexes")
        t.true(all(step["op"] and isinstance(step["text"], str) for step in steps), "op, text")
    origins = {step.get("origin") for step in found["initSteps"]}
    expected = {f"mounts[{n}]" for n in range(len(config["mounts"]))}
    expected |= {"hostname", "process.noNewPrivileges", "process.rlimits[0]"}
    t.equal({origin for origin in expected if not any((o or "").startswith(origin)
                                                     for o in origins)}, set(), "without a step")


@needs("root")
def test_text(t):
    """the text form names each thing that the config asks for"""
    config = inside.add_tmpfs(t.config("/bin/some-program", "argument"), "/mnt/some-place")
    config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
    config["linux"]["maskedPaths"].append("/proc/some-mask")
    text = plan(t, config)
    for part in ("skiff-test", "/mnt/some-place", "some-mask", "ip_forward", "argument",
                 "/dev/mqueue", "mounts[3]"):
        t.contains(text, part)


@needs("root")
def test_follows_the_host(t):
    """the plan is that of this machine: its hierarchies"""
    text = plan(t, t.config())
    mounts = kernel.cgroup_mounts()
    t.contains(text, mounts[""] if mounts.get("") else mounts["pids"])
    if mounts.get("") == "/sys/fs/cgroup":
        t.true("<v1>" not in text, "v1 on a v2 machine")


@needs("root")
def test_faults(t):
    """a config that cannot be planned is told with its JSON path"""
    config = t.config()
    config["linux"]["namespaces"].append({"type": "pidd"})
    t.fails(t.skiff("plan", "--bundle", t.bundle(config)), "linux.namespaces[5]", "pidd", rc=1)


@needs("root")
def test_same_twice(t):
    """the same config on the same machine gives the same plan"""
    path = t.bundle()
    t.equal(t.ok("plan", path).out, t.ok("plan", path).out)


def test_debug_logs_the_plan(t):
    """--debug writes each step that is carried out to the log; without it there is none"""
    path = t.bundle(t.config())
    log = t.path("debug.log")
    for level, wanted in (("--debug", True), ("--log-level=error", False)):
        result = t.skiff(level, "--log", log, "run", "--bundle", path, t.new_id())
        t.equal(result.rc, 0, result.err)
        text = kernel.read(log)
        t.equal("spawn" in text and "/proc/acpi" in text, wanted, level)
        os.unlink(log)
        with open(log, "w", encoding="utf-8"):
            pass
