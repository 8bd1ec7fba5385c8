"""skiff check: every fault at once, with path, cause and fix, and without side effects."""
import os
import re
import resource

import bundle
import kernel
import views
from broken import change
from harness import needs


def findings(t, config, rootfs=None, **how):
    """[(kind, text, fix), ..] of a config; the exit status says whether there is a fault"""
    result = t.skiff("check", t.bundle(config, rootfs), **how)
    found = []
    for line in result.out.splitlines():
        kind = re.match("(fault|hint): (.*)", line)
        if kind:
            found.append([kind[1], kind[2], ""])
        elif line.startswith("    ") and found:
            found[-1][2] += line.strip()
        else:
            t.equal(line, "no faults found", "a line of check")
    t.equal(result.rc, int(any(kind == "fault" for kind, _, _ in found)), "exit status")
    t.equal(result.err, "", "stderr")
    return found


def expect(t, kind, path, *parts, change_config=None, set=None, fix=None, rootfs=None, **how):
    """the config with these changes has one finding about the path, with all parts; without
    them it has none there"""
    config = t.config()
    twin = [text for _, text, _ in findings(t, config, rootfs, **how) if text.startswith(path)]
    for name, value in (set or {}).items():
        change(config, name, value)
    if change_config:
        change_config(config)
    found = findings(t, config, rootfs, **how)
    about = [f for f in found if f[1].startswith(path) and all(part in f[1] for part in parts)]
    t.true(about, f"nothing about {path} with {parts}: {found}")
    t.equal(about[0][0], kind, "kind of the finding")
    t.true(about[0][1] not in twin, "the twin has the same finding")
    if fix:
        t.contains(about[0][2], fix, "advice")


def test_sound_bundle(t):
    """a bundle that runs has no faults"""
    t.equal(t.run().rc, 0, "exit status of run")
    found = findings(t, t.config())
    t.equal([f for f in found if f[0] == "fault"], [], "faults")


def test_many_faults_at_once(t):
    """all faults are told, not only the first"""
    config = t.config("nosuchprogram")
    changes = {
        "linux.namespaces[+]": {"type": "pidd"},
        "process.user.uid": "root",
        "process.rlimits": [{"type": "RLIMIT_CORE", "hard": 1, "soft": 2}],
        "process.cwd": "tmp",
        "linux.sysctl": {"vm.swappiness": "1"},
        "mounts[+]": {"destination": "/mnt", "type": "bind", "source": "/nowhere/dir",
                      "options": ["bind"]},
        "linux.cgroupsPath": "/a/../b",
        "linux.resources.memory": {"limit": "64M"},
        "hooks": {"createRuntime": [{"path": "relative"}]},
        "linux.seccomp": {"defaultAction": "SCMP_ACT_ALOW"},
    }
    for path, value in changes.items():
        change(config, path, value)
    faults = [text for kind, text, _ in findings(t, config) if kind == "fault"]
    missing = [path for path in (
        "linux.namespaces[5].type", "process.user.uid", "process.rlimits[0].soft",
        "process.cwd", "linux.sysctl", "mounts[7]", "linux.cgroupsPath",
        "linux.resources.memory.limit", "hooks.createRuntime[0].path",
        "linux.seccomp.defaultAction", "process.args[0]")
        if not any(text.startswith(path) for text in faults)]
    t.equal(missing, [], f"paths without a fault, of {faults}")


def test_unknown_keys_are_hints(t):
    """a key that nobody knows is no fault; check shows it, with the nearest known one"""
    config = t.config()
    changes = {"process.noNewPriviliges": True, "linux.maskedpaths": [], "mounts[0].option": [],
               "enything": {"a": [1, {}]}, "linux.resources.memry": {"limit": 1}}
    for path, value in changes.items():
        change(config, path, value)
    t.equal(t.run(config).rc, 0, "exit status of run")
    found = findings(t, config)
    t.equal([f for f in found if f[0] == "fault"], [], "faults")
    for word, near in (("noNewPriviliges", "noNewPrivileges"), ("maskedpaths", "maskedPaths"),
                       ("option", "options"), ("memry", "memory"), ("enything", "")):
        hints = [f for f in found if f'"{word}"' in f[1]]
        t.equal(len(hints), 1, f"hints about {word}")
        t.contains(hints[0][2], near, f"advice about {word}")


