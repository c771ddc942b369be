//! A disk that is full of bytes or of inodes at any moment, that is read-only, or that is another one than the profile's.
//! Each is real: a small file system in a mount namespace of its own, which ends with its process.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use crate::common::{MUTUAL, Out, REDISGEN, Room, Tree, content, deterministic, tree};
use crate::state;

const NEWER: &str = "version: 1\nname: demo\nenvironment: production\ntls: { mode: mutual }\nnetwork: { port: 7000 }\nusers: [{ name: admin, role: admin }, { name: app, role: application, keys: [\"app:*\"] }, { name: new, role: application, keys: [\"new:*\"] }]\n";

/// Runs a script in a mount namespace of its own. `$REDISGEN` is the program; `disk` is a small file system.
fn alone(room: &Room, script: &str, more: &[&str]) -> Out {
    std::fs::create_dir_all(room.path("disk")).expect("folder");
    let mut command = Command::new("unshare");
    let whole = format!("set -eu; mount -t tmpfs -o size=64m,mode=755 none disk; {script}");
    command.args(["--mount", "sh", "-c", &whole, "sh"]).args(more).env("REDISGEN", REDISGEN).current_dir(room.path(""));
    let out = Out::from(command.output().expect("unshare does not start: install util-linux"));
    out.no_panic();
    out
}

/// One build on a disk with so much room left, and another one on a disk with enough. What lies there after each is in
/// `first` and `second`.
fn squeezed(old: Option<&Room>, option: &str) -> (Room, Out, Tree, Tree) {
    let room = Room::below("/dev/shm");
    room.file("p.yaml", NEWER);
    if let Some(old) = old {
        crate::common::text_of(Command::new("cp").arg("-a").arg(old.path("deploy")).arg(room.path("old")));
    }
    let script = "
        [ ! -e old ] || cp -a old disk/deploy
        case $1 in
        size) used=$(df -k --output=used disk | tail -1); mount -o remount,size=$((used + $2))k disk ;;
        inodes) used=$(df --output=iused disk | tail -1); mount -o remount,nr_inodes=$((used + $2)) disk ;;
        esac
        code=0; \"$REDISGEN\" build p.yaml --out disk/deploy || code=$?
        mkdir first second
        [ ! -e disk/deploy ] || cp -a disk/deploy/. first
        mount -o remount,size=64m,nr_inodes=10000 disk
        \"$REDISGEN\" build p.yaml --out disk/deploy 2>said
        cp -a disk/deploy/. second
        exit $code";
    let (kind, count) = option.split_once('=').expect("an option");
    let out = alone(&room, script, &[kind, count]);
    let trees = (room.tree("first"), room.tree("second"));
    (room, out, trees.0, trees.1)
}

fn fills_up(old: Option<&Room>, kind: &str, steps: &[u32]) {
    let whole = Room::built(NEWER);
    let before = old.map(|old| old.tree("deploy")).unwrap_or_default();
    let mut places = std::collections::BTreeSet::new();
    for step in steps {
        let when = format!("{kind}: {step} left");
        let (room, out, first, second) = squeezed(old, &format!("{kind}={step}"));
        assert!(deterministic(&second) == deterministic(&whole.tree("deploy")), "{when}: {}", out.stderr);
        assert!(!room.read("said").contains("edited by hand"), "{when}: {}", room.read("said"));
        if out.code == Some(0) {
            continue;
        }
        assert_eq!(out.code, Some(2), "{when}: {}", out.stderr);
        let line = out.stderr.lines().find(|line| line.starts_with("redisgen: ")).unwrap_or_default();
        assert!(line.contains("No space left on device"), "{when}: {}", out.stderr);
        let place = line.trim_start_matches("redisgen: ").split(':').next().unwrap_or_default();
        assert!(place.starts_with("disk/deploy"), "{when}: {line}");
        places.insert(place.to_owned());
        state::closed(&first, &when);
        assert!(content(&first) == content(&before), "{when}: something was written");
    }
    // Wherever the room ends, another file has none.
    assert!(places.len() >= 4, "{kind}: it was full at {places:?} only");
    let (_, out, first, _) = squeezed(old, &format!("{kind}=5000"));
    assert_eq!(out.code, Some(0), "{}", out.stderr);
    assert!(deterministic(&first) == deterministic(&whole.tree("deploy")));
}

#[test]
fn a_disk_that_is_full_changes_nothing() {
    let old = Room::built(MUTUAL);
    // In KiB; a page is 4.
    fills_up(None, "size", &[4, 12, 28, 60, 100, 140, 180]);
    fills_up(Some(&old), "size", &[0, 4, 12, 28, 60, 100]);
}

