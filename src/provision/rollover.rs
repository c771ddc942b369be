//! A new authority takes over while both are trusted: begin, switch, finish. Redis reads no revocation list (measured): this
//! is also what makes a lost client certificate worthless before its end.
//!
//! Each step can be run again, and after one that was interrupted it completes it: `ca.crt` is replaced last, and whoever
//! of the bundle has its key signs.

use super::authority::{KEY, brought};
use super::certificates::AUTHORITY;
use super::leaf::{self, Problem};
use super::{Provisioner, chain, damaged};
use crate::certificate::{self, Certificate, Pair};

/// The key of the authority that will take over.
const NEXT: &str = "next.key";

/// A step of the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Step {
    /// Make the new authority; both are trusted, the old one signs.
    Begin,
    /// The new one signs: all certificates are made again. Both are trusted.
    Switch,
    /// The old one is trusted no longer.
    Finish,
}

impl Provisioner<'_> {
    pub(super) fn rollover(&mut self, step: Step) -> Result<(), String> {
        let text =
            self.read_text(&["server"], AUTHORITY)?.ok_or("there is no secrets/server/ca.crt: run build first")?;
        let bundle = Certificate::parse_all(&text).map_err(|reason| damaged(&["server"], AUTHORITY, &reason))?;
        if bundle.iter().any(|(authority, _)| authority.not_before > self.now) {
            return Err(format!("the certificate authority {}", Problem::Early));
        }
        match (step, bundle.as_slice()) {
            (Step::Begin, [(old, pem)]) => self.begin(old, pem),
            (Step::Begin, _) => {
                Err("secrets/server/ca.crt trusts more than one authority already: go on with `switch`, then `finish`"
                    .to_owned())
            }
            (Step::Switch, [old, new]) => self.switch(old, new),
            (Step::Finish, [new, old]) => self.finish(new, old),
            (Step::Switch | Step::Finish, _) => {
                Err("secrets/server/ca.crt does not hold the two authorities that `begin` puts there".to_owned())
            }
        }
    }

    fn begin(&mut self, old: &Certificate, old_pem: &str) -> Result<(), String> {
        let new = match brought(self.model)?.filter(|brought| brought.certificate != *old) {
            Some(brought) => brought.text,
            None if self.model.profile.tls.authority.is_some() => {
                return Err("`tls.authority` is the authority that signs already: name its successor there".to_owned());
            }
            None => {
                // What an interrupted begin left is used: nobody trusts it yet.
                let left = self.read_text(&["ca"], NEXT)?;
                let again = left.is_some();
                let pair = self.new_authority(left)?;
                if !again {
                    self.write(&["ca"], NEXT, pair.key.as_bytes());
                }
                pair.certificate
            }
        };
        self.write(&["server"], AUTHORITY, format!("{old_pem}{new}").as_bytes());
        self.authority_for_services()?;
        self.result.made.push("the new authority; both are trusted".to_owned());
        Ok(())
    }

    fn switch(&mut self, one: &(Certificate, String), other: &(Certificate, String)) -> Result<(), String> {
        let (new, pair) = self.successor(one, other)?;
        let old = if *new == *one { other } else { one };
        for leaf in leaf::all(self.model) {
            let signer = super::authority::Signer {
                certificate: new.0.clone(),
                pair: Some(Pair { certificate: pair.certificate.clone(), key: pair.key.clone() }),
                key_file: String::new(),
                new: false,
            };
            self.issue(&leaf, &signer, None)?;
        }
        if self.model.profile.tls.authority.is_none() {
            self.write(&["ca"], KEY, pair.key.as_bytes());
        }
        self.write(&["server"], AUTHORITY, format!("{}{}", new.1, old.1).as_bytes());
        self.authority_for_services()?;
        self.result.made.push("all certificates again, signed by the new authority".to_owned());
        Ok(())
    }

    /// The certificate of the bundle that takes over, and its key.
    fn successor<'bundle>(
        &mut self,
        one: &'bundle (Certificate, String),
        other: &'bundle (Certificate, String),
    ) -> Result<(&'bundle (Certificate, String), Pair), String> {
        if let Some(brought) = brought(self.model)? {
            let new = [one, other].into_iter().find(|(known, _)| *known == brought.certificate);
            let new = new.ok_or("secrets/server/ca.crt does not hold `tls.authority`: run `begin`")?;
            let key = brought.key.ok_or_else(|| format!("{} is needed to sign and is not here", brought.key_file))?;
            return Ok((new, Pair { certificate: new.1.clone(), key }));
        }
        // A switch that was interrupted, or is run again, has put it into place.
        let key = match self.read_text(&["ca"], NEXT)? {
            Some(key) => key,
            None => self.read_text(&["ca"], KEY)?.ok_or("secrets/ca/next.key is not here")?,
        };
        let read = certificate::read_key(&key).map_err(|reason| damaged(&["ca"], NEXT, &reason))?;
        let new = [one, other].into_iter().find(|(known, _)| known.belongs_to(&read));
        let new = new.ok_or_else(|| damaged(&["ca"], NEXT, "it belongs to no authority of server/ca.crt"))?;
        Ok((new, Pair { certificate: new.1.clone(), key }))
    }

    fn finish(&mut self, new: &(Certificate, String), old: &(Certificate, String)) -> Result<(), String> {
        // Before the switch the old one stands first, and its own leaves would speak for it.
        let switched = match brought(self.model)? {
            Some(brought) => brought.certificate == new.0,
            None => self.successor(new, old)?.0 == new,
        };
        if !switched {
            return Err("the old authority still signs: run `switch` first".to_owned());
        }
        for leaf in leaf::all(self.model) {
            let text = self.read_text(&leaf.folders, &leaf.file("crt"))?.unwrap_or_default();
            let found = leaf::problems(self.model, &leaf, &text, None, &new.0, self.now);
            if text.is_empty() || found.contains(&Problem::Authority) {
                return Err(format!(
                    "secrets/{} is not signed by the new authority: run `switch` first",
                    leaf.path("crt")
                ));
            }
        }
        if self.model.profile.tls.authority.is_none() {
            self.gone(&["ca"], NEXT);
        } else {
            // That of our own authority, if it was ours.
            self.gone(&["ca"], KEY);
        }
        self.write(&["server"], AUTHORITY, new.1.as_bytes());
        self.authority_for_services()?;
        self.result.made.push("the new authority alone; the old one is trusted no longer".to_owned());
        Ok(())
    }

    pub(super) fn gone(&mut self, folders: &[&str], name: &str) {
        let folders: Vec<String> = chain(folders).into_iter().map(|(folder, _)| folder).collect();
        self.result.gone.push(format!("{}/{name}", folders.join("/")));
    }
}
