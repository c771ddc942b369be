//! Level `live`: a running server against the profile. Only asks: it changes nothing, and logs in as the user that was
//! named. What this user may not see is told as not run.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::rc::Rc;
use std::str::FromStr;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::check::{Check, Outcome, Trouble};
use super::encryption::{self, Peer, Pem};
use super::lab::Lab;
use super::wire::{Connection, Reply};
use super::{Bench, settings, users};
use crate::advisories;
use crate::engine;
use crate::format::EngineVersion;
use crate::model::{Login, Model};
use crate::profile::EngineKind;

/// Where a server is, as `rediss://redis.example.com:6379`. A password has no place in it: arguments are everybody's to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// True for `rediss`.
    pub tls: bool,
    /// Name or address, without the brackets of IPv6.
    pub host: String,
    /// Port, 6379 if none is stated.
    pub port: u16,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Url, String> {
        let (tls, rest) = match text.split_once("://") {
            Some(("rediss", rest)) => (true, rest),
            Some(("redis", rest)) => (false, rest),
            _ => return Err("expected rediss://HOST:PORT, or redis:// without TLS".to_owned()),
        };
        if rest.contains('@') {
            return Err(
                "no user and no password here, everybody can read them; use --user and --password-file".to_owned()
            );
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':').or(port.is_empty().then_some("6379"))),
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, Some("6379")),
            },
        };
        let plain = |sign: char| sign.is_ascii_alphanumeric() || ".-_:".contains(sign);
        let port = port.and_then(|port| port.parse().ok()).filter(|port| *port != 0);
        match port {
            Some(port) if !host.is_empty() && host.chars().all(plain) => Ok(Url { tls, host: host.to_owned(), port }),
            _ => Err("expected a host and a port, as rediss://redis.example.com:6379".to_owned()),
        }
    }
}

