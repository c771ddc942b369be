//! Passwords, and the ACL file that holds their digests.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{Provisioner, damaged, is_digest, sealed, user_of};
use crate::artefact::LOCKED;
use crate::model::AclUser;
use crate::rotation;

impl Provisioner<'_> {
    /// The digest of every user's password, and of the other one while that is replaced; missing passwords are made.
    pub(super) fn passwords(&mut self) -> Result<BTreeMap<String, Vec<String>>, String> {
        let sealed = self.read_text(&["server"], "users.acl")?.unwrap_or_default();
        let mut passwords = BTreeMap::new();
        let rotation = self.rotation.clone();
        let both = rotation::both(rotation.as_ref());
        let users: Vec<&AclUser> = self.model.logins().collect();
        let known: BTreeMap<&str, bool> = sealed
            .lines()
            .filter_map(|line| Some((user_of(line)?, line.split(' ').any(|word| is_digest(word) && word != LOCKED))))
            .collect();
        let mut made = 0_usize;
        for user in users {
            let keep = user.keep();
            let (folders, file) = (keep.chain(), keep.password);
            let password = match self.read_text(&folders, file)? {
                Some(text) => checked(&text).map_err(|reason| damaged(&folders, file, reason))?,
                None if self.options.existing_only => return Err(format!("secrets/{} is missing", keep.path(file))),
                None if known.get(user.name.as_str()) == Some(&true) && !self.options.reprovision => {
                    return Err(format!(
                        "secrets/{} is missing, and clients may still use it: its digest is sealed. Put it back, or make a new one with --reprovision",
                        keep.path(file)
                    ));
                }
                None => {
                    made += 1;
                    let password = new_password()?;
                    self.write(&folders, file, password.as_bytes());
                    password
                }
            };
            let mut all = vec![password];
            for name in rotation::beside(&user.name).iter().filter(|_| both.contains(user.name.as_str())) {
                if let Some(text) = self.read_text(&folders, name)? {
                    all.push(checked(&text).map_err(|reason| damaged(&folders, name, reason))?);
                }
            }
            passwords.insert(user.name.clone(), all);
        }
        if made > 0 {
            self.result.made.push(format!("{made} password{}", if made == 1 { "" } else { "s" }));
        }
        Ok(rotation::digests(&passwords))
    }

    pub(super) fn seal(&mut self, locked_acl: &str, digests: &BTreeMap<String, Vec<String>>) -> Result<(), String> {
        let text = sealed(locked_acl, digests);
        if self.read(&["server"], "users.acl")?.is_none_or(|old| *old != *text.as_bytes()) {
            self.write(&["server"], "users.acl", text.as_bytes());
            self.result.made.push("the sealed ACL file".to_owned());
        }
        Ok(())
    }
}

/// 256 random bits in hex: safe in URLs, YAML and shells, unlike base64.
pub(crate) fn new_password() -> Result<Zeroizing<String>, String> {
    let mut random = Zeroizing::new([0_u8; 32]);
    crate::random(&mut *random)?;
    Ok(Zeroizing::new(crate::hex(&*random)))
}

/// A password that something else may have put there; one line break at its end does not count.
pub(crate) fn checked(text: &str) -> Result<Zeroizing<String>, &'static str> {
    let password = text.strip_suffix('\n').unwrap_or(text);
    if password.len() < 32 {
        return Err("a password has at least 32 characters");
    }
    if !password.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a password is one line of visible ASCII without blanks");
    }
    Ok(Zeroizing::new(password.to_owned()))
}
