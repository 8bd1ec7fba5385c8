"""What the integration tests stand on.  A test is a function

    @needs("root", "memory")
    def test_memory_limit(t):
        \"\"\"what is proven\"\"\"
        c = t.sleeper(t.config())
        t.equal(kernel.status(c.pid)["Seccomp"], "2")

in a file test_*.py beside this one; run.py runs it.  `t` makes bundles, runs the program under
test and cleans up; modules kernel and bundle hold the rest of the vocabulary.  Each test has a
process, a mount namespace and a temporary directory of its own.

Time limits are those of a fast machine; they are multiplied by $SKIFF_SLOW (emulation: 40)."""
import json
import os
import signal
import subprocess
import threading
import time

import bundle
import kernel

SLOW = float(os.environ.get("SKIFF_SLOW", "1"))
SHOWN = 4000  # of a command's output, in a failure's report


class Failure(AssertionError):
    """a check did not hold"""


class Skip(Exception):
    """the test found that it cannot run here"""


def needs(*names):
    """run the test only where all of these hold: a controller ("memory", "cpu", "pids", ..),
    "v1", "v2", "hybrid", "v1only", "systemd", "root", "user", "native", "vm", "cmd:PROGRAM".
    They are also tags."""
    def decorate(function):
        function.needs = getattr(function, "needs", ()) + names
        return function
    return decorate


def tag(*names):
    """words to select tests by; "slow" is left out of samples"""
    def decorate(function):
        function.tags = getattr(function, "tags", ()) + names
        return function
    return decorate


def limit(seconds):
    """the time that the test may take, instead of run.py's TEST_LIMIT"""
    def decorate(function):
        function.limit = seconds
        return function
    return decorate


class Result:
    """how a command ended; a signal's number is negative in rc, as subprocess has it"""

    def __init__(self, argv, rc, out, err, seconds):
        self.argv, self.rc, self.out, self.err, self.seconds = argv, rc, out, err, seconds

    def __str__(self):
        text = [f"$ {' '.join(self.argv)}", f"-> {self.rc} after {self.seconds:.2f} s"]
        for name, content in (("stdout", self.out), ("stderr", self.err)):
            if content:
                text += [f"{name}:", content[-SHOWN:].rstrip("\n")]
        return "\n".join(text)

    def json(self):
        return json.loads(self.out)


class Container:
    """a container that was created under t"""

    def __init__(self, t, ident, path, pid):
        self.t, self.id, self.bundle, self.pid = t, ident, path, pid

    def state(self):
        return self.t.ok("state", self.id).json()

    def start(self):
        return self.t.ok("start", self.id)

    def kill(self, sig="KILL", *options):
        return self.t.ok("kill", *options, self.id, sig)

    def delete(self, *options):
        return self.t.ok("delete", *options, self.id)

    def exec(self, *args, **how):
        return self.t.skiff("exec", self.id, *args, **how)

    def sh(self, script, **how):
        return self.exec("/bin/sh", "-c", script, **how)

    def wait_stopped(self, seconds=5):
        self.t.wait_until(lambda: not kernel.is_alive(self.pid), seconds, "the payload's end")


def feed(pipe, data):
    """write all to a command's stdin, as far as it reads"""
    try:
        with pipe:
            pipe.write(data)
    except BrokenPipeError:
        pass


class Reaper:
    """collects ended children but those of one name"""

    def __init__(self, left_alone):
        self.left_alone, self.over = left_alone, threading.Event()
        self.thread = threading.Thread(target=self._work)

    def _work(self):
        while not self.over.wait(0.02):
            for task in os.listdir("/proc/self/task"):
                try:
                    for pid in kernel.read(f"/proc/self/task/{task}/children").split():
                        self._take(pid)
                except (FileNotFoundError, ProcessLookupError):
                    pass  # a thread or a process that has just gone

    def _take(self, pid):
        name, _, rest = kernel.read(f"/proc/{pid}/stat").partition("(")[2].rpartition(")")
        if rest.startswith(" Z") and name != self.left_alone:
            os.waitpid(int(pid), os.WNOHANG)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


