//! What TLS refuses: plain text, clients without a certificate of ours, wrong names, old versions, weak ciphers. OpenSSL is
//! the client where ours is too modern to offer what must be refused; before a refusal counts, a control server shows that
//! the client could.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Duration;

use super::running::Running;
use crate::certificate::{self, Purpose, Terms};
use crate::model::Model;
use crate::profile::TlsVersion;
use crate::verify::check::{Check, Outcome, Trouble};
use crate::verify::interrupt;
use crate::verify::process::{self, Process, Said};
use crate::verify::tls::{Identity, Tls};
use crate::verify::wire::Connection;

pub(super) const CHECKS: &[Check<Running>] = &[
    Check { id: "plain-text", title: "Connections without TLS are refused", applies: Model::tls, prove: plain_text },
    Check {
        id: "server-name",
        title: "Clients that check names accept those of the profile and no other",
        applies: Model::tls,
        prove: server_name,
    },
    Check {
        id: "foreign-authority",
        title: "A client of another authority does not trust the server",
        applies: Model::tls,
        prove: foreign_authority,
    },
    Check {
        id: "client-certificate",
        title: "Clients without a certificate of ours are refused, right password or not",
        applies: Model::mutual,
        prove: client_certificate,
    },
    Check {
        id: "modern-tls",
        title: "Each version of TLS that the profile allows works",
        applies: Model::tls,
        prove: modern_versions,
    },
    Check { id: "old-tls", title: "Older versions of TLS are refused", applies: Model::tls, prove: old_versions },
    Check {
        id: "weak-ciphers",
        title: "Weak ciphers are refused",
        applies: |model| model.tls() && model.profile.tls.minimum == TlsVersion::Tls12,
        prove: weak_ciphers,
    },
];

/// Nobody's name; the zone never exists (RFC 6761).
const ELSEWHERE: &str = "redisgen-verify.invalid";

fn plain_text(server: &mut Running) -> Outcome {
    let answer = Connection::open(server.site.address, None).and_then(|mut connection| connection.call(&["PING"]));
    match answer {
        Err(_) => Ok("no answer".to_owned()),
        Ok(reply) => Trouble::failed(format!("PING without TLS: {reply}")),
    }
}

fn shake(server: &Running, tls: Option<&Tls>) -> Result<(), String> {
    let mut connection = Connection::open(server.site.address, tls).map_err(|reason| reason.0)?;
    // TLS 1.3 tells a client that it is refused with the first answer.
    connection.call(&["PING"]).map(|_| ()).map_err(|reason| reason.0)
}

fn client(server: &Running) -> Result<Tls, Trouble> {
    let identity = server.any_identity();
    let identity = identity.as_ref().map(|(certificate, key)| Identity { certificate, key });
    server.tls(identity)?.ok_or_else(|| Trouble::Failed("the profile has no TLS".to_owned()))
}

fn server_name(server: &mut Running) -> Outcome {
    let client = client(server)?;
    let names = &server.model.server_names;
    for name in names {
        // A wildcard stands for some name.
        let dialled = name.replace('*', "redisgen-verify");
        let tls = client.named(&dialled).map_err(Trouble::Failed)?;
        shake(server, Some(&tls)).map_err(|reason| Trouble::Failed(format!("{dialled}: {reason}")))?;
    }
    let other = client.named(ELSEWHERE).map_err(Trouble::Failed)?;
    match shake(server, Some(&other)) {
        Err(reason) if reason.contains("certificate") => Ok(names.join(", ")),
        Err(reason) => Trouble::failed(format!("as {ELSEWHERE}: {reason}")),
        Ok(()) => Trouble::failed(format!("the server's certificate is good for {ELSEWHERE}")),
    }
}

/// An authority that is not ours, and a client of it.
fn foreign(server: &Running) -> Result<(certificate::Pair, certificate::Pair), Trouble> {
    let tls = &server.model.profile.tls;
    let terms = Terms { now: server.now, validity: tls.leaf_validity, key: tls.key };
    let authority = certificate::authority("redisgen-verify", &terms).map_err(Trouble::Failed)?;
    let client = certificate::leaf(&authority, "admin", &[], Purpose::Client, &terms).map_err(Trouble::Failed)?;
    Ok((authority, client))
}

