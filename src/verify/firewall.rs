//! Level `firewall`: each packet filter is loaded by the tree's own script, in namespaces of its own, and real packets
//! show who gets in.

mod limits;
mod network;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use ipnet::IpNet;

use super::Bench;
use super::check::{Check, Outcome, Trouble};
use super::inside::{self, Root};
use super::process;
use crate::firewall::{Admits, Firewall, Verdict};
use crate::model::Model;
use crate::profile::FirewallBackend;
use network::{Kept, Network, Way};

/// How long a script may take.
const LIMIT: Duration = Duration::from_mins(1);
/// Networks of the list that are tried, of each family, from both ends of the list.
const MOST_NETWORKS: usize = 12;

/// A loaded packet filter.
struct Filter {
    model: Rc<Model>,
    backend: FirewallBackend,
    scripts: PathBuf,
    network: Rc<Network>,
    clients: Rc<Vec<IpAddr>>,
    /// Whether a port is published as Docker does it.
    published: Rc<Result<(), Trouble>>,
    /// Connections of who is not admitted, from before it was loaded.
    kept: Vec<Kept>,
}

/// For each backend; each check needs the ones before it.
const CHECKS: &[Check<Filter>] = &[
    Check { id: "control", title: "everybody gets in while it is not loaded", applies: |_| true, prove: control },
    Check { id: "load", title: "it loads, and loads again", applies: |_| true, prove: load },
    Check {
        id: "sources",
        title: "who gets in is who should",
        applies: |_| true,
        prove: |filter| filter.who(Way::Host),
    },
    Check {
        id: "published",
        title: "who gets in through a port that Docker publishes is who should",
        applies: |_| true,
        prove: |filter| filter.who(Way::Published),
    },
    Check {
        id: "routed",
        title: "who gets in straight to the container, past the published port, is who should",
        applies: |_| true,
        prove: |filter| filter.who(Way::Routed),
    },
    Check {
        id: "revoked",
        title: "who is not on the list loses the connections it had",
        applies: |model| model.firewall.as_ref().is_some_and(|firewall| firewall.admits != Admits::Everyone),
        prove: revoked,
    },
    Check { id: "loopback", title: "the host itself gets in", applies: |_| true, prove: loopback },
    Check {
        id: "connections",
        title: "one source gets no more connections than the profile says",
        applies: |model| limits::of(model).connections.is_some(),
        prove: limits::connections,
    },
    Check {
        id: "rate",
        title: "one source does not connect faster than the profile says",
        applies: |model| limits::of(model).rate.is_some(),
        prove: limits::rate,
    },
    Check { id: "remove", title: "everybody gets in again when it is removed", applies: |_| true, prove: remove },
];

/// Proves the level.
pub(super) fn prove(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let Some(firewall) = &bench.model.firewall else { return Ok(()) };
    if !bench.options.inside {
        // UFW refuses to run in a user namespace.
        let root = if firewall.backends.contains(&FirewallBackend::Ufw) { Root::Ours } else { Root::Nobody };
        return inside::prove(bench, root);
    }
    let clients = Rc::new(clients(bench.model, firewall));
    let network = Rc::new(Network::new(firewall.port, &clients, &bench.model.edge_bridge)?);
    // Without it what Docker publishes cannot be tried, and that is told of each filter.
    let published = Rc::new(network.publish());
    for backend in firewall.backends.clone() {
        let mut filter = Filter {
            model: Rc::clone(bench.model),
            backend,
            scripts: bench.lab.tree().join("firewall"),
            network: Rc::clone(&network),
            clients: Rc::clone(&clients),
            published: Rc::clone(&published),
            kept: Vec::new(),
        };
        prove_one(bench, &mut filter);
    }
    Ok(())
}

fn prove_one(bench: &mut Bench<'_>, filter: &mut Filter) {
    let word = filter.backend.word();
    let model = Rc::clone(bench.model);
    for check in CHECKS {
        if !(check.applies)(&model) || !filter.can(check.id) {
            continue;
        }
        let title = format!("{word}: {}", check.title);
        let held = bench.prove(&format!("{word}/{}", check.id), &title, || (check.prove)(filter));
        if !held && matches!(check.id, "control" | "load") {
            break;
        }
    }
}

