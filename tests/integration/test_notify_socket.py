"""NOTIFY_SOCKET: the container's READY=1 reaches the service manager, with the right pid."""
import os
import select
import signal
import socket
import stat
import subprocess

import inside
import kernel
from bundle import add_user_namespace
from harness import needs

PLACE = "/run/notify/notify.sock"
SAY = ("import os, socket, time\n"
       "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
       "s.connect(os.environ['NOTIFY_SOCKET'])\n"
       "s.send(b'STATUS=almost')\n"
       "{wait}\n"
       "s.send(b'STATUS=up\\nREADY=1\\nX=1')\n"
       "time.sleep({sleep})\n")


class Manager:
    """a service manager's end"""

    def __init__(self, t):
        self.path = t.path("manager")
        self.env = {"NOTIFY_SOCKET": self.path}
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.barriers = 0

    def hear(self, seconds=5):
        """the next message that is no barrier, as lines; None after that time"""
        while select.select([self.sock], [], [], seconds)[0]:
            text, fds, _, _ = socket.recv_fds(self.sock, 4096, 4)
            for fd in fds:
                os.close(fd)
            if text != b"BARRIER=1":
                return text.decode().split()
            self.barriers += len(fds)
        return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()
        os.unlink(self.path)


def plain(t, *args):
    """a config with a writable /run"""
    return inside.add_tmpfs(t.config(*args), "/run")


def speaker(t):
    return inside.set_python(plain(t), SAY.format(wait="pass", sleep=1000))


@needs("root")
def test_create_and_start(t):
    """the container sees a socket of its own; start passes READY=1 on, with the pid, and nothing
    else, and returns then"""
    with Manager(t) as manager:
        config = speaker(t)
        shared = inside.share(t, config)
        config["process"]["args"] = inside.python_args(
            SAY.format(wait="while not os.path.exists('/mnt/go'): time.sleep(0.01)", sleep=1000))
        config["process"]["env"].append("NOTIFY_SOCKET=/other")
        config["process"]["user"] = {"uid": 1000, "gid": 1000}
        c = t.create(config, env=manager.env)
        start = t.spawn(t.binary, "--root", t.root, "start", c.id, env=manager.env)
        t.wait_until(lambda: kernel.environ(c.pid).get("NOTIFY_SOCKET") == PLACE,
                     what="the payload")
        t.equal(manager.hear(0.3), None, "before it is ready")
        t.equal(start.poll(), None, "start's end before it is ready")
        with open(shared + "/go", "w", encoding="utf-8"):
            pass
        t.equal(manager.hear(), ["READY=1", f"MAINPID={c.pid}"])
        t.equal(manager.hear(0.3), None, "more messages")
        t.equal((start.wait(5), manager.barriers), (0, 1))
        mount = kernel.mount_at(c.pid, "/run/notify")
        t.true({"ro", "nosuid", "nodev", "noexec"} <= set(mount.options), f"mount {mount}")
        place = f"{t.root}/{c.id}/notify"
        t.equal(os.lstat(place + "/notify.sock").st_mode, stat.S_IFSOCK | 0o666)
        with open(place + "/more", "w", encoding="utf-8"):
            pass
        c.delete("--force")
        t.equal(os.listdir(t.root), [], "what is left of the state")


@needs("root")
def test_run_detached(t):
    """run --detach returns when the container is ready; also in a user namespace"""
    for user in (False, True):
        with Manager(t) as manager:
            config = speaker(t)
            if user:
                add_user_namespace(config)
            ident, pid_file = t.new_id(), t.path("pid")
            os.chmod(manager.path, 0o600)
            run = t.spawn(t.binary, "--root", t.root, "run", "--detach", "--pid-file", pid_file,
                          "--bundle", t.bundle(config), ident, env=manager.env)
            said = manager.hear()
            t.equal(manager.hear(0.2), None, "more messages")
            t.equal(run.wait(5), 0)
            t.equal(said, ["READY=1", f"MAINPID={kernel.read(pid_file)}"])
            t.ok("delete", "--force", ident)


