//! What a rotation leaves on disk, and what other commands say of it.

use crate::common::{Room, content};
use crate::lab::{built, digest, file, password, profile, rotate, sealed};

const USERS: [&str; 5] = ["admin", "app", "reports", "health", "exporter"];

fn room() -> Room {
    built(&profile("redis", "7.4.11", "mutual"))
}

#[test]
fn both_passwords_are_sealed_until_the_end() {
    let room = room();
    let old: Vec<String> = USERS.iter().map(|user| password(&room, user)).collect();
    let out = rotate(&room, &[]);
    let out = out.ended(0);
    assert!(out.stdout.contains("ACL SETUSER") && out.stdout.contains("--finish"), "{}", out.stdout);
    for (user, old) in USERS.iter().zip(&old) {
        let new = password(&room, user);
        assert_ne!(new, *old, "{user}");
        assert_eq!(room.read(&format!("{}.old", file(user))), *old, "{user}");
        assert_eq!(room.mode(&file(user)), 0o644);
        assert_eq!(room.mode(&format!("{}.old", file(user))), 0o644);
        let mut both = vec![digest(old), digest(&new)];
        both.sort();
        assert_eq!(sealed(&room, user), both, "{user}");
        for text in [&out.stdout, &out.stderr, &room.read("deploy/secrets/rotation.toml")] {
            assert!(!text.contains(old.as_str()) && !text.contains(&new), "a password is shown: {text}");
            assert!(!text.contains(&digest(old)) && !text.contains(&digest(&new)), "a digest is shown: {text}");
        }
    }
    assert_eq!(room.mode("deploy/secrets/rotation.toml"), 0o600);
    // Others know.
    room.run(["diff", "--deny", "error", "p.yaml"]).ended(0);
    let before = room.tree("deploy");
    room.run(["build", "--deny", "error", "p.yaml"]).ended(0);
    assert_eq!(content(&room.tree("deploy")), content(&before), "a build changes nothing");
    room.run(["verify", "--deny", "error", "--level", "tree", "--dir", "deploy", "p.yaml"]).ended(0);
    // Again: it goes on from where it is, and nothing is new.
    rotate(&room, &[]).ended(0);
    assert_eq!(content(&room.tree("deploy")), content(&before));

    let new: Vec<String> = USERS.iter().map(|user| password(&room, user)).collect();
    rotate(&room, &["--finish"]).ended(0);
    for (user, new) in USERS.iter().zip(&new) {
        assert_eq!(password(&room, user), *new);
        assert_eq!(sealed(&room, user), [digest(new)], "{user}");
    }
    let left: Vec<String> = room
        .tree("deploy/secrets")
        .into_keys()
        .filter(|path| path.contains(".old") || path.contains(".new") || path.contains("rotation"))
        .collect();
    assert_eq!(left, [""; 0]);
    room.run(["diff", "--deny", "error", "p.yaml"]).ended(0);
    rotate(&room, &["--finish"]).ended(0);
}

#[test]
fn two_digests_are_drift_unless_a_rotation_says_so() {
    let room = room();
    rotate(&room, &["--user", "app"]).ended(0);
    room.run(["diff", "--deny", "error", "p.yaml"]).ended(0);
    let state = room.read("deploy/secrets/rotation.toml");
    // Of another user.
    room.file("deploy/secrets/rotation.toml", state.replace("\"app\"", "\"reports\""));
    let drift = room.run(["diff", "--deny", "error", "p.yaml"]);
    let drift = drift.ended(1);
    assert!(drift.stdout.contains("user app"), "{}", drift.stdout);
    // Of nobody.
    std::fs::remove_file(room.path("deploy/secrets/rotation.toml")).expect("removed");
    room.run(["diff", "--deny", "error", "p.yaml"]).ended(1);
    room.run(["verify", "--deny", "error", "--level", "tree", "--dir", "deploy", "p.yaml"]).ended(1);
    // Of three, whatever the state says.
    room.file("deploy/secrets/rotation.toml", &state);
    let acl = room.read("deploy/secrets/server/users.acl");
    room.file(
        "deploy/secrets/server/users.acl",
        acl.replace("user app on ", &format!("user app on #{} ", digest("x"))),
    );
    room.run(["diff", "--deny", "error", "p.yaml"]).ended(1);
    // A state that nobody can read seals nothing.
    room.file("deploy/secrets/rotation.toml", "format = 1\nphase = \"switched\"\nbegan = \"\"\nusers = [\"../ca\"]\n");
    let refused = room.run(["build", "--deny", "error", "p.yaml"]);
    let refused = refused.ended(2);
    assert!(refused.stderr.contains("rotation.toml is damaged"), "{}", refused.stderr);
}

#[test]
fn one_rotation_at_a_time() {
    let room = room();
    rotate(&room, &["--user", "app", "--prepare"]).ended(0);
    let before = room.tree("deploy");
    for more in [&["--user", "reports"][..], &["--user", "app", "--user", "reports"]] {
        let refused = rotate(&room, more);
        let refused = refused.ended(2);
        assert!(refused.stderr.contains("a rotation of app is pending"), "{}", refused.stderr);
    }
    let refused = rotate(&room, &["--finish"]);
    let refused = refused.ended(2);
    assert!(refused.stderr.contains("clients still read the old one"), "{}", refused.stderr);
    assert_eq!(content(&room.tree("deploy")), content(&before));
    // While another process holds the tree.
    let folder = redisgen::folder::Folder::open(&room.path("deploy")).expect("opens");
    while folder.lock().is_err() {
        std::thread::yield_now();
    }
    let refused = rotate(&room, &[]);
    let refused = refused.ended(2);
    assert!(refused.stderr.contains("another redisgen is writing here"), "{}", refused.stderr);
    drop(folder);
    rotate(&room, &["--rollback"]).ended(0);
    rotate(&room, &["--user", "nobody"]).ended(2);
}

#[test]
fn a_rotation_changes_no_rights_on_the_way() {
    let room = room();
    room.file("p.yaml", profile("redis", "7.4.11", "mutual").replace("role: readonly", "role: application"));
    let before = room.tree("deploy");
    for command in [&["secrets", "rotate", "p.yaml"][..], &["secrets", "seal", "p.yaml"]] {
        let refused = room.run(command);
        let refused = refused.ended(2);
        assert!(refused.stderr.contains("redisgen build"), "{}", refused.stderr);
    }
    assert_eq!(content(&room.tree("deploy")), content(&before));
}

#[test]
fn the_list_of_the_exporter_goes_along() {
    let room = room();
    let list = "deploy/secrets/exporter/passwords.json";
    let old = password(&room, "exporter");
    room.file(list, format!("{{\"rediss://exporter@redis:6379\": \"{old}\", \"redis://other:1\": \"theirs\"}}\n"));
    rotate(&room, &[]).ended(0);
    let new = password(&room, "exporter");
    let read = || serde_json::from_str::<serde_json::Value>(&room.read(list)).expect("JSON");
    assert_eq!(read(), serde_json::json!({"rediss://exporter@redis:6379": new, "redis://other:1": "theirs"}));
    rotate(&room, &["--rollback"]).ended(0);
    assert_eq!(read(), serde_json::json!({"rediss://exporter@redis:6379": old, "redis://other:1": "theirs"}));
}
