//! In: the users of a file. Out: who may do what as JSON: `{"engine", "users": {NAME: {"enabled", "login", "sanitize_payload", "commands",
//! "keys", "channels", "databases", "dangers", "selectors"}}}`. `databases` is there where a line has them and a user is
//! limited to some.

use serde_json::{Map, Value, json};

use super::{Access, Login, User, commands};
use crate::acl::account::{Grant, KeyGrant};
use crate::acl::danger::{self, Dangerous};
use crate::engine::Line;

/// The document.
pub fn access(access: &Access) -> Value {
    let dangers = danger::all(access.line);
    let users: Map<String, Value> =
        access.users.iter().map(|user| (user.name.clone(), of_user(access.line, &dangers, user))).collect();
    json!({ "engine": access.line.to_string(), "users": users })
}

fn of_user(line: &Line, dangers: &[Dangerous], user: &User) -> Value {
    let mut value = Map::new();
    value.insert("enabled".to_owned(), json!(user.account.enabled));
    value.insert("login".to_owned(), json!(user.login().word()));
    value.insert("sanitize_payload".to_owned(), json!(user.account.sanitize));
    value.extend(of_grant(line, dangers, &user.account.own));
    let selectors: Vec<Map<String, Value>> =
        user.account.selectors.iter().map(|selector| of_grant(line, dangers, selector)).collect();
    value.insert("selectors".to_owned(), json!(selectors));
    Value::Object(value)
}

fn of_grant(line: &Line, dangers: &[Dangerous], grant: &Grant) -> Map<String, Value> {
    let mut value = Map::new();
    value.insert("commands".to_owned(), json!(commands(line, grant)));
    value.insert("keys".to_owned(), grant.keys.iter().map(key).collect());
    value.insert("channels".to_owned(), grant.channels.iter().map(AsRef::<str>::as_ref).collect());
    if let Some(databases) = &grant.databases {
        value.insert("databases".to_owned(), json!(databases));
    }
    let found = dangers.iter().map(|dangerous| (dangerous, dangerous.among(line, grant)));
    let found = found.filter(|(_, names)| !names.is_empty());
    let found = found.map(|(dangerous, names)| json!({ "can": dangerous.danger.can, "commands": names }));
    value.insert("dangers".to_owned(), found.collect());
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
