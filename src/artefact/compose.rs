//! `docker-compose.prod.yml` or `docker-compose.dev.yml`: the official image, with nothing it does not need.

use minijinja::value::Value;
use serde::Serialize;

use super::{Artefact, CONF, SECRETS, context};
use crate::exporter;
use crate::model::Model;
use crate::profile::EngineKind;

pub(super) const ARTEFACT: Artefact = Artefact {
    path: file_name,
    mode: 0o644,
    wanted: |_| true,
    template: "docker-compose.yml",
    context: |model| context(model, compose(model)),
};

/// Name of the compose file.
pub fn file_name(model: &Model) -> String {
    format!("docker-compose.{}.yml", model.environment_suffix())
}

/// Name of the server in the engine's image.
pub fn server(model: &Model) -> &'static str {
    match model.profile.engine.kind {
        EngineKind::Redis => "redis-server",
        EngineKind::Valkey => "valkey-server",
    }
}

#[derive(Serialize)]
struct Compose {
    project: String,
    image: String,
    server: &'static str,
    digest: String,
    conf: &'static str,
    secrets: Option<&'static str>,
    /// Folder on the encrypted volume that holds the data; none for a volume of Docker's.
    encrypted: Option<String>,
    ports: Vec<Port>,
    guarded: bool,
    open_files: u32,
    pids: u32,
    memory: Option<String>,
    cpus: Option<String>,
    app_network: Network,
    edge_bridge: Option<String>,
    backup: Option<Backup>,
    exporter: Option<ExporterService>,
}

#[derive(Serialize)]
struct Backup {
    /// Where `backup/` is mounted.
    folder: &'static str,
    /// Where `secrets/backup` is mounted, if there is one.
    secrets: Option<&'static str>,
}

#[derive(Serialize)]
struct ExporterService {
    image: String,
    arguments: Vec<String>,
    digest: String,
    /// Its folder of secrets in the container, if it has one.
    secrets: Option<&'static str>,
    published: String,
    port: u16,
    memory: String,
    /// Name of the certificate by which it dials the server, where that is not the service's own.
    alias: Option<String>,
    bridge: String,
    edge_bridge: String,
}

#[derive(Serialize)]
struct Port {
    host: String,
    published: String,
}

#[derive(Serialize)]
struct Network {
    /// Name of an existing network, or none for one of our own.
    external: Option<String>,
    bridge: String,
    subnet: Option<String>,
}

/// Changes with settings, users and certificates, and not with a comment, a source or a cloud: a production server is
/// not stopped for those.
fn configuration(model: &Model) -> String {
    let files: Vec<Value> =
        [super::redis_conf::ARTEFACT, super::healthcheck::ARTEFACT].iter().map(|file| (file.context)(model)).collect();
    let users = super::users_acl::lines(model);
    let certificate = (&model.server_names, model.profile.tls.key.word());
    let text = serde_json::to_string(&(env!("CARGO_PKG_VERSION"), files, users, certificate)).unwrap_or_default();
    crate::lock::sha256(text.as_bytes())
}

/// Memory of the exporter, which holds one answer of INFO at a time.
const EXPORTER_MEMORY: u64 = 128 * crate::format::MIB;

/// It reads its password once, when it starts; what it is told where to find changes with the label.
fn exporter_service(model: &Model) -> Option<ExporterService> {
    let exporter = model.exporter.as_ref()?;
    let arguments = exporter::arguments(model);
    Some(ExporterService {
        image: exporter.image.clone(),
        digest: crate::lock::sha256(arguments.join("\n").as_bytes()),
        arguments,
        secrets: exporter::has_secrets(model).then_some(exporter::SECRETS),
        published: exporter.port.to_string(),
        port: exporter::PORT,
        memory: EXPORTER_MEMORY.to_string(),
        alias: Some(exporter.server.clone()).filter(|server| server != exporter::SERVER),
        bridge: exporter.bridge.clone(),
        edge_bridge: exporter.edge_bridge.clone(),
    })
}

/// Most open files. Redis keeps 32 descriptors for itself and lowers maxclients in silence if it cannot have them.
pub fn open_files(model: &Model) -> u32 {
    model.profile.resources.max_clients.saturating_add(128)
}

/// Most processes and threads: the server's own, the health check, and what `io-threads` adds.
pub fn pids(model: &Model) -> u32 {
    let threads = model.profile.config.get("io-threads").and_then(|word| word.0.parse::<u32>().ok());
    64 + threads.unwrap_or(0).min(1024)
}

fn compose(model: &Model) -> Compose {
    let profile = &model.profile;
    let docker = profile.network.docker.as_ref();
    Compose {
        project: model.project.clone(),
        image: model.image.clone(),
        server: server(model),
        digest: configuration(model),
        conf: CONF,
        secrets: model.has_secrets().then_some(SECRETS),
        encrypted: model.luks().map(|luks| format!("{}/data", luks.mount)),
        ports: model
            .published
            .iter()
            .map(|address| Port { host: address.to_string(), published: profile.network.port.to_string() })
            .collect(),
        guarded: model.firewall.is_some(),
        open_files: open_files(model),
        pids: pids(model),
        memory: profile.resources.memory.map(|memory| memory.0.to_string()),
        cpus: profile.resources.cpus.map(|cpus| cpus.to_string()),
        app_network: Network {
            external: docker.and_then(|docker| docker.network.as_ref()).map(ToString::to_string),
            bridge: model.app_bridge.clone(),
            subnet: docker.and_then(|docker| docker.subnet.as_ref()).map(|subnet| subnet.0.to_string()),
        },
        edge_bridge: (!model.published.is_empty()).then(|| model.edge_bridge.clone()),
        backup: profile.backups.as_ref().map(|_| Backup {
            folder: super::backup::FOLDER,
            secrets: model.has_secrets().then_some(super::backup::SECRETS),
        }),
        exporter: exporter_service(model),
    }
}
