//! In: reports. Out: one JSON document, version 1; lines and columns count from 1.

use serde::Serialize;

use crate::finding::{Counts, Finding, Report, Severity};
use crate::source::Sources;

#[derive(Serialize)]
struct Document<'report> {
    version: u8,
    findings: Vec<Row<'report>>,
    omitted: Omitted,
    waived: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<serde_json::Value>,
}

/// How many findings are not listed.
#[derive(Serialize)]
struct Omitted {
    error: usize,
    warning: usize,
    info: usize,
    /// False if there may be more.
    exact: bool,
}

#[derive(Serialize)]
struct Row<'report> {
    rule: &'report str,
    severity: &'static str,
    message: &'report str,
    path: &'report str,
    file: &'report str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    help: Option<&'report str>,
    related: Vec<Related<'report>>,
    fix: Option<Edit<'report>>,
}

/// What `--fix` would write.
#[derive(Serialize)]
struct Edit<'report> {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    text: &'report str,
}

#[derive(Serialize)]
struct Related<'report> {
    file: &'report str,
    line: usize,
    message: &'report str,
}

/// The findings of all reports.
pub fn findings(reports: &[&Report]) -> String {
    findings_and(reports, None)
}

/// The same, and what running servers need.
pub fn findings_and(reports: &[&Report], needs: Option<serde_json::Value>) -> String {
    let rows = reports.iter().flat_map(|report| {
        let shown = report.shown();
        shown.into_iter().map(|finding| row(finding, &report.sources))
    });
    let waived = reports.iter().map(|report| report.waived()).sum();
    let document = Document { version: 1, findings: rows.collect(), omitted: omitted(reports), waived, needs };
    // Strings and numbers only: serialising cannot fail.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

fn omitted(reports: &[&Report]) -> Omitted {
    let mut all = Counts::default();
    for report in reports {
        all.add(&report.omitted());
    }
    let [error, warning, info] = [Severity::Error, Severity::Warning, Severity::Info].map(|severity| all.of(severity));
    let exact = ![error, warning, info].iter().any(|count| count.at_least);
    Omitted { error: error.number, warning: warning.number, info: info.number, exact }
}

fn row<'report>(finding: &'report Finding, sources: &'report Sources) -> Row<'report> {
    let (start, end) = sources.positions(finding.span);
    Row {
        rule: finding.rule,
        severity: finding.severity.word(),
        message: &finding.message,
        path: &finding.path,
        file: sources.name(finding.span.file),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
        help: finding.help.as_deref(),
        related: finding
            .related
            .iter()
            .map(|related| Related {
                file: sources.name(related.span.file),
                line: sources.positions(related.span).0.line,
                message: &related.message,
            })
            .collect(),
        fix: finding.fix.as_ref().map(|fix| {
            let (start, end) = sources.positions(fix.span);
            Edit { line: start.line, column: start.column, end_line: end.line, end_column: end.column, text: &fix.text }
        }),
    }
}
