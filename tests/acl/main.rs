//! ACL semantics against real servers: the same words go to the server and to `acl::account`, and what each then
//! holds is compared, command by command. The seed is printed; `REDISGEN_SEED` repeats a run.

#![allow(
    unreachable_pub,
    dead_code,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    clippy::wildcard_imports,
    reason = "a test may fail, and tells why"
)]

mod decisions;
#[path = "../server/engine.rs"]
mod engine;
mod files;
mod fixtures;
mod server;
mod words;

use redisgen::acl::account::{Account, Refusal};
use redisgen::engine::Line;

use crate::server::{Reply, Running};
use crate::words::Words;

/// How many lists of words each line gets.
const LISTS: usize = 2000;

fn seed() -> u64 {
    let fresh =
        || u64::from(std::process::id()) * 7919 + std::time::UNIX_EPOCH.elapsed().map_or(0, |age| age.as_secs());
    std::env::var("REDISGEN_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(fresh)
}

/// Words that once differed, or are easily got wrong.
const CASES: &[&str] = &[
    "+config|",
    "+get|",
    "+get|a|b",
    "+nosuch|a",
    "+config|get|port",
    "+config|get|",
    "+config|nosuch",
    "-config|nosuch",
    "-get|a",
    "+@read|x",
    "+@nosuch",
    "+CONFIG|SET",
    "+Get|A",
    "allcommands nocommands",
    "ALLKEYS",
    "%R~a %W~a",
    "%rw~a",
    "%~a",
    "%RR~a",
    "%R~",
    "~* ~a",
    "~* resetkeys ~a",
    "%R~* %W~*",
    "%R~* %W~* ~a",
    "%RW~* ~a",
    "%RW~* resetkeys ~* ~a",
    "&* &a",
    "&* resetchannels &a",
    "~",
    "&",
    "+@all -config|get",
    "+select|0 +select",
    "+select +select|0 -select",
    "+get|a -@read",
    "+client|id -@connection",
    "(+get ~a) ( +set ~b )",
    "(~a (+get)",
    "(+get",
    "+get)",
    ")",
    "()",
    "(on)",
    "(nopass)",
    "(\"+get\" '~a')",
    "(+get\"x\")",
    "nopass >a",
    ">a <a",
    "<a",
    "#abc",
    "reset off",
    "on OFF On",
    "clearselectors",
    "(+get) clearselectors",
    "db=1,2 +get",
    "db=x",
    "db=1 db=2 +get",
    "DB=1",
    "%RW",
    "(\"~a\\x62*\" +get)",
    "(\"~a\\xg1\" +get)",
    "db=",
    "alldbs",
    "resetdbs",
    "user",
    "",
    "+",
    "-",
    "+@",
    "skip-sanitize-payload",
];

#[test]
fn every_command_is_permitted_as_the_server_permits_it() {
    let seed = seed();
    println!("REDISGEN_SEED={seed}");
    let mut lines = Vec::new();
    for engine in engine::all() {
        let mut server = Running::start(&engine);
        let line = server.line();
        let mut words = Words::new(line, seed);
        let lists = CASES.iter().map(|case| case.split(' ').map(str::to_owned).collect());
        let lists: Vec<Vec<String>> = lists.chain(std::iter::repeat_with(|| words.list()).take(LISTS)).collect();
        let mut compared = 0;
        for list in &lists {
            compared += agree(&mut server, line, list);
        }
        assert!(compared > LISTS * 20, "{line}: only {compared} answers were compared");
        lines.push(format!("{line} ({}): {} lists, {compared} answers", engine.version, lists.len()));
    }
    println!("{}", lines.join("\n"));
    assert!(lines.len() >= 3, "three lines at least: {lines:?}");
}

/// Compares one list of words; how many answers were compared.
#[track_caller]
fn agree(server: &mut Running, line: &'static Line, list: &[String]) -> usize {
    let what = format!("{line}: {}", list.join(" "));
    let words: Vec<&str> = list.iter().map(String::as_str).collect();
    let mut account = Account::new(line);
    let ours = account.apply_all(line, &words);
    server.call(&["ACL", "DELUSER", "tested"]);
    let theirs = server.call(&[&["ACL", "SETUSER", "tested"], words.as_slice()].concat());
    match (&ours, &theirs) {
        (Ok(_), Reply::Simple(ok)) if ok == "OK" => {}
        (Err((_, refusal)), Reply::Error(text)) => {
            let said = refusal.to_string();
            assert!(
                text.contains(&said) || *refusal == Refusal::Syntax,
                "{what}: we say {said:?}, the server {text:?}"
            );
            return 1;
        }
        _ => panic!("{what}: we say {ours:?}, the server {theirs:?}"),
    }
    let held = server.held("tested");
    assert_eq!(held.enabled, account.enabled, "{what}");
    assert_eq!(held.nopass, account.nopass, "{what}");
    assert_eq!(held.passwords, account.passwords.iter().map(ToString::to_string).collect::<Vec<_>>(), "{what}");
    let keys: Vec<String> = account.own.keys.iter().map(words::key).collect();
    assert_eq!(held.keys, keys, "{what}: keys");
    let channels: Vec<String> = account.own.channels.iter().map(|channel| format!("&{channel}")).collect();
    assert_eq!(held.channels, channels, "{what}: channels");
    assert_eq!(held.selectors, account.selectors.len(), "{what}: selectors");
    let any = |id: usize, argument: Option<&str>| account.grants().any(|grant| grant.permits(id, argument));
    if !line.has_subcommands() {
        // No ACL DRYRUN: what the server writes of its bits is read back.
        let mut again = Account::new(line);
        let rules: Vec<&str> = held.commands.split(' ').collect();
        again.apply_all(line, &rules).unwrap_or_else(|error| panic!("{what}: {:?} {error:?}", held.commands));
        for (id, command) in line.commands.iter().enumerate() {
            assert_eq!(again.own.commands.contains(id), account.own.commands.contains(id), "{what}: {}", command.name);
        }
        return line.commands.len();
    }
    let mut compared = 0;
    let answers = server.dry_run(line);
    for (id, argument, permitted) in answers {
        assert_eq!(any(id, argument), permitted, "{what}: {}", line.commands[id].name);
        compared += 1;
    }
    let arguments: Vec<(usize, String)> = account
        .grants()
        .flat_map(|grant| grant.first_arguments.iter())
        .flat_map(|(id, arguments)| arguments.iter().map(|argument| (*id, argument.clone())))
        .collect();
    for (id, argument) in arguments {
        for argument in [argument.clone(), argument.to_ascii_uppercase(), format!("{argument}x")] {
            let Some(permitted) = server.dry_run_one(line, id, &argument) else { continue };
            assert_eq!(any(id, Some(&argument)), permitted, "{what}: {} {argument}", line.commands[id].name);
            compared += 1;
        }
    }
    compared
}
