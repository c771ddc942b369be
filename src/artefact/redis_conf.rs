//! `redis/redis.conf`: the server's settings, one directive a line, gated by what the line knows.

pub mod tuning;

use serde::Serialize;

use super::{Artefact, context};
use crate::format::MIB;
use crate::model::{Login, Model};
use crate::profile::{Aof, TlsMode, TlsVersion};

pub(super) const ARTEFACT: Artefact = Artefact {
    path: |_| "redis/redis.conf".to_owned(),
    mode: 0o644,
    wanted: |_| true,
    template: "redis/redis.conf",
    context: |model| context(model, Conf { sections: sections(model) }),
};

#[derive(Serialize)]
struct Conf {
    sections: Vec<Section>,
}

#[derive(Serialize)]
struct Section {
    title: &'static str,
    lines: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    comment: Option<String>,
    name: String,
    values: Vec<String>,
}

/// Collects the lines of one section: only directives that the line knows, and with the value that
/// `config` gives, if it gives one.
struct Lines<'model> {
    model: &'model Model,
    lines: Vec<Line>,
}

impl Lines<'_> {
    fn add(&mut self, name: &str, values: &[&str]) -> &mut Self {
        if self.model.line.directive(name).is_some_and(|known| !known.ignored) {
            let own = self.model.profile.config.get(name).map(|word| vec![word.0.clone()]);
            let values = own.unwrap_or_else(|| values.iter().map(ToString::to_string).collect());
            self.lines.push(Line { comment: None, name: name.to_owned(), values });
        }
        self
    }

    /// Explains the line that was added last.
    fn because(&mut self, comment: impl Into<String>) -> &mut Self {
        if let Some(last) = self.lines.last_mut() {
            last.comment = Some(comment.into());
        }
        self
    }
}

/// Adds the lines of one section.
type Topic = fn(&mut Lines);

fn sections(model: &Model) -> Vec<Section> {
    let topics: [(&str, Topic); 8] = [
        ("Network", network),
        ("TLS", tls),
        ("Users", users),
        ("Switches that hand out the host", hardening),
        ("Commands that nobody can run, admins included", renames),
        ("Limits", limits),
        ("Persistence", persistence),
        ("Logs", logs),
    ];
    let mut sections = Vec::new();
    let mut written: Vec<String> = Vec::new();
    for (title, topic) in topics {
        let mut lines = Lines { model, lines: Vec::new() };
        topic(&mut lines);
        written.extend(lines.lines.iter().map(|line| line.name.clone()));
        sections.push(Section { title, lines: lines.lines });
    }
    let further = model.profile.config.iter().filter(|(name, _)| !written.contains(name));
    let lines =
        further.map(|(name, word)| Line { comment: None, name: name.clone(), values: vec![word.0.clone()] }).collect();
    sections.push(Section { title: "Tuning, from the profile's `config`", lines });
    sections.retain(|section| !section.lines.is_empty());
    sections
}

/// Directives that are written, with their words, in order.
pub fn settings(model: &Model) -> impl Iterator<Item = (String, Vec<String>)> {
    sections(model).into_iter().flat_map(|section| section.lines).map(|line| (line.name, line.values))
}

/// Directives that are written, with single values, for the rule that checks them; `config` has a rule of its own.
pub fn emitted(model: &Model) -> Vec<(String, String)> {
    let lines = sections(model).into_iter().flat_map(|section| section.lines);
    let single = lines.filter_map(|line| match line.values.as_slice() {
        [value] if !model.profile.config.contains_key(&line.name) => Some((line.name, value.clone())),
        _ => None,
    });
    single.collect()
}

/// The value that the server runs with: as written, else its default. None if the line lacks the directive.
pub fn effective(model: &Model, name: &str) -> Option<String> {
    Effective::new(model).get(name)
}

/// The same of several directives.
pub struct Effective<'model> {
    model: &'model Model,
    written: Vec<Line>,
}

