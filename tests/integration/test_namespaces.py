"""Namespaces: new, shared and joined; host names; clocks; kernel parameters."""
import os
import re

import inside
import kernel
from bundle import add_user_namespace
from harness import needs

PROC_NAMES = {"network": "net", "mount": "mnt"}
DEFAULT = {"pid", "net", "ipc", "uts", "mnt"}


def listing(config, *kinds):
    """let the config have exactly these new namespaces; the host's network has no sysfs of ours,
    its cgroup file system no part of ours"""
    config["linux"]["namespaces"] = [{"type": kind} for kind in kinds]
    config.pop("hostname", None)
    config["mounts"] = [m for m in config["mounts"]
                        if m["type"] in ("proc", "tmpfs", "devpts") or "ipc" in kinds
                        and m["type"] == "mqueue"]
    return config


@needs("root")
def test_default(t):
    """the namespaces of the config are new, all others are the caller's"""
    t.equal(kernel.own_namespaces(t.sleeper().pid), DEFAULT)


@needs("root")
def test_each_new(t):
    """each kind of namespace can be new all alone, beside mount (and pid for user)"""
    for kind in ("pid", "network", "ipc", "uts", "cgroup", "time", "user"):
        config = listing(t.config(), "mount", *["pid"] if kind == "user" else [kind])
        expected = {"mnt", PROC_NAMES.get(kind, kind)}
        if kind == "user":  # procfs can be mounted there only with a pid namespace
            add_user_namespace(config)
            expected.add("pid")
        if "pid" not in expected:
            config["linux"]["maskedPaths"] = config["linux"]["readonlyPaths"] = []
        t.equal(kernel.own_namespaces(t.sleeper(config).pid), expected, kind)


def joins(kind, *flags, **how):
    """a test: the container enters a namespace that another process has"""
    def test(t):
        holder = t.spawn("unshare", *flags, "sleep", "100000")
        name = PROC_NAMES.get(kind, kind)
        pid = holder.pid

        def ready():
            nonlocal pid
            pid = (kernel.descendants(holder.pid) or [0])[-1] if how.get("fork") else holder.pid
            return pid and kernel.argv(pid) == ["sleep", "100000"]
        t.wait_until(ready, what="the namespace's holder")
        config = t.config()
        spaces = [ns for ns in config["linux"]["namespaces"] if ns["type"] != kind]
        config["linux"]["namespaces"] = spaces + [{"type": kind, "path": f"/proc/{pid}/ns/{name}"}]
        if kind == "uts":
            del config["hostname"]
        c = t.sleeper(config)
        t.equal(kernel.namespace(c.pid, name), kernel.namespace(pid, name))
        t.equal(kernel.own_namespaces(c.pid), DEFAULT | {name})
    test.__doc__ = f"a {kind} namespace given by its path is entered"
    return needs("root")(test)


test_joins_network = joins("network", "--net")
test_joins_ipc = joins("ipc", "--ipc")
test_joins_uts = joins("uts", "--uts")
test_joins_pid = joins("pid", "--pid", "--kill-child", "--fork", fork=True)
test_joins_cgroup = joins("cgroup", "--cgroup")
test_joins_time = joins("time", "--time", "--fork", "--kill-child", fork=True)


def with_new_user(kind, *flags, **how):
    """a test: the container joins a namespace of the host's and has a user namespace of its own"""
    def test(t):
        holder = t.spawn("unshare", *flags, "sleep", "100000")
        name = PROC_NAMES.get(kind, kind)
        pid = holder.pid

        def ready():
            nonlocal pid
            pid = (kernel.descendants(holder.pid) or [0])[-1] if how.get("fork") else holder.pid
            return pid and kernel.argv(pid) == ["sleep", "100000"]
        t.wait_until(ready, what="the namespace's holder")
        config = add_user_namespace(t.config())
        spaces = [ns for ns in config["linux"]["namespaces"] if ns["type"] != kind]
        config["linux"]["namespaces"] = spaces + [{"type": kind, "path": f"/proc/{pid}/ns/{name}"}]
        if kind == "uts":
            del config["hostname"]
        gone = {"ipc": ("mqueue",), "pid": ("proc",)}.get(kind, ())
        config["mounts"] = [m for m in config["mounts"] if m["type"] not in gone]
        if kind == "pid":
            config["linux"]["maskedPaths"] = config["linux"]["readonlyPaths"] = []
        inside.set_capabilities(config, "SYS_ADMIN", "NET_ADMIN")
        for c in (t.sleeper(config), t.create(config)):
            t.equal(kernel.namespace(c.pid, name), kernel.namespace(pid, name))
            t.equal(kernel.own_namespaces(c.pid), DEFAULT | {name, "user"})
            t.equal(kernel.status(c.pid)["Uid"].split(), ["100000"] * 4)
            t.equal(kernel.id_map(c.pid), [(0, 100000, 65536)])
        t.equal(c.start().rc, 0)
        t.wait_until(lambda: kernel.has_executed(c.pid), what="the payload")
        result = c.sh("id -u; hostname nobody; ip link set lo mtu 1400")
        t.equal(result.out, "0\n", result.err)
        refused = {"uts": "hostname", "network": "ip"}
        for which, word in refused.items():
            t.equal(f"{word}: " in result.err, which == kind, f"{word} says: {result.err}")
    test.__doc__ = f"a {kind} namespace is joined by a container with a new user namespace, whose " \
                   "root has no power over it"
    return needs("root")(test)


