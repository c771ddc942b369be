//! Who notices.

use super::{Item, Verdict, compose};
use crate::topic;

/// Figures.
pub const METRICS: Item = Item {
    id: "metrics",
    text: "Metrics collection enabled",
    topic: topic::MONITORING,
    judge: |model| {
        Verdict::not_held(if model.profile.monitoring.exporter {
            "The profile asks for an exporter; this version of redisgen writes none. A user of role `monitoring` may read the figures and no data."
        } else {
            "See `monitoring.exporter`."
        })
    },
};

/// Somebody is woken.
pub const ALERTS: Item = Item {
    id: "alerts",
    text: "Alerts configured (memory, latency, errors)",
    topic: topic::MONITORING,
    judge: |model| {
        Verdict::not_held(if model.profile.monitoring.alerts.is_some() {
            "The profile asks for alerts; this version of redisgen writes no alert rules."
        } else {
            "See `monitoring.alerts`."
        })
    },
};

/// What can be told afterwards.
pub const AUDIT: Item = Item {
    id: "audit-log",
    text: "Audit logging enabled",
    topic: topic::AUDIT,
    judge: |_| {
        Verdict::outside(
            "Redis keeps no record of reads and writes. What it has: refused logins and commands in ACL LOG, slow commands in SLOWLOG, both in memory. Whoever operates the deployment collects them and the container's log; the application records who read what.",
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
