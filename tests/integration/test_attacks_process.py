"""Who a process is: user, groups and capabilities are exactly those of the config and of exec's
options, and never more."""
import json
import os
import re
import struct

import kernel
from attack import all_or_failure, verdict
from bundle import add_user_namespace

NUMBERS = {"CAP_CHOWN": 0, "CAP_KILL": 5, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13,
           "CAP_SYS_CHROOT": 18}
SETS = ("bounding", "effective", "permitted", "inheritable", "ambient")
SHORT = dict(zip(SETS, ("bnd", "eff", "prm", "inh", "amb")))


def mask(names):
    return sum(1 << NUMBERS[name] for name in names)


def expected(sets, uid):
    """the sets after execve of a program without file capabilities (capabilities(7)); for root
    the permitted and effective sets come from bounding and inheritable, limited by
    no_new_privs to what is permitted already"""
    value = {name: mask(sets.get(name, ())) for name in SETS}
    kept = value["ambient"] & value["permitted"] & value["inheritable"]
    gained = (value["bounding"] | value["inheritable"]) & value["permitted"] if uid == 0 else kept
    return {"bnd": value["bounding"], "inh": value["inheritable"], "amb": kept,
            "prm": gained, "eff": gained}


def shown(text):
    lines = dict(line.split(":\t") for line in text.splitlines() if line.startswith("Cap"))
    return {name: int(lines["Cap" + name.capitalize()], 16) for name in SHORT.values()}


LIST = ["CAP_CHOWN", "CAP_KILL"]
CAPS = {
    "none": {},
    "list": {"bounding": LIST, "effective": LIST, "permitted": LIST},
    "bounding only": {"bounding": LIST},
    "inheritable": {"bounding": LIST, "effective": LIST, "permitted": LIST,
                    "inheritable": ["CAP_KILL"]},
    "ambient": {"bounding": LIST, "effective": LIST, "permitted": LIST,
                "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"]},
}


def caps_config(t, sets, uid, userns, *args):
    config = t.config(*args)
    config["process"]["user"] = {"uid": uid, "gid": uid}
    config["process"]["capabilities"] = sets
    if userns:
        add_user_namespace(config)
    return config


def test_capabilities_of_run(t):
    """five sets for root and another user, with and without a user namespace (CVE-2022-27650:
    the inheritable set is the config's)"""
    problems = []
    for name, sets in CAPS.items():
        for uid in (0, 1000):
            for userns in (False, True):
                result = t.run(caps_config(t, sets, uid, userns, "/bin/cat", "/proc/self/status"))
                found = shown(result.out) if result.rc == 0 else result.err
                if found != expected(sets, uid):
                    problems.append(f"{name}, uid {uid}, user namespace {userns}: {found}, "
                                    f"expected {expected(sets, uid)}")
    all_or_failure(problems)


def test_capabilities_of_exec(t):
    """the same sets for exec, and --cap adds to bounding, effective and permitted only
    (CVE-2022-29162)"""
    problems = []
    for name, sets in CAPS.items():
        for userns in (False, True):
            c = t.sleeper(caps_config(t, sets, 0, userns))
            for uid in (0, 1000):
                for extra in ((), ("CAP_NET_ADMIN",), ("CAP_NET_ADMIN", "CAP_SYS_CHROOT")):
                    options = [word for cap in extra for word in ("--cap", cap)]
                    result = t.skiff("exec", "--user", str(uid), *options, c.id, "cat",
                                     "/proc/self/status")
                    more = {key: [*sets.get(key, ()), *extra * (SETS.index(key) < 3)]
                            for key in SETS}
                    found = shown(result.out) if result.rc == 0 else result.err
                    if found != expected(more, uid):
                        problems.append(f"{name}, uid {uid}, user namespace {userns}, {extra}: "
                                        f"{found}, expected {expected(more, uid)}")
            c.delete("--force")
    all_or_failure(problems)


def test_file_capabilities(t):
    """a program with cap_net_raw in its inheritable file capabilities gains nothing, unless the
    config lists it (CVE-2022-24769)"""
    rootfs = t.rootfs()
    attribute = struct.pack("<5I", 0x02000001, 0, 1 << NUMBERS["CAP_NET_RAW"], 0, 0)
    os.setxattr(f"{rootfs}/bin/busybox", "security.capability", attribute)

    def effective(inheritable):
        sets = {name: [*LIST, "CAP_NET_RAW"] for name in SETS[:3]}
        sets["inheritable"] = inheritable
        config = caps_config(t, sets, 1000, False, "/bin/busybox", "cat", "/proc/self/status")
        config["process"]["noNewPrivileges"] = False
        return shown(t.run(config, rootfs=rootfs).out)["eff"]
    t.equal(effective(["CAP_NET_RAW"]), 1 << NUMBERS["CAP_NET_RAW"], "twin: it is listed")
    t.equal(effective([]), 0, "effective capabilities")


def test_supplementary_groups(t):
    """the caller's groups are not the container's: it has additionalGids and nothing else
    (CVE-2022-36109)"""
    os.setgroups([4, 27, 998])
    for gids in ([], [10, 20, 4000000000]):
        config = t.config()
        config["process"]["user"] = {"uid": 1000, "gid": 1000, "additionalGids": gids}
        c = t.sleeper(config)
        t.equal(kernel.status(c.pid)["Groups"].split(), [str(g) for g in gids], "of run")
        found = re.search("^Groups:(.*)$", c.exec("cat", "/proc/self/status").out, re.M)
        t.equal(found.group(1).split(), [str(g) for g in gids], "of exec")


