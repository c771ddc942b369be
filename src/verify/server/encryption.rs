//! What TLS refuses, and what it serves.

use super::running::Running;
use crate::model::Model;
use crate::profile::TlsVersion;
use crate::verify::check::{Check, Outcome};
use crate::verify::{encryption, settings};

pub(super) const CHECKS: &[Check<Running>] = &[
    Check { id: "plain-text", title: "Connections without TLS are refused", applies: Model::tls, prove: plain_text },
    Check {
        id: "server-name",
        title: "Clients that check names accept those of the profile and no other",
        applies: Model::tls,
        prove: |server| encryption::server_name(&server.peer()?),
    },
    Check {
        id: "foreign-authority",
        title: "A client of another authority does not trust the server",
        applies: Model::tls,
        prove: |server| encryption::foreign_authority(&server.peer()?),
    },
    Check {
        id: "client-certificate",
        title: "Clients without a certificate of ours are refused, right password or not",
        applies: Model::mutual,
        prove: |server| encryption::client_certificate(&server.peer()?),
    },
    Check {
        id: "modern-tls",
        title: "Each version of TLS that the profile allows works",
        applies: Model::tls,
        prove: |server| encryption::modern_versions(&server.peer()?),
    },
    Check {
        id: "old-tls",
        title: "Older versions of TLS are refused",
        applies: Model::tls,
        prove: |server| encryption::old_versions(&server.peer()?),
    },
    Check {
        id: "weak-ciphers",
        title: "Weak ciphers are refused",
        applies: |model| model.tls() && model.profile.tls.minimum == TlsVersion::Tls12,
        prove: |server| encryption::weak_ciphers(&server.peer()?),
    },
];

/// The port of TLS answers nothing else, and there is no other port.
fn plain_text(server: &mut Running) -> Outcome {
    let mut peer = server.peer()?;
    let held = encryption::plain_text(&peer)?;
    if server.model.renames.away.contains(&"config") {
        return Ok(held);
    }
    let reply = server.prover()?.call(&["CONFIG", "GET", "port"])?;
    let port = settings::read(&reply).and_then(|settings| settings.get("port")?.parse().ok()).unwrap_or(0);
    if port != 0 {
        peer.address.set_port(port);
        encryption::plain_text(&peer)?;
    }
    Ok(held)
}
