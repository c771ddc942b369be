//! Level `live`: a running server against the profile. Only asks: it changes nothing, and logs in as the user that was
//! named. What this user may not see is told as not run.

use std::rc::Rc;

use time::OffsetDateTime;

use super::check::{Check, Outcome, Trouble};
use super::encryption::{self, Peer};
use super::lab::Lab;
use super::reply::Reply;
use super::wire::Connection;
use super::{Bench, settings, users};
use crate::access::Access;
use crate::advisories;
use crate::engine;
use crate::format::EngineVersion;
use crate::live::target::{self, Target};
use crate::model::{Login, Model};
use crate::profile::EngineKind;

/// A running server that somebody logged in to.
struct Live {
    peer: Peer,
    connection: Connection,
    user: Option<String>,
    running: Option<(EngineKind, EngineVersion)>,
}

/// The users as the server loads them, below `secrets/`.
const SEALED: &str = "server/users.acl";

const CHECKS: &[Check<Live>] = &[
    Check { id: "version", title: "It runs the build that the profile names", applies: |_| true, prove: version },
    Check {
        id: "advisories",
        title: "It has no known vulnerability that the profile's build lacks",
        applies: |_| true,
        prove: vulnerabilities,
    },
    Check {
        id: "settings",
        title: "Its settings are the profile's, and what the profile does not write is the engine's default",
        applies: |_| true,
        prove: same_settings,
    },
    Check {
        id: "replication",
        title: "It follows no other server",
        applies: |_| true,
        prove: |live| settings::role(&info(live, "replication")?),
    },
    Check { id: "loaded-modules", title: "It has no module loaded", applies: |_| true, prove: modules },
    Check { id: "users", title: "Its users are the profile's", applies: |_| true, prove: same_users },
    Check { id: "passwords", title: "One password opens each user", applies: Model::passwords, prove: one_password },
    Check {
        id: "sealed-passwords",
        title: "The passwords of the tree open its users, and no other does",
        applies: Model::passwords,
        prove: sealed_passwords,
    },
    Check {
        id: "renamed-commands",
        title: "Commands that the profile renames away do not exist",
        applies: |model| !model.renames.away.is_empty(),
        prove: renamed,
    },
    Check {
        id: "unauthenticated",
        title: "Nobody runs anything without logging in",
        applies: |model| !model.users.iter().any(|user| user.login == Login::Anything),
        prove: unauthenticated,
    },
    Check {
        id: "plain-text",
        title: "Connections without TLS are refused",
        applies: Model::tls,
        prove: |live| encryption::plain_text(&live.peer),
    },
    Check {
        id: "server-name",
        title: "Its certificate is good for the names of the profile and no other",
        applies: Model::tls,
        prove: |live| encryption::server_name(&live.peer),
    },
    Check {
        id: "certificate-age",
        title: "Its certificate need not be renewed yet",
        applies: Model::tls,
        prove: |live| encryption::age(&live.peer),
    },
    Check {
        id: "client-certificate",
        title: "Clients without a certificate of ours are refused",
        applies: Model::mutual,
        prove: |live| encryption::client_certificate(&live.peer),
    },
    Check {
        id: "old-tls",
        title: "Older versions of TLS are refused",
        applies: Model::tls,
        prove: |live| encryption::old_versions(&live.peer),
    },
];

/// Proves the level on the server that was named, if one was.
#[expect(clippy::unnecessary_wraps, reason = "as every level")]
pub(super) fn prove(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let Some(target) = &bench.options.live else { return Ok(()) };
    let (model, lab, now) = (bench.model, bench.lab, bench.now);
    let mut live = None;
    let title = format!(
        "{}:{} answers, and lets {} in",
        target.url.host,
        target.url.port,
        target.user.as_deref().unwrap_or("everybody")
    );
    bench.prove("login", &title, || {
        live = Some(login(model, lab, target, now)?);
        Ok(String::new())
    });
    if let Some(mut live) = live {
        bench.run(CHECKS, &mut live);
    }
    Ok(())
}