class Test:
    """the `t` of a test function"""

    def __init__(self, name, binary, tmp, rootfs, mark):
        self.name, self.binary, self.dir, self.shared_rootfs = name, binary, tmp, rootfs
        self.mark = mark  # part of every id, hence of every cgroup and state directory
        self.root = f"{tmp}/state"
        self.log = []     # the commands' results
        self.ids = []
        self.spawned = {}
        self.counter = 0
        self.case = ""    # of a table, shown in a failure's report
        os.mkdir(self.root, 0o700)

    # -- names and bundles

    def new_id(self):
        self.counter += 1
        self.ids.append(f"{self.mark}-{self.counter}")
        return self.ids[-1]

    def path(self, name):
        return f"{self.dir}/{name}"

    def config(self, *args):
        """a default config whose payload is args (/bin/true)"""
        return bundle.default_config(*args)

    def rootfs(self):
        """a new writable copy of the root file system"""
        self.counter += 1
        return bundle.copy_rootfs(self.shared_rootfs, self.path(f"rootfs-{self.counter}"))

    def bundle(self, config=None, rootfs=None):
        """write a bundle; config may also be text or bytes, for broken ones"""
        self.counter += 1
        return bundle.write_bundle(self.path(f"bundle-{self.counter}"),
                                   self.config() if config is None else config,
                                   rootfs or self.shared_rootfs)

    # -- running the program under test

    def skiff(self, *args, **how):
        """run it with a --root of this test; see command()"""
        return self.command(self.binary, "--root", self.root, *args, **how)

    def command(self, *argv, input=None, timeout=10, env=None, cwd=None, pass_fds=()):
        """Run any command to its end and return the Result.  Output goes to files, not pipes:
        a created container keeps them open."""
        self.reap()
        begin = time.monotonic()
        with open(self.path("out"), "w+b") as out, open(self.path("err"), "w+b") as err:
            process = self.spawn(*argv, env=env, cwd=cwd, pass_fds=pass_fds, stdout=out,
                                 stderr=err, stdin=subprocess.DEVNULL if input is None
                                 else subprocess.PIPE)
            self._finish(process, input.encode() if isinstance(input, str) else input,
                         begin + timeout * SLOW)
            texts = []
            for f in (out, err):
                f.seek(0)
                texts.append(f.read().decode("utf-8", "replace"))
        result = Result([str(word) for word in argv], process.returncode, *texts,
                        time.monotonic() - begin)
        self.log.append(result)
        if result.seconds >= timeout * SLOW:
            raise Failure(f"no end after {timeout * SLOW:g} s: {' '.join(result.argv)}")
        return result

    def _finish(self, process, data, end):
        """Wait for a command's end; kill it when the time is over.  Orphans are reaped meanwhile:
        a pid namespace, hence `delete`, waits for them."""
        if data is not None:
            threading.Thread(target=feed, args=(process.stdin, data), daemon=True).start()
        while process.returncode is None:
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                self.reap()
                if time.monotonic() > end:
                    process.kill()
                    process.wait()

    def spawn(self, *argv, env=None, **how):
        """start a command and return its Popen; cleaning up ends it"""
        process = subprocess.Popen([str(word) for word in argv],
                                   env={**os.environ, **(env or {})}, **how)
        self.spawned[process.pid] = process
        return process

    def ok(self, *args, **how):
        """skiff(), which must succeed"""
        result = self.skiff(*args, **how)
        if result.rc != 0:
            raise Failure(f"{args[0]} ended with {result.rc}: {result.err.strip()[-SHOWN:]}")
        return result

    def run(self, config=None, *options, rootfs=None, **how):
        """`run` of a config in the foreground"""
        return self.skiff("run", "--bundle", self.bundle(config, rootfs), *options,
                          self.new_id(), **how)

    def sh(self, script, config=None, **how):
        """`run` of a shell script in the default container"""
        config = config or self.config()
        config["process"]["args"] = ["/bin/sh", "-c", script]
        return self.run(config, **how)

    def _launch(self, command, config, rootfs, how):
        ident, pid_file = self.new_id(), self.path("pid")
        path = self.bundle(config, rootfs)
        self.ok(*command, "--bundle", path, "--pid-file", pid_file, ident, **how)
        return Container(self, ident, path, int(kernel.read(pid_file)))

    def create(self, config=None, *options, rootfs=None, **how):
        """a created container, waiting for start()"""
        return self._launch(["create", *options], config, rootfs, how)

    def background(self, config=None, *options, rootfs=None, **how):
        """a running container, by `run --detach`"""
        c = self._launch(["run", "--detach", *options], config, rootfs, how)
        self.wait_until(lambda: kernel.has_executed(c.pid), what="the payload")
        return c

    def sleeper(self, config=None, **how):
        """a running container that only sleeps"""
        config = config or self.config()
        config["process"]["args"] = ["/bin/sleep", "100000"]
        return self.background(config, **how)

    # -- checks

    def note(self, case):
        """say which case of a table is tried now"""
        self.case = case

    def equal(self, found, expected, what=""):
        if found != expected:
            raise Failure(f"{what or 'values differ'}: expected {expected!r}, found {found!r}")

    def true(self, value, what):
        if not value:
            raise Failure(what)

    def contains(self, text, part, what=""):
        if part not in text:
            raise Failure(f"{what or 'text'} lacks {part!r}: {text!r}")

    def fails(self, result, *phrases, rc=None):
        """the command must have refused: a status other than 0 (rc, if given), no signal, one
        line on stderr that has all the phrases"""
        if result.rc <= 0 or rc not in (None, result.rc):
            raise Failure(f"expected status {rc or 'of failure'}, found {result.rc}")
        self.equal(len(result.err.strip().splitlines()), 1, "lines of the error message")
        for phrase in phrases:
            self.contains(result.err, phrase, "stderr")

    def wait_until(self, condition, seconds=5, what="condition"):
        """call condition until it gives something true, and return that"""
        end = time.monotonic() + seconds * SLOW
        while True:
            self.reap()
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise Failure(f"{what}: not within {seconds * SLOW:g} s")
            time.sleep(0.005 * min(SLOW, 10))

    def skip(self, reason):
        raise Skip(reason)

    # -- cleaning up

    def reap(self):
        """collect orphans that have ended, as the init of a machine does"""
        for pid in kernel.read(f"/proc/self/task/{os.getpid()}/children").split():
            if int(pid) not in self.spawned:
                try:
                    os.waitpid(int(pid), os.WNOHANG)
                except ChildProcessError:
                    pass

    def reaping(self):
        """a context in which a thread collects orphans, for tests that run commands in threads
        of their own: what has the name of the program under test is left to those"""
        return Reaper(os.path.basename(self.binary)[:15])

    def clean_up(self):
        """delete the containers, end what was spawned"""
        for ident in self.ids:
            if os.path.exists(f"{self.root}/{ident}"):
                self.skiff("delete", "--force", ident, timeout=20)
        for process in self.spawned.values():
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait()
        self.reap()
