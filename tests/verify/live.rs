//! Level live: drift of a running server is seen, and nothing is changed there.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::deployment::{Deployment, production_profile, replaced};
use crate::proof::{Proof, redisgen};

/// Somebody's server, which the tree configures; its paths are those of this machine.
struct Running {
    child: Child,
    port: u16,
    deployment: Deployment,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(profile: &str, edits: &[(&str, &str)]) -> Running {
        let deployment = Deployment::build(profile);
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("port").port();
        let mut conf = fs::read_to_string(deployment.out().join("redis/redis.conf")).expect("redis.conf");
        let secrets = deployment.secret("server").display().to_string();
        let data = format!("dir {}\n", deployment.data().display());
        let places = [("/run/redis/", format!("{secrets}/")), ("dir /data\n", data)];
        let places = places.iter().map(|(from, to)| (*from, to.as_str()));
        for (from, to) in edits.iter().copied().chain(places) {
            assert!(conf.contains(from), "no {from:?} in:\n{conf}");
            conf = conf.replace(from, to);
        }
        let file = deployment.folder().join("live.conf");
        fs::write(&file, conf).expect("written");
        let log = deployment.folder().join("live.log");
        let out = fs::File::create(&log).expect("log");
        // Options behind the file win.
        let mut command = Command::new("redis-server");
        command.arg(&file).args(["--bind", "127.0.0.1"]);
        let option = if deployment.is_tls() { "--tls-port" } else { "--port" };
        command.args([option, &port.to_string()]).stdin(Stdio::null()).stdout(out);
        let child = command.spawn().expect("redis-server: install the package redis-server");
        let running = Running { child, port, deployment };
        let start = Instant::now();
        while !fs::read_to_string(&log).expect("log").contains("Ready to accept") {
            assert!(start.elapsed() < Duration::from_secs(20), "{}", fs::read_to_string(&log).expect("log"));
            std::thread::sleep(Duration::from_millis(10));
        }
        running
    }

    fn proof(&self, user: &str, more: &[&str]) -> Proof {
        let scheme = if self.deployment.is_tls() { "rediss" } else { "redis" };
        let url = format!("{scheme}://localhost:{}", self.port);
        let mut command =
            redisgen(&["verify", "--deny", "error", "--format", "json", "--against", &url, "--user", user]);
        command.arg(self.deployment.folder().join("profile.yaml")).arg("--dir").arg(self.deployment.out()).args(more);
        Proof::run(&mut command)
    }

