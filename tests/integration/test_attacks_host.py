"""What a container or its config could do to the host beside its files: kernel parameters,
cgroups, sockets, hooks, the caller's terminal."""
import fcntl
import os
import stat
import termios

import kernel
from attack import add_python, all_or_failure, python_rootfs, without
from harness import needs, tag
from terminal import Terminal
from views import libc

CLONE_NEWNET = 0x40000000
KERNEL = ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname",
          "/proc/sys/kernel/domainname", "/proc/sys/net/ipv4/ip_forward",
          "/proc/sys/kernel/shmmax", "/proc/sys/fs/mqueue/queues_max",
          "/proc/sys/vm/overcommit_memory", "/proc/sys/kernel/panic")

KEYS = ("net/../kernel/core_pattern", "net.ipv4.../../../kernel/core_pattern",
        "net/ipv4/../../kernel/core_pattern", "net...kernel.core_pattern", "kernel.core_pattern",
        "kernel/core_pattern", "/proc/sys/kernel/core_pattern", "kernel.panic",
        "vm.overcommit_memory", "fs.file-max",
        "kernel.shmmax.", ".kernel.shmmax", "kernel..shmmax", "net", "net.", "", ".", "/", "..",
        "net.ipv4", "net.ipv4.ip_forward\n", "net.ipv4.ip_forward/", "user.max_user_namespaces",
        "dev.tty.legacy_tiocsti", "net.ipv4.\u0000ip_forward", "kernel.ns_last_pid/../panic")


def host_parameters():
    return {path: kernel.read(path) for path in KERNEL}


def test_sysctl_keys(t):
    """only parameters of the container's own namespaces can be set; the host's stay"""
    before, problems = host_parameters(), []
    config = t.config("/bin/cat", "/proc/sys/net/ipv4/ip_forward")
    config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
    t.equal(t.run(config).out, "1\n", "twin: a parameter of the network namespace")
    for key in KEYS:
        config = t.config()
        config["linux"]["sysctl"] = {key: kernel.read(KERNEL[0]).strip()}
        result = t.run(config)
        if result.rc == 0:
            problems.append(f"{key!r} was accepted")
        else:
            t.note(repr(key))
            t.fails(result)
    t.equal(host_parameters(), before, "the host's parameters")
    all_or_failure(problems)


def test_sysctl_without_the_namespace(t):
    """a parameter of a namespace that the container shares with the host is refused"""
    before = host_parameters()
    for key, value, name in (("net.ipv4.ip_forward", "1", "network"),
                             ("kernel.shmmax", "4096", "ipc"),
                             ("fs.mqueue.queues_max", "3", "ipc")):
        for shared in (False, True):
            t.note(f"{key}, shared {shared}")
            config = without(t.config(), "/dev/mqueue") if shared else t.config()
            config["linux"]["sysctl"] = {key: value}
            if shared:
                spaces = config["linux"]["namespaces"]
                spaces[:] = [n for n in spaces if n["type"] != name]
            result = t.run(config)
            t.equal(result.rc == 0, not shared, f"whether it was accepted ({result.err})")
    t.equal(host_parameters(), before, "the host's parameters")


def test_sysctl_values(t):
    """a value with control characters is refused: one key is one write"""
    problems = []
    for value in ("1\n0", "1\n", "\n", "1\r", "1\u001b", "1\u0000"):
        config = t.config()
        config["linux"]["sysctl"] = {"net.ipv4.ip_forward": value}
        result = t.run(config)
        if result.rc == 0:
            problems.append(f"{value!r} was accepted")
        else:
            t.fails(result)
    all_or_failure(problems)


@tag("vm")
@needs("v2")
def test_options_of_the_hosts_cgroup2(t):
    """a container without a cgroup namespace leaves the options of the host's cgroup2
    (nsdelegate, memory_recursiveprot) as they are"""
    def options():
        return [m.superopts for m in kernel.mountinfo() if m.fstype == "cgroup2"]
    before = options()
    t.equal(t.run().rc, 0, "exit status")
    t.equal(options(), before, "options of cgroup2")
    if "nsdelegate" not in before[0]:
        t.skip("the host's cgroup2 has no options that could be lost")


def test_cgroup_files_are_read_only(t):
    """without a cgroup namespace nothing below /sys/fs/cgroup can be written"""
    script = ("cd /sys/fs/cgroup && for d in . * */*; do [ -d $d ] && "
              "mkdir $d/evil 2>/dev/null && echo $d; done; cat /proc/self/mountinfo")
    config = t.config()
    config["process"]["capabilities"] = {
        name: ["CAP_DAC_OVERRIDE", "CAP_CHOWN", "CAP_FOWNER"]
        for name in ("bounding", "effective", "permitted")}
    result = t.sh(script, config)
    t.equal(result.rc, 0, f"exit status ({result.err})")
    below = [line.split() for line in result.out.splitlines() if " /sys/fs/cgroup" in line]
    t.true(below, "no /sys/fs/cgroup in the container")
    for words in below:
        t.contains(words[5].split(","), "ro", f"options of {words[4]}")
    t.true("evil" not in result.out and not result.out.startswith((".", "s")), result.out[:200])


