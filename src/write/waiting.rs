//! In: files and secrets. Out: all of them under temporary names, then all of them under their own, or all as it was.

use super::{Tree, Written, joined, parents, remove, split};
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
    pub(super) fn stage(
        &mut self,
        mut tree: Tree<'_>,
        files: &[&File],
        provision: &Provision,
        lock: Option<&File>,
    ) -> Result<(), String> {
        let prepared = prepare(&mut tree, files, provision);
        self.made = std::mem::take(&mut tree.made);
        prepared?;
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
        let mut tree = Tree::of(&self.out);
        // Also those that were made and have no file yet.
        for path in self.files.iter().map(|(folder, _)| folder).chain(&self.made) {
            tree.find(path)?;
        }
        let files = std::mem::take(&mut self.files);
        let staged: Vec<Staged<'_>> = files
            .into_iter()
            .map(|(folder, aside)| Ok(tree.get(&folder)?.resume(aside)))
            .collect::<Result<_, String>>()?;
        let lock = self.lock.take().map(|aside| self.out.resume(aside));
        staged.into_iter().try_for_each(Staged::commit)?;
        self.gone.iter().try_for_each(|path| remove(&self.out, path))?;
        tree.sync()?;
        lock.map_or(Ok(()), Staged::commit)?;
        self.out.sync()?;
        drop(tree);
        self.made.clear();
        Ok(std::mem::take(&mut self.written))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut tree = Tree::of(&self.out);
        for (folder, aside) in self.files.drain(..) {
            if let Ok(Some(folder)) = tree.find(&folder) {
                drop(folder.resume(aside));
            }
        }
        drop(self.lock.take().map(|aside| self.out.resume(aside)));
        // Folders that were made for files which never came.
        for path in self.made.iter().rev() {
            let (above, name) = split(path);
            if let Ok(Some(above)) = tree.find(above) {
                let _the_first_error_is_told = above.remove_empty(name);
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
