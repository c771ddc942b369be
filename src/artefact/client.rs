//! `client/`: what an application uses to connect. Settings, and modules for Python, Node, Go and Rust; for the user
//! of `docker-compose.app.yml`. Nothing here is secret: passwords, certificates and keys are files below `secrets/`.

use minijinja::value::Value;
use serde::Serialize;

use super::{Artefact, PORT, access, cli, context};
use crate::model::{Login, Model};
use crate::profile::{Exposure, TlsVersion};
use crate::session;

/// `artefact!("client/config.yaml", 0o644, wanted)`: one that is made from the settings.
macro_rules! artefact {
    ($path:literal, $mode:literal, $wanted:expr) => {
        Artefact {
            path: |_| $path.to_owned(),
            mode: $mode,
            wanted: $wanted,
            template: $path,
            context: |model| data(model),
        }
    };
}

pub(super) const ARTEFACTS: &[Artefact] = &[
    artefact!("client/config.yaml", 0o644, connects),
    // Not `.env` or `redis.env`: many a .gitignore has `*.env`, and a file of the lock must be committed.
    artefact!("client/environment", 0o644, connects),
    artefact!("client/redis-cli.sh", 0o755, |_| true),
    artefact!("client/python/redis_client.py", 0o644, connects),
    artefact!("client/python/redis_sessions.py", 0o644, keeps_sessions),
    artefact!("client/node/redis_client.mjs", 0o644, connects),
    // Sessions in clear beside encrypted ones would be the easier ones to use.
    artefact!("client/node/redis_sessions.mjs", 0o644, |model| keeps_sessions(model) && !encrypts(model)),
    artefact!("client/go/settings.go", 0o644, connects),
    artefact!("client/go/redis_client.go", 0o644, connects),
    artefact!("client/rust/redis_client.rs", 0o644, connects),
];

fn connects(model: &Model) -> bool {
    model.application().is_some()
}

fn encrypts(model: &Model) -> bool {
    model.profile.application_encryption.is_some()
}

fn keeps_sessions(model: &Model) -> bool {
    model.application().is_some_and(|user| session::lacks(model, user).is_none())
}

fn data(model: &Model) -> Value {
    context(model, settings(model))
}

#[derive(Serialize)]
#[allow(clippy::struct_excessive_bools, reason = "templates ask yes or no")]
struct Settings<'model> {
    cli: &'static str,
    /// Who the application is; none in development without users.
    user: Option<&'model str>,
    /// What clients dial: a name that is in the server's certificate, if there is one.
    host: String,
    port: u16,
    url: String,
    /// The server's certificate names `redis`, which is what those dial.
    inside_named: bool,
    /// Port inside the network that applications share with the server.
    inside: u16,
    /// True if somebody logs in with a password.
    passwords: bool,
    tls: bool,
    /// Clients show a certificate.
    mutual: bool,
    /// The oldest TLS version is 1.3.
    tls_1_3: bool,
    /// What the keys of the user start with.
    prefixes: Vec<String>,
    /// The same for its sessions, which `key()` never gives.
    sessions: Option<String>,
    /// Why it has no sessions.
    lacks: Option<String>,
    encrypted: bool,
    /// Connections of one process.
    pool: u32,
    /// Seconds after which an idle connection is tried before it is used.
    idle: u64,
}

fn settings(model: &Model) -> Settings<'_> {
    let user = model.application();
    let (host, port) = dialled(model);
    let scheme = if model.tls() { "rediss" } else { "redis" };
    Settings {
        cli: cli(model),
        user: user.filter(|user| user.login == Login::Password).map(|user| user.name.as_str()),
        url: format!("{scheme}://{}", access::endpoint(&host, port)),
        host,
        port,
        inside_named: model.server_names.iter().any(|name| name == "redis"),
        inside: PORT,
        passwords: model.clients().next().is_some(),
        tls: model.tls(),
        mutual: model.mutual(),
        tls_1_3: model.profile.tls.minimum == TlsVersion::Tls13,
        prefixes: user.map(session::prefixes).unwrap_or_default(),
        sessions: user.filter(|_| keeps_sessions(model)).and_then(session::session_prefix),
        lacks: user.and_then(|user| session::lacks(model, user)),
        encrypted: encrypts(model),
        pool: pool(model),
        idle: model.profile.resources.idle_timeout.map_or(30, |timeout| timeout.seconds().div_ceil(2).clamp(1, 30)),
    }
}

/// Few: each costs the server memory and a handshake, and the packet filter counts them.
fn pool(model: &Model) -> u32 {
    let per_source = model.firewall.as_ref().and_then(|filter| filter.connections).unwrap_or(10);
    per_source.min(model.profile.resources.max_clients).clamp(1, 10)
}

/// Where clients outside the server's network connect: `network.hostname`, else what the host is called in the server's
/// certificate. Without a name of it there, the first name that is, which then has to lead to the host.
fn dialled(model: &Model) -> (String, u16) {
    let network = &model.profile.network;
    if network.exposure == Exposure::Internal {
        return ("redis".to_owned(), PORT);
    }
    let hostname = network.hostname.iter().map(ToString::to_string);
    let hosts: Vec<String> = if network.exposure == Exposure::Localhost {
        hostname.chain(["localhost".to_owned(), "127.0.0.1".to_owned()]).collect()
    } else {
        let published = model.published.iter().filter(|address| !address.0.is_unspecified());
        hostname.chain(published.map(ToString::to_string)).collect()
    };
    let names = if model.tls() { &model.server_names } else { &hosts };
    let found = hosts.iter().find(|host| names.contains(host));
    let host = found.or_else(|| names.iter().find(|name| *name != "localhost")).or_else(|| names.first());
    (host.cloned().unwrap_or_else(|| "localhost".to_owned()), network.port)
}
