//! `backup/`: the scripts that make encrypted backups and bring them back, and the timer that starts them.

use minijinja::value::Value;
use serde::Serialize;

use super::{Artefact, cli, compose, context};
use crate::format::Duration;
use crate::model::{BACKUP, Model};
use crate::profile::{Aof, Backups, EngineKind};

/// Where `backup/` is mounted in the containers that read it.
pub const FOLDER: &str = "/usr/local/etc/backup";
/// Where `secrets/backup` is mounted.
pub const SECRETS: &str = "/run/backup";

macro_rules! file {
    ($name:literal, $mode:literal, $context:expr) => {
        Artefact {
            path: |_| concat!("backup/", $name).to_owned(),
            mode: $mode,
            wanted: |model| model.profile.backups.is_some(),
            template: concat!("backup/", $name),
            context: $context,
        }
    };
}

pub(super) const ARTEFACTS: &[Artefact] = &[
    file!("backup.sh", 0o755, host),
    file!("restore.sh", 0o755, host),
    file!("snapshot.sh", 0o755, inside),
    file!("replace.sh", 0o755, inside),
    file!("redisgen-backup.service", 0o644, host),
    file!("redisgen-backup.timer", 0o644, timer),
];

#[derive(Serialize)]
struct Host<'model> {
    project: &'model str,
    compose: String,
    directory: &'model str,
    /// Seconds.
    keep: u64,
    keep_words: String,
    recipients: Vec<String>,
    aof: bool,
    /// Where data that was replaced is, in words.
    place: String,
    /// What restore.sh asks Docker about the server.
    inspect: &'static str,
}

fn host(model: &Model) -> Value {
    let place = match model.luks() {
        Some(luks) => format!("/data there is {}/data here", luks.mount),
        None => format!("/data there is the volume {}_data", model.project),
    };
    let data = model.profile.backups.as_ref().map(|backups| Host {
        project: &model.project,
        compose: compose::file_name(model),
        directory: backups.directory.as_str(),
        keep: backups.keep.seconds(),
        keep_words: backups.keep.to_string(),
        recipients: backups.encrypt_to.iter().map(ToString::to_string).collect(),
        aof: model.profile.persistence.aof != Aof::Disabled,
        place,
        inspect: "{{.State.Status}} {{.State.Health.Status}} {{.RestartCount}}",
    });
    // Without backups none of these files is wanted.
    data.map_or(Value::UNDEFINED, |data| context(model, data))
}

#[derive(Serialize)]
struct Inside {
    cli: &'static str,
    check: &'static str,
    secrets: &'static str,
    data: String,
    port: u16,
    user: &'static str,
    password: bool,
    tls: bool,
    mutual: bool,
    layout: &'static str,
}

fn inside(model: &Model) -> Value {
    let data = Inside {
        cli: cli(model),
        check: match model.profile.engine.kind {
            EngineKind::Redis => "redis-check-rdb",
            EngineKind::Valkey => "valkey-check-rdb",
        },
        secrets: SECRETS,
        data: model.layout.data.clone(),
        port: model.layout.port,
        user: BACKUP,
        password: model.passwords(),
        tls: model.tls(),
        mutual: model.mutual(),
        layout: layout(model),
    };
    context(model, data)
}

/// What the server loads when it starts. With an append-only file it ignores dump.rdb (measured); since 7.0 that is a
/// folder with a manifest, before it was one file, which may begin with a snapshot (measured on 6.2.14).
fn layout(model: &Model) -> &'static str {
    let folder = model.line.directive("appenddirname").is_some();
    match (model.profile.persistence.aof, folder) {
        (Aof::Disabled, _) => "snapshot",
        (_, true) => "manifest",
        (_, false) => "preamble",
    }
}

#[derive(Serialize)]
struct Timer<'model> {
    project: &'model str,
    every: String,
    calendar: Option<String>,
    seconds: u64,
    /// Seconds: many deployments on a host do not save at once.
    delay: u64,
}

fn timer(model: &Model) -> Value {
    let data = model.profile.backups.as_ref().map(|Backups { every, .. }| Timer {
        project: &model.project,
        every: every.to_string(),
        calendar: calendar(*every),
        seconds: every.seconds(),
        delay: (every.seconds() / 20).min(900),
    });
    data.map_or(Value::UNDEFINED, |data| context(model, data))
}

/// A calendar whose steps all have this length: only such a timer can make up for what was missed (systemd.timer(5)).
fn calendar(every: Duration) -> Option<String> {
    let minutes = every.seconds() / 60;
    let hours = minutes / 60;
    match every.seconds() {
        seconds if seconds != minutes * 60 || minutes == 0 => None,
        _ if minutes < 60 && 60 % minutes == 0 => Some(format!("*-*-* *:00/{minutes}:00")),
        _ if !minutes.is_multiple_of(60) => None,
        _ if hours == 24 => Some("*-*-* 02:00:00".to_owned()),
        _ if hours == 7 * 24 => Some("Sun *-*-* 02:00:00".to_owned()),
        _ if hours < 24 && 24 % hours == 0 => Some(format!("*-*-* 00/{hours}:00:00")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendars_have_equal_steps() {
        for (every, expected) in [
            ("15m", Some("*-*-* *:00/15:00")),
            ("1h", Some("*-*-* 00/1:00:00")),
            ("6h", Some("*-*-* 00/6:00:00")),
            ("24h", Some("*-*-* 02:00:00")),
            ("1d", Some("*-*-* 02:00:00")),
            ("7d", Some("Sun *-*-* 02:00:00")),
            ("7m", None),
            ("90m", None),
            ("5h", None),
            ("36h", None),
            ("30s", None),
            ("90s", None),
            ("1ms", None),
        ] {
            let every: Duration = every.parse().expect("a duration");
            assert_eq!(calendar(every).as_deref(), expected, "{every}");
        }
    }
}
