//! Certificates change under a running server: it reads them again, connections that are open stay open, and what the old
//! authority signed opens nothing once the change is finished.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::deployment::{Deployment, production_profile, replaced};
use crate::engine::{self, Engine};
use crate::sandbox::{Server, succeeded};

fn certs(deployment: &Deployment, words: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_redisgen"))
        .arg("certs")
        .args(words)
        .arg(deployment.folder().join("profile.yaml"))
        .arg("--out")
        .arg(deployment.out())
        .output()
        .expect("redisgen runs");
    succeeded(&output);
}

fn reload(server: &Server<'_>) {
    assert_eq!(server.client("admin").run("CONFIG SET tls-cert-file /run/redis/redis.crt"), "OK");
}

/// Serial number of the certificate that the server shows.
fn shown(server: &Server<'_>) -> String {
    let (certificate, key) = server.deployment.certificate("admin");
    let mut client = server.in_network("openssl");
    client.args(["s_client", "-connect", "127.0.0.1:6379", "-cert"]).arg(certificate).arg("-key").arg(key);
    let said = client.stdin(Stdio::null()).stderr(Stdio::null()).output().expect("openssl runs");
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let mut reader = Command::new("openssl");
    let mut reader = reader
        .args(["x509", "-noout", "-serial"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl");
    reader.stdin.take().expect("stdin").write_all(text.as_bytes()).expect("written");
    succeeded(&reader.wait_with_output().expect("openssl ends"))
}

/// Those that are built with TLS: those from the other wheels are not.
fn with_tls() -> Vec<Engine> {
    let chosen =
        |engine: &Engine| engine.version.starts_with("7.") || engine.binary.to_string_lossy().contains("trixie");
    let engines: Vec<Engine> = engine::all().into_iter().filter(chosen).collect();
    assert_eq!(engines.len(), 4, "{engines:?}");
    engines
}

#[test]
fn a_renewed_certificate_is_shown_without_a_restart() {
    for engine in with_tls() {
        let named =
            format!("kind: {}                # redis | valkey\n  version: \"{}\" ", engine.kind, engine.version);
        let profile = replaced(
            &production_profile(),
            "kind: redis                # redis | valkey\n  version: \"7.0.15\" ",
            &named,
        );
        let deployment = Deployment::build(&profile);
        let server = Server::boot(&deployment, &engine);
        let before = shown(&server);
        let mut open = server.client("sessionapp").open();
        assert_eq!(open.ask("SET user:1 kept"), "OK");
        let id = open.ask("CLIENT ID");
        certs(&deployment, &["renew", "--force"]);
        assert_eq!(shown(&server), before, "the control: nobody told it yet");
        reload(&server);
        assert_ne!(shown(&server), before, "{engine:?}");
        assert_eq!(open.ask("GET user:1"), "kept", "{engine:?}: the open connection lives on");
        assert_eq!(open.ask("CLIENT ID"), id, "it is the same one");
        assert_eq!(server.client("sessionapp").run("PING"), "PONG", "the renewed client certificate");
        succeeded(&server.health_check().output().expect("health check runs"));
    }
}

#[test]
fn what_the_old_authority_signed_opens_nothing_in_the_end() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    // Somebody has a copy of a client's key.
    let (certificate, key) = deployment.certificate("sessionapp");
    let lost = deployment.folder().join("lost");
    std::fs::create_dir(&lost).expect("folder");
    for (from, to) in
        [(&certificate, "client.crt"), (&key, "client.key"), (&deployment.secret("server/ca.crt"), "ca.crt")]
    {
        std::fs::copy(from, lost.join(to)).expect("copied");
    }
    let thief =
        || server.client("sessionapp").certificate(lost.join("client.crt"), lost.join("client.key")).run("PING");
    assert_eq!(thief(), "PONG", "the control: it is good until the change is finished");
    let mut open = server.client("sessionapp").open();
    assert_eq!(open.ask("PING"), "PONG");
    certs(&deployment, &["rollover", "begin"]);
    reload(&server);
    assert_eq!(server.client("sessionapp").run("PING"), "PONG");
    certs(&deployment, &["rollover", "switch"]);
    reload(&server);
    assert_eq!(server.client("sessionapp").run("PING"), "PONG", "signed by the new one");
    assert_eq!(thief(), "PONG", "clients that have no new certificate yet are let in");
    certs(&deployment, &["rollover", "finish"]);
    reload(&server);
    assert_eq!(server.client("sessionapp").run("PING"), "PONG");
    assert_ne!(thief(), "PONG");
    assert_eq!(open.ask("PING"), "PONG", "an open connection is not asked again");
    // The answer to that: by user, as the runbook says.
    assert_eq!(server.client("admin").run("CLIENT KILL USER sessionapp SKIPME yes"), "1");
}
