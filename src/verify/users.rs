//! In: the users that a server tells and those that a profile means. Out: whether they mean the same; words that differ
//! and mean the same do not count.

use super::check::{Outcome, Trouble};
use super::reply::Reply;
use crate::access::Access;
use crate::access::brief::brief;
use crate::access::difference::{Change, difference};
use crate::model::Model;

/// Reads the answer of ACL LIST, without the user of ours.
///
/// # Errors
/// It cannot be understood.
pub fn read(model: &Model, reply: &Reply, without: Option<&str>) -> Result<Access, Trouble> {
    let Some(items) = reply.items() else { return Trouble::failed(format!("ACL LIST: {reply}")) };
    let mut text = String::new();
    for item in items.iter().filter_map(Reply::text) {
        let ours = without.is_some_and(|name| item.split(' ').nth(1) == Some(name));
        if !ours {
            text.push_str(&item);
            text.push('\n');
        }
    }
    let access = Access::of_file(model.line, &text).map_err(|bad| {
        let first = bad.first().map_or(String::new(), |bad| format!(": {}", bad.reason));
        Trouble::Failed(format!("ACL LIST tells {} users that {} does not know{first}", bad.len(), model.line))
    })?;
    Ok(access.without(&model.renames.away))
}

/// Users that more than one password opens.
///
/// # Errors
/// There are some, with their names.
pub fn one_password_each(found: &Access) -> Outcome {
    let several = found.users.iter().filter(|user| user.account.passwords.iter().count() > 1);
    let names: Vec<&str> = several.map(|user| user.name.as_str()).take(20).collect();
    if names.is_empty() { Ok(String::new()) } else { Trouble::failed(format!("several open {}", names.join(", "))) }
}

/// Compares the passwords with those of a sealed file: an added or replaced one is a way in that rights do not show.
///
/// # Errors
/// A user has one that the file does not know, or lacks all of its own; as advice, if some are merely not there.
pub fn same_passwords(found: &Access, sealed: &Access) -> Outcome {
    let (mut unknown, mut lacking, mut count) = (Vec::new(), Vec::new(), 0);
    for user in &found.users {
        let known = sealed.users.iter().find(|known| known.name == user.name);
        let known =
            |digest: &str| known.is_some_and(|known| known.account.passwords.iter().any(|own| &**own == digest));
        if user.account.passwords.iter().any(|digest| !known(digest)) {
            unknown.push(user.name.as_str());
        }
    }
    for user in &sealed.users {
        let here = found.users.iter().find(|here| here.name == user.name);
        let here = |digest: &str| here.is_some_and(|here| here.account.passwords.iter().any(|own| &**own == digest));
        count += user.account.passwords.iter().count();
        if user.account.passwords.iter().any(|digest| !here(digest)) {
            lacking.push(user.name.as_str());
        }
    }
    let names = |names: &[&str]| names.iter().take(20).copied().collect::<Vec<_>>().join(", ");
    match (unknown.is_empty(), lacking.is_empty()) {
        (false, _) => Trouble::failed(format!("passwords that the tree does not know open {}", names(&unknown))),
        (true, false) => Err(Trouble::Advice(format!(
            "the tree has other passwords, too, for {}; as after a rotation that the server has not loaded",
            names(&lacking)
        ))),
        (true, true) => Ok(format!("{count} passwords")),
    }
}

/// Compares them with the profile's.
///
/// # Errors
/// Users differ, with what they gained and lost.
pub fn compare(model: &Model, found: &Access) -> Outcome {
    let mut changes = difference(&Access::of_model(model), found).users;
    // Other passwords than the locked file's are what is meant.
    changes.retain(|_, change| !change.gained.is_empty() || !change.lost.is_empty());
    let count = changes.len();
    if count == 0 {
        return Ok(format!("{} users", model.users.len()));
    }
    let told: Vec<String> = changes.iter().take(8).map(|(name, change)| tell(name, change)).collect();
    let more = if count > told.len() { format!("; and {} more", count - told.len()) } else { String::new() };
    Trouble::failed(format!("{}{more}", told.join("; ")))
}

fn tell(name: &str, change: &Change) -> String {
    format!("{name} {}", brief(change, "has more than the profile gives", "lacks"))
}
