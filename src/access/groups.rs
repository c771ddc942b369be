//! In: names of commands. Out: the same by what they are for, so that a person can read them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::engine::{Line, Name, PerLine};

/// Commands of one category.
#[derive(Serialize)]
pub struct Group {
    /// The category, with its `@`; `-` for commands without one.
    pub category: String,
    /// Their names.
    pub names: Vec<Name>,
}

/// What a command is for, rather than how fast or dangerous it is.
const CATEGORIES: &[&str] = &[
    "string",
    "hash",
    "list",
    "set",
    "sortedset",
    "stream",
    "hyperloglog",
    "bitmap",
    "geo",
    "array",
    "pubsub",
    "transaction",
    "scripting",
    "connection",
    "keyspace",
    "admin",
];

/// Commands by category, in the order of categories.
pub(super) fn groups<'name>(line: &Line, names: impl Iterator<Item = &'name Name>) -> Vec<Group> {
    let mut groups: BTreeMap<usize, Vec<Name>> = BTreeMap::new();
    let places = PLACES.of(line, |line| line.commands.iter().map(|command| place(&command.categories)).collect());
    for name in names {
        let id = line.command(name).or_else(|| line.command(name.split('|').next().unwrap_or(name)));
        let place = id.and_then(|id| places.get(id)).copied().unwrap_or(CATEGORIES.len());
        groups.entry(place).or_default().push(name.clone());
    }
    let title = |place: usize| match CATEGORIES.get(place) {
        Some(category) => format!("@{category}"),
        None if place == CATEGORIES.len() => "server".to_owned(),
        None => "no category".to_owned(),
    };
    groups.into_iter().map(|(place, names)| Group { category: title(place), names }).collect()
}

/// By command, the place of its group.
static PLACES: PerLine<Vec<usize>> = PerLine::empty();

fn place(categories: &[&str]) -> usize {
    if categories.is_empty() {
        return CATEGORIES.len() + 1;
    }
    CATEGORIES.iter().position(|category| categories.contains(category)).unwrap_or(CATEGORIES.len())
}
