//! An output folder, or a part of it, that is something else or is not ours to write: an error that names it, and nothing
//! changes anywhere.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;

use crate::common::{MUTUAL, Out, PROD, REDISGEN, Room, content, text_of};

/// What may stand in a place: its name, and how it is made.
const THINGS: &[&str] = &["file", "link", "dangling", "device", "fifo", "socket"];

fn put(room: &Room, thing: &str, place: &str) {
    let path = room.path(place);
    match thing {
        "file" => _ = room.file(place, "mine\n"),
        "link" => symlink(room.path("victim"), path).expect("link"),
        "dangling" => symlink(room.path("nowhere"), path).expect("link"),
        "device" => _ = text_of(Command::new("mknod").arg(path).args(["c", "1", "3"])),
        "fifo" => _ = text_of(Command::new("mkfifo").arg(path)),
        _ => drop(UnixListener::bind(path).expect("a socket")),
    }
}

#[track_caller]
fn refused(room: &Room, command: &[&str], words: &[&str]) {
    let before = room.tree("");
    // A FIFO that nobody writes to would hold who opens it for ever.
    let arguments = [&["20", REDISGEN], command].concat();
    let out = Out::from(Command::new("timeout").args(arguments).current_dir(room.path("")).output().expect("timeout"));
    out.no_panic();
    assert_eq!(out.code, Some(2), "{command:?}: {}", out.stderr);
    for word in words {
        assert!(out.stderr.contains(word), "{command:?}: expected {word:?}: {}", out.stderr);
    }
    assert!(out.stderr.lines().any(|line| line.starts_with("redisgen: ")), "{}", out.stderr);
    assert_eq!(before, room.tree(""), "{command:?}: something was written");
}

#[test]
fn an_output_folder_that_is_none() {
    for thing in THINGS {
        let room = Room::with(PROD);
        room.file("victim/redis.conf", "mine\n");
        put(&room, thing, "deploy");
        for command in [&["build", "p.yaml"][..], &["build", "p.yaml", "--force"], &["build", "p.yaml", "--no-secrets"]]
        {
            refused(&room, command, &["deploy"]);
        }
        refused(&room, &["build", "p.yaml", "--out", "deploy/"], &["deploy"]);
        if *thing != "link" {
            refused(&room, &["build", "p.yaml", "--out", "deploy/below"], &["deploy"]);
        }
        if *thing != "dangling" {
            refused(&room, &["diff", "p.yaml"], &["deploy"]);
        }
    }
    let room = Room::with(PROD);
    refused(&room, &["build", "p.yaml", "--out", "/dev/null"], &["/dev/null"]);
    refused(&room, &["build", "p.yaml", "--out", "/proc/redisgen"], &["/proc/redisgen"]);
}

#[test]
fn a_part_of_it_that_is_something_else() {
    let places =
        ["redis", "redis/redis.conf", "redisgen.lock", "secrets", "secrets/server", "secrets/server/redis.key"];
    let model = Room::built(MUTUAL);
    for thing in THINGS.iter().filter(|thing| **thing != "file") {
        for place in places {
            let room = Room::with(MUTUAL);
            text_of(Command::new("cp").arg("-a").arg(model.path("deploy")).arg(room.path("deploy")));
            room.file("victim/redis.conf", "mine\n");
            let full = format!("deploy/{place}");
            text_of(Command::new("rm").arg("-r").arg(room.path(&full)));
            put(&room, thing, &full);
            let name = place.rsplit('/').next().expect("a name");
            refused(&room, &["build", "p.yaml"], &[name]);
            // By force, what is nobody's file still is no file of ours; a lock that is a link is replaced.
            if place != "redisgen.lock" {
                refused(&room, &["build", "p.yaml", "--force"], &[name]);
            }
            if place.starts_with("secrets") {
                refused(&room, &["certs", "renew", "p.yaml"], &[]);
            }
        }
    }
}

