"""Races: another process swaps a name for a link to the host while containers start.  The quick
tests make 200 starts, those tagged slow 2000.  A start may fail, but never touch the host."""
import os
import stat

from attack import LEAN_DEV, Canary, Swapper, add_python, python_rootfs, verdict, without
from bundle import add_user_namespace
from harness import SLOW, limit, tag

MARK = "skiff-mark"


class Volume:
    """a directory of the host that several containers share; x/ and a link to the canary swap"""

    def __init__(self, t, rootfs):
        self.t, self.canary = t, Canary(t)
        self.path = t.path("volume")
        os.makedirs(f"{self.path}/x")
        os.symlink(self.canary.path, f"{self.path}/y")
        # in the root the link leads to a directory too, so that a start can succeed
        os.makedirs(rootfs + self.canary.path)

    def mount(self, destination="/mnt"):
        return {"destination": destination, "type": "bind", "source": self.path,
                "options": ["rbind"]}

    def swapper(self):
        return Swapper(self.t, f"{self.path}/x", f"{self.path}/y")


def storm(t, times, config, rootfs, check):
    """start it `times` times; check(result) looks at those that succeeded.  How many did"""
    path, good = t.bundle(config, rootfs), 0
    for _ in range(times):
        result = t.skiff("run", "--bundle", path, t.new_id())
        t.log.clear()
        if verdict(t, result):
            check(result)
            good += 1
    return good


def mounts_race(t, times):
    rootfs = t.rootfs()
    volume = Volume(t, rootfs)
    config = t.config("/bin/cat", "/proc/self/mountinfo")
    config["mounts"].append(volume.mount())
    config["mounts"] += [{"destination": f"/mnt/x/m{i}", "type": "tmpfs", "source": MARK}
                         for i in range(4)]
    check = lambda result: t.equal(result.out.count(MARK), 4, "mounts seen inside")
    t.equal(storm(t, 2, config, rootfs, check), 2, "starts of the twin")
    for i in range(4):
        os.rmdir(f"{volume.path}/x/m{i}")
    with volume.swapper():
        good = storm(t, times, config, rootfs, check)
    volume.canary.check()
    t.true(good, "no start succeeded")


def test_mount_points_in_a_shared_volume(t):
    """mounts below a volume in which another container swaps a directory (CVE-2021-30465)"""
    mounts_race(t, 200)


@tag("slow")
@limit(600)
def test_mount_points_in_a_shared_volume_long(t):
    """the same, 2000 times"""
    mounts_race(t, 2000)


def new_names_race(t, times):
    rootfs = t.rootfs()
    volume = Volume(t, rootfs)
    name = t.path("bound-file")
    with open(name, "w", encoding="utf-8") as f:
        f.write(MARK)
    config = t.config("/bin/cat", "/proc/self/mountinfo")
    config["mounts"] += [
        volume.mount(),
        {"destination": "/mnt/x/new/deep/directory", "type": "tmpfs", "source": MARK},
        {"destination": "/mnt/x/other/deep/file", "type": "bind", "source": name,
         "options": ["bind"]}]
    check = lambda result: t.contains(result.out, MARK, "mounts seen inside")
    with volume.swapper():
        good = storm(t, times, config, rootfs, check)
    volume.canary.check()
    t.true(good, "no start succeeded")


def test_new_mount_points_in_a_shared_volume(t):
    """mount points that must be made are not made on the host (CVE-2024-45310)"""
    new_names_race(t, 200)


@tag("slow")
@limit(600)
def test_new_mount_points_in_a_shared_volume_long(t):
    """the same, 2000 times"""
    new_names_race(t, 2000)


