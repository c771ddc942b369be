//! In: a model, the locked ACL file and the folder `secrets/` as it is. Out: what is missing there, made in
//! memory; `write` puts it on disk. What exists is checked and kept; what others depend on is not remade
//! in silence.

use std::collections::{BTreeMap, BTreeSet};

mod authority;
mod certificates;
mod dotenv;
mod exporter;
mod fernet;
pub mod inventory;
pub mod leaf;
mod passwords;
pub mod rollover;
pub mod strength;

pub(crate) use passwords::{checked, new_password};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::artefact::LOCKED;
use crate::folder::Folder;
use crate::model::Model;
use crate::rotation::State;

/// A file below `secrets/`.
pub struct SecretFile {
    /// Folders below the output folder, outermost first, with their modes.
    pub folders: Vec<(String, u32)>,
    /// File name.
    pub name: String,
    /// File mode.
    pub mode: u32,
    /// Content.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// What provisioning will do.
#[derive(Default)]
pub struct Provision {
    /// Folders that exist already, whose modes are set right on every run.
    pub folders: BTreeSet<Vec<(String, u32)>>,
    /// Files to write, in order.
    pub files: Vec<SecretFile>,
    /// Paths below the output folder of files that go, once the others are written.
    pub gone: Vec<String>,
    /// What was made, in words.
    pub made: Vec<String>,
    /// What a person should look at.
    pub notes: Vec<String>,
}

/// How far provisioning may go.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Make missing things again even if others depend on them, and replace leaves that do not fit.
    pub reprovision: bool,
    /// Which certificates are made again although they are there.
    pub renew: Renew,
    /// Renewed certificates keep their keys.
    pub keep_keys: bool,
    /// Make nothing: what is missing is an error.
    pub existing_only: bool,
}

/// Which certificates are made again although they are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Renew {
    /// None.
    #[default]
    Nothing,
    /// Those that end soon or do not fit the profile.
    Due,
    /// All.
    All,
}

/// Only its owner enters `secrets/`.
const SECRETS: (&str, u32) = ("secrets", 0o700);
/// The container's user reads these inside; nobody else gets past `secrets/`.
const READABLE: u32 = 0o755;

struct Provisioner<'run> {
    model: &'run Model,
    existing: Option<Folder>,
    options: Options,
    now: OffsetDateTime,
    result: Provision,
    corrected: BTreeSet<String>,
    rotation: Option<State>,
}

/// Plans what is missing.
///
/// # Errors
/// Something is damaged or gone that others depend on; nothing may be written then.
pub fn provision(
    out: &Folder,
    model: &Model,
    locked_acl: &str,
    now: OffsetDateTime,
    options: Options,
) -> Result<Provision, String> {
    if !model.has_secrets() {
        out.subfolder(SECRETS.0)?;
        return Ok(Provision::default());
    }
    let mut provisioner = Provisioner::new(out, model, now, options)?;
    provisioner.ignore_file()?;
    provisioner.check_mode()?;
    provisioner.note_former_clients()?;
    let passwords = provisioner.passwords()?;
    provisioner.seal(locked_acl, &passwords)?;
    provisioner.fernet_keys()?;
    provisioner.exporter_passwords()?;
    provisioner.dotenv()?;
    if model.tls() {
        provisioner.certificates()?;
    }
    Ok(provisioner.result)
}

/// Plans new certificates, and nothing else.
///
/// # Errors
/// Something is damaged or missing; nothing may be written then.
pub fn renew(out: &Folder, model: &Model, now: OffsetDateTime, options: Options) -> Result<Provision, String> {
    let mut provisioner = Provisioner::new(out, model, now, options)?;
    provisioner.check_mode()?;
    provisioner.certificates()?;
    Ok(provisioner.result)
}

/// Plans a step from one authority to another.
///
/// # Errors
/// The step cannot be taken now, with the reason; nothing may be written then.
pub fn roll_over(out: &Folder, model: &Model, now: OffsetDateTime, step: rollover::Step) -> Result<Provision, String> {
    let mut provisioner = Provisioner::new(out, model, now, Options::default())?;
    provisioner.check_mode()?;
    provisioner.rollover(step)?;
    Ok(provisioner.result)
}

/// Plans the sealed file alone, from passwords that are there; makes none.
///
/// # Errors
/// A password is missing or none.
pub fn seal(out: &Folder, model: &Model, locked_acl: &str, now: OffsetDateTime) -> Result<Provision, String> {
    let mut provisioner = Provisioner::new(out, model, now, Options { existing_only: true, ..Options::default() })?;
    provisioner.check_mode()?;
    let passwords = provisioner.passwords()?;
    provisioner.seal(locked_acl, &passwords)?;
    Ok(provisioner.result)
}

