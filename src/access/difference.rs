//! In: two files, each on its line. Out: which user gained or lost which command, key, channel or database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::{Access, Login, Names, User, commands};
use crate::acl;
use crate::acl::account::{Grant, KeyGrant};
use crate::acl::danger::{self, Dangerous};
use crate::acl::glob;
use crate::engine::{Line, Name};

/// What changed, by user; users that did not change are left out.
#[derive(Serialize)]
pub struct Difference {
    /// The line of the old file.
    pub old: String,
    /// The line of the new file.
    pub new: String,
    /// The same, to group commands by.
    #[serde(skip)]
    line: &'static Line,
    /// By name.
    pub users: BTreeMap<String, Change>,
}

/// What changed for one user.
#[derive(Default, Serialize)]
pub struct Change {
    /// Permitted now.
    pub gained: Rights,
    /// No longer permitted.
    pub lost: Rights,
    /// Passwords that were not there before; a rotation is no gain, so that this alone does not end with 1.
    #[serde(skip_serializing_if = "is_zero")]
    pub new_passwords: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Rights that come or go.
#[derive(Default, PartialEq, Eq, Serialize)]
pub struct Rights {
    /// How it can log in, if that became easier (gained) or harder (lost).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<&'static str>,
    /// What it can do now that is dangerous, and with which commands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub can: Vec<Can>,
    /// `skip-sanitize-payload`, by which RESTORE no longer checks what it is given; `nopass`, also of a user that is off.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<&'static str>,
    /// Commands and subcommands.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub commands: Names,
    /// Key patterns that no pattern of the other side covers, in the words of the ACL file.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    /// Channel patterns that no pattern of the other side covers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<String>,
    /// Databases, where the other side has fewer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<String>,
    /// Whole selectors that the other side does not have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub selectors: Vec<String>,
}

/// A danger that came or went.
#[derive(PartialEq, Eq, Serialize)]
pub struct Can {
    /// What the user can do.
    pub what: &'static str,
    /// With these commands, which it could not use so before.
    pub commands: Vec<Name>,
}

/// The word that lets a user hand unchecked bytes to RESTORE.
pub const UNCHECKED: &str = "skip-sanitize-payload";

impl Rights {
    /// True if nothing came or went.
    pub fn is_empty(&self) -> bool {
        *self == Rights::default()
    }
}

impl Difference {
    /// True if anything is to be told.
    pub fn changed(&self) -> bool {
        !self.users.is_empty() || self.old != self.new
    }

    /// True if somebody may do more than before.
    pub fn gains(&self) -> bool {
        self.users.values().any(|change| !change.gained.is_empty())
    }
}

/// Compares. A user that is not in a file has no rights there; one that cannot log in keeps its rights, since switching
/// it on is one word.
pub fn difference(old: &Access, new: &Access) -> Difference {
    let names: BTreeSet<&str> = old.users.iter().chain(&new.users).map(|user| user.name.as_str()).collect();
    let by_name = |access: &'_ Access| -> BTreeMap<String, usize> {
        access.users.iter().enumerate().map(|(place, user)| (user.name.clone(), place)).collect()
    };
    let (in_old, in_new) = (by_name(old), by_name(new));
    let side = |access| Side { access, dangers: danger::all(access.line) };
    let sides = (side(old), side(new));
    let mut users = BTreeMap::new();
    for name in names {
        let before = in_old.get(name).and_then(|place| old.users.get(*place));
        let after = in_new.get(name).and_then(|place| new.users.get(*place));
        let fresh = |digest: &&Arc<str>| before.is_some_and(|user| !user.account.passwords.contains(digest));
        let change = Change {
            gained: rights((&sides.0, before), (&sides.1, after)),
            lost: rights((&sides.1, after), (&sides.0, before)),
            new_passwords: after.map_or(0, |user| user.account.passwords.iter().filter(fresh).count()),
        };
        if !change.gained.is_empty() || !change.lost.is_empty() || change.new_passwords > 0 {
            users.insert(name.to_owned(), change);
        }
    }
    Difference { old: old.line.to_string(), new: new.line.to_string(), line: new.line, users }
}

/// A file, and what is dangerous on its line.
struct Side<'access> {
    access: &'access Access,
    dangers: &'static [Dangerous],
}

