"""Completion in the real shells: bash and zsh on a terminal, fish by its own `complete -C`."""
import fcntl
import os
import pty
import re
import select
import subprocess
import termios
import time

import kernel
from harness import SLOW, needs


def scripts(t):
    """the directory of the generated scripts, beside the program"""
    path = os.path.join(os.path.dirname(t.binary), "contrib/completions")
    if not os.path.exists(path + "/_skiff"):
        t.skip("the completions are not here")
    return path


def environment(t):
    """skiff is the program under test, and no start-up file of the machine is read"""
    os.makedirs(t.path("bin"), exist_ok=True)
    if not os.path.exists(t.path("bin/skiff")):
        os.symlink(t.binary, t.path("bin/skiff"))
    os.makedirs(t.path("home"), exist_ok=True)
    return {"PATH": f"{t.path('bin')}:{os.environ['PATH']}", "HOME": t.path("home"),
            "TERM": "dumb", "LC_ALL": "C.UTF-8", "XDG_CONFIG_HOME": t.path("home"),
            "XDG_DATA_HOME": t.path("home")}


class Shell:
    """an interactive shell on a terminal"""

    def __init__(self, t, *argv):
        self.t = t
        master, slave = pty.openpty()

        def own_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave,
                                        env=environment(t), cwd=t.dir, preexec_fn=own_terminal)
        os.close(slave)
        self.master = master

    def send(self, text):
        os.write(self.master, text.encode())

    def read_until(self, pattern, seconds=10):
        text, end = "", time.monotonic() + seconds * SLOW
        while not re.search(pattern, text):
            left = end - time.monotonic()
            self.t.true(left > 0, f"{pattern!r} is not in {text!r}")
            if select.select([self.master], [], [], max(left, 0))[0]:
                text += os.read(self.master, 65536).decode(errors="replace")
        return text

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def typed(shell, line, pattern, after=""):
    """what the shell shows after the line and TAB; the line is erased then"""
    shell.send(line + "\t\t" + after)
    text = shell.read_until(pattern)
    shell.send("\x15echo cl''ean\n")
    shell.read_until("clean\r+\n")
    return text


def bash_words(t, *words):
    """COMPREPLY for the words of a line, of which the last one is being written"""
    code = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _skiff; '
            'printf "%s\\n" "${COMPREPLY[@]}"')
    result = t.command("bash", "--norc", "-c", code, "bash", scripts(t) + "/skiff.bash", "skiff",
                       *words, env=environment(t), cwd=t.dir)
    t.equal((result.rc, result.err), (0, ""), str(words))
    return result.out.split()


def fish_words(t, line):
    result = t.command("fish", "--no-config", "-c",
                       f"source {scripts(t)}/skiff.fish; complete -C '{line}'",
                       env=environment(t), cwd=t.dir)
    t.equal((result.rc, result.err), (0, ""), line)
    return [found.split("\t")[0] for found in result.out.splitlines()]


def options(t, *command):
    """the long options that help shows"""
    return {"--" + name for name in re.findall(r"^  (?:-., |    )--([\w-]+)",
                                               t.command(t.binary, *command, "--help").out, re.M)}


def commands(t):
    text = t.command(t.binary, "--help").out.partition("\nCommands:\n")[2]
    return set(re.findall("^  ([a-z]+)", text, re.M))


