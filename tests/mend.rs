//! `validate --fix`: what is certain is written, everything else stays byte for byte; `--only` and `--except`.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail"
)]

mod common;

use std::cell::Cell;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use common::{DEV, PROD, Room};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use redisgen::folder::Folder;
use redisgen::load::{self, Input, Parents};
use redisgen::mend::{Mended, mend};

/// Fixes a profile in a room of its own: the text afterwards, and what was said.
#[track_caller]
fn fixed(profile: &str) -> (String, String) {
    let room = Room::with(profile);
    let out = room.run(["validate", "--fix", "p.yaml"]);
    out.no_panic();
    (std::fs::read_to_string(room.path("p.yaml")).expect("text"), out.stderr)
}

#[test]
fn each_certain_fix_is_written_and_told() {
    for (old, new, rule) in [
        ("tls: { mode: mutaul }", "tls: { mode: mutual }", "invalid-value"),
        ("tls: { mode: Mutual }", "tls: { mode: mutual }", "invalid-value"),
        ("tls: { mode: 'mutaul' }", "tls: { mode: \"mutual\" }", "invalid-value"),
        ("tls: { minimum: 1.3 } # newest", "tls: { minimum: \"1.3\" } # newest", "wrong-type"),
        ("network: { port: \"6390\" }", "network: { port: 6390 }", "wrong-type"),
        ("network: { prot: 6390 }", "network: { port: 6390 }", "unknown-key"),
        ("network: {\"prot\":6390}", "network: {\"port\":6390}", "unknown-key"),
        ("monitoring: { exporter: off }", "monitoring: { exporter: false }", "wrong-type"),
        ("commands: { rename: \"no\" }", "commands: { rename: false }", "wrong-type"),
        (
            "users:\n  - {name: a, role: admin}\n  - { name: b, role: application, keys: [*] }",
            "users:\n  - {name: a, role: admin}\n  - { name: b, role: application, keys: [\"*\"] }",
            "yaml-syntax",
        ),
        (
            "users:\n  - {name: a, role: admin}\n  - { name: b, role: application, keys: [*x, *y,%R~z] }",
            "users:\n  - {name: a, role: admin}\n  - { name: b, role: application, keys: [\"*x\", \"*y\",\"%R~z\"] }",
            "yaml-alias",
        ),
        (
            "users:\n  - {name: a, role: admin}\n  - name: b\n    role: application\n    keys:\n      - *x:y # all\n      - %R~z:*",
            "users:\n  - {name: a, role: admin}\n  - name: b\n    role: application\n    keys:\n      - \"*x:y\" # all\n      - \"%R~z:*\"",
            "yaml-alias",
        ),
    ] {
        let profile = |text: &str| format!("# mine\n{PROD}{text}\n\n# end");
        let (text, said) = fixed(&profile(old));
        assert_eq!(text, profile(new), "{said}");
        assert!(said.contains("p.yaml:") && said.contains(&format!(" ({rule})\n")), "{said}");
        // Line endings stay, too.
        let (text, said) = fixed(&profile(old).replace('\n', "\r\n"));
        assert_eq!(text, profile(new).replace('\n', "\r\n"), "{said}");
    }
}

