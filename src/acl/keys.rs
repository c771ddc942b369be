//! In: the words of a command. Out: the keys and channels among them and what is done to them, as the server finds
//! them before it asks an ACL (`getKeysFromCommandWithSpecs` in db.c).

use std::sync::LazyLock;

use crate::engine::Line;

/// A key of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its place among the words.
    pub place: usize,
    /// Its value is returned or used.
    pub read: bool,
    /// It is changed or removed. Neither: only looked at, as EXISTS and TYPE do, for which any pattern is enough.
    pub write: bool,
}

/// A channel of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Its place among the words.
    pub place: usize,
    /// It is a pattern, which a permission must name as it is.
    pub pattern: bool,
}

struct Group {
    begin: Begin,
    find: Find,
    read: bool,
    write: bool,
}

enum Begin {
    At(usize),
    Behind { word: &'static str, from: i64 },
}

enum Find {
    Range { last: i64, step: usize, limit: i64 },
    Number { number: usize, first: usize, step: usize },
}

/// The rows of the table, by name. Most runs ask for few of them, so that a row is parsed when it is asked for.
static ROWS: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let rows = include_str!("../engine/keys.tsv").lines().filter(|row| !row.starts_with('#'));
    rows.filter_map(|row| row.split_once('\t')).collect()
});

fn row(command: &str) -> Option<std::str::Split<'static, char>> {
    let place = ROWS.binary_search_by(|(name, _)| (*name).cmp(command)).ok()?;
    Some(ROWS.get(place)?.1.split('\t'))
}

/// The groups of keys among a command's words.
fn groups(command: &str) -> Option<Vec<Group>> {
    Some(row(command)?.nth(1).unwrap_or("").split(' ').filter_map(group).collect())
}

/// How many words a command has, its name included; negative: at least so many.
pub fn arity(command: &str) -> Option<i32> {
    row(command)?.next()?.parse().ok()
}

fn group(text: &'static str) -> Option<Group> {
    let mut parts = text.split(':');
    let (begin, find, used) = (parts.next()?, parts.next()?, parts.next()?);
    let begin = match begin.split_once('@') {
        Some((word, from)) => Begin::Behind { word, from: from.parse().ok()? },
        None => Begin::At(begin.parse().ok()?),
    };
    let numbers: Vec<i64> = find.trim_start_matches('#').split('/').filter_map(|number| number.parse().ok()).collect();
    let [first, second, third] = numbers.as_slice() else { return None };
    let small = |number: &i64| usize::try_from(*number).ok();
    let find = if find.starts_with('#') {
        Find::Number { number: small(first)?, first: small(second)?, step: small(third)? }
    } else {
        Find::Range { last: *first, step: small(second)?, limit: *third }
    };
    Some(Group { begin, find, read: used.contains('r'), write: used.contains('w') })
}

/// What a command does to the keys that it may name: reads, writes; none if it has no keys.
pub fn uses(command: &str) -> Option<(bool, bool)> {
    let groups = groups(command)?;
    let any = |wanted: fn(&Group) -> bool| groups.iter().any(wanted);
    (!groups.is_empty()).then(|| (any(|group| group.read), any(|group| group.write)))
}

/// The keys without which a command cannot be run: reads, writes, for each. Where a number of keys is an argument it may
/// be none, as of EVAL.
pub fn needs(command: &str) -> Vec<(bool, bool)> {
    match command {
        "set" => return vec![(false, true)],
        "bitfield" => return vec![(true, false)],
        _ => {}
    }
    let groups = groups(command).unwrap_or_default();
    // Behind a word that need not be there: options such as STORE.
    let optional = |group: &&Group| matches!(group.begin, Begin::Behind { word, .. } if word != "STREAMS");
    let counted = |group: &&Group| matches!(group.find, Find::Number { .. });
    groups.iter().filter(|group| !optional(group) && !counted(group)).map(|group| (group.read, group.write)).collect()
}

/// True if the command works on channels that a permission must name.
pub fn has_channels(command: &str) -> bool {
    matches!(command, "publish" | "spublish" | "subscribe" | "ssubscribe" | "psubscribe")
}

