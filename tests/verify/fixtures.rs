//! Every fixture, built, and its tree proven at every level that needs no container: nothing fails, and only what this
//! machine lacks is not run. Three fixtures are proven at level compose, too (`tests/verify_compose`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::proof::{Proof, redisgen};
use crate::provider::{ENDS, Provider};

const LEVELS: &str = "tree,certificates,firewall,scripts,host";

/// Copies of the fixtures, for Debian's server where they do not insist on a line.
fn fixtures(folder: &Path) -> Vec<PathBuf> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ok");
    let copied = Command::new("cp").arg("-r").arg(&from).arg(folder).status().expect("cp runs");
    assert!(copied.success());
    let entries = std::fs::read_dir(folder.join("ok")).expect("fixtures").map(|entry| entry.expect("entry").path());
    let all: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    for path in &all {
        let mut text = std::fs::read_to_string(path).expect("profile").replace("\"7.4.11\"", "\"7.0.15\"");
        if !text.contains("\nengine:") {
            text.push_str("engine: { kind: redis, version: \"7.0.15\" }\n");
        }
        std::fs::write(path, text).expect("written");
    }
    all
}

/// Those of other lines: their trees are for their own servers, and what the profile asks for is proven on Debian's.
const OTHER_LINES: [&str; 2] = ["redis-6-2", "redis-8-10"];

fn verify(levels: &str, profile: &Path) -> Command {
    let mut command = redisgen(&["verify", "--deny", "error", "--format", "json", "--level", levels]);
    command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock").arg(profile);
    command
}

/// No check failed, and only these were not run.
#[track_caller]
fn only_lacks(name: &str, proof: &Proof, lacking: &[&str]) {
    assert_eq!(proof.in_state("failed"), [""; 0], "{name}: {:#?}", proof.checks());
    let mut not_run = proof.in_state("not-run");
    // A level that this tree has nothing for says so.
    not_run.retain(|check| !check.ends_with("/nothing"));
    assert_eq!(not_run, lacking, "{name}: {:#?}", proof.checks());
    assert_eq!(proof.output.status.code(), Some(0), "{name}");
}

/// Debian 13's Valkey, which has TLS.
fn valkey() -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers.sh");
    let output = Command::new(script).output().expect("tests/servers.sh runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().find_map(|line| line.strip_prefix("valkey ")).expect("a Valkey").to_owned()
}

#[test]
fn nothing_fails_on_any_fixture() {
    let folder = tempfile::tempdir().expect("folder");
    let work = Mutex::new(fixtures(folder.path()));
    let proven = Mutex::new(Vec::new());
    let provider = Provider::start(ENDS[1]);
    let valkey = valkey();
    // redis-cli understands valkey-cli's options.
    let programs = tempfile::tempdir().expect("folder");
    std::os::unix::fs::symlink("/usr/bin/redis-cli", programs.path().join("valkey-cli")).expect("a link");
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").expect("PATH"));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(profile) = { work.lock().expect("work").pop() } {
                    let name = profile.file_stem().expect("name").to_string_lossy().into_owned();
                    let out = profile.with_extension("out");
                    let built = redisgen(&["build", "--deny", "error"]).arg(&profile).arg("--out").arg(&out).output();
                    let built = built.expect("redisgen runs");
                    assert!(built.status.success(), "{name}: {}", String::from_utf8_lossy(&built.stderr));
                    let modules = out.join("terraform").is_dir();
                    let other = OTHER_LINES.contains(&name.as_str());
                    // Debian 12 has no valkey-cli, which a tree's health check looks for where administrators install it.
                    let text = std::fs::read_to_string(&profile).expect("profile");
                    let alone = other || text.contains("kind: valkey");
                    let mut levels = LEVELS.to_owned();
                    levels.push_str(if modules { ",terraform" } else { "" });
                    levels.push_str(if alone { "" } else { ",server" });
                    let mut command = verify(&levels, &profile);
                    command.arg("--dir").arg(&out).env("TF_REATTACH_PROVIDERS", provider.reattach());
                    let proof = Proof::run(&mut command);
                    only_lacks(&name, &proof, &["host/docker", "host/docker-compose"]);
                    let mut held = proof.in_state("held");
                    if alone {
                        let mut command = verify("server", &profile);
                        if !other {
                            command.args(["--server", &valkey]).env("PATH", &path);
                        }
                        let proof = Proof::run(&mut command);
                        only_lacks(&name, &proof, if other { &["server/line"] } else { &[] });
                        held.extend(proof.in_state("held"));
                    }
                    let of = |level: &str| held.iter().filter(|check| check.starts_with(level)).count();
                    assert!(of("server/") >= 12 && of("tree/") >= 2 && of("host/") >= 1, "{name}: {held:?}");
                    assert!(!modules || of("terraform/") >= 4, "{name}: {held:?}");
                    proven.lock().expect("proven").push((name, modules));
                }
            });
        }
    });
    let proven = proven.into_inner().expect("proven");
    assert!(proven.len() >= 15, "{proven:?}");
    for name in ["clouds", "prod", "store-aws", "store-vault"] {
        assert!(proven.iter().any(|(known, modules)| known == name && *modules), "{name}: {proven:?}");
    }
}