#[test]
fn what_is_not_certain_stays() {
    for text in [
        // Two slips; a value that does not fit; two keys that mean one; a key that is there; what switches off.
        "tls: { mode: mtaul }",
        "network: { prot: far }",
        "network: { prot: 6390, porrt: 6391 }",
        "network: { port: 6390, prot: 6391 }",
        "tls: { mode: off }",
        "tls: { minimum: 1.20 }",
        "network: { port: \"06390\" }",
        "network: { port: \"99999\" }",
        "resources: { limit: 512MB }",
        "config: { hz: true }",
        "users: [{ name: b, role: application, keys: [*[ab]] }]",
        "x: &a 1\nusers: [{ name: b, role: application, keys: [*a] }]",
        "passwords: [*hunter2]",
        // A slip, but a wrong guess would give rights away.
        "users: [{ name: b, role: admni }]",
        "network: { exposure: opne }",
    ] {
        let profile = format!("{PROD}{text}\n");
        let (after, said) = fixed(&profile);
        assert_eq!(after, profile, "{said}");
        assert!(!said.contains("wrote") && said.contains("refused"), "{text}: {said}");
    }
    // People are told what may have been meant.
    let out = Room::with(&format!("{PROD}users: [{{ name: b, role: admni }}]\n")).run(["validate", "p.yaml"]).ended(1);
    assert!(out.stdout.contains("did you mean `admin`?") && !out.stderr.contains("--fix"), "{}", out.stdout);
    // A file that does not say that it is a profile is not edited: as a compose file in the same folder.
    let foreign = "version: \"3\"\nenvironment: prodction\nnetwork: { prot: 1 }\n";
    assert_eq!(fixed(foreign).0, foreign);
    // The control: with that line it is.
    assert_ne!(fixed(&foreign.replace("\"3\"", "1")).0, foreign);
}

#[test]
fn the_verdict_is_that_of_the_new_file() {
    let room = Room::with(&format!("{DEV}monitoring: {{ exporter: no }}\n"));
    let out = room.run(["validate", "p.yaml"]).ended(1);
    assert!(out.stderr.contains("--fix would mend 1 of them"), "{}", out.stderr);
    let before = room.tree("");
    let out = room.run(["validate", "--fix", "--format", "json", "p.yaml"]).ended(0);
    assert!(
        out.stderr.starts_with("p.yaml:4: wrote `false` instead of `no` (wrong-type)\np.yaml: ok"),
        "{}",
        out.stderr
    );
    assert!(!out.rules().contains(&"wrong-type".to_owned()));
    assert_ne!(before, room.tree(""));
    let after = room.tree("");
    assert!(!room.run(["validate", "--fix", "p.yaml"]).ended(0).stderr.contains("wrote"));
    assert_eq!(after, room.tree(""), "a second time changes nothing");
}

#[test]
fn writing_is_careful() {
    let wrong = format!("{PROD}tls: {{ mode: mutaul }}\n");
    let room = Room::with(&wrong);
    let path = room.path("p.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("mode");
    std::os::unix::fs::chown(&path, Some(1234), Some(1235)).expect("the tests run as root");
    room.run(["validate", "--fix", "p.yaml"]).ended(0);
    let metadata = std::fs::metadata(&path).expect("there");
    assert_eq!((metadata.mode() & 0o7777, metadata.uid(), metadata.gid()), (0o640, 1234, 1235));
    // Nothing is left beside it.
    assert_eq!(std::fs::read_dir(room.path("")).expect("folder").count(), 1);

    // A symbolic link, a linked folder and standard input are refused, and then no other file is written either.
    room.file("real/q.yaml", &wrong);
    symlink("real/q.yaml", room.path("link.yaml")).expect("link");
    symlink("real", room.path("linked")).expect("link");
    room.file("first.yaml", &wrong);
    for last in ["link.yaml", "linked/q.yaml", "-"] {
        let before = room.tree("");
        let out = room.run(["validate", "--fix", "first.yaml", last]).ended(2);
        assert!(out.stdout.is_empty() && before == room.tree(""), "{last}: {}", out.stderr);
    }
    room.run(["validate", "--fix", "first.yaml", "real/q.yaml"]).ended(0);
}

#[test]
fn what_changed_meanwhile_or_is_read_only_stays() {
    let room = Room::with("new\n");
    let folder = Folder::open(&room.path("")).expect("a folder");
    assert!(
        folder.stage_over("p.yaml", b"old\n", b"mended\n").is_err_and(|reason| reason.contains("changed meanwhile"))
    );
    let staged = folder.stage_over("p.yaml", b"new\n", b"mended\n").expect("the control");
    room.file("p.yaml", "newer\n");
    assert!(folder.unchanged("p.yaml", b"new\n").is_err());
    drop(staged);
    assert_eq!(folder.names(), Ok(vec!["p.yaml".to_owned()]));

    let wrong = format!("{PROD}tls: {{ mode: mutaul }}\n");
    let path = room.file("p.yaml", &wrong);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o444)).expect("mode");
    let out = room.run(["validate", "--fix", "p.yaml"]).ended(2);
    assert!(out.stderr.contains("read-only"), "{}", out.stderr);
    assert_eq!(std::fs::read_to_string(&path).expect("text"), wrong);
}

