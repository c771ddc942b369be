//! The life of certificates: what `certs status` says of each, what `certs renew` makes again and what it leaves, a change
//! of authorities step by step, and authorities that others made. OpenSSL judges the result.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::needless_pass_by_value,
    clippy::type_complexity,
    reason = "a test may fail"
)]

mod common;

use std::path::Path;
use std::process::Command;

use common::{MUTUAL, Room, text_of};
use serde_json::Value;

const SECRETS: &str = "deploy/secrets";
const LEAVES: [&str; 5] = [
    "server/redis.crt",
    "server/health.crt",
    "clients/admin/client.crt",
    "clients/app/client.crt",
    "exporter/client.crt",
];

fn built() -> Room {
    Room::built(MUTUAL)
}

fn secret(room: &Room, path: &str) -> String {
    room.read(&format!("{SECRETS}/{path}"))
}

/// The problems of each certificate that has any, by file.
#[track_caller]
fn problems(room: &Room, more: &[&str], code: i32) -> Vec<(String, Vec<String>)> {
    let out = room.run([&["certs", "status", "p.yaml", "--format", "json"], more].concat()).ended(code);
    let document: Value = serde_json::from_str(&out.stdout).expect("JSON");
    let certificates = document["profiles"][0]["certificates"].as_array().expect("a list").clone();
    assert!(certificates.len() > 5, "{certificates:?}");
    let words = |value: &Value| -> Vec<String> {
        value["problems"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|word| word.as_str().expect("text").to_owned())
            .collect()
    };
    certificates
        .iter()
        .map(|one| (one["file"].as_str().expect("a path").trim_start_matches("secrets/").to_owned(), words(one)))
        .filter(|(_, problems)| !problems.is_empty())
        .collect()
}

/// True if OpenSSL takes a leaf for one of the authorities in this file.
fn trusts(room: &Room, authorities: &str, leaf: &str) -> bool {
    let file = |path: &str| room.path(&format!("{SECRETS}/{path}"));
    let mut command = Command::new("openssl");
    command.args(["verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile"]);
    command.arg(room.path(authorities)).arg(file(leaf)).output().expect("openssl runs").status.success()
}

#[track_caller]
fn all_trusted(room: &Room) {
    for leaf in LEAVES {
        assert!(trusts(room, &format!("{SECRETS}/server/ca.crt"), leaf), "{leaf}");
    }
    assert_eq!(secret(room, "exporter/ca.crt"), secret(room, "server/ca.crt"), "the exporter's copy");
}

