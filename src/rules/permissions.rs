//! Rules on what users may do in effect, whatever their rules are called: judged on what the server would hold.

use super::{INFO, Rule, Sink, WARNING_IN_PRODUCTION, commands};
use crate::acl::account::{Account, Grant};
use crate::acl::danger::{self, Danger, Dangerous};
use crate::acl::keys;
use crate::engine::{CommandSet, Line, Name};
use crate::model::Model;
use crate::profile::{Role, User};
use crate::topic::{self, Topic};

/// A rule on one danger. Admins are there to do such things; nobody else is.
const fn dangerous(
    id: &'static str,
    title: &'static str,
    topic: &'static Topic,
    danger: &'static Danger,
    check: fn(&Model, &mut Sink),
) -> Rule {
    Rule {
        id,
        severity: WARNING_IN_PRODUCTION,
        title,
        topic,
        why: danger.why,
        fix: "Take the commands from the user's rules, or give the work to a user of role `admin`.",
        source: "src/acl/danger.rs, each with its vulnerabilities; security guide, Why Disable These Commands",
        waivable: true,
        check: Some(check),
    }
}

pub(super) const RULES: &[Rule] = &[
    dangerous(
        "user-runs-code",
        "A user who is no admin can run code in the server",
        topic::CODE,
        &danger::CODE,
        |model, sink| {
            carries(model, sink, &danger::CODE);
        },
    ),
    dangerous(
        "user-controls-server",
        "A user who is no admin can reconfigure or escalate",
        topic::TAKEOVER,
        &danger::CONTROL,
        |model, sink| {
            carries(model, sink, &danger::CONTROL);
        },
    ),
    dangerous(
        "user-exfiltrates-data",
        "A user who is no admin can carry data out",
        topic::EXFILTRATION,
        &danger::EXFILTRATE,
        |model, sink| {
            carries(model, sink, &danger::EXFILTRATE);
        },
    ),
    dangerous(
        "user-destroys-data",
        "A user who is no admin can destroy all data",
        topic::DESTRUCTION,
        &danger::DESTROY,
        |model, sink| {
            carries(model, sink, &danger::DESTROY);
        },
    ),
    dangerous(
        "user-blocks-server",
        "A user who is no admin can block everybody else",
        topic::BLOCKING,
        &danger::BLOCK,
        |model, sink| {
            carries(model, sink, &danger::BLOCK);
        },
    ),
    dangerous(
        "user-reads-credentials",
        "A user who is no admin can read password digests",
        topic::CREDENTIALS,
        &danger::SECRETS,
        |model, sink| {
            carries(model, sink, &danger::SECRETS);
        },
    ),
    Rule {
        id: "user-sees-key-names",
        severity: INFO,
        title: "A user with limited keys can list the names of all",
        topic: topic::EXFILTRATION,
        why: danger::NAMES.why,
        fix: "If names are secret, list in `commands` what the work needs, as `[+get, +set]`: without SCAN, RANDOMKEY and CLIENT TRACKING.",
        source: "measured with ACL DRYRUN on 7.0 to 8.0 and Valkey 8.1 to 9.1",
        waivable: true,
        check: Some(|model, sink| carries(model, sink, &danger::NAMES)),
    },
    Rule {
        id: "user-cannot-ping",
        severity: WARNING_IN_PRODUCTION,
        title: "A user cannot PING",
        topic: topic::ACL_RULES,
        why: "Connection pools and health checks of client libraries send PING before they hand a connection out. (HELLO, AUTH, QUIT and RESET are permitted to everyone.)",
        fix: "Add `+ping`.",
        source: "redis/lettuce#1379; measured with redis-py",
        waivable: true,
        check: Some(|model, sink| {
            let Some(ping) = model.line.command("ping").filter(|ping| !model.denied.contains(*ping)) else { return };
            for (place, user, account) in judged(model) {
                // `custom-without-commands` tells of somebody who may run nothing.
                let idle = account.grants().all(|grant| grant.commands.is_empty() && grant.first_arguments.is_empty());
                if !idle && !account.grants().any(|grant| grant.permits(ping, None)) {
                    sink.report(rules_path(place, user), format!("`{}` cannot PING", user.name));
                }
            }
        }),
    },
    Rule {
        id: "monitoring-reads-data",
        severity: WARNING_IN_PRODUCTION,
        title: "A user for monitoring can read data",
        topic: topic::MONITORING,
        why: "Metrics need no values; a monitoring system that holds its password holds all data with it.",
        fix: "Use role `monitoring`, or take the reading commands or the keys away.",
        source: "security guide, Configure ACLs: its user for monitoring may read every session (measured)",
        waivable: true,
        check: Some(monitoring),
    },
];