/// Addresses to connect from: of the list, beside it, and nobody's. Each once.
fn clients(model: &Model, firewall: &Firewall) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = Vec::new();
    for family in [&model.allowed.v4, &model.allowed.v6] {
        let networks: Vec<IpNet> = family.iter().map(|allowed| allowed.network).collect();
        let ends = networks.iter().take(MOST_NETWORKS / 2).chain(networks.iter().rev().take(MOST_NETWORKS / 2));
        all.extend(ends.flat_map(around));
    }
    all.extend([
        IpAddr::from(Ipv4Addr::new(203, 0, 113, 66)),
        IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0x66, 0, 0, 0, 0, 0x66)),
    ]);
    all.sort();
    all.dedup();
    all.retain(|address| usable(*address) && firewall.judge(&model.allowed, *address) != Verdict::Loopback);
    all
}

/// The first and the last address of a network, and those next to it.
fn around(network: &IpNet) -> Vec<IpAddr> {
    let (first, last) = (network.network(), network.broadcast());
    let step = |address: IpAddr, up: bool| -> Option<IpAddr> {
        match address {
            IpAddr::V4(address) => {
                let bits = if up { address.to_bits().checked_add(1) } else { address.to_bits().checked_sub(1) };
                bits.map(|bits| Ipv4Addr::from_bits(bits).into())
            }
            IpAddr::V6(address) => {
                let bits = if up { address.to_bits().checked_add(1) } else { address.to_bits().checked_sub(1) };
                bits.map(|bits| Ipv6Addr::from_bits(bits).into())
            }
        }
    };
    let inside = [Some(first), step(first, true).filter(|next| network.contains(next)), Some(last)];
    inside.into_iter().chain([step(first, false), step(last, true)]).flatten().collect()
}

/// True if a host can have this address.
fn usable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, ..] = address.octets();
            first != 0 && first < 224 && !address.is_loopback() && !address.is_link_local() && !address.is_broadcast()
        }
        IpAddr::V6(address) => {
            !address.is_multicast()
                && !address.is_loopback()
                && !address.is_unspecified()
                && !address.is_unicast_link_local()
        }
    }
}

impl Filter {
    /// UFW keeps no limits, and does not see what Docker publishes.
    fn can(&self, check: &str) -> bool {
        self.backend != FirewallBackend::Ufw || !matches!(check, "connections" | "rate" | "published" | "routed")
    }

    /// The ways on which it judges.
    fn ways(&self) -> &'static [Way] {
        let docker = self.backend != FirewallBackend::Ufw && self.published.is_ok();
        if docker { &[Way::Host, Way::Published, Way::Routed] } else { &[Way::Host] }
    }

    fn script(&self, name: &str) -> Result<process::Said, Trouble> {
        let mut command = inside::network_script(&self.scripts.join(name))?;
        process::run(command.arg(self.backend.word()), LIMIT)
    }

    fn admitted(&self, address: IpAddr) -> bool {
        let firewall = self.model.firewall.as_ref();
        firewall.is_none_or(|firewall| firewall.judge(&self.model.allowed, address) != Verdict::Denied)
    }

    /// Who gets in, and should not; who does not, and should.
    fn wrong(&self, way: Way, admitted: impl Fn(IpAddr) -> bool) -> Result<Vec<String>, Trouble> {
        let mut open = self.network.connect(way, &self.clients)?;
        let is_in = |open: &[(IpAddr, OwnedFd)], address: IpAddr| open.iter().any(|(other, _)| *other == address);
        // A busy machine may answer too late once; a filter drops again.
        let late: Vec<IpAddr> =
            self.clients.iter().copied().filter(|one| admitted(*one) && !is_in(&open, *one)).collect();
        if !late.is_empty() {
            open.extend(self.network.connect(way, &late)?);
        }
        let seen = |address: IpAddr| is_in(&open, address);
        let wrong = self.clients.iter().filter(|address| seen(**address) != admitted(**address));
        let place = match way {
            Way::Host => "",
            Way::Published => " through the published port",
            Way::Routed => " straight to the container",
        };
        Ok(wrong
            .map(|address| format!("{address} {}{place}", if seen(*address) { "gets in" } else { "does not get in" }))
            .collect())
    }

    /// Everybody gets in, on every way.
    fn open(&self) -> Outcome {
        let mut wrong = Vec::new();
        for way in self.ways() {
            wrong.extend(self.wrong(*way, |_| true)?);
        }
        if wrong.is_empty() {
            Ok(format!("{} addresses", self.clients.len()))
        } else {
            Trouble::failed(wrong.join(", "))
        }
    }

    /// Who gets in on this way is who should.
    fn who(&self, way: Way) -> Outcome {
        if way != Way::Host {
            (*self.published).clone()?;
            // Each way costs a source one connection more.
            if limits::of(&self.model).rate.is_some_and(|(_, _, burst)| burst < 4) {
                limits::rest(self, 1)?;
            }
        }
        let wrong = self.wrong(way, |address| self.admitted(address))?;
        if !wrong.is_empty() {
            return Trouble::failed(wrong.join(", "));
        }
        let admitted = self.clients.iter().filter(|address| self.admitted(**address)).count();
        Ok(format!("{admitted} addresses get in, {} do not", self.clients.len() - admitted))
    }

    /// Somebody of each family who may connect, if anybody may: each has rules of its own.
    fn sources(&self) -> Result<Vec<IpAddr>, Trouble> {
        let of_family = |v4| self.clients.iter().copied().find(|one| one.is_ipv4() == v4 && self.admitted(*one));
        let found: Vec<IpAddr> = [true, false].into_iter().filter_map(of_family).collect();
        if found.is_empty() { Err(Trouble::missing("nobody may connect", "allow somebody to")) } else { Ok(found) }
    }
}

