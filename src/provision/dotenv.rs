//! `.env` of each user, if the profile asks for it: name and password as variables, for tools of a developer that read
//! no password file. Always derived from that; beside it, where only its owner comes and Git does not look.

use zeroize::Zeroizing;

use super::{Provisioner, damaged};
use crate::encode;
use crate::model::keep;
use crate::profile::SecretStore;

const FILE: &str = ".env";

impl Provisioner<'_> {
    pub(super) fn dotenv(&mut self) -> Result<(), String> {
        let wanted = self.model.profile.secrets.store == SecretStore::Dotenv;
        let users: Vec<String> = self.model.clients().map(|user| user.name.clone()).collect();
        for user in users {
            let keep = keep(&user);
            let folders = keep.chain();
            let old = self.read(&folders, FILE)?;
            if !wanted {
                // One that stays would hold a password that is in use, or was.
                if old.is_some() {
                    self.gone(&folders, FILE);
                    self.result
                        .notes
                        .push(format!("secrets/{} is gone: `secrets.store` is not `dotenv`", keep.path(FILE)));
                }
                continue;
            }
            let Some(password) = self.planned(&folders, keep.password)? else { continue };
            let password = std::str::from_utf8(&password).ok().map(|text| text.strip_suffix('\n').unwrap_or(text));
            let word =
                password.and_then(|text| encode::environment(text).ok()).map(Zeroizing::new).ok_or_else(|| {
                    damaged(&folders, keep.password, "for a `.env` a password has letters, digits and `._/:@,+-` only")
                })?;
            let name = encode::environment(&user).map_err(|reason| damaged(&folders, FILE, &reason))?;
            let text = Zeroizing::new(format!("REDIS_USER={name}\nREDIS_PASSWORD={}\n", *word));
            if old.is_none_or(|old| *old != *text.as_bytes()) {
                self.write(&folders, FILE, text.as_bytes());
            }
        }
        Ok(())
    }
}