/// What `to` has and `from` has not.
fn rights(from: (&Side, Option<&User>), to: (&Side, Option<&User>)) -> Rights {
    let (from_side, from) = from;
    let (to_side, Some(to)) = to else { return Rights::default() };
    let (from_access, to_access) = (from_side.access, to_side.access);
    if std::ptr::eq(from_access.line, to_access.line) && from.is_some_and(|from| from.account == to.account) {
        return Rights::default();
    }
    let nothing = Grant::nothing(from_access.line);
    let known = from.map_or(&nothing, |user| &user.account.own);
    let own = &to.account.own;
    let before = from.map_or_else(BTreeSet::new, |_| commands(from_access.line, known));
    let now = commands(to_access.line, own).into_iter().filter(|name| !permitted(from_access.line, &before, name));
    let login = to.login();
    Rights {
        can: new_dangers((from_side, from), (to_side, to)),
        login: (login > from.map_or(Login::Never, User::login)).then(|| login.word()),
        flags: flags(to).difference(&from.map_or_else(BTreeSet::new, flags)).copied().collect(),
        commands: now.collect(),
        keys: own.keys.iter().filter(|key| !covered(key, own, known)).map(key_word).collect(),
        channels: new_channels(from, known, own),
        databases: databases(known, own),
        selectors: new_selectors((from_access, from), (to_access, to)),
    }
}

/// Words of a user that make it more dangerous, whether it can log in now or not.
fn flags(user: &User) -> BTreeSet<&'static str> {
    let words = [(!user.account.sanitize, UNCHECKED), (user.account.nopass, "nopass")];
    words.into_iter().filter(|(set, _)| *set).map(|(_, word)| word).collect()
}

/// True if a command is among those of a side, by itself or as a part: `config|get` where all of `config` is, or, on a
/// line with subcommands, `config` where all of them are.
fn permitted(line: &Line, names: &Names, name: &str) -> bool {
    let parent = name.split_once('|').is_some_and(|(parent, _)| names.contains(parent));
    let all = || {
        line.command(name).is_some_and(|id| {
            let mut below = line.with_subcommands(id).skip(1).filter_map(|id| line.commands.get(id)).peekable();
            below.peek().is_some() && below.all(|command| names.contains(command.name))
        })
    };
    names.contains(name) || parent || all()
}

/// Dangers by commands that were not dangerous before, by any set of permissions.
fn new_dangers(from: (&Side, Option<&User>), to: (&Side, &User)) -> Vec<Can> {
    let carried = |side: &Side, user: &User, dangerous: &Dangerous| -> Names {
        user.account.grants().flat_map(|grant| dangerous.among(side.access.line, grant)).collect()
    };
    let each = from.0.dangers.iter().zip(to.0.dangers).map(|(known, new)| {
        let danger = new.danger;
        let mut before = from.1.map_or_else(BTreeSet::new, |user| carried(from.0, user, known));
        // Who reads every key sees their names, too: that danger is told as the greater one.
        if *danger == danger::NAMES {
            let greater = from.0.dangers.iter().filter(|dangerous| *dangerous.danger == danger::EXFILTRATE);
            before.extend(greater.filter_map(|greater| from.1.map(|user| carried(from.0, user, greater))).flatten());
        }
        let commands: Vec<Name> = carried(to.0, to.1, new).difference(&before).cloned().collect();
        Can { what: danger.can, commands }
    });
    each.filter(|can| !can.commands.is_empty()).collect()
}

/// Most patterns of the other side that are compared with each: beyond that, only equal ones count as known.
const COMPARED: usize = 64;

/// True if what a pattern gives is given by the other side: reading, writing, or both by one pattern where a command
/// needs both.
fn covered(key: &KeyGrant, own: &Grant, other: &Grant) -> bool {
    let enough = |known: &KeyGrant| (known.read || !key.read) && (known.write || !key.write);
    if own.all_keys() || other.all_keys() {
        // Only `~*` gives a key without a name.
        return other.all_keys();
    }
    other.keys.get(&key.pattern).is_some_and(enough)
        || other.keys.iter().take(COMPARED).any(|known| enough(known) && glob::covers(&known.pattern, &key.pattern))
}

/// A key pattern in the words of an ACL file.
pub fn key_word(key: &KeyGrant) -> String {
    acl::key_word(key.read, key.write, &key.pattern)
}

/// Nobody had a channel before the user was there, even where new users start with all.
fn new_channels(from: Option<&User>, known: &Grant, own: &Grant) -> Vec<String> {
    // PSUBSCRIBE needs the pattern itself, so that another one that matches more gives less there; `*` gives all.
    let given = |channel: &&Arc<str>| from.is_some() && (known.all_channels() || known.channels.contains(channel));
    own.channels.iter().filter(|channel| !given(channel)).map(|channel| format!("&{channel}")).collect()
}

fn databases(known: &Grant, own: &Grant) -> Vec<String> {
    match (&known.databases, &own.databases) {
        (None, _) => Vec::new(),
        (Some(_), None) => vec!["alldbs".to_owned()],
        (Some(known), Some(own)) => own.difference(known).map(|number| format!("db={number}")).collect(),
    }
}

