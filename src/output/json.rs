//! In: reports. Out: one JSON document, version 1; lines and columns count from 1.

use serde::Serialize;

use crate::finding::{Finding, Report};
use crate::source::Sources;

#[derive(Serialize)]
struct Document<'report> {
    version: u8,
    findings: Vec<Row<'report>>,
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
}

#[derive(Serialize)]
struct Related<'report> {
    file: &'report str,
    line: usize,
    message: &'report str,
}

/// The findings of all reports.
pub fn findings(reports: &[&Report]) -> String {
    let rows = reports.iter().flat_map(|report| report.findings.iter().map(|finding| row(finding, &report.sources)));
    let document = Document { version: 1, findings: rows.collect() };
    // Strings and numbers only: serialising cannot fail.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
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
    }
}
