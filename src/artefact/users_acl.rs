//! `redis/users.acl`: a real, loadable ACL file in which every password slot is 64 zeros, so that nobody
//! can log in. It holds nothing derived from a secret and diffs cleanly in review.

use serde::Serialize;

use super::{Artefact, context};
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

/// The file as text, without the template: what is judged and shown is what is written (a test compares them).
pub fn text(model: &Model) -> String {
    lines(model).into_iter().fold(String::new(), |mut text, words| {
        text.push_str("user ");
        text.push_str(&words.join(" "));
        text.push('\n');
        text
    })
}

/// The words of each user's line.
pub(super) fn lines(model: &Model) -> Vec<Vec<String>> {
    // ACL SAVE of Valkey 9.1 leaves the flag out (measured on 9.1.2).
    let sanitize = !(model.profile.engine.kind == EngineKind::Valkey && model.line.number >= (9, 1));
    model.users.iter().map(|user| tokens(user, sanitize)).collect()
}

/// The words of a user's line, in the order of ACL SAVE.
fn tokens(user: &AclUser, sanitize: bool) -> Vec<String> {
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
