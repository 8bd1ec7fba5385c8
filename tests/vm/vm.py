#!/usr/bin/python3
"""vm.py [options] DIR CMD

Boot a Debian machine (pure cgroup v2, systemd as PID 1) under qemu's software emulation with a
copy of the host directory DIR at /mnt/work, run CMD there (bash, no terminal, stdin
/dev/null), stream its output, return its exit status.  Nothing is ever written to the base
image or to DIR; what CMD leaves in /mnt/out comes back under the -o directory.

The first run with a given kernel and machine shape boots cold (about a minute) and saves the
booted machine; later runs resume it in two to three seconds.  Several can run at once.

exit status: CMD's; 124 time limit; 125 the machine failed (its console is shown)."""
import argparse
import base64
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import machine
from machine import CACHE, blank, die

MARK = b"\n\x01\x02VM-EXIT "


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("-k", "--kernel", default="bookworm-security",
        help="a folder of $VM_CACHE/k: bookworm-security, sid")
    add("-u", "--user", default="root", help="root, or user (uid 1000, lingering, subuids)")
    add("-m", "--mode", default="session", choices=["session", "scope", "service"],
        help="session: a login session's scope; scope: a delegated scope (systemd-run --scope "
             "-p Delegate=yes, --user for user); service: system.slice/vm-agent.service")
    add("-e", "--env", action="append", default=[], metavar="NAME=VALUE")
    add("-o", "--out", help="where /mnt/out is unpacked")
    add("-t", "--timeout", type=float, default=600, help="seconds (600)")
    add("-v", "--verbose", action="store_true", help="times on stderr")
    add("--console", action="store_true", help="show the machine's console at the end")
    add("--append", default="", help="more kernel arguments (a saved machine of its own)")
    add("--cpu", default="max,la57=off")
    add("--smp", type=int, default=2)
    add("--mem", type=int, default=3072, help="MiB")
    add("--disk", type=int, default=4 << 30)
    add("--settle", type=float, default=3, help="seconds between boot and saving")
    add("--save", action="store_true", help="only make the saved machine")
    add("dir", nargs="?")
    add("cmd", nargs="*")
    options = parser.parse_args()
    if not options.save and not (options.dir and options.cmd):
        parser.error("DIR and CMD wanted")
    return options


def make_disks(options, run, state):
    """work.img with DIR on it, result.img to come back, a root of its own"""
    blank(f"{run}/work.img", options.disk)
    blank(f"{run}/result.img", options.disk)
    files = sum(len(names) + len(dirs) for _, dirs, names in os.walk(options.dir))
    made = subprocess.run(
        ["mke2fs", "-q", "-t", "ext4",
         "-O", "^has_journal,^metadata_csum,^resize_inode,^uninit_bg",
         "-E", "assume_storage_prezeroed=1,nodiscard", "-m", "0", "-N", str(files + 20000),
         "-d", options.dir, f"{run}/work.img"], capture_output=True, text=True)
    if made.returncode:
        die("mke2fs: " + made.stderr)
    machine.overlay(f"{run}/root.qcow2", f"{state}/root.qcow2", "qcow2")


def script(options):
    """what the agent runs"""
    lines = ["export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
             "export LC_ALL=C.UTF-8",
             "bus=${XDG_RUNTIME_DIR:-/run/user/$UID}/bus",
             "export DBUS_SESSION_BUS_ADDRESS=unix:path=$bus"]
    for entry in options.env:
        name, value = entry.split("=", 1)
        lines.append(f"export {name}={shlex.quote(value)}")
    return "\n".join(lines + ["cd /mnt/work", " ".join(options.cmd)]) + "\n"


class Output:
    """passes the command's output on, until the mark with the exit status comes"""

    def __init__(self):
        self.held, self.status = b"", None

    def feed(self, data):
        self.held += data
        at = self.held.find(MARK)
        if at >= 0 and b"\n" in self.held[at + len(MARK):]:
            self.status = int(self.held[at + len(MARK):].split(b"\n")[0])
            self.pass_on(at)
        elif at < 0:
            self.pass_on(len(self.held) - self.begun_mark())

    def begun_mark(self):
        """how much of the end may be the start of the mark"""
        longest = min(len(MARK) - 1, len(self.held))
        return next((n for n in range(longest, 0, -1) if MARK.startswith(self.held[-n:])), 0)

    def pass_on(self, size):
        sys.stdout.buffer.write(self.held[:size])
        sys.stdout.buffer.flush()
        self.held = self.held[size:]


def converse(options, vm):
    """send the command, stream its output, return its status"""
    code = base64.b64encode(script(options).encode()).decode()
    vm.say(f"RUN {int(time.time())} {options.user} {options.mode} {code}")
    output, end = Output(), time.monotonic() + options.timeout
    while output.status is None:
        left = end - time.monotonic()
        if left <= 0:
            output.pass_on(len(output.held))
            print(f"vm: time limit of {options.timeout:g} s", file=sys.stderr)
            return 124
        if vm.poll([vm.out], min(left, 0.5)):
            data = vm.read(vm.out)
            output.feed(data)
            if data:
                continue
            time.sleep(0.01)  # nobody has the pipe open
        if not vm.alive():
            output.pass_on(len(output.held))
            vm.blame()
            die("the machine ended before the command did")
    while vm.line(120) not in (None, "DONE"):
        pass
    return output.status


def fetch_result(options, run):
    os.makedirs(options.out, exist_ok=True)
    with open(f"{run}/result.img", "rb") as f:
        if f.read(512).strip(b"\0"):
            subprocess.run(["tar", "-xf", f.name, "-C", options.out], check=True)


def run_once(options, run):
    begin = time.monotonic()
    state = machine.saved_state(options)
    make_disks(options, run, state)
    vm = machine.Machine(options, run, f"{run}/root.qcow2", f"{state}/ram")
    try:
        status = converse(options, vm)
        vm.stop()
    finally:
        if vm.alive():
            vm.process.kill()
            vm.process.wait()
    if options.out and status != 124:
        fetch_result(options, run)
    if options.console:
        with open(f"{run}/console", "rb") as f:
            sys.stderr.write(f.read().decode("latin1"))
    if options.verbose:
        print(f"vm: {time.monotonic() - begin:.1f} s", file=sys.stderr)
    return status


def leave(signum, frame):
    sys.exit(128 + signum)


def main():
    options = parse()
    if not os.path.exists(f"{CACHE}/k/{options.kernel}/initrd") or \
            not os.path.exists(f"{CACHE}/conf.sum"):
        die(f"no machine for kernel {options.kernel} in {CACHE}: run vm-build.sh")
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
    if options.save:
        machine.saved_state(options)
        return 0
    run = tempfile.mkdtemp(prefix="vmrun.")
    try:
        return run_once(options, run)
    finally:
        shutil.rmtree(run, ignore_errors=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
