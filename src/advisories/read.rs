//! In: the texts of `lines.toml` and `advisories.toml`. Out: what they say, or what is wrong with them.

use serde::Deserialize;

use super::{Advisory, Build, Fixed, Hold, LineEnd, Lines, Who};
use crate::engine::EngineArgument;
use crate::format::{Date, EngineVersion};
use crate::profile::EngineKind;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinesFile {
    date: Date,
    line: Vec<LineRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvisoriesFile {
    advisory: Vec<AdvisoryRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineRow {
    name: String,
    safe: Option<EngineVersion>,
    end_of_life: Option<Date>,
    note: Option<String>,
    caution: Option<String>,
    sources: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvisoryRow {
    id: String,
    #[serde(default)]
    also: Vec<String>,
    what: String,
    who: Who,
    only: Option<String>,
    #[serde(default)]
    fixed: FixedRow,
    #[serde(default)]
    held_by: Vec<Hold>,
    #[serde(default)]
    held_by_inferred: bool,
    conflict: Option<String>,
    sources: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FixedRow {
    #[serde(default)]
    redis: String,
    #[serde(default)]
    valkey: String,
}

/// Reads the lines.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn lines(text: &str) -> Result<Lines, String> {
    let file: LinesFile = toml::from_str(text).map_err(|error| format!("the lines of advisories: {error}"))?;
    Ok(Lines { date: file.date, all: file.line.into_iter().map(line).collect::<Result<_, _>>()? })
}

/// Reads the vulnerabilities.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn advisories(text: &str) -> Result<Vec<Advisory>, String> {
    let file: AdvisoriesFile = toml::from_str(text).map_err(|error| format!("the table of advisories: {error}"))?;
    file.advisory.into_iter().map(advisory).collect()
}

fn line(row: LineRow) -> Result<LineEnd, String> {
    let known: EngineArgument = row.name.parse().map_err(|reason| format!("{}: {reason}", row.name))?;
    Ok(LineEnd {
        kind: known.kind,
        number: known.line,
        safe: row.safe,
        end_of_life: row.end_of_life,
        note: row.note,
        caution: row.caution,
        sources: row.sources,
    })
}

fn advisory(row: AdvisoryRow) -> Result<Advisory, String> {
    let words = |kind: EngineKind, words: &str| -> Result<Vec<Fixed>, String> {
        words.split_whitespace().map(|word| fixed(kind, word).map_err(|word| format!("{}: `{word}`", row.id))).collect()
    };
    let mut fixed = words(EngineKind::Redis, &row.fixed.redis)?;
    fixed.extend(words(EngineKind::Valkey, &row.fixed.valkey)?);
    Ok(Advisory {
        id: row.id,
        also: row.also,
        what: row.what,
        who: row.who,
        only: row.only,
        fixed,
        held_by: row.held_by,
        held_by_inferred: row.held_by_inferred,
        conflict: row.conflict,
        sources: row.sources,
    })
}

/// `7.4.3`, `7.4.3?`, `7.0:none`, `7.0:none?` or `6.2:unknown`.
fn fixed(kind: EngineKind, word: &str) -> Result<Fixed, String> {
    let (plain, inferred) = word.strip_suffix('?').map_or((word, false), |plain| (plain, true));
    let parsed = match plain.split_once(':') {
        Some((line, "none")) => version(&format!("{line}.0")).map(|version| (version, Build::None)),
        Some((line, "unknown")) => version(&format!("{line}.0")).map(|version| (version, Build::Unknown)),
        Some(_) => None,
        None => version(plain).map(|version| (version, Build::First(version.patch))),
    };
    let (version, build) = parsed.ok_or(word)?;
    Ok(Fixed { kind, line: version.line, build, inferred })
}

fn version(text: &str) -> Option<EngineVersion> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::acl;
    use crate::engine;

    const LINES: &str = include_str!("lines.toml");
    const ADVISORIES: &str = include_str!("advisories.toml");

    #[test]
    fn words_are_read_as_the_table_explains_them() {
        let read = |word: &str| fixed(EngineKind::Redis, word).map(|fixed| (fixed.line, fixed.build, fixed.inferred));
        assert_eq!(read("7.4.3"), Ok(((7, 4), Build::First(3), false)));
        assert_eq!(read("7.2.8?"), Ok(((7, 2), Build::First(8), true)));
        assert_eq!(read("7.0:none"), Ok(((7, 0), Build::None, false)));
        assert_eq!(read("7.0:none?"), Ok(((7, 0), Build::None, true)));
        assert_eq!(read("8.10:unknown"), Ok(((8, 10), Build::Unknown, false)));
        for wrong in ["7.4", "7.4.3!", "7.0:perhaps", ":none", "7.4.3??", "none"] {
            assert_eq!(read(wrong), Err(wrong.to_owned()));
        }
        let wrong = advisories(&ADVISORIES.replace("7.0:none ", "7.0:noon "));
        assert!(wrong.expect_err("a wrong word").contains("7.0:noon"));
        assert!(lines(&LINES.replace("redis-7.0", "redis-7.1")).is_err(), "an unknown line");
    }

    #[test]
    fn every_row_is_whole() {
        let mut seen = BTreeSet::new();
        for row in &advisories(ADVISORIES).expect("readable") {
            for id in std::iter::once(&row.id).chain(&row.also) {
                assert!(seen.insert(id.clone()), "{id} stands twice");
            }
            assert!(row.what.ends_with('.') && !row.sources.is_empty(), "{}", row.id);
            assert_eq!(row.fixed.is_empty(), row.only.is_some(), "{}: lines, or builds that are not ours", row.id);
            let lines: BTreeSet<_> = row.fixed.iter().map(|fixed| (fixed.kind, fixed.line)).collect();
            assert_eq!(lines.len(), row.fixed.len(), "{}: a line stands twice", row.id);
            for fixed in &row.fixed {
                let version = EngineVersion { line: fixed.line, patch: 0 };
                let line = engine::line(fixed.kind, version).unwrap_or_else(|| panic!("{}: {fixed:?}", row.id));
                for hold in &row.held_by {
                    let known = match hold {
                        Hold::Deny(names) | Hold::DenyToKeyLimited(names) => {
                            names.iter().any(|name| acl::select(line, name).is_ok())
                        }
                        Hold::Setting(name, value) => {
                            // A directive that the line lacks is held by that alone.
                            line.directive(name).is_none_or(|known| known.check(value).is_ok())
                        }
                        Hold::Exposure | Hold::MutualTls => row.who == Who::Anyone,
                    };
                    assert!(known, "{}: {hold:?} on {line}", row.id);
                }
            }
        }
    }

    #[test]
    fn every_line_stands_once() {
        let lines = lines(LINES).expect("readable").all;
        for line in engine::lines() {
            let rows: Vec<_> = lines.iter().filter(|row| row.kind == line.kind && row.number == line.number).collect();
            assert_eq!(rows.len(), 1, "{line}");
            assert!(rows.iter().all(|row| !row.sources.is_empty()), "{line}");
            assert!(rows.iter().all(|row| row.safe.is_none_or(|safe| safe.line == row.number)), "{line}");
        }
        assert_eq!(lines.len(), engine::lines().count());
    }
}
