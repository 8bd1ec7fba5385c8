"""One emulated machine: its qemu process, the agent's port, the saved states."""
import ctypes
import fcntl
import hashlib
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

CACHE = os.environ.get("VM_CACHE") or os.path.expanduser("~/.cache/skiff-vm")
QEMU = os.environ.get("VM_QEMU", "qemu-system-x86_64")
DAY = 86400
PR_SET_PDEATHSIG = 1


def die(message, code=125):
    print("vm:", message, file=sys.stderr)
    sys.exit(code)


def blank(path, size):
    """a sparse disk"""
    with open(path, "wb") as f:
        f.truncate(size)


def overlay(path, base, fmt):
    """a disk that keeps its changes to itself"""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", fmt, path],
                   check=True)


def kernel_arguments(more):
    return ("console=ttyS0 root=/dev/vda rw quiet loglevel=4 panic=-1 mitigations=off nokaslr "
            "random.trust_cpu=on no_timer_check tsc=reliable nowatchdog psi=1 swapaccount=1 "
            "systemd.unified_cgroup_hierarchy=1 systemd.show_status=0 " + more).strip()


def drive(name, path, fmt):
    return ["-drive", f"if=none,id={name},file={path},format={fmt},cache=unsafe,discard=unmap",
            "-device", f"virtio-blk-pci,drive={name},serial={name}"]


def arguments(shape, run, root, saved=None):
    """qemu's command line.  `shape` has kernel, append, cpu, smp, mem; `run` is the folder of
    this machine's pipes and disks; `saved` is the RAM file to resume from."""
    files = f"{CACHE}/k/{shape.kernel}"
    words = [
        QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-machine", "pc-i440fx-7.2,usb=off,hpet=off",
        "-accel", "tcg,thread=multi,tb-size=512",
        "-cpu", shape.cpu, "-smp", str(shape.smp), "-m", str(shape.mem),
        "-kernel", f"{files}/vmlinuz", "-initrd", f"{files}/initrd",
        "-append", kernel_arguments(shape.append),
        "-serial", f"file:{run}/console", "-device", "virtio-rng-pci",
        "-device", "virtio-serial-pci",
        "-chardev", f"pipe,id=ctl,path={run}/ctl",
        "-device", "virtserialport,chardev=ctl,name=ctl",
        "-chardev", f"file,id=out,path={run}/out",
        "-device", "virtserialport,chardev=out,name=out",
        "-chardev", f"pipe,id=mon,path={run}/mon", "-mon", "chardev=mon,mode=readline"]
    words += drive("root", root, "qcow2")
    words += drive("work", f"{run}/work.img", "raw")
    words += drive("result", f"{run}/result.img", "raw")
    return words + (["-incoming", f"exec:cat {saved}"] if saved else [])