#[test]
fn status_is_silent_when_all_is_well_and_names_what_is_not() {
    let room = built();
    assert_eq!(problems(&room, &[], 0), []);
    let table = room.run(["certs", "status", "p.yaml"]).ended(0).stdout;
    assert!(table.contains("secrets/server/redis.crt") && table.contains("396 days  demo redis: ok"), "{table}");

    let before = room.tree("deploy");
    let later = problems(&room, &["--as-of", "2099-01-01"], 1);
    assert!(later.iter().any(|(file, what)| file == "server/redis.crt" && what == &["has expired"]), "{later:?}");
    assert!(later.iter().any(|(file, what)| file == "server/ca.crt" && what == &["has expired"]), "{later:?}");
    assert_eq!(before, room.tree("deploy"), "status only reads");

    // One after the other, each seen at its file.
    let other = built();
    let cases: [(&str, Box<dyn Fn(&Room)>, &str, &str); 9] = [
        ("gone", Box::new(|room| remove(room, "clients/app/client.crt")), "clients/app/client.crt", "is missing"),
        (
            "no key",
            Box::new(|room| remove(room, "clients/app/client.key")),
            "clients/app/client.crt",
            "its key is missing",
        ),
        (
            "a foreign key",
            Box::new(|room| copy(room, "server/health.key", "clients/app/client.key")),
            "clients/app/client.crt",
            "another certificate",
        ),
        (
            "another user",
            Box::new(|room| {
                copy(room, "clients/admin/client.key", "clients/app/client.key");
                copy(room, "clients/admin/client.crt", "clients/app/client.crt");
            }),
            "clients/app/client.crt",
            "is `admin`'s",
        ),
        (
            "open key",
            Box::new(|room| room.chmod(&format!("{SECRETS}/ca/ca.key"), 0o644)),
            "server/ca.crt",
            "has mode 0644 in place of 0600",
        ),
        (
            "writable",
            Box::new(|room| room.chmod(&format!("{SECRETS}/server/redis.key"), 0o666)),
            "server/redis.crt",
            "has mode 0666",
        ),
        (
            "a stranger's",
            Box::new(move |room| {
                for end in ["crt", "key"] {
                    std::fs::copy(
                        other.path(&format!("{SECRETS}/server/redis.{end}")),
                        room.path(&format!("{SECRETS}/server/redis.{end}")),
                    )
                    .expect("copied");
                }
            }),
            "server/redis.crt",
            "was signed by another authority",
        ),
        (
            "garbage",
            Box::new(|room| {
                room.file(&format!("{SECRETS}/server/redis.crt"), "nothing");
            }),
            "server/redis.crt",
            "not a PEM certificate",
        ),
        (
            "a copy",
            Box::new(|room| {
                room.file(&format!("{SECRETS}/exporter/ca.crt"), "nothing");
            }),
            "exporter/ca.crt",
            "is not what secrets/server/ca.crt is",
        ),
    ];
    for (what, spoil, file, words) in cases {
        let room = built();
        spoil(&room);
        let found = problems(&room, &[], 1);
        assert!(
            found.iter().any(|(known, problems)| known == file && problems.iter().any(|text| text.contains(words))),
            "{what}: {found:?}"
        );
    }
}

fn remove(room: &Room, path: &str) {
    std::fs::remove_file(room.path(&format!("{SECRETS}/{path}"))).expect("removed");
}

fn copy(room: &Room, from: &str, to: &str) {
    room.file(&format!("{SECRETS}/{to}"), secret(room, from));
}

#[test]
fn names_and_kinds_of_keys_follow_the_profile() {
    let room = built();
    room.file("p.yaml", MUTUAL.replace("mode: mutual", "mode: mutual, names: [cache], key: ed25519"));
    let found = problems(&room, &[], 1);
    let server = found.iter().find(|(file, _)| file == "server/redis.crt").expect("the server's");
    assert!(server.1.contains(&"has other names than the profile".to_owned()), "{found:?}");
    assert!(server.1.contains(&"has a key of another kind than the profile's".to_owned()), "{found:?}");
    room.run(["certs", "renew", "p.yaml", "--keep-keys"]).ended(0);
    assert_eq!(problems(&room, &[], 0), []);
    all_trusted(&room);
    // OpenSSL 3.0 reads PKCS#8 version 1 only.
    let key = room.path(&format!("{SECRETS}/server/redis.key"));
    text_of(Command::new("openssl").args(["pkey", "-noout", "-in"]).arg(key));
}