test_new_user_joins_network = with_new_user("network", "--net")
test_new_user_joins_ipc = with_new_user("ipc", "--ipc")
test_new_user_joins_uts = with_new_user("uts", "--uts")
test_new_user_joins_pid = with_new_user("pid", "--pid", "--kill-child", "--fork", fork=True)
test_new_user_joins_cgroup = with_new_user("cgroup", "--cgroup")
test_new_user_joins_time = with_new_user("time", "--time", "--fork", "--kill-child", fork=True)


@needs("root")
def test_joins_user(t):
    """a user namespace given by its path is entered, with its mappings"""
    first = t.sleeper(add_user_namespace(t.config()))
    config = t.config()
    config["linux"]["namespaces"] += [{"type": "user", "path": f"/proc/{first.pid}/ns/user"}]
    second = t.sleeper(config)
    t.equal(kernel.namespace(second.pid, "user"), kernel.namespace(first.pid, "user"))
    t.equal(kernel.status(second.pid)["Uid"].split(), ["100000"] * 4)
    t.equal(kernel.own_namespaces(second.pid), DEFAULT | {"user"})


@needs("root")
def test_joined_pid_namespace(t):
    """a container in another's pid namespace is seen there, and ends with it"""
    first = t.sleeper()
    config = t.config()
    config["linux"]["namespaces"] = [
        {"type": "pid", "path": f"/proc/{first.pid}/ns/pid"} if ns["type"] == "pid" else ns
        for ns in config["linux"]["namespaces"]]
    second = t.sleeper(config)
    t.equal(len(kernel.status(second.pid)["NSpid"].split()), 2, "levels of pids")
    inner = kernel.status(second.pid)["NSpid"].split()[1]
    t.contains(first.exec("/bin/cat", f"/proc/{inner}/cmdline").out, "sleep", "ps in the first")
    first.kill()
    second.wait_stopped()


@needs("root")
def test_wrong_namespaces_refused(t):
    """a path of another kind of namespace, of no namespace and of nothing is refused"""
    for kind, path in (("network", "/proc/self/ns/uts"), ("pid", "/proc/self/ns/mnt"),
                       ("ipc", "/proc/self/ns/user"), ("uts", "/etc/passwd"),
                       ("ipc", "/proc/self/ns"), ("network", "/nowhere/net"),
                       ("network", "relative")):
        config = t.config()
        config["linux"]["namespaces"] = [
            dict(ns, path=path) if ns["type"] == kind else ns
            for ns in config["linux"]["namespaces"]]
        t.fails(t.run(config), rc=1)


@needs("root")
def test_duplicates_refused(t):
    """a kind that is listed twice is refused"""
    config = t.config()
    config["linux"]["namespaces"].append({"type": "ipc"})
    t.fails(t.run(config), "linux.namespaces", rc=1)


@needs("root")
def test_host_names(t):
    """hostname and domainname are the container's and leave the host's alone"""
    files = ["/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname"]
    names = [kernel.read(file) for file in files]
    config = t.config()
    config["hostname"], config["domainname"] = "skiff-host", "skiff.example"
    result = t.sh("cat /proc/sys/kernel/hostname /proc/sys/kernel/domainname; hostname", config)
    t.equal(result.out, "skiff-host\nskiff.example\nskiff-host\n")
    t.equal([kernel.read(file) for file in files], names, "the host's")


