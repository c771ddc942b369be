//! What TLS refuses: plain text, clients without a certificate of ours, wrong names, old versions, weak ciphers. OpenSSL is
//! the client where ours is too modern to offer what must be refused; before a refusal counts, a control server shows that
//! the client could.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use time::OffsetDateTime;

use super::check::{Outcome, Trouble};
use super::interrupt;
use super::lab::Lab;
use super::process::{self, Process, Said};
use super::tls::{Identity, Tls};
use super::wire::{Connection, NoAnswer};
use crate::certificate::{self, Certificate, Purpose, Terms};
use crate::model::Model;
use crate::profile::TlsVersion;

/// A server, as its clients reach it.
pub struct Peer {
    /// What the profile asks for.
    pub model: Rc<Model>,
    /// For files of a client's, and a certificate for the control server.
    pub lab: Rc<Lab>,
    /// Where it listens.
    pub address: SocketAddr,
    /// The name that clients dial.
    pub name: String,
    /// Certificate of the authority, as PEM.
    pub authority: Vec<u8>,
    /// Certificate and key of a client, if one is asked for.
    pub identity: Option<Pem>,
    /// The server's own certificate and key, where we have them.
    pub servers: Option<Pem>,
    /// When the proof began.
    pub now: OffsetDateTime,
}

pub use crate::live::target::Pem;

impl Peer {
    /// How to shake hands with this certificate; none without TLS.
    ///
    /// # Errors
    /// A certificate or a name is none.
    pub fn tls(&self, identity: Option<Identity<'_>>) -> Result<Option<Tls>, NoAnswer> {
        if !self.model.tls() {
            return Ok(None);
        }
        Tls::new(&self.authority, identity, &self.name).map(Some).map_err(NoAnswer)
    }

    /// Connects with its own certificate.
    ///
    /// # Errors
    /// Nobody answers, or either side refuses the other.
    pub fn open(&self) -> Result<Connection, NoAnswer> {
        Connection::open(self.address, self.tls(self.identity())?.as_ref())
    }

    fn identity(&self) -> Option<Identity<'_>> {
        self.identity.as_ref().map(|(certificate, key)| Identity { certificate, key })
    }
}

/// Nobody's name; the zone never exists (RFC 6761).
const ELSEWHERE: &str = "redisgen-verify.invalid";

/// The server's certificate and key in a tree; none if they are missing, or made for the proof and so no server's.
pub fn servers(lab: &Lab) -> Option<Pem> {
    let [certificate, key] = ["server/redis.crt", "server/redis.key"].map(|path| lab.secret(path).ok().flatten());
    Some((certificate?.to_vec(), key?))
}

/// First byte of a TLS record that tells an alert (RFC 8446, 5.1).
const ALERT: u8 = 0x15;

/// Held only if somebody was there and hung up, or said in TLS that this is no TLS: silence refuses nothing.
pub(super) fn plain_text(peer: &Peer) -> Outcome {
    let answer = Connection::open(peer.address, None).and_then(|mut connection| {
        // Whoever hung up already takes nothing any more.
        match connection.send(&["PING"]) {
            Err(reason) if reason.is_silence() => return Err(reason),
            _ => {}
        }
        connection.first()
    });
    match answer {
        Ok(None) => Ok("it hangs up".to_owned()),
        Ok(Some(ALERT)) => Ok("a TLS alert".to_owned()),
        Ok(Some(_)) => Trouble::failed("PING without TLS gets an answer"),
        Err(reason) => Err(silence(&reason)),
    }
}

/// Nobody knows whether somebody refuses who does not answer at all.
fn silence(reason: &NoAnswer) -> Trouble {
    if interrupt::asked() {
        return Trouble::Interrupted;
    }
    Trouble::missing(reason.to_string(), "run it again when the server answers")
}

/// Asks for something; an answer, of whatever kind, means that the client is served.
fn shake(address: SocketAddr, tls: Option<&Tls>) -> Result<(), NoAnswer> {
    let mut connection = Connection::open(address, tls)?;
    // TLS 1.3 tells a client that it is refused with the first answer.
    connection.call(&["PING"]).map(drop)
}

/// Why a client is refused, by either side; none if it is served.
fn refusal(address: SocketAddr, tls: Option<&Tls>) -> Result<Option<String>, Trouble> {
    match shake(address, tls) {
        Ok(()) => Ok(None),
        Err(reason) if reason.is_silence() => Err(silence(&reason)),
        Err(reason) => Ok(Some(reason.0)),
    }
}

fn client(peer: &Peer) -> Result<Tls, Trouble> {
    peer.tls(peer.identity())?.ok_or_else(|| Trouble::Failed("the profile has no TLS".to_owned()))
}

