//! What is on disk after a build: modes whatever the umask, nothing outside the folder, nobody's work lost, secrets never
//! remade in silence. What may go wrong on the way is in tests/faults.

#![allow(
    clippy::case_sensitive_file_extension_comparisons,
    clippy::doc_markdown,
    clippy::expect_used,
    clippy::format_collect,
    clippy::needless_pass_by_value,
    clippy::similar_names,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::too_many_lines,
    reason = "a test may fail"
)]

mod common;

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::process::Command;

use common::{DEV, MUTUAL, PROD, Room};

/// Mutual TLS and backups.
const KEPT: &str = "version: 1\nname: demo\nenvironment: production\ntls: { mode: mutual }\nbackups: { every: 24h, keep: 14d, directory: /srv/backup/demo, encrypt_to: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p] }\n";

/// Everything a production build of it writes, with its modes.
const MODES: &[(&str, char, u32)] = &[
    ("backup", 'd', 0o755),
    ("backup/backup.sh", 'f', 0o755),
    ("backup/redisgen-backup.service", 'f', 0o644),
    ("backup/redisgen-backup.timer", 'f', 0o644),
    ("backup/replace.sh", 'f', 0o755),
    ("backup/restore.sh", 'f', 0o755),
    ("backup/snapshot.sh", 'f', 0o755),
    ("client", 'd', 0o755),
    ("client/config.yaml", 'f', 0o644),
    ("client/environment", 'f', 0o644),
    ("client/go", 'd', 0o755),
    ("client/go/redis_client.go", 'f', 0o644),
    ("client/go/settings.go", 'f', 0o644),
    ("client/node", 'd', 0o755),
    ("client/node/redis_client.mjs", 'f', 0o644),
    ("client/node/redis_sessions.mjs", 'f', 0o644),
    ("client/python", 'd', 0o755),
    ("client/python/redis_client.py", 'f', 0o644),
    ("client/python/redis_sessions.py", 'f', 0o644),
    ("client/redis-cli.sh", 'f', 0o755),
    ("client/rust", 'd', 0o755),
    ("client/rust/redis_client.rs", 'f', 0o644),
    ("docker-compose.app.yml", 'f', 0o644),
    ("docker-compose.prod.yml", 'f', 0o644),
    ("docs", 'd', 0o755),
    ("docs/ACCESS.md", 'f', 0o644),
    ("docs/RUNBOOK.md", 'f', 0o644),
    ("docs/SECURITY.md", 'f', 0o644),
    ("firewall", 'd', 0o755),
    ("firewall/apply.sh", 'f', 0o755),
    ("firewall/redisgen-firewall.service", 'f', 0o644),
    ("firewall/redisgen.nft", 'f', 0o644),
    ("firewall/remove.sh", 'f', 0o755),
    ("monitoring", 'd', 0o755),
    ("monitoring/alerts.test.yml", 'f', 0o644),
    ("monitoring/alerts.yml", 'f', 0o644),
    ("monitoring/certificates.sh", 'f', 0o755),
    ("monitoring/dashboard.json", 'f', 0o644),
    ("monitoring/prometheus.yml", 'f', 0o644),
    ("monitoring/redisgen-certificates.service", 'f', 0o644),
    ("monitoring/redisgen-certificates.timer", 'f', 0o644),
    ("redis", 'd', 0o755),
    ("redis/healthcheck.sh", 'f', 0o755),
    ("redis/redis.conf", 'f', 0o644),
    ("redis/users.acl", 'f', 0o644),
    ("redisgen.lock", 'f', 0o644),
    ("scripts", 'd', 0o755),
    ("scripts/admin.sh", 'f', 0o755),
    ("scripts/contain.sh", 'f', 0o755),
    ("secrets", 'd', 0o700),
    ("secrets/.gitignore", 'f', 0o644),
    ("secrets/backup", 'd', 0o755),
    ("secrets/backup/ca.crt", 'f', 0o644),
    ("secrets/backup/client.crt", 'f', 0o644),
    ("secrets/backup/client.key", 'f', 0o644),
    ("secrets/backup/password", 'f', 0o644),
    ("secrets/ca", 'd', 0o700),
    ("secrets/ca/ca.key", 'f', 0o600),
    ("secrets/clients", 'd', 0o755),
    ("secrets/clients/admin", 'd', 0o755),
    ("secrets/clients/admin/client.crt", 'f', 0o644),
    ("secrets/clients/admin/client.key", 'f', 0o644),
    ("secrets/clients/admin/password", 'f', 0o644),
    ("secrets/clients/app", 'd', 0o755),
    ("secrets/clients/app/client.crt", 'f', 0o644),
    ("secrets/clients/app/client.key", 'f', 0o644),
    ("secrets/clients/app/password", 'f', 0o644),
    ("secrets/exporter", 'd', 0o755),
    ("secrets/exporter/ca.crt", 'f', 0o644),
    ("secrets/exporter/client.crt", 'f', 0o644),
    ("secrets/exporter/client.key", 'f', 0o644),
    ("secrets/exporter/password", 'f', 0o644),
    ("secrets/exporter/passwords.json", 'f', 0o644),
    ("secrets/server", 'd', 0o755),
    ("secrets/server/ca.crt", 'f', 0o644),
    ("secrets/server/health.crt", 'f', 0o644),
    ("secrets/server/health.key", 'f', 0o644),
    ("secrets/server/health.password", 'f', 0o644),
    ("secrets/server/redis.crt", 'f', 0o644),
    ("secrets/server/redis.key", 'f', 0o644),
    ("secrets/server/users.acl", 'f', 0o644),
    ("tests", 'd', 0o755),
    ("tests/security-test.sh", 'f', 0o755),
];

