//! Rules on `network.allow` and on the packet filter that is written from it.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::{ERROR, INFO, Rule, Sink, WARNING};
use crate::firewall::{Firewall, LINEAR, MAX_RATE};
use crate::format::Date;
use crate::model::Model;
use crate::profile::{Exposure, FirewallBackend};

/// How many days ahead the end of an entry is told.
const NOTICE_DAYS: i64 = 14;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "allowlist-empty",
        severity: ERROR,
        title: "Exposure `allowlist` without sources",
        why: "An empty list admits nobody, or everybody, depending on who reads it.",
        fix: "Add `allow: [{ source: 10.8.0.0/24 }]`, or write `exposure: localhost`.",
        source: "profile format",
        waivable: false,
        check: Some(|model, sink| {
            if model.profile.network.exposure == Exposure::Allowlist && model.profile.network.allow.is_empty() {
                sink.report("network.exposure", "`allowlist` needs at least one entry in `allow`");
            }
        }),
    },
    Rule {
        id: "allowlist-unused",
        severity: WARNING,
        title: "`allow` lists sources that the exposure does not use",
        why: "The list reads as if it protected something.",
        fix: "Write `exposure: allowlist`, or remove `allow`.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            let network = &model.profile.network;
            if network.exposure != Exposure::Allowlist && !network.allow.is_empty() {
                sink.report("network.allow", format!("exposure `{}` does not read this list", network.exposure.word()));
            }
        }),
    },
    Rule {
        id: "allow-everyone",
        severity: ERROR,
        title: "The sources in `allow` are the whole internet",
        why: "`/0`, in one piece or in halves that add up to it, is exposure `open` under another name.",
        fix: "Name the networks that need access.",
        source: "reference: firewall",
        waivable: false,
        check: Some(allow_everyone),
    },
    Rule {
        id: "allow-broad",
        severity: WARNING,
        title: "A source in `allow` is a large part of the internet",
        why: "A list is worth what it keeps out.",
        fix: "Name the networks that need access, IPv4 from /8 and IPv6 from /16.",
        source: "reference: firewall",
        waivable: true,
        check: Some(|model, sink| {
            each_source(model, sink, |network| {
                let unique_local = "fc00::/7".parse().is_ok_and(|local: IpNet| local.contains(network));
                let broad = if network.addr().is_ipv4() { 1..8 } else { 1..16 };
                (broad.contains(&network.prefix_len()) && !unique_local && impossible(network).is_none())
                    .then(|| format!("a network of /{} has room for very many strangers", network.prefix_len()))
            });
        }),
    },
    Rule {
        id: "allow-never-matches",
        severity: WARNING,
        title: "No packet comes from a source in `allow`",
        why: "The entry admits nobody, and whoever was meant stays outside. The host's own loopback is always admitted.",
        fix: "Write the address that the client's packets carry.",
        source: "RFC 6890",
        waivable: true,
        check: Some(|model, sink| each_source(model, sink, |network| impossible(network).map(str::to_owned))),
    },
    Rule {
        id: "allow-link-local",
        severity: WARNING,
        title: "A source in `allow` is a link-local address",
        why: "On each link it is somebody else: whoever is plugged in can take it.",
        fix: "Write the client's routable address.",
        source: "RFC 3927, RFC 4291",
        waivable: true,
        check: Some(|model, sink| {
            each_source(model, sink, |network| {
                let local: [Option<IpNet>; 2] = ["169.254.0.0/16".parse().ok(), "fe80::/10".parse().ok()];
                let inside = local.into_iter().flatten().any(|local| local.contains(network));
                inside.then(|| "an address of one link only".to_owned())
            });
        }),
    },
    Rule {
        id: "allow-docker-range",
        severity: WARNING,
        title: "A source in `allow` covers networks that Docker hands out",
        why: "Every container of the host that Docker puts there could connect, and Docker chooses anew each time. Containers reach the server through the application network without any entry.",
        fix: "Remove it, and put applications into the network `app` or into `docker.network`.",
        source: "Docker documentation, default-address-pools; reference: firewall",
        waivable: true,
        check: Some(|model, sink| {
            each_source(model, sink, |network| {
                let IpNet::V4(network) = network else { return None };
                // Docker starts with 172.17.0.0/16 and goes on to 172.31.0.0/16; its further pools in
                // 192.168.0.0/16 are everybody's home network.
                let pools = (17..=31).filter_map(|second| Ipv4Net::new([172, second, 0, 0].into(), 16).ok());
                let covers = |pool: Ipv4Net| pool.contains(network) || network.contains(&pool);
                (network.prefix_len() > 0 && pools.into_iter().any(covers))
                    .then(|| "containers get addresses in here".to_owned())
            });
        }),
    },
    Rule {
        id: "allow-redundant",
        severity: INFO,
        title: "A source in `allow` lies within another one",
        why: "It changes nothing; who reads it may think that removing it takes access away.",
        fix: "Remove it, or the wider one.",
        source: "reference: firewall",
        waivable: true,
        check: Some(|model, sink| {
            for redundant in &model.allowed.redundant {
                let within = format!("network.allow[{}]", redundant.within);
                sink.report(
                    format!("network.allow[{}].source", redundant.place),
                    format!("`{within}` admits this source already"),
                )
                .related(format!("{within}.source"), "this entry holds it");
                if sink.full() {
                    return;
                }
            }
        }),
    },
    Rule {
        id: "allow-expired",
        severity: ERROR,
        title: "A source in `allow` is past its date",
        why: "Access that was meant to end did not.",
        fix: "Remove the entry, or set a later `until`.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            let today = sink.today;
            for (place, allow) in model.profile.network.allow.iter().enumerate() {
                if allow.until.is_some_and(|until| until < today) {
                    sink.report(format!("network.allow[{place}].until"), "this source should be gone by now");
                }
            }
        }),
    },
    Rule {
        id: "allow-expires-soon",
        severity: WARNING,
        title: "A source in `allow` ends within two weeks",
        why: "From the day after its date on, builds are refused until somebody decides.",
        fix: "Set a later `until`, or remove the entry.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            let today = sink.today;
            for (place, allow) in model.profile.network.allow.iter().enumerate() {
                if allow.until.is_some_and(|until| (0..=NOTICE_DAYS).contains(&days(today, until))) {
                    sink.report(format!("network.allow[{place}].until"), "this source is about to end");
                }
            }
        }),
    },
    Rule {
        id: "firewall-missing",
        severity: ERROR,
        title: "An allow list without a packet filter that keeps it",
        why: "Docker publishes the port past UFW and INPUT rules: everyone who can route to the host could connect (measured).",
        fix: "Write `firewall: { backends: [nftables] }`; waive this if Redis runs on bare metal behind UFW, or a filter of your own stands in front.",
        source: "reference: firewall",
        waivable: true,
        check: Some(|model, sink| {
            if model.profile.network.exposure == Exposure::Allowlist && !guards_docker(model) {
                sink.report("network.firewall.backends", "none of these sees a port that Docker publishes")
                    .related("network.exposure", "the list that nothing keeps");
            }
        }),
    },
    Rule {
        id: "loopback-needs-docker-28",
        severity: INFO,
        title: "Docker before 28 lets neighbours reach a port that is published on the loopback",
        why: "A host on the same network that routes to the container's address gets past the published address (measured with 20.10).",
        fix: "Write `firewall: { backends: [nftables] }`, or run Docker 28 or later.",
        source: "moby#41872, moby#45610; reference: firewall",
        waivable: true,
        check: Some(|model, sink| {
            if model.profile.network.exposure == Exposure::Localhost && !guards_docker(model) {
                sink.report("network.firewall.backends", "none of these closes the loopback's port to neighbours");
            }
        }),
    },
    Rule {
        id: "docker-network-unguarded",
        severity: INFO,
        title: "The packet filter does not know the bridge of an existing network",
        why: "Docker before 28 lets neighbours route packets to a container's address past the published port; the rules against it name bridges of our own only.",
        fix: "Run Docker 28 or later, or leave `docker.network` out.",
        source: "moby#45610; reference: firewall",
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
        why: "iptables and UFW look at one rule after another for every packet; nftables looks a source up in a set, at the same cost for any number (measured with 9 999).",
        fix: "Write `firewall: { backends: [nftables] }`, or allow fewer, wider networks.",
        source: "reference: firewall, scale",
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
        why: "Its own `limit` refuses the sixth connection within 30 seconds, which stops every connection pool.",
        fix: "Use nftables or iptables where the limits matter.",
        source: "reference: firewall, UFW",
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
        why: "They read as if they protected something; the loopback is never limited.",
        fix: "Write `exposure: allowlist`, or remove the limits.",
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
        id: "limit-above-clients",
        severity: WARNING,
        title: "One source may take every connection",
        why: "The server refuses all others once `max_clients` is reached.",
        fix: "Set `connections_per_source` well below `resources.max_clients`.",
        source: "Redis documentation, clients",
        waivable: true,
        check: Some(|model, sink| {
            let most = model.profile.resources.max_clients;
            if model.profile.network.firewall.connections_per_source.is_some_and(|limit| limit >= most) {
                sink.report("network.firewall.connections_per_source", "a single source can fill the server")
                    .related("resources.max_clients", "all connections that there are");
            }
        }),
    },
    Rule {
        id: "rate-out-of-bounds",
        severity: ERROR,
        title: "A rate that no packet filter counts",
        why: "iptables refuses rates above a million (measured with 1.8.9).",
        fix: "Write at most 1000000 for each unit; 10/second is plenty for most pools.",
        source: "reference: firewall",
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

/// Reports what is wrong with each source.
fn each_source(model: &Model, sink: &mut Sink, wrong: impl Fn(&IpNet) -> Option<String>) {
    for (place, allow) in model.profile.network.allow.iter().enumerate() {
        if let Some(message) = wrong(&allow.source.0) {
            sink.report(format!("network.allow[{place}].source"), message);
            if sink.full() {
                return;
            }
        }
    }
}

fn allow_everyone(model: &Model, sink: &mut Sink) {
    each_source(model, sink, |network| (network.prefix_len() == 0).then(|| "this source is everyone".to_owned()));
    for family in model.allowed.everyone() {
        let path = |place: usize| format!("network.allow[{place}].source");
        // The largest pieces tell the story; there may be thousands of small ones.
        let mut pieces: Vec<_> = family.iter().collect();
        pieces.sort_by_key(|piece| (piece.network.prefix_len(), piece.place));
        let Some((first, others)) = pieces.split_first() else { continue };
        sink.report(path(first.place), format!("with {} other entries this is everyone", others.len()));
        for other in others.iter().take(3) {
            sink.related(path(other.place), "another part");
        }
    }
}

/// Why no packet from outside carries a source of this network.
fn impossible(network: &IpNet) -> Option<&'static str> {
    let whole = |net: &str| net.parse().is_ok_and(|net: IpNet| net.contains(network));
    match network.addr() {
        _ if whole("127.0.0.0/8") || whole("::1/128") => Some("the loopback is this host itself"),
        _ if whole("224.0.0.0/4") || whole("ff00::/8") => Some("multicast addresses are no sources"),
        IpAddr::V4(_) if whole("0.0.0.0/8") || whole("240.0.0.0/4") => Some("no host has such an address"),
        IpAddr::V6(_) if whole("::/128") => Some("no host has such an address"),
        _ => None,
    }
}

/// Days from one date to another.
fn days(from: Date, to: Date) -> i64 {
    (to.0 - from.0).whole_days()
}
