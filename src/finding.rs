//! One type for everything that is wrong with a profile, whether YAML, shape, model or rule says so.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use crate::source::{FileId, Sources, Span};

/// How bad it is; ordered from harmless to dangerous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing, or the guide's own choice.
    Info,
    /// A production deployment should not ship so.
    Warning,
    /// Dangerous or impossible.
    Error,
}

impl Severity {
    /// The word that all formats print.
    pub const fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "info" => Ok(Severity::Info),
            "warning" => Ok(Severity::Warning),
            "error" => Ok(Severity::Error),
            _ => Err("expected error, warning or info".to_owned()),
        }
    }
}

/// Another place that explains a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The place.
    pub span: Span,
    /// What is there.
    pub message: String,
}

/// An edit that is certain to be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What to replace.
    pub span: Span,
    /// The new text.
    pub text: String,
}

/// Something to tell about a profile. Messages never repeat scalar values that might be secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Rule id, stable for ever.
    pub rule: &'static str,
    /// How bad it is in this profile's environment.
    pub severity: Severity,
    /// One sentence.
    pub message: String,
    /// The profile path, empty for the whole file.
    pub path: String,
    /// Where to look.
    pub span: Span,
    /// What to write instead.
    pub help: Option<String>,
    /// A certain fix, if there is one.
    pub fix: Option<Fix>,
    /// Further places.
    pub related: Vec<Related>,
}

impl Finding {
    /// A structural error at a place; structure is always an error.
    pub fn structure(rule: &'static str, span: Span, message: impl Into<String>) -> Finding {
        Finding {
            rule,
            severity: Severity::Error,
            message: message.into(),
            path: String::new(),
            span,
            help: None,
            fix: None,
            related: Vec::new(),
        }
    }

    /// With the text to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Finding {
        self.help = Some(help.into());
        self
    }

    /// With a replacement that is certain to be meant; the help says the same in words.
    #[must_use]
    pub fn fix(mut self, text: impl Into<String>) -> Finding {
        self.fix = Some(Fix { span: self.span, text: text.into() });
        self
    }

    /// With another place.
    #[must_use]
    pub fn related(mut self, span: Span, message: impl Into<String>) -> Finding {
        self.related.push(Related { span, message: message.into() });
        self
    }

    /// With the profile path.
    #[must_use]
    pub fn at(mut self, path: &impl ToString) -> Finding {
        self.path = path.to_string();
        self
    }
}

/// At most this many findings are shown for one profile: rendering more helps nobody and costs.
pub const CAP: usize = 64;

/// Findings of one rule that are counted and not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unlisted {
    /// The rule.
    pub rule: &'static str,
    /// How bad each of them is.
    pub severity: Severity,
    /// How many there are.
    pub count: usize,
    /// True if nobody looked for more.
    pub at_least: bool,
}

/// All that was found.
#[derive(Debug, Default)]
pub struct Found {
    /// One by one, in any order.
    pub findings: Vec<Finding>,
    /// What a rule found beyond the most that are listed of it.
    pub beyond: Vec<Unlisted>,
    /// What waivers silenced.
    pub waived: Vec<Unlisted>,
}

impl From<Vec<Finding>> for Found {
    fn from(findings: Vec<Finding>) -> Found {
        Found { findings, ..Found::default() }
    }
}

/// A number of findings of one severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The number.
    pub number: usize,
    /// True if there may be more.
    pub at_least: bool,
}

/// How many findings there are of each severity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Severity, Count>);

impl Counts {
    /// The count of one severity.
    pub fn of(&self, severity: Severity) -> Count {
        self.0.get(&severity).copied().unwrap_or_default()
    }

    /// Adds up another report's.
    pub fn add(&mut self, other: &Counts) {
        for (severity, count) in &other.0 {
            self.raise(*severity, count.number, count.at_least);
        }
    }

    /// True if there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(|count| count.number == 0 && !count.at_least)
    }

    fn raise(&mut self, severity: Severity, number: usize, at_least: bool) {
        let count = self.0.entry(severity).or_default();
        count.number += number;
        count.at_least |= at_least;
    }
}

/// What one profile had to say for itself, and the texts it was read from.
#[derive(Debug, Default)]
pub struct Report {
    /// Sorted by file, position and rule; [`Report::shown`] says which of them are printed.
    pub findings: Vec<Finding>,
    /// What is counted only.
    beyond: Vec<Unlisted>,
    waived: Vec<Unlisted>,
    /// The files that spans point into.
    pub sources: Sources,
}

impl Report {
    /// Sorts and removes repetitions. What stands in a parent gets the line of `extends` that brings the parent in.
    #[must_use]
    pub fn new(found: impl Into<Found>, sources: Sources) -> Report {
        let Found { mut findings, beyond, waived } = found.into();
        let order = |file: FileId| (sources.get(file).is_some_and(|source| source.embedded), file);
        let place = |finding: &Finding| (order(finding.span.file), finding.span.start, finding.rule);
        findings.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.message.cmp(&b.message)));
        // A file that two parents share is read twice, and is one file to a reader.
        let mut seen = BTreeSet::new();
        findings.retain(|finding| {
            let Span { file, start, end } = finding.span;
            seen.insert((sources.name(file).to_owned(), start, end, finding.rule, finding.message.clone()))
        });
        for finding in &mut findings {
            if let Some(span) = sources.brought_in_by(finding.span.file) {
                finding.related.push(Related { span, message: "`extends` brings this file in".to_owned() });
            }
        }
        Report { findings, beyond, waived, sources }
    }

    /// Keeps the findings of these rules only.
    pub fn retain(&mut self, wanted: impl Fn(&str) -> bool) {
        self.findings.retain(|finding| wanted(finding.rule));
        self.beyond.retain(|unlisted| wanted(unlisted.rule));
        self.waived.retain(|unlisted| wanted(unlisted.rule));
    }

    /// What is printed: at most [`CAP`] findings, the worst if not all can be.
    pub fn shown(&self) -> Vec<&Finding> {
        let mut places: Vec<(usize, &Finding)> = self.findings.iter().enumerate().collect();
        if places.len() > CAP {
            places.sort_by_key(|(place, finding)| (std::cmp::Reverse(finding.severity), *place));
            places.truncate(CAP);
            places.sort_by_key(|(place, _)| *place);
        }
        places.into_iter().map(|(_, finding)| finding).collect()
    }

    /// How many findings there are.
    pub fn counts(&self) -> Counts {
        self.counted(self.findings.iter())
    }

    /// How many of them [`Report::shown`] leaves out.
    pub fn omitted(&self) -> Counts {
        let mut order: Vec<&Finding> = self.findings.iter().collect();
        order.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        self.counted(order.into_iter().skip(CAP))
    }

    fn counted<'report>(&self, findings: impl Iterator<Item = &'report Finding>) -> Counts {
        let mut counts = Counts::default();
        findings.for_each(|finding| counts.raise(finding.severity, 1, false));
        self.beyond.iter().for_each(|rest| counts.raise(rest.severity, rest.count, rest.at_least));
        counts
    }

    /// How many findings waivers silenced.
    pub fn waived(&self) -> usize {
        self.waived.iter().map(|unlisted| unlisted.count).sum()
    }

    /// The worst severity, if there is any finding.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// True if there is an error.
    pub fn has_errors(&self) -> bool {
        self.worst() == Some(Severity::Error)
    }
}
