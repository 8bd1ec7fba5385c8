"""process.terminal: run on a terminal, and create with a console socket."""
import os
import signal
import subprocess
import termios

import inside
import kernel
from harness import needs
from terminal import ConsoleSocket, Terminal

TIOCSTI = 0x5412


def with_terminal(t, script, **size):
    config = t.config("/bin/sh", "-c", script)
    config["process"]["terminal"] = True
    if size:
        config["process"]["consoleSize"] = size
    return config


def run_on_terminal(t, config, **size):
    return Terminal(t, "run", "--bundle", t.bundle(config), t.new_id(), **size)


def session(pid):
    """(session, terminal's device number) of a process"""
    fields = kernel.read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[3]), int(fields[4])


@needs("root")
def test_dialogue(t):
    """the payload speaks and listens through the caller's terminal, and its status comes back"""
    screen = run_on_terminal(t, with_terminal(
        t, "tty; test -t 0 -a -t 1 -a -t 2 && echo all; read x; echo \"got $x\"; exit 9"))
    text = screen.read_until("all")
    t.true("/dev/pts/0" in text or "/dev/console" in text, f"tty says {text!r}")
    screen.type("hello\n")
    screen.read_until("got hello")
    t.equal(screen.wait(), 9)


@needs("root")
def test_control_c(t):
    """Control-C on the caller's terminal interrupts the payload, not skiff"""
    screen = run_on_terminal(t, with_terminal(
        t, "trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.05; done"))
    screen.read_until("ready")
    screen.type("\x03")
    screen.read_until("interrupted")
    t.equal(screen.wait(), 5)


@needs("root")
def test_modes_restored(t):
    """after the run the caller's terminal has the modes that it had before"""
    screen = run_on_terminal(t, with_terminal(t, "echo ready; read x"))
    screen.read_until("ready")
    raw = termios.tcgetattr(screen.fd)
    t.true(not raw[3] & termios.ICANON, "the terminal is not raw during the run")
    screen.type("\n")
    t.equal(screen.wait(), 0)
    cooked = termios.tcgetattr(screen.fd)
    t.true(cooked[3] & termios.ICANON and cooked[3] & termios.ECHO, "the terminal is still raw")


@needs("root")
def test_modes_restored_after_kill(t):
    """also when the payload is killed"""
    screen = run_on_terminal(t, with_terminal(t, "echo ready; sleep 100000"))
    screen.read_until("ready")
    t.ok("kill", t.ids[-1], "KILL")
    t.equal(screen.wait(), 128 + signal.SIGKILL)
    t.true(termios.tcgetattr(screen.fd)[3] & termios.ICANON, "the terminal is still raw")


@needs("root")
def test_size_follows(t):
    """the container's terminal has the size of the caller's, also after a change"""
    screen = run_on_terminal(t, with_terminal(
        t, "trap 'echo now $(stty size)' WINCH; echo first $(stty size); "
           "while :; do sleep 0.05; done"), rows=33, columns=111)
    screen.read_until("first 33 111")
    screen.resize(44, 122)
    os.kill(screen.process.pid, signal.SIGWINCH)
    screen.read_until("now 44 122")
    t.ok("kill", t.ids[-1], "KILL")


@needs("root")
def test_console_socket(t):
    """create sends the terminal's master; the payload is at its other end"""
    console = ConsoleSocket(t.path("console"))
    c = t.create(with_terminal(t, "read x; echo \"got $x\""), "--console-socket", console.path)
    screen = console.receive()
    c.start()
    screen.type("hello\n")
    screen.read_until("got hello")
    screen.read_until(None)
    c.wait_stopped()


@needs("root")
def test_detached(t):
    """run --detach sends the master too"""
    console = ConsoleSocket(t.path("console"))
    t.background(with_terminal(t, "echo here; sleep 100000"), "--console-socket", console.path)
    console.receive().read_until("here")


@needs("root")
def test_console_size(t):
    """consoleSize is the size of the new terminal, before the payload begins"""
    console = ConsoleSocket(t.path("console"))
    t.background(with_terminal(t, "stty size; sleep 100000", height=17, width=133),
                 "--console-socket", console.path)
    screen = console.receive()
    t.equal(screen.size(), (17, 133))
    screen.read_until("17 133")


