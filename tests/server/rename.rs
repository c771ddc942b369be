//! `commands.rename`: what nobody can run any more, while everything else works.

use redisgen::engine::Line;
use redisgen::profile::EngineKind;

use crate::client::Client;
use crate::deployment::Deployment;
use crate::engine::{self, Engine};
use crate::sandbox::Server;

/// Production without TLS, which some servers here lack; each write is on disk before its reply.
pub fn profile(engine: &Engine, commands: &str) -> String {
    format!(
        "version: 1\nname: plain\nenvironment: production\n{}\ntls: {{ mode: disabled }}\npersistence: {{ aof: always }}\n\
         users:\n  - {{ name: admin, role: admin }}\n  - {{ name: app, role: application, keys: [\"*\"] }}\n\
         waivers: [{{ rule: rename-breaks-aof, reason: to see that it does }}]\ncommands: {{ {commands} }}\n",
        engine.section()
    )
}

/// What redisgen knows of its line.
pub fn line(engine: &Engine) -> &'static Line {
    let kind = if engine.kind == "redis" { EngineKind::Redis } else { EngineKind::Valkey };
    redisgen::engine::line(kind, engine.version.parse().expect("version")).expect("a known line")
}

/// The names that redis.conf takes away.
pub fn renamed(deployment: &Deployment) -> Vec<String> {
    let directives = deployment.directives().into_iter();
    let lines = directives.filter(|(name, _)| name == "rename-command").map(|(_, words)| words);
    lines.map(|words| if words[1].is_empty() { words[0].clone() } else { panic!("{words:?}") }).collect()
}

/// Six words are wrong for every command of the list but those that take any number of keys.
fn unknown(client: &Client, command: &str) -> bool {
    client.run(&format!("{command} a b c d e f")).starts_with("ERR unknown command")
}

#[test]
fn nobody_runs_a_renamed_command() {
    for engine in engine::all() {
        let deployment = Deployment::build(&profile(&engine, "rename: true"));
        let names = renamed(&deployment);
        for name in ["flushall", "flushdb", "keys", "config", "debug", "shutdown", "eval", "evalsha", "script"] {
            assert!(names.contains(&name.to_owned()), "{engine:?}: {name}");
        }
        let server = Server::boot(&deployment, &engine);
        for name in &names {
            for user in ["admin", "app"] {
                assert!(unknown(&server.client(user), name), "{engine:?}: {user} runs {name}");
            }
        }
        // Rules that name renamed commands load again, and the rest works.
        assert_eq!(server.client("admin").run("ACL LOAD"), "OK", "{engine:?}");
        assert_eq!(server.client("app").replies(&["SET a 1", "GET a"]), ["OK", "1"], "{engine:?}");
        assert!(server.client("app").run("ACL LOAD").starts_with("NOPERM"), "{engine:?}");
        assert!(server.health_check().output().expect("health check runs").status.success(), "{engine:?}");
        // SHUTDOWN is not needed to stop.
        let (status, log) = server.terminate();
        assert_eq!(status.code(), Some(0), "{engine:?}: {log}");

        deployment.rebuild(&profile(&engine, "rename: false"));
        assert_eq!(renamed(&deployment), Vec::<String>::new());
        let server = Server::boot(&deployment, &engine);
        let admin = server.client("admin");
        for name in &names {
            assert!(!unknown(&admin, name), "{engine:?}: the control lacks {name}");
        }
        let replies = admin.replies(&["EVAL \"return 1\" 0", "CONFIG RESETSTAT", "SLAVEOF NO ONE", "FLUSHALL"]);
        assert_eq!(replies, ["1", "OK", "OK", "OK"], "{engine:?}");
    }
}

/// Every built-in command of a line at once, as far as it may be renamed.
#[test]
fn every_name_that_is_written_is_one_that_the_server_takes() {
    for engine in engine::all() {
        let commands = line(&engine).commands.iter().map(|command| command.name);
        let whole: Vec<&str> = commands.filter(|name| *name != "ping" && !name.contains(['|', ':'])).collect();
        let deployment = Deployment::build(&profile(&engine, &format!("disabled: {whole:?}, rename: true")));
        let names = renamed(&deployment);
        assert!(names.len() > 200, "{engine:?}: {names:?}");
        let server = Server::boot(&deployment, &engine);
        let admin = server.client("admin");
        assert_eq!(admin.replies(&["PING", "ACL WHOAMI"]), ["PONG", "admin"], "{engine:?}");
        assert!(["get", "set", "select", "command"].iter().all(|name| unknown(&admin, name)), "{engine:?}");
    }
}
