//! Level `certificates`: openssl, which is not what made them, judges chains, names, purposes, keys and ages.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::Bench;
use super::check::{Check, Outcome, Trouble};
use super::process::{self, Said};
use crate::model::{AclUser, Model};

const LIMIT: Duration = Duration::from_secs(10);
/// A name that no certificate has (RFC 6761).
const ELSEWHERE: &str = "redisgen-verify.invalid";

/// The certificates of a tree.
struct Certificates {
    model: Rc<Model>,
    openssl: PathBuf,
    secrets: PathBuf,
}

const CHECKS: &[Check<Certificates>] = &[
    Check {
        id: "server",
        title: "The server's certificate is good for a server, and for nothing else",
        applies: Model::tls,
        prove: |all| all.has_purpose("server/redis.crt", "sslserver", "sslclient"),
    },
    Check {
        id: "names",
        title: "It is good for the names of the profile, and for no other",
        applies: Model::tls,
        prove: names,
    },
    Check {
        id: "clients",
        title: "Each client's certificate is good for a client of its name, and for nothing else",
        applies: Model::mutual,
        prove: clients,
    },
    Check { id: "keys", title: "Each key belongs to its certificate", applies: Model::tls, prove: keys },
    Check { id: "authority", title: "The authority signs leaves only", applies: Model::tls, prove: authority },
    Check { id: "age", title: "No certificate need be renewed yet", applies: Model::tls, prove: age },
];

/// Proves the level.
pub(super) fn prove(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    if !bench.model.tls() {
        return Ok(());
    }
    let openssl = process::need("openssl", "openssl")?;
    let version = process::run(process::command(&openssl).arg("version"), LIMIT)?;
    bench.judge("openssl", version.out.split(' ').nth(1).unwrap_or_default());
    let secrets = bench.lab.tree().join("secrets");
    let mut all = Certificates { model: Rc::clone(bench.model), openssl, secrets };
    bench.run(CHECKS, &mut all);
    Ok(())
}

impl Certificates {
    fn run(&self, words: &[&str], file: &str) -> Result<Said, Trouble> {
        process::run(process::command(&self.openssl).current_dir(&self.secrets).args(words).arg(file), LIMIT)
    }

    /// The strict verdict, with further conditions.
    fn verify(&self, file: &str, conditions: &[&str]) -> Result<Said, Trouble> {
        let words = ["verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", "server/ca.crt"];
        self.run(&[&words, conditions].concat(), file)
    }

    fn has_purpose(&self, file: &str, purpose: &str, other: &str) -> Outcome {
        let said = self.verify(file, &["-purpose", purpose])?;
        if !said.well() {
            return Trouble::failed(format!("{file}: {}", said.all()));
        }
        if self.verify(file, &["-purpose", other])?.well() {
            return Trouble::failed(format!("{file} is good for {other}, too"));
        }
        Ok(format!("{purpose}, not {other}"))
    }

    /// Paths of the leaves, without their ends, and whose they are.
    fn leaves(&self) -> Vec<(String, String)> {
        let server = ("server/redis".to_owned(), "redis".to_owned());
        let clients = self.model.logins().filter(|user| self.model.mutual() && user.enabled);
        let client = |user: &AclUser| (user.keep().path(user.keep().stem), user.name.clone());
        std::iter::once(server).chain(clients.map(client)).collect()
    }
}

fn names(all: &mut Certificates) -> Outcome {
    let condition =
        |name: &str| if name.parse::<std::net::IpAddr>().is_ok() { "-verify_ip" } else { "-verify_hostname" };
    for name in &all.model.server_names {
        // A wildcard stands for some name.
        let dialled = name.replace('*', "redisgen-verify");
        let said = all.verify("server/redis.crt", &[condition(&dialled), &dialled])?;
        if !said.well() {
            return Trouble::failed(format!("{dialled}: {}", said.all()));
        }
    }
    for other in [ELSEWHERE, "192.0.2.1"] {
        if all.verify("server/redis.crt", &[condition(other), other])?.well() {
            return Trouble::failed(format!("it is good for {other}"));
        }
    }
    Ok(all.model.server_names.join(", "))
}

fn clients(all: &mut Certificates) -> Outcome {
    let mut count = 0;
    for (stem, name) in all.leaves().into_iter().skip(1) {
        let file = format!("{stem}.crt");
        all.has_purpose(&file, "sslclient", "sslserver")?;
        let subject = all.run(&["x509", "-noout", "-subject", "-nameopt", "multiline", "-in"], &file)?.out;
        if !subject
            .lines()
            .any(|line| line.trim_start().starts_with("commonName") && line.ends_with(&format!("= {name}")))
        {
            return Trouble::failed(format!("{file} is not {name}'s: {subject}"));
        }
        count += 1;
    }
    Ok(format!("{count} clients"))
}

fn keys(all: &mut Certificates) -> Outcome {
    let leaves = all.leaves();
    for (stem, _) in &leaves {
        let certificate = all.run(&["x509", "-noout", "-pubkey", "-in"], &format!("{stem}.crt"))?;
        let key = all.run(&["pkey", "-pubout", "-in"], &format!("{stem}.key"))?;
        if !certificate.well() || !key.well() || certificate.out != key.out {
            return Trouble::failed(format!("{stem}.key: {}{}", certificate.err, key.err));
        }
    }
    Ok(format!("{} keys", leaves.len()))
}

fn authority(all: &mut Certificates) -> Outcome {
    let text = all.run(&["x509", "-noout", "-text", "-in"], "server/ca.crt")?.out;
    let leaves_only = text.contains("CA:TRUE, pathlen:0");
    let usage = text.contains("Certificate Sign");
    if leaves_only && usage { Ok(String::new()) } else { Trouble::failed("ca.crt is no authority for leaves only") }
}

/// A certificate that ended fails; one that is to be renewed is told.
fn age(all: &mut Certificates) -> Outcome {
    let before = all.model.profile.tls.renew_before;
    let mut files: Vec<String> = all.leaves().into_iter().map(|(stem, _)| format!("{stem}.crt")).collect();
    files.push("server/ca.crt".to_owned());
    let lasts = |file: &str, seconds: u64| -> Result<bool, Trouble> {
        Ok(all.run(&["x509", "-noout", "-checkend", &seconds.to_string(), "-in"], file)?.well())
    };
    let mut due = Vec::new();
    for file in &files {
        if !lasts(file, 0)? {
            return Trouble::failed(format!("{file} has ended"));
        }
        if !lasts(file, before.seconds())? {
            due.push(file.as_str());
        }
    }
    if due.is_empty() {
        return Ok(format!("{} certificates last more than {before}", files.len()));
    }
    Err(Trouble::Advice(format!("to be renewed: {}", due.join(", "))))
}
