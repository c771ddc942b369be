//! ACL files: what a server loads we read, and hold the same of it; what it refuses we refuse.

use redisgen::acl::account::Refusal;
use redisgen::acl::file::{self, Reason};

use crate::server::{Reply, Running};
use crate::words::{self, Words};
use crate::{engine, seed};

/// How many generated files each line gets.
const FILES: usize = 600;
/// Keeps the connection that tests through: a changed `default` would be thrown out.
const OPEN: &str = "user default on nopass ~* &* +@all";

const CASES: &[&str] = &[
    "",
    "OPEN",
    "OPEN\n",
    "OPEN\r\n\r\n",
    "\tOPEN \t\r\n\n  \n",
    "OPEN\nuser a on nopass +get\nuser a off +set\n",
    "user a on nopass +get\n",
    "OPEN\nuser a\ton nopass\n",
    "OPEN\nuser a\u{b}b on\n",
    "user  default on nopass ~* &* +@all\n",
    "OPEN\nuser\n",
    "OPEN\nuser \n",
    "# a comment\nOPEN\n",
    "OPEN # a comment\n",
    "USER a on\n",
    "User a on\n",
    "OPEN\nuser a  on   nopass  +get\n",
    "OPEN\nuser a on (+get ~a) ( +set ~b )\n",
    "OPEN\nuser a on (+get ~a\n",
    "OPEN\nuser a on (\"+get\" ~a)\n",
    "OPEN\nuser a on \"+get\"\n",
    "OPEN\nuser \"a\" on\n",
    "OPEN\nuser a on #0000000000000000000000000000000000000000000000000000000000000000\n",
    "OPEN\nuser a on #000000000000000000000000000000000000000000000000000000000000000\n",
    "OPEN\nuser a on #000000000000000000000000000000000000000000000000000000000000000A\n",
    "OPEN\nuser a on >secret <secret\n",
    "OPEN\nuser a on ~* ~a\n",
    "OPEN\nuser \u{e4} on nopass ~\u{e4}*\n",
    "OPEN\nuser a on\nuser b on +nosuch\n",
];

fn generated(words: &mut Words) -> String {
    let mut lines = vec![OPEN.to_owned()];
    for _ in 0..=words.below(3) {
        let name = words.pick(&["a", "b", "c", "b.c-d_E9", "9"]);
        lines.push(format!("user {name} {}", words.list().join(words.pick(&[" ", " ", " ", "  "]))));
    }
    if words.below(6) == 0 {
        let odd = words.pick(&[
            "",
            "  ",
            "\r",
            "# x",
            "user",
            "USER z on",
            "\tuser y on",
            "user x\ton",
            "junk",
            "user default off",
        ]);
        let place = 1 + words.below(lines.len());
        // Never the default user anew: the connection would not outlive it.
        if odd != "user default off" {
            lines.insert(place, odd.to_owned());
        }
    }
    lines.join(words.pick(&["\n", "\n", "\r\n"]))
}

#[test]
fn files_are_read_as_the_server_reads_them() {
    let seed = seed();
    println!("REDISGEN_SEED={seed}");
    for engine in engine::all() {
        let mut server = Running::start(&engine);
        let line = server.line();
        let mut words = Words::new(line, seed);
        let cases: Vec<String> = CASES.iter().map(|case| case.replace("OPEN", OPEN)).collect();
        let files = cases.into_iter().chain((0..FILES).map(|_| generated(&mut words)));
        let (mut loaded, mut refused) = (0, 0);
        for text in files {
            let what = format!("{line}: {text:?}");
            let ours = file::read(line, &text);
            // Servers from 7.0 on fall over such a file, which is a refusal of a kind (seen on 7.0.15, 9.0.0, 9.1.2).
            let parenthesis = Reason::Word(Refusal::Parenthesis);
            if ours.as_ref().is_err_and(|bad| bad.iter().any(|bad| bad.reason == parenthesis)) {
                continue;
            }
            let theirs = server.load(&text);
            match (ours, &theirs) {
                (Ok(users), Reply::Simple(ok)) if ok == "OK" => {
                    loaded += 1;
                    assert_eq!(users.accounts.keys().cloned().collect::<Vec<_>>(), server.users(), "{what}");
                    for (name, account) in users.accounts.iter().filter(|(name, _)| !name.is_empty()) {
                        let held = server.held(name);
                        assert_eq!(held.enabled, account.enabled, "{what}: {name}");
                        assert_eq!(held.nopass, account.nopass, "{what}: {name}");
                        assert_eq!(
                            held.passwords,
                            account.passwords.iter().map(ToString::to_string).collect::<Vec<_>>(),
                            "{what}: {name}"
                        );
                        let keys: Vec<String> = account.own.keys.iter().map(words::key).collect();
                        assert_eq!(held.keys, keys, "{what}: {name}");
                        assert_eq!(held.selectors, account.selectors.len(), "{what}: {name}");
                    }
                }
                (Err(bad), Reply::Error(_)) => {
                    refused += 1;
                    assert!(!bad.is_empty());
                }
                (ours, theirs) => panic!("{what}: we say {ours:?}, the server {theirs:?}"),
            }
        }
        println!("{line}: {loaded} files loaded, {refused} refused");
        assert!(loaded > 100 && refused > 100, "{line}: {loaded} loaded, {refused} refused");
    }
}
