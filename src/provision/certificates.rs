//! The authority and the certificates that it signs: what is missing is made, what is due is renewed when asked, and
//! what is there is judged by [`leaf`].

use zeroize::Zeroizing;

use super::authority::Signer;
use super::leaf::{self, Leaf, Problem};
use super::{Provisioner, Renew, chain, damaged};
use crate::certificate::{self, Purpose, Terms};
use crate::format::Duration;
use crate::model::{BACKUP, EXPORTER, keep};

/// The authority's certificate; two of them while one authority takes over from another.
pub(super) const AUTHORITY: &str = "ca.crt";

impl Provisioner<'_> {
    pub(super) fn terms(&self, validity: Duration) -> Terms {
        Terms { now: self.now, validity, key: self.model.profile.tls.key }
    }

    pub(super) fn certificates(&mut self) -> Result<(), String> {
        let leaves = leaf::all(self.model);
        let mut any_leaf = false;
        for leaf in &leaves {
            any_leaf |= self.read(&leaf.folders, &leaf.file("crt"))?.is_some();
        }
        let signer = self.load_authority(any_leaf)?;
        let mut made = 0_usize;
        for leaf in &leaves {
            if let Some(key) = self.wanted(leaf, &signer)? {
                self.issue(leaf, &signer, key)?;
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
    pub(super) fn authority_for_services(&mut self) -> Result<(), String> {
        let Some(authority) = self.planned(&["server"], AUTHORITY)? else { return Ok(()) };
        let model = self.model;
        let runs = |name: &&str| {
            // Without users the exporter needs no password, and verifies the server all the same.
            (*name == EXPORTER && model.exporter.is_some()) || model.logins().any(|user| user.name == **name)
        };
        for service in [EXPORTER, BACKUP].into_iter().filter(runs) {
            let folders = keep(service).chain();
            if self.read(&folders, AUTHORITY)?.is_none_or(|old| *old != *authority) {
                self.write(&folders, AUTHORITY, &authority);
            }
        }
        Ok(())
    }

    /// What a file of `secrets/` will hold: what is written now, else what is there.
    pub(super) fn planned(&mut self, folders: &[&str], name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, String> {
        let wanted = chain(folders);
        let written = self.result.files.iter().rfind(|file| file.folders == wanted && file.name == name);
        match written {
            Some(file) => Ok(Some(file.bytes.clone())),
            None => self.read(folders, name),
        }
    }

    /// None if the leaf stays as it is; else that it is issued, for the key that is there or for a new one.
    #[expect(clippy::option_option, reason = "whether, and with which key")]
    fn wanted(&mut self, leaf: &Leaf<'_>, signer: &Signer) -> Result<Option<Option<Zeroizing<String>>>, String> {
        let name = leaf.file("crt");
        let text = self.read_text(&leaf.folders, &name)?;
        let key = self.read_text(&leaf.folders, &leaf.file("key"))?;
        // The key is written first: a key alone is what an interrupted build leaves, and nobody uses it.
        let Some(text) = text else { return Ok(Some(None)) };
        if signer.new && self.options.renew == Renew::Nothing {
            return Ok(Some(None));
        }
        let problems =
            leaf::problems(self.model, leaf, &text, key.as_deref().map(String::as_str), &signer.certificate, self.now);
        let broken = problems.iter().find(|problem| problem.breaks());
        if let Some(broken) = broken {
            // A renewal that was interrupted leaves a new key beside an old certificate, and nobody uses that pair.
            let torn = matches!(broken, Problem::NoKey | Problem::ForeignKey) && self.options.renew != Renew::Nothing;
            if self.options.reprovision || torn {
                return Ok(Some(None));
            }
            return Err(damaged(&leaf.folders, &name, &format!("{broken}; `build --reprovision` makes a new pair")));
        }
        let kept = if self.options.keep_keys && !problems.contains(&Problem::KeyKind) { key } else { None };
        match (self.options.renew, problems.first()) {
            (Renew::All, _) | (Renew::Due, Some(_)) => Ok(Some(kept)),
            (_, None) => Ok(None),
            (Renew::Nothing, Some(_)) if self.options.reprovision => Ok(Some(None)),
            (Renew::Nothing, Some(Problem::Early)) => {
                self.result.notes.push(format!("secrets/{} {}", leaf.path("crt"), Problem::Early));
                Ok(None)
            }
            (Renew::Nothing, Some(problem)) => {
                self.result
                    .notes
                    .push(format!("secrets/{} {problem}; `certs renew` makes a new one", leaf.path("crt")));
                Ok(None)
            }
        }
    }

    pub(super) fn issue(
        &mut self,
        leaf: &Leaf<'_>,
        signer: &Signer,
        key: Option<Zeroizing<String>>,
    ) -> Result<(), String> {
        let Some(authority) = &signer.pair else {
            let crt = leaf.file("crt");
            if self.options.reprovision {
                return Err(format!(
                    "{} is needed to sign {crt} and is not here. To start anew, move secrets/server/ca.crt away as well",
                    signer.key_file
                ));
            }
            return Err(format!(
                "{} is needed to sign {crt} and is not here. Bring it back for this build, or start anew with --reprovision: every client then needs the new authority",
                signer.key_file
            ));
        };
        // What is signed by a clock that was set back has ended when somebody sets it right.
        if signer.certificate.not_before > self.now {
            return Err(format!("the certificate authority {}", Problem::Early));
        }
        if signer.certificate.not_after <= self.now {
            return Err("the certificate authority has expired and signs nothing that anybody accepts: `certs rollover begin` makes its successor".to_owned());
        }
        let names = if leaf.purpose == Purpose::Server { self.model.server_names.as_slice() } else { &[] };
        let terms = self.terms(self.model.profile.tls.leaf_validity);
        let pair = certificate::leaf(authority, &leaf.subject, names, leaf.purpose, &terms, key)?;
        self.write(&leaf.folders, &leaf.file("key"), pair.key.as_bytes());
        self.write(&leaf.folders, &leaf.file("crt"), pair.certificate.as_bytes());
        Ok(())
    }
}
