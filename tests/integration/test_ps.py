"""ps: which processes a container has, as a table by the host's ps(1) and as JSON."""
import os

import inside
import kernel
from harness import needs

FAMILY = "sleep 100000 & sleep 100001 & wait"
BELOW = ("cd /sys/fs/cgroup; [ -d pids ] && cd pids; mkdir -p below/deep\n"
         "sleep 100000 & echo $! >below/deep/cgroup.procs; echo ready >/mnt/log; wait")
THREADS = ("import threading, time\n"
           "[threading.Thread(target=time.sleep, args=(1000,)).start() for _ in range(3)]\n"
           "open('/mnt/log', 'w').write('ready')")


def pids(t, ident):
    return t.ok("ps", "--format", "json", ident).json()


def family(t):
    """the container of a shell with two children, and the pids that the kernel tells"""
    c = t.background(t.config("/bin/sh", "-c", FAMILY))
    t.wait_until(lambda: len(kernel.descendants(c.pid)) == 2, what="two children")
    t.wait_until(lambda: all(kernel.argv(pid)[:1] == ["sleep"] for pid in kernel.descendants(c.pid)),
                 what="their exec")
    return c, sorted([c.pid, *kernel.descendants(c.pid)])


@needs("root")
def test_json(t):
    """--format json is a flat array of all pids, in the host's numbers"""
    c, expected = family(t)
    t.equal(pids(t, c.id), expected)
    t.equal(t.ok("ps", "-f", "json", c.id).out, f"[{','.join(map(str, expected))}]\n")


@needs("root", "cmd:ps")
def test_table(t):
    """the table has ps's head and the container's rows alone"""
    c, expected = family(t)
    other = t.sleeper()
    for options in ((), ("--format", "table")):
        rows = t.ok("ps", *options, c.id).out.splitlines()
        t.equal(rows[0].split()[:3], ["UID", "PID", "PPID"])
        t.equal(sorted(int(row.split()[1]) for row in rows[1:]), expected)
    t.equal(len(t.ok("ps", other.id).out.splitlines()), 2, "rows of the other")


@needs("root", "cmd:ps")
def test_ps_options(t):
    """what follows the id goes to ps, with or without a dash of its own"""
    c, expected = family(t)
    rows = [row.split() for row in t.ok("ps", c.id, "-o", "comm,pid", "-e").out.splitlines()]
    t.equal(rows[0], ["COMMAND", "PID"])
    t.equal(sorted(rows[1:]), sorted([["sh", str(c.pid)]] + [["sleep", str(pid)] for pid in expected
                                                            if pid != c.pid]))
    t.equal(len(t.ok("ps", c.id, "aux").out.splitlines()), 4, "lines of ps aux")
    t.equal(len(t.ok("ps", c.id, "--", "-ef").out.splitlines()), 4, "lines behind --")


@needs("root", "cmd:ps")
def test_ps_without_pids(t):
    """a table without pids cannot be filtered; ps's own failure is one of skiff, too"""
    c = t.sleeper()
    t.fails(t.skiff("ps", c.id, "-e", "-o", "comm"), "PID", rc=1)
    result = t.skiff("ps", c.id, "--no-such-option")
    t.equal((result.rc, result.out), (1, ""))
    t.contains(result.err, "ps(1) refused", "stderr")


@needs("root")
def test_no_ps(t):
    """a host without ps: the table's error says so, JSON needs none"""
    c = t.sleeper()
    t.fails(t.skiff("ps", c.id, env={"PATH": "/nonexistent"}), "ps(1)", rc=1)
    t.equal(t.ok("ps", "-f", "json", c.id, env={"PATH": "/nonexistent"}).json(), [c.pid])


@needs("root")
def test_execs(t):
    """what exec brought in is shown, too"""
    c = t.sleeper()
    path = t.path("exec.pid")
    t.ok("exec", "--detach", "--pid-file", path, c.id, "/bin/sleep", "100000")
    t.equal(pids(t, c.id), sorted([c.pid, int(kernel.read(path))]))


@needs("root")
def test_below(t):
    """processes in cgroups that the container made below its own belong to it"""
    config = t.config("/bin/sh", "-c", BELOW)
    config["linux"]["namespaces"].append({"type": "cgroup"})
    config["mounts"][-1]["options"].remove("ro")
    log = inside.share(t, config) + "/log"
    c = t.background(config)
    t.wait_until(lambda: inside.lines(log) == ["ready"], what="the move")
    child, = kernel.descendants(c.pid)
    t.true(any(path.endswith("/below/deep") for path in kernel.cgroup_dirs(child).values()),
           "the child is not below")
    t.equal(pids(t, c.id), sorted([c.pid, child]))


@needs("root", "cmd:ps")
def test_threads(t):
    """threads are no processes: they are not in the array; ps -m shows them below theirs"""
    config = inside.set_python(t.config(), THREADS)
    log = inside.share(t, config) + "/log"
    c = t.background(config)
    t.wait_until(lambda: inside.lines(log) == ["ready"], what="the threads")
    t.equal(len(os.listdir(f"/proc/{c.pid}/task")), 4, "threads")
    t.equal(pids(t, c.id), [c.pid])
    rows = [row.split() for row in t.ok("ps", c.id, "-e", "-m", "-o", "pid,tid").out.splitlines()]
    t.equal(rows[1][0], str(c.pid))
    t.equal(sorted(row[1] for row in rows[2:]), sorted(os.listdir(f"/proc/{c.pid}/task")))


@needs("root")
def test_states(t):
    """ps of a created container shows init, of a stopped one nothing, of an unknown one an
    error"""
    c = t.create()
    t.equal(pids(t, c.id), [c.pid])
    c.kill()
    c.wait_stopped()
    t.equal(pids(t, c.id), [])
    t.fails(t.skiff("ps", "none"), "does not exist", rc=1)
    t.fails(t.skiff("ps", "--format", "xml", c.id), "xml", rc=1)


@needs("root")
def test_without_cgroup(t):
    """without a cgroup nobody can tell the container's processes: an error says so"""
    t.command(t.binary, "--root", t.root, "--cgroup-manager=disabled", "run", "--detach",
              "--bundle", t.bundle(t.config("/bin/sleep", "100000")), ident := t.new_id())
    t.fails(t.skiff("ps", "--format", "json", ident), "no cgroup", rc=1)
