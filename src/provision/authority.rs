//! The authority: one of our own in `secrets/ca`, or one that the profile brings. While one takes over from another,
//! `ca.crt` holds both, the one that signs first.

use std::path::Path;

use zeroize::Zeroizing;

use super::certificates::AUTHORITY;
use super::leaf::Problem;
use super::{Provisioner, damaged};
use crate::certificate::{self, Certificate, Pair};
use crate::folder::Folder;
use crate::format::AbsolutePath;

/// The key of our own authority.
pub(super) const KEY: &str = "ca.key";

/// Who signs.
pub(super) struct Signer {
    /// Its certificate.
    pub certificate: Certificate,
    /// Certificate and key; none while the key is elsewhere.
    pub pair: Option<Pair>,
    /// Where its key should be.
    pub key_file: String,
    /// True if it was made just now: what another one signed is worth nothing.
    pub new: bool,
}

/// An authority that the profile brings.
pub(super) struct Brought {
    /// Its certificate, and those up to its root.
    pub text: String,
    /// The first of them.
    pub certificate: Certificate,
    /// Its key, if it is there.
    pub key: Option<Zeroizing<String>>,
    /// Path of that.
    pub key_file: String,
}

impl Provisioner<'_> {
    /// Reads the authority, or makes it.
    pub(super) fn load_authority(&mut self, any_leaf: bool) -> Result<Signer, String> {
        let brought = brought(self.model)?;
        let text = self.read_text(&["server"], AUTHORITY)?;
        let key = self.read_text(&["ca"], KEY)?;
        let signer = match (text, brought) {
            (Some(text), brought) => self.existing(&text, key, brought.as_ref())?,
            (None, _) if any_leaf && key.is_none() && !self.options.reprovision => {
                return Err("secrets/server/ca.crt is missing, and certificates that it vouches for exist. Put it back, or start anew with --reprovision: every client then needs the new authority".to_owned());
            }
            (None, Some(brought)) => {
                self.write(&["server"], AUTHORITY, brought.text.as_bytes());
                self.result.made.push("the authority's certificate, from `tls.authority`".to_owned());
                Signer { new: true, ..brought.signer() }
            }
            (None, None) => self.make_authority(key)?,
        };
        if signer.certificate.not_before > self.now {
            self.result.notes.push(format!("the certificate authority {}", Problem::Early));
        }
        if signer.certificate.not_after < self.now {
            self.result.notes.push("the certificate authority has expired: no client accepts this server. `certs rollover begin` makes its successor".to_owned());
        }
        Ok(signer)
    }

    /// The one of the bundle that signs: the first whose key is here, else the first.
    fn existing(
        &mut self,
        text: &str,
        key: Option<Zeroizing<String>>,
        brought: Option<&Brought>,
    ) -> Result<Signer, String> {
        let bundle = Certificate::parse_all(text).map_err(|reason| damaged(&["server"], AUTHORITY, &reason))?;
        let Some((first, _)) = bundle.first() else { return Err(damaged(&["server"], AUTHORITY, "it is empty")) };
        if !first.is_authority {
            return Err(damaged(&["server"], AUTHORITY, "it is not the certificate of an authority"));
        }
        if let Some(brought) = brought
            && !bundle.iter().any(|(known, _)| *known == brought.certificate)
        {
            if !self.options.reprovision {
                return Err("secrets/server/ca.crt is another authority than `tls.authority`. `certs rollover begin` changes over with both trusted for a while; --reprovision changes at once: every client then needs the new authority".to_owned());
            }
            self.write(&["server"], AUTHORITY, brought.text.as_bytes());
            self.result.made.push("the authority's certificate, from `tls.authority`".to_owned());
            return Ok(Signer { new: true, ..brought.signer() });
        }
        let read = |key: Zeroizing<String>| certificate::read_key(&key).map(|read| (key, read));
        let own = key.map(read).transpose().map_err(|reason| damaged(&["ca"], KEY, &reason))?;
        for (certificate, pem) in &bundle {
            if let Some((key, read)) = &own
                && certificate.belongs_to(read)
            {
                let pair = Pair { certificate: pem.clone(), key: key.clone() };
                return Ok(signer(certificate.clone(), Some(pair)));
            }
            if let Some(brought) = brought.filter(|brought| brought.certificate == *certificate) {
                return Ok(brought.signer());
            }
        }
        if own.is_some() {
            return Err(damaged(&["ca"], KEY, "it does not belong to server/ca.crt"));
        }
        Ok(signer(first.clone(), None))
    }

    /// Makes an authority. A key that is here is never replaced: what it signed would be worthless.
    fn make_authority(&mut self, key: Option<Zeroizing<String>>) -> Result<Signer, String> {
        let again = key.is_some();
        let pair = self.new_authority(key)?;
        if !again {
            self.write(&["ca"], KEY, pair.key.as_bytes());
        }
        self.write(&["server"], AUTHORITY, pair.certificate.as_bytes());
        let made = if again { "the authority's certificate, from its key" } else { "a certificate authority" };
        self.result.made.push(made.to_owned());
        let certificate = Certificate::parse(&pair.certificate)?;
        Ok(Signer { new: !again, ..signer(certificate, Some(pair)) })
    }

    /// Certificate and key of an authority of our own, the key a new one if none is given.
    pub(super) fn new_authority(&self, key: Option<Zeroizing<String>>) -> Result<Pair, String> {
        let name = format!("{} redis authority", self.model.profile.name);
        let terms = self.terms(self.model.profile.tls.ca_validity);
        match key {
            Some(key) => {
                certificate::authority_again(&name, key, &terms).map_err(|reason| damaged(&["ca"], KEY, &reason))
            }
            None => certificate::authority(&name, &terms),
        }
    }
}

