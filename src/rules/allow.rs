//! Rules on the sources of `network.allow`.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::{ERROR, INFO, Rule, Sink, WARNING};
use crate::format::{Date, Network};
use crate::model::Model;
use crate::profile::Exposure;
use crate::topic;

/// How many days ahead the end of an entry is told.
const NOTICE_DAYS: i64 = 14;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "allowlist-empty",
        severity: ERROR,
        title: "Exposure `allowlist` without sources",
        topic: topic::FIREWALL,
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
        topic: topic::FIREWALL,
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
        topic: topic::FIREWALL,
        why: "`/0`, in one piece or in halves that add up to it, is exposure `open` under another name.",
        fix: "Name the networks that need access.",
        source: "measured: every packet filter loads it without a word",
        waivable: false,
        check: Some(allow_everyone),
    },
    Rule {
        id: "allow-broad",
        severity: WARNING,
        title: "A source in `allow` is a large part of the internet",
        topic: topic::FIREWALL,
        why: "A list is worth what it keeps out.",
        fix: "Name the networks that need access, IPv4 from /8 and IPv6 from /16.",
        source: "security guide, External Exposure: a restricted list of addresses",
        waivable: true,
        check: Some(|model, sink| {
            each_wide_source(model, sink, |network| {
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
        topic: topic::FIREWALL,
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
        topic: topic::FIREWALL,
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
        topic: topic::FIREWALL,
        why: "Every container of the host that Docker puts there could connect, and Docker chooses anew each time. Containers reach the server through the application network without any entry.",
        fix: "Remove it, and put applications into the network `app` or into `docker.network`.",
        source: "Docker documentation, default-address-pools",
        waivable: true,
        check: Some(|model, sink| {
            each_wide_source(model, sink, |network| {
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
        topic: topic::FIREWALL,
        why: "It changes nothing; who reads it may think that removing it takes access away.",
        fix: "Remove this entry.",
        source: "nft(8), interval sets; Aerleon, shade check",
        waivable: true,
        check: Some(|model, sink| {
            for redundant in &model.allowed.redundant {
                let within = format!("network.allow[{}]", redundant.within);
                let source = |place: usize| model.profile.network.allow.get(place).map(|allow| allow.source.0);
                let holder = source(redundant.within).map(|network| Network(network).to_string()).unwrap_or_default();
                let message = if source(redundant.within) == source(redundant.place) {
                    format!("this source is listed already, as {within}")
                } else {
                    format!("{holder}, {within}, admits this source already")
                };
                sink.report(format!("network.allow[{}].source", redundant.place), message)
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
        topic: topic::FIREWALL,
        why: "Access that was meant to end did not.",
        fix: "Remove the entry, or set a later `until`.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            let today = sink.today;
            for (place, allow) in model.profile.network.allow.iter().enumerate() {
                if allow.until.is_some_and(|until| until < today) {
                    sink.report(format!("network.allow[{place}].until"), "access was meant to end on this day");
                }
            }
        }),
    },
    Rule {
        id: "allow-expires-soon",
        severity: WARNING,
        title: "A source in `allow` ends within two weeks",
        topic: topic::FIREWALL,
        why: "After that day the build is refused. The loaded filter does not know the date: access ends when the rules are built and applied without the entry.",
        fix: "Set a later `until`, or remove the entry.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            let today = sink.today;
            for (place, allow) in model.profile.network.allow.iter().enumerate() {
                if let Some(until) = allow.until.filter(|until| (0..=NOTICE_DAYS).contains(&days(today, *until))) {
                    sink.report(
                        format!("network.allow[{place}].until"),
                        format!("access ends in {} days", days(today, until)),
                    );
                }
            }
        }),
    },
];

/// Reports what is wrong with each source that counts. Once all together are everyone, that alone is told.
fn each_wide_source(model: &Model, sink: &mut Sink, wrong: impl Fn(&IpNet) -> Option<String>) {
    if model.allowed.everyone().next().is_none() {
        let mut places: Vec<usize> = model.allowed.iter().map(|allowed| allowed.place).collect();
        places.sort_unstable();
        report_sources(model, sink, places.into_iter(), wrong);
    }
}

/// Reports what is wrong with each source of a list that is used.
fn each_source(model: &Model, sink: &mut Sink, wrong: impl Fn(&IpNet) -> Option<String>) {
    if model.profile.network.exposure == Exposure::Allowlist {
        report_sources(model, sink, 0..model.profile.network.allow.len(), wrong);
    }
}

fn report_sources(
    model: &Model,
    sink: &mut Sink,
    places: impl Iterator<Item = usize>,
    wrong: impl Fn(&IpNet) -> Option<String>,
) {
    for place in places {
        let source = model.profile.network.allow.get(place).map(|allow| allow.source.0);
        if let Some(message) = source.as_ref().and_then(&wrong) {
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
        sink.report(path(first.place), "together with other entries this is everyone");
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
