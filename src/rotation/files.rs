//! In: a tree, whose passwords to replace, and perhaps the running server. Out: the files of each phase.
//!
//! The order is what makes it safe. Whatever a client may read at any moment opens the server: both passwords are sealed, and
//! known to the server, before `password` changes, and one is taken away only when `password` holds the other. The state is
//! on disk before anything of its phase, so that two digests in the sealed file are always explained. Each step may be done
//! again; `pause` is asked before each, and says no when somebody wants to stop.

use std::collections::BTreeSet;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::{NAME, Phase, State, beside};
use crate::folder::Folder;
use crate::lock::sha256;
use crate::model::{AclUser, EXPORTER, Model};
use crate::provision::{self, new_password};
use crate::write;

/// A running server, as far as rotation needs one.
pub trait Server {
    /// Adds digests to a user's passwords; those that are there stay.
    ///
    /// # Errors
    /// The server refuses, or does not answer.
    fn teach(&mut self, user: &str, digests: &[String]) -> Result<(), String>;
    /// Takes a digest away, if it is there.
    ///
    /// # Errors
    /// The server refuses, or does not answer.
    fn forget(&mut self, user: &str, digest: &str) -> Result<(), String>;
    /// True if this password opens.
    ///
    /// # Errors
    /// The server does not answer.
    fn opens(&mut self, user: &str, password: &str) -> Result<bool, String>;
}

/// A rotation of a tree that this process holds the lock of.
pub struct Rotation<'run> {
    out: &'run Folder,
    model: &'run Model,
    /// The ACL file as the profile builds it.
    locked: &'run str,
    now: OffsetDateTime,
    pause: &'run dyn Fn(&str) -> Result<(), String>,
    /// How far it went.
    pub state: State,
}

