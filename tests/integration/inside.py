"""What tests put into a container: further mounts, a directory shared with the test, the host's
python3 for payloads that need system calls of their own."""
import glob
import os
import stat

import kernel

CAPABILITIES = (
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE "
    "NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO "
    "SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME "
    "SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG "
    "WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE").split()


def capability_mask(*names):
    """the number that /proc/PID/status shows for a set of capabilities"""
    return sum(1 << CAPABILITIES.index(name.removeprefix("CAP_")) for name in names)


def set_capabilities(config, *names, sets=("bounding", "effective", "permitted")):
    """replace the config's capabilities by these, in these sets"""
    config["process"]["capabilities"] = {which: [f"CAP_{name}" for name in names]
                                         for which in sets}
    return config


def add_mount(config, destination, fstype, source=None, options=()):
    config["mounts"].append({"destination": destination, "type": fstype,
                             "source": str(source or fstype), "options": list(options)})
    return config


def add_tmpfs(config, destination, *options):
    return add_mount(config, destination, "tmpfs", "tmpfs", options)


def add_bind(config, source, destination, *options):
    return add_mount(config, destination, "none", source, options or ("rbind", "rprivate"))


def share(t, config, destination="/mnt"):
    """bind a new directory, which anybody may write to, into the container; returns its path"""
    t.counter += 1
    path = t.path(f"share-{t.counter}")
    os.mkdir(path)
    os.chmod(path, 0o777)
    add_bind(config, path, destination)
    return path


def script(path, text):
    """write an executable shell script and return its path"""
    with open(path, "w", encoding="utf-8") as f:
        f.write("#!/bin/sh\n" + text)
    os.chmod(path, 0o755)
    return path


def python_args(code, *args):
    """the argument list of a python3 below /usr, wherever its libraries are"""
    loader = os.path.realpath((glob.glob("/lib64/ld-linux-*") + glob.glob("/lib/ld-linux-*"))[0])
    libraries = ":".join(glob.glob("/usr/lib/*-linux-gnu"))
    return [loader.replace("/lib/", "/usr/lib/", 1) if loader.startswith("/lib/") else loader,
            "--library-path", libraries, "/usr/bin/python3", "-I", "-S", "-c", code, *args]


def set_python(config, code, *args):
    """let the payload be the host's python3, running code"""
    add_bind(config, "/usr", "/usr", "rbind", "ro", "rprivate")
    config["process"]["args"] = python_args(code, *args)
    return config


def leaking(path, *numbers):
    """the beginning of a command that has these descriptors open, on the file at path"""
    opens = " ".join(f'{n}<>"$0"' for n in numbers)
    return ["bash", "-c", f'exec {opens}; exec "$@"', path]


def root_path(pid, path):
    """a path of the container as this test can open it; symbolic links lead outside, beware"""
    return f"/proc/{pid}/root{path}"


def node(pid, path):
    """(type letter, major, minor, mode, uid, gid) of a device node in the container"""
    st = os.lstat(root_path(pid, path))
    return (stat.filemode(st.st_mode)[0], os.major(st.st_rdev), os.minor(st.st_rdev),
            stat.S_IMODE(st.st_mode), st.st_uid, st.st_gid)


def lines(path):
    """the lines of a file that the container writes; none while it is missing"""
    try:
        return kernel.read(path).splitlines()
    except FileNotFoundError:
        return []