def test_user_ids_of_the_config(t):
    """odd user ids are refused or mean themselves, never root"""
    problems = []
    for text, meaning in (("1000", 1000), ("-1", None), ("2147483648", 2147483648),
                          ("4294967294", 4294967294), ("4294967295", None),
                          ("4294967296", None), ("4294967297", None), ("1e3", 1000),
                          ("1.0", 1), ("\"0x0\"", None), ("\"0\"", None), ("\"+0\"", None),
                          ("\" 1\"", None), ("1e-400", None), ("0.5", None), ("[1]", None),
                          ("18446744073709551616", None), ("18446744073709551617", None)):
        for key in ("uid", "gid"):
            config = t.config("/bin/sh", "-c", "id -u; id -g")
            config["process"]["user"] = {"uid": 7, "gid": 7, key: "ODD"}
            odd = json.dumps(dict(config, root={"path": t.shared_rootfs, "readonly": True}))
            result = t.run(odd.replace('"ODD"', text))
            want = {"uid": "7", "gid": "7", key: str(meaning)}
            good = result.rc == 0 and result.out.split() == [want["uid"], want["gid"]]
            if not (good or (result.rc > 0 and not result.out)):
                problems.append(f"{key} {text}: {result.rc} {result.out!r}")
            if text == "1000" and not good:
                problems.append(f"twin: {result}")
    all_or_failure(problems)


# what exec --user may make of a word: (uid, gid); None is a refusal.  5:6 is the container's.
USERS = {
    "1": (1, 6), "0": (0, 6), "1:2": (1, 2), "0:0": (0, 0), "1000:1000": (1000, 1000),
    "2147483647": (2147483647, 6), "2147483648": (2147483648, 6),
    "4294967294": (4294967294, 6), "1:4294967294": (1, 4294967294),
    "4294967295": None, "1:4294967295": None, "4294967296": None, "4294967297": None,
    "1:4294967296": None, "18446744073709551616": None, "18446744073709551617": None,
    "99999999999999999999": None, "1:99999999999999999999": None,
    "-1": None, "1:-1": None, "-0": None, "+1": None, "+0": None, "1:+2": None,
    "1:": None, ":1": None, ":": None, "::": None, "1:2:3": None, "1::2": None, "1:2:": None,
    "1x": None, "x1": None, "x": None, "1:x": None, "1:2x": None, "0x0": None, "0x1": None,
    "1e3": None, "1.0": None, "0.5": None, "1,2": None, "1;2": None, "1 2": None, "1\t": None,
    " 1": None, "1 ": None, "1: 2": None, "1 :2": None, " ": None, "\n": None, "1\n": None,
    "1:2\n": None, "root": None, "root:root": None, "user": None, "0:root": None,
    "1/2": None, "1-2": None, "#1": None, "\u0661": None, "\u00b2": None, "nan": None,
}
LENIENT = {"01": (1, 6), "00": (0, 6), "1:02": (1, 2), "": (5, 6)}  # this, or refused


def test_user_of_exec(t):
    """exec --user takes UID or UID:GID in plain digits and nothing else (CVE-2026-30892)"""
    config = t.config()
    config["process"]["user"] = {"uid": 5, "gid": 6}
    c = t.sleeper(config)
    problems = []
    for word, want in (USERS | LENIENT).items():
        result = t.skiff("exec", f"--user={word}", c.id, "sh", "-c", "id -u; id -g")
        found = tuple(int(n) for n in result.out.split()) if result.rc == 0 else None
        if found != want and not (found is None and word in LENIENT):
            problems.append(f"{word!r}: {found}, expected {want}")
        if result.rc and (len(result.err.strip().splitlines()) != 1 or result.rc != 255):
            problems.append(f"{word!r}: status {result.rc}, {result.err!r}")
    all_or_failure(problems)


def harmless_device(t):
    """a rule for a device of this host that opens without further rights, and that no runtime
    allows by itself"""
    for name in ("loop-control", "cpu_dma_latency", "fuse", "hwrng", "userfaultfd", "vhost-net",
                 "rtc0", "ttyS0", "kmsg"):
        try:
            fd = os.open(f"/dev/{name}", os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:
            continue
        number = os.fstat(fd).st_rdev
        os.close(fd)
        return {"allow": True, "type": "c", "major": os.major(number),
                "minor": os.minor(number), "access": "rwm"}
    return t.skip("no suitable device")


def open_device(t, device, devices):
    """make and open the device under these rules"""
    config = t.config("/bin/sh", "-c", f"mknod /mnt/k c {device['major']} {device['minor']};"
                      "(true 3</mnt/k) && echo open; true")
    config["mounts"].append({"destination": "/mnt", "type": "tmpfs", "source": "tmpfs"})
    for name in ("bounding", "effective", "permitted"):
        config["process"]["capabilities"][name] += ["CAP_MKNOD", "CAP_DAC_OVERRIDE"]
    if devices is None:
        del config["linux"]["resources"]
    elif devices == "empty":
        config["linux"]["resources"] = {}
    else:
        config["linux"]["resources"]["devices"] = devices
    result = t.run(config)
    return "open" in result.out if verdict(t, result) else "refused"


def test_devices_are_denied_by_default(t):
    """no rules, an empty list and a list that only allows do not open all devices
    (GHSA-g54h-m393-cpwq)"""
    device = harmless_device(t)
    t.equal(open_device(t, device, [device]), True, "twin: the device is allowed")
    for devices in (None, "empty", [], [dict(device, minor=3)], [dict(device, access="m")],
                    [{"allow": False, "access": "rwm"}], [device, dict(device, allow=False)]):
        t.note(str(devices))
        t.equal(open_device(t, device, devices), False, "the device can be opened")


def test_all_devices_when_asked_for(t):
    """twin of the default: a rule for all devices allows all"""
    everything = [{"allow": True, "access": "rwm"}]
    t.equal(open_device(t, harmless_device(t), everything), True, "it can be opened")
