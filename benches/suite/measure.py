"""Runs programs and keeps what each process cost: CPU time (user and system) and peak memory."""

import os
import statistics
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

from suite.place import Failed, fresh

# Nothing of the caller's environment reaches what is measured.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}


@dataclass
class Case:
    """One program with its arguments, run again and again."""

    name: str
    command: list
    cwd: Path
    # Removed before each run.
    output: Optional[Path] = None
    # Run before each run, not measured.
    before: Optional[Callable] = None
    # `diff` ends with 1 when there is something to tell.
    code: int = 0


@dataclass
class Samples:
    """What all the runs of one case cost."""

    cpu_ms: list = field(default_factory=list)
    memory_kib: int = 0

    def summary(self):
        """As it is stored."""
        return {
            "median_ms": round(statistics.median(self.cpu_ms), 3),
            "min_ms": round(min(self.cpu_ms), 3),
            "max_ms": round(max(self.cpu_ms), 3),
            "runs": len(self.cpu_ms),
            "memory_kib": self.memory_kib,
        }


def once(spawn, room, case):
    """One run: CPU time in ms and peak memory in KiB."""
    if case.output:
        fresh(case.output)
    if case.before:
        case.before()
    printed = room / "printed"
    command = [spawn, printed, *case.command]
    done = subprocess.run(command, cwd=case.cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{case.name}: {done.stderr.strip()}")
    code, micros, memory = map(int, done.stdout.split())
    if code != case.code:
        said = printed.read_text(encoding="utf-8", errors="replace")[:2000]
        raise Failed(f"{case.name}: `{' '.join(map(str, case.command))[:300]}` ended with {code}:\n{said}")
    return micros / 1000, memory


def same(spawn, room, case, made):
    """Fails unless this case writes what is packed in `made`: paths, modes, contents."""
    once(spawn, room, case)
    again = room / "again.list"
    packed(case.output, again)
    if again.read_bytes() != made.read_bytes():
        raise Failed(f"{case.name} does not write the same files")


def interleaved(spawn, room, cases, runs):
    """Every case once, then every case again, and so on: what disturbs the machine disturbs all of them alike. The first
    run of each brings its files into memory and is not counted, but where a run takes so long that it makes no difference."""
    samples = {case.name: Samples() for case in cases}
    warming = 1 if runs > 3 else 0
    for turn in range(runs + warming):
        for case in cases:
            cpu, memory = once(spawn, room, case)
            if turn >= warming:
                samples[case.name].cpu_ms.append(cpu)
                samples[case.name].memory_kib = max(samples[case.name].memory_kib, memory)
    return {name: each.summary() for name, each in samples.items()}


def packed(folder, place):
    """The list from which the floor writes the files of a folder; how many files and bytes those are."""
    files, size = 0, 0
    with open(place, "wb") as list_file:
        for path, folders, names in os.walk(folder):
            folders.sort()
            for name in sorted(folders):
                full = Path(path, name)
                list_file.write(f"{full.stat().st_mode & 0o7777:o} - {full.relative_to(folder)}\n".encode())
            for name in sorted(names):
                full = Path(path, name)
                contents = full.read_bytes()
                head = f"{full.stat().st_mode & 0o7777:o} {len(contents)} {full.relative_to(folder)}\n"
                list_file.write(head.encode() + contents)
                files, size = files + 1, size + len(contents)
    return {"files": files, "bytes": size}
