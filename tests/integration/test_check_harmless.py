"""skiff check has no side effects."""
import os

import kernel
import leaks
from attack import all_or_failure


def test_no_side_effects(t):
    """check makes and changes nothing: no state, cgroup, mount, file or process"""
    rootfs, evil = t.rootfs(), t.path("evil")
    config = t.config()
    config["mounts"].append({"destination": "/new/point", "type": "tmpfs", "source": "x"})
    config["hooks"] = {"createRuntime": [{"path": "/bin/touch", "args": ["touch", evil]}]}
    config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
    path, root = t.bundle(config, rootfs), t.path("unmade")

    def names():
        return sorted(os.path.join(where, n) for top in (rootfs, path, t.root)
                      for where, dirs, files in os.walk(top) for n in dirs + files)
    before, mounts = names(), leaks.mounts()
    groups = {p: os.listdir(p) for p in set(kernel.cgroup_mounts().values())}
    forward = kernel.read("/proc/sys/net/ipv4/ip_forward")
    result = t.command(t.binary, "--root", root, "check", path)
    t.equal(result.rc, 0, f"exit status ({result.out})")
    t.true(not os.path.exists(root), "check made the state directory")
    t.true(not os.path.exists(evil), "check ran a hook")
    t.equal(names(), before, "files")
    t.equal(leaks.mounts(), mounts, "mounts")
    t.equal(kernel.read("/proc/sys/net/ipv4/ip_forward"), forward, "the host's ip_forward")
    all_or_failure([f"new cgroup {p}/{n}" for p, old in groups.items()
                    for n in set(os.listdir(p)) - set(old) if "skt" not in n])
