//! Rules on `commands.rename`: what renaming breaks, and what it leaves to the ACL.

use std::collections::BTreeMap;

use super::{ERROR, INFO, Rule, Sink, WARNING, WARNING_IN_PRODUCTION};
use crate::acl;
use crate::model::Model;
use crate::profile::Aof;
use crate::topic;

const PATH: &str = "commands.rename";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "rename-without-effect",
        severity: WARNING,
        title: "Renaming is asked for, and nothing can be renamed",
        topic: topic::RENAMING,
        why: "`rename-command` takes whole built-in commands away; without one in `commands.disabled` redis.conf is as if `rename` were false.",
        fix: "List whole commands in `commands.disabled`, or leave `rename` out.",
        source: "tests/server/rename.rs",
        waivable: true,
        check: Some(|model, sink| {
            let commands = &model.profile.commands;
            if commands.rename && model.renames.away.is_empty() {
                let what = if commands.disabled.is_empty() {
                    "no command is disabled"
                } else {
                    "no whole command is disabled that can be renamed"
                };
                sink.report(PATH, what);
            }
        }),
    },
    Rule {
        id: "rename-breaks-aof",
        severity: ERROR,
        title: "Renaming takes away a command that the server writes into its append-only file",
        topic: topic::RENAMING,
        why: "On each boot the server runs the file that it wrote. It ends at a name that it does not know: `Unknown command 'SELECT' reading the append only file` (measured on Redis 6.2 to 8.2 and Valkey 8.1 to 9.1), and the data are out of reach until the name is back.",
        fix: "Take the command, or the category that brings it, from `commands.disabled`; or `rename` from the profile: the ACL denies it anyway.",
        source: "tests/server/append_only.rs: what each line writes for which command",
        waivable: true,
        check: Some(breaks_aof),
    },
    Rule {
        id: "rename-meets-old-aof",
        severity: WARNING_IN_PRODUCTION,
        title: "An older append-only file may hold a renamed command",
        topic: topic::RENAMING,
        why: "A FLUSHALL that somebody ran before the renaming makes the next boot fatal: `Unknown command 'FLUSHALL' reading the append only file` (measured). Nobody can add one afterwards.",
        fix: "Where data exist: run BGREWRITEAOF and wait for its end before the first boot with these settings; the new file starts with a snapshot. Then, or where no data exist, waive this.",
        source: "tests/server/append_only.rs: before and after BGREWRITEAOF",
        waivable: true,
        check: Some(|model, sink| {
            let replayed = model.renames.replayed(model.line);
            let mut recorded = model.renames.recorded(model.line);
            recorded.retain(|name| !replayed.iter().any(|written| written.name == *name));
            if model.profile.persistence.aof != Aof::Disabled && !recorded.is_empty() {
                sink.report(PATH, format!("a file from before may hold {}", listed(&recorded)));
            }
        }),
    },
    Rule {
        id: "rename-breaks-failover",
        severity: INFO,
        title: "Sentinel cannot fail over to a server with these settings",
        topic: topic::RENAMING,
        why: "Sentinel needs SLAVEOF, CONFIG, CLIENT and EXEC to promote a replica (`-failover-abort-slave-timeout` without any one of them), INFO, SUBSCRIBE, REPLCONF, SYNC and PSYNC to find one (`-failover-abort-no-good-slave`). redisgen sets up a single server without Sentinel.",
        fix: "Leave `rename` out before you put Sentinel in front: with the ACL alone, a user of role `admin` can do what Sentinel does.",
        source: "tests/server/sentinel.rs; measured on 7.0 with one command renamed at a time",
        waivable: true,
        check: Some(|model, sink| {
            let needed: Vec<&str> = FAILOVER.iter().copied().filter(|name| model.renames.takes(name)).collect();
            if !needed.is_empty() {
                sink.report(PATH, format!("Sentinel needs {}", listed(&needed)));
            }
        }),
    },
    Rule {
        id: "rename-hides-config",
        severity: INFO,
        title: "Nobody can read or change settings of the running server",
        topic: topic::RENAMING,
        why: "Renaming CONFIG binds admins, too. Exporters show no redis_config metrics; after a dump was restored the append-only file cannot be switched on in the running server; every other setting waits for a restart, too.",
        fix: "Take `config` from `commands.disabled` if an exporter or an admin needs it: `enable-protected-configs no` guards its most dangerous part from 7.0 on.",
        source: "measured: rename-command hides it from admins and exporters alike",
        waivable: true,
        check: Some(|model, sink| {
            if model.renames.takes("config") {
                let reload = if model.tls() && model.line.directive("tls-auto-reload-interval").is_none() {
                    "; a renewed certificate waits for a restart"
                } else {
                    ""
                };
                sink.report(PATH, format!("CONFIG is gone{reload}"));
            }
        }),
    },
    Rule {
        id: "rename-adds-relatives",
        severity: INFO,
        title: "Commands that do the same are renamed, too",
        topic: topic::RENAMING,
        why: "The guide's list leaves EVAL_RO, EVALSHA_RO, FCALL, FCALL_RO and FUNCTION open on 7.0 and later: one open way does what the closed ones did.",
        fix: "",
        source: "src/acl/families.rs",
        waivable: true,
        check: Some(|model, sink| {
            if !model.renames.relatives.is_empty() {
                sink.report(PATH, format!("no family is left open: {} go too", listed(&model.renames.relatives)));
            }
        }),
    },
    Rule {
        id: "rename-misses",
        severity: INFO,
        title: "Some denied commands are not renamed",
        topic: topic::RENAMING,
        why: "Only whole commands can be: `rename-command \"CONFIG|SET\" \"\"` crashes the server on 7.0 and later. A few more stay, since the deployment needs them. The ACL denies these to everyone but role `admin`, except that anybody may log in.",
        fix: "",
        source: "rename-command takes whole commands: `config|set` ends the server at boot (measured on 7.0)",
        waivable: true,
        check: Some(|model, sink| {
            let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            let kept = model.renames.kept.iter().filter(|_| !model.renames.away.is_empty());
            kept.for_each(|(name, why)| reasons.entry(why).or_default().push(name));
            for (why, names) in reasons {
                sink.report(PATH, format!("not renamed: {}: {why}", listed(&names)));
            }
        }),
    },
    Rule {
        id: "rename-binds-admins",
        severity: INFO,
        title: "Renaming takes commands from admins, too",
        topic: topic::RENAMING,
        why: "The ACL denies the disabled commands to everyone but role `admin` already; renaming leaves nobody who can run them without an edit of redis.conf and a restart. Redis calls `rename-command` deprecated in favour of ACLs. SIGTERM still stops the server and saves, with SHUTDOWN renamed (measured).",
        fix: "Leave `rename` out, unless nobody at all is to have these commands.",
        source: "Redis documentation, Security, deprecates rename-command in favour of ACLs",
        waivable: true,
        check: Some(|model, sink| {
            if !model.renames.away.is_empty() {
                sink.report(PATH, format!("nobody can run {}", listed(&model.renames.away)));
            }
        }),
    },
];

