//! What the script does when it cannot do its work, and that every shell at hand runs it.

use std::fs;
use std::process::Command;

use crate::deployment::Deployment;
use crate::engine;
use crate::engines::profile;
use crate::sandbox::Server;
use crate::tap::{Tap, script};

#[test]
fn every_shell_runs_it() {
    let deployment = Deployment::build(&profile(&engine::debian(), "mutual"));
    let script = script(&deployment);
    let linted = Command::new("shellcheck").arg(&script).output().expect("shellcheck runs: install the package");
    assert!(linted.status.success(), "{}", String::from_utf8_lossy(&linted.stdout));
    let server = Server::boot(&deployment, &engine::debian());
    let mut shells: Vec<&[&str]> = vec![&["dash"], &["bash", "--posix"]];
    if Command::new("busybox").arg("true").output().is_ok() {
        shells.push(&["busybox", "sh"]);
    }
    for shell in shells {
        Tap::run(server.in_network(shell[0]).args(&shell[1..]).arg(&script)).holds();
    }
}

#[test]
fn what_cannot_be_tried_is_skipped_and_counts() {
    let deployment = Deployment::build(&profile(&engine::debian(), "mutual"));
    let server = Server::boot(&deployment, &engine::debian());
    fs::remove_file(deployment.secret("clients/reports/password")).expect("a password");
    let tap = Tap::of(&server, &[]);
    assert_eq!((tap.code, tap.failed()), (Some(2), vec![]), "{}", tap.text);
    assert!(tap.skipped().iter().all(|skipped| skipped.starts_with("reports")), "{}", tap.text);
    assert!(tap.skipped().contains(&"reports writes nothing"), "{}", tap.text);
    assert_eq!(Tap::of(&server, &["--allow-skips"]).code, Some(0));
    // A failure is one all the same.
    server.client("admin").replies(&["ACL SETUSER cart +flushall"]);
    assert_eq!(Tap::of(&server, &["--allow-skips"]).code, Some(1));
    server.client("admin").replies(&["ACL SETUSER cart -flushall"]);
    // Without openssl: a PATH with everything else that it needs.
    let path = deployment.folder().join("path");
    fs::create_dir(&path).expect("folder");
    for tool in ["sh", "awk", "sed", "head", "tr", "cut", "cat", "dirname", "timeout", "hostname", "redis-cli"] {
        let found = Command::new("which").arg(tool).output().expect("which");
        let found = String::from_utf8(found.stdout).expect("text");
        std::os::unix::fs::symlink(found.trim(), path.join(tool)).expect("link");
    }
    let mut command = server.in_network("env");
    command.arg(format!("PATH={}", path.display())).arg("sh").arg(script(&deployment));
    let tap = Tap::run(&mut command);
    assert_eq!((tap.code, tap.failed()), (Some(2), vec![]), "{}", tap.text);
    assert!(tap.skipped().contains(&"certificate, protocols and ciphers"), "{}", tap.text);
}

#[test]
fn without_a_server_or_passwords_it_bails_out() {
    let deployment = Deployment::build(&profile(&engine::debian(), "disabled"));
    let server = Server::boot(&deployment, &engine::debian());
    for arguments in [&["--port", "6390"][..], &["--secrets", "/nonexistent"], &["--host", "nosuch.invalid"]] {
        let tap = Tap::of(&server, arguments);
        assert!(tap.bailed && tap.code == Some(2) && tap.checks.is_empty(), "{}", tap.text);
    }
    for arguments in [&["--nosuch"][..], &["--port"], &["--port", "x"], &["--host", "-h"], &["--outside", "a;b"]] {
        let output = Command::new("sh").arg(script(&deployment)).args(arguments).output().expect("runs");
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("usage: "), "{arguments:?}");
    }
    let help = Command::new("sh").arg(script(&deployment)).arg("--help").output().expect("runs");
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).starts_with("usage: "));
}

/// Of many users, those with different rights come first, and it is said that others are left out.
#[test]
fn many_users_are_not_all_tried() {
    let mut text = String::from("version: 1\nname: many\nenvironment: production\ntls: { mode: disabled }\n");
    text.push_str(&engine::debian().section());
    text.push_str("\nusers:\n  - { name: admin, role: admin }\n");
    for number in 10..50 {
        text.push_str(&format!("  - {{ name: u{number}, role: application, keys: [\"u{number}:*\"] }}\n"));
    }
    text.push_str("  - { name: zoe, role: readonly, keys: [\"z:*\"] }\n");
    let deployment = Deployment::build(&text);
    let server = Server::boot(&deployment, &engine::debian());
    let tap = Tap::of(&server, &[]);
    tap.holds();
    // 40 applications, admin, zoe, and the users of exporter and health check; 32 of them.
    assert!(tap.text.contains("# 12 further users are not tried"), "{}", tap.text);
    assert!(tap.checks.iter().any(|check| check.description == "zoe writes nothing"), "{}", tap.text);
}
