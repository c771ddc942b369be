//! Rules on what users may do in effect, whatever their rules are called: judged on what the server would hold.

use std::collections::BTreeSet;

use super::{INFO, Rule, Sink, WARNING, WARNING_IN_PRODUCTION};
use crate::acl::account::{Account, Grant};
use crate::acl::danger::{self, Danger, Dangerous};
use crate::acl::{decide, keys, select};
use crate::engine::CommandSet;
use crate::format::AclRule;
use crate::model::Model;
use crate::profile::{Role, User};

/// A rule on one danger. Admins are there to do such things; nobody else is.
const fn dangerous(
    id: &'static str,
    title: &'static str,
    danger: &'static Danger,
    check: fn(&Model, &mut Sink),
) -> Rule {
    Rule {
        id,
        severity: WARNING_IN_PRODUCTION,
        title,
        why: danger.why,
        fix: "Take the commands from the user's rules, or give the work to a user of role `admin`.",
        source: "src/acl/danger.rs; security guide, Dangerous Commands; reference: peers, section 5",
        waivable: true,
        check: Some(check),
    }
}

pub(super) const RULES: &[Rule] = &[
    dangerous("user-runs-code", "A user who is no admin can run code in the server", &danger::CODE, |model, sink| {
        carries(model, sink, &danger::CODE);
    }),
    dangerous(
        "user-controls-server",
        "A user who is no admin can reconfigure or escalate",
        &danger::CONTROL,
        |model, sink| {
            carries(model, sink, &danger::CONTROL);
        },
    ),
    dangerous(
        "user-exfiltrates-data",
        "A user who is no admin can carry data out",
        &danger::EXFILTRATE,
        |model, sink| {
            carries(model, sink, &danger::EXFILTRATE);
        },
    ),
    dangerous("user-destroys-data", "A user who is no admin can destroy all data", &danger::DESTROY, |model, sink| {
        carries(model, sink, &danger::DESTROY);
    }),
    dangerous(
        "user-blocks-server",
        "A user who is no admin can block everybody else",
        &danger::BLOCK,
        |model, sink| {
            carries(model, sink, &danger::BLOCK);
        },
    ),
    Rule {
        id: "user-sees-key-names",
        severity: INFO,
        title: "A user with limited keys can list the names of all",
        why: "SCAN and RANDOMKEY name no key, so key patterns do not apply to them: names of other applications' keys are told, values are not.",
        fix: "List `commands` without SCAN if names are secret.",
        source: "measured with ACL DRYRUN on 7.0 to 8.0 and Valkey 8.1 to 9.1",
        waivable: true,
        check: Some(key_names),
    },
    Rule {
        id: "user-cannot-ping",
        severity: WARNING_IN_PRODUCTION,
        title: "A user cannot PING",
        why: "Connection pools and health checks of client libraries send PING before they hand a connection out. (HELLO, AUTH, QUIT and RESET are permitted to everyone.)",
        fix: "Add `+ping`.",
        source: "reference: peers, section 0",
        waivable: true,
        check: Some(|model, sink| {
            let Some(ping) = model.line.command("ping").filter(|ping| !model.denied.contains(*ping)) else { return };
            for (place, user, account) in judged(model) {
                if !account.grants().any(|grant| grant.permits(ping, None)) {
                    sink.report(rules_path(place, user), format!("`{}` cannot PING", user.name));
                }
            }
        }),
    },
    Rule {
        id: "monitoring-reads-data",
        severity: WARNING_IN_PRODUCTION,
        title: "A user for monitoring can read data",
        why: "Metrics need no values; a monitoring system that holds its password holds all data with it.",
        fix: "Use role `monitoring`, or take the reading commands or the keys away.",
        source: "security guide, monitor user; reference: peers, section 0",
        waivable: true,
        check: Some(monitoring),
    },
    Rule {
        id: "subtracts-nothing",
        severity: INFO,
        title: "A rule takes away what was not there",
        why: "It reads as a limit and is none: either the rule before it grants less than was thought, or the order is wrong.",
        fix: "Remove it, or put it behind the rule that it limits.",
        source: "ACLSetSelector in acl.c: rules apply in order",
        waivable: true,
        check: Some(subtracts_nothing),
    },
    Rule {
        id: "denial-without-effect",
        severity: WARNING,
        title: "A command that cannot be denied is denied",
        why: "AUTH, HELLO, QUIT and RESET are run for everyone before any rule is asked.",
        fix: "Remove it.",
        source: "CMD_NO_AUTH in the servers' command tables",
        waivable: true,
        check: Some(|model, sink| {
            for (place, name) in model.profile.commands.disabled.iter().enumerate() {
                if decide::free(name.as_str()) {
                    sink.report(format!("commands.disabled[{place}]"), format!("`{name}` is permitted to everyone"));
                }
            }
        }),
    },
    Rule {
        id: "permission-without-use",
        severity: WARNING,
        title: "A permission that cannot be used",
        why: "A command needs a pattern for each of its keys, with reading or writing as it does; a pattern needs a command. One without the other fails at the first request.",
        fix: "Add what is missing, or remove what is idle.",
        source: "ACLSelectorCheckKey in acl.c; src/engine/keys.tsv",
        waivable: true,
        check: Some(without_use),
    },
    Rule {
        id: "uncategorised-commands-granted",
        severity: WARNING_IN_PRODUCTION,
        title: "Commands without category stay where categories are taken away",
        why: "Vector sets of Redis 8 carry no ACL category: `+@all -@write` still permits VADD (measured on 8.0).",
        fix: "Take them away by name, as `-vadd`, or grant categories instead of `+@all`.",
        source: "reference: redis, Newer lines and images",
        waivable: true,
        check: Some(uncategorised_granted),
    },
    Rule {
        id: "uncategorised-commands-missing",
        severity: INFO,
        title: "Commands without category are not granted by any",
        why: "Vector sets of Redis 8 carry no ACL category: `+@read` does not permit VSIM (measured on 8.0).",
        fix: "List them by name if the application uses vector sets.",
        source: "reference: redis, Newer lines and images",
        waivable: true,
        check: Some(uncategorised_missing),
    },
];

