//! `.env` in development: read by a shell, ignored by Git, gone when nobody asks for it.

use std::process::Command;

use crate::common::{Room, text_of};
use crate::lab::Redis;

const PROFILE: &str = "version: 1
name: orders-dev
environment: development
engine: { kind: redis, version: \"7.0.15\" }
users:
  - { name: admin, role: admin }
  - { name: Order.Service_1, role: application, keys: [\"orders:*\"] }
secrets: { store: dotenv }
";
const FILE: &str = "deploy/secrets/clients/Order.Service_1/.env";
const PASSWORD: &str = "deploy/secrets/clients/Order.Service_1/password";

#[test]
fn a_shell_reads_it_and_git_does_not() {
    let room = Room::built(PROFILE);
    assert_eq!([room.mode("deploy/secrets"), room.mode(FILE)], [0o700, 0o644]);
    let redis = Redis::start(&room);
    let read = |path: &str| {
        let words = ["-euc", ". \"$1\"; printf '%s %s' \"$REDIS_USER\" \"$REDIS_PASSWORD\"", "sh"];
        text_of(Command::new("sh").args(words).arg(room.path(path)))
    };
    let text = read(FILE);
    let (user, password) = text.split_once(' ').expect("both");
    assert_eq!((user, password), ("Order.Service_1", room.read(PASSWORD).as_str()));
    assert!(redis.admits(user, password) && !redis.admits("admin", password), "the second is the control");

    room.shell("git init -q . && git add -A").ended(0);
    let listed = || room.shell("git ls-files").ended(0).stdout;
    assert!(listed().contains("deploy/docker-compose.dev.yml") && !listed().contains("secrets/"), "{}", listed());
    // The control: without the file of ours Git takes it.
    std::fs::remove_file(room.path("deploy/secrets/.gitignore")).expect("removed");
    room.shell("git add -A").ended(0);
    assert!(listed().contains(FILE), "{}", listed());
    room.shell("git rm -rq --cached deploy/secrets").ended(0);
}

#[test]
fn it_follows_the_password_and_the_profile() {
    let room = Room::built(PROFILE);
    let new = "0123456789abcdefghijklmnopqrstuvwxyz";
    room.file(PASSWORD, new);
    room.run(["build", "p.yaml"]).ended(0);
    assert_eq!(room.read(FILE), format!("REDIS_USER=Order.Service_1\nREDIS_PASSWORD={new}\n"));
    // What would be more than a word to one of its readers is refused, and nothing is written.
    room.file(PASSWORD, "0123456789abcdefghijklmnop$(touch${IFS}here)");
    let before = room.tree("deploy");
    let refused = room.run(["build", "p.yaml"]).ended(2);
    assert!(refused.stderr.contains("for a `.env` a password has"), "{refused:?}");
    assert!(!refused.stderr.contains("touch"), "{refused:?}");
    assert!(room.tree("deploy") == before);
    room.file(PASSWORD, new);
    // The same password serves where there is no `.env`.
    room.file("p.yaml", PROFILE.replace("store: dotenv", "store: files"));
    let gone = room.run(["build", "p.yaml"]).ended(0);
    assert!(!room.path(FILE).exists());
    assert!(format!("{gone:?}").contains("Order.Service_1/.env is gone"), "{gone:?}");
    room.run(["build", "p.yaml"]).ended(0);
}

#[test]
fn production_has_none() {
    let production =
        PROFILE.replace("orders-dev", "orders").replace("environment: development", "environment: production");
    let room = Room::with(&production);
    let refused = room.run(["build", "--deny", "error", "p.yaml"]).ended(1);
    assert!(format!("{refused:?}").contains("dotenv-in-production"), "{refused:?}");
    assert!(!room.path("deploy").exists());
    room.file("p.yaml", production.replace("store: dotenv", "store: files"));
    room.run(["build", "--deny", "error", "p.yaml"]).ended(0);
    assert!(!room.path(FILE).exists() && room.path(PASSWORD).exists());
}
