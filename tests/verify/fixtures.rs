//! Every fixture, at every level that needs no container and no provider: nothing fails, and only what this machine lacks is not run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use crate::proof::{Proof, redisgen};

fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ok");
    let entries = std::fs::read_dir(folder).expect("fixtures").map(|entry| entry.expect("entry").path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
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
    let work = Mutex::new(fixtures());
    let valkey = valkey();
    // Debian 12 has no valkey-cli; redis-cli understands the same options.
    let programs = tempfile::tempdir().expect("folder");
    std::os::unix::fs::symlink("/usr/bin/redis-cli", programs.path().join("valkey-cli")).expect("a link");
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").expect("PATH"));
    assert!(work.lock().expect("work").len() >= 15);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(profile) = { work.lock().expect("work").pop() } {
                    let levels = "tree,server,certificates,firewall,scripts";
                    let mut command = redisgen(&["verify", "--deny", "error", "--format", "json", "--level", levels]);
                    if std::fs::read_to_string(&profile).expect("profile").contains("kind: valkey") {
                        command.args(["--server", &valkey]).env("PATH", &path);
                    }
                    let proof = Proof::run(command.arg(&profile));
                    let name = profile.display();
                    assert_eq!(proof.in_state("failed"), [""; 0], "{name}: {:#?}", proof.checks());
                    // The fixtures name other lines than Debian's; their own servers prove them where they are at hand.
                    let mut not_run = proof.in_state("not-run");
                    not_run.retain(|check| check != "server/line" && !check.ends_with("/nothing"));
                    assert_eq!(not_run, [""; 0], "{name}: {:#?}", proof.checks());
                    let of_server = proof.in_state("held").iter().filter(|check| check.starts_with("server/")).count();
                    assert!(of_server >= 12, "{name}: {:#?}", proof.checks());
                    assert_eq!(proof.output.status.code(), Some(0), "{name}");
                }
            });
        }
    });
}