/// The locked file with every slot filled; the digests by user, two while a rotation is pending.
pub fn sealed(locked_acl: &str, digests: &BTreeMap<String, Vec<String>>) -> String {
    let mut text = String::with_capacity(locked_acl.len());
    for line in locked_acl.lines() {
        match user_of(line).and_then(|user| digests.get(user)) {
            Some(digests) => {
                let words: Vec<String> = digests.iter().map(|digest| format!("#{digest}")).collect();
                text.push_str(&line.replace(LOCKED, &words.join(" ")));
            }
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// The sealed file with every digest masked: equal to the locked one if nothing but passwords differs. Of users whose
/// rotation is `pending`, two digests count as one.
pub fn masked(sealed: &str, pending: &BTreeSet<&str>) -> String {
    let mut text = String::with_capacity(sealed.len());
    for line in sealed.lines() {
        let rotating = user_of(line).is_some_and(|user| pending.contains(user));
        let mut words: Vec<&str> = line
            .split(' ')
            .map(|word| match word.as_bytes().first() {
                _ if is_digest(word) => LOCKED,
                // Written by hand: a password in clear must not show in a diff.
                Some(b'>' | b'<' | b'#' | b'!') => "(masked)",
                _ => word,
            })
            .collect();
        let digests: Vec<usize> = (0..words.len()).filter(|place| words.get(*place) == Some(&LOCKED)).collect();
        if let ([_, second], true) = (digests.as_slice(), rotating) {
            words.remove(*second);
        }
        text.push_str(&words.join(" "));
        text.push('\n');
    }
    text
}

fn is_digest(word: &str) -> bool {
    word.strip_prefix('#').is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The authority's key is for its owner only; the rest is readable inside the closed `secrets/`.
fn file_mode(folders: &[&str]) -> u32 {
    if folders == ["ca"] { 0o600 } else { 0o644 }
}

/// Folders from the output folder on, with their modes.
fn chain(folders: &[&str]) -> Vec<(String, u32)> {
    let mode = if folders == ["ca"] { 0o700 } else { READABLE };
    let below = folders.iter().map(|folder| ((*folder).to_owned(), mode));
    std::iter::once((SECRETS.0.to_owned(), SECRETS.1)).chain(below).collect()
}

fn user_of(line: &str) -> Option<&str> {
    line.strip_prefix("user ")?.split(' ').next()
}

impl<'run> Provisioner<'run> {
    fn new(out: &Folder, model: &'run Model, now: OffsetDateTime, options: Options) -> Result<Self, String> {
        Ok(Provisioner {
            model,
            existing: out.subfolder(SECRETS.0)?,
            options,
            now,
            result: Provision::default(),
            corrected: BTreeSet::new(),
            rotation: State::read(out)?,
        })
    }
}

impl Provisioner<'_> {
    /// Reads a file of `secrets/`. A mode that is not ours is set right on the way: too wide shows a secret,
    /// too narrow hides it from the server.
    fn read(&mut self, folders: &[&str], name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        let mut opened: Option<Folder> = None;
        for folder in folders {
            let from = opened.as_ref().or(self.existing.as_ref());
            match from.map(|from| from.subfolder(folder)).transpose()?.flatten() {
                Some(next) => opened = Some(next),
                None => return Ok(None),
            }
        }
        let Some(from) = opened.as_ref().or(self.existing.as_ref()) else { return Ok(None) };
        let read = from.read(name)?;
        self.result.folders.insert(chain(folders));
        let Some((bytes, mode)) = read else { return Ok(None) };
        let bytes = Zeroizing::new(bytes);
        let full = [folders, &[name]].concat().join("/");
        if mode != file_mode(folders) && self.corrected.insert(full.clone()) {
            self.result.notes.push(format!("secrets/{full} had mode {mode:04o}; it is {:04o} now", file_mode(folders)));
            self.write(folders, name, &bytes);
        }
        Ok(Some(bytes))
    }

    fn read_text(&mut self, folders: &[&str], name: &str) -> Result<Option<Zeroizing<String>>, String> {
        let Some(bytes) = self.read(folders, name)? else { return Ok(None) };
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged(folders, name, "it is not text"))?;
        Ok(Some(Zeroizing::new(text.to_owned())))
    }

    fn write(&mut self, folders: &[&str], name: &str, bytes: &[u8]) {
        self.result.files.push(SecretFile {
            folders: chain(folders),
            name: name.to_owned(),
            mode: file_mode(folders),
            bytes: Zeroizing::new(bytes.to_vec()),
        });
    }

    /// `secrets/` keeps itself out of the repository.
    fn ignore_file(&mut self) -> Result<(), String> {
        if self.read(&[], ".gitignore")?.is_none() {
            self.write(&[], ".gitignore", b"# Passwords and keys are made on each host and never committed.\n*\n");
        }
        Ok(())
    }

    fn check_mode(&mut self) -> Result<(), String> {
        let Some(folder) = &self.existing else { return Ok(()) };
        if !folder.is_mine()? {
            return Err("secrets/ belongs to another user, who could read what is put there".to_owned());
        }
        let mode = folder.mode()?;
        if mode & 0o077 != 0 {
            self.result.notes.push(format!("secrets/ was open to others (mode {mode:04o}); it is closed now. Change the passwords if others have accounts here, and passwords and certificates if Git brought it."));
        }
        Ok(())
    }

    /// A removed user's files stay until a person is sure that nobody needs them.
    fn note_former_clients(&mut self) -> Result<(), String> {
        let Some(clients) = self.existing.as_ref().map(|folder| folder.subfolder("clients")).transpose()?.flatten()
        else {
            return Ok(());
        };
        let users: BTreeSet<&str> = self.model.clients().map(|user| user.name.as_str()).collect();
        for name in clients.names()?.iter().filter(|name| !users.contains(name.as_str())) {
            let name = name.escape_debug();
            self.result.notes.push(format!(
                "secrets/clients/{name} belongs to no user of the profile; remove it when nobody needs it"
            ));
        }
        Ok(())
    }
}

fn damaged(folders: &[&str], name: &str, reason: &str) -> String {
    format!("secrets/{}/{name} is damaged: {reason}", folders.join("/"))
}