/// Users of the profile who can log in and are no admins, with their places.
fn judged(model: &Model) -> impl Iterator<Item = (usize, &User, &Account)> {
    let users = model.users.iter().zip(&model.accounts).filter(|(user, _)| user.enabled);
    users.filter_map(|(user, account)| {
        let place = user.place.filter(|_| user.role != Some(Role::Admin))?;
        Some((place, model.profile.users.get(place)?, account))
    })
}

/// Where the rules of a user stand: in its own list, or behind its role.
fn rules_path(place: usize, user: &User) -> String {
    let field = if user.commands.is_some() { "commands" } else { "role" };
    format!("users[{place}].{field}")
}

/// The path of each set of permissions, in the order of `Account::grants`.
fn set_path(place: usize, user: &User, set: usize) -> String {
    match set {
        0 => rules_path(place, user),
        _ => format!("users[{place}].selectors[{}].commands", set - 1),
    }
}

/// `get`, `set` and 3 more.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(" "),
        more => format!("{} and {more} more", shown.join(" ")),
    }
}

fn carries(model: &Model, sink: &mut Sink, danger: &'static Danger) {
    let dangerous = Dangerous::new(model.line, danger);
    for (place, user, account) in judged(model) {
        for (set, grant) in account.grants().enumerate().filter(|(_, grant)| dangerous.touches(model.line, grant)) {
            let names = dangerous.among(model.line, grant);
            sink.report(set_path(place, user, set), format!("`{}` can {}: {}", user.name, danger.can, some(&names)));
        }
    }
}