    /// A command as the administrator.
    fn admin(&self, command: &[&str]) -> String {
        let mut cli = Command::new("redis-cli");
        cli.args(["--no-auth-warning", "-h", "localhost", "-p", &self.port.to_string(), "--user", "admin"]);
        cli.env("REDISCLI_AUTH", self.deployment.password("admin"));
        if self.deployment.is_tls() {
            let (certificate, key) = self.deployment.certificate("admin");
            cli.arg("--tls").arg("--cacert").arg(self.deployment.secret("server/ca.crt"));
            cli.arg("--cert").arg(certificate).arg("--key").arg(key);
        }
        let output = cli.args(command).output().expect("redis-cli: install the package redis-tools");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

/// What this machine's paths and ports change, and a container's would not.
const PLACES: [&str; 7] = ["aclfile", "bind", "dir", "tls-ca-cert-file", "tls-cert-file", "tls-key-file", "tls-port"];

/// The settings that differ, but for places.
fn drift(proof: &Proof) -> Vec<String> {
    let (state, seen) = proof.checks()["live/settings"].clone();
    assert_eq!(state, "failed", "{:#?}", proof.checks());
    let (told, others) = seen.split_once("; others that differ: ").unwrap_or((seen.as_str(), ""));
    let told = told.split("; ").map(|part| part.split(' ').next().expect("a name").to_owned());
    let settings = told.chain(others.split(", ").filter(|name| !name.is_empty()).map(ToOwned::to_owned));
    settings.filter(|name| !PLACES.contains(&name.as_str())).collect()
}

#[test]
fn a_faithful_server_is_faithful_and_unchanged() {
    let server = Running::start(&production_profile(), &[]);
    let told = || {
        let parts = [["CONFIG", "GET", "*"], ["ACL", "LIST", ""], ["DBSIZE", "", ""]];
        parts.map(|words| server.admin(&words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>()))
    };
    let before = told();
    let proof = server.proof("admin", &[]);
    assert_eq!(told(), before, "it changed something");
    assert_eq!(drift(&proof), [""; 0], "{:#?}", proof.checks());
    assert_eq!(proof.in_state("failed"), ["live/settings"], "{:#?}", proof.checks());
    assert_eq!(proof.in_state("not-run"), [""; 0], "{:#?}", proof.checks());
    assert!(proof.in_state("held").len() >= 11, "{:#?}", proof.checks());
}

#[test]
fn drift_is_seen() {
    let server = Running::start(&production_profile(), &[]);
    for words in [
        &["CONFIG", "SET", "maxmemory", "100mb"][..],
        &["CONFIG", "SET", "protected-mode", "no"],
        // What the profile does not write.
        &["CONFIG", "SET", "masterauth", "hunter2"],
        &["CONFIG", "SET", "proto-max-bulk-len", "4gb"],
        &["CONFIG", "SET", "replica-read-only", "no"],
        &["REPLICAOF", "127.0.0.1", "1"],
        &["ACL", "SETUSER", "sessionapp", "+keys"],
        &["ACL", "SETUSER", "admin", ">another-password-of-somebody"],
        &["ACL", "SETUSER", "intruder", "on", "nopass", "~*", "+@all"],
    ] {
        assert_eq!(server.admin(words), "OK", "{words:?}");
    }
    let proof = server.proof("admin", &[]);
    let settings =
        ["maxmemory", "protected-mode", "masterauth", "proto-max-bulk-len", "replica-read-only", "replicaof"];
    assert_eq!(drift(&proof), settings);
    let (state, seen) = proof.checks()["live/replication"].clone();
    assert_eq!((state.as_str(), seen.as_str()), ("failed", "role:slave of 127.0.0.1:1"));
    assert!(!String::from_utf8_lossy(&proof.output.stdout).contains("hunter2"), "a password is shown");
    let (state, seen) = proof.checks()["live/users"].clone();
    assert_eq!(state, "failed");
    assert!(seen.contains("intruder") && seen.contains("sessionapp") && seen.contains("keys"), "{seen}");
    assert_eq!(proof.in_state("advice"), ["live/passwords"], "normal while passwords are rotated");
    assert_eq!(proof.output.status.code(), Some(1));
    assert!(!String::from_utf8_lossy(&proof.output.stdout).contains("another-password"), "a password is shown");
}

#[test]
fn weaker_encryption_is_seen() {
    let weak = [
        ("tls-auth-clients yes", "tls-auth-clients no"),
        (
            "tls-protocols \"TLSv1.2 TLSv1.3\"\ntls-ciphers ",
            "tls-protocols \"TLSv1.1 TLSv1.2\"\ntls-ciphers DEFAULT@SECLEVEL=0:",
        ),
    ];
    let server = Running::start(&production_profile(), &weak);
    let proof = server.proof("admin", &[]);
    assert_eq!(proof.in_state("failed"), ["live/client-certificate", "live/old-tls", "live/settings"]);
}

#[test]
fn another_build_is_drift() {
    let server = Running::start(&production_profile(), &[]);
    let path = server.deployment.folder().join("profile.yaml");
    fs::write(&path, replaced(&production_profile(), "\"7.0.15\"", "\"7.0.14\"")).expect("profile");
    let proof = server.proof("admin", &[]);
    assert_eq!(proof.checks()["live/version"].0, "failed");
    fs::write(&path, replaced(&production_profile(), "\"7.0.15\"", "\"7.4.11\"")).expect("profile");
    let proof = server.proof("admin", &[]);
    assert_eq!(proof.in_state("failed"), ["live/advisories", "live/version"], "{:#?}", proof.checks());
    let not_run = ["live/loaded-modules", "live/passwords", "live/settings", "live/users"];
    assert_eq!(proof.in_state("not-run"), not_run, "{:#?}", proof.checks());
}

#[test]
fn least_privilege_says_what_it_cannot_see() {
    let server = Running::start(&production_profile(), &[]);
    let proof = server.proof("monitor", &[]);
    assert_eq!(proof.in_state("not-run"), ["live/passwords", "live/settings", "live/users"], "{:#?}", proof.checks());
    assert_eq!(proof.output.status.code(), Some(0));
    assert_eq!(server.proof("monitor", &["--require", "live"]).output.status.code(), Some(1));
    let wrong = server.deployment.folder().join("wrong");
    fs::write(&wrong, "wrong\n").expect("written");
    let proof = server.proof("monitor", &["--password-file", &wrong.display().to_string()]);
    assert_eq!(proof.in_state("failed"), ["live/login"]);
}

#[test]
fn passwords_do_not_belong_into_arguments() {
    let output =
        redisgen(&["verify", "--against", "rediss://admin:hunter2@localhost:1", "x.yaml"]).output().expect("runs");
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("--password-file"), "{text}");
}
