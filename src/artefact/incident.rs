//! `scripts/`: the administrator's client inside the container, and the first steps after a suspected breach.

use serde::Serialize;

use super::{Artefact, PORT, SECRETS, cli, compose, context, security_test};
use crate::exporter::PASSWORDS;
use crate::model::{AclUser, EXPORTER, Login, Model, keep};
use crate::profile::{FirewallBackend, SecretStore};

/// In the order in which a reader looks at them.
pub(super) const ARTEFACTS: &[Artefact] = &[
    Artefact {
        path: |_| "scripts/contain.sh".to_owned(),
        mode: 0o755,
        wanted: has_admin,
        template: "scripts/contain.sh",
        context: |model| context(model, contain(model)),
    },
    Artefact {
        path: |_| "scripts/admin.sh".to_owned(),
        mode: 0o755,
        wanted: has_admin,
        template: "scripts/admin.sh",
        context: |model| context(model, client(model)),
    },
];

/// What the server is asked: the file that keeps the answer, the words, the command that must not be renamed away.
const EVIDENCE: &[(&str, &[&str], &str)] = &[
    // More than either log can hold by default: it is a limit, not a wish.
    ("acl-log.txt", &["acl", "log", "1024"], "acl|log"),
    ("clients.txt", &["client", "list"], "client|list"),
    ("slowlog.txt", &["slowlog", "get", "1024"], "slowlog|get"),
    ("info.txt", &["info", "all"], "info"),
    ("latency.txt", &["latency", "latest"], "latency|latest"),
    ("modules.txt", &["module", "list"], "module|list"),
    // What somebody may have left to be called later.
    ("functions.txt", &["function", "list", "withcode"], "function|list"),
];

/// True if somebody may administer the server.
pub(super) fn has_admin(model: &Model) -> bool {
    security_test::admin(model).is_some()
}

/// redis-cli as the admin, inside the container.
#[derive(Serialize)]
struct Client<'model> {
    cli: &'static str,
    compose: String,
    admin: &'model str,
    /// True if a password is needed.
    login: bool,
    password_file: String,
    secrets: &'static str,
    port: u16,
    tls: bool,
    mutual: bool,
}

fn client(model: &Model) -> Client<'_> {
    let (admin, login) = administrator(model);
    let kept = keep(admin);
    Client {
        cli: cli(model),
        compose: compose::file_name(model),
        admin,
        login,
        password_file: kept.path(kept.password),
        secrets: SECRETS,
        port: PORT,
        tls: model.tls(),
        mutual: model.mutual(),
    }
}

/// Whose name the scripts use, and whether that takes a password.
pub(super) fn administrator(model: &Model) -> (&str, bool) {
    let found = security_test::admin(model).map(|(user, _)| user);
    found.map_or(("default", false), |user| (user.name.as_str(), user.login == Login::Password))
}

#[derive(Serialize)]
struct Contain<'model> {
    compose: String,
    admin: &'model str,
    login: bool,
    password_file: String,
    has_secrets: bool,
    published: u16,
    /// Backends that see what Docker publishes.
    filters: Vec<&'static str>,
    table: &'model str,
    chain: &'model str,
    /// Networks of Docker that the container leaves: clients come in through these, and it gets out.
    networks: Vec<String>,
    /// True if passwords are made here: a store would bring the old ones back.
    rotates: bool,
    /// The exporter's list of passwords below `secrets/`, if it has one.
    exporter_list: Option<String>,
    evidence: Vec<Kept>,
    passwords: Vec<Password<'model>>,
}

#[derive(Serialize)]
struct Kept {
    file: &'static str,
    words: &'static [&'static str],
}

#[derive(Serialize)]
struct Password<'model> {
    name: &'model str,
    /// Below `secrets/`.
    file: String,
}

fn contain(model: &Model) -> Contain<'_> {
    let client = client(model);
    let filters: Vec<&'static str> = model.firewall.as_ref().map_or(Vec::new(), |firewall| {
        let seeing = firewall.backends.iter().filter(|backend| **backend != FirewallBackend::Ufw);
        seeing.map(|backend| backend.word()).collect()
    });
    let admin = security_test::admin(model);
    let asked = EVIDENCE
        .iter()
        .filter(|(.., command)| admin.is_some_and(|(_, account)| security_test::may(model, account, command)));
    Contain {
        compose: client.compose,
        admin: client.admin,
        login: client.login,
        password_file: client.password_file,
        has_secrets: model.passwords(),
        published: model.profile.network.port,
        rotates: rotates(model),
        exporter_list: model.exporter.as_ref().filter(|_| model.passwords()).map(|_| keep(EXPORTER).path(PASSWORDS)),
        filters,
        table: model.firewall.as_ref().map_or("", |firewall| &firewall.table),
        chain: model.firewall.as_ref().map_or("", |firewall| &firewall.chain),
        networks: networks(model),
        evidence: asked.map(|(file, words, _)| Kept { file, words }).collect(),
        passwords: model.logins().filter(|user| user.enabled).map(password).collect(),
    }
}

fn password(user: &AclUser) -> Password<'_> {
    let kept = user.keep();
    Password { name: &user.name, file: kept.path(kept.password) }
}

/// True if passwords are made on this host, and by nobody else.
pub(super) fn rotates(model: &Model) -> bool {
    matches!(model.profile.secrets.store, SecretStore::Files | SecretStore::Dotenv)
}

/// Those that lead to others: the exporter's leads nowhere.
pub(super) fn networks(model: &Model) -> Vec<String> {
    let edge = (!model.published.is_empty()).then(|| format!("{}_edge", model.project));
    std::iter::once(app_network(model)).chain(edge).collect()
}

/// The network of Docker that applications share with the server.
fn app_network(model: &Model) -> String {
    let named = model.profile.network.docker.as_ref().and_then(|docker| docker.network.as_ref());
    named.map_or_else(|| format!("{}_app", model.project), ToString::to_string)
}
