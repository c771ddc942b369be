//! What the guide asks for elsewhere, or not at all: limits, the container, the engine's build, what survives.

use super::network::{MUTUAL_TLS, RATE, SERVER_NAMES};
use super::{Item, Verdict, compose};
use crate::advisories;
use crate::model::Model;
use crate::profile::Aof;
use crate::topic;

/// Memory that ends before the host's does.
pub const MEMORY: Item = Item {
    id: "memory-limit",
    text: "Memory limited, with room for copy-on-write",
    topic: topic::RESOURCES,
    judge: |model| match (&model.profile.resources.memory, &model.maxmemory) {
        (Some(memory), Some(_)) => {
            Verdict::held(format!("The container has {memory}, of which data gets a part; it does not swap."))
                .shown(compose(model), "memory: ", "tests/containers/production.rs the_live_process_is_confined")
                .shown(
                    "redis/redis.conf",
                    "maxmemory ",
                    "tests/server/engines.rs emitted_settings_are_the_servers_settings",
                )
        }
        _ => Verdict::not_held("It can take all of the host's; write `resources: { memory: 512MiB }`."),
    },
};

/// Connections that end before descriptors do.
pub const CONNECTIONS: Item = Item {
    id: "connection-limit",
    text: "Set connection limits (maxclients)",
    topic: topic::CONNECTION_LIMITS,
    judge: |model| {
        Verdict::held(format!(
            "{} clients at once; one that does not read its answers is dropped.",
            model.profile.resources.max_clients
        ))
        .shown(
            "redis/redis.conf",
            "maxclients ",
            "tests/server/engines.rs emitted_settings_are_the_servers_settings",
        )
    },
};

pub(super) const ITEMS: &[&Item] = &[
    &MUTUAL_TLS,
    &SERVER_NAMES,
    &RATE,
    &MEMORY,
    &CONNECTIONS,
    &Item {
        id: "confined-container",
        text: "Container without root, capabilities or a writable system",
        topic: topic::CONTAINER,
        judge: |model| {
            let test = "tests/containers/production.rs each_protection_is_seen_to_be_missing";
            Verdict::held("User 999, no capability, no new privileges, read-only root, no core dumps.")
                .shown(compose(model), "user: \"999:999\"", test)
                .shown(compose(model), "cap_drop: [ALL]", test)
                .shown(compose(model), "read_only: true", test)
        },
    },
    &Item {
        id: "engine-build",
        text: "Engine build without known vulnerabilities",
        topic: topic::ENGINE,
        judge: build,
    },
    &Item {
        id: "survives-restart",
        text: "Data survives a restart",
        topic: topic::PERSISTENCE,
        judge: |model| {
            let persistence = &model.profile.persistence;
            let file = |forced: &str| {
                let test = "tests/server/production.rs sigterm_saves_and_a_restart_has_the_data";
                Verdict::held(format!("An append-only file, forced to disk {forced}.")).shown(
                    "redis/redis.conf",
                    "appendonly yes",
                    test,
                )
            };
            match persistence.aof {
                Aof::Always => file("at each write"),
                Aof::Everysec => file("each second: a power failure may take the last one"),
                Aof::Os => file("when the operating system likes: a power failure may take half a minute"),
                Aof::Disabled if persistence.snapshots.is_empty() => {
                    Verdict::not_held("Nothing is written to disk, which suits a cache.")
                }
                Aof::Disabled => {
                    Verdict::held("Snapshots; what was written since the last one is lost when it is killed.").shown(
                        "redis/redis.conf",
                        "save ",
                        "tests/server/production.rs snapshots_alone_survive_a_restart",
                    )
                }
            }
        },
    },
];

fn build(model: &Model) -> Verdict {
    let engine = &model.profile.engine;
    if engine.image.is_some() {
        return Verdict::outside(format!(
            "The profile names an image of its own: whoever made it says whether {} {} is in it, and what else.",
            engine.kind.word(),
            engine.version
        ));
    }
    match (advisories::lines(), advisories::applying(engine.kind, engine.version)) {
        (Ok(lines), Ok(rows)) if rows.is_empty() => Verdict::held(format!(
            "{} {}, by the table of {}, which is part of redisgen; what was found since is not in it.",
            engine.kind.word(),
            engine.version,
            lines.date
        ))
        .shown(compose(model), "image: ", "tests/advisories.rs lists_are_as_reviewed"),
        (Ok(lines), Ok(rows)) => Verdict::not_held(format!(
            "{} {} has {} by the table of {}: {}. The findings of `redisgen validate` say what holds each.",
            engine.kind.word(),
            engine.version,
            rows.len(),
            lines.date,
            rows.iter().map(|row| row.ids()).collect::<Vec<_>>().join(", ")
        )),
        (Err(reason), _) | (_, Err(reason)) => Verdict::not_held(reason),
    }
}
