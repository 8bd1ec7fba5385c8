"""The root: --no-pivot, propagation words, joined mount namespaces; nodes where mknod is forbidden;
the terminal's devpts."""
import os
import subprocess

import inside
import kernel
from harness import needs
from test_devices import add_node
from test_mounts_kinds import tags


@needs("root")
def test_no_pivot(t):
    """--no-pivot gives the same root, without pivot_root"""
    for command in (["run", "--detach"], ["create"]):
        config = t.config("/bin/sleep", "100000")
        ident = t.new_id()
        t.ok(*command, "--no-pivot", "--pid-file", t.path("pid"), "--bundle", t.bundle(config),
             ident)
        pid = int(kernel.read(t.path("pid")))
        if command == ["create"]:
            t.ok("start", ident)
        t.wait_until(lambda pid=pid: kernel.has_executed(pid), what="the payload")
        points = [m.point for m in kernel.mountinfo(pid)]
        t.equal(points.count("/"), 1, "roots")
        t.true({"/proc", "/dev", "/sys"} <= set(points), f"{points}")
        t.equal(t.skiff("exec", ident, "/bin/ls", "/").out.split()[:3], ["bin", "dev", "etc"])
        t.true("ro" in kernel.mount_at(pid, "/").options, "root.readonly")


@needs("root", "cmd:nsenter")
def test_no_pivot_leaves_no_mounts(t):
    """below the root of --no-pivot is the bare old root: who takes the root away finds none of the
    host's other mounts"""
    mounted = t.path("with blank")
    os.mkdir(mounted)
    subprocess.run(["mount", "-t", "tmpfs", "none", mounted], check=True)
    try:
        with open(mounted + "/secret", "w", encoding="utf-8") as f:
            f.write("x")
        host = [m[1:] for m in kernel.mountinfo()]
        config = inside.set_capabilities(t.config("/bin/sleep", "100000"), "SYS_ADMIN")
        c = t.background(config, "--no-pivot")
        t.equal([m[1:] for m in kernel.mountinfo()], host, "the host's mounts")
        t.equal(c.sh("umount -l /").rc, 0)
        seen = t.command("nsenter", "-t", c.pid, "-m", "/bin/ls", "-A", "/proc", "/sys", mounted)
        lines = [line for line in seen.out.split("\n") if line and not line.endswith(":")]
        t.equal((seen.rc, lines), (0, []), f"left: {seen}")
        t.equal([m[1:] for m in kernel.mountinfo()], host, "the host's mounts")
    finally:
        subprocess.run(["umount", mounted], check=True)


def stack(top):
    """mounts below top, each covered by one on top that the next one lies in"""
    for layer in range(4):
        deep = f"{top}/deep{layer}"
        os.mkdir(deep)
        subprocess.run(["mount", "-t", "tmpfs", "none", deep], check=True)
        with open(f"{deep}/secret", "w", encoding="utf-8") as f:
            f.write("x")
        subprocess.run(["mount", "-t", "tmpfs", "none", top], check=True)


@needs("root", "cmd:nsenter")
def test_no_pivot_leaves_no_covered_mounts(t):
    """mounts of the host that others cover go, too, as deep as they lie"""
    top = t.path("top")
    os.mkdir(top)
    try:
        stack(top)
        host = [m[1:] for m in kernel.mountinfo()]
        config = inside.set_capabilities(t.config("/bin/sleep", "100000"), "SYS_ADMIN")
        c = t.background(config, "--no-pivot")
        t.equal(c.sh("umount -l /").rc, 0)
        seen = t.command("nsenter", "-t", c.pid, "-m", "/bin/ls", "-AR", top)
        t.equal(seen.out.split(), [f"{top}:", "deep0", f"{top}/deep0:"], f"left: {seen}")
        left = [m.point for m in kernel.mountinfo(c.pid)]
        t.equal([point for point in left if point.startswith(top)], [], "mounts left")
        t.equal([m[1:] for m in kernel.mountinfo()], host, "the host's mounts")
    finally:
        for layer in reversed(range(4)):
            subprocess.run(["umount", top], check=False)
            subprocess.run(["umount", f"{top}/deep{layer}"], check=False)


@needs("root")
def test_propagation_words_of_runc(t):
    """rootfsPropagation takes runc's words, which mean the same"""
    for word in ("rprivate", "rslave", "rshared", "runbindable"):
        config = t.config()
        config["linux"]["rootfsPropagation"] = word
        found = tags(kernel.mount_at(t.sleeper(config).pid, "/"))
        t.equal(found & {"shared", "unbindable"}, {word[1:]} & {"shared", "unbindable"}, word)


