//! Each role does its work and nothing else: the guide's "Testing ACLs" and "Testing Disabled Commands",
//! with the words of a real 7.0 server.

use crate::client::{Client, is_refusal};
use crate::deployment::{Deployment, production_profile, replaced};
use crate::engine;
use crate::sandbox::Server;

const NO_KEY: &str = "NOPERM this user has no permissions to access one of the keys used as arguments";

/// What the profile disables, and what does the same: as many arguments as the server wants, since it counts
/// them before it asks for permission. The second is the first version that has the command.
pub const DENIED: &[(&str, (u32, u32))] = &[
    ("FLUSHDB", (6, 2)),
    ("FLUSHALL", (6, 2)),
    ("KEYS *", (6, 2)),
    ("CONFIG GET maxmemory", (6, 2)),
    ("CONFIG SET maxmemory 0", (6, 2)),
    ("CONFIG RESETSTAT", (6, 2)),
    ("DEBUG SLEEP 0", (6, 2)),
    ("SHUTDOWN NOSAVE", (6, 2)),
    ("EVAL \"return 1\" 0", (6, 2)),
    ("EVALSHA 0123456789012345678901234567890123456789 0", (6, 2)),
    ("EVAL_RO \"return 1\" 0", (7, 0)),
    ("EVALSHA_RO 0123456789012345678901234567890123456789 0", (7, 0)),
    ("SCRIPT FLUSH", (6, 2)),
    ("SCRIPT LOAD \"return 1\"", (6, 2)),
    ("FUNCTION LIST", (7, 0)),
    ("FUNCTION FLUSH", (7, 0)),
    ("FCALL f 0", (7, 0)),
    ("FCALL_RO f 0", (7, 0)),
    ("SLAVEOF NO ONE", (6, 2)),
    ("REPLICAOF NO ONE", (6, 2)),
];

fn no_command(name: &str) -> String {
    format!("NOPERM this user has no permissions to run the '{name}' command")
}

fn accepts(client: &Client, commands: &[&str]) {
    for (command, reply) in commands.iter().zip(client.replies(commands)) {
        assert!(
            !reply.starts_with("NOPERM") && !reply.starts_with("ERR") && !reply.starts_with("NOAUTH"),
            "{command}: {reply}"
        );
    }
}

fn refuses(client: &Client, commands: &[&str]) {
    for (command, reply) in commands.iter().zip(client.replies(commands)) {
        assert!(is_refusal(&reply), "{command}: {reply}");
    }
}

#[test]
fn guide_testing_acls() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    let application = server.client("sessionapp");
    assert_eq!(application.run("SET user:123 \"data\""), "OK");
    assert_eq!(application.run("GET user:123"), "data");
    assert_eq!(application.run("SET admin:config \"value\""), NO_KEY);
    assert_eq!(application.run("FLUSHDB"), no_command("flushdb"));
    assert_eq!(server.client("admin").run("EXISTS admin:config"), "0");
    assert_eq!(server.client("admin").run("ACL WHOAMI"), "admin");
}

#[test]
fn guide_testing_disabled_commands() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    assert_eq!(server.client("sessionapp").run("SET user:1 x"), "OK");
    assert_eq!(server.client("readonly").run("FLUSHDB"), no_command("flushdb"));
    let admin = server.client("admin");
    assert_eq!(admin.run("SCAN 0 MATCH \"user:*\" COUNT 100"), "0\nuser:1");
    assert_eq!(admin.replies(&["KEYS *", "FLUSHDB", "DBSIZE"]), ["user:1", "OK", "0"]);
}

#[test]
fn every_role_does_its_work_and_nothing_else() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());

    let application = server.client("sessionapp");
    accepts(
        &application,
        &[
            "PING",
            "CLIENT SETNAME app",
            "CLIENT ID",
            "SELECT 0",
            "SET user:1 a",
            "SETEX auth:1 100 a",
            "GET user:1",
            "TTL auth:1",
            "EXISTS user:1",
            "EXPIRE user:1 100",
            "DEL user:1",
            "SET auth:2 b",
        ],
    );
    refuses(
        &application,
        &[
            "GET other:1",
            "DEL user:1 other:1",
            "INCR user:1",
            "SCAN 0",
            "RANDOMKEY",
            "DUMP user:1",
            "PUBLISH user:1 x",
            "INFO",
            "CLIENT LIST",
            "CLIENT KILL ID 1",
            "ACL LIST",
            "SAVE",
            "BGSAVE",
            "MONITOR",
            "SWAPDB 0 1",
            "MULTI",
            "SLOWLOG GET",
            "MODULE LIST",
            "DBSIZE",
        ],
    );

    let reader = server.client("readonly");
    accepts(
        &reader,
        &["PING", "GET auth:2", "MGET auth:2 user:1", "TTL auth:2", "EXISTS auth:2", "STRLEN auth:2", "TYPE auth:2"],
    );
    refuses(
        &reader,
        &[
            "SET auth:2 x",
            "DEL auth:2",
            "EXPIRE auth:2 1",
            "GET other:1",
            "MGET auth:2 other:1",
            "SCAN 0",
            "RANDOMKEY",
            "DUMP auth:2",
            "SORT auth:2",
            "INFO",
            "PUBLISH auth:2 x",
            "ACL LIST",
            "COPY auth:2 auth:3",
        ],
    );

    let monitor = server.client("monitor");
    accepts(&monitor, &["PING", "DBSIZE", "SLOWLOG LEN", "CLIENT LIST"]);
    assert!(monitor.run("INFO server").contains("redis_version:7.0.15"));
    refuses(
        &monitor,
        &[
            "GET auth:2",
            "SET auth:2 x",
            "SCAN 0",
            "SLOWLOG GET",
            "CONFIG GET maxmemory",
            "CLIENT KILL ID 1",
            "ACL LIST",
            "MONITOR",
        ],
    );

    let health = server.client("health");
    assert_eq!(health.run("PING"), "PONG");
    refuses(&health, &["GET auth:2", "INFO", "DBSIZE", "CLIENT LIST", "ACL WHOAMI"]);

    let admin = server.client("admin");
    accepts(
        &admin,
        &["SET other:1 x", "GET auth:2", "INCR n", "PUBLISH news x", "ACL WHOAMI", "CLIENT LIST", "BGSAVE"],
    );
    assert_eq!(admin.run("CONFIG GET maxclients"), "maxclients\n1000");
}