/// Users of the profile who can log in and are no admins, with their places.
pub(super) fn judged(model: &Model) -> impl Iterator<Item = (usize, &User, &Account)> {
    let users = model.users.iter().zip(&model.accounts).filter(|(user, _)| user.enabled);
    users.filter_map(|(user, account)| {
        let place = user.place.filter(|_| user.role != Some(Role::Admin))?;
        Some((place, model.profile.users.get(place)?, account))
    })
}

/// Where the rules of a user stand: in its own list, or behind its role.
pub(super) fn rules_path(place: usize, user: &User) -> String {
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
pub(super) fn some(names: &[Name]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(" "),
        more => format!("{} and {more} more", shown.join(" ")),
    }
}

fn carries(model: &Model, sink: &mut Sink, danger: &'static Danger) {
    let dangerous = Dangerous::new(model.line, danger);
    // What is told of a command already: the first danger that has it is the gravest.
    let graver = danger::all(model.line).iter().take_while(|known| *known.danger != *danger);
    // Exporters read settings: that is what the role is for.
    let meant = |user: &User| *danger == danger::SECRETS && user.role == Role::Monitoring;
    let all = commands::everything(model);
    for (place, user, account) in judged(model).filter(|(_, user, _)| !meant(user)) {
        if sink.full() {
            return;
        }
        for (set, grant) in account.grants().enumerate().filter(|(_, grant)| dangerous.touches(model.line, grant)) {
            if told_of_all(user, set) || (user.role == Role::Application && all.minus(&grant.commands).is_empty()) {
                continue;
            }
            let told: Vec<Name> = graver.clone().flat_map(|graver| graver.among(model.line, grant)).collect();
            let mut names = dangerous.among(model.line, grant);
            names.retain(|name| !told.contains(name) && !told_of_keys(user, grant, danger, name));
            if !names.is_empty() {
                let message = format!("`{}` can {}: {}", user.name, danger.can, some(&names));
                sink.report(set_path(place, user, set), message);
            }
        }
    }
}

/// `application-all-commands` tells of a list that starts from every command.
fn told_of_all(user: &User, set: usize) -> bool {
    let selector = |place: usize| Some(&user.selectors.as_ref()?.get(place)?.commands);
    let rules = set.checked_sub(1).map_or(user.commands.as_ref(), selector);
    user.role == Role::Application && rules.is_some_and(|rules| rules.iter().any(|rule| rule.as_str() == "+@all"))
}

/// `keys-unlimited` tells of an application that touches every key, and so of what is dangerous with every key only.
fn told_of_keys(user: &User, grant: &Grant, danger: &Danger, name: &str) -> bool {
    matches!(user.role, Role::Application | Role::Readonly)
        && grant.reaches_every_key()
        && danger.with_all_keys.contains(&name)
}

fn named(model: &Model, names: &[&str]) -> CommandSet {
    let mut set = CommandSet::none(model.line.commands.len());
    names.iter().filter_map(|name| model.line.command(name)).for_each(|id| set.insert(id));
    set
}

pub(super) fn names_of(model: &Model, ids: &[usize]) -> Vec<Name> {
    let commands = ids.iter().filter_map(|id| model.line.commands.get(*id));
    commands.map(|command| Name::Borrowed(command.name)).collect()
}

fn reads(line: &Line, id: usize) -> bool {
    let uses = line.commands.get(id).and_then(|command| keys::uses(command.name));
    uses.is_some_and(|(read, write)| read && !write)
}

/// By effect: it sees figures, changes nothing, and still reads the values of every key. What else tells of data, as
/// MONITOR and SCAN, is for `user-exfiltrates-data`.
fn monitoring(model: &Model, sink: &mut Sink) {
    let line = model.line;
    let figures = named(model, &["info"]);
    let category = |name: &str| line.category(name).cloned().unwrap_or_else(|| CommandSet::none(line.commands.len()));
    let writing = category("write");
    let carried = Dangerous::new(line, &danger::EXFILTRATE);
    for (place, user, account) in judged(model) {
        for (set, grant) in account.grants().enumerate() {
            let monitors = grant.commands.intersects(&figures) && !grant.commands.intersects(&writing);
            if !monitors || !grant.reaches_every_key() {
                continue;
            }
            let mut found: Vec<usize> = grant.commands.ids().collect();
            found.retain(|id| reads(line, *id));
            let mut names = names_of(model, &found);
            let told = carried.among(line, grant);
            names.retain(|name| !told.contains(name));
            if !names.is_empty() {
                let message = format!("`{}` sees figures, and data too: {}", user.name, some(&names));
                sink.report(set_path(place, user, set), message);
            }
        }
    }
}