class Machine:
    """a running qemu; `run` holds work.img and result.img"""

    def __init__(self, shape, run, root, saved=None):
        self.run = run
        for name in ("ctl.in", "ctl.out", "out", "mon.in", "mon.out"):
            os.mkfifo(f"{run}/{name}")
        # the ends for reading first, so that qemu's opens for writing do not block
        self.ctl, self.out, self.monitor_out = (
            os.open(f"{run}/{name}", os.O_RDONLY | os.O_NONBLOCK)
            for name in ("ctl.out", "out", "mon.out"))
        # O_RDWR: an end for writing of our own keeps qemu's input open
        self.ctl_in, self.monitor_in = (os.open(f"{run}/{name}", os.O_RDWR)
                                        for name in ("ctl.in", "mon.in"))
        self.pending = b""  # of the agent's lines
        libc = ctypes.CDLL(None)
        with open(f"{run}/qemu.err", "wb") as errors:
            self.process = subprocess.Popen(  # it dies with us, even by SIGKILL
                arguments(shape, run, root, saved), stdin=subprocess.DEVNULL, stdout=errors,
                stderr=errors, preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))

    def alive(self):
        return self.process.poll() is None

    def monitor(self, command):
        os.write(self.monitor_in, command.encode() + b"\n")

    def say(self, line):
        """a line for the agent"""
        os.write(self.ctl_in, line.encode() + b"\n")

    def read(self, fd):
        try:
            return os.read(fd, 1 << 18)
        except BlockingIOError:
            return b""

    def poll(self, fds, seconds):
        """wait for something to read; those of `fds` that have it.  What the monitor says is
        dropped, what the agent says is kept."""
        ready, _, _ = select.select([*fds, self.ctl, self.monitor_out], [], [], seconds)
        if self.monitor_out in ready:
            self.read(self.monitor_out)
        if self.ctl in ready:
            self.pending += self.read(self.ctl)
        return [fd for fd in fds if fd in ready]

    def line(self, limit):
        """the agent's next line, or None"""
        end = time.monotonic() + limit
        while b"\n" not in self.pending:
            left = end - time.monotonic()
            if left <= 0 or not self.alive():
                return None
            self.poll([], min(left, 0.5))
        line, self.pending = self.pending.split(b"\n", 1)
        return line.decode("latin1").strip()

    def stop(self):
        if self.alive():
            self.monitor("quit")
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def blame(self):
        """show what qemu and the console said last"""
        for name in ("qemu.err", "console"):
            try:
                with open(f"{self.run}/{name}", "rb") as f:
                    text = f.read()[-6000:]
            except OSError:
                continue
            if text.strip():
                sys.stderr.write(f"--- {name}\n{text.decode('latin1')}\n")

    def wait_ready(self):
        line = self.line(600)
        if not line or not line.startswith("READY"):
            self.blame()
            self.stop()
            die("cold boot failed")
        return line


def state_folder(shape):
    """where the saved machine of this shape is, or is to be"""
    version = subprocess.run([QEMU, "--version"], capture_output=True, text=True, check=True)
    stamps = [os.stat(path).st_mtime_ns
              for path in (f"{CACHE}/root.img", f"{CACHE}/k/{shape.kernel}/initrd")]
    key = repr((version.stdout, shape.disk, stamps, arguments(shape, "RUN", "ROOT")))
    return f"{CACHE}/state/{shape.kernel}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"


def save(shape, folder):
    """boot cold, wait for the agent, save the machine into the folder"""
    begin = time.monotonic()
    new = folder + ".new"
    shutil.rmtree(new, ignore_errors=True)
    os.makedirs(new)
    overlay(f"{new}/root.qcow2", f"{CACHE}/root.img", "raw")
    with tempfile.TemporaryDirectory(prefix="vmsave.") as run:
        blank(f"{run}/work.img", shape.disk)
        blank(f"{run}/result.img", shape.disk)
        machine = Machine(shape, run, f"{new}/root.qcow2")
        try:
            line = machine.wait_ready()
            time.sleep(shape.settle)
            machine.monitor("migrate_set_parameter max-bandwidth 100G")
            machine.monitor(f'migrate "exec:cat > {new}/ram"')
            machine.monitor("quit")
            end = time.monotonic() + 120
            while machine.alive() and time.monotonic() < end:
                machine.line(0.2)
            if machine.alive():
                die("saving the machine failed")
        finally:
            machine.stop()
    with open(f"{new}/info", "w", encoding="utf-8") as f:
        f.write(line + "\n")
    os.rename(new, folder)
    print(f"vm: saved {shape.kernel} ({line}) in {time.monotonic() - begin:.0f} s",
          file=sys.stderr)


def forget_old(kernel):
    """remove day-old machines of earlier shapes"""
    for name in os.listdir(f"{CACHE}/state"):
        path = f"{CACHE}/state/{name}"
        if name.startswith(kernel + "-") and time.time() - os.stat(path).st_mtime > DAY:
            shutil.rmtree(path, ignore_errors=True)


def saved_state(shape):
    """the folder of the saved machine, made now if there is none"""
    folder = state_folder(shape)
    os.makedirs(f"{CACHE}/state", exist_ok=True)
    with open(f"{CACHE}/state.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(f"{folder}/info"):
            forget_old(shape.kernel)
            save(shape, folder)
    return folder
