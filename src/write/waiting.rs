//! In: files and secrets. Out: all of them under temporary names, then all of them under their own, or all as it was.

use std::collections::BTreeMap;

use super::{Written, joined, parents, remove, split, subfolder};
use crate::folder::{Aside, Folder, Staged};
use crate::lock::NAME;
use crate::provision::Provision;
use crate::render::File;

/// A tree that waits under temporary names; dropped without [`Waiting::commit`], it is gone. It holds no content, and of
/// handles the output folder's only: thousands of trees may wait at once.
pub struct Waiting {
    out: Folder,
    /// Each file's folder, in the order in which they get their names.
    files: Vec<(String, Aside)>,
    lock: Option<Aside>,
    /// Folders that were not there before, outermost first.
    made: Vec<String>,
    /// Files that go.
    pub(super) gone: Vec<String>,
    pub(super) written: Written,
}

impl Waiting {
    /// Nothing yet.
    pub(super) fn of(out: &Folder) -> Result<Waiting, String> {
        Ok(Waiting {
            out: out.again()?,
            files: Vec::new(),
            lock: None,
            made: Vec::new(),
            gone: Vec::new(),
            written: Written::default(),
        })
    }

    /// Puts files, secrets and the lock under temporary names.
    pub(super) fn stage(&mut self, files: &[&File], provision: &Provision, lock: Option<&File>) -> Result<(), String> {
        let mut folders = Folders::of(&self.out);
        let prepared = folders.prepare(files, provision);
        self.made = std::mem::take(&mut folders.made);
        prepared?;
        for file in files {
            let (folder, name) = split(&file.path);
            let staged = folders.get(folder)?.stage(name, &file.bytes, file.mode, false)?;
            self.files.extend(staged.aside().map(|aside| (folder.to_owned(), aside)));
        }
        for secret in &provision.files {
            let folder = joined(&secret.folders);
            let staged = folders.get(&folder)?.stage(&secret.name, &secret.bytes, secret.mode, true)?;
            self.files.extend(staged.aside().map(|aside| (folder, aside)));
        }
        // An empty lock after a power cut would be nobody's; of other files it says that they are not whole.
        let staged = lock.map(|lock| self.out.stage(NAME, &lock.bytes, lock.mode, true)).transpose()?;
        self.lock = staged.and_then(Staged::aside);
        Ok(())
    }

    /// Gives everything its name, removes what goes, and puts that on disk; the lock comes last.
    ///
    /// # Errors
    /// The file system's; each file is the old or the new one then, and whole.
    pub fn commit(mut self) -> Result<Written, String> {
        let mut folders = Folders::of(&self.out);
        // Also those that were made and have no file yet.
        for path in self.files.iter().map(|(folder, _)| folder).chain(&self.made) {
            folders.open(path)?;
        }
        let files = std::mem::take(&mut self.files);
        let staged: Vec<Staged<'_>> = files
            .into_iter()
            .map(|(folder, aside)| Ok(folders.get(&folder)?.resume(aside)))
            .collect::<Result<_, String>>()?;
        let lock = self.lock.take().map(|aside| self.out.resume(aside));
        staged.into_iter().try_for_each(Staged::commit)?;
        self.gone.iter().try_for_each(|path| remove(&self.out, path))?;
        folders.open.values().try_for_each(Folder::sync)?;
        if let Some(lock) = lock {
            lock.commit()?;
            self.out.sync()?;
        }
        drop(folders);
        self.made.clear();
        Ok(std::mem::take(&mut self.written))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        for (folder, aside) in self.files.drain(..) {
            inside(&self.out, &folder, |folder| drop(folder.resume(aside)));
        }
        drop(self.lock.take().map(|aside| self.out.resume(aside)));
        // Folders that were made for files which never came.
        for path in self.made.iter().rev() {
            let (above, name) = split(path);
            inside(&self.out, above, |above| {
                let _the_first_error_is_told = above.remove_empty(name);
            });
        }
    }
}

/// Works in a folder below the output folder, if it is there.
fn inside(out: &Folder, path: &str, work: impl FnOnce(&Folder)) {
    if path.is_empty() {
        work(out);
    } else if let Ok(Some(folder)) = subfolder(out, path) {
        work(&folder);
    }
}

/// The folders below the output folder, opened once.
struct Folders<'out> {
    out: &'out Folder,
    open: BTreeMap<String, Folder>,
    /// Those that were not there before, outermost first.
    made: Vec<String>,
}

impl<'out> Folders<'out> {
    fn of(out: &'out Folder) -> Folders<'out> {
        Folders { out, open: BTreeMap::new(), made: Vec::new() }
    }

    /// Makes what is missing.
    fn prepare(&mut self, files: &[&File], provision: &Provision) -> Result<(), String> {
        for file in files {
            self.chain(&parents(&file.path, 0o755))?;
        }
        let chains = provision.folders.iter().chain(provision.files.iter().map(|secret| &secret.folders));
        chains.into_iter().try_for_each(|chain| self.chain(chain))
    }

    fn chain(&mut self, parts: &[(String, u32)]) -> Result<(), String> {
        let mut path = String::new();
        for (part, mode) in parts {
            let above = path.clone();
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(part);
            if !self.open.contains_key(&path) {
                let (folder, made) = self.get(&above)?.create_subfolder(part, *mode)?;
                self.open.insert(path.clone(), folder);
                if made {
                    self.made.push(path.clone());
                }
            }
        }
        Ok(())
    }

    /// Opens one that is there.
    fn open(&mut self, path: &str) -> Result<(), String> {
        if !path.is_empty() && !self.open.contains_key(path) {
            let folder = subfolder(self.out, path)?.ok_or_else(|| format!("{}: vanished", self.out.full(path)))?;
            self.open.insert(path.to_owned(), folder);
        }
        Ok(())
    }

    fn get(&self, path: &str) -> Result<&Folder, String> {
        if path.is_empty() { Ok(self.out) } else { self.open.get(path).ok_or_else(|| format!("{path}: not prepared")) }
    }
}
