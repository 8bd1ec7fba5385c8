"""exec: a further process in a running container."""
import json
import os
import signal
import subprocess

import inside
import kernel
from bundle import add_user_namespace
from harness import needs
from terminal import ConsoleSocket, Terminal


def started(t, c, *options, args=("sleep", "99999")):
    """a process of `exec --detach`, once it runs"""
    pid_file = t.path("exec.pid")
    t.ok("exec", "--detach", "--pid-file", pid_file, *options, c.id, *args)
    text = kernel.read(pid_file)
    t.true(text.isdigit(), f"pid file has {text!r}")
    t.wait_until(lambda: kernel.has_executed(int(text)), what="the process")
    return int(text)


def process_file(t, **process):
    with open(t.path("process.json"), "w", encoding="utf-8") as f:
        json.dump({"user": {"uid": 0, "gid": 0}, "cwd": "/", "env": ["PATH=/bin"], **process}, f)
    return t.path("process.json")


@needs("root")
def test_exit_status(t):
    """exec ends with the process's status; by a signal, with 128 and its number"""
    c = t.sleeper()
    for status in (0, 1, 42, 255):
        t.equal(c.sh(f"exit {status}").rc, status)
    t.equal(c.sh("kill -KILL $$").rc, 128 + signal.SIGKILL)
    t.equal(c.sh("kill -TERM $$").rc, 128 + signal.SIGTERM)


@needs("root")
def test_own_failures(t):
    """what exec itself cannot do gives 255 and the words that engines look for"""
    c = t.sleeper()
    t.fails(c.exec("no-such-program"), "executable file not found in $PATH", rc=255)
    t.fails(c.exec("/bin/no-such"), "no such file or directory", rc=255)
    t.fails(t.skiff("exec", "none", "true"), "does not exist", rc=255)
    t.fails(t.skiff("exec", "--cwd", "relative", c.id, "true"), rc=255)
    t.fails(t.skiff("exec", "--process", "/nowhere", c.id), rc=255)
    t.fails(t.skiff("exec", c.id), rc=255)
    c.kill()
    c.wait_stopped()
    t.fails(c.exec("true"), "not running", rc=255)


@needs("root")
def test_streams(t):
    """stdin, stdout and stderr are the caller's"""
    text = "".join(f"line {n}\n" for n in range(20000))
    result = t.sleeper().sh("cat; echo end >&2; exit 3", input=text)
    t.equal((result.rc, result.out == text, result.err), (3, True, "end\n"))


@needs("root")
def test_namespaces(t):
    """the process is in all of the container's namespaces, also those beyond the default"""
    config = t.config()
    config["linux"]["namespaces"] += [{"type": "cgroup"}, {"type": "time"}]
    for c in (t.sleeper(), t.sleeper(config), t.sleeper(add_user_namespace(t.config()))):
        pid = started(t, c)
        t.equal(kernel.namespaces(pid), kernel.namespaces(c.pid))
        t.equal(os.readlink(f"/proc/{pid}/root"), "/")
        t.equal(os.stat(f"/proc/{pid}/root/").st_ino, os.stat(f"/proc/{c.pid}/root/").st_ino)


@needs("root")
def test_cgroup(t):
    """the process is in the container's cgroup in every hierarchy"""
    c = t.sleeper()
    t.equal(kernel.cgroup_dirs(started(t, c)), kernel.cgroup_dirs(c.pid))


@needs("root", "v2")
def test_sub_cgroup(t):
    """--cgroup puts the process into a cgroup below the container's"""
    c = t.sleeper()
    path = kernel.cgroup_dirs(c.pid)[""]
    os.mkdir(path + "/sub")
    if "devices" in kernel.cgroup_mounts():
        for where in set(kernel.cgroup_dirs(c.pid).values()):
            if t.mark in where:
                os.makedirs(where + "/sub", exist_ok=True)
    t.equal(kernel.cgroup_dirs(started(t, c, "--cgroup", "sub"))[""], path + "/sub")
    t.true(t.skiff("exec", "--cgroup", "../..", c.id, "true").rc == 255, "left the container")
    t.true(t.skiff("exec", "--cgroup", "missing", c.id, "true").rc == 255, "missing cgroup")


@needs("root")
def test_visible_inside(t):
    """the process has a pid of the container and is seen there; it ends with the container"""
    c = t.sleeper()
    pid = started(t, c)
    pids = kernel.status(pid)["NSpid"].split()
    t.equal((len(pids), pids[0]), (2, str(pid)))
    t.contains(c.sh(f"cat /proc/{pids[1]}/cmdline").out, "99999")
    c.kill()
    t.wait_until(lambda: not kernel.is_alive(pid), what="the end")


