//! In: the profile's users and what is denied. Out: every user of the ACL file: roles are rules, `default` and the health
//! check's user are there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::acl::{self, Permissions};
use crate::engine::{CommandSet, Line};
use crate::format::{AclRule, KeyPattern};
use crate::model::{AclUser, BACKUP, EXPORTER, HEALTH, Login};
use crate::profile::{Aof, Environment, Profile, Role, Selector, User};

/// Connection commands that clients send before and beside their work: redis-py, ioredis, lettuce and
/// go-redis name themselves, measure and choose a database; AUTH, HELLO, QUIT and RESET are free anyway.
const CONNECTION: &[&str] =
    &["ping", "echo", "select", "client|setinfo", "client|setname", "client|getname", "client|id", "command"];

/// Reading channels, and what an application adds to publish on them.
const SUBSCRIBE: &[&str] = &["subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ssubscribe", "sunsubscribe"];
const PUBLISH: &[&str] = &["publish", "spublish"];

/// Metrics and no data: SLOWLOG GET would show arguments, CLIENT LIST shows addresses and names only.
const MONITORING: &[&str] = &[
    "ping",
    "info",
    "dbsize",
    "config|get",
    "client|list",
    "slowlog|len",
    "latency|latest",
    "latency|histogram",
    "memory|stats",
    "cluster|info",
];

/// What `redis_exporter` 1.69 asks for with the flags that we give it, found by ACL LOG on each server of the tests. It also
/// sends SLOWLOG GET, which would show arguments of commands, and so data: that stays denied, and costs one refusal a scrape.
const EXPORTING: &[&str] = &["ping", "info", "config|get", "slowlog|len", "latency|latest", "latency|histogram"];

/// Starts a save and sees it end. The snapshot is read from the disk: this user sees no data.
const SAVING: &[&str] = &["ping", "info", "bgsave", "lastsave"];

/// All users, sorted as ACL SAVE sorts them.
pub(super) fn users(profile: &Profile, line: &Line, denied: &CommandSet) -> Vec<AclUser> {
    let mut roles = RoleRules::new();
    let listed = profile.users.iter().enumerate();
    let mut users: Vec<AclUser> =
        listed.map(|(place, user)| listed_user(user, place, line, denied, &mut roles)).collect();
    let passwords = users.iter().any(|user| user.login == Login::Password);
    if !users.iter().any(|user| user.name == "default") {
        users.push(default_user(profile, line, denied));
    }
    if passwords {
        users.push(service_user(HEALTH, vec!["+ping".to_owned()]));
        if profile.monitoring.exporter {
            users.push(service_user(EXPORTER, plus_permitted(line, EXPORTING, denied)));
        }
        if profile.backups.is_some() {
            users.push(service_user(BACKUP, plus_permitted(line, SAVING, denied)));
        }
    }
    users.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    users
}

/// A user of a service of ours: it sees no data.
fn service_user(name: &str, commands: Vec<String>) -> AclUser {
    AclUser {
        name: name.to_owned(),
        enabled: true,
        login: Login::Password,
        permissions: permissions(&[], commands),
        selectors: Vec::new(),
        place: None,
        role: None,
    }
}

/// Always explicit: without a line of its own, `default` may do everything without a password (measured).
fn default_user(profile: &Profile, line: &Line, denied: &CommandSet) -> AclUser {
    let open = profile.users.is_empty() && profile.environment == Environment::Development;
    let everything = AclUser {
        name: "default".to_owned(),
        enabled: true,
        login: Login::Anything,
        permissions: Permissions {
            keys: "*".parse().into_iter().collect(),
            channels: "*".parse().into_iter().collect(),
            commands: Arc::new(subtract(line, vec!["+@all".to_owned()], denied)),
        },
        selectors: Vec::new(),
        place: None,
        role: None,
    };
    if open {
        return everything;
    }
    AclUser { enabled: false, login: Login::Never, permissions: replay(profile, line), ..everything }
}

/// What `default` needs although nobody can be it. Reading its own append-only file, the server checks what stands
/// between MULTI and EXEC against this user, and drops in silence what it may not: with no rights at all, every
/// transaction and script is lost at the next boot (measured on Redis 7.0 to 8.0, Valkey 8.1 and 9.0; mended in Valkey
/// 9.1.2, redis/redis#14541, valkey-io/valkey#3983). 6.2 does not check.
fn replay(profile: &Profile, line: &Line) -> Permissions {
    if profile.persistence.aof == Aof::Disabled || !line.has_subcommands() {
        return permissions(&[], Vec::new());
    }
    let every: Vec<KeyPattern> = "*".parse().into_iter().collect();
    permissions(&every, plus(line, REPLAYED))
}

/// What may stand in an append-only file: what writes, vector sets without a category included, and two commands that
/// are written though they only read.
const REPLAYED: &[&str] = &["@write", "select", "pfcount", "vadd", "vrem", "vsetattr"];

/// The rules of roles that state none, by role and whether there are channels: thousands of users may share them.
type RoleRules = BTreeMap<(Role, bool), Arc<Vec<String>>>;

/// The command rules of a user, without what is denied to it.
fn commands(user: &User, line: &Line, denied: &CommandSet, roles: &mut RoleRules) -> Arc<Vec<String>> {
    // A channel without a command for it would be a permission that nobody can use.
    let has_channels = user.channels.as_ref().is_some_and(|channels| !channels.is_empty());
    let make = || {
        let denied = if user.role == Role::Admin { &CommandSet::none(line.commands.len()) } else { denied };
        Arc::new(subtract(line, role_rules(user, has_channels, line, denied), denied))
    };
    if user.commands.is_some() { make() } else { roles.entry((user.role, has_channels)).or_insert_with(make).clone() }
}