@needs("root")
def test_host_names_need_uts(t):
    """names for the host's own uts namespace are refused, and nothing is renamed"""
    name = os.uname().nodename
    for key in ("hostname", "domainname"):
        config = t.config()
        config.pop("hostname")
        config[key] = "renamed"
        config["linux"]["namespaces"].remove({"type": "uts"})
        t.fails(t.run(config), rc=1)
    t.equal(os.uname().nodename, name)


@needs("root")
def test_time_offsets(t):
    """the clocks of a new time namespace are moved as configured"""
    config = t.config()
    config["linux"]["namespaces"].append({"type": "time"})
    config["linux"]["timeOffsets"] = {"boottime": {"secs": 1000000, "nanosecs": 5},
                                      "monotonic": {"secs": 2000}}
    result = t.sh("cut -d. -f1 /proc/uptime; sed 's/ \\+/ /g' /proc/self/timens_offsets", config)
    uptime, *offsets = result.out.splitlines()
    moved = int(uptime) - float(kernel.read("/proc/uptime").split()[0])
    t.true(abs(moved - 1000000) < 600, f"uptime is moved by {moved}")
    t.equal([line.split() for line in offsets],
            [["monotonic", "2000", "0"], ["boottime", "1000000", "5"]])


@needs("root")
def test_time_offsets_need_namespace(t):
    """offsets without a new time namespace are refused"""
    config = t.config()
    config["linux"]["timeOffsets"] = {"monotonic": {"secs": 2000}}
    t.fails(t.run(config), "timeOffsets", rc=1)


@needs("root")
def test_loopback(t):
    """a new network namespace has its loopback interface up, and no other interface"""
    result = t.sh("ls /sys/class/net; cat /sys/class/net/lo/flags; ip addr show lo")
    names, flags = result.out.splitlines()[:2]
    t.equal(names, "lo", "interfaces")
    t.true(int(flags, 16) & 1, "lo is down")
    t.true(re.search(r"inet 127\.0\.0\.1/8", result.out), "lo has no address")


@needs("root")
def test_pid_namespace(t):
    """the payload is process 1 and sees only its own"""
    result = t.sh("echo $$; ls -d /proc/[0-9]*")
    t.equal(result.out.split()[:2], ["1", "/proc/1"])
    t.true(len(result.out.split()) <= 3, f"processes seen: {result.out}")


@needs("root")
def test_cgroup_namespace(t):
    """in a cgroup namespace of its own the container's cgroup is the root"""
    config = t.config()
    outside = {line.split(":", 2)[2] for line in t.sh("cat /proc/self/cgroup").out.splitlines()}
    t.true(any(t.mark in path for path in outside), f"without a namespace: {outside}")
    config["linux"]["namespaces"].append({"type": "cgroup"})
    paths = {line.split(":", 2)[2] for line in t.sh("cat /proc/self/cgroup", config)
             .out.splitlines()}
    t.equal(paths, {"/"})


@needs("root")
def test_sysctl(t):
    """parameters of the container's namespaces are set there and only there"""
    known = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "12345",
             "net.ipv4.ping_group_range": "0 1", "net/ipv4/conf/lo/forwarding": "1"}
    files = ["/proc/sys/" + name.replace(".", "/") for name in known]
    before = [kernel.read(file) for file in files]
    config = t.config()
    config["linux"]["sysctl"] = known
    result = t.sh("cat " + " ".join(files), config)
    t.equal([line.split() for line in result.out.splitlines()],
            [value.split() for value in known.values()])
    t.equal([kernel.read(file) for file in files], before, "the host's")


@needs("root")
def test_sysctl_of_the_host_refused(t):
    """a parameter that would be the host's is refused and not set"""
    before = kernel.read("/proc/sys/net/ipv4/ip_forward"), kernel.read("/proc/sys/vm/swappiness")
    for name, value, without in (("vm.swappiness", "61", None),
                                 ("net.ipv4.ip_forward", "1", "network"),
                                 ("kernel.msgmax", "12345", "ipc"),
                                 ("kernel.hostname", "x", "uts"),
                                 ("net.ipv4/../../vm/swappiness", "61", None)):
        config = t.config()
        config["linux"]["sysctl"] = {name: value}
        if without:
            config["linux"]["namespaces"].remove({"type": without})
            config.pop("hostname")
            config["mounts"] = [m for m in config["mounts"]
                                if m["type"] not in ("sysfs", "mqueue")]
        t.fails(t.run(config), "linux.sysctl", rc=1)
    t.equal((kernel.read("/proc/sys/net/ipv4/ip_forward"), kernel.read("/proc/sys/vm/swappiness")),
            before)
