//! The hooks of `.pre-commit-hooks.yaml` as the real pre-commit runs them: it fetches our sources, builds them by
//! `language: rust`, and refuses commits.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::{DEV, PROD, Room, text_of};
use crate::installed::{SOURCES, TOOLS, build_quickly, commit, git, quiet};

const PROJECT: &str =
    "version = 1\n[[profiles]]\npath = \"shop.redisgen.yaml\"\nenvironment = \"production\"\nout = \"deploy\"\n";

/// What a person does in a repository with our hooks.
struct Repository {
    room: Room,
}

impl Repository {
    fn new() -> Repository {
        let (sources, revision) = &*SOURCES;
        let room = Room::new();
        room.file("work/shop.redisgen.yaml", PROD);
        room.file("work/redisgen.toml", PROJECT);
        room.file("work/README.md", "nothing\n");
        let hooks = format!(
            "repos:\n  - repo: file://{}\n    rev: {revision}\n    hooks:\n      - id: redisgen-validate\n      - id: redisgen-diff\n",
            sources.path("").display()
        );
        room.file("work/.pre-commit-config.yaml", hooks);
        room.shell("cd work && \"$REDISGEN\" build --no-secrets").ended(0);
        commit(&room.path("work"));
        // What is installed on this machine must not stand in for what pre-commit builds.
        let path = std::env::var("PATH").expect("PATH");
        assert!(path.split(':').all(|folder| !Path::new(folder).join("redisgen").exists()), "redisgen is on PATH");
        let output = pre_commit(&room, &["install", "--install-hooks"]);
        assert!(output.status.success(), "{}", both(&output));
        Repository { room }
    }

    /// Tries to commit these files and gives what git said.
    fn commit(&self, files: &[&str]) -> (bool, String) {
        let folder = self.room.path("work");
        text_of(git(&folder).arg("add").args(files));
        let output =
            with_hooks(&mut git(&folder), &self.room).args(["commit", "--message", "x"]).output().expect("git");
        (output.status.success(), both(&output))
    }

    fn undo(&self) {
        text_of(git(&self.room.path("work")).args(["reset", "--quiet", "--hard"]));
    }
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// pre-commit keeps what it builds in the room; git finds it on PATH.
fn with_hooks<'command>(command: &'command mut Command, room: &Room) -> &'command mut Command {
    let path = format!("{}:{}", TOOLS.display(), std::env::var("PATH").expect("PATH"));
    build_quickly(quiet(command)).env("PRE_COMMIT_HOME", room.path("pre-commit")).env("PATH", path).env("NO_COLOR", "1")
}

fn pre_commit(room: &Room, arguments: &[&str]) -> Output {
    let mut command = Command::new(TOOLS.join("pre-commit"));
    with_hooks(&mut command, room).args(arguments).current_dir(room.path("work")).output().expect("starts")
}

#[test]
fn commits_are_judged() {
    let repository = Repository::new();
    let room = &repository.room;

    // A good change passes both hooks.
    let better = format!("{PROD}resources: {{ max_clients: 500 }}\n");
    room.file("work/shop.redisgen.yaml", &better);
    room.shell("cd work && \"$REDISGEN\" build --no-secrets").ended(0);
    let (passed, said) = repository.commit(&["."]);
    assert!(passed, "{said}");
    for hook in ["redisgen validate", "redisgen diff"] {
        assert!(said.lines().any(|line| line.starts_with(hook) && line.ends_with("Passed")), "{said}");
    }

    // A bad profile is refused with its finding.
    room.file("work/shop.redisgen.yaml", format!("{better}netwrok: {{}}\n"));
    let (passed, said) = repository.commit(&["."]);
    assert!(!passed && said.contains("unknown-key") && said.contains("shop.redisgen.yaml:5"), "{said}");
    repository.undo();
    // So is one that calls itself development.
    room.file("work/shop.redisgen.yaml", DEV);
    let (passed, said) = repository.commit(&["."]);
    assert!(!passed && said.contains("environment-not-as-agreed"), "{said}");
    repository.undo();

    // Artefacts that were edited, or left behind by a profile, are refused by the second hook only.
    room.file("work/deploy/redis/redis.conf", "protected-mode no\n");
    let (passed, said) = repository.commit(&["."]);
    assert!(!passed && said.contains("mend it with: redisgen build"), "{said}");
    assert!(said.lines().any(|line| line.starts_with("redisgen validate") && line.ends_with("Skipped")), "{said}");
    repository.undo();
    room.file("work/shop.redisgen.yaml", PROD);
    let (passed, said) = repository.commit(&["."]);
    assert!(!passed && said.contains("mend it with: redisgen build"), "{said}");
    assert!(said.lines().any(|line| line.starts_with("redisgen validate") && line.ends_with("Passed")), "{said}");
    repository.undo();

    // Another file is none of ours: validate does not run, diff finds all in order.
    room.file("work/README.md", "something\n");
    room.file("work/base.yaml", "version: 1\n");
    let (passed, said) = repository.commit(&["."]);
    assert!(passed, "{said}");
    assert!(said.lines().any(|line| line.starts_with("redisgen validate") && line.ends_with("Skipped")), "{said}");
    // A parent that changed counts by the whole project.
    room.file("work/shop.redisgen.yaml", format!("{better}extends: [base.yaml]\n"));
    assert!(repository.commit(&["."]).0);
    room.file("work/base.yaml", "version: 1\nnetwrok: {}\n");
    let (passed, said) = repository.commit(&["."]);
    assert!(!passed && said.contains("unknown-key") && said.contains("base.yaml:2"), "{said}");
    repository.undo();
    // Whoever clones it finds nothing to mend: Git keeps all that counts.
    text_of(git(&room.path("")).args(["clone", "--quiet", "work", "clone"]));
    room.shell("cd clone && \"$REDISGEN\" validate && \"$REDISGEN\" diff").ended(0);
    // Without a project file the second hook says what to do, and lets nothing pass.
    std::fs::remove_file(room.path("work/redisgen.toml")).expect("removed");
    let (passed, said) = repository.commit(&["."]);
    assert!(!passed && said.contains("list your profiles in redisgen.toml"), "{said}");
}
