//! Rules on exposure.

use super::{ERROR, ERROR_IN_PRODUCTION, Rule, Sink, WARNING, WARNING_IN_PRODUCTION};
use crate::model::{Login, Model};
use crate::profile::{Exposure, TlsMode};
use crate::topic;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "network-open",
        severity: ERROR_IN_PRODUCTION,
        title: "The port is open to everyone",
        topic: topic::EXPOSURE,
        why: "An open Redis is found by scanners within hours; a password alone is one leak away from nothing.",
        fix: "Write `exposure: allowlist` with `allow`, or `localhost`.",
        source: "security guide, External Exposure",
        waivable: true,
        check: Some(|model, sink| {
            if model.profile.network.exposure == Exposure::Open {
                sink.report("network.exposure", "everyone who can route to this host can connect");
            }
        }),
    },
    Rule {
        id: "network-open-without-password",
        severity: ERROR,
        title: "The port is published beyond the host and nobody needs a password",
        topic: topic::EXPOSURE,
        why: "Whoever connects owns the data, and on some versions the host.",
        fix: "List `users`, or write `exposure: localhost`.",
        source: "security guide, Unauthorized Access",
        waivable: false,
        check: Some(|model, sink| {
            if matches!(model.profile.network.exposure, Exposure::Open | Exposure::Allowlist) && !model.passwords() {
                sink.report("network.exposure", "the port leaves this host, and `default` has no password");
            }
        }),
    },
    Rule {
        id: "exposed-without-tls",
        severity: ERROR_IN_PRODUCTION,
        title: "Traffic leaves the host in clear",
        topic: topic::TLS,
        why: "Passwords and data can be read and changed on the way.",
        fix: "Write `tls: { mode: server }` or `mutual`.",
        source: "security guide, Man-in-the-Middle",
        waivable: true,
        check: Some(exposed_without_tls),
    },
    Rule {
        id: "port-is-ssh",
        severity: ERROR,
        title: "The published port is SSH's",
        topic: topic::EXPOSURE,
        why: "A firewall that closes Redis's port would close the way in.",
        fix: "Write `port: 6379`.",
        source: "measured: nftables and UFW load it without a word",
        waivable: false,
        check: Some(|model, sink| {
            if model.profile.network.port == 22 {
                sink.report("network.port", "port 22 is how people reach this host");
            }
        }),
    },
    Rule {
        id: "port-for-outgoing-connections",
        severity: WARNING,
        title: "The published port is one that outgoing connections use",
        topic: topic::EXPOSURE,
        why: "Linux takes ports from 32768 to 60999 for connections of its own; answers to one that got this port are judged like clients, and dropped.",
        fix: "Write a port below 32768, as 6379.",
        source: "ip(7), ip_local_port_range",
        waivable: true,
        check: Some(|model, sink| {
            if model.firewall.is_some() && (32_768..=60_999).contains(&model.profile.network.port) {
                sink.report("network.port", "the host may use this port for a connection of its own");
            }
        }),
    },
    Rule {
        id: "name-of-development",
        severity: WARNING_IN_PRODUCTION,
        title: "A production deployment has the name of a development one",
        topic: topic::EXPOSURE,
        why: "The development deployment of `shop` goes by the name `shop-dev`: on one host each would replace the other's containers and rules.",
        fix: "Choose a name that does not end in `-dev`.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            if model.production() && model.profile.name.as_str().ends_with("-dev") {
                sink.report("name", "a development profile could have this name too");
            }
        }),
    },
    Rule {
        id: "listen-unspecified",
        severity: WARNING,
        title: "`listen` names all addresses",
        topic: topic::EXPOSURE,
        why: "The list exists to choose among the host's addresses.",
        fix: "Name the addresses, or leave `listen` empty for all of them.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            for (place, address) in model.profile.network.listen.iter().enumerate() {
                if address.0.is_unspecified() {
                    sink.report(format!("network.listen[{place}]"), "this is every address of the host");
                }
            }
        }),
    },
    Rule {
        id: "listen-unused",
        severity: WARNING,
        title: "`listen` names addresses that the exposure does not use",
        topic: topic::EXPOSURE,
        why: "The list reads as if the port were published there.",
        fix: "Write `exposure: allowlist`, or remove `listen`.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            let network = &model.profile.network;
            if matches!(network.exposure, Exposure::Internal | Exposure::Localhost) && !network.listen.is_empty() {
                sink.report(
                    "network.listen",
                    format!("exposure `{}` does not read this list", network.exposure.word()),
                );
            }
        }),
    },
    Rule {
        id: "docker-network-and-subnet",
        severity: ERROR,
        title: "A subnet for a network that is not ours",
        topic: topic::DOCKER_NETWORKS,
        why: "An existing network has its subnet already.",
        fix: "Keep one of `network` and `subnet`.",
        source: "profile format",
        waivable: false,
        check: Some(|model, sink| {
            if model
                .profile
                .network
                .docker
                .as_ref()
                .is_some_and(|docker| docker.network.is_some() && docker.subnet.is_some())
            {
                sink.report("network.docker.subnet", "`network` names an existing network, which has a subnet")
                    .related("network.docker.network", "the existing network");
            }
        }),
    },
    Rule {
        id: "docker-subnet-unusable",
        severity: ERROR,
        title: "A subnet that holds no containers",
        topic: topic::DOCKER_NETWORKS,
        why: "Docker needs addresses for the bridge, the server and its clients, and takes no networks of everyone.",
        fix: "Write a private IPv4 network from /8 to /28, as 172.30.0.0/24.",
        source: "Docker documentation, network create",
        waivable: false,
        check: Some(|model, sink| {
            let subnet = model.profile.network.docker.as_ref().and_then(|docker| docker.subnet.as_ref());
            if subnet.is_some_and(|subnet| !subnet.0.addr().is_ipv4() || !(8..=28).contains(&subnet.0.prefix_len())) {
                sink.report("network.docker.subnet", "no network of containers fits here");
            }
        }),
    },
    Rule {
        id: "docker-network-reserved",
        severity: ERROR,
        title: "A Docker network that applications cannot share",
        topic: topic::DOCKER_NETWORKS,
        why: "`host` would open the server on every address of the host, `bridge` holds whatever was started without a network, `none` holds nobody.",
        fix: "Name a network that you made for the applications.",
        source: "Docker documentation, network drivers",
        waivable: false,
        check: Some(|model, sink| {
            let network = model.profile.network.docker.as_ref().and_then(|docker| docker.network.as_ref());
            if network.is_some_and(|network| matches!(network.as_str(), "host" | "bridge" | "none" | "default")) {
                sink.report("network.docker.network", "this network is Docker's own");
            }
        }),
    },
    Rule {
        id: "shared-network-without-password",
        severity: ERROR,
        title: "An existing network shares a server without passwords",
        topic: topic::DOCKER_NETWORKS,
        why: "Whatever is in that network can do everything.",
        fix: "List `users`, or leave `docker.network` out.",
        source: "security guide, Unauthorized Access",
        waivable: false,
        check: Some(|model, sink| {
            let shared = model.profile.network.docker.as_ref().is_some_and(|docker| docker.network.is_some());
            if shared && model.users.iter().any(|user| user.login == Login::Anything) {
                sink.report("network.docker.network", "`default` has no password, and this network is not only ours");
            }
        }),
    },
];

fn exposed_without_tls(model: &Model, sink: &mut Sink) {
    let beyond = matches!(model.profile.network.exposure, Exposure::Allowlist | Exposure::Open);
    if beyond && model.profile.tls.mode == TlsMode::Disabled {
        sink.report("tls.mode", "connections from other hosts are not encrypted")
            .related("network.exposure", "other hosts may connect here");
    }
}
