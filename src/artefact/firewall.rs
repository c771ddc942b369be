//! `firewall/`: the packet filter in front of the port, for each backend that the profile names, and the
//! scripts that load and remove it.

use minijinja::value::Value;
use serde::Serialize;

use super::{Artefact, context};
use crate::allowlist::Allowed;
use crate::firewall::{Admits, Firewall, RateLimit};
use crate::format::{Network, Text};
use crate::model::Model;
use crate::profile::FirewallBackend;

/// In the order in which a reader looks at them.
pub(super) const ARTEFACTS: &[Artefact] = &[
    Artefact {
        path: |_| "firewall/redisgen.nft".to_owned(),
        mode: 0o644,
        wanted: |model| has(model, FirewallBackend::Nftables),
        template: "firewall/redisgen.nft",
        context: |model| guard(model, Family::Both),
    },
    Artefact {
        path: |_| "firewall/iptables.v4".to_owned(),
        mode: 0o644,
        wanted: |model| has(model, FirewallBackend::Iptables),
        template: "firewall/iptables.rules",
        context: |model| guard(model, Family::V4),
    },
    Artefact {
        path: |_| "firewall/iptables.v6".to_owned(),
        mode: 0o644,
        wanted: |model| has(model, FirewallBackend::Iptables),
        template: "firewall/iptables.rules",
        context: |model| guard(model, Family::V6),
    },
    Artefact {
        path: |_| "firewall/ufw.sh".to_owned(),
        mode: 0o755,
        wanted: |model| has(model, FirewallBackend::Ufw),
        template: "firewall/ufw.sh",
        context: |model| guard(model, Family::Both),
    },
    Artefact {
        path: |_| "firewall/apply.sh".to_owned(),
        mode: 0o755,
        wanted: |model| model.firewall.is_some(),
        template: "firewall/apply.sh",
        context: |model| guard(model, Family::Neither),
    },
    Artefact {
        path: |_| "firewall/remove.sh".to_owned(),
        mode: 0o755,
        wanted: |model| model.firewall.is_some(),
        template: "firewall/remove.sh",
        context: |model| guard(model, Family::Neither),
    },
    Artefact {
        path: |_| "firewall/redisgen-firewall.service".to_owned(),
        mode: 0o644,
        // UFW keeps its own rules over a restart.
        wanted: |model| has(model, FirewallBackend::Nftables) || has(model, FirewallBackend::Iptables),
        template: "firewall/redisgen-firewall.service",
        context: |model| guard(model, Family::Neither),
    },
];

fn has(model: &Model, backend: FirewallBackend) -> bool {
    model.firewall.as_ref().is_some_and(|firewall| firewall.backends.contains(&backend))
}

/// Which sources a file holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
    Both,
    /// Scripts name no source, of which there may be thousands.
    Neither,
}

#[derive(Serialize)]
struct Guard<'model> {
    project: &'model str,
    port: u16,
    container_port: u16,
    /// The exporter's port on the host, and in its container.
    metrics: Option<u16>,
    metrics_container: u16,
    /// Name of the compose project's bridges, without their ends.
    bridges: String,
    bridges_iptables: String,
    admits: &'static str,
    v4: Vec<Source<'model>>,
    v6: Vec<Source<'model>>,
    v6_only: bool,
    mask: u8,
    limited: bool,
    connections: Option<u32>,
    rate: Option<RateLimit>,
    table: &'model str,
    chain: &'model str,
    log_prefix_nft: String,
    log_prefix_iptables: String,
    comment: &'model str,
    backends: Vec<&'static str>,
    backend_list: String,
    /// Backend of the systemd unit: the first that does not keep its rules itself.
    unit_backend: Option<&'static str>,
    /// Units that take rules of that backend away.
    flushers: &'static [&'static str],
}

#[derive(Serialize)]
struct Source<'model> {
    network: String,
    comment: Option<&'model str>,
}

fn guard(model: &Model, family: Family) -> Value {
    let Some(firewall) = &model.firewall else { return Value::UNDEFINED };
    let sources = |of: Family, list: &[Allowed]| -> Vec<Source<'_>> {
        let listed = firewall.admits == Admits::Listed && (family == of || family == Family::Both);
        list.iter().filter(|_| listed).map(|allowed| source(model, allowed)).collect()
    };
    let words: Vec<&'static str> = firewall.backends.iter().map(|backend| backend.word()).collect();
    context(
        model,
        Guard {
            project: &model.project,
            port: firewall.port,
            container_port: super::PORT,
            metrics: firewall.metrics,
            metrics_container: crate::exporter::PORT,
            bridges: format!("{}-*", crate::firewall::tag(&model.project)),
            bridges_iptables: format!("{}-+", crate::firewall::tag(&model.project)),
            admits: match firewall.admits {
                Admits::Loopback => "loopback",
                Admits::Listed => "listed",
                Admits::Everyone => "everyone",
            },
            v4: sources(Family::V4, &model.allowed.v4),
            v6: sources(Family::V6, &model.allowed.v6),
            v6_only: family == Family::V6,
            // An IPv6 host has a whole /64 to connect from; sources of a list are who they are.
            mask: match (family, firewall.admits) {
                (Family::V4, _) => 32,
                (_, Admits::Everyone) => 64,
                _ => 128,
            },
            limited: firewall.limited(),
            connections: firewall.connections,
            rate: firewall.rate,
            table: &firewall.table,
            chain: &firewall.chain,
            log_prefix_nft: format!("redisgen {} denied: ", model.project),
            // The kernel cuts it after 29 characters.
            log_prefix_iptables: format!("{} denied: ", crate::firewall::tag(&model.project)),
            comment: &firewall.comment,
            backend_list: words.join(", "),
            backends: words,
            unit_backend: unit_backend(firewall),
            flushers: if has(model, FirewallBackend::Iptables) {
                &["nftables.service", "netfilter-persistent.service", "iptables.service", "ip6tables.service"]
            } else {
                &["nftables.service"]
            },
        },
    )
}

fn source<'model>(model: &'model Model, allowed: &Allowed) -> Source<'model> {
    let listed = model.profile.network.allow.get(allowed.place);
    Source {
        network: Network(allowed.network).to_string(),
        comment: listed.and_then(|allow| allow.comment.as_ref()).map(Text::as_str),
    }
}

fn unit_backend(firewall: &Firewall) -> Option<&'static str> {
    firewall.backends.iter().find(|backend| **backend != FirewallBackend::Ufw).map(|backend| backend.word())
}
