//! In: a profile. Out: what the packet filter in front of its port must do, and the names that it goes by.
//! Every backend is written from this, and `explain --source` answers from it.

use std::net::IpAddr;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::allowlist::{Allowed, Allowlist};
use crate::format::Rate;
use crate::profile::{Exposure, FirewallBackend, Profile};

/// More sources than this make every packet wait: a rule costs 8 to 24 ns for each packet and source, a set the
/// same for any number (measured with 9 999 sources). Backends without sets are refused above it.
pub const LINEAR: usize = 500;

/// The packet filter of a deployment.
#[derive(Clone, Debug)]
pub struct Firewall {
    /// Backends that rules are written for; the first is the default of the scripts.
    pub backends: Vec<FirewallBackend>,
    /// The port that it guards on the host.
    pub port: u16,
    /// The exporter's port on the host, which only the host itself may reach.
    pub metrics: Option<u16>,
    /// Who may connect.
    pub admits: Admits,
    /// Most open connections of one source.
    pub connections: Option<u32>,
    /// How fast a source may open connections.
    pub rate: Option<RateLimit>,
    /// nftables table.
    pub table: String,
    /// iptables chain; the helpers add `-F` and `-L`. At most 28 characters are allowed.
    pub chain: String,
    /// Comment of each UFW rule, by which the rules are found again.
    pub comment: String,
}

/// Who may connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admits {
    /// Only the host itself.
    Loopback,
    /// The sources of the allow list.
    Listed,
    /// Everyone, within the limits.
    Everyone,
}

/// A token bucket for each source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RateLimit {
    /// How many connections for each `per`.
    pub count: u64,
    /// `second`, `minute`, `hour` or `day`.
    pub per: &'static str,
    /// How many at once.
    pub burst: u64,
    /// Seconds after which an idle source has its whole burst again; state must be kept as long.
    pub refill: u64,
}

impl RateLimit {
    /// A pool opens its connections at once when its application starts, so the burst is what a source may
    /// hold; but not more than a day refills, which hashlimit could not count either.
    fn new(rate: &Rate, connections: Option<u32>) -> RateLimit {
        let seconds = match rate.per {
            "second" => 1,
            "minute" => 60,
            "hour" => 3600,
            _ => DAY,
        };
        let count = rate.count.clamp(1, MAX_RATE);
        let burst = connections.map_or(count * 2, u64::from).clamp(1, (count * DAY / seconds).max(1));
        RateLimit { count, per: rate.per, burst, refill: (burst * seconds / count + 1).max(60) }
    }
}

/// Seconds of a day.
const DAY: u64 = 86_400;
/// hashlimit refuses more for a second; a rule says so.
pub const MAX_RATE: u64 = 1_000_000;

/// What happens to a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<'list> {
    /// It comes from the host itself.
    Loopback,
    /// An entry of the allow list admits it.
    Allowed(&'list Allowed),
    /// Everyone is admitted.
    Open,
    /// It is dropped.
    Denied,
}

impl Firewall {
    /// The packet filter of a profile; none if no port is published, or nothing would be refused.
    pub fn new(profile: &Profile, project: &str) -> Option<Firewall> {
        let firewall = &profile.network.firewall;
        let limited = firewall.connections_per_source.is_some() || firewall.new_connections.is_some();
        let admits = match profile.network.exposure {
            Exposure::Localhost => Admits::Loopback,
            Exposure::Allowlist => Admits::Listed,
            Exposure::Open if limited => Admits::Everyone,
            Exposure::Open | Exposure::Internal => return None,
        };
        let mut backends: Vec<FirewallBackend> = Vec::new();
        for backend in &firewall.backends {
            if !backends.contains(backend) {
                backends.push(*backend);
            }
        }
        (!backends.is_empty()).then(|| Firewall {
            port: profile.network.port,
            metrics: profile.monitoring.exporter.then(|| profile.monitoring.port.unwrap_or(crate::exporter::PORT)),
            admits,
            connections: firewall.connections_per_source,
            rate: firewall.new_connections.as_ref().map(|rate| RateLimit::new(rate, firewall.connections_per_source)),
            table: format!("redisgen_{}", project.replace('-', "_")),
            chain: tag(project).to_uppercase(),
            comment: format!("redisgen {project}"),
            backends,
        })
    }

    /// True if a backend sees the ports that Docker publishes; UFW by itself does not.
    pub fn sees_docker(&self) -> bool {
        self.backends.iter().any(|backend| *backend != FirewallBackend::Ufw)
    }

    /// True if one source cannot have any number of connections.
    pub fn limited(&self) -> bool {
        self.connections.is_some() || self.rate.is_some()
    }

    /// What happens to a connection from this address.
    pub fn judge<'list>(&self, allowed: &'list Allowlist, source: IpAddr) -> Verdict<'list> {
        match self.admits {
            _ if source.is_loopback() => Verdict::Loopback,
            Admits::Everyone => Verdict::Open,
            Admits::Loopback => Verdict::Denied,
            Admits::Listed => allowed.find(source).map_or(Verdict::Denied, Verdict::Allowed),
        }
    }
}

/// A short name for bridges and chains, whose lengths the kernel limits (15 characters for an interface); the
/// digest keeps the deployments of one host apart.
pub fn tag(project: &str) -> String {
    let digest = crate::hex(&Sha256::digest(project));
    format!("rg-{}", digest.get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_kept_until_the_burst_is_back() {
        let limit = |text: &str, connections| RateLimit::new(&text.parse().expect("rate"), connections);
        let expected = RateLimit { count: 10, per: "second", burst: 20, refill: 60 };
        assert_eq!(limit("10/second", Some(20)), expected);
        assert_eq!(limit("10/second", None), expected);
        // 240 connections come back within a day, 1 000 would not.
        let expected = RateLimit { count: 10, per: "hour", burst: 240, refill: 86_401 };
        assert_eq!(limit("10/hour", Some(1000)), expected);
        assert_eq!(limit("1/day", Some(1_000_000)).burst, 1);
    }

    #[test]
    fn names_fit() {
        let longest = format!("{}-dev", "a".repeat(32));
        assert!(format!("{}-app", tag(&longest)).len() <= 15);
        assert_ne!(tag("a"), tag("a-dev"));
    }
}
