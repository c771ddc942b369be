//! In: what a server was built from, and what a profile asks for. Out: what takes the running server from one to the other,
//! in words that stay as they are. `diff` tells it of a tree, `apply` of a running server.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use time::OffsetDateTime;

use crate::access::Access;
use crate::access::brief::brief;
use crate::access::difference::difference;
use crate::artefact::compose::file_name as compose_file;
use crate::engine::Line;
use crate::folder::Folder;
use crate::model::Model;
use crate::provision::inventory::inventory;
use crate::provision::leaf::Problem;
use crate::render::File;
use crate::write;

/// What a running server needs. The order is that in which it is done: what takes rights away comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// ACL DELUSER, which also ends the connections of that user.
    AclDeluser,
    /// ACL SETUSER.
    AclSetuser,
    /// CLIENT KILL, for connections that go on with what their user may not do any more.
    ClientKill,
    /// CONFIG SET.
    ConfigSet,
    /// The server reads its certificates again.
    TlsReload,
    /// A restart of the container as it is.
    Restart,
    /// Another container: `docker compose up`.
    Recreate,
    /// `firewall/apply.sh`, on the host.
    Firewall,
}

impl Need {
    /// As it is told.
    pub const fn word(self) -> &'static str {
        match self {
            Need::AclDeluser => "acl-deluser",
            Need::AclSetuser => "acl-setuser",
            Need::ClientKill => "client-kill",
            Need::ConfigSet => "config-set",
            Need::TlsReload => "tls-reload",
            Need::Restart => "restart",
            Need::Recreate => "recreate",
            Need::Firewall => "firewall",
        }
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What.
    pub need: Need,
    /// To which user, setting or file.
    pub subject: String,
    /// Why, or what it changes.
    pub what: String,
}

impl Step {
    /// One.
    pub fn new(need: Need, subject: impl Into<String>, what: impl Into<String>) -> Step {
        Step { need, subject: subject.into(), what: what.into() }
    }
}

impl std::fmt::Display for Step {
    /// In one line; a running server may have put anything into its names.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}: {}", self.need.word(), self.subject.escape_debug(), self.what.escape_debug())
    }
}

/// Settings that CONFIG SET could change, and must not: a listener that cannot be opened again, or that this very connection
/// came by; files that belong together, of which it takes one at a time; and `requirepass`, which is no setting but the
/// password of `default` (`ACLUpdateDefaultUserPassword`): an empty one would open that user.
const NOT_LIVE: [&str; 10] = [
    "bind",
    "masterauth",
    "port",
    "requirepass",
    "tls-ca-cert-file",
    "tls-cert-file",
    "tls-key-file",
    "tls-port",
    "unixsocket",
    "unixsocketperm",
];

/// What brings a setting to another value.
pub fn of_setting(line: &Line, name: &str) -> Need {
    let settable = line.directive(name).is_some_and(|known| known.mutable && !known.protected && !known.ignored);
    if settable && !NOT_LIVE.contains(&name) { Need::ConfigSet } else { Need::Restart }
}

