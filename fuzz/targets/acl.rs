//! An ACL file, ours or anybody's, and commands that its users send. Input: the file; behind a line `---`, commands, one a
//! line; the last byte chooses the engine's line.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use redisgen::access::{self, Access, difference, human, json, sheet};
use redisgen::acl::account::{Account, Grant};
use redisgen::acl::{self, decide, file, glob};
use redisgen::engine::{self, CommandSet, Line};
use redisgen::format::{AclRule, CommandName};

fuzz_target!(|data: &[u8]| {
    let (Some(last), Ok(text)) = (data.last(), std::str::from_utf8(data)) else { return };
    let lines: Vec<&Line> = engine::lines().collect();
    let line = lines[usize::from(*last) % lines.len()];
    let (text, commands) = text.split_once("\n---\n").unwrap_or((text, ""));
    let commands: Vec<Vec<String>> =
        commands.lines().take(8).map(|line| line.split(' ').map(str::to_owned).collect()).collect();
    match file::read(line, text) {
        Ok(users) => read(line, text, &users, &commands),
        Err(bad) => {
            assert!(!bad.is_empty());
            for bad in bad {
                let _told = bad.reason.to_string();
                assert!((1..=text.split('\n').count()).contains(&bad.line));
            }
        }
    }
    rules(line, text);
    for pattern in text.split([' ', '\n']).take(16) {
        patterns(pattern, text);
    }
});

fn read(line: &'static Line, text: &str, users: &file::Users, commands: &[Vec<String>]) {
    // Written again from the words that count, it is the same file.
    let again: String = users.words.iter().map(|(name, words)| format!("user {name} {}\n", words.join(" "))).collect();
    let second = file::read(line, &again).unwrap_or_else(|bad| panic!("{again:?}: {bad:?}"));
    assert_eq!(users.accounts, second.accounts, "{again:?}");
    assert_eq!(users.words, second.words, "{again:?}");
    assert_eq!(users.default_listed, second.default_listed);

    let access = Access::of_file(line, text).unwrap_or_else(|bad| panic!("{bad:?}"));
    let none = difference::difference(&access, &access);
    assert!(none.users.is_empty(), "{}", difference::human(&none));
    let other = Access::of_file(lines_before(line), text);
    if let Ok(other) = &other {
        told(&difference::difference(&access, other));
        told(&difference::difference(other, &access));
    }
    let _text = human::sheet(&sheet::sheet(&access));
    let _json = serde_json::to_string(&json::Document(&access)).expect("a sheet is JSON");

    let (open, closed) = (Account::default_user(line), Account::new(line));
    for words in commands {
        let called = match decide::call(line, words) {
            Ok(called) => called,
            Err(no) => {
                let _told = no.message(line, words);
                continue;
            }
        };
        let name = line.commands[called.id].name;
        assert_eq!(decide::decide(line, &open, &called, words), Ok(0), "{words:?}");
        let nothing = decide::decide(line, &closed, &called, words);
        assert!(nothing == Err(decide::Denial::Command) || decide::free(name), "{words:?}: {nothing:?}");
        for user in &access.users {
            match decide::decide(line, &user.account, &called, words) {
                Ok(place) => {
                    let grant = user.account.grants().nth(place).expect("a set of permissions");
                    let argument = words.get(1).map(String::as_str);
                    assert!(decide::free(name) || grant.permits(called.id, argument));
                    let word = access::deciding_word(line, &user.words, place, called.id, argument);
                    // `default` of a file that does not list it has no words.
                    let told = word.is_some() || decide::free(name) || user.words.is_empty();
                    assert!(told, "{words:?} by {:?}", user.words);
                    let _sort = decide::sort_refused(line, grant, &called, words);
                }
                Err(denial) => {
                    let _told = decide::message(line, &user.name, &called, denial);
                    if let decide::Denial::Key(place) | decide::Denial::Channel(place) = denial {
                        assert!(place < words.len(), "{words:?}: {denial:?}");
                    }
                }
            }
            let _closed = decide::switched_off(line, &called);
        }
    }
}

/// Another line to compare with: the one before, of the last the first.
fn lines_before(line: &Line) -> &'static Line {
    let lines: Vec<&'static Line> = engine::lines().collect();
    let place = lines.iter().position(|known| std::ptr::eq(*known, line)).unwrap_or(0);
    lines[(place + lines.len() - 1) % lines.len()]
}

fn told(difference: &difference::Difference) {
    let _text = (difference::human(difference), difference::markdown(difference));
}

/// The rules of a profile: those words of the text that could stand in one.
fn rules(line: &Line, text: &str) {
    let words: Vec<String> =
        text.split([' ', '\n']).filter(|word| word.parse::<AclRule>().is_ok()).map(str::to_owned).collect();
    let known: Vec<String> = words.iter().filter(|rule| acl::check_rule(line, rule).is_ok()).cloned().collect();
    let set = acl::evaluate(line, &known).unwrap_or_else(|(place, unknown)| panic!("{}: {unknown}", known[place]));
    if known.len() < words.len() {
        assert!(acl::evaluate(line, &words).is_err());
    }
    let canonical = acl::canonical(known.iter().cloned());
    assert_eq!(acl::evaluate(line, &canonical), Ok(set.clone()), "{known:?}: {canonical:?}");
    assert_eq!(acl::canonical(canonical.iter().cloned()), canonical);

    // What a server makes of the same words. First arguments count for their command in a profile.
    let mut grant = Grant::nothing(line);
    if known.iter().all(|rule| grant.apply(line, rule).is_ok()) {
        let mut granted: CommandSet = grant.commands.clone();
        grant.first_arguments.keys().for_each(|id| granted.insert(*id));
        assert_eq!(granted, set, "{known:?}");
    }

    let names: Vec<CommandName> = words.iter().filter_map(|word| word.get(1..)?.parse().ok()).collect();
    let names: Vec<CommandName> =
        names.into_iter().filter(|name| acl::disabled(line, std::slice::from_ref(name)).is_ok()).collect();
    let denied = acl::denied(line, &names).unwrap_or_else(|(place, unknown)| panic!("{}: {unknown}", names[place]));
    let minus = acl::subtraction(line, &known, &denied);
    let all: Vec<String> = known.into_iter().chain(minus).collect();
    let left = acl::evaluate(line, &all).unwrap_or_else(|(place, unknown)| panic!("{}: {unknown}", all[place]));
    assert!(!left.intersects(&denied), "{all:?}");
    assert!(left.ids().eq(set.minus(&denied)), "{all:?}");
}

/// Patterns match as they do in the server, and one that covers another matches all that the other does.
fn patterns(pattern: &str, text: &str) {
    let pattern = pattern.trim_start_matches(['~', '&', '%', 'R', 'W']);
    if pattern.len() > 32 || pattern.bytes().filter(|byte| *byte == b'*').count() > 6 {
        return;
    }
    let mut matched: BTreeMap<&str, bool> = BTreeMap::new();
    for name in text.split([' ', '\n', '~', ':']).filter(|name| name.len() <= 32).take(16) {
        let found = glob::matches(pattern, name);
        assert_eq!(found, redisgen_fuzz::glob::matches(pattern.as_bytes(), name.as_bytes()), "{pattern:?} {name:?}");
        matched.insert(name, found);
    }
    for outer in matched.keys() {
        if glob::covers(outer, pattern) {
            for (name, _) in matched.iter().filter(|(_, found)| **found) {
                assert!(glob::matches(outer, name), "{outer:?} covers {pattern:?}, but not {name:?}");
            }
        }
    }
}