@needs("root")
def test_user(t):
    """--user UID[:GID]; HOME is that user's; without it the container's user"""
    c = t.sleeper()
    for given, expected in ((None, "0 0 /root"), ("1000", "1000 0 /home"),
                            ("1000:2000", "1000 2000 /home"), ("70000:7", "70000 7 /")):
        options = ["--user", given] if given else []
        result = t.skiff("exec", *options, c.id, "/bin/sh", "-c", "echo $(id -u) $(id -g) $HOME")
        t.equal(result.out, expected + "\n", f"{given} {result.err}")
    for wrong in ("root", "1000:", ":5", "-1", "4294967296", "1:2:3", ""):
        t.equal(t.skiff("exec", "--user", wrong, c.id, "true").rc, 255, f"--user {wrong}")


@needs("root")
def test_groups(t):
    """--additional-gids adds to the config's groups"""
    config = t.config()
    config["process"]["user"]["additionalGids"] = [10]
    c = t.sleeper(config)
    pid = started(t, c, "--additional-gids", "2000", "--additional-gids=3000")
    t.equal(sorted(kernel.status(pid)["Groups"].split()), ["10", "2000", "3000"])
    t.equal(kernel.status(started(t, c))["Groups"].split(), ["10"])


@needs("root")
def test_environment(t):
    """--env adds to the config's environment and replaces; the caller's is not seen"""
    config = t.config()
    config["process"]["env"] = ["PATH=/bin", "A=config", "B=config"]
    c = t.sleeper(config)
    result = t.skiff("exec", "--env", "A=given", "-e", "C=d=e", c.id, "/bin/env",
                     env={"SECRET": "x"})
    t.equal(set(result.out.split()), {"PATH=/bin", "A=given", "B=config", "C=d=e", "HOME=/root"})


@needs("root")
def test_cwd(t):
    """--cwd; without it the config's"""
    config = t.config()
    config["process"]["cwd"] = "/home"
    c = t.sleeper(config)
    t.equal(c.sh("pwd").out, "/home\n")
    t.equal(t.skiff("exec", "--cwd", "/var", c.id, "pwd").out, "/var\n")


@needs("root")
def test_capabilities(t):
    """--cap adds to the config's capabilities, in the bounding set too"""
    c = t.sleeper(inside.set_capabilities(t.config(), "KILL"))
    plain = kernel.capabilities(started(t, c))
    t.equal((plain["eff"], plain["bnd"]), (inside.capability_mask("KILL"),) * 2)
    more = kernel.capabilities(started(t, c, "--cap", "CAP_CHOWN", "--cap=CAP_NET_RAW"))
    expected = inside.capability_mask("KILL", "CHOWN", "NET_RAW")
    t.equal((more["eff"], more["prm"], more["bnd"]), (expected,) * 3)
    t.equal(t.skiff("exec", "--cap", "CAP_NO_SUCH", c.id, "true").rc, 255)


@needs("root")
def test_no_new_privs(t):
    """--no-new-privs sets the flag for a container that has it not"""
    config = t.config()
    config["process"]["noNewPrivileges"] = False
    c = t.sleeper(config)
    t.equal(kernel.status(started(t, c))["NoNewPrivs"], "0")
    t.equal(kernel.status(started(t, c, "--no-new-privs"))["NoNewPrivs"], "1")


@needs("root")
def test_process_file(t):
    """--process replaces all that the config says about the process"""
    c = t.sleeper()
    path = process_file(
        t, args=["sleep", "99999"], cwd="/var", env=["PATH=/bin", "X=y"],
        user={"uid": 12, "gid": 34, "umask": 0o27, "additionalGids": [56]},
        noNewPrivileges=False, oomScoreAdj=77,
        rlimits=[{"type": "RLIMIT_NOFILE", "soft": 88, "hard": 99}],
        capabilities={"bounding": ["CAP_CHOWN"], "ambient": [], "permitted": []})
    pid = started(t, c, "--process", path, args=())
    fields = kernel.status(pid)
    t.equal([fields[name].split() for name in ("Uid", "Gid", "Groups", "Umask", "NoNewPrivs")],
            [["12"] * 4, ["34"] * 4, ["56"], ["0027"], ["0"]])
    t.equal(os.readlink(f"/proc/{pid}/cwd"), "/var")
    t.equal(kernel.environ(pid), {"PATH": "/bin", "X": "y", "HOME": "/"})
    t.equal(kernel.limits(pid)["Max open files"], ("88", "99"))
    t.equal(kernel.read(f"/proc/{pid}/oom_score_adj"), "77\n")
    t.equal(kernel.capabilities(pid)["bnd"], inside.capability_mask("CHOWN"))


