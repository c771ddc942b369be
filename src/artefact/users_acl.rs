//! `redis/users.acl`: a real, loadable ACL file in which every password slot is 64 zeros, so that nobody
//! can log in. It holds nothing derived from a secret and diffs cleanly in review.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::value::{Object, Value};
use serde::{Serialize, Serializer};

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
    context: |model| context(model, Acl { users: lines(model).into_iter().map(Value::from_object).collect() }),
};

/// What stands where a password's digest will be. No password has this SHA-256 digest that anyone knows.
pub const LOCKED: &str = "#0000000000000000000000000000000000000000000000000000000000000000";

#[derive(Serialize)]
struct Acl {
    users: Vec<Value>,
}

/// The words of a user's line, in the order of ACL SAVE. Command rules stay shared among the users of a role.
#[derive(Debug)]
pub struct Words {
    name: String,
    before: Vec<String>,
    commands: Arc<Vec<String>>,
    selectors: Vec<String>,
}

impl Object for Words {}

impl Words {
    fn new(line: &Line, user: &AclUser) -> Words {
        Words {
            name: user.name.clone(),
            before: flags(line, user).chain(user.permissions.patterns()).collect(),
            commands: Arc::clone(&user.permissions.commands),
            selectors: selectors(user).collect(),
        }
    }

    fn rules(&self) -> impl Iterator<Item = &str> {
        let own = self.before.iter().chain(self.commands.iter());
        own.chain(&self.selectors).map(String::as_str)
    }

    /// All of them, the name first.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.name.as_str()).chain(self.rules())
    }
}

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// The words of each user's line.
pub(super) fn lines(model: &Model) -> Vec<Words> {
    model.users.iter().map(|user| Words::new(model.line, user)).collect()
}

/// The rules of a user in the words of the file, each selector one word.
pub fn rules(line: &Line, user: &AclUser) -> Vec<String> {
    let words = Words::new(line, user);
    if words.selectors.is_empty() {
        return words.rules().map(str::to_owned).collect();
    }
    let words: Vec<&str> = words.rules().collect();
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
        let mut account = Account::new(line);
        let words: Vec<String> = flags(line, user).chain(selectors(user)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let _refused = account.apply_all(line, &words);
        let _refused = user.permissions.patterns().try_for_each(|word| account.own.apply(line, &word));
        account.own.commands = grant.commands.clone();
        account.own.first_arguments = grant.first_arguments.clone();
        accounts.push(account);
    }
    accounts
}

fn flags(line: &Line, user: &AclUser) -> impl Iterator<Item = String> {
    // ACL SAVE of Valkey 9.1 leaves the flag out (measured on 9.1.2).
    let sanitize = !(line.kind == EngineKind::Valkey && line.number >= (9, 1));
    let words = [
        Some(if user.enabled { "on" } else { "off" }),
        Some("nopass").filter(|_| user.login == Login::Anything),
        Some("sanitize-payload").filter(|_| sanitize),
        Some(LOCKED).filter(|_| user.login == Login::Password),
    ];
    words.into_iter().flatten().map(str::to_owned)
}

fn selectors(user: &AclUser) -> impl Iterator<Item = String> {
    user.selectors.iter().flat_map(|selector| {
        let mut words: Vec<String> = selector.tokens().collect();
        if let Some(first) = words.first_mut() {
            first.insert(0, '(');
        }
        if let Some(last) = words.last_mut() {
            last.push(')');
        }
        words
    })
}
