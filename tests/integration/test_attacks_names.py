"""Names that are more than names: ids and cgroup paths that climb, text that forges log lines."""
import json
import os

import kernel
from attack import all_or_failure

IDS = ("", ".", "..", "a/b", "/a", "../a", "a/..", "./a", "a\nb", "\n", "a b", " a", "a\t",
       "x" * 300, "x" * 1025, "a\\b", "a*", "a?b", "a:b", "a;b", "a|b", "a&b", "a$b", "a`b", "a'b",
       'a"b', "a<b", "a>b", "a(b", "a#b", "a%n", "a~", "~", "a\u00e9", "\u2026", "a\u001b[31m",
       "a\r", "{}", "a,b", "a=b", "a@b", "!a")


def test_malformed_ids(t):
    """an id is a plain name: anything else is refused before anything is made (40 forms)"""
    path = t.bundle(t.config("/bin/sleep", "1"))
    before = {name: os.listdir(name) for name in (t.root, t.dir)}
    cgroups = {point: os.listdir(point) for point in set(kernel.cgroup_mounts().values())}
    problems = []
    for ident in IDS:
        for command in (("create", "--bundle", path, "--"), ("state", "--"),
                        ("delete", "--force", "--"), ("kill", "--")):
            result = t.skiff(*command, ident)
            forced = command[0] == "delete" and result.rc == 0 and not result.err
            if result.rc <= 0 and not forced:
                problems.append(f"{command[0]} {ident!r} was accepted")
            elif not forced and len(result.err.strip().split("\n")) != 1:
                problems.append(f"{command[0]} {ident!r}: {result.err!r}")
    after = {name: [n for n in os.listdir(name) if n not in ("out", "err")]
             for name in (t.root, t.dir)}
    t.equal(after, {k: [n for n in v if n not in ("out", "err")] for k, v in before.items()},
            "directories of the test")
    for point, names in cgroups.items():
        new = [n for n in set(os.listdir(point)) - set(names) if "skt" not in n]
        t.equal(new, [], f"new cgroups in {point}")
    all_or_failure(problems)


BAD_PATHS = ("..", "/..", "/../x", "/a/../../b", "a/..", "/{}/..", "/{}/../other", "/a/./../..",
             "/{}\nx", "/{}/\u001b", "//..//", "/", "/.", "//", "./",
             "/" + "x/" * 3000, "/" + "x" * 5000)
ODD_PATHS = {"/{}": "/{}", "{}/a": "/{}/a", "//{}//a//": "/{}/a", "/{}/./a": "/{}/a"}


def test_cgroups_path(t):
    """cgroupsPath stays below the hierarchy's root and is never the root itself.  Only planned:
    a runtime that took the root cgroup as the container's would kill the host on delete"""
    problems = []
    for path in BAD_PATHS:
        config = t.config()
        config["linux"]["cgroupsPath"] = path.format(t.mark)
        result = t.skiff("plan", t.bundle(config))
        if result.rc == 0:
            problems.append(f"{path[:40]!r} was accepted")
        else:
            t.contains(result.err, "linux.cgroupsPath", repr(path[:40]))
            t.fails(result)
    t.equal(t.skiff("plan", t.bundle()).rc, 0, "twin")
    all_or_failure(problems)


def test_odd_cgroups_paths(t):
    """a cgroupsPath with empty or . parts means what it means in a file name"""
    for path, meaning in ODD_PATHS.items():
        t.note(path)
        config = t.config("/bin/sleep", "100000")
        config["linux"]["cgroupsPath"] = path.format(t.mark)
        c = t.create(config)
        points = kernel.cgroup_mounts()
        dirs = [where[len(points[name]):] for name, where in kernel.cgroup_dirs(c.pid).items()]
        t.contains(dirs, meaning.format(t.mark), "the container's cgroups")
        c.delete("--force")
        for point in set(points.values()):  # parents may be shared, and stay
            if os.path.isdir(f"{point}/{t.mark}"):
                os.rmdir(f"{point}/{t.mark}")


def test_cgroup_of_exec(t):
    """exec --cgroup stays below the container's cgroup"""
    c = t.sleeper()
    own = kernel.cgroup_dirs(c.pid)
    t.equal(c.exec("true").rc, 0, "twin")
    problems = []
    for path in ("..", "../..", "/..", "a/../..", "/../..", "//../..", "x\n", "missing"):
        result = t.skiff("exec", "--cgroup", path, c.id, "true")
        if result.rc == 0:
            problems.append(f"{path!r} was accepted")
    t.equal(kernel.cgroup_dirs(c.pid), own, "cgroups of the container")
    all_or_failure(problems)


EVIL = "a\n{\"level\":\"error\",\"msg\":\"forged\"}\x1b]0;title\x07\r\x9b31m"


def evil_configs(t):
    missing = t.config(f"/bin/{EVIL}")
    search = t.config(EVIL)
    cwd = t.config()
    cwd["process"]["cwd"] = f"/proc/{EVIL}"
    source = t.config()
    source["mounts"].append({"destination": "/mnt", "type": "bind", "source": f"/{EVIL}",
                             "options": ["bind"]})
    fstype = t.config()
    fstype["mounts"].append({"destination": f"/{EVIL}", "type": EVIL, "source": EVIL})
    option = t.config()
    option["mounts"].append({"destination": "/mnt", "type": "tmpfs", "options": [EVIL]})
    hook = t.config()
    hook["hooks"] = {"createRuntime": [{"path": f"/{EVIL}"}]}
    sysctl = t.config()
    sysctl["linux"]["sysctl"] = {EVIL: "1"}
    space = t.config()
    space["linux"]["namespaces"].append({"type": EVIL})
    return {"program": missing, "search": search, "cwd": cwd, "source": source,
            "type": fstype, "option": option, "hook": hook, "sysctl": sysctl, "space": space}


def test_log_injection(t):
    """text of the image or config cannot forge a log line or reach the terminal: control
    characters are escaped"""
    for name, config in evil_configs(t).items():
        for form in ("json", "text"):
            t.note(f"{name} {form}")
            log = t.path(f"log-{name}-{form}")
            result = t.skiff("--log", log, "--log-format", form, "run", "--bundle",
                             t.bundle(config), t.new_id())
            t.true(result.rc > 0, "it was accepted")
            lines = kernel.read(log).rstrip("\n").split("\n")
            for text in (result.err.rstrip("\n"), *lines):
                bad = [c for c in text if ord(c) < 32 or 127 <= ord(c) < 160]
                t.equal(bad, [], "control characters")
            errors = [line for line in lines if "error" in line]
            t.equal(len(errors), 1, f"error lines in the log: {lines}")
            if form == "json":
                t.true(json.loads(errors[0])["msg"] != "forged", "a forged record")
            t.equal(len(result.err.splitlines()), 1, "lines on stderr")
