"""/etc/passwd and /etc/group of a hostile image: whatever they are, a container starts at once,
with little memory, as the user that the config says."""
import os
import time

import kernel
from attack import Canary, link
from harness import SLOW

LIMIT = 1 << 20  # KiB of private memory for each process


def fifo(path):
    os.mkfifo(path)


def sparse(path):
    with open(path, "w", encoding="utf-8") as f:
        f.truncate(4 << 30)


def long_line(path):
    """one line of 200 MB that ends like an entry"""
    with open(path, "w", encoding="utf-8") as f:
        for _ in range(200):
            f.write("x" * (1 << 20))
        f.write(":x:0:0:root:/evil:/bin/sh\n")


def nul_bytes(path):
    with open(path, "wb") as f:
        f.write(b"\0root:x:0:0::/evil\0:/bin/sh\n\0\0\n" * 100)


def fields(path):
    with open(path, "w", encoding="utf-8") as f:
        f.write(":" * 100000 + "\n" + "root:x\n" + "root:x:0\n:::0:::\n")


def linked(target):
    return lambda path: os.symlink(target, path)


CASES = {
    "fifo": fifo,
    "directory": os.mkdir,
    "endless device": linked("/dev/zero"),
    "random device": linked("/dev/urandom"),
    "terminal": linked("/dev/tty"),
    "loop": linked("passwd"),
    "own memory": linked("/proc/self/mem"),
    "kernel log": linked("/proc/kmsg"),
    "sparse": sparse,
    "long line": long_line,
    "nul bytes": nul_bytes,
    "many fields": fields,
    "missing": lambda path: None,
}


def home(t, rootfs, seconds=1):
    """HOME of root in a container, which must start in time and without much memory: the peak of
    the program itself is looked at, all of its processes have a limit"""
    config, ident = t.config("/bin/sh", "-c", "echo $HOME; exec sleep 100000"), t.new_id()
    command = (f"ulimit -d {LIMIT}; exec {t.binary} --root {t.root} run "
               f"--bundle {t.bundle(config, rootfs)} {ident}")
    begin, name = time.monotonic(), t.path("home")
    with open(name, "w", encoding="utf-8") as out:
        process = t.spawn("/bin/sh", "-c", command, stdout=out, stderr=out)
    t.wait_until(lambda: kernel.read(name) or process.poll() is not None, seconds, "the start")
    t.true(process.poll() is None, f"it ended: {kernel.read(name)!r}")
    t.true(time.monotonic() - begin < seconds * SLOW, "the start took too long")
    peak = int(kernel.status(process.pid)["VmHWM"].split()[0])
    t.true(peak < 8192, f"it used {peak} KiB")
    t.ok("delete", "--force", ident)
    process.wait()
    return kernel.read(name).strip()


def test_home_is_looked_up(t):
    """twin: with an honest /etc/passwd the user gets its home directory"""
    t.equal(home(t, t.shared_rootfs), "/root", "HOME")


def test_hostile_passwd(t):
    """an /etc/passwd that blocks, never ends or is huge holds up no start: HOME is /"""
    for name, make in CASES.items():
        t.note(name)
        rootfs = t.rootfs()
        os.unlink(f"{rootfs}/etc/passwd")
        make(f"{rootfs}/etc/passwd")
        t.equal(home(t, rootfs), "/", "HOME")
        if name == "long line":
            os.unlink(f"{rootfs}/etc/passwd")


def test_hostile_group(t):
    """/etc/group is not read, hence cannot hold up a start"""
    for name in ("fifo", "endless device", "sparse"):
        t.note(name)
        rootfs = t.rootfs()
        os.unlink(f"{rootfs}/etc/group")
        CASES[name](f"{rootfs}/etc/group")
        t.equal(home(t, rootfs), "/root", "HOME")


def test_hostile_passwd_at_exec(t):
    """exec and create do not wait for a FIFO either, and what was created can be deleted"""
    rootfs = t.rootfs()
    c = t.sleeper(rootfs=rootfs)
    t.equal(c.sh("echo $HOME").out, "/root\n", "twin: HOME")
    os.unlink(f"{rootfs}/etc/passwd")
    fifo(f"{rootfs}/etc/passwd")
    result = c.sh("echo $HOME", timeout=3)
    t.equal((result.rc, result.out), (0, "/\n"), "HOME after exec")
    waiting = t.create(rootfs=rootfs)
    waiting.delete("--force")


def test_passwd_is_a_link_to_the_host(t):
    """an absolute link is followed in the container, not on the host"""
    canary, rootfs = Canary(t), t.rootfs()
    with open(f"{canary.path}/passwd", "w", encoding="utf-8") as f:
        f.write("root:x:0:0::/pwned:/bin/sh\n")
    canary.seen = canary.snapshot()
    for target in (f"{canary.path}/passwd", "../" * 30 + f"{canary.path[1:]}/passwd",
                   f"/proc/1/root{canary.path}/passwd", f"/proc/self/root{canary.path}/passwd"):
        t.note(target)
        link(rootfs, "etc/passwd", target)
        t.equal(home(t, rootfs), "/", "HOME")
    os.rename(f"{rootfs}/etc", f"{rootfs}/etc.old")
    os.symlink(canary.path, f"{rootfs}/etc")
    t.equal(home(t, rootfs), "/", "HOME")
    canary.check()


def test_numeric_names(t):
    """a name that is a number gives nobody another id (CVE-2016-3697)"""
    rootfs = t.rootfs()
    with open(f"{rootfs}/etc/passwd", "w", encoding="utf-8") as f:
        f.write("1000:x:0:0:evil:/evil:/bin/sh\nroot:x:4:4::/four:/bin/sh\n"
                "4294968296:x:0:0::/evil:/bin/sh\nuser:x:1000:7::/home:/bin/sh\n")
    c = t.sleeper(rootfs=rootfs)
    result = t.ok("exec", "--user", "1000", c.id, "sh", "-c", "id -u; id -g; echo $HOME")
    t.equal(result.out.split(), ["1000", "0", "/home"], "ids and HOME of exec --user 1000")
    config = t.config("sh", "-c", "id -u; id -g; echo $HOME")
    config["process"]["user"] = {"uid": 1000, "gid": 1000}
    t.equal(t.run(config, rootfs=rootfs).out.split(), ["1000", "1000", "/home"], "of run")
