"""linux.seccomp: actions, comparison of arguments, architectures."""
import json
import os
import platform

import inside
import kernel
from harness import needs

HERE = os.path.dirname(os.path.abspath(__file__))
ENGINE = os.path.join(HERE, "../bench/bundle-b.json")
MKDIR = ["mkdir", "mkdirat"]


def profile(config, *rules, default="SCMP_ACT_ALLOW", **more):
    """set a profile; a rule is (names, action, {more})"""
    config["linux"]["seccomp"] = {"defaultAction": default, "syscalls": [
        {"names": names, "action": action, **rest} for names, action, rest in rules], **more}
    return inside.add_tmpfs(config, "/mnt")


@needs("root")
def test_errno(t):
    """SCMP_ACT_ERRNO gives errnoRet, EPERM without it, and the call is not made"""
    plain = t.sh("mkdir /mnt/x && ls /mnt", profile(t.config()))
    t.equal((plain.rc, plain.out), (0, "x\n"), "without rules")
    for number, words in ((None, "Operation not permitted"), (95, "Operation not supported"),
                          (38, "Function not implemented"), (1001, "Unknown error 1001")):
        more = {} if number is None else {"errnoRet": number}
        result = t.sh("mkdir /mnt/x; ls /mnt",
                      profile(t.config(), (MKDIR, "SCMP_ACT_ERRNO", more)))
        t.equal(result.out, "", "directories")
        t.contains(result.err, words)


@needs("root")
def test_errno_zero(t):
    """errnoRet 0 lets the call succeed without being made"""
    result = t.sh("mkdir /mnt/x && ls /mnt && echo ok",
                  profile(t.config(), (MKDIR, "SCMP_ACT_ERRNO", {"errnoRet": 0})))
    t.equal((result.rc, result.out), (0, "ok\n"))


@needs("root")
def test_kill(t):
    """the killing actions and TRAP end the process by SIGSYS"""
    for action in ("SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
                   "SCMP_ACT_TRAP"):
        result = t.sh("mkdir /mnt/x; echo $?; ls /mnt", profile(t.config(), (MKDIR, action, {})))
        t.equal(result.out, f"{128 + 31}\n", action)


@needs("root")
def test_log(t):
    """SCMP_ACT_LOG and TRACE are no ALLOW: one is carried out, the other refused with ENOSYS
    when nobody traces"""
    result = t.sh("mkdir /mnt/x; ls /mnt", profile(t.config(), (MKDIR, "SCMP_ACT_LOG", {})))
    t.equal(result.out, "x\n")
    result = t.sh("mkdir /mnt/x; ls /mnt", profile(t.config(), (MKDIR, "SCMP_ACT_TRACE", {})))
    t.equal(result.out, "")
    t.contains(result.err, "Function not implemented")


CHMODS = (0o100, 0o200, 0o300, 0o400, 0o700)
COMPARISONS = (
    ("SCMP_CMP_EQ", 0o300, 0, lambda mode: mode == 0o300),
    ("SCMP_CMP_NE", 0o300, 0, lambda mode: mode != 0o300),
    ("SCMP_CMP_LT", 0o300, 0, lambda mode: mode < 0o300),
    ("SCMP_CMP_LE", 0o300, 0, lambda mode: mode <= 0o300),
    ("SCMP_CMP_GT", 0o300, 0, lambda mode: mode > 0o300),
    ("SCMP_CMP_GE", 0o300, 0, lambda mode: mode >= 0o300),
    ("SCMP_CMP_MASKED_EQ", 0o300, 0o100, lambda mode: mode & 0o300 == 0o100),
)


def chmod_rules(*comparisons):
    """chmod and its younger sisters, refused where all the comparisons of the mode hold"""
    return [([name], "SCMP_ACT_ERRNO", {"args": [
        {"index": index, "value": value, "valueTwo": second, "op": op}
        for op, value, second in comparisons]})
        for name, index in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2), ("fchmodat2", 2))]


def tried_chmods(t, config):
    modes = " ".join(f"{mode:o}" for mode in CHMODS)
    result = t.sh(f"touch /mnt/f; for m in {modes}; do chmod $m /mnt/f 2>/dev/null && echo y || "
                  "echo n; done", config)
    return result.out.split()


@needs("root")
def test_arguments(t):
    """each operator compares an argument as the specification says"""
    t.equal(tried_chmods(t, profile(t.config())), ["y"] * len(CHMODS), "without rules")
    for op, value, second, refused in COMPARISONS:
        config = profile(t.config(), *chmod_rules((op, value, second)))
        t.equal(tried_chmods(t, config), ["n" if refused(mode) else "y" for mode in CHMODS], op)