fn signer(certificate: Certificate, pair: Option<Pair>) -> Signer {
    Signer { certificate, pair, key_file: "secrets/ca/ca.key".to_owned(), new: false }
}

impl Brought {
    pub(super) fn signer(&self) -> Signer {
        let pair = self.key.clone().map(|key| Pair { certificate: self.text.clone(), key });
        Signer { certificate: self.certificate.clone(), pair, key_file: self.key_file.clone(), new: false }
    }
}

/// The authority of `tls.authority`, checked: it may sign, and its key is its own.
pub(super) fn brought(model: &crate::model::Model) -> Result<Option<Brought>, String> {
    let Some(named) = &model.profile.tls.authority else { return Ok(None) };
    let path = |path: &AbsolutePath| path.to_string();
    let (file, key_file) = (path(&named.certificate), path(&named.key));
    let text = file_text(&file)?.ok_or_else(|| format!("{file}: the authority's certificate is not here"))?;
    let certificate = Certificate::parse_all(&text).map_err(|reason| format!("{file}: {reason}"))?;
    let (certificate, _) = certificate.into_iter().next().ok_or_else(|| format!("{file}: it is empty"))?;
    if !certificate.is_authority {
        return Err(format!("{file}: it is not the certificate of an authority, which may sign others"));
    }
    // An offline key is fine while nothing needs it.
    let key = file_text(&key_file)?;
    if let Some(key) = &key {
        let read = certificate::read_key(key).map_err(|reason| format!("{key_file}: {reason}"))?;
        if !certificate.belongs_to(&read) {
            return Err(format!("{key_file}: it does not belong to {file}"));
        }
    }
    Ok(Some(Brought { text: text.to_string(), certificate, key, key_file }))
}

/// Text of a regular file, never shown; none if it is not there.
fn file_text(path: &str) -> Result<Option<Zeroizing<String>>, String> {
    let (Some(parent), Some(name)) = (Path::new(path).parent(), Path::new(path).file_name()) else {
        return Err(format!("{path}: not a file name"));
    };
    if !parent.is_dir() {
        return Ok(None);
    }
    // The folder may be reached through links, as below /etc; the file itself may be none.
    let parent = parent.canonicalize().map_err(|error| format!("{path}: {error}"))?;
    let Some((bytes, _)) = Folder::open(&parent)?.read(&name.to_string_lossy())? else { return Ok(None) };
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes).map_err(|_| format!("{path}: it is not text"))?;
    Ok(Some(Zeroizing::new(text.to_owned())))
}
