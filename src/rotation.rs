//! In: `secrets/rotation.toml`. Out: whose passwords are being replaced, and how far that went. Whoever reads or writes the
//! sealed file asks here: two digests of a user are one password only while this file says so.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::folder::Folder;
use crate::lock::sha256;
use crate::model::keep;
use crate::write;

pub mod files;
#[cfg(feature = "verify")]
pub mod server;

/// Name of the state below `secrets/`. It holds no secret; its mode is 0600 all the same.
pub const NAME: &str = "rotation.toml";
const FORMAT: u32 = 1;

/// How far a rotation went. Each phase is on disk before anything of it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// New passwords lie in `password.new`, and both are being sealed and taught to the server.
    Preparing,
    /// Both open every user; clients still read the old one.
    Prepared,
    /// The new one goes into `password`, the old one into `password.old`.
    Switching,
    /// Clients read the new one; both open every user.
    Switched,
    /// The old one is taken away.
    Finishing,
    /// The old one comes back into `password`; both open every user.
    RollingBack,
    /// The new one is taken away.
    RolledBack,
}

impl Phase {
    /// True while both passwords are sealed.
    pub fn both(self) -> bool {
        !matches!(self, Phase::Finishing | Phase::RolledBack)
    }

    /// In words, and what ends it.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Phase::Preparing => ("new passwords are being prepared", "run it again, or with --rollback"),
            Phase::Prepared => {
                ("both passwords are sealed, clients still read the old one", "run it again, or with --rollback")
            }
            Phase::Switching => ("clients are being given the new password", "run it again, or with --rollback"),
            Phase::Switched => {
                ("clients read the new password, the old one still opens", "run it with --finish, or with --rollback")
            }
            Phase::Finishing => ("the old password is being taken away", "run it with --finish"),
            Phase::RollingBack | Phase::RolledBack => ("it is being taken back", "run it with --rollback"),
        }
    }
}

/// A rotation that began and did not end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    format: u32,
    /// How far it went.
    pub phase: Phase,
    /// The day it began.
    pub began: String,
    /// Whose passwords are replaced.
    pub users: BTreeSet<String>,
}

impl State {
    /// A rotation that begins.
    pub fn new(users: BTreeSet<String>, today: time::Date) -> State {
        State { format: FORMAT, phase: Phase::Preparing, began: today.to_string(), users }
    }

    /// Reads one.
    ///
    /// # Errors
    /// It is none of this format, or names what can be no user: such a name would be a path.
    pub fn parse(text: &str) -> Result<State, String> {
        let state: State = toml::from_str(text).map_err(|error| error.message().escape_debug().to_string())?;
        let named = |name: &String| name.parse::<crate::format::UserName>().is_ok();
        if state.format != FORMAT || state.users.is_empty() || !state.users.iter().all(named) {
            return Err("it is no state of a rotation that this redisgen wrote".to_owned());
        }
        Ok(state)
    }

    /// As text.
    ///
    /// # Errors
    /// Never for one that was made here.
    pub fn text(&self) -> Result<String, String> {
        let body = toml::to_string(self).map_err(|error| error.to_string())?;
        Ok(format!(
            "# A rotation of passwords that redisgen began; `redisgen secrets rotate` ends it. DO NOT EDIT.\n{body}"
        ))
    }

    /// The state of a tree; none if no rotation is pending.
    ///
    /// # Errors
    /// It is there and cannot be read. Nothing may be sealed then.
    pub fn read(out: &Folder) -> Result<Option<State>, String> {
        let path = format!("secrets/{NAME}");
        let Some((bytes, _)) = write::read(out, &path)? else { return Ok(None) };
        State::of(&bytes).map(Some)
    }

    /// The state in a file's bytes.
    ///
    /// # Errors
    /// It is none.
    pub fn of(bytes: &[u8]) -> Result<State, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| format!("secrets/{NAME} is damaged: it is not text"))?;
        State::parse(text).map_err(|reason| format!("secrets/{NAME} is damaged: {reason}"))
    }
}

/// Users of which the sealed file may hold two digests: all of a rotation, since it is sealed after a phase is entered.
pub fn pending(state: Option<&State>) -> BTreeSet<&str> {
    state.into_iter().flat_map(|state| state.users.iter().map(String::as_str)).collect()
}

/// Users of which both passwords are sealed now.
pub fn both(state: Option<&State>) -> BTreeSet<&str> {
    pending(state.filter(|state| state.phase.both()))
}

/// The digests that the sealed file holds of each user: of `password`, and while a rotation is pending of the other one.
/// Sorted, so that the sealed file stays as it is when the files change places.
pub fn digests(passwords: &BTreeMap<String, Vec<Zeroizing<String>>>) -> BTreeMap<String, Vec<String>> {
    let of = |all: &Vec<Zeroizing<String>>| {
        let digests: BTreeSet<String> = all.iter().map(|password| sha256(password.as_bytes())).collect();
        digests.into_iter().collect()
    };
    passwords.iter().map(|(user, all)| (user.clone(), of(all))).collect()
}

/// Names of a user's files beside `password` while its password is replaced: the new one and the old one.
pub fn beside(user: &str) -> [String; 2] {
    let name = keep(user).password;
    [format!("{name}.new"), format!("{name}.old")]
}