@needs("cmd:bash")
def test_bash(t):
    """commands, options of each command, words, files, directories and signals"""
    os.makedirs(t.path("bundles/one"))
    with open(t.path("bundles/file"), "w", encoding="utf-8"):
        pass
    t.equal(set(bash_words(t, "")), commands(t))
    t.equal(set(bash_words(t, "--")), options(t))
    for name in commands(t):
        t.equal(set(bash_words(t, name, "--")), options(t, name), name)
    t.equal(set(bash_words(t, "list", "-")) - options(t, "list"), {"-f", "-q", "-h"})
    t.equal(bash_words(t, "mounts", ""), ["add", "remove"])
    t.equal(bash_words(t, "mounts", "add", "web", "bundles/f"), ["bundles/file"])
    t.equal(bash_words(t, "update", "-r", "bundles/f"), ["bundles/file"])
    t.equal(bash_words(t, "--cgroup-manager", "s"), ["systemd"])
    t.equal(bash_words(t, "--rootless", "a"), ["auto"])
    for words in (("exec", "web", "-"), ("exec", "web", "ls", "--user"), ("ps", "web", "-"),
                  ("run", "--bundle", "bundles/one", "we"), ("events", "--interval", "")):
        t.equal(bash_words(t, *words), [], str(words))
    t.equal(bash_words(t, "--log-format", ""), ["text", "json"])
    t.equal(bash_words(t, "--log-format", "=", "j"), ["json"])
    t.equal(bash_words(t, "--log-format", "="), ["text", "json"])
    t.equal(bash_words(t, "list", "-f", ""), ["table", "json"])
    t.equal(bash_words(t, "--rootless", "=", "true", "create", "--bundle", "bundles/"), ["bundles/one"])
    t.equal(bash_words(t, "check", "bundles/"), ["bundles/one"])
    t.equal(set(bash_words(t, "run", "-f", "bundles/")), {"bundles/one", "bundles/file"})
    t.equal(bash_words(t, "run", ""), [], "a new id")
    t.equal(bash_words(t, "kill", "web", "HU"), ["HUP"])
    t.equal(bash_words(t, "help", "stat"), ["state"])


@needs("root", "cmd:bash")
def test_bash_ids(t):
    """ids of the state directory that the line names"""
    c = t.sleeper()
    for words in (("--root", t.root, "exec", ""), ("--root", "=", t.root, "exec", ""),
                  ("--root", t.root, "exec", "--user", "0", ":", "0", ""), ("--root", t.root, "kill", c.id[:2]),
                  ("--debug", "--root", t.root, "mounts", "add", ""),
                  ("--rootless", "=", "auto", "--root", t.root, "events", "--stats", "")):
        t.equal(bash_words(t, *words), [c.id], str(words))
    t.equal(bash_words(t, "--root", t.path("other"), "exec", ""), [])


@needs("root", "cmd:bash")
def test_bash_on_a_terminal(t):
    """readline's own way of taking a line apart"""
    c = t.sleeper()
    shell = Shell(t, "bash", "--norc", "--noprofile", "-i")
    try:
        shell.send(f"source {scripts(t)}/skiff.bash; bind 'set bell-style none'; echo re''ady\n")
        shell.read_until("ready\r\n")
        typed(shell, "skiff fea", "skiff features ")
        typed(shell, "skiff --log-format=js", "--log-format=json ")
        typed(shell, f"skiff --root={t.root} state sk", f"state {c.id} ")
        typed(shell, f"skiff --root {t.root} kill {c.id} SEG", "SEGV ")
    finally:
        shell.close()


