//! Keys of applications that encrypt their sessions: one file for each, one key a line, the newest first. A file that
//! is there stays as it is, since what was encrypted with its keys would be lost without them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use zeroize::Zeroizing;

use super::{Provisioner, damaged};
use crate::session;

const FILE: &str = "fernet.keys";

impl Provisioner<'_> {
    pub(super) fn fernet_keys(&mut self) -> Result<(), String> {
        let users: Vec<String> = session::encrypted(self.model).map(|user| user.name.clone()).collect();
        let mut made = 0_usize;
        for user in users {
            let folders = ["clients", user.as_str()];
            if let Some(text) = self.read_text(&folders, FILE)? {
                check(&text).map_err(|reason| damaged(&folders, FILE, reason))?;
                continue;
            }
            made += 1;
            self.write(&folders, FILE, new_key()?.as_bytes());
        }
        if made > 0 {
            self.result
                .made
                .push(format!("keys of encrypted sessions for {made} user{}", if made == 1 { "" } else { "s" }));
        }
        Ok(())
    }
}

/// 256 random bits, as the Fernet specification writes a key: URL-safe Base64 with padding.
fn new_key() -> Result<Zeroizing<String>, String> {
    let mut random = Zeroizing::new([0_u8; 32]);
    crate::random(&mut *random)?;
    Ok(Zeroizing::new(URL_SAFE.encode(*random)))
}

/// What a person may have edited: at least one key, and nothing else.
fn check(text: &str) -> Result<(), &'static str> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).peekable();
    if lines.peek().is_none() {
        return Err("it holds no key");
    }
    let key = |line: &str| URL_SAFE.decode(line.trim()).is_ok_and(|bytes| Zeroizing::new(bytes).len() == 32);
    if lines.all(key) { Ok(()) } else { Err("each line is a key: 32 bytes in URL-safe Base64") }
}
