//! Findings as text for people and as JSON for machines, both from one structure.

pub mod human;
pub mod json;
mod mask;

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// With excerpts, for people.
    Human,
    /// One JSON document.
    Json,
}
