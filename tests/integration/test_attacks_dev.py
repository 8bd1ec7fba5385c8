"""Hostile device names of an image: /dev/null, /dev/console, /dev/pts, and what covers masked
paths."""
import os
import stat
import subprocess

import inside
import kernel
import leaks
from attack import Canary, LEAN_DEV, allow_devices, link, verdict, without
from bundle import add_user_namespace
from harness import needs
from terminal import ConsoleSocket


def test_console_is_a_link(t):
    """a terminal's /dev/console is not made through a link of the image (CVE-2026-88264)"""
    def run(target):
        canary, rootfs = Canary(t), t.rootfs()
        if target:
            link(rootfs, "dev/console", f"{canary.path}/{target}")
        config = without(t.config("/bin/sh", "-c", "tty; stat -c %t /dev/console"), *LEAN_DEV)
        config["mounts"].append({"destination": "/dev/pts", "type": "devpts",
                                 "source": "devpts", "options": ["newinstance"]})
        config["process"]["terminal"] = True
        t.counter += 1
        sock = ConsoleSocket(t.path(f"console-{t.counter}"))
        result = t.skiff("run", "--detach", "--console-socket", sock.path, "--bundle",
                         t.bundle(config, rootfs), t.new_id())
        if verdict(t, result):
            screen = sock.receive()
            text = screen.read_until(None)
            screen.close()
            t.contains(text, "/dev/", "the payload's terminal")
            t.contains(text.split(), "88", "major number of /dev/console")
        canary.check()
        return result
    t.equal(run(None).rc, 0, "twin")
    for target in ("new", "secret", "inner/new"):
        t.note(target)
        run(target)


