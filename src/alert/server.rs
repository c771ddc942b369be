//! Alerts on the server's work: that it answers, has room, is quick, and who asks for what.

use super::{Alert, DENIED, FAILED, Metric, Severity, always, counts_denials, growing, step};
use crate::exporter;
use crate::model::Model;
use crate::profile::{Alerts, Eviction};

/// KEYS reads every key at one go while all others wait: one now and then is a person, more is a program.
const KEYS_PER_MINUTE: u64 = 1;
/// SCAN in a loop reads every key, too, if in portions.
const SCANS_PER_SECOND: u64 = 10;

pub(super) fn alerts(model: &Model, thresholds: &Alerts, metric: &Metric<'_>) -> Vec<Alert> {
    let mut alerts = vec![
        Alert {
            name: "RedisExporterDown",
            expr: format!("max by (deployment) ({}) == 0", metric.of("up", "")),
            wait: "2m",
            severity: Severity::Critical,
            summary: "The exporter does not answer: nobody watches Redis.".to_owned(),
            runbook: "performance-degradation",
            labels: Vec::new(),
            fires: vec![metric.series("up", "", always(0))],
            quiet: vec![metric.series("up", "", always(1))],
        },
        Alert {
            name: "RedisDown",
            expr: format!("max by (deployment) ({}) == 0", metric.of("redis_up", "")),
            wait: "1m",
            severity: Severity::Critical,
            summary: "Redis does not answer the exporter, or refuses its user.".to_owned(),
            runbook: "performance-degradation",
            labels: Vec::new(),
            fires: vec![metric.series("redis_up", "", always(0))],
            quiet: vec![metric.series("redis_up", "", always(1))],
        },
        Alert {
            name: "RedisMetricsAbsent",
            expr: format!("absent({})", metric.of("redis_up", "")),
            wait: "5m",
            severity: Severity::Critical,
            summary: "Prometheus has no figures of this deployment: look at its targets.".to_owned(),
            runbook: "performance-degradation",
            labels: Vec::new(),
            fires: Vec::new(),
            quiet: vec![metric.series("redis_up", "", always(1))],
        },
    ];
    alerts.extend(memory(model, thresholds, metric));
    alerts.push(latency(model, thresholds, metric));
    alerts.push(counter(
        metric,
        "RedisConnectionsRejected",
        "redis_rejected_connections_total",
        "Redis turned clients away: more connect than `max_clients` allows.".to_owned(),
    ));
    alerts.push(counter(metric, "RedisEvictions", "redis_evicted_keys_total", evictions(model)));
    alerts.extend([denied(model, metric), failed(model, metric)]);
    alerts.push(Alert {
        name: "RedisKeysCommand",
        expr: rate(metric, "cmd=\"keys\"", &format!("* 60 > {KEYS_PER_MINUTE}")),
        wait: "0m",
        severity: Severity::Warning,
        summary: format!("KEYS runs more than {KEYS_PER_MINUTE} time a minute: everybody else waits meanwhile."),
        runbook: "suspected-breach",
        labels: Vec::new(),
        fires: vec![metric.series("redis_commands_total", "cmd=\"keys\"", growing(KEYS_PER_MINUTE + 1))],
        quiet: vec![
            metric.series("redis_commands_total", "cmd=\"keys\"", "0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8"),
            metric.series("redis_commands_total", "cmd=\"get\"", growing(1000)),
        ],
    });
    alerts.push(Alert {
        name: "RedisScanCommand",
        expr: rate(metric, "cmd=\"scan\"", &format!("> {SCANS_PER_SECOND}")),
        wait: "5m",
        severity: Severity::Warning,
        summary: format!("SCAN runs more than {SCANS_PER_SECOND} times a second: somebody reads every key."),
        runbook: "suspected-breach",
        labels: Vec::new(),
        fires: vec![metric.series("redis_commands_total", "cmd=\"scan\"", growing(SCANS_PER_SECOND * 66))],
        quiet: vec![metric.series("redis_commands_total", "cmd=\"scan\"", growing(SCANS_PER_SECOND * 54))],
    });
    alerts
}

fn rate(metric: &Metric<'_>, labels: &str, compared: &str) -> String {
    format!("sum by (deployment) (rate({}[5m])) {compared}", metric.of("redis_commands_total", labels))
}

/// An alert on a counter that should stand still.
fn counter(metric: &Metric<'_>, name: &'static str, counted: &str, summary: String) -> Alert {
    Alert {
        name,
        expr: format!("sum by (deployment) (increase({}[5m])) > 0", metric.of(counted, "")),
        wait: "0m",
        severity: Severity::Warning,
        summary,
        runbook: "performance-degradation",
        labels: Vec::new(),
        fires: vec![metric.series(counted, "", step(1))],
        quiet: vec![metric.series(counted, "", always(7))],
    }
}

fn evictions(model: &Model) -> String {
    match model.profile.resources.eviction {
        Eviction::Noeviction => "Redis drops keys, which its settings forbid: somebody changed them while it runs.",
        _ => "Redis drops keys for lack of memory.",
    }
    .to_owned()
}

