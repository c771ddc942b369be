//! Rules on memory, persistence and backups.

use super::{ERROR, INFO, Rule, WARNING_IN_PRODUCTION};
use crate::format::MIB;
use crate::model::Model;
use crate::profile::{Aof, Eviction};
use crate::topic;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "memory-too-small",
        severity: ERROR,
        title: "The memory limit is too small",
        topic: topic::RESOURCES,
        why: "The server and its buffers need some tens of MiB before any data; the kernel would end it.",
        fix: "At least 64MiB.",
        source: "measured: a container of 64 MiB holds 40 MiB of data",
        waivable: false,
        check: Some(|model, sink| {
            if model.profile.resources.memory.is_some_and(|memory| memory.0 < 64 * MIB) {
                sink.report("resources.memory", "this is less than 64MiB");
            }
            if model.profile.resources.maxmemory.is_some_and(|maxmemory| maxmemory.0 < MIB) {
                sink.report("resources.maxmemory", "an empty server holds more than this").help("At least 1MiB.");
            }
        }),
    },
    Rule {
        id: "maxmemory-without-room",
        severity: ERROR,
        title: "maxmemory leaves no room for copy-on-write",
        topic: topic::RESOURCES,
        why: "While a snapshot is written, changed pages exist twice; with equal numbers the kernel ended the server under load (measured).",
        fix: "At most three quarters of `memory`; leave `maxmemory` out for five eighths.",
        source: "measured: maxmemory equal to the container's limit ends in OOMKilled",
        waivable: false,
        check: Some(|model, sink| {
            if let (Some(memory), Some(maxmemory)) = (model.profile.resources.memory, model.profile.resources.maxmemory)
                && maxmemory.0 > memory.0 / 4 * 3
            {
                sink.report("resources.maxmemory", "this is more than three quarters of the container's memory")
                    .related("resources.memory", "the container's limit");
            }
        }),
    },
    Rule {
        id: "eviction-with-persistence",
        severity: INFO,
        title: "Persisted keys may be evicted",
        topic: topic::PERSISTENCE,
        why: "Persistence suggests that the data matters; eviction drops it when memory is full.",
        fix: "Write `eviction: noeviction` unless this is a cache.",
        source: "Redis documentation, Key eviction",
        waivable: true,
        check: Some(|model, sink| {
            let persistence = &model.profile.persistence;
            let kept = persistence.aof != Aof::Disabled || !persistence.snapshots.is_empty();
            if kept && model.profile.resources.eviction != Eviction::Noeviction {
                sink.report("resources.eviction", "keys are dropped when memory is full, although they are persisted");
            }
        }),
    },
    Rule {
        id: "nothing-persisted",
        severity: WARNING_IN_PRODUCTION,
        title: "Nothing survives a restart",
        topic: topic::PERSISTENCE,
        why: "Neither an append-only file nor snapshots are kept.",
        fix: "Write `persistence: { aof: everysec }`.",
        source: "security guide, Minimum Security Standards 8",
        waivable: true,
        check: Some(|model, sink| {
            let persistence = &model.profile.persistence;
            if model.production() && persistence.aof == Aof::Disabled && persistence.snapshots.is_empty() {
                sink.report("persistence", "a restart empties this server");
            }
        }),
    },
    Rule {
        id: "backups-off",
        severity: INFO,
        title: "No backups",
        topic: topic::BACKUPS,
        why: "Persistence survives a restart, not a lost disk or a FLUSHALL.",
        fix: "Add `backups: { every: 24h, keep: 14d, directory: /srv/backup/redis, encrypt_to: [age1…] }` with a recipient's public key, which cannot be guessed: `age-keygen` makes one.",
        source: "security guide, Minimum Security Standards 8",
        waivable: true,
        check: Some(backups_off),
    },
    Rule {
        id: "backups-kept-too-short",
        severity: ERROR,
        title: "A backup is deleted before the next one is made",
        topic: topic::BACKUPS,
        why: "Between the two there is none.",
        fix: "Make `keep` longer than `every`, best several times.",
        source: "security guide, Backup retention policy",
        waivable: false,
        check: Some(|model, sink| {
            if let Some(backups) = model.profile.backups.as_ref().filter(|backups| backups.keep <= backups.every) {
                let message = format!("kept for {}, made every {}", backups.keep, backups.every);
                sink.report("backups.keep", message).related("backups.every", "the next one is made so much later");
            }
        }),
    },
    Rule {
        id: "rotation-too-rare",
        severity: INFO,
        title: "Passwords grow older than 90 days",
        topic: topic::ROTATION,
        why: "A password that leaked without anybody's notice works until it is replaced. Long random passwords are not guessed, so that some regimes ask for less.",
        fix: "Write `rotate_after: 90d`.",
        source: "security guide, Password Rotation; PCI DSS 4.0.1, 8.3.9 and 8.6.3",
        waivable: true,
        check: Some(|model, sink| {
            let age = model.profile.secrets.rotate_after.filter(|_| model.production());
            if let Some(age) = age.filter(|age| age.0 > 90 * DAY) {
                sink.report("secrets.rotate_after", format!("passwords may become {age} old"));
            }
        }),
    },
    Rule {
        id: "monitoring-off",
        severity: WARNING_IN_PRODUCTION,
        title: "Nobody watches a production server",
        topic: topic::MONITORING,
        why: "A full memory, a failed snapshot, refused logins: without figures all of them are noticed by users.",
        fix: "Write `monitoring: { exporter: true }`, or waive this if a monitoring system of your own asks the server.",
        source: "security guide, Development vs Production: monitoring is required",
        waivable: true,
        check: Some(|model, sink| {
            let monitoring = &model.profile.monitoring;
            if model.production() && !monitoring.exporter {
                sink.report("monitoring.exporter", "no figures are collected, and no alert rules are written");
            } else if monitoring.alerts.is_some() && !monitoring.exporter {
                sink.report("monitoring.alerts", "without an exporter no alert rules are written");
            }
        }),
    },
    Rule {
        id: "metrics-port-taken",
        severity: ERROR,
        title: "The exporter's port is another's",
        topic: topic::MONITORING,
        why: "Two services cannot publish one port of the host, and a packet filter that closes SSH's port closes the way in.",
        fix: "Write another `monitoring.port`, as 9121.",
        source: "Docker: port is already allocated; measured: nftables loads it without a word",
        waivable: false,
        check: Some(|model, sink| {
            let Some(exporter) = &model.exporter else { return };
            // Named where it can be changed: the default has no line of its own.
            let written = model.profile.monitoring.port.is_some();
            let path = if written { "monitoring.port" } else { "monitoring.exporter" };
            if exporter.port == model.profile.network.port && !model.published.is_empty() {
                let message = format!("port {} is the server's on this host", exporter.port);
                sink.report(path, message).related("network.port", "the server's");
            } else if exporter.port == 22 {
                sink.report(path, "port 22 is how people reach this host");
            }
        }),
    },
    Rule {
        id: "data-at-rest-in-clear",
        severity: INFO,
        title: "Data lies in clear on the host's disk",
        topic: topic::VOLUMES,
        why: "Redis encrypts nothing on disk: a lost disk, a snapshot of it or a copy of the volume is readable.",
        fix: "Add `encryption_at_rest`, or waive this if the host's disk is encrypted already.",
        source: "security guide, Encryption at Rest",
        waivable: true,
        check: Some(|model, sink| {
            let persistence = &model.profile.persistence;
            let written = persistence.aof != Aof::Disabled || !persistence.snapshots.is_empty();
            let asked = model.profile.encryption_at_rest.as_ref();
            let encrypted = asked.is_some_and(|asked| {
                asked.luks.is_some() || asked.aws.is_some() || asked.gcp.is_some() || asked.azure.is_some()
            });
            if model.production() && written && !encrypted {
                sink.report("", "snapshots and the append-only file are not encrypted");
            }
        }),
    },
];

/// One day in milliseconds.
const DAY: u64 = 86_400_000;

fn backups_off(model: &Model, sink: &mut super::Sink) {
    if model.production() && model.profile.backups.is_none() {
        sink.report("", "no copies of the data are made");
    }
}
