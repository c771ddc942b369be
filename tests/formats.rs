//! Findings for machines: SARIF for code scanning, judged by its schema and by a second reader; annotations for GitHub
//! Actions. Both name files as the repository does, and the same finding keeps its identity when lines move.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail"
)]

mod common;

use std::process::Command;

use common::{PROD, Room};
use serde_json::Value;

/// A warning at a line, an info from a default, a related place, and signs that formats have to escape.
const PROFILE: &str = "version: 1\nname: demo\nenvironment: production\nusers:\n  - { name: admin, role: admin }\n  \
    - { name: job, role: custom, commands: [+ping, \"+client|pause\", +get] }\n  - { name: job, role: custom, commands: [+ping] }\n";

/// The published schema, as the crate that reads SARIF brings it.
fn schema() -> Value {
    // Only what was built is there to be looked at.
    let rustc = common::text_of(Command::new("rustc").arg("-vV"));
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", host])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let package = packages.iter().find(|package| package["name"] == "serde-sarif").expect("serde-sarif");
    let manifest = std::path::Path::new(package["manifest_path"].as_str().expect("a path"));
    let text = std::fs::read_to_string(manifest.with_file_name("src/schema.json")).expect("its schema");
    serde_json::from_str(&text).expect("JSON")
}

fn repository(profile: &str) -> Room {
    let room = Room::new();
    std::fs::create_dir(room.path(".git")).expect("folder");
    room.file("ops/my profiles/p.yaml", profile);
    room
}

fn log(room: &Room, path: &str) -> Value {
    let out = room.run(["validate", "--format", "sarif", "--as-of", "2026-11-24", path]);
    serde_json::from_str(&out.stdout).unwrap_or_else(|error| panic!("{error}: {}", out.stdout))
}

#[test]
fn sarif_stands_its_schema_and_a_second_reader() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let room = repository(PROFILE);
    room.file("broken.yaml", "version: 1\nname: [\n");
    room.file("slip.yaml", format!("{PROD}tls: {{ mode: mutaul }}\n"));
    room.file("many.yaml", expired(100));
    for path in ["ops/my profiles/p.yaml", "broken.yaml", "slip.yaml", "many.yaml"] {
        let log = log(&room, path);
        let errors: Vec<String> = validator.iter_errors(&log).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{path}: {errors:?}");
        let read: serde_sarif::sarif::Sarif = serde_json::from_value(log.clone()).expect("readable");
        let run = &read.runs[0];
        let rules = run.tool.driver.rules.as_ref().expect("rules");
        let results = run.results.as_ref().expect("results");
        assert!(!results.is_empty() && rules.len() > 100);
        for result in results {
            let place = usize::try_from(result.rule_index.expect("an index")).expect("small");
            assert_eq!(Some(&rules[place].id), result.rule_id.as_ref());
        }
        // The control: the schema refuses what is none.
        let mut wrong = log;
        wrong["runs"][0]["results"][0]["level"] = Value::from("warn");
        assert!(!validator.is_valid(&wrong));
    }
}

/// Rule, file, line and fingerprint of each result.
fn results(log: &Value) -> Vec<(String, String, u64, String)> {
    let results = log["runs"][0]["results"].as_array().expect("results").iter();
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned();
    results
        .map(|result| {
            let place = &result["locations"][0]["physicalLocation"];
            (
                text(&result["ruleId"]),
                text(&place["artifactLocation"]["uri"]),
                place["region"]["startLine"].as_u64().expect("a line"),
                text(&result["partialFingerprints"]["redisgen/v1"]),
            )
        })
        .collect()
}

#[test]
fn fingerprints_stay_when_lines_move() {
    let room = repository(PROFILE);
    let before = results(&log(&room, "ops/my profiles/p.yaml"));
    let unique: std::collections::BTreeSet<&String> = before.iter().map(|result| &result.3).collect();
    assert_eq!(unique.len(), before.len(), "two findings share a fingerprint: {before:?}");
    room.file("ops/my profiles/p.yaml", format!("# a comment\n\n{PROFILE}"));
    let after = results(&log(&room, "ops/my profiles/p.yaml"));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((&before.0, &before.1, before.2 + 2, &before.3), (&after.0, &after.1, after.2, &after.3));
        assert_eq!(before.1, "ops/my%20profiles/p.yaml");
    }
    // From another folder of the repository, the names are the same.
    let out = Command::new(common::REDISGEN)
        .args(["validate", "--format", "sarif", "--as-of", "2026-11-24", "p.yaml"])
        .current_dir(room.path("ops/my profiles"))
        .output()
        .expect("runs");
    let elsewhere: Value = serde_json::from_slice(&out.stdout).expect("JSON");
    assert_eq!(results(&elsewhere), after);
}