def test_unknown_capability_is_a_hint(t):
    """a capability that this runtime does not know is left out, as the specification asks"""
    expect(t, "hint", "process.capabilities.bounding[3]", "CAP_SYS_NICER",
           set={"process.capabilities.bounding[+]": "CAP_SYS_NICER"}, fix="CAP_SYS_NICE")


def test_capability_that_the_caller_lacks(t):
    """a capability that cannot be granted is told"""
    held = kernel.capabilities("self")["prm"]
    names = {"CAP_SYS_RESOURCE": 24, "CAP_SYS_MODULE": 16, "CAP_MAC_ADMIN": 33}
    lacking = [name for name, bit in names.items() if not held >> bit & 1]
    if not lacking:
        t.skip("this caller has all capabilities")
    expect(t, "hint", "process.capabilities", lacking[0],
           set={"process.capabilities.bounding[+]": lacking[0]})


def test_program(t):
    """a program that is missing, no program, not executable, or lacks its interpreter"""
    expect(t, "fault", "process.args[0]", "executable file not found in $PATH", "nosuchprogram",
           set={"process.args": ["nosuchprogram"]})
    expect(t, "fault", "process.args[0]", "/bin/nosuchprogram",
           set={"process.args": ["/bin/nosuchprogram"]})
    rootfs = t.rootfs()
    files = {"text": (b"no program\n", 0o755), "script": (b"#!/bin/nosuchshell -e\n", 0o755),
             "closed": (b"#!/bin/sh\n", 0o644)}
    for name, (content, mode) in files.items():
        with open(f"{rootfs}/bin/{name}", "wb") as f:
            f.write(content)
        os.chmod(f"{rootfs}/bin/{name}", mode)
    with open(f"{rootfs}/bin/busybox", "rb") as f, open(f"{rootfs}/bin/elf", "wb") as to:
        to.write(f.read(18) + b"\x2a\x00" + f.read()[2:])  # e_machine: SuperH
    os.chmod(f"{rootfs}/bin/elf", 0o755)
    for program, part in (("text", "neither a program"), ("script", "/bin/nosuchshell"),
                          ("closed", "ermission denied")):
        t.note(program)
        expect(t, "fault", "process.args[0]", part, set={"process.args": [f"/bin/{program}"]},
               rootfs=rootfs)
    expect(t, "hint", "process.args[0]", "architecture", set={"process.args": ["/bin/elf"]},
           rootfs=rootfs)


def test_dynamic_loader(t):
    """a dynamic program whose loader is not in the image"""
    rootfs = t.rootfs()
    with open("/bin/cat", "rb") as f, open(f"{rootfs}/bin/dynamic", "wb") as to:
        to.write(f.read())
    os.chmod(f"{rootfs}/bin/dynamic", 0o755)
    t.true(t.run(t.config("/bin/dynamic"), rootfs=rootfs).rc > 0, "it runs without its loader")
    expect(t, "fault", "process.args[0]", "interpreter", "ld-",
           set={"process.args": ["/bin/dynamic"]}, rootfs=rootfs)


def test_root(t):
    """a root file system that is missing, or a file"""
    expect(t, "fault", "root.path", "No such file", set={"root.path": "/nowhere"})
    expect(t, "fault", "root.path", "irectory", set={"root.path": "/etc/passwd"})


def test_bind_sources(t):
    """sources of bind mounts that are missing, or of the wrong kind"""
    mount = {"destination": "/mnt", "type": "bind", "source": "/nowhere", "options": ["bind"]}
    expect(t, "fault", "mounts[7]", "/nowhere", set={"mounts[+]": mount}, fix="create it")
    expect(t, "fault", "mounts[7]", "directory",
           set={"mounts[+]": dict(mount, source="/etc/passwd")}, fix="directory")
    expect(t, "fault", "mounts[7]", "/nowhere", set={"mounts[+]": dict(mount, options=["ro"])})


