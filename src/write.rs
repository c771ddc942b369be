//! In: rendered files, provisioned secrets and the open output folder. Out: all of them on disk, or an error
//! and the old ones. The lock is written last, so that a mix shows as drift and the next build completes it.

mod tree;
mod waiting;

use std::collections::BTreeSet;

pub use tree::{OPEN, Tree};
pub use waiting::Waiting;

use crate::folder::Folder;
use crate::lock::{FOLDERS, Lock, NAME, sha256};
use crate::model::Model;
use crate::provision::Provision;
use crate::render::File;

/// What happened to the tree, for the summary.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files that are new or have new content.
    pub changed: Vec<String>,
    /// How many were right already.
    pub unchanged: usize,
    /// Files of an earlier build that the profile produces no more.
    pub removed: Vec<String>,
    /// Files of ours that somebody had edited; the edits are gone.
    pub edited: Vec<String>,
}

/// The lock of an earlier build, if there is a readable one.
///
/// # Errors
/// There is one, and it is none of ours.
pub fn read_lock(out: &Folder) -> Result<Option<Lock>, String> {
    let Some((bytes, _)) = out.read(NAME)? else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| format!("{}: not text", out.full(NAME)))?;
    Lock::parse(&text).map(Some).map_err(|reason| format!("{}: {reason}", out.full(NAME)))
}

/// What writing will change; made before anything is written.
pub struct Plan<'out> {
    /// The folders as they were found.
    tree: Tree<'out>,
    /// Places in the list of files.
    changed: Vec<usize>,
    unchanged: usize,
    stale: Vec<String>,
    /// The same, but gone already; an interrupted build may have left their folders.
    vanished: Vec<String>,
    edited: Vec<String>,
}

/// Compares the files with the disk. With `force`, files that redisgen did not write are replaced.
///
/// # Errors
/// Something cannot be read, or files are in the way that are not ours.
pub fn plan<'out>(out: &'out Folder, model: &Model, files: &[File], force: bool) -> Result<Plan<'out>, String> {
    let old = match read_lock(out) {
        Ok(lock) => lock,
        Err(_) if force => None,
        Err(reason) => return Err(format!("{reason}. Move it away, or use --force")),
    };
    // Its passwords, its authority and its data would become another deployment's.
    if let Some(other) = old.as_ref().filter(|lock| lock.name != model.project && !force) {
        return Err(format!(
            "{} holds another deployment, `{}`; this one is `{}`. Use another --out, or --force",
            out.full("").trim_end_matches('/'),
            other.name.escape_debug(),
            model.project
        ));
    }
    let mut plan = Plan {
        tree: Tree::of(out),
        changed: Vec::new(),
        unchanged: 0,
        stale: Vec::new(),
        vanished: Vec::new(),
        edited: Vec::new(),
    };
    let mut foreign = Vec::new();
    for (place, file) in files.iter().enumerate() {
        match plan.tree.read(&file.path)? {
            Some((bytes, mode)) if bytes == file.bytes && mode == file.mode => plan.unchanged += 1,
            Some((bytes, _)) if !force && !ours(old.as_ref(), file, &bytes) => foreign.push(file.path.clone()),
            Some((bytes, _)) => {
                let locked = old.iter().flat_map(|lock| &lock.files).find(|locked| locked.path == file.path);
                if locked.is_some_and(|locked| bytes != file.bytes && sha256(&bytes) != locked.sha256) {
                    plan.edited.push(file.path.clone());
                }
                plan.changed.push(place);
            }
            None => plan.changed.push(place),
        }
    }
    let produced: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    for locked in old.iter().flat_map(|lock| &lock.files).filter(|locked| !produced.contains(locked.path.as_str())) {
        let list = match plan.tree.read(&locked.path)? {
            None => &mut plan.vanished,
            Some((bytes, _)) if force || sha256(&bytes) == locked.sha256 => &mut plan.stale,
            // One that was edited since is not removed.
            Some(_) => &mut foreign,
        };
        list.push(locked.path.clone());
    }
    if !foreign.is_empty() {
        return Err(format!(
            "these files are not redisgen's, or would go although they were edited, or an interrupted build left them: {}. Move them away, or use --force",
            foreign.join(", ")
        ));
    }
    Ok(plan)
}

/// Puts everything on disk.
///
/// # Errors
/// The first thing that cannot be written; what was there is still whole then.
pub fn write(
    out: &Folder,
    model: &Model,
    files: &[File],
    provision: &Provision,
    plan: Plan<'_>,
) -> Result<Written, String> {
    stage(out, model, files, provision, plan)?.commit()
}

