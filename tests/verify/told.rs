//! What people and other programs are told: which tree was proven, by which server, what was not run and why; the live
//! line of a terminal; the evidence of a profile that is refused.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::deployment::{Deployment, production_profile};
use crate::proof::{Proof, edit, redisgen};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with a project file and its profile.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("prod.yaml"), production_profile()).expect("profile");
    let file = "version = 1\n[[profiles]]\npath = \"prod.yaml\"\nout = \"deploy\"\nenvironment = \"production\"\n";
    fs::write(folder.path().join("redisgen.toml"), file).expect("project");
    folder
}

#[test]
fn a_project_proves_what_is_deployed() {
    let folder = project();
    let run = |words: &[&str]| {
        let mut command = redisgen(words);
        command.current_dir(folder.path());
        command
    };
    let words = ["verify", "--deny", "error", "--level", "tree,scripts"];
    let output = run(&words).output().expect("runs");
    assert!(text(&output.stdout).contains("prod.yaml, built for this proof\n"), "{output:?}");
    assert!(run(&["build", "--deny", "error"]).output().expect("runs").status.success());
    let output = run(&words).output().expect("runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("prod.yaml, the tree "), "{output:?}");
    // What was edited there is judged, and not what a new build would be.
    edit(&folder.path().join("deploy/redis/healthcheck.sh"), "set -eu\n", "set -eu\nrm -rf $1/x\n");
    let json = [&words[..], &["--format", "json"]].concat();
    let proof = Proof::run(&mut run(&json));
    assert_eq!(proof.in_state("failed"), ["scripts/redis/healthcheck.sh"]);
    let dir = proof.document["profiles"][0]["dir"].as_str().expect("a folder");
    assert!(dir.ends_with("deploy"), "{dir}");
    // Another one that is named is the one.
    let proof = Proof::run(run(&json).args(["--dir", "elsewhere"]).current_dir({
        fs::create_dir(folder.path().join("elsewhere")).expect("folder");
        folder.path()
    }));
    assert_eq!(proof.checks()["tree/files"].0, "failed");
}

#[test]
fn an_empty_tree_holds_nothing_of_its_own() {
    let deployment = Deployment::build(&production_profile());
    let empty = deployment.folder().join("empty");
    fs::create_dir(&empty).expect("folder");
    let run = |dir: &Path, levels: &str| {
        let mut command = redisgen(&["verify", "--deny", "error", "--format", "json", "--level", levels, "--dir"]);
        Proof::run(command.arg(dir).arg(deployment.folder().join("profile.yaml")))
    };
    let proof = run(&empty, "tree,certificates");
    assert_eq!(proof.checks()["tree/edited"].0, "not-run", "{:#?}", proof.checks());
    assert_eq!(proof.checks()["tree/files"].0, "failed");
    // Certificates that nobody has: told.
    assert_eq!(proof.in_state("advice"), ["certificates/own-secrets"]);
    fs::remove_dir_all(deployment.out().join("secrets")).expect("removed");
    let proof = run(&deployment.out(), "certificates,server");
    assert_eq!(proof.in_state("advice"), ["certificates/own-secrets", "server/own-secrets"], "{:#?}", proof.checks());
    assert_eq!(proof.document["profiles"][0]["own_secrets"], true);
}

#[test]
fn a_refused_profile_has_evidence() {
    let folder = tempfile::tempdir().expect("folder");
    let profile = folder.path().join("prod.yaml");
    fs::write(&profile, "version: 1\nname: demo\nenvironment: production\ntls: { mode: disabled }\n").expect("profile");
    let file = folder.path().join("evidence.json");
    let output = redisgen(&["verify", "--deny", "warning", "--format", "json", "--evidence"])
        .arg(&file)
        .arg(&profile)
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let kept = fs::read(&file).expect("evidence");
    assert_eq!(text(&kept), text(&output.stdout));
    let kept: Value = serde_json::from_slice(&kept).expect("JSON");
    assert_eq!(kept["profiles"].as_array().map(Vec::len), Some(0));
    assert!(kept["refused"][0]["profile"].as_str().expect("a name").ends_with("prod.yaml"), "{kept}");
    assert!(text(&output.stderr).contains("tls-disabled"), "{output:?}");
}

/// Before anything runs, not after minutes.
#[test]
fn evidence_that_cannot_be_kept_starts_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let profile = folder.path().join("prod.yaml");
    fs::write(&profile, production_profile()).expect("profile");
    for bad in ["nowhere/evidence.json", "."] {
        let mut command = redisgen(&["verify", "--deny", "error", "--level", "scripts", "--evidence"]);
        let output = command.arg(folder.path().join(bad)).arg(&profile).output().expect("runs");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(!text(&output.stderr).contains("shellcheck has nothing"), "{output:?}");
    }
    let names: Vec<_> =
        fs::read_dir(folder.path()).expect("folder").map(|entry| entry.expect("entry").path()).collect();
    assert_eq!(names, [profile]);
}

