//! In: the users of a file. Out: the same for people: commands in groups, what is dangerous among them and which rule
//! grants it. Lists that several users share are told once.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::groups::{Group, groups};
use super::{Access, Login, Names, User, commands, deciding_words};
use crate::acl::account::{Grant, KeyGrant};
use crate::acl::danger::{self, Dangerous};
use crate::acl::{decide, file};
use crate::engine::{CommandSet, Line, Name, PerLine};

/// Who may do what, for people.
#[derive(Serialize)]
pub struct Sheet {
    /// The line.
    pub engine: String,
    /// Commands that redis.conf renames away.
    pub renamed: Vec<&'static str>,
    /// The users, sorted by name.
    pub users: Vec<Section>,
    /// The dangers that somebody carries: what one can do, and why that is dangerous.
    pub legend: Vec<Meaning>,
}

/// A danger, explained.
#[derive(Serialize)]
pub struct Meaning {
    /// What one can do.
    pub can: &'static str,
    /// Why that is dangerous.
    pub why: &'static str,
}

/// One user.
#[derive(Serialize)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// `never`, `password` or `anything`.
    pub login: &'static str,
    /// True if RESTORE does not check what it hands in.
    pub unchecked: bool,
    /// True for a `default` that nobody can be, and that may write all the same.
    pub replays: bool,
    /// Its own permissions, then its selectors.
    pub sets: Vec<Set>,
}

/// One set of permissions.
#[derive(Serialize)]
pub struct Set {
    /// How many commands it permits.
    pub count: usize,
    /// How many the line has.
    pub total: usize,
    /// The user that shows the same commands, if one before does.
    pub as_user: Option<String>,
    /// The commands; of most, those that are missing.
    pub groups: Vec<Group>,
    /// True if `groups` has what is missing.
    pub but: bool,
    /// Key patterns.
    pub keys: Vec<Pattern>,
    /// True if every key may be read and written.
    pub all_keys: bool,
    /// Channel patterns.
    pub channels: Vec<String>,
    /// Databases, if only some.
    pub databases: Option<BTreeSet<u32>>,
    /// What is dangerous.
    pub dangers: Vec<Found>,
}

/// A key pattern.
#[derive(Serialize)]
pub struct Pattern {
    /// The glob.
    pub pattern: String,
    /// May be read.
    pub read: bool,
    /// May be written.
    pub write: bool,
}

/// A danger that a set carries.
#[derive(Clone, Serialize)]
pub struct Found {
    /// What the user can do.
    pub can: &'static str,
    /// By the rule that grants them: the commands.
    pub by: Vec<Granted>,
}

/// Dangerous commands of one rule.
#[derive(Clone, Serialize)]
pub struct Granted {
    /// The word of the ACL file.
    pub rule: String,
    /// Their names.
    pub names: Vec<Name>,
}

/// Makes the sheet.
pub fn sheet(access: &Access) -> Sheet {
    let mut maker = Maker {
        line: access.line,
        all: RUNNABLE.of(access.line, runnable),
        dangers: danger::all(access.line),
        told: BTreeMap::new(),
        judged: BTreeMap::new(),
        carried: BTreeSet::new(),
    };
    let users = access.users.iter().map(|user| maker.section(user)).collect();
    let carried = danger::ALL.iter().filter(|danger| maker.carried.contains(danger.can));
    Sheet {
        engine: access.line.to_string(),
        renamed: access.renamed.clone(),
        users,
        legend: carried.map(|danger| Meaning { can: danger.can, why: danger.why }).collect(),
    }
}

/// What distinguishes one list of commands from another.
type Permitted = (CommandSet, Arc<BTreeMap<usize, BTreeSet<String>>>);

/// A list of commands that was shown already: thousands of users may share it.
struct Listed {
    count: usize,
    /// Names in the list.
    names: usize,
    but: bool,
    user: String,
}

struct Maker {
    line: &'static Line,
    all: &'static Names,
    dangers: &'static [Dangerous],
    told: BTreeMap<Permitted, Listed>,
    /// What a user's own rules made of dangers, with those rules.
    judged: BTreeMap<(Permitted, bool), (Vec<String>, Vec<Found>)>,
    carried: BTreeSet<&'static str>,
}

static RUNNABLE: PerLine<Names> = PerLine::empty();

fn runnable(line: &Line) -> Names {
    let ids = (0..line.commands.len()).filter(|id| line.with_subcommands(*id).len() == 1);
    let names = ids.filter_map(|id| line.commands.get(id)).map(|command| command.name);
    names.chain(decide::FREE).map(Cow::Borrowed).collect()
}

/// Lists of fewer commands are shown again rather than pointed at.
const SHORT: usize = 8;

