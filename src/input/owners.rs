//! In: the folder in which a search for project files starts. Out: whose project files count in it and above.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::project::NAME;

/// The users whose project files count: root, this process's own, and who owns the folders in which the search starts (in a
/// container that is often another one). Where everybody may write, as in /tmp, a stranger's file would choose where
/// secrets are written; for the same reason Git has `safe.directory`.
pub(super) struct Owners(Vec<u32>);

/// What stands at a project file's place.
pub(super) enum Place {
    /// Nothing.
    Empty,
    /// Something of an owner that counts. A link to nowhere is there, too: it is refused when it is opened.
    Counts,
    /// Something of somebody else.
    Foreign,
}

impl Owners {
    /// Of searches that start in these folders.
    pub(super) fn of(starts: &[&Path]) -> Owners {
        let starts = starts.iter().filter_map(|folder| folder.metadata().ok());
        let always = [0, rustix::process::geteuid().as_raw()];
        Owners(always.into_iter().chain(starts.map(|folder| folder.uid())).collect())
    }

    /// True if files of this user count.
    pub(super) fn include(&self, user: u32) -> bool {
        self.0.contains(&user)
    }

    /// Looks at a project file's place without following a link: who made the link owns what it leads to.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn look(&self, file: &Path) -> std::io::Result<Place> {
        match file.symlink_metadata() {
            Ok(found) if self.include(found.uid()) => Ok(Place::Counts),
            Ok(_) => Ok(Place::Foreign),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Place::Empty),
            Err(error) => Err(error),
        }
    }
}

/// The folder of the nearest project file that counts, in a folder or above. One that cannot be looked at is taken for
/// one: that narrows.
pub(super) fn project_around(folder: &Path) -> Option<&Path> {
    let owners = Owners::of(&[folder]);
    folder.ancestors().find(|folder| matches!(owners.look(&folder.join(NAME)), Ok(Place::Counts) | Err(_)))
}