/// So many entries that have expired, and a finding that is waived.
fn expired(count: usize) -> String {
    let entry = |place: usize| format!("    - {{ source: 10.0.{place}.0/24, until: \"2020-01-01\", comment: a }}\n");
    let list: String = (0..count).map(entry).collect();
    let waivers = "waivers:\n  - { rule: backups-off, reason: elsewhere }\n";
    format!("{PROD}{waivers}network:\n  exposure: allowlist\n  allow:\n{list}")
}

#[test]
fn what_is_not_shown_is_counted_in_every_format() {
    let room = repository("");
    room.file("many.yaml", expired(100));
    let run = |format: &str, path: &str| room.run(["validate", "--as-of", "2026-11-24", "--format", format, path]);
    let document = |path: &str| -> Value { serde_json::from_str(&run("json", path).stdout).expect("JSON") };
    let many = document("many.yaml");
    let listed = many["findings"].as_array().expect("findings");
    let count = |severity: &str| listed.iter().filter(|finding| finding["severity"] == severity).count();
    let all = |severity: &str| count(severity) as u64 + many["omitted"][severity].as_u64().expect("a number");
    assert_eq!((listed.len(), all("error"), &many["omitted"]["exact"]), (64, 100, &Value::Bool(true)));
    assert_eq!(many["waived"], 1);
    let human = run("human", "many.yaml").ended(1);
    assert!(human.stdout.contains("not shown: 36 errors, "), "{}", human.stdout);
    assert!(human.stderr.contains(", 100 errors, ") && human.stderr.contains(", 1 waived\n"), "{}", human.stderr);
    let github = run("github", "many.yaml").stdout;
    let last = github.lines().last().expect("a line");
    assert!(last.starts_with("::notice file=many.yaml,title=redisgen::not shown: 36 errors, "), "{last}");
    let notifications = log(&room, "many.yaml")["runs"][0]["invocations"][0]["toolExecutionNotifications"].clone();
    assert_eq!(notifications.as_array().expect("a list").len(), 1);
    assert!(notifications[0]["message"]["text"].as_str().is_some_and(|text| text.contains("36 errors")));

    // Where nobody looked for more, nobody knows how many there are.
    let keys = (0..100).map(|place| format!("key{place}: 1")).collect::<Vec<_>>().join("\n");
    room.file("keys.yaml", format!("{PROD}{keys}\n"));
    assert_eq!(document("keys.yaml")["omitted"]["exact"], false);
    assert!(run("human", "keys.yaml").stderr.contains("at least 65 errors"));
    // The control: few findings are all there.
    room.file("few.yaml", PROD);
    let few = document("few.yaml");
    assert_eq!(few["omitted"], serde_json::json!({ "error": 0, "warning": 0, "info": 0, "exact": true }));
    assert_eq!(few["waived"], 0);
    assert_eq!(
        log(&room, "few.yaml")["runs"][0]["invocations"][0]["toolExecutionNotifications"],
        serde_json::json!([])
    );
    assert!(
        !run("human", "few.yaml").stdout.contains("not shown")
            && !run("github", "few.yaml").stdout.contains("not shown")
    );
}

#[test]
fn a_fix_is_told_to_machines() {
    let room = repository("");
    room.file("slip.yaml", format!("{PROD}tls: {{ mode: mutaul }}\n"));
    let replacement = &log(&room, "slip.yaml")["runs"][0]["results"][0]["fixes"][0]["artifactChanges"][0];
    assert_eq!(replacement["artifactLocation"]["uri"], "slip.yaml");
    let region = serde_json::json!({ "startLine": 4, "startColumn": 14, "endLine": 4, "endColumn": 20 });
    assert_eq!(replacement["replacements"][0]["deletedRegion"], region);
    assert_eq!(replacement["replacements"][0]["insertedContent"]["text"], "mutual");
    let findings = room.run(["validate", "--format", "json", "slip.yaml"]).ended(1).findings();
    let fix = serde_json::json!({ "line": 4, "column": 14, "end_line": 4, "end_column": 20, "text": "mutual" });
    assert_eq!(findings[0]["fix"], fix);
    room.file("few.yaml", PROD);
    assert!(
        room.run(["validate", "--format", "json", "few.yaml"])
            .findings()
            .iter()
            .all(|finding| finding["fix"].is_null())
    );
}