#[test]
fn only_what_is_due_is_renewed_and_keys_may_stay() {
    let room = built();
    let before = room.tree("deploy");
    let out = room.run(["certs", "renew", "p.yaml"]).ended(0);
    assert!(out.stderr.contains("no certificate need be renewed yet"), "{}", out.stderr);
    assert_eq!(before, room.tree("deploy"));

    // Made for sixty days, by a profile that wants a hundred left.
    room.file("p.yaml", MUTUAL.replace("mode: mutual", "mode: mutual, leaf_validity: 60d"));
    room.run(["certs", "renew", "p.yaml", "--force"]).ended(0);
    room.file("p.yaml", MUTUAL.replace("mode: mutual", "mode: mutual, renew_before: 100d"));
    let (certificate, key) = (secret(&room, "server/redis.crt"), secret(&room, "server/redis.key"));
    let authority = secret(&room, "server/ca.crt");
    let status = problems(&room, &[], 1);
    assert!(status.iter().all(|(_, what)| what == &["ends soon"]), "{status:?}");
    let out = room.run(["certs", "renew", "p.yaml", "--keep-keys"]).ended(0);
    assert!(out.stderr.contains("CONFIG SET tls-cert-file /run/redis/redis.crt"), "{}", out.stderr);
    assert_ne!(secret(&room, "server/redis.crt"), certificate);
    assert_eq!(secret(&room, "server/redis.key"), key, "--keep-keys");
    assert_eq!(secret(&room, "server/ca.crt"), authority);
    all_trusted(&room);

    room.file("p.yaml", MUTUAL);
    room.run(["certs", "renew", "p.yaml", "--force"]).ended(0);
    assert_ne!(secret(&room, "server/redis.key"), key, "a new key");
    all_trusted(&room);
    // Passwords and everything else are as they were.
    let after = room.tree("deploy");
    for (path, entry) in common::content(&before) {
        let certificate = [".crt", ".key"].iter().any(|end| path.ends_with(end));
        assert!(certificate || common::content(&after)[path] == entry, "{path}");
    }
}

#[test]
fn what_cannot_be_renewed_changes_nothing() {
    let room = built();
    remove(&room, "ca/ca.key");
    let before = room.tree("deploy");
    let out = room.run(["certs", "renew", "p.yaml", "--force"]).ended(2);
    assert!(out.stderr.contains("secrets/ca/ca.key is needed to sign"), "{}", out.stderr);
    let out = Room::with(MUTUAL).run(["certs", "status", "p.yaml"]).ended(2);
    assert!(out.stderr.contains("run `redisgen build` first"), "{}", out.stderr);
    assert_eq!(before, room.tree("deploy"));
    room.file("p.yaml", "version: 1\nname: demo\nenvironment: production\ntls: { mode: disabled }\nwaivers: [{ rule: tls-disabled, reason: test }]\n");
    let out = room.run(["certs", "renew", "p.yaml"]).ended(2);
    assert!(out.stderr.contains("TLS is off"), "{}", out.stderr);
}

/// Begin, switch, finish; a build between the steps changes nothing, and each step alone is right.
#[test]
fn a_new_authority_takes_over_while_both_are_trusted() {
    let room = built();
    room.file("old.crt", secret(&room, "server/ca.crt"));
    room.file("old-client.crt", secret(&room, "clients/app/client.crt"));
    let old_leaf = secret(&room, "clients/app/client.crt");
    for step in ["switch", "finish"] {
        let out = room.run(["certs", "rollover", step, "p.yaml"]).ended(2);
        assert!(out.stderr.contains("does not hold the two authorities"), "{}", out.stderr);
    }
    room.run(["certs", "rollover", "begin", "p.yaml"]).ended(0);
    assert_eq!(secret(&room, "server/ca.crt").matches("BEGIN CERTIFICATE").count(), 2);
    assert_eq!(secret(&room, "clients/app/client.crt"), old_leaf, "the old one still signs");
    all_trusted(&room);
    assert!(trusts(&room, "old.crt", "server/redis.crt"), "clients that know the old one only are served");
    idle(&room);
    let out = room.run(["certs", "rollover", "begin", "p.yaml"]).ended(2);
    assert!(out.stderr.contains("more than one authority already"), "{}", out.stderr);
    let out = room.run(["certs", "rollover", "finish", "p.yaml"]).ended(2);
    assert!(out.stderr.contains("run `switch` first"), "{}", out.stderr);

    room.run(["certs", "rollover", "switch", "p.yaml"]).ended(0);
    all_trusted(&room);
    assert!(!trusts(&room, "old.crt", "server/redis.crt"), "the new one signs");
    idle(&room);
    // Again: as after an interruption.
    room.run(["certs", "rollover", "switch", "p.yaml"]).ended(0);
    all_trusted(&room);

    room.run(["certs", "rollover", "finish", "p.yaml"]).ended(0);
    assert_eq!(secret(&room, "server/ca.crt").matches("BEGIN CERTIFICATE").count(), 1);
    all_trusted(&room);
    idle(&room);
    assert!(!room.path(&format!("{SECRETS}/ca/next.key")).exists());
    let lost = room.file(&format!("{SECRETS}/lost.crt"), &old_leaf);
    assert!(!trusts(&room, &format!("{SECRETS}/server/ca.crt"), "lost.crt"), "what was lost opens nothing: {lost:?}");
    let again = room.run(["certs", "rollover", "finish", "p.yaml"]).ended(2);
    assert!(again.stderr.contains("does not hold the two authorities"), "{}", again.stderr);
}

