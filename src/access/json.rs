//! In: the users of a file. Out: who may do what as JSON: `{"engine", "users": {NAME: {"enabled", "login", "sanitize_payload", "commands",
//! "keys", "channels", "databases", "dangers", "selectors"}}}`. `databases` is there where a line has them and a user is
//! limited to some.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::sheet::found;
use super::{Access, Login, User, commands};
use crate::acl::account::{Grant, KeyGrant};
use crate::acl::danger::{self, Dangerous};
use crate::engine::Line;

/// The document; users are made one by one while it is written, since thousands of admins would fill the memory.
pub struct Document<'access>(pub &'access Access);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Document(access) = self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("engine", &access.line.to_string())?;
        if !access.renamed.is_empty() {
            map.serialize_entry("renamed", &access.renamed)?;
        }
        map.serialize_entry("users", &Users(access))?;
        map.end()
    }
}

struct Users<'access>(&'access Access);

impl Serialize for Users<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Users(access) = self;
        let dangers = danger::all(access.line);
        to.collect_map(access.users.iter().map(|user| (&user.name, of_user(access.line, dangers, user))))
    }
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
    value.insert(
        "dangers".to_owned(),
        json!(if user.login() == Login::Never { Vec::new() } else { found(line, dangers, user, place, grant) }),
    );
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