impl<'model> Effective<'model> {
    /// What is written for a model.
    pub fn new(model: &'model Model) -> Effective<'model> {
        Effective { model, written: sections(model).into_iter().flat_map(|section| section.lines).collect() }
    }

    /// As [`effective`].
    pub fn get(&self, name: &str) -> Option<String> {
        let known = self.model.line.directive(name).filter(|known| !known.ignored)?;
        let written = self.written.iter().find(|line| line.name == name).map(|line| line.values.join(" "));
        Some(written.unwrap_or_else(|| known.default.to_owned()))
    }
}

fn network(out: &mut Lines) {
    let model = out.model;
    let layout = &model.layout;
    let bind: Vec<&str> = layout.bind.iter().map(String::as_str).collect();
    let port = layout.port.to_string();
    out.add("bind", &bind).because("All addresses of the container; the compose file decides what is published.");
    let open = out.model.users.iter().any(|user| user.login == Login::Anything);
    if open {
        out.add("protected-mode", &["no"])
            .because("Connections arrive through the container's bridge, which protected mode would refuse.");
    } else {
        out.add("protected-mode", &["yes"]).because("Official images change the default to no.");
    }
    if out.model.tls() {
        out.add("port", &["0"]).because("No unencrypted port.").add("tls-port", &[&port]);
    } else {
        out.add("port", &[&port]);
    }
    out.add("tcp-keepalive", &["60"]);
    let idle = out.model.profile.resources.idle_timeout.map_or(0, crate::format::Duration::seconds);
    out.add("timeout", &[&idle.to_string()]);
}

fn tls(out: &mut Lines) {
    let model = out.model;
    let tls = &model.profile.tls;
    if tls.mode == TlsMode::Disabled {
        return;
    }
    let folder = &model.layout.secrets;
    out.add("tls-cert-file", &[&format!("{folder}/redis.crt")])
        .add("tls-key-file", &[&format!("{folder}/redis.key")])
        .add("tls-ca-cert-file", &[&format!("{folder}/ca.crt")]);
    if tls.mode == TlsMode::Mutual {
        out.add("tls-auth-clients", &["yes"]).because("Every client shows a certificate of our authority.");
    } else {
        out.add("tls-auth-clients", &["no"])
            .because("Clients prove themselves by password; `tls.mode: mutual` asks for certificates too.");
    }
    match tls.minimum {
        TlsVersion::Tls12 => out.add("tls-protocols", &["TLSv1.2 TLSv1.3"]),
        TlsVersion::Tls13 => out.add("tls-protocols", &["TLSv1.3"]),
    };
    // ECDHE and AEAD only: no static RSA, CBC or SHA-1. The list "HIGH:!aNULL:…" still has 58 suites with both.
    out.add("tls-ciphers", &["ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"])
        .add("tls-ciphersuites", &["TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"])
        .add("tls-prefer-server-ciphers", &["yes"]);
}

fn users(out: &mut Lines) {
    let model = out.model;
    let layout = &model.layout;
    let folder = if model.has_secrets() { &layout.secrets } else { &layout.conf };
    out.add("aclfile", &[&format!("{folder}/users.acl")])
        .add("acl-pubsub-default", &["resetchannels"])
        .add("acllog-max-len", &["128"]);
}

fn hardening(out: &mut Lines) {
    out.add("enable-protected-configs", &["no"])
        .add("enable-debug-command", &["no"])
        .add("enable-module-command", &["no"]);
}

fn renames(out: &mut Lines) {
    for name in &out.model.renames.away {
        out.add("rename-command", &[name, ""]);
    }
}

fn limits(out: &mut Lines) {
    let model = out.model;
    let resources = &model.profile.resources;
    out.add("maxclients", &[&resources.max_clients.to_string()]);
    if let Some(maxmemory) = model.maxmemory {
        let bytes = if maxmemory.0 % MIB == 0 { format!("{}mb", maxmemory.0 / MIB) } else { maxmemory.0.to_string() };
        out.add("maxmemory", &[&bytes]);
        if let Some(memory) = resources.memory {
            out.because(format!(
                "Below the container's {memory}: while a snapshot is written, changed pages exist twice."
            ));
        }
    }
    out.add("maxmemory-policy", &[resources.eviction.word()]);
    if model.production() {
        out.add("client-output-buffer-limit", &["normal", "64mb", "32mb", "60"])
            .because("A client that does not read what it asked for is dropped before it fills the memory.")
            .add("client-output-buffer-limit", &["pubsub", "32mb", "8mb", "60"])
            .add("client-query-buffer-limit", &["64mb"]);
    }
}

fn persistence(out: &mut Lines) {
    let persistence = &out.model.profile.persistence;
    let model = out.model;
    out.add("dir", &[&model.layout.data]).add("dbfilename", &["dump.rdb"]);
    match persistence.aof {
        Aof::Disabled => out.add("appendonly", &["no"]),
        Aof::Always => out.add("appendonly", &["yes"]).add("appendfsync", &["always"]),
        Aof::Everysec => out.add("appendonly", &["yes"]).add("appendfsync", &["everysec"]),
        Aof::Os => out.add("appendonly", &["yes"]).add("appendfsync", &["no"]),
    };
    // Several pairs on one line switch snapshots off on 6.2 in silence (measured): one pair a line.
    for snapshot in &persistence.snapshots {
        out.add("save", &[&snapshot.after.seconds().to_string(), &snapshot.changes.to_string()]);
    }
    if persistence.snapshots.is_empty() {
        out.add("save", &[""]).because("No snapshots; without this line the server takes defaults.");
    }
    out.add("stop-writes-on-bgsave-error", &["yes"]);
}

fn logs(out: &mut Lines) {
    out.add("daemonize", &["no"])
        .add("loglevel", &["notice"])
        .add("logfile", &[""])
        .because("Standard output, for the container's log driver.");
    out.add("slowlog-log-slower-than", &["10000"]).add("slowlog-max-len", &["128"]);
    if let Some(alerts) = &out.model.profile.monitoring.alerts {
        out.add("latency-monitor-threshold", &[&alerts.latency_above.0.to_string()]);
    }
    out.add("hide-user-data-from-log", &["yes"]);
}
