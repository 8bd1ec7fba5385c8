"""Broken input: one line that names the place and the cause, exit status 1, within a second,
and nothing is left behind.  The cases stand in tests/fixtures/broken/."""
import json
import os

import broken
import kernel
import leaks
import views
from attack import all_or_failure
from harness import SLOW

SECONDS = 1


def complaint(t, result, expected, rc=1):
    """what is wrong with a refusal, or None"""
    if result.rc != rc:
        return f"status {result.rc}: {result.err or result.out!r}"
    if len(result.err.strip().splitlines()) != 1:
        return f"not one line: {result.err!r}"
    if result.seconds > SECONDS * SLOW:
        return f"took {result.seconds:.2f} s"
    lack = broken.lacking(result.err, expected)
    return f"lacks {lack}: {result.err.strip()!r}" if lack else None


def run_cases(t, name, command="run"):
    """each case by run or create: refused, and no state, cgroup, mount or process left"""
    have, problems, mounts = views.facts(), [], leaks.mounts()
    t.equal(t.run().rc, 0, "twin: the config before its changes")
    for case in broken.cases(name):
        if views.missing(case.get("needs", ()), have):
            continue
        path = t.bundle(broken.apply(t.config(), case))
        result = t.skiff(command, "--bundle", path, t.new_id())
        problem = complaint(t, result, case["expect"])
        if problem:
            problems.append(f"{case['name']}: {problem}")
        left = leaks.states(t) + leaks.cgroups(t) + leaks.processes(t)
        left += [mount for mount in leaks.mounts() if mount not in mounts]
        if left:
            problems.append(f"{case['name']}: left {left}")
            break
        t.log.clear()
    all_or_failure(problems)


def check_cases(t, name):
    """each case by check: it names the place and the cause, and status 1"""
    have, problems = views.facts(), []
    t.equal(t.skiff("check", t.bundle()).rc, 0, "twin: the config before its changes")
    for case in broken.cases(name):
        if views.missing(case.get("needs", ()), have):
            continue
        result = t.skiff("check", t.bundle(broken.apply(t.config(), case)))
        lack = broken.lacking(result.out + result.err, case["expect"])
        if result.rc != 1 or lack or result.seconds > SECONDS * SLOW:
            problems.append(f"{case['name']}: status {result.rc}, lacks {lack}: "
                            f"{(result.out + result.err).strip()!r}, {result.seconds:.2f} s")
        t.log.clear()
    t.equal(leaks.states(t) + leaks.cgroups(t), [], "left by check")
    all_or_failure(problems)


def test_syntax(t):
    """broken JSON is refused with line and column"""
    run_cases(t, "syntax")


def test_types(t):
    """a value of the wrong type or out of range is refused with its JSON path"""
    run_cases(t, "types")


def test_words(t):
    """an unknown word is refused, with the nearest known one"""
    run_cases(t, "words")


def test_missing(t):
    """what the specification requires is missed by name"""
    run_cases(t, "missing")


def test_contradictions(t):
    """values that contradict each other are refused"""
    run_cases(t, "contradictions")


def test_host(t):
    """what the host or the root file system lacks is named"""
    run_cases(t, "host")


def test_create_of_process(t):
    """create: the process, hooks, mounts, and files that are no text"""
    run_cases(t, "process", "create")


def test_create_of_linux(t):
    """create: namespaces, mappings, devices, parameters and all else that is Linux's"""
    run_cases(t, "linux", "create")


def test_create_of_resources(t):
    """create: limits"""
    run_cases(t, "resources", "create")


def test_create_of_seccomp(t):
    """create: system call filters"""
    run_cases(t, "seccomp", "create")


def test_check_of_syntax(t):
    """check: broken JSON"""
    check_cases(t, "syntax")


def test_check_of_values(t):
    """check: wrong types, unknown words, missing keys"""
    for name in ("types", "words", "missing"):
        check_cases(t, name)


def test_check_of_rules(t):
    """check: contradictions, and what the host lacks"""
    for name in ("contradictions", "host"):
        check_cases(t, name)


