//! In: the compose file as Compose resolves it. Out: what of it belongs to the place of a deployment, and what is judged
//! there since the trial has it otherwise, or not at all.

use std::collections::BTreeSet;

use serde_json::Value;

use super::file::{BACKUPS, DATA, File, entries, list, part, text};
use crate::artefact::PORT;
use crate::exporter;
use crate::model::EXPORTER;
use crate::verify::check::{Check, Outcome, Trouble};

impl File<'_> {
    /// What a deployment on this machine would get, and what is replaced in the one that is started.
    pub(super) const PLACE: [Check<Self>; 6] = [
        Check {
            id: "published",
            title: "The port is published on the addresses of the profile, and on no other",
            applies: |_| true,
            prove: |file| file.published(),
        },
        Check {
            id: "networks",
            title: "Applications share a network without a way out, and packet filters know the bridges",
            applies: |_| true,
            prove: |file| file.networks(),
        },
        Check {
            id: "encrypted-data",
            title: "Data lies on the encrypted volume, and nowhere while that is not mounted",
            applies: |model| model.luks().is_some(),
            prove: |file| file.data_is_encrypted(),
        },
        Check {
            id: "backups",
            title: "Backups run when asked, read the data and change nothing of it",
            applies: |model| model.profile.backups.is_some(),
            prove: |file| file.backups(),
        },
        Check {
            id: "restart",
            title: "The server comes back when the machine does",
            applies: |_| true,
            prove: |file| match file.redis("restart").as_str() {
                Some(word @ ("unless-stopped" | "always")) => Ok(word.to_owned()),
                other => Trouble::failed(format!("restart: {}", other.unwrap_or("no"))),
            },
        },
        Check {
            id: "health-timing",
            title: "A server that does not answer is unhealthy within a minute",
            applies: |_| true,
            prove: |file| file.health_timing(),
        },
    ];

    fn published(&self) -> Outcome {
        let port = self.model.profile.network.port;
        let mut wanted: BTreeSet<String> =
            self.model.published.iter().map(|address| format!("{address} {port} to {PORT}/tcp")).collect();
        let exporter = self.model.exporter.as_ref();
        wanted.extend(exporter.map(|own| format!("127.0.0.1 {} to {}/tcp of {EXPORTER}", own.port, exporter::PORT)));
        let mut found = BTreeSet::new();
        for (name, service) in self.services() {
            for entry in list(part(service, &["ports"])) {
                let host = part(entry, &["host_ip"]).as_str().unwrap_or("every address");
                let shown = format!(
                    "{host} {} to {}/{}",
                    text(entry, "published"),
                    part(entry, &["target"]),
                    text(entry, "protocol")
                );
                found.insert(if name == "redis" { shown } else { format!("{shown} of {name}") });
            }
        }
        let shown = |set: &BTreeSet<String>| match set.len() {
            0 => "nothing".to_owned(),
            _ => set.iter().cloned().collect::<Vec<_>>().join(", "),
        };
        if found == wanted {
            Ok(shown(&found))
        } else {
            Trouble::failed(format!("it publishes {}; the profile asks for {}", shown(&found), shown(&wanted)))
        }
    }

    fn networks(&self) -> Outcome {
        const BRIDGE: &str = "com.docker.network.bridge.name";
        let network = |name: &str| part(&self.config, &["networks", name]);
        let bridge = |name: &str| text(part(network(name), &["driver_opts"]), BRIDGE);
        let shared = self.model.profile.network.docker.as_ref().and_then(|docker| docker.network.as_ref());
        let app = match shared {
            Some(name) => network("app")["external"] == true && text(network("app"), "name") == name.as_str(),
            None => network("app")["internal"] == true && bridge("app") == self.model.app_bridge,
        };
        if !app {
            return Trouble::failed(format!("network app is {}", network("app")));
        }
        let publishes = !self.model.published.is_empty();
        if publishes && (bridge("edge") != self.model.edge_bridge || network("edge")["external"] == true) {
            return Trouble::failed(format!("network edge is {}", network("edge")));
        }
        let exporter = self.model.exporter.as_ref();
        if let Some(exporter) = exporter {
            let alone = network("monitor")["internal"] == true && bridge("monitor") == exporter.bridge;
            if !alone || bridge("metrics") != exporter.edge_bridge || network("metrics")["external"] == true {
                return Trouble::failed(format!(
                    "networks monitor, metrics: {} {}",
                    network("monitor"),
                    network("metrics")
                ));
            }
        }
        for (name, service) in self.services() {
            let joined: Vec<&str> = entries(part(service, &["networks"])).map(|(network, _)| network).collect();
            let wanted: &[&str] = match (name, publishes, exporter.is_some()) {
                (EXPORTER, ..) => &["metrics", "monitor"],
                ("redis", true, true) => &["app", "edge", "monitor"],
                ("redis", false, true) => &["app", "monitor"],
                ("redis", true, false) => &["app", "edge"],
                ("restore", ..) => &[],
                _ => &["app"],
            };
            if joined != wanted {
                return Trouble::failed(format!("{name} is in {}", joined.join(", ")));
            }
        }
        Ok(String::new())
    }

    fn data_is_encrypted(&self) -> Outcome {
        let wanted = self.model.luks().map(|luks| format!("{}/data", luks.mount)).unwrap_or_default();
        // A restore without the volume would put the data on the bare disk, too.
        for (name, service) in self.services().filter(|(name, _)| *name == "redis" || BACKUPS.contains(name)) {
            let Some(mount) = list(part(service, &["volumes"])).iter().find(|mount| text(mount, "target") == DATA)
            else {
                return Trouble::failed(format!("{name} has nothing at /data"));
            };
            let made = mount.pointer("/bind/create_host_path") == Some(&true.into());
            if text(mount, "source") != wanted || made {
                return Trouble::failed(format!("/data of {name} is {mount}"));
            }
        }
        Ok(wanted)
    }

    fn backups(&self) -> Outcome {
        for name in BACKUPS {
            let service = part(&self.config, &["services", name]);
            if list(part(service, &["profiles"])) != [Value::from(*name)] {
                return Trouble::failed(format!("{name} is missing, or starts without its profile"));
            }
            let confined = part(service, &["user"]) == "999:999"
                && part(service, &["read_only"]) == true
                && list(part(service, &["cap_drop"])) == [Value::from("ALL")]
                && list(part(service, &["security_opt"])) == [Value::from("no-new-privileges:true")];
            if !confined {
                return Trouble::failed(format!("{name} is not confined as the server is"));
            }
            let writes: Vec<&str> = list(part(service, &["volumes"]))
                .iter()
                .filter(|mount| part(mount, &["read_only"]) != true)
                .map(|mount| text(mount, "target"))
                .collect();
            let wanted: &[&str] = if *name == "restore" { &["/data"] } else { &[] };
            if writes != wanted {
                return Trouble::failed(format!("{name} may write to {}", writes.join(", ")));
            }
        }
        Ok(String::new())
    }

    fn health_timing(&self) -> Outcome {
        let health = self.redis("healthcheck");
        let seconds = |setting: &str| duration(text(health, setting));
        let tries = part(health, &["retries"]).as_u64();
        let off = part(health, &["disable"]) == &Value::Bool(true)
            || list(part(health, &["test"])).first().is_some_and(|word| word == "NONE");
        if off {
            return Trouble::failed("the health check is switched off");
        }
        match (seconds("interval"), seconds("timeout"), tries) {
            (Some(interval), Some(timeout), Some(tries)) if (interval + timeout).saturating_mul(tries) <= 60 => {
                Ok(format!("{tries} times {interval} s, each with at most {timeout} s to answer"))
            }
            _ => Trouble::failed(format!("healthcheck: {health}")),
        }
    }
}

/// Seconds of a duration as Go prints it: `5s`, `1m0s`.
fn duration(text: &str) -> Option<u64> {
    let mut seconds = 0_u64;
    let mut number = String::new();
    for sign in text.chars() {
        let unit = match sign {
            '0'..='9' => {
                number.push(sign);
                continue;
            }
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    (number.is_empty() && !text.is_empty()).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        assert_eq!(duration("5s"), Some(5));
        assert_eq!(duration("1h2m3s"), Some(3723));
        for wrong in ["", "5", "500ms", "s", "-5s", "99999999999999999999s"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
