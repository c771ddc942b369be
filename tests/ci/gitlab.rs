//! The job for GitLab in docs/ci.md, run as a runner does: `sh -e` with the variables of a merge request.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::{PROD, REDISGEN, Room, text_of, yaml_1_2};
use crate::installed::{ROOT, commit, git, quiet};
use crate::readers::example;

fn run(room: &Room, base: Option<&str>) -> Output {
    let job = yaml_1_2(&example(".gitlab-ci.yml"));
    let lines = job["redis-profiles"]["script"].as_array().expect("a script");
    let script: Vec<&str> = lines.iter().map(|line| line.as_str().expect("text")).collect();
    run_with(room, base, &script.join("\n"), Path::new(REDISGEN).parent().expect("folder"))
}

/// Runs a script on a runner whose `redisgen` is in a folder.
fn run_with(room: &Room, base: Option<&str>, script: &str, program: &Path) -> Output {
    std::fs::create_dir_all(room.path("tmp")).expect("folder");
    let mut command = Command::new("sh");
    quiet(&mut command)
        .args(["-ec", script])
        .current_dir(room.path("work"))
        .env("PATH", format!("{}:{}", program.display(), std::env::var("PATH").expect("PATH")))
        .env("TMPDIR", room.path("tmp"))
        .env_remove("CI_MERGE_REQUEST_DIFF_BASE_SHA");
    if let Some(base) = base {
        command.env("CI_MERGE_REQUEST_DIFF_BASE_SHA", base);
    }
    command.output().expect("sh")
}

fn project() -> Room {
    let room = Room::new();
    room.file("work/p.yaml", PROD);
    room.file("work/redisgen.toml", "version = 1\n[[profiles]]\npath = \"p.yaml\"\nenvironment = \"production\"\n");
    room.shell("cd work && \"$REDISGEN\" build --no-secrets").ended(0);
    room
}

#[test]
fn a_change_leads_the_job_nowhere() {
    let room = project();
    room.file("work/.gitattributes", "* export-ignore\n");
    let base = commit(&room.path("work"));
    room.file("victim", "theirs");
    symlink(room.path("victim"), room.path("work/access.md")).expect("link");
    let fine = run(&room, Some(&base));
    assert!(fine.status.success(), "{fine:?}");
    assert_eq!(room.read("victim"), "theirs");
    assert!(room.path("work/access.md").symlink_metadata().expect("there").is_file());
    assert_eq!(room.read("work/access.md"), "## Changes of access\n\nNone.\n");
    // Findings in place of an answer are no gain, whatever the code.
    for (code, ends) in [(1, 1), (0, 2), (2, 2)] {
        let redisgen = format!("#!/bin/sh\n[ \"$1\" != access ] || {{ echo 'error[x]: refused'; exit {code}; }}\n");
        room.file("fake/redisgen", redisgen);
        room.chmod("fake/redisgen", 0o755);
        let job = yaml_1_2(&example(".gitlab-ci.yml"));
        let script = job["redis-profiles"]["script"][3].as_str().expect("the last step");
        let refused = run_with(&room, Some(&base), script, &room.path("fake"));
        assert_eq!(refused.status.code(), Some(ends), "{refused:?}");
    }
}

/// The job and the lines for other machines.
#[test]
fn secrets_in_git_are_refused() {
    let room = project();
    commit(&room.path("work"));
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/ci.md")).expect("the page");
    let script = page.split("## Anywhere else").nth(1).and_then(|rest| rest.split("```sh\n").nth(1));
    let script = script.and_then(|rest| rest.split("```").next()).expect("a script");
    let anywhere = || run_with(&room, None, script, Path::new(REDISGEN).parent().expect("folder"));
    assert!(run(&room, None).status.success() && anywhere().status.success());
    for name in ["odd \"name\"\n/secrets/server/users.acl", "deploy/p/secrets/ca/ca.key"] {
        room.file(&format!("work/{name}"), "x");
        // Git would check the folder out open; here nothing but Git's list can tell.
        room.chmod(&format!("work/{}", name.rsplitn(3, '/').last().expect("secrets/")), 0o700);
        text_of(git(&room.path("work")).args(["add", "--force", "--all"]));
        for output in [run(&room, None), anywhere()] {
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            assert!(String::from_utf8_lossy(&output.stdout).contains("/secrets/"), "{output:?}");
        }
        text_of(git(&room.path("work")).args(["rm", "--quiet", "-r", "--force", "--", name]));
    }
    assert!(run(&room, None).status.success());
    std::fs::remove_dir_all(room.path("work/.git")).expect("removed");
    assert!(!run(&room, None).status.success() && !anywhere().status.success());
}

#[test]
fn the_job_runs_for_merge_requests_and_the_default_branch() {
    let job = yaml_1_2(&example(".gitlab-ci.yml"));
    let rules = job["redis-profiles"]["rules"].as_array().expect("rules");
    let rules: Vec<&str> = rules.iter().map(|rule| rule["if"].as_str().expect("if")).collect();
    assert_eq!(rules, ["$CI_PIPELINE_SOURCE == \"merge_request_event\"", "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"]);
}

#[test]
fn the_job_does_what_it_says() {
    let room = project();
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