fn control(filter: &mut Filter) -> Outcome {
    let program = match filter.backend {
        FirewallBackend::Nftables => ("nft", "nftables"),
        FirewallBackend::Iptables => ("iptables-restore", "iptables"),
        FirewallBackend::Ufw => ("ufw", "ufw"),
    };
    process::need(program.0, program.1)?;
    if filter.backend == FirewallBackend::Ufw {
        activate_ufw()?;
    }
    let seen = filter.open()?;
    let mut kept = Vec::new();
    for v4 in [true, false] {
        let stranger = filter.clients.iter().copied().find(|one| one.is_ipv4() == v4 && !filter.admitted(*one));
        for way in filter.ways() {
            kept.extend(filter.network.keep(*way, stranger.as_slice())?);
        }
    }
    for one in &mut kept {
        if !one.works()? {
            return Trouble::failed(format!("a connection of {} does not work", one.from));
        }
    }
    filter.kept = kept;
    Ok(seen)
}

/// UFW as Debian installs it and active, on a copy of the host's settings that goes with the namespace. It leaves the
/// kernel's settings alone, since they are not the namespace's.
fn activate_ufw() -> Result<(), Trouble> {
    let script = "mkdir /run/etc && mount -t tmpfs tmpfs /run/etc && mkdir /run/etc/upper /run/etc/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work overlay /etc
sed -i 's/^IPT_SYSCTL/#&/; s/^IPV6=.*/IPV6=yes/' /etc/default/ufw
ufw --force reset; ufw default allow incoming; ufw --force enable";
    let said = process::run(process::command("sh").args(["-euc", script]), LIMIT)?;
    if said.well() {
        return Ok(());
    }
    Err(Trouble::missing(format!("UFW does not run in a namespace here: {}", said.told()), "run it as root"))
}

fn load(filter: &mut Filter) -> Outcome {
    for _ in 0..2 {
        let said = filter.script("apply.sh")?;
        if !said.well() {
            return Trouble::failed(said.told());
        }
    }
    Ok(String::new())
}

fn revoked(filter: &mut Filter) -> Outcome {
    let mut works = Vec::new();
    for one in &mut filter.kept {
        if one.works()? {
            works.push(one.from.to_string());
        }
    }
    if works.is_empty() {
        Ok(format!("{} connections", filter.kept.len()))
    } else {
        Trouble::failed(format!("still connected: {}", works.join(", ")))
    }
}

fn loopback(filter: &mut Filter) -> Outcome {
    if filter.network.loopback()? { Ok(String::new()) } else { Trouble::failed("it does not") }
}

fn remove(filter: &mut Filter) -> Outcome {
    let said = filter.script("remove.sh")?;
    if !said.well() {
        return Trouble::failed(said.told());
    }
    filter.open()?;
    if filter.backend == FirewallBackend::Ufw {
        // Active it would judge what the next backend is asked.
        process::run(process::command("ufw").args(["--force", "disable"]), LIMIT)?;
    }
    Ok(String::new())
}
