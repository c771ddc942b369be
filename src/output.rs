//! Findings as text for people and for machines, all from one structure.

pub mod github;
pub mod human;
pub mod json;
mod mask;
pub mod sarif;

pub(crate) use mask::mask;

use crate::finding::{Counts, Severity};

/// `at least 65 errors, 1 warning`, or none.
fn words(counts: &Counts) -> Option<String> {
    let mut parts = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Info] {
        let count = counts.of(severity);
        if count.number > 0 || count.at_least {
            let least = if count.at_least { "at least " } else { "" };
            let plural = if count.number == 1 { "" } else { "s" };
            parts.push(format!("{least}{} {}{plural}", count.number, severity.word()));
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// With excerpts, for people.
    Human,
    /// One JSON document.
    Json,
    /// A SARIF 2.1.0 log, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum ListFormat {
    /// For people.
    Human,
    /// One JSON document.
    Json,
}
