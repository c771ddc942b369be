//! A server that runs for a proof, and the clients that ask it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::program::Program;
use super::site::Site;
use crate::artefact::LOCKED;
use crate::folder::Folder;
use crate::lock::sha256;
use crate::model::{AclUser, Login, Model};
use crate::provision;
use crate::verify::check::{Outcome, Trouble};
use crate::verify::encryption::{self, Peer, Pem};
use crate::verify::interrupt;
use crate::verify::lab::Lab;
use crate::verify::process::{self, Process};
use crate::verify::wire::{Connection, NoAnswer};

/// How long a server may take to start or to end.
const PATIENCE: Duration = Duration::from_mins(1);
/// What a server logs when it takes connections.
const READY: &str = "Ready to accept connections";
/// What it logs when it cannot save and so does not end, until 6.2 and since 7.0.
const STAYS: [&str; 2] = ["can't exit", "Errors trying to shut down"];
/// How long one may take that is stopped for another: what it would save nobody reads.
const GRACE: Duration = Duration::from_secs(5);
/// Name of the ACL file in the folder of secrets.
const ACL: &str = "users.acl";

/// A server of the profile, with all that its clients need.
pub(super) struct Running {
    /// What the profile asks for, on the line of the server that runs.
    pub model: Rc<Model>,
    /// The copy of the tree.
    pub lab: Rc<Lab>,
    /// What runs.
    pub program: Program,
    /// Where it runs.
    pub site: Site,
    /// When the proof began.
    pub now: OffsetDateTime,
    /// A user of ours with all rights, who asks what no user of the profile may.
    prover: (String, Zeroizing<String>),
    /// The ACL file as it is sealed, without that user.
    sealed: String,
    passwords: BTreeMap<String, Zeroizing<String>>,
    process: Option<Process>,
    log: PathBuf,
}

impl Running {
    /// Prepares the users; nothing runs yet.
    pub(super) fn new(
        model: Rc<Model>,
        lab: Rc<Lab>,
        program: Program,
        site: Site,
        now: OffsetDateTime,
    ) -> Result<Running, Trouble> {
        let failed = |reason: String| Trouble::Failed(reason);
        let mut passwords = BTreeMap::new();
        for user in model.users.iter().filter(|user| user.login == Login::Password) {
            passwords.insert(user.name.clone(), lab.password(&user.name).map_err(failed)?);
        }
        let locked = lab.text("redis/users.acl");
        let digests =
            passwords.iter().map(|(user, password)| (user.clone(), vec![sha256(password.as_bytes())])).collect();
        let sealed = match site.is_tree() && model.has_secrets() {
            // What would really be mounted.
            true => {
                let bytes = lab.secret("server/users.acl").map_err(failed)?;
                let bytes = bytes.ok_or_else(|| failed("secrets/server/users.acl is missing".to_owned()))?;
                String::from_utf8_lossy(&bytes).into_owned()
            }
            false if site.is_tree() => locked,
            false => provision::sealed(&site.locked().map_err(failed)?, &digests),
        };
        let mut random = [0_u8; 32];
        crate::random(&mut random).map_err(failed)?;
        let name = format!("redisgen-verify-{}", crate::hex(random.get(..6).unwrap_or_default()));
        let log = lab.path().join("server.log");
        let prover = (name, Zeroizing::new(crate::hex(&random)));
        Ok(Running { model, lab, program, site, now, prover, sealed, passwords, process: None, log })
    }

    /// Starts the server with the sealed users, and one of ours among them.
    pub(super) fn start(&mut self) -> Result<(), Trouble> {
        let (name, password) = &self.prover;
        let end = if self.sealed.ends_with('\n') || self.sealed.is_empty() { "" } else { "\n" };
        let users = format!("{}{end}user {name} on #{} ~* &* +@all\n", self.sealed, sha256(password.as_bytes()));
        self.start_with(&Zeroizing::new(users))?;
        // A server that lets nobody in is no server to prove anything on.
        let mut connection = self.prover()?;
        connection.call(&["PING"])?;
        Ok(())
    }