@needs("root")
def test_broken_process_file(t):
    """a faulty process file is told with its JSON path, and nothing runs"""
    c = t.sleeper()
    result = t.skiff("exec", "--process", process_file(t, args=["true"], cwd=5), c.id)
    t.fails(result, "cwd", rc=255)
    result = t.skiff("exec", "--process", process_file(t, args=[]), c.id)
    t.fails(result, "args", rc=255)


@needs("root")
def test_options_after_the_id(t):
    """what follows the id belongs to the program"""
    t.equal(t.sleeper().exec("echo", "--user", "-t", "--", "-e").out, "--user -t -- -e\n")


@needs("root")
def test_detach(t):
    """--detach returns at once, and nobody of skiff stays"""
    c = t.sleeper()
    before = set(kernel.descendants(os.getpid()))
    pid = started(t, c)
    t.wait_until(lambda: set(kernel.descendants(os.getpid())) - before == {pid},
                 what="nobody else")


@needs("root")
def test_preserved_descriptors(t):
    """--preserve-fds passes the descriptors from 3 on, and no more"""
    c = t.sleeper()
    program = [*inside.leaking(t.path("file"), 3, 4, 5), t.binary, "--root", t.root, "exec"]
    result = t.command(*program, "--preserve-fds", "2", c.id, "/bin/ls", "/proc/self/fd")
    t.equal(result.out.split(), ["0", "1", "2", "3", "4", "5"], "5 is ls's own")
    result = t.command(*program, c.id, "/bin/ls", "/proc/self/fd")
    t.equal(result.out.split(), ["0", "1", "2", "3"], "3 is ls's own")
    t.command(*program, "--preserve-fds=1", c.id, "/bin/sh", "-c", "echo hello >&3")
    t.equal(kernel.read(t.path("file")), "hello\n")


@needs("root")
def test_tty(t):
    """--tty gives the process a terminal of the container, as its controlling one"""
    c = t.sleeper()
    screen = Terminal(t, "exec", "--tty", c.id, "/bin/sh", "-c",
                      "tty; stty size; read x; echo \"got $x\"; exit 8", rows=31, columns=97)
    screen.read_until("31 97")
    t.true("/dev/pts/" in screen.text, screen.text)
    screen.type("hello\n")
    screen.read_until("got hello")
    t.equal(screen.wait(), 8)


@needs("root")
def test_console_socket(t):
    """--console-socket with a process file that wants a terminal"""
    c = t.sleeper()
    console = ConsoleSocket(t.path("console"))
    path = process_file(t, args=["sh", "-c", "stty size; sleep 99999"], terminal=True,
                        consoleSize={"height": 11, "width": 66})
    pid = started(t, c, "--process", path, "--console-socket", console.path, args=())
    screen = console.receive()
    screen.read_until("11 66")
    fields = kernel.read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    t.equal((int(fields[3]), int(fields[4]) >> 8), (pid, 136), "session and terminal")


@needs("root")
def test_signals_forwarded(t):
    """signals to a foreground exec reach the process"""
    config = t.config("/bin/sleep", "100000")
    log = inside.share(t, config) + "/log"
    c = t.background(config)
    process = t.spawn(
        t.binary, "--root", t.root, "exec", c.id, "/bin/sh", "-c",
        "trap 'echo usr >>/mnt/log' USR1; trap 'exit 6' TERM; echo ready >>/mnt/log; "
        "while :; do sleep 0.02; done", stdin=subprocess.DEVNULL)
    t.wait_until(lambda: inside.lines(log) == ["ready"], what="the process")
    process.send_signal(signal.SIGUSR1)
    t.wait_until(lambda: inside.lines(log) == ["ready", "usr"], what="USR1")
    process.send_signal(signal.SIGTERM)
    t.equal(process.wait(10), 6)