#[test]
fn denied_commands_are_for_admins_only() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    let commands: Vec<&str> = DENIED.iter().map(|(command, _)| *command).collect();
    for user in ["readonly", "sessionapp", "monitor", "health"] {
        refuses(&server.client(user), &commands);
    }
    // Asked instead of run: SHUTDOWN would end the server. Users of our services too; `default` is nobody, and may write
    // what the append-only file holds (`replay.rs`).
    let admin = server.client("admin");
    for user in deployment.users().into_iter().filter(|user| user != "default") {
        let questions: Vec<String> = commands.iter().map(|command| format!("ACL DRYRUN {user} {command}")).collect();
        let questions: Vec<&str> = questions.iter().map(String::as_str).collect();
        for (question, reply) in questions.iter().zip(admin.replies(&questions)) {
            let expected =
                if user == "admin" { reply == "OK" } else { reply.contains("has no permissions to run the") };
            assert!(expected, "{question}: {reply}");
        }
    }
}

/// Rules that are wide by intent: what is disabled is taken from them.
#[test]
fn wide_rules_do_not_bring_denied_commands_back() {
    let users = "  - { name: wide, role: custom, keys: [\"*\"], channels: [\"*\"], commands: [+@all] }\n  - { name: reading, role: custom, keys: [\"*\"], commands: [+@read, +@slow, +@admin] }\n  - { name: writer, role: application, keys: [\"w:*\"] }\n";
    let profile = replaced(&production_profile(), "  - { name: monitor, role: monitoring }\n", users);
    let deployment = Deployment::build(&profile);
    let server = Server::boot(&deployment, &engine::debian());
    let commands: Vec<&str> = DENIED.iter().map(|(command, _)| *command).collect();
    for user in ["wide", "reading", "writer"] {
        refuses(&server.client(user), &commands);
        // What would give the denied commands back.
        refuses(
            &server.client(user),
            &[
                "ACL SETUSER wide +@all",
                "ACL LOAD",
                "ACL DELUSER admin",
                "MODULE LIST",
                "CONFIG SET maxmemory 1",
                "FUNCTION FLUSH",
            ],
        );
    }
    accepts(&server.client("wide"), &["SET any x", "SCAN 0 COUNT 1000 TYPE none", "PUBLISH news x"]);
    let writer = server.client("writer");
    accepts(&writer, &["SET w:1 1", "INCR w:1", "LPUSH w:2 a", "MULTI", "INCR w:1", "EXEC", "DEL w:1"]);
    refuses(&writer, &["SET v:1 1", "PUBLISH w:1 x", "INFO", "SORT w:2", "ACL LIST"]);
}

/// Names and patterns that look like syntax to YAML, a shell or an ACL file.
#[test]
fn odd_names_and_patterns_work() {
    let users = "  - { name: \"nopass\", role: application, keys: [\"we[io]rd:{a}:$(id)*\"] }\n  - { name: \"-_.9Z\", role: custom, keys: [\"%R~auth:#*\", \"%W~log:+@all*\"], channels: [\"c?:&*\"], commands: [+get, +set, +publish] }\n";
    let profile = replaced(&production_profile(), "  - { name: monitor, role: monitoring }\n", users);
    let deployment = Deployment::build(&profile);
    let server = Server::boot(&deployment, &engine::debian());
    let application = server.client("nopass");
    accepts(&application, &["SET weird:{a}:$(id)1 x", "SET weord:{a}:$(id) x", "GET weird:{a}:$(id)1"]);
    refuses(&application, &["SET ward:{a}:$(id)1 x", "SET weird:{b}:1 x"]);
    accepts(&server.client("admin"), &["SET auth:#1 x"]);
    let custom = server.client("-_.9Z");
    accepts(&custom, &["GET auth:#1", "SET log:+@all1 x", "PUBLISH cx:&1 x"]);
    refuses(&custom, &["SET auth:#1 x", "GET log:+@all1", "PUBLISH other x", "PING"]);
}
