"""update of the device rules of a live container: as v1 files and as a v2 program.

Nodes and words are those of test_device_rules.py."""
import json
import os

import inside
import kernel
from harness import needs
from test_device_rules import ALLOWED, DENIED, FREE, add_rules, opens, share_nodes

SOME = [f"c {FREE}:{n}" for n in range(4)]

# Opens, again and again, what is always allowed and what never is; reports what is wrong.
WATCH = """
import errno, os, sys
print("ready", flush=True)
while not os.path.exists("/mnt/stop"):
    for name, expected in (("0", errno.ENXIO), ("3", errno.EPERM)):
        try:
            os.close(os.open("/mnt/" + name, os.O_RDWR))
            found = 0
        except OSError as e:
            found = e.errno
        if found != expected:
            print(name, errno.errorcode.get(found), flush=True)
print("done", flush=True)
"""


def rules(*words):
    return add_rules({"linux": {"resources": {"devices": []}}},
                     *words)["linux"]["resources"]["devices"]


def change(t, c, *words, also=None):
    """update with these rules, in add_rules's form"""
    return t.skiff("update", "--resources", "-", c.id,
                   input=json.dumps({"devices": rules(*words), **(also or {})}))


def changed(t, c, *words):
    t.equal(change(t, c, *words).err, "")


def seen(c, n=4):
    """for each node: the letters of what may be done with it"""
    found = []
    for name in range(n):
        answers = opens(c, name)
        assert set(answers) <= {ALLOWED, DENIED}, answers
        found.append("".join(letter for letter, answer in zip("rw", answers)
                             if answer == ALLOWED))
    return found


def sleeper(t, *words):
    return t.sleeper(add_rules(share_nodes(t, t.config(), *SOME), *words))


@needs("root")
def test_rules_are_added(t):
    """new rules count after those in force, which stay; later updates know earlier ones"""
    c = sleeper(t, f"+ c {FREE}:0 rw")
    t.equal(seen(c), ["rw", "", "", ""])
    changed(t, c, f"+ c {FREE}:1 rw", f"+ c {FREE}:2 r")
    t.equal(seen(c), ["rw", "rw", "r", ""])
    changed(t, c, f"- c {FREE}:1 w")
    t.equal(seen(c), ["rw", "r", "r", ""])
    changed(t, c, f"- c {FREE}:0 rwm", f"+ c {FREE}:2 w")
    t.equal(seen(c), ["", "r", "rw", ""])
    changed(t, c, f"+ c {FREE}:* rw")
    t.equal(seen(c), ["rw"] * 4)
    changed(t, c, f"- c {FREE}:* rwm")
    t.equal(seen(c), [""] * 4)


@needs("root")
def test_open_before_and_after(t):
    """the default devices work whatever the rules are, also those denied by name"""
    c = sleeper(t)
    for words in (["- a"], ["- c 1:3 rwm", "- c 5:0 rw"], ["- c *:* rwm"], ["- a", f"+ c {FREE}:0 r"]):
        changed(t, c, *words)
        t.equal(c.sh("head -c1 /dev/zero >/dev/null && : </dev/urandom && : </dev/full").err, "")


@needs("root")
def test_whole_list(t):
    """a list that begins with "deny all", as engines send it, is all that holds then"""
    c = sleeper(t, f"+ c {FREE}:0 rw", f"+ c {FREE}:1 r")
    changed(t, c, "- a", f"+ c {FREE}:1 rw", f"+ c {FREE}:2 w")
    t.equal(seen(c), ["", "rw", "w", ""])
    changed(t, c, "- a")
    t.equal(seen(c), [""] * 4)


@needs("root")
def test_from_everything(t):
    """a container that was allowed everything can be restricted"""
    c = sleeper(t, "+ a")
    t.equal(seen(c), ["rw"] * 4)
    changed(t, c, f"- c {FREE}:1 w", f"- c {FREE}:2 rwm")
    t.equal(seen(c), ["rw", "r", "", "rw"])
    changed(t, c, f"+ c {FREE}:2 r")
    t.equal(seen(c), ["rw", "r", "r", "rw"])
    changed(t, c, "- a", f"+ c {FREE}:3 rw")
    t.equal(seen(c), ["", "", "", "rw"])
    t.equal(c.sh(": </dev/null").err, "")


@needs("root")
def test_to_everything(t):
    """a container can be allowed everything, and all but something"""
    c = sleeper(t, f"+ c {FREE}:0 r")
    changed(t, c, "+ a")
    t.equal(seen(c), ["rw"] * 4)
    changed(t, c, "+ a", f"- c {FREE}:3 rw")
    t.equal(seen(c), ["rw", "rw", "rw", ""])


