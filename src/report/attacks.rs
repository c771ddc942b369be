//! The six attacks of the security guide: what stands against each, and what remains. One literal per attack.

use super::checklist::{self, Item};
use crate::model::Model;
use crate::profile::Role;
use crate::topic::Threat;

/// An attack.
pub struct Attack {
    /// Which one.
    pub threat: Threat,
    /// What happens.
    pub what: &'static str,
    /// What stands against it, by the guide and beyond.
    pub mitigations: &'static [Mitigation],
    /// What remains all the same.
    pub remains: fn(&Model) -> Vec<&'static str>,
    /// Safe code in Python with redis-py, if it is the application's to prevent; `PREFIX` stands for that of its keys.
    code: Option<&'static str>,
}

impl Attack {
    /// The safe code, with the keys of the deployment's first application.
    pub fn code(&self, model: &Model) -> Option<String> {
        self.code.map(|code| code.replace("PREFIX", &prefix(model)))
    }
}

/// What the keys of the first application start with, if that is plain text: it will stand in a string of Python.
fn prefix(model: &Model) -> String {
    let applications = model.profile.users.iter().filter(|user| user.role == Role::Application);
    let patterns = applications.flat_map(|user| user.keys.iter().flatten());
    let plain = |text: &&str| text.chars().all(|sign| sign.is_ascii_alphanumeric() || ":_-".contains(sign));
    let mut prefixes = patterns.filter_map(|key| key.pattern.strip_suffix('*')).filter(plain);
    prefixes.find(|prefix| !prefix.is_empty()).unwrap_or("session:").to_owned()
}

const LOAD: &str = r#"import re

# Only what the application itself hands out: no `:` that would reach into other keys, no pattern, nothing long.
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{22,64}")


def load_session(client, session_id):
    if not SESSION_ID.fullmatch(session_id):
        raise ValueError("not a session id")
    # One argument is one key, whatever is in it.
    return client.get(f"PREFIX{session_id}")
"#;

const RENEW: &str = r#"import secrets


def renew_session(client, data, old_id=None):
    """After login, and after each gain of rights: a new identifier, and the old one is worth nothing."""
    session_id = secrets.token_urlsafe(32)
    client.set(f"PREFIX{session_id}", data, ex=3600)
    if old_id is not None:
        client.delete(f"PREFIX{old_id}")
    return session_id
"#;

