//! In: what a profile disables. Out: which commands `rename-command` takes from everybody, admins included, which
//! stay for the ACL to deny, and which of the former the server itself goes on writing into its append-only file.

use crate::acl;
use crate::engine::{Command, CommandSet, Line};
use crate::profile::{Commands, EngineKind};

/// What becomes of the disabled commands in redis.conf. Empty unless the profile asks for renaming.
#[derive(Debug, Default)]
pub struct Renames {
    /// Whole commands that nobody can run any more, in the order of their line.
    pub away: Vec<&'static str>,
    /// Those of them that the profile does not name: they do the same as one that it names.
    pub relatives: Vec<&'static str>,
    /// What is denied and not renamed, and why.
    pub kept: Vec<(&'static str, &'static str)>,
}

/// Never renamed, whatever is disabled.
const KEPT: &[(&str, &str)] = &[
    ("acl", "without it nobody manages the users of a running server"),
    ("auth", "without it nobody logs in"),
    ("hello", "without it nobody logs in"),
    ("ping", "the health check needs it"),
    // 6.2 has commands of these names, which close the connection of a browser that was lured here.
    ("host:", "it is a trap for browsers"),
    ("post", "it is a trap for browsers"),
];

const SUBCOMMAND: &str = "a subcommand cannot be renamed, only its whole command";
const MODULE: &str = "a module brings it when the settings are read already, and the server would not start";
const UNDOES: &str = "it is not in the list, and denied since it could undo a denial";

/// A command that the server writes into its append-only file although nobody sent it.
#[derive(Debug)]
pub struct Written {
    /// Its name.
    pub name: &'static str,
    /// Why the server writes it on its own account, if it does.
    pub itself: Option<&'static str>,
    /// The commands in whose place it is written.
    pub others: &'static [&'static str],
}

const fn itself(name: &'static str, why: &'static str, others: &'static [&'static str]) -> Written {
    Written { name, itself: Some(why), others }
}

const fn instead(name: &'static str, others: &'static [&'static str]) -> Written {
    Written { name, itself: None, others }
}

/// Seen in the files of Redis 6.2, 7.0, 7.4, 8.0, 8.2 and Valkey 8.1, 9.0, 9.1; `tests/server/rename.rs` looks again.
const WRITTEN: &[Written] = &[
    itself("select", "the first write into a file comes behind it", &[]),
    itself("multi", "it encloses what one call changes in several places", &[]),
    itself("exec", "it encloses what one call changes in several places", &[]),
    itself(
        "del",
        "expired and evicted keys are written as DEL or UNLINK, as lazy freeing is set",
        &["getdel", "delifeq"],
    ),
    itself("unlink", "expired and evicted keys are written as DEL or UNLINK, as lazy freeing is set", &[]),
    instead("set", &["setex", "psetex", "getset", "incrbyfloat"]),
    instead("pexpireat", &["expire", "pexpire", "expireat", "getex"]),
    instead("persist", &["getex"]),
    instead("srem", &["spop"]),
    instead("lpop", &["blpop", "lmpop", "blmpop"]),
    instead("rpop", &["brpop", "lmpop", "blmpop"]),
    instead("rpoplpush", &["brpoplpush"]),
    instead("lmove", &["blmove"]),
    instead("zadd", &["geoadd"]),
    instead("zpopmin", &["bzpopmin", "zmpop", "bzmpop"]),
    instead("zpopmax", &["bzpopmax", "zmpop", "bzmpop"]),
    instead("xclaim", &["xreadgroup", "xautoclaim"]),
    instead("xgroup", &["xreadgroup"]),
    instead("hset", &["hincrbyfloat"]),
    instead("hsetex", &["hincrbyfloat"]),
    instead("hdel", &["hexpire", "hpexpire", "hexpireat", "hpexpireat", "hgetex"]),
    instead("hpexpireat", &["hexpire", "hpexpire", "hexpireat", "hgetex"]),
    instead("hpersist", &["hgetex"]),
];

/// What the line writes for something else.
pub fn written(line: &Line) -> impl Iterator<Item = &'static Written> {
    // Redis 8.2 and later write HSETEX for HINCRBYFLOAT, so that the field keeps its expiry.
    let absent = if line.kind == EngineKind::Redis && line.number >= (8, 2) { "hset" } else { "hsetex" };
    WRITTEN.iter().filter(move |written| written.name != absent && line.command(written.name).is_some())
}

impl Renames {
    /// What the profile's section asks for. Names that the line does not know are left out: a rule reports them,
    /// and the server would not start with one.
    pub fn new(line: &'static Line, commands: &Commands, denied: &CommandSet) -> Renames {
        let mut renames = Renames::default();
        if !commands.rename {
            return renames;
        }
        let Ok(disabled) = acl::disabled(line, &commands.disabled) else { return renames };
        let mut stated = CommandSet::none(line.commands.len());
        for selected in commands.disabled.iter().filter_map(|name| acl::select(line, name.as_str()).ok()) {
            stated.add(&selected);
        }
        for (id, command) in line.commands.iter().enumerate().filter(|(id, _)| denied.contains(*id)) {
            let parent = command.name.split_once('|').map(|(parent, _)| line.command(parent));
            match (parent, stays(command)) {
                // With its command, whatever becomes of that.
                (Some(Some(parent)), _) if denied.contains(parent) => {}
                (Some(_), _) => renames.kept.push((command.name, SUBCOMMAND)),
                (None, Some(why)) => renames.kept.push((command.name, why)),
                (None, None) if !disabled.contains(id) => renames.kept.push((command.name, UNDOES)),
                (None, None) => {
                    renames.away.push(command.name);
                    if !stated.contains(id) {
                        renames.relatives.push(command.name);
                    }
                }
            }
        }
        renames
    }

