//! In: a model and a vulnerability. Out: whether something that will be emitted keeps it out of reach, and in words
//! what was evaluated: permissions of users, redis.conf, exposure, certificates.

use crate::acl;
use crate::artefact::redis_conf;
use crate::engine::CommandSet;
use crate::firewall::Firewall;
use crate::model::{AclUser, Login, Model};
use crate::profile::{Exposure, Role};

use super::{Advisory, Hold, Who};

/// Whether a vulnerability is within reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Out of reach, and why.
    Held(String),
    /// Within reach, and by whom, as far as something was to be evaluated.
    Open(String),
}

/// What the users of a model may do, evaluated once for all vulnerabilities.
pub struct Reach<'model> {
    model: &'model Model,
    users: Vec<Permitted<'model>>,
}

/// An enabled user that is not of role `admin`.
struct Permitted<'model> {
    name: &'model str,
    /// What it may run.
    commands: CommandSet,
    /// What it may run on some keys only.
    key_limited: CommandSet,
}

impl<'model> Reach<'model> {
    /// Evaluates the users.
    pub fn new(model: &'model Model) -> Reach<'model> {
        let counted = |user: &&AclUser| user.enabled && user.login != Login::Never && user.role != Some(Role::Admin);
        Reach { model, users: model.users.iter().filter(counted).map(|user| permitted(model, user)).collect() }
    }

    /// Judges one vulnerability: any one of its holds is enough.
    pub fn verdict(&self, advisory: &Advisory) -> Verdict {
        let mut open: Vec<String> = Vec::new();
        if advisory.held_by.is_empty() {
            let local = advisory.who == Who::Local;
            open.push(
                if local { "not in the server: a tool that somebody on the host runs" } else { "no setting holds it" }
                    .to_owned(),
            );
        }
        for hold in &advisory.held_by {
            match self.holds(hold) {
                Ok(why) => return Verdict::Held(why),
                Err(why) => open.push(why),
            }
        }
        Verdict::Open(open.join("; "))
    }

    fn holds(&self, hold: &Hold) -> Result<String, String> {
        match hold {
            Hold::Deny(names) => self.denied(names, false),
            Hold::DenyToKeyLimited(names) => self.denied(names, true),
            Hold::Setting(name, value) => self.setting(name, value),
            Hold::Exposure => exposure(self.model),
            Hold::MutualTls if self.model.mutual() => Ok("clients must show a certificate".to_owned()),
            Hold::MutualTls => Err("no client certificate is asked for".to_owned()),
        }
    }

    /// Nobody but admins may run one of these.
    fn denied(&self, names: &[String], key_limited: bool) -> Result<String, String> {
        let line = self.model.line;
        let mut wanted = CommandSet::none(line.commands.len());
        // A name that the line lacks is nothing that could be run there.
        names.iter().filter_map(|name| acl::select(line, name).ok()).for_each(|set| wanted.add(&set));
        let mut users: Vec<&str> = Vec::new();
        let mut usable = CommandSet::none(line.commands.len());
        for user in &self.users {
            let able = if key_limited { &user.key_limited } else { &user.commands };
            if able.intersects(&wanted) {
                users.push(user.name);
                usable.add(able);
            }
        }
        if users.is_empty() {
            let who = if key_limited { "user with limited keys" } else { "user but admins" };
            let commands = names.iter().map(|name| spoken(name)).collect::<Vec<_>>().join(", ");
            return Ok(format!("no enabled {who} may run {commands}"));
        }
        let commands: Vec<String> =
            usable.both(&wanted).into_iter().filter_map(|id| Some(spoken(line.commands.get(id)?.name))).collect();
        let users: Vec<String> = users.iter().map(|user| format!("`{user}`")).collect();
        Err(format!("{} may run {}", some(&users), some(&commands)))
    }

    /// The directive has the value, and nobody but admins can change it.
    fn setting(&self, name: &str, value: &str) -> Result<String, String> {
        let Some(effective) = redis_conf::effective(self.model, name) else {
            return Ok(format!("{} has no `{name}`", self.model.line));
        };
        if effective != value {
            return Err(format!("`{name}` is `{effective}`"));
        }
        let mutable = self.model.line.directive(name).is_some_and(|known| known.mutable);
        if mutable && let Err(who) = self.denied(&["config|set".to_owned()], false) {
            return Err(format!("`{name}` is `{value}`, but {who}"));
        }
        Ok(if value.is_empty() { format!("`{name}` is not set") } else { format!("`{name}` is `{value}`") })
    }
}

fn permitted<'model>(model: &'model Model, user: &'model AclUser) -> Permitted<'model> {
    let line = model.line;
    let none = || CommandSet::none(line.commands.len());
    let mut permitted = Permitted { name: &user.name, commands: none(), key_limited: none() };
    for set in std::iter::once(&user.permissions).chain(&user.selectors) {
        // What cannot be evaluated is an error of another rule; until then it counts as everything.
        let everything = || line.category("all").cloned().unwrap_or_else(none);
        let commands = acl::evaluate(line, &set.commands).unwrap_or_else(|_| everything());
        permitted.commands.add(&commands);
        if !set.keys.iter().any(|key| key.pattern == "*" && key.read && key.write) {
            permitted.key_limited.add(&commands);
        }
    }
    permitted
}

/// Whether strangers reach the port. `localhost` counts as closed: Docker from 28 on keeps neighbours from a port that
/// is published on the loopback, our packet filters do before, and `loopback-needs-docker-28` tells who has neither.
///
/// # Errors
/// Why they do.
pub fn exposure(model: &Model) -> Result<String, String> {
    let guarded = model.firewall.as_ref().is_some_and(Firewall::sees_docker);
    match model.profile.network.exposure {
        Exposure::Internal => Ok("exposure `internal` publishes no port".to_owned()),
        Exposure::Localhost => Ok("exposure `localhost` admits this host only".to_owned()),
        Exposure::Allowlist if !guarded => Err("no packet filter keeps the allow list".to_owned()),
        Exposure::Allowlist if model.allowed.everyone().next().is_some() => {
            Err("the allow list admits everyone".to_owned())
        }
        Exposure::Allowlist => Ok("exposure `allowlist` admits listed sources only".to_owned()),
        Exposure::Open => Err("exposure `open` admits everyone".to_owned()),
    }
}

/// A command as people write it: `CLIENT KILL`, `@scripting`.
pub fn spoken(name: &str) -> String {
    if name.starts_with('@') { name.to_owned() } else { name.replace('|', " ").to_ascii_uppercase() }
}

/// Three of them, and how many more.
fn some(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(3).map(String::as_str).collect();
    match names.len() {
        0..=3 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), more - 3),
    }
}
