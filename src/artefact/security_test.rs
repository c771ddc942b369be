//! `tests/security-test.sh`: the protections of this deployment, tried from where clients are, without redisgen. What is
//! asked of whom follows from the model; the script only asks and compares.

mod probes;

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Serialize;

use super::{Artefact, cli, context, redis_conf};
use crate::acl::account::Account;
use crate::format::MIB;
use crate::model::{AclUser, Login, Model};
use crate::profile::{Role, TlsVersion};

pub(super) const ARTEFACT: Artefact = Artefact {
    path: |_| "tests/security-test.sh".to_owned(),
    mode: 0o755,
    wanted: |_| true,
    template: "tests/security-test.sh",
    context: |model| context(model, security_test(model)),
};

/// So many users are tried: of thousands, those with different rights come first.
const USERS: usize = 32;

/// Settings that stand for a protection. A reload, a later CONFIG SET or a smaller limit of the system changes them.
const SETTINGS: &[&str] = &[
    "protected-mode",
    "port",
    "tls-port",
    "tls-auth-clients",
    "tls-protocols",
    "tls-ciphers",
    "tls-ciphersuites",
    "aclfile",
    "acl-pubsub-default",
    "enable-protected-configs",
    "enable-debug-command",
    "enable-module-command",
    "maxclients",
    "maxmemory",
    "maxmemory-policy",
    "timeout",
    "appendonly",
    "hide-user-data-from-log",
];

#[derive(Serialize)]
struct SecurityTest {
    cli: &'static str,
    /// What this machine dials.
    host: String,
    port: u16,
    /// True if the port is published on the loopback only.
    local: bool,
    tls: Option<Tls>,
    /// True if nobody needs a password.
    open: bool,
    /// True if the server judges commands without running them.
    dry_run: bool,
    /// Who is asked for settings, and for judgements on others; empty for `default` without password.
    admin: Option<String>,
    control: Vec<String>,
    users: Vec<Subject>,
    disabled: Vec<String>,
    /// Users that are not tried.
    left_out: usize,
    settings: Vec<Setting>,
}

#[derive(Serialize)]
struct Tls {
    mutual: bool,
    old: Vec<Old>,
    /// True if ciphers of TLS 1.2 matter.
    ciphers: bool,
    names: Vec<Name>,
}

/// A protocol that must be refused.
#[derive(Serialize)]
struct Old {
    option: &'static str,
    /// What is tried.
    title: &'static str,
}

/// A name of the server's certificate, and how openssl compares it.
#[derive(Serialize)]
struct Name {
    option: &'static str,
    name: String,
}

#[derive(Serialize)]
struct Setting {
    name: &'static str,
    value: String,
}

/// What is asked of one user.
#[derive(Serialize)]
struct Subject {
    name: String,
    tried: Vec<String>,
    asked: Vec<String>,
    reads: Vec<String>,
    reads_not: Vec<String>,
    writes: Vec<String>,
    writes_not: Vec<String>,
    cannot_write: Vec<String>,
    channels: Vec<String>,
    channels_not: Vec<String>,
}

fn security_test(model: &Model) -> SecurityTest {
    let users: Vec<(&AclUser, &Account)> = model.users.iter().zip(&model.accounts).collect();
    let admin = admin(model);
    let dry_run = model.line.has_subcommands() && admin.is_some_and(|(_, account)| may(model, account, "acl|dryrun"));
    let (chosen, left_out) = chosen(&users);
    let forms = probes::Forms::new(model.line, &model.denied, dry_run);
    SecurityTest {
        cli: cli(model),
        host: host(model),
        port: if model.published.is_empty() { super::PORT } else { model.profile.network.port },
        local: !model.published.is_empty() && model.published.iter().all(|address| address.0.is_loopback()),
        tls: model.tls().then(|| tls(model)),
        open: users.iter().any(|(user, _)| user.login == Login::Anything),
        dry_run,
        admin: admin.map(|(user, _)| if user.login == Login::Anything { String::new() } else { user.name.clone() }),
        control: admin
            .map(|(_, account)| probes::control(model.line, &without_renamed(model, account)))
            .unwrap_or_default(),
        users: chosen.into_iter().map(|(user, account)| subject(model, user, account, &forms, dry_run)).collect(),
        disabled: users
            .iter()
            .filter(|(user, _)| user.login == Login::Password && !user.enabled)
            .map(|(user, _)| user.name.clone())
            .take(USERS)
            .collect(),
        left_out,
        settings: admin
            .filter(|(_, account)| may(model, account, "config|get"))
            .map_or(Vec::new(), |_| settings(model)),
    }
}

