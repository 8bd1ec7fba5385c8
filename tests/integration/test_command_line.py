"""The command line as a whole: global options, help, how mistakes are told."""
import json
import os
import re

import bundle
import inside
import kernel
from harness import needs


def bare(t, *args, **how):
    """the program without the --root that tests give it"""
    return t.command(t.binary, *args, **how)


def commands(t):
    text = bare(t, "--help").out.partition("\nCommands:\n")[2]
    return re.findall("^  ([a-z]+)", text, re.M)


def test_help(t):
    """--help, -h, -?, help and no command at all print the same; for each command, too"""
    expected = bare(t, "--help").out
    t.contains(expected, "Usage: skiff ")
    for args in (("-h",), ("-?",), ("-help",), ("help",), ()):
        result = bare(t, *args)
        t.equal((result.rc, result.out, result.err), (0, expected, ""), str(args))
    t.true({"create", "exec", "help"} <= set(commands(t)), "commands")
    for name in commands(t):
        expected = bare(t, name, "--help").out
        t.contains(expected, f"Usage: skiff {name}")
        for args in ((name, "-h"), (name, "-?"), (name, "-help"), ("help", name)):
            result = bare(t, *args)
            t.equal((result.rc, result.out, result.err), (0, expected, ""), str(args))


def test_version(t):
    """the version block that engines parse, by each of its names"""
    expected = bare(t, "--version").out
    t.true(re.fullmatch(r"skiff version \S+\ncommit: \S+\nspec: 1\.\d+\.\d+\n", expected), expected)
    for option in ("-v", "-V", "-version", "--version=true"):
        result = bare(t, option)
        t.equal((result.rc, result.out, result.err), (0, expected, ""), option)


MISTAKES = (
    (("stat", "x"), 'unknown command "stat" (did you mean "state"?)'),
    (("exce", "x"), 'did you mean "exec"?'),
    (("frobnicate",), '"skiff --help" lists them'),
    (("help", "rnu"), 'did you mean "run"?'),
    (("--log-levl", "debug", "list"), "unknown option --log-levl (did you mean --log-level?)"),
    (("kill", "--al", "x"), "did you mean --all?"),
    (("create", "--bundel=/b", "x"), "did you mean --bundle?"),
    (("run", "--frobnicate", "x"), '"skiff run --help" lists the options'),
    (("run", "--root", "/r", "x"), 'it stands before the command, as in "skiff --root run"'),
    (("--bundle", "/b", "run", "x"), "it stands after the command"),
    (("-b", "/b", "run", "x"), "it stands after the command"),
    (("run",), "skiff run [OPTION...] CONTAINER"),
    (("start", "a", "b"), "takes fewer arguments"),
    (("run", "--bundle"), "flag needs an argument: --bundle DIR"),
    (("--rootless", "maybe", "list"), "is not one of: true false auto"),
    (("--rootless=maybe", "list"), "is not one of: true false auto"),
    (("--cgroup-manager", "upstart", "list"), "is not one of: cgroupfs systemd disabled"),
    (("create", "--no-pivot=perhaps", "x"), "is not true or false"),
    (("--exit-code-map", "exce=3", "list"), 'unknown code "exce" (did you mean "exec"?)'),
    (("--exit-code-map", "exec", "list"), "is not CODE=STATUS"),
    (("--exit-code-map", "exec=0", "list"), "is not CODE=STATUS"),
    (("--exit-code-map", "exec=256", "list"), "is not CODE=STATUS"),
    (("--exit-code-map", "exec=1,,", "list"), 'unknown code ""'),
)


def test_mistakes(t):
    """a wrong command line is told in one line that says what is right"""
    for args, expected in MISTAKES:
        result = bare(t, *args)
        t.equal((result.rc, result.out, result.err.count("\n")), (1, "", 1), str(args))
        t.contains(result.err, expected, str(args))
        t.true(result.err.startswith("skiff: "), result.err)


def test_own_mistake_of_exec(t):
    """exec's own failures are 255 for a wrong option, too"""
    for args in (("exec", "--frobnicate", "x"), ("exec",), ("exec", "-g", "root", "x", "true")):
        t.equal(bare(t, *args).rc, 255, str(args))


