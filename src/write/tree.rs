//! The folders below an output folder: each is looked for once and stays open for all its files.

use std::collections::{BTreeMap, BTreeSet};

use super::split;
use crate::folder::Folder;

/// So many folders of a tree stay open at most: more than a deployment has, but each user has one for secrets, too.
pub const OPEN: usize = 48;

/// The folders below an open one, by their paths; the empty path is that one itself.
pub struct Tree<'out> {
    out: &'out Folder,
    /// None for one that is not there.
    known: BTreeMap<String, Option<Folder>>,
    /// Those that have the mode that they shall have.
    right: BTreeSet<String>,
    /// Those that were not there before, outermost first.
    pub(super) made: Vec<String>,
    /// Those that were there, and the mode that they had, where it was another one.
    pub(super) modes: Vec<(String, u32)>,
}

impl<'out> Tree<'out> {
    /// Below this folder.
    pub fn of(out: &'out Folder) -> Tree<'out> {
        Tree { out, known: BTreeMap::new(), right: BTreeSet::new(), made: Vec::new(), modes: Vec::new() }
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
        if path.is_empty() {
            return Ok(Some(self.out));
        }
        if !self.known.contains_key(path) {
            let (above, name) = split(path);
            let found = self.find(above)?.map_or(Ok(None), |above| above.subfolder(name))?;
            self.know(path, found);
        }
        Ok(self.known.get(path).and_then(Option::as_ref))
    }

    /// One that was there a moment ago.
    pub(super) fn get(&mut self, path: &str) -> Result<&Folder, String> {
        let vanished = format!("{}: vanished", self.out.full(path));
        self.find(path)?.ok_or(vanished)
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
            if self.right.insert(path.clone()) {
                let (folder, before) = self.get(&above)?.create_subfolder(part, *mode)?;
                self.know(&path, Some(folder));
                match before {
                    None => self.made.push(path.clone()),
                    Some(before) if before != *mode => self.modes.push((path.clone(), before)),
                    Some(_) => {}
                }
            }
        }
        Ok(())
    }

    /// Removes what a killed build left under temporary names in a folder, and the folder if it is empty then; tells whether
    /// that is gone.
    pub(super) fn sweep(&mut self, path: &str, lighter: bool) -> Result<bool, String> {
        let Some(folder) = self.find(path)? else { return Ok(false) };
        if !folder.sweep()? && !lighter {
            return Ok(false);
        }
        let (above, name) = split(path);
        self.get(above)?.remove_empty(name)?;
        self.known.remove(path);
        Ok(self.find(path)?.is_none())
    }

    fn know(&mut self, path: &str, found: Option<Folder>) {
        if self.known.len() >= OPEN {
            self.known.clear();
        }
        self.known.insert(path.to_owned(), found);
    }
}
