//! Who reaches the port, and what crosses the wire.

use super::{Item, Verdict, compose};
use crate::firewall::Admits;
use crate::model::Model;
use crate::profile::{Exposure, FirewallBackend};
use crate::topic;

/// Where the port is published.
pub const BOUND: Item =
    Item { id: "bound-to-localhost", text: "Redis bound to localhost", topic: topic::EXPOSURE, judge: bound };

/// Who passes the packet filter.
pub const FIREWALL: Item =
    Item { id: "firewall", text: "Firewall rules configured (if exposed)", topic: topic::FIREWALL, judge: firewall };

/// Encrypted connections.
pub const TLS: Item = Item { id: "tls", text: "TLS/SSL enabled", topic: topic::TLS, judge: tls };

/// How people come in.
pub const BASTION: Item = Item {
    id: "bastion",
    text: "VPN/bastion access for remote administration",
    topic: topic::BASTION,
    judge: |model| match &model.profile.network.bastion {
        // No tunnel leads to a port that is not published.
        Some(_) if !model.published.is_empty() => {
            Verdict::held("People come through the bastion by SSH, with host keys that an administrator gave them.")
                .shown(
                    "access/ssh_config",
                    "StrictHostKeyChecking yes",
                    "tests/access/tunnel.rs leads_to_a_published_address_through_the_bastion_alone",
                )
        }
        Some(_) => {
            Verdict::outside("Administer on the host itself: nothing is published that the bastion could lead to.")
        }
        None => {
            Verdict::outside("Administer on the host itself, or name `network.bastion`; a VPN ends before this host.")
        }
    },
};

/// Clients show certificates.
pub const MUTUAL_TLS: Item = Item {
    id: "mutual-tls",
    text: "Use mTLS (client certificates)",
    topic: topic::CERTIFICATES,
    judge: |model| {
        if model.mutual() {
            Verdict::held("Every client shows a certificate of this deployment's own authority.").shown(
                "redis/redis.conf",
                "tls-auth-clients yes",
                "tests/server/tls.rs handshakes_of_openssl_itself",
            )
        } else {
            Verdict::not_held("Clients prove themselves by password only; write `tls: { mode: mutual }`.")
        }
    },
};

/// Clients can tell the server from another one.
pub const SERVER_NAMES: Item = Item {
    id: "server-verified",
    text: "Verify server certificates",
    topic: topic::CERTIFICATES,
    judge: |model| {
        if !model.tls() {
            return Verdict::not_held("There is no certificate to verify; write `tls: { mode: server }`.");
        }
        let names: Vec<String> = model.server_names.iter().map(|name| format!("`{name}`")).collect();
        Verdict::outside(format!(
            "The certificate names {}. Whoever writes an application lets it verify authority and name; the example client and the health check verify the authority, since `redis-cli` knows no more.",
            names.join(", ")
        ))
        .shown("redis/healthcheck.sh", "set -- \"$@\" --tls --cacert ", "tests/server/tls.rs certificates_stand_the_strict_judge")
    },
};

/// How fast one source may come.
pub const RATE: Item = Item {
    id: "rate-limit",
    text: "Implement rate limiting",
    topic: topic::CONNECTION_LIMITS,
    judge: |model| {
        let filter = model.firewall.as_ref().filter(|filter| filter.sees_docker());
        let test = "tests/firewall/limits.rs new_connections_are_limited";
        let verdict = Verdict::held(
            "The packet filter limits how fast one source opens connections; Redis itself limits no commands.",
        );
        match filter.filter(|filter| filter.rate.is_some()) {
            Some(filter) if filter.backends.contains(&FirewallBackend::Nftables) => {
                verdict.within("firewall/redisgen.nft", "limit rate over ", test)
            }
            Some(_) => verdict.within("firewall/iptables.v4", " --hashlimit-above ", test),
            None => Verdict::not_held(
                "Nothing limits how fast one source opens connections; `network.firewall` takes `new_connections`, which nftables and iptables keep. Redis itself limits no commands.",
            ),
        }
    },
};