def device_race(t, times):
    rootfs, volume = t.rootfs(), t.path("dev")
    os.mkdir(volume)
    for name, minor in (("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)):
        os.mknod(f"{volume}/{name}", stat.S_IFCHR | 0o666, os.makedev(1, minor))
    os.mknod(f"{volume}/tty", stat.S_IFCHR | 0o666, os.makedev(5, 0))
    os.symlink("/proc/sys/kernel/hostname", f"{volume}/evil")
    config = without(t.config("/bin/cat", "/proc/version", "/proc/self/mountinfo"), *LEAN_DEV)
    config["mounts"].append({"destination": "/dev", "type": "bind", "source": volume,
                             "options": ["rbind"]})
    config["linux"]["maskedPaths"] = ["/proc/version"]

    def check(result):
        t.true("Linux version" not in result.out, "the masked file can be read")
        cover = [line for line in result.out.splitlines() if " /proc/version " in line]
        t.true(cover and " - proc " not in cover[-1], f"the mask is {cover}")
    t.equal(storm(t, 2, config, rootfs, check), 2, "starts of the twin")
    with Swapper(t, f"{volume}/null", f"{volume}/evil"):
        storm(t, times, config, rootfs, check)


def test_null_is_swapped(t):
    """masks hold while another process swaps /dev/null for a link (CVE-2025-31133)"""
    device_race(t, 200)


@tag("slow")
@limit(600)
def test_null_is_swapped_long(t):
    """the same, 2000 times"""
    device_race(t, 2000)


SPY = """
import ctypes, os, sys, time
libc = ctypes.CDLL(None)
seen, hits, met = set(), set(), 0
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end and not os.path.exists("/tmp/stop"):
    for pid in os.listdir("/proc"):
        if not pid.isdigit() or pid in ("1", str(os.getpid())):
            continue
        if pid not in seen:
            seen.add(pid)
            met += 1
        attached = libc.ptrace(0x4206, int(pid), 0, 0) == 0  # SEIZE
        try:
            exe = os.readlink(f"/proc/{pid}/exe")
            if attached and "busybox" not in exe:
                hits.add("attached to " + exe)
        except OSError:
            pass
        try:
            for fd in os.listdir(f"/proc/{pid}/fd"):
                target = os.readlink(f"/proc/{pid}/fd/{fd}")
                if int(fd) > 2 and not target.startswith(("pipe:", "socket:", "/memfd:")):
                    hits.add(fd + " -> " + target)
        except OSError:
            pass
        if attached:
            libc.ptrace(0x4207, int(pid), 0, 0)  # INTERRUPT, or it could not be let go
            os.waitpid(int(pid), 0x40000000)
            libc.ptrace(17, int(pid), 0, 0)
with open("/tmp/found", "w") as f:
    f.write(f"{met}\\n" + "".join(hit + "\\n" for hit in sorted(hits)))
time.sleep(100000)
"""


def spy_on(t, work):
    """what a hostile container that has CAP_SYS_PTRACE gets hold of while work(container) execs"""
    rootfs = python_rootfs(t)
    config = add_user_namespace(add_python(t, t.config(), SPY, "600"))
    config["root"]["readonly"] = False
    config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs",
                             "options": ["mode=1777"]})
    for names in config["process"]["capabilities"].values():
        names.append("CAP_SYS_PTRACE")
    c = t.background(config, rootfs=rootfs)
    work(c)
    found = f"/proc/{c.pid}/root/tmp/found"
    t.equal(c.exec("touch", "/tmp/stop").rc, 0, "exit status of touch")
    t.wait_until(lambda: os.path.exists(found) and os.stat(found).st_size, 5, "the spy's report")
    with open(found, encoding="utf-8") as f:
        met, *hits = f.read().splitlines()
    return int(met), hits


def spy_race(t, times):
    def work(c):
        for _ in range(times):
            t.equal(c.exec("/bin/busybox", "true").rc, 0, "exit status of exec")
            t.log.clear()
    met, hits = spy_on(t, work)
    t.true(met > times // 10, f"the spy met only {met} processes")
    t.equal(hits, [], "what the container could get hold of")


def test_the_spy_sees(t):
    """twin: the spy finds a directory that a process of the container has open"""
    _, hits = spy_on(t, lambda c: c.sh(f"exec 5</bin; usleep {int(300000 * min(SLOW, 8))}"))
    t.contains(hits, "5 -> /bin", "what the spy found")


def test_exec_is_spied_on(t):
    """a container gets hold of no descriptor and no memory of a process that exec brings in
    (CVE-2016-9962)"""
    spy_race(t, 100)


@tag("slow")
@limit(600)
def test_exec_is_spied_on_long(t):
    """the same, 1000 times"""
    spy_race(t, 1000)
