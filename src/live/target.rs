//! In: where a server is, as whom to come, and the tree's secrets. Out: an open connection, and what it takes to open more.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use zeroize::Zeroizing;

use super::tls::{Identity, Tls};
use super::wire::{Connection, NoAnswer};
use crate::model::Model;
use crate::verify::check::Trouble;

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

/// Reads a file below `secrets/` of the tree; none if it is missing, or if there is no tree.
pub type Secrets<'run> = &'run dyn Fn(&str) -> Result<Option<Zeroizing<Vec<u8>>>, String>;

/// A certificate and its key, as PEM.
pub type Pem = (Vec<u8>, Zeroizing<Vec<u8>>);

/// A server that answered.
pub struct Reached {
    /// Where.
    pub address: SocketAddr,
    /// Certificate of the authority, as PEM; empty without TLS.
    pub authority: Vec<u8>,
    /// Certificate and key that were shown, if the profile asks for some.
    pub identity: Option<Pem>,
    /// Open, and nobody logged in.
    pub connection: Connection,
}

/// Connects to the first address of the target that answers.
///
/// # Errors
/// The profile has no such servers, something to prove oneself with is missing, or nobody answers.
pub fn reach(model: &Model, target: &Target, secrets: Secrets<'_>) -> Result<Reached, Trouble> {
    if model.tls() != target.url.tls {
        let (should, is) = if model.tls() { ("rediss", "redis") } else { ("redis", "rediss") };
        return Trouble::failed(format!("the profile's servers are {should}://, this one is said to be {is}://"));
    }
    let host = &target.url.host;
    let addresses = (host.as_str(), target.url.port).to_socket_addrs();
    let addresses: Vec<SocketAddr> = addresses.map_err(|error| Trouble::Failed(format!("{host}: {error}")))?.collect();
    let (authority, identity) = (authority(model, target, secrets)?, identity(model, target, secrets)?);
    let shown = identity.as_ref().map(|(certificate, key)| Identity { certificate, key });
    let tls = model.tls().then(|| Tls::new(&authority, shown, host).map_err(NoAnswer)).transpose()?;
    let mut refused = Trouble::Failed(format!("{host} has no address"));
    for address in addresses {
        match Connection::open(address, tls.as_ref()) {
            Ok(connection) => return Ok(Reached { address, authority, identity, connection }),
            Err(reason) => refused = reason.into(),
        }
    }
    Err(refused)
}

fn read(path: &std::path::Path) -> Result<Zeroizing<Vec<u8>>, Trouble> {
    std::fs::read(path).map(Zeroizing::new).map_err(|error| Trouble::Failed(format!("{}: {error}", path.display())))
}

/// What was named on the command line, else the tree's own, if the tree was given.
fn secret(secrets: Secrets<'_>, named: Option<&PathBuf>, path: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Trouble> {
    match named {
        Some(named) => read(named).map(Some),
        None => secrets(path).map_err(Trouble::Failed),
    }
}

fn authority(model: &Model, target: &Target, secrets: Secrets<'_>) -> Result<Vec<u8>, Trouble> {
    if !model.tls() {
        return Ok(Vec::new());
    }
    match secret(secrets, target.authority.as_ref(), "server/ca.crt")? {
        Some(bytes) => Ok(bytes.to_vec()),
        None => Err(Trouble::missing(
            "the authority's certificate is missing",
            "name it by --ca, or the tree with its secrets by --dir",
        )),
    }
}

fn identity(model: &Model, target: &Target, secrets: Secrets<'_>) -> Result<Option<Pem>, Trouble> {
    if !model.mutual() {
        return Ok(None);
    }
    let (certificate, key) =
        target.identity.as_ref().map(|(certificate, key)| (Some(certificate), Some(key))).unwrap_or_default();
    let user = target.user.as_deref().unwrap_or_default();
    let keep = crate::model::keep(user);
    let stem = keep.path(keep.stem);
    let certificate = secret(secrets, certificate, &format!("{stem}.crt"))?;
    let key = secret(secrets, key, &format!("{stem}.key"))?;
    match certificate.zip(key) {
        Some((certificate, key)) => Ok(Some((certificate.to_vec(), key))),
        None => Err(Trouble::missing(
            "a client's certificate and key, which the profile asks for, are missing",
            "name them by --cert and --key, or the tree with its secrets by --dir",
        )),
    }
}

/// The password to log in with.
///
/// # Errors
/// It is nowhere, or cannot be read.
pub fn password(target: &Target, user: &str, secrets: Secrets<'_>) -> Result<Zeroizing<String>, Trouble> {
    #[expect(clippy::disallowed_methods, reason = "where redis-cli takes a password from, too")]
    let environment = std::env::var("REDISCLI_AUTH").ok().map(|text| Zeroizing::new(text.into_bytes()));
    let keep = crate::model::keep(user);
    let bytes = secret(secrets, target.password.as_ref(), &keep.path(keep.password))?.or(environment);
    let Some(bytes) = bytes else {
        return Err(Trouble::missing(
            format!("the password of {user} is missing"),
            "name its file by --password-file, or the tree with its secrets by --dir",
        ));
    };
    let text =
        std::str::from_utf8(&bytes).map_err(|_| Trouble::Failed(format!("the password of {user} is not text")))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
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
}