def test_working_directory(t):
    """a working directory that is a file is a fault, one that will be made a hint"""
    expect(t, "fault", "process.cwd", "/etc/passwd", set={"process.cwd": "/etc/passwd"})
    expect(t, "hint", "process.cwd", "/new", set={"process.cwd": "/new"})


def test_sysctls(t):
    """parameters that are the host's, of a namespace that is shared, or unknown"""
    for key, drop in (("vm.swappiness", None), ("kernel.panic", None),
                      ("net.ipv4.ip_forward", "network"), ("kernel.shmmax", "ipc"),
                      ("net.ipv4.nosuchparameter", None)):
        t.note(key)

        def alter(config, key=key, drop=drop):
            config["linux"]["sysctl"] = {key: "1"}
            spaces = config["linux"]["namespaces"]
            spaces[:] = [n for n in spaces if n["type"] != drop]
        expect(t, "fault", "linux.sysctl", change_config=alter)


@needs("root")
def test_rlimits_above_hard(t):
    """a hard limit above the caller's needs CAP_SYS_RESOURCE"""
    if kernel.capabilities("self")["eff"] >> 24 & 1:
        t.skip("this caller may raise its limits")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    expect(t, "fault", "process.rlimits[0].hard", "hard",
           set={"process.rlimits": [{"type": "RLIMIT_CORE", "hard": 4096, "soft": 0}]})


def test_device_nodes(t):
    """in a user namespace devices are the host's: one that it lacks is a fault"""
    def alter(config):
        bundle.add_user_namespace(config)
        config["linux"]["devices"] = [{"path": "/dev/nosuchdevice", "type": "c", "major": 1,
                                       "minor": 3}]
    expect(t, "fault", "linux.devices[0]", "/dev/nosuchdevice", change_config=alter)
    expect(t, "fault", "linux.devices[0].major", "range", set={
        "linux.devices": [{"path": "/dev/x", "type": "c", "major": 5000, "minor": 3}]})


@needs("v1")
def test_controllers_of_v1(t):
    """limits that only version 2 has"""
    expect(t, "fault", "linux.resources.unified",
           set={"linux.resources.unified": {"memory.high": "1000000"}})


@needs("v2")
def test_controllers_of_v2(t):
    """a controller that is not available at the container's place is named"""
    have = kernel.read("/sys/fs/cgroup/cgroup.controllers").split()
    wanted = {"memory": {"linux.resources.memory": {"limit": 67108864}},
              "pids": {"linux.resources.pids": {"limit": 10}},
              "cpu": {"linux.resources.cpu": {"shares": 512}}}
    lacking = [name for name in wanted if name not in have]
    if not lacking:
        t.skip("this host has all controllers")
    expect(t, "fault", "linux.resources", lacking[0], set=wanted[lacking[0]])


def test_labels(t):
    """security labels of modules that this host does not run"""
    lsm = "/sys/kernel/security/lsm"
    modules = kernel.read(lsm).strip().split(",") if os.path.exists(lsm) else ()
    for path, module in (("process.apparmorProfile", "apparmor"),
                         ("process.selinuxLabel", "selinux"), ("linux.mountLabel", "selinux")):
        if module in modules:
            continue
        t.note(path)
        expect(t, "fault", path, "not enabled", set={path: "x_u:x_r:x_t:s0"})