#[test]
fn edits_that_raise_something_new_are_not_made() {
    let text = format!("{PROD}extnds: [nowhere.yaml]\ntls: {{ mode: mutaul }}\n");
    let (after, said) = fixed(&text);
    assert_eq!(after, text);
    assert!(said.contains("p.yaml: not mended: the edits would raise `extends-unreadable`"), "{said}");
}

#[test]
fn parents_are_edited_only_when_given() {
    let room = Room::new();
    let parent = "version: 1\ntls: { mode: mutaul }\n";
    room.file("base.yaml", parent);
    room.file("p.yaml", format!("{PROD}extends: [base.yaml]\nnetwork: {{ prot: 6390 }}\n"));
    let out = room.run(["validate", "--fix", "p.yaml"]).ended(1);
    let read = |name: &str| std::fs::read_to_string(room.path(name)).expect("text");
    assert!(read("p.yaml").contains(" port: 6390") && read("base.yaml") == parent, "{}", out.stderr);
    // What stands in the parent says who brings it in.
    assert!(out.stdout.contains("p.yaml:4") && out.stdout.contains("`extends` brings this file in"), "{}", out.stdout);
    room.run(["validate", "--fix", "base.yaml", "p.yaml"]);
    assert!(read("base.yaml").contains("mutual"));
    room.run(["validate", "p.yaml"]).ended(0);
}

#[test]
fn what_was_there_is_told_without_secrets() {
    let (text, said) = fixed(&format!("{PROD}tls: {{ password: hunter2, mode: mutaul }}\n"));
    assert!(text.contains("hunter2") && text.contains("mutual"), "{text}");
    assert!(said.contains("wrote `mutual`") && !said.contains("hunter2"), "{said}");
}

#[test]
fn filters_report_and_judge_and_hide_no_broken_profile() {
    let room = Room::with(&format!("{PROD}tls: {{ mode: disabled }}\nnetwork: {{ exposure: open }}\n"));
    let all = room.run(["validate", "--format", "json", "p.yaml"]).ended(1).rules();
    assert!(all.len() > 3 && all.contains(&"backups-off".to_owned()), "{all:?}");
    let only = room.run(["validate", "--format", "json", "--only", "backups-off", "p.yaml"]).ended(0);
    assert_eq!(only.rules(), ["backups-off"]);
    assert!(only.stderr.contains("ok, 1 info\n"), "{}", only.stderr);
    let out = room.run(["validate", "--format", "json", "--except", &all.join(","), "p.yaml"]).ended(0);
    assert!(out.rules().is_empty());
    // --except takes from --only; both may be given twice.
    let both = ["--only", "backups-off,network-open", "--only", "tls-disabled", "--except", "backups-off"];
    let out = room.run([&["validate", "--format", "json"], both.as_slice(), &["p.yaml"]].concat()).ended(1);
    assert!(!out.rules().contains(&"backups-off".to_owned()) && out.rules().len() < all.len());
    // A profile that cannot be loaded is refused whatever is asked for.
    room.file("broken.yaml", format!("{PROD}network: {{ prt: 1 }}\n"));
    for filter in [["--only", "backups-off"], ["--except", "unknown-key"]] {
        let out = room.run([&["validate", "--format", "json"], filter.as_slice(), &["broken.yaml"]].concat()).ended(1);
        assert_eq!(out.rules(), ["unknown-key"]);
    }
    // An unknown rule is a mistake of the caller; `build` has no such option.
    let out = room.run(["validate", "--only", "tls-disabld", "p.yaml"]).ended(2);
    assert!(out.stderr.contains("did you mean `tls-disabled`?"), "{}", out.stderr);
    for command in ["build", "diff"] {
        room.run([command, "--except", "network-open", "p.yaml"]).ended(2);
    }
}

