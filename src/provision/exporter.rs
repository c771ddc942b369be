//! The exporter's password in the form that `redis_exporter` reads: a map from addresses to passwords. Always derived from
//! the password file, so that a password that was rotated or put there by others arrives.

use serde_json::json;
use zeroize::Zeroizing;

use super::{Provisioner, damaged};
use crate::exporter::PASSWORDS;
use crate::model::{EXPORTER, keep};

impl Provisioner<'_> {
    pub(super) fn exporter_passwords(&mut self) -> Result<(), String> {
        let Some(exporter) = &self.model.exporter else { return Ok(()) };
        let keep = keep(EXPORTER);
        let folders = keep.chain();
        let Some(password) = self.planned(&folders, keep.password)? else { return Ok(()) };
        let password =
            std::str::from_utf8(&password).map_err(|_| damaged(&folders, keep.password, "it is not text"))?;
        let password = password.strip_suffix('\n').unwrap_or(password);
        let text = Zeroizing::new(format!("{}\n", json!({ exporter.account(): password })));
        if self.read(&folders, PASSWORDS)?.is_none_or(|old| *old != *text.as_bytes()) {
            self.write(&folders, PASSWORDS, text.as_bytes());
        }
        Ok(())
    }
}
