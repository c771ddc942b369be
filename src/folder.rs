//! A folder that we write below, and nothing outside it: every step is taken from an open folder, no
//! symbolic link is followed, and a file is either the old or the new one.

use std::fs::File as StdFile;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, DirEntry, FileType, Mode, OFlags};
use rustix::io::Errno;

/// An open folder.
pub struct Folder {
    fd: OwnedFd,
    name: String,
}

/// How temporary names end.
const TEMPORARY: &str = ".tmp";
/// Largest file that we read back.
const MAX_READ: u64 = 64 * 1024 * 1024;

impl Folder {
    /// Opens a folder. Its last component must not be a symbolic link.
    ///
    /// # Errors
    /// Why not, with the folder's name.
    pub fn open(path: &Path) -> Result<Folder, String> {
        let name = path.display().to_string();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // `link/` and `link/.` would follow the link.
        let path: PathBuf = path.components().collect();
        let fd = rustix::fs::open(&path, flags, Mode::empty()).map_err(|errno| explain(&name, errno))?;
        Ok(Folder { fd, name })
    }

    /// Opens a folder, and makes it and its parents first where they are missing.
    ///
    /// # Errors
    /// Why not, with the folder's name.
    pub fn create(path: &Path) -> Result<Folder, String> {
        std::fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Folder::open(path)
    }

    /// Takes the folder for this process, so that two builds do not mix their files; the lock ends with
    /// the folder's handle.
    ///
    /// # Errors
    /// Another process holds it, or the file system knows no locks.
    pub fn lock(&self) -> Result<(), String> {
        if self.try_lock()? { Ok(()) } else { Err(self.busy()) }
    }

    /// That another process holds the lock.
    pub fn busy(&self) -> String {
        format!("{}: another redisgen is writing here", self.name)
    }

    /// The same; false if another process holds it.
    ///
    /// # Errors
    /// The file system knows no locks.
    pub fn try_lock(&self) -> Result<bool, String> {
        match rustix::fs::flock(&self.fd, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(errno) => Err(format!("{}: it cannot be locked: {}", self.name, std::io::Error::from(errno))),
        }
    }

    /// A folder below this one, or none.
    ///
    /// # Errors
    /// It is something else, as a symbolic link.
    pub fn subfolder(&self, name: &str) -> Result<Option<Folder>, String> {
        let full = self.full(name);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => Ok(Some(Folder { fd, name: full })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(explain(&full, errno)),
        }
    }