/// Whom to ask, as whom.
#[derive(Clone, Debug)]
pub struct Target {
    /// The server.
    pub url: Url,
    /// User to log in as; none asks without logging in.
    pub user: Option<String>,
    /// File that holds its password, in place of the tree's.
    pub password: Option<PathBuf>,
    /// Certificate of the authority, in place of the tree's.
    pub authority: Option<PathBuf>,
    /// Certificate and key of the user, in place of the tree's.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// A running server that somebody logged in to.
struct Live {
    peer: Peer,
    connection: Connection,
    user: Option<String>,
    running: Option<(EngineKind, EngineVersion)>,
}

const CHECKS: &[Check<Live>] = &[
    Check { id: "version", title: "It runs the build that the profile names", applies: |_| true, prove: version },
    Check {
        id: "advisories",
        title: "It has no known vulnerability that the profile's build lacks",
        applies: |_| true,
        prove: vulnerabilities,
    },
    Check { id: "settings", title: "Its settings are the profile's", applies: |_| true, prove: same_settings },
    Check { id: "users", title: "Its users are the profile's", applies: |_| true, prove: same_users },
    Check { id: "passwords", title: "One password opens each user", applies: Model::passwords, prove: one_password },
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

fn read(path: &std::path::Path) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    std::fs::read(path).map(Zeroizing::new).map_err(|error| Trouble::Failed(format!("{}: {error}", path.display())))
}

/// What was named on the command line, else the tree's own, if the tree was given.
fn secret(lab: &Lab, named: Option<&PathBuf>, path: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Trouble> {
    match named {
        Some(named) => read(named).map(Some),
        None if lab.own_secrets => Ok(None),
        None => lab.secret(path).map_err(Trouble::Failed),
    }
}

fn login(model: &Rc<Model>, lab: &Rc<Lab>, target: &Target, now: OffsetDateTime) -> Result<Live, Trouble> {
    if model.tls() != target.url.tls {
        let (should, is) = if model.tls() { ("rediss", "redis") } else { ("redis", "rediss") };
        return Trouble::failed(format!("the profile's servers are {should}://, this one is said to be {is}://"));
    }
    let addresses = (target.url.host.as_str(), target.url.port).to_socket_addrs();
    let addresses: Vec<SocketAddr> =
        addresses.map_err(|error| Trouble::Failed(format!("{}: {error}", target.url.host)))?.collect();
    let user = target.user.as_deref();
    let mut peer = Peer {
        model: Rc::clone(model),
        lab: Rc::clone(lab),
        address: *addresses.first().ok_or_else(|| Trouble::Failed(format!("{} has no address", target.url.host)))?,
        name: target.url.host.clone(),
        authority: authority(model, lab, target)?,
        identity: identity(model, lab, target)?,
        now,
    };
    let mut open = peer.open();
    for address in addresses.iter().skip(1) {
        if open.is_ok() {
            break;
        }
        peer.address = *address;
        open = peer.open();
    }
    let mut connection = open?;
    if let Some(user) = user {
        connection.login(user, &password(lab, target, user)?)?;
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

fn authority(model: &Model, lab: &Lab, target: &Target) -> Result<Vec<u8>, Trouble> {
    if !model.tls() {
        return Ok(Vec::new());
    }
    match secret(lab, target.authority.as_ref(), "server/ca.crt")? {
        Some(bytes) => Ok(bytes.to_vec()),
        None => Err(Trouble::missing(
            "the authority's certificate",
            "name it by --ca, or the tree with its secrets by --dir",
        )),
    }
}

fn identity(model: &Model, lab: &Lab, target: &Target) -> Result<Option<Pem>, Trouble> {
    if !model.mutual() {
        return Ok(None);
    }
    let (certificate, key) =
        target.identity.as_ref().map(|(certificate, key)| (Some(certificate), Some(key))).unwrap_or_default();
    let user = target.user.as_deref().unwrap_or_default();
    let keep = crate::model::keep(user);
    let stem = keep.path(keep.stem);
    let certificate = secret(lab, certificate, &format!("{stem}.crt"))?;
    let key = secret(lab, key, &format!("{stem}.key"))?;
    match certificate.zip(key) {
        Some((certificate, key)) => Ok(Some((certificate.to_vec(), key))),
        None => Err(Trouble::missing(
            "a client's certificate and key, which the profile asks for",
            "name them by --cert and --key, or the tree with its secrets by --dir",
        )),
    }
}

fn password(lab: &Lab, target: &Target, user: &str) -> Result<Zeroizing<String>, Trouble> {
    #[expect(clippy::disallowed_methods, reason = "where redis-cli takes a password from, too")]
    let environment = std::env::var("REDISCLI_AUTH").ok().map(|text| Zeroizing::new(text.into_bytes()));
    let keep = crate::model::keep(user);
    let bytes = secret(lab, target.password.as_ref(), &keep.path(keep.password))?.or(environment);
    let Some(bytes) = bytes else {
        return Err(Trouble::missing(
            format!("the password of {user}"),
            "name its file by --password-file, or the tree with its secrets by --dir",
        ));
    };
    let text =
        std::str::from_utf8(&bytes).map_err(|_| Trouble::Failed(format!("the password of {user} is not text")))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
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
fn running(info: &str) -> Option<(EngineKind, EngineVersion)> {
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
    let Some(running) = settings::read(&reply) else { return Trouble::failed(format!("CONFIG GET: {reply}")) };
    let (different, count) = settings::differences(&live.peer.model, &running);
    if different.is_empty() { Ok(format!("{count} settings")) } else { Trouble::failed(different.join("; ")) }
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
    fn addresses_are_read() {
        let url = |text: &str| text.parse::<Url>();
        let named = Url { tls: true, host: "redis.example.com".to_owned(), port: 6380 };
        assert_eq!(url("rediss://redis.example.com:6380"), Ok(named));
        assert_eq!(url("redis://[fd00::1]:7000"), Ok(Url { tls: false, host: "fd00::1".to_owned(), port: 7000 }));
        assert_eq!(url("rediss://[::1]").map(|url| url.port), Ok(6379));
        for bad in [
            "redis.example.com",
            "http://a",
            "rediss://",
            "rediss://a:0",
            "rediss://a:x",
            "rediss://a b",
            "rediss://a/0",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
        let secret = url("rediss://admin:hunter2@a:1").expect_err("a password in the arguments");
        assert!(!secret.contains("hunter2"), "{secret}");
    }

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