@needs("root")
def test_subordinate_ids(t):
    """an ordinary user maps only its own ids and those that /etc/subuid gives it"""
    for name in ("subuid", "subgid"):
        with open(t.path(name), "w", encoding="utf-8") as f:
            f.write("root:100000:65536\n")
        if not os.path.exists(f"/etc/{name}"):
            t.skip(f"no /etc/{name}")
        views.mount(t.path(name), f"/etc/{name}", None, views.MS_BIND)
    try:
        config = bundle.add_user_namespace(t.config(), 300000, 65536)
        config = dict(config, root={"path": t.shared_rootfs, "readonly": True})
        path = t.bundle(config)
        program = t.path("program")
        with open(t.binary, "rb") as f, open(program, "wb") as to:
            to.write(f.read())
        os.chmod(program, 0o755)
        result = t.command("/usr/bin/setpriv", "--reuid", "1000", "--regid", "1000",
                           "--clear-groups", program, "--root", "/nowhere", "check", path)
        t.equal(result.rc, 1, f"exit status ({result.out})")
        t.contains(result.out, "linux.uidMappings", "findings")
        t.contains(result.out, "linux.gidMappings", "findings")
    finally:
        for name in ("subuid", "subgid"):
            views.unmount(f"/etc/{name}")


def test_seccomp_profile(t):
    """system calls that nobody knows are a hint, impossible rules a fault"""
    profile = {"defaultAction": "SCMP_ACT_ALLOW",
               "syscalls": [{"names": ["mkdir", "nosuchcall"], "action": "SCMP_ACT_ERRNO"}]}
    expect(t, "hint", "linux.seccomp", "nosuchcall", set={"linux.seccomp": profile})


def test_taken_and_malformed_ids(t):
    """with --id the id is looked at, too"""
    path, c = t.bundle(), t.sleeper()
    t.equal(t.skiff("check", "--id", t.new_id(), path).rc, 0, "twin")
    for ident, part in ((c.id, "already exists"), ("a/b", "invalid container ID")):
        result = t.skiff("check", "--id", ident, path)
        t.equal(result.rc, 1, f"exit status of {ident}")
        t.contains(result.out, part, "findings")


def test_hooks(t):
    """a hook's program that is missing or cannot be executed, on the host or in the image"""
    for kind in ("prestart", "createRuntime", "createContainer", "startContainer", "poststart"):
        expect(t, "fault", f"hooks.{kind}[0].path", "/nowhere/hook", "No such file",
               set={"hooks": {kind: [{"path": "/nowhere/hook"}]}}, fix="install it")
        expect(t, "fault", f"hooks.{kind}[1].path", "not executable", fix="chmod +x",
               set={"hooks": {kind: [{"path": "/bin/sh"}, {"path": "/etc/passwd"}]}})
        expect(t, "fault", f"hooks.{kind}[0].path", "is no file",
               set={"hooks": {kind: [{"path": "/etc"}]}})
    expect(t, "hint", "hooks.poststop[0].path", "No such file",
           set={"hooks": {"poststop": [{"path": "/nowhere/hook"}]}})
    config = t.config()
    config["hooks"] = {"startContainer": [{"path": "/bin/busybox"}],
                       "createRuntime": [{"path": "/bin/sh"}]}
    t.equal([f for f in findings(t, config) if "hooks" in f[1]], [], "sound hooks")


def test_terminal(t):
    """a terminal needs a receiver when nobody waits"""
    expect(t, "hint", "process.terminal", "--console-socket", set={"process.terminal": True})


def test_places_in_kernel_file_systems(t):
    """a mount point that proc or sysfs does not have"""
    tmpfs = {"type": "tmpfs", "source": "x"}
    expect(t, "fault", "mounts[7].destination", "/proc/nothing", "type proc",
           set={"mounts[+]": {"destination": "/proc/nothing", **tmpfs}})
    expect(t, "fault", "mounts[7].destination", "/sys/nothing/x", "type sysfs",
           set={"mounts[+]": {"destination": "/sys/nothing/x", **tmpfs}})
    config = t.config()
    config["mounts"] += [{"destination": "/proc/irq", **tmpfs},
                         {"destination": "/proc/irq/made", **tmpfs}]
    t.equal([f for f in findings(t, config) if f[1].startswith("mounts")], [], "sound mounts")


@needs("memory")
def test_little_memory(t):
    """a limit that nothing can run with"""
    expect(t, "hint", "linux.resources.memory.limit", "hardly enough",
           set={"linux.resources.memory": {"limit": 4096}})
