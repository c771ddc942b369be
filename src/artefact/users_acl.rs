//! `redis/users.acl`: a real, loadable ACL file in which every password slot is 64 zeros, so that nobody
//! can log in. It holds nothing derived from a secret and diffs cleanly in review.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Artefact, context};
use crate::acl::account::{Account, Grant};
use crate::acl::words::join_selectors;
use crate::engine::Line;
use crate::model::{AclUser, Login, Model};
use crate::profile::EngineKind;

pub(super) const ARTEFACT: Artefact = Artefact {
    path: |_| "redis/users.acl".to_owned(),
    mode: 0o644,
    wanted: |_| true,
    template: "redis/users.acl",
    context: |model| context(model, Acl { users: lines(model) }),
};

/// What stands where a password's digest will be. No password has this SHA-256 digest that anyone knows.
pub const LOCKED: &str = "#0000000000000000000000000000000000000000000000000000000000000000";

#[derive(Serialize)]
struct Acl {
    users: Vec<Vec<String>>,
}

/// The words of each user's line.
pub(super) fn lines(model: &Model) -> Vec<Vec<String>> {
    model.users.iter().map(|user| tokens(model.line, user)).collect()
}

/// The rules of a user in the words of the file, each selector one word.
pub fn rules(line: &Line, user: &AclUser) -> Vec<String> {
    let tokens = tokens(line, user);
    let words: Vec<&str> = tokens.iter().skip(1).map(String::as_str).collect();
    // Nothing is left open: selectors are written whole.
    let joined = join_selectors(line, &words).unwrap_or_default();
    joined.into_iter().map(|(_, word)| word).collect()
}

/// What the server holds of each user after loading the file. Of rules that the line refuses, which have findings of
/// their own, those before the first refused one. Equal lists of command rules are evaluated once: thousands of users
/// may share one.
pub fn accounts(line: &Line, users: &[AclUser]) -> Vec<Account> {
    let mut evaluated: BTreeMap<&[String], Grant> = BTreeMap::new();
    let mut accounts = Vec::with_capacity(users.len());
    for user in users {
        let commands = user.permissions.commands.as_slice();
        let grant = evaluated.entry(commands).or_insert_with(|| {
            let mut grant = Grant::nothing(line);
            let _refused = commands.iter().try_for_each(|word| grant.apply(line, word));
            grant
        });
        let tokens = tokens(line, user);
        let selectors = tokens.iter().position(|token| token.starts_with('(')).unwrap_or(tokens.len());
        let own = tokens.iter().take(selectors).skip(1).filter(|token| !token.starts_with(['+', '-']));
        let words: Vec<&str> = own.chain(tokens.iter().skip(selectors)).map(String::as_str).collect();
        let mut account = Account::new(line);
        let _refused = account.apply_all(line, &words);
        account.own.commands = grant.commands.clone();
        account.own.first_arguments = grant.first_arguments.clone();
        accounts.push(account);
    }
    accounts
}

/// The words of a user's line, in the order of ACL SAVE.
fn tokens(line: &Line, user: &AclUser) -> Vec<String> {
    // ACL SAVE of Valkey 9.1 leaves the flag out (measured on 9.1.2).
    let sanitize = !(line.kind == EngineKind::Valkey && line.number >= (9, 1));
    let mut tokens = vec![user.name.clone(), if user.enabled { "on" } else { "off" }.to_owned()];
    if user.login == Login::Anything {
        tokens.push("nopass".to_owned());
    }
    if sanitize {
        tokens.push("sanitize-payload".to_owned());
    }
    if user.login == Login::Password {
        tokens.push(LOCKED.to_owned());
    }
    tokens.extend(user.permissions.tokens());
    for selector in &user.selectors {
        let mut words = selector.tokens();
        if let Some(first) = words.first_mut() {
            first.insert(0, '(');
        }
        if let Some(last) = words.last_mut() {
            last.push(')');
        }
        tokens.extend(words);
    }
    tokens
}
