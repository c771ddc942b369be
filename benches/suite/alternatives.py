"""What a team would write instead, measured in the same run."""

from suite.measure import Case
from suite.place import BENCHES, Failed, text_of

HERE = BENCHES / "alternatives"
# One whose central files bash can write too, and one with every section, which has to be read and judged first.
PROFILES = ("prod-minimal", "prod")
BASH = "prod-minimal"


def interpreter():
    """Python with jinja2, PyYAML and jsonschema; brings them at the first time."""
    try:
        return text_of(HERE / "tools.sh").strip() + "/python"
    except Failed as error:
        raise Failed(f"the alternative in Python cannot be measured: {error}") from None


def python(name, room, files, out):
    """PyYAML, jsonschema and jinja2."""
    return Case(name, [interpreter(), "-I", HERE / "compile.py", out, *files], room, output=out)


def bash(name, room, names, out):
    """Variables and text."""
    return Case(name, ["/bin/bash", HERE / "compile.sh", out, *names], room, output=out)


def comparable(case, profile, ours, theirs):
    """Fails unless what was written are files that redisgen writes too, and for the small profile as many bytes of them: a
    comparison with less work would flatter nobody but the alternative. Given are sizes by path; returned are redisgen's bytes of
    the same files."""
    strange = sorted(set(theirs) - set(ours))
    same, found = sum(ours[path] for path in theirs if path in ours), sum(theirs.values())
    if strange or (profile == BASH and abs(found - same) > same / 20):
        raise Failed(f"{case} wrote {found} bytes and redisgen {same} in these files, and only it wrote {strange}: mend {HERE}")
    return same


def openssl(room, out):
    """An authority and two certificates."""
    return Case("certificates/openssl", ["/bin/sh", HERE / "certificates.sh", out], room, output=out)