pub(super) fn server_name(peer: &Peer) -> Outcome {
    let client = client(peer)?;
    let names = &peer.model.server_names;
    for name in names {
        // A wildcard stands for some name.
        let dialled = name.replace('*', "redisgen-verify");
        let tls = client.named(&dialled).map_err(Trouble::Failed)?;
        shake(peer.address, Some(&tls)).map_err(|reason| Trouble::Failed(format!("{dialled}: {reason}")))?;
    }
    let other = client.named(ELSEWHERE).map_err(Trouble::Failed)?;
    match refusal(peer.address, Some(&other))? {
        Some(reason) if reason.contains("certificate") => Ok(names.join(", ")),
        Some(reason) => Trouble::failed(format!("as {ELSEWHERE}: {reason}")),
        None => Trouble::failed(format!("the server's certificate is good for {ELSEWHERE}")),
    }
}

/// An authority that is not ours, and a client of it.
fn foreign(peer: &Peer) -> Result<(certificate::Pair, certificate::Pair), Trouble> {
    let tls = &peer.model.profile.tls;
    let terms = Terms { now: peer.now, validity: tls.leaf_validity, key: tls.key };
    let authority = certificate::authority("redisgen-verify", &terms).map_err(Trouble::Failed)?;
    let client = certificate::leaf(&authority, "admin", &[], Purpose::Client, &terms, None).map_err(Trouble::Failed)?;
    Ok((authority, client))
}

pub(super) fn foreign_authority(peer: &Peer) -> Outcome {
    let (authority, _) = foreign(peer)?;
    distrusts(peer.address, &peer.name, authority.certificate.as_bytes())
}

/// A client that trusts this authority only (PEM) ends the handshake.
///
/// # Errors
/// It goes on, or nobody answers.
pub fn distrusts(address: SocketAddr, name: &str, authority: &[u8]) -> Outcome {
    let tls = Tls::new(authority, None, name).map_err(Trouble::Failed)?;
    match refusal(address, Some(&tls))? {
        Some(reason) if reason.contains("invalid peer certificate") => Ok(reason),
        Some(reason) => Trouble::failed(format!("the handshake goes on: {reason}")),
        None => Trouble::failed("it does"),
    }
}

pub(super) fn client_certificate(peer: &Peer) -> Outcome {
    shake(peer.address, Some(&client(peer)?))
        .map_err(|reason| Trouble::Failed(format!("with a certificate: {reason}")))?;
    let (_, other) = foreign(peer)?;
    let other = Identity { certificate: other.certificate.as_bytes(), key: other.key.as_bytes() };
    let servers = peer.servers.as_ref().map(|(certificate, key)| Identity { certificate, key });
    let mut tried = vec![("none", None), ("another authority's", Some(other))];
    tried.extend(servers.map(|servers| ("the server's own", Some(servers))));
    for (what, identity) in &tried {
        if refusal(peer.address, peer.tls(*identity)?.as_ref())?.is_none() {
            return Trouble::failed(format!("with {what} a client is served"));
        }
    }
    Ok(tried.iter().map(|(what, _)| *what).collect::<Vec<_>>().join(", "))
}

/// How long the server's certificate still lasts.
pub(super) fn age(peer: &Peer) -> Outcome {
    let connection = peer.open()?;
    let Some(der) = connection.certificate() else { return Trouble::failed("it shows no certificate") };
    let end = Certificate::from_der(&der).map_err(Trouble::Failed)?.not_after;
    let left = (end - peer.now).whole_days();
    let before = peer.model.profile.tls.renew_before;
    let told = format!("it ends on {}, in {left} days", end.date());
    if left < i64::try_from(before.seconds() / 86_400).unwrap_or(i64::MAX) {
        return Trouble::failed(format!("{told}; the profile renews {before} before"));
    }
    Ok(told)
}

/// How the openssl client names versions of TLS, and what people call them.
const VERSIONS: [(&str, &str); 4] = [("-tls1", "1.0"), ("-tls1_1", "1.1"), ("-tls1_2", "1.2"), ("-tls1_3", "1.3")];

fn first_allowed(peer: &Peer) -> usize {
    match peer.model.profile.tls.minimum {
        TlsVersion::Tls12 => 2,
        TlsVersion::Tls13 => 3,
    }
}

pub(super) fn modern_versions(peer: &Peer) -> Outcome {
    let openssl = OpenSsl::new(peer)?;
    let allowed = VERSIONS.get(first_allowed(peer)..).unwrap_or_default();
    for (option, version) in allowed {
        let said = openssl.connect(peer.address, &[option])?;
        if !established(&said) {
            return Trouble::failed(format!("TLS {version}: {}", said.told()));
        }
    }
    Ok(allowed.iter().map(|(_, version)| *version).collect::<Vec<_>>().join(", "))
}

