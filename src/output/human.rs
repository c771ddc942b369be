//! In: a report. Out: text with an excerpt of each place, its help, and a count at the end.

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::mask::mask;
use super::words;
use crate::finding::{Finding, Report, Severity};
use crate::source::{Sources, Span, floor_boundary};

/// Paragraphs are as wide as the help is.
const WIDTH: usize = 100;
/// Longest excerpt in bytes: one line of a hostile file can be megabytes.
const EXCERPT: usize = 2000;

/// The findings of all reports, and how to learn more of one.
pub fn all(reports: &[&Report]) -> String {
    let mut text: String = reports.iter().map(|report| findings(report)).collect();
    let shown = reports.iter().flat_map(|report| report.shown());
    // The first of the worst; infos are no reason to read on.
    let first = shown.filter(|finding| finding.severity > Severity::Info).rev().max_by_key(|finding| finding.severity);
    if let Some(finding) = first {
        text.push_str(&format!("more about a finding, by the id in brackets: redisgen explain {}\n\n", finding.rule));
    }
    text
}

/// All findings of one report. Info findings show no source: they are many, and nothing is wrong.
pub fn findings(report: &Report) -> String {
    let renderer = Renderer::styled();
    let mut text = String::new();
    for finding in report.shown() {
        text.push_str(&renderer.render(&groups(finding, &report.sources)));
        text.push_str("\n\n");
    }
    if let Some(words) = words(&report.omitted()) {
        text.push_str(&format!("not shown: {words}\n\n"));
    }
    text
}

/// `2 errors, 1 warning, 3 infos, 1 waived`, or nothing to report.
pub fn summary(report: &Report) -> String {
    let waived = Some(report.waived()).filter(|count| *count > 0).map(|count| format!("{count} waived"));
    let parts: Vec<String> = words(&report.counts()).into_iter().chain(waived).collect();
    if parts.is_empty() { "nothing to report".to_owned() } else { parts.join(", ") }
}

/// What stands at a span, for a message of one line: masked, and nothing that a terminal obeys.
pub fn quoted(span: Span, sources: &Sources) -> Option<String> {
    let (line, _, range) = excerpt(span, sources)?;
    line.get(range).map(str::to_owned)
}

fn groups<'report>(finding: &'report Finding, sources: &'report Sources) -> Vec<Group<'report>> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    let mut group = level.primary_title(finding.message.as_str()).id(finding.rule).elements(Vec::<Element<'_>>::new());
    if finding.severity == Severity::Info {
        group = group.element(origin(finding.span, sources));
        for related in &finding.related {
            let (start, _) = sources.positions(related.span);
            let note = format!("{}: {}:{}", related.message, sources.name(related.span.file), start.line);
            group = group.element(Level::NOTE.message(note));
        }
    } else {
        group = place(group, finding.span, AnnotationKind::Primary, None, sources);
        for related in &finding.related {
            group = place(group, related.span, AnnotationKind::Context, Some(&related.message), sources);
        }
    }
    if let Some(help) = &finding.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    vec![group]
}

fn origin(span: Span, sources: &Sources) -> Origin<'_> {
    let (start, _) = sources.positions(span);
    Origin::path(sources.name(span.file)).line(start.line).char_column(start.column)
}

fn place<'report>(
    group: Group<'report>,
    span: Span,
    kind: AnnotationKind,
    label: Option<&'report str>,
    sources: &'report Sources,
) -> Group<'report> {
    let Some((excerpt, line, range)) = excerpt(span, sources) else { return group.element(origin(span, sources)) };
    let annotation = kind.span(range);
    let annotation = match label {
        Some(label) => annotation.label(label),
        None => annotation,
    };
    group.element(Snippet::source(excerpt).path(sources.name(span.file)).line_start(line).annotation(annotation))
}

/// The same text with what a terminal might obey or hide replaced by as many bytes, so that spans stay right;
/// the renderer itself shows ASCII controls as pictures.
fn visible(text: &str) -> String {
    let hidden = |sign: char| !sign.is_ascii() && crate::yaml::is_forbidden(sign);
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        if hidden(sign) { out.push_str(&"?".repeat(sign.len_utf8())) } else { out.push(sign) }
    }
    out
}

/// The lines of a span, masked; none if the file must not be shown or the lines are too long.
fn excerpt(span: Span, sources: &Sources) -> Option<(String, usize, std::ops::Range<usize>)> {
    let source = sources.get(span.file).filter(|source| source.echo)?;
    let text = source.text.as_str();
    let start = floor_boundary(text, span.start as usize);
    let from = text.get(..start)?.rfind('\n').map_or(0, |newline| newline + 1);
    // A span over many lines is shown by its first one.
    let line_end = text.get(start..)?.find('\n').map_or(text.len(), |newline| start + newline);
    let end = floor_boundary(text, span.end as usize).clamp(start, line_end);
    let line = text.get(from..line_end)?;
    if line.len() > EXCERPT {
        return None;
    }
    let (position, _) = sources.positions(span);
    Some((visible(&mask(line)), position.line, start - from..end - from))
}

/// A paragraph behind its label; further lines stand below the first word.
pub fn wrapped(label: &str, text: &str, indent: usize) -> String {
    let mut lines = vec![String::new()];
    let room = WIDTH.saturating_sub(indent + label.len());
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let blank = " ".repeat(indent + label.len());
    format!("{}{label}{}\n", " ".repeat(indent), lines.join(&format!("\n{blank}")))
}
