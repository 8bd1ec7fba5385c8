"""run: exit status, standard streams, signals, --detach and --keep."""
import os
import signal
import subprocess

import inside
import kernel
from harness import needs

TRAPS = ("for s in HUP INT QUIT USR1 USR2 CONT; do trap \"echo $s >>/mnt/log\" $s; done\n"
         "trap 'echo TERM >>/mnt/log; exit 3' TERM\n"
         "echo ready >>/mnt/log\nwhile :; do sleep 0.02; done")


def foreground(t, config, *options, **how):
    """start `run` without waiting for its end: (its Popen, the payload's pid)"""
    pid_file, path = t.path("run.pid"), t.bundle(config)
    process = t.spawn(t.binary, "--root", t.root, "run", "--bundle", path, "--pid-file",
                      pid_file, *options, t.new_id(), **how)
    text = t.wait_until(lambda: inside.lines(pid_file), what="the pid file")
    return process, int(text[0])


@needs("root")
def test_exit_status(t):
    """run ends with the payload's status"""
    for status in (0, 1, 42, 255):
        t.equal(t.sh(f"exit {status}").rc, status)


@needs("root")
def test_exit_by_signal(t):
    """a payload that dies of a signal gives 128 and its number"""
    process, pid = foreground(t, t.config("/bin/sleep", "100000"), stdin=subprocess.DEVNULL)
    t.wait_until(lambda: kernel.argv(pid) == ["/bin/sleep", "100000"], what="the payload")
    os.kill(pid, signal.SIGKILL)
    t.equal(process.wait(10), 128 + signal.SIGKILL)


@needs("root")
def test_signals_forwarded(t):
    """signals to the foreground run reach the payload, which decides about its end"""
    config = t.config("/bin/sh", "-c", TRAPS)
    log = inside.share(t, config) + "/log"
    process, _ = foreground(t, config, stdin=subprocess.DEVNULL)
    expected = ["ready"]
    t.wait_until(lambda: inside.lines(log) == expected, what="the payload's traps")
    for name in ("USR1", "HUP", "INT", "QUIT", "USR2", "CONT", "TERM"):
        process.send_signal(getattr(signal, "SIG" + name))
        expected.append(name)
        t.wait_until(lambda: len(inside.lines(log)) >= len(expected), what=name)
        t.equal(inside.lines(log), expected)
    t.equal(process.wait(10), 3)


@needs("root", "native", "cmd:strace")
def test_signal_at_once(t):
    """a signal from the moment that the payload runs on is forwarded, however late skiff hears that
    it runs"""
    config = t.config("/bin/sh", "-c", TRAPS)
    log = inside.share(t, config) + "/log"
    process = t.spawn(
        "strace", "-qq", "-o", t.path("trace"), "-e", "trace=recvmsg", "-e",
        "inject=recvmsg:delay_exit=300000", t.binary, "--root", t.root, "run", "--bundle",
        t.bundle(config), t.new_id(), stdin=subprocess.DEVNULL)
    t.wait_until(lambda: inside.lines(log) == ["ready"], what="the payload's traps")
    skiff, = map(int, kernel.read(f"/proc/{process.pid}/task/{process.pid}/children").split())
    os.kill(skiff, signal.SIGTERM)
    t.equal(process.wait(10), 3)


@needs("root")
def test_signals_of_the_caller(t):
    """what the caller blocks, and SIGPIPE that engines ignore, is not handed down to the payload;
    a SIGHUP that is ignored (nohup) is"""
    own = int(kernel.status("self")["SigIgn"], 16) & ~(1 << signal.SIGPIPE - 1)
    fields = kernel.status(t.sleeper().pid)
    t.equal([int(fields[name], 16) for name in ("SigIgn", "SigBlk")], [own & 0b110, 0],
            "by nature")
    code = ("import os, signal, sys\n"
            "for s in (signal.SIGHUP, signal.SIGPIPE): signal.signal(s, signal.SIG_IGN)\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
            "signal.pthread_sigmask(signal.SIG_BLOCK, (1, 2, 10, 12, 15, 17))\n"
            "os.execv(sys.argv[1], sys.argv[1:])")
    path, pid_file = t.bundle(t.config("/bin/sleep", "100000")), t.path("other.pid")
    result = t.command("/usr/bin/python3", "-c", code, t.binary, "--root", t.root, "run",
                       "--detach", "--bundle", path, "--pid-file", pid_file, t.new_id())
    t.equal(result.rc, 0, result.err)
    fields = kernel.status(int(kernel.read(pid_file)))
    t.equal([int(fields[name], 16) for name in ("SigIgn", "SigBlk")],
            [own & 0b110 | 1, 0], "ignored, blocked")


