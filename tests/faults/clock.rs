//! A clock that is wrong, by `faketime`: what exists is not judged by it in silence, and nothing is signed that has ended
//! when somebody sets it right.

use std::process::Command;

use crate::common::{MUTUAL, Out, REDISGEN, Room, content, deterministic};

fn at(room: &Room, date: &str, command: &[&str]) -> Out {
    let out = Command::new("faketime")
        .args(date.starts_with(['+', '-']).then_some("-f"))
        .arg(date)
        .arg(REDISGEN)
        .args(command)
        .current_dir(room.path(""))
        .output();
    let out = Out::from(out.expect("faketime does not start: install it; this test needs it"));
    out.no_panic();
    out
}

#[test]
fn set_back_by_years_it_changes_no_certificate() {
    let room = Room::built(MUTUAL);
    let before = room.tree("deploy");
    for date in ["-20d", "2020-01-01", "1970-01-02", "1930-01-01"] {
        // Said, and kept.
        let out = at(&room, date, &["build", "p.yaml"]).ended(0);
        for file in ["the certificate authority", "secrets/server/redis.crt", "secrets/clients/app/client.crt"] {
            let said = format!("note: {file} is not valid yet: is the clock of this machine right?");
            assert!(out.stderr.contains(&said), "{date}: {}", out.stderr);
        }
        let out = at(&room, date, &["certs", "status", "p.yaml"]).ended(1);
        assert_eq!(
            out.stdout.matches("is not valid yet").count(),
            out.stdout.matches(".crt").count(),
            "{}",
            out.stdout
        );
        let out = at(&room, date, &["secrets", "status", "p.yaml"]);
        assert!(out.code == Some(1) && out.stdout.contains("dated in the future"), "{date}: {}", out.stdout);
        // Nothing is signed by it, by whatever way.
        for command in [
            &["certs", "renew", "p.yaml"][..],
            &["certs", "renew", "p.yaml", "--force"],
            &["certs", "rollover", "begin", "p.yaml"],
            &["build", "p.yaml", "--reprovision"],
        ] {
            let out = at(&room, date, command).ended(2);
            assert!(out.stderr.contains("the clock of this machine"), "{date} {command:?}: {}", out.stderr);
        }
        assert!(content(&before) == content(&room.tree("deploy")), "{date}: something was written");
    }
    // Right again, all is well.
    room.run(["certs", "status", "p.yaml"]).ended(0);
    room.run(["secrets", "status", "p.yaml"]).ended(0);
}

#[test]
fn before_there_was_a_redisgen_no_certificate_is_made() {
    let room = Room::with(MUTUAL);
    let before = room.tree("");
    for date in ["2020-01-01", "1970-01-02"] {
        let out = at(&room, date, &["build", "p.yaml"]).ended(2);
        assert!(out.stderr.contains(&format!("the clock of this machine says {date}")), "{}", out.stderr);
        assert!(content(&before) == content(&room.tree("")), "{date}: something was written");
    }
    // Without certificates the date is nobody's business, and the files are the same ones.
    at(&room, "1970-01-02", &["build", "p.yaml", "--no-secrets"]).ended(0);
    room.run(["build", "p.yaml"]).ended(0);
    assert!(deterministic(&room.tree("deploy")) == deterministic(&Room::built(MUTUAL).tree("deploy")));
}

/// A clock that is ahead shows as ends that have come; a day's difference is none.
#[test]
fn ahead_by_years_it_says_what_ends() {
    let room = Room::built(MUTUAL);
    let before = room.tree("deploy");
    let out = at(&room, "2090-01-01", &["build", "p.yaml", "--deny", "error"]).ended(0);
    assert!(out.stderr.contains("the certificate authority has expired"), "{}", out.stderr);
    let out = at(&room, "2090-01-01", &["certs", "renew", "p.yaml"]).ended(2);
    assert!(out.stderr.contains("expired"), "{}", out.stderr);
    assert!(content(&before) == content(&room.tree("deploy")));
    let out = at(&room, "+20m", &["certs", "status", "p.yaml"]);
    assert_eq!(out.code, Some(0), "{}", out.stdout);
    // Backdating covers half an hour.
    let out = at(&room, "-30m", &["certs", "status", "p.yaml"]);
    assert_eq!(out.code, Some(0), "{}", out.stdout);
}
