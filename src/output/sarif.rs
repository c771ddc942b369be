//! In: reports. Out: one SARIF 2.1.0 log, as code scanning takes it: every rule of the catalogue, and each finding with a
//! fingerprint that does not change when lines move.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::words;
use crate::finding::{Finding, Fix, Report, Severity};
use crate::rules::{self, Rule};
use crate::source::{Sources, Span};

/// The log of all reports; `relative` makes a file's name relative to the repository.
pub fn findings(reports: &[&Report], relative: &dyn Fn(&str) -> String) -> String {
    let places: BTreeMap<&str, usize> = rules::all().enumerate().map(|(place, rule)| (rule.id, place)).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut results = Vec::new();
    let shown = reports.iter().flat_map(|report| {
        let sources = &report.sources;
        report.shown().into_iter().map(move |finding| (finding, sources))
    });
    for (finding, sources) in shown {
        let file = relative(sources.name(finding.span.file));
        let identity = format!("{}\n{file}\n{}", finding.rule, finding.path);
        let count = seen.entry(identity.clone()).or_default();
        let fingerprint = crate::lock::sha256(format!("{identity}\n{count}").as_bytes());
        *count += 1;
        let place = places.get(finding.rule).copied();
        results.push(result(finding, sources, place, &fingerprint, relative));
    }
    let notifications: Vec<Value> = reports.iter().filter_map(|report| notification(report, relative)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "redisgen",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules::all().map(rule).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{ "executionSuccessful": true, "toolExecutionNotifications": notifications }],
            "results": results,
        }],
    });
    // Strings and numbers only: serialising cannot fail.
    let mut text = serde_json::to_string_pretty(&log).unwrap_or_default();
    text.push('\n');
    text
}

/// That not all findings of a report are results, and how many are not.
fn notification(report: &Report, relative: &dyn Fn(&str) -> String) -> Option<Value> {
    let words = words(&report.omitted())?;
    let file = uri(&relative(report.sources.own_name()));
    Some(json!({
        "level": "note",
        "message": { "text": format!("not among the results: {words}") },
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": file } } }],
    }))
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// The severity of production, which is the stricter one.
fn rule(rule: &Rule) -> Value {
    let [_, production] = rule.severity;
    let fix = if rule.fix.is_empty() { String::new() } else { format!("\n\nFix: {}", rule.fix) };
    let help = format!("{}{fix}\n\nSource: {}", rule.why, rule.source);
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.title },
        "fullDescription": { "text": rule.why },
        "help": { "text": help },
        "defaultConfiguration": { "level": level(production) },
        "properties": {
            "tags": ["security", rule.topic.title],
            "precision": "high",
            "source": rule.source,
            "controls": rule.topic.controls.iter().map(|control| control.name()).collect::<Vec<_>>(),
        },
    })
}

fn result(
    finding: &Finding,
    sources: &Sources,
    place: Option<usize>,
    fingerprint: &str,
    relative: &dyn Fn(&str) -> String,
) -> Value {
    let message = match &finding.help {
        Some(help) => format!("{}\nhelp: {help}", finding.message),
        None => finding.message.clone(),
    };
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": { "text": message },
        "locations": [location(finding.span, sources, relative)],
        "partialFingerprints": { "redisgen/v1": fingerprint },
    });
    if let (Some(place), Some(fields)) = (place, result.as_object_mut()) {
        fields.insert("ruleIndex".to_owned(), json!(place));
    }
    let related: Vec<Value> = finding
        .related
        .iter()
        .map(|related| {
            let mut place = location(related.span, sources, relative);
            if let Some(fields) = place.as_object_mut() {
                fields.insert("message".to_owned(), json!({ "text": related.message }));
            }
            place
        })
        .collect();
    if let Some(fields) = result.as_object_mut().filter(|_| !related.is_empty()) {
        fields.insert("relatedLocations".to_owned(), json!(related));
    }
    if let (Some(fix), Some(fields)) = (&finding.fix, result.as_object_mut()) {
        fields.insert("fixes".to_owned(), json!([edit(fix, sources, relative)]));
    }
    result
}

fn edit(fix: &Fix, sources: &Sources, relative: &dyn Fn(&str) -> String) -> Value {
    json!({
        "description": { "text": format!("write {}", fix.text) },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(&relative(sources.name(fix.span.file))) },
            "replacements": [{
                "deletedRegion": region(fix.span, sources),
                "insertedContent": { "text": fix.text },
            }],
        }],
    })
}

fn region(span: Span, sources: &Sources) -> Value {
    let (start, end) = sources.positions(span);
    json!({ "startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column })
}

/// The embedded defaults are no file of the repository: their place is told in words.
fn location(span: Span, sources: &Sources, relative: &dyn Fn(&str) -> String) -> Value {
    if sources.get(span.file).is_some_and(|source| source.embedded) {
        let (start, _) = sources.positions(span);
        return json!({ "logicalLocations": [{ "name": format!("{}:{}", sources.name(span.file), start.line) }] });
    }
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(&relative(sources.name(span.file))) },
        "region": region(span, sources),
    }})
}

/// A relative path as a URI reference (RFC 3986): `/` separates, everything unusual is escaped.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_uri() {
        assert_eq!(uri("profiles/a b%ä.yaml"), "profiles/a%20b%25%C3%A4.yaml");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
    }
}