/// As somebody whom modes bind.
#[test]
fn modes_whatever_the_umask() {
    for (umask, own) in [("000", 0o777), ("022", 0o755), ("077", 0o700), ("277", 0o700), ("777", 0o700)] {
        let room = Room::with(KEPT);
        common::text_of(Command::new("install").args(["-m", "0755", common::REDISGEN]).arg(room.path("redisgen")));
        room.shell("chown -R 65534:65534 .").ended(0);
        room.chmod("", 0o755);
        let nobody = "exec setpriv --reuid 65534 --regid 65534 --clear-groups ./redisgen build p.yaml";
        room.shell(&format!("umask {umask}; {nobody}")).ended(0);
        assert_eq!(room.mode("deploy"), own, "umask {umask}");
        let found: Vec<(String, char, u32)> =
            room.tree("deploy").into_iter().map(|(path, entry)| (path, entry.kind, entry.mode)).collect();
        let found: Vec<(&str, char, u32)> =
            found.iter().map(|(path, kind, mode)| (path.as_str(), *kind, *mode)).collect();
        assert_eq!(found, MODES, "umask {umask}");
        room.run(["diff", "p.yaml"]).ended(0);
    }
}

/// A power cut in a first build: files without their bytes, and no lock. Nobody's work is in an empty file.
#[test]
fn empty_files_are_filled() {
    let room = Room::built(PROD);
    std::fs::remove_file(room.path("deploy/redisgen.lock")).expect("removed");
    for file in ["redis/redis.conf", "redis/users.acl", "docs/RUNBOOK.md"] {
        room.file(&format!("deploy/{file}"), "");
    }
    room.run(["build", "p.yaml"]).ended(0);
    room.run(["diff", "p.yaml"]).ended(0);
    // One with bytes of somebody else is not touched.
    std::fs::remove_file(room.path("deploy/redisgen.lock")).expect("removed");
    room.file("deploy/redis/redis.conf", "port 6379\n");
    room.run(["build", "p.yaml"]).ended(2);
    assert_eq!(room.read("deploy/redis/redis.conf"), "port 6379\n");
}

