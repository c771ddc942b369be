//! Data of every type, with times to live, in several databases; and all that a server holds, to compare.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use crate::place::Place;

/// When a key ends, by the server's own clock in one step; -1 for never. `PEXPIRETIME` came with 7.0.
const ENDS: &str = "EVAL \"local now=redis.call('time') local left=redis.call('pttl',KEYS[1]) if left<0 then return left end return now[1]*1000+math.floor(now[2]/1000)+left\" 1";

/// What one key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    kind: String,
    value: Vec<String>,
    /// Milliseconds since 1970, or none.
    expires: Option<i64>,
}

/// Keys by database and name, and the libraries of functions.
pub type Contents = BTreeMap<String, Held>;

impl Place {
    /// What the server answers an admin, one text for each command.
    pub fn ask(&self, commands: &[String]) -> Vec<String> {
        const END: &str = "--end-of-reply--";
        let password = std::fs::read_to_string(self.path("out/secrets/clients/admin/password")).expect("password");
        let port = std::fs::read_to_string(self.path("port")).expect("port");
        let mut child = self
            .command("redis-cli")
            .args(["--no-auth-warning", "-h", "127.0.0.1", "-p", &port, "--user", "admin"])
            .env("REDISCLI_AUTH", password.trim())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("redis-cli runs: install the package redis-tools");
        let text: String = commands.iter().flat_map(|command| [command.as_str(), "\nECHO ", END, "\n"]).collect();
        let mut input = child.stdin.take().expect("stdin");
        let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
        let output = child.wait_with_output().expect("redis-cli ends");
        writer.join().expect("joined").expect("written");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut replies: Vec<String> =
            text.split(&format!("{END}\n")).map(|reply| reply.trim_end_matches('\n').to_owned()).collect();
        replies.pop();
        assert_eq!(replies.len(), commands.len(), "{text}");
        replies
    }

    pub fn tell(&self, command: &str) -> String {
        self.ask(&[command.to_owned()]).remove(0)
    }

    pub fn fill(&self) {
        let mut commands: Vec<String> = [
            "SET plain value",
            r#"SET bytes "\x00\xff\r\n\x01 end""#,
            "SET empty \"\"",
            "SET count 9223372036854775807",
            "SETBIT bits 1000 1",
            "SET later x EX 100000",
            "SET much-later x PXAT-PLACE",
            "HSET hash a 1 b 2",
            "EXPIRE hash 200000",
            "RPUSH list a b a",
            "SADD numbers 1 2 3",
            "SADD words a b c",
            "ZADD scores 1.5 a -inf b 17 c",
            "PFADD seen a b c d",
            "GEOADD towns 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
            "XADD events 1-1 kind a",
            "XADD events 2-1 kind b note \"two words\"",
            "XGROUP CREATE events readers 0",
            "XREADGROUP GROUP readers one COUNT 1 STREAMS events >",
            "SELECT 3",
            "SET plain other",
            "SET later x EX 300000",
            "SELECT 15",
            "RPUSH list last",
            "SELECT 0",
        ]
        .map(|command| command.replace("PXAT-PLACE", "PX 400000000"))
        .to_vec();
        // Beyond the sizes of compact encodings.
        for place in 0..600 {
            commands.push(format!("HSET large-hash field{place} {place}"));
            commands.push(format!("SADD large-set member{place}"));
            commands.push(format!("ZADD large-scores {place} member{place}"));
            commands.push(format!("RPUSH large-list {}", format!("{place:04}").repeat(20)));
            commands.push(format!("SET key:{place} {place}"));
        }
        if self.engine.since(7, 0) {
            commands.push(
                r##"FUNCTION LOAD "#!lua name=mine\nredis.register_function('one', function() return 1 end)""##
                    .to_owned(),
            );
        }
        if self.engine.kind == "redis" && self.engine.since(7, 4) {
            commands.push("HPEXPIRE hash 300000000 FIELDS 1 b".to_owned());
        }
        for (command, reply) in commands.iter().zip(self.ask(&commands)) {
            let refused =
                ["ERR", "WRONGTYPE", "NOPERM", "NOAUTH", "MISCONF"].iter().any(|word| reply.starts_with(word));
            assert!(!refused, "{:?}: {command}: {reply}", self.engine);
        }
    }

