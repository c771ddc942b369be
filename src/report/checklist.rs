//! The security guide's production checklist, and what it leaves out: one literal per item. In: a model. Out: how each
//! item stands.

mod access;
mod authentication;
mod compliance;
mod data;
mod host;
mod monitoring;
mod network;

use super::verdict::Verdict;
use crate::model::Model;
use crate::topic::Topic;

pub use access::{LEAST_PRIVILEGE, NO_DANGEROUS_COMMANDS};
pub use authentication::PASSWORD;
pub use data::{APPLICATION_ENCRYPTION, AT_REST};
pub use host::{CONNECTIONS, MEMORY};
pub use monitoring::{ALERTS, AUDIT, METRICS};
pub use network::{BASTION, BOUND, FIREWALL, MUTUAL_TLS, RATE, SERVER_NAMES, TLS};

/// An item.
#[derive(Debug)]
pub struct Item {
    /// A kebab-case name, stable for ever.
    pub id: &'static str,
    /// What is asked, as the guide words it where it is the guide's.
    pub text: &'static str,
    /// What it is about.
    pub topic: &'static Topic,
    /// How it stands.
    pub judge: fn(&Model) -> Verdict,
}

/// A part of the checklist.
pub struct Section {
    /// Its heading.
    pub title: &'static str,
    /// Its items.
    pub items: &'static [&'static Item],
}

/// The checklist: the guide's six sections, then ours.
pub const SECTIONS: &[Section] = &[
    Section { title: "Authentication", items: authentication::ITEMS },
    Section { title: "Network security", items: network::ITEMS },
    Section { title: "Access control", items: access::ITEMS },
    Section { title: "Data protection", items: data::ITEMS },
    Section { title: "Monitoring", items: monitoring::ITEMS },
    Section { title: "Compliance", items: compliance::ITEMS },
    Section { title: "What the guide's list leaves out", items: host::ITEMS },
];

/// The compose file's path.
fn compose(model: &Model) -> String {
    format!("docker-compose.{}.yml", model.environment_suffix())
}
