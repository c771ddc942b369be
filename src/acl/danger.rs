//! What commands can do beyond reading and writing keys: one literal per danger. In: a set of permissions. Out: the
//! dangerous commands in it.

use std::borrow::Cow;

use super::account::Grant;
use crate::engine::{CommandSet, Line, Name, PerLine};

/// A way to do harm.
#[derive(Debug, PartialEq, Eq)]
pub struct Danger {
    /// What a user with one of the commands can do, as `can …`.
    pub can: &'static str,
    /// Why that is dangerous.
    pub why: &'static str,
    /// Any one of these is enough, on lines that have it.
    pub commands: &'static [&'static str],
    /// These need to reach every key, too.
    pub with_all_keys: &'static [&'static str],
    /// These are dangerous to somebody whose keys are limited: the limit does not hold.
    pub with_limited_keys: &'static [&'static str],
}

/// Code that runs in the server.
pub const CODE: Danger = Danger {
    can: "run code in the server",
    why: "Lua left its sandbox more than once (CVE-2022-0543, CVE-2024-46981, CVE-2025-49844), RESTORE parses bytes of the sender's making (CVE-2026-25243), modules and DEBUG are native code, MIGRATE hands RESTORE bytes to any server. A script that does not end stops everybody.",
    commands: &[
        "eval",
        "eval_ro",
        "evalsha",
        "evalsha_ro",
        "fcall",
        "fcall_ro",
        "function|load",
        "function|restore",
        "module|load",
        "module|loadex",
        "debug",
        "restore",
        "restore-asking",
        "migrate",
    ],
    with_all_keys: &[],
    with_limited_keys: &[],
};

/// Settings, users, and whose copy this server is.
pub const CONTROL: Danger = Danger {
    can: "reconfigure the server or give itself rights",
    why: "CONFIG SET and REPLICAOF are how servers are taken over (files written where cron or SSH read them, a rogue primary); FAILOVER and CLUSTER make another server the one that counts; with ACL SETUSER or LOAD every other rule is void.",
    commands: &[
        "config|set",
        "config|rewrite",
        "acl|setuser",
        "acl|deluser",
        "acl|load",
        "acl|save",
        "replicaof",
        "slaveof",
        "failover",
        "cluster|addslots",
        "cluster|addslotsrange",
        "cluster|delslots",
        "cluster|delslotsrange",
        "cluster|failover",
        "cluster|forget",
        "cluster|meet",
        "cluster|replicate",
        "cluster|reset",
        "cluster|setslot",
        "cluster|migrateslots",
        "cluster|migration",
        "module|unload",
    ],
    with_all_keys: &[],
    with_limited_keys: &[],
};

/// Data that leaves, past key patterns or all of it.
pub const EXFILTRATE: Danger = Danger {
    can: "carry data out past its key patterns, or all of it",
    why: "KEYS tells every name whatever the patterns say; with all keys, SCAN, RANDOMKEY and DUMP copy the data set; MONITOR, SLOWLOG GET and HOTKEYS show what others send, SYNC and PSYNC hand out the whole data set, MIGRATE sends keys to any address.",
    commands: &[
        "keys",
        "monitor",
        "sync",
        "psync",
        "migrate",
        "slowlog|get",
        "commandlog|get",
        "hotkeys|get",
        "backup|start",
        "debug",
    ],
    with_all_keys: &["scan", "clusterscan", "cluster|getkeysinslot", "dump", "randomkey"],
    with_limited_keys: &[],
};

/// Names of keys that patterns do not hide.
pub const NAMES: Danger = Danger {
    can: "see the names of all keys, whatever its patterns say",
    why: "SCAN, RANDOMKEY and CLUSTER GETKEYSINSLOT name no key, so that key patterns do not apply to them, and CLIENT TRACKING in broadcast mode tells every name that changes. Values stay hidden.",
    commands: &[],
    with_all_keys: &[],
    with_limited_keys: &["scan", "clusterscan", "cluster|getkeysinslot", "randomkey", "client|tracking"],
};

/// What others prove themselves with.
pub const SECRETS: Danger = Danger {
    can: "read password digests, or secrets in settings",
    why: "ACL LIST and GETUSER show the unsalted SHA-256 digest of every password, from which weak ones are guessed; CONFIG GET shows masterauth and the passphrase of the TLS key where they are set.",
    commands: &["acl|getuser", "acl|list", "config|get"],
    with_all_keys: &[],
    with_limited_keys: &[],
};

/// Data or service that ends.
pub const DESTROY: Danger = Danger {
    can: "destroy all data or end the server",
    why: "One command ends what a backup has to bring back, whatever key patterns say.",
    commands: &[
        "flushall",
        "flushdb",
        "shutdown",
        "swapdb",
        "debug",
        "function|flush",
        "cluster|flushslots",
        "cluster|flushslot",
        "trimslots",
    ],
    with_all_keys: &[],
    with_limited_keys: &[],
};

/// Everybody else waits.
pub const BLOCK: Danger = Danger {
    can: "block or disconnect everybody else",
    why: "The server runs one command at a time: KEYS and SAVE hold it for as long as the data set takes, CLIENT PAUSE and KILL are made to stop others.",
    commands: &["client|pause", "client|kill", "save", "keys", "debug", "script|debug"],
    with_all_keys: &[],
    with_limited_keys: &[],
};

/// All of them, the worst first.
pub const ALL: [&Danger; 7] = [&CODE, &CONTROL, &EXFILTRATE, &DESTROY, &BLOCK, &SECRETS, &NAMES];

