"""skiff features: the document is whole, and each of its claims is true."""
import json
import os
import re

import kernel
from harness import needs

HOOKS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]
# linux.namespaces[].type in the specification -> the file in /proc/PID/ns
NAMESPACES = {"cgroup": "cgroup", "ipc": "ipc", "mount": "mnt", "network": "net", "pid": "pid",
              "time": "time", "user": "user", "uts": "uts"}


def features(t):
    result = t.command(t.binary, "features")
    t.equal((result.rc, result.err), (0, ""))
    return result.json()


def plans(t, change):
    """skiff plan of a changed config"""
    config = t.config()
    change(config)
    return t.skiff("plan", t.bundle(config))


def test_shape(t):
    """the keys that engines read are there, no others, and no list is empty"""
    f = features(t)
    t.equal(set(f), {"ociVersionMin", "ociVersionMax", "hooks", "mountOptions", "linux",
                     "annotations", "potentiallyUnsafeConfigAnnotations"})
    t.equal(set(f["linux"]), {"namespaces", "capabilities", "cgroup", "seccomp", "apparmor",
                              "selinux", "intelRdt", "memoryPolicy", "mountExtensions",
                              "netDevices"})
    t.equal(set(f["linux"]["cgroup"]), {"v1", "v2", "systemd", "systemdUser", "rdma"})
    t.equal(set(f["linux"]["seccomp"]), {"enabled", "actions", "operators", "archs", "knownFlags",
                                         "supportedFlags"})
    t.equal(set(f["linux"]["intelRdt"]), {"enabled", "schemata", "monitoring"})
    t.equal(set(f["linux"]["memoryPolicy"]), {"modes", "flags"})
    t.equal((f["ociVersionMin"], f["hooks"]), ("1.0.0", HOOKS))
    for name, value in {**f, **f["linux"], **f["linux"]["seccomp"]}.items():
        if isinstance(value, list):
            t.true(value and len(set(value)) == len(value), f"{name}: {value}")
    version = t.command(t.binary, "--version").out
    t.contains(version, f"spec: {f['ociVersionMax']}\n")
    t.contains(version, f"commit: {f['annotations']['skiff.commit']}\n")


def test_by_any_options(t):
    """engines call it with and without their global options"""
    expected = features(t)
    for options in (("--log", t.path("log"), "--log-format", "json"), ("--systemd-cgroup",),
                    ("--rootless=true",)):
        t.equal(t.skiff(*options, "features").json(), expected, str(options))


def test_versions(t):
    """configs of the oldest and the newest version are accepted, those of a later major not"""
    f = features(t)
    for version in (f["ociVersionMin"], f["ociVersionMax"]):
        t.equal(plans(t, lambda c: c.update(ociVersion=version)).rc, 0, version)
    t.equal(plans(t, lambda c: c.update(ociVersion="2.0.0")).rc, 1)


@needs("root")
def test_namespaces(t):
    """each kind of namespace can be made"""
    kinds = features(t)["linux"]["namespaces"]
    t.equal(sorted(kinds), sorted(NAMESPACES))
    config = t.config()
    for kind in set(kinds) - {"pid", "network", "ipc", "uts", "mount"}:
        config["linux"]["namespaces"].append({"type": kind})
    for name in ("uidMappings", "gidMappings"):
        config["linux"][name] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
    c = t.sleeper(config)
    for kind in kinds:
        t.true(kernel.namespace(c.pid, NAMESPACES[kind]) !=
               kernel.namespace("self", NAMESPACES[kind]), kind)


def test_capabilities(t):
    """all that this kernel has are known"""
    names = features(t)["linux"]["capabilities"]
    t.true(len(names) > int(kernel.read("/proc/sys/kernel/cap_last_cap")), str(len(names)))
    t.true(all(re.fullmatch("CAP_[A-Z_]+", name) for name in names), str(names))
    t.equal(plans(t, lambda c: c["process"]["capabilities"].update(bounding=names)).rc, 0)


