//! Level `host`: open modes of `secrets/` fail, everything else is advice.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::deployment::*;
use crate::program::*;
use crate::work::*;

/// No engine is asked: what there is on the machine must not decide what the test sees.
fn proof(deployment: &Deployment, words: &[&str]) -> Proof {
    let mut command = Command::new(env!("CARGO_BIN_EXE_redisgen"));
    command
        .args(["verify", "--deny", "error", "--format", "json", "--level", "host"])
        .arg(deployment.folder.path().join(format!("{}.yaml", deployment.name)))
        .args(words)
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    Proof::of(&run(&mut command))
}

#[test]
fn open_secrets_fail() {
    let deployment = Deployment::new("prod-minimal", &minimal("prod-minimal"));
    let out = deployment.out().display().to_string();
    let look = || proof(&deployment, &["--dir", &out]);
    let closed = look();
    assert_eq!(closed.with("failed"), [""; 0], "{}", closed.text);
    assert_eq!(closed.with("not-run"), ["host/docker", "host/docker-compose"], "{}", closed.text);
    assert_eq!(closed.code, Some(0), "{}", closed.text);
    for (path, mode, ids) in [
        ("secrets", 0o750, &["host/secrets-closed"][..]),
        ("secrets/ca", 0o755, &["host/authority-closed"]),
        ("secrets/ca/ca.key", 0o640, &["host/authority-closed"]),
        ("secrets/server/users.acl", 0o664, &["host/secrets-not-writable"]),
        ("secrets/clients/app", 0o777, &["host/secrets-not-writable"]),
    ] {
        let path = deployment.path(path);
        let before = std::fs::metadata(&path).expect("there").permissions();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("chmod");
        look().fails(ids);
        std::fs::set_permissions(&path, before).expect("chmod");
    }
    let stranger = deployment.path("secrets/clients/app/password");
    std::os::unix::fs::chown(&stranger, Some(12345), None).expect("chown, which needs root");
    look().fails(&["host/secrets-owner"]);
    std::os::unix::fs::chown(&stranger, Some(0), None).expect("chown");
    assert_eq!(look().code, Some(0), "all is put back");
    // In the private copy of a tree that was built for the proof there is nothing to find.
    assert!(!proof(&deployment, &[]).states.contains_key("host/secrets-closed"));
}

#[test]
fn a_port_that_is_taken_is_advice() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let profile = format!("{}network: {{ port: {port} }}\n", minimal("prod-minimal"));
    let deployment = Deployment::new("prod-minimal", &profile);
    let busy = proof(&deployment, &[]);
    assert_eq!(busy.states.get("host/ports").map(String::as_str), Some("advice"), "{}", busy.text);
    assert!(busy.text.contains("is in use, perhaps by this deployment itself"), "{}", busy.text);
    assert_eq!(busy.code, Some(0));
    drop(taken);
    assert_eq!(proof(&deployment, &[]).states.get("host/ports").map(String::as_str), Some("held"));
}

#[test]
fn a_machine_without_an_engine_is_not_proven() {
    let deployment = Deployment::new("dev", &Deployment::runnable("dev"));
    let required = proof(&deployment, &["--require", "host"]);
    assert_eq!(required.with("not-run"), ["host/docker", "host/docker-compose"], "{}", required.text);
    assert_eq!(required.code, Some(1), "{}", required.text);
}
