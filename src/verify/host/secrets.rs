//! Modes of `secrets/` in the user's own tree: in the private copy they would be our own. Nothing is read but names and
//! modes.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::verify::Bench;
use crate::verify::check::{Check, Outcome, Trouble};

/// Most entries that are looked at.
const MOST: usize = 400_000;

/// Something below `secrets/`.
struct Entry {
    /// Its path below the tree.
    path: PathBuf,
    mode: u32,
    owner: u32,
    /// A file or a folder, and no link.
    plain: bool,
}

/// What lies below `secrets/`, and who owns the tree.
struct Secrets {
    entries: Vec<Entry>,
    owner: u32,
}

/// Takes the tree of --dir; gives a record for each check. One without `secrets/`, as in CI, has none.
pub(super) fn prove(bench: &mut Bench<'_>, dir: &Path) -> Result<(), Trouble> {
    let failed = |error: std::io::Error| Trouble::Failed(format!("{}: {error}", dir.display()));
    let mut secrets = Secrets { entries: Vec::new(), owner: std::fs::metadata(dir).map_err(failed)?.uid() };
    let mut open = vec![PathBuf::from("secrets")];
    while let Some(path) = open.pop() {
        let full = dir.join(&path);
        let metadata = match std::fs::symlink_metadata(&full) {
            Ok(metadata) => metadata,
            Err(error) if secrets.entries.is_empty() && error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        if metadata.is_dir() {
            for entry in std::fs::read_dir(&full).map_err(failed)? {
                open.push(path.join(entry.map_err(failed)?.file_name()));
            }
        }
        if secrets.entries.len() >= MOST {
            return Trouble::failed(format!("{}: more than {MOST} entries in secrets/", dir.display()));
        }
        let plain = metadata.is_dir() || metadata.is_file();
        secrets.entries.push(Entry { path, mode: metadata.mode() & 0o7777, owner: metadata.uid(), plain });
    }
    bench.run(&CHECKS, &mut secrets);
    Ok(())
}

const CHECKS: [Check<Secrets>; 4] = [
    Check {
        id: "secrets-closed",
        title: "Only its owner enters secrets/",
        applies: |_| true,
        prove: |secrets| secrets.has("secrets", 0o700),
    },
    Check {
        id: "authority-closed",
        title: "Only its owner reads the key of the certificate authority",
        applies: |_| true,
        prove: |secrets| {
            secrets.has("secrets/ca", 0o700)?;
            secrets.has("secrets/ca/ca.key", 0o600)
        },
    },
    Check {
        id: "secrets-not-writable",
        title: "Nobody but the owner writes anything in secrets/",
        applies: |_| true,
        prove: |secrets| secrets.none(|entry| entry.mode & 0o022 != 0),
    },
    Check {
        id: "secrets-owner",
        title: "All of secrets/ is files and folders of the owner of the tree, or of root",
        applies: |_| true,
        prove: |secrets| {
            let owner = secrets.owner;
            secrets.none(|entry| !entry.plain || ![owner, 0].contains(&entry.owner))
        },
    },
];

impl Secrets {
    /// Holds if something has no more than this mode; what is not there is nobody's to read.
    fn has(&self, path: &str, mode: u32) -> Outcome {
        match self.entries.iter().find(|entry| entry.path == Path::new(path)) {
            Some(entry) if entry.mode & !mode != 0 => {
                Trouble::failed(format!("{path} has mode {:04o}; `chmod {mode:o} {path}`", entry.mode))
            }
            _ => Ok(String::new()),
        }
    }

    fn none(&self, wrong: impl Fn(&Entry) -> bool) -> Outcome {
        let mut those = self.entries.iter().filter(|entry| wrong(entry));
        match those.next() {
            Some(entry) => Trouble::failed(format!(
                "{} has mode {:04o} and belongs to user {}{}",
                entry.path.display(),
                entry.mode,
                entry.owner,
                match those.count() {
                    0 => String::new(),
                    more => format!("; and {more} more"),
                }
            )),
            None => Ok(format!("{} entries", self.entries.len())),
        }
    }
}
