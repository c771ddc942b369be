//! The exporter as the compose file starts it: its command line word by word, its mount, its user without rights of the
//! host; in the server's network, where the name that it dials is the loopback's.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::deployment::Deployment;
use crate::sandbox::Server;

/// Out of a later Debian: Debian 12 has an older one.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers.sh");
        let output = Command::new(script).arg("exporter").output().expect("tests/servers.sh runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        PathBuf::from(String::from_utf8(output.stdout).expect("text").trim())
    })
}

/// A running exporter; ends with the test.
pub struct Exporter<'server> {
    server: &'server Server<'server>,
    child: Child,
    log: PathBuf,
}

impl<'server> Exporter<'server> {
    /// Starts it on a folder of secrets, by default the deployment's.
    pub fn start(server: &'server Server<'server>, secrets: Option<&Path>) -> Exporter<'server> {
        let deployment = server.deployment;
        let service = deployment.compose()["services"]["exporter"].clone();
        let words = service["command"].as_sequence().expect("a command").iter();
        let words: Vec<String> = words.map(|word| word.as_str().expect("text").replace("$$", "$")).collect();
        assert_eq!(service["user"].as_str(), Some("59000:59000"));
        let log = deployment.folder().join("exporter.log");
        let out = File::create(&log).expect("log");
        let hosts = deployment.folder().join("hosts");
        fs::write(&hosts, format!("127.0.0.1 localhost {}\n", dialled(&words))).expect("hosts");
        // The mounts are this process's own.
        let script = r#"
secrets=$1 hosts=$2 program=$3
shift 3
mount --bind "$hosts" /etc/hosts
mkdir "$PWD/bin" && cp "$program" "$PWD/bin/exporter" && chmod 755 "$PWD/bin/exporter"
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/exporter /run/bin
mount --bind "$PWD/bin" /run/bin
[ ! -d "$secrets" ] || mount --bind "$secrets" /run/exporter
exec setpriv --reuid 59000 --regid 59000 --clear-groups --bounding-set -all --inh-caps -all --no-new-privs --pdeathsig KILL \
  env -i /run/bin/exporter "$@"
"#;
        let place = tempfile::tempdir_in(deployment.folder()).expect("folder").keep();
        let child = server
            .in_network("unshare")
            .args(["--mount", "--propagation", "private", "sh", "-euc", script, "sh"])
            .arg(secrets.map_or_else(|| deployment.secret("exporter"), Path::to_owned))
            .arg(hosts)
            .arg(binary())
            .args(words)
            .current_dir(place)
            .stdin(Stdio::null())
            .stdout(out.try_clone().expect("log"))
            .stderr(out)
            .spawn()
            .expect("nsenter runs: install the package util-linux");
        let exporter = Exporter { server, child, log };
        let start = Instant::now();
        while !exporter.log().contains("Providing metrics") {
            assert!(start.elapsed() < Duration::from_secs(20), "the exporter does not start:\n{}", exporter.log());
            sleep(Duration::from_millis(20));
        }
        exporter
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// One scrape.
    pub fn metrics(&self) -> String {
        get(self.server, "http://127.0.0.1:9121/metrics")
    }

    /// The command line as every account of the host sees it, and the environment.
    pub fn seen(&self) -> String {
        let read = |file: &str| fs::read(format!("/proc/{}/{file}", self.child.id())).expect("it lives");
        String::from_utf8_lossy(&[read("cmdline"), read("environ")].concat()).into_owned()
    }
}

impl Drop for Exporter<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the exporter's log:\n{}", self.log());
        }
    }
}

/// The host name in `-redis.addr`.
fn dialled(words: &[String]) -> String {
    let address = words.iter().find_map(|word| word.strip_prefix("-redis.addr=")).expect("an address");
    let host = address.split("://").nth(1).and_then(|rest| rest.split(':').next());
    host.expect("a host").to_owned()
}

/// What a page in the server's network says, once it answers.
pub fn get(server: &Server<'_>, url: &str) -> String {
    let start = Instant::now();
    loop {
        let script =
            "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())";
        let output = server.in_network("python3").args(["-c", script, url]).output().expect("python3 runs");
        if output.status.success() {
            return String::from_utf8(output.stdout).expect("text");
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{url}: {}", String::from_utf8_lossy(&output.stderr));
        sleep(Duration::from_millis(50));
    }
}

/// The value of a series without labels.
pub fn value(metrics: &str, name: &str) -> Option<f64> {
    metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

/// A copy of the exporter's secrets to change.
pub fn copied(deployment: &Deployment, name: &str) -> PathBuf {
    let target = deployment.folder().join(name);
    let status = Command::new("cp").arg("-a").arg(deployment.secret("exporter")).arg(&target).status().expect("cp");
    assert!(status.success());
    target
}
