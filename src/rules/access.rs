//! Rules on users, roles and commands.

use std::collections::BTreeMap;

use super::{ERROR, INFO, Rule, Sink, WARNING, WARNING_IN_PRODUCTION};
use crate::acl;
use crate::engine::CommandSet;
use crate::format::KeyPattern;
use crate::model::{HEALTH, Login, Model, RESERVED};
use crate::profile::{Role, User};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "users-missing",
        severity: ERROR,
        title: "Production without users",
        why: "Without users there is nobody to log in as, and no password anywhere.",
        fix: "Remove `users: []` for the defaults, or list them.",
        source: "security guide, Authentication",
        waivable: false,
        check: Some(|model, sink| {
            if model.production() && model.profile.users.is_empty() {
                sink.report("users", "nobody could log in");
            }
        }),
    },
    Rule {
        id: "no-admin",
        severity: WARNING,
        title: "No user of role `admin`",
        why: "Nobody can read the ACL log, disable a user or reload certificates without a restart.",
        fix: "Add `{ name: admin, role: admin }`.",
        source: "security guide, Configure ACLs",
        waivable: true,
        check: Some(|model, sink| {
            let users = &model.profile.users;
            if !users.is_empty() && !users.iter().any(|user| user.role == Role::Admin && user.enabled) {
                sink.report("users", "nobody can administer this server");
            }
        }),
    },
    Rule {
        id: "user-duplicate",
        severity: ERROR,
        title: "Two users have one name",
        why: "6.2 merges them in silence, later versions refuse to start (measured).",
        fix: "Rename or remove one.",
        source: "reference: redis, section 2",
        waivable: false,
        check: Some(|model, sink| {
            // Their folders below `secrets/clients` are one on file systems that do not tell case.
            let mut seen: BTreeMap<String, usize> = BTreeMap::new();
            for (place, user) in model.profile.users.iter().enumerate() {
                if let Some(first) = seen.insert(user.name.as_str().to_ascii_lowercase(), place) {
                    sink.report(format!("users[{place}].name"), format!("there is a user `{}` already", user.name))
                        .related(format!("users[{first}].name"), "the first one");
                }
            }
        }),
    },
    Rule {
        id: "user-name-reserved",
        severity: ERROR,
        title: "A user has a name of ours",
        why: "`health`, `exporter` and `backup` are users that redisgen adds for its services; `default` is who everybody is before logging in.",
        fix: "Choose another name; `default` may be listed with role `custom`.",
        source: "profile format",
        waivable: false,
        check: Some(|model, sink| {
            for (place, user) in model.profile.users.iter().enumerate() {
                let name = user.name.as_str();
                if RESERVED.contains(&name) || (name == "default" && user.role != Role::Custom) {
                    sink.report(format!("users[{place}].name"), format!("`{name}` is reserved"));
                }
            }
        }),
    },
    Rule {
        id: "default-user-listed",
        severity: WARNING_IN_PRODUCTION,
        title: "`default` can be used",
        why: "Clients that name no user log in as `default`; one shared account hides who did what.",
        fix: "Give each application a user of its own.",
        source: "security guide, Access Control Lists",
        waivable: true,
        check: Some(|model, sink| {
            for (place, user) in model.profile.users.iter().enumerate() {
                if user.name.as_str() == "default" && user.enabled {
                    sink.report(format!("users[{place}].name"), "`default` is enabled");
                }
            }
        }),
    },
    Rule {
        id: "keys-missing",
        severity: ERROR,
        title: "An application or reader without keys",
        why: "It could touch no key, or, if we guessed, all of them.",
        fix: "Add `keys: [\"prefix:*\"]`.",
        source: "profile format",
        waivable: false,
        check: Some(|model, sink| {
            for (place, user) in model.profile.users.iter().enumerate() {
                let needs = matches!(user.role, Role::Application | Role::Readonly);
                if needs && user.keys.as_ref().is_none_or(Vec::is_empty) {
                    sink.report(format!("users[{place}].role"), format!("role `{}` needs `keys`", user.role.word()));
                }
            }
        }),
    },
    Rule {
        id: "keys-unlimited",
        severity: WARNING_IN_PRODUCTION,
        title: "An application may touch all keys",
        why: "One compromised application then reads and changes the data of all others.",
        fix: "Name the prefixes it works on.",
        source: "security guide, Data Exfiltration",
        waivable: true,
        check: Some(|model, sink| {
            for (place, user) in model.profile.users.iter().enumerate() {
                let limited = matches!(user.role, Role::Application | Role::Readonly);
                for (path, keys) in key_lists(place, user).filter(|_| limited) {
                    let all = |key: &KeyPattern| key.pattern.bytes().all(|byte| byte == b'*');
                    if let Some(key) = keys.iter().position(all) {
                        sink.report(format!("{path}[{key}]"), "this pattern matches every key");
                    }
                }
            }
        }),
    },
    Rule {
        id: "commands-without-effect",
        severity: ERROR,
        title: "A role that has its commands lists some",
        why: "`admin`, `readonly` and `monitoring` are what they are; a list beside them reads as a limit and is none.",
        fix: "Use role `custom`, or remove the list.",
        source: "profile format",
        waivable: false,
        check: Some(|model, sink| {
            for (place, user) in model.profile.users.iter().enumerate() {
                let fixed = matches!(user.role, Role::Admin | Role::Readonly | Role::Monitoring);
                if fixed && user.commands.is_some() {
                    sink.report(
                        format!("users[{place}].commands"),
                        format!("role `{}` takes no commands of its own", user.role.word()),
                    );
                }
                if fixed && user.selectors.is_some() {
                    sink.report(
                        format!("users[{place}].selectors"),
                        format!("role `{}` takes no selectors", user.role.word()),
                    );
                }
                if user.role == Role::Admin && user.keys.is_some() {
                    sink.report(format!("users[{place}].keys"), "role `admin` may touch every key");
                }
                if user.role == Role::Monitoring && user.keys.is_some() {
                    sink.report(format!("users[{place}].keys"), "role `monitoring` reads no data");
                }
            }
        }),
    },
    Rule {
        id: "custom-without-commands",
        severity: WARNING,
        title: "A custom user may run nothing",
        why: "Role `custom` has exactly the rules that stand in `commands`.",
        fix: "Add `commands: [+get]`.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            for (place, user) in model.profile.users.iter().enumerate() {
                if user.role == Role::Custom
                    && user.commands.as_ref().is_none_or(Vec::is_empty)
                    && user.selectors.is_none()
                {
                    sink.report(format!("users[{place}].role"), "this user may run nothing");
                }
            }
        }),
    },
    Rule {
        id: "application-all-commands",
        severity: ERROR,
        title: "An application may run every command",
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
        why: "Disabled commands, and those that do the same, are for role `admin` only; the list promises what it does not give.",
        fix: "Remove it from the user or from `commands.disabled`.",
        source: "security guide, Dangerous Commands",
        waivable: false,
        check: Some(denied_listed),
    },
    Rule {
        id: "selectors-unsupported",
        severity: ERROR,
        title: "The engine has no selectors or one-way key patterns",
        why: "They came with 7.0; 6.2 refuses the ACL file.",
        fix: "Choose a later line, or split the user in two.",
        source: "reference: redis, section 9",
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
        why: "The server takes it for the end of the selector; what follows would be the user's own.",
        fix: "Change the pattern, as `b:*[)]`.",
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
        why: "The health check needs it, and so does every client.",
        fix: "Take `ping` from `commands.disabled`.",
        source: "reference: redis, section 5",
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
        why: "CONFIG is disabled for everyone but admins, so exporters show no redis_config metrics.",
        fix: "Nothing to do, unless a dashboard needs them.",
        source: "reference: redis, section 3",
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
    Rule {
        id: "default-user-open",
        severity: INFO,
        title: "Nobody needs a password",
        why: "`default` may do everything; only the published address stands in front. That is development's choice.",
        fix: "List `users` to have passwords in development too.",
        source: "security guide, Development Security",
        waivable: true,
        check: Some(|model, sink| {
            if model.users.iter().any(|user| user.login == Login::Anything) {
                sink.report("", "`default` needs no password");
            }
        }),
    },
];

fn suggest(model: &Model, name: &str, sink: &mut Sink) {
    if sink.full() {
        return;
    }
    let names = model.line.commands.iter().map(|command| command.name);
    if let Some(meant) = crate::schema::nearest(name, names) {
        sink.help(format!("did you mean `{meant}`?"));
    }
}

/// By effect, not by spelling: `+@slow +@fast` is every command, too.
fn application_all(model: &Model, sink: &mut Sink) {
    let mut everything = CommandSet::none(model.line.commands.len());
    (0..model.line.commands.len()).for_each(|id| everything.insert(id));
    everything.remove(&model.denied);
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

/// The key patterns of a user and of its selectors, with their paths.
fn key_lists(place: usize, user: &User) -> impl Iterator<Item = (String, &[KeyPattern])> {
    let own = user.keys.iter().map(move |keys| (format!("users[{place}].keys"), keys.as_slice()));
    let selectors = user.selectors.iter().flatten().enumerate();
    own.chain(selectors.filter_map(move |(index, selector)| {
        Some((format!("users[{place}].selectors[{index}].keys"), selector.keys.as_deref()?))
    }))
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
                suggest(model, rule.as_str().get(1..).unwrap_or(""), sink);
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
