"""Where things are, what has to be compiled first, and the machine that everything runs on."""

import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

BENCHES = Path(__file__).resolve().parent.parent
ROOT = BENCHES.parent
FIXTURES = ROOT / "fixtures" / "ok"
# The day that profiles are judged by, so that what is said about dates stays the same.
AS_OF = "2026-11-01"


class Failed(Exception):
    """The work cannot be done; the text says what to do."""


def text_of(*command, **options):
    """What a program prints."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    except FileNotFoundError:
        raise Failed(f"{command[0]} is missing") from None
    if done.returncode != 0:
        raise Failed(f"`{' '.join(map(str, command))}` failed:\n{done.stderr.strip()}")
    return done.stdout


def redisgen():
    """The program: what REDISGEN names, else a release build of this tree."""
    named = os.environ.get("REDISGEN")
    if named:
        path = Path(named).resolve()
        if not os.access(path, os.X_OK):
            raise Failed(f"REDISGEN names {path}, which is no program")
        return path
    print("bench: cargo build --release", file=sys.stderr)
    text_of("cargo", "build", "--release", "--quiet", cwd=ROOT)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return (ROOT / target / "release" / "redisgen").resolve()


def building():
    """Seconds that somebody waits, on a clock: for a release build from nothing, and for all test programs after an edit."""

    def seconds(*command):
        start = time.monotonic()
        text_of("cargo", *command, "--quiet", cwd=ROOT)
        return round(time.monotonic() - start, 1)

    with tempfile.TemporaryDirectory(prefix="redisgen-bench-", dir=ROOT) as target:
        release = seconds("build", "--release", "--locked", "--target-dir", target)
    seconds("test", "--no-run")
    # Cargo takes the date for an edit, and compiles the library and everything on it again.
    (ROOT / "src" / "lib.rs").touch()
    return {"release_s": release, "edit_s": seconds("test", "--no-run")}


def on_tmpfs(path):
    """True if a folder is in memory."""
    best = ("", "")
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, point, kind, *_ = line.split()
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, kind)
    return best[1] in ("tmpfs", "ramfs")


class Room:
    """A folder for one run, in memory if there is such a one, with the small programs compiled; removed at the end."""

    def __init__(self):
        parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) and on_tmpfs("/dev/shm") else None
        # The name always has the same length: paths are part of what is counted.
        self._folder = tempfile.TemporaryDirectory(prefix="redisgen-bench-", dir=parent)
        self.path = Path(self._folder.name)
        self.tmpfs = on_tmpfs(str(self.path))
        if not self.tmpfs:
            print(f"bench: {self.path} is on a disk; figures are worse for it", file=sys.stderr)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # What the programs under test wrote has modes of its own, but nothing that its owner cannot remove.
        self._folder.cleanup()

    def compile(self):
        """The small programs: what measures, the floor, and the empty one."""
        tools = self.path / "tools"
        tools.mkdir()
        text_of("cc", "-O2", "-o", tools / "spawn", BENCHES / "spawn.c")
        for name in ("floor", "empty"):
            text_of("rustc", "-O", "--edition", "2024", "-o", tools / name, BENCHES / f"{name}.rs")
        return tools


def fresh(folder):
    """Removes a folder. Some hold a hundred thousand files, where this takes half of Python's time."""
    subprocess.run(["rm", "-rf", "--", folder], check=True)


def toolchain():
    """What instruction counts depend on, beside the program."""
    rustc = dict(line.split(": ", 1) for line in text_of("rustc", "-vV").splitlines() if ": " in line)
    libc = text_of("ldd", "--version").splitlines()[0].removeprefix("ldd ")
    # Functions of the C library and of some crates are chosen by what the processor can do.
    flags = next((line for line in cpuinfo() if line.startswith(("flags", "Features"))), "").split()
    wide = [name for name in ("avx2", "bmi2", "avx512f", "asimd") if name in flags]
    return {
        "rustc": f"{rustc['release']} ({rustc['commit-hash'][:9]})",
        "host": rustc["host"],
        "libc": libc[1 : libc.index(")")] if libc.startswith("(") and ")" in libc else libc,
        "processor": " ".join(wide) or "none of avx2, bmi2, avx512f, asimd",
    }


def linked(program):
    """How the C library is in a program: musl's allocator and copying cost other instructions than glibc's."""
    with open(program, "rb") as file:
        return "dynamically" if b"/ld-" in file.read(8192) else "statically"


def cpuinfo():
    """Lines about the processors."""
    return Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()


def machine(room):
    """What figures of time depend on."""
    model = next(
        (line.split(": ", 1)[1] for line in cpuinfo() if line.startswith("model name") and ": " in line), platform.machine()
    )
    memory = next(
        line.split()[1]
        for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("MemTotal")
    )
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "cores": len(os.sched_getaffinity(0)),
        "model": model,
        "memory_gib": round(int(memory) / 1024 / 1024),
        "kernel": platform.release(),
        "load": [round(figure, 1) for figure in os.getloadavg()],
        "tmpfs": room.tmpfs,
        "commit": text_of("git", "describe", "--always", "--abbrev=12", "--dirty", cwd=ROOT).strip(),
        "python": platform.python_version(),
        "bash": text_of("bash", "-c", "echo $BASH_VERSION").strip(),
        "openssl": text_of("openssl", "version").split()[1],
        **toolchain(),
    }
