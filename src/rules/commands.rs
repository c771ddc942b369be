//! Rules on command rules and disabled commands.

use super::{ERROR, INFO, Rule, Sink};
use crate::acl;
use crate::engine::CommandSet;
use crate::model::{HEALTH, Model};
use crate::profile::Role;
use crate::topic;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "application-all-commands",
        severity: ERROR,
        title: "An application may run every command",
        topic: topic::USERS,
        why: "Code execution, reconfiguration and shutdown are one injection away.",
        fix: "List what it needs, or leave `commands` out for reading and writing.",
        source: "security guide, Minimum required permissions",
        waivable: true,
        check: Some(application_all),
    },
    Rule {
        id: "acl-rule-unknown",
        severity: ERROR,
        title: "A command rule that the engine does not know",
        topic: topic::ACL_RULES,
        why: "The server refuses the whole ACL file and does not start.",
        fix: "",
        source: "src/engine/facts, read from running servers",
        waivable: false,
        check: Some(unknown_rules),
    },
    Rule {
        id: "denied-command-listed",
        severity: ERROR,
        title: "A user lists a command that is disabled",
        topic: topic::DISABLED_COMMANDS,
        why: "Disabled commands, and those that do the same, are for role `admin` only; the list promises what it does not give.",
        fix: "Remove it from the user; or take it, or what brings it (a category, or a command that does the same), from `commands.disabled`.",
        source: "security guide, Dangerous Commands",
        waivable: false,
        check: Some(denied_listed),
    },
    Rule {
        id: "selectors-unsupported",
        severity: ERROR,
        title: "The engine has no selectors or one-way key patterns",
        topic: topic::ACL_RULES,
        why: "They came with 7.0; 6.2 refuses the ACL file.",
        fix: "Choose a later line, or split the user in two.",
        source: "Redis documentation, ACL, Selectors; measured on 6.2",
        waivable: false,
        check: Some(|model, sink| {
            if model.line.has_selectors() {
                return;
            }
            for (place, user) in model.profile.users.iter().enumerate() {
                if user.selectors.is_some() {
                    sink.report(format!("users[{place}].selectors"), format!("{} has no selectors", model.line));
                }
                let one_way =
                    acl::merge_keys(user.keys.as_deref().unwrap_or_default()).iter().any(|key| key.read != key.write);
                if one_way {
                    sink.report(format!("users[{place}].keys"), format!("{} has no `%R~` and `%W~`", model.line));
                }
            }
        }),
    },
    Rule {
        id: "selector-pattern-closes",
        severity: ERROR,
        title: "A pattern of a selector ends in a parenthesis",
        topic: topic::ACL_RULES,
        why: "The server takes it for the end of the selector; what follows would be the user's own.",
        fix: "Let the pattern end otherwise: `[)]` matches the parenthesis.",
        source: "ACLMergeSelectorArguments in acl.c",
        waivable: false,
        check: Some(|model, sink| {
            for (place, user) in model.profile.users.iter().enumerate() {
                for (index, selector) in user.selectors.iter().flatten().enumerate() {
                    let path = format!("users[{place}].selectors[{index}]");
                    let keys = selector.keys.iter().flatten().position(|key| key.pattern.ends_with(')'));
                    if let Some(key) = keys {
                        sink.report(format!("{path}.keys[{key}]"), "this closes the selector");
                    }
                    let channels = selector.channels.iter().flatten();
                    if let Some(channel) = channels.into_iter().position(|channel| channel.as_str().ends_with(')')) {
                        sink.report(format!("{path}.channels[{channel}]"), "this closes the selector");
                    }
                }
            }
        }),
    },
    Rule {
        id: "disabled-command-unknown",
        severity: ERROR,
        title: "`commands.disabled` names something unknown",
        topic: topic::DISABLED_COMMANDS,
        why: "It would deny nothing.",
        fix: "",
        source: "src/engine/facts, read from running servers",
        waivable: false,
        check: Some(|model, sink| {
            for (place, name) in model.profile.commands.disabled.iter().enumerate() {
                if let Err((_, unknown)) = acl::denied(model.line, std::slice::from_ref(name)) {
                    sink.report(format!("commands.disabled[{place}]"), format!("{}: {unknown}", model.line));
                    suggest(model, name.as_str(), sink);
                }
            }
        }),
    },
    Rule {
        id: "health-check-denied",
        severity: ERROR,
        title: "PING is disabled",
        topic: topic::HEALTH_CHECK,
        why: "The health check needs it, and so does every client.",
        fix: "Take `ping`, or the category that brings it, from `commands.disabled`.",
        source: "tests/server/production.rs",
        waivable: false,
        check: Some(|model, sink| {
            if model.line.command("ping").is_some_and(|ping| model.denied.contains(ping)) {
                let place = model.profile.commands.disabled.iter().position(|name| {
                    acl::denied(model.line, std::slice::from_ref(name))
                        .is_ok_and(|set| model.line.command("ping").is_some_and(|ping| set.contains(ping)))
                });
                sink.report(
                    format!("commands.disabled[{}]", place.unwrap_or(0)),
                    format!("the user `{HEALTH}` could not run PING"),
                );
            }
        }),
    },
    Rule {
        id: "config-denied-to-monitoring",
        severity: INFO,
        title: "Monitoring runs without CONFIG",
        topic: topic::DISABLED_COMMANDS,
        why: "CONFIG is disabled for everyone but admins, so exporters show no redis_config metrics.",
        fix: "Nothing to do, unless a dashboard needs them.",
        source: "measured with redis_exporter 1.69: redis_config_* are missing",
        waivable: true,
        check: Some(|model, sink| {
            let denied = model.line.command("config").is_some_and(|config| model.denied.contains(config));
            for (place, user) in model.profile.users.iter().enumerate() {
                if denied && user.role == Role::Monitoring {
                    sink.report(
                        format!("users[{place}].role"),
                        "CONFIG is disabled, so this user cannot read settings",
                    );
                }
            }
        }),
    },
];

