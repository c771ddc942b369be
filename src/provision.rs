//! In: a model, the locked ACL file and the folder `secrets/` as it is. Out: what is missing there, made in
//! memory; `write` puts it on disk. What exists is checked and kept; what others depend on is not remade
//! in silence.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::artefact::LOCKED;
use crate::certificate::{self, Certificate, Pair, Purpose, Terms};
use crate::folder::Folder;
use crate::format::Duration;
use crate::model::{HEALTH, Model};

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
    authority: Option<Pair>,
    new_authority: bool,
    corrected: BTreeSet<String>,
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
    let existing = out.subfolder(SECRETS.0)?;
    if !model.has_secrets() {
        return Ok(Provision::default());
    }
    let mut provisioner = Provisioner {
        model,
        existing,
        options,
        now,
        result: Provision::default(),
        authority: None,
        new_authority: false,
        corrected: BTreeSet::new(),
    };
    provisioner.ignore_file()?;
    provisioner.check_mode()?;
    provisioner.note_former_clients()?;
    let passwords = provisioner.passwords()?;
    provisioner.seal(locked_acl, &passwords)?;
    if model.tls() {
        provisioner.certificates()?;
    }
    Ok(provisioner.result)
}

/// The locked file with every slot filled; the digests by user.
pub fn sealed(locked_acl: &str, digests: &BTreeMap<String, String>) -> String {
    let mut text = String::with_capacity(locked_acl.len());
    for line in locked_acl.lines() {
        let digest = user_of(line).and_then(|user| digests.get(user));
        match digest {
            Some(digest) => text.push_str(&line.replace(LOCKED, &format!("#{digest}"))),
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// The sealed file with every digest masked: equal to the locked one if nothing but passwords differs.
pub fn masked(sealed: &str) -> String {
    let mut text = String::with_capacity(sealed.len());
    for line in sealed.lines() {
        let words: Vec<&str> = line.split(' ').map(|word| if is_digest(word) { LOCKED } else { word }).collect();
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
        let mode = folder.mode()?;
        if mode & 0o077 != 0 {
            self.result.notes.push(format!("secrets/ was open to others (mode {mode:04o}); it is closed now. Change the passwords if others have accounts here."));
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

    /// The digest of every user's password; missing passwords are made.
    fn passwords(&mut self) -> Result<BTreeMap<String, String>, String> {
        let sealed = self.read_text(&["server"], "users.acl")?.unwrap_or_default();
        let mut digests = BTreeMap::new();
        let health = self.model.passwords().then(|| HEALTH.to_owned());
        let names: Vec<String> = self.model.clients().map(|user| user.name.clone()).chain(health).collect();
        let known: BTreeMap<&str, bool> = sealed
            .lines()
            .filter_map(|line| Some((user_of(line)?, line.split(' ').any(|word| is_digest(word) && word != LOCKED))))
            .collect();
        let mut made = 0_usize;
        for name in names {
            let folders = ["clients", name.as_str()];
            let (folders, file): (&[&str], &str) =
                if name == HEALTH { (&["server"], "health.password") } else { (&folders, "password") };
            let password = match self.read_text(folders, file)? {
                Some(text) => checked_password(&text, folders, file)?,
                None if known.get(name.as_str()) == Some(&true) && !self.options.reprovision => {
                    return Err(format!(
                        "secrets/{}/{file} is missing, and clients may still use it: its digest is sealed. Put it back, or make a new one with --reprovision",
                        folders.join("/")
                    ));
                }
                None => {
                    made += 1;
                    let password = new_password()?;
                    self.write(folders, file, password.as_bytes());
                    password
                }
            };
            digests.insert(name, crate::lock::sha256(password.as_bytes()));
        }
        if made > 0 {
            self.result.made.push(format!("{made} password{}", if made == 1 { "" } else { "s" }));
        }
        Ok(digests)
    }

    fn seal(&mut self, locked_acl: &str, digests: &BTreeMap<String, String>) -> Result<(), String> {
        let text = sealed(locked_acl, digests);
        if self.read(&["server"], "users.acl")?.is_none_or(|old| *old != *text.as_bytes()) {
            self.write(&["server"], "users.acl", text.as_bytes());
            self.result.made.push("the sealed ACL file".to_owned());
        }
        Ok(())
    }

    fn terms(&self, validity: Duration) -> Terms {
        Terms { now: self.now, validity, key: self.model.profile.tls.key }
    }

    fn certificates(&mut self) -> Result<(), String> {
        let model = self.model;
        let mut leaves =
            vec![(vec!["server".to_owned()], "redis", format!("{} redis", model.profile.name), Purpose::Server)];
        if model.mutual() {
            if model.passwords() {
                leaves.push((vec!["server".to_owned()], HEALTH, HEALTH.to_owned(), Purpose::Client));
            }
            for user in model.clients().filter(|user| user.enabled) {
                leaves.push((
                    vec!["clients".to_owned(), user.name.clone()],
                    "client",
                    user.name.clone(),
                    Purpose::Client,
                ));
            }
        }
        let mut any_leaf = false;
        for (folders, stem, ..) in &leaves {
            let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
            any_leaf |= self.read(&folders, &format!("{stem}.crt"))?.is_some();
        }
        let certificate = self.load_authority(any_leaf)?;
        let mut made = 0_usize;
        for (folders, stem, common_name, purpose) in &leaves {
            let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
            if !self.keeps(&folders, stem, *purpose, &certificate)? {
                self.issue(&folders, stem, common_name, *purpose)?;
                made += 1;
            }
        }
        if made > 0 {
            self.result.made.push(format!("{made} certificate{}", if made == 1 { "" } else { "s" }));
        }
        Ok(())
    }

    /// The authority's certificate; its key is kept if it is here.
    fn load_authority(&mut self, any_leaf: bool) -> Result<Certificate, String> {
        let text = self.read_text(&["server"], "ca.crt")?;
        let key = self.read_text(&["ca"], "ca.key")?;
        let text = match (text, key) {
            (Some(text), Some(key)) => {
                self.authority = Some(Pair { certificate: text.to_string(), key });
                text.to_string()
            }
            (Some(text), None) => text.to_string(),
            (None, _) if any_leaf && !self.options.reprovision => {
                return Err("secrets/server/ca.crt is missing, and certificates that it vouches for exist. Put it back, or start anew with --reprovision: every client then needs the new authority".to_owned());
            }
            (None, _) => self.make_authority()?,
        };
        let certificate = Certificate::parse(&text).map_err(|reason| damaged(&["server"], "ca.crt", &reason))?;
        if !certificate.is_authority {
            return Err(damaged(&["server"], "ca.crt", "it is not the certificate of an authority"));
        }
        if self.authority.as_ref().is_some_and(|pair| !certificate.matches(&pair.key)) {
            return Err(damaged(&["ca"], "ca.key", "it does not belong to server/ca.crt"));
        }
        if certificate.not_after < self.now {
            self.result.notes.push("the certificate authority has expired: no client accepts this server. Start anew with --reprovision after moving secrets/server/ca.crt away".to_owned());
        }
        Ok(certificate)
    }

    fn make_authority(&mut self) -> Result<String, String> {
        let name = format!("{} redis authority", self.model.profile.name);
        let pair = certificate::authority(&name, &self.terms(self.model.profile.tls.ca_validity))?;
        self.write(&["ca"], "ca.key", pair.key.as_bytes());
        self.write(&["server"], "ca.crt", pair.certificate.as_bytes());
        self.result.made.push("a certificate authority".to_owned());
        let text = pair.certificate.clone();
        self.authority = Some(pair);
        self.new_authority = true;
        Ok(text)
    }

    /// True if the pair is there, whole, and still fits.
    fn keeps(
        &mut self,
        folders: &[&str],
        stem: &str,
        purpose: Purpose,
        authority: &Certificate,
    ) -> Result<bool, String> {
        let name = format!("{stem}.crt");
        let (text, key) = match (self.read_text(folders, &name)?, self.read_text(folders, &format!("{stem}.key"))?) {
            // The key is written first: a key alone is what an interrupted build leaves, and nobody uses it.
            (None, _) => return Ok(false),
            (Some(text), Some(key)) => (text, key),
            _ if self.options.reprovision => return Ok(false),
            _ => {
                return Err(damaged(folders, &name, "its key is missing; --reprovision makes a new pair"));
            }
        };
        if self.new_authority {
            return Ok(false);
        }
        let certificate = Certificate::parse(&text).map_err(|reason| damaged(folders, &name, &reason))?;
        if !certificate.matches(&key) {
            return Err(damaged(folders, &name, "its key belongs to another certificate"));
        }
        let mut wanted = if purpose == Purpose::Server { self.model.server_names.clone() } else { Vec::new() };
        wanted.sort();
        let problem = if !certificate.signed_by(authority) {
            Some("was signed by another authority")
        } else if certificate.not_after < self.now {
            Some("has expired")
        } else if certificate.names != wanted {
            Some("has other names than the profile")
        } else {
            None
        };
        let Some(problem) = problem else { return Ok(true) };
        if self.options.reprovision {
            return Ok(false);
        }
        self.result
            .notes
            .push(format!("secrets/{}/{name} {problem}; `build --reprovision` makes a new one", folders.join("/")));
        Ok(true)
    }

    fn issue(&mut self, folders: &[&str], stem: &str, common_name: &str, purpose: Purpose) -> Result<(), String> {
        if self.authority.is_none() {
            if !self.options.reprovision {
                return Err(format!(
                    "secrets/ca/ca.key is needed to sign {stem}.crt and is not here. Bring it back for this build, or start anew with --reprovision: every client then needs the new authority"
                ));
            }
            return Err("secrets/ca/ca.key is needed to sign and is not here. To start anew, move secrets/server/ca.crt away as well".to_owned());
        }
        let names = if purpose == Purpose::Server { self.model.server_names.clone() } else { Vec::new() };
        let terms = self.terms(self.model.profile.tls.leaf_validity);
        let Some(authority) = &self.authority else { return Ok(()) };
        let pair = certificate::leaf(authority, common_name, &names, purpose, &terms)?;
        self.write(folders, &format!("{stem}.key"), pair.key.as_bytes());
        self.write(folders, &format!("{stem}.crt"), pair.certificate.as_bytes());
        Ok(())
    }
}

fn damaged(folders: &[&str], name: &str, reason: &str) -> String {
    format!("secrets/{}/{name} is damaged: {reason}", folders.join("/"))
}

/// 256 random bits in hex: safe in URLs, YAML and shells, unlike base64.
fn new_password() -> Result<Zeroizing<String>, String> {
    let mut random = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut *random).map_err(|error| error.to_string())?;
    Ok(Zeroizing::new(crate::hex(&*random)))
}

/// A password that something else may have put there; one line break at its end does not count.
fn checked_password(text: &str, folders: &[&str], name: &str) -> Result<Zeroizing<String>, String> {
    let password = text.strip_suffix('\n').unwrap_or(text);
    if password.len() < 16 {
        return Err(damaged(folders, name, "a password has at least 16 characters"));
    }
    if !password.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(damaged(folders, name, "a password is one line of visible ASCII without blanks"));
    }
    Ok(Zeroizing::new(password.to_owned()))
}
