//! What every level has in common: nothing counts as held that was not run, nothing is left behind, evidence is kept.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::deployment::{Deployment, production_profile, replaced};
use crate::proof::{Proof, edit, redisgen};

/// A profile for the server that Debian has.
fn profile(folder: &Path) -> String {
    let path = folder.join("prod.yaml");
    fs::write(&path, production_profile()).expect("profile");
    path.display().to_string()
}

/// Proofs are the same wherever their folder lies, so that what they leave is seen there.
fn verify(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = redisgen(&["verify", "--deny", "error"]);
    let temporary = folder.path().join("tmp");
    fs::create_dir_all(&temporary).expect("folder");
    command.arg(profile(folder.path())).args(arguments).env("TMPDIR", temporary);
    command
}

#[track_caller]
fn nothing_is_left(folder: &TempDir) {
    let left: Vec<_> = fs::read_dir(folder.path().join("tmp")).expect("folder").collect();
    assert!(left.is_empty(), "{left:?}");
    // A process that still runs there has its folder in its arguments.
    let mine = folder.path().display().to_string();
    let running = fs::read_dir("/proc").expect("proc").filter_map(|entry| {
        let line = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.contains(&mine).then_some(line)
    });
    let running: Vec<String> = running.collect();
    assert!(running.is_empty(), "{running:?}");
}

#[test]
fn what_is_missing_is_not_held() {
    let folder = tempfile::tempdir().expect("folder");
    let nothing = folder.path().join("empty");
    fs::create_dir(&nothing).expect("folder");
    let missing = |arguments: &[&str]| {
        // Without a server on PATH, nor below /usr/sbin where Debian puts none.
        Proof::run(verify(&folder, arguments).args(["--format", "json"]).env("PATH", &nothing))
    };
    let proof = missing(&["--level", "server"]);
    assert_eq!(proof.in_state("not-run"), ["server/start"]);
    assert!(proof.in_state("held").is_empty());
    assert_eq!(proof.output.status.code(), Some(1), "nothing was proven");
    let remedy = &proof.document["profiles"][0]["checks"][0]["remedy"];
    assert!(remedy.as_str().expect("a remedy").contains("--server"), "{remedy}");
    // With something else that holds it is no failure, unless it is required.
    let proof = Proof::run(
        verify(&folder, &["--level", "scripts,server", "--server", "/usr/bin/true", "--format", "json"])
            .env_remove("X"),
    );
    assert_eq!(proof.output.status.code(), Some(1), "a server that is none: {:?}", proof.checks());
    nothing_is_left(&folder);
}

#[test]
fn another_line_is_told_and_fails_where_it_is_required() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("other.yaml");
    fs::write(&path, replaced(&production_profile(), "\"7.0.15\"", "\"7.4.11\"")).expect("profile");
    let run = |more: &[&str]| {
        let mut command = redisgen(&["verify", "--deny", "error", "--format", "json", "--level", "server"]);
        Proof::run(command.arg(&path).args(more))
    };
    let proof = run(&[]);
    assert_eq!(proof.in_state("not-run"), ["server/line"]);
    assert!(proof.in_state("held").len() > 25, "{:#?}", proof.checks());
    assert_eq!(proof.output.status.code(), Some(0));
    assert_eq!(run(&["--require", "server"]).output.status.code(), Some(1));
    // The files of a tree are for one line.
    let deployment = Deployment::build(&replaced(&production_profile(), "\"7.0.15\"", "\"7.4.11\""));
    let proof = Proof::of(&deployment, "server", &[]);
    assert_eq!(proof.in_state("not-run"), ["server/line", "server/start"]);
}

#[test]
fn evidence_is_what_json_prints() {
    let folder = tempfile::tempdir().expect("folder");
    let file = folder.path().join("evidence.json");
    let proof = Proof::run(verify(&folder, &["--level", "scripts", "--format", "json", "--evidence"]).arg(&file));
    let text = fs::read(&file).expect("kept");
    assert_eq!(String::from_utf8_lossy(&text), String::from_utf8_lossy(&proof.output.stdout));
    let kept: Value = serde_json::from_slice(&text).expect("JSON");
    let profile = &kept["profiles"][0];
    assert_eq!(profile["engine"], "redis 7.0.15");
    assert_eq!(profile["digest"].as_str().map(str::len), Some(64));
    assert_eq!(profile["artefacts"]["redis/redis.conf"].as_str().map(str::len), Some(64));
    assert!(profile["judges"]["shellcheck"].is_string());
    let ends = |key: &str| profile[key].as_str().expect("a time").ends_with('Z');
    assert!(ends("started") && ends("ended"));
    nothing_is_left(&folder);
}

