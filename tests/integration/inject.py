"""Making the system calls of the program under test fail, by strace, and judging the result: what
the payload shows of its protection is the same as without the failure, or nothing ran."""
import collections
import os
import random
import re
import subprocess

import leaks
from attack import all_or_failure
from bundle import DEFAULT
from harness import SLOW

# The C library's business, or without a way to fail (close always closes).
NEVER = {"execve", "exit", "exit_group", "rt_sigreturn", "rt_sigprocmask", "rt_sigaction",
         "set_tid_address", "set_robust_list", "rseq", "arch_prctl", "brk", "getpid", "gettid",
         "getuid", "geteuid", "getgid", "getegid", "getppid", "munmap", "umask", "sched_yield",
         "restart_syscall", "futex", "close", "madvise", "sigaltstack", "wait4", "waitid"}
FAIL_CLOSED = {"setresuid", "setresgid", "setgroups", "capset", "prctl", "seccomp", "close_range",
               "pivot_root", "chdir", "fchdir", "getcwd", "umount2", "mount_setattr", "setuid",
               "setgid", "setreuid", "setregid", "unshare", "setns", "sethostname", "setsid",
               "fchown", "prlimit64", "setrlimit"}
ERRORS = ("EIO", "ENOMEM", "EPERM", "ENOSYS", "EMFILE", "ENOSPC", "EBUSY", "EAGAIN")
SHOW = "cat /proc/self/status /proc/self/mountinfo; ls -ln /proc/self/fd; pwd; hostname"
KEPT = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs",
        "Seccomp", "Seccomp_filters", "Umask")
MASKED = DEFAULT["linux"]["maskedPaths"]
Run = collections.namedtuple("Run", "rc out err trace hung")


def protected_config(t):
    """a config that asks for most kinds of protection; the payload shows what it got"""
    config = t.config("/bin/sh", "-c", SHOW)
    config["process"]["user"] = {"uid": 1000, "gid": 1000, "additionalGids": [7, 8]}
    config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
    config["linux"]["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdirat", "swapon"], "action": "SCMP_ACT_ERRNO"}]}
    return config


def mount_line(words):
    """a line of mountinfo without ids and propagation; what covers a masked path may be an empty
    read-only file system or the null device"""
    dash = words.index("-")
    root, point, options = words[3:6]
    fstype, source, more = words[dash + 1:dash + 4]
    if point in MASKED and (fstype == "tmpfs" and "ro" in options.split(",")
                            or (root, fstype) == ("/null", "devtmpfs")):
        return f"masked {point}"
    return " ".join((root, point, options, fstype, source, more))


def protection(text):
    """what the payload showed, without what differs between two equal runs"""
    found = []
    for line in re.sub(r"\bskt\d+-\d+t-\d+", "ID", text).splitlines():
        words = line.split()
        if line.split(":", 1)[0] in KEPT:
            found.append(" ".join(words))
        elif "-" in words[4:]:
            found.append(mount_line(words))
        elif " -> " in line and "/fd" not in line:
            found.append(f"fd {words[-3]} {re.sub('[0-9]{4,}', 'N', words[-1])}")
        elif line.startswith(("/", "skiff")):
            found.append(line)
    return sorted(found)


def strace(t, rule, argv, follow=True, seconds=5):
    """run the program under strace with this rule (None: only watch)"""
    trace, out, err = t.path("trace"), t.path("out"), t.path("err")
    command = ["strace", "-qq", "-o", trace, *(["-f"] if follow else [])]
    if rule:
        command += ["-e", f"inject={rule}"]
        if not rule.startswith("all:"):
            command += ["-e", f"trace={rule.split(':')[0]},execve,execveat"]
    t.reap()
    hung = False
    with open(out, "w+b") as o, open(err, "w+b") as e:
        process = t.spawn(*command, t.binary, "--root", t.root, *argv, stdin=subprocess.DEVNULL,
                          stdout=o, stderr=e)
        try:
            process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            hung = True
        texts = []
        for f in (o, e):
            f.seek(0)
            texts.append(f.read().decode("utf-8", "replace"))
    with open(trace, encoding="utf-8", errors="replace") as f:
        return Run(process.returncode, *texts, f.read().splitlines(), hung), process