/// Who may see settings and users: role `admin`, or development's `default`.
pub(super) fn admin(model: &Model) -> Option<(&AclUser, &Account)> {
    let users = || model.users.iter().zip(&model.accounts);
    let admin = |user: &AclUser| user.login == Login::Password && user.enabled && user.role == Some(Role::Admin);
    let found = users().filter(|(user, _)| admin(user)).min_by_key(|(user, _)| user.place);
    found.or_else(|| users().find(|(user, _)| user.login == Login::Anything && !model.passwords()))
}

/// True if the user may run a command; of 6.2, which has no subcommands, the whole of it.
pub(super) fn may(model: &Model, account: &Account, name: &str) -> bool {
    let whole = name.split('|').next().unwrap_or(name);
    let id = model.line.command(name).or_else(|| model.line.command(whole));
    id.is_some_and(|id| without_renamed(model, account).own.commands.contains(id))
}

/// What the server holds of a user, less what redis.conf renames away.
fn without_renamed(model: &Model, account: &Account) -> Account {
    let mut account = account.clone();
    for id in model.renames.away.iter().filter_map(|name| model.line.command(name)) {
        account.take(model.line, id);
    }
    account
}

/// The users that are tried, and how many are not. An admin is denied nothing; that it can log in is seen.
fn chosen<'users>(users: &[(&'users AclUser, &'users Account)]) -> (Vec<(&'users AclUser, &'users Account)>, usize) {
    let enabled = users.iter().filter(|(user, _)| user.login == Login::Password && user.enabled);
    let mut seen = BTreeSet::new();
    let (first, further): (Vec<_>, Vec<_>) = enabled
        .copied()
        .partition(|(user, _)| seen.insert((user.role.map(|role| role as u8), &user.permissions.commands)));
    let all = first.len() + further.len();
    let mut chosen: Vec<_> = first.into_iter().chain(further).take(USERS).collect();
    chosen.sort_by(|(a, _), (b, _)| a.name.as_bytes().cmp(b.name.as_bytes()));
    let left_out = all - chosen.len();
    (chosen, left_out)
}

fn subject(model: &Model, user: &AclUser, account: &Account, forms: &probes::Forms, dry_run: bool) -> Subject {
    let line = model.line;
    let account = &without_renamed(model, account);
    let denied = forms.denied(line, account);
    let pair = |keys: Option<probes::Keys>| keys.map_or((Vec::new(), Vec::new()), |keys| (keys.own, keys.others));
    let (reads, reads_not) = pair(probes::keys_of(line, account, false));
    let (writes, writes_not) = pair(probes::keys_of(line, account, true));
    let (channels, channels_not) = pair(dry_run.then(|| probes::channels(line, account)));
    Subject {
        name: user.name.clone(),
        tried: denied.tried,
        asked: denied.asked,
        reads,
        reads_not,
        writes,
        writes_not,
        cannot_write: probes::cannot_write(line, account),
        channels,
        channels_not,
    }
}

/// The address that is published, else the server's name in the network of its applications.
fn host(model: &Model) -> String {
    match model.published.first() {
        None => "redis".to_owned(),
        Some(address) if address.0.is_unspecified() => match address.0 {
            IpAddr::V4(_) => "127.0.0.1".to_owned(),
            IpAddr::V6(_) => "::1".to_owned(),
        },
        Some(address) => address.to_string(),
    }
}

fn tls(model: &Model) -> Tls {
    let mut old = vec![
        Old { option: "-tls1", title: "TLS 1.0 is refused" },
        Old { option: "-tls1_1", title: "TLS 1.1 is refused" },
    ];
    let ciphers = model.profile.tls.minimum == TlsVersion::Tls12;
    if !ciphers {
        old.push(Old { option: "-tls1_2", title: "TLS 1.2 is refused" });
    }
    let option = |name: &str| if name.parse::<IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
    let names = model.server_names.iter().map(|name| Name { option: option(name), name: name.clone() });
    Tls { mutual: model.mutual(), old, ciphers, names: names.collect() }
}

/// Settings as CONFIG GET shows them.
fn settings(model: &Model) -> Vec<Setting> {
    let wanted = SETTINGS.iter().filter(|name| model.tls() || !name.starts_with("tls-"));
    let effective = redis_conf::Effective::new(model);
    wanted
        .filter_map(|name| {
            let value = effective.get(name)?;
            let megabytes = value.strip_suffix("mb").and_then(|number| number.parse::<u64>().ok());
            Some(Setting { name, value: megabytes.map_or(value, |number| (number * MIB).to_string()) })
        })
        .collect()
}