fn login(model: &Rc<Model>, lab: &Rc<Lab>, target: &Target, now: OffsetDateTime) -> Result<Live, Trouble> {
    let secrets = |path: &str| if lab.own_secrets { Ok(None) } else { lab.secret(path) };
    let reached = target::reach(model, target, &secrets)?;
    let peer = Peer {
        model: Rc::clone(model),
        lab: Rc::clone(lab),
        address: reached.address,
        name: target.url.host.clone(),
        authority: reached.authority,
        identity: reached.identity,
        servers: if lab.own_secrets { None } else { encryption::servers(lab) },
        now,
    };
    let mut connection = reached.connection;
    if let Some(user) = target.user.as_deref() {
        connection.login(user, &target::password(target, user, &secrets)?)?;
    }
    // TLS 1.3 tells a client that it is refused with the first answer.
    let reply = connection.call(&["PING"])?;
    if reply.error().is_some_and(|error| error.starts_with("NOAUTH ")) {
        return Err(Trouble::missing(
            "it asks for a login",
            "name a user by --user; one of role monitoring sees some, one of role admin all",
        ));
    }
    Ok(Live { peer, connection, user: target.user.clone(), running: None })
}

impl Live {
    /// Asks for something that not everybody may see.
    fn ask(&mut self, words: &[&str]) -> Result<Reply, Trouble> {
        let reply = self.connection.call(words)?;
        let asked = words.join(" ");
        match reply.error() {
            None => Ok(reply),
            Some(_) if reply.is_refusal() => Err(Trouble::missing(
                format!("{} may not run {asked}", self.user.as_deref().unwrap_or("a stranger")),
                "ask as a user that may: +info +command|info +config|get +acl|list see everything",
            )),
            Some(error) => Trouble::failed(format!("{asked}: {error}")),
        }
    }
}

/// Kind and version out of INFO; Valkey tells the version of Redis that it stands for, too.
pub fn running(info: &str) -> Option<(EngineKind, EngineVersion)> {
    let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim));
    match field("valkey_version") {
        Some(version) => Some((EngineKind::Valkey, version.parse().ok()?)),
        None => Some((EngineKind::Redis, field("redis_version")?.parse().ok()?)),
    }
}

fn version(live: &mut Live) -> Outcome {
    let reply = live.ask(&["INFO", "server"])?;
    let Some((kind, version)) = running(&reply.text().unwrap_or_default()) else {
        return Trouble::failed("INFO tells no version of Redis or Valkey");
    };
    live.running = Some((kind, version));
    let asked = &live.peer.model.profile.engine;
    let told = format!("{} {version}", kind.word());
    if (kind, version) == (asked.kind, asked.version) {
        return Ok(told);
    }
    Trouble::failed(format!("{told}; the profile names {} {}", asked.kind.word(), asked.version))
}

fn vulnerabilities(live: &mut Live) -> Outcome {
    let Some((kind, version)) = live.running else {
        return Err(Trouble::missing("the version is not known", "ask as a user that may run INFO"));
    };
    if engine::line(kind, version).is_none() {
        return Err(Trouble::missing(
            format!("redisgen does not know the line of {} {version}", kind.word()),
            "update redisgen",
        ));
    }
    let applying =
        |kind, version| advisories::applying(kind, version).map_err(|reason| Trouble::Failed(reason.to_owned()));
    let asked = &live.peer.model.profile.engine;
    let (here, known) = (applying(kind, version)?, applying(asked.kind, asked.version)?);
    let more: Vec<String> =
        here.iter().filter(|row| !known.iter().any(|other| other.ids() == row.ids())).map(|row| row.ids()).collect();
    if more.is_empty() { Ok(format!("{} known, none more", here.len())) } else { Trouble::failed(more.join(", ")) }
}

/// True if the server is of the profile's line; what another one tells is not comparable.
fn comparable(live: &Live) -> Result<(), Trouble> {
    let known = live.peer.model.line;
    match live.running {
        Some((kind, version)) if (kind, version.line) != (known.kind, known.number) => Err(Trouble::missing(
            format!("it is {} {version}, whose settings and users have other forms than those of {known}", kind.word()),
            "bring it to the profile's line, or name its line in the profile",
        )),
        _ => Ok(()),
    }
}

