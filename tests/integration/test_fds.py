"""Descriptors: none leaks, those to be preserved arrive, sockets of a listener too."""
import os
import socket
import subprocess

import inside
import kernel
from harness import needs


def links(pid):
    return {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}


def launched(t, command, numbers, *options, env=None, config=None):
    """create or run --detach with descriptors open on t.path("file"): the payload's pid"""
    path = t.bundle(config or t.config("/bin/sleep", "100000"))
    result = t.command(*inside.leaking(t.path("file"), *numbers), t.binary, "--root", t.root,
                       *command, "--bundle", path, "--pid-file", t.path("pid"), *options,
                       t.new_id(), env=env)
    t.equal(result.rc, 0, result.err)
    pid = int(kernel.read(t.path("pid")))
    t.wait_until(lambda: kernel.has_executed(pid), what="the payload")
    return pid


def start(t, pid):
    t.ok("start", t.ids[-1])
    t.wait_until(lambda: kernel.argv(pid) == ["/bin/sleep", "100000"], what="the payload")


@needs("root")
def test_leaked_descriptors(t):
    """descriptors of the caller end before the payload: also while it waits, also high ones"""
    pid = launched(t, ["create"], (3, 4, 5, 9, 17, 100, 500))
    path = t.path("file")
    t.equal([fd for fd, link in links(pid).items() if link == path], [], "in created")
    start(t, pid)
    t.equal(sorted(links(pid)), [0, 1, 2], f"in the payload: {links(pid)}")


@needs("root")
def test_nothing_of_the_host_in_created(t):
    """a waiting init holds no file and no directory of the host but the standard streams"""
    c = t.create(t.config("/bin/sleep", "100000"))
    found = {fd: link for fd, link in links(c.pid).items() if fd > 2 and link.startswith("/")
             and not link.startswith("/memfd:")}
    t.equal(found, {}, "paths that init has open")


@needs("root")
def test_payload_has_three(t):
    """without further wishes the payload of run and exec has 0, 1 and 2"""
    t.equal(t.sh("exec ls /proc/self/fd").out.split(), ["0", "1", "2", "3"], "3 is ls's own")
    t.equal(t.sleeper().sh("exec ls /proc/self/fd").out.split(), ["0", "1", "2", "3"])


@needs("root")
def test_preserved(t):
    """--preserve-fds N passes 3 to 2+N, the same open files, and none beyond"""
    config = t.config("/bin/sh", "-c", "echo four >&4; exec sleep 100000")
    pid = launched(t, ["run", "--detach"], (3, 4, 5, 6), "--preserve-fds", "2", config=config)
    path = t.path("file")
    t.wait_until(lambda: kernel.argv(pid) == ["sleep", "100000"], what="the payload")
    t.equal({fd: link for fd, link in links(pid).items() if fd > 2}, {3: path, 4: path})
    t.equal(inside.lines(path), ["four"])


@needs("root")
def test_preserved_in_created(t):
    """create and start pass them too"""
    pid = launched(t, ["create"], (3, 4), "--preserve-fds=1")
    start(t, pid)
    t.equal({fd: link for fd, link in links(pid).items() if fd > 2}, {3: t.path("file")})


@needs("root")
def test_preserved_missing(t):
    """descriptors that are to be preserved but not open do not become skiff's own"""
    path = t.bundle(t.config("/bin/sleep", "100000"))
    result = t.command(*inside.leaking(t.path("file"), 3), t.binary, "--root", t.root, "run",
                       "--detach", "--bundle", path, "--preserve-fds", "60", "--pid-file",
                       t.path("pid"), t.new_id())
    if result.rc:
        t.fails(result, rc=1)  # to refuse is as good
        return
    pid = int(kernel.read(t.path("pid")))
    t.wait_until(lambda: kernel.has_executed(pid), what="the payload")
    t.equal({fd: link for fd, link in links(pid).items() if fd > 2}, {3: t.path("file")})


@needs("root")
def test_listen_fds(t):
    """sockets that a service manager hands over (LISTEN_FDS) reach the payload, which is told"""
    path, pid_file = t.bundle(t.config("/bin/sleep", "100000")), t.path("pid")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(t.path("socket"))
        listener.listen(1)
        inode = os.fstat(listener.fileno()).st_ino
        process = t.spawn("bash", "-c", 'exec 3<&0 </dev/null; exec "$@"', "bash", t.binary,
                          "--root", t.root, "run", "--detach", "--bundle", path, "--pid-file",
                          pid_file, t.new_id(), env={"LISTEN_FDS": "1"}, stdin=listener,
                          stdout=subprocess.DEVNULL)
        t.equal(process.wait(10), 0)
    pid = int(kernel.read(pid_file))
    t.wait_until(lambda: kernel.has_executed(pid), what="the payload")
    t.equal({fd: link for fd, link in links(pid).items() if fd > 2}, {3: f"socket:[{inode}]"})
    found = kernel.environ(pid)
    t.equal((found.get("LISTEN_FDS"), found.get("LISTEN_PID")), ("1", "1"))


@needs("root")
def test_listen_fds_and_preserved(t):
    """preserved descriptors follow those of LISTEN_FDS"""
    pid = launched(t, ["run", "--detach"], (3, 4, 5), "--preserve-fds", "1",
                   env={"LISTEN_FDS": "1"})
    path = t.path("file")
    t.equal({fd: link for fd, link in links(pid).items() if fd > 2}, {3: path, 4: path})


@needs("root")
def test_listen_fds_of_another(t):
    """LISTEN_FDS that is meant for another process (LISTEN_PID) is not passed on"""
    pid = launched(t, ["run", "--detach"], (3,), env={"LISTEN_FDS": "1", "LISTEN_PID": "1"})
    t.equal(sorted(links(pid)), [0, 1, 2])
