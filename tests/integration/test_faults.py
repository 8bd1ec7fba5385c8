"""System calls that fail.  strace makes the k-th call of a name fail in each process; whatever
happens then, the payload is protected as ever or does not run, there is one line of message,
and delete --force clears everything away.  Quick tests take a sample with a fixed seed, those
tagged slow everything."""
import leaks
from harness import limit, needs, tag
from inject import ERRORS, FAIL_CLOSED, Sweep, protected_config, protection, strace

NEWER = ("openat2", "fsopen", "fsconfig", "fsmount", "open_tree", "move_mount", "mount_setattr",
         "clone3", "pidfd_open", "pidfd_send_signal", "close_range", "statx", "faccessat2",
         "execveat", "memfd_create", "keyctl", "bpf", "statmount", "listmount")
needed = needs("root", "native", "cmd:strace")


def run_sweep(t):
    ident = t.new_id()
    return Sweep(t, "run", "--bundle", t.bundle(protected_config(t)), ident, ident=ident)


def exec_sweep(t):
    config = protected_config(t)
    command = config["process"]["args"]
    return Sweep(t, "exec", t.sleeper(config).id, *command)


@needed
def test_errors_in_run(t):
    """a sample of all calls of run, with all kinds of errors"""
    sweep = run_sweep(t)
    sweep.sample(None, ERRORS, 90)
    sweep.done(45)


@needed
def test_errors_in_exec(t):
    """a sample of all calls of exec, with all kinds of errors"""
    sweep = exec_sweep(t)
    sweep.sample(None, ERRORS, 60)
    sweep.done(30)


@needed
def test_protection_in_run(t):
    """calls that protect the payload: run fails closed"""
    sweep = run_sweep(t)
    sweep.sample(FAIL_CLOSED, ("EPERM", "EIO"), 80)
    sweep.done(20)


@needed
def test_protection_in_exec(t):
    """calls that protect the payload: exec fails closed"""
    sweep = exec_sweep(t)
    sweep.sample(FAIL_CLOSED, ("EPERM", "EIO"), 60)
    sweep.done(15)


@tag("slow")
@limit(3000)
@needed
def test_all_errors_in_run(t):
    """every call of run, with every kind of error"""
    sweep = run_sweep(t)
    sweep.sample(None, ERRORS, None)
    sweep.done(200)


@tag("slow")
@limit(3000)
@needed
def test_all_errors_in_exec(t):
    """every call of exec, with every kind of error"""
    sweep = exec_sweep(t)
    sweep.sample(None, ERRORS, None)
    sweep.done(100)


def without_newer_calls(sweep):
    for name in NEWER:
        for error in ("ENOSYS", "EPERM"):
            sweep.inject(f"{name}:error={error}")


@needed
def test_newer_calls_missing_in_run(t):
    """each newer call is missing (old kernels) or forbidden (seccomp of an outer container): the
    same protection, or a clear error"""
    sweep = run_sweep(t)
    without_newer_calls(sweep)
    sweep.done(10)


@needed
def test_newer_calls_missing_in_exec(t):
    """the same for exec"""
    sweep = exec_sweep(t)
    without_newer_calls(sweep)
    sweep.done(6)


@needed
def test_fallbacks_work(t):
    """without the calls of Linux 5.2 to 5.12 that have an older substitute it runs still"""
    sweep = run_sweep(t)
    failed = []
    for name in ("mount_setattr", "open_tree", "move_mount", "fsopen", "clone3"):
        run = sweep.inject(f"{name}:error=ENOSYS")
        if run.rc != 0:
            failed.append(f"{name}: {run.err.strip()}")
    t.equal(failed, [], "without these calls run fails")
    sweep.done(0)


@needs("root", "native", "cmd:unshare")
def test_memfd_noexec(t):
    """where memfds cannot be executed (vm.memfd_noexec 1 and 2) the container runs with the same
    protection, or is refused with the reason"""
    path = t.bundle(protected_config(t))
    script = ('echo $1 > /proc/sys/vm/memfd_noexec || exit 77; shift;'
              'test $(cat /proc/sys/vm/memfd_noexec) != 0 || exit 77; exec "$@"')

    def run(value):
        ident = t.new_id()
        result = t.command("unshare", "--pid", "--fork", "--mount-proc", "/bin/sh", "-c", script,
                           "sh", str(value), t.binary, "--root", t.root, "run", "--bundle", path,
                           ident)
        if result.rc == 77:
            t.skip("no vm.memfd_noexec")
        t.skiff("delete", "--force", ident)
        return result
    control = t.skiff("run", "--bundle", path, t.new_id())
    t.equal(control.rc, 0, f"exit status of the control ({control.err})")
    for value in (1, 2):
        t.note(str(value))
        result = run(value)
        if result.rc:
            t.fails(result)
            t.true("xec" in result.err or "memfd" in result.err, f"the reason: {result.err!r}")
        else:
            t.equal(protection(result.out), protection(control.out), "protection")


@needed
def test_strace_sees_failures(t):
    """twin: the judgement of these tests notices a payload with less protection"""
    ident = t.new_id()
    sweep = run_sweep(t)
    config = protected_config(t)
    config["process"]["noNewPrivileges"] = False
    config["linux"]["maskedPaths"].pop()
    weak, _ = strace(t, None, ["run", "--bundle", t.bundle(config), ident])
    t.equal(weak.rc, 0, "exit status")
    t.contains(sweep.judge(weak) or "", "other protection", "judgement")
    t.equal(leaks.processes(t), [], "processes")
