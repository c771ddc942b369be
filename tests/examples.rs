//! Every rule's example tells the truth: `before` raises the rule, `after` does not and is accepted.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;

use common::Room;
use redisgen::check;
use redisgen::finding::{Report, Severity};
use redisgen::format::Date;
use redisgen::input::{DiskParents, ProfilePath};
use redisgen::load::{self, Input};
use redisgen::resolve;
use redisgen::rules;
use redisgen::rules::examples::{self, Example};

/// The day on which examples are judged that name none; that of the fixtures.
const DAY: &str = "2026-11-24";

/// The whole profile of a fragment.
fn completed(fragment: &str) -> String {
    let states = |key: &str| fragment.lines().any(|line| line.starts_with(key));
    if states("version:") {
        return fragment.to_owned();
    }
    let missing = [("name:", "name: shop\n"), ("environment:", "environment: production\n")];
    let missing: String = missing.into_iter().filter(|(key, _)| !states(key)).map(|(_, line)| line).collect();
    format!("version: 1\n{missing}{fragment}")
}

/// What a fragment raises; its parents are those of `fixtures/invalid`.
fn raised(fragment: &str, day: Date) -> BTreeSet<(Severity, &'static str)> {
    let name = "fixtures/invalid/example.yaml".to_owned();
    let profile = ProfilePath { path: Some(PathBuf::from(&name)), name: name.clone() };
    let input = Input { name, bytes: completed(fragment).into_bytes() };
    let report = match load::load(input, &mut DiskParents::new(&profile)) {
        Err(report) => report,
        Ok((typed, loaded)) => {
            let findings = match resolve::resolve(&loaded, typed, "example.yaml") {
                Err(finding) => vec![finding].into(),
                Ok(model) => check::check(&loaded, &model, day),
            };
            Report::new(findings, loaded.sources)
        }
    };
    report.findings.iter().map(|finding| (finding.severity, finding.rule)).collect()
}

/// What is wrong with an example, or nothing.
fn faults(rule: &str, before: &str, after: &str, day: Option<Date>) -> String {
    let day = day.unwrap_or_else(|| DAY.parse().expect("a date"));
    let (before, after) = (raised(before, day), raised(after, day));
    let mut faults = String::new();
    if !before.iter().any(|(_, raised)| *raised == rule) {
        faults.push_str(&format!("{rule}: `before` does not raise it, but {before:?}\n"));
    }
    for (severity, raised) in &after {
        let known = before.iter().any(|(_, before)| before == raised);
        if *raised == rule {
            faults.push_str(&format!("{rule}: `after` raises it still\n"));
        } else if *severity == Severity::Error {
            faults.push_str(&format!("{rule}: `after` is refused: {raised}\n"));
        } else if *severity == Severity::Warning && !known {
            faults.push_str(&format!("{rule}: `after` brings a warning of its own: {raised}\n"));
        }
    }
    faults
}

#[test]
fn every_rule_has_an_example_or_a_reason() {
    let examples = examples::all().expect("readable");
    let named: Vec<&str> = examples.keys().map(String::as_str).collect();
    let mut known: Vec<&str> = rules::all().map(|rule| rule.id).collect();
    known.sort_unstable();
    assert_eq!(named, known);
    // A rule that a profile can raise in few lines has no excuse.
    let absent: Vec<&str> = examples
        .iter()
        .filter(|(_, example)| matches!(example, Example::Absent { .. }))
        .map(|(rule, _)| rule.as_str())
        .collect();
    let excused = [
        "acl-file-refused",
        "advisories-outdated",
        "backend-too-many-sources",
        "cloud-sources-too-many",
        "environment-not-as-agreed",
        "extends-too-many",
        "internal-error",
        "invalid-utf8",
        "profile-too-big",
        "profile-too-deep",
    ];
    assert_eq!(absent, excused);
}

#[test]
fn examples_tell_the_truth() {
    let mut wrong = String::new();
    let mut blind = Vec::new();
    let all = examples::all().expect("readable");
    for (rule, example) in &all {
        let Example::Mend { before, after, as_of } = example else { continue };
        wrong.push_str(&faults(rule, before, after, *as_of));
        // The control: the other way round none of them passes.
        if faults(rule, after, before, *as_of).is_empty() {
            blind.push(rule.clone());
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(blind.is_empty(), "{blind:?}");
}

/// Each clause of the check finds what it is for, alone.
#[test]
fn wrong_examples_are_found() {
    let open = "network:\n  exposure: open\n";
    let local = "network:\n  exposure: localhost\n";
    assert_eq!(faults("network-open", open, local, None), "");
    let cases = [
        (local, local, "`before` does not raise it"),
        (open, open, "`after` raises it still"),
        (open, "network:\n  port: 22\n", "`after` is refused: port-is-ssh"),
        (open, "network:\n  exposure: closed\n", "`after` is refused: invalid-value"),
        (open, "tls:\n  mode: disabled\n", "`after` brings a warning of its own: tls-disabled"),
    ];
    for (before, after, fault) in cases {
        let found = faults("network-open", before, after, None);
        assert!(found.contains(fault) && found.lines().count() == 1, "{fault}: {found}");
    }
    // What `before` warns of, too, is no fault of `after`.
    let (before, after) = (
        format!("{open}users: [{{ name: a, role: custom }}]\n"),
        format!("{local}users: [{{ name: a, role: custom }}]\n"),
    );
    assert_eq!(faults("network-open", &before, &after, None), "");
    // The day counts.
    let six = "engine:\n  version: \"6.2.24\"\n";
    let seven = "engine:\n  version: \"7.4.11\"\n";
    let day = |text: &str| Some(text.parse().expect("a date"));
    assert_eq!(faults("line-ends-soon", six, seven, day("2027-01-01")), "");
    assert!(faults("line-ends-soon", six, seven, day("2026-11-24")).contains("does not raise it"));
}

/// People read them in a terminal, with the rest of the answer.
#[test]
fn examples_are_short_and_plain() {
    for (rule, example) in &examples::all().expect("readable") {
        let texts = match example {
            Example::Mend { before, after, .. } => vec![before, after],
            Example::Absent { none } => vec![none],
        };
        for text in texts {
            assert!((1..=6).contains(&text.lines().count()), "{rule}:\n{text}");
            for line in text.lines() {
                let plain = line.chars().all(|sign| sign == ' ' || sign.is_ascii_graphic());
                assert!(plain && line.trim_end() == line && line.len() <= 116, "{rule}: {line}");
            }
        }
    }
}

#[test]
fn explain_shows_the_example() {
    let room = Room::new();
    let out = room.run(["explain", "network-open"]).ended(0).stdout;
    let example = "\nExample, before:\n    network:\n      exposure: open\nafter:\n    network:\n      exposure: allowlist\n      allow:\n        - source: 10.8.0.0/24\n";
    assert!(out.ends_with(example), "{out}");
    let out = room.run(["explain", "line-ends-soon"]).ended(0).stdout;
    assert!(out.contains("\nExample of 2027-01-01, before:\n    engine:\n"), "{out}");
    let out = room.run(["explain", "invalid-utf8"]).ended(0).stdout;
    assert!(out.ends_with("\nNo example: bytes that are no text cannot be shown.\n"), "{out}");
    // Each answer ends in one or the other.
    for rule in rules::all() {
        let out = room.run(["explain", rule.id]).ended(0).stdout;
        assert_eq!(out.matches("\nExample").count() + out.matches("\nNo example: ").count(), 1, "{out}");
    }
}