#[test]
fn a_disk_without_inodes_changes_nothing() {
    let old = Room::built(MUTUAL);
    fills_up(None, "inodes", &[0, 1, 2, 5, 12, 20, 30, 45]);
    fills_up(Some(&old), "inodes", &[0, 1, 2, 5, 9]);
}

/// A disk that fills up at a later one of several profiles has not changed the earlier ones.
#[test]
fn several_profiles_change_together() {
    let room = Room::below("/dev/shm");
    let script = "
        build() { \"$REDISGEN\" build p --out disk/all >/dev/null; }
        build 2>said
        cp -a disk/all before
        sed -i 's/^name: .*/&\\nnetwork: { port: 7000 }/' p/*.yaml
        mount -o remount,size=$(($(df -k --output=used disk | tail -1) + $1))k disk
        code=0; build || code=$?
        diff -r before disk/all >difference || echo different
        mount -o remount,size=64m disk
        build 2>said
        ! diff -rq before disk/all >changed
        exit $code";
    // In KiB: enough for the first ones, and not for all.
    for left in ["40", "200", "400"] {
        let _again = std::fs::remove_dir_all(room.path("before"));
        for place in 0..9 {
            room.file(
                &format!("p/site-{place}.yaml"),
                MUTUAL.replacen("name: demo", &format!("name: site-{place}"), 1),
            );
        }
        let out = alone(&room, script, &[left]).ended(2);
        assert!(out.stderr.contains("No space left on device"), "{left}: {}", out.stderr);
        assert!(out.stdout.is_empty(), "{left}: {}\n{}", out.stdout, room.read("difference"));
        for place in 0..9 {
            assert!(
                room.read("changed").contains(&format!("all/site-{place}/docker-compose.prod.yml differ")),
                "{left}: {place}"
            );
        }
    }
}

#[test]
fn a_read_only_disk_is_told() {
    let room = Room::built(MUTUAL);
    let before = room.tree("deploy");
    let script = "mount --bind deploy deploy; mount -o remount,bind,ro deploy; exec \"$REDISGEN\" \"$@\"";
    let certificates = ["certs", "renew", "p.yaml", "--force"];
    for command in [&certificates[..], &["secrets", "rotate", "p.yaml", "--user", "app"], &["build", "p.yaml"]] {
        if command[0] == "build" {
            room.file("p.yaml", NEWER);
        }
        let out = alone(&room, script, command).ended(2);
        assert!(out.stderr.contains("deploy/") && out.stderr.contains("Read-only file system"), "{}", out.stderr);
        assert!(content(&before) == content(&room.tree("deploy")), "{command:?}: something was written");
    }
    // It was the mount that refused.
    room.run(["build", "p.yaml"]).ended(0);
}

/// A temporary file beside its target is renamed within one file system, wherever everything else is.
#[test]
fn the_output_may_be_on_another_disk_and_secrets_on_a_third() {
    let (room, other) = (Room::with(MUTUAL), Room::below("/dev/shm"));
    let device = |room: &Room| std::fs::metadata(room.path("")).expect("metadata").dev();
    assert_ne!(device(&room), device(&other), "/dev/shm is no disk of its own");
    let out = other.path("deploy");
    let out = out.to_str().expect("text");
    for temporary in ["/", "/nowhere"] {
        let ended = Out::from(
            room.command(["build", "p.yaml", "--out", out]).env("TMPDIR", temporary).output().expect("starts"),
        );
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    assert!(deterministic(&tree(&other.path("deploy"))) == deterministic(&Room::built(MUTUAL).tree("deploy")));
    room.run(["diff", "p.yaml", "--out", out]).ended(0);

    let script = "mkdir -p deploy/secrets; mount --bind disk deploy/secrets; \"$REDISGEN\" build p.yaml; \
        \"$REDISGEN\" certs renew p.yaml --force; \"$REDISGEN\" certs status p.yaml; \"$REDISGEN\" diff p.yaml; \
        stat -c %a disk; ls -A disk";
    let ended = alone(&room, script, &[]).ended(0);
    assert!(
        ended.stdout.ends_with("700\n.gitignore\nbackup\nca\nclients\nexporter\nserver\n")
            || ended.stdout.contains("700\n.gitignore\nca\nclients\n"),
        "{}",
        ended.stdout
    );
    assert!(room.tree("deploy/secrets").is_empty(), "they are on that disk only");
}
