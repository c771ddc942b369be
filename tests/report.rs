//! The checklist: each claim has its line and its test, whatever the profile; states follow the profile; the day changes
//! nothing; what `report` prints is what `build` writes.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::{DEV, MUTUAL, PROD, Room};
use serde_json::Value;

fn report(profile: &str) -> Value {
    let room = Room::with(profile);
    let out = room.run(["report", "p.yaml", "--format", "json"]).ended(0);
    serde_json::from_str(&out.stdout).expect("JSON")
}

fn items(report: &Value) -> Vec<Value> {
    let sections = report["checklist"].as_array().expect("sections");
    sections.iter().flat_map(|section| section["items"].as_array().expect("items").clone()).collect()
}

fn states(report: &Value) -> BTreeMap<String, String> {
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    items(report).iter().map(|item| (word(&item["id"]), word(&item["state"]))).collect()
}

#[test]
fn every_claim_has_its_line_and_its_test() {
    let mut claims = 0;
    let all = fs::read_dir("fixtures/ok").expect("fixtures").map(|entry| entry.expect("entry").path());
    // A bastion that leads nowhere.
    for path in all.chain([PathBuf::from("fixtures/rules/bastion-unused.yaml")]) {
        if path.is_dir() {
            continue;
        }
        let name = fs::canonicalize(&path).expect("a path");
        let room = Room::new();
        room.run(["build", name.to_str().expect("UTF-8"), "--no-secrets", "--deny", "error", "--out", "o"]).ended(0);
        let out = room.run(["report", name.to_str().expect("UTF-8"), "--format", "json"]).ended(0);
        let report: Value = serde_json::from_str(&out.stdout).expect("JSON");
        for item in items(&report) {
            let shown = item["evidence"].as_array().expect("evidence");
            for evidence in shown {
                claims += 1;
                let what = format!("{}: {}: {evidence}", path.display(), item["id"]);
                let file = fs::read_to_string(room.path("o").join(evidence["file"].as_str().expect("a file")));
                let line = evidence["line"].as_u64().unwrap_or_else(|| panic!("no such line: {what}"));
                let file = file.unwrap_or_else(|error| panic!("{error}: {what}"));
                let line = file.lines().nth(usize::try_from(line).expect("a number") - 1);
                // A comment shows nothing.
                let counts = |line: &str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
                assert!(line.is_some_and(counts), "{what}");
                let (source, function) =
                    evidence["test"].as_str().and_then(|test| test.split_once(' ')).expect("a test");
                let source = fs::read_to_string(source).unwrap_or_else(|error| panic!("{error}: {what}"));
                assert!(source.contains(&format!("fn {function}(")), "no such test: {what}");
            }
            // Nothing held is merely said; what is not published needs no filter.
            let bare = item["state"] == "held" && shown.is_empty();
            assert!(!bare || item["id"] == "firewall", "{}: {item}", path.display());
        }
    }
    assert!(claims > 200, "{claims}");
}

