//! Level live: drift of a running server is seen, and nothing is changed there.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redisgen::verify::check::Trouble;
use redisgen::verify::encryption;

use crate::deployment::{Deployment, development_profile, production_profile, replaced};
use crate::engine::{self, Engine};
use crate::files::sign;
use crate::proof::{Proof, edit, redisgen};
use crate::proxy::Proxy;
use crate::sandbox::Server;

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
        Running::of(Deployment::build(profile), edits)
    }

    fn of(deployment: Deployment, edits: &[(&str, &str)]) -> Running {
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
        self.proof_at(self.port, user, more)
    }

    /// The same through another port.
    fn proof_at(&self, port: u16, user: &str, more: &[&str]) -> Proof {
        let mut command = self.command(port, user);
        Proof::run(command.arg("--dir").arg(self.deployment.out()).args(more))
    }

    /// As somebody who has no more of the tree than a client has.
    fn proof_without_tree(&self, user: &str) -> Proof {
        let mut command = self.command(self.port, user);
        let (certificate, key) = self.deployment.certificate(user);
        command.arg("--ca").arg(self.deployment.secret("server/ca.crt")).arg("--cert").arg(certificate);
        command.arg("--key").arg(key).arg("--password-file");
        Proof::run(command.arg(self.deployment.secret(&format!("clients/{user}/password"))))
    }

    fn command(&self, port: u16, user: &str) -> Command {
        let scheme = if self.deployment.is_tls() { "rediss" } else { "redis" };
        let url = format!("{scheme}://localhost:{port}");
        let mut command =
            redisgen(&["verify", "--deny", "error", "--format", "json", "--against", &url, "--user", user]);
        command.arg(self.deployment.folder().join("profile.yaml"));
        command
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

/// On the compose file's paths, ports and user a server is faithful to the last setting, on every engine.
#[test]
fn a_server_as_the_compose_file_starts_it_is_faithful() {
    let users = "users:\n  - { name: admin, role: admin }\n  - { name: reader, role: readonly, keys: [\"user:*\"] }\n";
    let plain = |engine: &Engine| {
        let head = "version: 1\nname: plain\nenvironment: production\ntls: { mode: disabled }\n";
        (format!("{head}{}\n{users}", engine.section()), engine.clone())
    };
    let all = engine::all().iter().map(plain).chain([(production_profile(), engine::debian())]).collect::<Vec<_>>();
    for (profile, engine) in all {
        let deployment = Deployment::build(&profile);
        let server = Server::boot(&deployment, &engine);
        let scheme = if deployment.is_tls() { "rediss" } else { "redis" };
        let mut command = server.in_network(env!("CARGO_BIN_EXE_redisgen"));
        command.args(["verify", "--deny", "error", "--format", "json", "--user", "admin", "--against"]);
        command.arg(format!("{scheme}://localhost:6379")).arg(deployment.folder().join("profile.yaml"));
        let proof = Proof::run(command.arg("--dir").arg(deployment.out()).stdin(Stdio::null()));
        proof.holds(9);
        assert_eq!(proof.checks()["live/settings"].0, "held", "{} {}", engine.kind, engine.version);
    }
}

/// Whether a client trusts another authority is asked of a client that looks: with the right one it goes on.
#[test]
fn the_right_authority_is_trusted() {
    let server = Running::start(&production_profile(), &[]);
    let distrusts = |deployment: &Deployment| {
        let authority = fs::read(deployment.secret("server/ca.crt")).expect("ca.crt");
        encryption::distrusts((Ipv4Addr::LOCALHOST, server.port).into(), "localhost", &authority)
    };
    assert!(distrusts(&Deployment::build(&production_profile())).is_ok());
    assert!(matches!(distrusts(&server.deployment), Err(Trouble::Failed(reason)) if reason.contains("goes on")));
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
    let (state, seen) = proof.checks()["live/sealed-passwords"].clone();
    assert_eq!((state.as_str(), seen.ends_with(" admin, intruder")), ("failed", false), "{seen}");
    assert!(seen.ends_with(" admin"), "a user without a password has none that is unknown: {seen}");
    assert_eq!(proof.output.status.code(), Some(1));
    assert!(!String::from_utf8_lossy(&proof.output.stdout).contains("another-password"), "a password is shown");
}

/// One password in place of another is drift that neither rights nor the number of passwords show.
#[test]
fn replaced_passwords_are_seen() {
    let server = Running::start(&production_profile(), &[]);
    assert_eq!(server.admin(&["ACL", "SETUSER", "sessionapp", "resetpass", ">another-password-of-somebody"]), "OK");
    let proof = server.proof("admin", &[]);
    assert_eq!(proof.in_state("failed"), ["live/sealed-passwords", "live/settings"], "{:#?}", proof.checks());
    assert_eq!(server.admin(&["ACL", "LOAD"]), "OK");
    // A rotation that the server has not loaded yet: told, and no failure.
    let sealed = server.deployment.secret("server/users.acl");
    let text = fs::read_to_string(&sealed).expect("readable");
    let more = format!("user sessionapp on #{} ", "f".repeat(64));
    fs::write(&sealed, replaced(&text, "user sessionapp on ", &more)).expect("written");
    let proof = server.proof("admin", &[]);
    assert_eq!(proof.in_state("advice"), ["live/sealed-passwords"], "{:#?}", proof.checks());
    fs::write(&sealed, text).expect("written back");
    // Without the tree nobody knows; and nothing is claimed of a certificate that is not there.
    let own = |proof: &Proof| proof.checks()["live/client-certificate"].clone();
    assert_eq!(own(&proof), ("held".to_owned(), "none, another authority's, the server's own".to_owned()));
    let proof = server.proof_without_tree("admin");
    assert_eq!(proof.in_state("not-run"), ["live/sealed-passwords"], "{:#?}", proof.checks());
    assert_eq!(own(&proof), ("held".to_owned(), "none, another authority's".to_owned()));
}

#[test]
fn silence_refuses_nothing() {
    let server = Running::start(&production_profile(), &[]);
    let proof = server.proof_at(Proxy::Silent.before(server.port), "admin", &[]);
    assert_eq!(proof.in_state("not-run"), ["live/client-certificate", "live/plain-text"], "{:#?}", proof.checks());
    assert!(proof.checks()["live/plain-text"].1.starts_with("nobody answers"), "{:#?}", proof.checks());
}

#[test]
fn plain_text_beside_tls_is_seen() {
    let plain = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("port").port();
    let server = Running::start(&production_profile(), &[("port 0\n", &format!("port {plain}\n"))]);
    let proof = server.proof_at(Proxy::Serves { plain }.before(server.port), "admin", &[]);
    assert_eq!(proof.in_state("failed"), ["live/plain-text", "live/settings"], "{:#?}", proof.checks());
    assert!(drift(&proof).contains(&"port".to_owned()));
}

/// A server that says a little all the time keeps nobody for ever, and a signal ends the waiting at once.
#[test]
fn a_slow_server_does_not_hold_a_proof() {
    let deployment = Deployment::build(&production_profile());
    // A status that never ends; a record of a handshake that never ends.
    let (dev, starts) = (Deployment::build(&development_profile()), [&b"+PON"[..], b"\x16\x03\x03\x3f\xff"]);
    for (deployment, scheme, start) in [(&dev, "redis", starts[0]), (&deployment, "rediss", starts[1])] {
        let url = format!("{scheme}://localhost:{}", Proxy::Drips(start).before(0));
        let run = || {
            let mut command = redisgen(&["verify", "--deny", "error", "--format", "json", "--against", &url]);
            command.arg(deployment.folder().join("profile.yaml")).arg("--dir").arg(deployment.out());
            if scheme == "rediss" {
                command.args(["--user", "admin"]);
            }
            command
        };
        let begun = Instant::now();
        let proof = Proof::run(&mut run());
        assert_eq!(proof.in_state("failed"), ["live/login"], "{:#?}", proof.checks());
        assert!(proof.checks()["live/login"].1.contains("within 10 s"), "{:#?}", proof.checks());
        assert!(begun.elapsed() < Duration::from_secs(25), "{:?}", begun.elapsed());
        let mut child = run().stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
        std::thread::sleep(Duration::from_secs(2));
        let begun = Instant::now();
        assert!(Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status().expect("kill").success());
        assert_eq!(child.wait().expect("ends").code(), Some(2));
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}

#[test]
fn a_certificate_with_other_names_or_near_its_end_is_seen() {
    let names = "DNS:redis.internal.example.com,DNS:redis,DNS:localhost,IP:127.0.0.1";
    for (names, days, fails) in [
        ("DNS:localhost,IP:127.0.0.1".to_owned(), 300, "live/server-name"),
        (format!("{names},DNS:redisgen-verify.invalid"), 300, "live/server-name"),
        (names.to_owned(), 10, "live/certificate-age"),
    ] {
        let deployment = Deployment::build(&production_profile());
        let extensions = format!("'subjectAltName={names}' extendedKeyUsage=serverAuth");
        sign(&deployment, "server/redis", "redis", &extensions, days);
        let server = Running::of(deployment, &[]);
        let mut failed = server.proof("admin", &[]).in_state("failed");
        failed.retain(|check| check != "live/settings");
        assert_eq!(failed, [fails], "{names}, {days} days");
    }
}

#[test]
fn an_open_default_and_a_command_that_is_back_are_seen() {
    let deployment = Deployment::build(&production_profile());
    edit(&deployment.secret("server/users.acl"), "user default off", "user default on nopass +@all ~* &*");
    let proof = Running::of(deployment, &[]).proof("admin", &[]);
    for check in ["live/unauthenticated", "live/users"] {
        assert_eq!(proof.checks()[check].0, "failed", "{:#?}", proof.checks());
    }
    let profile = replaced(&production_profile(), "  disabled: [", "  rename: true\n  disabled: [");
    let faithful = Running::start(&profile, &[]).proof("admin", &[]);
    assert_eq!(faithful.checks()["live/renamed-commands"].0, "held", "{:#?}", faithful.checks());
    let server = Running::start(&profile, &[("rename-command flushall \"\"\n", "")]);
    let proof = server.proof("admin", &[]);
    assert_eq!(proof.in_state("failed"), ["live/renamed-commands"], "{:#?}", proof.checks());
}

#[test]
fn what_is_missing_is_called_missing() {
    let server = Running::start(&production_profile(), &[]);
    let proof = Proof::run(&mut server.command(server.port, "admin"));
    assert_eq!(
        proof.checks()["live/login"],
        ("not-run".to_owned(), "the authority's certificate is missing".to_owned())
    );
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
    let not_run = ["live/loaded-modules", "live/passwords", "live/sealed-passwords", "live/settings", "live/users"];
    assert_eq!(proof.in_state("not-run"), not_run, "{:#?}", proof.checks());
}

#[test]
fn least_privilege_says_what_it_cannot_see() {
    let server = Running::start(&production_profile(), &[]);
    let proof = server.proof("monitor", &[]);
    let not_run = ["live/passwords", "live/sealed-passwords", "live/settings", "live/users"];
    assert_eq!(proof.in_state("not-run"), not_run, "{:#?}", proof.checks());
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
