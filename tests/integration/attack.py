"""What the attack tests share: a canary tree of the host, a process that swaps two names as fast
as it can, a root file system with Python in it, and the verdict that all of them reach."""
import hashlib
import os
import signal
import stat
import subprocess

from harness import SLOW, Failure

LEAN_DEV = ("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue")

SWAP = """
import ctypes, sys
swap = ctypes.CDLL(None).renameat2
a, b = (name.encode() for name in sys.argv[1:])
print("swapping", flush=True)
while swap(-100, a, -100, b, 2) == 0:
    pass
"""


class Canary:
    """a tree of the host, outside of every rootfs, that no container may change"""

    def __init__(self, t):
        t.counter += 1
        self.t, self.path = t, t.path(f"canary-{t.counter}")
        os.makedirs(f"{self.path}/inner")
        for file in ("secret", "ptmx", "inner/file"):
            with open(f"{self.path}/{file}", "w", encoding="utf-8") as f:
                f.write(f"canary {file}\n")
            os.chmod(f"{self.path}/{file}", 0o600)
        self.seen = self.snapshot()

    def snapshot(self):
        """every name below with type, mode, owner, content and the time of its last change"""
        found = {}
        for where, dirs, files in os.walk(self.path):
            for name in [".", *dirs, *files]:
                path = os.path.normpath(f"{where}/{name}")
                s = os.lstat(path)
                content = ""
                if stat.S_ISREG(s.st_mode):
                    with open(path, "rb") as f:
                        content = hashlib.sha256(f.read()).hexdigest()
                found[path] = (stat.filemode(s.st_mode), s.st_uid, s.st_gid, s.st_size,
                               s.st_mtime_ns, content)
        return found

    def check(self):
        now = self.snapshot()
        for path in sorted(set(now) | set(self.seen)):
            self.t.equal(now.get(path), self.seen.get(path), f"the host's {path}")


class Swapper:
    """exchanges two names, again and again, until it is ended: with Swapper(t, a, b): .."""

    def __init__(self, t, a, b):
        self.t, self.names = t, (a, b)

    def __enter__(self):
        self.process = self.t.spawn("/usr/bin/python3", "-c", SWAP, *self.names,
                                    stdout=subprocess.PIPE)
        self.process.stdout.readline()
        return self

    def __exit__(self, *_):
        running = self.process.poll() is None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.t.true(running, "the swapping process ended by itself")


def verdict(t, result, seconds=5):
    """an attack ends in time, in success or in one line of refusal; -> whether it succeeded"""
    t.true(result.seconds < seconds * SLOW, f"it took {result.seconds:.1f} s")
    if result.rc:
        t.fails(result)
    return result.rc == 0


def without(config, *destinations):
    """take mounts out of the config"""
    config["mounts"] = [m for m in config["mounts"] if m["destination"] not in destinations]
    return config


def link(rootfs, name, target):
    """make name (below rootfs) a symbolic link, whatever it was"""
    path = f"{rootfs}/{name}"
    if os.path.islink(path) or os.path.isfile(path):
        os.unlink(path)
    elif os.path.isdir(path):
        os.rmdir(path)
    os.symlink(target, path)


def python_rootfs(t):
    """a root file system in which the host's Python runs, once add_python() was called"""
    rootfs = t.rootfs()
    for name in ("lib", "lib64"):
        os.symlink(f"usr/{name}", f"{rootfs}/{name}")
    return rootfs


def add_python(t, config, script, *args):
    """let the config run a Python script (with the host's /usr, read-only)"""
    if not os.path.islink("/lib"):
        t.skip("needs a host with merged /usr")
    config["mounts"].append({"destination": "/usr", "type": "bind", "source": "/usr",
                             "options": ["rbind", "ro"]})
    config["process"]["args"] = ["/usr/bin/python3", "-Sc", script, *args]
    return config


def allow_devices(config):
    config["linux"]["resources"]["devices"] = [{"allow": True, "access": "rwm"}]
    return config


def root_config(t, *args, caps=()):
    """the default config, writable, for root with more capabilities"""
    config = t.config(*args)
    config["root"]["readonly"] = False
    for names in config["process"]["capabilities"].values():
        names += caps
    return config


def all_or_failure(problems):
    """raise one failure that lists the problems of a table of cases"""
    if problems:
        raise Failure(f"{len(problems)} cases:\n" + "\n".join(problems))
