//! In: a project that is up. Out: what the engine and the kernel say of the server's container.

use std::time::Duration;

use serde_json::Value;

use super::file;
use super::project::Project;
use crate::artefact::{CONF, SECRETS, compose};
use crate::model::Model;
use crate::verify::check::{Check, Outcome, Trouble};
use crate::verify::docker::Docker;
use crate::verify::lab::Lab;
use crate::verify::process::Said;

/// The server as it runs.
pub(super) struct Running<'run> {
    pub(super) model: &'run Model,
    pub(super) lab: &'run Lab,
    pub(super) docker: &'run Docker,
    pub(super) project: Project<'run>,
    /// The server's container.
    pub(super) id: String,
    /// What `docker inspect` says.
    pub(super) inspected: Value,
    /// True if the image is not the profile's.
    pub(super) other_image: bool,
    /// What the first process may, as the kernel says.
    pub(super) status: String,
    /// What it may use.
    pub(super) limits: String,
    /// What it sees.
    pub(super) mounts: String,
    /// True once a client has stored what a restart must keep.
    pub(super) stored: bool,
}

/// User and group in the container.
const USER: &str = "999";

impl<'run> Running<'run> {
    /// Asks the engine and the kernel.
    ///
    /// # Errors
    /// They do not answer.
    pub(super) fn new(
        (model, lab): (&'run Model, &'run Lab),
        docker: &'run Docker,
        project: Project<'run>,
        other_image: bool,
    ) -> Result<Running<'run>, Trouble> {
        let id = project.container("redis")?;
        let (status, limits, mounts) = (String::new(), String::new(), String::new());
        let mut running = Running {
            model,
            lab,
            docker,
            project,
            id,
            inspected: Value::Null,
            other_image,
            status,
            limits,
            mounts,
            stored: false,
        };
        running.inspected = running.inspect()?;
        for (text, path) in [
            (&mut running.status, "/proc/1/status"),
            (&mut running.limits, "/proc/1/limits"),
            // The same mounts: those of process 1 are not for everybody to read.
            (&mut running.mounts, "/proc/self/mounts"),
        ] {
            let said = docker.ask(["exec", &running.id, "cat", path])?;
            if !said.well() {
                return Trouble::failed(format!("{path}: {}", said.told()));
            }
            *text = said.out;
        }
        Ok(running)
    }

    /// What can be seen of a server that runs.
    pub(super) const CONFINED: [Check<Self>; 17] = [
        Check {
            id: "version",
            title: "The image holds the engine that the profile names",
            applies: |_| true,
            prove: |server| server.version(),
        },
        Check {
            id: "process",
            title: "The first process is the server itself, which hears signals",
            applies: |_| true,
            prove: |server| server.field("Name", &[compose::server(server.model)]),
        },
        Check {
            id: "user",
            title: "The server runs as user and group 999, and in no other group",
            applies: |_| true,
            prove: |server| {
                server.field("Uid", &[USER; 4])?;
                server.field("Gid", &[USER; 4])?;
                server.field("Groups", &[USER])
            },
        },
        Check {
            id: "capabilities",
            title: "The server has no capability and can get none",
            applies: |_| true,
            prove: |server| {
                for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                    server.field(set, &["0000000000000000"])?;
                }
                Ok(String::new())
            },
        },
        Check {
            id: "no-new-privileges",
            title: "The server gains no privileges from a program that it starts",
            applies: |_| true,
            prove: |server| server.field("NoNewPrivs", &["1"]),
        },
        Check {
            id: "seccomp",
            title: "The engine's filter of system calls holds for the server",
            applies: |_| true,
            prove: |server| server.field("Seccomp", &["2"]),
        },
        Check {
            id: "read-only-root",
            title: "The system in the container cannot be written",
            applies: |_| true,
            prove: |server| server.root_is_read_only(),
        },
        Check {
            id: "mounts",
            title: "The container has its data, its settings and its secrets, and no other mount of the host",
            applies: |_| true,
            prove: |server| server.mounts_are_known(),
        },
        Check {
            id: "settings-read-only",
            title: "The server cannot write its settings",
            applies: |_| true,
            prove: |server| server.mounted(CONF, &["ro"]),
        },
        Check {
            id: "secrets-read-only",
            title: "The server cannot write its secrets",
            applies: Model::has_secrets,
            prove: |server| server.mounted(SECRETS, &["ro"]),
        },
        Check {
            id: "tmp",
            title: "Nothing in /tmp can be started, nor be a device",
            applies: |_| true,
            prove: |server| server.mounted("/tmp", &["rw", "noexec", "nosuid", "nodev"]),
        },
        Check {
            id: "memory",
            title: "The container's memory ends where the profile says",
            applies: |model| model.profile.resources.memory.is_some(),
            prove: |server| {
                let memory = server.model.profile.resources.memory.map(|memory| memory.0);
                server.host_config("Memory", memory)
            },
        },
        Check {
            id: "swap",
            title: "Data does not reach the disk by swapping",
            applies: |model| model.profile.resources.memory.is_some(),
            prove: |server| {
                let memory = server.model.profile.resources.memory.map(|memory| memory.0);
                server.host_config("MemorySwap", memory)
            },
        },
        Check {
            id: "cpus",
            title: "The container's processors end where the profile says",
            applies: |model| model.profile.resources.cpus.is_some(),
            prove: |server| server.cpus(),
        },
        Check {
            id: "pids",
            title: "The container cannot fill the machine with processes",
            applies: |_| true,
            prove: |server| server.host_config("PidsLimit", Some(u64::from(compose::pids(server.model)))),
        },
        Check {
            id: "descriptors",
            title: "There are descriptors for every client, and no core dumps that would hold data",
            applies: |_| true,
            prove: |server| {
                let files = compose::open_files(server.model).to_string();
                server.limit("Max core file size", "0")?;
                server.limit("Max open files", &files)
            },
        },
        Check {
            id: "port",
            title: "The engine publishes the server's port where the file says, and no other port",
            applies: |_| true,
            prove: |server| server.port(),
        },
    ];

    /// What `docker inspect` says now.
    pub(super) fn inspect(&self) -> Result<Value, Trouble> {
        let said = self.docker.ask(["container", "inspect", &self.id])?;
        let listed: Value = serde_json::from_str(&said.out).unwrap_or_default();
        listed.get(0).cloned().ok_or_else(|| Trouble::Failed(said.told()))
    }

    /// Runs a command in the server's container.
    pub(super) fn exec(&self, words: &[&str]) -> Result<Said, Trouble> {
        self.docker.ask([&["exec", &self.id], words].concat())
    }

    /// Waits for a word of the container's health.
    ///
    /// # Errors
    /// Another word is still there after `limit`.
    pub(super) fn wait_for(&self, word: &str, limit: Duration) -> Result<(), Trouble> {
        let mut last = String::new();
        let found = crate::verify::interrupt::wait(limit, || {
            let inspected = self.inspect()?;
            file::text(file::part(&inspected, &["State", "Health"]), "Status").clone_into(&mut last);
            std::thread::sleep(Duration::from_millis(100));
            Ok((last == word).then_some(()))
        })?;
        found.ok_or_else(|| Trouble::Failed(format!("the container stays {last} for {} s", limit.as_secs())))
    }

    fn version(&self) -> Outcome {
        let said = self.exec(&[compose::server(self.model), "--version"])?;
        let wanted = format!("v={}", self.model.profile.engine.version);
        let found = said.out.split_whitespace().find(|word| word.starts_with("v=")).unwrap_or_default();
        let seen = format!("{}; the profile names {}", said.out.trim(), self.model.profile.engine.version);
        match (found == wanted, self.other_image) {
            (true, _) => Ok(found.to_owned()),
            (false, true) => Err(Trouble::Advice(format!("{seen}; --image chose another"))),
            (false, false) => Trouble::failed(seen),
        }
    }

    /// A field of /proc/1/status.
    fn field(&self, name: &str, wanted: &[&str]) -> Outcome {
        let value = self.status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let words: Vec<&str> = value.unwrap_or_default().split_whitespace().collect();
        let seen = format!("{name} {}", words.join(" "));
        if words == wanted { Ok(seen) } else { Trouble::failed(seen) }
    }

    fn root_is_read_only(&self) -> Outcome {
        // Everybody may write there, unless nobody may.
        let write = |folder: &str| {
            let path = format!("{folder}/redisgen-verify");
            self.exec(&["sh", "-c", &format!("echo >{path} && rm {path}")])
        };
        let control = write("/data")?;
        if !control.well() {
            return Trouble::failed(format!("not even /data can be written: {}", control.told()));
        }
        let said = write("/var/tmp")?;
        if said.well() { Trouble::failed("/var/tmp took a file") } else { self.mounted("/", &["ro"]) }
    }

    fn mounts_are_known(&self) -> Outcome {
        let mut found: Vec<&str> = file::list(file::part(&self.inspected, &["Mounts"]))
            .iter()
            .map(|mount| file::text(mount, "Destination"))
            .collect();
        found.sort_unstable();
        let mut wanted = vec!["/data", CONF];
        wanted.extend(self.model.has_secrets().then_some(SECRETS));
        wanted.sort_unstable();
        let seen = found.join(", ");
        if found == wanted { Ok(seen) } else { Trouble::failed(seen) }
    }

    /// How something is mounted, as the kernel says.
    fn mounted(&self, target: &str, wanted: &[&str]) -> Outcome {
        // The last one lies on top.
        let line = self.mounts.lines().rev().find(|line| line.split(' ').nth(1) == Some(target));
        let flags: Vec<&str> = line.and_then(|line| line.split(' ').nth(3)).unwrap_or_default().split(',').collect();
        if line.is_none() {
            return Trouble::failed(format!("{target} is not mounted"));
        }
        match wanted.iter().find(|flag| !flags.contains(flag)) {
            Some(missing) => Trouble::failed(format!("{target} is not {missing}")),
            None => Ok(format!("{target}: {}", wanted.join(", "))),
        }
    }

    fn host_config(&self, name: &str, wanted: Option<u64>) -> Outcome {
        let value = file::part(&self.inspected, &["HostConfig", name]);
        if value.as_u64() == wanted {
            Ok(format!("{name} {value}"))
        } else {
            Trouble::failed(format!("{name} {value}"))
        }
    }

    fn cpus(&self) -> Outcome {
        let nano = file::part(&self.inspected, &["HostConfig", "NanoCpus"]).as_f64().unwrap_or_default();
        let wanted = self.model.profile.resources.cpus.unwrap_or_default();
        let seen = format!("{} processors", nano / 1e9);
        if (nano / 1e9 - wanted).abs() < 1e-6 { Ok(seen) } else { Trouble::failed(seen) }
    }

    /// A line of /proc/1/limits: soft and hard.
    fn limit(&self, name: &str, wanted: &str) -> Outcome {
        let line = self.limits.lines().find_map(|line| line.strip_prefix(name));
        let words: Vec<&str> = line.unwrap_or_default().split_whitespace().take(2).collect();
        let seen = format!("{name}: {}", words.join(", "));
        if words == [wanted; 2] { Ok(seen) } else { Trouble::failed(seen) }
    }

    fn port(&self) -> Outcome {
        let ports = file::part(&self.inspected, &["NetworkSettings", "Ports"]);
        let bindings: Vec<String> = file::entries(ports)
            .flat_map(|(port, bound)| {
                file::list(bound).iter().map(move |one| format!("{port} at {}", file::text(one, "HostIp")))
            })
            .collect();
        let wanted: &[&str] = if self.model.published.is_empty() { &[] } else { &["6379/tcp at 127.0.0.1"] };
        let seen = if bindings.is_empty() { "none".to_owned() } else { bindings.join(", ") };
        if bindings == wanted { Ok(seen) } else { Trouble::failed(seen) }
    }
}
