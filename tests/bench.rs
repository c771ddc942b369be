//! `benches/bench`: what would fail if redisgen needed more instructions does fail then, what it measures is what a program
//! cost and nothing of what started it, and the page says what was stored. No test depends on how long anything took.

#![allow(clippy::expect_used, clippy::disallowed_methods, clippy::panic, reason = "a test may fail")]

mod common;

use std::fs;
use std::process::Command;

use common::{Out, REDISGEN, Room, text_of};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What is printed where the baseline has to be changed.
const UPDATE: &str = "./benches/bench --update";

/// The script, on the program under test.
fn bench(arguments: &[&str]) -> Out {
    let script = format!("{ROOT}/benches/bench");
    Out::from(Command::new(script).args(arguments).env("REDISGEN", REDISGEN).output().expect("python3 is installed"))
}

/// The interpreter itself, where `python3` may be a script that chooses one.
fn python() -> String {
    text_of(Command::new("python3").args(["-c", "import sys; print(sys.executable)"])).trim().to_owned()
}

/// A baseline with the count of `version` changed to so many percent.
fn at_percent(baseline: &str, percent: u64) -> String {
    let changed: Vec<String> = baseline
        .lines()
        .map(|line| match line.strip_prefix("version\t").and_then(|rest| rest.split_once('\t')) {
            Some((count, spread)) => {
                let count: u64 = count.parse().expect("a number");
                format!("version\t{}\t{spread}\n", count * percent / 100)
            }
            None => format!("{line}\n"),
        })
        .collect();
    let changed = changed.concat();
    assert_ne!(changed, baseline);
    changed
}

#[test]
fn more_instructions_than_the_baseline_allows_fail() {
    let room = Room::new();
    let path = room.path("baseline.tsv").display().to_string();
    let against = |baseline: &str| {
        room.file("baseline.tsv", baseline);
        bench(&["--instructions", "--only", "version", "--baseline", &path])
    };
    bench(&["--update", "--only", "version", "--baseline", &path]).ended(0);
    let baseline = fs::read_to_string(&path).expect("a baseline");

    // The same program, 4 % over its baseline: that is allowed.
    let fine = against(&at_percent(&baseline, 96)).ended(0);
    assert!(!fine.stderr.contains(UPDATE), "{}", fine.stderr);
    // 11 % over it.
    let grown = against(&at_percent(&baseline, 90)).ended(1);
    assert!(grown.stderr.contains("FAILED: version needs 11.1 % more instructions"), "{}", grown.stderr);
    assert!(grown.stderr.contains(UPDATE), "{}", grown.stderr);
    assert!(!grown.stdout.contains("note:"), "{}", grown.stdout);
    // Another toolchain is told, and is no excuse.
    let rustc = baseline.lines().find(|line| line.starts_with("# rustc: ")).expect("names its compiler");
    let other = against(&at_percent(&baseline, 90).replace(rustc, "# rustc: 1.0.0 (000000000)")).ended(1);
    assert!(other.stdout.contains("note: the baseline was counted with rustc 1.0.0"), "{}", other.stdout);
    assert!(other.stderr.contains(UPDATE), "{}", other.stderr);
    // Fewer are fine, and should stay.
    let shrunk = against(&at_percent(&baseline, 120)).ended(0);
    assert!(
        shrunk.stdout.contains("good: version needs 16.7 % less") && shrunk.stdout.contains(UPDATE),
        "{}",
        shrunk.stdout
    );
}

#[test]
fn a_baseline_that_cannot_be_used_is_an_error() {
    let room = Room::new();
    let path = room.path("baseline.tsv").display().to_string();
    let stored = fs::read_to_string(format!("{ROOT}/benches/instructions.tsv")).expect("a baseline");
    let row = stored.lines().find(|line| line.starts_with("version\t")).expect("a row");
    for (broken, message) in [
        (stored.replace(row, "version\tmany\t0.00"), ": not `name<TAB>instructions<TAB>spread`"),
        (stored.replace(row, "version\t0\t0.00"), ": not `name<TAB>instructions<TAB>spread`"),
        (stored.replace(row, &format!("{row}\n{row}")), ": not `name<TAB>instructions<TAB>spread`"),
        (stored.replace("# rustc: ", "# cargo: "), "does not say what it was counted with"),
        // A workload without a count would never fail, nor would one that is not counted any more.
        (stored.replace(&format!("{row}\n"), ""), "differs from the workloads: version; ./benches/bench --update"),
        (stored.replace(row, &format!("{row}\nother\t5\t0.00")), "differs from the workloads: other;"),
    ] {
        assert_ne!(broken, stored);
        room.file("baseline.tsv", &broken);
        let out = bench(&["--instructions", "--baseline", &path]).ended(2);
        assert!(out.stderr.contains(message), "{message}: {}", out.stderr);
    }
    fs::remove_file(&path).expect("removed");
    let out = bench(&["--instructions", "--baseline", &path]).ended(2);
    assert!(out.stderr.contains("No such file"), "{}", out.stderr);
    let out = bench(&["--instructions", "--only", "nothing"]).ended(2);
    assert!(out.stderr.contains("nothing is none of version, "), "{}", out.stderr);
}