/// Puts everything on disk under temporary names: what can fail for want of room or of a right fails here, and changes nothing.
///
/// # Errors
/// The first thing that cannot be written; all is as it was then.
pub fn stage<'out>(
    out: &'out Folder,
    model: &Model,
    files: &[File],
    provision: &Provision,
    mut plan: Plan<'_>,
) -> Result<Waiting<'out>, String> {
    let changed: Vec<&File> = plan.changed.iter().filter_map(|place| files.get(*place)).collect();
    let lock = Lock::new(model, files).to_file(model)?;
    let lock_changed = out.read(NAME)?.is_none_or(|(bytes, _)| bytes != lock.bytes);

    let gone: Vec<String> = [&plan.stale, &plan.vanished, &provision.gone].into_iter().flatten().cloned().collect();
    sweep(out, &mut plan.tree, files, provision)?;
    let mut waiting = Waiting::of(out, gone);
    waiting.stage(plan.tree, &changed, provision, lock_changed.then_some(&lock))?;
    waiting.written = Written {
        changed: changed.iter().map(|file| file.path.clone()).collect(),
        unchanged: plan.unchanged,
        removed: plan.stale,
        edited: plan.edited,
    };
    Ok(waiting)
}

/// Puts secrets alone on disk; the deterministic tree stays as it is.
///
/// # Errors
/// The first thing that cannot be written; what was there is still whole then.
pub fn write_secrets(out: &Folder, provision: &Provision) -> Result<(), String> {
    let mut tree = Tree::of(out);
    sweep(out, &mut tree, &[], provision)?;
    let mut waiting = Waiting::of(out, provision.gone.clone());
    waiting.stage(tree, &[], provision, None)?;
    waiting.commit().map(drop)
}

/// Removes what a build that was killed left under temporary names, wherever that one may have written: its profile may have had
/// another section, or another user.
fn sweep(out: &Folder, tree: &mut Tree<'_>, files: &[File], provision: &Provision) -> Result<(), String> {
    out.sweep()?;
    let mut used: BTreeSet<String> = files.iter().map(|file| split(&file.path).0.to_owned()).collect();
    let chains = provision.folders.iter().chain(provision.files.iter().map(|secret| &secret.folders));
    used.extend(chains.map(|chain| joined(chain)));
    used.remove("");
    let mut folders: BTreeSet<String> = FOLDERS.iter().map(|folder| (*folder).to_owned()).chain(used.clone()).collect();
    for above in ["secrets", "secrets/clients"] {
        if let Ok(Some(folder)) = tree.find(above) {
            folders.extend(folder.folders().unwrap_or_default().iter().map(|name| format!("{above}/{name}")));
            folders.insert(above.to_owned());
        }
    }
    let mut lighter = BTreeSet::new();
    // From the inside out.
    for folder in folders.iter().rev() {
        match tree.sweep(folder, lighter.contains(folder)) {
            Ok(true) => _ = lighter.insert(split(folder).0.to_owned()),
            Err(reason) if used.contains(folder) => return Err(reason),
            // What stands in a place that this build does not need is nothing to stop for.
            Ok(false) | Err(_) => {}
        }
    }
    Ok(())
}

/// A file is ours if the lock lists it, or, after an interrupted first build, if it says so itself or is
/// what we would write.
fn ours(lock: Option<&Lock>, file: &File, bytes: &[u8]) -> bool {
    let listed = lock.is_some_and(|lock| lock.files.iter().any(|locked| locked.path == file.path));
    let head = bytes.get(..bytes.len().min(200)).unwrap_or_default();
    // A power cut may leave an empty one.
    listed
        || bytes.is_empty()
        || bytes == file.bytes
        || String::from_utf8_lossy(head).contains("Code generated by redisgen from ")
}

/// Reads one file of the tree by its path.
///
/// # Errors
/// Something on the way is no folder of ours.
pub fn read(out: &Folder, path: &str) -> Result<Option<(Vec<u8>, u32)>, String> {
    Tree::of(out).read(path)
}

/// The folder of a file, empty for the output folder itself, and its name there.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn joined(chain: &[(String, u32)]) -> String {
    chain.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join("/")
}

fn remove(out: &Folder, path: &str) -> Result<(), String> {
    let (folder, name) = split(path);
    let mut chain: Vec<Folder> = Vec::new();
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in &parts {
        match chain.last().unwrap_or(out).subfolder(part)? {
            Some(next) => chain.push(next),
            None => return Ok(()),
        }
    }
    chain.last().unwrap_or(out).remove(name)?;
    while let Some(part) = parts.pop() {
        chain.pop();
        chain.last().unwrap_or(out).remove_empty(part)?;
    }
    Ok(())
}

fn parents(path: &str, mode: u32) -> Vec<(String, u32)> {
    split(path).0.split('/').filter(|part| !part.is_empty()).map(|part| (part.to_owned(), mode)).collect()
}