pub(super) fn old_versions(peer: &Peer) -> Outcome {
    let old: Vec<_> = VERSIONS
        .iter()
        .take(first_allowed(peer))
        .map(|(option, version)| (format!("TLS {version}"), vec![*option, "-cipher", "DEFAULT@SECLEVEL=0"]))
        .collect();
    refused(peer, &old)
}

pub(super) fn weak_ciphers(peer: &Peer) -> Outcome {
    // With the keys that certificates of ours have; CBC, SHA-1, a cut tag, no encryption at all.
    let weak =
        ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-CCM8", "ECDHE-ECDSA-NULL-SHA"];
    let lists: Vec<String> = weak.iter().map(|cipher| format!("{cipher}@SECLEVEL=0")).collect();
    let weak: Vec<_> = weak
        .iter()
        .zip(&lists)
        .map(|(name, list)| ((*name).to_owned(), vec!["-tls1_2", "-cipher", list.as_str()]))
        .collect();
    refused(peer, &weak)
}

/// The server refuses what a control server accepts from the same client.
fn refused(peer: &Peer, offers: &[(String, Vec<&str>)]) -> Outcome {
    let openssl = OpenSsl::new(peer)?;
    let reached = openssl.connect(peer.address, &[])?;
    if !established(&reached) {
        return Err(Trouble::missing(
            format!("openssl gets no connection whatever it offers: {}", reached.told()),
            "run it again when the server answers",
        ));
    }
    let (mut held, mut unable) = (Vec::new(), Vec::new());
    for (name, options) in offers {
        let said = openssl.connect(peer.address, options)?;
        if established(&said) {
            return Trouble::failed(format!("{name} is accepted"));
        }
        if openssl.could(options)? { held.push(name.as_str()) } else { unable.push(name.as_str()) }
    }
    if held.is_empty() {
        return Err(Trouble::missing(
            format!("this openssl cannot offer {}", unable.join(", ")),
            "run it where openssl still can, as on Debian 12",
        ));
    }
    let cannot =
        if unable.is_empty() { String::new() } else { format!("; this client cannot offer {}", unable.join(", ")) };
    Ok(format!("{}{cannot}", held.join(", ")))
}

fn established(said: &Said) -> bool {
    said.all().contains("CONNECTION ESTABLISHED")
}

/// The openssl program with a client's certificate.
struct OpenSsl {
    program: PathBuf,
    folder: PathBuf,
    identity: Option<(PathBuf, PathBuf)>,
}

impl OpenSsl {
    fn new(peer: &Peer) -> Result<OpenSsl, Trouble> {
        let program = process::need("openssl", "openssl")?;
        let write = |name: &str, bytes: &[u8]| {
            peer.lab.write(&format!("openssl/{name}"), bytes, 0o600).map_err(Trouble::Failed)
        };
        let identity = match &peer.identity {
            Some((certificate, key)) => Some((write("client.crt", certificate)?, write("client.key", key)?)),
            None => None,
        };
        Ok(OpenSsl { program, folder: peer.lab.tree().join("secrets/server"), identity })
    }

    fn connect(&self, address: SocketAddr, options: &[&str]) -> Result<Said, Trouble> {
        let mut command = process::command(&self.program);
        command.args(["s_client", "-brief", "-connect", &address.to_string()]).args(options);
        if let Some((certificate, key)) = &self.identity {
            command.arg("-cert").arg(certificate).arg("-key").arg(key);
        }
        process::run(&mut command, Duration::from_secs(15))
    }

    /// True if a server that accepts everything accepts this client.
    fn could(&self, options: &[&str]) -> Result<bool, Trouble> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let address = port.map_err(|error| Trouble::Failed(error.to_string()))?;
        let mut command = process::command(&self.program);
        command.args([
            "s_server",
            "-quiet",
            "-accept",
            &address.to_string(),
            "-cipher",
            "ALL:COMPLEMENTOFALL@SECLEVEL=0",
        ]);
        command.arg("-cert").arg(self.folder.join("redis.crt")).arg("-key").arg(self.folder.join("redis.key"));
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let _server = Process::start(&mut command)?;
        let mut said = None;
        interrupt::wait(Duration::from_secs(5), || {
            let tried = self.connect(address, options)?;
            let listens = !tried.all().contains("Connection refused");
            said = Some(tried);
            Ok(listens.then_some(()))
        })?;
        Ok(said.is_some_and(|said| established(&said)))
    }
}
