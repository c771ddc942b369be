//! Whole commands with keys and channels: what `acl::decide` says is what the server does, and what it prints.

use std::collections::BTreeMap;

use redisgen::acl::account::Account;
use redisgen::acl::decide::{self, Denial};
use redisgen::engine::Line;

use crate::server::{Reply, Running};
use crate::words::Words;
use crate::{engine, seed};

/// How many users each line gets, and how many commands each of them tries.
const USERS: usize = 120;
const COMMANDS: usize = 60;

const KEYS: &[&str] = &[
    "~a*", "~user:*", "%R~a*", "%W~a*", "%R~b?", "%W~b?", "~[a-c]x", "~[^a]*", "~*x", r"~\*", "~*", "%R~*", "~x[", "~",
];
const CHANNELS: &[&str] = &["&a*", "&user:?", "&*", "&[a", "resetchannels"];
const NAMES: &[&str] = &["a", "ab", "b1", "user:1", "user:", "ax", "cx", "*", "x", "zx", "a*", "user:?", "x["];
/// Words that change which arguments are keys.
const OPTIONS: &[&str] = &[
    "GET",
    "STORE",
    "storedist",
    "KEYS",
    "STREAMS",
    "BY",
    "LIMIT",
    "COUNT",
    "1",
    "2",
    "u8",
    "SET",
    "OVERFLOW",
    "AUTH",
    "",
];

fn user(words: &mut Words, line: &Line) -> Vec<String> {
    let commands =
        words.pick(&["+@all", "+@all", "+@all", "+@read", "+@write", "+get +set +publish +subscribe", "-@all"]);
    let mut list = vec!["reset", "on", "nopass", "resetchannels"];
    list.extend(commands.split(' '));
    let mut list: Vec<String> = list.into_iter().map(str::to_owned).collect();
    for from in [KEYS, KEYS, CHANNELS] {
        let word = words.pick(from);
        let behind = list.iter().any(|known| known == "~*") && word.starts_with(['~', '%']);
        if !behind && (line.has_selectors() || !word.starts_with('%')) {
            list.push(word.to_owned());
        }
    }
    if line.has_selectors() && words.below(3) == 0 {
        let inner = format!(
            "({} {} {})",
            words.pick(&["+get", "+@write", "+@all", "+publish"]),
            words.pick(KEYS),
            words.pick(CHANNELS)
        );
        list.push(inner);
    }
    list
}

fn command(words: &mut Words, line: &Line) -> Vec<String> {
    let favourites = "get set mset exists sort_ro zunionstore eval copy smove \
        bitfield bitop publish subscribe psubscribe unsubscribe xgroup|create memory|usage object|encoding lmpop ping \
        blmpop pfcount getex lmove sintercard zrangestore config|get geosearchstore rename";
    let favourites: Vec<&str> = favourites.split_whitespace().filter(|name| line.command(name).is_some()).collect();
    let id = words.below(line.commands.len());
    let name = if words.below(2) == 0 { words.pick(&favourites) } else { line.commands[id].name };
    let mut command: Vec<String> = name.split('|').map(str::to_owned).collect();
    for _ in 0..words.below(7) {
        let from = if words.below(3) == 0 { OPTIONS } else { NAMES };
        command.push(words.pick(from).to_owned());
    }
    command
}

/// What DRYRUN's answer means; none if it does not judge.
fn judged(reply: &Reply) -> Option<Result<(), &'static str>> {
    match reply {
        Reply::Error(_) => None,
        Reply::Simple(ok) if ok == "OK" => Some(Ok(())),
        Reply::Text(Some(text)) if text.contains("permissions to run") => Some(Err("command")),
        Reply::Text(Some(text)) if text.ends_with(" key") => Some(Err("key")),
        Reply::Text(Some(text)) if text.ends_with(" channel") => Some(Err("channel")),
        other => panic!("DRYRUN answers {other:?}"),
    }
}

const fn kind(denial: Denial) -> &'static str {
    match denial {
        Denial::Command => "command",
        Denial::Key(_) => "key",
        Denial::Channel(_) => "channel",
    }
}