/// Git checks folders out with 0755 or 0775: secrets that a change brings are known to its author.
#[test]
fn diff_sees_secrets_that_are_open_to_others() {
    let room = Room::built(PROD);
    let closed = room.run(["diff", "p.yaml"]).ended(0);
    for mode in [0o755, 0o775, 0o710, 0o701, 0o704] {
        room.chmod("deploy/secrets", mode);
        let before = room.tree("");
        let out = room.run(["diff", "p.yaml"]).ended(1);
        let said =
            format!("deploy/secrets/ is open to others (mode {mode:04o}): if Git brought it, everybody who reads");
        assert!(out.stderr.contains(&said) && !out.stderr.contains("is behind"), "{}", out.stderr);
        assert_eq!(out.stdout, closed.stdout);
        assert_eq!(before, room.tree(""));
    }
    room.chmod("deploy/secrets", 0o700);
    room.run(["diff", "p.yaml"]).ended(0);
    // It may have come before the profile has any.
    let room = Room::built(DEV);
    room.run(["diff", "p.yaml"]).ended(0);
    room.file("deploy/secrets/server/users.acl", "x");
    room.chmod("deploy/secrets", 0o755);
    assert!(room.run(["diff", "p.yaml"]).ended(1).stderr.contains("is open to others"));
}

#[test]
fn passwords_are_long_and_random() {
    let mut seen = BTreeSet::new();
    for _ in 0..8 {
        let room = Room::built(PROD);
        for user in ["clients/admin/password", "clients/app/password", "server/health.password"] {
            let password = room.read(&format!("deploy/secrets/{user}"));
            assert!(password.len() == 64 && password.bytes().all(|byte| byte.is_ascii_hexdigit()), "{user}");
            assert!(seen.insert(password), "{user} has a password that was there before");
        }
    }
    // Each digit is as frequent as the others: 1536 of them, 96 each, and none below half or above double that.
    for digit in b"0123456789abcdef" {
        let count = seen.iter().flat_map(|password| password.bytes()).filter(|byte| byte == digit).count();
        assert!((48..=192).contains(&count), "{count} times {}", char::from(*digit));
    }
    let room = Room::built(PROD);
    room.file("deploy/secrets/clients/app/password", "hunter2".repeat(4));
    let out = room.run(["build", "p.yaml"]).ended(2);
    assert!(out.stderr.contains("at least 32 characters"), "{}", out.stderr);
}

#[test]
fn secrets_are_closed_again() {
    let room = Room::built(PROD);
    room.chmod("deploy/secrets", 0o755);
    let out = room.run(["build", "p.yaml"]).ended(0);
    assert!(out.stderr.contains("secrets/ was open to others (mode 0755)"), "{}", out.stderr);
    assert_eq!(room.mode("deploy/secrets"), 0o700);
    // Whatever has gone wrong with modes below it is set right as well.
    for (name, mode) in [
        ("ca/ca.key", 0o644),
        ("ca", 0o755),
        ("clients/app/password", 0o600),
        ("server", 0o700),
        ("server/redis.key", 0o666),
    ] {
        let right = room.mode(&format!("deploy/secrets/{name}"));
        room.chmod(&format!("deploy/secrets/{name}"), mode);
        room.run(["build", "p.yaml"]).ended(0);
        assert_eq!(room.mode(&format!("deploy/secrets/{name}")), right, "{name}");
    }
}

/// Runs a build that must not do its work: exit 2, these words, and nothing changes anywhere.
#[track_caller]
fn refused(room: &Room, arguments: &[&str], words: &[&str]) {
    let before = room.tree("");
    let out = room.run(arguments).ended(2);
    for word in words {
        assert!(out.stderr.contains(word), "{arguments:?}: expected {word:?}: {}", out.stderr);
    }
    assert!(out.stderr.starts_with("redisgen: "), "{}", out.stderr);
    assert_eq!(before, room.tree(""), "{arguments:?}: something was written");
}