/// Users that gain or lose something. Passwords are not compared: `diff` has none.
pub fn of_users(old: &Access, new: &Access) -> Vec<Step> {
    let mut changes = difference(old, new).users;
    let by_name =
        |access: &'_ Access| access.users.iter().map(|user| (user.name.clone(), user.account.enabled)).collect();
    let (old, new): (BTreeMap<String, bool>, BTreeMap<String, bool>) = (by_name(old), by_name(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let step = |name: &String| {
        let told = changes.remove(name).map(|change| brief(&change, "gains", "loses")).unwrap_or_default();
        match (old.get(name), new.get(name)) {
            (Some(_), None) => Some(Step::new(Need::AclDeluser, name, "is not in the profile")),
            (None, Some(_)) => Some(Step::new(Need::AclSetuser, name, format!("is new; {told}"))),
            (Some(before), Some(after)) if told.is_empty() && before == after => None,
            (Some(_), Some(enabled)) if told.is_empty() => {
                Some(Step::new(Need::AclSetuser, name, if *enabled { "is on" } else { "is off" }))
            }
            _ => Some(Step::new(Need::AclSetuser, name, told)),
        }
    };
    names.into_iter().filter_map(step).collect()
}

/// What a server that runs the tree as it is on disk needs once these files are there; none if there is no tree yet:
/// where nothing was built, nothing runs.
///
/// # Errors
/// Something cannot be read.
pub fn of_tree(out: &Folder, model: &Model, files: &[File], now: OffsetDateTime) -> Result<Option<Vec<Step>>, String> {
    let old = |path: &str| -> Result<Option<String>, String> {
        Ok(write::read(out, path)?.map(|(bytes, _)| String::from_utf8_lossy(&bytes).into_owned()))
    };
    let new = |path: &str| files.iter().find(|file| file.path == path).map(|file| String::from_utf8_lossy(&file.bytes));
    let Some(conf) = old("redis/redis.conf")? else { return Ok(None) };
    let acl = old("secrets/server/users.acl")?.or(old("redis/users.acl")?);
    let mut steps = acl.map_or(Vec::new(), |acl| users(model, &acl));
    let wanted = new("redis/redis.conf").unwrap_or_default();
    let (before, after) = (directives(&conf), directives(&wanted));
    let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    for name in names.into_iter().filter(|name| before.get(name) != after.get(name)) {
        let what = if after.contains_key(name) { "changes" } else { "is left to the engine" };
        steps.push(Step::new(of_setting(model.line, name), name, what));
    }
    if model.tls() && out.subfolder("secrets")?.is_some() {
        let path = "secrets/server/redis.crt";
        // Secrets that cannot be read are not this command's to report.
        let entries = inventory(out, model, now).unwrap_or_default();
        let entry = entries.iter().find(|entry| entry.file == path);
        let mut problems = entry.into_iter().flat_map(|entry| &entry.problems);
        let problem = problems.find(|problem| matches!(problem, Problem::Names | Problem::KeyKind));
        steps.extend(problem.map(|problem| Step::new(Need::TlsReload, path, problem.to_string())));
    }
    let compose = compose_file(model);
    match (old(&compose)?, new(&compose)) {
        (Some(before), Some(after)) if service(&before) == service(&after) => {}
        (before, _) => {
            let what = if before.is_some() { "changes more than what the server reads" } else { "is new" };
            steps.push(Step::new(Need::Recreate, compose, what));
        }
    }
    for file in files.iter().filter(|file| file.path.starts_with("firewall/")) {
        let text = String::from_utf8_lossy(&file.bytes);
        if old(&file.path)?.is_none_or(|before| !uncommented(&before).eq(uncommented(&text))) {
            steps.push(Step::new(Need::Firewall, file.path.as_str(), "changes"));
        }
    }
    steps.sort_by_key(|step| step.need);
    Ok(Some(steps))
}

fn users(model: &Model, old: &str) -> Vec<Step> {
    match Access::of_file(model.line, old) {
        Ok(old) => of_users(&old.without(&model.renames.away), &Access::of_model(model)),
        // As after a change of the line, whose container is another one anyway.
        Err(_) => vec![Step::new(Need::Restart, "users.acl", format!("is none of {}", model.line))],
    }
}

/// The lines of a redis.conf, by name.
fn directives(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in uncommented(text) {
        let (name, value) = line.split_once(' ').unwrap_or((line, ""));
        found.entry(name).or_default().push(value);
    }
    found
}

fn uncommented(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.trim_start().starts_with('#'))
}

/// What makes a container another one, without the label that only tells Compose of other settings and users.
fn service(text: &str) -> Vec<&str> {
    uncommented(text).filter(|line| !line.contains("redisgen.configuration: ")).collect()
}