@needs("root")
def test_spellings(t):
    """all forms of options that engines and people write mean the same"""
    path = t.bundle(t.config("/bin/sh", "-c", "exit 7"))
    for options in (("--bundle", path), (f"--bundle={path}",), ("-bundle", path),
                    (f"-bundle={path}",), ("-b", path), (f"-b{path}",),
                    ("--no-pivot=false", "-b", path), ("-no-subreaper", "--bundle", path),
                    ("--keep=false", "--detach=false", "-b", path),
                    ("--preserve-fds=0", "-no-new-keyring", "-b", path)):
        ident = t.new_id()
        result = t.skiff("run", *options, ident)
        t.equal(result.rc, 7, f"{options}: {result.err}")
        t.fails(t.skiff("state", ident), "does not exist", rc=1)
        result = t.skiff("run", ident, *options)
        t.equal(result.rc, 7, f"{options} after the id: {result.err}")
    ident = t.new_id()
    t.equal(t.skiff("run", "-b", path, "--", ident).rc, 7, "--")


@needs("root")
def test_options_of_engines(t):
    """what engines send to create and start is taken, also where it has no effect here"""
    path = t.bundle(t.config("/bin/sleep", "100000"))
    for hidden in ("-no-subreaper", "--no-subreaper", "--no-subreaper=true"):
        ident = t.new_id()
        t.ok("--log-format", "json", "--log", t.path("log.json"), "--systemd-cgroup=false",
             "--rootless=false", "--debug=false", "create", "--bundle", path, "--pid-file",
             t.path("pid"), hidden, "--no-new-keyring", "--preserve-fds", "0", ident)
        t.ok("start", ident)
        t.ok("delete", "--force", ident)
    t.equal(kernel.read(t.path("log.json")), "")


@needs("native")
def test_systemd_manager(t):
    """what is not there is said, not passed over"""
    path = t.bundle()
    for options in (("--systemd-cgroup",), ("--cgroup-manager", "systemd"),
                    ("--cgroup-manager=systemd",)):
        t.fails(t.skiff(*options, "create", "--bundle", path, t.new_id()), "systemd",
                "--cgroup-manager cgroupfs", rc=1)


# -- the exit statuses

CODES = {"general": 70, "config": 78, "host": 69, "system": 71, "init": 76, "exec": 72,
         "hook": 75, "state": 74, "usage": 64, "unknown": 66, "exists": 73, "not-running": 65}