#[test]
fn people_get_lines_and_a_table() {
    let folder = tempfile::tempdir().expect("folder");
    let output = verify(&folder, &["--level", "scripts"]).output().expect("runs");
    let (lines, table) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    assert!(
        lines.contains("  held     scripts      shellcheck has nothing to say of redis/healthcheck.sh\n"),
        "{lines}"
    );
    assert!(!lines.contains('\u{1b}'), "colours in a log: {lines}");
    assert!(table.contains("\n  scripts "), "{table}");
    assert!(table.trim_end().ends_with("held, 0 not run"), "{table}");
}

#[test]
fn a_refused_profile_starts_nothing() {
    let folder = tempfile::tempdir().expect("folder");
    let output = verify(&folder, &["--deny", "warning"]).output();
    let output = output.expect("runs");
    // Twice --deny is a usage error; so once, and stricter.
    assert_eq!(output.status.code(), Some(2));
    let path = profile(folder.path());
    let output = redisgen(&["verify", &path]).output().expect("runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nothing was started"), "{output:?}");
}

#[test]
fn a_tree_without_a_file_or_with_another_is_seen() {
    let deployment = Deployment::build(&production_profile());
    Proof::of(&deployment, "tree", &[]).holds(4);
    edit(&deployment.out().join("redis/redis.conf"), "hz 10\n", "hz 11\n");
    let proof = Proof::of(&deployment, "tree", &[]);
    assert_eq!(proof.in_state("advice"), ["tree/edited"], "{:#?}", proof.checks());
    assert_eq!(proof.output.status.code(), Some(0), "the other levels judge what it does");
    fs::remove_file(deployment.out().join("redis/redis.conf")).expect("removed");
    Proof::of(&deployment, "tree", &[]).fails("a missing file", &["tree/files"]);
}

#[test]
fn a_tree_that_leads_elsewhere_is_not_followed() {
    let deployment = Deployment::build(&production_profile());
    let path = deployment.out().join("redis/redis.conf");
    fs::remove_file(&path).expect("removed");
    std::os::unix::fs::symlink("/etc/shadow", &path).expect("a link");
    let output = redisgen(&["verify", "--deny", "error", "--level", "server"])
        .arg(deployment.folder().join("profile.yaml"))
        .arg("--dir")
        .arg(deployment.out())
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("symbolic link"), "{output:?}");
}

