//! In: a user of the model. Out: what the keys of an application start with, and whether the sessions of `client/` can
//! be kept with its permissions.

use crate::format::KeyPattern;
use crate::model::{AclUser, Login, Model};
use crate::profile::Role;

/// What the modules in `client/` send for sessions, connecting apart.
const COMMANDS: &[&str] = &["set", "get", "del", "expire"];

/// What the user's keys start with, selectors included. Patterns that are more than a start are left out.
pub fn prefixes(user: &AclUser) -> Vec<String> {
    let selectors = user.selectors.iter().flat_map(|permissions| &permissions.keys);
    let all = user.permissions.keys.iter().chain(selectors);
    let mut found: Vec<String> = Vec::new();
    for start in all.filter_map(start) {
        if !found.iter().any(|known| known == start) {
            found.push(start.to_owned());
        }
    }
    found
}

/// The first of them with which the user may both read and write.
pub fn prefix(user: &AclUser) -> Option<String> {
    user.permissions.keys.iter().filter(|key| key.read && key.write).find_map(start).map(str::to_owned)
}

/// What the keys of its sessions start with: an empty part stands in them, which `key()` of `client/` refuses. So nothing
/// that a stranger can put into the parts of another key makes it the key of a session.
pub fn session_prefix(user: &AclUser) -> Option<String> {
    prefix(user).map(|start| sessions_below(&start))
}

fn sessions_below(start: &str) -> String {
    let colon = if start.is_empty() || start.ends_with(':') { "" } else { ":" };
    format!("{start}{colon}:session:")
}

/// `user:` of `user:*`; letters, digits and signs that mean nothing to a pattern, a cluster or a shell.
fn start(key: &KeyPattern) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":_.@=+~-".contains(&byte);
    key.pattern.strip_suffix('*').filter(|start| start.bytes().all(plain))
}

/// What the user lacks to keep sessions, in words; none if it lacks nothing.
pub fn lacks(model: &Model, user: &AclUser) -> Option<String> {
    if model.profile.application_encryption.is_some() && user.login != Login::Password {
        return Some("a name and a folder for the keys of its encryption".to_owned());
    }
    let account = model.users.iter().position(|known| known.name == user.name);
    let Some(account) = account.and_then(|place| model.accounts.get(place)) else {
        return Some("a place in the ACL file".to_owned());
    };
    let may = |name: &&&str| model.line.command(name).is_some_and(|id| account.own.permits(id, None));
    let missing: Vec<&str> = COMMANDS.iter().filter(|name| !may(name)).copied().collect();
    match missing.as_slice() {
        [] if prefix(user).is_some() => None,
        [] => Some("keys with a common start that it may read and write".to_owned()),
        _ => Some(missing.join(", ")),
    }
}

/// The applications whose sessions are encrypted, each with keys of its own.
pub fn encrypted(model: &Model) -> impl Iterator<Item = &AclUser> {
    let asked = model.profile.application_encryption.is_some();
    let application = |user: &&AclUser| user.enabled && user.role == Some(Role::Application);
    model.clients().filter(move |_| asked).filter(application).filter(|user| lacks(model, user).is_none())
}

#[cfg(test)]
mod tests {
    use super::sessions_below;

    #[test]
    fn an_empty_part_stands_in_the_keys_of_sessions() {
        for (start, expected) in
            [("user:", "user::session:"), ("user", "user::session:"), ("a:b:", "a:b::session:"), ("", ":session:")]
        {
            assert_eq!(sessions_below(start), expected);
            // What key() gives has none.
            assert!(expected.split(':').rev().skip(1).any(str::is_empty), "{expected}");
        }
    }
}