fn role_rules(user: &User, has_channels: bool, line: &Line, denied: &CommandSet) -> Vec<String> {
    let own = |rules: &Option<Vec<AclRule>>| rules.iter().flatten().map(ToString::to_string).collect::<Vec<String>>();
    match user.role {
        Role::Admin => vec!["+@all".to_owned()],
        // Connection commands come last: on 6.2 a category rule takes back what `+client|setname` allowed (measured).
        Role::Application => {
            let mut rules = Vec::new();
            if user.commands.is_some() {
                rules.extend(own(&user.commands));
            } else {
                rules.extend(["+@read", "+@write", "+@transaction", "-@dangerous"].map(str::to_owned));
                // @write holds FUNCTION LOAD: code that runs in the server is no part of reading and writing.
                rules.extend(minus(line, &rules, &["@scripting", "function", "script"]));
                if has_channels {
                    rules.extend(plus_permitted(line, SUBSCRIBE, denied));
                    rules.extend(plus_permitted(line, PUBLISH, denied));
                }
            }
            rules.extend(plus(line, CONNECTION));
            rules
        }
        Role::Readonly => {
            // KEYS and SORT are in @dangerous; the others tell or hand out what is not the user's.
            let mut rules = ["+@read", "-@dangerous"].map(str::to_owned).to_vec();
            rules.extend(minus(line, &rules, &["dump", "scan", "clusterscan", "randomkey"]));
            if has_channels {
                rules.extend(plus_permitted(line, SUBSCRIBE, denied));
            }
            rules.extend(plus(line, CONNECTION));
            rules
        }
        Role::Monitoring => plus_permitted(line, MONITORING, denied),
        Role::Custom => own(&user.commands),
    }
}

fn listed_user(user: &User, place: usize, line: &Line, denied: &CommandSet, roles: &mut RoleRules) -> AclUser {
    let commands = commands(user, line, denied, roles);
    let denied = if user.role == Role::Admin { &CommandSet::none(line.commands.len()) } else { denied };
    let all = |wanted: bool| if wanted { "*".parse().into_iter().collect() } else { Vec::new() };
    let keys = match (&user.keys, user.role) {
        // It has no command that writes, and no right to write either, should it get one.
        (Some(keys), Role::Readonly) if line.has_selectors() => {
            let reading = acl::merge_keys(keys).into_iter();
            reading.map(|key| KeyPattern { write: key.write && !key.read, ..key }).collect()
        }
        (Some(keys), _) => acl::merge_keys(keys),
        (None, role) => all(role == Role::Admin),
    };
    let channels = match (&user.channels, user.role) {
        (Some(channels), _) => unique(channels),
        (None, Role::Admin) => "*".parse().into_iter().collect(),
        (None, _) => Vec::new(),
    };
    let selector = |selector: &Selector| Permissions {
        keys: acl::merge_keys(selector.keys.as_deref().unwrap_or_default()),
        channels: unique(selector.channels.as_deref().unwrap_or_default()),
        commands: Arc::new(subtract(line, selector.commands.iter().map(ToString::to_string).collect(), denied)),
    };
    AclUser {
        name: user.name.to_string(),
        enabled: user.enabled,
        login: Login::Password,
        permissions: Permissions { keys, channels, commands },
        selectors: user.selectors.iter().flatten().map(selector).collect(),
        place: Some(place),
        role: Some(user.role),
    }
}

pub(super) fn unique<T: Clone + Ord>(items: &[T]) -> Vec<T> {
    let mut seen = BTreeSet::new();
    items.iter().filter(|item| seen.insert(*item)).cloned().collect()
}

fn permissions(keys: &[KeyPattern], commands: Vec<String>) -> Permissions {
    Permissions { keys: keys.to_vec(), channels: Vec::new(), commands: Arc::new(acl::canonical(commands)) }
}

/// `+name` for each that the line knows. On 6.2 a subcommand is granted as a first argument.
fn plus(line: &Line, names: &[&str]) -> Vec<String> {
    let known = |name: &&&str| {
        if name.starts_with('@') {
            return true;
        }
        let command = name.split('|').next().unwrap_or(name);
        // 6.2 takes any word behind `|`; SETINFO came with 7.2, so that granting it there is idle.
        line.command(name).is_some()
            || (!line.has_subcommands() && line.command(command).is_some() && **name != "client|setinfo")
    };
    names.iter().filter(known).map(|name| format!("+{name}")).collect()
}

/// `-name` for each command of these names that the rules permit.
fn minus(line: &Line, rules: &[String], names: &[&str]) -> Vec<String> {
    let mut unwanted = CommandSet::none(line.commands.len());
    for selected in names.iter().filter_map(|name| acl::select(line, name).ok()) {
        unwanted.add(&selected);
    }
    acl::subtraction(line, rules, &unwanted)
}

/// As [`plus`], without what is denied: a role's own list is no wish of the profile's author.
fn plus_permitted(line: &Line, names: &[&str], denied: &CommandSet) -> Vec<String> {
    let permitted = |name: &str| acl::select(line, name).is_ok_and(|selected| !selected.intersects(denied));
    plus(line, names).into_iter().filter(|rule| rule.get(1..).is_some_and(permitted)).collect()
}

/// The canonical rules with the denied commands taken away where an earlier rule grants them.
fn subtract(line: &Line, rules: Vec<String>, denied: &CommandSet) -> Vec<String> {
    let rules = acl::canonical(rules);
    let minus = acl::subtraction(line, &rules, denied);
    if minus.is_empty() {
        return rules;
    }
    acl::canonical(rules.into_iter().chain(minus))
}
