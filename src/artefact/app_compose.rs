//! `docker-compose.app.yml`: a client service as an example, run by our tests. It gets its own password and
//! certificate through compose `secrets:` and stores and reads a key, as far as its user may.

use serde::Serialize;

use super::{Artefact, cli, compose, context};
use crate::acl;
use crate::model::{AclUser, Login, Model};
use crate::session;

/// Name of the file.
pub const FILE: &str = "docker-compose.app.yml";

pub(super) const ARTEFACT: Artefact = Artefact {
    path: |_| FILE.to_owned(),
    mode: 0o644,
    wanted: |model| model.application().is_some(),
    template: "docker-compose.app.yml",
    context: |model| context(model, app(model)),
};

#[derive(Serialize)]
struct App {
    compose: String,
    image: String,
    cli: &'static str,
    /// None in development without users.
    user: Option<String>,
    tls: bool,
    mutual: bool,
    /// It keeps encrypted sessions, and gets the keys for them.
    encrypted: bool,
    /// A key that the user may write and read, if it may.
    key: Option<String>,
}

/// Who stores a key in the example, with a password if it has one, and the key.
pub fn example(model: &Model) -> Option<(&AclUser, String)> {
    let user = model.application()?;
    Some((user, example_key(model, user)?))
}

fn app(model: &Model) -> App {
    let user = model.application();
    App {
        compose: compose::file_name(model),
        image: model.image.clone(),
        cli: cli(model),
        user: user.filter(|user| user.login == Login::Password).map(|user| user.name.clone()),
        tls: model.tls(),
        mutual: model.mutual() && user.is_some_and(|user| user.login == Login::Password),
        encrypted: user.is_some_and(|user| session::encrypted(model).any(|known| known.name == user.name)),
        key: user.and_then(|user| example_key(model, user)),
    }
}

/// A literal key under a pattern such as `user:*`, if SET and GET are permitted.
fn example_key(model: &Model, user: &AclUser) -> Option<String> {
    let permitted = acl::evaluate(model.line, &user.permissions.commands).ok()?;
    let may = |name| model.line.command(name).is_some_and(|id| permitted.contains(id));
    let plain = |prefix: &&str| !prefix.contains(['*', '?', '[', ']', '\\', '^']);
    let prefix = user
        .permissions
        .keys
        .iter()
        .filter(|key| key.read && key.write)
        .find_map(|key| key.pattern.strip_suffix('*').filter(plain))?;
    (may("set") && may("get")).then(|| format!("{prefix}redisgen-example"))
}
