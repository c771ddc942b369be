//! What `commands.rename` does to the append-only file: `rename-breaks-aof` and `rename-meets-old-aof` are true.

use std::collections::BTreeSet;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use redisgen::rename::written;

use crate::deployment::Deployment;
use crate::engine;
use crate::rename::{line, profile};
use crate::sandbox::Server;

#[test]
fn the_append_only_file_replays_what_applications_write() {
    for engine in engine::all() {
        let deployment = Deployment::build(&profile(&engine, "rename: true"));
        let server = Server::boot(&deployment, &engine);
        let app = server.client("app");
        app.output(&[
            "SET kept 1",
            "SET short x PX 1",
            "SETEX long 1000 x",
            "EXPIRE kept 1000",
            "SADD set a b c d",
            "SPOP set",
            "MULTI",
            "INCR count",
            "INCR count",
            "EXEC",
            "RPUSH list a b",
            "BLPOP list 1",
            "UNLINK list",
            "XADD stream 1-1 f v",
            "XGROUP CREATE stream group 0",
            "XREADGROUP GROUP group me STREAMS stream >",
        ]);
        let gone = Instant::now();
        while app.run("EXISTS short") != "0" || !logged(&deployment, &["del", "unlink"]) {
            assert!(gone.elapsed() < Duration::from_secs(10), "{engine:?}: nothing expires");
            sleep(Duration::from_millis(20));
        }
        drop(server);
        let server = Server::boot(&deployment, &engine);
        let reads = ["GET kept", "SCARD set", "EXISTS short list", "XLEN stream", "GET count"];
        assert_eq!(server.client("app").replies(&reads), ["1", "3", "0", "1", "2"], "{engine:?}");
    }
}

/// True if the file holds one of these commands.
fn logged(deployment: &Deployment, names: &[&str]) -> bool {
    append_only(deployment).iter().any(|command| names.contains(&command[0].as_str()))
}

#[test]
fn an_older_append_only_file_stops_the_boot_until_it_is_rewritten() {
    for engine in engine::all() {
        let (plain, rename) = (profile(&engine, "rename: false"), profile(&engine, "rename: true"));
        let deployment = Deployment::build(&plain);
        let server = Server::boot(&deployment, &engine);
        server.client("admin").replies(&["SET a 1", "FLUSHALL", "SET b 1"]);
        server.terminate();

        deployment.rebuild(&rename);
        let log = Server::refuses_to_boot(&deployment, &engine).to_lowercase();
        assert!(log.contains("unknown command 'flushall'") && log.contains("append only file"), "{engine:?}: {log}");

        deployment.rebuild(&plain);
        let server = Server::boot(&deployment, &engine);
        let admin = server.client("admin");
        admin.run("BGREWRITEAOF");
        let start = Instant::now();
        while !admin.run("INFO persistence").contains("aof_rewrite_in_progress:0") || logged(&deployment, &["flushall"])
        {
            assert!(start.elapsed() < Duration::from_secs(20), "{engine:?}: the file is not rewritten");
            sleep(Duration::from_millis(20));
        }
        server.terminate();
        deployment.rebuild(&rename);
        assert_eq!(Server::boot(&deployment, &engine).client("app").run("GET b"), "1", "{engine:?}");
    }
}

/// `rename-breaks-aof`, waived: one command that the server writes by itself, and one that it writes for another.
#[test]
fn what_the_server_writes_itself_stops_the_next_boot() {
    for engine in engine::all() {
        for (name, write) in [("select", "SET a 1"), ("srem", "SPOP set")] {
            let deployment = Deployment::build(&profile(&engine, &format!("disabled: [{name}], rename: true")));
            let server = Server::boot(&deployment, &engine);
            server.client("app").output(&["SADD set a b", write]);
            server.terminate();
            let log = Server::refuses_to_boot(&deployment, &engine).to_lowercase();
            assert!(log.contains(&format!("unknown command '{name}'")), "{engine:?}: {log}");
        }
    }
}

/// The commands of the append-only file, the name in lower case.
fn append_only(deployment: &Deployment) -> Vec<Vec<String>> {
    let folder = deployment.data().join("appendonlydir");
    let single = deployment.data().join("appendonly.aof");
    let parts = fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.expect("entry").path());
    let last = parts.filter(|path| path.display().to_string().ends_with(".incr.aof")).max().unwrap_or(single);
    let bytes = fs::read(&last).unwrap_or_default();
    let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
    // A rewritten file of 6.2 starts with a snapshot: then no command is read here.
    let mut rest = text.as_str();
    let mut commands = Vec::new();
    while let Some((count, words)) = rest.strip_prefix('*').and_then(|rest| rest.split_once("\r\n")) {
        rest = words;
        let mut command: Vec<String> = Vec::new();
        for _ in 0..count.parse::<usize>().expect("a count") {
            let (length, word) = rest[1..].split_once("\r\n").expect("a length");
            let end = word.char_indices().nth(length.parse().expect("a number")).expect("a word").0;
            command.push(word[..end].to_owned());
            rest = &word[end + 2..];
        }
        command[0] = command[0].to_lowercase();
        commands.push(command);
    }
    commands
}

