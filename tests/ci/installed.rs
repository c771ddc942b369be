//! What these tests install: the readers of our files, redisgen as `cargo install` builds it, and repositories.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::common::{Room, text_of};

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Folder of `pre-commit`, `zizmor` and `check-jsonschema`.
pub static TOOLS: LazyLock<PathBuf> = LazyLock::new(|| {
    let script = Path::new(ROOT).join("tests/tools.sh");
    PathBuf::from(text_of(&mut Command::new(script)).trim_end())
});

/// The Rust target of a static binary.
pub fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// Where everything here is built, so that the hook, the action and the archive share their dependencies.
pub fn built() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("static")
}

/// A release build that is not optimised: what is tested is that it builds and works. It is static, as the archive's.
pub fn build_quickly(command: &mut Command) -> &mut Command {
    let home =
        std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{}/.cargo", std::env::var("HOME").expect("HOME")));
    command
        .env("CARGO_TARGET_DIR", built())
        .env("CARGO_BUILD_TARGET", target())
        .env(format!("CC_{}", target().replace('-', "_")), "musl-gcc")
        .env(
            "RUSTFLAGS",
            format!("--remap-path-prefix={home}/registry/src=registry -C link-arg=-Wl,-z,pack-relative-relocs"),
        )
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
}

/// Git in a folder, without what the machine's own settings say.
pub fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    quiet(&mut command).current_dir(folder);
    command
}

/// Git, called by whatever runs, sees no settings and no repository of this machine.
pub fn quiet(command: &mut Command) -> &mut Command {
    for name in ["GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "test")
        .env("GIT_AUTHOR_EMAIL", "test@example.com")
        .env("GIT_COMMITTER_NAME", "test")
        .env("GIT_COMMITTER_EMAIL", "test@example.com")
}

/// Commits everything in a folder, and gives the commit.
#[track_caller]
pub fn commit(folder: &Path) -> String {
    if !folder.join(".git").exists() {
        text_of(git(folder).args(["init", "--quiet", "--initial-branch", "main"]));
    }
    text_of(git(folder).args(["add", "--all"]));
    text_of(git(folder).args(["commit", "--quiet", "--no-verify", "--message", "x"]));
    text_of(git(folder).args(["rev-parse", "HEAD"])).trim_end().to_owned()
}

/// A repository with the sources of redisgen as they are now, and its commit: what a hook or a workflow would fetch.
pub static SOURCES: LazyLock<(Room, String)> = LazyLock::new(|| {
    let room = Room::new();
    let listed = text_of(git(Path::new(ROOT)).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]));
    for name in listed.split('\0').filter(|name| !name.is_empty() && !name.starts_with("snapshots/")) {
        let from = Path::new(ROOT).join(name);
        // A file that was deleted and not yet committed so.
        let Ok(content) = std::fs::read(&from) else { continue };
        let to = room.file(name, content);
        std::fs::set_permissions(to, std::fs::metadata(from).expect("metadata").permissions()).expect("mode");
    }
    let commit = commit(&room.path(""));
    (room, commit)
});
