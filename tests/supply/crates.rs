//! The dependencies, by cargo-deny itself, and the code's own promises.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use crate::ROOT;
use crate::common::{Out, Room, text_of};

/// Folder of cargo-deny.
static DENY: LazyLock<PathBuf> =
    LazyLock::new(|| PathBuf::from(text_of(&mut Command::new(Path::new(ROOT).join("tests/deny.sh"))).trim_end()));

/// Of what can be checked without the advisories, which lie elsewhere.
fn check(manifest: &str, configuration: &Path, what: &[&str]) -> Out {
    let mut command = Command::new(DENY.join("cargo-deny"));
    command.args(["--manifest-path"]).arg(Path::new(ROOT).join(manifest));
    command.arg("--config").arg(configuration).args(["check", "-D", "warnings"]).args(what);
    Out::from(command.output().expect("cargo-deny"))
}

#[test]
fn licences_versions_and_sources_are_those_that_we_chose() {
    let own = Path::new(ROOT).join("deny.toml");
    // The fuzz targets are given to nobody: of their crates only where they are from matters.
    for (manifest, what) in [("Cargo.toml", &["licenses", "bans", "sources"][..]), ("fuzz/Cargo.toml", &["sources"])] {
        let out = check(manifest, &own, what);
        assert!(out.code == Some(0), "{manifest}: {}", out.stderr);
    }
    let text = std::fs::read_to_string(own).expect("deny.toml");
    let room = Room::new();
    // Each part of it counts: what is there now is refused once it is not allowed.
    for (what, allowed, instead, refused) in [
        ("licenses", "\"ISC\", ", "", "rejected"),
        ("bans", "{ crate = \"getrandom@0.2\", reason = \"ring 0.17 wants it\" },", "", "duplicate"),
        ("bans", "{ crate = \"tokio\" },", "{ crate = \"ring\" },", "banned"),
        ("sources", "[\"https://github.com/rust-lang/crates.io-index\"]", "[]", "source-not-allowed"),
    ] {
        assert!(text.contains(allowed), "deny.toml has no {allowed}");
        let out = check("Cargo.toml", &room.file("deny.toml", text.replace(allowed, instead)), &[what]);
        assert!(out.code != Some(0) && out.stderr.contains(&format!("error[{refused}]")), "{allowed}: {}", out.stderr);
    }
}

/// `forbid` cannot be allowed again further in; each program of this package is under it.
#[test]
fn no_code_of_ours_is_unsafe() {
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        let text = std::fs::read_to_string(Path::new(ROOT).join(manifest)).expect(manifest);
        let manifest: toml::Value = toml::from_str(&text).expect("TOML");
        assert_eq!(manifest["lints"]["rust"]["unsafe_code"].as_str(), Some("forbid"));
    }
    // Cargo gives the lints of a package to all its programs: library, binary, tests, benches, examples. Others have none.
    let metadata = text_of(Command::new(env!("CARGO")).current_dir(ROOT).args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version",
        "1",
    ]));
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("JSON");
    let packages: Vec<&str> =
        metadata["packages"].as_array().expect("packages").iter().filter_map(|it| it["name"].as_str()).collect();
    assert_eq!(packages, ["redisgen"], "another package has lints of its own");
}
