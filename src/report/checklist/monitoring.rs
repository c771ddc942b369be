//! Who notices.

use super::{Item, Verdict, compose};
use crate::topic;

/// Figures.
pub const METRICS: Item = Item {
    id: "metrics",
    text: "Metrics collection enabled",
    topic: topic::MONITORING,
    judge: |model| {
        if model.exporter.is_none() {
            return Verdict::not_held("See `monitoring.exporter`.");
        }
        Verdict::held("An exporter with a user of its own, which sees no data, publishes figures on this host's loopback; Prometheus must read them there.")
            .shown(compose(model), "exporter:", "tests/monitoring/scrape.rs prometheus_scrapes_the_deployment")
            .shown("monitoring/prometheus.yml", "- job_name: redis", "tests/monitoring/scrape.rs prometheus_scrapes_the_deployment")
    },
};

/// Somebody is woken.
pub const ALERTS: Item = Item {
    id: "alerts",
    text: "Alerts configured (memory, latency, errors)",
    topic: topic::MONITORING,
    judge: |model| {
        if model.exporter.is_none() || model.profile.monitoring.alerts.is_none() {
            return Verdict::not_held("See `monitoring.alerts`, which needs `monitoring.exporter`.");
        }
        Verdict::held("Alert rules with the profile's thresholds, each tested to fire and to stay quiet; an Alertmanager must wake somebody.").shown(
            "monitoring/alerts.yml",
            "- alert:",
            "tests/monitoring/rules.rs every_alert_fires_and_stays_quiet_and_its_test_sees_both",
        )
    },
};

/// What can be told afterwards.
pub const AUDIT: Item = Item {
    id: "audit-log",
    text: "Audit logging enabled",
    topic: topic::AUDIT,
    judge: |_| {
        Verdict::outside(
            "Redis keeps no record of reads and writes. What it has: refused logins and commands in ACL LOG, slow commands in SLOWLOG, the last 128 of each, in memory only: a restart or `ACL LOG RESET` empties them. Alerts count refusals and do not name them. Whoever operates the deployment collects them and the container's log; the application records who read what.",
        )
    },
};

pub(super) const ITEMS: &[&Item] = &[
    &Item {
        id: "health-check",
        text: "Health checks configured",
        topic: topic::HEALTH_CHECK,
        judge: |model| {
            let pong = "[ \"$reply\" = PONG ]";
            if model.passwords() {
                Verdict::held(
                    "It asks as a client does, and is red on wrong credentials, which `redis-cli ping` is not.",
                )
                .shown(compose(model), "test: [CMD,", "tests/containers/production.rs a_wrong_health_password_is_red")
                .shown(
                    "redis/healthcheck.sh",
                    pong,
                    "tests/server/production.rs health_check_tells_right_from_wrong_credentials",
                )
            } else {
                Verdict::held("It asks as a client does, and is red without an answer.").shown(
                    "redis/healthcheck.sh",
                    pong,
                    "tests/server/development.rs development_health_check_is_red_without_a_pong",
                )
            }
        },
    },
    &METRICS,
    &ALERTS,
    &AUDIT,
];