@needs("root", "native", "cmd:strace")
def test_signal_at_once(t):
    """a signal from the moment that the process runs on is forwarded, however late skiff hears that
    it runs"""
    config = t.config("/bin/sleep", "100000")
    log = inside.share(t, config) + "/log"
    c = t.background(config)
    process = t.spawn(
        "strace", "-qq", "-o", t.path("trace"), "-e", "trace=recvmsg", "-e",
        "inject=recvmsg:delay_exit=300000", t.binary, "--root", t.root, "exec", c.id, "/bin/sh",
        "-c", "trap 'exit 6' USR1; echo ready >>/mnt/log; while :; do sleep 0.02; done",
        stdin=subprocess.DEVNULL)
    t.wait_until(lambda: inside.lines(log) == ["ready"], what="the process")
    skiff, = map(int, kernel.read(f"/proc/{process.pid}/task/{process.pid}/children").split())
    os.kill(skiff, signal.SIGUSR1)
    t.equal(process.wait(10), 6)


@needs("root")
def test_in_created(t):
    """exec works in a container that is created and waits"""
    c = t.create(t.config("/bin/sleep", "100000"))
    t.equal(c.sh("echo $$; hostname").out.split()[1:], ["skiff-test"])
    t.equal(c.state()["status"], "created")


def below(c, name):
    """make a cgroup `name` below the container's in every hierarchy; returns them"""
    dirs = {key: path for key, path in kernel.cgroup_dirs(c.pid).items() if c.t.mark in path}
    for path in set(dirs.values()):
        os.mkdir(f"{path}/{name}")
        for file in ("cpuset.cpus", "cpuset.mems"):  # v1: empty at first
            if "/cpuset/" in path:
                with open(f"{path}/{name}/{file}", "w") as f:
                    f.write(kernel.read(f"{path}/{file}"))
    return dirs


def cgroups_of_exec(t, c, *options):
    """the cgroups of a process that exec starts"""
    pid_file = t.path("exec-pid")
    t.ok("exec", "--detach", "--pid-file", pid_file, *options, c.id, "/bin/sleep", "100000")
    return kernel.cgroup_dirs(int(kernel.read(pid_file)))


@needs("root")
def test_cgroup(t):
    """--cgroup PATH: below the container's own cgroup, in v2 or else in every hierarchy"""
    c = t.sleeper()
    dirs = below(c, "sub")
    found = cgroups_of_exec(t, c, "--cgroup", "/sub")
    for key, path in dirs.items():
        deep = not key or "" not in dirs
        t.equal(found[key], path + "/sub" if deep else path, key)
    t.equal(cgroups_of_exec(t, c, "--cgroup=/"), kernel.cgroup_dirs(c.pid))
    t.fails(t.skiff("exec", "--cgroup", "none", c.id, "/bin/true"), "none", "No such file", rc=255)
    t.fails(t.skiff("exec", "--cgroup", "../x", c.id, "/bin/true"), "--cgroup", rc=255)


@needs("root", "pids", "v1")
def test_cgroup_of_controllers(t):
    """--cgroup CTRL:PATH, repeated: each hierarchy by itself"""
    c = t.sleeper()
    dirs = below(c, "one")
    below(c, "two")
    found = cgroups_of_exec(t, c, "--cgroup", "pids,memory:one", "--cgroup", "cpu:two",
                            "--cgroup", "cpuset:one", "--cgroup", "cpuset:two")
    expected = {"pids": "/one", "memory": "/one", "cpu": "/two", "cpuset": "/two"}
    for key, path in dirs.items():
        t.equal(found[key], path + expected.get(key, ""), key)
    t.fails(t.skiff("exec", "--cgroup", "nothing:one", c.id, "/bin/true"), "nothing", rc=255)


@needs("root", "v2")
def test_cgroup_of_controllers_v2(t):
    """with cgroup v2 alone there are no hierarchies to choose from"""
    if "pids" in kernel.cgroup_mounts():
        t.skip("v1 is there")
    c = t.sleeper()
    t.fails(t.skiff("exec", "--cgroup", "pids:x", c.id, "/bin/true"), "--cgroup", "cgroup v2", rc=255)


@needs("root", "v2")
def test_no_internal_processes(t):
    """where init has moved down and handed controllers on, exec goes where init is; --cgroup=/
    says that it cannot"""
    c = t.sleeper()
    path = kernel.cgroup_dirs(c.pid)[""]
    controllers = kernel.read(path + "/cgroup.controllers").split()
    domain = [name for name in controllers if name in ("memory", "io", "hugetlb")]
    if not domain:
        t.skip("no controller to hand on")
    os.mkdir(path + "/init")
    with open(path + "/init/cgroup.procs", "w") as f:
        f.write(str(c.pid))
    with open(path + "/cgroup.subtree_control", "w") as f:
        f.write("+" + domain[0])
    t.equal(cgroups_of_exec(t, c)[""], path + "/init")
    t.fails(t.skiff("exec", "--cgroup=/", c.id, "/bin/true"), "child groups", rc=255)
