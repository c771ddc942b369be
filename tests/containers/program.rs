//! Running programs, and what they said.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The version of the server inside the image.
pub const VERSION: &str = "7.0.15";
pub const IMAGE: &str = "redis:7.0.15-bookworm";
/// The engine's address as other machines see it (docker/engine.sh).
pub const HOST4: &str = "198.51.100.1";
pub const HOST6: &str = "2001:db8:7267::1";
pub const HEALTHCHECK: &str = "/usr/local/etc/redis/healthcheck.sh";

pub fn harness(script: &str) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docker").join(script));
    command.stdin(Stdio::null());
    command
}

pub fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

pub fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[track_caller]
pub fn good(what: &str, output: Output) -> Output {
    assert!(output.status.success(), "{what} failed ({}):\n{}", output.status, both(&output));
    output
}

/// Fails, and for the reason that we mean: any broken command fails.
#[track_caller]
pub fn refused(what: &str, output: &Output, reason: &str) {
    let text = both(output);
    assert!(!output.status.success(), "{what} was not refused:\n{text}");
    assert!(text.contains(reason), "{what}: refused, but not for `{reason}`:\n{text}");
}

/// Fails unless nothing came back: `timeout` ended the command.
#[track_caller]
pub fn dropped(what: &str, output: &Output) {
    assert_eq!(output.status.code(), Some(124), "{what} got an answer:\n{}", both(output));
}

/// Replaces, and fails if there is nothing to replace: a control that changes nothing proves nothing.
#[track_caller]
pub fn replace(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "`{from}` is not in:\n{text}");
    text.replace(from, to)
}

pub fn needs(tools: &[(&str, &str)]) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    for (tool, package) in tools {
        let found = std::env::split_paths(&path).any(|folder| folder.join(tool).is_file());
        assert!(found, "`{tool}` is missing: install the Debian package {package}");
    }
}
