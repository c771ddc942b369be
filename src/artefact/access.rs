//! `access/ssh_config`, `access/tunnel.sh` and `client/via-bastion.sh`: the way of people to the port, by SSH
//! through the bastion of the profile.

use std::net::{IpAddr, SocketAddr};

use minijinja::value::Value;
use serde::Serialize;

use super::{Artefact, cli, context};
use crate::model::Model;

pub(super) const SSH_CONFIG: Artefact = Artefact {
    path: |_| "access/ssh_config".to_owned(),
    mode: 0o644,
    wanted,
    template: "access/ssh_config",
    context: data,
};

pub(super) const TUNNEL: Artefact = Artefact {
    path: |_| "access/tunnel.sh".to_owned(),
    mode: 0o755,
    wanted,
    template: "access/tunnel.sh",
    context: data,
};

pub(super) const CLIENT: Artefact = Artefact {
    path: |_| "client/via-bastion.sh".to_owned(),
    mode: 0o755,
    wanted,
    template: "client/via-bastion.sh",
    context: data,
};

/// A port that is not published cannot be reached by any tunnel to the host.
fn wanted(model: &Model) -> bool {
    tunnel(model).is_some()
}

fn data(model: &Model) -> Value {
    context(model, tunnel(model))
}

#[derive(Serialize)]
struct Tunnel {
    project: String,
    host: String,
    /// SSH port of the bastion, if it is not the usual one.
    ssh_port: Option<u16>,
    /// How the bastion's line of `known_hosts` begins.
    known_as: String,
    user: String,
    target: String,
    /// Names of ours for ssh: the bastion, the target if ssh has to go on to it, and the tunnel.
    bastion_alias: String,
    target_alias: Option<String>,
    redis_alias: String,
    port: u16,
    /// This machine's end of the tunnel.
    local: String,
    /// The server, as the far end reaches it.
    redis: String,
    cli: &'static str,
    password: bool,
    tls: bool,
    mutual: bool,
    /// What a library dials: a name of the server's certificate, if it has one for this machine.
    dial: &'static str,
    /// What a library must expect in the certificate, if that is not what it dials.
    server_name: Option<String>,
}

fn tunnel(model: &Model) -> Option<Tunnel> {
    let network = &model.profile.network;
    let bastion = network.bastion.as_ref()?;
    let first = model.published.first()?;
    // Where the port is published decides: on the loopback only the host itself gets to it.
    let jump = model.published.iter().all(|address| address.0.is_loopback());
    let target = bastion.target.to_string();
    let alias = |role: &str| format!("{}-{role}", model.project);
    let named = |name: &str| model.server_names.iter().any(|known| known == name);
    let named_here = named("127.0.0.1") || named("localhost");
    Some(Tunnel {
        project: model.project.clone(),
        host: bastion.host.to_string(),
        ssh_port: bastion.port.filter(|port| *port != 22),
        known_as: match bastion.port {
            Some(port) if port != 22 => format!("[{}]:{port}", bastion.host),
            _ => bastion.host.to_string(),
        },
        user: bastion.user.to_string(),
        bastion_alias: alias("bastion"),
        target_alias: jump.then(|| alias("target")),
        redis_alias: alias("redis"),
        port: network.port,
        local: endpoint("127.0.0.1", network.port),
        redis: endpoint(if jump { first.to_string() } else { target.clone() }.as_str(), network.port),
        target,
        cli: cli(model),
        password: model.clients().next().is_some(),
        tls: model.tls(),
        mutual: model.mutual() && model.clients().next().is_some(),
        dial: if model.tls() && !named("127.0.0.1") && named("localhost") { "localhost" } else { "127.0.0.1" },
        server_name: model.server_names.first().filter(|_| model.tls() && !named_here).cloned(),
    })
}

/// `host:port`, with brackets around an IPv6 address.
pub(super) fn endpoint(host: &str, port: u16) -> String {
    match host.parse::<IpAddr>() {
        Ok(address) => SocketAddr::new(address, port).to_string(),
        Err(_) => format!("{host}:{port}"),
    }
}
