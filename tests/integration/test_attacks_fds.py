"""File descriptors, working directories and the runtime's own program: nothing of the host
reaches the container through them."""
import errno
import hashlib
import os
import subprocess

import kernel
from attack import Canary, verdict
from bundle import add_user_namespace

UP = "../" * 30


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def leaking(t, fds, *args):
    """run skiff by a caller that leaves directories open: {number: directory}"""
    opens = " ".join(f"{number}<'{path}'" for number, path in fds.items())
    return t.command("/bin/bash", "-c", f'exec {opens}; exec "$@"', "bash", t.binary, "--root",
                     t.root, *args)


def escape_script(canary):
    return f"cat {UP}{canary.path[1:]}/secret 2>/dev/null; cat inner/file 2>/dev/null; true"


def try_cwd(t, canary, cwd, *options, rootfs=None, fds=None):
    """run with this working directory; the payload looks for the canary from there"""
    config = t.config("/bin/sh", "-c", escape_script(canary))
    config["process"]["cwd"] = cwd
    args = ["run", "--bundle", t.bundle(config, rootfs), *options, t.new_id()]
    result = leaking(t, fds, *args) if fds else t.skiff(*args)
    t.true("canary" not in result.out, f"cwd {cwd} is outside of the container")
    return result


def test_cwd_twin(t):
    """twin: the script of these tests finds the canary if it starts on the host's side"""
    canary = Canary(t)
    config = t.config("/bin/sh", "-c", escape_script(canary))
    config["process"]["cwd"] = "/mnt"
    config["mounts"].append({"destination": "/mnt", "type": "bind", "source": canary.path,
                             "options": ["bind"]})
    t.equal(t.run(config).out, "canary inner/file\n", "what the script found")


def test_cwd_through_own_descriptors(t):
    """process.cwd cannot name a directory that the runtime itself has open (CVE-2024-21626)"""
    canary = Canary(t)
    for fd in range(3, 41):
        for where in ("self", "1", "thread-self"):
            t.note(f"{where} {fd}")
            verdict(t, try_cwd(t, canary, f"/proc/{where}/fd/{fd}"))


def test_cwd_through_links_of_the_image(t):
    """the same by a link in the image, for run and exec"""
    canary, rootfs = Canary(t), t.rootfs()
    for fd in range(3, 21):
        os.symlink(f"/proc/self/fd/{fd}", f"{rootfs}/tmp/{fd}")
        os.symlink(f"/proc/self/fd/{fd}/{UP}{canary.path[1:]}", f"{rootfs}/tmp/up{fd}")
    c = t.sleeper(rootfs=rootfs)
    t.equal(c.sh("pwd").out, "/\n", "twin")
    for fd in range(3, 21):
        for cwd in (f"/tmp/{fd}", f"/tmp/up{fd}"):
            t.note(cwd)
            verdict(t, try_cwd(t, canary, cwd, rootfs=rootfs))
            result = t.skiff("exec", "--cwd", cwd, c.id, "sh", "-c", escape_script(canary))
            t.true("canary" not in result.out, f"exec in {cwd} is outside of the container")
            verdict(t, result)
    canary.check()


def test_cwd_through_the_callers_descriptors(t):
    """a directory that the caller left open is not reachable by cwd"""
    canary = Canary(t)
    for fd in (3, 7, 20):
        for where in (f"/proc/self/fd/{fd}", f"/proc/self/fd/{fd}/inner"):
            t.note(where)
            verdict(t, try_cwd(t, canary, where, fds={fd: canary.path}))


def test_cwd_through_preserved_descriptors(t):
    """even a directory that the caller hands over cannot become the working directory: it would
    be unreachable from the root"""
    canary = Canary(t)
    verdict(t, try_cwd(t, canary, "/proc/self/fd/3", "--preserve-fds", "1",
                       fds={3: canary.path}))


def test_program_through_the_callers_descriptors(t):
    """a program of the host is not reachable by a descriptor that the caller left open"""
    host = t.path("programs")
    os.mkdir(host)
    with open("/bin/busybox", "rb") as f, open(f"{host}/echo", "wb") as to:
        to.write(f.read())
    os.chmod(f"{host}/echo", 0o755)
    c = t.sleeper()
    args = ("/proc/self/fd/5/echo", "reached")
    for command in (("run", "--bundle", t.bundle(t.config(*args)), t.new_id()),
                    ("exec", c.id, *args)):
        result = leaking(t, {5: host}, *command)
        t.true("reached" not in result.out, f"{command[0]} executed a program of the host")
        t.true(result.rc > 0, f"{command[0]} succeeded")
    t.equal(t.run(t.config("/bin/echo", "reached")).out, "reached\n", "twin")


def fds_of(pid):
    return {int(fd): os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}


