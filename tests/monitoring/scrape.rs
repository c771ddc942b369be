//! A real server with the emitted settings, the real exporter as the compose file starts it, and a real Prometheus with
//! the emitted files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::deployment::{Deployment, production_profile, replaced};
use crate::engine::{self, Engine};
use crate::exporter::{Exporter, copied, get, value};
use crate::sandbox::Server;

/// Metrics that the alerts and the dashboard of a deployment name.
fn named(deployment: &Deployment) -> BTreeSet<String> {
    let read = |file: &str| fs::read_to_string(deployment.out().join("monitoring").join(file)).expect("written");
    let alerts: serde_json::Value = serde_yaml::from_str(&read("alerts.yml")).expect("YAML");
    let dashboard: serde_json::Value = serde_json::from_str(&read("dashboard.json")).expect("JSON");
    let mut names = BTreeSet::new();
    for rule in alerts["groups"][0]["rules"].as_array().expect("rules") {
        names.extend(redisgen::alert::metrics(rule["expr"].as_str().expect("an expression")));
    }
    assert!(dashboard["panels"].as_array().expect("panels").len() > 8);
    for panel in dashboard["panels"].as_array().expect("panels") {
        for target in panel["targets"].as_array().expect("targets") {
            names.extend(redisgen::alert::metrics(target["expr"].as_str().expect("an expression")));
        }
    }
    names
}

fn has(metrics: &str, name: &str) -> bool {
    metrics.lines().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{'])))
}

/// Without TLS, which most servers of the tests lack.
fn plain(engine: &Engine) -> String {
    format!("version: 1\nname: plain\nenvironment: production\n{}\ntls: {{ mode: disabled }}\n", engine.section())
}

#[test]
fn the_exporter_gets_what_it_needs_and_no_more_on_every_engine() {
    for engine in engine::all() {
        let deployment = Deployment::build(&plain(&engine));
        let server = Server::boot(&deployment, &engine);
        let exporter = Exporter::start(&server, None);
        // What some counters show only once it happened.
        let app = server.client("app");
        for refused in ["KEYS *", "CONFIG GET maxmemory", "GET elsewhere"] {
            assert!(app.run(refused).contains("NOPERM"), "{engine:?}: {refused}");
        }
        assert!(server.stranger().password("app", "wrong").run("PING").contains("WRONGPASS"), "{engine:?}");
        exporter.metrics();
        let metrics = exporter.metrics();
        assert_eq!(value(&metrics, "redis_up"), Some(1.0), "{engine:?}:\n{metrics}");
        let missing: Vec<String> = named(&deployment)
            .into_iter()
            .filter(|name| name != "up" && !name.starts_with("redisgen_") && !has(&metrics, name))
            .collect();
        assert_eq!(missing, Vec::<String>::new(), "{engine:?}");
        // Which line counts refusals is decided in Rust.
        let line = redisgen::engine::lines()
            .find(|line| {
                line.kind.word() == engine.kind
                    && engine.version.starts_with(&format!("{}.{}.", line.number.0, line.number.1))
            })
            .expect("a known line");
        for kind in ["auth", "cmd", "key", "channel"] {
            let counted = has(&metrics, &format!("redis_acl_access_denied_{kind}_total"));
            assert_eq!(counted, redisgen::alert::counts_denials(line), "{engine:?}: {kind}");
        }
        let admin = server.client("admin");
        let log = admin.run("ACL LOG");
        let own: BTreeSet<&str> =
            entries(&log).into_iter().filter(|(_, user)| *user == "exporter").map(|(what, _)| what).collect();
        let refused = if engine.since(7, 0) { "slowlog|get" } else { "slowlog" };
        assert_eq!(own, BTreeSet::from([refused]), "{engine:?}:\n{log}");
        // No data, no settings, no arguments of others' commands.
        admin.run("SET secret:1 hunter2");
        let spy = server.client("exporter");
        for command in [
            "GET secret:1",
            "SCAN 0",
            "KEYS *",
            "SLOWLOG GET 1",
            "CONFIG GET *",
            "MONITOR",
            "ACL LIST",
            "CLIENT LIST",
            "DUMP secret:1",
        ] {
            assert!(spy.run(command).contains("NOPERM"), "{engine:?}: {command}: {}", spy.run(command));
        }
        // Each permission is used: taken away, the exporter misses it.
        let whole = metrics.lines().count();
        for (right, lost) in [("info", "redis_connected_clients"), ("slowlog|len", "redis_slowlog_length")] {
            let reply = admin.run(&format!(
                "ACL SETUSER exporter -{}",
                if engine.since(7, 0) { right } else { right.split('|').next().expect("a word") }
            ));
            assert_eq!(reply, "OK", "{engine:?}: {right}");
            assert!(!has(&exporter.metrics(), lost), "{engine:?}: {right}");
            assert_eq!(admin.run(&format!("ACL SETUSER exporter +{right}")), "OK");
        }
        assert!(whole > 150, "{engine:?}: {whole} lines");
    }
}

/// Object and user of each entry of ACL LOG.
fn entries(log: &str) -> Vec<(&str, &str)> {
    let lines: Vec<&str> = log.lines().map(str::trim).collect();
    let after = |name: &str| {
        let places = lines.iter().enumerate().filter(|(_, line)| **line == name).map(|(place, _)| place + 1);
        places.filter_map(|place| lines.get(place).copied()).collect::<Vec<_>>()
    };
    after("object").into_iter().zip(after("username")).collect()
}

/// A running Prometheus.
struct Prometheus<'server> {
    server: &'server Server<'server>,
    child: std::process::Child,
}