#[test]
fn links_are_not_followed() {
    let room = Room::with(PROD);
    room.file("victim/redis.conf", "mine\n");
    room.file("victim/server/users.acl", "mine\n");
    symlink(room.path("victim"), room.path("deploy")).expect("symlink");
    for command in [
        &["build", "p.yaml"][..],
        &["build", "p.yaml", "--force"],
        &["build", "p.yaml", "--no-secrets"],
        &["diff", "p.yaml"],
    ] {
        refused(&room, command, &["deploy", "link"]);
    }
    for name in ["redis", "secrets"] {
        let room = Room::with(PROD);
        room.file("victim/redis.conf", "mine\n");
        room.file("victim/server/users.acl", "mine\n");
        std::fs::create_dir(room.path("deploy")).expect("folder");
        symlink(room.path("victim"), room.path("deploy").join(name)).expect("symlink");
        refused(&room, &["build", "p.yaml"], &[name, "link"]);
        refused(&room, &["build", "p.yaml", "--force"], &[name, "link"]);
        refused(&room, &["diff", "p.yaml"], &[name, "link"]);
    }
    // Deeper ones as well, and files.
    for name in [
        "secrets/server",
        "secrets/clients",
        "secrets/ca",
        "secrets/clients/app",
        "secrets/clients/app/password",
        "secrets/server/users.acl",
        "secrets/ca/ca.key",
        "redis/redis.conf",
        "redisgen.lock",
    ] {
        let room = Room::built(PROD);
        let path = room.path("deploy").join(name);
        std::fs::rename(&path, room.path("victim")).expect("moved");
        symlink(room.path("victim"), &path).expect("symlink");
        refused(&room, &["build", "p.yaml"], &[name, "link"]);
    }
}

#[test]
fn other_peoples_files_are_kept() {
    for name in ["redis/redis.conf", "docker-compose.prod.yml", "redis/users.acl", "redisgen.lock"] {
        let room = Room::with(PROD);
        room.file(&format!("deploy/{name}"), "# mine\n");
        refused(&room, &["build", "p.yaml"], &[name, "--force"]);
        room.run(["build", "p.yaml", "--force"]).ended(0);
        room.run(["diff", "p.yaml"]).ended(0);
    }
    // What nobody produces is nobody's business.
    let room = Room::with(PROD);
    room.file("deploy/README.md", "mine\n");
    room.run(["build", "p.yaml"]).ended(0);
    assert_eq!(room.read("deploy/README.md"), "mine\n");
    // A folder where a file belongs, a file where a folder belongs, a FIFO.
    let room = Room::with(PROD);
    std::fs::create_dir_all(room.path("deploy/redis/redis.conf")).expect("folder");
    refused(&room, &["build", "p.yaml", "--force"], &["redis.conf", "not a regular file"]);
    let room = Room::with(PROD);
    room.file("deploy/redis", "mine\n");
    refused(&room, &["build", "p.yaml", "--force"], &["redis"]);
    let room = Room::with(PROD);
    std::fs::create_dir_all(room.path("deploy/redis")).expect("folder");
    assert!(Command::new("mkfifo").arg(room.path("deploy/redis/redis.conf")).status().expect("mkfifo").success());
    refused(&room, &["build", "p.yaml", "--force"], &["redis.conf", "not a regular file"]);
}

/// A lock that lists this file with the right digest.
fn lock(path: &str, bytes: &[u8]) -> String {
    let digest = redisgen::lock::sha256(bytes);
    format!(
        "format = 1\ngenerator = \"x\"\nname = \"demo\"\nengine = \"x\"\nprofile = \"x\"\n[[file]]\npath = {path:?}\nmode = \"0644\"\nsha256 = \"{digest}\"\n"
    )
}

