//! Level `host`: the machine that this runs on. Settings, versions and ports are advice, for it may not be the one that
//! will run the server; open modes of `secrets/` are a failure.

mod secrets;

use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener};

use super::Bench;
use super::check::{Check, Outcome, Trouble};
use super::docker::{self, Docker};
use crate::model::Model;

/// Takes the machine and the tree of --dir; gives a record for each check.
pub(super) fn prove(bench: &mut Bench<'_>) -> Result<(), Trouble> {
    let mut host = Host { model: bench.model, docker: Docker::find() };
    if let Ok(docker) = &host.docker {
        bench.judge("docker engine", &docker.version.clone());
    }
    bench.run(&Host::CHECKS, &mut host);
    let Some(dir) = &bench.lab.dir else { return Ok(()) };
    secrets::prove(bench, &dir.clone())
}

struct Host<'run> {
    model: &'run Model,
    docker: Result<Docker, Trouble>,
}

/// The oldest engine and Compose that redisgen was tested with.
const ENGINE: (u32, u32) = (20, 10);
const COMPOSE: (u32, u32) = (2, 26);
/// From this engine on a neighbour cannot route to a port that is published on the loopback or not at all.
const ROUTED: (u32, u32) = (28, 0);

impl Host<'_> {
    const CHECKS: [Check<Self>; 6] = [
        Check {
            id: "overcommit-memory",
            title: "The kernel lets a server that holds much fork to save",
            applies: |_| true,
            prove: |_| setting("/proc/sys/vm/overcommit_memory", overcommit),
        },
        Check {
            id: "huge-pages",
            title: "The kernel does not hand out huge pages unasked",
            applies: |_| true,
            prove: |_| setting("/sys/kernel/mm/transparent_hugepage/enabled", huge_pages),
        },
        Check {
            id: "swap",
            title: "Data cannot be swapped to a disk",
            // With a limit the container cannot swap.
            applies: |model| model.profile.resources.memory.is_none(),
            prove: |_| setting("/proc/swaps", swaps),
        },
        Check {
            id: "docker",
            title: "The Docker engine is one that keeps what redisgen writes",
            applies: |_| true,
            prove: |host| engine(&host.docker.as_ref().map_err(Clone::clone)?.version, host.model),
        },
        Check {
            id: "docker-compose",
            title: "Docker Compose is one that reads what redisgen writes",
            applies: |_| true,
            prove: |host| compose(&host.docker.as_ref().map_err(Clone::clone)?.compose()?.version),
        },
        Check {
            id: "ports",
            title: "The port is free on the addresses that publish it",
            applies: |model| !model.published.is_empty(),
            prove: |host| {
                let port = host.model.profile.network.port;
                host.model.published.iter().try_for_each(|address| free(address.0, port))?;
                Ok(format!("port {port}"))
            },
        },
    ];
}

/// Judges what the kernel says of itself.
fn setting(path: &str, judge: impl FnOnce(&str) -> Outcome) -> Outcome {
    match std::fs::read_to_string(path) {
        Ok(text) => judge(text.trim()),
        Err(error) => Err(Trouble::missing(format!("{path}: {error}"), "look on the machine that will run the server")),
    }
}

fn advice(text: impl Into<String>) -> Outcome {
    Err(Trouble::Advice(text.into()))
}

fn overcommit(value: &str) -> Outcome {
    if value == "1" {
        return Ok("vm.overcommit_memory is 1".to_owned());
    }
    advice(format!(
        "vm.overcommit_memory is {value}: a save may fail when memory is short, as the server itself warns; \
         `sysctl vm.overcommit_memory=1`, and a file in /etc/sysctl.d for the next boot"
    ))
}

fn huge_pages(value: &str) -> Outcome {
    if !value.contains("[always]") {
        return Ok(value.to_owned());
    }
    // disable-thp, on by default since 6.2.
    advice(
        "transparent huge pages are `always`: the server leaves them out for itself if the kernel lets it, else latency and \
         memory grow while it saves; Redis asks for `madvise` or `never` in /sys/kernel/mm/transparent_hugepage/enabled",
    )
}

fn swaps(table: &str) -> Outcome {
    // Behind a device mapper there is mostly encryption; zram is memory.
    let disks: Vec<&str> = table
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| !name.starts_with("/dev/dm-") && !name.starts_with("/dev/zram"))
        .collect();
    if disks.is_empty() {
        return Ok("no swap on a plain disk".to_owned());
    }
    advice(format!(
        "{} may get data, unencrypted; write `resources: {{ memory: 512MiB }}`, with which the container does not swap",
        disks.join(", ")
    ))
}

fn engine(version: &str, model: &Model) -> Outcome {
    let line = docker::line(version);
    if line < ENGINE {
        return advice(format!("Docker {version} is older than {}.{}, with which it was tested", ENGINE.0, ENGINE.1));
    }
    if line < ROUTED && !model.published.is_empty() {
        let filter = match &model.firewall {
            Some(_) => "firewall/apply.sh closes that",
            None => "no filter of this profile closes that",
        };
        return advice(format!(
            "before Docker 28, this is {version}, a neighbour that routes to the container reaches the published port, even \
             one on the loopback; {filter}"
        ));
    }
    Ok(version.to_owned())
}

fn compose(version: &str) -> Outcome {
    if docker::line(version) < COMPOSE {
        return advice(format!(
            "Compose {version} is older than {}.{}, with which it was tested",
            COMPOSE.0, COMPOSE.1
        ));
    }
    Ok(version.to_owned())
}

/// Advice if something listens, or if the machine has no such address.
fn free(address: IpAddr, port: u16) -> Result<(), Trouble> {
    let Err(error) = TcpListener::bind((address, port)) else { return Ok(()) };
    let place = std::net::SocketAddr::from((address, port));
    Err(Trouble::Advice(match error.kind() {
        ErrorKind::AddrInUse => format!("{place} is in use, perhaps by this deployment itself"),
        ErrorKind::AddrNotAvailable => {
            format!("this machine has no address {address}, so nothing can be published on it")
        }
        _ => format!("{place}: {error}"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_kernel_are_read_as_it_writes_them() {
        assert!(overcommit("1").is_ok());
        assert!(matches!(overcommit("0"), Err(Trouble::Advice(_))));
        assert!(huge_pages("always [madvise] never").is_ok());
        assert!(matches!(huge_pages("[always] madvise never"), Err(Trouble::Advice(_))));
        let head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority";
        assert!(swaps(head).is_ok());
        assert!(swaps(&format!("{head}\n/dev/dm-1 partition 1 0 -2\n/dev/zram0 partition 1 0 100")).is_ok());
        assert!(matches!(swaps(&format!("{head}\n/swap.img file 1 0 -2")), Err(Trouble::Advice(_))));
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, tested) in [("2.26.1-4", true), ("2.9.0", false), ("5.0.1", true), ("1.29.2", false)] {
            assert_eq!(compose(version).is_ok(), tested, "{version}");
        }
        assert_eq!(docker::line("20.10.24+dfsg1"), (20, 10));
        assert_eq!(docker::line(""), (0, 0));
    }
}
