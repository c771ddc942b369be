//! Findings as text for people and for machines, all from one structure.

pub mod github;
pub mod human;
pub mod json;
mod mask;
pub mod sarif;

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
