//! In: a model. Out: the alert rules that it asks for, each with a case in which it fires and one in which it stays
//! quiet. `monitoring/alerts.yml`, its tests and the dashboard are written from these.
//!
//! Every expression keeps the label `deployment`, which prometheus.yml gives to the exporter and our own scripts write.

mod data;
mod server;

use serde::Serialize;

use crate::engine::Line;
use crate::model::Model;

/// How soon somebody must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Now: it does not work, or data is at risk.
    Critical,
    /// Today.
    Warning,
}

/// One alert.
#[derive(Clone, Debug, Serialize)]
pub struct Alert {
    /// Its name.
    pub name: &'static str,
    /// What is true when it fires, in `PromQL`.
    pub expr: String,
    /// How long that must be true.
    pub wait: &'static str,
    /// How soon somebody must look.
    pub severity: Severity,
    /// What is wrong.
    pub summary: String,
    /// Heading of docs/RUNBOOK.md, as its anchor.
    pub runbook: &'static str,
    /// Labels beside `deployment` and `severity`, as the case that fires has them.
    pub labels: Vec<(&'static str, &'static str)>,
    /// Series with which it fires at [`AT`].
    pub fires: Vec<Series>,
    /// Series with which it does not, as near as that can be.
    pub quiet: Vec<Series>,
}

/// A series of a test: its name with labels, and a value for each minute in promtool's notation.
#[derive(Clone, Debug, Serialize)]
pub struct Series {
    /// Name and labels.
    pub series: String,
    /// Values, one a minute from 0 on.
    pub values: String,
}

/// A figure that is computed before the alerts read it.
#[derive(Clone, Debug, Serialize)]
pub struct Recording {
    /// Name of the figure.
    pub record: &'static str,
    /// What it is, in `PromQL`.
    pub expr: String,
}

/// Minute at which cases are judged, and the same in seconds: the clock of the tests starts at 0.
pub const AT: u64 = 15;
const NOW: u64 = AT * 60;
/// Refused commands, without those of the exporter itself.
const DENIED: &str = "redisgen:access_denied:total";
/// Refused logins.
const FAILED: &str = "redisgen:authentication_failed:total";

/// The alerts that this model asks for.
pub fn alerts(model: &Model) -> Vec<Alert> {
    let Some(thresholds) = model.profile.monitoring.alerts.as_ref().filter(|_| model.exporter.is_some()) else {
        return Vec::new();
    };
    let metric = Metric { project: &model.project };
    let mut alerts = server::alerts(model, thresholds, &metric);
    alerts.extend(data::alerts(model, &metric));
    alerts
}

/// INFO counts refusals by kind since 7.2: 7.0 does not, 7.4, 8.0 and Valkey 8.1 to 9.1 do (measured).
pub fn counts_denials(line: &Line) -> bool {
    line.number >= (7, 2)
}

/// The figures that the alerts read, in the order in which they are computed.
///
/// The exporter asks for SLOWLOG GET at each scrape, which its user may not: its refusals are subtracted, read from the
/// same answer of INFO, so that the difference is exact. A counter that the server shows only once there is something to
/// count starts at 0 here, so that the first event is seen, too.
pub fn recordings(model: &Model) -> Vec<Recording> {
    let metric = Metric { project: &model.project };
    let sum = |name: &str, labels: &str| format!("sum by (deployment) ({})", metric.of(name, labels));
    let zero = format!("0 * {}", sum("redis_up", ""));
    let own = format!("({} or {zero})", sum("redis_commands_rejected_calls_total", "cmd=~\"slowlog.*\""));
    let (denied, failed) = if counts_denials(model.line) {
        let kinds = ["cmd", "key", "channel"].map(|kind| sum(&format!("redis_acl_access_denied_{kind}_total"), ""));
        (kinds.join(" + "), sum("redis_acl_access_denied_auth_total", ""))
    } else {
        let errors = |kind: &str| format!("({} or {zero})", sum("redis_errors_total", &format!("err=\"{kind}\"")));
        (errors("NOPERM"), errors("WRONGPASS"))
    };
    vec![Recording { record: DENIED, expr: format!("{denied} - {own}") }, Recording { record: FAILED, expr: failed }]
}

/// Names of metrics with the deployment's label.
struct Metric<'model> {
    project: &'model str,
}

impl Metric<'_> {
    /// A selector; further labels as `cmd="keys"`.
    fn of(&self, name: &str, labels: &str) -> String {
        let comma = if labels.is_empty() { "" } else { "," };
        format!("{name}{{deployment=\"{}\"{comma}{labels}}}", self.project)
    }

    fn series(&self, name: &str, labels: &str, values: impl Into<String>) -> Series {
        Series { series: self.of(name, labels), values: values.into() }
    }
}

/// The same value all the time.
fn always(value: impl std::fmt::Display) -> String {
    format!("{value}x20")
}

/// Grows by so much a minute.
fn growing(step: impl std::fmt::Display) -> String {
    format!("0+{step}x20")
}

/// Nothing, then so many, three minutes before the case is judged.
fn step(count: u64) -> String {
    format!("0x11 {count}x9")
}

/// Names of all metrics in a `PromQL` expression, but not the figures of our own.
pub fn metrics(expr: &str) -> Vec<String> {
    let mut names: Vec<String> = expr
        .split(|sign: char| !(sign.is_ascii_alphanumeric() || "_:".contains(sign)))
        .filter(|word| !word.contains(':'))
        .filter(|word| ["redis_", "redisgen_"].iter().any(|prefix| word.starts_with(prefix)) || *word == "up")
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}