/// None without a limit: a share of nothing is no figure.
fn memory(model: &Model, thresholds: &Alerts, metric: &Metric<'_>) -> Option<Alert> {
    model.maxmemory?;
    let percent = u64::from(thresholds.memory_above.0);
    let (used, limit) = (metric.of("redis_memory_used_bytes", ""), metric.of("redis_memory_max_bytes", ""));
    let series = |used: u64| {
        vec![
            metric.series("redis_memory_used_bytes", "", always(used)),
            metric.series("redis_memory_max_bytes", "", always(100)),
        ]
    };
    Some(Alert {
        name: "RedisMemoryHigh",
        expr: format!("max by (deployment) (100 * {used} / ({limit} > 0)) > {percent}"),
        wait: "5m",
        severity: Severity::Warning,
        summary: format!("More than {percent} % of maxmemory is in use."),
        runbook: "performance-degradation",
        labels: Vec::new(),
        fires: series(percent + 1),
        quiet: series(percent),
    })
}

/// Of each hundred commands the slowest one, where the server counts by time (7.0 and later), else the average.
fn latency(model: &Model, thresholds: &Alerts, metric: &Metric<'_>) -> Alert {
    const BUCKET: &str = "redis_commands_latencies_usec_bucket";
    let limit = thresholds.latency_above;
    let micros = limit.0 * 1000;
    let calls = |labels: &str, values: String| metric.series("redis_commands_total", labels, values);
    let (expr, which, fires, quiet) = if exporter::permitted(model, "latency|histogram") {
        let bucket = |le: &str, values: String| metric.series(BUCKET, &format!("cmd=\"get\",le=\"{le}\""), values);
        let series = |within: u64| {
            let (at, beyond) = (micros.to_string(), (micros * 2).to_string());
            vec![bucket(&at, growing(within)), bucket(&beyond, growing(100)), bucket("+Inf", growing(100))]
        };
        (
            format!(
                "histogram_quantile(0.99, sum by (deployment, le) (rate({}[5m]))) > {micros}",
                metric.of(BUCKET, "")
            ),
            "One of a hundred commands takes",
            series(98),
            series(100),
        )
    } else {
        const TIME: &str = "redis_commands_duration_seconds_total";
        let sum = |name: &str| format!("sum by (deployment) (rate({}[5m]))", metric.of(name, ""));
        // A thousand commands a minute: their milliseconds are seconds.
        let series = |milliseconds: u64| {
            vec![metric.series(TIME, "cmd=\"get\"", growing(milliseconds)), calls("cmd=\"get\"", growing(1000))]
        };
        let seconds = decimal(limit.0);
        (
            format!("{} / {} > {seconds}", sum(TIME), sum("redis_commands_total")),
            "Commands take on average",
            series(limit.0 + 1),
            series(limit.0.saturating_sub(1)),
        )
    };
    Alert {
        name: "RedisLatencyHigh",
        expr,
        wait: "5m",
        severity: Severity::Warning,
        summary: format!("{which} longer than {limit}."),
        runbook: "performance-degradation",
        labels: Vec::new(),
        fires,
        quiet,
    }
}

/// Milliseconds as seconds.
fn decimal(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

/// The exporter's own refusals, one a minute from the second minute on.
const OWN: &str = "_ 1+1x18";

fn denied(model: &Model, metric: &Metric<'_>) -> Alert {
    let series = |all: &str| {
        let own = metric.series("redis_commands_rejected_calls_total", "cmd=\"slowlog|get\"", OWN);
        let mut series = vec![metric.series("redis_up", "", always(1)), own];
        if counts_denials(model.line) {
            series.push(metric.series("redis_acl_access_denied_cmd_total", "", all));
            for kind in ["key", "channel"] {
                series.push(metric.series(&format!("redis_acl_access_denied_{kind}_total"), "", always(0)));
            }
        } else {
            series.push(metric.series("redis_errors_total", "err=\"NOPERM\"", all));
        }
        series
    };
    Alert {
        name: "RedisAccessDenied",
        expr: format!("increase({}[5m]) > 0", metric.of(DENIED, "")),
        wait: "0m",
        severity: Severity::Warning,
        summary: "A user tried what its rights do not allow: ACL LOG says who and what.".to_owned(),
        runbook: "suspected-breach",
        labels: Vec::new(),
        // One more than the exporter's, from minute 12 on.
        fires: series("_ 1+1x10 13+1x7"),
        quiet: series(OWN),
    }
}

fn failed(model: &Model, metric: &Metric<'_>) -> Alert {
    let up = || metric.series("redis_up", "", always(1));
    let (fires, quiet) = if counts_denials(model.line) {
        let series = |values: String| vec![metric.series("redis_acl_access_denied_auth_total", "", values)];
        (series(step(1)), series(always(3)))
    } else {
        let errors = |kind: &str| metric.series("redis_errors_total", &format!("err=\"{kind}\""), "_x11 1x9");
        (vec![up(), errors("WRONGPASS")], vec![up(), errors("ERR")])
    };
    Alert {
        name: "RedisAuthenticationFailed",
        expr: format!("increase({}[5m]) > 0", metric.of(FAILED, "")),
        wait: "0m",
        severity: Severity::Warning,
        summary: "Somebody used a wrong password or an unknown user: ACL LOG says from where.".to_owned(),
        runbook: "suspected-breach",
        labels: Vec::new(),
        fires,
        quiet,
    }
}