fn key_names(model: &Model, sink: &mut Sink) {
    let telling = named(model, &["scan", "clusterscan", "randomkey"]);
    for (place, user, account) in judged(model) {
        for (set, grant) in account.grants().enumerate() {
            if !grant.reaches_every_key() && grant.commands.intersects(&telling) {
                let names = names_of(model, &grant.commands.both(&telling));
                sink.report(
                    set_path(place, user, set),
                    format!("`{}` can list all names: {}", user.name, some(&names)),
                );
            }
        }
    }
}

fn named(model: &Model, names: &[&str]) -> CommandSet {
    let mut set = CommandSet::none(model.line.commands.len());
    names.iter().filter_map(|name| model.line.command(name)).for_each(|id| set.insert(id));
    set
}

fn names_of(model: &Model, ids: &[usize]) -> Vec<String> {
    let commands = ids.iter().filter_map(|id| model.line.commands.get(*id));
    commands.map(|command| command.name.to_owned()).collect()
}

/// By effect: it sees figures, changes nothing, and still reads values, those of every key or what others send.
fn monitoring(model: &Model, sink: &mut Sink) {
    let line = model.line;
    let figures = named(model, &["info"]);
    let telling = named(model, &["monitor", "slowlog|get", "commandlog|get"]);
    let category = |name: &str| line.category(name).cloned().unwrap_or_else(|| CommandSet::none(line.commands.len()));
    let writing = category("write");
    let mut reading = CommandSet::none(line.commands.len());
    for (id, command) in line.commands.iter().enumerate() {
        if keys::uses(command.name).is_some_and(|(read, write)| read && !write) {
            reading.insert(id);
        }
    }
    for (place, user, account) in judged(model) {
        for (set, grant) in account.grants().enumerate() {
            let values = grant.reaches_every_key() && grant.commands.intersects(&reading);
            let monitors = grant.commands.intersects(&figures) && !grant.commands.intersects(&writing);
            if monitors && (values || grant.commands.intersects(&telling)) {
                let mut found = grant.commands.both(&telling);
                if values {
                    found.extend(grant.commands.both(&reading));
                }
                let names = names_of(model, &found);
                let message = format!("`{}` sees figures, and data too: {}", user.name, some(&names));
                sink.report(set_path(place, user, set), message);
            }
        }
    }
}

/// Every stated list of rules with the set of permissions that it makes: path, rules, and what the server holds.
fn stated<'model>(
    place: usize,
    user: &'model User,
    account: &'model Account,
) -> impl Iterator<Item = (String, &'model [AclRule], &'model Grant)> {
    let own =
        user.commands.iter().map(move |rules| (format!("users[{place}].commands"), rules.as_slice(), &account.own));
    let selectors = user.selectors.iter().flatten().zip(&account.selectors).enumerate();
    own.chain(selectors.map(move |(index, (selector, grant))| {
        (format!("users[{place}].selectors[{index}].commands"), selector.commands.as_slice(), grant)
    }))
}

fn subtracts_nothing(model: &Model, sink: &mut Sink) {
    for (place, user, account) in judged(model) {
        let takes = |rules: &[AclRule]| rules.iter().any(|rule| rule.as_str().starts_with('-'));
        for (path, rules, _) in stated(place, user, account).filter(|(_, rules, _)| takes(rules)) {
            let mut grant = Grant::nothing(model.line);
            for (index, rule) in rules.iter().enumerate() {
                let before = rule.as_str().starts_with('-').then(|| grant.clone());
                if grant.apply(model.line, rule.as_str()).is_err() {
                    break;
                }
                let idle = before.is_some_and(|before| before == grant);
                if idle || rule.as_str().strip_prefix('-').is_some_and(decide::free) {
                    sink.report(format!("{path}[{index}]"), format!("`{rule}` changes nothing"));
                }
            }
        }
    }
}

