//! `redisgen explain`: rules, origins of values, and who may connect through which line of which file.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail"
)]

mod common;

use common::{PROD, Room};

#[test]
fn explain_tells_rules_and_origins() {
    let room = Room::with("version: 1\nname: demo\nenvironment: production\nnetwork:\n  port: 7000\n");
    let rule = room.run(["explain", "tls-disabled"]).ended(0);
    for word in ["tls-disabled: ", "Severity: ", "To accept it: waivers:", "Source: "] {
        assert!(rule.stdout.contains(word), "{}", rule.stdout);
    }
    // A rule id wins over a file of the same name.
    room.file("tls-disabled", PROD);
    assert_eq!(room.run(["explain", "tls-disabled"]).ended(0).stdout, rule.stdout);
    let out = room.run(["explain", "tls-disabeld"]).ended(2);
    assert!(out.stderr.contains("did you mean the rule `tls-disabled`"), "{}", out.stderr);
    let out = room.run(["explain", "p.yaml", "network.port"]).ended(0);
    assert!(out.stdout.starts_with("network.port: 7000  # p.yaml:5\n"), "{}", out.stdout);
    assert!(out.stdout.contains("Port that is published on the host"), "{}", out.stdout);
    let out = room.run(["explain", "p.yaml", "network.exposure"]).ended(0);
    assert!(out.stdout.starts_with("network.exposure: \"localhost\"  # <production defaults>:"), "{}", out.stdout);
    assert!(out.stdout.contains("publishes nothing"), "{}", out.stdout);
    let out = room.run(["explain", "p.yaml", "users[1].keys[0]"]).ended(0);
    assert!(out.stdout.contains("\"demo:*\""), "{}", out.stdout);
    let out = room.run(["explain", "p.yaml", "backups.every"]).ended(0);
    assert!(out.stdout.contains("is not set") && out.stdout.contains("Time between two backups"), "{}", out.stdout);
    let all = room.run(["explain", "p.yaml"]).ended(0);
    assert!(all.stdout.contains("  port: 7000  # p.yaml:5\n  listen: []  # <production defaults>:"), "{}", all.stdout);
    // The parent's line is the origin of what it gives.
    room.file("base.yaml", "version: 1\nresources:\n  max_clients: 77\n");
    room.file("child.yaml", format!("{PROD}extends: [base.yaml]\n"));
    let out = room.run(["explain", "child.yaml", "resources.max_clients"]).ended(0);
    assert!(out.stdout.starts_with("resources.max_clients: 77  # base.yaml:3\n"), "{}", out.stdout);
}

/// What `explain` prints of a profile is that profile, with nothing left to parents and defaults: both readers take it, and
/// it builds the same files.
#[test]
fn a_resolved_profile_is_the_profile() {
    let mut seen = 0;
    for entry in std::fs::read_dir("fixtures/ok").expect("fixtures") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            continue;
        }
        seen += 1;
        let name = std::fs::canonicalize(&path).expect("a path");
        let room = Room::new();
        let printed = room.run(["explain", name.to_str().expect("UTF-8")]).ended(0).stdout;
        serde_yaml::from_str::<serde_yaml::Value>(&printed)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let base = path.file_name().and_then(|name| name.to_str()).expect("a name");
        room.file(base, &printed);
        room.run(["build", name.to_str().expect("UTF-8"), "--no-secrets", "--deny", "error", "--out", "a"]).ended(0);
        room.run(["build", base, "--no-secrets", "--deny", "error", "--out", "b"]).ended(0);
        let (a, b) = (room.tree("a"), room.tree("b"));
        let (a, b) = (common::content(&a), common::content(&b));
        let files = a.keys().chain(b.keys()).filter(|file| **file != "redisgen.lock");
        let differ: Vec<&&str> = files.filter(|file| a.get(*file) != b.get(*file)).collect();
        assert!(differ.is_empty() && a.len() > 5, "{}: {differ:?}\n{printed}", path.display());
        // Twice is as good as once.
        let again = room.run(["explain", base]).ended(0).stdout;
        let values = |text: &str| {
            text.lines().map(|line| line.split("  # ").next().unwrap_or("").to_owned()).collect::<Vec<_>>()
        };
        let flat = |text: &str| serde_yaml::from_str::<serde_yaml::Value>(&values(text).join("\n")).expect("YAML");
        assert_eq!(flat(&again), flat(&printed), "{}", path.display());
    }
    assert!(seen > 10);
}

/// An address, what the first line says of it, and lines by label with a text that each has.
type Case<'text> = (&'text str, &'text str, &'text [(&'text str, &'text str)]);