/// Neither build nor status has anything to say, and build writes nothing.
#[track_caller]
fn idle(room: &Room) {
    let before = room.tree("deploy");
    let out = room.run(["build", "p.yaml"]).ended(0);
    assert!(!out.stderr.contains("note:") && !out.stderr.contains("secrets: made"), "{}", out.stderr);
    assert_eq!(before, room.tree("deploy"));
    assert_eq!(problems(room, &[], 0), []);
}

/// A switch that ended between any two of its files is completed by the next one; a build between them harms nothing.
#[test]
fn an_interrupted_switch_is_completed() {
    let (one, two) = (built(), Room::with(MUTUAL));
    text_of(Command::new("cp").arg("-a").arg(one.path("deploy")).arg(two.path("deploy")));
    two.run(["certs", "rollover", "begin", "p.yaml"]).ended(0);
    let begun = two.tree("deploy");
    two.run(["certs", "rollover", "switch", "p.yaml"]).ended(0);
    let switched = two.tree("deploy");
    // In the order in which they are written: leaves, then the key that signs, then who is trusted.
    let mut order: Vec<String> =
        LEAVES.iter().flat_map(|leaf| [leaf.replace(".crt", ".key"), (*leaf).to_owned()]).collect();
    order.extend(["ca/ca.key", "server/ca.crt", "exporter/ca.crt"].map(str::to_owned));
    for cut in 1..order.len() {
        let room = Room::with(MUTUAL);
        text_of(Command::new("cp").arg("-a").arg(two.path("deploy")).arg(room.path("deploy")));
        for (place, path) in order.iter().enumerate() {
            let path = format!("secrets/{path}");
            let from = if place < cut { &switched } else { &begun };
            room.file(&format!("deploy/{path}"), common::content(from)[path.as_str()].2);
        }
        room.run(["certs", "rollover", "switch", "p.yaml"]).ended(0);
        all_trusted(&room);
        room.run(["certs", "rollover", "finish", "p.yaml"]).ended(0);
        all_trusted(&room);
    }
}

/// What an organisation's own authority may look like, made by OpenSSL.
fn authority(room: &Room, name: &str, key: &[&str], extensions: &str) -> (String, String) {
    let (certificate, file) = (room.path(&format!("{name}.crt")), room.path(&format!("{name}.key")));
    text_of(Command::new("openssl").arg("genpkey").args(key).arg("-out").arg(&file));
    let mut make = Command::new("openssl");
    make.args([
        "req",
        "-x509",
        "-new",
        "-days",
        "90",
        "-subj",
        "/CN=organisation",
        "-addext",
        extensions,
        "-addext",
        "keyUsage=critical,keyCertSign,cRLSign",
    ]);
    text_of(make.arg("-key").arg(&file).arg("-out").arg(&certificate));
    let text = |path: &Path| path.display().to_string();
    (text(&certificate), text(&file))
}

fn brought(certificate: &str, key: &str) -> String {
    MUTUAL.replace(
        "mode: mutual",
        &format!("mode: mutual, authority: {{ certificate: {certificate}, key: {key} }}, leaf_validity: 60d"),
    )
}

const SIGNS: &str = "basicConstraints=critical,CA:TRUE";
const P256: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