#[test]
fn titles_are_not_taken_for_what_was_seen() {
    let deployment = Deployment::build(&production_profile());
    edit(&deployment.out().join("redis/redis.conf"), "appendonly yes\n", "appendonly maybe\n");
    let mut command = redisgen(&["verify", "--deny", "error", "--level", "server,terraform", "--dir"]);
    let output = command.arg(deployment.out()).arg(deployment.folder().join("profile.yaml")).output().expect("runs");
    let (lines, table) = (text(&output.stderr), text(&output.stdout));
    for text in [&lines, &table] {
        assert!(text.contains("expected: The server starts with the emitted configuration; seen: "), "{text}");
        assert!(text.contains("unproven: Module aws finds its providers; no folder of providers"), "{text}");
    }
    assert!(table.contains("not proven: 1 failed, 0 required and not run; the server was redis 7.0.15\n"), "{table}");
    // Another server than the profile's is in the last line.
    let other = deployment.folder().join("other.yaml");
    fs::write(&other, production_profile().replace("\"7.0.15\"", "\"7.0.14\"")).expect("profile");
    let output = redisgen(&["verify", "--deny", "error", "--level", "server"]).arg(&other).output().expect("runs");
    let last = text(&output.stdout).lines().last().map(ToOwned::to_owned).expect("a line");
    assert!(last.ends_with("; the server was redis 7.0.15, the profile asks for 7.0.14"), "{last}");
}

/// No level is silent, and compose is not touched unless it is asked for.
#[test]
fn what_did_not_run_is_told() {
    let folder = tempfile::tempdir().expect("folder");
    let profile = folder.path().join("prod.yaml");
    fs::write(&profile, production_profile()).expect("profile");
    let programs = folder.path().join("bin");
    fs::create_dir(&programs).expect("folder");
    let log = folder.path().join("docker.log");
    let fake = programs.join("docker");
    let script = "#!/bin/sh\necho \"$*\" >>LOG\ncase \"$*\" in\nversion*) echo 28.0.0 ;;\n'compose version'*) echo 2.30.0 ;;\n'context inspect'*) echo unix:///nowhere ;;\n*) exit 1 ;;\nesac\n";
    fs::write(&fake, script.replace("LOG", &log.display().to_string())).expect("written");
    let mode = Command::new("chmod").arg("755").arg(&fake).status().expect("chmod");
    assert!(mode.success());
    let run = |words: &[&str]| {
        let mut command = redisgen(&["verify", "--deny", "error", "--format", "json"]);
        let proof = Proof::run(command.args(words).arg(&profile).env("PATH", &programs));
        (proof, fs::read_to_string(&log).expect("docker was asked"))
    };
    let (proof, asked) = run(&[]);
    let checks = proof.checks();
    let levels =
        ["tree", "host", "server", "certificates", "firewall", "scripts", "terraform", "alerts", "compose", "live"];
    for level in levels {
        assert!(checks.keys().any(|name| name.starts_with(&format!("{level}/"))), "{level}: {checks:#?}");
    }
    assert_eq!(checks["compose/not-asked"].0, "not-run");
    assert_eq!(checks["live/not-asked"].0, "not-run");
    assert_eq!(checks["tree/nothing"].0, "not-run");
    let lacking = ("not-run".to_owned(), "no `promtool` on PATH".to_owned());
    assert_eq!(checks["alerts/start"], lacking);
    let verbs = |asked: &str| -> Vec<String> {
        asked
            .lines()
            .filter(|line| !line.contains("version") && !line.starts_with("context"))
            .map(ToOwned::to_owned)
            .collect()
    };
    assert_eq!(verbs(&asked), [""; 0]);
    // The control: who asks for it gets it.
    let (_, asked) = run(&["--level", "compose"]);
    assert_ne!(verbs(&asked), [""; 0], "{asked}");
}

/// What a terminal of this width shows in the end.
fn screen(text: &str, width: usize) -> (Vec<String>, usize) {
    let (mut rows, mut row, mut column, mut longest) = (vec![vec![' '; width]], 0, 0, 0);
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '\r' => column = 0,
            '\n' => {
                row += 1;
                rows.push(vec![' '; width]);
            }
            // Colours; anything else would have to be known here.
            '\u{1b}' => {
                let sequence: String = signs.by_ref().take_while(|sign| *sign != 'm').collect();
                assert!(sequence.starts_with('['), "{sequence:?}");
                assert!(sequence.len() < 12, "{sequence:?}");
            }
            sign => {
                if column == width {
                    row += 1;
                    column = 0;
                    rows.push(vec![' '; width]);
                }
                rows[row][column] = sign;
                column += 1;
                longest = longest.max(column);
            }
        }
    }
    (rows.into_iter().map(|row| row.into_iter().collect::<String>().trim_end().to_owned()).collect(), longest)
}

#[test]
fn a_terminal_shows_what_runs_and_keeps_what_ran() {
    let deployment = Deployment::build(&production_profile());
    for (width, variable) in [(72, "X=1"), (200, "NO_COLOR=1")] {
        let command = format!(
            "stty cols {width}; exec env {variable} {} verify --deny error --level server,tree --dir {} {} >/dev/null",
            env!("CARGO_BIN_EXE_redisgen"),
            deployment.out().display(),
            deployment.folder().join("profile.yaml").display(),
        );
        let output = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .output()
            .expect("script");
        let shown = text(&output.stdout);
        assert!(output.status.success(), "{shown}");
        // While it ran: a line for each check, also for those in namespaces of their own.
        let live = shown.split('\r').filter(|part| part.starts_with("  …        server ")).count();
        assert!(live >= 25, "{live}: {shown:?}");
        assert_eq!(shown.contains('\u{1b}'), variable != "NO_COLOR=1", "{shown:?}");
        let (rows, _) = screen(&shown, width);
        assert!(!rows.iter().any(|row| row.contains('…')), "a live line is left: {rows:#?}");
        let held = rows.iter().filter(|row| row.starts_with("  held     server ")).count();
        assert!(held >= 25, "{rows:#?}");
        for part in shown.split('\r').filter(|part| part.starts_with("  …")) {
            assert!(part.chars().count() < width, "it wraps: {part:?}");
        }
    }
}