@needs("root")
def test_arguments_together(t):
    """comparisons of one rule hold together, those of two rules each alone"""
    both = profile(t.config(), *chmod_rules(("SCMP_CMP_GE", 0o200, 0)),
                   *chmod_rules(("SCMP_CMP_EQ", 0o100, 0)))
    t.equal(tried_chmods(t, both), ["n"] * 5)
    rules = chmod_rules(("SCMP_CMP_GT", 0o100, 0))
    for _, _, more in rules:
        more["args"].append({"index": more["args"][0]["index"] - 1, "value": 0,
                             "op": "SCMP_CMP_EQ"})
    t.equal(tried_chmods(t, profile(t.config(), *rules)), ["y"] * 5, "path 0 and mode over 100")


@needs("root")
def test_first_argument_64_bits(t):
    """arguments are compared in all 64 bits"""
    code = ("import ctypes, sys\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "for v in (5, 5 | 1 << 32, 1 << 63):\n"
            "    libc.syscall(438, ctypes.c_uint64(v), 0, 0)\n"
            "    print(ctypes.get_errno())\n")
    config = profile(t.config(), (["pidfd_getfd"], "SCMP_ACT_ERRNO", {"errnoRet": 77, "args": [
        {"index": 0, "value": 5 | 1 << 32, "op": "SCMP_CMP_EQ"}]}),
        (["pidfd_getfd"], "SCMP_ACT_ERRNO", {"errnoRet": 78, "args": [
            {"index": 0, "value": 1 << 63, "op": "SCMP_CMP_EQ"}]}))
    t.equal(t.run(inside.set_python(config, code)).out.split(), ["9", "77", "78"])


@needs("root")
def test_filter_is_there(t):
    """the kernel shows one filter for a container with a profile, for one without none"""
    c = t.sleeper(profile(t.config(), (MKDIR, "SCMP_ACT_ERRNO", {})))
    t.equal((kernel.status(c.pid)["Seccomp"], kernel.status(c.pid)["Seccomp_filters"]), ("2", "1"))
    own = kernel.status("self")["Seccomp"]
    t.equal(kernel.status(t.sleeper().pid)["Seccomp"], own)


@needs("root")
def test_without_no_new_privileges(t):
    """a filter does not need no_new_privs, neither for root nor for another user"""
    for uid in (0, 1000):
        config = profile(t.config(), (MKDIR, "SCMP_ACT_ERRNO", {"errnoRet": 95}))
        config["process"]["user"] = {"uid": uid, "gid": uid}
        config["process"]["noNewPrivileges"] = False
        result = t.sh("mkdir /mnt/x; grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status", config)
        t.equal(result.out.split(), ["NoNewPrivs:", "0", "Seccomp:", "2"], f"uid {uid}")
        t.contains(result.err, "not supported")


@needs("root")
def test_exec_is_filtered(t):
    """the filter holds for processes of exec"""
    c = t.sleeper(profile(t.config(), (MKDIR, "SCMP_ACT_ERRNO", {"errnoRet": 95})))
    t.contains(c.sh("mkdir /mnt/x").err, "not supported")


@needs("root")
def test_unknown_names(t):
    """names of system calls that this machine has not are no fault"""
    config = profile(t.config(), (["no_such_call", *MKDIR], "SCMP_ACT_ERRNO", {"errnoRet": 95}))
    t.contains(t.sh("mkdir /mnt/x", config).err, "not supported")


@needs("root")
def test_engine_profile(t):
    """an engine's whole profile lets programs run and refuses what it does not list"""
    config = t.config()
    with open(ENGINE, encoding="utf-8") as f:
        config["linux"]["seccomp"] = json.load(f)["linux"]["seccomp"]
    inside.add_tmpfs(config, "/mnt")
    inside.set_capabilities(config, "SYS_ADMIN", "CHOWN")
    code = ("import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "for n in (175, 246, 39):\n"  # init_module, kexec_load, getpid on x86-64
            "    r = libc.syscall(n, 0, 0, 0, 0)\n"
            "    print(r > 0, ctypes.get_errno())\n    ctypes.set_errno(0)\n")
    t.equal(t.sh("mkdir /mnt/x && chown 5:6 /mnt/x && ls /mnt", config).out, "x\n")
    if platform.machine() == "x86_64":
        t.equal(t.run(inside.set_python(config, code)).out.splitlines(),
                ["False 1", "False 1", "True 0"])


@needs("root")
def test_foreign_architecture(t):
    """calls by an architecture that the profile does not list end the process"""
    if platform.machine() != "x86_64":
        t.skip("needs x86-64 and its x32 calls")
    code = "import ctypes; print(ctypes.CDLL(None).syscall(0x40000000 | 39))"
    rule = (MKDIR, "SCMP_ACT_ERRNO", {})
    plain = t.run(inside.set_python(t.config(), code))
    t.equal(plain.rc, 0, "without a profile")
    config = profile(t.config(), rule, architectures=["SCMP_ARCH_X86_64"])
    result = t.run(inside.set_python(config, code))
    t.equal((result.rc, result.out), (128 + 31, ""))
    config = profile(t.config(), rule, architectures=["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"])
    result = t.run(inside.set_python(config, code))
    t.equal((result.rc, result.out), (0, plain.out))