#[test]
fn a_hostile_lock_deletes_nothing() {
    let room = Room::built(PROD);
    room.file("victim", "mine\n");
    let absolute = room.path("victim").display().to_string();
    let key = std::fs::read(room.path("deploy/secrets/ca/ca.key")).expect("key");
    for (path, bytes) in [
        ("../victim", b"mine\n".as_slice()),
        (&absolute, b"mine\n"),
        ("./../victim", b"mine\n"),
        ("redis/../../victim", b"mine\n"),
        ("secrets/ca/ca.key", &key),
        ("./secrets/ca/ca.key", &key),
        ("redis/../secrets/ca/ca.key", &key),
        ("secrets//ca/ca.key", &key),
        ("redis\u{0}", b"mine\n"),
        ("victim", b"mine\n"),
        (".git/HEAD", b"ref: refs/heads/main\n"),
    ] {
        room.file("deploy/redisgen.lock", lock(path, bytes).replace('\0', "u0000"));
        room.file("deploy/redisgen.lock", lock(path, bytes).replace("\\0", "\\u0000"));
        refused(&room, &["build", "p.yaml"], &["redisgen.lock", "--force"]);
        let out = room.run(["diff", "p.yaml"]).ended(1);
        assert!(!out.stdout.contains("stale:"), "{}", out.stdout);
    }
    // Through a link, the path would be ours and the file somebody else's.
    symlink(room.path(""), room.path("deploy/backup")).expect("symlink");
    room.file("deploy/redisgen.lock", lock("backup/victim", b"mine\n"));
    refused(&room, &["build", "p.yaml"], &["backup", "link"]);
    std::fs::remove_file(room.path("deploy/backup")).expect("removed");
    for broken in [
        "",
        "nonsense",
        "format = 2\n",
        "format = 1\ngenerator = \"x\"\nname = \"demo\"\nengine = \"x\"\nprofile = \"x\"\nmore = 1\n",
    ] {
        room.file("deploy/redisgen.lock", broken);
        refused(&room, &["build", "p.yaml"], &["redisgen.lock"]);
    }
    // Even by force, only the paths of the profile are touched.
    room.file("deploy/redisgen.lock", lock("../victim", b"mine\n"));
    room.run(["build", "p.yaml", "--force"]).ended(0);
    assert_eq!(room.read("victim"), "mine\n");
    assert_eq!(std::fs::read(room.path("deploy/secrets/ca/ca.key")).expect("key"), key);
}

#[test]
fn stale_files_go_and_edited_ones_stay() {
    let room = Room::built(PROD);
    room.file("p.yaml", format!("{PROD}users: [{{ name: admin, role: admin }}]\n"));
    let stale = "deploy/docker-compose.app.yml";
    let text = room.read(stale);
    room.file(stale, format!("{text}# mine\n"));
    refused(&room, &["build", "p.yaml"], &["docker-compose.app.yml", "--force"]);
    room.file(stale, text);
    room.run(["build", "p.yaml"]).ended(0);
    assert!(!room.path(stale).exists());
    // Secrets of a user that is gone are not ours to throw away.
    assert!(room.path("deploy/secrets/clients/app/password").exists());
}

#[test]
fn a_sealed_password_is_not_remade_in_silence() {
    let room = Room::built(PROD);
    let sealed = room.read("deploy/secrets/server/users.acl");
    std::fs::remove_file(room.path("deploy/secrets/clients/app/password")).expect("removed");
    refused(&room, &["build", "p.yaml"], &["secrets/clients/app/password is missing", "--reprovision"]);
    room.run(["build", "p.yaml", "--reprovision"]).ended(0);
    let again = room.read("deploy/secrets/server/users.acl");
    let line = |text: &str, user: &str| {
        text.lines().find(|line| line.starts_with(&format!("user {user} "))).map(str::to_owned).expect("a line")
    };
    assert_ne!(line(&sealed, "app"), line(&again, "app"));
    assert_eq!(line(&sealed, "admin"), line(&again, "admin"), "only what was missing was made");
    // The server that runs knows the health check's, too.
    std::fs::remove_file(room.path("deploy/secrets/server/health.password")).expect("removed");
    refused(&room, &["build", "p.yaml"], &["secrets/server/health.password is missing"]);
}

#[test]
fn the_authority_may_be_offline_until_it_must_sign() {
    let room = Room::built(MUTUAL);
    let key = room.read("deploy/secrets/ca/ca.key");
    std::fs::remove_dir_all(room.path("deploy/secrets/ca")).expect("removed");
    let whole = room.tree("deploy");
    room.run(["build", "p.yaml"]).ended(0);
    assert_eq!(whole, room.tree("deploy"));
    // A new user needs a certificate under mutual TLS.
    room.file("p.yaml", format!("{MUTUAL}users:\n  - {{ name: admin, role: admin }}\n  - {{ name: app, role: application, keys: [\"demo:*\"] }}\n  - {{ name: new, role: application, keys: [\"new:*\"] }}\n"));
    refused(&room, &["build", "p.yaml"], &["secrets/ca/ca.key is needed to sign"]);
    room.file("deploy/secrets/ca/ca.key", key);
    room.run(["build", "p.yaml"]).ended(0);
    assert!(room.path("deploy/secrets/clients/new/client.crt").exists());
}

