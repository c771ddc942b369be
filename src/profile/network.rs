//! The sections `network` and `tls`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::choice;
use crate::format::{
    AbsolutePath, Account, Address, Date, Duration, HostName, HostOrAddress, Network, Rate, ResourceName, Text,
};

choice! {
    /// Who can reach the published port.
    Exposure { Internal = "internal", Localhost = "localhost", Allowlist = "allowlist", Open = "open" }
}

/// Who can reach the server.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkSection {
    /// `internal` publishes nothing; `localhost` publishes on the host's loopback; `allowlist` on the
    /// addresses of `listen`, for the sources of `allow`; `open` for everyone.
    pub exposure: Exposure,
    /// Port that is published on the host; inside the container it is always 6379.
    #[schemars(range(min = 1, max = 65535), example = 6379)]
    pub port: u16,
    /// The host's own addresses that publish the port; all of them if empty.
    #[schemars(length(max = 64), example = ["10.8.0.1"])]
    pub listen: Vec<Address>,
    /// Name that clients dial; part of the server's certificate.
    #[schemars(example = "redis.internal.example.com")]
    pub hostname: Option<HostName>,
    /// Sources that may connect, for exposure `allowlist`.
    #[schemars(length(max = 25_000))]
    pub allow: Vec<Allow>,
    /// The packet filter that stands in front of the port.
    pub firewall: Firewall,
    /// The host through which people reach the server by SSH.
    pub bastion: Option<Bastion>,
    /// Names and addresses of the container networks.
    pub docker: Option<Docker>,
}

/// One source that may connect.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// An address or a network in CIDR form.
    #[schemars(example = "10.8.0.0/24")]
    pub source: Network,
    /// Who this is.
    pub comment: Option<Text>,
    /// Last day on which the source may connect. It is checked by `validate` and `build`: rules that are loaded
    /// already do not know it.
    #[schemars(example = "2027-01-31")]
    pub until: Option<Date>,
}

choice! {
    /// A packet filter.
    FirewallBackend { Nftables = "nftables", Iptables = "iptables", Ufw = "ufw" }
}

/// The packet filter that stands in front of the port.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Firewall {
    /// Packet filters to write rules for; the first is the one that scripts use by default.
    pub backends: Vec<FirewallBackend>,
    /// Most connections that one source may hold open. A source is one address, for IPv6 too; with exposure `open` it
    /// is a whole /64 there, since a single host has that many.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_per_source: Option<u32>,
    /// How fast one source may open connections.
    #[schemars(example = "10/second")]
    pub new_connections: Option<Rate>,
}

/// The host through which people reach the server by SSH.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bastion {
    /// Name or address of the bastion.
    pub host: HostOrAddress,
    /// Port of its SSH server; 22 if absent.
    #[schemars(range(min = 1, max = 65535), example = 22)]
    pub port: Option<u16>,
    /// Account on the bastion, and on the Redis host where that publishes the port on its loopback only.
    pub user: Account,
    /// Name or address of the Redis host, as the bastion sees it.
    pub target: HostOrAddress,
}

/// Names and addresses of the container networks.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Docker {
    /// An existing Docker network that applications share with Redis, in place of our own.
    pub network: Option<ResourceName>,
    /// Subnet of our own application network.
    #[schemars(example = "172.30.0.0/24")]
    pub subnet: Option<Network>,
}

choice! {
    /// How connections are protected.
    TlsMode { Disabled = "disabled", Server = "server", Mutual = "mutual" }
}

choice! {
    /// The oldest TLS version that is spoken.
    TlsVersion { Tls12 = "1.2", Tls13 = "1.3" }
}

choice! {
    /// Kind of the keys that are generated.
    KeyKind { EcdsaP256 = "ecdsa-p256", EcdsaP384 = "ecdsa-p384", Ed25519 = "ed25519" }
}

/// Encryption and authentication of connections.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// `disabled` sends everything in clear; `server` proves the server to clients; `mutual` also asks
    /// every client for a certificate.
    pub mode: TlsMode,
    /// Oldest TLS version, quoted: "1.2" or "1.3".
    pub minimum: TlsVersion,
    /// Kind of the keys that are generated.
    pub key: KeyKind,
    /// DNS names of the server's certificate, beside `network.hostname`.
    #[schemars(length(max = 64), example = ["redis", "localhost"])]
    pub names: Vec<HostName>,
    /// Addresses of the server's certificate.
    #[schemars(length(max = 64), example = ["127.0.0.1"])]
    pub addresses: Vec<Address>,
    /// How long the certificate authority is valid.
    pub ca_validity: Duration,
    /// How long server and client certificates are valid.
    pub leaf_validity: Duration,
    /// How long before its end a certificate should be renewed.
    pub renew_before: Duration,
    /// An existing certificate authority to sign with, instead of one of our own.
    pub authority: Option<Authority>,
}

/// An existing certificate authority.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// Its certificate, PEM.
    pub certificate: AbsolutePath,
    /// Its private key, PEM (PKCS#8).
    pub key: AbsolutePath,
}
