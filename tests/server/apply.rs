//! A running server is brought to a changed profile: what was revoked is gone at once, nobody else is disconnected, and what
//! needs a restart is told.

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::client::Open;
use crate::deployment::Deployment;
use crate::engine::{self, Engine};
use crate::sandbox::{Server, succeeded};

const APP: &str = "{ name: app, role: application, keys: [\"app:*\", \"jobs:*\"] }";
const REPORTS: &str = "{ name: reports, role: readonly, keys: [\"app:*\"] }";

fn profile(engine: &Engine, tls: &str, users: &[&str], more: &str) -> String {
    let users: String = users.iter().flat_map(|user| ["  - ", user, "\n"]).collect();
    format!(
        "version: 1\nname: demo\nenvironment: production\n{}\nusers:\n  - {{ name: admin, role: admin }}\n{users}\
         tls: {{ mode: {tls}, names: [redis, localhost] }}\n{more}",
        engine.section()
    )
}

/// How `redisgen apply` ended, and what it said.
fn apply_as(server: &Server<'_>, user: &str, more: &[&str]) -> (i32, String, String) {
    let deployment = server.deployment;
    let scheme = if deployment.is_tls() { "rediss" } else { "redis" };
    let mut command = server.in_network(env!("CARGO_BIN_EXE_redisgen"));
    command.args(["apply", "--user", user, "--against", &format!("{scheme}://localhost:6379"), "--out"]);
    command.arg(deployment.out()).args(more).arg(deployment.folder().join("profile.yaml")).env_remove("REDISCLI_AUTH");
    let output = command.output().expect("redisgen runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("a code"), text(output.stdout), text(output.stderr))
}

fn apply(server: &Server<'_>, more: &[&str]) -> (i32, String, String) {
    apply_as(server, "admin", more)
}

fn nothing(server: &Server<'_>) {
    let (code, out, err) = apply(server, &[]);
    assert_eq!((code, out.as_str()), (0, "nothing\n"), "{err}");
}

/// What a server has, but for what counts on.
fn state(server: &Server<'_>) -> String {
    ["ACL LIST", "CONFIG GET *", "DBSIZE"].map(|command| server.client("admin").run(command)).join("\n")
}

/// The lines of `diff` that say what the server needs; its JSON says the same.
fn needs(deployment: &Deployment, profile: &str) -> Vec<String> {
    let path = deployment.folder().join("next.yaml");
    std::fs::write(&path, profile).expect("written");
    let told = |format: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redisgen"));
        command.args(["diff", "--deny", "error", "--format", format, "--out"]).arg(deployment.out()).arg(&path);
        String::from_utf8(command.output().expect("redisgen runs").stdout).expect("text")
    };
    let text = told("human");
    let lines = text.lines().filter_map(|line| line.strip_prefix("server needs ")).map(ToOwned::to_owned);
    let lines: Vec<String> = lines.collect();
    let document: serde_json::Value = serde_json::from_str(&told("json")).expect("JSON");
    let steps = document["needs"][0]["steps"].as_array().expect("steps").iter();
    let words = |step: &serde_json::Value| {
        ["need", "subject"].map(|key| step[key].as_str().expect("text").to_owned()).join(" ")
    };
    let steps: Vec<String> = steps.map(words).collect();
    assert_eq!(if steps.is_empty() { vec!["nothing".to_owned()] } else { steps }, first_words(&lines));
    lines
}

fn first_words(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| line.split(": ").next().expect("a step").to_owned()).collect()
}

/// True once nobody of that name is connected.
fn nobody(server: &Server<'_>, user: &str) -> bool {
    (0..100).any(|_| {
        sleep(Duration::from_millis(10));
        !server.client("admin").run("CLIENT LIST").contains(&format!(" user={user} "))
    })
}

