//! In: a running server, somebody who may change it, and the tree that it would start with. Out: the steps that bring it to
//! that tree, and the same taken.
//!
//! What can be changed in a running server is sent as one transaction (MULTI, EXEC): if the user may not run one of the
//! commands, or the connection ends before EXEC, nothing happened, and no other client sees a server that is half changed.
//! A user is set by one ACL SETUSER that begins with `reset`: the server applies its words to a copy and puts that in the
//! user's place as a whole or, if a word is wrong, not at all (`aclCommand` in acl.c, from 6.2 on), so that no moment has more
//! rights than one of both sides. It also ends subscriptions to channels that were taken away. ACL LOAD is never used: before
//! Redis 7.4 it disconnects every client, and what it reads is a file that a server elsewhere may not have yet.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use super::reply::Reply;
use super::target::{self, Secrets, Target};
use super::wire::Connection;
use crate::access::difference::difference;
use crate::access::{Access, User};
use crate::model::Model;
use crate::needs::{self, Need, Step};
use crate::verify::{live, settings, users};

/// What the tree gives a server that starts with it.
pub struct Wanted<'run> {
    /// The profile.
    pub model: &'run Model,
    /// The users, with the digests of their passwords.
    pub users: Access,
    /// The server's certificate, as DER; none without TLS.
    pub certificate: Option<Vec<u8>>,
    /// The authority's certificate.
    pub authority: Option<Authority>,
}

/// The certificate by which a server knows its clients. It shows it to nobody, so that files must tell.
pub struct Authority {
    /// Its digest.
    pub digest: String,
    /// When its file was put there, in seconds since 1970.
    pub placed: i64,
    /// The server and the authority that were told last.
    pub told: Option<Told>,
}

/// A server that read an authority.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// `run_id` in INFO, another one after each start.
    pub server: String,
    /// Digest of the authority's certificate.
    pub authority: String,
}

/// What is to be done, and by which commands.
pub struct Plan {
    /// All steps, in order.
    pub steps: Vec<Step>,
    commands: Vec<Vec<String>>,
    /// Users that lose keys or channels: what they wait for may be gone.
    losing: BTreeSet<String>,
    /// The server, and the authority that it knows once this is done.
    pub told: Option<Told>,
}

impl Plan {
    fn add(&mut self, step: Step, command: Vec<String>) {
        self.steps.push(step);
        self.commands.push(command);
    }
}

/// A server that is there, as the user who logged in to it.
pub struct Running<'run> {
    connection: Connection,
    wanted: &'run Wanted<'run>,
    user: String,
    /// The certificate that new connections see, as DER.
    shown: Option<Vec<u8>>,
    told: Option<Told>,
}

