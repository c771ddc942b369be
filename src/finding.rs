//! One type for everything that is wrong with a profile, whether YAML, shape, model or rule says so.

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

/// At most this many findings are kept for one profile: rendering more helps nobody and costs.
pub const CAP: usize = 64;

/// What one profile had to say for itself, and the texts it was read from.
#[derive(Debug, Default)]
pub struct Report {
    /// Sorted by file, position and rule.
    pub findings: Vec<Finding>,
    /// True if there were more than [`CAP`].
    pub dropped: bool,
    /// The files that spans point into.
    pub sources: Sources,
}

impl Report {
    /// Sorts, removes repetitions and caps.
    #[must_use]
    pub fn new(mut findings: Vec<Finding>, sources: Sources) -> Report {
        let order = |file: FileId| (sources.get(file).is_some_and(|source| source.embedded), file);
        let place = |finding: &Finding| (order(finding.span.file), finding.span.start, finding.rule);
        let by_place = |a: &Finding, b: &Finding| place(a).cmp(&place(b)).then_with(|| a.message.cmp(&b.message));
        findings.sort_by(by_place);
        findings.dedup();
        let dropped = findings.len() > CAP;
        if dropped {
            // Errors first when not all can be kept, so that the verdict never depends on the cap.
            findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
            findings.truncate(CAP);
            findings.sort_by(by_place);
        }
        Report { findings, dropped, sources }
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
