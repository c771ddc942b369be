//! Who may do what.

use super::{Item, Verdict};
use crate::acl::account::Grant;
use crate::acl::danger::{self, Dangerous};
use crate::model::{HEALTH, Model};
use crate::profile::Role;
use crate::topic;

/// What the guide disables, by the names of 7.0; a line without one of them has nothing to disable.
const GUIDE: &[&str] = &[
    "flushdb",
    "flushall",
    "keys",
    "config",
    "debug",
    "shutdown",
    "eval",
    "evalsha",
    "script",
    "slaveof",
    "replicaof",
];

/// Where the rules stand.
const FILE: &str = "redis/users.acl";
/// So many users are named before the rest is counted.
const SHOWN: usize = 8;

/// The guide's list, for everyone but admins.
pub const NO_DANGEROUS_COMMANDS: Item = Item {
    id: "dangerous-commands-disabled",
    text: "Dangerous commands disabled",
    topic: topic::DISABLED_COMMANDS,
    judge: disabled,
};

/// Nobody may more than its work needs, as far as rules can tell.
pub const LEAST_PRIVILEGE: Item = Item {
    id: "least-privilege",
    text: "Minimum required permissions granted",
    topic: topic::USERS,
    judge: least_privilege,
};

pub(super) const ITEMS: &[&Item] = &[
    &NO_DANGEROUS_COMMANDS,
    &Item {
        id: "acls-configured",
        text: "ACLs configured",
        topic: topic::ACL_RULES,
        judge: |model| {
            if model.passwords() {
                Verdict::held(format!("{} users, each with rules of its own; `default` is stated.", model.users.len()))
                    .shown(
                        "redis/redis.conf",
                        "aclfile ",
                        "tests/server/engines.rs users_load_and_are_in_canonical_form",
                    )
            } else {
                Verdict::not_held("Only `default` exists, and it may do everything; list `users`.")
            }
        },
    },
    &LEAST_PRIVILEGE,
];

fn disabled(model: &Model) -> Verdict {
    let line = model.line;
    let known = GUIDE.iter().filter_map(|name| Some((name, line.command(name)?)));
    let allowed: Vec<String> =
        known.filter(|(_, id)| !model.denied.contains(*id)).map(|(name, _)| format!("`{name}`")).collect();
    if !model.passwords() {
        return Verdict::not_held("Everybody is `default` and may run every command; list `users`.");
    }
    if !allowed.is_empty() {
        return Verdict::not_held(format!("Not in `commands.disabled`: {}.", allowed.join(", ")));
    }
    let renamed = if model.renames.away.is_empty() {
        ""
    } else {
        " What `rename-command` can take away is taken from admins, too."
    };
    let verdict = Verdict::held(format!(
        "The guide's list and its relatives, as `eval_ro` and `function`, are denied by ACL rules to everyone but role `admin`.{renamed}"
    ))
    .shown(FILE, line_of_a_user(model), "tests/server/roles.rs denied_commands_are_for_admins_only");
    if model.renames.away.is_empty() {
        return verdict;
    }
    verdict.shown("redis/redis.conf", "rename-command ", "tests/server/rename.rs nobody_runs_a_renamed_command")
}

/// How the line of the first user starts that is no admin's: of the health check's, if there is none.
fn line_of_a_user(model: &Model) -> String {
    let plain = model.users.iter().find(|user| user.enabled && user.place.is_some() && user.role != Some(Role::Admin));
    format!("user {} ", plain.map_or(HEALTH, |user| user.name.as_str()))
}

fn least_privilege(model: &Model) -> Verdict {
    let mut found = able(model);
    let more = found.len().saturating_sub(SHOWN);
    if more > 0 {
        found.truncate(SHOWN);
        found.push(format!("{more} more users likewise"));
    }
    if !found.is_empty() {
        return Verdict::not_held(format!("{}.", found.join("; ")));
    }
    Verdict::held(
        "No user but those of role `admin` can run code, take the server over, carry data out past its key patterns, destroy or block. A user that may SCAN sees the names of all keys, and one of role `monitoring` settings where CONFIG is not disabled; `docs/ACCESS.md` has it all.",
    )
    .shown(
        FILE,
        line_of_a_user(model),
        "tests/acl/fixtures.rs every_user_of_every_profile_may_do_what_access_says",
    )
}

/// Users that can do more than their work needs, each with what it can do.
fn able(model: &Model) -> Vec<String> {
    let line = model.line;
    let dangers = danger::all(line).iter().filter(|danger| *danger.danger != danger::NAMES);
    let mut found: Vec<String> = Vec::new();
    let users = model.users.iter().zip(&model.accounts);
    for (user, account) in users.filter(|(user, _)| user.enabled && user.role != Some(Role::Admin)) {
        // Exporters read settings: that is what the role is for.
        let meant = |danger: &Dangerous| *danger.danger == danger::SECRETS && user.role == Some(Role::Monitoring);
        let carried = dangers.clone().filter(|danger| !meant(danger));
        let carried = carried.filter(|danger| account.grants().any(|grant| danger.touches(line, grant)));
        let mut can: Vec<&str> = carried.map(|danger| danger.danger.can).collect();
        let works =
            matches!(user.role, Some(Role::Application | Role::Readonly | Role::Custom)) && user.place.is_some();
        if works && account.grants().any(Grant::reaches_every_key) {
            can.push("touch every key");
        }
        if !can.is_empty() {
            found.push(format!("`{}` can {}", user.name, can.join(", ")));
        }
    }
    found
}
