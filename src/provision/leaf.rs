//! In: a model and what is in `secrets/` of one certificate. Out: which certificates there should be, and what is wrong
//! with one that is there.

use std::fmt;

use time::OffsetDateTime;

use crate::certificate::{self, Certificate, Purpose};
use crate::model::Model;

/// A certificate that an authority signs.
pub struct Leaf<'model> {
    /// Folders below `secrets/`.
    pub folders: Vec<&'model str>,
    /// Its files' name, without `.crt` and `.key`.
    pub stem: &'static str,
    /// Its common name: the user's, for clients.
    pub subject: String,
    /// What it is for.
    pub purpose: Purpose,
}

impl Leaf<'_> {
    /// Name of its file with this ending.
    pub fn file(&self, ending: &str) -> String {
        format!("{}.{ending}", self.stem)
    }

    /// Path of that file below `secrets/`.
    pub fn path(&self, ending: &str) -> String {
        [self.folders.as_slice(), &[&self.file(ending)]].concat().join("/")
    }
}

/// Every certificate of the model: the server's, and under mutual TLS one for each user that may log in.
pub fn all(model: &Model) -> Vec<Leaf<'_>> {
    let server = Leaf {
        folders: vec!["server"],
        stem: "redis",
        subject: format!("{} redis", model.profile.name),
        purpose: Purpose::Server,
    };
    let users = model.logins().filter(|user| model.mutual() && user.enabled);
    let client = |user: &'_ crate::model::AclUser| user.name.clone();
    std::iter::once(server)
        .chain(users.map(|user| {
            let keep = user.keep();
            Leaf { folders: keep.chain(), stem: keep.stem, subject: client(user), purpose: Purpose::Client }
        }))
        .collect()
}

/// What is wrong with a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// It is not there.
    Missing,
    /// It is none.
    Unreadable(String),
    /// Its key is not there.
    NoKey,
    /// Its key cannot be read, with the reason.
    Key(String),
    /// Its key is another certificate's.
    ForeignKey,
    /// It is another user's.
    Subject(String),
    /// Another authority signed it.
    Authority,
    /// It is not valid yet.
    Early,
    /// It is valid no longer.
    Expired,
    /// It ends within `tls.renew_before`.
    Due,
    /// It does not name what the profile names.
    Names,
    /// Its key is not of the kind that the profile names.
    KeyKind,
    /// It may not sign others, and should.
    NoAuthority,
    /// A service's copy is another authority's.
    Copy,
    /// It, or its key, is readable for the wrong people.
    Mode {
        /// The mode that it has.
        is: u32,
        /// The mode that it should have.
        wanted: u32,
    },
}

impl Problem {
    /// True if nobody can use it, so that `build` does not go on.
    pub fn breaks(&self) -> bool {
        matches!(
            self,
            Problem::Missing | Problem::Unreadable(_) | Problem::NoKey | Problem::Key(_) | Problem::ForeignKey
        )
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Problem::Unreadable(reason) | Problem::Key(reason) => return out.write_str(reason),
            Problem::Subject(other) => return write!(out, "is `{}`'s", other.escape_debug()),
            Problem::Mode { is, wanted } => {
                return write!(out, "has mode {is:04o} in place of {wanted:04o}, or its key has");
            }
            Problem::Missing => "is missing",
            Problem::NoAuthority => "is no authority's, which may sign others",
            Problem::Copy => "is not what secrets/server/ca.crt is",
            Problem::NoKey => "its key is missing",
            Problem::ForeignKey => "its key belongs to another certificate",
            Problem::Authority => "was signed by another authority",
            Problem::Early => "is not valid yet: is the clock of this machine right?",
            Problem::Expired => "has expired",
            Problem::Due => "ends soon",
            Problem::Names => "has other names than the profile",
            Problem::KeyKind => "has a key of another kind than the profile's",
        })
    }
}

/// What is wrong, the gravest first.
pub fn problems(
    model: &Model,
    leaf: &Leaf<'_>,
    text: &str,
    key: Option<&str>,
    authority: &Certificate,
    now: OffsetDateTime,
) -> Vec<Problem> {
    let certificate = match Certificate::parse(text) {
        Ok(certificate) => certificate,
        Err(reason) => return vec![Problem::Unreadable(reason)],
    };
    let mut found = Vec::new();
    match key.map(certificate::read_key) {
        None => found.push(Problem::NoKey),
        Some(Err(reason)) => found.push(Problem::Key(reason)),
        Some(Ok(key)) if !certificate.belongs_to(&key) => found.push(Problem::ForeignKey),
        // A pair of somebody else's making may have a kind that profiles do not name.
        Some(Ok(key)) if certificate::kind(&key).is_some_and(|kind| kind != model.profile.tls.key) => {
            found.push(Problem::KeyKind);
        }
        Some(Ok(_)) => {}
    }
    if !certificate.signed_by(authority) {
        found.push(Problem::Authority);
    }
    if leaf.purpose == Purpose::Client && certificate.subject != leaf.subject {
        found.push(Problem::Subject(certificate.subject.clone()));
    }
    if certificate.not_before > now {
        found.push(Problem::Early);
    }
    if certificate.not_after < now {
        found.push(Problem::Expired);
    } else if certificate.not_after < now + renewal_window(model) {
        found.push(Problem::Due);
    }
    let mut wanted = if leaf.purpose == Purpose::Server { model.server_names.clone() } else { Vec::new() };
    wanted.sort();
    if certificate.names != wanted {
        found.push(Problem::Names);
    }
    // What breaks comes first; otherwise in the order of the list above.
    found.sort_by_key(|problem| (!problem.breaks(), *problem == Problem::KeyKind));
    found
}

/// `renew_before`; a rule keeps it shorter than the certificates.
pub fn renewal_window(model: &Model) -> time::Duration {
    time::Duration::milliseconds(i64::try_from(model.profile.tls.renew_before.0).unwrap_or(i64::MAX))
}