def runtime_calls(trace):
    """[(pid, name, line), ..] without those of the payload: what runs from the first execve of
    /bin/sh on, and everything that this starts"""
    before, payload, found = set(), set(), []
    for line in trace:
        match = re.match(r"(\d+) +(?:<\.\.\. )?(\w+)(?:\(| resumed)", line)
        if not match:
            continue
        pid, name = match.groups()
        if payload and pid not in before:
            payload.add(pid)
        before.add(pid)
        if pid in payload:
            continue
        if re.search(r'execve(at)?\((\S+, )?"/bin/sh"', line):
            payload.add(pid)
        found.append((pid, name, line))
    return found


def points(trace):
    """[(name, k), ..]: the k-th call of that name in some process of the runtime"""
    counts = collections.Counter()
    for pid, name, line in runtime_calls(trace):
        if "resumed" not in line.split("(")[0]:
            counts[pid, name] += 1
    most = collections.Counter()
    for (_, name), n in counts.items():
        most[name] = max(most[name], n)
    return sorted((name, k) for name, n in most.items() if name not in NEVER
                  for k in range(1, n + 1))


def hits(trace):
    """how many calls of the runtime failed, and of the payload"""
    ours = sum("(INJECTED)" in line for _, _, line in runtime_calls(trace))
    return ours, sum("(INJECTED)" in line for line in trace) - ours


class Sweep:
    """one command, done again and again with a failure each time"""

    def __init__(self, t, *argv, ident=None):
        self.t, self.argv, self.ident, self.problems, self.hits = t, argv, ident, [], 0
        control, _ = strace(t, None, argv)
        t.equal(control.rc, 0, f"exit status of the control ({control.err})")
        self.trace = control.trace
        self.wanted = protection(control.out)
        t.true(len(self.wanted) > 25, f"the control shows too little: {self.wanted}")
        again, _ = strace(t, None, argv)
        t.equal(protection(again.out), self.wanted, "a second control")
        self.clear()

    def clear(self):
        """delete what may be left; a sentence, if that does not work"""
        if not self.ident:
            return None
        result = self.t.skiff("delete", "--force", self.ident, timeout=5)
        self.t.log.clear()
        if result.rc or result.seconds > 2 * SLOW:
            return f"delete --force: {result.rc} after {result.seconds:.1f} s: {result.err}"
        left = [f"{what}: {item}" for what, find in (("process", leaks.processes),
                ("state", leaks.states), ("cgroup", leaks.cgroups))
                for item in leaks.settled(find, self.t)]
        return f"left {left}" if left else None

    def judge(self, run):
        if run.hung:
            return "it hung"
        if run.rc < 0:
            return f"signal {-run.rc}"
        shown = protection(run.out)
        if hits(run.trace)[1] and set(shown) <= set(self.wanted):
            return None  # the payload's own calls failed, too
        if "CapEff" in run.out and shown != self.wanted:
            diff = [line for line in shown if line not in self.wanted]
            lost = [line for line in self.wanted if line not in shown]
            return f"status {run.rc}, with other protection: {diff} instead of {lost}"
        if run.rc == 0 and shown != self.wanted:
            return f"status 0 without the payload's output: {run.err!r}"
        if run.rc and not ("CapEff" in run.out or len(run.err.strip().splitlines()) == 1
                           and ": " in run.err):
            return f"status {run.rc} with the message {run.err!r}"
        return None

    def inject(self, rule):
        run, process = strace(self.t, rule, self.argv)
        problem = self.judge(run)
        hit = hits(run.trace)[0]
        trouble = self.clear()
        if run.hung:
            process.kill()
            process.wait()
            leaks.sweep(self.t)
        if hit or run.hung:
            self.hits += 1
            self.problems += [f"{rule}: {what}" for what in (problem, trouble) if what]
        return run

    def sample(self, names, errors, count, seed=1):
        """inject errors into `count` of the points of these names (None: all of them)"""
        todo = [(name, k, error) for name, k in points(self.trace) if not names or name in names
                for error in errors]
        chosen = todo if count is None else random.Random(seed).sample(todo, min(count, len(todo)))
        for name, k, error in chosen:
            self.inject(f"{name}:error={error}:when={k}")

    def done(self, least):
        self.t.true(self.hits >= least, f"only {self.hits} failures took place")
        all_or_failure(self.problems)


def exists(t, ident):
    return os.path.exists(f"{t.root}/{ident}")