/// Each of these alone ended a failover of 7.0, SYNC and PSYNC together; REPLICAOF, MULTI and PUBLISH did not.
const FAILOVER: &[&str] = &["slaveof", "config", "client", "exec", "info", "subscribe", "replconf", "sync", "psync"];

fn breaks_aof(model: &Model, sink: &mut Sink) {
    if model.profile.persistence.aof == Aof::Disabled {
        return;
    }
    for written in model.renames.replayed(model.line) {
        let name = written.name;
        let still = |other: &&str| model.line.command(other).is_some() && !model.renames.takes(other);
        let message = if let Some(why) = written.itself {
            format!("the server writes `{name}` by itself: {why}")
        } else {
            let others: Vec<&str> = written.others.iter().copied().filter(still).collect();
            format!("the server writes `{name}` when somebody runs {}", listed(&others))
        };
        sink.report(PATH, message);
        let place = model.profile.commands.disabled.iter().position(|entry| {
            let set = acl::disabled(model.line, std::slice::from_ref(entry));
            set.is_ok_and(|set| model.line.command(name).is_some_and(|id| set.contains(id)))
        });
        if let Some(place) = place {
            sink.related(format!("commands.disabled[{place}]"), format!("disables `{name}`"));
        }
    }
}

/// Names for one line of text.
fn listed(names: &[&str]) -> String {
    const MOST: usize = 24;
    let shown: Vec<String> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    let rest = names.len().saturating_sub(MOST);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