@needs("root")
def test_session(t):
    """the payload leads a session whose terminal is the new one: with a terminal its own, without
    none"""
    console = ConsoleSocket(t.path("console"))
    c = t.background(with_terminal(t, "echo ready; sleep 100000"), "--console-socket",
                     console.path)
    console.receive().read_until("ready")
    leader, device = session(c.pid)
    t.equal((leader, device >> 8), (c.pid, 136), "session and terminal")
    t.equal(session(t.sleeper().pid)[1], 0, "terminal of a payload without one")
    other = t.sleeper()
    t.equal(session(other.pid)[0], other.pid, "session of a payload without terminal")


@needs("root")
def test_console_node(t):
    """/dev/console is the terminal itself, which is in the container's own devpts"""
    console = ConsoleSocket(t.path("console"))
    c = t.background(with_terminal(t, "echo ready; sleep 100000"), "--console-socket",
                     console.path)
    console.receive().read_until("ready")
    t.equal(kernel.mount_at(c.pid, "/dev/console").fstype, "devpts")
    for path in ("/dev/console", "/dev/pts/0"):
        t.equal(inside.node(c.pid, path)[:3], ("c", 136, 0), path)
    t.equal(c.sh("ls /dev/pts").out.split(), ["0", "ptmx"])
    t.equal(kernel.mount_at(t.sleeper().pid, "/dev/console"), None, "without terminal")


@needs("root")
def test_owner(t):
    """the terminal belongs to the payload's user"""
    console = ConsoleSocket(t.path("console"))
    config = with_terminal(t, "echo ready; sleep 100000")
    config["process"]["user"] = {"uid": 1000, "gid": 1000}
    c = t.background(config, "--console-socket", console.path)
    console.receive().read_until("ready")
    t.equal(inside.node(c.pid, "/dev/pts/0")[4], 1000)
    t.equal(c.sh("echo x >/dev/tty; echo x >/dev/console; echo $?").rc, 0)


@needs("root")
def test_foreign_terminal(t):
    """a payload without terminal that got the caller's as stdin cannot type into it (TIOCSTI);
    the caller itself can"""
    code = ("import fcntl, sys\n"
            f"try: fcntl.ioctl(0, {TIOCSTI}, b'x')\n"
            "except OSError as e: print('refused', e.errno)\n"
            "else: print('typed')\n")
    own = t.path("own.py")
    with open(own, "w", encoding="utf-8") as f:
        f.write(code)
    screen = run_on_terminal(t, inside.set_python(t.config(), code))
    t.true("typed" not in screen.read_until("refused"), screen.text)
    t.equal(screen.wait(), 0)
    master, slave = os.openpty()
    result = subprocess.run(["setsid", "--ctty", "/usr/bin/python3", own], stdin=slave,
                            capture_output=True, text=True, check=False)
    os.close(master)
    switch = "/proc/sys/dev/tty/legacy_tiocsti"  # kernels without it (before 6.2) let everybody
    if not os.path.exists(switch) or kernel.read(switch).strip() == "1":
        t.contains(result.stdout, "typed", "the caller's own attempt")


@needs("root")
def test_no_place_for_terminal(t):
    """a terminal that nobody takes, and a socket that gets none, are refused"""
    config = with_terminal(t, "true")
    path = t.bundle(config)
    for args in (["create"], ["run", "--detach"]):
        t.fails(t.skiff(*args, "--bundle", path, t.new_id()), rc=1)
    t.fails(t.skiff("create", "--bundle", path, "--console-socket", t.path("nowhere"), t.new_id()),
            t.path("nowhere"), rc=1)
    console = ConsoleSocket(t.path("console"))
    t.fails(t.skiff("create", "--bundle", t.bundle(), "--console-socket", console.path,
                    t.new_id()), rc=1)


@needs("root")
def test_hang_up(t):
    """when the terminal's master closes, the payload gets SIGHUP"""
    console = ConsoleSocket(t.path("console"))
    config = with_terminal(t, "trap 'echo hup >/mnt/log; exit' HUP; echo ready; "
                              "while :; do sleep 0.05; done")
    log = inside.share(t, config) + "/log"
    t.background(config, "--console-socket", console.path)
    screen = console.receive()
    screen.read_until("ready")
    screen.close()
    t.wait_until(lambda: inside.lines(log) == ["hup"], what="the signal")
