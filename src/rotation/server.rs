//! In: a running server and somebody who may change its users. Out: digests added to and taken from users by ACL SETUSER,
//! which ends no connection. ACL LOAD is never used: before Redis 7.4 it disconnects every client (`aclfile` in redis.conf
//! and the release notes of 7.4), and it would bring whatever else the file says. Digests go over the wire; passwords only
//! in AUTH, to try them.

use zeroize::Zeroizing;

use super::beside;
use super::files::Server;
use crate::live::reply::Reply;
use crate::live::target::{self, Secrets, Target};
use crate::live::wire::Connection;
use crate::model::{Model, keep};

/// A server that is there, as the administrator who logged in to it.
pub struct Running<'run> {
    model: &'run Model,
    target: &'run Target,
    secrets: Secrets<'run>,
    connection: Connection,
}

impl<'run> Running<'run> {
    /// Connects and logs in. Amid a rotation of the administrator's own password, the server may know either.
    ///
    /// # Errors
    /// Nobody answers, or lets us in.
    pub fn new(model: &'run Model, target: &'run Target, secrets: Secrets<'run>) -> Result<Running<'run>, String> {
        let Some(user) = target.user.as_deref() else {
            return Err("say by --as which user may run ACL SETUSER; one of role admin may".to_owned());
        };
        let mut refused = String::new();
        for password in passwords(target, user, secrets)? {
            // A refused AUTH is a new connection's next try: some servers close it.
            let mut connection =
                target::reach(model, target, secrets).map_err(|trouble| trouble.to_string())?.connection;
            match connection.login(user, &password) {
                Ok(()) => return Ok(Running { model, target, secrets, connection }),
                Err(reason) => refused = format!("{user}: {reason}"),
            }
        }
        Err(refused)
    }

    fn call(&mut self, words: &[&str]) -> Result<Reply, String> {
        let what = words.iter().take(3).copied().collect::<Vec<_>>().join(" ");
        let reply = self.connection.call(words).map_err(|reason| format!("{what}: {reason}"))?;
        match reply.error() {
            None => Ok(reply),
            Some(error) => Err(format!("{what}: {error}")),
        }
    }

    /// The digests that open a user, in lower case.
    fn digests(&mut self, user: &str) -> Result<Vec<String>, String> {
        let reply = self.call(&["ACL", "GETUSER", user])?;
        let Some(items) = reply.items() else {
            return Err(format!("the server has no user {user}: bring it to the profile first"));
        };
        let mut pairs = items.chunks_exact(2);
        let found = pairs.find_map(|pair| match pair {
            [name, value] if name.text().as_deref() == Some("passwords") => value.items(),
            _ => None,
        });
        let list = found.ok_or_else(|| format!("ACL GETUSER {user} tells no passwords"))?;
        Ok(list.iter().filter_map(Reply::text).map(|digest| digest.to_ascii_lowercase()).collect())
    }
}

impl Server for Running<'_> {
    fn teach(&mut self, user: &str, digests: &[String]) -> Result<(), String> {
        let there = self.digests(user)?;
        let words: Vec<String> =
            digests.iter().filter(|digest| !there.contains(digest)).map(|digest| format!("#{digest}")).collect();
        if words.is_empty() {
            return Ok(());
        }
        let all: Vec<&str> = ["ACL", "SETUSER", user].into_iter().chain(words.iter().map(String::as_str)).collect();
        self.call(&all).map(|_| ())
    }

    fn forget(&mut self, user: &str, digest: &str) -> Result<(), String> {
        // To remove what is not there is an error of the server's.
        if !self.digests(user)?.iter().any(|there| there == digest) {
            return Ok(());
        }
        self.call(&["ACL", "SETUSER", user, &format!("!{digest}")]).map(|_| ())
    }

    fn opens(&mut self, user: &str, password: &str) -> Result<bool, String> {
        let reached = target::reach(self.model, self.target, self.secrets).map_err(|trouble| trouble.to_string())?;
        let mut connection = reached.connection;
        let reply = connection.call(&["AUTH", user, password]).map_err(|reason| reason.to_string())?;
        match reply.error() {
            None => Ok(true),
            Some(error) if error.starts_with("WRONGPASS ") => Ok(false),
            Some(error) => Err(format!("AUTH {user}: {error}")),
        }
    }
}

/// What may open the administrator: what was named, else what lies in the tree, also beside `password`.
fn passwords(target: &Target, user: &str, secrets: Secrets<'_>) -> Result<Vec<Zeroizing<String>>, String> {
    let mut all = vec![target::password(target, user, secrets).map_err(|trouble| trouble.to_string())?];
    if target.password.is_none() {
        for name in beside(user) {
            if let Some(bytes) = secrets(&keep(user).path(&name))? {
                let text = String::from_utf8_lossy(&bytes);
                all.push(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()));
            }
        }
    }
    Ok(all)
}