fn command(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

impl<'run> Running<'run> {
    /// Connects and logs in.
    ///
    /// # Errors
    /// Nobody answers, or lets us in, or the profile does not let this user finish.
    pub fn new(wanted: &'run Wanted<'run>, target: &Target, secrets: Secrets<'_>) -> Result<Running<'run>, String> {
        let reached = target::reach(wanted.model, target, secrets).map_err(|trouble| trouble.to_string())?;
        let mut connection = reached.connection;
        if let Some(user) = target.user.as_deref() {
            let password = target::password(target, user, secrets).map_err(|trouble| trouble.to_string())?;
            connection.login(user, &password).map_err(|reason| format!("{user}: {reason}"))?;
        }
        let (shown, told) = (connection.certificate(), wanted.authority.as_ref().and_then(|own| own.told.clone()));
        let mut running = Running { connection, wanted, user: String::new(), shown, told };
        running.user = running.text(&["ACL", "WHOAMI"])?;
        running.may_stay()?;
        Ok(running)
    }

    /// Whoever takes rights away from the user of this connection could not look whether all was done.
    fn may_stay(&self) -> Result<(), String> {
        let line = self.wanted.model.line;
        let id = line.command("acl|setuser").or(line.command("acl"));
        let may = |user: &User| {
            user.account.enabled && id.is_some_and(|id| user.account.grants().any(|grant| grant.permits(id, None)))
        };
        if self.wanted.users.user(&self.user).is_some_and(may) {
            return Ok(());
        }
        Err(format!(
            "the profile lets {} not run ACL SETUSER: log in by --user as a user of role admin that it keeps",
            self.user.escape_debug()
        ))
    }

    fn call(&mut self, words: &[&str]) -> Result<Reply, String> {
        let what = words.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        let reply = self.connection.call(words).map_err(|reason| format!("{what}: {reason}"))?;
        match reply.error() {
            None => Ok(reply),
            Some(error) => Err(format!("{what}: {error}")),
        }
    }

    fn text(&mut self, words: &[&str]) -> Result<String, String> {
        self.call(words)?.text().ok_or_else(|| format!("{} tells nothing", words.join(" ")))
    }

    /// What it needs; only asks.
    ///
    /// # Errors
    /// It does not tell what it has.
    pub fn plan(&mut self, now: OffsetDateTime) -> Result<Plan, String> {
        let model = self.wanted.model;
        let mut plan = Plan { steps: Vec::new(), commands: Vec::new(), losing: BTreeSet::new(), told: None };
        let info = self.text(&["INFO", "server"])?;
        let (kind, version) = live::running(&info).ok_or("INFO tells no version of Redis or Valkey")?;
        let asked = &model.profile.engine;
        let other = (kind, version) != (asked.kind, asked.version);
        let recreate = || {
            let (is, should) =
                (format!("{} {version}", kind.word()), format!("{} {}", asked.kind.word(), asked.version));
            Step::new(Need::Recreate, "engine", format!("is {is}, the profile names {should}"))
        };
        if (kind, version.line) == (model.line.kind, model.line.number) {
            self.users(&mut plan)?;
            self.settings(&mut plan)?;
            self.certificates(&mut plan, &info, now);
        }
        // Rules and settings of another line have other forms: nothing of it can be compared.
        if other {
            plan.steps.push(recreate());
        }
        Ok(plan)
    }

    fn users(&mut self, plan: &mut Plan) -> Result<(), String> {
        let (model, wanted) = (self.wanted.model, &self.wanted.users);
        let list = self.call(&["ACL", "LIST"])?;
        let found = users::read(model, &list, None).map_err(|trouble| trouble.to_string())?;
        let mut steps = needs::of_users(&found, wanted);
        let changes = difference(&found, wanted).users;
        for user in &wanted.users {
            let digests = |user: &User| user.account.passwords.iter().cloned().collect::<BTreeSet<_>>();
            let same = found.user(&user.name).is_none_or(|found| digests(found) == digests(user));
            match steps.iter_mut().find(|step| step.subject == user.name) {
                _ if same => {}
                Some(step) => step.what.push_str(", and other passwords"),
                None => steps.push(Step::new(Need::AclSetuser, user.name.as_str(), "has other passwords")),
            }
        }
        // What takes rights away goes first, and who does all this last.
        steps.sort_by_key(|step| (step.need, step.subject == self.user));
        let off = |name: &str| wanted.user(name).is_some_and(|user| !user.account.enabled);
        let mut closing = BTreeSet::new();
        for step in steps {
            let name = step.subject.clone();
            match wanted.user(&name) {
                None => plan.add(step, command(&["ACL", "DELUSER", &name])),
                Some(user) => {
                    if changes.get(&name).is_some_and(|change| !change.lost.is_empty()) {
                        plan.losing.insert(name.clone());
                    }
                    if off(&name) && found.user(&name).is_some_and(|found| found.account.enabled) {
                        closing.insert(name.clone());
                    }
                    let mut words = command(&["ACL", "SETUSER", &name, "reset"]);
                    words.extend(user.words.iter().cloned());
                    plan.add(step, words);
                }
            }
        }
        // A user that is off keeps the connections that it has (ACL SETUSER in Redis's documentation). Connections that nobody
        // logged in to are told as `default`'s, so that those are ended only when it is switched off.
        let open = self.clients()?;
        closing.extend(open.iter().map(|client| client.user.clone()).filter(|name| name != "default" && off(name)));
        for name in closing {
            let step = Step::new(Need::ClientKill, name.as_str(), "its connections, since it is off");
            plan.add(step, command(&["CLIENT", "KILL", "USER", &name, "SKIPME", "yes"]));
        }
        let lingering: BTreeSet<&str> = open
            .iter()
            .filter(|client| !off(&client.user) && client.lingers(wanted, &BTreeSet::new()))
            .map(|client| client.user.as_str())
            .collect();
        for name in lingering {
            plan.steps.push(Step::new(Need::ClientKill, name, "connections that run what it may not run"));
        }
        Ok(())
    }

    fn settings(&mut self, plan: &mut Plan) -> Result<(), String> {
        let model = self.wanted.model;
        if model.renames.away.contains(&"config") {
            let what = "CONFIG is renamed away: whether settings differ cannot be seen";
            plan.steps.push(Step::new(Need::Restart, "redis.conf", what));
            return Ok(());
        }
        let reply = self.call(&["CONFIG", "GET", "*"])?;
        let mut later = Vec::new();
        for change in settings::changes(model, &reply).map_err(|trouble| trouble.to_string())? {
            let need = needs::of_setting(model.line, &change.name);
            let step = Step::new(need, change.name.as_str(), change.words);
            if need == Need::ConfigSet {
                plan.add(step, command(&["CONFIG", "SET", &change.name, &change.value]));
            } else {
                later.push(step);
            }
        }
        plan.steps.append(&mut later);
        Ok(())
    }

    /// The server shows its own certificate; of the authority only files tell, and what was told before.
    fn certificates(&mut self, plan: &mut Plan, info: &str, now: OffsetDateTime) {
        let Some(certificate) = &self.wanted.certificate else { return };
        let field =
            |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim));
        let server = field("run_id").unwrap_or_default().to_owned();
        let uptime: i64 = field("uptime_in_seconds").and_then(|text| text.parse().ok()).unwrap_or_default();
        let unread = self.wanted.authority.as_ref().is_some_and(|authority| {
            let told = Told { server, authority: authority.digest.clone() };
            let known = self.told.as_ref() == Some(&told);
            plan.told = Some(told);
            !known && authority.placed >= now.unix_timestamp() - uptime
        });
        let what = match self.shown.as_ref() == Some(certificate) {
            false => "shows another certificate than the tree's",
            true if unread => "has an authority's certificate that is newer than its start",
            true => return,
        };
        let file = format!("{}/redis.crt", self.wanted.model.layout.secrets);
        let step = Step::new(Need::TlsReload, file.as_str(), what);
        if self.wanted.model.renames.away.contains(&"config") {
            plan.steps.push(Step { need: Need::Restart, ..step });
        } else {
            // Setting a file, also to the same name, reads all three again (`tlsConfigure` in tls.c).
            plan.add(step, command(&["CONFIG", "SET", "tls-cert-file", &file]));
        }
    }

    /// Takes the steps that a running server can take. Gives what it refused, in words.
    ///
    /// # Errors
    /// Nothing was changed, unless the connection ended amid it.
    pub fn apply(&mut self, plan: &Plan) -> Result<Vec<String>, String> {
        let mut refused = Vec::new();
        if !plan.commands.is_empty() {
            self.call(&["MULTI"])?;
            for words in &plan.commands {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                // The first error makes EXEC refuse all (EXECABORT); the connection ends with it.
                let reply = self.call(&words)?;
                if reply.text().as_deref() != Some("QUEUED") {
                    return Err(format!("{}: {reply}", words.iter().take(2).copied().collect::<Vec<_>>().join(" ")));
                }
            }
            let reply = self.call(&["EXEC"])?;
            let replies = reply.items().ok_or("EXEC: nothing was done")?;
            for (words, reply) in plan.commands.iter().zip(replies) {
                refused.extend(reply.error().map(|error| {
                    let what = words.iter().take(3).cloned().collect::<Vec<_>>().join(" ");
                    format!("{}: {}", what.escape_debug(), error.escape_debug())
                }));
            }
        }
        // What was permitted when it began goes on without being asked again: MONITOR, a replica's stream, a command that waits.
        for client in self.clients()?.iter().filter(|client| client.lingers(&self.wanted.users, &plan.losing)) {
            // It may have ended by itself.
            let _gone =
                self.connection.call(&["CLIENT", "KILL", "ID", &client.id]).map_err(|reason| reason.to_string())?;
        }
        Ok(refused)
    }

    /// What it still needs once a plan was carried out: as it tells it itself, and as a new connection sees it. Gives the
    /// authority that it was told to read, too, if it was.
    ///
    /// # Errors
    /// It does not tell what it has.
    pub fn rest(
        &mut self,
        done: &Plan,
        target: &Target,
        secrets: Secrets<'_>,
        now: OffsetDateTime,
    ) -> Result<(Plan, Option<Told>), String> {
        let mut told = None;
        if done.steps.iter().any(|step| step.need == Need::TlsReload) {
            let reached = target::reach(self.wanted.model, target, secrets).map_err(|trouble| trouble.to_string())?;
            self.shown = reached.connection.certificate();
            if self.shown == self.wanted.certificate {
                told.clone_from(&done.told);
                self.told.clone_from(&told);
            }
        }
        Ok((self.plan(now)?, told))
    }

    /// The connections of others.
    fn clients(&mut self) -> Result<Vec<Client>, String> {
        let own = self.text(&["CLIENT", "ID"])?;
        let list = self.text(&["CLIENT", "LIST"])?;
        Ok(list.lines().filter_map(Client::read).filter(|client| client.id != own).collect())
    }
}

/// A line of CLIENT LIST.
struct Client {
    id: String,
    user: String,
    flags: String,
    command: String,
}

impl Client {
    fn read(line: &str) -> Option<Client> {
        let field = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        Some(Client {
            id: field("id")?.to_owned(),
            user: field("user")?.to_owned(),
            flags: field("flags")?.to_owned(),
            command: field("cmd").unwrap_or_default().to_owned(),
        })
    }

    /// True if it goes on with a command that its user may not run, or that concerns what the user lost: `O` is MONITOR, `S` a
    /// replica, `b` waits, `t` is told of changed keys (CLIENT LIST in Redis's documentation).
    fn lingers(&self, wanted: &Access, losing: &BTreeSet<String>) -> bool {
        let has = |flag: char| self.flags.contains(flag);
        let name = match (has('O'), has('S')) {
            (true, _) => "monitor",
            (_, true) => "psync",
            _ if has('b') => self.command.as_str(),
            _ => return has('t') && losing.contains(&self.user),
        };
        let Some(user) = wanted.user(&self.user) else { return true };
        let may =
            wanted.line.command(name).is_some_and(|id| user.account.grants().any(|grant| grant.permits(id, None)));
        !may || (has('b') && losing.contains(&self.user))
    }
}
