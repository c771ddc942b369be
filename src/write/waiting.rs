//! In: files and secrets. Out: all of them under temporary names, then all of them under their own, or all as it was.

use std::collections::{BTreeSet, VecDeque};

use super::{Tree, Written, joined, parents, remove, split};
use crate::folder::{Aside, Folder, Staged};
use crate::lock::NAME;
use crate::provision::Provision;
use crate::render::File;

/// A tree that waits under temporary names; dropped without [`Waiting::commit`], it is gone. It holds no content and no
/// handles: thousands of trees may wait at once.
pub struct Waiting<'out> {
    out: &'out Folder,
    /// Each file's folder, in the order in which they get their names.
    files: VecDeque<(String, Aside)>,
    lock: Option<Aside>,
    /// Folders that were not there before, outermost first.
    made: Vec<String>,
    /// Folders that had another mode, and which.
    modes: Vec<(String, u32)>,
    /// Files that go.
    gone: Vec<String>,
    pub(super) written: Written,
}

impl<'out> Waiting<'out> {
    /// Nothing yet, and what shall go.
    pub(super) fn of(out: &'out Folder, gone: Vec<String>) -> Waiting<'out> {
        Waiting {
            out,
            files: VecDeque::new(),
            lock: None,
            made: Vec::new(),
            modes: Vec::new(),
            gone,
            written: Written::default(),
        }
    }

    /// Puts files, secrets and the lock under temporary names.
    pub(super) fn stage(
        &mut self,
        mut tree: Tree<'_>,
        files: &[&File],
        provision: &Provision,
        lock: Option<&File>,
    ) -> Result<(), String> {
        let prepared = prepare(&mut tree, files, provision);
        self.made = std::mem::take(&mut tree.made);
        self.modes = std::mem::take(&mut tree.modes);
        prepared?;
        self.gone.iter().try_for_each(|path| may_go(&mut tree, path))?;
        for file in files {
            let (folder, name) = split(&file.path);
            let staged = tree.get(folder)?.stage(name, &file.bytes, file.mode, false)?;
            self.files.extend(staged.aside().map(|aside| (folder.to_owned(), aside)));
        }
        for secret in &provision.files {
            let folder = joined(&secret.folders);
            let staged = tree.get(&folder)?.stage(&secret.name, &secret.bytes, secret.mode, true)?;
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
        let mut tree = Tree::of(self.out);
        let filled = self.files.iter().map(|(folder, _)| folder.clone());
        let made = self.made.iter().flat_map(|made| [made.clone(), split(made).0.to_owned()]);
        let mut changed: BTreeSet<String> = filled.chain(made).collect();
        // A folder that cannot be opened is told before the first file has its name.
        changed.iter().try_for_each(|path| tree.get(path).map(drop))?;
        // What fails, and what waits behind it, is still in the list, and goes.
        while let Some((folder, _)) = self.files.front() {
            let folder = tree.get(folder)?;
            let Some((_, aside)) = self.files.pop_front() else { break };
            folder.resume(aside).commit()?;
            // From here on it is a new tree.
            self.modes.clear();
        }
        self.gone.iter().try_for_each(|path| remove(self.out, path))?;
        changed.extend(lasting(self.out, &self.gone)?);
        changed.iter().filter(|path| !path.is_empty()).try_for_each(|path| tree.get(path)?.sync())?;
        self.lock.take().map_or(Ok(()), |lock| self.out.resume(lock).commit())?;
        self.out.sync()?;
        self.made.clear();
        self.modes.clear();
        Ok(std::mem::take(&mut self.written))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut tree = Tree::of(self.out);
        for (folder, aside) in self.files.drain(..) {
            if let Ok(Some(folder)) = tree.find(&folder) {
                drop(folder.resume(aside));
            }
        }
        drop(self.lock.take().map(|aside| self.out.resume(aside)));
        // The first error is told already. Folders that were made for files which never came:
        for path in self.made.iter().rev() {
            let (above, name) = split(path);
            if let Ok(Some(above)) = tree.find(above) {
                let _stays = above.remove_empty(name);
            }
        }
        // A folder that was open to more people stays as closed as it is now.
        for (path, before) in self.modes.iter().rev() {
            if let Ok(Some(folder)) = tree.find(path)
                && folder.mode().is_ok_and(|now| before & !now == 0)
            {
                let _stays = folder.set_mode(*before);
            }
        }
    }
}

/// Makes the folders of all files.
fn prepare(tree: &mut Tree<'_>, files: &[&File], provision: &Provision) -> Result<(), String> {
    files.iter().try_for_each(|file| tree.make(&parents(&file.path, 0o755)))?;
    let mut chains = provision.folders.iter().chain(provision.files.iter().map(|secret| &secret.folders));
    chains.try_for_each(|chain| tree.make(chain))
}

/// Whether this process may remove a file, and the folders above it that are empty then.
fn may_go(tree: &mut Tree<'_>, path: &str) -> Result<(), String> {
    let (above, _) = split(path);
    tree.find(above)?.map_or(Ok(()), Folder::writable)?;
    if above.is_empty() { Ok(()) } else { may_go(tree, above) }
}

/// The folders that list no longer what went; of those that are gone themselves, the one above.
fn lasting(out: &Folder, gone: &[String]) -> Result<BTreeSet<String>, String> {
    let mut tree = Tree::of(out);
    let mut found = BTreeSet::new();
    for path in gone {
        let mut folder = split(path).0;
        while tree.find(folder)?.is_none() {
            folder = split(folder).0;
        }
        found.insert(folder.to_owned());
    }
    Ok(found)
}
