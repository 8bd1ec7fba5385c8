"""process.args, env and PATH: what is executed, with what."""
import os

import inside
import kernel
from harness import needs


@needs("root")
def test_environment(t):
    """the environment is exactly the configured one, and HOME"""
    config = t.config()
    config["process"]["env"] = ["PATH=/bin", "EMPTY=", "A=b=c", "UTF=\u00e4\u20ac", "LINE=x\ny"]
    path, pid_file = t.bundle(dict(config, process=dict(config["process"], args=[
        "/bin/sleep", "100000"]))), t.path("pid")
    t.ok("run", "--detach", "--bundle", path, "--pid-file", pid_file, t.new_id(),
         env={"SECRET": "of the caller", "LD_PRELOAD": ""})
    t.equal(kernel.environ(int(kernel.read(pid_file))),
            {"PATH": "/bin", "EMPTY": "", "A": "b=c", "UTF": "\u00e4\u20ac", "LINE": "x\ny",
             "HOME": "/root"})


@needs("root")
def test_home(t):
    """HOME comes from the container's passwd unless it is given; "/" for unknown users"""
    for uid, given, expected in ((0, None, "/root"), (1000, None, "/home"), (4242, None, "/"),
                                 (1000, "/given", "/given"), (65534, None, "/")):
        config = t.config()
        config["process"]["user"] = {"uid": uid, "gid": uid}
        if given:
            config["process"]["env"].append(f"HOME={given}")
        result = t.sh("echo $HOME", config)
        t.equal((result.rc, result.out), (0, expected + "\n"), f"uid {uid}")


@needs("root")
def test_path_lookup(t):
    """a name without a slash is looked for in the container's PATH, in its order"""
    rootfs = t.rootfs()
    for name in ("one", "two"):
        os.mkdir(f"{rootfs}/{name}")
        inside.script(f"{rootfs}/{name}/prog", f"echo {name} $0\n")
    os.chmod(f"{rootfs}/one/prog", 0o644)
    config = t.config("prog")
    config["process"]["env"] = ["PATH=/nowhere:/one:/two:/bin"]
    t.equal(t.run(config, rootfs=rootfs).out, "two /two/prog\n", "one/prog is no program")
    os.chmod(f"{rootfs}/one/prog", 0o755)
    t.equal(t.run(config, rootfs=rootfs).out, "one /one/prog\n")


@needs("root")
def test_relative_program(t):
    """a name with a slash is meant from cwd"""
    rootfs = t.rootfs()
    os.mkdir(rootfs + "/dir")
    inside.script(rootfs + "/dir/prog", "echo here $PWD\n")
    for cwd, args in (("/dir", "./prog"), ("/", "dir/prog"), ("/home", "../dir/prog")):
        config = t.config(args)
        config["process"]["cwd"] = cwd
        t.equal(t.run(config, rootfs=rootfs).out.split()[0], "here", f"{args} in {cwd}")


@needs("root")
def test_missing_program(t):
    """a program that is not there is told in the words that engines look for"""
    t.fails(t.run(t.config("no-such-program")), "no-such-program",
            "executable file not found in $PATH", rc=1)
    t.fails(t.run(t.config("/bin/no-such")), "/bin/no-such", "no such file or directory", rc=1)


@needs("root")
def test_forbidden_program(t):
    """a program without execute permission, and a directory, are told as engines expect"""
    for name in ("/etc/passwd", "/etc"):
        result = t.run(t.config(name))
        t.fails(result, name, rc=1)
        t.true(any(words in result.err.lower() for words in ("permission denied",
                   "is a directory")), f"words that engines look for: {result.err}")


@needs("root")
def test_many_arguments(t):
    """arguments arrive byte for byte: long, empty, odd and many"""
    args = ["/bin/sleep", "100000", "", "a b", "\u00e4\n\t\\\"'$x", "x" * 100000]
    args += [f"argument {n} " + "y" * (n % 97) for n in range(2000)]
    config = t.config("/bin/sh", "-c", "read x", *args)
    process = t.spawn(t.binary, "--root", t.root, "run", "--bundle", t.bundle(config),
                      "--pid-file", t.path("pid"), t.new_id(), stdin=-1)
    pid = t.wait_until(lambda: inside.lines(t.path("pid")), what="the pid file")[0]
    t.wait_until(lambda: kernel.argv(pid)[:1] == ["/bin/sh"], what="the payload")
    t.equal(kernel.argv(pid)[3:] == args, True, "arguments are equal")
    process.stdin.close()


@needs("root")
def test_large_environment(t):
    """an environment of many KB arrives whole"""
    config = t.config()
    config["process"]["env"] = ["PATH=/bin"] + [f"NAME_{n}=" + "v" * n for n in range(600)]
    found = kernel.environ(t.sleeper(config).pid)
    t.equal({name: len(value) for name, value in found.items() if name.startswith("NAME_")},
            {f"NAME_{n}": n for n in range(600)})


@needs("root")
def test_argv0(t):
    """the first argument is what the program sees as its name"""
    config = t.config("sleep", "100000")
    t.equal(kernel.argv(t.background(config).pid), ["sleep", "100000"])


@needs("root")
def test_exec_is_the_payload(t):
    """the running payload is the file of the root file system, with a command name of its own"""
    c = t.sleeper()
    known, found = os.stat(f"{t.shared_rootfs}/bin/busybox"), os.stat(f"/proc/{c.pid}/exe")
    t.equal((found.st_dev, found.st_ino), (known.st_dev, known.st_ino))
    t.equal(kernel.read(f"/proc/{c.pid}/comm"), "sleep\n")