/// A danger's commands as one line knows them, to judge many users by.
pub struct Dangerous {
    /// The danger.
    pub danger: &'static Danger,
    always: CommandSet,
    with_all_keys: CommandSet,
    with_limited_keys: CommandSet,
}

impl Dangerous {
    /// For a line.
    pub fn new(line: &Line, danger: &'static Danger) -> Dangerous {
        let ids = |names: &[&str]| {
            let mut set = CommandSet::none(line.commands.len());
            names.iter().filter_map(|name| line.command(name)).for_each(|id| set.insert(id));
            set
        };
        let mut with_limited_keys = ids(danger.with_limited_keys);
        // 6.2 lets `SORT … GET pattern` read any key; later lines ask for a right to all (measured).
        if !line.has_subcommands() && *danger == EXFILTRATE {
            with_limited_keys.add(&ids(&["sort"]));
        }
        Dangerous { danger, always: ids(danger.commands), with_all_keys: ids(danger.with_all_keys), with_limited_keys }
    }

    /// The names of a grant's commands that carry this danger.
    pub fn among(&self, line: &Line, grant: &Grant) -> Vec<Name> {
        let mut found = grant.commands.both(&self.always);
        found.extend(grant.commands.both(self.by_keys(grant)));
        // Without Valkey's right to all databases there is no FLUSHALL (measured on 9.1.2).
        let name = |id: usize| line.commands.get(id).map_or("", |command| command.name);
        let found = found.into_iter().map(name).filter(|name| *name != "flushall" || grant.databases.is_none());
        let mut names: Vec<Name> = found.map(Cow::Borrowed).collect();
        names.extend(self.by_first_argument(line, grant));
        names.sort();
        names
    }

    /// True if [`Dangerous::among`] has anything to tell; cheaper.
    pub fn touches(&self, line: &Line, grant: &Grant) -> bool {
        grant.commands.intersects(&self.always)
            || grant.commands.intersects(self.by_keys(grant))
            || ((!line.has_subcommands() || !grant.first_arguments.is_empty())
                && !self.by_first_argument(line, grant).is_empty())
    }

    fn by_keys(&self, grant: &Grant) -> &CommandSet {
        if grant.reaches_every_key() { &self.with_all_keys } else { &self.with_limited_keys }
    }

    /// What first arguments permit: `flushall|async` is as bad as FLUSHALL. On 6.2 a subcommand is one, too.
    fn by_first_argument(&self, line: &Line, grant: &Grant) -> Vec<Name> {
        let dangerous = |id: &usize| self.always.contains(*id) || self.by_keys(grant).contains(*id);
        let parts = grant.first_arguments.iter().filter(|(id, _)| dangerous(id) && !grant.commands.contains(**id));
        let mut found: Vec<Name> = parts
            .filter_map(|(id, arguments)| Some((line.commands.get(*id)?.name, arguments)))
            .flat_map(|(name, arguments)| {
                arguments.iter().map(move |argument| Cow::Owned(format!("{name}|{argument}")))
            })
            .collect();
        if !line.has_subcommands() {
            let by_keys =
                if grant.reaches_every_key() { self.danger.with_all_keys } else { self.danger.with_limited_keys };
            let subcommands = self.danger.commands.iter().chain(by_keys).filter(|name| SUBCOMMANDS_6_2.contains(name));
            let permitted = subcommands.filter(|name| {
                let (command, word) = name.split_once('|').unwrap_or((name, ""));
                line.command(command).is_some_and(|id| grant.permits(id, Some(word)))
            });
            found.extend(permitted.map(|name| Cow::Borrowed(*name)));
        }
        found
    }
}

/// Subcommands of 6.2, which does not list them, as far as they are dangerous.
const SUBCOMMANDS_6_2: &[&str] = &[
    "acl|deluser",
    "acl|getuser",
    "acl|list",
    "acl|load",
    "acl|save",
    "acl|setuser",
    "client|kill",
    "client|pause",
    "client|tracking",
    "cluster|addslots",
    "cluster|delslots",
    "cluster|failover",
    "cluster|flushslots",
    "cluster|forget",
    "cluster|getkeysinslot",
    "cluster|meet",
    "cluster|replicate",
    "cluster|reset",
    "cluster|setslot",
    "config|get",
    "config|rewrite",
    "config|set",
    "module|load",
    "module|unload",
    "script|debug",
    "slowlog|get",
];

/// Every danger for a line, in the order of [`ALL`].
pub fn all(line: &Line) -> &'static [Dangerous] {
    static KNOWN: PerLine<Vec<Dangerous>> = PerLine::empty();
    KNOWN.of(line, |line| ALL.iter().map(|danger| Dangerous::new(line, danger)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_exists_somewhere() {
        for name in ALL
            .iter()
            .flat_map(|danger| danger.commands.iter().chain(danger.with_all_keys).chain(danger.with_limited_keys))
        {
            assert!(crate::engine::lines().any(|line| line.command(name).is_some()), "{name}");
        }
    }

    #[test]
    fn scanning_is_dangerous_with_every_key_only() {
        for line in crate::engine::lines() {
            let danger = Dangerous::new(line, &EXFILTRATE);
            for (words, expected) in
                [(vec!["+scan", "~a*"], false), (vec!["+scan", "~*"], true), (vec!["+get", "~*"], false)]
            {
                let mut grant = Grant::nothing(line);
                for word in &words {
                    grant.apply(line, word).expect("applies");
                }
                assert_eq!(danger.touches(line, &grant), expected, "{line} {words:?}");
                assert_eq!(!danger.among(line, &grant).is_empty(), expected, "{line} {words:?}");
            }
        }
    }
}