fn suggest(model: &Model, name: &str, sink: &mut Sink) {
    if sink.full() {
        return;
    }
    // The sign stays: a name alone is no rule.
    let sign = name.chars().next().filter(|sign| "+-".contains(*sign)).map(String::from).unwrap_or_default();
    let names = model.line.commands.iter().map(|command| command.name);
    if let Some(meant) = crate::schema::nearest(name.trim_start_matches(['+', '-']), names) {
        sink.help(format!("did you mean `{sign}{meant}`?"));
    }
}

/// By effect, not by spelling: `+@slow +@fast` is every command, too.
/// Every command of the line that is not for admins only.
pub(super) fn everything(model: &Model) -> CommandSet {
    let mut everything = CommandSet::none(model.line.commands.len());
    (0..model.line.commands.len()).for_each(|id| everything.insert(id));
    everything.remove(&model.denied);
    everything
}

fn application_all(model: &Model, sink: &mut Sink) {
    let everything = everything(model);
    for (_, path, rules) in stated(model).filter(|(role, ..)| *role == Role::Application) {
        let text: Vec<String> = rules.iter().map(ToString::to_string).collect();
        let covers = acl::evaluate(model.line, &text).is_ok_and(|permitted| {
            let mut rest = everything.clone();
            rest.remove(&permitted);
            !rest.intersects(&everything)
        });
        if let Some(place) = rules.iter().position(|rule| rule.as_str() == "+@all") {
            sink.report(format!("{path}[{place}]"), "`+@all` is every command");
        } else if covers {
            sink.report(path, "together, these rules permit every command");
        }
    }
}

/// Every list of rules that the profile states: its user's role, its path, and the rules.
fn stated(model: &Model) -> impl Iterator<Item = (Role, String, &[crate::format::AclRule])> {
    model.profile.users.iter().enumerate().flat_map(|(place, user)| {
        let own =
            user.commands.iter().map(move |rules| (user.role, format!("users[{place}].commands"), rules.as_slice()));
        let selectors = user.selectors.iter().flatten().enumerate();
        own.chain(selectors.map(move |(index, selector)| {
            (user.role, format!("users[{place}].selectors[{index}].commands"), selector.commands.as_slice())
        }))
    })
}

fn unknown_rules(model: &Model, sink: &mut Sink) {
    for (_, path, rules) in stated(model) {
        for (index, rule) in rules.iter().enumerate() {
            if sink.full() {
                return;
            }
            if let Err(unknown) = acl::check_rule(model.line, rule.as_str()) {
                sink.report(format!("{path}[{index}]"), format!("{}: {unknown}", model.line));
                suggest(model, rule.as_str(), sink);
            }
        }
    }
}

/// Only names of commands count: a category is wide by intent, and what is denied is taken from it.
fn denied_listed(model: &Model, sink: &mut Sink) {
    for (_, path, rules) in stated(model).filter(|(role, ..)| *role != Role::Admin) {
        for (index, rule) in rules.iter().enumerate() {
            let Some(name) = rule.as_str().strip_prefix('+').filter(|name| !name.starts_with('@')) else { continue };
            if acl::touches(model.line, name, &model.denied) {
                sink.report(
                    format!("{path}[{index}]"),
                    format!("`{name}` is disabled, or does or undoes what is disabled"),
                );
            }
        }
    }
}