impl<'run> Rotation<'run> {
    /// The rotation that is pending, else a new one of these users. Nothing is written yet.
    ///
    /// # Errors
    /// Another one is pending.
    pub fn begin(
        out: &'run Folder,
        model: &'run Model,
        locked: &'run str,
        users: &BTreeSet<String>,
        now: OffsetDateTime,
        pause: &'run dyn Fn(&str) -> Result<(), String>,
    ) -> Result<Rotation<'run>, String> {
        let all: BTreeSet<String> = model.logins().map(|user| user.name.clone()).collect();
        if let Some(unknown) = users.iter().find(|user| !all.contains(*user)) {
            let names: Vec<&str> = all.iter().map(String::as_str).collect();
            return Err(format!("`{}` has no password; {} have", unknown.escape_debug(), names.join(", ")));
        }
        let state = match State::read(out)? {
            Some(pending) if users.is_empty() || *users == pending.users => pending,
            Some(pending) => {
                let names: Vec<&str> = pending.users.iter().map(String::as_str).collect();
                let (what, end) = pending.phase.words();
                return Err(format!(
                    "a rotation of {} is pending since {} ({what}): {end} first",
                    names.join(", "),
                    pending.began
                ));
            }
            None if all.is_empty() => return Err("nobody has a password".to_owned()),
            None => State::new(if users.is_empty() { all } else { users.clone() }, now.date()),
        };
        Ok(Rotation { out, model, locked, now, pause, state })
    }

    /// The users of the rotation that the profile still has.
    fn users(&self) -> impl Iterator<Item = &'run AclUser> {
        let model = self.model;
        let names = self.state.users.clone();
        model.logins().filter(move |user| names.contains(&user.name))
    }

    /// Makes new passwords, seals both, teaches both. Done again, it makes up for what is missing.
    ///
    /// # Errors
    /// The first step that could not be done; run again, it goes on from there.
    pub fn prepare(&mut self, server: Option<&mut dyn Server>) -> Result<(), String> {
        match self.state.phase {
            Phase::Finishing => {
                return Err("the old passwords are being taken away already: end it with --finish".to_owned());
            }
            Phase::RollingBack | Phase::RolledBack => {
                return Err("it is being taken back: end that with --rollback".to_owned());
            }
            _ => {}
        }
        if self.state.phase <= Phase::Prepared {
            self.enter(Phase::Preparing)?;
            for user in self.users() {
                let [new, _] = beside(&user.name);
                if self.read(user, &new)?.is_none() {
                    self.put(user, &new, &new_password()?)?;
                }
            }
        }
        self.seal()?;
        if let Some(server) = server {
            self.teach(server)?;
        }
        if self.state.phase <= Phase::Prepared { self.enter(Phase::Prepared) } else { Ok(()) }
    }

    /// Gives clients the new passwords; both open all the while.
    ///
    /// # Errors
    /// The first step that could not be done; run again, it goes on from there.
    pub fn switch(&mut self) -> Result<(), String> {
        if self.state.phase == Phase::Switched {
            return Ok(());
        }
        self.enter(Phase::Switching)?;
        for user in self.users() {
            let [new, old] = beside(&user.name);
            let password = user.keep().password;
            match (self.read(user, &new)?, self.read(user, &old)?) {
                // The old one keeps its own date by being linked; `password` is there at every moment.
                (Some(_), left) => {
                    if left.is_some() {
                        self.remove(user, &old)?;
                    }
                    self.change(user, &format!("keep {password} as {old}"), |folder| folder.link(password, &old))?;
                    self.change(user, &format!("give {new} to clients"), |folder| folder.rename(&new, password))?;
                }
                (None, Some(_)) => {}
                (None, None) => {
                    return Err(format!("{}: both {new} and {old} are gone; --rollback ends it", user.name));
                }
            }
            self.tell_exporter(user, &old)?;
        }
        self.enter(Phase::Switched)
    }

    /// Takes the old passwords away.
    ///
    /// # Errors
    /// Clients do not have the new ones yet, or the first step that could not be done.
    pub fn finish(&mut self, mut server: Option<&mut dyn Server>) -> Result<(), String> {
        if !matches!(self.state.phase, Phase::Switched | Phase::Finishing) {
            let (what, end) = self.state.phase.words();
            return Err(format!("{what}: {end}; only then there is something to finish"));
        }
        if let Some(server) = server.as_deref_mut() {
            // Nothing is taken away from a server that does not know the other one.
            for user in self.users() {
                self.known(server, user, user.keep().password)?;
            }
        }
        self.enter(Phase::Finishing)?;
        // The file first: a server that restarts meanwhile must not learn the old one again.
        self.seal()?;
        for user in self.users() {
            let [_, old] = beside(&user.name);
            self.forget(&mut server, user, &old)?;
        }
        for user in self.users() {
            let [_, old] = beside(&user.name);
            self.remove(user, &old)?;
        }
        self.end()
    }

    /// Gives clients the old passwords back and takes the new ones away.
    ///
    /// # Errors
    /// An old one is gone already, or the first step that could not be done.
    pub fn roll_back(&mut self, mut server: Option<&mut dyn Server>) -> Result<(), String> {
        if self.state.phase == Phase::Finishing {
            for user in self.users() {
                let [_, old] = beside(&user.name);
                if self.read(user, &old)?.is_none() {
                    return Err(format!("the old password of {} is gone already: end it with --finish", user.name));
                }
            }
        }
        if self.state.phase != Phase::RolledBack {
            self.enter(Phase::RollingBack)?;
            self.seal()?;
            if let Some(server) = server.as_deref_mut() {
                self.teach(server)?;
            }
            for user in self.users() {
                let [new, old] = beside(&user.name);
                let password = user.keep().password;
                if let Some(text) = self.read(user, &old)? {
                    if self.read(user, password)? == Some(text) {
                        // Only linked so far. Renaming one link over another does nothing, so this one goes.
                        self.remove(user, &old)?;
                    } else {
                        self.remove(user, &new)?;
                        self.change(user, &format!("keep {password} as {new}"), |folder| folder.link(password, &new))?;
                        self.change(user, &format!("give {old} to clients"), |folder| folder.rename(&old, password))?;
                    }
                }
                self.tell_exporter(user, &new)?;
            }
            self.enter(Phase::RolledBack)?;
        }
        self.seal()?;
        for user in self.users() {
            let [new, _] = beside(&user.name);
            self.forget(&mut server, user, &new)?;
        }
        for user in self.users() {
            let [new, _] = beside(&user.name);
            self.remove(user, &new)?;
        }
        self.end()
    }

    fn teach(&self, server: &mut dyn Server) -> Result<(), String> {
        for user in self.users() {
            let names = beside(&user.name);
            for name in std::iter::once(user.keep().password).chain(names.iter().map(String::as_str)) {
                self.known(server, user, name)?;
            }
        }
        Ok(())
    }

    /// Teaches the server the password in a file, if it is there, and tries it.
    fn known(&self, server: &mut dyn Server, user: &AclUser, name: &str) -> Result<(), String> {
        let Some(password) = self.read(user, name)? else { return Ok(()) };
        self.step(&format!("teach the server {} of {}", name, user.name))?;
        server.teach(&user.name, &[sha256(password.as_bytes())])?;
        // Nobody logs in as a user that is off.
        if user.enabled && !server.opens(&user.name, &password)? {
            return Err(format!("the server knows {name} of {} now and still refuses it", user.name));
        }
        Ok(())
    }

    fn forget(&self, server: &mut Option<&mut dyn Server>, user: &AclUser, name: &str) -> Result<(), String> {
        let Some(server) = server else { return Ok(()) };
        let (gone, stays) = (self.read(user, name)?, self.read(user, user.keep().password)?);
        let (Some(gone), Some(stays)) = (gone, stays) else { return Ok(()) };
        if gone == stays {
            return Ok(());
        }
        self.step(&format!("take {name} of {} from the server", user.name))?;
        server.forget(&user.name, &sha256(gone.as_bytes()))?;
        if server.opens(&user.name, &gone)? {
            return Err(format!("the server should have forgotten {name} of {} and still accepts it", user.name));
        }
        if user.enabled && !server.opens(&user.name, &stays)? {
            return Err(format!("the server refuses {} of {}", user.keep().password, user.name));
        }
        Ok(())
    }

    /// The exporter reads its passwords from a list, if there is one: the one in `other` becomes that in `password`.
    fn tell_exporter(&self, user: &AclUser, other: &str) -> Result<(), String> {
        const LIST: &str = "passwords.json";
        if user.name != EXPORTER {
            return Ok(());
        }
        let folder = self.folder(user)?;
        let Some((bytes, mode)) = folder.read(LIST)? else { return Ok(()) };
        let (Some(from), Some(to)) = (self.read(user, other)?, self.read(user, user.keep().password)?) else {
            return Ok(());
        };
        let damaged = |_| format!("{} is no list of passwords", folder.full(LIST));
        let mut list: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&bytes).map_err(damaged)?;
        for value in list.values_mut().filter(|value| value.as_str() == Some(from.as_str())) {
            *value = serde_json::Value::String(to.to_string());
        }
        // In the form of `build`, which has nothing to change then.
        let text = Zeroizing::new(serde_json::to_string(&list).map_err(|error| error.to_string())? + "\n");
        self.step("tell the exporter")?;
        folder.sweep()?;
        folder.stage(LIST, text.as_bytes(), mode, true)?.commit()?;
        folder.sync()
    }

    /// The sealed file, derived again from what the files and the state say now.
    fn seal(&self) -> Result<(), String> {
        let sealed = provision::seal(self.out, self.model, self.locked, self.now)?;
        if sealed.files.is_empty() {
            return Ok(());
        }
        self.step("seal")?;
        write::write_secrets(self.out, &sealed)
    }

    fn enter(&mut self, phase: Phase) -> Result<(), String> {
        self.step(&format!("enter {phase:?}"))?;
        let state = State { phase, ..self.state.clone() };
        let secrets = self.secrets()?;
        // What a run that was killed left.
        secrets.sweep()?;
        secrets.stage(NAME, state.text()?.as_bytes(), 0o600, true)?.commit()?;
        secrets.sync()?;
        self.state = state;
        Ok(())
    }

    fn end(&self) -> Result<(), String> {
        self.step("end")?;
        let secrets = self.secrets()?;
        secrets.remove(NAME)?;
        secrets.sync()
    }

    fn step(&self, what: &str) -> Result<(), String> {
        (self.pause)(what)
    }

    fn secrets(&self) -> Result<Folder, String> {
        self.out.subfolder("secrets")?.ok_or_else(|| "secrets/ is missing; `redisgen build` makes it".to_owned())
    }

    fn folder(&self, user: &AclUser) -> Result<Folder, String> {
        let mut folder = self.secrets()?;
        for part in user.keep().chain() {
            let missing = || format!("{} is missing", folder.full(part));
            folder = folder.subfolder(part)?.ok_or_else(missing)?;
        }
        Ok(folder)
    }

    fn read(&self, user: &AclUser, name: &str) -> Result<Option<Zeroizing<String>>, String> {
        let folder = self.folder(user)?;
        let Some((bytes, _)) = folder.read(name)? else { return Ok(None) };
        let bytes = Zeroizing::new(bytes);
        let text = std::str::from_utf8(&bytes).map_err(|_| format!("{}: not text", folder.full(name)))?;
        Ok(Some(Zeroizing::new(text.strip_suffix('\n').unwrap_or(text).to_owned())))
    }

    fn put(&self, user: &AclUser, name: &str, password: &str) -> Result<(), String> {
        self.change(user, &format!("make {name}"), |folder| {
            folder.sweep()?;
            folder.stage(name, password.as_bytes(), 0o644, true)?.commit()
        })
    }

    fn remove(&self, user: &AclUser, name: &str) -> Result<(), String> {
        self.change(user, &format!("remove {name}"), |folder| folder.remove(name))
    }

    /// Changes one name in a user's folder, and puts that on disk before the next step.
    fn change(
        &self,
        user: &AclUser,
        what: &str,
        change: impl FnOnce(&Folder) -> Result<(), String>,
    ) -> Result<(), String> {
        self.step(&format!("{what} of {}", user.name))?;
        let folder = self.folder(user)?;
        change(&folder)?;
        folder.sync()
    }
}
