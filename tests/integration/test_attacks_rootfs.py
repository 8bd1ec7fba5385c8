"""Names in a hostile root file system: none of them leads the runtime to the host's files.
Each attack has a twin that is the same but for the trick, and starts."""
import os

from bundle import add_user_namespace
from attack import Canary, LEAN_DEV, link, verdict, without

MARK = "skiff-mark"


def tricks(canary):
    """{name: ({link: target}, destination of the mount)}; all of them lead to the canary"""
    up = "../" * 30
    chain = {f"chain{i}": f"chain{i + 1}" for i in range(30)}
    return {
        "plain": ({"mnt": canary}, "/mnt"),
        "parent": ({"mnt": canary}, "/mnt/a/b"),
        "existing": ({"mnt": canary}, "/mnt/inner"),
        "upwards": ({"mnt": up + canary[1:]}, "/mnt/new"),
        "dangling": ({"mnt": f"{canary}/new"}, "/mnt"),
        "middle": ({"home/x": "/mnt", "mnt": canary}, "/home/x/y/z"),
        "chain": ({**chain, "chain30": canary}, "/chain0"),
        "dots": ({}, f"/mnt/../../..{canary}/new"),
        "link dots": ({"mnt": f"{canary}/inner"}, "/mnt/../new"),
        "proc root": ({"mnt": f"/proc/1/root{canary}"}, "/mnt"),
        "proc self": ({"mnt": f"/proc/self/root{canary}"}, "/mnt/new"),
        "proc cwd": ({"mnt": "/proc/self/cwd"}, "/mnt/new"),
        "loop": ({"mnt": "mnt"}, "/mnt"),
    }


def mount_kinds(t, destination):
    """a file system, a bind of a directory, a bind of a file, each with a mark in mountinfo"""
    source = t.path(MARK)
    if not os.path.isdir(source):
        os.mkdir(source)
        with open(f"{source}/file-{MARK}", "w", encoding="utf-8"):
            pass
    return {
        "tmpfs": {"destination": destination, "type": "tmpfs", "source": MARK},
        "bind": {"destination": destination, "type": "bind", "source": source,
                 "options": ["bind"]},
        "file": {"destination": destination, "type": "bind",
                 "source": f"{source}/file-{MARK}", "options": ["bind"]},
    }


def attempt(t, links, mount):
    """run with this mount; a mount that is not seen inside has gone elsewhere"""
    rootfs = t.rootfs()
    for name, target in links.items():
        link(rootfs, name, target)
    config = t.config("/bin/cat", "/proc/self/mountinfo")
    config["mounts"].append(mount)
    result = t.run(config, rootfs=rootfs)
    if verdict(t, result):
        t.contains(result.out, MARK, "mountinfo inside the container")
    return result


def mount_attack(t, kind):
    t.equal(attempt(t, {}, mount_kinds(t, "/mnt/new")[kind]).rc, 0, "twin")
    canary = Canary(t)
    for name, (links, destination) in tricks(canary.path).items():
        t.note(name)
        attempt(t, links, mount_kinds(t, destination)[kind])
        canary.check()


def test_tmpfs_destinations(t):
    """a tmpfs is mounted below the root, whatever links its destination has (CVE-2019-18837)"""
    mount_attack(t, "tmpfs")


def test_bind_destinations(t):
    """a bound directory is mounted below the root, whatever links its destination has"""
    mount_attack(t, "bind")


def test_file_destinations(t):
    """a bound file is mounted below the root, whatever links its destination has"""
    mount_attack(t, "file")


def dev_attack(t, prepare):
    """run without any mount on /dev; prepare(rootfs, canary) plays the trick"""
    canary, rootfs = Canary(t), t.rootfs()
    prepare(rootfs, canary.path)
    result = t.run(without(t.config(), *LEAN_DEV), rootfs=rootfs)
    canary.check()
    return result


def test_dev_is_a_link(t):
    """default devices and links are not made through a /dev that leads out (CVE-2026-41579)"""
    t.equal(dev_attack(t, lambda rootfs, canary: None).rc, 0, "twin")
    for target in ("{}", "../../../../../../../../../../../..{}", "{}/inner", "{}/new"):
        t.note(target)
        verdict(t, dev_attack(
            t, lambda rootfs, canary, to=target: link(rootfs, "dev", to.format(canary))))


def test_names_in_dev_are_links(t):
    """every name that a runtime makes in /dev may be a link of the image that leads out"""
    t.equal(dev_attack(t, lambda rootfs, canary: None).rc, 0, "twin")
    for name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "fd", "stdin",
                 "stdout", "stderr", "console", "core", "shm", "pts", "mqueue"):
        for target in ("new", "secret"):
            t.note(name)
            verdict(t, dev_attack(t, lambda rootfs, canary, n=name, to=target:
                                  link(rootfs, f"dev/{n}", f"{canary}/{to}")))


