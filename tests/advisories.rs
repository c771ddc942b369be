//! Known vulnerabilities: what a profile keeps out of reach follows what it emits, and the lists read as they should.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail"
)]

mod common;

use common::{Out, Room};
use redisgen::advisories::mitigation::{Reach, Verdict};
use redisgen::advisories::{self, Advisory};
use redisgen::input::{DiskParents, ProfilePath};
use redisgen::load::{self, Input};
use redisgen::model::Model;
use redisgen::resolve;
use serde_json::Value;

const HEAD: &str = "version: 1\nname: demo\nenvironment: production\nengine: { kind: redis, version: \"7.4.2\" }\n";
const USERS: &str = "users:\n  - { name: admin, role: admin }\n  - { name: app, role: application, keys: [\"a:*\"] }\n";
const NOTHING_DENIED: &str = "commands: { disabled: [] }\n";

fn model(text: &str) -> Model {
    let none = ProfilePath { name: "x".to_owned(), path: None };
    let input = Input { name: "x".to_owned(), bytes: text.as_bytes().to_vec() };
    let Ok((profile, loaded)) = load::load(input, &mut DiskParents::new(&none)) else { panic!("refused:\n{text}") };
    resolve::resolve(&loaded, profile, "x").expect("a known line")
}

fn row(id: &str) -> &'static Advisory {
    advisories::all().expect("readable").iter().find(|row| row.id == id).unwrap_or_else(|| panic!("no {id}"))
}

#[track_caller]
fn verdict(text: &str, id: &str, held: bool, words: &str) {
    let model = model(text);
    let verdict = Reach::new(&model).verdict(row(id));
    assert!(
        match &verdict {
            Verdict::Held(why) => held && why == words,
            Verdict::Open(why) => !held && why == words,
        },
        "{id}: {verdict:?}\n{text}"
    );
}

const LUA: &str = "CVE-2025-49844";
const ONLY_ADMINS: &str = "no enabled user but admins may run @scripting";

#[test]
fn one_right_of_one_user_flips_the_verdict() {
    let with = |user: &str| format!("{HEAD}{USERS}  - {{ name: job, {user} }}\n{NOTHING_DENIED}");
    verdict(&format!("{HEAD}{USERS}{NOTHING_DENIED}"), LUA, true, ONLY_ADMINS);
    verdict(&with("role: custom, keys: [\"*\"], commands: [\"+get\"]"), LUA, true, ONLY_ADMINS);
    verdict(&with("role: custom, keys: [\"*\"], commands: [\"+eval\"]"), LUA, false, "`job` may run EVAL");
    verdict(
        &with("role: custom, commands: [\"+get\"], selectors: [{ commands: [\"+fcall\"] }]"),
        LUA,
        false,
        "`job` may run FCALL",
    );
    verdict(&with("role: custom, enabled: false, commands: [\"+eval\"]"), LUA, true, ONLY_ADMINS);
    verdict(&with("role: admin"), LUA, true, ONLY_ADMINS);
    verdict(&with("role: custom, commands: [\"+eval\", \"-eval\"]"), LUA, true, ONLY_ADMINS);
}

#[test]
fn default_counts_when_it_is_enabled() {
    let open = "version: 1\nname: demo\nenvironment: development\nengine: { kind: redis, version: \"7.4.2\" }\n";
    verdict(open, LUA, false, "`default` may run EVAL, EVAL_RO, EVALSHA and 18 more");
    verdict(&format!("{open}commands: {{ disabled: [\"@scripting\"] }}\n"), LUA, true, ONLY_ADMINS);
}

#[test]
fn keys_count_where_the_flaw_is_about_keys() {
    let with = |keys: &str| {
        format!(
            "{HEAD}{NOTHING_DENIED}users:\n  - {{ name: job, role: custom, keys: [{keys}], commands: [\"+sort\"] }}\n"
        )
    };
    verdict(&with("\"a:*\""), "redis-15478", false, "`job` may run SORT");
    verdict(&with("\"%R~*\""), "redis-15478", false, "`job` may run SORT");
    let held = "no enabled user with limited keys may run SORT, GEORADIUS, GEORADIUSBYMEMBER, XREAD, XREADGROUP";
    verdict(&with("\"*\""), "redis-15478", true, held);
}

#[test]
fn a_setting_counts_while_nobody_else_can_change_it() {
    let eviction = "CVE-2026-23479";
    let job = |right: &str| {
        format!("{HEAD}{NOTHING_DENIED}{USERS}  - {{ name: job, role: custom, commands: [\"{right}\"] }}\n")
    };
    verdict(&job("+get"), eviction, true, "`maxmemory-clients` is `0`");
    verdict(&job("+config|get"), eviction, true, "`maxmemory-clients` is `0`");
    verdict(&job("+config|set"), eviction, false, "`maxmemory-clients` is `0`, but `job` may run CONFIG SET");
    verdict(
        &format!("{HEAD}{USERS}config: {{ maxmemory-clients: 5% }}\n"),
        eviction,
        false,
        "`maxmemory-clients` is `5%`",
    );
    // Nobody can switch cluster mode on in a running server.
    verdict(&job("+config|set"), "redis-15722", true, "`cluster-enabled` is `no`");
    verdict(&job("+get"), "GHSA-jcj7-v34w-v9vv", true, "redis-7.4 has no `rdma-port`");
}

