//! `secrets status`: each thing that needs a hand is told by its name, and nothing else is.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::common::Room;
use crate::lab::{built, file, password, profile, rotate};

fn room() -> Room {
    built(&profile("redis", "7.4.11", "disabled"))
}

/// Everything that is told, as `USER ID`, or `- ID` of the whole.
fn told(room: &Room) -> BTreeSet<String> {
    let out = room.run(["secrets", "status", "--format", "json", "p.yaml"]);
    let document: Value = serde_json::from_str(&out.stdout).expect("JSON");
    let profile = &document["profiles"][0];
    let ids = |of: &Value| -> Vec<String> {
        of["problems"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|it| it["id"].as_str().expect("an id").to_owned())
            .collect()
    };
    let mut told: BTreeSet<String> = ids(profile).into_iter().map(|id| format!("- {id}")).collect();
    for user in profile["users"].as_array().expect("a list") {
        told.extend(ids(user).into_iter().map(|id| format!("{} {id}", user["name"].as_str().expect("a name"))));
    }
    assert_eq!(out.code, Some(i32::from(!told.is_empty())), "{told:?}");
    let human = room.run(["secrets", "status", "p.yaml"]);
    assert_eq!(human.code, out.code);
    for user in ["admin", "app", "reports"].iter().filter(|user| room.path(&file(user)).exists()) {
        let secret = String::from_utf8_lossy(&std::fs::read(room.path(&file(user))).expect("read")).into_owned();
        assert!(!human.stdout.contains(secret.trim()) && !out.stdout.contains(secret.trim()), "a password is shown");
    }
    told
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn nothing_is_told_of_what_is_right() {
    let room = room();
    assert_eq!(told(&room), set(&[]));
    let human = room.run(["secrets", "status", "p.yaml"]);
    assert!(human.stdout.contains("app") && human.stdout.contains("0 days  ok"), "{}", human.stdout);
    // Several, and a folder of them.
    room.file("q.yaml", profile("redis", "7.4.11", "disabled").replace("name: demo", "name: other"));
    let several = room.run(["secrets", "status", "--out", "nowhere", "."]);
    let several = several.ended(1);
    assert_eq!(several.stdout.matches("there is no secrets/").count(), 2, "{}", several.stdout);
}

#[test]
fn each_finding_is_told() {
    type Spoil = fn(&Room);
    let cases: [(&[&str], Spoil); 14] = [
        (&["app missing"], |room| std::fs::remove_file(room.path(&file("app"))).expect("removed")),
        (&["health mode"], |room| room.chmod(&file("health"), 0o600)),
        (&["app owner"], |room| {
            std::os::unix::fs::chown(room.path(&file("app")), Some(1234), None).expect("chown, which needs root");
        }),
        (&["app weak", "app sealed-password"], |room| {
            room.file(&file("app"), "abcdefghijklmnopqrstuvwxyz0123456789");
        }),
        (&["app not-text"], |room| {
            room.file(&file("app"), [0xff_u8; 40]);
        }),
        (&["reports shared", "reports sealed-password"], |room| {
            room.file(&file("reports"), password(room, "app"));
        }),
        (&["app old"], |room| dated(room, "app", -91)),
        (&["app future"], |room| dated(room, "app", 3)),
        (&["- open"], |room| room.chmod("deploy/secrets", 0o755)),
        (&["- sealed-missing"], |room| {
            std::fs::remove_file(room.path("deploy/secrets/server/users.acl")).expect("removed");
        }),
        (&["- sealed-rules"], |room| {
            let text = room.read("deploy/secrets/server/users.acl");
            assert!(text.contains("~app:*"));
            room.file("deploy/secrets/server/users.acl", text.replace("~app:*", "~*"));
        }),
        (&["- sealed-rules", "app sealed-password"], |room| {
            let text = room.read("deploy/secrets/server/users.acl");
            let others: Vec<&str> = text.lines().filter(|line| !line.starts_with("user app ")).collect();
            room.file("deploy/secrets/server/users.acl", others.join("\n") + "\n");
        }),
        (&["- rotation-pending"], |room| {
            rotate(room, &["--user", "app"]).ended(0);
        }),
        (&["app leftover"], |room| {
            room.file("deploy/secrets/clients/app/password.old", "something");
        }),
    ];
    for (expected, spoil) in cases {
        let room = room();
        spoil(&room);
        assert_eq!(told(&room), set(expected), "{expected:?}");
    }
}

/// Whoever can write a state of a rotation does not write to the terminal by it.
#[test]
fn a_damaged_state_is_told_in_one_line() {
    let room = room();
    room.file("deploy/secrets/rotation.toml", "\"a\\u001b[31m\\n::error::x\" = 1\n");
    let out = room.run(["secrets", "status", "p.yaml"]).ended(1);
    let line = out.stdout.lines().find(|line| line.contains("::error::x")).expect("it is told");
    assert!(!line.starts_with("::") && !out.stdout.contains('\u{1b}'), "{}", out.stdout);
}

fn dated(room: &Room, user: &str, days: i64) {
    let file = std::fs::File::options().write(true).open(room.path(&file(user))).expect("open");
    let away = Duration::from_secs(days.unsigned_abs() * 86_400);
    let now = SystemTime::now();
    file.set_modified(if days < 0 { now - away } else { now + away }).expect("dated");
}

#[test]
fn an_age_counts_from_the_day_asked_for_and_a_rotation_keeps_dates() {
    let room = room();
    dated(&room, "app", -80);
    assert_eq!(told(&room), set(&[]));
    let late = (time::OffsetDateTime::now_utc() + time::Duration::days(12)).date();
    room.run(["secrets", "status", "--as-of", &late.to_string(), "p.yaml"]).ended(1);
    rotate(&room, &["--user", "app"]).ended(0);
    rotate(&room, &["--rollback"]).ended(0);
    room.run(["secrets", "status", "--as-of", &late.to_string(), "p.yaml"]).ended(1);
    rotate(&room, &["--user", "app"]).ended(0);
    rotate(&room, &["--finish"]).ended(0);
    room.run(["secrets", "status", "--as-of", &late.to_string(), "p.yaml"]).ended(0);
}
