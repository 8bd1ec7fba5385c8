"""delete and list: what is left of a container, and what is seen of it."""
import os

import inside
import kernel
from harness import needs

# Run as pid 1 of a pid namespace: a container's pid is given to another process after its death.
REUSE = """
import os, subprocess, sys, time
binary, root, bundle, pid_file, ident = sys.argv[1:]
def skiff(*args):
    with open(root + ".out", "w+") as out:
        done = subprocess.run([binary, "--root", root, *args], stdin=out, stdout=out, stderr=out)
        out.seek(0)
        return done.returncode, out.read()
made = skiff("run", "--detach", "--bundle", bundle, "--pid-file", pid_file, ident)
assert made[0] == 0, made
pid = int(open(pid_file).read())
before = skiff("state", ident)
os.kill(pid, 9)
os.waitpid(pid, 0)
open("/proc/sys/kernel/ns_last_pid", "w").write(str(pid - 1))
other = subprocess.Popen(["sleep", "100000"])
assert other.pid == pid, f"got {other.pid}, not {pid}"
after = skiff("state", ident)
killed = skiff("kill", ident, "KILL")
gone = skiff("delete", "--force", ident)
time.sleep(0.05)
print(repr((before[1], after[1], killed[0], gone[0], other.poll())))
other.kill()
"""


@needs("root")
def test_delete_running(t):
    """delete of a running container is refused and disturbs nothing"""
    c = t.sleeper()
    t.fails(t.skiff("delete", c.id), rc=1)
    t.true(kernel.is_alive(c.pid), "the container died")
    t.equal(c.state()["status"], "running")


@needs("root")
def test_delete_removes_all(t):
    """delete leaves neither state nor cgroup"""
    c = t.sleeper()
    dirs = set(kernel.cgroup_dirs(c.pid).values())
    t.true(any(t.mark in path for path in dirs), f"the container has no cgroup: {dirs}")
    c.kill()
    c.wait_stopped()
    c.delete()
    t.equal([path for path in dirs if t.mark in path and os.path.exists(path)], [], "cgroups left")
    t.true(not os.path.exists(f"{t.root}/{c.id}"), "state left")


@needs("root")
def test_delete_force(t):
    """delete --force kills a running and a created container first"""
    for c in (t.sleeper(), t.create()):
        c.delete("--force")
        t.wait_until(lambda c=c: not kernel.is_alive(c.pid), what="init's end")
        t.fails(t.skiff("state", c.id), "does not exist", rc=1)


@needs("root")
def test_delete_created(t):
    """delete without --force takes a container that was never started, init and all"""
    c = t.create()
    dirs = [path for path in kernel.cgroup_dirs(c.pid).values() if t.mark in path]
    c.delete()
    t.wait_until(lambda: not kernel.is_alive(c.pid), what="init's end")
    t.fails(t.skiff("state", c.id), "does not exist", rc=1)
    t.equal([path for path in dirs if os.path.exists(path)], [], "cgroups left")


@needs("root")
def test_delete_force_unknown(t):
    """delete --force of an unknown container is a success, delete is not"""
    t.equal(t.ok("delete", "--force", "none").out, "")
    t.fails(t.skiff("delete", "none"), "does not exist", rc=1)


@needs("root")
def test_delete_kills_the_rest(t):
    """processes that outlive init, without a pid namespace of their own, end with delete"""
    config = t.config("/bin/sh", "-c", "sleep 100000 & echo $! >/mnt/child; exit 0")
    config["linux"]["namespaces"] = [ns for ns in config["linux"]["namespaces"]
                                     if ns["type"] != "pid"]
    shared = inside.share(t, config)
    c = t.background(config)
    child = t.wait_until(lambda: inside.lines(shared + "/child"), what="the child")[0]
    c.wait_stopped()
    t.true(kernel.is_alive(child), "the child ended by itself")
    c.delete("--force")
    t.wait_until(lambda: not kernel.is_alive(child), what="the child's end")


@needs("root")
def test_pid_reuse(t):
    """a process that got the dead init's pid is neither shown nor killed"""
    path, pid_file = t.bundle(t.config("/bin/sleep", "100000")), t.path("pid")
    result = t.command("unshare", "--pid", "--kill-child", "--mount-proc", "--propagation",
                       "unchanged", "/usr/bin/python3", "-c", REUSE, t.binary, t.root, path,
                       pid_file, t.new_id(), timeout=30)
    t.equal(result.rc, 0, result.err)
    before, after, killed, gone, other = eval(result.out)  # pylint: disable=eval-used
    t.contains(before, '"running"', "state before")
    t.contains(after, '"stopped"', "state after")
    t.true(killed != 0, "kill of the dead container succeeded")
    t.equal((gone, other), (0, None), "status of delete, end of the other process")


def listed(t, *options):
    return t.ok("list", *options).out


@needs("root")
def test_list(t):
    """list shows each container as a row, as JSON equal to state's, and as its id alone"""
    t.equal(listed(t, "--quiet"), "")
    t.equal(len(listed(t).splitlines()), 1, "lines of an empty table")
    t.equal(t.ok("list", "--format", "json").json() or [], [])
    first, second = t.create(), t.sleeper()
    t.equal(listed(t, "-q").split(), [first.id, second.id])
    t.equal(listed(t, "--quiet").split(), [first.id, second.id])
    table = [row.split() for row in listed(t).splitlines()]
    t.equal(table[0], ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"])
    for row, c, status in zip(table[1:], (first, second), ("created", "running")):
        t.equal(row[:4] + row[5:], [c.id, str(c.pid), status, c.bundle, "root"])
    for c, entry in zip((first, second), t.ok("list", "--format=json").json()):
        state = c.state()
        t.equal({key: entry[key] for key in state}, state)


@needs("root")
def test_list_foreign_files(t):
    """what else lies in the state directory does not disturb list"""
    c = t.create()
    for name in ("file", ".hidden"):
        with open(f"{t.root}/{name}", "w", encoding="utf-8") as f:
            f.write("x")
    os.mkdir(f"{t.root}/no-container")
    t.equal(t.ok("list", "--quiet").out.split(), [c.id])


@needs("root")
def test_list_follows_the_kernel(t):
    """list sees that a container has ended, and its pid is 0 then"""
    c = t.sleeper()
    os.kill(c.pid, 9)
    c.wait_stopped()
    entry, = t.ok("list", "--format", "json").json()
    t.equal((entry["status"], entry.get("pid", 0)), ("stopped", 0))


@needs("root")
def test_roots_are_apart(t):
    """containers of one --root are not seen in another"""
    c = t.create()
    os.mkdir(other := t.path("other"), 0o700)
    result = t.command(t.binary, "--root", other, "list", "--quiet")
    t.equal((result.rc, result.out), (0, ""))
    t.fails(t.command(t.binary, "--root", other, "state", c.id), "does not exist", rc=1)


@needs("root")
def test_delete_regex(t):
    """delete --regex removes what matches; one that runs is named and does not keep the others"""
    stopped, running, other = t.create(), t.sleeper(), t.sleeper()
    stopped.kill()
    stopped.wait_stopped()
    pattern = f"^{t.mark}.*-({stopped.id.rpartition('-')[2]}|{running.id.rpartition('-')[2]})$"
    t.fails(t.skiff("delete", "--regex", pattern), running.id, "not stopped", rc=1)
    t.equal(listed(t, "-q").split(), [running.id, other.id])
    t.ok("delete", "-f", "-r", pattern)
    t.equal(listed(t, "-q").split(), [other.id])
    t.true(kernel.is_alive(other.pid), "another one died")
