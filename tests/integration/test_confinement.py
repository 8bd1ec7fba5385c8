"""Confinement that no part of the image and no stranger may undo: hooks of the container, filters
that answer init, state directories of others, roots that are links or lie in a chroot."""
import json
import os
import subprocess

import inside
import kernel
from harness import needs
from test_hooks import hooked


@needs("root")
def test_start_hooks_are_confined(t):
    """a startContainer hook, whose program the image may have made, has the rights of the payload
    and no more: capabilities, no_new_privs, cgroup"""
    config, shared = hooked(t, "grep -E '^(Cap|NoNewPrivs)' /proc/self/status >$2/status\n"
                               "cat /proc/self/cgroup >$2/cgroup; env >$2/env\n",
                            "startContainer", env=["A=b"])
    c = t.background(config)
    own = kernel.status(c.pid)
    found = dict(line.split(":\t") for line in inside.lines(shared + "/status"))
    for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb", "NoNewPrivs"):
        t.equal(found[name], own[name], name)
    t.equal(inside.lines(shared + "/cgroup"), kernel.read(f"/proc/{c.pid}/cgroup").splitlines())
    environment = {line.split("=")[0] for line in inside.lines(shared + "/env")}
    t.equal(environment - {"PWD", "SHLVL", "_", "OLDPWD", "PATH"}, {"A"}, "environment")


def with_filter(t, names, errno):
    config = t.config("/bin/sh", "-c", "id -u; grep CapEff /proc/self/status")
    config["process"]["user"] = {"uid": 1234, "gid": 1234}
    config["process"]["noNewPrivileges"] = False
    config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": errno}]}
    return config


@needs("root")
def test_filters_cannot_fake_the_identity(t):
    """without no_new_privs a filter that answers setresuid, setgroups, capset or prctl in the
    kernel's place is refused; one that lets them be is not"""
    twin = t.run(with_filter(t, ["mkdir"], 0))
    t.equal((twin.rc, twin.out.split()[0]), (0, "1234"), "twin")
    for names, errno in ((["setresuid", "setresgid"], 0), (["setgroups"], 0), (["capset"], 0),
                         (["prctl"], 0), (["prctl"], 22), (["setresuid"], 1)):
        t.note(f"{names} {errno}")
        t.fails(t.run(with_filter(t, names, errno)), "seccomp", rc=1)
    config = with_filter(t, ["setresuid", "prctl", "capset"], 0)
    config["process"]["noNewPrivileges"] = True
    t.equal(t.run(config).out.split()[0], "1234", "with no_new_privs the filter comes last")


@needs("root")
def test_state_of_strangers(t):
    """a state directory that another user made or can write is not obeyed: no process is killed
    and no hook run for it"""
    config, shared = hooked(t, "echo $1 >>$2/log\n", "poststop")
    c = t.sleeper(config)
    place = f"{t.root}/{c.id}"
    for change, back in ((lambda: os.chown(place, 1234, -1), lambda: os.chown(place, 0, -1)),
                         (lambda: os.chmod(place, 0o777), lambda: os.chmod(place, 0o700))):
        change()
        for args in (("kill", c.id, "KILL"), ("delete", "--force", c.id), ("exec", c.id, "true")):
            t.fails(t.skiff(*args), "state directory")
        back()
    t.true(kernel.is_alive(c.pid) and not os.path.exists(shared + "/log"), "it was obeyed")
    t.ok("delete", "--force", c.id)
    t.equal(inside.lines(shared + "/log"), ["poststop"])


@needs("root")
def test_no_cgroup_is_killed_that_is_none(t):
    """a path in the state that is no cgroup, or a hierarchy's root, has nobody killed"""
    victim = t.spawn("/bin/sleep", "100000", stdout=subprocess.DEVNULL)
    fake = t.path("fake")
    os.mkdir(fake)
    with open(fake + "/cgroup.procs", "w", encoding="utf-8") as f:
        f.write(f"{victim.pid}\n")
    c = t.sleeper()
    state = f"{t.root}/{c.id}/state.json"
    content = json.loads(kernel.read(state))
    paths = [entry["path"] for entry in content["cgroups"]]
    content["cgroups"].append({"path": fake, "v1": True})
    with open(state, "w", encoding="utf-8") as f:
        json.dump(content, f)
    t.skiff("delete", "--force", c.id)
    t.true(victim.poll() is None, "a process outside was killed")
    content["cgroups"] = [{"path": path} for path in paths]
    if os.path.exists(state):
        content["cgroups"] = [entry for entry in json.loads(kernel.read(state))["cgroups"]
                              if entry["path"] != fake]
        with open(state, "w", encoding="utf-8") as f:
            json.dump(content, f)


@needs("root")
def test_root_that_is_a_link(t):
    """root.path may be a symbolic link"""
    path = t.bundle(t.config("/bin/echo", "through"))
    os.rename(path + "/rootfs", path + "/real") if os.path.isdir(path + "/rootfs") else None
    config = json.loads(kernel.read(path + "/config.json"))
    real = os.path.realpath(os.path.join(path, config["root"]["path"]))
    if not os.path.isdir(real):
        real = path + "/real"
    os.symlink(real, path + "/link")
    config["root"]["path"] = "link"
    with open(path + "/config.json", "w", encoding="utf-8") as f:
        json.dump(config, f)
    result = t.skiff("run", "--bundle", path, t.new_id())
    t.equal((result.rc, result.out), (0, "through\n"), result.err)


@needs("root", "native")
def test_in_a_chroot(t):
    """in a chroot whose directory is no mount point, containers run as well, and nothing of the
    host is left in their mount table"""
    rootfs = t.rootfs()
    for name in ("proc", "sys", "dev"):
        os.makedirs(f"{rootfs}/{name}", exist_ok=True)
        subprocess.run(["mount", "--rbind", "--make-rslave", f"/{name}", f"{rootfs}/{name}"],
                       check=True)
    bundle = t.bundle(t.config("/bin/cat", "/proc/self/mountinfo"))
    inner = rootfs + "/bundle"
    subprocess.run(["cp", "-a", bundle, inner], check=True)
    config = json.loads(kernel.read(inner + "/config.json"))
    config["root"]["path"] = "/inner"
    os.makedirs(rootfs + "/inner/bin")
    subprocess.run(["cp", "-a", "/bin/busybox", rootfs + "/inner/bin/busybox"], check=True)
    for name in ("cat", "true"):
        os.symlink("busybox", f"{rootfs}/inner/bin/{name}")
    for name in ("proc", "sys", "dev"):
        os.mkdir(f"{rootfs}/inner/{name}")
    with open(inner + "/config.json", "w", encoding="utf-8") as f:
        json.dump(config, f)
    subprocess.run(["cp", t.binary, rootfs + "/skiff"], check=True)
    result = t.command("chroot", rootfs, "/skiff", "--root", "/state", "run", "--bundle",
                       "/bundle", t.new_id())
    points = [line.split()[4] for line in result.out.splitlines()]
    for name in ("proc", "sys", "dev"):
        subprocess.run(["umount", "-R", "-l", f"{rootfs}/{name}"], check=True)
    t.equal(result.rc, 0, result.err)
    t.equal([p for p in points if not p.startswith(("/proc", "/sys", "/dev"))], ["/"])
