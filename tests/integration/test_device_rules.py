"""Which devices may be used: linux.resources.devices, as v1 files and as a v2 program.

The rules are tried on nodes, bound from the host, of a major number that nobody has: an open that
the rules allow fails with "No such device or address", one that they deny with "Operation not
permitted".  A machine that denies such devices itself cannot tell; it sees the kernel's list (v1)
and the program (v2) alone."""
import os

import inside
import kernel
from harness import needs

FREE = 240  # for local use: no driver of a distribution takes it
ALLOWED, DENIED = "No such device or address", "Operation not permitted"


def add_rules(config, *rules):
    """rules as the kernel's v1 files write them: "+ c 240:1 r", "- a" """
    found = config["linux"]["resources"]["devices"]
    for rule in rules:
        sign, kind, *rest = rule.split()
        entry = {"allow": sign == "+", "type": kind, "access": rest[1] if rest else "rwm"}
        for name, number in zip(("major", "minor"), rest[0].split(":") if rest else ()):
            if number != "*":
                entry[name] = int(number)
        found.append(entry)
    return config


def refusal(path, flags):
    """the words of the error that opening a node gives"""
    try:
        os.close(os.open(path, flags))
    except OSError as e:
        return os.strerror(e.errno)
    return "opened"


def share_nodes(t, config, *nodes):
    """bind a directory with these nodes, "c 240:1", at /mnt; their names are 0, 1, .."""
    shared = inside.share(t, config)
    for n, text in enumerate(nodes):
        kind, numbers = text.split()
        major, minor = (int(word) for word in numbers.split(":"))
        os.mknod(f"{shared}/{n}", {"c": 0o20666, "b": 0o60666}[kind], os.makedev(major, minor))
        os.chmod(f"{shared}/{n}", 0o666)
        if refusal(f"{shared}/{n}", os.O_RDONLY) != ALLOWED:
            t.skip("the machine denies such devices to everybody")
    return config


def opens(c, name):
    """what reading and writing the node /mnt/name gives: the words of both errors"""
    return [c.sh(f"exec {sign}/mnt/{name}").err.strip().rsplit(": ", 1)[-1]
            for sign in ("<", ">")]


@needs("root")
def test_denied_by_default(t):
    """after "deny all" the default devices work and no other"""
    config = share_nodes(t, t.config(), f"c {FREE}:1", f"b {FREE}:1")
    c = t.sleeper(config)
    t.equal([opens(c, 0), opens(c, 1)], [[DENIED] * 2] * 2)
    t.equal(c.sh("head -c1 /dev/zero >/dev/null && : </dev/urandom && : </dev/full").rc, 0)


@needs("root")
def test_everything_allowed(t):
    """the twin of denial: "allow all" opens every device"""
    config = share_nodes(t, add_rules(t.config(), "+ a"), f"c {FREE}:1", f"b {FREE}:1")
    c = t.sleeper(config)
    t.equal([opens(c, 0), opens(c, 1)], [[ALLOWED] * 2] * 2)


@needs("root")
def test_access(t):
    """a rule allows the accesses that it names and no others"""
    words = ("r", "w", "rw", "m", "rwm")
    config = share_nodes(t, t.config(), *(f"c {FREE}:{n}" for n in range(len(words))))
    c = t.sleeper(add_rules(config, *(f"+ c {FREE}:{n} {word}" for n, word in enumerate(words))))
    for n, word in enumerate(words):
        t.equal(opens(c, n), [ALLOWED if letter in word else DENIED for letter in "rw"], word)


@needs("root")
def test_numbers_and_types(t):
    """a rule is for its type and numbers; what it leaves out matches all"""
    cases = ((f"c {FREE}:1", True), (f"c {FREE}:2", False), (f"b {FREE}:1", False),
             (f"b {FREE}:2", True), (f"c {FREE + 1}:0", True), (f"c {FREE + 1}:70000", True),
             (f"b {FREE + 1}:1", False), (f"b {FREE + 2}:9", True), (f"c {FREE + 2}:9", False))
    config = share_nodes(t, t.config(), *(node for node, _ in cases))
    c = t.sleeper(add_rules(config, f"+ c {FREE}:1 rw", f"+ b {FREE}:2 rw", f"+ c {FREE + 1}:* rw",
                            f"+ b {FREE + 2}:* rw"))
    for n, (node, allowed) in enumerate(cases):
        t.equal(opens(c, n), [ALLOWED if allowed else DENIED] * 2, node)


