"""The kernel's side of a container: what /proc and /sys/fs/cgroup say about a process.

Tests look here and not at the runtime's own output, which could be wrong in the same way as
the runtime."""
import collections
import ctypes
import os
import platform
import re
import struct

Mount = collections.namedtuple(
    "Mount", "id parent root point options optional fstype source superopts")
Mount.__doc__ = "one line of mountinfo; options and superopts are lists, point is unescaped"

BPF_CALL = {"x86_64": 321}.get(platform.machine(), 280)
BPF_PROG_QUERY, BPF_CGROUP_DEVICE = 16, 6
NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        return f.read()


def status(pid):
    """/proc/PID/status as a dict: status(pid)["CapEff"] == "0000000000000000" """
    lines = (line.split(":", 1) for line in read(f"/proc/{pid}/status").splitlines())
    return {key: value.strip() for key, value in lines}


def capabilities(pid):
    """the five sets as numbers: {"inh": 0, "prm": .., "eff": .., "bnd": .., "amb": ..}"""
    fields = status(pid)
    return {name.lower(): int(fields["Cap" + name], 16)
            for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")}


def is_alive(pid):
    """whether the process exists and is no zombie"""
    try:
        return not status(pid)["State"].startswith(("Z", "X"))
    except (FileNotFoundError, ProcessLookupError):
        return False


def catches(pid, number):
    """whether the process has a handler for the signal"""
    return bool(int(status(pid)["SigCgt"], 16) >> (number - 1) & 1)


def limits(pid):
    """/proc/PID/limits: {"Max open files": ("1024", "1024"), ..}"""
    found = {}
    for line in read(f"/proc/{pid}/limits").splitlines()[1:]:
        name, soft, hard = re.match(r"(.{25}) (\S+) +(\S+)", line).groups()
        found[name.strip()] = (soft, hard)
    return found


def argv(pid):
    return read(f"/proc/{pid}/cmdline").split("\0")[:-1]


def has_executed(pid):
    """whether the last exec of the process is complete (or the process gone): who hears of it by
    the close of a descriptor is a little early, credentials and arguments come after that"""
    try:
        return bool(argv(pid)) or not is_alive(pid)
    except (FileNotFoundError, ProcessLookupError):
        return True


def environ(pid):
    entries = read(f"/proc/{pid}/environ").split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def namespace(pid, name):
    """an id that two processes share if they share the namespace: namespace(pid, "net")"""
    return os.readlink(f"/proc/{pid}/ns/{name}")


def namespaces(pid):
    return {name: namespace(pid, name) for name in NAMESPACES
            if os.path.exists(f"/proc/{pid}/ns/{name}")}


def own_namespaces(pid):
    """the names of the namespaces that the process does not share with this one"""
    ours = namespaces("self")
    return {name for name, ident in namespaces(pid).items() if ours[name] != ident}


def id_map(pid, which="uid"):
    """[(inside, outside, count), ..]"""
    lines = read(f"/proc/{pid}/{which}_map").splitlines()
    return [tuple(int(word) for word in line.split()) for line in lines]


def unescape(text):
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), text)


def mountinfo(pid="self"):
    """the mounts that the process sees, in order"""
    found = []
    for line in read(f"/proc/{pid}/mountinfo").splitlines():
        left, right = line.split(" - ", 1)
        words, more = left.split(" "), right.split(" ")
        found.append(Mount(int(words[0]), int(words[1]), unescape(words[3]),
                           unescape(words[4]), words[5].split(","), words[6:],
                           more[0], unescape(more[1]), more[-1].split(",")))
    return found


def mount_at(pid, point):
    """the topmost mount of the process at exactly `point`, or None"""
    found = [m for m in mountinfo(pid) if m.point == point]
    return found[-1] if found else None


def cgroup_mounts():
    """where each hierarchy is mounted here: {"": cgroup2's, "memory": "/sys/fs/cgroup/memory"}"""
    known = {line.split("\t")[0] for line in read("/proc/cgroups").splitlines()}
    found = {}
    for m in mountinfo():
        if m.fstype == "cgroup2":
            found[""] = m.point
        elif m.fstype == "cgroup":
            for name in m.superopts:
                if name in known or name.startswith("name="):
                    found[name] = m.point
    return found


def cgroup_dirs(pid):
    """the process's directory in each hierarchy that is mounted: {"": dir, "memory": dir}"""
    mounts, found = cgroup_mounts(), {}
    for line in read(f"/proc/{pid}/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            if name in mounts:
                found[name] = mounts[name] + path.rstrip("/")
    return found


def cgroup_value(pid, controller, v1_file, v2_file=None):
    """what the process's cgroup says: cgroup_value(pid, "pids", "pids.max") works on both
    versions; v2_file is the name there if it differs"""
    dirs = cgroup_dirs(pid)
    if controller in dirs:
        return read(f"{dirs[controller]}/{v1_file}").strip()
    return read(f"{dirs['']}/{v2_file or v1_file}").strip()


def device_programs(path):
    """how many BPF programs about devices are attached to a v2 cgroup itself"""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    attr = ctypes.create_string_buffer(struct.pack("IIIIQI", fd, BPF_CGROUP_DEVICE, 0, 0, 0, 0),
                                       64)
    result = ctypes.CDLL(None).syscall(BPF_CALL, BPF_PROG_QUERY, attr, 64)
    os.close(fd)
    return result if result < 0 else struct.unpack_from("I", attr, 24)[0]


def descendants(pid):
    """all processes below pid, by way of the threads' lists of children"""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in read(f"/proc/{pid}/task/{task}/children").split():
                found.append(int(child))
                found += descendants(int(child))
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found
