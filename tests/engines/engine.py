"""What the tests of engines share.  They are functions like those of tests/integration
(harness.py there): the program under test is the runtime that an engine is told to use, crun or
runc as well as skiff, and each scenario keeps its engine's files in the test's directory.

Run: tests/vm/run -d tests/engines SKIFF [REGEX], or on a machine that has the engines:
tests/integration/run.py --dir tests/engines [REGEX]."""
import os
import subprocess
import time

from harness import SLOW, Failure


def image_tar(t):
    """a tar archive of the tests' root file system, for `import`"""
    path = t.path("image.tar")
    if not os.path.exists(path):
        subprocess.run(["tar", "--numeric-owner", "-C", t.shared_rootfs, "-cf", path, "."],
                       check=True)
    return path


def snippet(name):
    """the path of a file of contrib/engines: what users are told to copy"""
    above = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    for top in (os.path.dirname(above), above):  # of the repository; in the VM
        if os.path.isdir(f"{top}/contrib/engines"):
            return f"{top}/contrib/engines/{name}"
    raise Failure("contrib/engines is not here")


def is_skiff(t):
    """Whether the runtime is ours: only then are its own words compared."""
    return os.path.basename(t.binary).startswith("skiff")


class Engine:
    """an engine's command line with the options that make it this test's own"""

    def __init__(self, t, *prefix, env=None):
        self.t, self.prefix, self.env = t, prefix, env or {}

    def try_(self, *args, timeout=30, **how):
        """run it to its end: a Result, whatever its status"""
        return self.t.command(*self.prefix, *args, env=self.env, timeout=timeout, **how)

    def ok(self, *args, **how):
        """the same, which must succeed: what it printed, without the last newline"""
        result = self.try_(*args, **how)
        if result.rc:
            raise Failure(f"{' '.join(result.argv)} ended with {result.rc}: {result.err[-2000:]}")
        return result.out.rstrip("\n")

    def wait_for(self, text, *args, seconds=20):
        """repeat a command until its output has `text`"""
        return self.t.wait_until(lambda: text in self.ok(*args), seconds,
                                 f"{text!r} in {' '.join(args)}")


class Follow:
    """an engine's command that prints until it is stopped, such as `events`"""

    def __init__(self, engine, *args):
        self.path = engine.t.path("followed")
        with open(self.path, "wb") as f:
            self.process = engine.t.spawn(*engine.prefix, *args, env=engine.env, stdout=f)

    def words(self):
        with open(self.path, errors="replace") as f:
            return f.read()

    def stop(self):
        """what it printed in all"""
        self.process.terminate()
        self.process.wait()
        return self.words()


class Daemon:
    """a daemon of the test; its output is in a file that a failure shows"""

    def __init__(self, t, name, *argv, env=None):
        self.t, self.name, self.log = t, name, t.path(f"{name}.log")
        with open(self.log, "ab") as log:
            self.process = t.spawn(*argv, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def words(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def wait_ready(self, ready, seconds=30):
        """until ready() is true; its death is a failure"""
        end = time.monotonic() + seconds * SLOW
        while not ready():
            if self.process.poll() is not None or time.monotonic() > end:
                raise Failure(f"{self.name} is not ready: {self.words()[-2000:]}")
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20 * SLOW)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
