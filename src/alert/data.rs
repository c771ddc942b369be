//! Alerts on what survives: snapshots, the append-only file, backups, certificates.

use super::{Alert, Metric, NOW, Severity, always};
use crate::model::Model;
use crate::profile::Aof;

/// Written by backup.sh.
pub(super) const BACKUP: &str = "redisgen_backup_last_success_timestamp_seconds";
/// Written by monitoring/certificates.sh.
pub(super) const CERTIFICATE: &str = "redisgen_certificate_expiry_timestamp_seconds";
/// What a certificate of the test is called.
const FILE: (&str, &str) = ("file", "server/redis.crt");

pub(super) fn alerts(model: &Model, metric: &Metric<'_>) -> Vec<Alert> {
    let mut alerts = Vec::new();
    let persistence = &model.profile.persistence;
    if !persistence.snapshots.is_empty() || model.profile.backups.is_some() {
        alerts.push(status(
            metric,
            "RedisSnapshotFailed",
            &["redis_rdb_last_bgsave_status"],
            "The last snapshot failed: Redis refuses writes until one succeeds.",
        ));
    }
    if persistence.aof != Aof::Disabled {
        alerts.push(status(
            metric,
            "RedisAppendOnlyFailed",
            &["redis_aof_last_write_status", "redis_aof_last_bgrewrite_status"],
            "The append-only file cannot be written or rewritten.",
        ));
    }
    if let Some(backups) = &model.profile.backups {
        // One may be late, and takes its time.
        let limit = backups.every.seconds().saturating_mul(3) / 2;
        alerts.push(older(
            metric,
            limit,
            format!("The last backup is older than it should be: one is due every {}.", backups.every),
        ));
        alerts.push(absent(
            metric,
            "RedisBackupAbsent",
            (BACKUP, ""),
            "There is no successful backup, or nobody says so.",
            "data-loss",
        ));
    }
    if model.tls() {
        let window = model.profile.tls.renew_before;
        alerts.push(Alert {
            name: "RedisCertificateExpiring",
            expr: format!("min by (deployment, file) ({}) - time() < {}", metric.of(CERTIFICATE, ""), window.seconds()),
            wait: "0m",
            severity: Severity::Warning,
            summary: format!("A certificate ends in less than {window}; label `file` names it."),
            runbook: "lost-certificate",
            labels: vec![FILE],
            fires: vec![certificate(metric, NOW + window.seconds().saturating_sub(1))],
            quiet: vec![certificate(metric, NOW + window.seconds())],
        });
        alerts.push(absent(
            metric,
            "RedisCertificatesUnwatched",
            (CERTIFICATE, "file=\"server/redis.crt\""),
            "Nobody watches the certificates: monitoring/certificates.sh does not run, or node_exporter does not read what it writes.",
            "lost-certificate",
        ));
    }
    alerts
}

fn certificate(metric: &Metric<'_>, end: u64) -> super::Series {
    metric.series(CERTIFICATE, &format!("{}=\"{}\"", FILE.0, FILE.1), always(end))
}

/// An alert on figures that are 1 while all is well.
fn status(metric: &Metric<'_>, name: &'static str, figures: &[&str], summary: &str) -> Alert {
    let each = |figure: &&str| format!("min by (deployment) ({}) == 0", metric.of(figure, ""));
    let series = |last: u8| {
        let place = |place: usize| if place + 1 == figures.len() { last } else { 1 };
        figures.iter().enumerate().map(|(at, figure)| metric.series(figure, "", always(place(at)))).collect()
    };
    Alert {
        name,
        expr: figures.iter().map(each).collect::<Vec<_>>().join(" or "),
        wait: "0m",
        severity: Severity::Critical,
        summary: summary.to_owned(),
        runbook: "full-disk",
        labels: Vec::new(),
        fires: series(0),
        quiet: series(1),
    }
}

fn older(metric: &Metric<'_>, limit: u64, summary: String) -> Alert {
    // Before the clock of the tests began, if the limit is longer.
    let made = |age: u64| vec![metric.series(BACKUP, "", always(i128::from(NOW) - i128::from(age)))];
    Alert {
        name: "RedisBackupOld",
        expr: format!("time() - max by (deployment) ({}) > {limit}", metric.of(BACKUP, "")),
        wait: "0m",
        severity: Severity::Critical,
        summary,
        runbook: "data-loss",
        labels: Vec::new(),
        fires: made(limit + 1),
        quiet: made(limit),
    }
}

fn absent(
    metric: &Metric<'_>,
    name: &'static str,
    (figure, label): (&str, &str),
    summary: &str,
    runbook: &'static str,
) -> Alert {
    Alert {
        name,
        expr: format!("absent({})", metric.of(figure, label)),
        wait: "10m",
        severity: Severity::Warning,
        summary: summary.to_owned(),
        runbook,
        labels: if label.is_empty() { Vec::new() } else { vec![FILE] },
        fires: Vec::new(),
        quiet: vec![metric.series(figure, label, always(NOW))],
    }
}