/// The profile of a network, built, and what `explain --source` says of addresses. Each line that it cites must
/// stand in the built file under its number.
fn sources(network: &str, cases: &[Case]) {
    let room = Room::with(&format!("{PROD}tls: {{ mode: server }}\nnetwork:\n{network}"));
    room.run(["build", "p.yaml", "--no-secrets", "--deny", "error"]).ended(0);
    for (address, verdict, lines) in cases {
        let out = room.run(["explain", "p.yaml", "--source", address]).ended(0).stdout;
        assert!(out.lines().next().is_some_and(|line| line.contains(verdict)), "{address}:\n{out}");
        for (label, text) in *lines {
            let line = out.lines().find(|line| line.trim_start().starts_with(label) && line.contains(text));
            let line = line.unwrap_or_else(|| panic!("{address}: no line of {label} has `{text}`:\n{out}"));
            if let Some(cited) = line.split("firewall/").nth(1) {
                let (file, rest) = cited.split_once(':').expect("a file and a number");
                let (number, rule) = rest.split_once(": ").expect("a number and a rule");
                let content = room.read(&format!("deploy/firewall/{file}"));
                let number: usize = number.parse().expect("a number");
                assert_eq!(content.lines().nth(number - 1).map(str::trim_start), Some(rule), "{address}");
            }
        }
    }
}

#[test]
fn explain_says_who_may_connect() {
    sources(
        "  exposure: allowlist\n  allow:\n    - { source: 10.8.0.0/24, comment: VPN }\n    - { source: 10.8.0.7, until: \"2030-01-01\" }\n    - { source: \"fd00:8::/64\" }\n  firewall: { backends: [nftables, iptables, ufw], connections_per_source: 5 }\n",
        &[
            (
                "10.8.0.7",
                "10.8.0.7: allowed",
                &[
                    ("entry", "p.yaml:8: network.allow[0], 10.8.0.0/24  # VPN"),
                    ("entry", "p.yaml:9: network.allow[1], 10.8.0.7, until 2030-01-01"),
                    ("nftables", "ip saddr @allow4 goto within_limits"),
                    ("iptables", "-s 10.8.0.0/24 -g"),
                    ("ufw", "10.8.0.0/24"),
                    ("limits", "5 connections at a time"),
                ],
            ),
            ("::ffff:10.8.0.1", "10.8.0.1: allowed", &[("nftables", "@allow4")]),
            ("fd00:8::1", "allowed", &[("nftables", "@allow6"), ("iptables", "iptables.v6"), ("ufw", "fd00:8::/64")]),
            ("10.8.1.0", "denied: no entry", &[("nftables", "drop"), ("iptables", "-j DROP"), ("ufw", "deny log")]),
            ("2001:db8::1", "denied", &[("iptables", "iptables.v6")]),
            (
                "127.0.0.1",
                "the host itself",
                &[("nftables", "iif \"lo\" accept"), ("iptables", "! -i lo"), ("ufw", "loopback")],
            ),
        ],
    );
    sources(
        "  exposure: localhost\n",
        &[("10.0.0.1", "denied: exposure `localhost`", &[("nftables", "drop")]), ("::1", "allowed", &[])],
    );
    sources("  exposure: internal\n", &[("10.0.0.1", "denied. Exposure `internal` publishes no port", &[])]);
}

#[test]
fn explain_says_that_open_is_open() {
    let open = "version: 1\nname: demo\nenvironment: development\ntls: { mode: server }\nusers: [{ name: a, role: admin }]\nnetwork:\n  exposure: open\n";
    let room = Room::with(open);
    let out = room.run(["explain", "p.yaml", "--source", "203.0.113.9"]).ended(0);
    assert!(out.stdout.contains("allowed, like everyone. Exposure `open` without limits"), "{}", out.stdout);
    room.file(
        "p.yaml",
        format!("{open}  firewall: {{ backends: [nftables, iptables, ufw], new_connections: 5/minute }}\n"),
    );
    let out = room.run(["explain", "p.yaml", "--source", "203.0.113.9"]).ended(0);
    for text in ["like everyone", "goto within_limits", " -g ", "echo \"allow ", "5 new ones each minute"] {
        assert!(out.stdout.contains(text), "{text}:\n{}", out.stdout);
    }
    room.file("p.yaml", format!("{open}  firewall: {{ backends: [] }}\n").replace("open\n", "localhost\n"));
    let out = room.run(["explain", "p.yaml", "--source", "203.0.113.9"]).ended(0);
    assert!(out.stdout.contains("denied by the published address alone"), "{}", out.stdout);
    // One question at a time; an address, not a network; not for rules.
    for usage in [
        &["p.yaml", "network", "--source", "10.0.0.1"][..],
        &["p.yaml", "--source", "10.0.0.0/8"],
        &["tls-disabled", "--source", "10.0.0.1"],
    ] {
        room.run([&["explain"], usage].concat()).ended(2);
    }
}