def test_mount_options(t):
    """each option is known to the planner: none is handed to the file system as its own data"""
    options = features(t)["mountOptions"]
    needed = {"bind", "ro", "rro", "rw", "idmap", "ridmap", "rprivate", "nosymfollow", "lazytime",
              "silent", "tmpcopyup", "norelatime", "mand"}
    t.equal(needed - set(options), set())
    known = {option: plans(t, lambda c, o=option: c["mounts"].append(
        {"destination": "/mnt", "type": "tmpfs", "source": "x", "options": [o]})).out
             for option in ("ro", "unknown-one", "noexec")}
    t.true("unknown-one" in known["unknown-one"], "an unknown option is the file system's")
    t.true("[ro" not in known["ro"] and "[noexec" not in known["noexec"], "known ones are not")


def test_seccomp_words(t):
    """each action, operator and architecture is accepted"""
    s = features(t)["linux"]["seccomp"]
    t.true(s["enabled"], "seccomp")
    for action in s["actions"]:
        def use(c, action=action):
            c["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {"names": ["getcwd"], "action": action}]}
            if action == "SCMP_ACT_NOTIFY":
                c["linux"]["seccomp"]["listenerPath"] = "/run/listener"
        result = plans(t, use)
        t.equal(result.rc, 0, f"{action}: {result.err}")
    for operator in s["operators"]:
        result = plans(t, lambda c, o=operator: c["linux"].update(seccomp={
            "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {"names": ["getcwd"], "action": "SCMP_ACT_LOG",
                 "args": [{"index": 0, "value": 1, "valueTwo": 1, "op": o}]}]}))
        t.equal(result.rc, 0, f"{operator}: {result.err}")
    result = plans(t, lambda c: c["linux"].update(seccomp={
        "defaultAction": "SCMP_ACT_ALLOW", "architectures": s["archs"]}))
    t.equal(result.rc, 0, result.err)


@needs("root")
def test_seccomp_flags(t):
    """the kernel takes a filter with each flag that is said to be supported"""
    s = features(t)["linux"]["seccomp"]
    t.equal(set(s["supportedFlags"]) - set(s["knownFlags"]), set())
    for flag in s["supportedFlags"]:
        config = t.config()
        config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW", "flags": [flag],
            "syscalls": [{"names": ["getcwd"], "action": "SCMP_ACT_ERRNO"}]}
        if flag == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV":
            continue  # needs somebody who takes the listener
        result = t.run(config)
        t.equal(result.rc, 0, f"{flag}: {result.err}")


def test_memory_policies(t):
    """each mode and flag of memory policies is accepted"""
    policy = features(t)["linux"]["memoryPolicy"]
    for mode in policy["modes"]:
        wish = {"mode": mode, "nodes": "0"}
        if mode in ("MPOL_DEFAULT", "MPOL_LOCAL"):
            del wish["nodes"]
        result = plans(t, lambda c, w=wish: c["linux"].update(memoryPolicy=w))
        t.equal(result.rc, 0, f"{mode}: {result.err}")
    for flag in policy["flags"]:
        result = plans(t, lambda c, f=flag: c["linux"].update(
            memoryPolicy={"mode": "MPOL_BIND", "nodes": "0", "flags": [f]}))
        t.equal(result.rc, 0, f"{flag}: {result.err}")


def works(t, change, *options):
    config = t.config()
    change(config)
    return t.skiff(*options, "plan", t.bundle(config)).rc == 0


@needs("root")
def test_switches(t):
    """what is said to be enabled is planned for, and what is not is refused"""
    linux = features(t)["linux"]
    t.equal((linux["cgroup"]["v1"], linux["cgroup"]["v2"]), (True, True))
    if os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        t.equal(works(t, lambda c: None, "--systemd-cgroup"), linux["cgroup"]["systemd"],
                "cgroup.systemd")
    t.equal(works(t, lambda c: c["linux"].update(netDevices={"lo": {"name": "lo9"}})),
            linux["netDevices"]["enabled"], "netDevices")
    if os.path.exists("/sys/fs/resctrl/schemata") or not linux["intelRdt"]["enabled"]:
        t.equal(works(t, lambda c: c["linux"].update(intelRdt={"closID": "skiff-test"})),
                linux["intelRdt"]["enabled"], "intelRdt")


def test_acting_annotations(t):
    """annotations that act are listed as potentially unsafe"""
    f = features(t)
    t.contains(json.dumps(f["potentiallyUnsafeConfigAnnotations"]), "run.oci.")