/// What else a command does to the file: commands before it, then it.
const WRITES: &[(&str, &[&str])] = &[
    ("setex", &["SETEX k 100 v"]),
    ("psetex", &["PSETEX k 100000 v"]),
    ("getset", &["SET k v", "GETSET k w"]),
    ("incrbyfloat", &["INCRBYFLOAT k 1.5"]),
    ("expire", &["SET k v", "EXPIRE k 100"]),
    ("pexpire", &["SET k v", "PEXPIRE k 100000"]),
    ("expireat", &["SET k v", "EXPIREAT k 9999999999"]),
    ("getex", &["SET k v", "GETEX k EX 100"]),
    ("getex", &["SETEX k 100 v", "GETEX k PERSIST"]),
    ("getdel", &["SET k v", "GETDEL k"]),
    ("delifeq", &["SET k v", "DELIFEQ k v"]),
    ("spop", &["SADD k a b", "SPOP k"]),
    ("spop", &["SADD k a b c d e f", "SPOP k 2"]),
    ("blpop", &["RPUSH k a b", "BLPOP k 1"]),
    ("brpop", &["RPUSH k a b", "BRPOP k 1"]),
    ("lmpop", &["RPUSH k a b", "LMPOP 1 k LEFT"]),
    ("lmpop", &["RPUSH k a b", "LMPOP 1 k RIGHT"]),
    ("blmpop", &["RPUSH k a b", "BLMPOP 1 1 k LEFT"]),
    ("blmpop", &["RPUSH k a b", "BLMPOP 1 1 k RIGHT"]),
    ("brpoplpush", &["RPUSH k a b", "BRPOPLPUSH k l 1"]),
    ("blmove", &["RPUSH k a b", "BLMOVE k l LEFT LEFT 1"]),
    ("geoadd", &["GEOADD k 1 1 a"]),
    ("bzpopmin", &["ZADD k 1 a 2 b", "BZPOPMIN k 1"]),
    ("bzpopmax", &["ZADD k 1 a 2 b", "BZPOPMAX k 1"]),
    ("zmpop", &["ZADD k 1 a 2 b", "ZMPOP 1 k MIN"]),
    ("zmpop", &["ZADD k 1 a 2 b", "ZMPOP 1 k MAX"]),
    ("bzmpop", &["ZADD k 1 a 2 b", "BZMPOP 1 1 k MIN"]),
    ("bzmpop", &["ZADD k 1 a 2 b", "BZMPOP 1 1 k MAX"]),
    ("xreadgroup", &["XADD k 1-1 f v", "XGROUP CREATE k g 0", "XREADGROUP GROUP g c STREAMS k >"]),
    ("xreadgroup", &["XADD k 1-1 f v", "XGROUP CREATE k g 0", "XREADGROUP GROUP g c NOACK STREAMS k >"]),
    (
        "xautoclaim",
        &["XADD k 1-1 f v", "XGROUP CREATE k g 0", "XREADGROUP GROUP g c STREAMS k >", "XAUTOCLAIM k g d 0 0"],
    ),
    ("hincrbyfloat", &["HINCRBYFLOAT k f 1.5"]),
    ("hexpire", &["HSET k f v g v", "HEXPIRE k 100 FIELDS 1 f"]),
    ("hexpire", &["HSET k f v g v", "HEXPIRE k 0 FIELDS 1 f"]),
    ("hpexpire", &["HSET k f v g v", "HPEXPIRE k 100000 FIELDS 1 f"]),
    ("hpexpire", &["HSET k f v g v", "HPEXPIRE k 0 FIELDS 1 f"]),
    ("hexpireat", &["HSET k f v g v", "HEXPIREAT k 9999999999 FIELDS 1 f"]),
    ("hexpireat", &["HSET k f v g v", "HEXPIREAT k 1 FIELDS 1 f"]),
    ("hpexpireat", &["HSET k f v g v", "HPEXPIREAT k 1 FIELDS 1 f"]),
    ("hgetex", &["HSET k f v g v", "HGETEX k EX 100 FIELDS 1 f"]),
    ("hgetex", &["HSET k f v g v", "HEXPIRE k 100 FIELDS 1 f", "HGETEX k PERSIST FIELDS 1 f"]),
    ("hgetex", &["HSET k f v g v", "HGETEX k EXAT 1 FIELDS 1 f"]),
    ("eval", &["EVAL \"redis.call('incr','k'); return redis.call('incr','k')\" 0"]),
    ("pfcount", &["PFADD k a", "PFCOUNT k"]),
    ("flushall", &["FLUSHALL"]),
    ("unlink", &["SET k v", "UNLINK k"]),
];

/// Both ways: each pair of the table is seen, and nothing is seen that the table lacks.
#[test]
fn the_server_writes_what_the_table_says() {
    for engine in engine::all() {
        let line = line(&engine);
        let deployment = Deployment::build(&profile(&engine, "disabled: []"));
        let server = Server::boot(&deployment, &engine);
        let admin = server.client("admin");
        let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
        for (sender, commands) in WRITES.iter().filter(|(sender, _)| line.command(sender).is_some()) {
            let (last, setup) = commands.split_last().expect("a command");
            admin.output(&[&["FLUSHALL"], setup].concat());
            let before = append_only(&deployment).len();
            admin.output(&[last]);
            let after = append_only(&deployment).split_off(before);
            assert!(!after.is_empty(), "{engine:?}: {last} is not in the file");
            seen.extend(after.into_iter().map(|command| (command[0].clone(), (*sender).to_owned())));
        }
        for written in written(line) {
            for sender in written.others.iter().filter(|sender| line.command(sender).is_some()) {
                let pair = (written.name.to_owned(), (*sender).to_owned());
                assert!(seen.contains(&pair), "{engine:?} does not write {pair:?}");
            }
        }
        let told = |name: &str, sender: &str| {
            // What a script calls is what somebody sent.
            name == sender
                || name == "incr"
                || written(line).any(|it| it.name == name && (it.itself.is_some() || it.others.contains(&sender)))
        };
        for (name, sender) in &seen {
            assert!(told(name, sender), "{engine:?} writes {name} for {sender}, which the table lacks");
        }
        assert!(["select", "multi", "exec"].iter().all(|name| logged(&deployment, &[name])), "{engine:?}");
    }
}