    /// Starts the server with these users.
    pub(super) fn start_with(&mut self, users: &str) -> Result<(), Trouble> {
        self.process = None;
        let folder = Folder::open(&self.site.secrets).map_err(Trouble::Failed)?;
        folder
            .stage(ACL, users.as_bytes(), 0o600, false)
            .and_then(crate::folder::Staged::commit)
            .map_err(Trouble::Failed)?;
        self.site.give(&self.site.secrets.join(ACL))?;
        #[expect(clippy::disallowed_methods, reason = "a log in the private folder")]
        let log = File::create(&self.log).map_err(|error| Trouble::Failed(error.to_string()))?;
        let err = log.try_clone().map_err(|error| Trouble::Failed(error.to_string()))?;
        let mut process = Process::start(self.site.server(&self.program)?.stdout(log).stderr(err))?.with_grace(GRACE);
        let ready = interrupt::wait(PATIENCE, || {
            if let Some(status) = process.status()? {
                return Trouble::failed(format!("the server ended with {status}: {}", last(&self.log())));
            }
            Ok(self.log().contains(READY).then_some(()))
        })?;
        self.process = Some(process);
        ready.ok_or_else(|| Trouble::Failed(format!("the server is not ready: {}", last(&self.log()))))
    }

    /// Stops it as `docker stop` does.
    pub(super) fn stop(&mut self) -> Outcome {
        let Some(mut process) = self.process.take() else { return Trouble::failed("the server does not run") };
        process.signal(Signal::TERM);
        // One that says that it stays is not waited for.
        let ended = interrupt::wait(PATIENCE, || match process.status()? {
            None if STAYS.iter().any(|words| self.log().contains(words)) => {
                Trouble::failed(format!("SIGTERM does not end the server: {}", last(&self.log())))
            }
            status => Ok(status),
        })?;
        match ended {
            Some(status) if status.success() => Ok("ended with 0".to_owned()),
            Some(status) => Trouble::failed(match status.signal() {
                Some(signal) => format!("the server was ended by signal {signal}"),
                None => format!("the server ended with {status}: {}", last(&self.log())),
            }),
            None => Trouble::failed("SIGTERM does not end the server"),
        }
    }

    /// True while it runs.
    pub(super) fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| matches!(process.status(), Ok(None)))
    }

    /// What it logged since it started.
    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The reviewed ACL file, in which every password is 64 zeros.
    pub(super) fn locked(&self) -> Result<String, Trouble> {
        let text = if self.site.is_tree() {
            self.lab.text("redis/users.acl")
        } else {
            self.site.locked().map_err(Trouble::Failed)?
        };
        if text.is_empty() || (self.model.passwords() && !text.contains(LOCKED)) {
            return Trouble::failed("redis/users.acl has no locked password");
        }
        Ok(text)
    }

    /// The user of ours, who may do everything.
    pub(super) fn prover(&self) -> Result<Connection, Trouble> {
        let mut connection = self.connect(self.any_identity())?;
        connection.login(&self.prover.0, &self.prover.1)?;
        Ok(connection)
    }

    /// Name of the user of ours.
    pub(super) fn prover_name(&self) -> &str {
        &self.prover.0
    }

    /// A user of the profile, logged in with its password and, if asked for, its certificate.
    pub(super) fn user(&self, user: &AclUser) -> Result<Connection, NoAnswer> {
        // A disabled user has no certificate of its own.
        let mut connection = self.connect(self.identity_of(&user.name).or_else(|| self.any_identity()))?;
        if let Some(password) = self.passwords.get(&user.name) {
            connection.login(&user.name, password)?;
        }
        Ok(connection)
    }

    /// Somebody with a certificate, if one is asked for, who has not logged in.
    pub(super) fn stranger(&self) -> Result<Connection, NoAnswer> {
        self.connect(self.any_identity())
    }

    /// Connects with this certificate.
    fn connect(&self, identity: Option<Pem>) -> Result<Connection, NoAnswer> {
        let mut peer = self.peer()?;
        peer.identity = identity;
        peer.open()
    }

    /// The server, as a client with any certificate of ours reaches it.
    pub(super) fn peer(&self) -> Result<Peer, NoAnswer> {
        let authority = if self.model.tls() { self.lab.secret("server/ca.crt").map_err(NoAnswer)? } else { None };
        if self.model.tls() && authority.is_none() {
            return Err(NoAnswer("secrets/server/ca.crt is missing".to_owned()));
        }
        Ok(Peer {
            model: Rc::clone(&self.model),
            lab: Rc::clone(&self.lab),
            address: self.site.address,
            name: self.model.server_names.first().map_or("localhost", String::as_str).to_owned(),
            authority: authority.map(|bytes| bytes.to_vec()).unwrap_or_default(),
            identity: self.any_identity(),
            servers: encryption::servers(&self.lab),
            now: self.now,
        })
    }

    /// Certificate and key of a user, if the profile asks for some.
    pub(super) fn identity_of(&self, user: &str) -> Option<Pem> {
        let keep = crate::model::keep(user);
        let stem = keep.path(keep.stem);
        let certificate = self.lab.secret(&format!("{stem}.crt")).ok()??;
        let key = self.lab.secret(&format!("{stem}.key")).ok()??;
        self.model.mutual().then(|| (certificate.to_vec(), key))
    }

    /// Anybody's: who shows it has not logged in yet.
    pub(super) fn any_identity(&self) -> Option<Pem> {
        self.passwords.keys().find_map(|user| self.identity_of(user))
    }

    /// Users that can log in.
    pub(super) fn enabled(&self) -> impl Iterator<Item = &AclUser> {
        self.model.users.iter().filter(|user| user.enabled && user.login != Login::Never)
    }

    /// Runs the health check as Docker does.
    pub(super) fn health(&self) -> Result<process::Said, Trouble> {
        process::run(&mut self.site.health()?, Duration::from_secs(15))
    }
}

