//! In: the compose file as Compose itself resolves it. Out: what it asks the engine for, judged before anything starts.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::artefact::compose;
use crate::model::{EXPORTER, Model};
use crate::verify::check::{Check, Outcome, Trouble};
use crate::verify::lab::Lab;

/// The resolved file.
pub(super) struct File<'run> {
    pub(super) model: &'run Model,
    pub(super) lab: &'run Lab,
    /// As `config --format json` prints it.
    pub(super) config: Value,
}

/// Where the server keeps its data.
pub(super) const DATA: &str = "/data";

/// What the example client gets as its environment, through `env_file`.
const ENVIRONMENT: &str = "client/environment";

/// Settings of a service that this level proves, or that can do no harm.
pub(super) const SETTINGS: &[&str] = &[
    "cap_drop",
    "command",
    "container_name",
    "cpus",
    "depends_on",
    "deploy",
    "entrypoint",
    "healthcheck",
    "hostname",
    "image",
    "init",
    "labels",
    "logging",
    "mem_limit",
    "memswap_limit",
    "networks",
    "pids_limit",
    "ports",
    "read_only",
    "restart",
    "secrets",
    "security_opt",
    "stop_grace_period",
    "stop_signal",
    "tmpfs",
    "ulimits",
    "user",
    "volumes",
];

/// Services that run when a backup is made or brought back, and not before.
pub(super) const BACKUPS: &[&str] = &["backup", "restore"];

/// Settings that share something of the host with the container.
const NAMESPACES: &[&str] = &["cgroup", "ipc", "network_mode", "pid", "userns_mode", "uts"];

/// Settings that give the container power over the host.
const PRIVILEGES: &[&str] =
    &["cap_add", "device_cgroup_rules", "devices", "gpus", "group_add", "privileged", "runtime"];

