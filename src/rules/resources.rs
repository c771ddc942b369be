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
        fix: "Add `backups` with a recipient's public key, which cannot be guessed: `age-keygen` makes one.",
        source: "security guide, Minimum Security Standards 8",
        waivable: true,
        check: Some(backups_off),
    },
];

fn backups_off(model: &Model, sink: &mut super::Sink) {
    if model.production() && model.profile.backups.is_none() {
        sink.report("", "no copies of the data are made");
    }
}