/// Commands whose keys the builds find differently when options are doubled or cut short (which is how old ones let
/// them past key patterns): they are compared in the forms that make sense.
const FORMS: &[&str] = &[
    "georadius K 1 1 1 m",
    "georadius K 1 1 1 m asc STORE K",
    "georadiusbymember K m 1 m storedist K",
    "sort K",
    "sort K BY nosort GET x STORE K",
    "xread STREAMS K 0",
    "xread COUNT 1 BLOCK 5 STREAMS K K 0 0",
    "xreadgroup GROUP g c NOACK STREAMS K K 0 0",
    "migrate host 1 K 0 1",
    "migrate host 1  0 1 AUTH2 u p KEYS K K",
];

fn form(words: &mut Words) -> Vec<String> {
    let form = words.pick(FORMS);
    form.split(' ').map(|word| if word == "K" { words.pick(NAMES).to_owned() } else { word.to_owned() }).collect()
}

#[test]
fn keys_and_channels_are_judged_as_the_server_judges_them() {
    let seed = seed();
    println!("REDISGEN_SEED={seed}");
    for engine in engine::all() {
        let mut server = Running::start(&engine);
        let line = server.line();
        let mut words = Words::new(line, seed);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for _ in 0..USERS {
            let rules = user(&mut words, line);
            let list: Vec<&str> = rules.iter().map(String::as_str).collect();
            let mut account = Account::new(line);
            account.apply_all(line, &list).unwrap_or_else(|error| panic!("{line}: {rules:?} {error:?}"));
            let set = server.call(&[&["ACL", "SETUSER", "tested"], list.as_slice()].concat());
            assert_eq!(set, Reply::Simple("OK".to_owned()), "{line}: {rules:?}");
            for _ in 0..COMMANDS {
                let made = words.below(8) == 0;
                let tried = if made { form(&mut words) } else { command(&mut words, line) };
                let Ok(called) = decide::call(line, &tried) else { continue };
                let name = line.commands[called.id].name;
                if decide::free(name) || (!made && FORMS.iter().any(|form| form.starts_with(name))) {
                    continue;
                }
                let what = format!("{line}: {} | {}", rules.join(" "), tried.join(" "));
                let ours = decide::decide(line, &account, &called, &tried);
                let arguments: Vec<&str> = tried.iter().map(String::as_str).collect();
                if line.has_subcommands() {
                    let dry = server.call(&[&["ACL", "DRYRUN", "tested"], arguments.as_slice()].concat());
                    let Some(theirs) = judged(&dry) else { continue };
                    assert_eq!(ours.map(drop).map_err(kind), theirs, "{what}");
                }
                *counts.entry(ours.map_or_else(kind, |_| "allowed")).or_default() += 1;
                if let Err(denial) = ours {
                    // Denied for sure, so that trying does no harm.
                    let answer = server.call_as("tested", &arguments);
                    // EXPIRE and others take more words on later lines; the table has the most liberal count.
                    if matches!(&answer, Reply::Error(text) if text.starts_with("ERR wrong number of arguments")) {
                        continue;
                    }
                    let message = decide::switched_off(line, &called)
                        .unwrap_or_else(|| decide::message(line, "tested", &called, denial));
                    assert_eq!(answer, Reply::Error(message), "{what}");
                }
            }
        }
        println!("{line} ({}): {counts:?}", engine.version);
        for outcome in ["allowed", "command", "key", "channel"] {
            assert!(counts.get(outcome).is_some_and(|count| *count > 50), "{line}: {counts:?}");
        }
    }
}

#[test]
fn what_is_no_command_is_told_as_the_server_tells_it() {
    for engine in engine::all() {
        let mut server = Running::start(&engine);
        let line = server.line();
        for text in ["nosuch a b", "NoSuch", "get", "get a b", "config", "config nosuch", "config|get x", "set a"] {
            let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
            let list: Vec<&str> = text.split(' ').collect();
            let theirs = server.call(&list);
            match decide::call(line, &words) {
                // 6.2 asks the command itself for its subcommands.
                Ok(_) => assert!(!line.has_subcommands() && text == "config nosuch", "{line}: {text}: {theirs:?}"),
                Err(none) => assert_eq!(theirs, Reply::Error(none.message(line, &words)), "{line}: {text}"),
            }
        }
    }
}
