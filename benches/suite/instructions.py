"""Instruction counts by callgrind: the same for one program, whatever else the machine does, so that CI can hold them."""

import re
import shutil
import statistics
import subprocess
import sys

from suite import profiles
from suite.place import AS_OF, BENCHES, Failed, linked, text_of, toolchain

BASELINE = BENCHES / "instructions.tsv"
UPDATE = "./benches/bench --update"
# Growth that fails, in percent. What repeats within a part of it only: passwords and keys are random.
LIMIT = 5
# So often a baseline is counted, to know how far a count repeats.
TURNS = 3
# Nothing of the caller's environment: its size alone moves the counts.
ENVIRONMENT = {"PATH": "/usr/bin:/bin"}

DAY = ["--as-of", AS_OF]
# Name, arguments, and what has to have been run before.
WORKLOADS = {
    "version": (["--version"], []),
    "validate/dev-minimal": (["validate", *DAY, "dev-minimal.yaml"], []),
    "validate/prod": (["validate", *DAY, "prod.yaml"], []),
    "build/prod-minimal": (["build", "--no-secrets", *DAY, "prod-minimal.yaml", "--out", "out"], []),
    "build/prod": (["build", "--no-secrets", *DAY, "prod.yaml", "--out", "out"], []),
    "build/prod/secrets": (["build", *DAY, "prod.yaml", "--out", "out"], []),
    "build/prod/again": (["build", *DAY, "prod.yaml", "--out", "built"], ["built"]),
    "build/20-profiles": (["build", "--no-secrets", *DAY, "many", "--out", "out"], []),
    "build/1000-users-and-sources": (["build", "--no-secrets", *DAY, "large.yaml", "--out", "out"], []),
    "diff/prod": (["diff", *DAY, "prod.yaml", "--out", "built"], ["built"]),
    "diff/prod/drift": (["diff", *DAY, "prod.yaml", "--out", "moved"], ["moved"]),
    "access/prod": (["access", *DAY, "prod.yaml"], []),
    "access/1000-users": (["access", "--engine", "redis-7.4", "users.acl"], []),
    "explain/value": (["explain", "prod.yaml", "tls.mode"], []),
    "explain/rule": (["explain", "network-open"], []),
    "report/prod": (["report", *DAY, "prod.yaml"], []),
    "certs/status": (["certs", "status", "certificates.yaml", "--out", "certs"], ["certs"]),
    "certs/renew": (["certs", "renew", "--force", "certificates.yaml", "--out", "certs"], ["certs"]),
}
# How a workload ends, where not with 0: `diff` has something to tell.
ENDS = {"diff/prod/drift": 1}
# What a release build may weigh.
BINARY_MIB = 8


def prepared(room, program, names):
    """The files that the workloads read, in the room. Paths are short and of one length, whoever runs this and wherever."""
    (room / "redisgen").symlink_to(program)
    for file in ("dev-minimal", "prod-minimal", "prod"):
        (room / f"{file}.yaml").write_text(profiles.fixture(file), encoding="utf-8")
    (room / "moved.yaml").write_text(profiles.moved(profiles.fixture("prod")), encoding="utf-8")
    (room / "certificates.yaml").write_text(profiles.CERTIFICATES, encoding="utf-8")
    (room / "large.yaml").write_text(profiles.large(1000), encoding="utf-8")
    (room / "users.acl").write_text(profiles.acl(1000), encoding="utf-8")
    profiles.many(profiles.fixture("prod-minimal"), room / "many", 20)
    wanted = {need for name in names for need in WORKLOADS[name][1]}
    # Certificates start today, so that these commands are not told another day.
    builds = {"built": [*DAY, "prod.yaml"], "moved": [*DAY, "moved.yaml"], "certs": ["certificates.yaml"]}
    for need, build in builds.items():
        if need in wanted:
            text_of(program, "build", *build, "--out", need, cwd=room, env=ENVIRONMENT)


