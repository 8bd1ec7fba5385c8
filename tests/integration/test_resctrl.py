"""linux.intelRdt.  No kernel that the tests meet has resctrl: what is done with it is proven by
tests/unit/test_resctrl.c on a directory that stands for it; here is what holds without."""
import json
import os

import kernel
from harness import needs


def no_resctrl(t):
    if any(m.fstype == "resctrl" for m in kernel.mountinfo()):
        t.skip("this machine has resctrl")


@needs("root")
def test_not_mounted(t):
    """refused with what to do, and nothing is left"""
    no_resctrl(t)
    for rdt in ({"l3CacheSchema": "L3:0=f"}, {"closID": "gold"}, {"enableMonitoring": True}, {}):
        config = t.config()
        config["linux"]["intelRdt"] = rdt
        t.note(rdt)
        t.fails(t.run(config), "linux.intelRdt", "no resctrl file system is mounted",
                "mount -t resctrl")
        t.equal([d for d in os.listdir(t.root) if not d.startswith(".")], [], "containers")


@needs("root")
def test_delete_removes_groups(t):
    """delete removes the groups that the record names as the container's own, and a shared class
    only when the container made it; exec joins them first"""
    c = t.sleeper()
    own, shared, joined = (t.path(name) for name in ("own", "shared", "joined"))
    for path in (own, shared, joined):
        os.mkdir(path)
    state = f"{t.root}/{c.id}/state.json"
    record = json.loads(kernel.read(state))
    record["resctrl"] = [{"path": joined, "own": False}]
    rewrite(state, record)
    open(joined + "/tasks", "w", encoding="utf-8").close()
    t.equal(c.exec("/bin/true").rc, 0, "exec")
    pid = int(kernel.read(joined + "/tasks"))
    t.true(pid > 1 and pid != c.pid, f"the pid in tasks is exec's: {pid}")
    record["resctrl"] = [{"path": shared, "own": False}, {"path": own, "own": True}]
    rewrite(state, record)
    c.kill()
    c.wait_stopped()
    c.delete()
    t.equal((os.path.exists(own), os.path.exists(shared)), (False, True))


def rewrite(path, record):
    with open(path, "w", encoding="utf-8") as f:
        json.dump(record, f)
