//! Which directives `config` takes, and what to use in place of the others.

const ALLOWED: &str = include_str!("tuning.txt");

/// Directives with a field of their own, or with a reason why none exists. A name that ends in `-` stands
/// for all that start with it.
const INSTEAD: &[(&str, &str)] = &[
    ("aclfile", "users stand in `users`; the ACL file's place is fixed"),
    ("acl-pubsub-default", "channels stand in `users[].channels`; without them none are allowed"),
    ("appendonly", "use `persistence.aof`"),
    ("appendfsync", "use `persistence.aof`"),
    ("appenddirname", "the data folder's layout is fixed, backups rely on it"),
    ("appendfilename", "the data folder's layout is fixed, backups rely on it"),
    ("bind", "use `network.exposure` and `network.listen`"),
    ("client-output-buffer-limit", "its value has a grammar of its own; redisgen sets limits"),
    ("daemonize", "the container's init is the server itself"),
    ("dbfilename", "the data folder's layout is fixed, backups rely on it"),
    ("dir", "the data folder is fixed; moving it is how attackers write files"),
    ("enable-", "redisgen keeps these switches off; they hand out the host"),
    ("include", "one file, so that what was proven is what runs"),
    ("loadmodule", "modules run code in the server; redisgen loads none"),
    ("logfile", "the log goes to the container's standard output"),
    ("maxclients", "use `resources.max_clients`"),
    ("maxmemory", "use `resources.maxmemory`"),
    ("maxmemory-policy", "use `resources.eviction`"),
    ("pidfile", "the container has one process"),
    ("port", "use `network.port`"),
    ("protected-mode", "redisgen sets it from `users` and `environment`"),
    ("rename-command", "use `commands.disabled` and `commands.rename`"),
    ("replicaof", "replication is not part of the profile format"),
    ("requirepass", "use `users`; next to an ACL file it has no effect"),
    ("save", "use `persistence.snapshots`"),
    ("slaveof", "replication is not part of the profile format"),
    ("syslog-", "the log goes to the container's standard output"),
    ("timeout", "use `resources.idle_timeout`"),
    ("tls-", "use the section `tls`"),
    ("unixsocket", "the server listens on its port only"),
    ("unixsocketperm", "the server listens on its port only"),
    ("user", "use `users`"),
];

/// The names that `config` takes.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALLOWED.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

/// True if `config` takes the directive.
pub fn allowed(name: &str) -> bool {
    names().any(|known| known == name)
}

/// What to use in place of a directive that is refused for a known reason.
pub fn instead(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let matches = |known: &str| if known.ends_with('-') { name.starts_with(known) } else { name == known };
    INSTEAD.iter().find(|(known, _)| matches(known)).map(|(_, instead)| *instead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowed_directives_exist_and_can_be_checked() {
        for name in names() {
            assert!(instead(name).is_none(), "{name} is allowed and refused");
            let known: Vec<_> = crate::engine::lines().filter_map(|line| line.directive(name)).collect();
            assert!(!known.is_empty(), "{name} exists nowhere");
            for directive in known.into_iter().filter(|directive| !directive.ignored) {
                assert_ne!(directive.kind, crate::engine::DirectiveType::Other, "{name}");
                assert_ne!(directive.kind, crate::engine::DirectiveType::Text, "{name}");
            }
        }
    }
}
