//! Reads profiles and their parents from disk: bounded, regular files only for parents, no links.

mod owners;
mod projects;

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::load::{Input, Parents};
use crate::yaml::MAX_BYTES;

pub use projects::{Projects, Work};

/// Name of standard input on the command line.
pub const STDIN: &str = "-";

/// A profile to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfilePath {
    /// As findings name it.
    pub name: String,
    /// The file, or none for standard input.
    pub path: Option<PathBuf>,
}

/// The profiles that arguments name: files, folders of `*.yaml` and `*.yml`, or `-`.
///
/// # Errors
/// A path that does not exist, or a folder without profiles.
pub fn profiles(arguments: &[String]) -> Result<Vec<ProfilePath>, String> {
    let mut found = Vec::new();
    for argument in arguments {
        if argument == STDIN {
            found.push(ProfilePath { name: "<stdin>".to_owned(), path: None });
            continue;
        }
        let path = Path::new(argument);
        let metadata = std::fs::metadata(path).map_err(|error| format!("{argument}: {error}"))?;
        if metadata.is_dir() {
            let inside = in_folder(path)?;
            if inside.is_empty() {
                return Err(format!("{argument}: no profiles (*.yaml, *.yml) in this folder"));
            }
            found.extend(inside);
        } else {
            found.push(ProfilePath { name: argument.clone(), path: Some(path.to_owned()) });
        }
    }
    Ok(found)
}

/// The profiles that lie in a folder, sorted by name.
fn in_folder(folder: &Path) -> Result<Vec<ProfilePath>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut inside = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if yaml && path.is_file() {
            inside.push(ProfilePath { name: path.display().to_string(), path: Some(path) });
        }
    }
    inside.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(inside)
}

/// Reads a profile, at most one byte more than is allowed.
///
/// # Errors
/// The file system's.
pub fn read(profile: &ProfilePath) -> Result<Input, String> {
    let mut bytes = Vec::new();
    let limit = MAX_BYTES as u64 + 1;
    let result = match &profile.path {
        None => std::io::stdin().lock().take(limit).read_to_end(&mut bytes),
        Some(path) => File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
    };
    result.map_err(|error| format!("{}: {error}", profile.name))?;
    Ok(Input { name: profile.name.clone(), bytes })
}

/// Base name of a profile for the headers of generated files.
///
/// # Errors
/// The name has characters that do not belong into a file's header.
pub fn base_name(profile: &ProfilePath) -> Result<String, String> {
    let Some(path) = &profile.path else { return Ok("stdin".to_owned()) };
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    let plain = |sign: char| sign.is_ascii_alphanumeric() || "._- +@".contains(sign);
    // `...yaml` has the stem `..`, which would be a folder of its own.
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(format!(
            "{}: a profile's file name has letters, digits, blanks and `._-+@` only and does not start with a dot; it stands in generated files",
            profile.name.escape_debug()
        ));
    }
    Ok(name.to_owned())
}

/// A file's name as its repository knows it: relative to the folder of `.git` above it, else as it was given. Code
/// scanning and annotations find files by that name, wherever the program was started.
pub fn in_repository(name: &str) -> String {
    let found = Path::new(name).canonicalize().ok().and_then(|path| {
        let root = path.ancestors().skip(1).find(|folder| folder.join(".git").exists())?;
        Some(path.strip_prefix(root).ok()?.to_str()?.to_owned())
    });
    found.unwrap_or_else(|| name.to_owned())
}

/// Parents on disk: below the folder of the nearest `redisgen.toml` above the profile, else of the profile. It does not
/// matter where the program was started: the same profile has the same parents. Whose `redisgen.toml` counts, `owners.rs`
/// says.
pub struct DiskParents {
    root: PathBuf,
    /// The root as findings name it, with a `/` at its end, or nothing for the working directory.
    prefix: String,
    /// Folder of the profile relative to the root.
    start: Vec<String>,
    profile: String,
}

impl DiskParents {
    /// For one profile.
    pub fn new(profile: &ProfilePath) -> DiskParents {
        let given = profile.path.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
        let given = given.unwrap_or(Path::new("."));
        let folder = given.canonicalize().unwrap_or_else(|_| given.to_owned());
        let root = owners::project_around(&folder).unwrap_or(&folder).to_owned();
        let start = folder.strip_prefix(&root).unwrap_or(Path::new(""));
        let start: Vec<String> =
            start.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
        let shown = if start.is_empty() { given } else { &root };
        let prefix = if shown == Path::new(".") { String::new() } else { format!("{}/", shown.display()) };
        DiskParents { root, prefix, start, profile: profile.name.clone() }
    }
}

impl Parents for DiskParents {
    fn read(&mut self, from: &str, target: &str) -> Result<Input, String> {
        let mut parts: Vec<String> = match from.strip_prefix(&self.prefix).and_then(|from| from.rsplit_once('/')) {
            _ if from == self.profile => self.start.clone(),
            Some((folder, _)) => folder.split('/').map(str::to_owned).collect(),
            None => Vec::new(),
        };
        for part in target.split('/') {
            match part {
                "." => {}
                ".." => {
                    parts.pop().ok_or("this path leaves the project's folder")?;
                }
                name => parts.push(name.to_owned()),
            }
        }
        let name = format!("{}{}", self.prefix, parts.join("/"));
        let bytes = read_below(&self.root, &parts, MAX_BYTES, |_| true)
            .map_err(|reason| format!("`{name}` cannot be used: {reason}"))?;
        Ok(Input { name, bytes })
    }
}

/// Opens step by step from the root, so that no symbolic link is followed, and reads at most one byte more than is
/// allowed. `counts` is asked for the owner of what was opened: what was looked at before may have been replaced.
fn read_below(root: &Path, parts: &[String], most: usize, counts: impl Fn(u32) -> bool) -> Result<Vec<u8>, String> {
    let explain = |errno: rustix::io::Errno| match errno {
        rustix::io::Errno::LOOP => "symbolic links are not followed".to_owned(),
        rustix::io::Errno::NOTDIR => "a symbolic link or no folder on the way".to_owned(),
        errno => std::io::Error::from(errno).to_string(),
    };
    let folder = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut current: OwnedFd =
        rustix::fs::open(root, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(explain)?;
    let (last, folders) = parts.split_last().ok_or("it is a folder")?;
    for part in folders {
        current = rustix::fs::openat(&current, part.as_str(), folder, Mode::empty()).map_err(explain)?;
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&current, last.as_str(), flags, Mode::empty()).map_err(explain)?;
    let stat = rustix::fs::fstat(&file).map_err(explain)?;
    if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err("it is no regular file".to_owned());
    }
    if !counts(stat.st_uid) {
        return Err("it belongs to another user".to_owned());
    }
    let mut bytes = Vec::new();
    File::from(file).take(most as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}
