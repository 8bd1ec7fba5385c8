#!/usr/bin/python3
"""run.py [options] [REGEX]...: run the integration tests whose name (file.function) matches
one of the REGEXes (all).

The program under test is $SKIFF, else ./skiff of the build tree (the current directory, then
the top of this tree), else ./skiff-static there.  $SKIFF_SLOW multiplies all time limits.
Exit status: 0 all passed or were skipped, 1 a failure, 2 wrong usage or nothing selected."""
import argparse
import glob
import importlib.util
import inspect
import json
import os
import random
import re
import selectors
import shutil
import signal
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import bundle
import harness
import leaks
import views

TEST_LIMIT = 60  # seconds for one test, times SKIFF_SLOW; harness.limit() gives more


def load(path):
    """[(name, function), ..] of one file, in the file's order"""
    module_name = os.path.basename(path)[:-3]
    spec = importlib.util.spec_from_file_location(module_name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [(f"{module_name[5:]}.{name}", function) for name, function in vars(module).items()
            if name.startswith("test_") and callable(function)
            and function.__module__ == module_name]


def tags_of(function):
    return set(getattr(function, "tags", ())) | set(getattr(function, "needs", ()))


def select(options):
    tests = []
    for path in sorted(glob.glob(f"{options.dir}/test_*.py")):
        tests += load(path)
    if options.regex:
        tests = [t for t in tests if any(re.search(r, t[0]) for r in options.regex)]
    if options.tag:
        tests = [t for t in tests if tags_of(t[1]) & set(options.tag.split(","))]
    if options.without:
        tests = [t for t in tests if not tags_of(t[1]) & set(options.without.split(","))]
    if options.sample:
        quick = [t for t in tests if "slow" not in tags_of(t[1])]
        chosen = random.Random(options.seed).sample(quick, min(options.sample, len(quick)))
        tests = [t for t in quick if t in chosen]
    return tests


def find_binary():
    given = os.environ.get("SKIFF")
    places = [given] if given else [f"{place}/{name}" for name in ("skiff", "skiff-static")
                                    for place in (os.getcwd(), TOP)]
    for path in places:
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return os.path.realpath(path)
    raise SystemExit(f"run.py: no program to test (looked for {', '.join(places)})")


def limit_of(function):
    return getattr(function, "limit", TEST_LIMIT) * harness.SLOW


def expired(signum, frame):
    raise harness.Failure("the test took too long")


def perform(function, t):
    """run one test; the answer is None, or what went wrong"""
    problems = []
    earlier = leaks.before()
    signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, limit_of(function))
    try:
        function(t)
    except harness.Failure as e:
        frames = traceback.extract_tb(e.__traceback__)
        where = [f for f in frames if os.path.basename(f.filename).startswith("test_")]
        line = where[-1] if where else frames[-1]
        case = f" [case {t.case!r}]" if t.case else ""
        problems.append(f"{os.path.basename(line.filename)}:{line.lineno}: {e}{case}")
    except harness.Skip:
        raise
    except Exception:
        problems.append(traceback.format_exc().rstrip())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        commands = t.log[-4:]
        t.clean_up()
        problems += leaks.after(t, earlier)
    return problems and "\n".join(problems + [str(c) for c in commands])


def worker(index, test, context, pipe):
    """the process of one test: does it, writes {"verdict", "text", "seconds"} and ends"""
    name, function = test
    os.setsid()
    views.become_subreaper()
    tmp = f"{context['tmp']}/{index}"
    os.mkdir(tmp, 0o755)
    begin = time.monotonic()
    verdict, text = "failed", ""
    try:
        if os.geteuid() == 0:
            views.own_mounts()
        t = harness.Test(name, context["binary"], tmp, context["rootfs"],
                         f"skt{os.getppid()}-{index}t")  # no mark is part of another
        text = perform(function, t) or ""
        verdict = "failed" if text else "passed"
    except harness.Skip as e:
        verdict, text = "skipped", str(e)
    except BaseException:
        text = traceback.format_exc()
    seconds = time.monotonic() - begin
    shutil.rmtree(tmp, ignore_errors=True)
    with os.fdopen(pipe, "w") as f:
        json.dump({"verdict": verdict, "text": text, "seconds": seconds}, f)
    os._exit(0)


def start(index, test, context):
    reader, writer = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        worker(index, test, context, writer)
    os.close(writer)
    return {"index": index, "test": test, "pid": pid, "fd": reader, "data": b"",
            "deadline": time.monotonic() + 3 * limit_of(test[1])}


