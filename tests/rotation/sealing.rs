//! `secrets seal`: what something else put there is checked, and sealed; nothing is made.

use crate::common::{Room, content};
use crate::lab::{digest, file, profile, sealed};

const USERS: [&str; 5] = ["admin", "app", "reports", "health", "exporter"];

/// A tree without secrets, and password files of somebody's.
fn room() -> Room {
    let room = Room::with(&profile("redis", "7.4.11", "disabled"));
    room.run(["build", "--deny", "error", "--no-secrets", "p.yaml"]).ended(0);
    std::fs::create_dir(room.path("deploy/secrets")).expect("made");
    room.chmod("deploy/secrets", 0o700);
    for user in USERS {
        room.file(&file(user), format!("{}\n", theirs(user)));
    }
    room
}

fn theirs(user: &str) -> String {
    digest(&format!("somebody's own of {user}"))
}

#[test]
fn what_others_put_there_is_sealed() {
    let room = room();
    room.chmod(&file("app"), 0o600);
    let out = room.run(["secrets", "seal", "p.yaml"]);
    let out = out.ended(0);
    for user in USERS {
        assert_eq!(sealed(&room, user), [digest(&theirs(user))]);
    }
    assert_eq!(room.mode(&file("app")), 0o644, "the container reads it");
    assert!(out.stderr.contains("had mode 0600"), "{}", out.stderr);
    let before = room.tree("deploy");
    let again = room.run(["secrets", "seal", "p.yaml"]);
    let again = again.ended(0);
    assert!(again.stderr.contains("was sealed already"), "{}", again.stderr);
    assert_eq!(content(&room.tree("deploy")), content(&before));
    room.run(["diff", "--deny", "error", "p.yaml"]).ended(0);
}

#[test]
fn nothing_is_sealed_if_one_is_wrong() {
    type Spoil = fn(&Room);
    let cases: [(&str, Spoil); 4] = [
        ("clients/app/password is missing", |room| std::fs::remove_file(room.path(&file("app"))).expect("removed")),
        ("clients/app/password is weak", |room| {
            room.file(&file("app"), "changeme");
        }),
        ("visible ASCII", |room| {
            room.file(&file("app"), format!("{} x", theirs("app")));
        }),
        ("is weak: it repeats", |room| {
            room.file(&file("health"), "0123456789a".repeat(4));
        }),
    ];
    for (reason, spoil) in cases {
        let room = room();
        spoil(&room);
        let before = room.tree("deploy");
        let out = room.run(["secrets", "seal", "p.yaml"]);
        let out = out.ended(1);
        assert!(out.stderr.contains(reason), "{reason}: {}", out.stderr);
        assert!(!out.stderr.contains("changeme"), "a password is shown");
        assert_eq!(content(&room.tree("deploy")), content(&before), "{reason}");
    }
}
