//! In: a loaded profile. Out: the model, in which every value that follows from others stands.

use std::collections::BTreeSet;

use crate::acl::{self, Permissions};
use crate::allowlist::Allowlist;
use crate::artefact::users_acl;
use crate::engine::{self, CommandSet, Line};
use crate::finding::Finding;
use crate::firewall::{self, Firewall};
use crate::format::{AclRule, Address, KeyPattern, MIB, Size};
use crate::load::Loaded;
use crate::model::{AclUser, HEALTH, Login, Model};
use crate::profile::{Aof, EngineKind, Environment, Exposure, Profile, Role, Selector, User};
use crate::rename::Renames;

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

/// Makes the model.
///
/// # Errors
/// The line of the engine is unknown: then nothing else can be judged.
pub fn resolve(loaded: &Loaded, profile: Profile, source: &str) -> Result<Model, Finding> {
    let Some(line) = engine::line(profile.engine.kind, profile.engine.version) else {
        let known = engine::known_lines(profile.engine.kind).join(", ");
        // With a version of the defaults, it is the kind that the profile chose.
        let at = |path: &str| loaded.tree.locate(&crate::path::Path::parse(path).unwrap_or_default()).span();
        let own = |path: &&str| loaded.sources.get(at(path).file).is_some_and(|source| !source.embedded);
        let path = ["engine.version", "engine.kind"].into_iter().find(own).unwrap_or("engine.version");
        let span = at(path);
        return Err(Finding::structure(
            "engine-line-unknown",
            span,
            format!("redisgen does not know this line of {}", profile.engine.kind.word()),
        )
        .at(&path)
        .help(format!("state a `version` of a known line: {known}; every patch of them is fine")));
    };
    let denied =
        acl::denied(line, &profile.commands.disabled).unwrap_or_else(|_| CommandSet::none(line.commands.len()));
    let project = project(&profile);
    let users = users(&profile, line, &denied);
    Ok(Model {
        accounts: users_acl::accounts(line, &users),
        source: source.to_owned(),
        digest: loaded.digest.clone(),
        line,
        users,
        renames: Renames::new(line, &profile.commands, &denied),
        denied,
        maxmemory: maxmemory(&profile),
        image: image(&profile),
        published: published(&profile),
        allowed: allowed(&profile),
        server_names: server_names(&profile),
        app_bridge: format!("{}-app", firewall::tag(&project)),
        edge_bridge: format!("{}-pub", firewall::tag(&project)),
        firewall: Firewall::new(&profile, &project),
        project,
        profile,
    })
}

/// Five eighths of the container's limit: while a snapshot is written, changed pages exist twice. With
/// equal numbers the kernel ended the container under load, at this share it held (measured).
fn maxmemory(profile: &Profile) -> Option<Size> {
    let resources = &profile.resources;
    resources.maxmemory.or_else(|| resources.memory.map(|memory| Size((memory.0 / 8 * 5 / MIB).max(1) * MIB)))
}

/// The official Debian image; Debian's release changed with Redis 8.4.
fn image(profile: &Profile) -> String {
    let engine = &profile.engine;
    if let Some(image) = &engine.image {
        return image.to_string();
    }
    match engine.kind {
        EngineKind::Redis if engine.version.line >= (8, 4) => format!("redis:{}-trixie", engine.version),
        EngineKind::Redis => format!("redis:{}-bookworm", engine.version),
        EngineKind::Valkey => format!("valkey/valkey:{}", engine.version),
    }
}

fn published(profile: &Profile) -> Vec<Address> {
    let loopback = || vec![Address(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST))];
    match profile.network.exposure {
        Exposure::Internal => Vec::new(),
        Exposure::Localhost => loopback(),
        Exposure::Allowlist | Exposure::Open if profile.network.listen.is_empty() => vec![
            Address(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED)),
            Address(std::net::IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)),
        ],
        Exposure::Allowlist | Exposure::Open => profile.network.listen.clone(),
    }
}

fn allowed(profile: &Profile) -> Allowlist {
    match profile.network.exposure {
        Exposure::Allowlist => Allowlist::new(&profile.network.allow),
        Exposure::Internal | Exposure::Localhost | Exposure::Open => Allowlist::default(),
    }
}

fn server_names(profile: &Profile) -> Vec<String> {
    let names = profile.network.hostname.iter().chain(&profile.tls.names).map(ToString::to_string);
    let names: Vec<String> = names.chain(profile.tls.addresses.iter().map(ToString::to_string)).collect();
    unique(&names)
}

fn project(profile: &Profile) -> String {
    match profile.environment {
        Environment::Production => profile.name.to_string(),
        Environment::Development => format!("{}-dev", profile.name),
    }
}

fn users(profile: &Profile, line: &Line, denied: &CommandSet) -> Vec<AclUser> {
    let mut users: Vec<AclUser> =
        profile.users.iter().enumerate().map(|(place, user)| listed_user(user, place, line, denied)).collect();
    let passwords = users.iter().any(|user| user.login == Login::Password);
    if !users.iter().any(|user| user.name == "default") {
        users.push(default_user(profile, line, denied));
    }
    if passwords {
        users.push(AclUser {
            name: HEALTH.to_owned(),
            enabled: true,
            login: Login::Password,
            permissions: permissions(&[], vec!["+ping".to_owned()]),
            selectors: Vec::new(),
            place: None,
            role: None,
        });
    }
    users.sort_by(|a, b| a.name.as_bytes().cmp(b.name.as_bytes()));
    users
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
            commands: subtract(line, vec!["+@all".to_owned()], denied),
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

fn listed_user(user: &User, place: usize, line: &Line, denied: &CommandSet) -> AclUser {
    let own = |rules: &Option<Vec<AclRule>>| rules.iter().flatten().map(ToString::to_string).collect::<Vec<String>>();
    // A channel without a command for it would be a permission that nobody can use.
    let has_channels = user.channels.as_ref().is_some_and(|channels| !channels.is_empty());
    let commands = match user.role {
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
    };
    let denied = if user.role == Role::Admin { &CommandSet::none(line.commands.len()) } else { denied };
    let all = |wanted: bool| if wanted { "*".parse().into_iter().collect() } else { Vec::new() };
    let keys = match (&user.keys, user.role) {
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
        commands: subtract(line, selector.commands.iter().map(ToString::to_string).collect(), denied),
    };
    AclUser {
        name: user.name.to_string(),
        enabled: user.enabled,
        login: Login::Password,
        permissions: Permissions { keys, channels, commands: subtract(line, commands, denied) },
        selectors: user.selectors.iter().flatten().map(selector).collect(),
        place: Some(place),
        role: Some(user.role),
    }
}

fn unique<T: Clone + Ord>(items: &[T]) -> Vec<T> {
    let mut seen = BTreeSet::new();
    items.iter().filter(|item| seen.insert(*item)).cloned().collect()
}

fn permissions(keys: &[KeyPattern], commands: Vec<String>) -> Permissions {
    Permissions { keys: keys.to_vec(), channels: Vec::new(), commands: acl::canonical(commands) }
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