def report(job, counts, again):
    """print the lines of one finished test and count it; false: it failed and is tried again"""
    try:
        result = json.loads(job["data"])
    except ValueError:
        result = {"verdict": "failed", "text": "the test's process died", "seconds": 0}
    verdict = result["verdict"]
    if verdict == "failed" and again:
        print(f"# {job['test'][0]} failed and is tried again, alone")
        print("\n".join(f"# {row}" for row in result["text"].splitlines()))
        return False
    counts[verdict] += 1
    line = f"{'not ok' if verdict == 'failed' else 'ok'} {job['index']} {job['test'][0]}"
    if verdict == "skipped":
        print(f"{line} # SKIP {result['text']}")
        return True
    print(f"{line} ({result['seconds']:.2f} s)")
    if verdict == "failed":
        doc = inspect.getdoc(job["test"][1])
        for text in ([f"to prove: {doc}"] if doc else []) + [result["text"]]:
            print("\n".join(f"# {row}" for row in text.splitlines()))
    return True


def finish(job, counts, again):
    """false: it is to be tried again"""
    os.close(job["fd"])
    os.waitpid(job["pid"], 0)
    done = report(job, counts, again)
    sys.stdout.flush()
    return done


def run_all(tests, context, jobs, again):
    """keep `jobs` tests running until all are done; again: what failed is tried once more"""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    have = views.facts()
    failed = run_some(list(enumerate(tests, 1)), context, jobs, counts, have, again)
    run_some([(index + len(tests), test) for index, test in failed], context, 1, counts, have, False)
    return counts


def run_some(waiting, context, jobs, counts, have, again):
    """those that failed and are to be tried again"""
    selector = selectors.DefaultSelector()
    running, failed = {}, []
    while waiting or running:
        while waiting and len(running) < jobs:
            index, test = waiting.pop(0)
            lack = views.missing(getattr(test[1], "needs", ()), have)
            if lack:
                counts["skipped"] += 1
                print(f"ok {index} {test[0]} # SKIP needs {lack}")
                continue
            job = start(index, test, context)
            running[job["fd"]] = job
            selector.register(job["fd"], selectors.EVENT_READ)
        for key, _ in selector.select(1) if running else ():
            job = running[key.fd]
            data = os.read(key.fd, 1 << 16)
            job["data"] += data
            if not data:
                selector.unregister(key.fd)
                job = running.pop(key.fd)
                if not finish(job, counts, again):
                    failed.append((job["index"], job["test"]))
        for job in running.values():
            if time.monotonic() > job["deadline"]:
                os.killpg(job["pid"], signal.SIGKILL)
    return failed


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("regex", nargs="*", metavar="REGEX")
    add("--view", choices=["hybrid", "v1", "v2"], default="hybrid",
        help="hybrid: the machine as it is (default); v2, v1: a private view with that alone")
    add("-t", "--tag", metavar="TAG,..", help="only tests with one of these tags or needs")
    add("-x", "--without", metavar="TAG,..", help="no test that has one of these")
    add("--sample", type=int, metavar="N", help="N tests of the selection, none tagged slow")
    add("--seed", type=int, default=1, metavar="S", help="which ones (1)")
    add("-j", "--jobs", type=int, default=1, metavar="N", help="tests at once (1)")
    add("--again", action="store_true", help="what fails is tried once more, alone, before it "
        "counts: for an emulated machine and daemons of others")
    add("-l", "--list", action="store_true", help="print the selected tests and their tags")
    add("--dir", default=HERE, help="where the test_*.py are")
    return parser.parse_args()


def main():
    # A nohup or a shell's "&" around us must not be seen by the tests' programs.
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options = parse()
    options.dir = os.path.realpath(options.dir)
    sys.path.insert(1, options.dir)
    tests = select(options)
    if not tests:
        print("run.py: no test selected", file=sys.stderr)
        return 2
    if options.list:
        for name, function in tests:
            print(name, *sorted(tags_of(function)))
        return 0
    binary = find_binary()
    views.enter(options.view)
    views.become_subreaper()  # for what outlives a test's process that died
    tmp = tempfile.mkdtemp(prefix="skiff-test.")
    try:
        os.chmod(tmp, 0o755)  # a container's root may be another user
        context = {"binary": binary, "tmp": tmp, "rootfs": f"{tmp}/rootfs"}
        bundle.make_rootfs(context["rootfs"])
        if os.geteuid() == 0:
            views.bind_read_only(context["rootfs"])
        print(f"# {binary}, view {views.layout()}, {os.uname().release}\n1..{len(tests)}")
        begin = time.monotonic()
        counts = run_all(tests, context, options.jobs, options.again)
    finally:
        leaks.kill_descendants()
        if os.geteuid() == 0:
            views.unmount(f"{tmp}/rootfs")
        shutil.rmtree(tmp, ignore_errors=True)
    print(f"# {time.monotonic() - begin:.1f} s")
    print(", ".join(f"{counts[word]} {word}" for word in ("passed", "failed", "skipped")))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
