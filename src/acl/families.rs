//! Commands that do the same as another one: denying one without the others denies nothing.

/// Families, each closed: whoever may run one member can reach what the others do.
const FAMILIES: &[&[&str]] = &[
    // Lua from the client; without EVAL the script cache has no use.
    &["eval", "eval_ro", "evalsha", "evalsha_ro", "script"],
    // Lua from a library.
    &["function", "fcall", "fcall_ro"],
    // Both bring a library.
    &["function|load", "function|restore"],
    // SLAVEOF is the old name; the others change whose copy this server is, too.
    &["slaveof", "replicaof", "failover", "cluster|replicate"],
    // Both hand out the whole data set; REPLCONF prepares them.
    &["sync", "psync", "replconf"],
    // Each empties what the other empties.
    &["flushall", "flushdb"],
    // Each removes keys.
    &["del", "unlink"],
    // Valkey 8.1 keeps the slow log in the command log.
    &["slowlog", "commandlog"],
    &["slowlog|get", "commandlog|get"],
    // Read-only twins.
    &["sort", "sort_ro"],
    &["georadius", "georadius_ro"],
    &["georadiusbymember", "georadiusbymember_ro"],
    &["bitfield", "bitfield_ro"],
    // SUBSTR is the old name of GETRANGE.
    &["substr", "getrange"],
    // RESTORE-ASKING is RESTORE for clusters.
    &["restore", "restore-asking"],
];

/// The other commands that must be denied with this one.
pub fn relatives(command: &str) -> impl Iterator<Item = &'static str> {
    let family = FAMILIES.iter().find(|family| family.contains(&command)).copied().unwrap_or_default();
    family.iter().copied().filter(move |member| *member != command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_exists_somewhere() {
        for member in FAMILIES.iter().flat_map(|family| family.iter()) {
            assert!(crate::engine::lines().any(|line| line.command(member).is_some()), "{member}");
        }
    }
}