    /// True if nobody can run the command any more.
    pub fn takes(&self, command: &str) -> bool {
        self.away.contains(&command)
    }

    /// Those that the server goes on writing into its append-only file, and at whose name the next boot ends.
    pub fn replayed(&self, line: &Line) -> Vec<&'static Written> {
        let still = |name: &str| line.command(name).is_some() && !self.takes(name);
        let goes_on = |written: &&Written| written.itself.is_some() || written.others.iter().any(|name| still(name));
        written(line).filter(|written| self.takes(written.name)).filter(goes_on).collect()
    }

    /// Those that an append-only file may hold from the time before.
    pub fn recorded(&self, line: &Line) -> Vec<&'static str> {
        let writes = |id: usize| line.commands.get(id).is_some_and(|command| command.categories.contains(&"write"));
        // What is written as another command never stands there by its own name.
        let replaced = |name: &str| {
            written(line).any(|written| written.others.contains(&name)) && written(line).all(|it| it.name != name)
        };
        let recorded = |name: &str| match name {
            // It reads, and writes down what it counted. 6.2 keeps loaded scripts.
            "pfcount" => true,
            "script" => !line.has_subcommands(),
            _ => !replaced(name) && line.command(name).is_some_and(|id| line.with_subcommands(id).any(writes)),
        };
        self.away.iter().copied().filter(|name| recorded(name)).collect()
    }
}

fn stays(command: &Command) -> Option<&'static str> {
    let kept = KEPT.iter().find(|(name, _)| *name == command.name).map(|(_, why)| *why);
    // Built-in commands have categories; the vector sets of 8.0 and later, a module, have none (measured on 8.0 and
    // 8.2: "No such command in rename-command").
    kept.or_else(|| command.categories.is_empty().then_some(MODULE))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn renames(line: &'static Line, disabled: &[&str]) -> Renames {
        let disabled = disabled.iter().map(|name| name.parse().expect("name")).collect();
        let commands = Commands { disabled, rename: true };
        let denied = acl::denied(line, &commands.disabled).expect("known");
        Renames::new(line, &commands, &denied)
    }

    /// A name that the server does not know is fatal, and so is one that stands twice, a subcommand, and one of a
    /// module (measured).
    #[test]
    fn every_line_gets_names_that_it_takes() {
        for line in crate::engine::lines() {
            let categories: BTreeSet<&str> = line.commands.iter().flat_map(|it| it.categories.clone()).collect();
            let categories = categories.iter().copied().chain(["all"]).map(|name| format!("@{name}"));
            let names = line.commands.iter().map(|command| command.name.to_owned());
            for stated in names.filter(|name| line.has_subcommands() || !name.contains('|')).chain(categories) {
                let Ok(disabled) = stated.parse() else { continue };
                let commands = Commands { disabled: vec![disabled], rename: true };
                let denied = acl::denied(line, &commands.disabled).expect("known");
                let renames = Renames::new(line, &commands, &denied);
                let unique: BTreeSet<&str> = renames.away.iter().copied().collect();
                assert_eq!(unique.len(), renames.away.len(), "{line} {stated}");
                for name in &renames.away {
                    let id = line.command(name).unwrap_or_else(|| panic!("{line} lacks {name}"));
                    let command = line.commands.get(id).expect("command");
                    assert!(!name.contains('|') && !command.categories.is_empty(), "{line} {stated}: {name}");
                    assert!(!["acl", "auth", "hello", "ping"].contains(name), "{line} {stated}: {name}");
                }
                // Nothing that is denied is forgotten: it is renamed, or named as kept, by itself or by its command.
                for (id, command) in line.commands.iter().enumerate().filter(|(id, _)| denied.contains(*id)) {
                    let whole = command.name.split('|').next().unwrap_or_default();
                    let told = |name: &str| renames.takes(name) || renames.kept.iter().any(|(kept, _)| *kept == name);
                    assert!(told(command.name) || told(whole), "{line} {stated}: {} {id}", command.name);
                }
            }
        }
    }

    #[test]
    fn relatives_go_too_and_subcommands_stay() {
        let line = crate::engine::lines().find(|line| line.number == (7, 4)).expect("7.4");
        let renames = renames(line, &["eval", "slaveof", "config|set"]);
        assert_eq!(
            renames.away,
            ["eval", "eval_ro", "evalsha", "evalsha_ro", "failover", "replicaof", "script", "slaveof"]
        );
        assert_eq!(renames.relatives, ["eval_ro", "evalsha", "evalsha_ro", "failover", "replicaof", "script"]);
        for (name, why) in [("cluster|replicate", SUBCOMMAND), ("config|set", SUBCOMMAND), ("module", UNDOES)] {
            assert!(renames.kept.contains(&(name, why)), "{name}: {:?}", renames.kept);
        }
    }

    #[test]
    fn what_is_written_for_something_else_counts_while_that_can_be_run() {
        let line = crate::engine::lines().find(|line| line.number == (7, 4)).expect("7.4");
        let names = |disabled: &[&str]| -> Vec<&str> {
            renames(line, disabled).replayed(line).into_iter().map(|written| written.name).collect()
        };
        assert_eq!(names(&["flushall", "keys", "select"]), ["select"]);
        assert_eq!(names(&["srem"]), ["srem"]);
        assert_eq!(names(&["srem", "spop"]), Vec::<&str>::new());
        assert_eq!(renames(line, &["srem", "spop", "pfcount", "keys"]).recorded(line), ["pfcount", "srem"]);
    }

    #[test]
    fn the_table_names_commands() {
        for name in WRITTEN.iter().flat_map(|written| written.others.iter().chain([&written.name])) {
            assert!(crate::engine::lines().any(|line| line.command(name).is_some()), "{name}");
        }
    }
}