def abstract_sockets():
    return {line.split()[-1] for line in kernel.read("/proc/net/unix").splitlines()
            if line.split()[-1].startswith("@")}


def test_abstract_sockets(t):
    """a container of the host's network finds no abstract socket of the runtime, at any time of
    its life; sockets of the state directory are closed to others (CVE-2020-15257)"""
    if libc.unshare(CLONE_NEWNET):
        t.skip("no network namespace")
    config = t.config("/bin/sleep", "100000")
    spaces = config["linux"]["namespaces"]
    spaces[:] = [n for n in spaces if n["type"] != "network"]
    t.equal(abstract_sockets(), set(), "twin: sockets before")
    c = t.create(config)
    t.equal(abstract_sockets(), set(), "sockets while it is created")
    for where, dirs, files in os.walk(t.root):
        for name in dirs + files:
            s = os.lstat(f"{where}/{name}")
            if stat.S_ISLNK(s.st_mode):
                continue  # a link has no mode of its own
            t.equal(stat.S_IMODE(s.st_mode) & 0o077, 0, f"mode of {name} for others")
    c.start()
    t.equal(abstract_sockets(), set(), "sockets while it runs")
    process = t.spawn(t.binary, "--root", t.root, "exec", c.id, "cat", "/proc/net/unix",
                      stdout=open(t.path("unix"), "w", encoding="utf-8"))
    t.equal(process.wait(), 0, "exit status of exec")
    t.true("@" not in kernel.read(t.path("unix")), "sockets while exec runs")


KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart",
         "poststop")


def test_environment_of_hooks(t):
    """hooks of all six kinds get the environment of the hook and nothing of the container's or
    the caller's (CVE-2025-23266)"""
    rootfs, out = t.rootfs(), t.path("hooks")
    os.mkdir(out)
    os.chmod(out, 0o777)
    config = t.config("/bin/sh", "-c", f"env > {out}/payload; true")
    config["process"]["env"] += ["LD_PRELOAD=/evil.so", "CANARY=container"]
    config["mounts"].append({"destination": out, "type": "bind", "source": out,
                             "options": ["bind"]})
    config["hooks"] = {kind: [{"path": "/bin/sh", "env": [f"HOOK={kind}"],
                               "args": ["sh", "-c", f"cat /proc/self/environ > {out}/{kind}"]}]
                       for kind in KINDS}
    ident = t.new_id()
    t.ok("run", "--bundle", t.bundle(config, rootfs), ident, env={"SECRET": "caller"})
    for kind in KINDS:
        t.note(kind)
        found = kernel.read(f"{out}/{kind}").split("\0")[:-1]
        of_shell = ("PWD=", "OLDPWD=", "SHLVL=", "PATH=/sbin:/usr/sbin:/bin:", "PATH=/usr/local/",
                    "_=")
        t.equal([entry for entry in found if not entry.startswith(of_shell)], [f"HOOK={kind}"],
                "environment of the hook")
    payload = kernel.read(f"{out}/payload")
    t.contains(payload, "CANARY=container", "twin: the payload's environment")
    t.true("SECRET" not in payload, "the payload has the caller's environment")


STEAL = """
import fcntl, os, sys, termios
try:
    os.setsid()
except OSError:
    pass
for attempt in (lambda: None, lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 1)):
    try:
        attempt()
        for c in "echo stolen\\n":
            fcntl.ioctl(0, termios.TIOCSTI, c)
        print("typed")
    except OSError as e:
        print("refused", e.errno)
"""


def test_typing_into_the_callers_terminal(t):
    """without a terminal of its own the container is in a session of its own and cannot type
    into the caller's (CVE-2016-10124)"""
    config = add_python(t, t.config(), STEAL)
    terminal = Terminal(t, "run", "--bundle", t.bundle(config, python_rootfs(t)), t.new_id())
    t.equal(terminal.wait(), 0, f"exit status ({terminal.text!r})")
    text = terminal.read_until("refused")
    t.true("typed" not in text and "stolen" not in text, f"the terminal shows {text!r}")
    waiting = fcntl.ioctl(terminal.fd, termios.FIONREAD, bytes(4))
    t.equal(int.from_bytes(waiting, "little") and "stolen" in text, False, "typed input")
    c = t.sleeper()
    fields = kernel.read(f"/proc/{c.pid}/stat").rsplit(")", 1)[1].split()
    t.equal((int(fields[3]), int(fields[4])), (c.pid, 0), "session and controlling terminal")