/// What the first line says of a command, and what else is told.
const COMMANDS: &[(&str, &str, &str, &[&str])] = &[
    ("cart", "set cart:1 x", "allowed", &["`+@write` permits SET", "`cart:1` is written: `cart:*` permits it"]),
    (
        "cart",
        "SET admin:config x",
        "denied: the command is permitted, a key is not",
        &["not by `~cart:*`", "NOPERM No permissions to access a key", "p.yaml:6: users[1]"],
    ),
    (
        "cart",
        "flushdb",
        "denied: the command is not permitted",
        &["`-@dangerous` takes FLUSHDB away", "commands.disabled"],
    ),
    ("cart", "config get maxmemory", "denied: the command is not permitted", &["'config|get' command"]),
    ("cart", "eval \"return 1\" 0", "denied: the command is not permitted", &["no rule of `cart` permits EVAL"]),
    ("cart", "copy cart:1 other:1", "denied: the command is permitted, a key", &["`other:1` is written: not by"]),
    ("cart", "auth x", "allowed", &["everybody may run AUTH"]),
    ("cart", "get", "denied: redis-7.4 does not run this", &["ERR wrong number of arguments for 'get' command"]),
    ("cart", "nosuch x", "denied: redis-7.4 does not run this", &["ERR unknown command 'nosuch'"]),
    ("cart", "quit", "allowed", &["everybody may run QUIT"]),
    (
        "wide",
        "sort_ro w:1 by nosort get secret:*",
        "denied: the command is permitted, what it would look up is not",
        &["ERR GET option of SORT denied due to insufficient ACL permissions."],
    ),
    ("wide", "sort_ro w:1 by nosort get #", "allowed", &["permits SORT_RO"]),
    ("cart", "scan 0", "allowed", &["`+@read` permits SCAN", "the names of all keys are told"]),
    ("feed", "publish n:1 x", "allowed", &["`n:1`: `n:*` permits it"]),
    ("feed", "publish other x", "denied: the command is permitted, a channel is not", &["not by `&n:*`"]),
    // A pattern must be permitted as it is.
    ("feed", "psubscribe n:1*", "denied: the command is permitted, a channel is not", &["access a channel"]),
    ("both", "get b:1", "allowed", &["`+get` in selector 1 permits GET"]),
    ("both", "set b:1 x", "denied: the command is permitted, a key is not", &["`+set` permits SET"]),
    ("admin", "debug sleep 1", "denied: redis.conf switches it off", &["ERR DEBUG command not allowed"]),
    ("admin", "flushall", "allowed", &["`+@all` permits FLUSHALL"]),
    ("default", "get x", "`default` cannot log in", &["denied: the command is not permitted"]),
];

#[test]
fn explain_says_who_may_run_what_and_by_which_rule() {
    let profile = format!(
        "{PROD}users:\n  - {{ name: admin, role: admin }}\n  - {{ name: cart, role: application, keys: [\"cart:*\"] }}\n  \
         - {{ name: feed, role: application, keys: [\"f:*\"], channels: [\"n:*\"] }}\n  \
         - {{ name: wide, role: custom, keys: [\"w:*\"], commands: [+ping, +sort_ro] }}\n  \
         - {{ name: both, role: custom, keys: [\"a:*\"], commands: [+ping, +set], selectors: [{{ commands: [+get], keys: [\"b:*\"] }}] }}\n"
    );
    let room = Room::with(&profile);
    for (user, command, first, more) in COMMANDS {
        let out = room.run(["explain", "p.yaml", "--user", user, "--command", command]).ended(0).stdout;
        assert!(out.starts_with(first), "{user}: {command}:\n{out}");
        for text in *more {
            assert!(out.contains(text), "{user}: {command}: no {text:?}:\n{out}");
        }
    }
    for usage in [
        &["explain", "p.yaml", "--user", "cart"][..],
        &["explain", "p.yaml", "--command", "get x"],
        &["explain", "p.yaml", "--user", "nobody", "--command", "get x"],
        &["explain", "p.yaml", "--user", "cart", "--command", ""],
        &["explain", "p.yaml", "--user", "cart", "--command", "get \"x"],
        &["explain", "p.yaml", "tls", "--user", "cart", "--command", "get x"],
        &["explain", "tls-disabled", "--user", "cart", "--command", "get x"],
    ] {
        room.run(usage).ended(2);
    }
    // Each line has its words.
    for (version, words) in [
        ("6.2.24", "run the 'flushall' command or its subcommand"),
        ("7.2.16", "NOPERM User cart has no permissions to run the 'flushall' command"),
    ] {
        let text = format!(
            "{PROD}engine: {{ version: \"{version}\" }}\nusers: [{{ name: cart, role: application, keys: [\"c:*\"] }}]\n"
        );
        room.file("other.yaml", text);
        let out = room.run(["explain", "other.yaml", "--user", "cart", "--command", "flushall"]).ended(0).stdout;
        assert!(out.contains(words), "{out}");
    }
    // Renamed away, nobody runs it.
    room.file("renamed.yaml", format!("{PROD}commands: {{ disabled: [flushall], rename: true }}\n"));
    let out = room.run(["explain", "renamed.yaml", "--user", "admin", "--command", "flushall"]).ended(0).stdout;
    assert!(out.contains("renames it away") && out.contains("ERR unknown command 'flushall'"), "{out}");
}
