"""--trace: the steps with their times, in a file that Perfetto opens."""
import json

import kernel
from harness import needs
import inside


def events(path):
    """the complete events of a trace file: [{name, tid, ts, dur, ..}, ..]"""
    found = json.loads(kernel.read(path))
    found = found["traceEvents"] if isinstance(found, dict) else found
    return [event for event in found if event["ph"] == "X"]


def lanes(path):
    """{thread name: [names of its events]}"""
    found = json.loads(kernel.read(path))["traceEvents"]
    names = {event["tid"]: event["args"]["name"] for event in found if event["ph"] == "M"}
    return {name: [event["name"] for event in found if event["ph"] == "X"
                   and event["tid"] == tid] for tid, name in names.items()}


def wanted(steps):
    """the names of those steps of a plan that must show: not the alternatives of others, and not
    the exec, which does not end"""
    return [step["op"] for before, step in zip([{"policy": ""}, *steps], steps)
            if before["policy"] != "alt" and step["op"] != "exec"]


@needs("root")
def test_run(t):
    """every step of the plan is in the trace of run, with a time and a duration"""
    path = t.bundle(inside.add_tmpfs(t.config(), "/mnt"))
    planned = t.ok("plan", "--format", "json", path).json()
    t.equal(t.skiff("run", "--bundle", path, "--trace", t.path("trace"), t.new_id()).rc, 0)
    found = lanes(t.path("trace"))
    t.equal(len(found), 2, "lanes")
    names = {"host": [], "init": []}
    for lane, steps in found.items():
        names["init" if "init" in lane else "host"] = steps
    # run does not wait in `created`, which the plan of create does
    lacking = set(wanted(planned["initSteps"])) - set(names["init"]) - {"wait", "tell",
                                                                                     "sweep"}
    t.equal(lacking, set(), "steps of init that lack")
    lacking = set(wanted(planned["hostSteps"])) - set(names["host"]) - {"listen", "wait", "tell"}
    t.equal(lacking, set(), "steps of the host that lack")
    t.equal(names["init"].count("mount.attach"),
            wanted(planned["initSteps"]).count("mount.attach"), "mounts")


@needs("root")
def test_times(t):
    """times are those of this run: not negative, and the steps of each lane one after the other"""
    t.equal(t.run(t.config(), "--trace", t.path("trace")).rc, 0)
    found = events(t.path("trace"))
    t.true(len(found) > 50, f"{len(found)} steps")
    seconds = t.log[-1].seconds
    for tid in {event["tid"] for event in found}:
        end = 0
        for event in (event for event in found if event["tid"] == tid):
            t.true(event["ts"] >= end - 1 and event["dur"] >= 0, f"{event} begins before {end}")
            end = event["ts"] + event["dur"]
        t.true(end / 1e6 <= seconds, f"{end} us in {seconds} s")


@needs("root")
def test_origin(t):
    """a step tells which part of the config it belongs to"""
    t.equal(t.run(inside.add_tmpfs(t.config(), "/mnt"), "--trace", t.path("trace")).rc, 0)
    origins = [event["args"].get("origin") or "" for event in events(t.path("trace"))]
    t.true(any(origin.startswith("mounts[7]") for origin in origins), f"{sorted(set(origins))}")
    t.contains(origins, "hostname")


@needs("root")
def test_create_and_exec(t):
    """create and exec can be traced too"""
    c = t.create(t.config("/bin/sleep", "100000"), "--trace", t.path("create"))
    c.start()
    t.contains([event["name"] for event in events(t.path("create"))], "pivot")
    t.equal(t.skiff("exec", "--trace", t.path("exec"), c.id, "true").rc, 0)
    t.contains([event["name"] for event in events(t.path("exec"))], "ns.join")


@needs("root")
def test_failing_run(t):
    """the trace of a run that fails ends with the step that failed"""
    config = t.config("no-such-program")
    result = t.run(config, "--trace", t.path("trace"))
    t.fails(result, "executable file not found", rc=1)
    t.contains([event["name"] for event in events(t.path("trace"))], "find")


@needs("root")
def test_cannot_be_written(t):
    """a trace file that cannot be made is an error, or at least no success without a trace"""
    result = t.run(t.config("/bin/true"), "--trace", "/nowhere/trace")
    t.true(result.err.strip() and "/nowhere/trace" in result.err, f"nothing said: {result}")


@needs("root", "native", "cmd:strace")
def test_costs_nothing_when_off(t):
    """without --trace init makes no call for it: no clock is read"""
    log = t.path("strace")
    for options in ([], ["--trace", t.path("trace")]):
        result = t.command("strace", "-f", "-qq", "-o", log, "-e", "trace=clock_gettime,mmap",
                           t.binary, "--root", t.root, "run", "--bundle", t.bundle(), *options,
                           t.new_id(), timeout=20)
        t.equal(result.rc, 0, result.err)
        clocks = sum("clock_gettime" in line for line in inside.lines(log))
        shared = sum("MAP_SHARED" in line for line in inside.lines(log))
        t.equal(shared > 0, bool(options), f"pages shared with init; {clocks} clocks read")