    /// A folder below this one, made if missing, with exactly this mode; and the mode that it had, none if it was made.
    ///
    /// # Errors
    /// Why not; if it was made, it is gone again.
    pub fn create_subfolder(&self, name: &str, mode: u32) -> Result<(Folder, Option<u32>), String> {
        let full = self.full(name);
        let new = match rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode)) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(errno) => return Err(explain(&full, errno)),
        };
        let open = || {
            let folder = self.subfolder(name)?.ok_or_else(|| format!("{full}: vanished"))?;
            let before = if new { None } else { Some(folder.mode()?) };
            // Also where it has this mode: it fails if the folder is somebody else's.
            folder.set_mode(mode)?;
            Ok((folder, before))
        };
        open().inspect_err(|_| {
            if new {
                let _the_first_error_is_told = self.remove_empty(name);
            }
        })
    }

    /// The content of a file and its mode, or none.
    ///
    /// # Errors
    /// It is there and is no readable regular file.
    pub fn read(&self, name: &str) -> Result<Option<(Vec<u8>, u32)>, String> {
        let full = self.full(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(explain(&full, errno)),
        };
        let stat = rustix::fs::fstat(&fd).map_err(|errno| explain(&full, errno))?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(format!("{full}: not a regular file"));
        }
        // `take` hides the file's size from `read_to_end`.
        let size = u64::try_from(stat.st_size).unwrap_or(0).min(MAX_READ);
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        StdFile::from(fd).take(MAX_READ).read_to_end(&mut bytes).map_err(|error| format!("{full}: {error}"))?;
        Ok(Some((bytes, stat.st_mode & 0o7777)))
    }

    /// Writes a new file under a temporary name, with its final mode from the start.
    ///
    /// # Errors
    /// Why not; the temporary file is gone then.
    pub fn stage(&self, name: &str, bytes: &[u8], mode: u32, sync: bool) -> Result<Staged<'_>, String> {
        let mut random = [0_u8; 8];
        let full = self.full(name);
        crate::random(&mut random).map_err(|error| format!("{full}: {error}"))?;
        let temporary = format!(".{name}.{}{TEMPORARY}", crate::hex(&random));
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // Closed to others until it has its final mode: nobody reads a half-written secret.
        let fd = rustix::fs::openat(&self.fd, &temporary, flags, Mode::from_raw_mode(0o600))
            .map_err(|errno| explain(&full, errno))?;
        let staged = Staged { folder: self, name: name.to_owned(), temporary: Some(temporary) };
        let mut file = StdFile::from(fd);
        file.write_all(bytes).map_err(|error| format!("{full}: {error}"))?;
        rustix::fs::fchmod(&file, Mode::from_raw_mode(mode)).map_err(|errno| explain(&full, errno))?;
        if sync {
            file.sync_all().map_err(|error| format!("{full}: {error}"))?;
        }
        Ok(staged)
    }

    /// A file that waits in this folder and was put aside.
    pub fn resume(&self, aside: Aside) -> Staged<'_> {
        Staged { folder: self, name: aside.name, temporary: Some(aside.temporary) }
    }

    /// Stages new content for a file that holds `old`; mode and owner stay.
    ///
    /// # Errors
    /// It is no regular file, is read-only, holds something else by now, or cannot be written.
    pub fn stage_over(&self, name: &str, old: &[u8], new: &[u8]) -> Result<Staged<'_>, String> {
        let full = self.full(name);
        let mode = self.unchanged(name, old)?;
        // A new file could take its name all the same; whoever made it read-only does not want that.
        if mode & 0o200 == 0 {
            return Err(format!("{full}: it is read-only"));
        }
        let staged = self.stage(name, new, mode, true)?;
        let stat = |name: &str| {
            rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|errno| explain(&full, errno))
        };
        let (theirs, ours) = (stat(name)?, stat(staged.temporary.as_deref().unwrap_or(name))?);
        if (theirs.st_uid, theirs.st_gid) != (ours.st_uid, ours.st_gid) {
            staged.chown(theirs.st_uid, theirs.st_gid)?;
        }
        Ok(staged)
    }

    /// The mode of a file that still holds this content.
    ///
    /// # Errors
    /// It does not, or is no regular file.
    pub fn unchanged(&self, name: &str, content: &[u8]) -> Result<u32, String> {
        match self.read(name)? {
            Some((bytes, mode)) if bytes == content => Ok(mode),
            _ => Err(format!("{}: it was changed meanwhile; try again", self.full(name))),
        }
    }

    /// Removes a file, if it is there.
    ///
    /// # Errors
    /// It is there and stays.
    pub fn remove(&self, name: &str) -> Result<(), String> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(explain(&self.full(name), errno)),
        }
    }

    /// Gives a file a second name, which nothing has yet; both keep its date.
    ///
    /// # Errors
    /// The file system's.
    pub fn link(&self, name: &str, second: &str) -> Result<(), String> {
        rustix::fs::linkat(&self.fd, name, &self.fd, second, AtFlags::empty())
            .map_err(|errno| explain(&self.full(second), errno))
    }

    /// Gives a file another name, in place of what had it.
    ///
    /// # Errors
    /// The file system's.
    pub fn rename(&self, name: &str, new: &str) -> Result<(), String> {
        rustix::fs::renameat(&self.fd, name, &self.fd, new).map_err(|errno| explain(&self.full(new), errno))
    }

    /// Owner and last change of a file, in seconds since 1970; none if it is not there.
    ///
    /// # Errors
    /// The file system's.
    pub fn owner_and_date(&self, name: &str) -> Result<Option<(u32, i64)>, String> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some((stat.st_uid, stat.st_mtime))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(explain(&self.full(name), errno)),
        }
    }

    /// When a file came to be there as it is, in seconds since 1970: unlike the date of its content, nobody sets this one.
    ///
    /// # Errors
    /// The file system's.
    pub fn placed(&self, name: &str) -> Result<i64, String> {
        let stat = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW);
        stat.map(|stat| stat.st_ctime).map_err(|errno| explain(&self.full(name), errno))
    }

    /// Removes an empty folder below this one; one that is not empty stays.
    ///
    /// # Errors
    /// It is empty and stays.
    pub fn remove_empty(&self, name: &str) -> Result<(), String> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
            // A volume that is mounted here stays, too.
            Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT | Errno::BUSY) => Ok(()),
            Err(errno) => Err(explain(&self.full(name), errno)),
        }
    }

    /// Removes what a process that was killed left here under temporary names, and tells whether there was any. Only who
    /// holds the lock may do so.
    ///
    /// # Errors
    /// The file system's.
    pub fn sweep(&self) -> Result<bool, String> {
        let file = |name: &str| {
            let stat = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW);
            stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_file())
        };
        let left =
            self.list(|entry| Ok(entry.file_name().to_str().is_ok_and(|name| is_temporary(name) && file(name))))?;
        left.iter().try_for_each(|name| self.remove(name))?;
        Ok(!left.is_empty())
    }

    /// Puts renames on disk.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync(&self) -> Result<(), String> {
        rustix::fs::fsync(&self.fd).map_err(|errno| explain(&self.name, errno))
    }

    /// Names of what is in this folder, sorted.
    ///
    /// # Errors
    /// The file system's.
    pub fn names(&self) -> Result<Vec<String>, String> {
        self.list(|_| Ok(true))
    }

    fn list(&self, wanted: impl Fn(&DirEntry) -> Result<bool, Errno>) -> Result<Vec<String>, String> {
        let explain = |errno| explain(&self.name, errno);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(explain)? {
            let entry = entry.map_err(explain)?;
            let name = entry.file_name().to_string_lossy();
            if name != "." && name != ".." && wanted(&entry).map_err(explain)? {
                names.push(name.into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Names of the folders in this one, sorted.
    ///
    /// # Errors
    /// The file system's.
    pub fn folders(&self) -> Result<Vec<String>, String> {
        self.list(|entry| match entry.file_type() {
            // Some file systems do not say.
            FileType::Unknown => {
                let stat = rustix::fs::statat(&self.fd, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
                Ok(FileType::from_raw_mode(stat.st_mode).is_dir())
            }
            kind => Ok(kind.is_dir()),
        })
    }

    /// Whether this process may add files here and remove some.
    ///
    /// # Errors
    /// It may not.
    pub fn writable(&self) -> Result<(), String> {
        let access = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        rustix::fs::accessat(&self.fd, ".", access, AtFlags::empty()).map_err(|errno| explain(&self.name, errno))
    }

    /// Gives this folder a mode.
    ///
    /// # Errors
    /// The file system's.
    pub fn set_mode(&self, mode: u32) -> Result<(), String> {
        rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(mode)).map_err(|errno| explain(&self.name, errno))
    }

    /// The mode of this folder.
    ///
    /// # Errors
    /// The file system's.
    pub fn mode(&self) -> Result<u32, String> {
        rustix::fs::fstat(&self.fd).map(|stat| stat.st_mode & 0o7777).map_err(|errno| explain(&self.name, errno))
    }

    /// True if this process's user owns the folder.
    ///
    /// # Errors
    /// The file system's.
    pub fn is_mine(&self) -> Result<bool, String> {
        let stat = rustix::fs::fstat(&self.fd).map_err(|errno| explain(&self.name, errno))?;
        Ok(stat.st_uid == rustix::process::geteuid().as_raw())
    }

    /// Path of something in this folder, for messages.
    pub fn full(&self, name: &str) -> String {
        format!("{}/{name}", self.name.trim_end_matches('/'))
    }
}

/// Folders that were made for something; they go again with this, where nothing came into them.
#[derive(Debug, Default)]
pub struct Made(Vec<PathBuf>);

impl Made {
    /// Makes a folder and its parents where they are missing.
    ///
    /// # Errors
    /// The file system's, with the folder's name.
    pub fn make(&mut self, path: &Path) -> Result<(), String> {
        let missing: Vec<&Path> =
            path.ancestors().take_while(|path| !path.as_os_str().is_empty() && !path.exists()).collect();
        for path in missing.into_iter().rev() {
            match std::fs::create_dir(path) {
                Ok(()) => self.0.push(path.to_owned()),
                // Another process was faster.
                Err(_) if path.is_dir() => {}
                Err(error) => return Err(format!("{}: {error}", path.display())),
            }
        }
        Ok(())
    }

    /// Leaves them where they are.
    pub fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            let _not_empty = std::fs::remove_dir(path);
        }
    }
}

/// What is known of a waiting file while its folder is closed.
#[must_use]
pub struct Aside {
    name: String,
    temporary: String,
}

/// A file that waits under a temporary name; dropped without [`Staged::commit`], it is removed.
pub struct Staged<'folder> {
    folder: &'folder Folder,
    name: String,
    temporary: Option<String>,
}