/// A selector gives the combination of all that is in it: it is new unless one set of the other side gives all of it.
fn new_selectors(from: (&Access, Option<&User>), to: (&Access, &User)) -> Vec<String> {
    let same_line = std::ptr::eq(from.0.line, to.0.line);
    // Across lines commands are compared by name, each set's made once.
    let named = |access: &Access, user: &User| -> Vec<Names> {
        let names = |grant: &Grant| if same_line { BTreeSet::new() } else { commands(access.line, grant) };
        user.account.grants().map(names).collect()
    };
    let known: Vec<(&Grant, Names)> =
        from.1.into_iter().flat_map(|user| user.account.grants().zip(named(from.0, user))).take(COMPARED).collect();
    let given = |selector: &Grant, names: &Names| {
        known.iter().any(|(outer, before)| {
            selector.keys.iter().all(|key| covered(key, selector, outer))
                && selector.channels.iter().all(|channel| outer.all_channels() || outer.channels.contains(channel))
                && databases(outer, selector).is_empty()
                && if same_line {
                    outer.commands.contains_all(&selector.commands)
                        && selector.first_arguments.iter().all(|(id, arguments)| {
                            let known = outer.first_arguments.get(id);
                            outer.commands.contains(*id) || known.is_some_and(|known| arguments.is_subset(known))
                        })
                } else {
                    names.iter().all(|name| permitted(from.0.line, before, name))
                }
        })
    };
    let texts = to.1.words.iter().filter(|word| word.starts_with('('));
    let by_name = named(to.0, to.1);
    let each = to.1.account.selectors.iter().zip(by_name.iter().skip(1)).zip(texts);
    each.filter(|((selector, names), _)| !given(selector, names)).map(|(_, text)| text.clone()).collect()
}

/// The difference for people, `+` for what was gained.
pub fn human(difference: &Difference) -> String {
    let mut out = String::new();
    for (name, change) in &difference.users {
        out.push_str(&format!("{}\n", super::human::shown(name)));
        if change.new_passwords > 0 {
            out.push_str(&format!("  ~ passwords  {} new\n", change.new_passwords));
        }
        for (sign, rights) in [("+", &change.gained), ("-", &change.lost)] {
            let verb = if sign == "+" { "can now" } else { "can no longer" };
            for can in &rights.can {
                out.push_str(&format!(
                    "  {sign} {verb} {}: {}\n",
                    can.what,
                    super::human::shown(&can.commands.join(", "))
                ));
            }
            for (what, items) in rights.listed(difference.line) {
                out.push_str(&format!("  {sign} {what:<10} {}\n", super::human::shown(&items)));
            }
        }
    }
    out
}

/// The difference as a list in Markdown, for a comment on a pull request.
pub fn markdown(difference: &Difference) -> String {
    let mut out = format!("Access changes from {} to {}:\n\n", difference.old, difference.new);
    if difference.users.is_empty() {
        out.push_str("nothing.\n");
    }
    for (name, change) in &difference.users {
        out.push_str(&format!("- {}\n", crate::encode::markdown(name)));
        if change.new_passwords > 0 {
            out.push_str(&format!("  - new passwords: {}\n", change.new_passwords));
        }
        for (verb, rights) in [("gained", &change.gained), ("lost", &change.lost)] {
            let could = if verb == "gained" { "can now" } else { "can no longer" };
            for can in &rights.can {
                let commands = crate::encode::markdown(&can.commands.join(", "));
                out.push_str(&format!("  - **{could} {}**: {commands}\n", can.what));
            }
            for (what, items) in rights.listed(difference.line) {
                out.push_str(&format!("  - {verb} {what}: {}\n", crate::encode::markdown(&items)));
            }
        }
    }
    out
}

impl Rights {
    /// What came or went, in words; many commands by category, one entry each.
    fn listed(&self, line: &Line) -> Vec<(&'static str, String)> {
        const FEW: usize = 8;
        let commands: Vec<(&'static str, String)> = if self.commands.len() <= FEW {
            vec![("commands", self.commands.iter().cloned().collect::<Vec<_>>().join(", "))]
        } else {
            let groups = super::groups::groups(line, self.commands.iter()).into_iter();
            groups.map(|group| ("commands", format!("{}: {}", group.category, group.names.join(", ")))).collect()
        };
        let login: Vec<String> = self.login.iter().map(|login| format!("by {login}")).collect();
        let first = [("login", login.join("")), ("flags", self.flags.join(" "))];
        let all = [
            ("keys", self.keys.join(" ")),
            ("channels", self.channels.join(" ")),
            ("databases", self.databases.join(" ")),
            ("selectors", self.selectors.join(" ")),
        ];
        first.into_iter().chain(commands).chain(all).filter(|(_, items)| !items.is_empty()).collect()
    }
}