fn without_use(model: &Model, sink: &mut Sink) {
    let line = model.line;
    let ids = 0..line.commands.len();
    for (place, user, account) in judged(model) {
        if sink.full() {
            return;
        }
        let usable = |grant: &Grant, id: usize| {
            let name = line.commands.get(id).map_or("", |command| command.name);
            let channels = !keys::has_channels(name) || !grant.channels.is_empty();
            channels && keys::needs(name).iter().all(|need| grant.has_keys(line, *need))
        };
        for (path, rules, grant) in stated(place, user, account) {
            let mut seen = BTreeSet::new();
            for (index, rule) in rules.iter().enumerate() {
                let Some(name) = rule.as_str().strip_prefix('+') else { continue };
                // Every first argument of a command is used alike.
                let name = name.split_once('|').filter(|_| line.command(name).is_none()).map_or(name, |(name, _)| name);
                let Some(Ok(named)) = seen.insert(name).then(|| select(line, name)) else { continue };
                let permitted = named.both(&grant.commands);
                if !permitted.is_empty() && !permitted.iter().any(|id| usable(grant, *id)) {
                    let lacks = "no pattern of keys or channels lets it run";
                    sink.report(format!("{path}[{index}]"), format!("`{rule}`: {lacks}"));
                }
            }
        }
        let grant = &account.own;
        let name = |id: usize| line.commands.get(id).map_or("", |command| command.name);
        let permitted =
            || ids.clone().filter(|id| grant.commands.contains(*id) || grant.first_arguments.contains_key(id));
        let uses_keys = |id: usize| keys::uses(name(id)).is_some() && usable(grant, id);
        if user.keys.as_ref().is_some_and(|keys| !keys.is_empty()) && !permitted().any(uses_keys) {
            sink.report(format!("users[{place}].keys"), format!("`{}` has no command that can use them", user.name));
        }
        let has_channels = user.channels.as_ref().is_some_and(|channels| !channels.is_empty());
        if has_channels && !permitted().any(|id| keys::has_channels(name(id))) {
            let message = format!("`{}` has no command that can use them", user.name);
            sink.report(format!("users[{place}].channels"), message);
        }
    }
}

/// Commands of the line that no category has.
fn uncategorised(model: &Model) -> CommandSet {
    let mut set = CommandSet::none(model.line.commands.len());
    let without = model.line.commands.iter().enumerate().filter(|(_, command)| command.categories.is_empty());
    without.for_each(|(id, _)| set.insert(id));
    set
}

fn uncategorised_granted(model: &Model, sink: &mut Sink) {
    let without = uncategorised(model);
    for (place, user, account) in judged(model) {
        for (path, rules, grant) in stated(place, user, account) {
            let takes = rules.iter().position(|rule| matches!(rule.as_str(), "-@write" | "-@read" | "-@all"));
            let permitted = grant.commands.both(&without);
            if let Some(index) = takes.filter(|_| !permitted.is_empty()) {
                let names = names_of(model, &permitted);
                sink.report(format!("{path}[{index}]"), format!("this leaves {}", some(&names)));
            }
        }
    }
    for (place, name) in model.profile.commands.disabled.iter().enumerate() {
        if matches!(name.as_str(), "@write" | "@read")
            && model.line.commands.iter().any(|command| command.categories.is_empty())
        {
            sink.report(
                format!("commands.disabled[{place}]"),
                format!("`{name}` has no vector sets, which stay permitted"),
            );
        }
    }
}

fn uncategorised_missing(model: &Model, sink: &mut Sink) {
    let without = uncategorised(model);
    let any = model.line.commands.iter().any(|command| command.categories.is_empty());
    for (place, user, account) in judged(model).filter(|_| any) {
        let by_role = user.commands.is_none() && matches!(user.role, Role::Application | Role::Readonly);
        let listed = user.commands.iter().flatten().any(|rule| matches!(rule.as_str(), "+@read" | "+@write"));
        if (by_role || listed) && !account.grants().any(|grant| grant.commands.intersects(&without)) {
            sink.report(rules_path(place, user), format!("`{}` cannot use vector sets", user.name));
        }
    }
}
