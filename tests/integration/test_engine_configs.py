"""Configurations as engines write them, run to their end in every view."""
import json
import os
import resource

import kernel
import views
from harness import needs

HERE = os.path.dirname(os.path.abspath(__file__))
ENGINES = os.path.join(HERE, "../fixtures/engines")
BENCH = os.path.join(HERE, "../bench")
CAP_SYS_RESOURCE = 24


def engine_config(t, name, rootfs):
    """one of tests/fixtures/engines with its placeholders filled in and the files made that it
    binds; its cgroup gets a name of ours"""
    where = t.path("engine")
    os.makedirs(where + "/shm")
    for file, text in ((".containerenv", ""), ("hostname", "engine\n"),
                       ("hosts", "127.0.0.1 localhost\n"),
                       ("resolv.conf", "nameserver 1.1.1.1\n")):
        with open(f"{where}/{file}", "w", encoding="utf-8") as f:
            f.write(text)
    text = kernel.read(f"{ENGINES}/{name}.json").replace("@DIR@", where)
    config = json.loads(text.replace("@ROOTFS@", rootfs))
    config["linux"]["cgroupsPath"] = f"/{t.mark}-engine"
    return fit(config)


def fit(config):
    """leave out the limits that this machine, or this view of it, has no controller or no
    privilege for"""
    have = views.facts()
    found = config["linux"]["resources"]
    config["linux"]["resources"] = {name: value for name, value in found.items()
                                    if name == "devices" or name in have}
    if not kernel.capabilities("self")["eff"] >> CAP_SYS_RESOURCE & 1:
        for limit in config["process"]["rlimits"]:
            own = resource.getrlimit(getattr(resource, limit["type"]))[1]
            limit["hard"] = limit["soft"] = min(limit["hard"], own) if own >= 0 else limit["hard"]
    return config


def check_engine(t, name):
    """run the config as it is, then with a payload that looks around, then step by step"""
    rootfs = t.rootfs()
    config = engine_config(t, name, rootfs)
    plain = t.run(config, rootfs=rootfs)
    t.equal((plain.rc, plain.out, plain.err), (0, "", ""))
    config["process"]["args"] = ["/bin/sh", "-c", "echo ok; exec sleep 100000"]
    c = t.background(config, rootfs=rootfs)
    t.wait_until(lambda: kernel.argv(c.pid) == ["sleep", "100000"], what="the payload")
    for mount in config["mounts"]:
        found = kernel.mount_at(c.pid, mount["destination"])
        t.true(found, f"{mount['destination']} is not mounted")
        if mount["type"] not in ("bind", "cgroup"):
            t.equal(found.fstype, mount["type"], mount["destination"])
    fields = kernel.status(c.pid)
    t.equal(fields["Seccomp"], "2" if config["linux"].get("seccomp") else
            kernel.status("self")["Seccomp"])
    t.equal(c.sh("exit 3").rc, 3)
    c.kill("TERM")
    c.delete("--force")
    return config


@needs("root")
def test_podman(t):
    """Podman 4.3 with cgroupfs: full seccomp profile, bound files, memory limit"""
    config = check_engine(t, "podman-4.3")
    t.true(len(config["linux"]["seccomp"]["syscalls"]) > 5, "the fixture has no profile")
    t.true(any(m["destination"] == "/etc/hostname" for m in config["mounts"]), "no bound file")


@needs("root")
def test_resolv_conf(t):
    """files that an engine binds over those of the image are seen inside"""
    rootfs = t.rootfs()
    config = engine_config(t, "podman-4.3", rootfs)
    config["mounts"].append({"destination": "/etc/resolv.conf", "type": "bind",
                             "source": t.path("engine/resolv.conf"),
                             "options": ["bind", "rprivate"]})
    config["process"]["args"] = ["/bin/cat", "/etc/resolv.conf", "/etc/hostname"]
    t.equal(t.run(config, rootfs=rootfs).out, "nameserver 1.1.1.1\nengine\n")


@needs("root")
def test_ctr(t):
    """containerd's ctr 1.6: device rules one by one, no cgroup mount, CPU shares"""
    check_engine(t, "ctr-1.6")


@needs("root", "memory")
def test_podman_memory(t):
    """the engine's memory limit reaches the kernel"""
    rootfs = t.rootfs()
    config = engine_config(t, "podman-4.3", rootfs)
    config["process"]["args"] = ["/bin/sleep", "100000"]
    c = t.background(config, rootfs=rootfs)
    t.equal(kernel.cgroup_value(c.pid, "memory", "memory.limit_in_bytes", "memory.max"),
            str(config["linux"]["resources"]["memory"]["limit"]))


def check_bench(t, name):
    config = json.loads(kernel.read(f"{BENCH}/bundle-{name}.json"))
    result = t.run(config)
    # crun's template asks for ambient capabilities that are not inheritable: a warning.
    expected = "ambient: left out, not both permitted" if name == "a" else ""
    again = t.run(config)
    for run in (result, again):
        t.equal((run.rc, run.out, len(run.err.splitlines())), (0, "", len(expected) and 1))
        t.contains(run.err, expected)
    c = t.create(config)
    c.start()
    c.wait_stopped()
    c.delete()


@needs("root")
def test_bundle_a(t):
    """the default of `spec`, as it is measured"""
    check_bench(t, "a")


@needs("root")
def test_bundle_b(t):
    """as Podman writes it: cgroup namespace and full seccomp profile, as it is measured"""
    check_bench(t, "b")


@needs("root")
def test_bundle_b_is_confined(t):
    """bundle B has its filter, its capabilities and its own namespaces"""
    config = json.loads(kernel.read(f"{BENCH}/bundle-b.json"))
    config["process"]["args"] = ["/bin/sleep", "100000"]
    c = t.background(config)
    t.equal(kernel.own_namespaces(c.pid), {"pid", "net", "ipc", "uts", "mnt", "cgroup"})
    t.equal(kernel.status(c.pid)["Seccomp"], "2")
    bounding = config["process"]["capabilities"]["bounding"]
    t.equal(bin(kernel.capabilities(c.pid)["bnd"]).count("1"), len(bounding))
