//! In: the resolved file. Out: the file that is started: the same services, under names, addresses and networks that
//! collide with nothing on this machine and reach nothing outside it.
//!
//! Made anew rather than laid over by a second `-f`: only what is named here gets in, what is started is what was judged,
//! and every Compose of version 2 can read it (`!override` needs 2.24).

use serde_json::{Map, Value, json};

use super::file::{self, File, SETTINGS};

/// The file, as JSON, which is YAML.
pub(super) fn make(file: &File<'_>, project: &str, image: &str) -> Value {
    let publishes = !file.model.published.is_empty();
    let services: Map<String, Value> = file
        .services()
        .filter(|(name, _)| !file::BACKUPS.contains(name))
        .map(|(name, resolved)| (name.to_owned(), service(resolved, image, name == "redis" && publishes)))
        .collect();
    let secrets: Map<String, Value> = file::entries(file::part(&file.config, &["secrets"]))
        .map(|(name, secret)| (name.to_owned(), json!({ "file": secret.get("file") })))
        .collect();
    let mut networks = Map::new();
    networks.insert("app".to_owned(), json!({ "internal": true }));
    if publishes {
        networks.insert("edge".to_owned(), json!({}));
    }
    json!({
        "name": project, "services": services, "networks": networks, "volumes": { "data": {} }, "secrets": secrets,
    })
}

fn service(resolved: &Value, image: &str, publishes: bool) -> Value {
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
    if let Some(mounts) = service.get_mut("volumes").and_then(Value::as_array_mut) {
        mounts.iter_mut().for_each(mount);
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
    Value::Object(service)
}

/// Data goes to a volume of the proof's own, wherever the deployment has it.
fn mount(mount: &mut Value) {
    if file::text(mount, "target") == "/data" && file::text(mount, "type") == "bind" {
        let read_only = mount.get("read_only") == Some(&Value::Bool(true));
        *mount = json!({ "type": "volume", "source": "data", "target": "/data", "read_only": read_only });
    }
    if let Some(bind) = mount.get_mut("bind") {
        *bind = json!({ "create_host_path": false });
    }
}