def test_exec_of_broken_input(t):
    """exec: 255 for our own failures, and the container goes on"""
    c = t.sleeper()
    process = t.path("process.json")
    problems = []
    for text, expected in (
            ('{"cwd": "/", "args": ["true"', ["line 1"]),
            ('{"cwd": "/"}', ["args"]),
            ('{"cwd": "tmp", "args": ["true"]}', ["cwd", "absolute"]),
            ('{"args": ["true"]}', ["cwd"]),
            ('{"cwd": "/", "args": "true"}', ["args", "array"]),
            ('{"cwd": "/", "args": ["true"], "user": {"uid": -1}}', ["user.uid", "range"]),
            ('{"cwd": "/", "args": ["nosuchprogram"], "env": ["PATH=/bin"]}',
             ["executable file not found in $PATH", "nosuchprogram"]),
            ('[]', ["expected an object"]), ("", ["line 1"])):
        with open(process, "w", encoding="utf-8") as f:
            f.write(text)
        problem = complaint(t, t.skiff("exec", "--process", process, c.id), expected, 255)
        if problem:
            problems.append(f"{text!r}: {problem}")
    for args, expected in ((("exec", "--process", "/nowhere", c.id), ["/nowhere"]),
                           (("exec", "nosuchid", "true"), ["does not exist"]),
                           (("exec", c.id, "nosuchprogram"),
                            ["executable file not found in $PATH"]),
                           (("exec", c.id, "/etc/passwd"), ["ermission denied"]),
                           (("exec", "--cwd", "/etc/passwd", c.id, "true"), ["/etc/passwd"])):
        problem = complaint(t, t.skiff(*args), expected, 255)
        if problem:
            problems.append(f"{args}: {problem}")
    t.equal(c.exec("true").rc, 0, "twin")
    all_or_failure(problems)


def test_taken_id(t):
    """an id that is taken is refused, and whose it is does not suffer"""
    c = t.sleeper()
    for command in (("run",), ("create",)):
        result = t.skiff(*command, "--bundle", t.bundle(), c.id)
        t.equal(complaint(t, result, ["already exists", c.id]), None, command[0])
    t.true(kernel.is_alive(c.pid), "the container has ended")
    t.equal(c.exec("true").rc, 0, "exec in the container")


def test_unknown_id(t):
    """an unknown id is named; only delete --force does not mind"""
    for args in (("state",), ("start",), ("kill",), ("delete",)):
        problem = complaint(t, t.skiff(*args, "nosuchid"), ["nosuchid", "does not exist"])
        t.equal(problem, None, args[0])
    t.equal(t.skiff("delete", "--force", "nosuchid").rc, 0, "status of delete --force")


def no_bundle(t, path, expected):
    for command in (("run", "--bundle", path, t.new_id()), ("create", "-b", path, t.new_id())):
        t.equal(complaint(t, t.skiff(*command), expected), None, command[0])


def test_bundles_that_are_none(t):
    """a bundle that is missing, empty, a file, or whose config.json is none"""
    no_bundle(t, "/nowhere/bundle", ["/nowhere/bundle"])
    no_bundle(t, "/etc/passwd", ["/etc/passwd"])
    empty = t.path("empty")
    os.mkdir(empty)
    no_bundle(t, empty, ["config.json", "No such file"])
    os.mkdir(f"{empty}/config.json")
    no_bundle(t, empty, ["config.json"])
    os.rmdir(f"{empty}/config.json")
    os.mkfifo(f"{empty}/config.json")
    no_bundle(t, empty, ["config.json", "not a regular file"])
    os.unlink(f"{empty}/config.json")
    os.symlink("/dev/zero", f"{empty}/config.json")
    no_bundle(t, empty, ["config.json", "not a regular file"])


def test_huge_config(t):
    """100 MB, 2.1 GiB of nothing, 100000 levels and a long list end as quickly"""
    def attempt(expected, write):
        t.counter += 1
        path = t.path(f"huge-{t.counter}")
        os.mkdir(path)
        with open(f"{path}/config.json", "w", encoding="utf-8") as f:
            write(f)
        for command in (("run", "--bundle", path, t.new_id()), ("check", path)):
            result = t.skiff(*command)
            t.equal(result.rc, 1, f"status of {command[0]}")
            t.true(result.seconds < SECONDS * SLOW, f"it took {result.seconds:.2f} s")
            t.equal(broken.lacking(result.out + result.err, expected), [], "message")
        os.unlink(f"{path}/config.json")
    attempt(["config.json", "MiB"], lambda f: f.write('{"hostname": "' + "x" * 100_000_000 + '"}'))
    attempt(["config.json", "MiB"], lambda f: f.truncate(2_254_857_830))
    attempt(["64"], lambda f: f.write('{"x": ' + "[" * 100_000 + "]" * 100_000 + "}"))
    attempt(["64"], lambda f: f.write('{"x": ' + '{"a": ' * 100_000))
    attempt(["65536"], lambda f: f.write('{"process": {"args": [' + '"a",' * 100_000 + '"a"]}}'))
    attempt(["hostname"], lambda f: json.dump(dict(t.config(), hostname="x" * 2_000_000), f))
    fine = dict(t.config(), root={"path": t.shared_rootfs}, x=[1] * 50_000)
    t.equal(t.run(json.dumps(fine)).rc, 0, "twin: a list that is not too long")