#[test]
fn what_was_revoked_is_gone_and_nobody_else_notices() {
    for engine in engine::all() {
        let old = profile(&engine, "disabled", &[APP, REPORTS], "");
        let deployment = Deployment::build(&old);
        let server = Server::boot(&deployment, &engine);
        nothing(&server);
        let (mut app, mut reports) = (server.client("app").open(), server.client("reports").open());
        let mut admin = server.client("admin").open();
        assert_eq!(app.ask("SET jobs:1 x"), "OK");
        // What `apply` relies on: a list of words is taken as a whole, or not at all.
        let (listed, half) =
            (server.client("admin").run("ACL LIST"), admin.ask("ACL SETUSER app reset on nopass +@all +nosuch"));
        assert!(half.starts_with("ERR "), "{engine:?}: {half}");
        assert_eq!(server.client("admin").run("ACL LIST"), listed, "{engine:?}");
        let ids = |app: &mut Open, admin: &mut Open| (app.ask("CLIENT ID"), admin.ask("CLIENT ID"));
        let (before, gone) = (ids(&mut app, &mut admin), reports.ask("CLIENT ID"));

        let new = profile(
            &engine,
            "disabled",
            &[
                "{ name: app, role: application, keys: [\"app:*\"] }",
                "{ name: late, role: readonly, keys: [\"app:*\"] }",
            ],
            "resources: { max_clients: 500 }\n",
        );
        let needed = needs(&deployment, &new);
        let told = ["acl-deluser reports", "acl-setuser app", "acl-setuser late", "config-set maxclients"];
        // Compose counts the files, which follow from the number of clients.
        assert_eq!(first_words(&needed)[..4], told, "{needed:?}");
        assert!(
            needed[1].contains("loses: keys: %RW~jobs:*") || needed[1].contains("loses: keys: ~jobs:*"),
            "{needed:?}"
        );
        deployment.rebuild(&new);

        let unchanged = state(&server);
        let (code, out, _) = apply(&server, &["--dry-run"]);
        assert_eq!((code, out.lines().count()), (1, 4), "{out}");
        assert_eq!(state(&server), unchanged, "--dry-run changed something");
        assert_eq!(app.ask("GET jobs:1"), "x", "the control");

        let (code, out, err) = apply(&server, &[]);
        assert_eq!(code, 0, "{engine:?}: {out}{err}");
        let lines: Vec<String> = out.lines().map(ToOwned::to_owned).collect();
        assert_eq!(first_words(&lines), told.map(|step| format!("done {step}")), "{out}");
        assert!(app.ask("GET jobs:1").starts_with("NOPERM "), "{engine:?}: the open connection keeps what was revoked");
        assert_eq!(ids(&mut app, &mut admin), before, "{engine:?}: somebody else was disconnected");
        assert!(!server.client("admin").run("CLIENT LIST").contains(&format!("id={gone} ")), "{engine:?}");
        assert_eq!(server.client("admin").run("CONFIG GET maxclients"), "maxclients\n500");
        assert_eq!(server.client("late").run("PING"), "PONG");
        nothing(&server);

        // A restart brings the same.
        drop(server);
        nothing(&Server::boot(&deployment, &engine));
    }
}

#[test]
fn what_somebody_did_by_hand_is_undone() {
    let engine = engine::debian();
    let deployment = Deployment::build(&profile(&engine, "disabled", &[APP, REPORTS], ""));
    let server = Server::boot(&deployment, &engine);
    let admin = server.client("admin");
    let before = state(&server);
    for command in [
        r#"ACL SETUSER "$(id);`id`'\"\x1b[31m%{x}" on nopass ~* +@all"#,
        "ACL SETUSER app ~* >another-way-in",
        "ACL SETUSER reports off",
        "CONFIG SET maxmemory 100mb",
        "CONFIG SET timeout 7",
        "CONFIG SET lua-time-limit 0",
        "CONFIG SET save \"1 1\"",
        "CONFIG SET client-output-buffer-limit \"normal 0 0 0\"",
    ] {
        assert_eq!(admin.run(command), "OK", "{command}");
    }
    let (code, out, err) = apply(&server, &[]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(!out.contains('\u{1b}') && out.contains("acl-deluser $(id);`id`"), "{out}");
    assert_eq!(state(&server), before, "{out}");
    nothing(&server);
}

/// `CONFIG SET requirepass ""` would take the password off `default`.
#[test]
fn a_password_of_default_that_was_set_by_hand_opens_nothing() {
    let engine = engine::debian();
    let deployment = Deployment::build(&profile(&engine, "disabled", &[APP], ""));
    let server = Server::boot(&deployment, &engine);
    assert_eq!(server.client("admin").run("CONFIG SET requirepass secret"), "OK");
    assert_eq!(server.client("admin").run("ACL SETUSER default on +@all"), "OK");
    let (code, out, _) = apply(&server, &[]);
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("done acl-setuser default") && out.contains("left restart requirepass"), "{out}");
    assert!(!out.contains("secret"), "{out}");
    assert!(server.stranger().run("PING").starts_with("NOAUTH "), "it is open");
    assert!(server.stranger().password("default", "secret").run("PING").contains("WRONGPASS"));
}

