//! The certificates, judged by OpenSSL: chains, names and purposes at rest, handshakes with a client that
//! is not ours on the wire.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::deployment::{Deployment, production_profile, replaced};
use crate::engine;
use crate::sandbox::{Server, succeeded};

const DAY: u64 = 86_400;

fn openssl() -> Command {
    Command::new("openssl")
}

fn run(command: &mut Command) -> Output {
    command.output().expect("openssl runs: install the package openssl")
}

/// The strict verdict on a certificate, for a purpose and with further conditions.
fn verifies(deployment: &Deployment, certificate: &Path, conditions: &[&str]) -> bool {
    let ca = deployment.secret("server/ca.crt");
    run(openssl()
        .args(["verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile"])
        .arg(ca)
        .args(conditions)
        .arg(certificate))
    .status
    .success()
}

fn text(certificate: &Path) -> String {
    succeeded(&run(openssl().args(["x509", "-noout", "-text", "-in"]).arg(certificate)))
}

/// Guide, "Testing TLS".
#[test]
fn guide_testing_tls() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    assert_eq!(server.client("sessionapp").run("PING"), "PONG");
}

#[test]
fn certificates_stand_the_strict_judge() {
    let deployment = Deployment::build(&production_profile());
    let elsewhere = Deployment::build(&production_profile());
    let server = deployment.secret("server/redis.crt");
    assert!(verifies(&deployment, &server, &["-purpose", "sslserver"]));
    assert!(!verifies(&deployment, &server, &["-purpose", "sslclient"]), "the server's certificate is no client's");
    assert!(!verifies(&elsewhere, &server, &["-purpose", "sslserver"]), "the control: another authority");
    for name in ["redis", "localhost", "redis.internal.example.com"] {
        assert!(verifies(&deployment, &server, &["-purpose", "sslserver", "-verify_hostname", name]), "{name}");
    }
    for name in ["redis.example.com", "api-forge", "sub.localhost"] {
        assert!(!verifies(&deployment, &server, &["-purpose", "sslserver", "-verify_hostname", name]), "{name}");
    }
    assert!(verifies(&deployment, &server, &["-verify_ip", "127.0.0.1"]));
    assert!(!verifies(&deployment, &server, &["-verify_ip", "127.0.0.2"]));
    for user in ["admin", "readonly", "sessionapp", "monitor", "health"] {
        let (certificate, key) = deployment.certificate(user);
        assert!(verifies(&deployment, &certificate, &["-purpose", "sslclient"]), "{user}");
        assert!(!verifies(&deployment, &certificate, &["-purpose", "sslserver"]), "{user} could pose as the server");
        assert!(text(&certificate).contains(&format!("Subject: CN = {user}\n")), "{}", text(&certificate));
        assert!(same_key(&certificate, &key), "{user}");
    }
}

fn same_key(certificate: &Path, key: &Path) -> bool {
    let of_certificate = run(openssl().args(["x509", "-noout", "-pubkey", "-in"]).arg(certificate)).stdout;
    let of_key = run(openssl().args(["pkey", "-pubout", "-in"]).arg(key)).stdout;
    !of_key.is_empty() && of_key == of_certificate
}

#[test]
fn certificates_say_what_they_are_for_and_how_long() {
    let deployment = Deployment::build(&production_profile());
    let ca = deployment.secret("server/ca.crt");
    let (client, _) = deployment.certificate("admin");
    let server = deployment.secret("server/redis.crt");
    for (certificate, days, phrases) in [
        (&ca, 3650, ["CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign"]),
        (&server, 397, ["CA:FALSE", "Extended Key Usage: \n                TLS Web Server Authentication\n"]),
        (&client, 397, ["CA:FALSE", "Extended Key Usage: \n                TLS Web Client Authentication\n"]),
    ] {
        let text = text(certificate);
        for phrase in phrases.iter().chain(&[
            "Version: 3 (0x2)",
            "X509v3 Subject Key Identifier",
            "Basic Constraints: critical",
            "Key Usage: critical",
        ]) {
            assert!(text.contains(phrase), "{phrase:?} is missing:\n{text}");
        }
        lasts(certificate, days * DAY);
        assert_eq!(serial(certificate).len(), 32, "128 bits: {}", serial(certificate));
    }
    assert!(
        text(&server).contains("DNS:redis.internal.example.com, DNS:redis, DNS:localhost, IP Address:127.0.0.1"),
        "{}",
        text(&server)
    );
    assert!(text(&server).contains("X509v3 Authority Key Identifier"));
    assert!(serial(&server) != serial(&client) && serial(&server) != serial(&ca));
}

fn serial(certificate: &Path) -> String {
    let line = succeeded(&run(openssl().args(["x509", "-noout", "-serial", "-in"]).arg(certificate)));
    line.trim().strip_prefix("serial=").expect("serial").to_owned()
}

/// Valid from an hour ago, to so many seconds from now, give or take the test's own time.
fn lasts(certificate: &Path, seconds: u64) {
    let ends_within = |seconds: u64| {
        !run(openssl().args(["x509", "-noout", "-checkend", &seconds.to_string(), "-in"]).arg(certificate))
            .status
            .success()
    };
    assert!(!ends_within(seconds - 120) && ends_within(seconds + 5), "{}", text(certificate));
    let start = succeeded(&run(openssl().args(["x509", "-noout", "-startdate", "-in"]).arg(certificate)));
    let start = start.trim().strip_prefix("notBefore=").expect("date").to_owned();
    let start: u64 =
        succeeded(&run(Command::new("date").args(["+%s", "--date", &start]))).trim().parse().expect("seconds");
    let age = SystemTime::now().duration_since(UNIX_EPOCH).expect("clock").as_secs() - start;
    assert!((3600..3720).contains(&age), "backdated by {age} seconds");
}

