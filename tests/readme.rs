//! The README's commands do what it says: every `redisgen` line is run on the README's own profile.

#![allow(clippy::expect_used, clippy::disallowed_methods, clippy::panic, reason = "a test may fail")]

use std::fs;
use std::path::Path;
use std::process::Command;

const README: &str = include_str!("../README.md");

/// The contents of all code blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(&fence).skip(1).map(|rest| rest.split("```").next().expect("closed block")).collect()
}

fn run(script: &str, folder: &Path) {
    let binary = Path::new(env!("CARGO_BIN_EXE_redisgen"));
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", binary.parent().expect("folder").display());
    let out = Command::new("sh").args(["-euc", script]).current_dir(folder).env("PATH", path).output().expect("sh");
    assert!(
        out.status.success(),
        "{script}\n{}{}",
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
}

#[test]
fn its_commands_run() {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("shop.yaml"), blocks("yaml").first().expect("a profile")).expect("written");
    let lines: Vec<&str> =
        blocks("sh").iter().flat_map(|block| block.lines()).filter(|line| line.starts_with("redisgen ")).collect();
    assert!(lines.len() >= 9, "{lines:?}");
    for line in lines {
        run(line, folder.path());
    }
    fs::write(folder.path().join("redisgen.toml"), blocks("toml").first().expect("a project")).expect("written");
    run("redisgen validate && redisgen diff && redisgen access", folder.path());
    // What needs a section of the profile comes with the one that has them all, or with one that has another store.
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ok");
    for (name, out) in [("prod.yaml", "full"), ("store-vault.yaml", "stored")] {
        run(&format!("redisgen build --no-secrets '{}' --out {out}", fixtures.join(name).display()), folder.path());
    }
    let tree = README.split("deploy/\n").nth(1).expect("the output tree").split("```").next().expect("closed");
    for name in tree.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   ")) {
        let (name, text) = name.trim().split_once(' ').expect("a name and what it is");
        let out = match text.trim() {
            text if text.starts_with("with `") => "full",
            text if text.starts_with("with a `secrets.store`") => "stored",
            _ => "deploy",
        };
        let folder = folder.path().join(out);
        assert!(folder.join(name).exists(), "{name} is not written");
    }
}

#[test]
fn its_two_commands_are_these() {
    let first: Vec<&str> = blocks("sh").into_iter().take(2).map(str::trim).collect();
    assert_eq!(first, ["cargo run -- build fixtures/ok/prod.yaml --out deploy", "./tests/run.sh"]);
    // Cargo itself is running this test, so its command is run with the program that it built.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = tempfile::tempdir().expect("folder");
    let main = first
        .first()
        .expect("a command")
        .replace("cargo run --", "redisgen")
        .replace("--out deploy", &format!("--out {}", out.path().display()));
    run(&main, root);
    let ci = fs::read_to_string(root.join(".ci/run")).expect(".ci/run");
    assert!(ci.lines().any(|line| line == "./tests/run.sh"), "CI runs something else");
}