#[test]
fn what_goes_on_by_itself_ends_with_the_right_to_it() {
    let engine = engine::debian();
    let ops = |commands: &str| format!("{{ name: ops, role: custom, commands: [{commands}], keys: [\"app:*\"] }}");
    let deployment =
        Deployment::build(&profile(&engine, "disabled", &[APP, &ops("\"+monitor\", \"+ping\", \"+client|id\"")], ""));
    let server = Server::boot(&deployment, &engine);
    let watching = |server: &Server<'_>| {
        let mut monitor = server.client("ops").open();
        assert_eq!(monitor.ask("MONITOR"), "OK");
        monitor
    };
    let waiting = |server: &Server<'_>| {
        let mut worker = server.client("app").open();
        worker.send("BLPOP jobs:1 0");
        while !server.client("admin").run("CLIENT LIST").contains("cmd=blpop") {
            sleep(Duration::from_millis(5));
        }
        worker
    };
    let (mut monitor, mut worker) = (watching(&server), waiting(&server));
    // The control: rights alone do not end it.
    assert_eq!(server.client("admin").run("ACL SETUSER ops -monitor"), "OK");
    assert_eq!(server.client("admin").run("ACL SETUSER app resetkeys ~app:*"), "OK");
    assert_eq!(server.client("app").run("SET app:1 seen"), "OK");
    while !monitor.line().contains("seen") {
        assert!(server.client("admin").run("CLIENT LIST").contains("cmd=monitor"), "MONITOR ended by itself");
    }
    assert_eq!(server.client("admin").run("RPUSH jobs:1 secret"), "1");
    assert_eq!((worker.line(), worker.line()), ("jobs:1".to_owned(), "secret".to_owned()));
    drop((monitor, worker));
    nothing_or_done(&server);

    let (_monitor, _worker) = (watching(&server), waiting(&server));
    let mut other = server.client("app").open();
    let id = other.ask("CLIENT ID");
    deployment.rebuild(&profile(
        &engine,
        "disabled",
        &["{ name: app, role: application, keys: [\"app:*\"] }", &ops("\"+ping\", \"+client|id\"")],
        "",
    ));
    let (code, out, err) = apply(&server, &[]);
    assert_eq!(code, 0, "{out}{err}");
    let clients = server.client("admin").run("CLIENT LIST");
    assert!(!clients.contains("cmd=monitor") && !clients.contains("cmd=blpop"), "{clients}");
    assert_eq!(other.ask("CLIENT ID"), id, "an idle connection of the same user stays");
    // A user that is off: its connections end, which ACL SETUSER alone leaves.
    deployment.rebuild(&profile(
        &engine,
        "disabled",
        &["{ name: app, role: application, keys: [\"app:*\"], enabled: false }", &ops("\"+ping\", \"+client|id\"")],
        "",
    ));
    let (code, out, err) = apply(&server, &[]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("done acl-setuser app") && out.contains("done client-kill app"), "{out}");
    assert!(nobody(&server, "app"));
    nothing(&server);
}

fn nothing_or_done(server: &Server<'_>) {
    let (code, out, err) = apply(server, &[]);
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn certificates_are_read_again() {
    let engine = engine::debian();
    let deployment = Deployment::build(&profile(&engine, "mutual", &[APP], ""));
    // What is placed in the second of the start counts as newer than it.
    sleep(Duration::from_millis(1100));
    let server = Server::boot(&deployment, &engine);
    nothing(&server);
    let certs = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_redisgen"));
        command
            .arg("certs")
            .args(words)
            .arg("--out")
            .arg(deployment.out())
            .arg(deployment.folder().join("profile.yaml"));
        succeeded(&command.output().expect("redisgen runs"));
    };
    let mut open = server.client("app").open();
    let id = open.ask("CLIENT ID");
    // A new certificate, then a second authority beside the first, which no certificate shows yet; then the new one alone.
    for words in [&["renew", "--force"][..], &["rollover", "begin"], &["rollover", "switch"], &["rollover", "finish"]] {
        certs(words);
        let (code, out, err) = apply(&server, &[]);
        assert_eq!(
            (code, first_words(std::slice::from_ref(&out))),
            (0, vec!["done tls-reload /run/redis/redis.crt".to_owned()]),
            "{words:?}: {out}{err}"
        );
        nothing(&server);
        assert_eq!(server.client("app").run("PING"), "PONG", "{words:?}");
    }
    assert_eq!(open.ask("CLIENT ID"), id, "the open connection stays");
}