def test_named_device_through_link(t):
    """a device of linux.devices is not made below a directory that leads out"""
    def run(prepare):
        canary, rootfs = Canary(t), t.rootfs()
        prepare(rootfs, canary.path)
        config = without(t.config(), *LEAN_DEV)
        config["linux"]["devices"] = [{"path": "/dev/sub/node", "type": "c", "major": 1,
                                       "minor": 3, "fileMode": 438}]
        result = t.run(config, rootfs=rootfs)
        canary.check()
        return result
    t.equal(run(lambda rootfs, canary: None).rc, 0, "twin")
    verdict(t, run(lambda rootfs, canary: link(rootfs, "dev/sub", canary)))
    verdict(t, run(lambda rootfs, canary: link(rootfs, "dev", canary)))


def proc_or_sys(t, name, kind, trick):
    """the payload looks whether a directory of the image still shows at /name"""
    rootfs = t.rootfs()
    trick(rootfs)
    config = without(t.config("/bin/stat", "-f", "-c", "%T", f"/{name}"), "/sys/fs/cgroup")
    result = t.run(config, rootfs=rootfs)
    if verdict(t, result):
        t.equal(result.out.strip(), kind, f"what is mounted on /{name}")
    return result


def test_proc_and_sys_are_links(t):
    """procfs and sysfs are mounted on a real directory or not at all (CVE-2019-19921,
    CVE-2023-27561)"""
    for name, kind in (("proc", "proc"), ("sys", "sysfs")):
        t.equal(proc_or_sys(t, name, kind, lambda rootfs: None).rc, 0, "twin")

        def evil(rootfs, where):
            os.makedirs(f"{rootfs}/evil/{where}")
            link(rootfs, where, f"/evil/{where}")
        result = proc_or_sys(t, name, kind, lambda rootfs, n=name: evil(rootfs, n))
        t.true(result.rc > 0, f"a container started with /{name} being a link")


def test_mount_point_in_a_read_only_source(t):
    """a mount point that is missing in the source of a read-only bind is not made there"""
    canary = Canary(t)

    def run(inner):
        config = t.config("/bin/cat", "/proc/self/mountinfo")
        config["mounts"] += [
            {"destination": "/mnt", "type": "bind", "source": canary.path,
             "options": ["rbind", "ro"]},
            {"destination": inner, "type": "tmpfs", "source": MARK}]
        result = t.run(config)
        canary.check()
        return result
    t.equal(run("/mnt/inner").rc, 0, "twin")
    for inner in ("/mnt/new", "/mnt/inner/new/deep"):
        t.note(inner)
        verdict(t, run(inner))


def test_read_only_root_with_a_fake_proc(t):
    """the root becomes read-only although the image brings its own /proc/self/fd
    (CVE-2026-115521)"""
    rootfs = t.rootfs()
    for task in ("self", "thread-self", "1"):
        os.makedirs(f"{rootfs}/proc/{task}/fd")
        for fd in range(64):
            os.symlink("/tmp", f"{rootfs}/proc/{task}/fd/{fd}")

    def run(*gone, **how):
        config = without(t.config(), *gone)
        for key in ("maskedPaths", "readonlyPaths"):
            config["linux"][key] = []
        result = t.sh("touch /x; echo $?", config, **how)
        if result.rc == 0:
            t.equal(result.out, "1\n", "exit status of touch")
            t.contains(result.err, "Read-only file system")
        return result
    for twin in (run(), run("/proc")):
        t.equal(twin.rc, 0, "twin")
    verdict(t, run("/proc", rootfs=rootfs))


def test_sysfs_that_cannot_be_mounted(t):
    """in a user namespace without a network namespace /sys is the host's: nothing below it is
    writable"""
    config = add_user_namespace(without(t.config(), "/sys/fs/cgroup"))
    spaces = config["linux"]["namespaces"]
    spaces[:] = [n for n in spaces if n["type"] != "network"]
    config["linux"]["maskedPaths"] = []
    rootfs = t.rootfs()
    config["process"]["args"] = ["/bin/cat", "/proc/self/mountinfo"]
    result = t.run(config, rootfs=rootfs)
    if not verdict(t, result):
        return
    below = [line.split() for line in result.out.splitlines() if line.split()[4][:4] == "/sys"]
    t.true(below, "no /sys in the container")
    for words in below:
        t.contains(words[5].split(","), "ro", f"options of the mount on {words[4]}")