#[test]
fn what_is_missing_is_told() {
    let room = Room::new();
    room.file("empty/.keep", "");
    let alone = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().env("PATH", room.path("empty")).env("REDISGEN", REDISGEN);
        Out::from(command.output().expect("it starts"))
    };
    let out = alone(&python(), &[&format!("{ROOT}/benches/bench"), "--instructions"]).ended(2);
    assert!(out.stderr.contains("install the package valgrind"), "{}", out.stderr);
    let out = alone(&python(), &[&format!("{ROOT}/benches/bench"), "--only", "start"]).ended(2);
    assert!(out.stderr.contains("is missing"), "{}", out.stderr);
    let out = alone("/bin/sh", &[&format!("{ROOT}/benches/alternatives/tools.sh")]).ended(1);
    assert!(out.stderr.contains("install the package util-linux"), "{}", out.stderr);
}

#[test]
fn a_program_that_fails_is_not_measured() {
    for what in [["--only", "start", "--runs", "1"].as_slice(), &["--instructions", "--only", "version"]] {
        let script = format!("{ROOT}/benches/bench");
        let mut command = Command::new(script);
        let out = Out::from(command.args(what).env("REDISGEN", "/bin/false").output().expect("python3")).ended(2);
        assert!(out.stderr.contains("ended with 1"), "{}", out.stderr);
    }
}

#[test]
fn timing_measures_the_program_beside_a_floor_that_writes_the_same() {
    // The script itself fails if the floor writes other files than redisgen.
    let out = bench(&["--only", "start,certificates", "--runs", "1"]).ended(0);
    let figures: serde_json::Value = serde_json::from_str(&out.stdout).expect("JSON");
    let of = |name: &str, what: &str| figures[name][what].as_f64().expect("a figure");
    for (less, more) in [("true", "version"), ("certificates/floor", "certificates/build")] {
        assert!(of(less, "median_ms") > 0.0, "{figures}");
        assert!(of(less, "memory_kib") < of(more, "memory_kib"), "{figures}");
    }
}

#[test]
fn memory_of_the_one_who_measures_is_not_counted() {
    let room = Room::new();
    let spawn = room.path("spawn").display().to_string();
    text_of(
        Command::new("cc")
            .args(["-O2", "-Wall", "-Wextra", "-Werror", "-o", &spawn])
            .arg(format!("{ROOT}/benches/spawn.c")),
    );
    // A parent of 64 MiB: its child, started directly, seems to have had as much.
    let script = "import os, subprocess, sys
held = b'x' * (64 << 20)
child = os.posix_spawn('/bin/true', ['true'], {})
direct = os.wait4(child, 0)[2].ru_maxrss
code, micros, memory = subprocess.run([sys.argv[1], '/dev/null', '/bin/true'], capture_output=True, check=True).stdout.split()
print(direct, int(memory), int(micros) > 0, int(code))
print(subprocess.run([sys.argv[1], '/dev/null', '/bin/sh', '-c', 'exit 7'], capture_output=True, text=True).stdout.split()[0])";
    let out = text_of(Command::new(python()).args(["-c", script, &spawn]));
    let words: Vec<&str> = out.split_whitespace().collect();
    let [direct, memory, "True", "0", "7"] = words[..] else { panic!("{out}") };
    let (direct, memory): (u64, u64) = (direct.parse().expect("KiB"), memory.parse().expect("KiB"));
    assert!(direct > 60_000 && memory < 8_000, "{out}");
}

#[test]
fn the_page_says_what_was_stored() {
    let page = fs::read_to_string(format!("{ROOT}/docs/performance.md")).expect("the page");
    let rendered = bench(&["--render"]).ended(0).stdout;
    assert!(
        rendered == page,
        "docs/performance.md was edited, or its figures were: ./benches/bench --render >docs/performance.md"
    );
    // Another count is another page: it is not only the same file twice.
    let room = Room::new();
    let baseline = fs::read_to_string(format!("{ROOT}/benches/instructions.tsv")).expect("a baseline");
    room.file("baseline.tsv", at_percent(&baseline, 150));
    let other = bench(&["--render", "--baseline", &room.path("baseline.tsv").display().to_string()]).ended(0).stdout;
    assert_ne!(other, page);
    for row in baseline.lines().filter(|line| !line.starts_with('#')) {
        let name = row.split('\t').next().expect("a name");
        assert!(page.contains(&format!("| `{name}` |")), "{name}");
    }
}