/// Development over production would leave a server without passwords where one with passwords was.
#[test]
fn another_environment_is_not_built_over_this_one() {
    let room = Room::built(PROD);
    room.file("p.yaml", DEV);
    refused(&room, &["build", "p.yaml"], &["another deployment", "`demo`", "--force"]);
    room.run(["build", "p.yaml", "--force"]).ended(0);
    assert!(!room.path("deploy/docker-compose.prod.yml").exists());
}

#[test]
fn a_lost_authority_is_an_error_while_leaves_exist() {
    let room = Room::built(PROD);
    // Its key makes the certificate again, and what it signed stays good.
    let key = std::fs::read(room.path("deploy/secrets/ca/ca.key")).expect("key");
    let leaf = std::fs::read(room.path("deploy/secrets/server/redis.crt")).expect("leaf");
    std::fs::remove_file(room.path("deploy/secrets/server/ca.crt")).expect("removed");
    room.run(["build", "p.yaml"]).ended(0);
    assert_eq!(std::fs::read(room.path("deploy/secrets/ca/ca.key")).expect("key"), key);
    assert_eq!(std::fs::read(room.path("deploy/secrets/server/redis.crt")).expect("leaf"), leaf);
    verify(&room, "server/redis.crt");
    // Without the key there is nothing to make it from.
    std::fs::remove_file(room.path("deploy/secrets/server/ca.crt")).expect("removed");
    std::fs::remove_file(room.path("deploy/secrets/ca/ca.key")).expect("removed");
    refused(&room, &["build", "p.yaml"], &["secrets/server/ca.crt is missing", "--reprovision"]);
    room.run(["build", "p.yaml", "--reprovision"]).ended(0);
    verify(&room, "server/redis.crt");
}

/// OpenSSL takes the certificate for one of the authority's.
#[track_caller]
fn verify(room: &Room, certificate: &str) {
    let secrets = room.path("deploy/secrets");
    let mut command = Command::new("openssl");
    common::text_of(
        command
            .args(["verify", "-x509_strict", "-CAfile"])
            .arg(secrets.join("server/ca.crt"))
            .arg(secrets.join(certificate)),
    );
}

#[test]
fn damaged_secrets_stop_the_build() {
    let other = Room::built(MUTUAL);
    let foreign = |name: &str| other.read(&format!("deploy/secrets/{name}"));
    let damage = |change: &dyn Fn(&Room), words: &[&str]| {
        let room = Room::built(MUTUAL);
        change(&room);
        refused(&room, &["build", "p.yaml"], words);
    };
    let remove = |name: &'static str| {
        move |room: &Room| std::fs::remove_file(room.path(&format!("deploy/secrets/{name}"))).expect("removed")
    };
    let put =
        |name: &'static str, text: String| move |room: &Room| _ = room.file(&format!("deploy/secrets/{name}"), &text);
    damage(&remove("server/redis.key"), &["server/redis.crt is damaged"]);
    damage(&remove("clients/app/client.key"), &["clients/app/client.crt is damaged"]);
    damage(&remove("server/health.key"), &["server/health.crt is damaged"]);
    damage(
        &put("server/redis.key", foreign("server/redis.key")),
        &["server/redis.crt is damaged", "another certificate"],
    );
    damage(&put("ca/ca.key", foreign("ca/ca.key")), &["ca/ca.key is damaged"]);
    damage(&put("server/ca.crt", foreign("server/redis.crt")), &["server/ca.crt is damaged"]);
    for name in ["server/redis.crt", "server/ca.crt", "clients/admin/client.crt"] {
        for text in [
            "",
            "garbage\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\n",
        ] {
            damage(&put(name, text.to_owned()), &[name, "damaged"]);
        }
    }
    for name in ["server/redis.key", "ca/ca.key"] {
        damage(&put(name, "garbage\n".to_owned()), &["damaged"]);
    }
    for name in ["clients/app/password", "server/health.password"] {
        for text in [
            "",
            "\n",
            "short",
            "thirty-one-letters-of-a-passwor",
            "a long password with blanks in it, twice sixteen",
            "two-lines-of-a-password\nthat-would-be-long-enough",
            "pässwörd-pässwörd-pässwörd-pässwörd",
            "thirty-two-letters-and-more-of-it\r\n",
            "\u{7f}thirty-two-letters-and-more-of-it",
        ] {
            let text = text.to_owned();
            damage(&put(name, text.clone()), &[name, "damaged"]);
        }
    }
    damage(
        &|room: &Room| _ = room.file("deploy/secrets/clients/app/password", b"\xff\xfe-sixteen-letters"),
        &["clients/app/password", "not text"],
    );
    // What something else put there is fine, with or without a line break.
    let long = "0123456789abcdef".repeat(2);
    for text in [long.clone(), format!("{long}\n")] {
        let room = Room::built(PROD);
        room.file("deploy/secrets/clients/app/password", text);
        room.run(["build", "p.yaml"]).ended(0);
        let digest = redisgen::lock::sha256(long.as_bytes());
        assert!(room.read("deploy/secrets/server/users.acl").contains(&digest));
    }
}

