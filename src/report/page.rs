//! The page of `redisgen report --html`: data for its template. One file, no script, nothing from elsewhere. In: a model and
//! the files that were made from it.

use minijinja::value::Value;
use serde::Serialize;

use super::SecurityReport;
use super::topology::{self, Lane};
use crate::access::Access;
use crate::access::sheet::{self, Pattern, Section, Set};
use crate::acl::danger;
use crate::advisories;
use crate::advisories::mitigation::{Reach, Verdict};
use crate::engine::Name;
use crate::model::Model;
use crate::render::File;

/// The template.
pub const TEMPLATE: &str = "report.html";

#[derive(Serialize)]
struct Page<'model> {
    source: &'model str,
    report: SecurityReport,
    lanes: Vec<Lane>,
    /// What one can do: the columns of the matrix.
    dangers: Vec<&'static str>,
    rows: Vec<Row>,
    total: usize,
    advisories: Advisories,
}

/// One set of permissions of one user.
#[derive(Serialize)]
struct Row {
    user: String,
    login: &'static str,
    /// 0 for the user's own permissions, then its selectors.
    selector: usize,
    all_keys: bool,
    keys: Vec<Pattern>,
    channels: Vec<String>,
    count: usize,
    /// For each column the commands that carry it.
    carries: Vec<Vec<Name>>,
}

/// What is known of the build.
#[derive(Serialize)]
struct Advisories {
    date: String,
    safe_build: Option<String>,
    known: Vec<Known>,
}

/// A vulnerability.
#[derive(Serialize)]
struct Known {
    ids: String,
    what: String,
    held: bool,
    why: String,
}

/// Data for the template.
///
/// # Errors
/// The embedded table of advisories cannot be read, which a test rules out.
pub fn data(model: &Model, files: &[File]) -> Result<Value, String> {
    let sheet = sheet::sheet(&Access::of_model(model));
    let dangers: Vec<&'static str> = danger::ALL.iter().map(|danger| danger.can).collect();
    let total = sheet.users.iter().flat_map(|user| &user.sets).map(|set| set.total).max().unwrap_or(0);
    let rows: Vec<Row> = sheet.users.into_iter().flat_map(|user| rows(user, &dangers)).collect();
    let page = Page {
        source: &model.source,
        report: SecurityReport::new(model, files),
        lanes: topology::lanes(model),
        total,
        rows,
        dangers,
        advisories: known(model)?,
    };
    Ok(Value::from(minijinja::value::Serde(&page)))
}

fn rows(user: Section, dangers: &[&'static str]) -> Vec<Row> {
    let login = match user.login {
        "anything" => "no password",
        "never" => "never",
        _ => "password",
    };
    let row = |(selector, set): (usize, Set)| Row {
        user: user.name.clone(),
        login,
        selector,
        carries: dangers.iter().map(|can| carried(&set, can)).collect(),
        all_keys: set.all_keys,
        // A pattern of every key is told as such.
        keys: if set.all_keys { Vec::new() } else { set.keys },
        channels: set.channels,
        count: set.count,
    };
    user.sets.into_iter().enumerate().map(row).collect()
}

fn carried(set: &Set, can: &str) -> Vec<Name> {
    let found = set.dangers.iter().filter(|danger| danger.can == can);
    found.flat_map(|danger| &danger.by).flat_map(|granted| granted.names.iter().cloned()).collect()
}

fn known(model: &Model) -> Result<Advisories, String> {
    let engine = &model.profile.engine;
    let lines = advisories::lines()?;
    let reach = Reach::new(model);
    let judged = advisories::applying(engine.kind, engine.version)?.into_iter().map(|row| {
        let (held, why) = match reach.verdict(row) {
            Verdict::Held(why) => (true, why),
            Verdict::Open(why) => (false, why),
        };
        Known { ids: row.ids(), what: row.what.clone(), held, why }
    });
    Ok(Advisories {
        date: lines.date.to_string(),
        safe_build: lines.nearest_safe(engine.kind, engine.version.line).map(|safe| safe.to_string()),
        known: judged.collect(),
    })
}