#[test]
fn states_follow_the_profile() {
    let (dev, prod) = (states(&report(DEV)), states(&report(PROD)));
    for id in
        ["strong-password", "tls", "acls-configured", "dangerous-commands-disabled", "least-privilege", "memory-limit"]
    {
        assert_eq!((dev[id].as_str(), prod[id].as_str()), ("not-held", "held"), "{id}");
    }
    for (id, change, state) in [
        ("tls", "tls: { mode: disabled }\nwaivers: [{ rule: tls-disabled, reason: x }]\n", "not-held"),
        ("bound-to-localhost", "network: { exposure: internal }\n", "held"),
        ("bound-to-localhost", "network: { exposure: allowlist, allow: [{ source: 10.0.0.1 }] }\n", "not-held"),
        ("firewall", "network: { exposure: allowlist, allow: [{ source: 10.0.0.1 }] }\n", "held"),
        ("dangerous-commands-disabled", "commands: { disabled: [flushall] }\n", "not-held"),
        (
            "least-privilege",
            "users: [{ name: admin, role: admin }, { name: a, role: application, keys: [\"*\"] }]\n",
            "not-held",
        ),
        (
            "least-privilege",
            "users: [{ name: admin, role: admin }, { name: a, role: custom, commands: [+ping, +save] }]\n",
            "not-held",
        ),
        ("encrypted-at-rest", "encryption_at_rest: { luks: { device: /dev/sdb1, mount: /mnt/redis } }\n", "held"),
        (
            "encrypted-at-rest",
            "encryption_at_rest: { aws: { region: us-east-1, availability_zone: us-east-1a, size: 10GiB } }\n",
            "outside",
        ),
        ("encrypted-at-rest", "", "not-held"),
        ("engine-build", "engine: { kind: redis, version: \"7.4.1\" }\n", "not-held"),
        ("survives-restart", "persistence: { aof: disabled, snapshots: [] }\n", "not-held"),
        // UFW does not see what Docker publishes.
        (
            "firewall",
            "network: { exposure: allowlist, allow: [{ source: 10.0.0.1 }], firewall: { backends: [ufw] } }\nwaivers: [{ rule: firewall-missing, reason: x }]\n",
            "not-held",
        ),
        ("rate-limit", "network: { exposure: allowlist, allow: [{ source: 10.0.0.1 }] }\n", "not-held"),
        (
            "rate-limit",
            "network: { exposure: allowlist, allow: [{ source: 10.0.0.1 }], firewall: { backends: [iptables], new_connections: 9/second } }\n",
            "held",
        ),
        // Nobody knows what is in an image of somebody's own.
        ("engine-build", "engine: { kind: redis, version: \"7.4.11\", image: \"example.com/x:1\" }\n", "outside"),
        (
            "least-privilege",
            "users: [{ name: admin, role: admin }, { name: a, role: custom, keys: [\"*\"], commands: [+get, +ping] }]\n",
            "not-held",
        ),
        ("survives-restart", "persistence: { aof: disabled }\n", "held"),
        ("server-verified", "", "outside"),
        ("server-verified", "tls: { mode: disabled }\nwaivers: [{ rule: tls-disabled, reason: x }]\n", "not-held"),
        ("rotation-scheduled", "secrets: { store: files }\n", "outside"),
    ] {
        let report = report(&format!("{PROD}{change}"));
        let shown = items(&report).iter().find(|item| item["id"] == id).expect("an item")["evidence"].clone();
        assert!(state != "held" || shown.as_array().is_some_and(|shown| !shown.is_empty()), "{id}: {change}");
        let lines = shown.as_array().expect("a list").iter().all(|evidence| evidence["line"].is_u64());
        assert!(lines, "{id}: {change}: {shown}");
        assert_eq!(states(&report)[id], state, "{id}: {change}");
        let counts = &report["counts"];
        let sum =
            ["held", "not_held", "outside"].map(|state| counts[state].as_u64().expect("a count")).iter().sum::<u64>();
        assert_eq!(sum, items(&report).len() as u64);
    }
}

