//! The archive of `packaging/package.sh`: what is in it, that its readers accept it, and its image of nothing but the
//! binary.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use clap::CommandFactory;

use crate::common::{PROD, Room, text_of};
use crate::installed::{ROOT, build_quickly, built, target};

/// Makes the archive and gives the folder of its contents, as somebody unpacks it.
fn package(room: &Room, out: &str) -> (PathBuf, PathBuf) {
    let script = Path::new(ROOT).join("packaging/package.sh");
    let mut command = Command::new(script);
    let archive = text_of(build_quickly(&mut command).arg(room.path(out)).env("SOURCE_DATE_EPOCH", "1700000000"));
    let archive = PathBuf::from(archive.trim_end());
    let unpacked = room.path(&format!("{out}-unpacked"));
    std::fs::create_dir_all(&unpacked).expect("folder");
    text_of(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&unpacked));
    let name =
        archive.file_name().expect("a name").to_str().expect("text").strip_suffix(".tar.gz").expect("an archive");
    (archive.clone(), unpacked.join(name))
}

#[test]
fn the_archive_is_whole_and_the_same_each_time() {
    let room = Room::new();
    let (archive, folder) = package(&room, "a");
    text_of(
        Command::new("sha256sum")
            .args(["--check", "--quiet"])
            .arg(format!("{}.sha256", archive.display()))
            .current_dir(room.path("a")),
    );
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let (again, _) = package(&room, "b");
    assert!(std::fs::read(&archive).expect("read") == std::fs::read(again).expect("read"), "two archives differ");
    let listed = text_of(Command::new("tar").args(["--numeric-owner", "-tvzf"]).arg(&archive));
    for line in listed.lines() {
        assert!(line.contains(" 0/0 ") && line.contains("2023-11-14"), "{line}");
        assert!(
            line.starts_with("drwxr-xr-x") || line.starts_with("-rw-r--r--") || line.starts_with("-rwxr-xr-x"),
            "{line}"
        );
    }

    // Every command has a page, every shell its completions, and what reads them has nothing to say.
    let mut pages: BTreeSet<String> =
        redisgen::cli::Cli::command().get_subcommands().map(|it| format!("redisgen-{}.1", it.get_name())).collect();
    pages.insert("redisgen.1".to_owned());
    let found: BTreeSet<String> = std::fs::read_dir(folder.join("man"))
        .expect("pages")
        .map(|entry| entry.expect("entry").file_name().into_string().expect("text"))
        .collect();
    assert_eq!(found, pages);
    for page in &found {
        let title = page.strip_suffix(".1").expect("section 1");
        let page = folder.join("man").join(page);
        let text = std::fs::read_to_string(&page).expect("read");
        assert!(text.lines().any(|line| line.starts_with(&format!(".TH {title} 1"))), "{text}");
        // It warns that there is no date, which would be another one each time.
        let output = Command::new("mandoc").args(["-T", "lint", "-W", "error"]).arg(&page).output();
        let output = output.expect("mandoc does not start: install it (package `mandoc`); this test needs it");
        assert!(output.status.success(), "{}: {}", page.display(), String::from_utf8_lossy(&output.stdout));
    }
    for (shell, file) in [("bash", "redisgen.bash"), ("zsh", "_redisgen"), ("fish", "redisgen.fish")] {
        text_of(Command::new(shell).arg("-n").arg(folder.join("completions").join(file)));
    }
    let complete = "source completions/redisgen.bash; COMP_WORDS=(redisgen vali); COMP_CWORD=1; _redisgen redisgen vali redisgen; echo \"${COMPREPLY[@]}\"";
    assert_eq!(text_of(Command::new("bash").args(["-c", complete]).current_dir(&folder)).trim(), "validate");
    let list = std::fs::read_to_string(folder.join("redisgen.cdx.json")).expect("what it is made of");
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(list["metadata"]["component"]["name"], "redisgen");
    assert_eq!(list["metadata"]["timestamp"], "2023-11-14T22:13:20+00:00");
    for file in ["LICENSE", "README.md"] {
        assert_eq!(
            std::fs::read(folder.join(file)).expect("read"),
            std::fs::read(Path::new(ROOT).join(file)).expect("read")
        );
    }

    // The binary needs nothing of its system, and tells nothing of the one that made it.
    let binary = std::fs::read(folder.join("redisgen")).expect("the binary");
    let home = std::env::var("HOME").expect("HOME");
    let holds = |text: &str| binary.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("registry/") && !holds(&format!("{home}/.cargo")), "paths of this machine are in the binary");
    assert!(built().join(target()).join("release/redisgen").exists());
}

