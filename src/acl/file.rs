//! In: the text of an ACL file, ours or anybody's. Out: the users that a server would hold after loading it, or every
//! reason for which it would not. Follows `ACLLoadFromFile` of each line: no comments, no quotes, no tabs.

use std::collections::BTreeMap;
use std::fmt;

use super::account::{Account, Refusal};
use crate::engine::Line;

/// Name of the user that every connection starts as.
pub const DEFAULT: &str = "default";

/// The users of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Users {
    /// By name, `default` included: where the file does not list it, it may do everything without a password.
    pub accounts: BTreeMap<String, Account>,
    /// The words of each listed user, in order; a selector is one word.
    pub words: BTreeMap<String, Vec<String>>,
    /// False if the file does not list `default`.
    pub default_listed: bool,
}

/// A line that a server refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Counted from 1.
    pub line: usize,
    /// The word that is refused, counted from 0 with `user` as the first; none for the line as a whole.
    pub word: Option<usize>,
    /// Why.
    pub reason: Reason,
}

/// Why a line is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It does not start with `user NAME`.
    NoUser,
    /// The name has a tab or another control character.
    Name,
    /// The user stands in an earlier line (from 7.0 on; 6.2 lets the later one win).
    Duplicate,
    /// A word of the user is refused.
    Word(Refusal),
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::NoUser => out.write_str("should start with user keyword followed by the username"),
            Reason::Name => out.write_str("username contains invalid characters"),
            Reason::Duplicate => out.write_str("duplicate user"),
            Reason::Word(refusal) => refusal.fmt(out),
        }
    }
}

/// Reads a file as the server of a line does.
///
/// # Errors
/// All lines that the server refuses; it then loads none of the file.
pub fn read(line: &Line, text: &str) -> Result<Users, Vec<BadLine>> {
    let mut users = Users {
        accounts: BTreeMap::from([(DEFAULT.to_owned(), Account::default_user(line))]),
        words: BTreeMap::new(),
        default_listed: false,
    };
    let mut seen = std::collections::BTreeSet::new();
    let mut bad = Vec::new();
    for (number, text) in text.split('\n').enumerate() {
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        if text.is_empty() {
            continue;
        }
        match user(line, text) {
            Ok((name, ..)) if line.has_selectors() && seen.contains(name) => {
                bad.push(BadLine { line: number + 1, word: Some(1), reason: Reason::Duplicate });
            }
            Ok((name, account, words)) => {
                seen.insert(name);
                users.default_listed |= name == DEFAULT;
                users.accounts.insert(name.to_owned(), account);
                users.words.insert(name.to_owned(), words);
            }
            Err((word, reason)) => bad.push(BadLine { line: number + 1, word, reason }),
        }
    }
    if bad.is_empty() { Ok(users) } else { Err(bad) }
}

type User<'text> = (&'text str, Account, Vec<String>);

fn user<'text>(line: &Line, text: &'text str) -> Result<User<'text>, (Option<usize>, Reason)> {
    // Each single blank separates: between two of them there is an empty word, which is no rule.
    let words: Vec<&str> = text.split(' ').collect();
    let ["user", name, rules @ ..] = words.as_slice() else { return Err((None, Reason::NoUser)) };
    if name.bytes().any(|byte| matches!(byte, b'\t' | b'\r' | 0x0b | 0x0c | 0)) {
        return Err((Some(1), Reason::Name));
    }
    let mut account = Account::new(line);
    match account.apply_all(line, rules) {
        Ok(words) => Ok((name, account, words)),
        Err((place, refusal)) => Err((Some(place + 2), Reason::Word(refusal))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::EngineKind;

    fn read_as(version: &str, text: &str) -> Result<Users, Vec<BadLine>> {
        let version = version.parse().expect("version");
        read(crate::engine::line(EngineKind::Redis, version).expect("known line"), text)
    }

    #[test]
    fn the_default_user_is_open_unless_listed() {
        let users = read_as("7.4.11", "user a on nopass +get\n").expect("loads");
        assert!(!users.default_listed && users.accounts[DEFAULT].nopass);
        let users = read_as("7.4.11", "user default off\n").expect("loads");
        assert!(users.default_listed && !users.accounts[DEFAULT].enabled);
    }

    #[test]
    fn every_bad_line_is_told() {
        let text = "# comment\nuser a on +nosuch\n\nuser b on\nuser b off\nUSER c\n\tuser d on\t\r\n";
        let bad = read_as("7.4.11", text).expect_err("refused");
        let told: Vec<(usize, Option<usize>, Reason)> =
            bad.iter().map(|bad| (bad.line, bad.word, bad.reason)).collect();
        assert_eq!(
            told,
            [
                (1, None, Reason::NoUser),
                (2, Some(3), Reason::Word(Refusal::Unknown)),
                (5, Some(1), Reason::Duplicate),
                (6, None, Reason::NoUser),
            ]
        );
        // 6.2 lets the later line win.
        assert!(!read_as("6.2.14", "user b on\nuser b off\n").expect("loads").accounts["b"].enabled);
    }
}
