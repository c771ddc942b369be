//! `monitoring/`: what Prometheus, Grafana and `node_exporter` read, and the script that tells when certificates end.

use serde::Serialize;

use super::{Artefact, context};
use crate::alert::{self, Alert, Recording};
use crate::model::Model;

mod dashboard;

/// In the order in which a reader looks at them.
pub(super) const ARTEFACTS: &[Artefact] = &[
    Artefact {
        path: |_| "monitoring/prometheus.yml".to_owned(),
        mode: 0o644,
        wanted: |model| model.exporter.is_some(),
        // Prometheus expands no `$`, which the encoder of compose files would double.
        template: "monitoring/prometheus.yaml",
        context: |model| context(model, prometheus(model)),
    },
    Artefact {
        path: |_| "monitoring/alerts.yml".to_owned(),
        mode: 0o644,
        wanted: has_alerts,
        template: "monitoring/alerts.yaml",
        context: |model| context(model, rules(model)),
    },
    Artefact {
        path: |_| "monitoring/alerts.test.yml".to_owned(),
        mode: 0o644,
        wanted: has_alerts,
        template: "monitoring/alerts.test.yaml",
        context: |model| context(model, rules(model)),
    },
    Artefact {
        path: |_| "monitoring/dashboard.json".to_owned(),
        mode: 0o644,
        wanted: |model| model.exporter.is_some(),
        template: "monitoring/dashboard.json",
        context: |model| context(model, dashboard::dashboard(model)),
    },
    Artefact {
        path: |_| "monitoring/certificates.sh".to_owned(),
        mode: 0o755,
        wanted: watches_certificates,
        template: "monitoring/certificates.sh",
        context: |model| context(model, Named { project: &model.project }),
    },
    Artefact {
        path: |_| "monitoring/redisgen-certificates.service".to_owned(),
        mode: 0o644,
        wanted: watches_certificates,
        template: "monitoring/redisgen-certificates.service",
        context: |model| context(model, Named { project: &model.project }),
    },
    Artefact {
        path: |_| "monitoring/redisgen-certificates.timer".to_owned(),
        mode: 0o644,
        wanted: watches_certificates,
        template: "monitoring/redisgen-certificates.timer",
        context: |model| context(model, Named { project: &model.project }),
    },
];

fn has_alerts(model: &Model) -> bool {
    model.exporter.is_some() && model.profile.monitoring.alerts.is_some()
}

fn watches_certificates(model: &Model) -> bool {
    model.exporter.is_some() && model.tls()
}

#[derive(Serialize)]
struct Named<'model> {
    project: &'model str,
}

#[derive(Serialize)]
struct Prometheus<'model> {
    project: &'model str,
    target: String,
    alerts: bool,
    /// True if scripts on the host have figures, too.
    host: bool,
}

/// None if there is no exporter; then the file is not wanted.
fn prometheus(model: &Model) -> Option<Prometheus<'_>> {
    let exporter = model.exporter.as_ref()?;
    Some(Prometheus {
        project: &model.project,
        target: format!("127.0.0.1:{}", exporter.port),
        alerts: has_alerts(model),
        host: model.tls() || model.profile.backups.is_some(),
    })
}

#[derive(Serialize)]
struct Rules<'model> {
    project: &'model str,
    counts_denials: bool,
    at: u64,
    recordings: Vec<Recording>,
    alerts: Vec<Alert>,
}

fn rules(model: &Model) -> Rules<'_> {
    Rules {
        project: &model.project,
        counts_denials: alert::counts_denials(model.line),
        at: alert::AT,
        recordings: alert::recordings(model),
        alerts: alert::alerts(model),
    }
}
