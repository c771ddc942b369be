//! The job for GitLab in docs/ci.md, run as a runner does: `sh -e` with the variables of a merge request.

use std::process::{Command, Output};

use crate::common::{PROD, REDISGEN, Room, yaml_1_2};
use crate::installed::{commit, quiet};
use crate::readers::example;

fn run(room: &Room, base: Option<&str>) -> Output {
    let job = yaml_1_2(&example(".gitlab-ci.yml"));
    let lines = job["redis-profiles"]["script"].as_array().expect("a script");
    let script: Vec<&str> = lines.iter().map(|line| line.as_str().expect("text")).collect();
    let program = std::path::Path::new(REDISGEN).parent().expect("folder");
    let mut command = Command::new("sh");
    quiet(&mut command)
        .args(["-ec", &script.join("\n")])
        .current_dir(room.path("work"))
        .env("PATH", format!("{}:{}", program.display(), std::env::var("PATH").expect("PATH")))
        .env("CI_BUILDS_DIR", room.path("builds"))
        .env_remove("CI_MERGE_REQUEST_DIFF_BASE_SHA");
    let _ = std::fs::remove_dir_all(room.path("builds"));
    std::fs::create_dir_all(room.path("builds")).expect("folder");
    if let Some(base) = base {
        command.env("CI_MERGE_REQUEST_DIFF_BASE_SHA", base);
    }
    command.output().expect("sh")
}

#[test]
fn the_job_does_what_it_says() {
    let room = Room::new();
    room.file("work/p.yaml", PROD);
    room.file("work/redisgen.toml", "version = 1\n[[profiles]]\npath = \"p.yaml\"\nenvironment = \"production\"\n");
    room.shell("cd work && \"$REDISGEN\" build --no-secrets").ended(0);
    let base = commit(&room.path("work"));
    assert!(run(&room, None).status.success() && !room.path("work/access.md").exists());
    assert!(run(&room, Some(&base)).status.success());
    assert_eq!(room.read("work/access.md"), "## Changes of access\n\nNone.\n");
    // A gain is told and does not fail the job.
    let users = "users:\n  - { name: admin, role: admin }\n  - { name: all, role: application, keys: [\"x:*\"] }\n";
    room.file("work/p.yaml", format!("{PROD}{users}"));
    room.shell("cd work && \"$REDISGEN\" build --no-secrets").ended(0);
    let gained = run(&room, Some(&base));
    assert!(gained.status.success(), "{gained:?}");
    assert!(room.read("work/access.md").contains("gained keys: `~x:*`"));
    // Findings, drift, and a base that is not there fail it.
    room.file("work/deploy/p/redis/redis.conf", "x\n");
    assert_eq!(run(&room, None).status.code(), Some(1));
    room.file("work/p.yaml", format!("{PROD}netwrok: {{}}\n"));
    let bad = run(&room, None);
    assert!(bad.status.code() == Some(1) && String::from_utf8_lossy(&bad.stdout).contains("unknown-key"));
    room.file("work/p.yaml", PROD);
    room.shell("cd work && \"$REDISGEN\" build --no-secrets --force").ended(0);
    assert!(run(&room, None).status.success());
    assert!(!run(&room, Some("0123456789abcdef0123456789abcdef01234567")).status.success());
}
