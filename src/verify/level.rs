//! The levels of a proof: one for each kind of software that reads what redisgen writes.

use serde::{Deserialize, Serialize};

/// What a proof runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The files of --dir are there, and the sealed users are the reviewed ones.
    Tree,
    /// The machine: kernel settings, versions, ports, modes of `secrets/`.
    Host,
    /// A real server on the emitted configuration.
    Server,
    /// Certificates, as openssl judges them.
    Certificates,
    /// Packet filters, with real packets in namespaces of their own.
    Firewall,
    /// Every shell script, by shellcheck.
    Scripts,
    /// Terraform modules.
    Terraform,
    /// Alert rules, by promtool.
    Alerts,
    /// The compose file, really up.
    Compose,
    /// A running server against the profile.
    Live,
}

impl Level {
    /// All levels, in the order in which they run.
    pub const ALL: [Level; 10] = [
        Level::Tree,
        Level::Host,
        Level::Server,
        Level::Certificates,
        Level::Firewall,
        Level::Scripts,
        Level::Terraform,
        Level::Alerts,
        Level::Compose,
        Level::Live,
    ];

    /// Its word on the command line and in evidence.
    pub const fn word(self) -> &'static str {
        match self {
            Level::Tree => "tree",
            Level::Host => "host",
            Level::Server => "server",
            Level::Certificates => "certificates",
            Level::Firewall => "firewall",
            Level::Scripts => "scripts",
            Level::Terraform => "terraform",
            Level::Alerts => "alerts",
            Level::Compose => "compose",
            Level::Live => "live",
        }
    }
}