impl Staged<'_> {
    /// Gives the waiting file to somebody.
    fn chown(&self, user: u32, group: u32) -> Result<(), String> {
        let name = self.temporary.as_deref().unwrap_or(&self.name);
        let (user, group) = (rustix::fs::Uid::from_raw(user), rustix::fs::Gid::from_raw(group));
        rustix::fs::chownat(&self.folder.fd, name, Some(user), Some(group), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|errno| explain(&self.folder.full(&self.name), errno))
    }

    /// Lets the file wait without its folder's handle; [`Folder::resume`] takes it up again.
    pub fn aside(mut self) -> Option<Aside> {
        Some(Aside { name: std::mem::take(&mut self.name), temporary: self.temporary.take()? })
    }

    /// Gives the file its name, in place of what had it. A symbolic link is replaced, not followed.
    ///
    /// # Errors
    /// The file system's; the old file is still there then.
    pub fn commit(mut self) -> Result<(), String> {
        let Some(temporary) = self.temporary.take() else { return Ok(()) };
        let renamed = rustix::fs::renameat(&self.folder.fd, &temporary, &self.folder.fd, &self.name);
        if renamed.is_err() {
            self.temporary = Some(temporary);
        }
        renamed.map_err(|errno| explain(&self.folder.full(&self.name), errno))
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _gone = rustix::fs::unlinkat(&self.folder.fd, temporary, AtFlags::empty());
        }
    }
}

/// True for the names that [`Folder::stage`] makes: `.NAME.0123456789abcdef.tmp`.
fn is_temporary(name: &str) -> bool {
    let parts =
        name.strip_prefix('.').and_then(|rest| rest.strip_suffix(TEMPORARY)).and_then(|rest| rest.rsplit_once('.'));
    let hex = |text: &str| text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    parts.is_some_and(|(name, random)| !name.is_empty() && hex(random))
}

fn explain(name: &str, errno: Errno) -> String {
    match errno {
        Errno::LOOP | Errno::NOTDIR => format!("{name}: a symbolic link or no folder; redisgen follows no links"),
        errno => format!("{name}: {}", std::io::Error::from(errno)),
    }
}