/// True if a command takes as many words, its name included.
pub fn takes(command: &str, words: usize) -> bool {
    let Some(arity) = arity(command) else { return true };
    let least = usize::try_from(arity.unsigned_abs()).unwrap_or(usize::MAX);
    if arity < 0 { words >= least } else { words == least }
}

/// The channels among the words. Leaving a channel needs no permission.
pub fn channels(command: &str, words: usize) -> Vec<Channel> {
    let last = match command {
        "publish" | "spublish" => words.min(2),
        "subscribe" | "ssubscribe" | "psubscribe" => words,
        _ => 1,
    };
    (1..last).map(|place| Channel { place, pattern: command == "psubscribe" }).collect()
}

/// The keys among the words; none if the words do not fit the command. `command` is its full name, as `xgroup|create`.
pub fn keys(line: &Line, command: &str, words: &[String]) -> Vec<Key> {
    let is = |place: usize, word: &str| words.get(place).is_some_and(|given| given.eq_ignore_ascii_case(word));
    let one = |read: bool, write: bool| if words.len() > 1 { vec![Key { place: 1, read, write }] } else { Vec::new() };
    match command {
        "set" => one((3..words.len()).any(|place| is(place, "get")), true),
        "bitfield" => {
            let write = changes_bits(words);
            one(true, write)
        }
        "sort" => {
            let store = store(words, 2, &[("limit", 2), ("get", 1), ("by", 1)], &["store"]);
            one(true, false).into_iter().chain(store).collect()
        }
        "georadius" | "georadiusbymember" => {
            let store = store(words, 5, &[], &["store", "storedist"]);
            one(true, false).into_iter().chain(store).collect()
        }
        "migrate" => migrated(words),
        "xread" | "xreadgroup" => streams(words),
        _ => {
            let found = groups(&format!("{command}@{line}")).or_else(|| groups(command));
            found.and_then(|groups| all_groups(&groups, words)).unwrap_or_default()
        }
    }
}

fn all_groups(groups: &[Group], words: &[String]) -> Option<Vec<Key>> {
    let mut keys = Vec::new();
    for group in groups {
        let Some(first) = begin(&group.begin, words) else { continue };
        let (first, last, step) = find(&group.find, first, words)?;
        if first > last || last >= words.len() {
            return None;
        }
        let places = (first..=last).step_by(step.max(1));
        keys.extend(places.map(|place| Key { place, read: group.read, write: group.write }));
    }
    Some(keys)
}

fn begin(begin: &Begin, words: &[String]) -> Option<usize> {
    let (word, from) = match begin {
        Begin::At(place) => return Some(*place),
        Begin::Behind { word, from } => (*word, *from),
    };
    let is = |place: &usize| words.get(*place).is_some_and(|given| given.eq_ignore_ascii_case(word));
    let start = if from < 0 { i64::try_from(words.len()).ok()?.checked_add(from)? } else { from };
    let start = usize::try_from(start).ok()?;
    let found = if from < 0 { (2..=start).rev().find(is) } else { (start..words.len().saturating_sub(1)).find(is) };
    found.map(|place| place + 1)
}

/// First and last key, and the step between them.
fn find(find: &Find, first: usize, words: &[String]) -> Option<(usize, usize, usize)> {
    match find {
        Find::Range { last, step, limit } => {
            let count = i64::try_from(words.len()).ok()?;
            let start = i64::try_from(first).ok()?;
            let last = match (*last, *limit) {
                (last, _) if last >= 0 => start + last,
                (last, 0) => count + last,
                (last, limit) => start + (count - start) / limit + last,
            };
            Some((first, usize::try_from(last).ok()?, *step))
        }
        Find::Number { number, first: behind, step } => {
            let count: usize = words.get(first + number)?.parse().ok()?;
            let start = first + behind;
            Some((start, start + count.checked_sub(1)?.checked_mul(*step)?, *step))
        }
    }
}

/// BITFIELD only reads if all its operations are GET (`bitfieldGetKeys`).
fn changes_bits(words: &[String]) -> bool {
    let mut place = 2;
    while let Some(word) = words.get(place) {
        let left = words.len() - place - 1;
        place += match word.to_ascii_lowercase().as_str() {
            "get" if left >= 2 => 3,
            "overflow" if left >= 1 => 2,
            _ => return true,
        };
    }
    false
}

