//! Rules on the engine and on `config`, from the facts of its line.

use super::{ERROR, Rule, Sink, WARNING_IN_PRODUCTION};
use crate::artefact::redis_conf::{self, tuning};
use crate::engine::{Directive, DirectiveType};
use crate::model::Model;
use crate::topic;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "config-directive-refused",
        severity: ERROR,
        title: "`config` names a directive that is not for tuning",
        topic: topic::TUNING,
        why: "Directives outside the allow list decide who may do what, where data goes, or what the profile has a field for; two sources for one setting end in the wrong one winning.",
        fix: "Use the profile's field.",
        source: "src/artefact/redis_conf/tuning.txt",
        waivable: false,
        check: Some(config_directives),
    },
    Rule {
        id: "config-value-refused",
        severity: ERROR,
        title: "A value in `config` is one that the server refuses",
        topic: topic::TUNING,
        why: "The server would not start, or would clamp the value in silence.",
        fix: "",
        source: "src/engine/facts, read from running servers",
        waivable: false,
        check: Some(config_values),
    },
    Rule {
        id: "setting-out-of-bounds",
        severity: ERROR,
        title: "A value is beyond what the server takes",
        topic: topic::TUNING,
        why: "The server would not start.",
        fix: "",
        source: "src/engine/facts, read from running servers",
        waivable: false,
        check: Some(settings),
    },
    Rule {
        id: "image-without-digest",
        severity: WARNING_IN_PRODUCTION,
        title: "An image of your own has no digest",
        topic: topic::CONTAINER,
        why: "A tag can be moved to another image; what was proven is then not what runs.",
        fix: "Append `@sha256:…`, as `docker inspect --format '{{index .RepoDigests 0}}'` prints it.",
        source: "Docker documentation, image digests; bitnami/charts#36313: images that went away",
        waivable: true,
        check: Some(|model, sink| {
            if model.profile.engine.image.as_ref().is_some_and(|image| !image.as_str().contains("@sha256:")) {
                sink.report("engine.image", "this image can change under its tag");
            }
        }),
    },
];

fn config_path(name: &str) -> String {
    let mut path = crate::path::Path::default();
    path.push(crate::path::Segment::Key("config".to_owned()));
    path.push(crate::path::Segment::Key(name.to_owned()));
    path.to_string()
}

fn config_directives(model: &Model, sink: &mut Sink) {
    for name in model.profile.config.keys() {
        if sink.full() {
            return;
        }
        let path = config_path(name);
        if let Some(instead) = tuning::instead(name) {
            sink.report(path, format!("`{name}` is not for `config`")).help(instead);
        } else if !tuning::allowed(name) {
            sink.report(path, "this directive is not on the list of tuning directives");
            match crate::schema::nearest(name, tuning::names()) {
                Some(meant) => sink.help(format!("did you mean `{meant}`?")),
                None => {
                    sink.help("`config` takes thresholds, encodings, timeouts, logs, lazy freeing and defragmentation")
                }
            };
        } else if model.line.directive(name).is_some_and(|known| known.ignored) {
            sink.report(path, format!("{} accepts `{name}` and ignores it", model.line)).help("remove it");
        } else if let Some(twin) = twin(model, name) {
            sink.report(path, format!("`{name}` and `{twin}` are one directive")).help("keep one");
        } else if model.line.directive(name).is_none() {
            sink.report(path, format!("{} does not know `{name}`", model.line))
                .help("remove it, or choose a line that has it");
        }
    }
}

/// The newer name of a directive, if `config` states both: the server would take the later line.
fn twin<'model>(model: &'model Model, name: &str) -> Option<&'model str> {
    let newer = model.line.directive(name)?.alias?;
    model.profile.config.keys().find(|other| *other == newer).map(String::as_str)
}

/// Every emitted value against what the line takes; the path of the field that it comes from.
fn settings(model: &Model, sink: &mut Sink) {
    for (name, value) in redis_conf::emitted(model) {
        let path = match name.as_str() {
            "timeout" => "resources.idle_timeout",
            "maxclients" => "resources.max_clients",
            "maxmemory" => "resources.maxmemory",
            "latency-monitor-threshold" => "monitoring.alerts.latency_above",
            _ => "engine.version",
        };
        let known = model.line.directive(&name).filter(|known| known.kind != DirectiveType::Other);
        if let Some(Err(expected)) = known.map(|known| known.check(&value)) {
            sink.report(path, format!("the server refuses this as `{name}`: {expected}"));
        }
    }
    for (place, snapshot) in model.profile.persistence.snapshots.iter().enumerate() {
        if i32::try_from(snapshot.after.seconds()).is_err() {
            sink.report(format!("persistence.snapshots[{place}].after"), "the server counts these seconds in 31 bits");
        }
    }
}

fn config_values(model: &Model, sink: &mut Sink) {
    for (name, value) in &model.profile.config {
        let Some(directive) = model.line.directive(name).filter(|known| tuning::allowed(name) && !known.ignored) else {
            continue;
        };
        if let Err(expected) = check(directive, &value.0) {
            sink.report(config_path(name), format!("`{name}`: {expected}"));
        }
    }
    let hz = model.profile.config.get("hz").and_then(|value| value.0.parse::<i64>().ok());
    // The server accepts any number and clamps it to 1..500 in silence (measured).
    if hz.is_some_and(|hz| !(1..=500).contains(&hz)) {
        sink.report("config.hz", "`hz` counts from 1 to 500; the server would clamp it in silence");
    }
}

fn check(directive: &Directive, value: &str) -> Result<(), String> {
    if matches!(directive.kind, DirectiveType::Text) && !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("expected one word of visible ASCII".to_owned());
    }
    directive.check(value)
}