#[test]
fn what_needs_a_restart_or_another_container_is_told() {
    let engine = engine::debian();
    let deployment = Deployment::build(&profile(&engine, "disabled", &[APP, REPORTS], ""));
    let server = Server::boot(&deployment, &engine);
    let new = profile(&engine, "disabled", &[APP], "config: { io-threads: \"2\", hz: \"20\" }\n");
    let same = profile(&engine, "disabled", &[APP, REPORTS], "");
    assert_eq!(needs(&deployment, &same), ["nothing"], "the file's name stands in comments");
    let needed = first_words(&needs(&deployment, &new));
    for step in ["acl-deluser reports", "config-set hz", "restart io-threads", "recreate docker-compose.prod.yml"] {
        assert!(needed.iter().any(|needed| needed == step), "{step}: {needed:?}");
    }
    deployment.rebuild(&new);
    let (code, out, err) = apply(&server, &["--format", "json"]);
    assert_eq!(code, 1, "{out}{err}");
    let document: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let steps: Vec<String> = document["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| ["state", "need", "subject"].map(|key| step[key].as_str().expect("text").to_owned()).join(" "))
        .collect();
    assert_eq!(steps, ["done acl-deluser reports", "done config-set hz", "left restart io-threads"]);
    assert!(err.contains("docker compose -f docker-compose.prod.yml restart"), "{err}");
    drop(server);
    let server = Server::boot(&deployment, &engine);
    nothing(&server);

    let newer = Engine { version: "7.0.14".to_owned(), ..engine };
    deployment.rebuild(&profile(&newer, "disabled", &[APP], "config: { io-threads: \"2\", hz: \"30\" }\n"));
    let (code, out, err) = apply(&server, &[]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("done config-set hz") && out.contains("left recreate engine: is redis 7.0.15"), "{out}");
}

#[test]
fn who_may_not_do_all_of_it_does_nothing() {
    let engine = engine::debian();
    let second = "{ name: second, role: admin }";
    let deployment = Deployment::build(&profile(&engine, "disabled", &[APP, REPORTS, second], ""));
    let server = Server::boot(&deployment, &engine);
    deployment.rebuild(&profile(&engine, "disabled", &[APP, second], "resources: { max_clients: 500 }\n"));
    // The last command of the transaction is one that this user may not run.
    assert_eq!(server.client("admin").run("ACL SETUSER second -config|set"), "OK");
    let before = state(&server);
    let wrong = deployment.folder().join("wrong");
    std::fs::write(&wrong, "not the password").expect("written");
    for (user, more, reason) in [
        ("admin", &["--password-file", wrong.to_str().expect("a path")][..], "WRONGPASS"),
        ("app", &[], "NOPERM"),
        ("second", &[], "CONFIG SET: NOPERM"),
    ] {
        let (code, out, err) = apply_as(&server, user, more);
        assert_eq!((code, out.as_str()), (2, ""), "{user}: {err}");
        assert!(err.contains(reason), "{user}: {err}");
        assert_eq!(state(&server), before, "{user} changed something");
    }
    // Nor does anybody whom the profile no longer has, nor with a tree that was not built.
    std::fs::write(deployment.folder().join("profile.yaml"), profile(&engine, "disabled", &[APP], ""))
        .expect("written");
    let (code, _, err) = apply(&server, &[]);
    assert!(code == 2 && err.contains("redisgen build"), "{err}");
    deployment.rebuild(&profile(&engine, "disabled", &[APP], ""));
    let (code, _, err) = apply_as(&server, "second", &[]);
    assert!(code == 2 && err.contains("role admin"), "{err}");
    assert_eq!(state(&server), before);
    let (code, out, err) = apply(&server, &[]);
    assert_eq!(code, 0, "the control: {out}{err}");
}

/// Where everybody is the administrator, nobody logs in.
#[test]
fn a_server_without_users_is_brought_to_its_profile_too() {
    let profile = |more: &str| {
        format!(
            "version: 1\nname: demo\nenvironment: development\nengine: {{ kind: redis, version: \"7.0.15\" }}\n{more}"
        )
    };
    let deployment = Deployment::build(&profile(""));
    let server = Server::boot(&deployment, &engine::debian());
    let apply = || {
        let mut command = server.in_network(env!("CARGO_BIN_EXE_redisgen"));
        command.args(["apply", "--against", "redis://localhost:6379", "--out"]).arg(deployment.out());
        succeeded(&command.arg(deployment.folder().join("profile.yaml")).output().expect("redisgen runs"))
    };
    assert_eq!(apply(), "nothing\n");
    deployment.rebuild(&profile("config: { hz: \"20\" }\n"));
    assert_eq!(apply(), "done config-set hz: is `10`, the profile writes `20`\n");
    assert_eq!(server.stranger().run("CONFIG GET hz"), "hz\n20");
    assert_eq!(apply(), "nothing\n");
}