/// The key behind the last of some words; `skipped` words hide as many that follow them.
fn store(words: &[String], from: usize, skipped: &[(&str, usize)], names: &[&str]) -> Option<Key> {
    let mut found = None;
    let mut place = from;
    while let Some(word) = words.get(place).map(|word| word.to_ascii_lowercase()) {
        if let Some((_, more)) = skipped.iter().find(|(name, _)| *name == word) {
            place += more;
        } else if names.contains(&word.as_str()) && place + 1 < words.len() {
            place += 1;
            found = Some(Key { place, read: false, write: true });
        }
        place += 1;
    }
    found
}

/// MIGRATE's key, or those behind KEYS if it is empty (`migrateGetKeys`).
fn migrated(words: &[String]) -> Vec<Key> {
    let key = |place: usize| Key { place, read: true, write: true };
    let mut place = 6;
    while let Some(word) = words.get(place) {
        match word.to_ascii_lowercase().as_str() {
            "auth" => place += 1,
            "auth2" => place += 2,
            "keys" if words.get(3).is_some_and(String::is_empty) => {
                return (place + 1..words.len()).map(key).collect();
            }
            _ => {}
        }
        place += 1;
    }
    if words.len() > 3 { vec![key(3)] } else { Vec::new() }
}

/// The first half of what follows STREAMS (`xreadGetKeys`).
fn streams(words: &[String]) -> Vec<Key> {
    let mut place = 1;
    while let Some(word) = words.get(place) {
        place += match word.to_ascii_lowercase().as_str() {
            "block" | "count" | "claim" => 2,
            "group" => 3,
            "noack" => 1,
            "streams" => {
                let half = (words.len() - place - 1) / 2;
                let whole = (words.len() - place - 1).is_multiple_of(2);
                let last = if whole { place + half } else { place };
                return (place + 1..=last).map(|place| Key { place, read: true, write: false }).collect();
            }
            _ => return Vec::new(),
        };
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, bool, bool)> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        let full = words.get(..2).map(|two| two.join("|").to_ascii_lowercase()).unwrap_or_default();
        let name = if arity(&full).is_some() { full } else { words[0].to_ascii_lowercase() };
        let line = crate::engine::lines().next().expect("a line");
        keys(line, &name, &words).into_iter().map(|key| (words[key.place].clone(), key.read, key.write)).collect()
    }

    #[test]
    fn every_command_of_every_line_has_a_shape() {
        for line in crate::engine::lines() {
            for command in &line.commands {
                assert!(arity(command.name).is_some(), "{line}: {}", command.name);
            }
        }
        assert!(ROWS.is_sorted());
        for (name, row) in ROWS.iter() {
            let read = groups(name).unwrap_or_else(|| panic!("{name}"));
            let groups = row.split('\t').nth(1).filter(|groups| !groups.is_empty());
            assert_eq!(read.len(), groups.map_or(0, |groups| groups.split(' ').count()), "{name}");
        }
    }

    #[test]
    fn keys_stand_where_the_command_says() {
        let k = |key: &str, read, write| (key.to_owned(), read, write);
        assert_eq!(found("GET a"), [k("a", true, false)]);
        assert_eq!(found("set a v"), [k("a", false, true)]);
        assert_eq!(found("set a v get"), [k("a", true, true)]);
        assert_eq!(found("mset a 1 b 2"), [k("a", false, true), k("b", false, true)]);
        assert_eq!(found("zunionstore d 2 a b"), [k("d", false, true), k("a", true, false), k("b", true, false)]);
        assert_eq!(found("eval x 1 a b"), [k("a", true, true)]);
        assert_eq!(found("eval x 9 a"), []);
        assert_eq!(found("xread count 1 streams a b 0 0"), [k("a", true, false), k("b", true, false)]);
        assert_eq!(found("sort a by b store c store d"), [k("a", true, false), k("d", false, true)]);
        assert_eq!(found("sort a get store"), [k("a", true, false)]);
        assert_eq!(found("bitfield a get u8 0"), [k("a", true, false)]);
        assert_eq!(found("bitfield a set u8 0 1"), [k("a", true, true)]);
        assert_eq!(found("exists a"), [k("a", false, false)]);
        assert_eq!(found("ping"), []);
        assert_eq!(found("xgroup create a g 0"), [k("a", false, true)]);
    }
}
