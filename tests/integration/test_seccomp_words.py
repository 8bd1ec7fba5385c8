"""linux.seccomp: each action as the default, flags, and what a filter of the caller's leaves."""
import json
import os

import inside
import kernel
from harness import needs

HERE = os.path.dirname(os.path.abspath(__file__))
ENGINE = os.path.join(HERE, "../bench/bundle-b.json")
MKDIR = ("mkdir", "mkdirat")


def all_but_mkdir(t, action, **more):
    """a profile with this default that allows what an engine's does, but not to make directories"""
    with open(ENGINE, encoding="utf-8") as f:
        listed = json.load(f)["linux"]["seccomp"]
    names = {name for rule in listed["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW"
             for name in rule["names"]} - set(MKDIR)
    config = inside.add_tmpfs(t.config(), "/mnt")
    config["linux"]["seccomp"] = {
        "defaultAction": action, "architectures": listed["architectures"],
        "syscalls": [{"names": sorted(names), "action": "SCMP_ACT_ALLOW"}], **more}
    return config


# default action, what the profile has besides, mkdir's status, the directories, words of stderr
DEFAULTS = [
    ("SCMP_ACT_ALLOW", {}, 0, "x", ""),
    ("SCMP_ACT_LOG", {}, 0, "x", ""),
    ("SCMP_ACT_ERRNO", {}, 1, "", "not permitted"),
    ("SCMP_ACT_ERRNO", {"defaultErrnoRet": 95}, 1, "", "not supported"),
    ("SCMP_ACT_ERRNO", {"defaultErrnoRet": 38}, 1, "", "not implemented"),
    ("SCMP_ACT_TRACE", {}, 1, "", "not implemented"),
    ("SCMP_ACT_KILL", {}, 128 + 31, "", ""),
    ("SCMP_ACT_KILL_THREAD", {}, 128 + 31, "", ""),
    ("SCMP_ACT_KILL_PROCESS", {}, 128 + 31, "", ""),
    ("SCMP_ACT_TRAP", {}, 128 + 31, "", ""),
]


@needs("root")
def test_default_action(t):
    """what no rule names gets the default: each action, with defaultErrnoRet"""
    for action, more, status, names, words in DEFAULTS:
        t.note((action, more))
        result = t.sh("mkdir /mnt/x; echo $?; ls /mnt", all_but_mkdir(t, action, **more))
        t.equal(result.out.split(), [str(status), *names.split()], result.err)
        t.contains(result.err, words)


@needs("root", "cmd:strace", "native")
def test_flags(t):
    """each flag is given to seccomp(2) as it is, but TSYNC, which means nothing for init's one
    thread; no flag that was not asked for"""
    for flags in ([], ["LOG"], ["SPEC_ALLOW"], ["TSYNC"], ["LOG", "SPEC_ALLOW"]):
        t.note(flags)
        config = all_but_mkdir(t, "SCMP_ACT_ALLOW",
                               flags=[f"SECCOMP_FILTER_FLAG_{flag}" for flag in flags])
        out = t.path("trace")
        result = t.command("strace", "-f", "-o", out, "-e", "trace=seccomp", t.binary, "--root",
                           t.root, "run", "--bundle", t.bundle(config), t.new_id())
        t.equal(result.rc, 0, result.err)
        calls = [line for line in inside.lines(out) if "SECCOMP_SET_MODE_FILTER" in line]
        t.equal(len(calls), 1, f"{calls}")
        found = set(calls[0].split("FILTER, ", 1)[1].split(", ")[0].split("|")) - {"0"}
        t.equal(found, {f"SECCOMP_FILTER_FLAG_{flag}" for flag in flags if flag != "TSYNC"})


@needs("root")
def test_speculation(t):
    """SPEC_ALLOW leaves the processor's speculation as it is for the caller"""
    field = "Speculation_Store_Bypass"
    if field not in kernel.status("self"):
        t.skip("the kernel does not tell")
    config = all_but_mkdir(t, "SCMP_ACT_ALLOW", flags=["SECCOMP_FILTER_FLAG_SPEC_ALLOW"])
    t.equal(kernel.status(t.sleeper(config).pid)[field], kernel.status("self")[field])
