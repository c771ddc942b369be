"""The profiles that are measured: fixtures, and larger ones that are made here."""

from suite.place import FIXTURES

# The smallest profile with client certificates: an authority, the server, the health check, one client.
CERTIFICATES = """\
version: 1
name: demo
environment: development
tls: { mode: mutual }
users:
  - { name: admin, role: admin }
"""


def fixture(name):
    """A profile of the tests."""
    return (FIXTURES / f"{name}.yaml").read_text(encoding="utf-8")


def large(entries):
    """A production profile with so many users and so many sources."""
    lines = ["version: 1", "name: demo", "environment: production", "network:", "  exposure: allowlist", "  allow:"]
    for at in range(entries):
        lines.append(f'    - {{ source: 10.{at // 256}.{at % 256}.0/24, comment: "site {at}" }}')
    lines += ["users:", "  - { name: admin, role: admin }"]
    for at in range(entries):
        lines.append(f'  - {{ name: app{at}, role: application, keys: ["app{at}:*"] }}')
    return "\n".join(lines) + "\n"


def moved(text):
    """The same profile at another port, which many of its files name."""
    named = text if "\n  port: 6379" in text else text.replace("\nnetwork:\n", "\nnetwork:\n  port: 6379\n", 1)
    return named.replace("\n  port: 6379", "\n  port: 7000", 1)


def many(text, folder, count):
    """So many profiles in a folder, each with a name of its own; their names."""
    folder.mkdir()
    names = [f"site-{at:04}" for at in range(1, count + 1)]
    first = next(line for line in text.splitlines() if line.startswith("name: "))
    for name in names:
        (folder / f"{name}.yaml").write_text(text.replace(first, f"name: {name}"), encoding="utf-8")
    return names


def project(folder, names):
    """A project file that lists them."""
    rows = "".join(f'[[profiles]]\npath = "{name}.yaml"\nenvironment = "production"\n' for name in names)
    (folder / "redisgen.toml").write_text(f"version = 1\n{rows}", encoding="utf-8")


def acl(users):
    """An ACL file of anybody's, with so many users."""
    sums = "0" * 64
    row = "user app{0} on #{1} ~app{0}:* resetchannels -@all +@read +@write -@dangerous +ping\n"
    return "user default off\n" + "".join(row.format(at, sums) for at in range(users))
