//! Rules on rules that do less than they say: what takes nothing away, what nobody can use, what categories miss.

use std::collections::BTreeSet;

use super::permissions::{judged, names_of, rules_path, some};
use super::{INFO, Rule, Sink, WARNING, WARNING_IN_PRODUCTION};
use crate::acl::account::{Account, Grant};
use crate::acl::{decide, keys, select};
use crate::engine::CommandSet;
use crate::format::AclRule;
use crate::model::Model;
use crate::profile::{Role, User};
use crate::topic;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "subtracts-nothing",
        severity: INFO,
        title: "A rule takes away what was not there",
        topic: topic::ACL_RULES,
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
        topic: topic::ACL_RULES,
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
        topic: topic::ACL_RULES,
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
        topic: topic::ACL_RULES,
        why: "Vector sets of Redis 8 carry no ACL category: `+@all -@write` still permits VADD (measured on 8.0).",
        fix: "Take them away by name, as `-vadd`, or grant categories instead of `+@all`.",
        source: "src/engine/facts, read from Redis 8.0 to 8.10",
        waivable: true,
        check: Some(uncategorised_granted),
    },
    Rule {
        id: "uncategorised-commands-missing",
        severity: INFO,
        title: "Commands without category are not granted by any",
        topic: topic::ACL_RULES,
        why: "Vector sets of Redis 8 carry no ACL category: `+@read` does not permit VSIM (measured on 8.0).",
        fix: "If the application uses vector sets, list them by name in `commands`, which roles `application` and `custom` have.",
        source: "src/engine/facts, read from Redis 8.0 to 8.10",
        waivable: true,
        check: Some(uncategorised_missing),
    },
];

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
        let permitted = || grant.commands.ids().chain(grant.first_arguments.keys().copied());
        let uses_keys = |id: usize| keys::uses(name(id)).is_some() && usable(grant, id);
        if user.keys.as_ref().is_some_and(|keys| !keys.is_empty()) && !permitted().any(uses_keys) {
            sink.report(
                format!("users[{place}].keys"),
                format!("`{}` has keys and no command that uses them", user.name),
            );
        }
        let has_channels = user.channels.as_ref().is_some_and(|channels| !channels.is_empty());
        if has_channels && !permitted().any(|id| keys::has_channels(name(id))) {
            let message = format!("`{}` has channels and no command that uses channels", user.name);
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
