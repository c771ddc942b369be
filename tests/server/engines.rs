//! What needs no TLS, on every engine at hand: settings as emitted, users as emitted, denied commands.

use std::fs;

use crate::client::is_refusal;
use crate::deployment::{Deployment, production_profile};
use crate::engine::{self, Engine};
use crate::roles::DENIED;
use crate::sandbox::{Changes, Server, succeeded};

/// A production profile without TLS, with a user of every kind that the engine can have.
fn profile(engine: &Engine) -> String {
    let mut users = String::from(
        r#"users:
  - { name: admin, role: admin }
  - { name: listed, role: application, keys: ["user:*", "auth:*"], channels: ["news:*"], commands: [+publish, +get, +set, +@hash, -hgetall, +client|getname] }
  - { name: general, role: application, keys: ["app:*"], channels: ["news:*", "log:*"] }
  - { name: reader, role: readonly, keys: ["user:*", "b:*", "a:*"] }
  - { name: watcher, role: monitoring }
  - { name: wide, role: custom, keys: ["*"], channels: ["*"], commands: [+@all] }
  - { name: Narrow_9.x-y, role: custom, keys: ["n[a-z]*:{x}:$(id)*"], commands: [+@read, -get, +@write, -@dangerous, +get, +ping] }
  - { name: gone, role: application, keys: ["gone:*"], enabled: false }
  - { name: "9", role: custom, commands: [+ping] }
"#,
    );
    if engine.since(7, 0) {
        users.push_str(
            r#"  - name: selective
    role: custom
    keys: ["%R~read:*", "%W~write:*", "both:*", "%R~join:*", "%W~join:*"]
    channels: ["c:*"]
    commands: [+get, +set, +client|list, -client|list]
    selectors:
      - { commands: [+@read, -keys], keys: ["%R~other:*"], channels: ["d:*"] }
      - { commands: [+ping] }
      - { commands: [+@all], keys: ["*"], channels: ["*"] }
"#,
        );
    }
    format!(
        "version: 1\nname: plain\nenvironment: production\n{}\ntls: {{ mode: disabled }}\n{users}config: {{ hz: 25, slowlog-max-len: 512, list-compress-depth: 1 }}\n",
        engine.section()
    )
}

#[test]
fn emitted_settings_are_the_servers_settings() {
    for engine in engine::all() {
        let deployment = Deployment::build(&profile(&engine));
        settings_hold(&deployment, &engine);
    }
}

#[test]
fn emitted_settings_are_the_servers_settings_with_tls() {
    settings_hold(&Deployment::build(&production_profile()), &engine::debian());
}

fn settings_hold(deployment: &Deployment, engine: &Engine) {
    let server = Server::boot(deployment, engine);
    let directives = deployment.directives();
    assert!(directives.len() > 25, "{directives:?}");
    let admin = server.client("admin");
    for (name, words) in &directives {
        let reply = admin.run(&format!("CONFIG GET {name}"));
        let actual = reply.strip_prefix(name.as_str()).map(str::trim);
        let actual = actual.unwrap_or_else(|| panic!("{engine:?} has no {name}: {reply}"));
        let emitted = words.iter().map(|word| in_bytes(word)).collect::<Vec<_>>().join(" ");
        match name.as_str() {
            // Several lines of the file are one setting.
            "save" => assert_eq!(actual, all_lines(&directives, "save"), "{engine:?}"),
            "client-output-buffer-limit" => {
                assert!(actual.contains(&emitted), "{engine:?}: {name} is {actual}, not {emitted}");
            }
            _ => assert_eq!(actual, emitted, "{engine:?}: {name}"),
        }
    }
}

fn all_lines(directives: &[(String, Vec<String>)], name: &str) -> String {
    directives.iter().filter(|(other, _)| other == name).map(|(_, words)| words.join(" ")).collect::<Vec<_>>().join(" ")
}

/// CONFIG GET knows no units.
fn in_bytes(word: &str) -> String {
    let number = word.strip_suffix("mb").and_then(|number| number.parse::<u64>().ok());
    number.map_or_else(|| word.to_owned(), |number| (number * 1024 * 1024).to_string())
}

/// On 7.2 and later, and on Valkey, ACL SAVE writes what it keeps in order: our file must come out again.
#[test]
fn users_load_and_are_in_canonical_form() {
    for engine in engine::all() {
        let deployment = Deployment::build(&profile(&engine));
        let sealed = fs::read_to_string(deployment.secret("server/users.acl")).expect("sealed file");
        let copy = deployment.data().join("users.acl");
        fs::write(&copy, &sealed).expect("copy");
        // The mounted one is read-only, and ACL SAVE renames a new file over the old one.
        let changes =
            Changes { arguments: vec!["--aclfile".to_owned(), "/data/users.acl".to_owned()], ..Changes::default() };
        let server = Server::boot_with(&deployment, &engine, &changes);
        let admin = server.client("admin");
        let count = sealed.lines().count();
        assert_eq!(admin.run("ACL USERS").lines().count(), count);
        // Same users, whatever is written: it loads again.
        assert_eq!(admin.replies(&["ACL SAVE", "ACL LOAD"]), ["OK", "OK"]);
        let saved = fs::read_to_string(&copy).expect("saved file");
        if engine.since(7, 2) {
            assert_eq!(saved, sealed, "{engine:?}");
        } else {
            assert_eq!(saved.lines().count(), count, "{engine:?}");
        }
    }
}