#[test]
fn reprovision_mends_what_is_damaged() {
    // Killed between a key and its certificate, a build leaves a mixed pair; the same command completes it.
    let other = Room::built(MUTUAL);
    for name in ["server/redis.key", "clients/app/client.key"] {
        let room = Room::built(MUTUAL);
        room.file(&format!("deploy/secrets/{name}"), other.read(&format!("deploy/secrets/{name}")));
        room.run(["build", "p.yaml"]).ended(2);
        room.run(["build", "p.yaml", "--reprovision"]).ended(0);
        room.run(["build", "p.yaml"]).ended(0);
        verify(&room, &name.replace(".key", ".crt"));
    }
}

#[test]
fn other_names_are_noted_and_replaced_when_asked() {
    let room = Room::built(PROD);
    let old = room.read("deploy/secrets/server/redis.crt");
    room.file("p.yaml", format!("{PROD}network: {{ hostname: redis.example.com }}\n"));
    let out = room.run(["build", "p.yaml"]).ended(0);
    assert!(out.stderr.contains("note: secrets/server/redis.crt has other names than the profile"), "{}", out.stderr);
    assert_eq!(old, room.read("deploy/secrets/server/redis.crt"));
    let authority = room.read("deploy/secrets/server/ca.crt");
    let passwords = room.read("deploy/secrets/server/users.acl");
    let out = room.run(["build", "p.yaml", "--reprovision"]).ended(0);
    assert!(out.stderr.contains("secrets: made 1 certificate\n"), "{}", out.stderr);
    assert_ne!(old, room.read("deploy/secrets/server/redis.crt"));
    assert_eq!(authority, room.read("deploy/secrets/server/ca.crt"));
    assert_eq!(passwords, room.read("deploy/secrets/server/users.acl"));
    verify(&room, "server/redis.crt");
    let out = room.run(["build", "p.yaml"]).ended(0);
    assert!(!out.stderr.contains("note:"), "{}", out.stderr);
}

#[test]
fn one_profile_that_cannot_be_built_leaves_no_folder_for_the_others() {
    let room = Room::new();
    for name in ["a.yaml", "b.yaml", "c.yaml"] {
        room.file(name, DEV);
    }
    room.file("out/b", "in the way");
    room.run(["build", "a.yaml", "b.yaml", "c.yaml", "--out", "out"]).ended(2);
    for name in ["a", "c"] {
        assert!(!room.path(&format!("out/{name}")).exists(), "{name}");
    }
    std::fs::remove_file(room.path("out/b")).expect("removed");
    room.run(["build", "a.yaml", "b.yaml", "c.yaml", "--out", "out"]).ended(0);
}