@needs("root", "cmd:zsh")
def test_zsh(t):
    """commands, options, words, signals, ids and directories, as zsh shows them"""
    c = t.sleeper()
    os.makedirs(t.path("bundles/only"))
    with open(t.path("bundles/file"), "w", encoding="utf-8"):
        pass
    shell = Shell(t, "zsh", "-f", "-i")
    try:
        shell.send(f"fpath=({scripts(t)} $fpath); autoload -U compinit; compinit -u -D; "
                   "unsetopt beep zle_bracketed_paste; setopt no_list_ambiguous; PS1='> '; "
                   "echo re''ady\n")
        shell.read_until("ready\r\n")
        typed(shell, "skiff fea", "skiff features")
        typed(shell, "skiff kill --a", "--all")
        typed(shell, "skiff --log-format=js", "--log-format=json")
        typed(shell, "skiff list --format ta", "--format table")
        typed(shell, f"skiff --root {t.root} state sk", f"state {c.id}")
        typed(shell, f"skiff --root={t.root} exec sk", f"exec {c.id}")
        typed(shell, f"skiff --root {t.root} mounts rem", "mounts remove")
        typed(shell, f"skiff --root {t.root} mounts add sk", f"add {c.id}")
        typed(shell, f"skiff --root {t.root} ps --format table sk", f"table {c.id}")
        typed(shell, "skiff --cgroup-manager sys", "manager systemd")
        typed(shell, "skiff kill x SEG", "SEGV")
        typed(shell, "skiff update -r bundles/on", "bundles/only")
        typed(shell, "skiff check bundles/", "bundles/only")
        typed(shell, "skiff help feat", "help features")
        typed(shell, "skiff exec x --us", "--us END", " END")
        text = typed(shell, "skiff run --", "(?s)--bundle.*--trace")
        t.contains(text, "Directory of the bundle", "help of options")
        typed(shell, "skiff sta", "(?s)start.*state|state.*start")
    finally:
        shell.close()


@needs("root", "cmd:fish")
def test_fish(t):
    """commands, options, words, signals, ids, files and directories, as fish would offer them"""
    c = t.sleeper()
    os.makedirs(t.path("bundles/one"))
    with open(t.path("bundles/file"), "w", encoding="utf-8"):
        pass
    t.equal(set(fish_words(t, "skiff ")), commands(t))
    t.equal(set(fish_words(t, "skiff --")), options(t))
    for name in sorted(commands(t)):
        t.equal(set(fish_words(t, f"skiff {name} --")), options(t, name), name)
    t.equal(sorted(fish_words(t, "skiff --log-format ")), ["json", "text"])
    t.equal(fish_words(t, "skiff list --format=js"), ["--format=json"])
    for line in (f"skiff --root {t.root} exec ", f"skiff --root={t.root} exec ",
                 f"skiff --root {t.root} exec --user 0 ", f"skiff --root {t.root} kill sk",
                 f"skiff --rootless=auto --root {t.root} mounts add ",
                 f"skiff --root {t.root} events --stats "):
        t.equal(fish_words(t, line), [c.id], line)
    t.equal(fish_words(t, "skiff kill web HU"), ["HUP"])
    t.equal(fish_words(t, "skiff check bundles/"), ["bundles/one/"])
    t.equal(fish_words(t, "skiff create --bundle bundles/"), ["bundles/one/"])
    t.equal(sorted(fish_words(t, "skiff run -f bundles/")), ["bundles/file", "bundles/one/"])
    t.equal(fish_words(t, "skiff help stat"), ["state"])
    t.equal(fish_words(t, "skiff mounts "), ["add", "remove"])
    t.equal(fish_words(t, "skiff mounts add web bundles/f"), ["bundles/file"])
    t.equal(fish_words(t, "skiff --rootless a"), ["auto"])
    t.equal(fish_words(t, "skiff --cgroup-manager sy"), ["systemd"])
    t.equal(fish_words(t, "skiff update -r bundles/f"), ["bundles/file"])
    for line in ("skiff exec web -", "skiff exec web ls --user ", "skiff ps web --",
                 "skiff run --bundle bundles/one we", "skiff events --interval "):
        t.equal(fish_words(t, line), [], line)
    t.equal(fish_words(t, "skiff --debug run "), [], "a new id")


@needs("cmd:bash")
def test_scripts_parse(t):
    """each shell that is here reads its script without a word"""
    for shell, name, check in (("bash", "skiff.bash", ("-n",)), ("zsh", "_skiff", ("-n",)),
                                  ("fish", "skiff.fish", ("--no-execute",))):
        if t.command("sh", "-c", f"command -v {shell}").rc:
            continue
        result = t.command(shell, *check, f"{scripts(t)}/{name}")
        t.equal((result.rc, result.out, result.err), (0, "", ""), shell)
    t.true("skiff" in kernel.read(scripts(t) + "/skiff.bash"), "the script")