#[test]
fn attacks_and_controls_follow_the_profile() {
    let plain = report(PROD);
    assert_eq!(plain["regimes"], Value::Array(Vec::new()));
    let titles: Vec<&str> = plain["attacks"]
        .as_array()
        .expect("attacks")
        .iter()
        .map(|attack| attack["title"].as_str().expect("a title"))
        .collect();
    assert_eq!(
        titles,
        [
            "Unauthorized access",
            "Command injection",
            "Denial of service",
            "Data exfiltration",
            "Session hijacking",
            "Man in the middle"
        ]
    );
    let mutual = |report: &Value| {
        let mitigations = report["attacks"][5]["mitigations"].as_array().expect("mitigations").clone();
        mitigations.into_iter().find(|mitigation| mitigation["id"] == "mutual-tls").expect("an item")["state"].clone()
    };
    assert_eq!((mutual(&plain), mutual(&report(MUTUAL))), ("not-held".into(), "held".into()));
    let regimes = report(&format!("{PROD}compliance: [hipaa, pci-dss]\n"))["regimes"].clone();
    let names: Vec<&str> =
        regimes.as_array().expect("regimes").iter().map(|regime| regime["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["HIPAA", "PCI DSS 4.0.1"]);
    let tls = regimes[1]["controls"].as_array().expect("controls").iter().find(|control| control["id"] == "4.2.1");
    assert_eq!(tls.expect("a control")["items"][0]["id"], "tls");
}

#[test]
fn the_day_changes_nothing_and_waivers_keep_their_dates() {
    let room = Room::with(&format!(
        "{PROD}tls: {{ mode: disabled }}\nwaivers: [{{ rule: tls-disabled, reason: \"a | b <c> [d](e)\", until: \"2027-01-31\" }}]\n"
    ));
    let on = |day: &str| room.run(["report", "p.yaml", "--as-of", day]).ended(0).stdout;
    assert_eq!(on("2026-11-24"), on("2029-01-01"));
    assert!(
        on("2026-11-24").contains("- `tls-disabled`, until 2027-01-31: a \\| b \\<c\\> \\[d\\](e)"),
        "{}",
        on("2026-11-24")
    );
    room.run(["build", "p.yaml", "--no-secrets", "--as-of", "2026-11-24"]).ended(0);
    assert_eq!(fs::read_to_string(room.path("deploy/docs/SECURITY.md")).expect("written"), on("2026-11-24"));
}

#[test]
fn a_page_replaces_pages_only() {
    let room = Room::with(PROD);
    room.run(["report", "p.yaml", "--html", "page.html"]).ended(0);
    room.file("p.yaml", MUTUAL);
    room.run(["report", "p.yaml", "--html", "page.html"]).ended(0);
    assert!(fs::read_to_string(room.path("page.html")).expect("a page").contains("TLS, client certificate"));
    room.file("mine.html", "<!DOCTYPE html>mine");
    assert!(
        room.run(["report", "p.yaml", "--html", "mine.html"]).ended(2).stderr.contains("redisgen did not write it")
    );
    std::os::unix::fs::symlink("page.html", room.path("link.html")).expect("a link");
    room.run(["report", "p.yaml", "--html", "link.html"]).ended(2);
    room.run(["report", "p.yaml", "--html", "absent/page.html"]).ended(2);
    room.file("bad.yaml", "version: 1\nname: demo\nenvironment: production\nusers: []\n");
    let out = room.run(["report", "bad.yaml", "--html", "bad.html"]).ended(1);
    assert!(out.stdout.contains("users-missing") && !room.path("bad.html").exists());
    room.run(["report", "p.yaml", "--deny", "info"]).ended(1);
}

/// The safe code of the document runs, and does what its comments say, on the keys of the profile's application.
#[test]
fn safe_code_is_safe() {
    let room = Room::with(&format!(
        "{PROD}users: [{{ name: admin, role: admin }}, {{ name: a, role: application, keys: [\"{{x}}:*\", \"shop:*\"] }}]\n"
    ));
    let document = room.run(["report", "p.yaml"]).ended(0).stdout;
    let code: String = document
        .split("```python\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect::<Vec<_>>()
        .join("\n");
    let test = "
class Client:
    def __init__(self): self.asked = []
    def get(self, *arguments): self.asked.append(arguments)
    def set(self, key, value, ex): self.asked.append((key, value, ex))
    def delete(self, *keys): self.asked.append(keys)

client = Client()
load_session(client, 'A' * 22)
for hostile in ['', 'short', '*' * 22, 'admin:' + 'A' * 22, \"key' || DEL user:*\", 'A' * 22 + '\\n', 'A' * 65, 'A' * 21 + '\\r\\nDEL x']:
    try:
        load_session(client, hostile)
    except ValueError:
        continue
    raise SystemExit('accepted: ' + repr(hostile))
assert client.asked == [('shop:' + 'A' * 22,)], client.asked
client.asked.clear()
new = renew_session(client, 'data', 'old')
assert client.asked == [('shop:' + new, 'data', 3600), ('shop:old',)], client.asked
assert SESSION_ID.fullmatch(new) and renew_session(client, 'data') != new
";
    let output = Command::new("python3").args(["-c", &format!("{code}{test}")]).output().expect("python3 starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // A prefix that Python would read otherwise is not taken.
    let room = Room::with(&format!(
        "{PROD}users: [{{ name: admin, role: admin }}, {{ name: a, role: application, keys: [\"{{x}}:*\"] }}]\n"
    ));
    assert!(room.run(["report", "p.yaml"]).ended(0).stdout.contains("f\"session:{session_id}\""));
}

/// Without arguments, all profiles of the project; a folder is many, too; a page is of one.
#[test]
fn a_whole_project_is_reported() {
    let room = Room::new();
    room.file("set/a.yaml", PROD);
    room.file("set/b.yaml", DEV);
    let listed = |name: &str, environment: &str| {
        format!("[[profiles]]\npath = \"set/{name}.yaml\"\nenvironment = \"{environment}\"\n")
    };
    let project = format!("version = 1\n{}{}", listed("a", "production"), listed("b", "development"));
    room.file("redisgen.toml", project);
    for arguments in [&["report", "--format", "json"][..], &["report", "set", "--format", "json"]] {
        let all: Value = serde_json::from_str(&room.run(arguments).ended(0).stdout).expect("JSON");
        let environment = |name: &str| all["profiles"][name]["environment"].clone();
        assert_eq!((environment("set/a.yaml"), environment("set/b.yaml")), ("production".into(), "development".into()));
    }
    assert_eq!(room.run(["report"]).ended(0).stdout.matches("# Security of `demo`").count(), 2);
    assert!(room.run(["report", "--html", "x.html"]).ended(2).stderr.contains("name it"));
    // One that is refused refuses all.
    room.file("set/b.yaml", PROD);
    room.run(["report"]).ended(1);
}
