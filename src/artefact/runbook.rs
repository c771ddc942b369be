//! `docs/RUNBOOK.md`: what people do when something happened, with this deployment's own names.

use std::net::SocketAddr;

use serde::Serialize;

use super::incident::{administrator, has_admin, networks, rotates};
use super::{Artefact, PORT, SECRETS, cli, compose, context, redis_conf, security_test};
use crate::model::{AclUser, HEALTH, Model};
use crate::profile::Aof;

pub(super) const ARTEFACT: Artefact = Artefact {
    path: |_| "docs/RUNBOOK.md".to_owned(),
    mode: 0o644,
    wanted: |_| true,
    template: "docs/RUNBOOK.md",
    context: |model| context(model, runbook(model)),
};

#[derive(Serialize)]
struct Document<'model> {
    runbook: Runbook<'model>,
}

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a condition of the template")]
struct Runbook<'model> {
    project: &'model str,
    compose: String,
    engine: String,
    cli: &'static str,
    /// Addresses that are published.
    reach: Vec<String>,
    /// The server's in the network of its applications.
    inside: String,
    networks: Vec<String>,
    /// True if no store has the passwords.
    rotates: bool,
    /// Where the data lies.
    data: String,
    /// The same, as a word of a shell.
    data_path: String,
    durability: &'static str,
    aof: bool,
    check_aof: String,
    check_rdb: String,
    aof_file: &'static str,
    /// True if there is `scripts/`.
    scripts: bool,
    admin: &'model str,
    login: bool,
    users: Vec<Person<'model>>,
    more_users: usize,
    /// A user to name in examples: not the admin.
    victim: Option<&'model str>,
    tls: bool,
    mutual: bool,
    /// What CONFIG SET takes for a reload of certificates, a line a command; none if nobody may.
    reload: Vec<String>,
    secrets_here: bool,
    firewall: bool,
    memory_advice: &'static str,
    max_clients: u32,
    backups: Option<Backups>,
    luks: Option<Volume>,
    cloud: bool,
}

#[derive(Serialize)]
struct Person<'model> {
    name: &'model str,
    what: &'static str,
}

#[derive(Serialize)]
struct Backups {
    directory: String,
    every: String,
    keep: String,
}

#[derive(Serialize)]
struct Volume {
    device: String,
    mount: String,
}

/// So many users are named; docs/ACCESS.md has all.
const NAMED: usize = 20;

fn runbook(model: &Model) -> Document<'_> {
    let profile = &model.profile;
    let (admin, login) = administrator(model);
    let aof = profile.persistence.aof != Aof::Disabled;
    let server = compose::server(model);
    let tool = |what: &str| server.replace("-server", what);
    let people: Vec<&AclUser> = model.logins().filter(|user| user.enabled).collect();
    let victim = model.clients().filter(|user| user.enabled && user.name != admin).min_by_key(|user| user.place);
    let (data, data_path) = data(model);
    let encryption = profile.encryption_at_rest.as_ref();
    Document {
        runbook: Runbook {
            project: &model.project,
            compose: compose::file_name(model),
            engine: format!("{} {}", server.trim_end_matches("-server"), profile.engine.version),
            cli: cli(model),
            reach: reach(model),
            inside: format!("redis:{PORT}"),
            networks: networks(model),
            rotates: rotates(model),
            data,
            data_path,
            durability: durability(model),
            aof,
            check_aof: tool("-check-aof"),
            check_rdb: tool("-check-rdb"),
            // From 7.0 on it is a folder with a manifest.
            aof_file: if model.line.has_subcommands() {
                "/data/appendonlydir/appendonly.aof.manifest"
            } else {
                "/data/appendonly.aof"
            },
            scripts: has_admin(model),
            admin,
            login,
            users: people.iter().take(NAMED).map(|user| person(user)).collect(),
            more_users: people.len().saturating_sub(NAMED),
            victim: victim.map(|user| user.name.as_str()),
            tls: model.tls(),
            mutual: model.mutual(),
            reload: reload(model),
            secrets_here: model.has_secrets(),
            firewall: model.firewall.is_some(),
            memory_advice: memory_advice(model),
            max_clients: profile.resources.max_clients,
            backups: profile.backups.as_ref().map(|backups| Backups {
                directory: backups.directory.to_string(),
                every: backups.every.to_string(),
                keep: backups.keep.to_string(),
            }),
            luks: model.luks().map(|luks| Volume { device: luks.device.to_string(), mount: luks.mount.to_string() }),
            cloud: encryption
                .is_some_and(|at_rest| at_rest.aws.is_some() || at_rest.gcp.is_some() || at_rest.azure.is_some()),
        },
    }
}

fn person(user: &AclUser) -> Person<'_> {
    let what = match (user.name.as_str(), user.role) {
        (HEALTH, None) => "health check",
        (_, Some(role)) => role.word(),
        (_, None) => "service",
    };
    Person { name: &user.name, what }
}

fn reach(model: &Model) -> Vec<String> {
    let port = model.profile.network.port;
    model.published.iter().map(|address| SocketAddr::new(address.0, port).to_string()).collect()
}

/// For a reader, and as a shell finds it.
fn data(model: &Model) -> (String, String) {
    if let Some(luks) = model.luks() {
        let path = format!("{}/data", luks.mount);
        let word = crate::encode::shell(&path);
        return (path, word);
    }
    let volume = format!("{}_data", model.project);
    let path = format!("\"$(docker volume inspect --format '{{{{.Mountpoint}}}}' {volume})\"");
    (format!("the volume {volume}"), path)
}

fn durability(model: &Model) -> &'static str {
    match model.profile.persistence.aof {
        Aof::Always => "append-only file, written before each answer",
        Aof::Everysec => "append-only file, at most about a second behind",
        Aof::Os => "append-only file, written when the system wants to",
        Aof::Disabled if model.profile.persistence.snapshots.is_empty() => "nothing is written: a restart loses all",
        Aof::Disabled => "snapshots only: what came after the last is lost",
    }
}

fn memory_advice(model: &Model) -> &'static str {
    if redis_conf::effective(model, "maxmemory-policy").is_some_and(|policy| policy != "noeviction") {
        "keys are evicted, which a cache may, and sessions may not. `resources.memory` in the profile is the limit."
    } else {
        "writes are refused (`OOM`), reads go on. Delete what is not needed, or raise `resources.memory` in the profile."
    }
}

/// A certificate fits only its key: both change in one command, where the server takes more than one setting (7.0).
fn reload(model: &Model) -> Vec<String> {
    let may = security_test::admin(model).is_some_and(|(_, account)| security_test::may(model, account, "config|set"));
    if !may || !model.tls() {
        return Vec::new();
    }
    let files = [("tls-ca-cert-file", "ca.crt"), ("tls-cert-file", "redis.crt"), ("tls-key-file", "redis.key")];
    let pairs = files.map(|(name, file)| format!("{name} {SECRETS}/{file}"));
    if model.line.has_subcommands() { vec![pairs.join(" ")] } else { pairs.to_vec() }
}
