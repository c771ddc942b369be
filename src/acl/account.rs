//! In: the words of one user, as ACL SETUSER and an ACL file take them. Out: what the server then holds of it.
//! Follows `ACLSetUser` of each line, whose answers tests compare with real servers.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::ordered::Ordered;
use super::words::{join_selectors, split_arguments};
use crate::engine::Line;

pub use super::grant::{Grant, KeyGrant, Refusal};

/// A user as the server holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Can log in.
    pub enabled: bool,
    /// Needs no password.
    pub nopass: bool,
    /// SHA-256 of each password, in hex, in the order in which they came.
    pub passwords: Ordered<Arc<str>>,
    /// RESTORE checks what this user hands in.
    pub sanitize: bool,
    /// The user's own permissions.
    pub own: Grant,
    /// Its selectors: a command needs one set of permissions that allows all of it.
    pub selectors: Vec<Grant>,
}

impl Account {
    /// A user that was just made: off, without password and rights.
    pub fn new(line: &Line) -> Account {
        Account {
            enabled: false,
            nopass: false,
            passwords: Ordered::default(),
            sanitize: true,
            own: Grant::nothing(line),
            selectors: Vec::new(),
        }
    }

    /// The user that every server starts with: everything, without password.
    pub fn default_user(line: &Line) -> Account {
        let mut account = Account::new(line);
        account.enabled = true;
        account.nopass = true;
        for word in ["+@all", "~*", "&*"] {
            // Every line takes these three.
            let _ = account.own.apply(line, word);
        }
        account
    }

    /// Applies the words of a user in order. Gives those that still count, each selector as one word: none before a
    /// `reset`, no selector before a `clearselectors`.
    ///
    /// # Errors
    /// The place of the first word that the server refuses, and why. The account may be half changed then.
    pub fn apply_all(&mut self, line: &Line, words: &[&str]) -> Result<Vec<String>, (usize, Refusal)> {
        let mut applied = Vec::with_capacity(words.len());
        for (place, word) in join_selectors(line, words)? {
            self.apply(line, &word).map_err(|refusal| (place, refusal))?;
            match word.to_ascii_lowercase().as_str() {
                "reset" => applied.clear(),
                "clearselectors" => applied.retain(|word: &String| !word.starts_with('(')),
                _ => applied.push(word),
            }
        }
        Ok(applied)
    }

    fn apply(&mut self, line: &Line, word: &str) -> Result<(), Refusal> {
        match word.to_ascii_lowercase().as_str() {
            "" => {}
            "on" => self.enabled = true,
            "off" => self.enabled = false,
            "nopass" => {
                self.nopass = true;
                self.passwords.clear();
            }
            "resetpass" => {
                self.nopass = false;
                self.passwords.clear();
            }
            "sanitize-payload" => self.sanitize = true,
            "skip-sanitize-payload" => self.sanitize = false,
            "clearselectors" if line.has_selectors() => self.selectors.clear(),
            "reset" => *self = Account::new(line),
            _ => return self.password_or_selector(line, word),
        }
        Ok(())
    }

    fn password_or_selector(&mut self, line: &Line, word: &str) -> Result<(), Refusal> {
        let rest = word.get(1..).unwrap_or("");
        match word.as_bytes().first() {
            Some(b'>') => self.add_password(&crate::hex(&Sha256::digest(rest))),
            Some(b'#') => self.add_password(&hash(rest)?),
            Some(b'<') => return self.remove_password(&crate::hex(&Sha256::digest(rest))),
            Some(b'!') => return self.remove_password(&hash(rest)?),
            Some(b'(') if line.has_selectors() && word.ends_with(')') => {
                let mut selector = Grant::nothing(line);
                for inner in split_arguments(rest.strip_suffix(')').unwrap_or("")).ok_or(Refusal::Syntax)? {
                    // Whatever is wrong inside, the server says this.
                    selector.apply(line, &inner)?;
                }
                self.selectors.push(selector);
            }
            _ => return self.own.apply(line, word),
        }
        Ok(())
    }

    fn add_password(&mut self, digest: &str) {
        self.nopass = false;
        self.passwords.insert(digest, |name| name);
    }

    fn remove_password(&mut self, digest: &str) -> Result<(), Refusal> {
        self.passwords.remove(digest).map(drop).ok_or(Refusal::NoSuchPassword)
    }

    /// Takes a command and its subcommands from every set, as if the server did not have them.
    pub fn take(&mut self, line: &Line, id: usize) {
        for grant in std::iter::once(&mut self.own).chain(&mut self.selectors) {
            for id in line.with_subcommands(id) {
                grant.commands.take(id);
                Arc::make_mut(&mut grant.first_arguments).remove(&id);
            }
        }
    }

    /// The user's own permissions and its selectors.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        std::iter::once(&self.own).chain(&self.selectors)
    }
}

fn hash(text: &str) -> Result<String, Refusal> {
    let valid = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    valid.then(|| text.to_owned()).ok_or(Refusal::Hash)
}
