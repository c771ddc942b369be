//! A Docker engine of our own, and clients of what runs in it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::deployment::*;
use crate::program::*;

/// A private Docker engine with the image; ends with the test, however that ends.
pub struct Engine {
    pub folder: TempDir,
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = harness("engine.sh").arg("stop").arg(self.folder.path()).output();
    }
}

impl Engine {
    pub fn start() -> Self {
        needs(&[
            ("dockerd", "docker.io"),
            ("docker", "docker.io or docker-cli"),
            ("containerd", "containerd"),
            ("runc", "runc"),
            ("iptables", "iptables"),
            ("ip", "iproute2"),
            ("nsenter", "util-linux"),
            ("redis-server", "redis-server"),
            ("redis-cli", "redis-tools"),
        ]);
        good("engine.sh check (the tests need root)", run(harness("engine.sh").arg("check")));
        let engine = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        let owner = std::process::id().to_string();
        good(
            "engine.sh start",
            run(harness("engine.sh").arg("start").arg(engine.folder.path()).args(["--owner", &owner])),
        );
        good("image.sh", run(harness("image.sh").arg(engine.folder.path()).arg(IMAGE)));
        let servers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers.sh");
        let exporter = stdout(&good("servers.sh", run(Command::new(servers).arg("exporter"))));
        let image = "oliver006/redis_exporter:v1.69.0";
        good("exporter.sh", run(harness("exporter.sh").arg(engine.folder.path()).arg(exporter).arg(image)));
        engine
    }

    pub fn enter<S: AsRef<OsStr>>(&self, how: &str, command: &[S]) -> Command {
        let mut entered = harness("engine.sh");
        entered.arg(how).arg(self.folder.path()).args(command);
        entered
    }

    /// On the host that runs Docker.
    pub fn inside<S: AsRef<OsStr>>(&self, command: &[S]) -> Output {
        run(&mut self.enter("exec", command))
    }

    /// On another machine of the same network.
    pub fn outside<S: AsRef<OsStr>>(&self, command: &[S]) -> Output {
        run(&mut self.enter("outside", command))
    }

    pub fn docker(&self, args: &[&str]) -> Output {
        let socket = format!("unix://{}/docker.sock", self.folder.path().display());
        run(Command::new("docker").stdin(Stdio::null()).args(["--host", &socket]).args(args))
    }

    #[track_caller]
    pub fn inspect(&self, object: &str, format: &str) -> String {
        stdout(&good("docker inspect", self.docker(&["inspect", "--format", format, object])))
    }

    pub fn exec(&self, container: &str, command: &[&str]) -> Output {
        self.docker(&[&["exec", container], command].concat())
    }

    /// Compose with these files of the deployment, as a person in its folder would call it.
    pub fn compose_with(&self, deployment: &Deployment, files: &[&str], args: &[&str]) -> Output {
        let mut command = harness("compose.sh");
        command.current_dir(deployment.out()).arg(self.folder.path());
        for file in files {
            command.args(["--file", file]);
        }
        run(command.args(args))
    }

    pub fn compose(&self, deployment: &Deployment, args: &[&str]) -> Output {
        self.compose_with(deployment, &deployment.files(), args)
    }

    #[track_caller]
    pub fn up(&self, deployment: &Deployment) {
        let output = self.compose(deployment, &["up", "--detach", "--wait", "--wait-timeout", "120"]);
        assert!(output.status.success(), "up failed:\n{}{}", both(&output), both(&self.compose(deployment, &["logs"])));
    }

    #[track_caller]
    pub fn down(&self, deployment: &Deployment) {
        good("down", self.compose(deployment, &["down", "--volumes", "--timeout", "5"]));
    }

    #[track_caller]
    pub fn container(&self, deployment: &Deployment, service: &str) -> String {
        let id = stdout(&good("ps", self.compose(deployment, &["ps", "--all", "--quiet", service])));
        assert!(!id.is_empty(), "no container of `{service}`");
        id
    }
}

/// Puts a `docker` into a folder that has `docker compose`, as a host with Compose's plugin has.
pub fn docker_with_compose(folder: &Path) {
    let compose = stdout(&good("compose.sh --fetch", run(harness("compose.sh").arg("--fetch"))));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let real = std::env::split_paths(&path).map(|entry| entry.join("docker")).find(|file| file.is_file());
    let real = real.expect("docker").display().to_string();
    let script = format!("#!/bin/sh\n[ \"$1\" = compose ] || exec '{real}' \"$@\"\nshift\nexec '{compose}' \"$@\"\n");
    let program = folder.join("docker");
    fs::write(&program, script).expect("program");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("mode");
}

/// redis-cli as a user of the deployment; the password is in the environment of this process' child only.
pub fn redis_cli(
    deployment: &Deployment,
    user: &str,
    password: &str,
    address: &str,
    port: &str,
    args: &[&str],
) -> Vec<String> {
    // -e: without it redis-cli ends with 0 although it was refused.
    let mut words: Vec<String> = ["timeout", "5", "env"].map(str::to_owned).to_vec();
    words.push(format!("REDISCLI_AUTH={password}"));
    words
        .extend(["redis-cli", "-e", "--no-auth-warning", "-h", address, "-p", port, "--user", user].map(str::to_owned));
    words.extend([
        "--tls".to_owned(),
        "--cacert".to_owned(),
        deployment.path("secrets/server/ca.crt").display().to_string(),
    ]);
    let client = deployment.path(&format!("secrets/clients/{user}/client"));
    if client.with_extension("crt").is_file() {
        for (option, extension) in [("--cert", "crt"), ("--key", "key")] {
            words.extend([option.to_owned(), client.with_extension(extension).display().to_string()]);
        }
    }
    words.extend(args.iter().map(ToString::to_string));
    words
}

/// A command of a user through the published port of production.
pub fn as_user(engine: &Engine, deployment: &Deployment, user: &str, args: &[&str]) -> Output {
    engine.inside(&redis_cli(deployment, user, &deployment.password(user), HOST4, "6379", args))
}

pub fn plain_ping<'a>(address: &'a str, port: &'a str) -> [&'a str; 9] {
    ["timeout", "3", "redis-cli", "-e", "-h", address, "-p", port, "ping"]
}

/// A server somewhere on the internet.
pub struct Far {
    process: Child,
}

impl Far {
    pub fn start(engine: &Engine, port: &str) -> Self {
        let command =
            ["timeout", "60", "redis-server", "--port", port, "--protected-mode", "no", "--save", "", "--dir", "/tmp"];
        let process = engine
            .enter("outside", &command)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a far server");
        eventually("the far server", Duration::from_secs(10), || {
            stdout(&engine.outside(&plain_ping("203.0.113.1", port))) == "PONG"
        });
        Self { process }
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        // What is left inside ends with the engine's process namespace.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits for a condition; the engine does some things in the background.
#[track_caller]
pub fn eventually(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {limit:?}");
        sleep(Duration::from_millis(100));
    }
}
