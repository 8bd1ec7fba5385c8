"""The command line's contract, against runc, which engines write for: the same commands in the same
states succeed or fail alike, with the phrases that engines look for.  contrib/peers fetches runc;
without it these tests are skipped."""
import os

import harness
from harness import needs

RUNC = os.path.join(os.environ.get("SKIFF_CACHE", os.path.expanduser("~/.cache")),
                    "skiff-peers/runc")

# What each state is made by, and commands there; a word of runc's message that ours must have,
# too.
STATES = {
    "unknown": ((), [("state", "does not exist"), ("start", "does not exist"),
                     ("kill", "does not exist"), ("delete", "does not exist"),
                     ("exec", "does not exist"), ("delete --force", ""), ("pause", "does not exist")]),
    "created": (("create",), [("create", "already exists"), ("run", "already exists"),
                              ("kill ID NOSUCH", ""), ("exec", ""), ("state", ""),
                              ("delete", ""), ("delete", "does not exist")]),
    "running": (("create", "start"),
                [("start", "cannot start an already running container"),
                 ("exec ID false", ""), ("exec ID sh -c exit\\ 7", ""),
                 ("exec ID nosuch", "executable file not found in $PATH"),
                 ("exec ID /etc/passwd", "permission denied"), ("exec ID /etc", "is a directory"),
                 ("resume", "container not paused"), ("delete", "that is not stopped"),
                 ("create", "already exists"), ("state", "")]),
    "stopped": (("create", "start", "kill"),
                [("kill ID KILL", "container not running"), ("kill --all ID KILL", ""),
                 ("start", "cannot start a container that has stopped"),
                 ("exec", "cannot exec in a stopped container"), ("pause", "container not running"),
                 ("resume", "container not paused"), ("state", ""), ("delete", ""),
                 ("delete", "does not exist")]),
}
USAGE = ["state", "start", "create", "run", "kill", "delete", "start a b", "state --nosuch x",
         "list --format xml", "nosuchcommand"]


def words_of(command, ident):
    """"exec" alone means exec ID true; an id that is not written comes last"""
    words = [word.replace("\0", " ") for word in command.replace("\\ ", "\0").split()]
    if "ID" in words:
        return [ident if word == "ID" else word for word in words]
    return words + [ident] + (["true"] if words == ["exec"] else [])


class Peer:
    """one of the two programs, with a state directory of its own"""

    def __init__(self, t, program, bundle):
        self.t, self.program, self.bundle = t, program, bundle
        self.root = t.path("root-" + os.path.basename(program))
        os.mkdir(self.root)

    def run(self, *words):
        more = ["--bundle", self.bundle] if words[0] in ("create", "run") else []
        return self.t.command(self.program, "--root", self.root, words[0], *more, *words[1:])

    def reach(self, steps, ident):
        for step in steps:
            self.t.equal(self.run(step, ident, *["KILL"] if step == "kill" else []).rc, 0, step)
        self.t.wait_until(lambda: "kill" not in steps
                          or '"stopped"' in self.run("state", ident).out, what="its end")


@harness.limit(120)
@needs("root", "native", "v2")
def test_states(t):
    """each command in each state"""
    if not os.access(RUNC, os.X_OK):
        t.skip("no runc: contrib/peers fetches it")
    config = t.config("/bin/sleep", "100000")
    config["linux"]["cgroupsPath"] = f"/{t.mark}-peer"
    bundle = t.bundle(config)
    for state, (steps, commands) in STATES.items():
        found = []
        for program in (RUNC, t.binary):
            peer, ident = Peer(t, program, bundle), f"{t.mark}-{state}"
            peer.reach(steps, ident)
            results = [peer.run(*words_of(command, ident)) for command, _ in commands]
            peer.run("delete", "--force", ident)
            os.rename(peer.root, f"{peer.root}-{state}")
            found.append(results)
        for (command, phrase), theirs, ours in zip(commands, *found):
            t.note((state, command))
            t.equal(ours.rc, theirs.rc, "status")
            for result in (theirs, ours):
                t.contains(result.err, phrase)


@needs("root", "native")
def test_usage(t):
    """wrong usage fails for both, and ours says so in one line on stderr"""
    if not os.access(RUNC, os.X_OK):
        t.skip("no runc: contrib/peers fetches it")
    for command in USAGE:
        t.note(command)
        t.true(t.command(RUNC, "--root", t.root, *command.split()).rc != 0, "runc accepts it")
        t.fails(t.skiff(*command.split()))