struct Orphan;

impl Parents for Orphan {
    fn read(&mut self, _: &str, _: &str) -> Result<Input, String> {
        Err("no parents here".to_owned())
    }
}

fn input(text: &str) -> Input {
    Input { name: "p.yaml".to_owned(), bytes: text.as_bytes().to_vec() }
}

/// Valid lines, and what a slip makes of them.
fn line() -> impl Strategy<Value = String> {
    let slip = prop::sample::select(vec!["", "", "", "x", "\"", "*", " ", "&a ", "yes", "%", "[", "#"]);
    let lines = vec![
        "network: { exposure: localhost, port: 6390 }",
        "tls: { mode: mutual, minimum: \"1.3\" } # newest",
        "persistence:\n  aof: true",
        "commands: { rename: false }",
        "monitoring: { exporter: on }",
        "users:\n  - { name: admin, role: admin }\n  - { name: b, role: application, keys: [%R~b:*, *c] }",
        "config: { hz: 20 }",
        "resources:\n  memory: 1GiB",
    ];
    (prop::sample::select(lines), slip, 0..90_usize, any::<bool>()).prop_map(|(line, slip, place, cut)| {
        let mut line = line.to_owned();
        let place = place % line.len();
        if cut {
            line.remove(place);
        }
        line.insert_str(place, slip);
        line
    })
}

/// What can be loaded is never changed; whatever is changed differs in the edits only, and only once.
#[test]
fn edits_are_all_that_differs() {
    let edited = Cell::new(0);
    let strategy = (prop::collection::vec(line(), 0..5), any::<bool>());
    let mut runner = TestRunner::new(ProptestConfig::with_cases(400));
    let outcome = runner.run(&strategy, |(lines, crlf)| {
        let text = format!("{PROD}{}\n", lines.join("\n"));
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let loads = load::load(input(&text), &mut Orphan).is_ok();
        let Ok(Mended { text: after, edits }) = mend(input(&text), &mut Orphan) else {
            prop_assert!(!loads, "{}", text);
            return Ok(());
        };
        if loads || edits.is_empty() {
            prop_assert_eq!(&after, &text);
        } else {
            edited.set(edited.get() + 1);
        }
        // Undone from the last to the first, the old text is there again.
        let mut back: Vec<String> = after.split('\n').map(str::to_owned).collect();
        for edit in edits.iter().rev() {
            let old = edit.old.as_ref().expect("short lines are shown");
            let line = &mut back[edit.line - 1];
            prop_assert!(line.contains(&edit.new), "{} {:?}", line, edit);
            // Equal words on a line cannot be told apart: its signs are compared, not their order.
            *line = line.replacen(&edit.new, old, 1);
        }
        let signs = |text: &str| {
            let mut signs: Vec<char> = text.chars().collect();
            signs.sort_unstable();
            signs
        };
        for (back, text) in back.iter().zip(text.split('\n')) {
            prop_assert_eq!(signs(back), signs(text));
        }
        prop_assert_eq!(back.len(), text.split('\n').count());
        let again = mend(input(&after), &mut Orphan);
        prop_assert_eq!(again, Ok(Mended { text: after, edits: Vec::new() }));
        Ok(())
    });
    outcome.expect("holds for all");
    assert!(edited.get() > 40, "only {} of 400 profiles were edited", edited.get());
}
