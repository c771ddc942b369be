//! In: a profile that its form condemns. Out: its text with every certain edit made, and what was edited. Only what cannot
//! be loaded is touched: a profile that builds keeps every byte.

use std::collections::BTreeSet;

use crate::finding::{CAP, Finding, Fix, Report};
use crate::load::{self, Input, Parents};
use crate::output::human;
use crate::source::{FileId, Sources};
use crate::yaml;

/// Most rounds: a syntax error ends the reading, so that each one takes a round of its own.
const ROUNDS: usize = 64;
/// Most bytes that all rounds read together; of a small profile, far more than it needs.
const BYTES: usize = 8 * yaml::MAX_BYTES;

/// One edit that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Line of the file, from 1. No edit adds or takes lines.
    pub line: usize,
    /// The rule that found it.
    pub rule: &'static str,
    /// What stood there, without secrets; none if its line is too long to be shown.
    pub old: Option<String>,
    /// What stands there now.
    pub new: String,
}

/// The outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mended {
    /// The new text; the old one if there are no edits.
    pub text: String,
    /// What was edited, in the order of making.
    pub edits: Vec<Edit>,
}

/// True if `--fix` makes this edit: it stands in the profile's own file, which is known to be a profile, on one line.
pub fn applies(finding: &Finding, sources: &Sources) -> bool {
    let own = |fix: &Fix| {
        let source = sources.get(fix.span.file).filter(|source| source.echo && sources.is_own(fix.span.file));
        let old = source.and_then(|source| source.text.get(fix.span.start as usize..fix.span.end as usize));
        old.is_some_and(|old| !old.contains('\n') && !fix.text.contains('\n'))
    };
    finding.fix.as_ref().is_some_and(own)
}

/// What a text raised, to compare with what it raises after an edit.
struct Round {
    parsed: bool,
    /// Nobody looked for more.
    capped: bool,
    rules: BTreeSet<&'static str>,
    /// Where the last edit of the text that comes next ends.
    edited_to: u32,
}

/// Makes certain edits until there are none left.
///
/// # Errors
/// The edits are not as certain as they seemed: together they raise something new.
pub fn mend(input: Input, parents: &mut dyn Parents) -> Result<Mended, String> {
    let Ok(text) = String::from_utf8(input.bytes) else { return Ok(Mended::default()) };
    let mut mended = Mended { text, edits: Vec::new() };
    let mut before: Option<Round> = None;
    let mut read = 0;
    for round in 0..=ROUNDS {
        let again = Input { name: input.name.clone(), bytes: mended.text.clone().into_bytes() };
        let Err(report) = load::load(again, parents) else { break };
        let parsed = yaml::parse(&mended.text, FileId(0)).is_ok();
        if let Some(before) = &before {
            no_worse(before, &report, parsed)?;
        }
        read += report.sources.bytes();
        let edits = edits(&report);
        if edits.is_empty() || round == ROUNDS || read > BYTES {
            break;
        }
        before = Some(Round {
            parsed,
            capped: report.findings.len() > CAP,
            rules: report.findings.iter().map(|finding| finding.rule).collect(),
            edited_to: edits.last().map_or(0, |(_, fix)| fix.span.start),
        });
        apply(&edits, &report.sources, &mut mended);
    }
    Ok(mended)
}

/// An edit may reveal what was hidden: behind a syntax error, or by findings that were too many. It may not raise anything
/// else.
fn no_worse(before: &Round, report: &Report, parsed: bool) -> Result<(), String> {
    if parsed && (!before.parsed || before.capped) {
        return Ok(());
    }
    // A parser reads a little ahead: a second pattern on the line of a syntax error may stand before it.
    let pattern = |finding: &Finding| finding.rule == "yaml-alias" && finding.fix.is_some();
    let hidden = |finding: &Finding| !before.parsed && (finding.span.start > before.edited_to || pattern(finding));
    let new = report.findings.iter().find(|finding| !before.rules.contains(finding.rule) && !hidden(finding));
    match new {
        Some(finding) => Err(format!("the edits would raise `{}`: {}", finding.rule, finding.message)),
        None if before.parsed && !parsed => Err("the edits would not be YAML".to_owned()),
        None => Ok(()),
    }
}

/// The edits of one round from first to last; of two that overlap, the first.
fn edits(report: &Report) -> Vec<(&'static str, &Fix)> {
    let certain = report.findings.iter().filter(|finding| applies(finding, &report.sources));
    let mut edits: Vec<(&'static str, &Fix)> =
        certain.filter_map(|finding| Some((finding.rule, finding.fix.as_ref()?))).collect();
    edits.sort_by_key(|(_, fix)| fix.span);
    let mut end = 0;
    edits.retain(|(_, fix)| {
        let free = fix.span.start >= end;
        if free {
            end = fix.span.end;
        }
        free
    });
    edits
}

fn apply(edits: &[(&'static str, &Fix)], sources: &Sources, mended: &mut Mended) {
    let mut text = String::with_capacity(mended.text.len());
    let mut copied = 0;
    for (rule, fix) in edits {
        let (start, end) = (fix.span.start as usize, fix.span.end as usize);
        text.push_str(mended.text.get(copied..start).unwrap_or(""));
        text.push_str(&fix.text);
        copied = end;
        mended.edits.push(Edit {
            line: sources.positions(fix.span).0.line,
            rule,
            old: human::quoted(fix.span, sources),
            new: fix.text.clone(),
        });
    }
    text.push_str(mended.text.get(copied..).unwrap_or(""));
    mended.text = text;
}
