//! Rules on waivers themselves; found while they are applied.

use super::{ERROR, INFO, Rule, WARNING};
use crate::finding::Severity;
use crate::topic;

const fn waiver(
    id: &'static str,
    severity: [Severity; 2],
    title: &'static str,
    why: &'static str,
    fix: &'static str,
) -> Rule {
    Rule {
        id,
        severity,
        title,
        topic: topic::WAIVERS,
        why,
        fix,
        source: "profile format, version 1",
        waivable: false,
        check: None,
    }
}

pub(super) const RULES: &[Rule] = &[
    waiver(
        "waiver-unknown-rule",
        ERROR,
        "A waiver names no rule",
        "It silences nothing, and its author believes it does.",
        "Write the id that the finding prints in brackets.",
    ),
    waiver(
        "waiver-not-allowed",
        ERROR,
        "A waiver names a rule that cannot be waived",
        "What it reports is impossible or opens the server, or redisgen.toml leaves no room for the waiver.",
        "Remove the waiver and mend the cause.",
    ),
    waiver(
        "waiver-expired",
        WARNING,
        "A waiver has expired",
        "Somebody decided to look again by that day.",
        "Mend the cause, or set a new date with a new reason.",
    ),
    waiver(
        "waiver-unused",
        INFO,
        "A waiver silences nothing",
        "It would silence a future finding that nobody has looked at.",
        "Remove it.",
    ),
];
