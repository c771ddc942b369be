//! The alert rules under promtool: what is emitted passes its tests, and each test sees a rule that is broken.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::Room;

fn promtool(folder: &Path, words: &[&str]) -> Output {
    let mut command = Command::new("promtool");
    command.current_dir(folder).args(words).output().expect("promtool runs: install the package prometheus")
}

/// Lines with these expressions in turn, with the names of their alerts.
fn alerts(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let named = lines.iter().enumerate().filter_map(|(place, line)| {
        let name = line.trim().strip_prefix("- alert: ")?.trim_matches('"').to_owned();
        Some((place + 1, name))
    });
    named.collect()
}

/// The two cases of one alert: promtool takes its time for each.
fn cases(tests: &str, name: &str) -> String {
    let mut blocks = tests.split("\n  # ");
    let mut text = blocks.next().expect("a head").to_owned();
    let own: Vec<&str> = blocks.filter(|block| block.split(' ').next() == Some(name)).collect();
    assert_eq!(own.len(), 2, "{name}");
    for block in own {
        text.push_str(&format!("\n  # {block}"));
    }
    text
}

/// What is emitted holds; with one expression exchanged for one that never fires, or always does, it does not, and
/// promtool names the alert.
fn judged(fixture: &str, least: usize) -> Vec<String> {
    let room = Room::new();
    let path = fs::canonicalize(format!("fixtures/ok/{fixture}.yaml")).expect("fixture");
    room.run(["build", path.to_str().expect("UTF-8"), "--no-secrets", "--deny", "error", "--out", "o"]).ended(0);
    let folder = room.path("o/monitoring");
    let emitted = fs::read_to_string(folder.join("alerts.yml")).expect("alerts");
    for words in
        [["check", "rules", "alerts.yml"], ["check", "config", "prometheus.yml"], ["test", "rules", "alerts.test.yml"]]
    {
        let output = promtool(&folder, &words);
        assert!(output.status.success(), "{fixture} {words:?}: {output:?}");
    }
    let alerts = alerts(&emitted);
    assert!(alerts.len() >= least, "{fixture}: {alerts:?}");
    let tests = fs::read_to_string(folder.join("alerts.test.yml")).expect("tests");
    for (place, name) in &alerts {
        fs::write(folder.join("one.test.yml"), cases(&tests, name)).expect("written");
        // `for` would hide a quiet case that fires: it is part of what is tested, and the case is old enough.
        for (broken, what) in [("vector(0) > 1", "never fires"), ("vector(1) == 1", "always fires")] {
            let mut lines: Vec<String> = emitted.lines().map(str::to_owned).collect();
            assert!(lines[*place].trim_start().starts_with("expr: "), "{name}: {}", lines[*place]);
            lines[*place] = format!("        expr: \"{broken}\"");
            fs::write(folder.join("alerts.yml"), lines.join("\n") + "\n").expect("written");
            let output = promtool(&folder, &["test", "rules", "one.test.yml"]);
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8_lossy(&said).into_owned();
            assert!(!output.status.success() && said.contains(name), "{fixture}: {name} {what}, unseen: {said}");
        }
    }
    // The figures that alerts read are tested with them.
    for record in emitted.match_indices("- record: ").map(|(place, _)| place) {
        let rest = &emitted[record..];
        let expr = rest.find("expr: ").expect("an expression") + record;
        let end = expr + emitted[expr..].find('\n').expect("a line");
        let broken = format!("{}expr: \"vector(0)\"{}", &emitted[..expr], &emitted[end..]);
        fs::write(folder.join("alerts.yml"), broken).expect("written");
        assert!(!promtool(&folder, &["test", "rules", "alerts.test.yml"]).status.success(), "{fixture}: {rest:.60}");
    }
    alerts.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn every_alert_fires_and_stays_quiet_and_its_test_sees_both() {
    let all = judged("prod", 17);
    // Without histograms of latency and without counters of refusals.
    let old = judged("redis-6-2", 13);
    assert!(!old.iter().any(|name| name.starts_with("RedisBackup")), "{old:?}");
    // Thresholds of the profile; no persistence, no alert on it.
    let cache = judged("cache", 11);
    assert!(
        all.contains(&"RedisSnapshotFailed".to_owned()) && !cache.contains(&"RedisSnapshotFailed".to_owned()),
        "{cache:?}"
    );
}

#[test]
fn thresholds_are_the_profiles() {
    let room = Room::built(
        "version: 1\nname: demo\nenvironment: production\nmonitoring: { alerts: { memory_above: 64%, latency_above: 3ms } }\ntls: { renew_before: 20d }\n",
    );
    let text = room.read("deploy/monitoring/alerts.yml");
    for expected in [") > 64\"", "))) > 3000\"", "- time() < 1728000\""] {
        assert_eq!(text.matches(expected).count(), 1, "{expected}:\n{text}");
    }
}

#[test]
fn every_runbook_pointer_has_a_severity_and_a_summary() {
    let room = Room::built(crate::common::PROD);
    let alerts = crate::common::yaml_1_2(&room.read("deploy/monitoring/alerts.yml"));
    let rules = alerts["groups"][0]["rules"].as_array().expect("rules").clone();
    let mut seen = 0;
    for rule in rules.iter().filter(|rule| rule.get("alert").is_some()) {
        seen += 1;
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        assert!(["critical", "warning"].contains(&text(&rule["labels"]["severity"]).as_str()), "{rule}");
        assert!(text(&rule["annotations"]["summary"]).ends_with('.'), "{rule}");
        assert!(text(&rule["annotations"]["runbook"]).starts_with("docs/RUNBOOK.md#"), "{rule}");
    }
    assert!(seen > 12, "{seen}");
}

/// A password that was put there by somebody else, or rotated, reaches the exporter; a changed map is put right.
#[test]
fn the_exporters_map_follows_its_password() {
    let room = Room::built(crate::common::PROD);
    let map = || -> serde_json::Value {
        serde_json::from_str(&room.read("deploy/secrets/exporter/passwords.json")).expect("JSON")
    };
    let address = "rediss://exporter@redis:6379";
    assert_eq!(map()[address], room.read("deploy/secrets/exporter/password").as_str());
    let other = "x\"\\".to_owned() + &"y".repeat(40);
    room.file("deploy/secrets/exporter/password", format!("{other}\n"));
    room.run(["build", "p.yaml"]).ended(0);
    assert_eq!(map()[address], other.as_str());
    room.file("deploy/secrets/exporter/passwords.json", "{}");
    room.run(["build", "p.yaml"]).ended(0);
    assert_eq!(map()[address], other.as_str());
}