impl Maker {
    fn section(&mut self, user: &User) -> Section {
        let sets = user.account.grants().enumerate().map(|(place, grant)| self.set(user, place, grant)).collect();
        let nobody = user.login() == Login::Never;
        let replays = nobody && user.name == file::DEFAULT && user.account.own.all_keys();
        let unchecked = !user.account.sanitize;
        Section { name: user.name.clone(), login: user.login().word(), unchecked, replays, sets }
    }

    fn set(&mut self, user: &User, place: usize, grant: &Grant) -> Set {
        let mut set = Set {
            count: 0,
            total: self.all.len(),
            as_user: None,
            groups: Vec::new(),
            but: false,
            keys: grant.keys.iter().map(pattern).collect(),
            all_keys: grant.all_keys(),
            channels: grant.channels.iter().map(ToString::to_string).collect(),
            databases: grant.databases.clone(),
            // Of a user that is nobody, nothing is to be feared until it can log in.
            dangers: if user.login() == Login::Never { Vec::new() } else { self.found(user, place, grant) },
        };
        self.carried.extend(set.dangers.iter().map(|found| found.can));
        let permitted: Permitted = (grant.commands.clone(), Arc::clone(&grant.first_arguments));
        let known = self.told.get(&permitted).filter(|known| known.names >= SHORT && known.user != user.name);
        if let Some(known) = known {
            (set.count, set.but, set.as_user) = (known.count, known.but, Some(known.user.clone()));
            return set;
        }
        let (listed, groups) = self.list(grant, &user.name);
        (set.count, set.but, set.groups) = (listed.count, listed.but, groups);
        if place == 0 {
            self.told.entry(permitted).or_insert(listed);
        }
        set
    }

    /// Users of one role share their rules: what these grant is looked up once.
    fn found(&mut self, user: &User, place: usize, grant: &Grant) -> Vec<Found> {
        let key = ((grant.commands.clone(), Arc::clone(&grant.first_arguments)), grant.reaches_every_key());
        // All words but patterns, passwords and selectors.
        let rules = || user.words.iter().filter(|word| !word.starts_with(['~', '%', '&', '#', '>', '<', '!', '(']));
        let plain = place == 0 && grant.databases.is_none();
        if let Some((_, known)) = self.judged.get(&key).filter(|(known, _)| plain && known.iter().eq(rules())) {
            return known.clone();
        }
        let found = found(self.line, self.dangers, user, place, grant);
        if plain {
            self.judged.insert(key, (rules().cloned().collect(), found.clone()));
        }
        found
    }

    fn list(&self, grant: &Grant, user: &str) -> (Listed, Vec<Group>) {
        let names = commands(self.line, grant);
        let missing: Vec<&Name> = self.all.difference(&names).collect();
        // Of most commands it is what is missing that tells something.
        let but = missing.len() * 4 <= self.all.len();
        let listed = Listed {
            count: names.len(),
            names: if but { missing.len() } else { names.len() },
            but,
            user: user.to_owned(),
        };
        let groups = if but { groups(self.line, missing.into_iter()) } else { groups(self.line, names.iter()) };
        (listed, groups)
    }
}

/// The dangers that a set of a user carries, and the rules that grant them.
pub(super) fn found(line: &Line, dangers: &[Dangerous], user: &User, place: usize, grant: &Grant) -> Vec<Found> {
    let mut found = Vec::new();
    for dangerous in dangers.iter().filter(|dangerous| dangerous.touches(line, grant)) {
        let names = dangerous.among(line, grant);
        let asked = names.iter().map(|name| match (line.command(name), name.split_once('|')) {
            (None, Some((command, argument))) => (line.command(command), Some(argument)),
            (id, _) => (id, None),
        });
        let rules = deciding_words(line, &user.words, place, &asked.collect::<Vec<_>>());
        let mut by: BTreeMap<String, Vec<Name>> = BTreeMap::new();
        for (name, rule) in names.into_iter().zip(rules) {
            by.entry(rule.unwrap_or_else(|| "+@all".to_owned())).or_default().push(name);
        }
        let by = by.into_iter().map(|(rule, names)| Granted { rule, names }).collect();
        found.push(Found { can: dangerous.danger.can, by });
    }
    found
}

fn pattern(key: &KeyGrant) -> Pattern {
    Pattern { pattern: key.pattern.to_string(), read: key.read, write: key.write }
}

impl Pattern {
    /// `read`, `write` or both.
    pub fn used(&self) -> &'static str {
        match (self.read, self.write) {
            (true, true) => "read and write",
            (true, false) => "read",
            (false, true) => "write",
            (false, false) => "nothing",
        }
    }
}
