//! In: a model and, perhaps, the tree that was built of it. Out: a private temporary folder with that tree in it, secrets
//! included, for the proofs to use and to change. It goes with the proof; the user's own tree is only read.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::folder::Folder;
use crate::lock::sha256;
use crate::model::Model;
use crate::provision::{self, Provision};
use crate::render::{self, File};
use crate::rotation::{self, State};
use crate::write;

/// Most files that are taken over from `secrets/`.
const MOST_SECRETS: usize = 200_000;

/// The folder of a proof.
pub struct Lab {
    folder: TempDir,
    /// The profile with nothing left to parents and defaults, as YAML.
    pub resolved: String,
    /// Files as `build` writes them.
    pub built: Vec<File>,
    /// Files that are proven: of --dir, else those of `built`; sorted by path.
    pub files: Vec<File>,
    /// Files that --dir lacks.
    pub missing: Vec<String>,
    /// The user's own tree, if one was given.
    pub dir: Option<PathBuf>,
    /// True if the secrets were made for this proof.
    pub own_secrets: bool,
}

impl Lab {
    /// Makes the folder and puts the tree into it.
    ///
    /// # Errors
    /// The tree cannot be read, or nothing can be written.
    pub fn new(model: &Model, resolved: String, dir: Option<&Path>, now: OffsetDateTime) -> Result<Lab, String> {
        // Ours alone, whatever the umask: there are keys in it, and scripts that run.
        let folder = tempfile::Builder::new()
            .prefix("redisgen-verify-")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir()
            .map_err(|error| format!("a temporary folder: {error}"))?;
        let built = render::render(model)?;
        let mut lab = Lab {
            folder,
            resolved,
            files: built.clone(),
            built,
            missing: Vec::new(),
            dir: dir.map(Path::to_owned),
            own_secrets: true,
        };
        let tree = Folder::create(&lab.tree())?;
        let given = dir.map(Folder::open).transpose()?;
        if let Some(given) = &given {
            lab.take_over(given)?;
        }
        let secrets = given.as_ref().map(|given| given.subfolder("secrets")).transpose()?.flatten();
        let provision = match &secrets {
            Some(_) => Provision::default(),
            None => {
                provision::provision(&tree, model, &lab.text("redis/users.acl"), now, provision::Options::default())?
            }
        };
        let plan = write::plan(&tree, model, &lab.files, false)?;
        write::write(&tree, model, &lab.files, &provision, plan)?;
        if let Some(secrets) = secrets {
            lab.own_secrets = false;
            copy(&secrets, &tree.create_subfolder("secrets", 0o700)?.0, &mut 0)?;
        }
        Ok(lab)
    }

    /// Reads the planned files of a tree, and alert rules of anybody's; what else lies there is nobody's business.
    fn take_over(&mut self, given: &Folder) -> Result<(), String> {
        self.files.clear();
        for (path, ..) in super::alerts::FILES {
            let planned = self.built.iter().any(|file| file.path == path);
            if let Some((bytes, mode)) = write::read(given, path)?.filter(|_| !planned) {
                self.files.push(File { path: path.to_owned(), mode, bytes });
            }
        }
        for file in &self.built {
            match write::read(given, &file.path)? {
                Some((bytes, mode)) => self.files.push(File { path: file.path.clone(), mode, bytes }),
                None => self.missing.push(file.path.clone()),
            }
        }
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(())
    }

    /// The private folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The tree in it, as `build` lays it out.
    pub fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }

    /// A new folder in it.
    ///
    /// # Errors
    /// The file system's.
    pub fn subfolder(&self, name: &str) -> Result<PathBuf, String> {
        let path = self.folder.path().join(name);
        Folder::create(&path).map(|_| path)
    }

    /// Writes a file into the folder, parents included.
    ///
    /// # Errors
    /// The file system's.
    pub fn write(&self, path: &str, bytes: &[u8], mode: u32) -> Result<PathBuf, String> {
        let full = self.folder.path().join(path);
        let (Some(parent), Some(name)) = (full.parent(), full.file_name().and_then(|name| name.to_str())) else {
            return Err(format!("{path}: not a file name"));
        };
        Folder::create(parent)?.stage(name, bytes, mode, false)?.commit()?;
        Ok(full)
    }

    /// A file of the tree that is proven.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Its text; empty if it is missing.
    pub fn text(&self, path: &str) -> String {
        self.file(path).map(|file| String::from_utf8_lossy(&file.bytes).into_owned()).unwrap_or_default()
    }

    /// Files that differ from what `build` writes.
    pub fn edited(&self) -> impl Iterator<Item = &str> {
        let differs = |file: &&File| {
            self.built
                .iter()
                .find(|built| built.path == file.path)
                .is_none_or(|built| built.bytes != file.bytes || built.mode != file.mode)
        };
        self.files.iter().filter(differs).map(|file| file.path.as_str())
    }

    /// Path and SHA-256 of each file that is proven.
    pub fn digests(&self) -> impl Iterator<Item = (&str, String)> {
        self.files.iter().map(|file| (file.path.as_str(), sha256(&file.bytes)))
    }

    /// A file of `secrets/`; none if it is missing.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn secret(&self, path: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        let tree = Folder::open(&self.tree())?;
        Ok(write::read(&tree, &format!("secrets/{path}"))?.map(|(bytes, _)| Zeroizing::new(bytes)))
    }

    /// The rotation of passwords that is pending in the tree, if one is.
    ///
    /// # Errors
    /// Its state cannot be read.
    pub fn rotation(&self) -> Result<Option<State>, String> {
        self.secret(rotation::NAME)?.map(|bytes| State::of(&bytes)).transpose()
    }

    /// The password of a user of the profile, or of a service.
    ///
    /// # Errors
    /// It is missing or cannot be read.
    pub fn password(&self, user: &str) -> Result<Zeroizing<String>, String> {
        let keep = crate::model::keep(user);
        let path = keep.path(keep.password);
        let bytes = self.secret(&path)?.ok_or_else(|| format!("secrets/{path} is missing"))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| format!("secrets/{path} is not text"))?;
        Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// Copies a folder's regular files and folders with their modes.
fn copy(from: &Folder, to: &Folder, count: &mut usize) -> Result<(), String> {
    for name in from.names()? {
        *count += 1;
        if *count > MOST_SECRETS {
            return Err(format!("{}: more than {MOST_SECRETS} files", from.full("")));
        }
        // A name that is no folder is read as a file, which refuses everything else.
        if let Ok(Some(inner)) = from.subfolder(&name) {
            // We have to get in, whatever the mode says.
            copy(&inner, &to.create_subfolder(&name, inner.mode()? | 0o700)?.0, count)?;
        } else if let Some((bytes, mode)) = from.read(&name)? {
            to.stage(&name, &Zeroizing::new(bytes), mode, false)?.commit()?;
        }
    }
    Ok(())
}