@needs("root")
def test_streams(t):
    """stdin, stdout and stderr are the caller's, byte for byte"""
    text = "".join(f"line {n} \x01\u00e4\n" for n in range(60000))
    result = t.sh("cat; echo end >&2", input=text)
    t.equal((result.rc, result.err), (0, "end\n"))
    t.true(result.out == text, f"{len(result.out)} of {len(text)} characters came back")


@needs("root")
def test_output_is_the_payloads(t):
    """run adds nothing to the payload's output"""
    result = t.sh("echo out; echo err >&2; exit 7")
    t.equal((result.rc, result.out, result.err), (7, "out\n", "err\n"))


@needs("root")
def test_closed_streams(t):
    """closed standard streams do not become files of the runtime: the payload finds them closed
    or /dev/null"""
    config = t.config("/bin/sh", "-c", "exec sleep 100000")
    process, pid = foreground(t, config, preexec_fn=lambda: os.closerange(0, 3), close_fds=False)
    t.wait_until(lambda: kernel.argv(pid) == ["sleep", "100000"], what="the payload")
    links = {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    t.equal({fd: link for fd, link in links.items() if fd > 2 or link != "/dev/null"}, {},
            "descriptors that lead elsewhere")
    os.kill(pid, signal.SIGKILL)
    t.equal(process.wait(10), 128 + signal.SIGKILL)


@needs("root")
def test_stdout_closed_by_reader(t):
    """a reader that goes away ends a writing payload by SIGPIPE, as in a shell"""
    config = t.config("/bin/sh", "-c", "cat /dev/zero & wait $!; exit $?")
    path = t.bundle(config)
    process = t.spawn(t.binary, "--root", t.root, "run", "--bundle", path, t.new_id(),
                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    t.equal(process.stdout.read(5), bytes(5))
    process.stdout.close()
    t.equal(process.wait(10), 128 + signal.SIGPIPE)


@needs("root")
def test_detach(t):
    """run --detach returns while the payload runs, and nobody of skiff stays"""
    before = set(kernel.descendants(os.getpid()))
    c = t.sleeper()
    t.true(kernel.is_alive(c.pid), "the payload does not run")
    t.wait_until(lambda: set(kernel.descendants(os.getpid())) - before == {c.pid},
                 what="nobody else")


@needs("root")
def test_removed_after_run(t):
    """the container of a foreground run is gone when run ends: its state and its cgroup"""
    config = t.config("/bin/sh", "-c", "sleep 100000")
    process, pid = foreground(t, config, stdin=subprocess.DEVNULL)
    dirs = [path for path in set(kernel.cgroup_dirs(pid).values()) if t.mark in path]
    t.true(dirs, "the container has no cgroup")
    os.kill(pid, signal.SIGKILL)
    process.wait(10)
    t.equal([path for path in dirs if os.path.exists(path)], [], "cgroups left")
    t.fails(t.skiff("state", t.ids[-1]), "does not exist")


@needs("root")
def test_keep(t):
    """run --keep leaves a stopped container, which delete removes"""
    result = t.run(t.config("/bin/sh", "-c", "exit 5"), "--keep")
    t.equal(result.rc, 5)
    t.equal(t.ok("state", t.ids[-1]).json()["status"], "stopped")
    t.ok("delete", t.ids[-1])


@needs("root")
def test_children_end_with_init(t):
    """children that outlive init end with the run, with and without a pid namespace"""
    for own in (True, False):
        config = t.config("/bin/sh", "-c", "sleep 100000 & exit 4")
        if not own:
            config["linux"]["namespaces"].remove({"type": "pid"})
        before = set(kernel.descendants(os.getpid()))
        t.equal(t.run(config).rc, 4)
        t.wait_until(lambda before=before: not [
            pid for pid in set(kernel.descendants(os.getpid())) - before if kernel.is_alive(pid)],
            what=f"the child's end, own pid namespace {own}")


@needs("root")
def test_reaps_nothing_else(t):
    """with --no-subreaper and without, run waits for its payload and not for the caller's
    other children"""
    for options in ([], ["--no-subreaper"]):
        t.equal(t.run(t.config("/bin/sh", "-c", "(sleep 0.1 &); exit 6"), *options).rc, 6)
