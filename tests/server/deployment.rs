//! In: the text of a profile. Out: the tree that `redisgen build` made of it in a temporary folder, with
//! its passwords, certificates and settings at hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The production posture of the fixtures, for the server that Debian has.
pub fn production_profile() -> String {
    fixture("prod.yaml")
}

/// The development posture of the fixtures, for the server that Debian has.
pub fn development_profile() -> String {
    fixture("dev.yaml")
}

fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ok").join(name);
    let text = fs::read_to_string(&path).expect("fixture");
    replaced(&text, "\"7.4.11\"", "\"7.0.15\"")
}

/// The text with one part exchanged, which must be there: else the test would test nothing.
pub fn replaced(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "expected {from:?} once in:\n{text}");
    text.replace(from, to)
}

/// A profile and what was built of it.
pub struct Deployment {
    folder: TempDir,
}

impl Deployment {
    pub fn build(profile: &str) -> Deployment {
        let deployment = Deployment { folder: tempfile::tempdir().expect("temporary folder") };
        fs::create_dir(deployment.data()).expect("data folder");
        // As Docker makes a new volume, which takes the owner of the image's folder, and as storage/luks.sh does.
        std::os::unix::fs::chown(deployment.data(), Some(999), Some(999)).expect("chown, which needs root");
        deployment.rebuild(profile);
        deployment
    }

    /// Builds into the same tree again.
    pub fn rebuild(&self, profile: &str) {
        let path = self.folder.path().join("profile.yaml");
        fs::write(&path, profile).expect("profile");
        let output = Command::new(env!("CARGO_BIN_EXE_redisgen"))
            .args(["build", "--deny", "error", "--out"])
            .arg(self.out())
            .arg(&path)
            .output()
            .expect("redisgen runs");
        assert!(
            output.status.success(),
            "build failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// What compose's volume `data`, or the folder on the encrypted volume, stands for.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file of the secrets.
    pub fn secret(&self, path: &str) -> PathBuf {
        self.out().join("secrets").join(path)
    }

    pub fn password(&self, user: &str) -> String {
        let keep = redisgen::model::keep(user);
        let path = keep.path(keep.password);
        fs::read_to_string(self.secret(&path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// Certificate and key of a user.
    pub fn certificate(&self, user: &str) -> (PathBuf, PathBuf) {
        let keep = redisgen::model::keep(user);
        let stem = keep.path(keep.stem);
        (self.secret(&format!("{stem}.crt")), self.secret(&format!("{stem}.key")))
    }

    pub fn is_tls(&self) -> bool {
        self.directives().iter().any(|(name, _)| name == "tls-port")
    }

    /// The compose file, read by a YAML reader that is not ours.
    pub fn compose(&self) -> serde_yaml::Value {
        let path = ["docker-compose.prod.yml", "docker-compose.dev.yml"]
            .map(|name| self.out().join(name))
            .into_iter()
            .find(|path| path.exists());
        let text = fs::read_to_string(path.expect("a compose file")).expect("readable");
        serde_yaml::from_str(&text).expect("YAML")
    }

    /// The directives of redis.conf: name and words.
    pub fn directives(&self) -> Vec<(String, Vec<String>)> {
        let text = fs::read_to_string(self.out().join("redis/redis.conf")).expect("redis.conf");
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|line| {
                let mut words = words(line);
                (words.remove(0), words)
            })
            .collect()
    }

    /// The names of all users in the ACL file.
    pub fn users(&self) -> Vec<String> {
        let text = fs::read_to_string(self.out().join("redis/users.acl")).expect("users.acl");
        text.lines().filter_map(|line| line.split(' ').nth(1)).map(ToOwned::to_owned).collect()
    }
}

/// Splits a line of redis.conf; we know that no value of ours holds an escape.
fn words(line: &str) -> Vec<String> {
    assert!(!line.contains('\\'), "this reader knows no escapes: {line}");
    let mut words = Vec::new();
    for (index, part) in line.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split(' ').filter(|word| !word.is_empty()).map(ToOwned::to_owned));
        }
    }
    words
}