@needs("root")
def test_run_in_the_foreground(t):
    """run in the foreground passes it on while it waits, and signals as before"""
    with Manager(t) as manager:
        ident, pid_file = t.new_id(), t.path("pid")
        run = t.spawn(t.binary, "--root", t.root, "run", "--pid-file", pid_file, "--bundle",
                      t.bundle(speaker(t)), ident, env=manager.env,
                      stderr=subprocess.DEVNULL)
        said = manager.hear()
        t.equal(said, ["READY=1", f"MAINPID={kernel.read(pid_file)}"])
        t.equal(manager.hear(0.2), None, "more messages")
        run.send_signal(signal.SIGINT)
        t.wait_until(lambda: run.poll() is not None, what="the end of run")
        t.true(not os.path.exists(f"{t.root}/{ident}"), "state is left")


@needs("root")
def test_never_ready(t):
    """a container that ends without a word ends the waiting; nothing is passed on"""
    with Manager(t) as manager:
        t.equal(t.run(plain(t, "/bin/sh", "-c", "exit 3"), env=manager.env).rc, 3)
        c = t.create(plain(t, "/bin/sleep", "0.3"), env=manager.env)
        t.ok("start", c.id, env=manager.env)
        t.ok("run", "--detach", "--bundle", t.bundle(plain(t, "/bin/sleep", "0.3")), t.new_id(),
             env=manager.env)
        t.equal(manager.hear(0.1), None)


@needs("root")
def test_no_writing(t):
    """the container makes nothing in the host's directory, and a link in the socket's place is not followed"""
    with Manager(t) as manager:
        t.equal(t.run(plain(t, "/bin/sh", "-c", "mkdir /run/notify/x || exit 3"),
                      env=manager.env).rc, 3)
        c = t.create(plain(t, "/bin/true"), env=manager.env)
        victim = t.path("victim")
        with open(victim, "w", encoding="utf-8"):
            pass
        os.chmod(victim, 0o600)
        os.symlink(victim, f"{t.root}/{c.id}/notify/notify.sock")
        t.fails(t.skiff("start", c.id, env=manager.env), "notify.sock", rc=1)
        t.equal(os.stat(victim).st_mode & 0o777, 0o600)
        c.delete("--force")
        t.equal(os.listdir(t.root), [], "what is left of the state")


@needs("root", "native", "cmd:strace")
def test_umask(t):
    """the socket is open to the container's users whatever the caller's umask is, and skiff never
    changes that: it is shared by all threads of whoever uses the library"""
    with Manager(t) as manager:
        config = speaker(t)
        config["process"]["user"] = {"uid": 1000, "gid": 1000}
        trace, ident = t.path("trace"), t.new_id()
        run = t.spawn("sh", "-c", 'umask 077; exec "$@"', "sh", "strace", "-qq", "-o", trace, "-e",
                      "trace=umask,bind", t.binary, "--root", t.root, "run", "--detach",
                      "--bundle", t.bundle(config), ident, env=manager.env)
        t.equal(manager.hear()[0], "READY=1")
        t.equal(manager.hear(0.2), None, "more messages")
        t.equal(run.wait(5), 0)
        calls = kernel.read(trace)
        t.contains(calls, "notify.sock", "calls of skiff")
        t.true("umask" not in calls, calls)
        t.ok("delete", "--force", ident)


@needs("root")
def test_without(t):
    """without NOTIFY_SOCKET there is no socket, no variable and no waiting"""
    c = t.sleeper()
    t.equal(kernel.mount_at(c.pid, "/run/notify"), None)
    t.true("NOTIFY_SOCKET" not in kernel.environ(c.pid), "a variable")
    config = t.config("/bin/sleep", "1000")
    config["process"]["env"].append("NOTIFY_SOCKET=/of/the/image")
    t.equal(kernel.environ(t.background(config).pid)["NOTIFY_SOCKET"], "/of/the/image")
    with Manager(t) as manager:  # known to start only
        c = t.create(t.config("/bin/sleep", "1000"))
        t.ok("start", c.id, env=manager.env)


@needs("root")
def test_failed_create(t):
    """a create that fails leaves nothing of it"""
    with Manager(t) as manager:
        t.fails(t.run(plain(t, "/nowhere"), env=manager.env), "/nowhere", rc=1)
        t.equal([name for name in os.listdir(t.root) if name[0] != "."], [])