fn same_settings(live: &mut Live) -> Outcome {
    comparable(live)?;
    if live.peer.model.renames.away.contains(&"config") {
        return Err(Trouble::missing(
            "CONFIG is renamed away",
            "the settings of such a server can be proven at level server only",
        ));
    }
    let reply = live.ask(&["CONFIG", "GET", "*"])?;
    settings::judge(&live.peer.model, &reply)
}

fn info(live: &mut Live, section: &str) -> Result<String, Trouble> {
    Ok(live.ask(&["INFO", section])?.text().unwrap_or_default())
}

fn modules(live: &mut Live) -> Outcome {
    comparable(live)?;
    let info = info(live, "modules")?;
    settings::modules(live.peer.model.line, &info)
}

fn same_users(live: &mut Live) -> Outcome {
    comparable(live)?;
    let reply = live.ask(&["ACL", "LIST"])?;
    users::compare(&live.peer.model, &users::read(&live.peer.model, &reply, None)?)
}

/// Two are normal while a password is rotated.
fn one_password(live: &mut Live) -> Outcome {
    comparable(live)?;
    let reply = live.ask(&["ACL", "LIST"])?;
    match users::one_password_each(&users::read(&live.peer.model, &reply, None)?) {
        Err(Trouble::Failed(seen)) => Err(Trouble::Advice(format!("{seen}; normal while passwords are rotated"))),
        other => other,
    }
}

/// Passwords are compared as digests, by which both sides know them.
fn sealed_passwords(live: &mut Live) -> Outcome {
    comparable(live)?;
    let (model, lab) = (Rc::clone(&live.peer.model), Rc::clone(&live.peer.lab));
    let missing =
        || Trouble::missing("the digests of the passwords are missing", "name the tree with its secrets by --dir");
    // Secrets that were made for this proof are no server's.
    let sealed = if lab.own_secrets { None } else { lab.secret(SEALED).map_err(Trouble::Failed)? };
    let sealed = sealed.ok_or_else(missing)?;
    let sealed = Access::of_file(model.line, &String::from_utf8_lossy(&sealed))
        .map_err(|_| Trouble::Failed(format!("secrets/{SEALED} is no ACL file of {}", model.line)))?;
    let reply = live.ask(&["ACL", "LIST"])?;
    users::same_passwords(&users::read(&model, &reply, None)?, &sealed)
}

fn renamed(live: &mut Live) -> Outcome {
    let model = Rc::clone(&live.peer.model);
    let words: Vec<&str> = ["COMMAND", "INFO"].into_iter().chain(model.renames.away.iter().copied()).collect();
    let reply = live.ask(&words)?;
    let there: Vec<&str> = reply
        .items()
        .unwrap_or_default()
        .iter()
        .zip(&model.renames.away)
        .filter(|(item, _)| !matches!(item, Reply::List(None) | Reply::Text(None)))
        .map(|(_, name)| *name)
        .collect();
    if there.is_empty() {
        Ok(model.renames.away.join(", "))
    } else {
        Trouble::failed(format!("there are {}", there.join(", ")))
    }
}

fn unauthenticated(live: &mut Live) -> Outcome {
    let reply = live.peer.open()?.call(&["PING"])?;
    match reply.error() {
        Some(error) if error.starts_with("NOAUTH ") => Ok(error.to_owned()),
        _ => Trouble::failed(format!("PING: {reply}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_tell_what_they_are() {
        let redis = running("# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n").expect("read");
        assert_eq!((redis.0, redis.1.to_string()), (EngineKind::Redis, "7.0.15".to_owned()));
        let valkey =
            running("# Server\r\nredis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.1\r\n").expect("read");
        assert_eq!((valkey.0, valkey.1.to_string()), (EngineKind::Valkey, "8.1.1".to_owned()));
        assert!(running("# Server\r\n").is_none());
    }
}
