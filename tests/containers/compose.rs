//! What Compose itself says.

use std::fs;
use std::process::{Command, Output};

use serde_yaml::Value;

use crate::deployment::*;
use crate::program::*;

/// `docker compose config` needs no engine, so this runs Compose itself.
fn config(deployment: &Deployment, compose: &str, files: &[&str]) -> Output {
    let mut command = Command::new(compose);
    command.current_dir(deployment.out());
    for file in files {
        command.args(["--file", file]);
    }
    run(command.args(["config", "--format", "json"]))
}

#[test]
fn compose_accepts_every_profile() {
    let compose = stdout(&good("compose.sh --fetch", run(harness("compose.sh").arg("--fetch"))));
    for name in ["prod", "prod-minimal", "dev", "dev-minimal"] {
        let deployment = Deployment::new(name, &Deployment::fixture(name));
        let server = deployment.server_file();
        assert_eq!(deployment.files().len(), 2, "{name}: no example client");
        for files in [vec![server], deployment.files()] {
            let output = good(&format!("{name}: config {files:?}"), config(&deployment, &compose, &files));
            let warnings = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(warnings, "", "{name}: compose warns");
            let seen: Value = serde_yaml::from_slice(&output.stdout).expect("compose prints JSON");
            assert_eq!(seen["services"]["redis"]["image"], "redis:7.4.11-bookworm", "{name}");
            for network in ["app", "edge"] {
                let bridge = seen["networks"][network]["driver_opts"]["com.docker.network.bridge.name"]
                    .as_str()
                    .expect("a fixed name");
                assert!(bridge.len() <= 15, "{name}: the kernel refuses {bridge}");
            }
        }
        // The control: Compose does judge the file.
        fs::write(
            deployment.path("broken.yml"),
            replace(&deployment.read(server), "read_only: true\n", "read_onyl: true\n"),
        )
        .expect("written");
        refused("a misspelt key", &config(&deployment, &compose, &["broken.yml"]), "read_onyl");
    }
}

/// Compose recreates a container when the hash of its service changes: what the README says of a rebuild.
#[test]
fn a_changed_profile_changes_what_compose_compares() {
    let compose = stdout(&good("compose.sh --fetch", run(harness("compose.sh").arg("--fetch"))));
    let profile = Deployment::fixture("prod-minimal");
    let deployment = Deployment::new("prod-minimal", &profile);
    let hash = || {
        let mut command = Command::new(&compose);
        command.current_dir(deployment.out()).args(["--file", deployment.server_file()]);
        stdout(&good("config --hash", run(command.args(["config", "--hash", "redis"]))))
    };
    let before = hash();
    // Nothing of it stands in the compose file itself, only in the mounted redis.conf.
    deployment.build(&profile, &[]);
    assert_eq!(hash(), before);
    let changed = format!("{profile}\nresources: {{ eviction: allkeys-lru }}\n");
    deployment.build(&changed, &[]);
    assert_ne!(hash(), before);
}
