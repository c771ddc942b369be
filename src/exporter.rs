//! In: a profile. Out: the exporter for Prometheus beside the server: its image, where its figures are read, how it
//! reaches and verifies the server, and what it is started with.

use crate::firewall;
use crate::model::{EXPORTER, Model};
use crate::profile::{Profile, TlsMode};

/// The version whose behaviour was measured: what it asks the server for decides the rights of its user.
const IMAGE: &str = "oliver006/redis_exporter:v1.69.0";
/// Port inside its container.
pub const PORT: u16 = 9121;
/// Folder of `secrets/exporter` inside its container.
pub const SECRETS: &str = "/run/exporter";
/// File of its password below that folder: a map from addresses to passwords.
pub const PASSWORDS: &str = "passwords.json";
/// Name by which it reaches the server unless the certificate has another.
pub const SERVER: &str = "redis";

/// The exporter of a deployment.
#[derive(Clone, Debug)]
pub struct Exporter {
    /// Image that runs.
    pub image: String,
    /// Port on the host's loopback.
    pub port: u16,
    /// Name by which it dials the server: one that the certificate has, where there is one.
    pub server: String,
    /// True if connections are encrypted.
    tls: bool,
    /// Name of the network that it shares with the server and nobody else; it has no way out.
    pub bridge: String,
    /// Name of the network that publishes its port; it is alone there.
    pub edge_bridge: String,
}

impl Exporter {
    /// The exporter of a profile, if it asks for one.
    pub fn new(profile: &Profile, project: &str, server_names: &[String]) -> Option<Exporter> {
        let monitoring = &profile.monitoring;
        let tag = firewall::tag(project);
        // It has no option for the name that it verifies: it must dial one of the certificate's.
        let known = server_names.iter().find(|name| *name == SERVER).or_else(|| names(server_names).next());
        monitoring.exporter.then(|| Exporter {
            image: monitoring.image.as_ref().map_or(IMAGE.to_owned(), ToString::to_string),
            port: monitoring.port.unwrap_or(PORT),
            server: known.map_or(SERVER.to_owned(), Clone::clone),
            tls: profile.tls.mode != TlsMode::Disabled,
            bridge: format!("{tag}-mon"),
            edge_bridge: format!("{tag}-exp"),
        })
    }

    /// Where it dials the server.
    pub fn address(&self) -> String {
        format!("{}://{}:{}", self.scheme(), self.server, crate::artefact::PORT)
    }

    /// What its password file calls the server. A password goes to this place only, wherever `/scrape?target=` points.
    pub fn account(&self) -> String {
        format!("{}://{EXPORTER}@{}:{}", self.scheme(), self.server, crate::artefact::PORT)
    }

    fn scheme(&self) -> &'static str {
        if self.tls { "rediss" } else { "redis" }
    }
}

/// Those of the names that are no addresses.
pub fn names(server_names: &[String]) -> impl Iterator<Item = &String> {
    server_names.iter().filter(|name| name.parse::<std::net::IpAddr>().is_err())
}

/// True if it has files of its own to read.
pub fn has_secrets(model: &Model) -> bool {
    model.exporter.is_some() && model.has_secrets()
}

/// What it is started with. Files are named, secrets are not.
pub fn arguments(model: &Model) -> Vec<String> {
    let Some(exporter) = &model.exporter else { return Vec::new() };
    let mut arguments = vec![format!("-redis.addr={}", exporter.address())];
    if model.passwords() {
        arguments.push(format!("-redis.user={EXPORTER}"));
        arguments.push(format!("-redis.password-file={SECRETS}/{PASSWORDS}"));
    }
    if model.tls() {
        arguments.push(format!("-tls-ca-cert-file={SECRETS}/ca.crt"));
    }
    if model.mutual() {
        arguments.push(format!("-tls-client-cert-file={SECRETS}/client.crt"));
        arguments.push(format!("-tls-client-key-file={SECRETS}/client.key"));
    }
    // What its user may not ask for is not asked: each refusal would count as one of an intruder's.
    arguments.push("-set-client-name=false".to_owned());
    if !permitted(model, "config|get") {
        arguments.push("-config-command=-".to_owned());
    }
    if !permitted(model, "latency|histogram") {
        arguments.push("-exclude-latency-histogram-metrics=true".to_owned());
    }
    // Figures of the server, not of the exporter's own runtime.
    arguments.push("-redis-only-metrics=true".to_owned());
    arguments
}

/// True if the line has the command and nothing keeps it from the exporter.
pub fn permitted(model: &Model, command: &str) -> bool {
    let parent = command.split('|').next().unwrap_or(command);
    // 6.2 knows no subcommands; LATENCY HISTOGRAM came with 7.0.
    let known = model.line.command(command).or_else(|| model.line.command(parent).filter(|_| command == "config|get"));
    known.is_some_and(|id| !model.denied.contains(id))
}