#[test]
fn an_interrupted_proof_leaves_nothing() {
    let deployment = Deployment::build(&production_profile());
    // A terraform that has much to do: it initialises until it is ended.
    let programs = tempfile::tempdir().expect("folder");
    let slow = programs.path().join("terraform");
    let script = "#!/bin/sh\ncase $1 in version) echo Terraform v1.11.0 ;; init) echo $$ >&2; sleep 97531 ;; esac\n";
    fs::write(&slow, script).expect("written");
    fs::set_permissions(&slow, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a program");
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").expect("PATH"));
    let (server, firewall) = ("starts with the emitted configuration", "gets in while it is not loaded");
    let cases = [
        ("INT", "server", true, server),
        ("TERM", "server", false, server),
        ("HUP", "server", true, server),
        ("INT", "firewall", true, firewall),
        ("TERM", "terraform", true, "Module aws is formatted"),
    ];
    for (signal, level, tree, word) in cases {
        let folder = tempfile::tempdir().expect("folder");
        let mut command = verify(&folder, &["--level", level]);
        if tree {
            command.arg("--dir").arg(deployment.out());
        }
        if level == "terraform" {
            command.arg("--providers").arg(programs.path()).env("PATH", &path);
        }
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("runs");
        let mut stderr = child.stderr.take().expect("stderr");
        // As soon as what it starts runs.
        let mut seen = String::new();
        let mut buffer = [0; 4096];
        while !seen.contains(word) {
            let count = stderr.read(&mut buffer).expect("progress");
            assert!(count > 0, "{seen}");
            seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        send(signal, &child);
        let status = ended(&mut child);
        assert_eq!(status.code(), Some(2), "{signal} {level}: {seen}");
        nothing_is_left(&folder);
        // What has no folder in its arguments ends, too.
        let left = Command::new("pgrep").args(["-f", "^sleep 97531"]).output().expect("pgrep");
        assert!(left.stdout.is_empty(), "{level}: {left:?}");
    }
}

/// A check that panics has failed; what it holds ends and goes.
#[test]
fn a_panic_cleans_up() {
    use redisgen::verify::level::Level;
    use redisgen::verify::recorder::{Reader, Recorder};
    use redisgen::verify::{check::State, lab::Lab, process};

    let model = model();
    let (mut pid, mut path) = (0, None);
    let mut recorder = Recorder::new(Reader::Log);
    let held = recorder.run(Level::Server, "a", "It holds", || {
        let lab = Lab::new(&model, String::new(), None, time::OffsetDateTime::now_utc()).expect("a folder");
        let process = process::Process::start(process::command("sleep").arg("1000")).expect("it starts");
        (pid, path) = (process.pid(), Some(lab.path().to_owned()));
        assert!(lab.tree().join("redis/redis.conf").exists() && Path::new(&format!("/proc/{pid}")).exists());
        panic!("a reason");
    });
    assert!(!held && recorder.run(Level::Server, "b", "The next one runs", || Ok(String::new())));
    let records = recorder.finish();
    assert_eq!((records[0].state, records[0].seen.as_str()), (State::Failed, "redisgen itself failed: a reason"));
    assert!(!path.expect("a lab").exists(), "the folder is left");
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the process is left");
}

fn model() -> redisgen::model::Model {
    use redisgen::input::{DiskParents, ProfilePath};
    use redisgen::{load, resolve};

    let input = load::Input { name: "prod.yaml".to_owned(), bytes: production_profile().into_bytes() };
    let path = ProfilePath { name: "prod.yaml".to_owned(), path: None };
    let (profile, loaded) = load::load(input, &mut DiskParents::new(&path)).unwrap_or_else(|_| panic!("a profile"));
    resolve::resolve(&loaded, profile, "prod.yaml").unwrap_or_else(|finding| panic!("{}", finding.message))
}

/// Files, modes, times: what is proven is only read.
#[test]
fn the_proven_tree_stays_as_it_is() {
    let deployment = Deployment::build(&production_profile());
    let state = || {
        let script =
            "find . -exec stat -c '%n %a %u %g %s %Y %Z' {} + | sort; find . -type f -exec sha256sum {} + | sort";
        let output = Command::new("sh").args(["-c", script]).current_dir(deployment.out()).output().expect("sh");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let before = state();
    assert!(before.lines().count() > 60, "{before}");
    Proof::of(&deployment, "server,firewall,certificates,scripts,tree", &[]).holds(50);
    assert_eq!(before, state());
}

/// Nobody can clean up after SIGKILL, but no server outlives it.
#[test]
fn a_killed_proof_leaves_no_server() {
    for tree in [false, true] {
        let deployment = Deployment::build(&production_profile());
        let folder = tempfile::tempdir().expect("folder");
        let mut command = verify(&folder, &["--level", "server"]);
        if tree {
            command.arg("--dir").arg(deployment.out());
        }
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("runs");
        let mut stderr = child.stderr.take().expect("stderr");
        let mut buffer = [0; 64];
        assert!(stderr.read(&mut buffer).expect("progress") > 0);
        std::thread::sleep(Duration::from_millis(300));
        send("KILL", &child);
        ended(&mut child);
        let mine = folder.path().display().to_string();
        let start = Instant::now();
        loop {
            let servers = fs::read_dir("/proc").expect("proc").filter_map(|entry| {
                let line = fs::read(entry.ok()?.path().join("cmdline")).ok()?;
                Some(String::from_utf8_lossy(&line).contains(&mine))
            });
            if servers.filter(|found| *found).count() == 0 {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "a server outlives its proof");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn send(signal: &str, child: &Child) {
    let status = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().expect("kill");
    assert!(status.success());
}

fn ended(child: &mut Child) -> std::process::ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("child") {
            return status;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}
