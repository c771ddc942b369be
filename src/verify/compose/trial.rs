//! In: the resolved file. Out: the file that is started: the same services, under names, addresses and networks that
//! collide with nothing on this machine and reach nothing outside it.
//!
//! Made anew rather than laid over by a second `-f`: only what is named here gets in, what is started is what was judged,
//! and every Compose of version 2 can read it (`!override` needs 2.24).

use std::path::{Component, Path};

use serde_json::{Map, Value, json};

use super::file::{self, DATA, File, SETTINGS};

/// The file, as JSON, which is YAML.
///
/// # Errors
/// It would mount something that is not of the proof.
pub(super) fn make(file: &File<'_>, project: &str, image: &str) -> Result<Value, String> {
    let publishes = !file.model.published.is_empty();
    let mut services = Map::new();
    // The exporter is of another image, and of networks that the trial leaves out; backups wait to be called.
    let left_out = |name: &str| name == crate::model::EXPORTER || file::BACKUPS.contains(&name);
    for (name, resolved) in file.services().filter(|(name, _)| !left_out(name)) {
        let mut service = service(resolved, image, name == "redis" && publishes);
        if let Some(mounts) = service.get_mut("volumes").and_then(Value::as_array_mut) {
            for one in mounts {
                mount(one, file.lab.path()).map_err(|what| format!("{name} would mount {what}"))?;
            }
        }
        // What else has an environment was refused.
        if let Some(environment) = resolved.get("environment").filter(|_| name == "app") {
            service.insert("environment".to_owned(), environment.clone());
        }
        services.insert(name.to_owned(), Value::Object(service));
    }
    let secrets: Map<String, Value> = file::entries(file::part(&file.config, &["secrets"]))
        .map(|(name, secret)| (name.to_owned(), json!({ "file": secret.get("file") })))
        .collect();
    let mut networks = Map::new();
    networks.insert("app".to_owned(), json!({ "internal": true }));
    if publishes {
        networks.insert("edge".to_owned(), json!({}));
    }
    Ok(json!({
        "name": project, "services": services, "networks": networks, "volumes": { "data": {} }, "secrets": secrets,
    }))
}

fn service(resolved: &Value, image: &str, publishes: bool) -> Map<String, Value> {
    let mut service: Map<String, Value> = file::entries(resolved)
        .filter(|(key, _)| SETTINGS.contains(key) && !["container_name", "hostname", "ports"].contains(key))
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .collect();
    service.insert("image".to_owned(), json!(image));
    // A proof that is killed must not come back with the machine.
    service.insert("restart".to_owned(), json!("no"));
    let joined = file::entries(file::part(resolved, &["networks"])).map(|(name, _)| name);
    let joined: Vec<&str> = joined.filter(|name| *name == "app" || (publishes && *name == "edge")).collect();
    service.insert("networks".to_owned(), json!(joined));
    if publishes {
        // The engine picks a free port.
        service.insert("ports".to_owned(), json!([{ "host_ip": "127.0.0.1", "target": 6379, "protocol": "tcp" }]));
    }
    if let Some(core) = service.get_mut("ulimits").and_then(|limits| limits.get_mut("core")) {
        // Compose prints the limit 0 as an object without anything, and does not take that back.
        if core.as_object().is_some_and(Map::is_empty) {
            *core = json!(0);
        }
    }
    if let Some(Value::Object(health)) = service.get_mut("healthcheck") {
        // How long it takes is judged in the file; here nobody wants to wait.
        for (setting, value) in [("interval", "1s"), ("start_interval", "1s"), ("timeout", "3s")] {
            if health.contains_key(setting) {
                health.insert(setting.to_owned(), json!(value));
            }
        }
    }
    service
}

/// Data goes to a volume of the proof's own, wherever the deployment has it. Whatever was judged before: nothing of the
/// host gets in but the proof's own folder.
fn mount(mount: &mut Value, lab: &Path) -> Result<(), String> {
    if file::text(mount, "target") == DATA && file::text(mount, "type") == "bind" {
        let read_only = mount.get("read_only") == Some(&Value::Bool(true));
        *mount = json!({ "type": "volume", "source": "data", "target": DATA, "read_only": read_only });
    }
    let source = Path::new(file::text(mount, "source"));
    let below = source.starts_with(lab) && !source.components().any(|part| part == Component::ParentDir);
    match file::text(mount, "type") {
        "bind" if !below => return Err(format!("`{}` of the host", source.display())),
        "bind" | "volume" | "tmpfs" => {}
        kind => return Err(format!("a {kind}")),
    }
    if let Some(bind) = mount.get_mut("bind") {
        *bind = json!({ "create_host_path": false });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_host_is_mounted() {
        let lab = Path::new("/tmp/lab");
        let made = |kind: &str, source: &str, target: &str| {
            let mut value = json!({ "type": kind, "source": source, "target": target });
            mount(&mut value, lab).map(|()| value)
        };
        assert!(made("bind", "/tmp/lab/tree/redis", "/usr/local/etc/redis").is_ok());
        assert!(made("volume", "data", "/data").is_ok());
        assert!(made("tmpfs", "", "/tmp").is_ok());
        for (kind, source, target) in [
            ("bind", "/mnt/encrypted_redis/data", "/var/lib/other"),
            ("bind", "/tmp/lab/../../etc", "/usr/local/etc/redis"),
            ("bind", "/tmp/laboratory", "/run/redis"),
            ("npipe", "/tmp/lab/tree", "/run/redis"),
        ] {
            assert!(made(kind, source, target).is_err(), "{source} at {target}");
        }
        let data = made("bind", "/mnt/encrypted_redis/data", "/data");
        assert_eq!(data.map(|data| file::text(&data, "type").to_owned()), Ok("volume".to_owned()));
    }
}