impl<'server> Prometheus<'server> {
    /// On the emitted files, but for the interval: nobody wants to wait.
    fn start(server: &'server Server<'server>, extra: &str) -> Prometheus<'server> {
        let emitted = server.deployment.out().join("monitoring");
        let folder = tempfile::tempdir_in(server.deployment.folder()).expect("folder").keep();
        let config = fs::read_to_string(emitted.join("prometheus.yml")).expect("written");
        let config = replaced(&config, "scrape_interval: 15s", "scrape_interval: 1s");
        let config = replaced(&config, "evaluation_interval: 15s", "evaluation_interval: 1s") + extra;
        fs::write(folder.join("prometheus.yml"), config).expect("written");
        fs::copy(emitted.join("alerts.yml"), folder.join("alerts.yml")).expect("copied");
        let log = File::create(folder.join("log")).expect("log");
        let child = server
            .in_network("prometheus")
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:9090")
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("log"))
            .stderr(log)
            .spawn()
            .expect("prometheus runs: install the package prometheus");
        Prometheus { server, child }
    }

    /// Values of a query.
    fn ask(&self, query: &str) -> Vec<f64> {
        let encoded = query.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
        let reply = get(self.server, &format!("http://127.0.0.1:9090/api/v1/query?query={encoded}"));
        let reply: serde_json::Value = serde_json::from_str(&reply).expect("JSON");
        let results = reply["data"]["result"].as_array().unwrap_or_else(|| panic!("{reply}")).clone();
        results.iter().map(|result| result["value"][1].as_str().expect("a value").parse().expect("a number")).collect()
    }

    /// Waits until a query has this answer.
    fn becomes(&self, query: &str, wanted: &[f64]) {
        let start = Instant::now();
        loop {
            let values = self.ask(query);
            if values == wanted {
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(30), "{query} is {values:?}, not {wanted:?}");
            sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Prometheus<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn prometheus_scrapes_the_deployment() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    let exporter = Exporter::start(&server, None);
    // No secret where every account of the host can read.
    let (seen, password) = (exporter.seen(), deployment.password("exporter"));
    assert!(seen.contains("-redis.password-file=") && !seen.contains(&password), "{seen}");
    // What the script on the host writes, published as node_exporter does.
    let text = deployment.folder().join("text");
    fs::create_dir(&text).expect("folder");
    let script = deployment.out().join("monitoring/certificates.sh");
    let status =
        std::process::Command::new(script).arg(deployment.out().join("secrets")).arg(&text).status().expect("sh");
    assert!(status.success());
    let _host = Host::serve(&server, &text);
    let prometheus = Prometheus::start(&server, "");
    prometheus.becomes("up{job=\"redis\"}", &[1.0]);
    prometheus.becomes("redis_up{deployment=\"api-forge\"}", &[1.0]);
    // Admin, backup, exporter, health, monitor, readonly, sessionapp: a certificate each, the server's, the authority's.
    prometheus.becomes("count(redisgen_certificate_expiry_timestamp_seconds{deployment=\"api-forge\"})", &[9.0]);
    prometheus.becomes("count(ALERTS{alertname=\"RedisCertificateExpiring\"})", &[]);
    // However often the exporter is refused its SLOWLOG GET, nobody else was refused anything.
    prometheus.becomes("redis_commands_rejected_calls_total{cmd=\"slowlog|get\"} > bool 2", &[1.0]);
    prometheus.becomes("redisgen:access_denied:total", &[0.0]);
    prometheus.becomes("redisgen:authentication_failed:total", &[0.0]);
    prometheus.becomes("count(ALERTS{alertname=~\"Redis(AccessDenied|AuthenticationFailed)\"})", &[]);
    let reader = server.client("readonly");
    assert!(reader.run("SET user:1 x").contains("NOPERM"));
    assert!(reader.clone().password("readonly", "wrong").run("PING").contains("WRONGPASS"));
    prometheus.becomes("redisgen:access_denied:total >= bool 1", &[1.0]);
    prometheus.becomes("count(ALERTS{alertname=\"RedisAccessDenied\",alertstate=\"firing\"})", &[1.0]);
    prometheus.becomes("count(ALERTS{alertname=\"RedisAuthenticationFailed\",alertstate=\"firing\"})", &[1.0]);
    // A lost server is seen.
    server.signal("STOP");
    drop(exporter);
    prometheus.becomes("up{job=\"redis\"}", &[0.0]);
    server.signal("CONT");
}

/// The part of `node_exporter`: the text files, on its port.
struct Host(std::process::Child);

impl Host {
    fn serve(server: &Server<'_>, folder: &Path) -> Host {
        let script = "
import glob, http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b''.join(open(path, 'rb').read() for path in glob.glob(sys.argv[1] + '/*.prom'))
        self.send_response(200)
        self.send_header('Content-Type', 'text/plain; version=0.0.4')
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words): pass
http.server.HTTPServer(('127.0.0.1', 9100), Handler).serve_forever()
";
        Host(server.in_network("python3").args(["-c", script]).arg(folder).spawn().expect("python3"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Each credential counts: the exporter lives, and the server is not its own.
#[test]
fn wrong_credentials_are_down() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    let up = |secrets: &Path| value(&Exporter::start(&server, Some(secrets)).metrics(), "redis_up");
    let right = copied(&deployment, "right");
    assert_eq!(up(&right), Some(1.0));
    let wrong = copied(&deployment, "wrong-password");
    let path = wrong.join("passwords.json");
    let text = fs::read_to_string(&path).expect("readable");
    fs::write(&path, text.replace(&deployment.password("exporter"), &"0".repeat(64))).expect("written");
    assert_eq!(up(&wrong), Some(0.0), "a wrong password");
    let other = Deployment::build(&production_profile());
    let wrong = copied(&deployment, "wrong-authority");
    fs::copy(other.secret("exporter/ca.crt"), wrong.join("ca.crt")).expect("copied");
    assert_eq!(up(&wrong), Some(0.0), "another authority vouches for the server");
    let wrong = copied(&deployment, "wrong-certificate");
    for file in ["client.crt", "client.key"] {
        fs::copy(other.secret(&format!("exporter/{file}")), wrong.join(file)).expect("copied");
    }
    assert_eq!(up(&wrong), Some(0.0), "a certificate of another authority");
}

/// Where the certificate has no name `redis`, the server goes by one that it has.
#[test]
fn the_server_is_dialled_by_a_name_of_its_certificate() {
    let profile = replaced(&production_profile(), "names: [redis, localhost]", "names: [localhost]");
    let deployment = Deployment::build(&profile);
    let compose = deployment.compose();
    let alias =
        compose["services"]["redis"]["networks"]["monitor"]["aliases"][0].as_str().expect("an alias").to_owned();
    assert_eq!(alias, "redis.internal.example.com");
    let server = Server::boot(&deployment, &engine::debian());
    assert_eq!(value(&Exporter::start(&server, None).metrics(), "redis_up"), Some(1.0));
}

/// Somebody who reaches the exporter can have it dial another server; the password stays.
#[test]
fn another_target_gets_no_password() {
    let deployment = Deployment::build(&plain(&engine::debian()));
    let server = Server::boot(&deployment, &engine::debian());
    let _exporter = Exporter::start(&server, None);
    let trap = "
import socket, sys
trap = socket.create_server(('127.0.0.1', 7777))
print('ready', flush=True)
trap.settimeout(20)
there, _ = trap.accept()
there.settimeout(1)
heard = b''
try:
    while True:
        part = there.recv(4096)
        if not part: break
        heard += part
        there.sendall(b'+OK\\r\\n')
except TimeoutError: pass
sys.stdout.write(heard.decode())
";
    let child = server.in_network("python3").args(["-c", trap]).stdout(Stdio::piped()).spawn().expect("python3");
    sleep(Duration::from_millis(500));
    let _ = get(&server, "http://127.0.0.1:9121/scrape?target=redis://exporter@127.0.0.1:7777");
    let heard = child.wait_with_output().expect("ends");
    let heard = String::from_utf8_lossy(&heard.stdout).into_owned();
    assert!(heard.starts_with("ready") && heard.contains("INFO"), "it was dialled: {heard}");
    assert!(!heard.contains(&deployment.password("exporter")), "{heard}");
}