    pub fn contents(&self) -> Contents {
        let listed =
            self.ask(&(0..16).flat_map(|number| [format!("SELECT {number}"), "KEYS *".to_owned()]).collect::<Vec<_>>());
        let mut names: Vec<(usize, &str)> = Vec::new();
        for (number, pair) in listed.chunks(2).enumerate() {
            names.extend(pair[1].lines().filter(|line| !line.is_empty()).map(|name| (number, name)));
        }
        let types = self.ask(
            &names.iter().flat_map(|(db, name)| [format!("SELECT {db}"), format!("TYPE {name}")]).collect::<Vec<_>>(),
        );
        let mut commands = Vec::new();
        for ((db, name), kind) in names.iter().zip(types.chunks(2)) {
            let read = match kind[1].as_str() {
                "string" => format!("GET {name}"),
                "hash" => format!("HGETALL {name}"),
                "list" => format!("LRANGE {name} 0 -1"),
                "set" => format!("SMEMBERS {name}"),
                "zset" => format!("ZRANGE {name} 0 -1 WITHSCORES"),
                "stream" => format!("XRANGE {name} - +"),
                other => panic!("{name} is {other}"),
            };
            commands.extend([format!("SELECT {db}"), read, format!("{ENDS} {name}")]);
            commands.push(if kind[1] == "stream" {
                format!("XPENDING {name} readers - + 10 one")
            } else {
                "PING".to_owned()
            });
        }
        let replies = self.ask(&commands);
        let mut contents = Contents::new();
        for (((db, name), kind), reply) in names.iter().zip(types.chunks(2)).zip(replies.chunks(4)) {
            let mut value: Vec<String> = reply[1].lines().map(ToOwned::to_owned).collect();
            match kind[1].as_str() {
                "set" => value.sort(),
                "hash" => {
                    let mut pairs: Vec<String> = value.chunks(2).map(|pair| pair.join("=")).collect();
                    pairs.sort();
                    value = pairs;
                }
                // Which entry was delivered to whom; how long ago and how often follow.
                "stream" => value.extend(reply[3].lines().take(2).map(ToOwned::to_owned)),
                _ => (),
            }
            let ends: i64 = reply[2].parse().unwrap_or_else(|_| panic!("{name}: {}", reply[2]));
            let expires = (ends >= 0).then_some(ends);
            contents.insert(format!("{db}/{name}"), Held { kind: kind[1].clone(), value, expires });
        }
        if self.engine.since(7, 0) {
            let value = self.tell("FUNCTION LIST WITHCODE").lines().map(ToOwned::to_owned).collect();
            contents.insert("functions".to_owned(), Held { kind: "functions".to_owned(), value, expires: None });
        }
        if self.engine.kind == "redis" && self.engine.since(7, 4) {
            let value = vec![self.tell("HPEXPIRETIME hash FIELDS 2 a b")];
            contents.insert("field".to_owned(), Held { kind: "field".to_owned(), value, expires: None });
        }
        contents
    }
}

/// Fails unless both hold the same; the server may be held up between reading its clock and a key's.
#[track_caller]
pub fn same(what: &str, left: &Contents, right: &Contents) {
    let only = |one: &Contents, other: &Contents| {
        one.keys().filter(|name| !other.contains_key(*name)).cloned().collect::<Vec<_>>()
    };
    assert_eq!((only(left, right), only(right, left)), (Vec::new(), Vec::new()), "{what}");
    for (name, held) in left {
        let other = &right[name];
        assert_eq!((&held.kind, &held.value), (&other.kind, &other.value), "{what}: {name}");
        let near = match (held.expires, other.expires) {
            (Some(one), Some(two)) => (one - two).abs() < 3000,
            (one, two) => one == two,
        };
        assert!(near, "{what}: {name}: {:?} and {:?}", held.expires, other.expires);
    }
}
