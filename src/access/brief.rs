//! In: what changed for a user. Out: the same in one line, the first few of each kind.

use super::difference::{Change, Rights};

/// How many of a kind are named.
const SHOWN: usize = 4;

/// What came and what went, each after the words that say so; empty if nothing did.
pub fn brief(change: &Change, gained: &str, lost: &str) -> String {
    let sides = [(gained, &change.gained), (lost, &change.lost)].into_iter().filter(|(_, rights)| !rights.is_empty());
    sides.map(|(what, rights)| format!("{what}: {}", kinds(rights))).collect::<Vec<_>>().join(", and ")
}

fn kinds(rights: &Rights) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut add = |what: &str, items: Vec<&str>| {
        let more = if items.len() > SHOWN { format!(" and {} more", items.len() - SHOWN) } else { String::new() };
        if !items.is_empty() {
            parts.push(format!("{what} {}{more}", items.iter().take(SHOWN).copied().collect::<Vec<_>>().join(" ")));
        }
    };
    add("login:", rights.login.into_iter().collect());
    add("flags:", rights.flags.clone());
    add("commands:", rights.commands.iter().map(AsRef::as_ref).collect());
    for (what, list) in [
        ("keys:", &rights.keys),
        ("channels:", &rights.channels),
        ("databases:", &rights.databases),
        ("selectors:", &rights.selectors),
    ] {
        add(what, list.iter().map(String::as_str).collect());
    }
    parts.join(", ")
}