@needs("root")
def test_unknown_names_refused(t):
    """with run.oci.seccomp_fail_unknown_syscall unknown names are a fault, and only with it"""
    config = profile(t.config(), (["no_such_call", *MKDIR], "SCMP_ACT_ERRNO", {}))
    for value, words in (("1", "no_such_call"), ("0", None)):
        config["annotations"] = {"run.oci.seccomp_fail_unknown_syscall": value}
        if words:
            t.fails(t.run(config), words, "linux.seccomp.syscalls", rc=1)
        else:
            t.equal(t.run(config).rc, 0)


@needs("root")
def test_default_errno(t):
    """defaultErrnoRet is the answer to what no rule names, EPERM without it"""
    if platform.machine() != "x86_64":
        t.skip("needs the numbers of x86-64")
    code = ("import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "print(libc.syscall(83, b'/mnt/x', 0o755), ctypes.get_errno())\n")
    with open(ENGINE, encoding="utf-8") as f:
        known = json.load(f)["linux"]["seccomp"]
    for number, expected in ((None, 1), (95, 95)):
        config = profile(t.config())
        config["linux"]["seccomp"] = dict(known, syscalls=[
            dict(rule, names=[n for n in rule["names"] if n not in MKDIR])
            for rule in known["syscalls"]])
        config["linux"]["seccomp"].pop("defaultErrnoRet", None)
        if number:
            config["linux"]["seccomp"]["defaultErrnoRet"] = number
        t.equal(t.run(inside.set_python(config, code)).out, f"-1 {expected}\n")


@needs("root")
def test_newer_than_the_profile(t):
    """a call with a higher number than all that the profile names gives ENOSYS, not the default's
    errno; a lower one that it does not name the default's"""
    if platform.machine() != "x86_64":
        t.skip("needs the numbers of x86-64")
    code = ("import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
            "for n in (500, 1000, 175, 246):\n"
            "    libc.syscall(n, 0, 0, 0, 0); print(ctypes.get_errno())\n")
    config = t.config()
    with open(ENGINE, encoding="utf-8") as f:
        config["linux"]["seccomp"] = json.load(f)["linux"]["seccomp"]
    t.equal(t.run(inside.set_python(config, code)).out.split(), ["38", "38", "1", "1"])


@needs("root")
def test_kill_process_and_thread(t):
    """KILL_PROCESS ends all threads, KILL_THREAD (and KILL) the calling one only"""
    code = ("import os, threading, time\n"
            "threading.Thread(target=lambda: os.mkdir('/mnt/x'), daemon=True).start()\n"
            "time.sleep(0.5)\nprint('alive', flush=True)\nos._exit(0)\n")
    for action, out in (("SCMP_ACT_KILL_PROCESS", ""), ("SCMP_ACT_KILL_THREAD", "alive\n"),
                        ("SCMP_ACT_KILL", "alive\n")):
        result = t.run(inside.set_python(profile(t.config(), (MKDIR, action, {})), code))
        t.equal((result.out, result.rc), (out, 0 if out else 128 + 31), action)


@needs("root")
def test_trace(t):
    """SCMP_ACT_TRACE stops the call for a tracer that asked for it, with errnoRet as the
    message"""
    config = profile(t.config(), (MKDIR, "SCMP_ACT_TRACE", {"errnoRet": 77}))
    code = ("import ctypes, os, signal\n"
            "libc = ctypes.CDLL(None, use_errno=True)\n"
            "ptrace = libc.ptrace\nptrace.argtypes = [ctypes.c_long] * 4\n"
            "pid = os.fork()\n"
            "if not pid:\n"
            "    ptrace(0, 0, 0, 0)\n    os.kill(os.getpid(), signal.SIGSTOP)\n"
            "    os.mkdir('/mnt/x')\n    os._exit(5)\n"
            "os.waitpid(pid, 0)\nptrace(0x4200, pid, 0, 0x80)\n"
            "ptrace(7, pid, 0, 0)\n_, status = os.waitpid(pid, 0)\n"
            "message = ctypes.c_ulong()\n"
            "ptrace(0x4201, pid, 0, ctypes.addressof(message))\n"
            "print(status >> 16, message.value)\nptrace(7, pid, 0, 0)\n"
            "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), os.listdir('/mnt'))\n")
    result = t.run(inside.set_python(config, code))
    t.equal(result.out, "7 77\n5 ['x']\n", result.err)