fn foreign_authority(server: &mut Running) -> Outcome {
    let (authority, _) = foreign(server)?;
    let tls = Tls::new(authority.certificate.as_bytes(), None, server.server_name()).map_err(Trouble::Failed)?;
    match shake(server, Some(&tls)) {
        Err(reason) if reason.contains("certificate") => Ok(reason),
        Err(reason) => Trouble::failed(reason),
        Ok(()) => Trouble::failed("it does"),
    }
}

fn client_certificate(server: &mut Running) -> Outcome {
    shake(server, Some(&client(server)?)).map_err(|reason| Trouble::Failed(format!("with a certificate: {reason}")))?;
    let (_, other) = foreign(server)?;
    let other = Identity { certificate: other.certificate.as_bytes(), key: other.key.as_bytes() };
    let own =
        ["server/redis.crt", "server/redis.key"].map(|path| server.lab.secret(path).ok().flatten().unwrap_or_default());
    let [certificate, key] = &own;
    let servers = Identity { certificate, key };
    for (what, identity) in [("none", None), ("another authority's", Some(other)), ("the server's own", Some(servers))]
    {
        if shake(server, server.tls(identity)?.as_ref()).is_ok() {
            return Trouble::failed(format!("with {what} a client is served"));
        }
    }
    Ok("none, another authority's, the server's own".to_owned())
}

/// How the openssl client names versions of TLS, and what people call them.
const VERSIONS: [(&str, &str); 4] = [("-tls1", "1.0"), ("-tls1_1", "1.1"), ("-tls1_2", "1.2"), ("-tls1_3", "1.3")];

fn first_allowed(server: &Running) -> usize {
    match server.model.profile.tls.minimum {
        TlsVersion::Tls12 => 2,
        TlsVersion::Tls13 => 3,
    }
}

fn modern_versions(server: &mut Running) -> Outcome {
    let openssl = OpenSsl::new(server)?;
    let allowed = VERSIONS.get(first_allowed(server)..).unwrap_or_default();
    for (option, version) in allowed {
        let said = openssl.connect(server.site.address, &[option])?;
        if !established(&said) {
            return Trouble::failed(format!("TLS {version}: {}", said.told()));
        }
    }
    Ok(allowed.iter().map(|(_, version)| *version).collect::<Vec<_>>().join(", "))
}

fn old_versions(server: &mut Running) -> Outcome {
    let old: Vec<_> = VERSIONS
        .iter()
        .take(first_allowed(server))
        .map(|(option, version)| (format!("TLS {version}"), vec![*option, "-cipher", "DEFAULT@SECLEVEL=0"]))
        .collect();
    refused(server, &old)
}

fn weak_ciphers(server: &mut Running) -> Outcome {
    // With the keys that certificates of ours have; CBC, SHA-1, a cut tag, no encryption at all.
    let weak =
        ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-CCM8", "ECDHE-ECDSA-NULL-SHA"];
    let lists: Vec<String> = weak.iter().map(|cipher| format!("{cipher}@SECLEVEL=0")).collect();
    let weak: Vec<_> = weak
        .iter()
        .zip(&lists)
        .map(|(name, list)| ((*name).to_owned(), vec!["-tls1_2", "-cipher", list.as_str()]))
        .collect();
    refused(server, &weak)
}

/// The server refuses what a control server accepts from the same client.
fn refused(server: &Running, offers: &[(String, Vec<&str>)]) -> Outcome {
    let openssl = OpenSsl::new(server)?;
    let (mut held, mut unable) = (Vec::new(), Vec::new());
    for (name, options) in offers {
        let said = openssl.connect(server.site.address, options)?;
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
    fn new(server: &Running) -> Result<OpenSsl, Trouble> {
        let program = process::need("openssl", "openssl")?;
        let write = |name: &str, bytes: &[u8]| {
            server.lab.write(&format!("openssl/{name}"), bytes, 0o600).map_err(Trouble::Failed)
        };
        let identity = match server.any_identity() {
            Some((certificate, key)) => Some((write("client.crt", &certificate)?, write("client.key", &key)?)),
            None => None,
        };
        Ok(OpenSsl { program, folder: server.lab.tree().join("secrets/server"), identity })
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
