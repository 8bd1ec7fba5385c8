"""ociVersion: what engines and tools write, now and years ago."""
from harness import needs

ACCEPTED = ("1.0.0", "1.0.1", "1.0.2", "1.1.0", "1.2.0", "1.2.1", "1.3.0", "1.3.7", "1.4.0",
            "1.0.0-rc1", "1.0.0-rc5", "1.0.0-rc5-dev", "1.0.1-dev", "1.0.2-dev", "1.1.0-rc.1",
            "1.1.0+dev", "1.2.0-rc.2+build.5", "1.0.2+git-abc")
REFUSED = ("", "1", "1.0", "1.0.", "1..0", "v1.0.0", " 1.0.0", "1.0.0 ", "1.0.0.0", "1.-1.0",
           "1.+1.0", "1.0.0x", "latest", "one.two.three", "99999999999999999999.0.0")
OTHER = ("0.9.0", "0.6.0-dev", "2.0.0", "2.0.0-rc1", "10.0.0")


def with_version(t, version):
    return dict(t.config(), ociVersion=version)


@needs("root")
def test_accepted(t):
    """every version 1, with any suffix; state tells the one that skiff speaks"""
    for version in ACCEPTED:
        t.note(version)
        t.equal(t.run(with_version(t, version)).rc, 0)
    c = t.sleeper(with_version(t, "1.0.2-dev"))
    t.equal(c.state()["ociVersion"], "1.3.0")


@needs("root")
def test_refused(t):
    """another major version, and what is no version"""
    for versions, words in ((REFUSED, "not a version of the form 1.2.3"), (OTHER, "this is 1.x")):
        for version in versions:
            t.note(version)
            t.fails(t.run(with_version(t, version)), "ociVersion", words, rc=1)
