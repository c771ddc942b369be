//! `monitoring/dashboard.json`: what Grafana shows of the figures that the alerts judge.

use serde::Serialize;

use crate::exporter;
use crate::model::Model;

#[derive(Serialize)]
pub(super) struct Dashboard<'model> {
    project: &'model str,
    uid: String,
    panels: Vec<Panel>,
}

#[derive(Serialize)]
struct Panel {
    title: &'static str,
    unit: &'static str,
    x: usize,
    y: usize,
    targets: Vec<Target>,
}

#[derive(Serialize)]
struct Target {
    id: String,
    expr: String,
    legend: &'static str,
}

pub(super) fn dashboard(model: &Model) -> Dashboard<'_> {
    let panels = panels(model).into_iter().enumerate().map(|(place, (title, unit, figures))| Panel {
        title,
        unit,
        x: place % 3 * 8,
        y: place / 3 * 8,
        targets: ('A'..='Z')
            // Our own figures are computed by the file of the alerts.
            .zip(
                figures
                    .into_iter()
                    .filter(|(expr, _)| super::has_alerts(model) || !expr.starts_with("increase(redisgen:")),
            )
            .map(|(id, (expr, legend))| Target {
                id: id.to_string(),
                expr: expr.replace("{}", &selector(model)),
                legend,
            })
            .collect(),
    });
    Dashboard {
        project: &model.project,
        // Grafana takes at most 40 characters.
        uid: format!("redisgen-{}", crate::firewall::tag(&model.project)),
        panels: panels.collect(),
    }
}

fn selector(model: &Model) -> String {
    format!("{{deployment=\"{}\"}}", model.project)
}

type Figures = Vec<(&'static str, &'static str)>;

/// Title, unit, and what is drawn: `{}` stands for the deployment's selector.
fn panels(model: &Model) -> Vec<(&'static str, &'static str, Figures)> {
    let mut panels: Vec<(&'static str, &'static str, Figures)> = vec![
        ("Redis answers", "bool_yes_no", vec![("redis_up{}", "Redis"), ("up{}", "exporter")]),
        (
            "Memory",
            "bytes",
            vec![("redis_memory_used_bytes{}", "used"), ("redis_memory_max_bytes{}", "limit for data")],
        ),
        ("Clients", "short", vec![("redis_connected_clients{}", "connected"), ("redis_max_clients{}", "limit")]),
        ("Commands", "ops", vec![("sum by (cmd) (rate(redis_commands_total{}[5m]))", "{{cmd}}")]),
        latency(model),
        (
            "Refused",
            "short",
            vec![
                ("increase(redisgen:access_denied:total{}[5m])", "rights"),
                ("increase(redisgen:authentication_failed:total{}[5m])", "logins"),
                ("increase(redis_rejected_connections_total{}[5m])", "connections"),
            ],
        ),
        ("Evicted keys", "short", vec![("increase(redis_evicted_keys_total{}[5m])", "evicted")]),
        (
            "Persistence (1 is well)",
            "short",
            vec![
                ("redis_rdb_last_bgsave_status{}", "snapshot"),
                ("redis_aof_last_write_status{}", "append-only file"),
                ("redis_aof_last_bgrewrite_status{}", "rewrite"),
            ],
        ),
        ("Slow commands in the log", "short", vec![("redis_slowlog_length{}", "entries")]),
    ];
    if model.profile.backups.is_some() {
        panels.push((
            "Age of the last backup",
            "s",
            vec![("time() - redisgen_backup_last_success_timestamp_seconds{}", "age")],
        ));
    }
    if model.tls() {
        panels.push((
            "Certificates end in",
            "s",
            vec![("redisgen_certificate_expiry_timestamp_seconds{} - time()", "{{file}}")],
        ));
    }
    panels
}

fn latency(model: &Model) -> (&'static str, &'static str, Figures) {
    let mut figures = vec![(
        "1e6 * sum(rate(redis_commands_duration_seconds_total{}[5m])) / sum(rate(redis_commands_total{}[5m]))",
        "average",
    )];
    if exporter::permitted(model, "latency|histogram") {
        figures.push((
            "histogram_quantile(0.99, sum by (le) (rate(redis_commands_latencies_usec_bucket{}[5m])))",
            "one of a hundred",
        ));
    }
    ("Time of a command", "µs", figures)
}
