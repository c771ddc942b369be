//! What each language's client refuses: a server of another name or authority. What the server refuses it: without its
//! certificate or password.

use std::fs;

use crate::deployment::Deployment;
use crate::lab::{Lab, encrypted, printed, without_certificates};
use crate::languages::pings;

/// Words of Python, Node, Go and Rust for one and the same refusal.
const OTHER_NAME: &[&str] =
    &["certificate is not valid for", "ERR_TLS_CERT_ALTNAME_INVALID", "certificate is valid for", "not valid for name"];
const OTHER_AUTHORITY: &[&str] = &[
    "CERTIFICATE_VERIFY_FAILED",
    "certificate verify failed",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "CERT_SIGNATURE_FAILURE",
    "certificate signed by unknown authority",
    "UnknownIssuer",
    "BadSignature",
];
const WRONG_PASSWORD: &[&str] = &["WRONGPASS", "invalid username-password", "authentication failed"];
const NO_FILE: &[&str] = &["No such file", "no such file", "ENOENT"];

#[test]
fn only_the_named_server_and_the_right_client() {
    let deployment = Deployment::build(&encrypted());
    let stranger = Deployment::build(&encrypted());
    let lab = Lab::new(&deployment);
    let wrong = deployment.folder().join("password");
    fs::write(&wrong, "x".repeat(64)).expect("written");
    let text = |path: std::path::PathBuf| path.display().to_string();
    let (ca, password) = (text(stranger.secret("server/ca.crt")), text(wrong));
    let (certificate, key) = stranger.certificate("sessionapp");
    let (certificate, key) = (text(certificate), text(key));
    let languages = pings(&deployment);
    assert_eq!(languages.len(), 5);
    for (language, ping) in languages {
        let said = |changes: &[(&str, &str)]| printed(ping(&lab).envs(changes.iter().copied()));
        let right = said(&[]);
        assert!(right.starts_with("PONG") && !right.contains("ill"), "{language}: {right}");
        for host in ["localhost", "redis", "127.0.0.1"] {
            assert!(said(&[("REDIS_HOST", host)]).starts_with("PONG"), "{language}: {host}");
        }
        for (changes, words) in [
            (&[("REDIS_HOST", "evil.example.com")][..], OTHER_NAME),
            (&[("REDIS_CA_FILE", ca.as_str())], OTHER_AUTHORITY),
            (&[("REDIS_PASSWORD_FILE", password.as_str())], WRONG_PASSWORD),
            (&[("REDIS_PASSWORD_FILE", "/nowhere")], NO_FILE),
        ] {
            let said = said(changes);
            assert!(said.starts_with("refused:") && !said.contains("healthy"), "{language}, {changes:?}: {said}");
            assert!(words.iter().any(|word| said.contains(word)), "{language}, {changes:?}: {said}");
        }
        // The server only ends the connection here, each library says it in its way.
        let said = said(&[("REDIS_CERT_FILE", certificate.as_str()), ("REDIS_KEY_FILE", key.as_str())]);
        assert!(said.starts_with("refused:") && !said.contains("healthy"), "{language}: {said}");
        // Unless the address is one of another server, 127.0.0.2 is one without a certificate.
        let said = printed(ping(&lab).env("REDIS_HOST", "127.0.0.2"));
        assert!(said.starts_with("refused:"), "{language}: {said}");
    }
}

/// Somebody with a certificate of an authority that the system trusts, and who gets the connection, is not the server.
#[test]
fn authorities_of_the_system_count_for_nothing() {
    let deployment = Deployment::build(&encrypted());
    let stranger = Deployment::build(&encrypted());
    let (ours, impostor) = (Lab::new(&deployment), Lab::new(&stranger));
    let trusted = stranger.secret("server/ca.crt");
    // The control: who trusts the system takes the impostor for the server.
    let fooled = "
import socket, ssl
say(ssl.create_default_context().wrap_socket(socket.create_connection(('redis', 6379)), server_hostname='redis').version())
";
    let mut command = impostor.python_in(&deployment.out(), fooled);
    assert_eq!(printed(command.env("SSL_CERT_FILE", &trusted)), "TLSv1.3");
    let languages = pings(&deployment);
    assert_eq!(languages.len(), 5);
    for (language, ping) in languages {
        let said = |lab| printed(ping(lab).env("SSL_CERT_FILE", &trusted).env("NODE_EXTRA_CA_CERTS", &trusted));
        assert!(said(&ours).starts_with("PONG"), "{language}");
        let said = said(&impostor);
        assert!(said.starts_with("refused:") && !said.contains("healthy"), "{language}: {said}");
        assert!(OTHER_AUTHORITY.iter().any(|word| said.contains(word)), "{language}: {said}");
    }
}

/// The modules of a profile without client certificates send none, and a server that asks for one ends it there.
#[test]
fn no_certificate_no_connection() {
    let open = Deployment::build(&without_certificates());
    let mutual = Deployment::build(&encrypted());
    let (lenient, strict) = (Lab::new(&open), Lab::new(&mutual));
    for (language, ping) in pings(&open) {
        let right = printed(&mut ping(&lenient));
        assert!(right.starts_with("PONG"), "{language}: {right}");
        let said = printed(
            ping(&strict)
                .env("REDIS_CA_FILE", mutual.secret("server/ca.crt"))
                .env("REDIS_PASSWORD_FILE", mutual.secret("clients/sessionapp/password")),
        );
        assert!(said.starts_with("refused:") && !said.contains("WRONGPASS"), "{language}: {said}");
    }
}