def record(t, *args, **how):
    """(exit status, the one record of the JSON log)"""
    log = t.path("record.json")
    if os.path.exists(log):
        os.unlink(log)
    result = t.skiff("--log", log, "--log-format", "json", *args, **how)
    records = [json.loads(line) for line in inside.lines(log)]
    errors = [r for r in records if r["level"] == "error"]
    t.equal(len(errors), 1, f"error records of {args}: {records}")
    t.equal(result.err, f"skiff: {errors[0]['msg']}\n", "stderr says the same")
    t.true({"level", "msg", "time", "code"} <= set(errors[0]), str(errors[0]))
    t.true(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", errors[0]["time"]), "time")
    return result.rc, errors[0]


def expect_code(t, code, *args, own=1, **keys):
    """the command fails with this code, by each way to tell it"""
    for options, status in (((), own), (("--exit-code-map", "default"), CODES[code]),
                            (("--exit-code-map", f"default,{code}=99"), 99),
                            (("--exit-code-map", f"{code}=98"), 98)):
        rc, found = record(t, *options, *args)
        t.equal((found["code"], rc), (code, status), f"{options} {args}: {found}")
        for key, value in keys.items():
            t.equal(found.get(key), value, f"{key} of {found}")


def broken(t, change):
    config = t.config("/bin/sleep", "100000")
    change(config)
    return "create", "--bundle", t.bundle(config), t.new_id()


@needs("root")
def test_codes_without_container(t):
    """each kind of failure has its code in the record and its status in the map"""
    expect_code(t, "usage", "frobnicate")
    expect_code(t, "unknown", "state", "none", errno="ENOENT")
    expect_code(t, "unknown", "exec", "none", "true", own=255)
    expect_code(t, "config", *broken(t, lambda c: c["process"].update(cwd="tmp")),
                path="process.cwd")
    expect_code(t, "config", "create", "--bundle", "/nowhere", t.new_id(), errno="ENOENT")
    expect_code(t, "host", *broken(t, lambda c: c["process"].update(selinuxLabel="a:b:c")),
                path="process.selinuxLabel")
    expect_code(t, "system", "--root", "/proc/none", "create", "--bundle", t.bundle(), t.new_id())
    expect_code(t, "init", *broken(t, lambda c: c["mounts"].append(
        {"destination": "/mnt", "type": "nosuchfs", "source": "x"})), path="mounts[7]",
        errno="ENODEV")
    expect_code(t, "hook", *broken(t, lambda c: c.update(
        hooks={"createRuntime": [{"path": "/bin/false"}]})), path="hooks.createRuntime[0]")
    expect_code(t, "exec", "run", "--bundle",
                t.bundle(t.config("no-such-program")), t.new_id(),
                path="process.args[0]")


@needs("root")
def test_codes_of_containers(t):
    """the same for what a container's state forbids"""
    c = t.sleeper()
    empty = t.path("mounts.json")
    with open(empty, "w", encoding="utf-8") as f:
        f.write("[]")
    expect_code(t, "state", "delete", c.id)
    expect_code(t, "state", "start", c.id)
    expect_code(t, "state", "resume", c.id)
    expect_code(t, "exists", "create", "--bundle", c.bundle, c.id)
    expect_code(t, "exec", "exec", c.id, "no-such-program", own=255)
    c.kill()
    c.wait_stopped()
    expect_code(t, "not-running", "kill", c.id, "TERM")
    expect_code(t, "not-running", "exec", c.id, "true", own=255)
    expect_code(t, "not-running", "start", c.id)
    for args in (("pause", c.id), ("resume", c.id), ("events", "--stats", c.id),
                 ("update", "--pids-limit", "10", c.id), ("mounts", "add", c.id, empty)):
        expect_code(t, "not-running", *args)


@needs("root", "cmd:ps")
def test_code_of_wrong_options(t):
    """what a command finds wrong in its own words is a wrong command line, too"""
    c = t.sleeper()
    expect_code(t, "usage", "events", "--interval", "soon", c.id)
    expect_code(t, "usage", "ps", c.id, "-o", "comm")
    expect_code(t, "usage", "mounts", "move", c.id, "-")
    expect_code(t, "usage", "update", "--memory", "much", c.id)
    expect_code(t, "usage", "update", "--pids-limit", "few", c.id)
    expect_code(t, "usage", "update", "--resources", "-", "--memory", "1g", c.id)
    result = t.skiff("--exit-code-map", "default", "ps", c.id, "--no-such-option")
    t.equal(result.rc, CODES["usage"], str(result))
    t.contains(result.err, "skiff: the host's ps(1) refused its options", "after ps's own words")


@needs("root")
def test_map_leaves_the_program_alone(t):
    """with a map, too, run and exec end like the program"""
    c = t.sleeper()
    t.equal(t.skiff("--exit-code-map", "default", "exec", c.id, "/bin/sh", "-c", "exit 1").rc, 1)
    t.equal(t.skiff("--exit-code-map", "default", "run", "-b",
                    t.bundle(t.config("/bin/false")), t.new_id()).rc, 1)


def test_codes_documented(t):
    """skiff-errors(7) has each code with its status"""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../man/skiff-errors.7")
    if not os.path.exists(path):
        t.skip("the tests are away from the sources")
    page = kernel.read(path)
    for code, status in CODES.items():
        roff = code.replace("-", "\\-")
        t.true(re.search(rf"^\.TP\n\.BR {re.escape(roff)} \({status}\)$", page, re.M), code)


# -- what a new user meets first

def test_no_config(t):
    """a missing config.json is told with the directory that was searched, and a way on"""
    os.mkdir(t.path("empty"))
    for args, how in ((("run", "x"), {"cwd": t.path("empty")}),
                      (("run", "-b", t.path("empty"), "x"), {}),
                      (("plan",), {"cwd": t.path("empty")})):
        t.fails(t.skiff(*args, **how), f"open config.json in {t.path('empty')}:", "--bundle",
                "skiff spec", rc=1)
    result = t.skiff("check", t.path("empty"))
    t.equal(result.rc, 1)
    t.contains(result.out, f"open config.json in {t.path('empty')}:")
    t.fails(t.skiff("run", "-b", t.path("empty"), "-f", "/nowhere.json", "x"),
            "open /nowhere.json: No such file", rc=1)
    t.fails(t.skiff("run", "-b", t.path("empty"), "-f", "web.json", "x"),
            f"open web.json in {t.path('empty')}: No such file", rc=1)


def refused(t, change, *phrases):
    config = t.config()
    change(config)
    result = t.skiff("create", "--bundle", t.bundle(config), t.new_id())
    t.fails(result, *phrases, rc=1)


@needs("root")
def test_words(t):
    """messages name the property, the thing and what to do"""
    mount = {"destination": "/mnt", "type": "tmpfs", "source": "x"}
    refused(t, lambda c: c.update(root={"path": "nowhere"}), "root.path: root file system \"",
            "/nowhere\": No such file or directory (unpack an image there)")
    refused(t, lambda c: c.pop("root"), "config.json: root: missing")
    refused(t, lambda c: c["mounts"].append({**mount, "destination": "/proc/x"}),
            "mounts[7].destination: mount point \"/proc/x\"", "nothing can be made")
    refused(t, lambda c: c["mounts"].append({**mount, "type": "nosuchfs"}),
            "mounts[7]: file system \"nosuchfs\": No such device (this kernel has no such")
    refused(t, lambda c: c["linux"].update(sysctl={"net.ipv4.nothing": "1"}),
            "linux.sysctl[\"net.ipv4.nothing\"]", "(this kernel has no such parameter)")
    refused(t, lambda c: c["linux"].update(devices=[{"path": "/dev/x", "type": "z", "major": 1,
                                                     "minor": 1}]),
            "linux.devices[0].type: unknown device type \"z\"")


@needs("root", "memory")
def test_too_little_memory(t):
    """a limit that is too small for init is named, whether init is killed for it or has more already
    when it is set: the two are at work at the same time"""
    config = t.config()
    config["linux"]["resources"]["memory"] = {"limit": 4096}
    result = t.skiff("create", "--bundle", t.bundle(config), t.new_id())
    t.fails(result, "linux.resources.memory.limit", "4096", rc=1)
    t.true("bytes of memory are too few" in result.err or "more than that is in use" in result.err,
           result.err)


@needs("root")
def test_signal_names(t):
    """a signal that is not known is answered with the nearest one"""
    c = t.sleeper()
    for word, nearest in (("SIGTRM", "TERM"), ("HUPP", "HUP"), ("sigkil", "KILL"), ("usr3", "USR1")):
        t.fails(t.skiff("kill", c.id, word), f'unknown signal "{word}" (did you mean "{nearest}"?)',
                rc=1)
    t.fails(t.skiff("kill", c.id, "99"), "0 to 64", rc=1)
    t.equal(c.state()["status"], "running")


@needs("root", "cmd:setpriv")
def test_state_of_others(t):
    """an ordinary user whose state directory cannot be made is told of the ways out"""
    path = t.bundle()
    os.chmod(t.dir, 0o755)
    config = bundle.add_user_namespace(t.config())
    for name in ("uidMappings", "gidMappings"):
        config["linux"][name] = [{"containerID": 0, "hostID": 65534, "size": 1}]
    path = t.bundle(config)
    for root in (t.path("mine"), "/proc/mine"):
        result = t.command("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", t.binary,
                           "--root", root, "create", "-b", path, t.new_id())
        t.fails(result, f"make the state directory {root}", rc=1)
        if root == t.path("mine"):
            t.contains(result.err, "XDG_RUNTIME_DIR")
