//! Several at once on one folder: one works, the others say so and change nothing.

use std::process::Stdio;

use crate::common::{MUTUAL, Out, Room, content, deterministic};
use crate::state;

#[test]
fn builds_at_once() {
    let reference = Room::built(MUTUAL);
    for _ in 0..10 {
        let room = Room::with(MUTUAL);
        let start =
            || room.command(["build", "p.yaml"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
        let children: Vec<_> = (0..3).map(|_| start()).collect();
        let ends: Vec<Out> =
            children.into_iter().map(|child| Out::from(child.wait_with_output().expect("ends"))).collect();
        assert!(ends.iter().any(|out| out.code == Some(0)), "nobody won: {ends:?}");
        for out in &ends {
            let told = out.code == Some(2) && out.stderr.contains("another redisgen is writing here");
            assert!(out.code == Some(0) || told, "{}", out.stderr);
        }
        assert_eq!(deterministic(&reference.tree("deploy")), deterministic(&room.tree("deploy")));
        // The winner's work is complete, and its secrets are one set.
        state::consistent(&room, "after three at once");
    }
}

#[test]
fn whoever_comes_second_changes_nothing() {
    let room = Room::built(MUTUAL);
    room.file("p.yaml", MUTUAL.replace("mode: mutual }", "mode: mutual }\nnetwork: { port: 7000 }"));
    let before = room.tree("");
    for command in [
        "build p.yaml",
        "build p.yaml --force",
        "build p.yaml --no-secrets",
        "certs renew p.yaml --force",
        "certs rollover begin p.yaml",
        "secrets seal p.yaml",
        "secrets rotate p.yaml",
    ] {
        let out = room.shell(&format!("exec 9<deploy; flock 9; \"$REDISGEN\" {command} 9<&-")).ended(2);
        assert!(out.stderr.contains("deploy: another redisgen is writing here"), "{command}: {}", out.stderr);
        assert!(content(&before) == content(&room.tree("")), "{command}: something was written");
    }
    // What only reads does not wait for anybody.
    room.shell("exec 9<deploy; flock 9; \"$REDISGEN\" certs status p.yaml 9<&-").ended(0);
    // A lock ends with its process.
    room.run(["build", "p.yaml"]).ended(0);
}