@needs("root")
def test_propagation_from_the_host(t):
    """a slave root shows what the host mounts below it later, a private one does not"""
    for word, expected in (("slave", True), ("private", False)):
        rootfs = t.rootfs()
        subprocess.run(["mount", "--bind", rootfs, rootfs], check=True)
        try:
            subprocess.run(["mount", "--make-shared", rootfs], check=True)
            config = t.config()
            config["linux"]["rootfsPropagation"] = word
            c = t.sleeper(config, rootfs=rootfs)
            subprocess.run(["mount", "-t", "tmpfs", "none", rootfs + "/mnt"], check=True)
            t.equal(kernel.mount_at(c.pid, "/mnt") is not None, expected, word)
            c.delete("--force")
        finally:
            subprocess.run(["umount", "-R", rootfs], check=True)


@needs("root")
def test_joined_mount_namespace(t):
    """a mount namespace that is joined is used as it is"""
    first = t.sleeper(inside.add_tmpfs(t.config(), "/home", "size=44k"))
    config = t.config("/bin/grep", " /home ", "/proc/self/mountinfo")
    for ns in config["linux"]["namespaces"]:
        if ns["type"] in ("mount", "pid"):
            ns["path"] = f"/proc/{first.pid}/ns/{ns['type'].replace('mount', 'mnt')}"
    for key in ("maskedPaths", "readonlyPaths"):
        config["linux"].pop(key)
    result = t.run(config)
    t.contains(result.out, "size=44k", result.err)


@needs("root", "cmd:strace")
def test_nodes_where_mknod_is_forbidden(t):
    """a device cgroup around us forbids mknod: the host's nodes are bound, if they are the ones"""
    def forbidden(config):
        return t.command("strace", "-f", "-o", "/dev/null", "-e", "inject=mknodat:error=EPERM",
                         t.binary, "--root", t.root, "run", "--bundle", t.bundle(config),
                         t.new_id())
    script = "stat -c '%n %t:%T' /dev/null /dev/tty; echo x >/dev/null && grep -c ' /dev/null ' "
    config = t.config("/bin/sh", "-c", script + "/proc/self/mountinfo")
    result = forbidden(config)
    t.equal(result.out.split("\n")[:3], ["/dev/null 1:3", "/dev/tty 5:0", "1"], result.err)
    for path, minor in (("/dev/nothere", 1), ("/dev/zero", 4)):
        t.fails(forbidden(add_node(t.config(), path, major=1, minor=minor)), "linux.devices[0]",
                "Operation not permitted", rc=1)


@needs("root", "cmd:setpriv")
def test_nodes_without_the_capability(t):
    """without CAP_MKNOD the host's nodes are bound"""
    config = t.config("/bin/sh", "-c", "head -c2 /dev/zero | wc -c; "
                      "grep -c ' /dev/zero ' /proc/self/mountinfo")
    result = t.command("setpriv", "--bounding-set", "-mknod", "--inh-caps", "-mknod", t.binary,
                       "--root", t.root, "run", "--bundle", t.bundle(config), t.new_id())
    t.equal(result.out.split(), ["2", "1"], result.err)


@needs("root")
def test_terminal_of_a_false_ptmx(t):
    """exec opens the devpts' own ptmx and nothing that the container has bound over it"""
    c = t.background(inside.set_capabilities(t.config("/bin/sleep", "100000"), "SYS_ADMIN"))
    t.equal(t.skiff("exec", "--tty", c.id, "/bin/true").rc, 0)
    t.equal(c.sh("mount -o bind /dev/null /dev/pts/ptmx").rc, 0)
    result = t.skiff("exec", "--tty", c.id, "/bin/true")
    t.true(result.rc == 255 and "tty" in result.err, f"{result}")
    t.equal(c.sh("umount /dev/pts/ptmx && mount -t devpts -o newinstance,ptmxmode=666 x /mnt && "
                 "mount -o bind /mnt/ptmx /dev/pts/ptmx").rc, 0)
    result = t.skiff("exec", "--tty", c.id, "/bin/true")
    t.true(result.rc == 255 and "tty" in result.err, f"another devpts' ptmx: {result}")


@needs("root")
def test_label_words(t):
    """an unknown kind of mount label is refused"""
    config = t.config()
    config["annotations"] = {"run.oci.mount_context_type": "context"}
    t.equal(t.run(config).rc, 0)
    config["annotations"] = {"run.oci.mount_context_type": "ctx"}
    t.fails(t.run(config), "run.oci.mount_context_type", '"ctx"', rc=1)
