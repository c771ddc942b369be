//! The authority and the certificates that it signs.

use super::{Provisioner, chain, damaged};
use crate::certificate::{self, Certificate, Pair, Purpose, Terms};
use crate::format::Duration;
use crate::model::{BACKUP, EXPORTER, keep};

/// The authority's certificate.
const AUTHORITY: &str = "ca.crt";

impl Provisioner<'_> {
    /// `renew_before`; a rule keeps it shorter than the certificates.
    fn renewal_window(&self) -> time::Duration {
        time::Duration::milliseconds(i64::try_from(self.model.profile.tls.renew_before.0).unwrap_or(i64::MAX))
    }

    fn terms(&self, validity: Duration) -> Terms {
        Terms { now: self.now, validity, key: self.model.profile.tls.key }
    }

    pub(super) fn certificates(&mut self) -> Result<(), String> {
        let model = self.model;
        let mut leaves = vec![(vec!["server"], "redis", format!("{} redis", model.profile.name), Purpose::Server)];
        if model.mutual() {
            for user in model.logins().filter(|user| user.enabled) {
                let keep = user.keep();
                leaves.push((keep.chain(), keep.stem, user.name.clone(), Purpose::Client));
            }
        }
        let mut any_leaf = false;
        for (folders, stem, ..) in &leaves {
            any_leaf |= self.read(folders, &format!("{stem}.crt"))?.is_some();
        }
        let certificate = self.load_authority(any_leaf)?;
        let mut made = 0_usize;
        for (folders, stem, common_name, purpose) in &leaves {
            if !self.keeps(folders, stem, *purpose, &certificate)? {
                self.issue(folders, stem, common_name, *purpose)?;
                made += 1;
            }
        }
        self.authority_for_services()?;
        if made > 0 {
            self.result.made.push(format!("{made} certificate{}", if made == 1 { "" } else { "s" }));
        }
        Ok(())
    }

    /// Each service of ours mounts its own folder and nothing else, so the authority's certificate is there, too.
    fn authority_for_services(&mut self) -> Result<(), String> {
        let Some(authority) = self.planned(&["server"], AUTHORITY)? else { return Ok(()) };
        let model = self.model;
        for service in [EXPORTER, BACKUP].into_iter().filter(|name| model.logins().any(|user| user.name == *name)) {
            let folders = keep(service).chain();
            if self.read(&folders, AUTHORITY)?.is_none_or(|old| *old != *authority) {
                self.write(&folders, AUTHORITY, &authority);
            }
        }
        Ok(())
    }

    /// What a file of `secrets/` will hold: what is written now, else what is there.
    fn planned(&mut self, folders: &[&str], name: &str) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, String> {
        let wanted = chain(folders);
        let written = self.result.files.iter().rfind(|file| file.folders == wanted && file.name == name);
        match written {
            Some(file) => Ok(Some(file.bytes.clone())),
            None => self.read(folders, name),
        }
    }

    /// The authority's certificate; its key is kept if it is here.
    fn load_authority(&mut self, any_leaf: bool) -> Result<Certificate, String> {
        let text = self.read_text(&["server"], AUTHORITY)?;
        let key = self.read_text(&["ca"], "ca.key")?;
        let text = match (text, key) {
            (Some(text), Some(key)) => {
                self.authority = Some(Pair { certificate: text.to_string(), key });
                text.to_string()
            }
            (Some(text), None) => text.to_string(),
            (None, Some(key)) => self.make_authority(Some(key))?,
            (None, None) if any_leaf && !self.options.reprovision => {
                return Err("secrets/server/ca.crt is missing, and certificates that it vouches for exist. Put it back, or start anew with --reprovision: every client then needs the new authority".to_owned());
            }
            (None, None) => self.make_authority(None)?,
        };
        let certificate = Certificate::parse(&text).map_err(|reason| damaged(&["server"], AUTHORITY, &reason))?;
        if !certificate.is_authority {
            return Err(damaged(&["server"], AUTHORITY, "it is not the certificate of an authority"));
        }
        if self.authority.as_ref().is_some_and(|pair| !certificate.matches(&pair.key)) {
            return Err(damaged(&["ca"], "ca.key", "it does not belong to server/ca.crt"));
        }
        if certificate.not_after < self.now {
            self.result.notes.push("the certificate authority has expired: no client accepts this server. Start anew with --reprovision after moving secrets/server/ca.crt away".to_owned());
        }
        Ok(certificate)
    }

    /// Makes an authority. A key that is here is never replaced: what it signed would be worthless.
    fn make_authority(&mut self, key: Option<zeroize::Zeroizing<String>>) -> Result<String, String> {
        let name = format!("{} redis authority", self.model.profile.name);
        let terms = self.terms(self.model.profile.tls.ca_validity);
        let pair = if let Some(key) = key {
            certificate::authority_again(&name, key, &terms).map_err(|reason| damaged(&["ca"], "ca.key", &reason))?
        } else {
            self.new_authority = true;
            certificate::authority(&name, &terms)?
        };
        if self.new_authority {
            self.write(&["ca"], "ca.key", pair.key.as_bytes());
        }
        self.write(&["server"], AUTHORITY, pair.certificate.as_bytes());
        self.result.made.push(
            if self.new_authority { "a certificate authority" } else { "the authority's certificate, from its key" }
                .to_owned(),
        );
        let text = pair.certificate.clone();
        self.authority = Some(pair);
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
        let parsed = Certificate::parse(&text).and_then(|certificate| {
            if certificate.matches(&key) {
                Ok(certificate)
            } else {
                Err("its key belongs to another certificate".to_owned())
            }
        });
        let certificate = match parsed {
            Ok(certificate) => certificate,
            Err(_) if self.options.reprovision => return Ok(false),
            Err(reason) => return Err(damaged(folders, &name, &format!("{reason}; --reprovision makes a new pair"))),
        };
        let mut wanted = if purpose == Purpose::Server { self.model.server_names.clone() } else { Vec::new() };
        wanted.sort();
        let problem = if !certificate.signed_by(authority) {
            Some("was signed by another authority")
        } else if certificate.not_after < self.now {
            Some("has expired")
        } else if certificate.not_after < self.now + self.renewal_window() {
            Some("ends soon")
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
