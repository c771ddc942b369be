//! The catalogue: one literal per rule. Documentation, `explain` and the fixtures' test derive from it.

mod access;
mod advisories;
mod allow;
mod application;
mod bastion;
mod cloud;
mod commands;
mod engine;
pub mod examples;
mod firewall;
mod idle;
mod network;
mod permissions;
mod project;
mod rename;
mod resources;
mod storage;
mod structure;
mod tls;
mod waivers;

use crate::finding::Severity;
use crate::format::Date;
use crate::model::Model;
use crate::topic::Topic;

/// A rule, as data. Severities: in development, in production.
pub struct Rule {
    /// A kebab-case sentence in short, stable for ever.
    pub id: &'static str,
    /// How bad it is in development and in production.
    pub severity: [Severity; 2],
    /// What is wrong, in one line.
    pub title: &'static str,
    /// What it is about: headings of the security guide, attacks that it stands against, controls that it serves.
    pub topic: &'static Topic,
    /// Why it matters.
    pub why: &'static str,
    /// How to mend it.
    pub fix: &'static str,
    /// Where the fact comes from.
    pub source: &'static str,
    /// False: a waiver cannot silence it.
    pub waivable: bool,
    /// The check; structural rules are checked while loading and have none.
    pub check: Option<fn(&Model, &mut Sink)>,
}

/// Most findings of one rule: a profile with 10 000 odd sources needs no 10 000 excerpts.
pub const PER_RULE: usize = 64;

/// Collects what one rule finds.
pub struct Sink {
    /// The day on which the profile is judged.
    pub today: Date,
    pub(crate) found: Vec<Raw>,
    /// Reports that were not kept.
    pub(crate) beyond: usize,
    /// True if the rule was told that it may stop looking.
    pub(crate) stopped: bool,
}

/// A finding before its path is turned into a place.
pub(crate) struct Raw {
    pub path: String,
    pub message: String,
    pub help: Option<String>,
    pub related: Vec<(String, String)>,
}

impl Sink {
    /// Starts a rule's collection.
    pub fn new(today: Date) -> Sink {
        Sink { today, found: Vec::new(), beyond: 0, stopped: false }
    }

    /// True if further reports would only be counted: no need to look for suggestions, or for more, then.
    pub fn full(&mut self) -> bool {
        let full = self.found.len() > PER_RULE;
        self.stopped |= full;
        full
    }

    /// Reports something at a profile path such as `network.allow[0].source`.
    pub fn report(&mut self, path: impl Into<String>, message: impl Into<String>) -> &mut Sink {
        if self.found.len() > PER_RULE {
            self.beyond += 1;
            return self;
        }
        self.found.push(Raw { path: path.into(), message: message.into(), help: None, related: Vec::new() });
        self
    }

    /// Says what to write, for the last report.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Sink {
        if let Some(last) = self.found.last_mut() {
            last.help = Some(help.into());
        }
        self
    }

    /// Points at another path, for the last report.
    pub fn related(&mut self, path: impl Into<String>, message: impl Into<String>) -> &mut Sink {
        if let Some(last) = self.found.last_mut() {
            last.related.push((path.into(), message.into()));
        }
        self
    }
}

/// All rules, by topic.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    [
        structure::RULES,
        engine::RULES,
        advisories::RULES,
        network::RULES,
        allow::RULES,
        firewall::RULES,
        bastion::RULES,
        tls::RULES,
        access::RULES,
        commands::RULES,
        permissions::RULES,
        idle::RULES,
        rename::RULES,
        resources::RULES,
        cloud::RULES,
        storage::RULES,
        application::RULES,
        waivers::RULES,
        project::RULES,
    ]
    .into_iter()
    .flatten()
}

/// The rule of an id.
pub fn find(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id == id)
}

const ERROR: [Severity; 2] = [Severity::Error, Severity::Error];
const WARNING: [Severity; 2] = [Severity::Warning, Severity::Warning];
const INFO: [Severity; 2] = [Severity::Info, Severity::Info];
/// Harmless on a developer's machine.
const WARNING_IN_PRODUCTION: [Severity; 2] = [Severity::Info, Severity::Warning];
/// Acceptable on a developer's machine.
const ERROR_IN_PRODUCTION: [Severity; 2] = [Severity::Info, Severity::Error];
