//! The folders below an output folder: each is looked for once and stays open, however many files it holds.

use std::collections::{BTreeMap, BTreeSet};

use super::split;
use crate::folder::Folder;

/// The folders below an open one, by their paths; the empty path is that one itself.
pub struct Tree<'out> {
    out: &'out Folder,
    /// None for one that is not there.
    known: BTreeMap<String, Option<Folder>>,
    /// Those that have the mode that they shall have.
    right: BTreeSet<String>,
    /// Those that were not there before, outermost first.
    pub(super) made: Vec<String>,
}

impl<'out> Tree<'out> {
    /// Below this folder.
    pub fn of(out: &'out Folder) -> Tree<'out> {
        Tree { out, known: BTreeMap::new(), right: BTreeSet::new(), made: Vec::new() }
    }

    /// A file's content and mode; none if it is not there.
    ///
    /// # Errors
    /// Something on the way is no folder of ours, or the file is no readable regular one.
    pub fn read(&mut self, path: &str) -> Result<Option<(Vec<u8>, u32)>, String> {
        let (folder, name) = split(path);
        self.find(folder)?.map_or(Ok(None), |folder| folder.read(name))
    }

    /// A folder; none if it is not there.
    pub(super) fn find(&mut self, path: &str) -> Result<Option<&Folder>, String> {
        if !path.is_empty() && !self.known.contains_key(path) {
            let (above, name) = split(path);
            let found = self.find(above)?.map_or(Ok(None), |above| above.subfolder(name))?;
            self.known.insert(path.to_owned(), found);
        }
        Ok(self.opened(path))
    }

    /// One that was found or made.
    pub(super) fn get(&self, path: &str) -> Result<&Folder, String> {
        self.opened(path).ok_or_else(|| format!("{}: vanished", self.out.full(path)))
    }

    fn opened(&self, path: &str) -> Option<&Folder> {
        if path.is_empty() { Some(self.out) } else { self.known.get(path).and_then(Option::as_ref) }
    }

    /// Makes what is missing of a chain of folders, and gives each its mode.
    pub(super) fn make(&mut self, chain: &[(String, u32)]) -> Result<(), String> {
        let mut path = String::new();
        for (part, mode) in chain {
            let above = path.clone();
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(part);
            if !self.right.contains(&path) {
                let (folder, made) = self.get(&above)?.create_subfolder(part, *mode)?;
                self.known.insert(path.clone(), Some(folder));
                self.right.insert(path.clone());
                if made {
                    self.made.push(path.clone());
                }
            }
        }
        Ok(())
    }

    /// Puts on disk what these folders list.
    pub(super) fn sync(&self) -> Result<(), String> {
        self.known.values().flatten().try_for_each(Folder::sync)
    }
}
