"""Where the log goes: files, the journal, syslog; what a record holds; what is shown."""
import json
import os
import re
import select
import socket
import stat
import subprocess
import threading
import time

import inside
import kernel
from harness import needs

JOURNAL = "/run/systemd/journal/socket"


class Daemon:
    """a datagram socket in the place of a log daemon's, in this test's mount namespace"""

    def __init__(self, path, reads=True):
        self.top = "/" + path.split("/")[1]
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.top], check=True)
        if self.top == "/dev":
            os.mknod("/dev/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.setblocking(False)
        self.all, self.over = [], threading.Event()
        self.reader = threading.Thread(target=self._read) if reads else None
        if reads:
            self.reader.start()

    def _read(self):
        """a socket's queue holds ten datagrams"""
        while not self.over.is_set():
            if select.select([self.socket], [], [], 0.05)[0]:
                self.all.append(self.socket.recv(1 << 20))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        if self.reader:
            self.reader.join()
        self.socket.close()
        subprocess.run(["umount", "-l", self.top], check=True)

    def received(self):
        """what came since the last call; senders have ended"""
        while select.select([self.socket], [], [], 0)[0]:
            time.sleep(0.001)
        time.sleep(0.01)
        found, self.all = self.all, []
        return found


def fields(datagram):
    """a record of the journal's native protocol"""
    found = {}
    while datagram:
        line, _, rest = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(rest[:8], "little")
            value, rest = rest[8:8 + size], rest[9 + size:]
        found[name.decode()] = value.decode()
        datagram = rest
    return found


def with_warning(t):
    """a state directory about which `list` has a warning"""
    os.mkdir(f"{t.root}/half", 0o700)


@needs("root")
def test_journal(t):
    """--log journald:ID speaks the journal's own protocol, one datagram a record"""
    with Daemon(JOURNAL) as daemon:
        result = t.skiff("--log", "journald:web", "state", "none")
        t.fails(result, "does not exist", rc=1)
        datagrams = daemon.received()
        t.equal(len(datagrams), 1, "datagrams")
        t.equal(fields(datagrams[0]), {
            "MESSAGE": 'container "none" does not exist', "PRIORITY": "3",
            "SYSLOG_FACILITY": "3", "SYSLOG_IDENTIFIER": "web", "SKIFF_CODE": "unknown",
            "ERRNO": "2"})
        config = t.config()
        config["process"]["cwd"] = "relative"
        t.skiff("--log=journald:", "create", "--bundle", t.bundle(config), t.new_id())
        found = fields(daemon.received()[0])
        t.equal((found["SYSLOG_IDENTIFIER"], found["SKIFF_PATH"], found["SKIFF_CODE"]),
                ("skiff", "process.cwd", "config"))


@needs("root")
def test_journal_cannot_be_forged(t):
    """a newline in a message does not begin another field"""
    with Daemon(JOURNAL) as daemon:
        t.skiff("--log", "journald:", "a\nPRIORITY=0\nb")
        found = fields(daemon.received()[0])
        t.contains(found["MESSAGE"], "a\nPRIORITY=0\nb")
        t.equal((found["PRIORITY"], "b" in found), ("3", False))


@needs("root")
def test_systemd_log(t):
    """--systemd-log is --log journald:skiff, and leaves another --log alone"""
    with Daemon(JOURNAL) as daemon:
        log = t.path("log")
        t.skiff("--systemd-log", "--log", log, "--log-format=json", "state", "none")
        found = fields(daemon.received()[0])
        t.equal((found["SYSLOG_IDENTIFIER"], found["MESSAGE"]),
                ("skiff", json.loads(kernel.read(log))["msg"]))
        t.skiff("--systemd-log=false", "state", "none")
        t.equal(daemon.received(), [])


@needs("root")
def test_syslog(t):
    """--log syslog:ID writes RFC 3164 lines to /dev/log"""
    with Daemon("/dev/log") as daemon:
        t.fails(t.skiff("--log", "syslog:web", "state", "none"), "does not exist", rc=1)
        text = daemon.received()[0].decode()
        t.true(re.fullmatch(r'<27>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d web\[\d+\]: container '
                            r'"none" does not exist', text), repr(text))
        t.skiff("--log", "syslog:", "--log-format", "json", "state", "none")
        head, _, record = daemon.received()[0].decode().partition("]: ")
        t.true(re.search(r" skiff\[\d+$", head), head)
        t.equal(json.loads(record)["code"], "unknown")


@needs("root")
def test_levels(t):
    """--log-level says what is told, to each kind of log; without it a success tells warnings"""
    with_warning(t)
    for options, priorities in (((), ["4"]), (("--log-level", "error"), []),
                                (("--log-level", "warning"), ["4"]),
                                (("--log-level=debug",), ["4"]), (("--debug",), ["4"])):
        log = t.path("log-" + str(len(t.log)))
        t.ok(*options, "--log", log, "--log-format", "json", "list")
        t.equal([json.loads(line)["level"] for line in inside.lines(log)],
                ["warning"] * len(priorities), str(options))
        with Daemon(JOURNAL) as daemon:
            t.ok(*options, "--log", "journald:", "list")
            t.equal([fields(d)["PRIORITY"] for d in daemon.received()], priorities, str(options))
    with Daemon(JOURNAL) as daemon:
        result = t.skiff("--debug", "--log", "journald:", "run", "-b", t.bundle(), t.new_id())
        found = [fields(d) for d in daemon.received()]
        t.equal((result.rc, result.err), (0, ""))
        t.equal({f["PRIORITY"] for f in found}, {"7"})
        t.true(any("spawn" in f["MESSAGE"] for f in found), "the plan")


def test_files(t):
    """a path and file:PATH are appended to; only a file: keeps a strange name from meaning more"""
    for target, path in ((t.path("plain"), t.path("plain")),
                         ("file:" + t.path("marked"), t.path("marked")),
                         ("file:file:journald:x", t.path("") + "file:journald:x")):
        for _ in range(2):
            t.fails(t.skiff("--log", target, "state", "none", cwd=t.dir), rc=1)
        t.equal(len(inside.lines(path)), 2, path)
        t.true(re.match(r"\d{4}-.* error: container", kernel.read(path)), "text")


@needs("root")
def test_no_daemon(t):
    """a log that cannot be opened is an error which names it, and nothing is done"""
    with Daemon("/run/nothing"):
        t.fails(t.skiff("--log", "journald:x", "list"), "--log journald:x", JOURNAL,
                "systemd-journald", rc=1)
    with Daemon("/dev/nothing"):
        t.fails(t.skiff("--log", "syslog:x", "list"), "--log syslog:x", "/dev/log", rc=1)
    t.fails(t.skiff("--log", "/nowhere/log", "list"), "open log /nowhere/log", rc=1)


@needs("root")
def test_daemon_that_hangs(t):
    """a daemon that takes nothing costs records, and a moment, but not the container"""
    with Daemon(JOURNAL, reads=False):
        result = t.skiff("--debug", "--log", "journald:", "run", "-b",
                         t.bundle(t.config("/bin/sh", "-c", "exit 5")), t.new_id())
        t.equal((result.rc, result.err), (5, ""))


@needs("root")
def test_not_inherited(t):
    """no program in the container gets the log, whatever its kind"""
    with Daemon(JOURNAL):
        result = t.skiff("--log", "journald:", "run", "-b",
                         t.bundle(t.config("/bin/ls", "/proc/self/fd")), t.new_id())
        t.equal(result.out.split(), ["0", "1", "2", "3"], "3 is ls's own")
        t.fails(t.skiff("--log", "journald:", "run", "--preserve-fds", "1", "-b", t.bundle(),
                        t.new_id()), "descriptor 3 is not open", rc=1)


@needs("root", "systemd", "cmd:journalctl")
def test_real_journal(t):
    """systemd's journal has the record with all of its fields"""
    name = f"skiff-{t.mark}"
    t.skiff("--log", f"journald:{name}", "state", "none")
    found = t.wait_until(
        lambda: t.command("journalctl", "-q", "-o", "json", "-t", name).out, 20, "the record")
    record = json.loads(found.splitlines()[0])
    t.equal((record["MESSAGE"], record["PRIORITY"], record["SKIFF_CODE"], record["ERRNO"]),
            ('container "none" does not exist', "3", "unknown", "2"))
    t.equal(record["_TRANSPORT"], "journal")