def test_null_is_a_file(t):
    """standard streams are not mistaken for a /dev/null that is a bound host file
    (CVE-2026-88265)"""
    host_file = t.path("hostfile")

    def run(trick):
        rootfs = t.rootfs()
        with open(host_file, "w", encoding="utf-8") as f:
            f.write("host\n")
        config = allow_devices(without(t.config("/bin/echo", "MARK"), *LEAN_DEV))
        config["process"]["user"] = {"uid": 1000, "gid": 1000}
        config["mounts"].append({"destination": "/hf", "type": "bind", "source": host_file,
                                 "options": ["bind"]})
        if trick:
            link(rootfs, "dev/null", "/hf")
        process = t.spawn(t.binary, "--root", t.root, "run", "--bundle",
                          t.bundle(config, rootfs), t.new_id(), stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, _ = process.communicate(b"")
        t.equal(kernel.read(host_file), "host\n", "content of the host's file")
        t.equal(os.stat(host_file).st_uid, 0, "owner of the host's file")
        if process.returncode == 0:
            t.equal(out, b"MARK\n", "what came through the pipe")
        return process.returncode
    t.equal(run(False), 0, "twin")
    t.true(run(True) >= 0, "the program died of a signal")


def mask_trick(t, prepare):
    """what the payload reads in the masked path, and what covers that"""
    rootfs = t.rootfs()
    prepare(rootfs)
    config = without(t.config("/bin/cat", "/proc/version", "/proc/self/mountinfo"), *LEAN_DEV)
    config["linux"]["maskedPaths"] = ["/proc/version"]
    result = t.run(config, rootfs=rootfs)
    if verdict(t, result):
        covers = [line for line in result.out.splitlines() if " /proc/version " in line]
        t.equal(len(covers), 1, "mounts on /proc/version")
        t.true(" - proc " not in covers[0], f"covered by a file of procfs: {covers[0]}")
        t.true("Linux version" not in result.out, "the masked file can be read")
    return result


def test_null_of_the_image_as_mask(t):
    """a masked path shows nothing, whatever the image's /dev/null is (CVE-2025-31133)"""
    t.equal(mask_trick(t, lambda rootfs: None).rc, 0, "twin")
    open_twin = t.run(t.config("/bin/cat", "/proc/version"))
    t.contains(open_twin.out, "Linux", "/proc/version without a mask")
    for target in ("/proc/sys/kernel/hostname", "/etc/passwd", "/proc/self/status", "/missing"):
        t.note(target)
        mask_trick(t, lambda rootfs, to=target: link(rootfs, "dev/null", to))


def test_masks_follow_no_link_out(t):
    """a masked or read-only path that is a link of the image covers nothing of the host's"""
    canary, rootfs = Canary(t), t.rootfs()
    link(rootfs, "home", canary.path)
    os.symlink(f"{canary.path}/secret", f"{rootfs}/var/link")
    config = t.config("/bin/cat", "/proc/self/mountinfo")
    config["linux"]["maskedPaths"] += ["/home", "/home/inner", "/var/link"]
    config["linux"]["readonlyPaths"] += ["/home/inner", "/var/link"]
    result = t.run(config, rootfs=rootfs)
    canary.check()
    t.equal(t.run(t.config(), rootfs=t.rootfs()).rc, 0, "twin")
    if verdict(t, result):
        points = [line.split()[4] for line in result.out.splitlines()]
        t.true("/proc/keys" in points, "the usual masks are missing")
        for point in points:
            t.true("canary" not in point, f"a mount on {point}")


def test_many_masks(t):
    """200 masked and 50 read-only paths: files, directories, missing, twice, nested, links"""
    rootfs = t.rootfs()
    names = []
    for i in range(60):
        os.makedirs(f"{rootfs}/var/d{i}/sub")
        for name in (f"var/f{i}", f"var/d{i}/file", f"var/d{i}/sub/file"):
            with open(f"{rootfs}/{name}", "w", encoding="utf-8") as f:
                f.write("visible\n")
        names += [f"/var/f{i}", f"/var/d{i}/sub", f"/var/missing{i}"]
    names += [f"/var/d{i}" for i in range(10)] + [f"/var/f{i}" for i in range(10)]
    locked = [f"/var/d{i}" for i in range(10, 50)] + [f"/var/none{i}" for i in range(10)]
    script = ("cat /var/f* /var/d*/sub/* 2>/dev/null; cat /var/d3/* 2>/dev/null;"
              "touch /var/d?/sub/new /var/d??/sub/new /var/d?/new 2>/dev/null;"
              "for d in /var/d[1-4]?; do touch $d/x 2>/dev/null && echo $d; done;"
              "cat /var/d55/file; touch /var/d55/new && echo rw")

    def run(masked, readonly):
        config = t.config()
        config["root"]["readonly"] = False
        config["linux"].update(maskedPaths=masked, readonlyPaths=readonly)
        result = t.sh(script, config, rootfs=rootfs)
        t.equal(result.rc, 0, "exit status")
        return result.out
    t.equal(run(names, locked), "visible\nrw\n", "what can be read and written")
    for i in range(10, 60):
        t.equal(os.listdir(f"{rootfs}/var/d{i}/sub"), ["file"], "files below a mask")
    t.true(run([], []).count("visible") > 100, "twin: the files are not readable")


def test_masks_cannot_be_written(t):
    """what covers a masked directory is read-only and holds nothing"""
    config = t.config()
    config["linux"]["maskedPaths"] = ["/sys/firmware", "/proc/acpi", "/proc/version", "/etc"]
    config["process"]["capabilities"] = {name: ["CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_FOWNER"]
                                         for name in ("bounding", "effective", "permitted")}
    c = t.sleeper(config)
    result = c.sh("ls -A /etc; touch /etc/new; chmod 777 /etc; echo > /proc/version; echo done")
    t.equal(result.out, "done\n", "what is in a masked directory")
    t.equal(result.err.count("Read-only file system") +
            result.err.count("Permission denied"), 3, f"refusals in {result.err!r}")
    mount = kernel.mount_at(c.pid, "/etc")
    t.true("ro" in mount.options or "ro" in mount.superopts, "the mask can be written to")


def test_pts_of_the_image(t):
    """/dev/pts is a directory of the image with false terminals: /dev/console is a real
    terminal, or the start is refused (CVE-2025-52565)"""
    rootfs = t.rootfs()
    evil = t.path("evil-pts")
    os.mkdir(evil)
    for name in [str(i) for i in range(64)]:
        os.symlink("/proc/sys/kernel/hostname", f"{evil}/{name}")
    os.symlink("/proc/version", f"{evil}/ptmx")

    def run(mount):
        config = t.config("/bin/stat", "-c", "%F %t", "/dev/console")
        config["process"]["terminal"] = True
        for m in config["mounts"]:
            if m["destination"] == "/dev/pts":
                m.update(mount)
        t.counter += 1
        sock = ConsoleSocket(t.path(f"console-{t.counter}"))
        result = t.skiff("run", "--detach", "--console-socket", sock.path, "--bundle",
                         t.bundle(config, rootfs), t.new_id())
        if verdict(t, result):
            screen = sock.receive()
            t.contains(screen.read_until(None), "character special file 88", "/dev/console")
            screen.close()
        return result
    t.equal(run({}).rc, 0, "twin")
    run({"type": "bind", "source": evil, "options": ["bind"]})


def test_default_devices_are_devices(t):
    """a regular file or FIFO of the image in place of a default device is replaced or refused,
    never taken for it"""
    def run(make):
        rootfs = t.rootfs()
        for name in ("null", "zero", "urandom"):
            make(f"{rootfs}/dev/{name}")
        config = without(t.config("/bin/stat", "-c", "%F %t:%T", "/dev/null", "/dev/zero",
                                  "/dev/urandom"), *LEAN_DEV)
        result = t.run(config, rootfs=rootfs)
        if verdict(t, result):
            t.equal(result.out.splitlines(), [f"character special file 1:{minor}"
                                              for minor in (3, 5, 9)], "devices")
        return result
    t.equal(run(lambda path: None).rc, 0, "twin")
    for make in (lambda path: os.close(os.open(path, os.O_CREAT)), os.mkfifo, os.mkdir,
                 lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 9))):
        run(make)


def mounts_on_devices(t, c):
    """try to cover a device of the container by a file of its own; the host's stay uncovered"""
    before = leaks.mounts()
    script = ("mount -t tmpfs none /dev/shm && echo mine >/dev/shm/f && "
              "mount --bind /dev/shm/f /dev/null && cat /dev/null")
    result = c.sh(script)
    t.equal([m for m in leaks.mounts() if m not in before], [], "mounts on the host")
    return result


@needs("root")
def test_mounts_on_bound_devices(t):
    """what the root of a user namespace mounts on the host's device nodes, which are bound there,
    does not reach the host; nothing in a container is in a propagation group of the host"""
    for user in (True, False):
        config = inside.set_capabilities(t.config("/bin/sleep", "100000"), "SYS_ADMIN")
        config["linux"]["devices"] = [{"path": "/nodes/null", "type": "c", "major": 1, "minor": 3}]
        if user:
            add_user_namespace(config)
            config["linux"]["devices"][0]["path"] = "/dev/null"
        config["root"]["readonly"] = False
        c = t.background(config, rootfs=t.rootfs())
        shared = [m.point for m in kernel.mountinfo(c.pid)
                  if any(word.startswith("shared") for word in m.optional)]
        t.equal(shared, [], f"shared mounts, user namespace {user}")
        result = mounts_on_devices(t, c)
        t.equal(result.out, "mine\n", f"twin: the mount itself: {result}")
        c.delete("--force")
