//! What the fuzz targets share: how a profile is judged, and readers that know nothing of the code under test.

#![forbid(unsafe_code)]

pub mod glob;
pub mod profile;
pub mod readers;

use redisgen::finding::{Finding, Report};
use redisgen::format::Date;
use redisgen::load::{self, Input, Parents};
use redisgen::model::Model;
use redisgen::output::{github, human, json, sarif};
use redisgen::{check, resolve};

/// A day like any other: nothing that is fuzzed looks at a clock.
pub fn day() -> Date {
    "2026-11-24".parse().expect("a date")
}

/// A profile has no parents here.
pub struct Orphan;

impl Parents for Orphan {
    fn read(&mut self, _: &str, _: &str) -> Result<Input, String> {
        Err("there is no such file".to_owned())
    }
}

/// Loads, resolves and checks; whatever comes out can be told in every format.
pub fn judge(bytes: &[u8], parents: &mut dyn Parents, day: Date) -> (Option<Model>, Report) {
    let input = Input { name: "p.yaml".to_owned(), bytes: bytes.to_vec() };
    let (typed, loaded) = match load::load(input, parents) {
        Err(report) => return (None, report),
        Ok(loaded) => loaded,
    };
    match resolve::resolve(&loaded, typed, "p.yaml") {
        Err(finding) => (None, Report::new(vec![finding], loaded.sources)),
        Ok(model) => {
            let report = Report::new(check::check(&loaded, &model, day), loaded.sources);
            (Some(model), report)
        }
    }
}

/// Tells a report in every format, and holds its places against the files.
pub fn tell(report: &Report) {
    for finding in &report.findings {
        placed(finding, report);
    }
    let _text = human::findings(report);
    let _line = human::summary(report);
    let name = |name: &str| name.to_owned();
    let _lines = github::findings(&[report], &name);
    // A log of SARIF holds every rule, which takes longer than all the rest: now and then.
    let log = report.sources.bytes().is_multiple_of(32).then(|| sarif::findings(&[report], &name));
    for text in [json::findings(&[report])].into_iter().chain(log) {
        let read: serde_json::Value = serde_json::from_str(&text).expect("findings are JSON");
        assert!(read.is_object());
    }
}

fn placed(finding: &Finding, report: &Report) {
    let related = finding.related.iter().map(|related| related.span);
    let fix = finding.fix.iter().map(|fix| fix.span);
    for span in [finding.span].into_iter().chain(related).chain(fix) {
        let source = report.sources.get(span.file).expect("a finding is in a file that was read");
        let text = source.text.get(span.start as usize..span.end as usize);
        assert!(text.is_some(), "{}: {}..{} of {}", finding.rule, span.start, span.end, source.text.len());
    }
}