@needs("root")
def test_order_of_rules(t):
    """a later rule changes what an earlier one said"""
    config = share_nodes(t, t.config(), *(f"c {FREE}:{n}" for n in range(3)))
    c = t.sleeper(add_rules(config, f"+ c {FREE}:0 rw", f"+ c {FREE}:1 rw", f"- c {FREE}:1 w",
                            f"+ c {FREE}:2 rw", f"- c {FREE}:2 rw", f"+ c {FREE}:2 r"))
    t.equal([opens(c, n) for n in range(3)],
            [[ALLOWED, ALLOWED], [ALLOWED, DENIED], [ALLOWED, DENIED]])


@needs("root")
def test_node_is_no_permission(t):
    """a node of linux.devices that no rule allows is there, but cannot be opened"""
    config = share_nodes(t, t.config(), f"c {FREE}:1")
    config["linux"]["devices"] = [{"path": "/dev/node", "type": "c", "major": FREE, "minor": 1}]
    c = t.sleeper(config)
    t.equal(inside.node(c.pid, "/dev/node")[:3], ("c", FREE, 1))
    t.contains(c.sh("exec </dev/node").err, DENIED)


@needs("root", "devices")
def test_v1_list(t):
    """with cgroup v1 the kernel lists the rules, and nothing that no rule allows"""
    config = add_rules(t.config(), f"+ c {FREE}:* rw", "+ b 259:5 r", f"+ c {FREE + 1}:3 rw",
                       f"- c {FREE + 1}:3 w")
    config["linux"]["devices"] = [{"path": "/dev/n", "type": "c", "major": FREE + 5, "minor": 1}]
    listed = kernel.cgroup_value(t.sleeper(config).pid, "devices", "devices.list").splitlines()
    expected = {f"c {FREE}:* rw", "b 259:5 r", f"c {FREE + 1}:3 r", "c 1:3 rwm", "c 136:* rwm"}
    t.equal(expected - set(listed), set(), f"lacking of {listed}")
    numbers = {line.split()[1] for line in listed if line.split()[2] != "m"}
    t.equal(numbers - {"1:3", "1:5", "1:7", "1:8", "1:9", "5:0", "5:1", "5:2", "136:*", "10:200",
                       f"{FREE}:*", "259:5", f"{FREE + 1}:3"}, set(), "allowed by no rule")


@needs("root", "devices")
def test_v1_everything(t):
    """with cgroup v1 "allow all" is the kernel's own default"""
    listed = kernel.cgroup_value(t.sleeper(add_rules(t.config(), "+ a")).pid, "devices",
                                 "devices.list")
    t.contains(listed, "a *:* rwm")


@needs("root", "v2")
def test_v2_program(t):
    """with cgroup v2 one program guards the container's own cgroup"""
    if "devices" in kernel.cgroup_mounts():
        t.skip("v1 has the rules")
    c = t.sleeper()
    path = kernel.cgroup_dirs(c.pid)[""]
    t.contains(path, t.mark)
    before = kernel.device_programs(os.path.dirname(path))
    t.equal(kernel.device_programs(path), 1, "device programs")
    c.delete("--force")
    t.equal(kernel.device_programs(os.path.dirname(path)), before, "device programs of the parent")


@needs("root")
def test_cgroups_below(t):
    """the rules hold in cgroups that the container makes itself"""
    config = share_nodes(t, t.config("/bin/sleep", "100000"), f"c {FREE}:1")
    config["linux"]["namespaces"].append({"type": "cgroup"})
    next(m for m in config["mounts"] if m["type"] == "cgroup")["options"].remove("ro")
    c = t.background(config)
    result = c.sh("cd /sys/fs/cgroup; [ -d devices ] && cd devices; mkdir own && "
                  "echo $$ >own/cgroup.procs && exec </mnt/0")
    t.contains(result.err, DENIED)