#[test]
fn roles_hold_on_every_engine() {
    for engine in engine::all() {
        let deployment = Deployment::build(&profile(&engine));
        let server = Server::boot(&deployment, &engine);
        assert_eq!(server.stranger().run("PING"), "NOAUTH Authentication required.", "{engine:?}");
        for wrong in ["wrong-password-here", "", "default"] {
            let reply = server.stranger().run(&format!("AUTH admin \"{wrong}\""));
            assert!(reply.contains("WRONGPASS"), "{engine:?}: {reply}");
        }
        succeeded(&server.health_check().output().expect("health check runs"));
        let replies = server.client("listed").replies(&[
            "PING",
            "PUBLISH news:1 x",
            "SET user:1 x",
            "GET user:1",
            "HSET auth:1 a 1",
            "CLIENT SETNAME me",
            "CLIENT GETNAME",
        ]);
        assert_eq!(replies, ["PONG", "0", "OK", "x", "1", "OK", "me"], "{engine:?}");
        noperm(
            &server,
            &engine,
            "listed",
            &["PUBLISH other x", "HGETALL auth:1", "GET other:1", "LPUSH user:2 a", "CLIENT LIST"],
        );
        let replies = server.client("general").replies(&["SET app:1 1", "INCR app:1", "MULTI", "INCR app:1", "EXEC"]);
        assert_eq!(replies, ["OK", "2", "OK", "QUEUED", "3"], "{engine:?}");
        // A category rule behind it takes this back on 6.2.
        for user in ["general", "reader"] {
            let replies = server.client(user).replies(&["CLIENT SETNAME me", "CLIENT GETNAME"]);
            assert_eq!(replies, ["OK", "me"], "{user} {engine:?}");
        }
        noperm(&server, &engine, "general", &["SET user:1 x", "PUBLISH other x", "INFO", "SORT app:1"]);
        assert_eq!(server.client("reader").run("GET user:1"), "x", "{engine:?}");
        noperm(&server, &engine, "reader", &["SET user:1 y", "GET app:1", "SCAN 0", "RANDOMKEY", "DUMP user:1"]);
        assert!(server.client("watcher").run("INFO memory").contains("maxmemory:335544320"), "{engine:?}");
        noperm(&server, &engine, "watcher", &["GET user:1", "SLOWLOG GET", "ACL LIST"]);
        assert_eq!(
            server.client("Narrow_9.x-y").replies(&["SET nx:{x}:$(id)1 v", "GET nx:{x}:$(id)1"]),
            ["OK", "v"],
            "{engine:?}"
        );
        assert!(server.client("gone").run("PING").contains("WRONGPASS"), "{engine:?}");
        assert_eq!(server.client("9").run("PING"), "PONG", "{engine:?}");
        if engine.since(7, 0) {
            let replies = server.client("selective").replies(&[
                "SET write:1 x",
                "SET both:1 y",
                "GET both:1",
                "SET join:1 z",
                "GET join:1",
            ]);
            assert_eq!(replies, ["OK", "OK", "y", "OK", "z"], "{engine:?}");
        }
    }
}

#[test]
fn denied_commands_are_refused_on_every_engine() {
    for engine in engine::all() {
        let deployment = Deployment::build(&profile(&engine));
        let server = Server::boot(&deployment, &engine);
        let known: Vec<&str> = DENIED
            .iter()
            .filter(|(_, (major, minor))| engine.since(*major, *minor))
            .map(|(command, _)| *command)
            .collect();
        for user in deployment.users().iter().filter(|user| !["admin", "default", "gone"].contains(&user.as_str())) {
            noperm(&server, &engine, user, &known);
        }
        // The control: the same commands are known, and permitted to somebody.
        let admin = server.client("admin").replies(&[
            "FLUSHDB",
            "FLUSHALL",
            "EVAL \"return 1\" 0",
            "SCRIPT FLUSH",
            "REPLICAOF NO ONE",
            "SLAVEOF NO ONE",
        ]);
        assert_eq!(admin, ["OK", "OK", "1", "OK", "OK", "OK"], "{engine:?}");
    }
}

fn noperm(server: &Server, engine: &Engine, user: &str, commands: &[&str]) {
    for (command, reply) in commands.iter().zip(server.client(user).replies(commands)) {
        assert!(is_refusal(&reply), "{engine:?}: {user}: {command}: {reply}");
    }
}
