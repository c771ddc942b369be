//! Rules on users and what they may touch.

use std::collections::BTreeMap;

use super::{ERROR, INFO, Rule, WARNING, WARNING_IN_PRODUCTION};
use crate::format::KeyPattern;
use crate::model::{Login, RESERVED};
use crate::profile::{Aof, Exposure, Role, User};
use crate::topic;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "users-missing",
        severity: ERROR,
        title: "Production without users",
        topic: topic::LOGIN,
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
        topic: topic::USERS,
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
        topic: topic::USERS,
        why: "6.2 merges them in silence, later versions refuse to start (measured).",
        fix: "Rename or remove one.",
        source: "acl.c; measured on 6.2 and 7.0",
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
        title: "A user has a reserved name",
        topic: topic::USERS,
        why: "`health`, `exporter` and `backup` are users that redisgen adds for its services; `default` is who everybody is before logging in.",
        fix: "Choose another name. (`default` may be listed with role `custom`, best with `enabled: false`.)",
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
        topic: topic::LOGIN,
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
        id: "default-cannot-replay",
        severity: WARNING,
        title: "The listed `default` may not write what the append-only file holds",
        topic: topic::PERSISTENCE,
        why: "Reading its own file at boot, the server checks what stands between MULTI and EXEC against `default`, even if that is off, and drops in silence what it may not: transactions, scripts and SPOP are lost (measured on Redis 7.0 to 8.0, Valkey 8.1 and 9.0).",
        fix: "Leave `default` out: redisgen then writes it off, with `~* +@write +select +pfcount`. Listed, it cannot have what `commands.disabled` keeps from all but admins.",
        source: "redis/redis#14541, valkey-io/valkey#3983; tests/server/replay.rs",
        waivable: true,
        check: Some(|model, sink| {
            let line = model.line;
            let writing = line.category("write").filter(|_| line.has_subcommands());
            let Some(writing) = writing.filter(|_| model.profile.persistence.aof != Aof::Disabled) else { return };
            for (user, account) in model.users.iter().zip(&model.accounts) {
                let enough = account.own.all_keys() && writing.minus(&account.own.commands).is_empty();
                if let Some(place) = user.place.filter(|_| user.name == "default" && !enough) {
                    let message = "transactions would be lost at the next boot: `default` may not write them";
                    sink.report(format!("users[{place}].name"), message);
                }
            }
        }),
    },
    Rule {
        id: "keys-missing",
        severity: ERROR,
        title: "An application or reader without keys",
        topic: topic::USERS,
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
        topic: topic::USERS,
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
        topic: topic::USERS,
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
        topic: topic::USERS,
        why: "Role `custom` has exactly the rules that stand in `commands`.",
        fix: "Add `keys: [\"prefix:*\"]` and `commands: [+ping, +get]`.",
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
        id: "default-user-open",
        severity: INFO,
        title: "Nobody needs a password",
        topic: topic::LOGIN,
        why: "`default` may do everything; only the published address stands in front. That is development's choice.",
        fix: "List `users` to have passwords in development too.",
        source: "security guide, Development Security",
        waivable: true,
        check: Some(|model, sink| {
            // Beyond the host, `network-open-without-password` and `shared-network-without-password` tell it as an error.
            let network = &model.profile.network;
            let beyond = matches!(network.exposure, Exposure::Open | Exposure::Allowlist)
                || network.docker.as_ref().is_some_and(|docker| docker.network.is_some());
            if !beyond && model.users.iter().any(|user| user.login == Login::Anything) {
                sink.report("", "`default` needs no password");
            }
        }),
    },
];

/// The key patterns of a user and of its selectors, with their paths.
fn key_lists(place: usize, user: &User) -> impl Iterator<Item = (String, &[KeyPattern])> {
    let own = user.keys.iter().map(move |keys| (format!("users[{place}].keys"), keys.as_slice()));
    let selectors = user.selectors.iter().flatten().enumerate();
    own.chain(selectors.filter_map(move |(index, selector)| {
        Some((format!("users[{place}].selectors[{index}].keys"), selector.keys.as_deref()?))
    }))
}