/// Something that stands against an attack.
pub enum Mitigation {
    /// What this deployment does.
    Item(&'static Item),
    /// What the application or its operators must do: the guide's words, and what to know.
    Application(&'static str, &'static str),
}

use Mitigation::{Application, Item as Deployment};

/// All six, in the guide's order.
pub const ATTACKS: &[Attack] = &[
    Attack {
        threat: Threat::UnauthorizedAccess,
        what: "Somebody connects without being entitled to.",
        mitigations: &[
            Deployment(&checklist::PASSWORD),
            Deployment(&checklist::BOUND),
            Deployment(&checklist::FIREWALL),
            Deployment(&checklist::MUTUAL_TLS),
            Deployment(&checklist::ALERTS),
            Application(
                "Monitor failed authentication attempts",
                "ACL LOG holds them, in memory; somebody or something has to look.",
            ),
        ],
        remains: |model| {
            let mut left = vec![
                "Whoever holds a client's credentials is that client until they are replaced. Redis reads no revocation list: a lost certificate is answered by disabling its user.",
                "Root on the host, and whoever may talk to its Docker, reads everything.",
            ];
            if model.firewall.is_some() {
                left.push("The packet filter believes source addresses: inside a network of the allow list nobody is told apart.");
            }
            left
        },
        code: None,
    },
    Attack {
        threat: Threat::CommandInjection,
        what: "Input of a stranger becomes a command, or another key than was meant.",
        mitigations: &[
            Application(
                "Never interpolate user input into commands",
                "Hand it to the client library as an argument of its own. Redis takes arguments by length, so that none of them ends a command; the guide's vulnerable sample deletes nothing (measured).",
            ),
            Application(
                "Validate and sanitize all input",
                "Check what becomes part of a key against what the application itself hands out, as the code below does: `user:` and a stranger's `admin` make somebody else's key.",
            ),
            Deployment(&checklist::LEAST_PRIVILEGE),
            Deployment(&checklist::NO_DANGEROUS_COMMANDS),
        ],
        remains: |_| {
            vec![
                "Inside an application's own keys the server cannot tell whose a key is: that is the application's to check.",
                "A name of a command, a pattern, or Lua that is built from input runs with all of the application's rights.",
            ]
        },
        code: Some(LOAD),
    },
    Attack {
        threat: Threat::DenialOfService,
        what: "Somebody keeps the server from serving.",
        mitigations: &[
            Deployment(&checklist::NO_DANGEROUS_COMMANDS),
            Application(
                "Use SCAN with small COUNT",
                "COUNT is the application's choice; the server has no limit for it.",
            ),
            Deployment(&checklist::CONNECTIONS),
            Deployment(&checklist::RATE),
            Deployment(&checklist::MEMORY),
            Deployment(&checklist::METRICS),
            Deployment(&checklist::ALERTS),
        ],
        remains: |model| {
            let mut left = vec![
                "One thread runs all commands: HGETALL, SORT or SUNION on a very large value stop everybody while they run, and are permitted to whoever may read.",
            ];
            if model.firewall.as_ref().is_none_or(|filter| filter.connections.is_none() || !filter.sees_docker()) {
                left.push("One client can take every connection.");
            }
            if model.profile.resources.memory.is_none() {
                left.push("It can take all memory of the host.");
            }
            left
        },
        code: None,
    },
    Attack {
        threat: Threat::DataExfiltration,
        what: "Somebody carries the data out.",
        mitigations: &[
            Deployment(&checklist::NO_DANGEROUS_COMMANDS),
            Deployment(&checklist::LEAST_PRIVILEGE),
            Deployment(&checklist::APPLICATION_ENCRYPTION),
            Deployment(&checklist::AT_REST),
            Application(
                "Monitor for suspicious SCAN patterns",
                "INFO commandstats counts SCAN; somebody or something has to look.",
            ),
            Deployment(&checklist::AUDIT),
        ],
        remains: |_| {
            vec![
                "Whoever holds an application's credentials reads that application's keys, as many as it likes.",
                "Users of role `admin` read everything, and can change the rules.",
            ]
        },
        code: None,
    },
    Attack {
        threat: Threat::SessionHijacking,
        what: "Somebody takes over the session of another user of the application.",
        mitigations: &[
            Application("Use HttpOnly cookies", "Scripts in the page cannot read them."),
            Application("Use Secure flag", "The browser sends them over HTTPS only."),
            Application("Use SameSite=Strict", "Other sites cannot send them along."),
            Application(
                "Validate client fingerprint",
                "A weak sign, as addresses and browsers change; good for asking again, not for refusing.",
            ),
            Application(
                "Rotate sessions after sensitive operations",
                "A new identifier after login and after each gain of rights; the old key is deleted.",
            ),
            Application(
                "Short session TTLs (1 hour)",
                "`SET key value EX 3600`, and EXPIRE at each use if it shall slide.",
            ),
            Deployment(&checklist::LEAST_PRIVILEGE),
            Deployment(&checklist::TLS),
        ],
        remains: |_| {
            vec![
                "Redis keeps sessions and knows nothing of cookies: all of this is the application's.",
                "Whoever can read a session's key has the session. Storing a hash of the identifier as the key's name, as the sessions of `client/` do, makes a stolen dump useless for that.",
            ]
        },
        code: Some(RENEW),
    },
    Attack {
        threat: Threat::ManInTheMiddle,
        what: "Somebody reads or changes what crosses the wire.",
        mitigations: &[
            Deployment(&checklist::TLS),
            Deployment(&checklist::SERVER_NAMES),
            Deployment(&checklist::MUTUAL_TLS),
            Deployment(&checklist::BASTION),
        ],
        remains: |model| {
            if model.tls() {
                vec![
                    "A client that does not verify the server's certificate and name is not protected; `redis-cli` checks the authority and never the name (measured).",
                    "Until `secrets/ca/ca.key` is moved offline, whoever reads it can be any server and any client.",
                ]
            } else {
                vec!["All of it: nothing is encrypted."]
            }
        },
        code: None,
    },
];