def count(room, name):
    """Instructions of one run."""
    shutil.rmtree(room / "out", ignore_errors=True)
    log = room / "callgrind.log"
    tool = [shutil.which("valgrind"), "--tool=callgrind", "--callgrind-out-file=/dev/null", f"--log-file={log}"]
    command = [*tool, "./redisgen", *WORKLOADS[name][0]]
    done = subprocess.run(command, cwd=room, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode != ENDS.get(name, 0):
        raise Failed(f"{name}: `{' '.join(command)}` ended with {done.returncode}:\n{done.stderr[:2000]}")
    total = re.search(r"Collected : (\d+)", log.read_text(encoding="utf-8", errors="replace"))
    if not total:
        raise Failed(f"{name}: callgrind printed no total")
    return int(total[1])


def valgrind():
    """Its version."""
    if not shutil.which("valgrind"):
        raise Failed("valgrind is missing: install the package valgrind")
    return text_of("valgrind", "--version").strip().removeprefix("valgrind-")


def read(path):
    """A baseline: what it was counted with, and of each workload its count and spread in percent."""
    made_with, counts = {}, {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{path}: {error}; {UPDATE} writes one") from None
    for number, line in enumerate(lines, 1):
        comment = re.fullmatch(r"# (valgrind|linked|rustc|host|libc|processor): (.+)", line)
        row = re.fullmatch(r"([a-z0-9/-]+)\t([0-9]+)\t([0-9.]+)", line)
        if comment:
            made_with[comment[1]] = comment[2]
        elif row and int(row[2]) > 0 and row[1] not in counts:
            counts[row[1]] = (int(row[2]), float(row[3]))
        elif not line.startswith("#"):
            raise Failed(f"{path}:{number}: not `name<TAB>instructions<TAB>spread`: {line!r}")
    if len(made_with) != 6 or not counts:
        raise Failed(f"{path}: does not say what it was counted with, or counts nothing; {UPDATE} writes a new one")
    return made_with, counts


def whole(path):
    """A baseline that has every workload and no other."""
    made_with, counts = read(path)
    if list(counts) != list(WORKLOADS):
        odd = sorted(set(counts) ^ set(WORKLOADS)) or ["the order"]
        raise Failed(f"{path} differs from the workloads: {', '.join(odd)}; {UPDATE} writes it anew")
    return made_with, counts


def update(path, room, program, names):
    """Counts, and writes the baseline."""
    made_with = {"valgrind": valgrind(), "linked": linked(program), **toolchain()}
    prepared(room, program, names)
    rows = []
    for name in names:
        counts = [count(room, name) for _ in range(TURNS)]
        middle = int(statistics.median(counts))
        spread = 100 * (max(counts) - min(counts)) / middle
        print(f"{name:32} {middle:>14,} instructions, spread {spread:.2f} %", flush=True)
        if spread > LIMIT / 5:
            raise Failed(f"{name}: {spread:.2f} % between runs is too much for a limit of {LIMIT} %")
        rows.append(f"{name}\t{middle}\t{spread:.2f}\n")
    head = f"# Instructions by callgrind, and how far {TURNS} runs differed in percent. Written by `{UPDATE}`;\n"
    head += f"# a count that is more than {LIMIT} % higher fails `./benches/bench --instructions`.\n"
    path.write_text(head + "".join(f"# {key}: {value}\n" for key, value in made_with.items()) + "".join(rows), encoding="utf-8")


def compare(path, room, program, names, every):
    """Counts again; true if nothing grew beyond the limit. Another toolchain is told, and held to the same limit."""
    now = {"valgrind": valgrind(), "linked": linked(program), **toolchain()}
    made_with, counts = whole(path) if every else read(path)
    for key, value in now.items():
        if made_with[key] != value:
            print(f"note: the baseline was counted with {key} {made_with[key]}, this is {value}")
    prepared(room, program, names)
    grown, shrunk = [], []
    for name in names:
        if name not in counts:
            raise Failed(f"{path} has no {name}; {UPDATE} writes it anew")
        found, before = count(room, name), counts[name][0]
        change = 100 * (found - before) / before
        print(f"{name:32} {found:>14,} instructions, {change:+.2f} %", flush=True)
        if change > LIMIT:
            grown.append(f"{name} needs {change:.1f} % more instructions than the baseline, allowed are {LIMIT} %")
        elif change < -LIMIT:
            shrunk.append(f"{name} needs {-change:.1f} % less")
    weight = program.stat().st_size / (1 << 20)
    if every and weight > BINARY_MIB:
        grown.append(f"the program weighs {weight:.2f} MiB, allowed are {BINARY_MIB}")
    for line in shrunk:
        print(f"good: {line}; so that it stays: {UPDATE}")
    for line in grown:
        print(f"FAILED: {line}", file=sys.stderr)
    if grown:
        print(f"If more instructions are meant, take it as the new baseline: {UPDATE}", file=sys.stderr)
    return not grown