impl File<'_> {
    /// What could harm this machine. If one of these fails, nothing is started.
    pub(super) const HARM: [Check<Self>; 7] = [
        Check {
            id: "services",
            title: "The file runs the server, its exporter, its example client and its backups, and nothing else",
            applies: |_| true,
            prove: |file| file.services_are_known(),
        },
        Check {
            id: "image",
            title: "The images are those that the profile names",
            applies: |_| true,
            prove: |file| file.image_is_the_profiles(),
        },
        Check {
            id: "privileges",
            title: "No container gets power over the host",
            applies: |_| true,
            prove: |file| file.no_privileges(),
        },
        Check {
            id: "namespaces",
            title: "No container shares a namespace of the host",
            applies: |_| true,
            prove: |file| file.none_of(NAMESPACES),
        },
        Check {
            id: "host-paths",
            title: "Nothing of the host is mounted but the settings and the secrets of this tree",
            applies: |_| true,
            prove: |file| file.host_paths(),
        },
        Check {
            id: "logs",
            title: "Logs stay on this machine and have a limit",
            applies: |_| true,
            prove: |file| file.logs(),
        },
        Check {
            id: "settings",
            title: "The file asks for nothing that this level does not know",
            applies: |_| true,
            prove: |file| file.settings_are_known(),
        },
    ];

    /// A setting of the server's service.
    pub(super) fn redis(&self, setting: &str) -> &Value {
        part(&self.config, &["services", "redis", setting])
    }

    /// Each service with its name.
    pub(super) fn services(&self) -> impl Iterator<Item = (&str, &Value)> {
        entries(part(&self.config, &["services"]))
    }

    fn services_are_known(&self) -> Outcome {
        let names: Vec<&str> = self.services().map(|(name, _)| name).collect();
        let others: Vec<&str> = names.iter().copied().filter(|name| !self.is_known(name)).collect();
        match (names.contains(&"redis"), others.is_empty()) {
            (false, _) => Trouble::failed("there is no service `redis`"),
            (_, false) => Trouble::failed(format!("also {}", others.join(", "))),
            _ => Ok(names.join(", ")),
        }
    }

    fn is_known(&self, service: &str) -> bool {
        match service {
            "redis" | "app" => true,
            EXPORTER => self.model.exporter.is_some(),
            _ => BACKUPS.contains(&service) && self.model.profile.backups.is_some(),
        }
    }

    fn image_is_the_profiles(&self) -> Outcome {
        for (name, service) in self.services() {
            let image = part(service, &["image"]).as_str().unwrap_or("none");
            let exporter = self.model.exporter.as_ref().filter(|_| name == EXPORTER);
            let named = exporter.map_or(&self.model.image, |exporter| &exporter.image);
            if image != named {
                return Trouble::failed(format!("{name} runs {image}; the profile names {named}"));
            }
        }
        Ok(self.model.image.clone())
    }

    fn none_of(&self, settings: &[&str]) -> Outcome {
        for (name, service) in self.services() {
            for setting in settings {
                let value = part(service, &[setting]);
                // No network at all shares nothing.
                if asks(value) && value != "none" {
                    return Trouble::failed(format!("{name} has {setting}: {value}"));
                }
            }
        }
        Ok(String::new())
    }

    fn no_privileges(&self) -> Outcome {
        for (name, service) in self.services() {
            for option in texts(part(service, &["security_opt"])) {
                if !option.starts_with("no-new-privileges") {
                    return Trouble::failed(format!("{name} has security_opt: {option}"));
                }
            }
            if asks(part(service, &["deploy", "resources", "reservations"])) {
                return Trouble::failed(format!("{name} reserves devices or resources"));
            }
        }
        self.none_of(PRIVILEGES)
    }

    fn host_paths(&self) -> Outcome {
        for (name, service) in self.services() {
            for mount in list(part(service, &["volumes"])) {
                let (source, kind) = (text(mount, "source"), text(mount, "type"));
                let known = match kind {
                    "bind" => self.may_bind(name, source, text(mount, "target")),
                    "volume" => source == "data",
                    kind => kind == "tmpfs",
                };
                if !known {
                    return Trouble::failed(format!(
                        "{name} mounts the {kind} `{source}` at {}",
                        text(mount, "target")
                    ));
                }
            }
        }
        // A named volume can be a folder of the host under another name.
        for (name, volume) in entries(part(&self.config, &["volumes"])) {
            if entries(volume).any(|(key, value)| key != "name" && asks(value)) {
                return Trouble::failed(format!("volume {name} is {volume}"));
            }
        }
        for (name, secret) in entries(part(&self.config, &["secrets"])) {
            let file = text(secret, "file");
            let below = self.lab.tree().join("secrets");
            if file.contains("/../") || !std::path::Path::new(file).starts_with(below) {
                return Trouble::failed(format!("secret {name} is {secret}"));
            }
        }
        Ok(String::new())
    }

    /// Folders of the tree's copy, and the encrypted data where the trial exchanges them for a volume of its own: at any
    /// other place the proof would have the real ones.
    fn may_bind(&self, service: &str, source: &str, target: &str) -> bool {
        let tree = self.lab.tree();
        let data = self.model.luks().map(|luks| format!("{}/data", luks.mount));
        let is_data = target == DATA && data.as_deref() == Some(source);
        let tree_has = |below: &str| tree.join(below).as_os_str() == source;
        match service {
            "redis" => is_data || ["redis", "secrets/server"].into_iter().any(tree_has),
            "backup" => is_data || ["backup", "secrets/backup"].into_iter().any(tree_has),
            "restore" => is_data || tree_has("backup"),
            EXPORTER => tree_has("secrets/exporter"),
            _ => false,
        }
    }

    fn logs(&self) -> Outcome {
        let logging = self.redis("logging");
        let limits = ["max-size", "max-file"].map(|limit| text(part(logging, &["options"]), limit));
        let others: Vec<&str> = self
            .services()
            .filter(|(name, service)| {
                let logging = part(service, &["logging"]);
                // What a backup says is the data itself.
                let wanted = if BACKUPS.contains(name) { "none" } else { "json-file" };
                (asks(logging) || wanted == "none") && text(logging, "driver") != wanted
            })
            .map(|(name, _)| name)
            .collect();
        if text(logging, "driver") == "json-file" && others.is_empty() && !limits.contains(&"") {
            Ok(format!("{} files of {}", limits[1], limits[0]))
        } else {
            Trouble::failed(format!("logging: {logging}; other drivers: {}", others.join(", ")))
        }
    }

    fn settings_are_known(&self) -> Outcome {
        let top = ["name", "services", "networks", "volumes", "secrets"];
        let mut unknown: Vec<String> = entries(&self.config)
            .filter(|(key, value)| !top.contains(key) && asks(value))
            .map(|(key, _)| key.to_owned())
            .collect();
        for (name, service) in self.services() {
            // What has a check of its own is told there.
            let known = [SETTINGS, NAMESPACES, PRIVILEGES, &["profiles"]].concat();
            let odd = entries(service)
                .filter(|(key, value)| !known.contains(key) && asks(value))
                .filter(|(key, value)| !(name == "app" && *key == "environment" && self.is_the_clients(value)));
            unknown.extend(odd.map(|(key, _)| format!("{name}.{key}")));
        }
        if unknown.is_empty() { Ok(String::new()) } else { Trouble::failed(unknown.join(", ")) }
    }

    /// True for exactly what `build` writes into `client/environment`: whatever else is read from a file of the host would
    /// get into a container.
    fn is_the_clients(&self, environment: &Value) -> bool {
        let Some(file) = self.lab.built.iter().find(|file| file.path == ENVIRONMENT) else { return false };
        let written = String::from_utf8_lossy(&file.bytes);
        let lines = written.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let wanted: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once('=')).collect();
        let found: Option<BTreeMap<&str, &str>> =
            entries(environment).map(|(name, value)| value.as_str().map(|value| (name, value))).collect();
        found.is_some_and(|found| found == wanted)
    }
}

/// Something inside a document; null if it is not there.
pub(super) fn part<'value>(value: &'value Value, path: &[&str]) -> &'value Value {
    path.iter().try_fold(value, |value, key| value.get(key)).unwrap_or(&Value::Null)
}

/// A text inside an object; empty if it is not there.
pub(super) fn text<'value>(value: &'value Value, key: &str) -> &'value str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a list; none if it is no list.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// The keys and values of an object; none if it is no object.
pub(super) fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    list(value).iter().filter_map(Value::as_str)
}

/// False for what says nothing: null, false, an empty text, list or object.
pub(super) fn asks(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(said) => *said,
        Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => entries.values().any(asks),
    }
}

/// Paths of the tree that Compose reads, the server's first.
pub(super) fn names(model: &Model, lab: &Lab) -> Vec<String> {
    let client = crate::artefact::app_compose::FILE;
    let mut names = vec![compose::file_name(model)];
    names.extend(lab.file(client).map(|file| file.path.clone()));
    names
}
