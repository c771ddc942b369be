//! In: the users of a file. Out: who may do what as JSON: `{"engine", "users": {NAME: {"enabled", "login", "sanitize_payload", "commands",
//! "keys", "channels", "databases", "dangers", "selectors"}}}`. `databases` is there where a line has them and a user is
//! limited to some.

use serde_json::{Map, Value, json};

use super::sheet::found;
use super::{Access, Login, User, commands};
use crate::acl::account::{Grant, KeyGrant};
use crate::acl::danger::{self, Dangerous};
use crate::engine::Line;

/// The document.
pub fn access(access: &Access) -> Value {
    let dangers = danger::all(access.line);
    let users: Map<String, Value> =
        access.users.iter().map(|user| (user.name.clone(), of_user(access.line, &dangers, user))).collect();
    let mut document = json!({ "engine": access.line.to_string(), "users": users });
    if let Some(fields) = document.as_object_mut().filter(|_| !access.renamed.is_empty()) {
        fields.insert("renamed".to_owned(), json!(access.renamed));
    }
    document
}

fn of_user(line: &Line, dangers: &[Dangerous], user: &User) -> Value {
    let mut value = Map::new();
    value.insert("enabled".to_owned(), json!(user.account.enabled));
    value.insert("login".to_owned(), json!(user.login().word()));
    value.insert("sanitize_payload".to_owned(), json!(user.account.sanitize));
    let mut sets = user.account.grants().enumerate().map(|(place, grant)| of_grant(line, dangers, user, place, grant));
    value.extend(sets.next().unwrap_or_default());
    value.insert("selectors".to_owned(), json!(sets.collect::<Vec<_>>()));
    Value::Object(value)
}

fn of_grant(line: &Line, dangers: &[Dangerous], user: &User, place: usize, grant: &Grant) -> Map<String, Value> {
    let mut value = Map::new();
    value.insert("commands".to_owned(), json!(commands(line, grant)));
    value.insert("keys".to_owned(), grant.keys.iter().map(key).collect());
    value.insert("channels".to_owned(), grant.channels.iter().map(AsRef::<str>::as_ref).collect());
    if let Some(databases) = &grant.databases {
        value.insert("databases".to_owned(), json!(databases));
    }
    value.insert("dangers".to_owned(), json!(found(line, dangers, user, place, grant)));
    value
}

/// One key pattern.
pub(super) fn key(key: &KeyGrant) -> Value {
    json!({ "pattern": &*key.pattern, "read": key.read, "write": key.write })
}

impl Login {
    /// The word in JSON.
    pub const fn word(self) -> &'static str {
        match self {
            Login::Never => "never",
            Login::Password => "password",
            Login::Anything => "anything",
        }
    }
}