/// Modes do not bind root: all of this is done as somebody else.
#[test]
fn folders_and_files_of_somebody_else() {
    let home = Room::new();
    // By another process: a child that another test starts while this one writes would keep it from being run.
    text_of(Command::new("install").args(["-m", "0755", REDISGEN]).arg(home.path("redisgen")));
    home.chmod("", 0o755);
    let cases: &[(&str, &str, &str)] = &[
        // What is done to a tree that is nobody's own, what must be named, what must be said.
        ("chown 0 deploy; chmod 755 deploy", "deploy/", "Permission denied"),
        ("chmod 555 deploy", "deploy/", "Permission denied"),
        ("chmod 000 deploy", "deploy", "Permission denied"),
        ("chown 0 deploy/client; chmod 755 deploy/client", "deploy/client", "Operation not permitted"),
        ("chmod 000 deploy/redis", "deploy/redis", "Permission denied"),
        (
            "chown 0 deploy/redis/redis.conf; chmod 600 deploy/redis/redis.conf",
            "deploy/redis/redis.conf",
            "Permission denied",
        ),
        ("chown 0 deploy/secrets; chmod 755 deploy/secrets", "secrets/", "belongs to another user"),
        ("chown 0 deploy/secrets; chmod 700 deploy/secrets", "deploy/secrets", "Permission denied"),
        ("chown 0 deploy/secrets/server", "deploy/secrets/server", "Operation not permitted"),
        ("chown -R 0 deploy/secrets/ca", "deploy/secrets/ca", "Permission denied"),
        ("chown 0 deploy/redisgen.lock; chmod 600 deploy/redisgen.lock", "deploy/redisgen.lock", "Permission denied"),
        ("chown 0 p.yaml; chmod 600 p.yaml", "p.yaml", "Permission denied"),
    ];
    let model = Room::built(MUTUAL);
    let nobody = |room: &Room, command: &[&str]| {
        let mut setpriv = Command::new("setpriv");
        setpriv
            .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
            .arg(home.path("redisgen"))
            .args(command);
        let out = setpriv.current_dir(room.path("")).output();
        let out = Out::from(out.expect("setpriv does not start: install util-linux"));
        out.no_panic();
        out
    };
    for (change, name, why) in cases {
        let room = Room::with(&MUTUAL.replace("mode: mutual }", "mode: mutual }\nnetwork: { port: 7000 }"));
        text_of(Command::new("cp").arg("-a").arg(model.path("deploy")).arg(room.path("deploy")));
        text_of(Command::new("chown").args(["-R", "65534:65534"]).arg(room.path("")));
        room.chmod("", 0o755);
        room.shell(change).ended(0);
        let before = room.tree("");
        let out = nobody(&room, &["build", "p.yaml"]);
        assert_eq!(out.code, Some(2), "{change}: {}", out.stderr);
        let line = out.stderr.lines().find(|line| line.starts_with("redisgen: ")).unwrap_or_default();
        assert!(line.contains(name) && line.contains(why), "{change}: {}", out.stderr);
        assert!(content(&before) == content(&room.tree("")), "{change}: something was written");
        // Given back, it is built by the same user.
        room.shell("chown -R 65534:65534 .; chmod -R u+rwX .").ended(0);
        assert_eq!(nobody(&room, &["build", "p.yaml"]).code, Some(0), "{change}");
    }
}

/// What a profile no longer produces lies in a folder from which this user may remove nothing.
#[test]
fn a_file_that_may_not_go() {
    let home = Room::new();
    home.chmod("", 0o755);
    text_of(Command::new("install").args(["-m", "0755", REDISGEN]).arg(home.path("redisgen")));
    let without = "version: 1\nname: demo\nenvironment: development\nusers: [{ name: app, role: application, keys: [\"app:*\"] }]\n";
    let with = format!("{without}monitoring: {{ exporter: true }}\n");
    let room = Room::built(&with);
    room.file("p.yaml", without);
    text_of(Command::new("chown").args(["-R", "65534:65534"]).arg(room.path("")));
    room.chmod("", 0o755);
    room.chmod("deploy/monitoring", 0o555);
    let before = room.tree("");
    let build = || {
        let mut setpriv = Command::new("setpriv");
        setpriv.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(home.path("redisgen"));
        Out::from(setpriv.args(["build", "p.yaml"]).current_dir(room.path("")).output().expect("setpriv"))
    };
    let out = build();
    assert_eq!(out.code, Some(2), "{}", out.stderr);
    assert!(out.stderr.contains("deploy/monitoring: Permission denied"), "{}", out.stderr);
    assert!(content(&before) == content(&room.tree("")), "something was written");
    room.chmod("deploy/monitoring", 0o755);
    assert_eq!(build().code, Some(0));
    assert!(!room.path("deploy/monitoring").exists());
}

/// What stands where a profile writes nothing is nobody's business, whatever it is, and whatever lies below.
#[test]
fn things_in_places_that_are_not_needed() {
    for thing in THINGS {
        let room = Room::with(
            "version: 1\nname: demo\nenvironment: development\nusers: [{ name: app, role: application, keys: [\"app:*\"] }]\ntls: { mode: mutual }\n",
        );
        room.file("victim/.x.0123456789abcdef.tmp", "mine\n");
        std::fs::create_dir(room.path("deploy")).expect("folder");
        for place in ["backup", "terraform", "storage"] {
            put(&room, thing, &format!("deploy/{place}"));
        }
        let deep = "docs".to_owned() + &"/a".repeat(900);
        std::fs::create_dir_all(room.path(&format!("deploy/{deep}"))).expect("folders");
        room.file("deploy/client/node_modules/.x.0123456789abcdef.tmp", "mine\n");
        let lies = room.tree("");
        for command in
            [&["build", "p.yaml"][..], &["build", "p.yaml", "--force"], &["certs", "renew", "p.yaml", "--force"]]
        {
            room.run(command).ended(0);
        }
        let now = room.tree("");
        for (path, entry) in lies.iter().filter(|(path, _)| *path != "deploy") {
            assert!(now.get(path).is_some_and(|now| now.bytes == entry.bytes), "{thing}: {path} is gone");
        }
    }
}

/// Folders that were open to others are closed when passwords come into them, and stay so after an error.
#[test]
fn open_secrets_stay_closed_after_an_error() {
    let room = Room::built(MUTUAL);
    room.file("p.yaml", MUTUAL.replace("mode: mutual }", "mode: mutual }\nnetwork: { port: 7000 }"));
    room.chmod("deploy/secrets", 0o755);
    let command = ["certs", "renew", "p.yaml", "--force"];
    let calls = crate::inject::calls(&room, &command, "deploy");
    let write = calls.iter().rfind(|call| call.name == "write").expect("a write");
    room.chmod("deploy/secrets", 0o755);
    crate::inject::run(&room, &command, write, crate::inject::Fault::Error).ended(2);
    assert_eq!(room.mode("deploy/secrets"), 0o700);
}
