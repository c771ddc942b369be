//! In: reports. Out: workflow commands of GitHub Actions, which show each finding at its line of a pull request.

use super::words;
use crate::finding::{Finding, Report, Severity};
use crate::source::Sources;

/// The findings of all reports, one command a line; at the end of a report, how many are not among them.
pub fn findings(reports: &[&Report], relative: &dyn Fn(&str) -> String) -> String {
    let mut text = String::new();
    for report in reports {
        for finding in report.shown() {
            text.push_str(&command(finding, &report.sources, relative));
        }
        if let Some(words) = words(&report.omitted()) {
            let file = property(&relative(report.sources.own_name()));
            text.push_str(&format!("::notice file={file},title=redisgen::not shown: {}\n", data(&words)));
        }
    }
    text
}

fn command(finding: &Finding, sources: &Sources, relative: &dyn Fn(&str) -> String) -> String {
    let (start, end) = sources.positions(finding.span);
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let mut message = finding.message.clone();
    if let Some(help) = &finding.help {
        message.push_str("\nhelp: ");
        message.push_str(help);
    }
    // Columns count only where a finding ends on the line where it starts.
    let columns =
        if start.line == end.line { format!(",col={},endColumn={}", start.column, end.column) } else { String::new() };
    format!(
        "::{level} file={},line={},endLine={}{columns},title={}::{}\n",
        property(&relative(sources.name(finding.span.file))),
        start.line,
        end.line,
        property(finding.rule),
        data(&message)
    )
}

/// What stands behind `::`: a line break would end the command, `%` starts an escape.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property's value; `:` and `,` would end it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_command_early() {
        assert_eq!(data("50%\r\n::error::x"), "50%25%0D%0A::error::x");
        assert_eq!(property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
    }
}