#[test]
fn another_folder_makes_the_same_archive() {
    let room = Room::new();
    let (archive, _) = package(&room, "a");
    let script = Path::new(ROOT).join("packaging/reproducible.sh");
    let said = text_of(build_quickly(&mut Command::new(script)).arg(archive).env("SOURCE_DATE_EPOCH", "1700000000"));
    assert!(said.ends_with("The same bytes.\n"), "{said}");
}

/// Docker's engine of the container tests.
struct Engine {
    folder: tempfile::TempDir,
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = harness("engine.sh").arg("stop").arg(self.folder.path()).output();
    }
}

fn harness(script: &str) -> Command {
    Command::new(Path::new(ROOT).join("tests/docker").join(script))
}

impl Engine {
    fn start() -> Engine {
        let engine = Engine { folder: tempfile::tempdir().expect("folder") };
        let owner = std::process::id().to_string();
        text_of(harness("engine.sh").arg("start").arg(engine.folder.path()).args(["--owner", &owner]));
        engine
    }

    fn docker(&self, arguments: &[&str]) -> Output {
        let socket = format!("unix://{}/docker.sock", self.folder.path().display());
        let mut command = Command::new("docker");
        command.stdin(Stdio::null()).env("DOCKER_BUILDKIT", "0").args(["--host", &socket]).args(arguments);
        command.output().expect("docker does not start: install it (package `docker.io`); this test needs it")
    }
}

#[test]
fn the_image_holds_the_binary_alone() {
    let room = Room::with(PROD);
    let (_, folder) = package(&room, "a");
    let engine = Engine::start();
    let context = folder.display().to_string();
    let built = engine.docker(&["build", "--quiet", "--tag", "redisgen", &context]);
    assert!(built.status.success(), "{built:?}");
    // Another user, nothing to write to, no network.
    std::fs::set_permissions(room.path(""), std::fs::Permissions::from_mode(0o755)).expect("mode");
    let volume = format!("{}:/work:ro", room.path("").display());
    let run = ["run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", "--volume", &volume];
    let validated = engine.docker(&[&run[..], &["redisgen", "validate", "p.yaml"]].concat());
    assert!(validated.status.success(), "{validated:?}");
    assert!(String::from_utf8_lossy(&validated.stderr).contains("p.yaml: ok"), "{validated:?}");
    room.file("p.yaml", format!("{PROD}netwrok: {{}}\n"));
    let refused = engine.docker(&[&run[..], &["--user", "1234:1234", "redisgen", "validate", "p.yaml"]].concat());
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stdout).contains("unknown-key"), "{refused:?}");
    let format = "{{.Config.User}} {{len .RootFS.Layers}}";
    let said = engine.docker(&["inspect", "--format", format, "redisgen"]);
    assert!(String::from_utf8_lossy(&said.stdout).starts_with("65534:65534 "), "{said:?}");

    // A binary that needs its system's libraries does not start there.
    std::fs::copy(crate::common::REDISGEN, folder.join("redisgen")).expect("copied");
    let built = engine.docker(&["build", "--quiet", "--tag", "dynamic", &context]);
    assert!(built.status.success(), "{built:?}");
    let failed = engine.docker(&["run", "--rm", "dynamic", "--version"]);
    assert!(!failed.status.success() && failed.stdout.is_empty(), "{failed:?}");
}