/// The end of a log, on which a server says why it ends, without what may be a password.
fn last(log: &str) -> String {
    let lines: Vec<String> = log.lines().filter(|line| !line.trim().is_empty()).map(masked).collect();
    lines.get(lines.len().saturating_sub(6)..).unwrap_or_default().join(" | ")
}

/// A server quotes what it cannot read: a line of redis.conf as `>>> 'requirepass …'`, a rule of the ACL file as `'>…'`.
/// Of a directive its name is kept; of a rule, what grants or takes rights.
fn masked(line: &str) -> String {
    if let Some((before, quoted)) = line.split_once(">>> '") {
        let name = quoted.split([' ', '\t', '\'', '"']).next().unwrap_or_default();
        return format!("{before}>>> '{name} …'");
    }
    for what in ["operation '", "declaration '"] {
        if let Some((before, quoted)) = line.split_once(what) {
            let (rule, after) = quoted.rsplit_once('\'').unwrap_or((quoted, ""));
            let rule = if rule.starts_with(['+', '-', '~', '%', '&', '@']) { rule } else { "…" };
            return format!("{before}{what}{rule}'{after}");
        }
    }
    let hide = |word: &str| {
        let open = word.trim_start_matches(['\'', '"', '(']);
        let mark = open.chars().next().filter(|mark| "><#!".contains(*mark) && open.len() > 1);
        mark.map_or_else(|| word.to_owned(), |mark| format!("{mark}…"))
    };
    line.split(' ').map(hide).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_told() {
        for (line, told) in [
            (">>> 'requirepass \"hunter2\" x'", ">>> 'requirepass …'"),
            (">>> 'requirepass\thunter2'", ">>> 'requirepass …'"),
            (
                "users.acl:3: Error in applying operation '>hunter2': x",
                "users.acl:3: Error in applying operation '…': x",
            ),
            ("Error in applying operation 'hunter2 ': Syntax error", "Error in applying operation '…': Syntax error"),
            (
                "Error in applying operation '+nothing': Unknown command",
                "Error in applying operation '+nothing': Unknown command",
            ),
            ("user a on >hunter2 #abcd <abcd '>hunter2", "user a on >… #… <… >…"),
            ("1:M 26 Nov 2026 # Server initialized", "1:M 26 Nov 2026 # Server initialized"),
        ] {
            assert_eq!(masked(line), told);
        }
    }
}