#[test]
fn people_learn_where_a_value_comes_from_and_where_to_read_on() {
    let room = Room::with(PROD);
    let out = room.run(["validate", "p.yaml"]).ended(0);
    assert!(out.stdout.contains("note: the default that applies: <production defaults>:"), "{}", out.stdout);
    assert!(!out.stdout.contains("redisgen explain"), "infos are no reason to read on");
    room.file("bad.yaml", format!("{PROD}network: {{ exposure: open }}\ntls: {{ mode: disabled }}\n"));
    let out = room.run(["validate", "bad.yaml", "bad.yaml"]).ended(1);
    let hints: Vec<&str> = out.stdout.lines().filter(|line| line.contains("redisgen explain ")).collect();
    assert_eq!(hints.len(), 1, "{}", out.stdout);
    let id = hints[0].rsplit(' ').next().expect("an id");
    room.run(["explain", id]).ended(0);
    // Two parents that share a third: what is wrong there is one finding.
    room.file("shared.yaml", "version: 1\ntls: {\n");
    room.file("one.yaml", "version: 1\nextends: [shared.yaml]\n");
    room.file("two.yaml", "version: 1\nextends: [shared.yaml]\n");
    room.file("child.yaml", format!("{PROD}extends: [one.yaml, two.yaml]\n"));
    assert_eq!(room.run(["validate", "--format", "json", "child.yaml"]).ended(1).rules(), ["yaml-syntax"]);
}

#[test]
fn annotations_are_escaped_and_one_a_line() {
    let room = repository(PROFILE);
    let out = room.run(["validate", "--format", "github", "ops/my profiles/p.yaml"]).ended(1);
    let lines: Vec<&str> = out.stdout.lines().collect();
    assert!(lines.len() > 3 && lines.iter().all(|line| line.starts_with("::")), "{}", out.stdout);
    let pause = lines.iter().find(|line| line.contains("title=user-blocks-server::")).expect("the finding");
    assert!(pause.starts_with("::warning file=ops/my profiles/p.yaml,line=6,endLine=6,col="), "{pause}");
    assert!(pause.contains("%0Ahelp: "), "{pause}");
    for level in ["::error ", "::warning ", "::notice "] {
        assert!(lines.iter().any(|line| line.starts_with(level)), "{level}: {}", out.stdout);
    }
    // Standard output of `diff` is findings only; what differs is told beside it.
    room.file("q.yaml", PROD);
    room.run(["build", "q.yaml"]).ended(0);
    room.file("deploy/redis/redis.conf", "changed\n");
    let out = room.run(["diff", "--format", "github", "q.yaml"]).ended(1);
    assert!(
        out.stdout.lines().all(|line| line.starts_with("::")) && out.stderr.contains("redis.conf"),
        "{}",
        out.stdout
    );
}

#[test]
fn the_catalogue_is_listed_for_people_and_machines() {
    let room = Room::new();
    let catalogue: Value =
        serde_json::from_str(&room.run(["rules", "--format", "json"]).ended(0).stdout).expect("JSON");
    let rules = catalogue["rules"].as_array().expect("rules");
    let people = room.run(["rules"]).ended(0).stdout;
    assert_eq!(people.lines().count(), rules.len() + 1);
    let page = room.run(["rules", "--format", "markdown"]).ended(0).stdout;
    for rule in rules {
        let id = rule["id"].as_str().expect("an id");
        assert!(people.lines().any(|line| line.starts_with(id)) && page.contains(&format!("\n### {id}\n")), "{id}");
        for field in ["title", "why", "source"] {
            assert!(rule[field].as_str().is_some_and(|text| !text.is_empty()), "{id}: {field}");
        }
        assert!(rule["fix"].is_string() && rule["waivable"].is_boolean(), "{id}");
        for environment in ["development", "production"] {
            let word = rule["severity"][environment].as_str().expect("a severity");
            assert!(["error", "warning", "info"].contains(&word), "{id}");
        }
    }
}
