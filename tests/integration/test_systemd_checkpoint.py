"""checkpoint and restore with --cgroup-manager systemd: what criu makes again lives in a scope, too."""
import subprocess

import kernel
import systemd
from harness import Container, limit, needs, tag
from test_checkpoint import COUNT, TMP, goes_on, number

MANAGER = "--systemd-cgroup"
LIMIT = 64 << 20


def start(t, ident, path, *command):
    """without streams, which criu would compare"""
    null = subprocess.DEVNULL
    process = t.spawn(t.binary, "--root", t.root, MANAGER, *command, "--detach", "--bundle", path, "--pid-file",
                      t.path("pid"), ident, stdin=null, stdout=null, stderr=null)
    t.equal(process.wait(60), 0, f"status of {command[0]}")
    return Container(t, ident, path, int(kernel.read(t.path("pid"))))


def expect_scope(t, c, unit):
    t.true(systemd.place(c.pid).startswith(f"/system.slice/{unit}/"), systemd.place(c.pid))
    t.equal(systemd.show(unit, "ActiveState", "MemoryMax"), {"ActiveState": "active", "MemoryMax": str(LIMIT)})


@needs("root", "vm", "systemd", "cmd:criu")
@tag("systemd")
@limit(40)
def test_scope(t):
    """the scope ends with the checkpoint; a restore has one of its own, with the limits, and delete ends it"""
    config = t.config("/bin/sh", "-c", COUNT)
    config["mounts"].append(TMP)
    ident = t.new_id()
    unit = f"skiff-{ident}.scope"
    config["linux"]["cgroupsPath"] = f"system.slice:skiff:{ident}"
    config["linux"].setdefault("resources", {})["memory"] = {"limit": LIMIT}
    path, image = t.bundle(config), t.path("image")
    c = start(t, ident, path, "run")
    t.wait_until(lambda: number(c) > 2, what="some counting")
    expect_scope(t, c, unit)
    begun = number(c)
    t.ok(MANAGER, "checkpoint", "--image-path", image, ident, timeout=60)
    t.wait_until(lambda: not systemd.is_loaded(unit), what="the scope's end")
    r = start(t, ident, path, "restore", "--image-path", image)
    t.true(goes_on(t, r) >= begun, "it began anew")
    expect_scope(t, r, unit)
    t.ok("delete", "--force", ident)
    t.wait_until(lambda: not systemd.is_loaded(unit), what="the scope's end")
    t.equal(systemd.directories(f"/system.slice/{unit}"), [])