def sleeper(t, fds, *options):
    """the pid of a container that a caller with open directories has started, and its id"""
    pid_file, ident = t.path("leaked-pid"), t.new_id()
    result = leaking(t, fds, "run", "--detach", *options, "--pid-file", pid_file, "--bundle",
                     t.bundle(t.config("/bin/sleep", "100000")), ident)
    t.equal(result.rc, 0, f"exit status ({result.err})")
    return int(kernel.read(pid_file)), ident


def test_leaked_descriptors(t):
    """of 200 descriptors that a careless caller leaves open the container gets none"""
    fds = {number: "/" for number in range(10, 210)}
    pid, ident = sleeper(t, fds)
    t.equal(sorted(fds_of(pid)), [0, 1, 2], "descriptors of the payload")
    result = leaking(t, fds, "exec", ident, "/bin/ls", "/proc/self/fd")
    t.equal(len(result.out.split()), 4, f"descriptors of an executed ls: {result.out!r}")


def test_preserved_descriptors(t):
    """--preserve-fds 2 hands over 3 and 4 and nothing else"""
    fds = {3: "/", 4: "/etc", 5: "/usr", 9: "/var"}
    t.equal(sorted(fds_of(sleeper(t, fds)[0])), [0, 1, 2], "twin: without the option")
    found = fds_of(sleeper(t, fds, "--preserve-fds", "2")[0])
    t.equal(sorted(found), [0, 1, 2, 3, 4], "descriptors of the payload")
    t.equal((found[3], found[4]), ("/", "/etc"), "what they are")


def test_descriptors_of_a_created_container(t):
    """a waiting init holds no directory and no file of the host"""
    for change in (lambda config: config, add_user_namespace):
        c = t.create(change(t.config("/bin/sleep", "1000")))
        for fd, target in fds_of(c.pid).items():
            ours = target.startswith((t.dir, "/dev/null", "/dev/pts/")) and fd < 3
            kinds = ("socket:", "pipe:", "anon_inode:", "/memfd:")
            t.true(ours or target.startswith(kinds), f"init holds {fd} -> {target}")
        t.equal(os.readlink(f"/proc/{c.pid}/cwd"), "/", "its working directory")
        c.start()


def test_own_program_cannot_be_written(t):
    """the program that runs as a created container's init is not the host's, and cannot be
    written to once it has ended (CVE-2019-5736)"""
    before = digest(t.binary)
    c = t.create()
    fd = os.open(f"/proc/{c.pid}/exe", os.O_PATH)
    c.delete("--force")
    try:
        os.pwrite(os.open(f"/proc/self/fd/{fd}", os.O_WRONLY), b"evil", 0)
    except OSError as e:
        t.true(e.errno in (errno.EROFS, errno.EPERM, errno.ETXTBSY, errno.EACCES),
               f"writing to init's program: {e}")
    else:
        t.true(False, "the program of init can be written to")
    t.equal(digest(t.binary), before, "the program under test")


def test_proc_self_exe_as_program(t):
    """a payload /proc/self/exe, by name, link, script or exec, does not run the host's program
    nor change it"""
    before, stat = digest(t.binary), os.stat(t.binary)
    rootfs = t.rootfs()
    os.symlink("/proc/self/exe", f"{rootfs}/tmp/link")
    with open(f"{rootfs}/tmp/script", "w", encoding="utf-8") as f:
        f.write("#!/proc/self/exe\n")
    os.chmod(f"{rootfs}/tmp/script", 0o755)
    c = t.sleeper(rootfs=rootfs)
    for program in ("/proc/self/exe", "/tmp/link", "/tmp/script"):
        for args in ((program,), (program, "--version"), (program, "init")):
            t.note(" ".join(args))
            for result in (t.run(t.config(*args), rootfs=rootfs), t.skiff("exec", c.id, *args)):
                t.true(result.rc >= 0, "a signal ended it")
                t.true("spec" not in result.out, f"the host's program ran: {result.out!r}")
    now = os.stat(t.binary)
    t.equal((digest(t.binary), now.st_mtime_ns), (before, stat.st_mtime_ns), "the program")


def test_set_user_id(t):
    """the program refuses to run with another user's rights: it is no set-user-ID program"""
    program = t.path("program")
    with open(t.binary, "rb") as f, open(program, "wb") as to:
        to.write(f.read())
    os.chmod(program, 0o755)
    t.equal(t.command(program, "--version").rc, 0, "twin")
    os.chmod(program, 0o4755)
    os.chmod(t.dir, 0o755)
    process = subprocess.run([program, "--version"], user=1000, group=1000, cwd="/",
                             capture_output=True, check=False)
    t.true(process.returncode > 0, f"it ran: {process.stdout!r}")
