//! Who may reach what, through which guards: the lanes of the picture. In: a model. Out: for each kind of client what it
//! passes on its way to the server, and where it ends if it does not arrive.

use serde::Serialize;

use crate::firewall::Admits;
use crate::model::Model;
use crate::profile::Exposure;

/// The way of one kind of client.
#[derive(Debug, Serialize)]
pub struct Lane {
    who: String,
    detail: String,
    guards: Vec<Guard>,
    /// False: the last guard lets nobody of this kind through.
    arrives: bool,
}

/// Something on the way.
#[derive(Debug, Serialize)]
pub struct Guard {
    text: String,
    /// True if it guards nothing.
    weak: bool,
}

fn guard(text: impl Into<String>) -> Guard {
    Guard { text: text.into(), weak: false }
}

fn hole(text: impl Into<String>) -> Guard {
    Guard { text: text.into(), weak: true }
}

/// The lanes, from those inside to everybody.
pub fn lanes(model: &Model) -> Vec<Lane> {
    let network = &model.profile.network;
    let shared = network.docker.as_ref().and_then(|docker| docker.network.as_ref());
    let network_name = shared.map_or("app".to_owned(), ToString::to_string);
    let inside = format!("containers in the Docker network {network_name}");
    let mut lanes = vec![through("Applications", &inside, Vec::new(), model)];
    if network.exposure == Exposure::Internal {
        // Docker lets the host reach its containers' own addresses.
        lanes.push(through("The host", "its own processes, by the container's address", Vec::new(), model));
        lanes.push(ends("Everybody else", "", guard("no published port")));
        return lanes;
    }
    let port = format!("port {}", network.port);
    lanes.push(through("The host", "its own processes", vec![guard(port.clone())], model));
    if let Some(bastion) = &network.bastion {
        let ssh = guard(format!("SSH through {}", bastion.host));
        lanes.push(through("People", "administrators at a distance", vec![ssh, guard(port.clone())], model));
    }
    // UFW does not see the port that Docker publishes.
    let filter = model.firewall.as_ref().filter(|filter| filter.sees_docker());
    match filter.map(|filter| (filter.admits, filter.limited())) {
        Some((Admits::Listed, limited)) => {
            let sources = model.allowed.iter().count();
            let who = if sources == 1 { "1 network".to_owned() } else { format!("{sources} networks") };
            let filter = if limited { "packet filter, with limits" } else { "packet filter" };
            lanes.push(through("The allow list", &who, vec![guard(filter)], model));
            lanes.push(ends("Everybody else", "", guard("packet filter")));
        }
        Some((Admits::Loopback, _)) => lanes.push(ends("Everybody else", "", guard("packet filter"))),
        Some((Admits::Everyone, _)) => {
            lanes.push(through(
                "Everybody else",
                "the whole internet",
                vec![hole("packet filter: limits only")],
                model,
            ));
        }
        None if network.exposure == Exposure::Localhost => {
            lanes.push(ends("Everybody else", "with Docker 28 and later", guard("published on the loopback only")));
        }
        None => lanes.push(through("Everybody else", "the whole internet", vec![hole("no packet filter")], model)),
    }
    lanes
}

fn through(who: &str, detail: &str, mut guards: Vec<Guard>, model: &Model) -> Lane {
    guards.push(match (model.tls(), model.mutual()) {
        (true, true) => guard("TLS, client certificate"),
        (true, false) => guard("TLS"),
        (false, _) => hole("no encryption"),
    });
    guards.push(if model.passwords() { guard("password") } else { hole("no password") });
    guards.push(if model.passwords() { guard("ACL of its user") } else { hole("no ACL") });
    Lane { who: who.to_owned(), detail: detail.to_owned(), guards, arrives: true }
}

fn ends(who: &str, detail: &str, guard: Guard) -> Lane {
    Lane { who: who.to_owned(), detail: detail.to_owned(), guards: vec![guard], arrives: false }
}