@needs("root")
def test_at_once(t):
    """while rules change nothing is refused that both lists allow, or allowed that neither does"""
    config = add_rules(share_nodes(t, t.config(), *SOME), f"+ c {FREE}:0 rw")
    shared = next(m["source"] for m in config["mounts"] if m["destination"] == "/mnt")
    inside.set_python(config, WATCH)
    with open(t.path("log"), "w+") as log:
        path, ident = t.bundle(config), t.new_id()
        process = t.spawn(t.binary, "--root", t.root, "run", "--bundle", path, ident, stdout=log,
                          stderr=log)
        t.wait_until(lambda: "ready" in kernel.read(t.path("log")), 20, "the payload")
        c = type("C", (), {"id": ident})
        for _ in range(10):
            for words in ([f"+ c {FREE}:1 rw"], [f"- c {FREE}:1 w", f"+ c {FREE}:2 r"],
                          ["- a", f"+ c {FREE}:0 rw"], ["- a", f"+ c {FREE}:0 rwm",
                                                        f"+ c {FREE}:2 r"]):
                changed(t, c, *words)
        open(shared + "/stop", "w").close()
        t.equal(process.wait(20), 0)
    t.equal(kernel.read(t.path("log")).split("\n"), ["ready", "done", ""])


@needs("root", "v2")
def test_one_program(t):
    """with cgroup v2 one program takes the place of another"""
    if "devices" in kernel.cgroup_mounts():
        t.skip("v1 has the rules")
    for words in ([], ["+ a"]):
        c = sleeper(t, *words)
        path = kernel.cgroup_dirs(c.pid)[""]
        for n in range(3):
            changed(t, c, f"+ c {FREE}:{n} rw")
            t.equal(kernel.device_programs(path), 1, "device programs")


@needs("root", "v2")
def test_put_back(t):
    """rules that cannot be recorded for the next update do not stay in force, nor do the limits
    that came with them"""
    if "devices" in kernel.cgroup_mounts():
        t.skip("v1 has the rules")
    for words in ([f"+ c {FREE}:0 r"], ["+ a"]):
        c = sleeper(t, *words)
        before = seen(c)
        os.mkdir(f"{t.root}/{c.id}/devices.json.new")
        t.fails(change(t, c, "- a", f"+ c {FREE}:1 rw",
                       also={"unified": {"cgroup.max.depth": "3"}}), "devices.json", rc=1)
        os.rmdir(f"{t.root}/{c.id}/devices.json.new")
        t.equal(seen(c), before)
        t.equal(kernel.cgroup_value(c.pid, "", "cgroup.max.depth"), "max")
        changed(t, c, f"+ c {FREE}:1 r")
        t.equal(seen(c)[1], "rw" if words == ["+ a"] else "r")


@needs("root", "devices")
def test_v1_holes(t):
    """with cgroup v1 a part of a wider permission cannot be denied: refused, and nothing changes"""
    c = sleeper(t, f"+ c {FREE}:* rw")
    listed = kernel.cgroup_value(c.pid, "devices", "devices.list")
    t.fails(change(t, c, f"+ c {FREE + 1}:1 r", f"- c {FREE}:1 w"), "devices", "cgroup v1", rc=1)
    t.equal(kernel.cgroup_value(c.pid, "devices", "devices.list"), listed)


@needs("root", "devices")
def test_v1_keeps_what_others_added(t):
    """with cgroup v1 the kernel's own list is what is in force, whoever wrote it"""
    c = sleeper(t)
    with open(kernel.cgroup_dirs(c.pid)["devices"] + "/devices.allow", "w") as f:
        f.write(f"c {FREE}:2 rw")
    changed(t, c, f"+ c {FREE}:1 rw")
    t.equal(seen(c), ["", "rw", "rw", ""])


@needs("root", "devices")
def test_v1_refused_by_the_parent(t):
    """what the parent cgroup denies is refused, and what was allowed before it is taken back"""
    parent = f"{kernel.cgroup_mounts()['devices']}/{t.mark}-parent"
    os.mkdir(parent)
    with open(parent + "/devices.deny", "w") as f:
        f.write(f"c {FREE}:3 rw")
    config = add_rules(share_nodes(t, t.config(), *SOME), f"+ c {FREE}:0 rw")
    config["linux"]["cgroupsPath"] = f"/{t.mark}-parent/{t.mark}-own"
    c = t.sleeper(config)
    listed = kernel.cgroup_value(c.pid, "devices", "devices.list")
    t.fails(change(t, c, f"+ c {FREE}:1 rw", f"+ c {FREE}:3 rw"), "devices.allow", rc=1)
    t.equal(kernel.cgroup_value(c.pid, "devices", "devices.list"), listed)
    c.delete("--force")
    for point in set(kernel.cgroup_mounts().values()):
        if os.path.isdir(f"{point}/{t.mark}-parent"):
            os.rmdir(f"{point}/{t.mark}-parent")
