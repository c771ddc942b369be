//! `docs/coverage.md`: each heading of the security guide and each mistake that was seen has a rule, or a reason for none.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a test may fail"
)]

use std::collections::BTreeSet;

use redisgen::rules;
use redisgen::topic;

/// Headings below the title of the guide, its table of contents included.
const HEADINGS: usize = 68;

struct Row {
    what: String,
    rules: Vec<String>,
    note: String,
}

/// The rows of each table; a table starts with a header that has a column `rules`.
fn tables(page: &str) -> Vec<Vec<Row>> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).unwrap_or("");
        line.split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut tables: Vec<Vec<Row>> = Vec::new();
    let mut rules = 0;
    for line in page.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---")) {
        let cells = cells(line);
        if let Some(column) = cells.iter().position(|cell| cell == "rules") {
            rules = column;
            tables.push(Vec::new());
        } else if let Some(table) = tables.last_mut() {
            table.push(Row {
                what: cells[rules - 1].clone(),
                rules: cells[rules].split_whitespace().map(|id| id.trim_matches('`').to_owned()).collect(),
                note: cells.get(rules + 1).cloned().unwrap_or_default(),
            });
        }
    }
    tables
}

/// What is wrong with a page.
fn wrong(page: &str) -> Vec<String> {
    let tables = tables(page);
    let mut wrong = Vec::new();
    let mut named = BTreeSet::new();
    for row in tables.iter().flatten() {
        if row.rules.is_empty() && row.note.is_empty() {
            wrong.push(format!("{}: no rule and no reason", row.what));
        }
        for id in &row.rules {
            named.insert(id.clone());
            if rules::find(id).is_none() {
                wrong.push(format!("{}: there is no rule {id}", row.what));
            }
        }
    }
    wrong
        .extend(rules::all().filter(|rule| !named.contains(rule.id)).map(|rule| format!("{} stands nowhere", rule.id)));
    let guide: BTreeSet<&str> = tables.first().into_iter().flatten().map(|row| row.what.as_str()).collect();
    for (topic, heading) in topic::ALL.iter().flat_map(|topic| topic.guide.iter().map(move |heading| (topic, heading)))
    {
        if !guide.contains(heading) {
            wrong.push(format!("{}: the guide has no heading {heading}", topic.title));
        }
    }
    let rows = tables.first().map_or(0, Vec::len);
    if rows != HEADINGS {
        wrong.push(format!("{rows} headings of {HEADINGS}"));
    }
    wrong
}

#[test]
fn every_heading_and_every_mistake_has_an_answer() {
    let page = std::fs::read_to_string("docs/coverage.md").expect("docs/coverage.md");
    assert_eq!(wrong(&page), Vec::<String>::new());
    assert!(tables(&page).iter().map(Vec::len).sum::<usize>() > 140);
    // What is missing is seen.
    for (from, to, expected) in [
        ("`tls-disabled`", "`tls-off`", "there is no rule tls-off"),
        ("A list of the other headings.", "", "Table of Contents: no rule and no reason"),
        ("| Firewall Rules |", "| Firewalls |", "the guide has no heading Firewall Rules"),
        ("`backups-kept-too-short`", "", "backups-kept-too-short stands nowhere"),
        ("| Table of Contents |  | A list of the other headings. |\n", "", "67 headings of 68"),
    ] {
        let found = wrong(&page.replace(from, to));
        assert!(found.iter().any(|wrong| wrong.contains(expected)), "{expected}: {found:?}");
    }
}