#[test]
fn an_authority_that_is_brought_signs() {
    for (name, key) in [("rsa", ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"].as_slice()), ("ec", P256)] {
        let room = Room::new();
        let (certificate, file) = authority(&room, name, key, SIGNS);
        room.file("p.yaml", brought(&certificate, &file));
        room.run(["build", "p.yaml"]).ended(0);
        all_trusted(&room);
        assert_eq!(secret(&room, "server/ca.crt"), room.read(&format!("{name}.crt")));
        assert!(!room.path(&format!("{SECRETS}/ca")).exists(), "its key stays where it is");
        idle(&room);
        // Offline until something is to be signed.
        std::fs::rename(&file, room.path("away")).expect("moved");
        idle(&room);
        let out = room.run(["certs", "renew", "p.yaml", "--force"]).ended(2);
        assert!(out.stderr.contains(&format!("{file} is needed to sign")), "{}", out.stderr);
        std::fs::rename(room.path("away"), &file).expect("moved");
        room.run(["certs", "renew", "p.yaml", "--force"]).ended(0);
        all_trusted(&room);
    }
}

#[test]
fn an_authority_that_cannot_sign_is_refused_and_nothing_is_written() {
    let refused = |room: &Room, profile: String, words: &str| {
        room.file("p.yaml", profile);
        let out = room.run(["build", "p.yaml"]).ended(2);
        assert!(out.stderr.contains(words), "{words}: {}", out.stderr);
        assert!(!out.stderr.contains("PRIVATE KEY-"), "{}", out.stderr);
        assert!(!room.path("deploy").exists(), "{words}");
    };
    let room = Room::new();
    let (leaf, leaf_key) = authority(&room, "leaf", P256, "basicConstraints=critical,CA:FALSE");
    refused(&room, brought(&leaf, &leaf_key), "not the certificate of an authority");
    let (good, key) = authority(&room, "good", P256, SIGNS);
    refused(&room, brought(&good, &leaf_key), "does not belong to");
    refused(&room, brought("/nowhere/ca.crt", &key), "is not here");
    let convert = |form: &[&str], name: &str| {
        let file = room.path(name);
        text_of(Command::new("openssl").args(form).arg(&key).arg("-out").arg(&file));
        file.display().to_string()
    };
    let sec1 = convert(&["ec", "-in"], "sec1.key");
    refused(&room, brought(&good, &sec1), "a key in SEC1 form; convert it: openssl pkcs8 -topk8 -nocrypt");
    let locked = convert(&["pkcs8", "-topk8", "-passout", "pass:long-enough", "-in"], "locked.key");
    refused(&room, brought(&good, &locked), "an encrypted key");
    let (_, rsa) = authority(&room, "rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], SIGNS);
    let pkcs1 = room.path("pkcs1.key");
    text_of(Command::new("openssl").args(["rsa", "-traditional", "-in", &rsa, "-out"]).arg(&pkcs1));
    refused(&room, brought(&room.path("rsa.crt").display().to_string(), &pkcs1.display().to_string()), "PKCS#1 form");
    // The control: as it should be.
    room.file("p.yaml", brought(&good, &key));
    room.run(["build", "p.yaml"]).ended(0);
}

/// From our own authority to the organisation's.
#[test]
fn a_brought_authority_takes_over_step_by_step() {
    let room = built();
    let (certificate, key) = authority(&room, "own", P256, SIGNS);
    room.file("p.yaml", brought(&certificate, &key));
    let before = room.tree("deploy");
    let out = room.run(["build", "p.yaml"]).ended(2);
    assert!(out.stderr.contains("`certs rollover begin` changes over"), "{}", out.stderr);
    assert_eq!(before, room.tree("deploy"));
    for step in ["begin", "switch", "finish"] {
        room.run(["certs", "rollover", step, "p.yaml"]).ended(0);
        all_trusted(&room);
        room.run(["build", "p.yaml"]).ended(0);
        all_trusted(&room);
    }
    assert_eq!(secret(&room, "server/ca.crt").trim(), room.read("own.crt").trim());
    assert!(!room.path(&format!("{SECRETS}/ca/ca.key")).exists(), "nobody trusts it any more");
    assert_eq!(problems(&room, &[], 0), []);
}
