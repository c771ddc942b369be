//! Rules on the way of people through the bastion.

use std::net::IpAddr;

use super::{ERROR, INFO, Rule, Sink, WARNING};
use crate::format::HostOrAddress;
use crate::model::Model;
use crate::profile::{Bastion, Exposure};
use crate::topic;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "bastion-unused",
        severity: WARNING,
        title: "A bastion that nobody needs, or that leads nowhere",
        topic: topic::BASTION,
        why: "With exposure `open` everyone gets to the port without it; with `internal` there is no port to lead to.",
        fix: "Write `exposure: allowlist` or `localhost`, or remove `bastion`.",
        source: "security guide, VPN/Bastion Access",
        waivable: true,
        check: Some(unused),
    },
    Rule {
        id: "bastion-on-loopback",
        severity: ERROR,
        title: "The bastion's address is a loopback",
        topic: topic::BASTION,
        why: "It is whatever machine runs ssh, and no way to another one.",
        fix: "Write the name or address at which people reach the bastion.",
        source: "RFC 1122, 3.2.1.3; RFC 6761, 6.3",
        waivable: false,
        check: Some(|model, sink| {
            if bastion(model).is_some_and(|bastion| is_loopback(&bastion.host)) {
                sink.report("network.bastion.host", "this is the machine that connects, whichever that is");
            }
        }),
    },
    Rule {
        id: "bastion-is-target",
        severity: WARNING,
        title: "The bastion and the Redis host are one",
        topic: topic::BASTION,
        why: "Who breaks into the host that faces the outside then has the data, which a bastion is there to prevent.",
        fix: "Name another host, or remove `bastion` and use SSH to the Redis host.",
        source: "security guide, VPN/Bastion Access",
        waivable: true,
        check: Some(one_host),
    },
    Rule {
        id: "bastion-target-not-listening",
        severity: WARNING,
        title: "The bastion would connect to an address that does not publish the port",
        topic: topic::BASTION,
        why: "The connection is refused, unless something on the way translates the address.",
        fix: "Write one of the addresses of `listen` as `target`, or add this one to `listen`.",
        source: "profile format",
        waivable: true,
        check: Some(target_not_listening),
    },
    Rule {
        id: "bastion-not-allowed",
        severity: INFO,
        title: "The bastion's address is not in `allow`",
        topic: topic::BASTION,
        why: "What comes through the bastion arrives from its address. The one that people dial may not be the one that it sends from.",
        fix: "Add the address that the bastion sends from to `allow`.",
        source: "security guide, VPN/Bastion Access",
        waivable: true,
        check: Some(not_allowed),
    },
    Rule {
        id: "tunnel-without-name",
        severity: INFO,
        title: "The server's certificate does not name the tunnel's end",
        topic: topic::BASTION,
        why: "Through the tunnel clients dial 127.0.0.1 or localhost, and those that check names refuse the certificate.",
        fix: "Write `tls: { names: [localhost], addresses: [127.0.0.1] }` beside your own, or tell clients which name to expect.",
        source: "RFC 9525, 6",
        waivable: true,
        check: Some(|model, sink| {
            let named = |name: &String| name == "127.0.0.1" || name == "localhost";
            if bastion(model).is_some() && model.tls() && !model.server_names.iter().any(named) {
                sink.report("network.bastion", "clients dial 127.0.0.1, which is no name of the certificate")
                    .related("tls.addresses", "the addresses that it names");
            }
        }),
    },
];

fn bastion(model: &Model) -> Option<&Bastion> {
    model.profile.network.bastion.as_ref()
}

fn address(host: &HostOrAddress) -> Option<IpAddr> {
    host.as_str().parse().ok()
}

fn is_loopback(host: &HostOrAddress) -> bool {
    let name = host.as_str().to_ascii_lowercase();
    address(host).map_or(name == "localhost" || name.ends_with(".localhost"), |address| address.is_loopback())
}

fn unused(model: &Model, sink: &mut Sink) {
    let exposure = model.profile.network.exposure;
    let message = match exposure {
        Exposure::Localhost | Exposure::Allowlist => return,
        Exposure::Open => "everyone gets to the port without it",
        Exposure::Internal => "no port is published, so that no tunnel can lead there; nothing is written for it",
    };
    if bastion(model).is_some() {
        sink.report("network.bastion", message).related("network.exposure", format!("exposure `{}`", exposure.word()));
    }
}

fn one_host(model: &Model, sink: &mut Sink) {
    let Some(bastion) = bastion(model) else { return };
    let same = match (address(&bastion.host), address(&bastion.target)) {
        (Some(host), Some(target)) => host == target,
        _ => bastion.host.as_str().eq_ignore_ascii_case(bastion.target.as_str()),
    };
    // A bastion on a loopback has a finding of its own.
    if !is_loopback(&bastion.host) && (same || is_loopback(&bastion.target)) {
        sink.report("network.bastion.target", "seen from the bastion, this is the bastion itself")
            .related("network.bastion.host", "the bastion");
    }
}

fn target_not_listening(model: &Model, sink: &mut Sink) {
    let network = &model.profile.network;
    let Some(target) = bastion(model).and_then(|bastion| address(&bastion.target)) else { return };
    let listens = |listen: IpAddr| listen == target || listen.is_unspecified() && listen.is_ipv4() == target.is_ipv4();
    if matches!(network.exposure, Exposure::Allowlist | Exposure::Open)
        && !network.listen.is_empty()
        && !network.listen.iter().any(|listen| listens(listen.0))
    {
        sink.report("network.bastion.target", "the port is not published on this address")
            .related("network.listen", "it is published on these");
    }
}

fn not_allowed(model: &Model, sink: &mut Sink) {
    let Some(host) = bastion(model).and_then(|bastion| address(&bastion.host)) else { return };
    // An empty list has a finding of its own.
    if model.allowed.iter().next().is_some() && model.allowed.find(host).is_none() {
        sink.report("network.bastion.host", "no entry of `allow` holds this address")
            .related("network.allow", "who may connect");
    }
}