/// OpenSSL's own client: its output after sending lines, the last of which makes the server hang up.
fn s_client(server: &Server, user: Option<&str>, options: &[&str], lines: &[String]) -> (bool, String) {
    let deployment = server.deployment;
    let mut command = server.in_network("openssl");
    command
        .args([
            "s_client",
            "-connect",
            "127.0.0.1:6379",
            "-quiet",
            "-verify_return_error",
            "-verify_hostname",
            "redis",
            "-CAfile",
        ])
        .arg(deployment.secret("server/ca.crt"))
        .args(options);
    if let Some(user) = user {
        let (certificate, key) = deployment.certificate(user);
        command.arg("-cert").arg(certificate).arg("-key").arg(key);
    }
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("openssl");
    // Refused at once, it does not read.
    let _ = child.stdin.take().expect("stdin").write_all(format!("{}\r\n", lines.join("\r\n")).as_bytes());
    let output = child.wait_with_output().expect("openssl ends");
    (
        output.status.success(),
        [String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)].concat(),
    )
}

fn login(deployment: &Deployment, user: &str) -> Vec<String> {
    vec![format!("AUTH {user} {}", deployment.password(user)), "PING".to_owned(), "QUIT".to_owned()]
}

fn greets(server: &Server, options: &[&str]) {
    let (_, reply) = s_client(server, Some("sessionapp"), options, &login(server.deployment, "sessionapp"));
    assert!(reply.contains("+OK\r\n+PONG\r\n+OK\r\n"), "{options:?}: {reply}");
}

#[test]
fn handshakes_of_openssl_itself() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    greets(&server, &["-tls1_2"]);
    greets(&server, &["-tls1_3"]);
    let (_, unauthenticated) = s_client(&server, Some("sessionapp"), &[], &["PING".to_owned(), "QUIT".to_owned()]);
    assert!(unauthenticated.contains("-NOAUTH"), "{unauthenticated}");
    let (_, bare) = s_client(&server, None, &[], &login(&deployment, "sessionapp"));
    assert!(bare.contains("certificate required") && !bare.contains("+PONG"), "{bare}");
    let (passed, other) =
        s_client(&server, Some("sessionapp"), &["-verify_hostname", "elsewhere"], &login(&deployment, "sessionapp"));
    assert!(!passed && other.contains("hostname mismatch") && !other.contains("+PONG"), "{other}");
}

/// An alert by number is the server's own refusal, not that of a client which cannot offer the version.
#[test]
fn old_protocols_and_ciphers_are_refused() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    for version in ["-tls1", "-tls1_1"] {
        let (passed, reply) = s_client(
            &server,
            Some("sessionapp"),
            &[version, "-cipher", "DEFAULT@SECLEVEL=0"],
            &login(&deployment, "sessionapp"),
        );
        assert!(!passed && reply.contains("alert number 70"), "{version}: {reply}");
    }
    for cipher in ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-CCM8"] {
        let (passed, reply) = s_client(
            &server,
            Some("sessionapp"),
            &["-tls1_2", "-cipher", &format!("{cipher}@SECLEVEL=0")],
            &login(&deployment, "sessionapp"),
        );
        assert!(!passed && reply.contains("alert number 40"), "{cipher}: {reply}");
    }
    greets(&server, &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"]);
}

#[test]
fn minimum_1_3_refuses_1_2() {
    let deployment = Deployment::build(&replaced(&production_profile(), "minimum: \"1.2\"", "minimum: \"1.3\""));
    let server = Server::boot(&deployment, &engine::debian());
    greets(&server, &["-tls1_3"]);
    let (passed, reply) = s_client(&server, Some("sessionapp"), &["-tls1_2"], &login(&deployment, "sessionapp"));
    assert!(!passed && reply.contains("alert number 70"), "{reply}");
}

#[test]
fn every_kind_of_key_boots_and_shakes_hands() {
    for (kind, algorithm) in
        [("ecdsa-p256", "NIST CURVE: P-256"), ("ecdsa-p384", "NIST CURVE: P-384"), ("ed25519", "ED25519")]
    {
        let deployment =
            Deployment::build(&replaced(&production_profile(), "key: ecdsa-p256 ", &format!("key: {kind} ")));
        for file in ["server/ca.crt", "server/redis.crt", "clients/sessionapp/client.crt"] {
            assert!(text(&deployment.secret(file)).contains(algorithm), "{kind}: {file}");
        }
        assert!(verifies(&deployment, &deployment.secret("server/redis.crt"), &["-purpose", "sslserver"]), "{kind}");
        let server = Server::boot(&deployment, &engine::debian());
        greets(&server, &["-tls1_2"]);
        greets(&server, &["-tls1_3"]);
        assert_eq!(server.client("sessionapp").run("PING"), "PONG", "{kind}");
        succeeded(&server.health_check().output().expect("health check runs"));
    }
}

/// The default: passwords prove the client, the certificate proves the server.
#[test]
fn mode_server_asks_for_no_client_certificate() {
    let deployment = Deployment::build(&replaced(&production_profile(), "mode: mutual ", "mode: server "));
    let server = Server::boot(&deployment, &engine::debian());
    let (_, reply) = s_client(&server, None, &[], &login(&deployment, "sessionapp"));
    assert!(reply.contains("+OK\r\n+PONG\r\n"), "{reply}");
    assert_eq!(server.client("sessionapp").without_password().run("PING"), "NOAUTH Authentication required.");
    assert!(!deployment.certificate("sessionapp").0.exists(), "certificates that nobody asks for");
    succeeded(&server.health_check().output().expect("health check runs"));
}