/// The findings of one rule.
fn found(out: &Out, rule: &str) -> Vec<Value> {
    out.findings().into_iter().filter(|finding| finding["rule"] == rule).collect()
}

#[test]
fn exposure_and_certificates_flip_the_error() {
    let list = "allow: [{ source: 10.8.0.0/24 }]";
    for (network, tls, stays) in [
        ("exposure: internal", "server", ""),
        ("exposure: localhost", "server", ""),
        (&format!("exposure: allowlist, {list}"), "server", ""),
        (
            &format!("exposure: allowlist, {list}, firewall: {{ backends: [ufw] }}"),
            "server",
            "CVE-2025-21605 CVE-2025-48367",
        ),
        (
            "exposure: allowlist, allow: [{ source: 0.0.0.0/1 }, { source: 128.0.0.0/1 }]",
            "server",
            "CVE-2025-21605 CVE-2025-48367",
        ),
        ("exposure: open", "server", "CVE-2025-21605 CVE-2025-48367 CVE-2026-81934"),
        ("exposure: open", "mutual", "CVE-2025-48367"),
        ("exposure: open", "disabled", "CVE-2025-21605 CVE-2025-48367"),
    ] {
        let room = Room::with(&format!("{HEAD}{USERS}network: {{ {network} }}\ntls: {{ mode: {tls} }}\n"));
        let run = room.run(["validate", "--format", "json", "p.yaml"]);
        let errors = found(&run, "version-open-to-strangers");
        assert_eq!(errors.is_empty(), stays.is_empty(), "{network}, {tls}: {errors:?}");
        for finding in errors {
            assert_eq!((&finding["severity"], &finding["path"]), (&"error".into(), &"engine.version".into()));
            let message = finding["message"].as_str().expect("text").to_owned();
            for id in stays.split(' ') {
                assert!(message.contains(id), "{network}, {tls}: {message}");
            }
            assert_eq!(message.contains("CVE-2025-21605"), stays.contains("21605"), "{network}, {tls}: {message}");
            assert_eq!(message.contains("CVE-2026-81934"), tls == "server", "{network}, {tls}: {message}");
        }
        assert_eq!(found(&run, "version-vulnerable").len(), 1, "{network}: kept out is not mended");
    }
}

#[test]
fn days_flip_what_is_about_days() {
    let dated = |version: &str, day: &str| {
        let room = Room::with(&HEAD.replace("7.4.2", version));
        let run = room.run(["validate", "--format", "json", "--as-of", day, "p.yaml"]);
        ["line-ends-soon", "line-end-of-life", "advisories-outdated"].map(|rule| found(&run, rule).len())
    };
    assert_eq!(dated("6.2.24", "2026-12-31"), [0, 0, 0]);
    assert_eq!(dated("6.2.24", "2027-01-01"), [1, 0, 0]);
    assert_eq!(dated("6.2.24", "2027-03-31"), [1, 0, 1]);
    assert_eq!(dated("6.2.24", "2027-04-01"), [0, 1, 1]);
    assert_eq!(dated("7.4.11", "2027-02-23"), [0, 0, 0]);
    assert_eq!(dated("7.4.11", "2027-02-24"), [0, 0, 1]);
    assert_eq!(dated("8.10.2", "2099-01-01"), [0, 0, 1], "an end that nobody announced");
}

#[test]
fn lists_are_as_reviewed() {
    let room = Room::new();
    for (name, arguments) in [
        ("all", &[][..]),
        ("redis-7.0.15", &["--engine", "redis-7.0.15"]),
        ("redis-7.4.99", &["--engine", "redis-7.4.99"]),
        ("redis-6.2", &["--engine", "redis-6.2"]),
        ("valkey-9.1.2.json", &["--engine", "valkey-9.1.2", "--format", "json"]),
    ] {
        let run = room.run([&["advisories"], arguments].concat()).ended(0);
        assert!(run.stderr.is_empty() && run.stdout.contains("2026-10-26"), "{name}");
        insta::with_settings!({
            snapshot_path => format!("{}/snapshots/advisories", env!("CARGO_MANIFEST_DIR")),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, { insta::assert_snapshot!(name, run.stdout) });
    }
    let all = room.run(["advisories", "--format", "json"]).ended(0);
    let all: Value = serde_json::from_str(&all.stdout).expect("JSON");
    assert_eq!(all["engine"], Value::Null);
    assert_eq!(all["lines"].as_array().map(Vec::len), Some(15));
    for engine in ["redis-5.0", "redis", "7.4.11", "redis-7.4.x"] {
        let run = room.run(["advisories", "--engine", engine]).ended(2);
        assert!(run.stdout.is_empty() && run.stderr.contains("known lines are redis-6.2, "), "{}", run.stderr);
    }
}
