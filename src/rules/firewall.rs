//! Rules on the packet filter in front of the port.

use super::{ERROR, INFO, Rule, WARNING};
use crate::firewall::{Firewall, LINEAR, MAX_RATE};
use crate::model::Model;
use crate::profile::{Exposure, FirewallBackend};
use crate::topic;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "firewall-missing",
        severity: ERROR,
        title: "An allow list without a packet filter that keeps it",
        topic: topic::FIREWALL,
        why: "Docker publishes the port past UFW and INPUT rules: everyone who can route to the host could connect (measured).",
        fix: "Write `firewall: { backends: [nftables] }`; waive this if Redis runs on bare metal behind UFW, or a filter of your own stands in front.",
        source: "moby/moby#22054; tests/containers/filter.rs",
        waivable: true,
        check: Some(|model, sink| {
            if model.profile.network.exposure == Exposure::Allowlist && !guards_docker(model) {
                sink.report("network.firewall.backends", "none of these sees a port that Docker publishes")
                    .related("network.exposure", "nothing enforces this list");
            }
        }),
    },
    Rule {
        id: "loopback-needs-docker-28",
        severity: INFO,
        title: "Docker before 28 lets neighbours reach a port that is published on the loopback",
        topic: topic::EXPOSURE,
        why: "A host on the same network that routes to the container's address gets past the published address (measured with 20.10).",
        fix: "Write `firewall: { backends: [nftables] }`, or run Docker 28 or later.",
        source: "moby/moby#41872, moby/moby#45610; measured on Docker 20.10",
        waivable: true,
        check: Some(|model, sink| {
            if model.profile.network.exposure == Exposure::Localhost && !guards_docker(model) {
                sink.report("network.firewall.backends", "none of these closes the loopback's port to neighbours");
            } else if model.exporter.is_some() && !model.firewall.as_ref().is_some_and(Firewall::sees_docker) {
                // With exposure `internal`, or `open` without limits, there is no filter of ours at all.
                sink.report("monitoring.exporter", "no packet filter closes the exporter's port to neighbours")
                    .help("Run Docker 28 or later, or close the port in a packet filter of your own.");
            }
        }),
    },
    Rule {
        id: "ufw-listed-first",
        severity: WARNING,
        title: "The scripts load UFW by default",
        topic: topic::FIREWALL,
        why: "apply.sh takes the first backend if none is named, and UFW does not see the port that Docker publishes.",
        fix: "List nftables or iptables first. On bare metal, without Docker, list UFW alone and waive `firewall-missing`.",
        source: "moby/moby#4737; measured: UFW does not see ports that Docker publishes",
        waivable: true,
        check: Some(|model, sink| {
            let backends = &model.profile.network.firewall.backends;
            if model.firewall.is_some() && backends.first() == Some(&FirewallBackend::Ufw) && guards_docker(model) {
                sink.report("network.firewall.backends[0]", "apply.sh without a word would leave Docker's port open");
            }
        }),
    },
    Rule {
        id: "docker-network-unguarded",
        severity: INFO,
        title: "The packet filter does not know the bridge of an existing network",
        topic: topic::DOCKER_NETWORKS,
        why: "Docker before 28 lets neighbours route packets to a container's address past the published port; the rules against it name bridges of our own only.",
        fix: "Run Docker 28 or later, or leave `docker.network` out.",
        source: "moby/moby#45610",
        waivable: true,
        check: Some(|model, sink| {
            let existing = model.profile.network.docker.as_ref().is_some_and(|docker| docker.network.is_some());
            if existing && model.firewall.is_some() && guards_docker(model) {
                sink.report("network.docker.network", "the server's address in this network is not guarded");
            }
        }),
    },
    Rule {
        id: "backend-too-many-sources",
        severity: ERROR,
        title: "More sources than a backend without sets should hold",
        topic: topic::FIREWALL,
        why: "iptables and UFW look at one rule after another for every packet; nftables looks a source up in a set, at the same cost for any number (measured with 9 999).",
        fix: "Write `firewall: { backends: [nftables] }`, or allow fewer, wider networks.",
        source: "measured with 9 999 sources: 83 µs a round trip in a list of iptables, 6.5 µs in a set of nftables",
        waivable: false,
        check: Some(|model, sink| {
            let sources = model.allowed.iter().count();
            for (place, backend) in model.profile.network.firewall.backends.iter().enumerate() {
                if *backend != FirewallBackend::Nftables && sources > LINEAR {
                    let path = format!("network.firewall.backends[{place}]");
                    sink.report(
                        path,
                        format!("{} would get {sources} rules, {LINEAR} at most make sense", backend.word()),
                    );
                }
            }
        }),
    },
    Rule {
        id: "backend-duplicate",
        severity: WARNING,
        title: "A backend is listed twice",
        topic: topic::FIREWALL,
        why: "Its files are written once; another one may have been meant.",
        fix: "Remove it.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            let backends = &model.profile.network.firewall.backends;
            for (place, backend) in backends.iter().enumerate() {
                if backends.iter().take(place).any(|earlier| earlier == backend) {
                    sink.report(format!("network.firewall.backends[{place}]"), "this backend is listed already");
                    if sink.full() {
                        return;
                    }
                }
            }
        }),
    },
    Rule {
        id: "limits-unsupported",
        severity: INFO,
        title: "UFW cannot keep the limits of this profile",
        topic: topic::CONNECTION_LIMITS,
        why: "Its own `limit` refuses the sixth connection within 30 seconds, which stops every connection pool.",
        fix: "Use nftables or iptables where the limits matter.",
        source: "ufw(8), limit; measured: the sixth connection is refused",
        waivable: true,
        check: Some(|model, sink| {
            let backends = &model.profile.network.firewall.backends;
            if let Some(place) = backends.iter().position(|backend| *backend == FirewallBackend::Ufw)
                && model.firewall.as_ref().is_some_and(Firewall::limited)
            {
                sink.report(
                    format!("network.firewall.backends[{place}]"),
                    "UFW's rules will admit any number of connections",
                );
            }
        }),
    },
    Rule {
        id: "limits-unused",
        severity: WARNING,
        title: "Connection limits that the exposure does not use",
        topic: topic::CONNECTION_LIMITS,
        why: "They read as if they protected something; the loopback is never limited.",
        fix: "Write `exposure: allowlist` with `allow`, or remove the limits.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            let network = &model.profile.network;
            let set = [
                (network.firewall.connections_per_source.is_some(), "network.firewall.connections_per_source"),
                (network.firewall.new_connections.is_some(), "network.firewall.new_connections"),
            ];
            for (_, path) in set.into_iter().filter(|(set, _)| *set) {
                if matches!(network.exposure, Exposure::Internal | Exposure::Localhost) {
                    sink.report(path, format!("exposure `{}` admits no source to limit", network.exposure.word()));
                }
            }
        }),
    },
    Rule {
        id: "exposed-without-limits",
        severity: INFO,
        title: "One source may hold any number of connections",
        topic: topic::CONNECTION_LIMITS,
        why: "A client that leaks connections, or a guesser of passwords, takes those of everybody else; Redis itself limits only their sum.",
        fix: "Below `network`, write `firewall: { connections_per_source: 20, new_connections: 10/second }`.",
        source: "security guide, Denial of Service: implement rate limiting",
        waivable: true,
        check: Some(|model, sink| {
            let network = &model.profile.network;
            let beyond = matches!(network.exposure, Exposure::Allowlist | Exposure::Open);
            if model.production() && beyond && network.firewall.connections_per_source.is_none() {
                sink.report("network.exposure", "nothing limits how many connections one source holds open");
            }
        }),
    },
    Rule {
        id: "limit-above-clients",
        severity: WARNING,
        title: "One source may take every connection",
        topic: topic::CONNECTION_LIMITS,
        why: "The server refuses all others once `max_clients` is reached.",
        fix: "Set `connections_per_source` well below `resources.max_clients`.",
        source: "Redis documentation, clients",
        waivable: true,
        check: Some(|model, sink| {
            let most = model.profile.resources.max_clients;
            if model.profile.network.firewall.connections_per_source.is_some_and(|limit| limit >= most) {
                sink.report("network.firewall.connections_per_source", "a single source can fill the server")
                    .related("resources.max_clients", format!("all {most} connections that there are"));
            }
        }),
    },
    Rule {
        id: "rate-out-of-bounds",
        severity: ERROR,
        title: "A rate that no packet filter counts",
        topic: topic::CONNECTION_LIMITS,
        why: "iptables refuses rates above a million (measured with 1.8.9).",
        fix: "Write at most 1000000 for each unit; 10/second is plenty for most pools.",
        source: "nft(8), limit; iptables-extensions(8), hashlimit",
        waivable: false,
        check: Some(|model, sink| {
            if model.profile.network.firewall.new_connections.as_ref().is_some_and(|rate| rate.count > MAX_RATE) {
                sink.report("network.firewall.new_connections", "this is beyond what packet filters count");
            }
        }),
    },
];

/// True if a filter of ours sees the port that Docker publishes.
fn guards_docker(model: &Model) -> bool {
    model.profile.network.firewall.backends.iter().any(|backend| *backend != FirewallBackend::Ufw)
}