pub(super) const ITEMS: &[&Item] = &[&BOUND, &FIREWALL, &TLS, &BASTION];

fn bound(model: &Model) -> Verdict {
    let network = &model.profile.network;
    let published: Vec<String> = model.published.iter().map(|address| format!("`{address}`")).collect();
    let verdict = match network.exposure {
        Exposure::Internal => {
            return Verdict::held("Not even that: nothing is published, applications share a Docker network with it.")
                .shown(compose(model), "networks:", "tests/containers/exposures.rs internal_publishes_nothing");
        }
        Exposure::Localhost => Verdict::held(format!(
            "Published on {} only. Before Docker 28 a neighbour on the same network reaches it all the same unless the packet filter is loaded.",
            published.join(", ")
        )),
        exposure => Verdict::not_held(format!(
            "By choice: exposure `{}` publishes port {} on {}.",
            exposure.word(),
            network.port,
            published.join(", ")
        )),
    };
    verdict.shown(compose(model), "- { host_ip: ", "tests/containers/exposures.rs exposures_publish_what_they_say")
}

fn firewall(model: &Model) -> Verdict {
    let Some(filter) = &model.firewall else {
        return match model.profile.network.exposure {
            Exposure::Internal => Verdict::held("Nothing is published, so there is nothing to filter."),
            _ => Verdict::not_held("No rules are written; see `network.firewall.backends`."),
        };
    };
    let backends: Vec<&str> = filter.backends.iter().map(|backend| backend.word()).collect();
    let loaded = format!(
        "Rules for {}; they count once `sudo firewall/apply.sh` has loaded them, and after a boot with the unit installed.",
        backends.join(", ")
    );
    if !filter.sees_docker() {
        return Verdict::not_held(
            "UFW does not see ports that Docker publishes: it guards what runs without Docker. List `nftables` or `iptables`.",
        );
    }
    let verdict = match filter.admits {
        Admits::Everyone => {
            return Verdict::not_held(format!("Everyone is admitted, within limits. {loaded}"));
        }
        Admits::Loopback => Verdict::held(format!("From outside nobody is admitted. {loaded}")),
        Admits::Listed => {
            let sources = model.allowed.iter().count();
            let networks = if sources == 1 { "network" } else { "networks" };
            Verdict::held(format!("From outside {sources} {networks} are admitted, and nobody else. {loaded}"))
        }
    };
    let test = match filter.admits {
        Admits::Loopback => "tests/firewall/sources.rs localhost_admits_the_host_only",
        _ => "tests/firewall/sources.rs only_listed_sources_connect",
    };
    in_filter(model, verdict, test)
}

/// Points at where the first backend that sees Docker's ports drops.
fn in_filter(model: &Model, verdict: Verdict, test: &'static str) -> Verdict {
    let backends = model.firewall.iter().flat_map(|filter| &filter.backends);
    match backends.filter(|backend| **backend != FirewallBackend::Ufw).min() {
        Some(FirewallBackend::Nftables) => verdict.shown("firewall/redisgen.nft", "drop", test),
        Some(_) => verdict.within("firewall/iptables.v4", " -j DROP", test),
        None => verdict,
    }
}

fn tls(model: &Model) -> Verdict {
    if !model.tls() {
        return Verdict::not_held("Passwords and data cross the wire in clear; write `tls: { mode: server }`.");
    }
    Verdict::held(format!(
        "No plain port; TLS {} and later, forward-secret ciphers only.",
        model.profile.tls.minimum.word()
    ))
    .shown("redis/redis.conf", "port 0", "tests/server/tls.rs handshakes_of_openssl_itself")
    .shown("redis/redis.conf", "tls-protocols ", "tests/server/tls.rs old_protocols_and_ciphers_are_refused")
}
