//! In: profiles built by the program. Out: proof that real Compose accepts what it emits, that a real Docker
//! engine enforces it, and that each proof can fail.
//!
//! The image carries the official image's name and this machine's own redis-server (see docker/image.sh).
//! Profiles that name 7.4 are therefore only parsed by Compose here; those that run say 7.0.15, since
//! `hide-user-data-from-log` of 7.4 stops a 7.0 server. Each test has an engine of its own, because nextest
//! gives each a process.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_yaml::Value;
use tempfile::TempDir;

/// The version of the server inside the image.
const VERSION: &str = "7.0.15";
const IMAGE: &str = "redis:7.0.15-bookworm";
/// The engine's address as other machines see it (docker/engine.sh).
const HOST4: &str = "198.51.100.1";
const HOST6: &str = "2001:db8:7267::1";
const HEALTHCHECK: &str = "/usr/local/etc/redis/healthcheck.sh";

// ---------------------------------------------------------------------------------------------- programs

fn harness(script: &str) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/docker").join(script));
    command.stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn both(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[track_caller]
fn good(what: &str, output: Output) -> Output {
    assert!(output.status.success(), "{what} failed ({}):\n{}", output.status, both(&output));
    output
}

/// Fails, and for the reason that we mean: any broken command fails.
#[track_caller]
fn refused(what: &str, output: &Output, reason: &str) {
    let text = both(output);
    assert!(!output.status.success(), "{what} was not refused:\n{text}");
    assert!(text.contains(reason), "{what}: refused, but not for `{reason}`:\n{text}");
}

/// Replaces, and fails if there is nothing to replace: a control that changes nothing proves nothing.
#[track_caller]
fn replace(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "`{from}` is not in:\n{text}");
    text.replace(from, to)
}

fn needs(tools: &[(&str, &str)]) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    for (tool, package) in tools {
        let found = std::env::split_paths(&path).any(|folder| folder.join(tool).is_file());
        assert!(found, "`{tool}` is missing: install the Debian package {package}");
    }
}

// ------------------------------------------------------------------------------------------- deployments

/// A folder with a profile and what was built from it. It goes when the test ends.
struct Deployment {
    folder: TempDir,
    name: String,
}

impl Deployment {
    fn new(name: &str, profile: &str) -> Self {
        let deployment = Self { folder: tempfile::tempdir().expect("a temporary folder"), name: name.to_owned() };
        deployment.build(profile, &[]);
        deployment
    }

    fn fixture(name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ok").join(format!("{name}.yaml"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The fixture for the server that is in the image.
    fn runnable(name: &str) -> String {
        replace(&Self::fixture(name), "7.4.11", VERSION)
    }

    fn build(&self, profile: &str, more: &[&str]) -> Output {
        let path = self.folder.path().join(format!("{}.yaml", self.name));
        fs::write(&path, profile).expect("profile written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_redisgen"));
        good("build", run(command.arg("build").arg(path).arg("--out").arg(self.out()).args(more)))
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn path(&self, below: &str) -> PathBuf {
        self.out().join(below)
    }

    fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap_or_else(|error| panic!("{below}: {error}"))
    }

    fn server_file(&self) -> &'static str {
        ["docker-compose.prod.yml", "docker-compose.dev.yml"].into_iter().find(|name| self.path(name).is_file()).expect("a compose file")
    }

    /// The server's file, and the example client's if there is one.
    fn files(&self) -> Vec<&'static str> {
        let mut files = vec![self.server_file()];
        files.extend(Some("docker-compose.app.yml").filter(|name| self.path(name).is_file()));
        files
    }

    fn password(&self, user: &str) -> String {
        let path = if user == "health" { "secrets/server/health.password".to_owned() } else { format!("secrets/clients/{user}/password") };
        self.read(&path)
    }

    /// Every password that was made, by user.
    fn passwords(&self) -> Vec<(String, String)> {
        let clients = fs::read_dir(self.path("secrets/clients")).expect("clients");
        let users = clients.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned());
        users.chain(["health".to_owned()]).map(|user| (user.clone(), self.password(&user))).collect()
    }
}

// ------------------------------------------------------------------------------------------------ engine

/// A private Docker engine with the image; ends with the test, however that ends.
struct Engine {
    folder: TempDir,
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = harness("engine.sh").arg("stop").arg(self.folder.path()).output();
    }
}

impl Engine {
    fn start() -> Self {
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
        good("engine.sh start", run(harness("engine.sh").arg("start").arg(engine.folder.path()).args(["--owner", &owner])));
        good("image.sh", run(harness("image.sh").arg(engine.folder.path()).arg(IMAGE)));
        engine
    }

    fn enter<S: AsRef<OsStr>>(&self, how: &str, command: &[S]) -> Command {
        let mut entered = harness("engine.sh");
        entered.arg(how).arg(self.folder.path()).args(command);
        entered
    }

    /// On the host that runs Docker.
    fn inside<S: AsRef<OsStr>>(&self, command: &[S]) -> Output {
        run(&mut self.enter("exec", command))
    }

    /// On another machine of the same network.
    fn outside<S: AsRef<OsStr>>(&self, command: &[S]) -> Output {
        run(&mut self.enter("outside", command))
    }

    fn docker(&self, args: &[&str]) -> Output {
        let socket = format!("unix://{}/docker.sock", self.folder.path().display());
        run(Command::new("docker").stdin(Stdio::null()).args(["--host", &socket]).args(args))
    }

    #[track_caller]
    fn inspect(&self, object: &str, format: &str) -> String {
        stdout(&good("docker inspect", self.docker(&["inspect", "--format", format, object])))
    }

    fn exec(&self, container: &str, command: &[&str]) -> Output {
        self.docker(&[&["exec", container], command].concat())
    }

    /// Compose with these files of the deployment, as a person in its folder would call it.
    fn compose_with(&self, deployment: &Deployment, files: &[&str], args: &[&str]) -> Output {
        let mut command = harness("compose.sh");
        command.current_dir(deployment.out()).arg(self.folder.path());
        for file in files {
            command.args(["--file", file]);
        }
        run(command.args(args))
    }

    fn compose(&self, deployment: &Deployment, args: &[&str]) -> Output {
        self.compose_with(deployment, &deployment.files(), args)
    }

    #[track_caller]
    fn up(&self, deployment: &Deployment) {
        let output = self.compose(deployment, &["up", "--detach", "--wait", "--wait-timeout", "120"]);
        if !output.status.success() {
            panic!("up failed:\n{}{}", both(&output), both(&self.compose(deployment, &["logs"])));
        }
    }

    #[track_caller]
    fn down(&self, deployment: &Deployment) {
        good("down", self.compose(deployment, &["down", "--volumes", "--timeout", "5"]));
    }

    #[track_caller]
    fn container(&self, deployment: &Deployment, service: &str) -> String {
        let id = stdout(&good("ps", self.compose(deployment, &["ps", "--all", "--quiet", service])));
        assert!(!id.is_empty(), "no container of `{service}`");
        id
    }
}

/// redis-cli as a user of the deployment; the password is in the environment of this process' child only.
fn redis_cli(deployment: &Deployment, user: &str, password: &str, address: &str, port: &str, args: &[&str]) -> Vec<String> {
    // -e: without it redis-cli ends with 0 although it was refused.
    let mut words: Vec<String> = ["timeout", "5", "env"].map(str::to_owned).to_vec();
    words.push(format!("REDISCLI_AUTH={password}"));
    words.extend(["redis-cli", "-e", "--no-auth-warning", "-h", address, "-p", port, "--user", user].map(str::to_owned));
    words.extend(["--tls".to_owned(), "--cacert".to_owned(), deployment.path("secrets/server/ca.crt").display().to_string()]);
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
fn as_user(engine: &Engine, deployment: &Deployment, user: &str, args: &[&str]) -> Output {
    engine.inside(&redis_cli(deployment, user, &deployment.password(user), "127.0.0.1", "6379", args))
}

fn plain_ping<'a>(address: &'a str, port: &'a str) -> [&'a str; 9] {
    ["timeout", "3", "redis-cli", "-e", "-h", address, "-p", port, "ping"]
}

/// Waits for a condition; the engine does some things in the background.
#[track_caller]
fn eventually(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within {limit:?}");
        sleep(Duration::from_millis(100));
    }
}

// -------------------------------------------------------------------------------------- 1: Compose's eyes

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
                let bridge = seen["networks"][network]["driver_opts"]["com.docker.network.bridge.name"].as_str().expect("a fixed name");
                assert!(bridge.len() <= 15, "{name}: the kernel refuses {bridge}");
            }
        }
        // The control: Compose does judge the file.
        fs::write(deployment.path("broken.yml"), replace(&deployment.read(server), "read_only: true\n", "read_onyl: true\n")).expect("written");
        refused("a misspelt key", &config(&deployment, &compose, &["broken.yml"]), "read_onyl");
    }
}

// ----------------------------------------------------------------------------------------- 2: production

#[test]
fn production_holds_what_the_profile_promises() {
    let engine = Engine::start();
    without_secrets_nothing_starts(&engine);
    let profile = Deployment::runnable("prod");
    let production = Deployment::new("prod", &profile);
    engine.up(&production);
    for service in ["redis", "app"] {
        assert_eq!(engine.inspect(&engine.container(&production, service), "{{.State.Health.Status}}"), "healthy", "{service}");
    }
    the_application_stored_and_read(&engine, &production);
    the_live_process_is_confined(&engine, &production);
    only_the_loopback_is_published(&engine, &production);
    networks_are_split(&engine, &production);
    wrong_credentials_are_refused(&engine, &production);
    no_password_shows(&engine, &production);
    a_changed_right_arrives_by_acl_load(&engine, &production, &profile);
    a_wrong_health_password_is_red(&engine, &production);
    development_runs_beside(&engine, &production);
    stop_is_clean_and_data_stays(&engine, &production);
    engine.down(&production);
    each_protection_is_seen_to_be_missing(&engine, &production);
}

/// `create_host_path: false`: an empty folder in the place of the secrets would be a server without users.
fn without_secrets_nothing_starts(engine: &Engine) {
    let bare = Deployment { folder: tempfile::tempdir().expect("a temporary folder"), name: "prod".to_owned() };
    bare.build(&Deployment::runnable("prod"), &["--no-secrets"]);
    let file = bare.server_file();
    refused("up without secrets", &engine.compose_with(&bare, &[file], &["up", "--detach"]), "bind source path does not exist");
    assert!(!bare.path("secrets").exists(), "compose made an empty folder");
    let running = stdout(&engine.docker(&["ps", "--quiet"]));
    assert_eq!(running, "", "something runs");
    engine.down_one(&bare);

    locked_files_open_nothing(engine);
}

/// Someone mounts the locked ACL file instead of the sealed one: the server runs, and nobody gets in.
fn locked_files_open_nothing(engine: &Engine) {
    let plain = replace(&replace(&Deployment::runnable("prod"), "mode: mutual", "mode: disabled"), "exposure: allowlist", "exposure: localhost");
    let bare = Deployment { folder: tempfile::tempdir().expect("a temporary folder"), name: "prod".to_owned() };
    bare.build(&plain, &["--no-secrets", "--deny", "error"]);
    fs::create_dir_all(bare.path("secrets/server")).expect("folder");
    fs::copy(bare.path("redis/users.acl"), bare.path("secrets/server/users.acl")).expect("copied");
    // Not --wait: there is no health password, so it never becomes healthy, and should not.
    good("up", engine.compose_with(&bare, &[bare.server_file()], &["up", "--detach"]));
    let mut answer = String::new();
    eventually("the locked server answers", Duration::from_secs(15), || {
        answer = both(&engine.inside(&plain_ping("127.0.0.1", "6379")));
        answer.contains("NOAUTH")
    });
    assert!(!answer.contains("PONG"), "open: {answer}");
    for user in ["default", "admin", "health"] {
        for password in ["", "0000000000000000000000000000000000000000000000000000000000000000"] {
            let reply = both(&engine.inside(&["redis-cli", "-h", "127.0.0.1", "auth", user, password]));
            assert!(reply.contains("WRONGPASS"), "{user} with `{password}`: {reply}");
        }
    }
    engine.down_one(&bare);
}

impl Engine {
    /// Without the client's file, whose secrets need not exist.
    #[track_caller]
    fn down_one(&self, deployment: &Deployment) {
        good("down", self.compose_with(deployment, &[deployment.server_file()], &["down", "--volumes", "--timeout", "5"]));
    }
}

fn the_application_stored_and_read(engine: &Engine, production: &Deployment) {
    let logs = both(&engine.docker(&["logs", &engine.container(production, "app")]));
    assert_eq!(logs.lines().collect::<Vec<_>>(), ["PONG", "OK", "stored"]);
    let reply = good("get", as_user(engine, production, "sessionapp", &["get", "user:redisgen-example"]));
    assert_eq!(stdout(&reply), "stored");
}

/// What the kernel says of the process itself, not what the engine was asked for.
fn the_live_process_is_confined(engine: &Engine, production: &Deployment) {
    let id = engine.container(production, "redis");
    let pid = engine.inspect(&id, "{{.State.Pid}}");
    let status = stdout(&good("status", engine.inside(&["cat", &format!("/proc/{pid}/status")])));
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or_else(|| panic!("no {name}"));
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(field("Name"), ["redis-server"], "the first process is the server itself");
    assert_eq!(field("Uid"), ["999"; 4]);
    assert_eq!(field("Gid"), ["999"; 4]);
    for set in ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"] {
        assert_eq!(field(set), ["0000000000000000"], "{set}");
    }
    assert_eq!(field("NoNewPrivs"), ["1"]);
    assert_eq!(field("Seccomp"), ["2"]);

    // cgroup v1 and v2 have different files for the same limits.
    let limit = |v2: &str, v1: &str| stdout(&engine.exec(&id, &["sh", "-c", &format!("cat /sys/fs/cgroup/{v2} 2>/dev/null || cat /sys/fs/cgroup/{v1}")]));
    assert_eq!(limit("memory.max", "memory/memory.limit_in_bytes"), "536870912");
    assert_eq!(limit("pids.max", "pids/pids.max"), "64");
    assert_eq!(engine.inspect(&id, "{{.HostConfig.NanoCpus}}"), "1000000000");
    let limits = stdout(&good("limits", engine.inside(&["cat", &format!("/proc/{pid}/limits")])));
    let words = |name: &str| limits.lines().find_map(|line| Some(line.strip_prefix(name)?.split_whitespace().collect::<Vec<_>>())).expect("a limit");
    assert_eq!(words("Max open files").get(..2), Some(&["1128", "1128"][..]));
    assert_eq!(words("Max core file size").get(..2), Some(&["0", "0"][..]));

    let mounts = stdout(&good("mounts", engine.inside(&["cat", &format!("/proc/{pid}/mounts")])));
    let options = |target: &str| {
        let line = mounts.lines().find(|line| line.split(' ').nth(1) == Some(target)).unwrap_or_else(|| panic!("{target} is not mounted"));
        line.split(' ').nth(3).unwrap_or_default().split(',').map(str::to_owned).collect::<Vec<_>>()
    };
    for target in ["/", "/usr/local/etc/redis", "/run/redis"] {
        assert!(options(target).contains(&"ro".to_owned()), "{target} is writable");
    }
    assert!(options("/data").contains(&"rw".to_owned()), "the control: /data is for writing");
    for flag in ["rw", "noexec", "nosuid", "nodev"] {
        assert!(options("/tmp").contains(&flag.to_owned()), "/tmp without {flag}");
    }
    let program = |folder: &str| engine.exec(&id, &["sh", "-c", &format!("cp /usr/bin/true {folder}/program && {folder}/program")]);
    refused("a program in /tmp", &program("/tmp"), "Permission denied");
    good("the control: the same program where noexec is not set", program("/data"));
    let maxclients = good("maxclients", as_user(engine, production, "admin", &["config", "get", "maxclients"]));
    assert_eq!(stdout(&maxclients), "maxclients\n1000", "lowered by the server for lack of descriptors");
}

fn only_the_loopback_is_published(engine: &Engine, production: &Deployment) {
    let id = engine.container(production, "redis");
    assert_eq!(stdout(&engine.docker(&["port", &id])), "6379/tcp -> 127.0.0.1:6379");
    // The same client, password and certificate, first from the host, then from the neighbour.
    let command = |address| redis_cli(production, "admin", &production.password("admin"), address, "6379", &["ping"]);
    assert_eq!(stdout(&good("ping on the host", engine.inside(&command("127.0.0.1")))), "PONG");
    refused("a neighbour", &engine.outside(&command(HOST4)), "Connection refused");
    refused("a neighbour over IPv6", &engine.outside(&command(HOST6)), "Connection refused");
    // Someone on the link who routes to the container's own address in the application network.
    let address = engine.inspect(&id, r#"{{(index .NetworkSettings.Networks "api-forge_app").IPAddress}}"#);
    good("route", engine.outside(&["ip", "route", "add", &address, "via", HOST4]));
    let reply = engine.outside(&command(&address));
    assert!(!reply.status.success() && !both(&reply).contains("PONG"), "the application network is reached: {}", both(&reply));
    // The same to the edge network: Docker before 28 lets that through although the port is published on the
    // loopback only, so that what stands there is mutual TLS. Our firewall is to close it.
    let address = engine.inspect(&id, r#"{{(index .NetworkSettings.Networks "api-forge_edge").IPAddress}}"#);
    good("route", engine.outside(&["ip", "route", "add", &address, "via", HOST4]));
    for options in [&[][..], &["--tls", "--insecure"]] {
        let reply = engine.outside(&[&["timeout", "3", "redis-cli", "-e", "-h", &address, "ping"], options].concat());
        assert!(!reply.status.success() && !both(&reply).contains("PONG"), "without a certificate: {}", both(&reply));
    }
    // The control: this neighbour does reach what the host publishes.
    good("control", engine.docker(&["run", "--detach", "--name", "control", "--publish", "6390:6379", IMAGE, "redis-server", "--protected-mode", "no"]));
    eventually("the neighbour reaches an open port", Duration::from_secs(10), || stdout(&engine.outside(&plain_ping(HOST4, "6390"))) == "PONG");
    good("rm", engine.docker(&["rm", "--force", "--volumes", "control"]));
}

fn networks_are_split(engine: &Engine, production: &Deployment) {
    let seen = |network: &str, format: &str| stdout(&good("network", engine.docker(&["network", "inspect", "--format", format, network])));
    let bridge = r#"{{index .Options "com.docker.network.bridge.name"}}"#;
    assert_eq!(seen("api-forge_app", "{{.Internal}}"), "true");
    assert_eq!(seen("api-forge_edge", "{{.Internal}}"), "false");
    for network in ["api-forge_app", "api-forge_edge"] {
        let name = seen(network, bridge);
        assert!(name.starts_with("rg-") && name.len() <= 15, "{name}");
        good("the bridge has its name in the kernel", engine.inside(&["ip", "link", "show", &name]));
    }
    let networks = |service: &str| engine.inspect(&engine.container(production, service), "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}");
    assert_eq!(networks("redis"), "api-forge_app api-forge_edge");
    assert_eq!(networks("app"), "api-forge_app");

    // No way out of the application's network; the server's edge is the control.
    let far = Far::start(engine);
    let dial = ["timeout", "3", "redis-cli", "-h", "203.0.113.1", "-p", "7000", "ping"];
    assert_eq!(stdout(&engine.exec(&engine.container(production, "redis"), &dial)), "PONG");
    let reply = engine.exec(&engine.container(production, "app"), &dial);
    assert!(!reply.status.success() && !both(&reply).contains("PONG"), "the application gets out: {}", both(&reply));
    drop(far);
}

/// A server somewhere on the internet.
struct Far {
    process: Child,
}

impl Far {
    fn start(engine: &Engine) -> Self {
        let command = ["timeout", "60", "redis-server", "--port", "7000", "--protected-mode", "no", "--save", "", "--dir", "/tmp"];
        let process = engine.enter("outside", &command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a far server");
        eventually("the far server", Duration::from_secs(10), || stdout(&engine.outside(&plain_ping("203.0.113.1", "7000"))) == "PONG");
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

/// A shell line for the example client, with the password from `source`.
fn application_line(user: &str, source: &str, certificate: bool) -> String {
    let pair = if certificate { "--cert /run/secrets/redis_client_crt --key /run/secrets/redis_client_key" } else { "" };
    format!("REDISCLI_AUTH=\"$({source})\" redis-cli -e --no-auth-warning -h redis --user {user} --tls --cacert /run/secrets/redis_ca {pair} get user:redisgen-example")
}

fn wrong_credentials_are_refused(engine: &Engine, production: &Deployment) {
    let app = engine.container(production, "app");
    let call = |user: &str, source: &str, certificate| engine.exec(&app, &["sh", "-c", &application_line(user, source, certificate)]);
    let right = "cat /run/secrets/redis_password";
    assert_eq!(stdout(&good("the right password", call("sessionapp", right, true))), "stored");
    refused("a wrong password", &call("sessionapp", "echo wrong", true), "WRONGPASS");
    refused("another user's password", &call("admin", right, true), "WRONGPASS");
    refused("`default` with a good certificate", &call("default", "echo anything", true), "WRONGPASS");
    refused("a certificate without a login", &call("default", "true", true), "NOAUTH");
    // The server closes the connection; how a client words that depends on the moment.
    let reply = call("sessionapp", right, false);
    assert!(!reply.status.success() && !both(&reply).contains("stored"), "no certificate: {}", both(&reply));
    refused("a denied command", &as_user(engine, production, "sessionapp", &["flushall"]), "NOPERM");
    refused("a foreign key", &as_user(engine, production, "sessionapp", &["get", "other:key"]), "NOPERM");
    assert_eq!(stdout(&good("admin", as_user(engine, production, "admin", &["dbsize"]))), "1", "the control: someone gets in");
}

/// Collects the arguments of every process in the engine while `work` runs: also of those that end soon.
fn arguments_during(engine: &Engine, work: impl FnOnce()) -> String {
    let done = engine.folder.path().join("sampled");
    let _ = fs::remove_file(&done);
    let script = format!("until [ -e {} ]; do cat /proc/[0-9]*/cmdline; done 2>/dev/null", done.display());
    let sampler = engine.enter("exec", &["sh", "-c", &script]).stdout(Stdio::piped()).spawn().expect("a sampler");
    let reader = std::thread::spawn(move || sampler.wait_with_output().expect("samples"));
    work();
    fs::write(&done, "").expect("written");
    let output = reader.join().expect("samples");
    String::from_utf8_lossy(&output.stdout).replace('\0', " ")
}

fn no_password_shows(engine: &Engine, production: &Deployment) {
    let passwords = production.passwords();
    assert_eq!(passwords.len(), 5, "four users and health");
    let (server, app) = (engine.container(production, "redis"), engine.container(production, "app"));
    let clean = |what: &str, text: &str| {
        for (user, password) in &passwords {
            assert!(!text.contains(password), "the password of {user} is in {what}");
        }
    };
    let arguments = arguments_during(engine, || {
        for _ in 0..10 {
            good("healthcheck", engine.exec(&server, &[HEALTHCHECK]));
        }
        good("restart", engine.docker(&["restart", "--time", "1", &app]));
        eventually("the application is back", Duration::from_secs(20), || engine.inspect(&app, "{{.State.Health.Status}}") == "healthy");
    });
    // The control: the samples do hold the short-lived clients of both scripts, and a leak would be in them.
    assert!(arguments.contains("--user health"), "the health check's client was not seen");
    assert!(arguments.contains("--user sessionapp"), "the application's client was not seen");
    clean("the arguments of a process", &arguments);
    let admin = production.password("admin");
    let leak = arguments_during(engine, || {
        for _ in 0..10 {
            engine.exec(&server, &["redis-cli", "-h", "127.0.0.1", "-a", &admin, "ping"]);
        }
    });
    assert!(leak.contains(&admin), "the control: a password in an argument is not seen");

    for id in [&server, &app] {
        clean("docker inspect", &stdout(&good("inspect", engine.docker(&["inspect", id]))));
        clean("the logs", &both(&good("logs", engine.docker(&["logs", id]))));
    }
    // redis-server writes its title over its environment; what it got is in `docker inspect`, see above.
    let pid = engine.inspect(&app, "{{.State.Pid}}");
    let environment = stdout(&good("environ", engine.inside(&["cat", &format!("/proc/{pid}/environ")])));
    assert!(environment.contains("REDIS_VERSION="), "the control: this is the container's environment");
    clean("the environment", &environment);
    for file in ["redisgen.lock", production.server_file(), "docker-compose.app.yml", "redis/redis.conf", "redis/users.acl"] {
        clean(file, &production.read(file));
    }
}

fn a_changed_right_arrives_by_acl_load(engine: &Engine, production: &Deployment, profile: &str) {
    let incr = || as_user(engine, production, "sessionapp", &["incr", "user:counter"]);
    refused("INCR before", &incr(), "NOPERM");
    let before = production.passwords();
    production.build(&replace(profile, "[+get, +set,", "[+get, +incr, +set,"), &[]);
    assert_eq!(production.passwords(), before, "passwords are kept");
    refused("INCR before ACL LOAD", &incr(), "NOPERM");
    // A single-file mount would still show the old file here. 7.0 disconnects its clients on ACL LOAD, so
    // each call of ours connects anew.
    assert_eq!(stdout(&good("ACL LOAD", as_user(engine, production, "admin", &["acl", "load"]))), "OK");
    assert_eq!(stdout(&good("INCR after", incr())), "1");
    good("healthcheck", engine.exec(&engine.container(production, "redis"), &[HEALTHCHECK]));
    // And a right that was taken away is gone.
    production.build(profile, &[]);
    good("ACL LOAD", as_user(engine, production, "admin", &["acl", "load"]));
    refused("INCR at the end", &incr(), "NOPERM");
}

fn a_wrong_health_password_is_red(engine: &Engine, production: &Deployment) {
    let id = engine.container(production, "redis");
    let check = || engine.exec(&id, &[HEALTHCHECK]);
    good("the right password", check());
    let path = production.path("secrets/server/health.password");
    let right = fs::read(&path).expect("password");
    // By rename, as a secret store would: the container must see the new file.
    let swap = |bytes: &[u8]| {
        let new = path.with_extension("new");
        fs::write(&new, bytes).expect("written");
        fs::rename(&new, &path).expect("renamed");
    };
    swap(&[b'0'; 64]);
    refused("a wrong password", &check(), "WRONGPASS");
    eventually("unhealthy", Duration::from_secs(40), || engine.inspect(&id, "{{.State.Health.Status}}") == "unhealthy");
    swap(&right);
    good("the right password again", check());
    eventually("healthy again", Duration::from_secs(15), || engine.inspect(&id, "{{.State.Health.Status}}") == "healthy");
}

fn stop_is_clean_and_data_stays(engine: &Engine, production: &Deployment) {
    good("set", as_user(engine, production, "sessionapp", &["set", "user:kept", "value"]));
    let start = Instant::now();
    good("stop", engine.compose(production, &["stop"]));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(10), "stop took {took:?}: the server was killed");
    let id = engine.container(production, "redis");
    assert_eq!(engine.inspect(&id, "{{.State.ExitCode}} {{.State.OOMKilled}}"), "0 false");
    let logs = both(&engine.docker(&["logs", &id]));
    assert!(logs.contains("Redis is now ready to exit"), "no orderly end:\n{logs}");
    // New containers on the same volume.
    good("down", engine.compose(production, &["down"]));
    engine.up(production);
    assert_eq!(stdout(&good("get", as_user(engine, production, "sessionapp", &["get", "user:kept"]))), "value");
}

/// What a container can do, one fact a line. /var/tmp is writable for everyone unless the root is read-only.
const FACTS: &str = "echo uid $(id -u); \
    echo root $(touch /var/tmp/new 2>/dev/null && echo writable || echo read-only); \
    sed -n 's/^CapBnd:[[:space:]]*/bounding /p; s/^NoNewPrivs:[[:space:]]*/nnp /p' /proc/self/status; \
    while read -r _ target _ flags _; do case $target in /run/redis|/usr/local/etc/redis) echo $target ${flags%%,*};; esac; done </proc/mounts; \
    echo pids $(cat /sys/fs/cgroup/pids.max 2>/dev/null || cat /sys/fs/cgroup/pids/pids.max); \
    echo core $(ulimit -H -c)";

/// The same questions to the file as it is and to one without protections: each answer differs, so that no
/// answer is a property of the image or of the engine.
fn each_protection_is_seen_to_be_missing(engine: &Engine, production: &Deployment) {
    let strong = production.read(production.server_file());
    let mut weak = strong.clone();
    for line in [
        "    user: \"999:999\"\n",
        "    read_only: true\n",
        "    cap_drop: [ALL]\n",
        "    security_opt: [\"no-new-privileges:true\"]\n",
        "read_only: true, ",
        "          pids: 64\n",
        "      core: 0\n",
    ] {
        weak = replace(&weak, line, "");
    }
    fs::write(production.path("weak.yml"), weak).expect("written");
    let facts = |file: &str| {
        let args = ["run", "--rm", "--no-deps", "-T", "--entrypoint", "sh", "redis", "-c", FACTS];
        let output = stdout(&good("facts", engine.compose_with(production, &[file], &args)));
        output.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let protected = facts(production.server_file());
    let mut sorted = protected.clone();
    sorted.sort();
    assert_eq!(
        sorted,
        ["/run/redis ro", "/usr/local/etc/redis ro", "bounding 0000000000000000", "core 0", "nnp 1", "pids 64", "root read-only", "uid 999"]
    );
    let open = facts("weak.yml");
    for fact in &protected {
        assert!(!open.contains(fact), "`{fact}` without its protection too: {open:?}");
    }
    good("down", engine.compose_with(production, &["weak.yml"], &["down", "--volumes"]));
}

// ---------------------------------------------------------------------------------------- 3: development

fn development_runs_beside(engine: &Engine, production: &Deployment) {
    let development = Deployment::new("dev", &Deployment::runnable("dev"));
    engine.up(&development);
    assert_eq!(stdout(&engine.inside(&plain_ping("127.0.0.1", "6380"))), "PONG");
    refused("a neighbour", &engine.outside(&plain_ping(HOST4, "6380")), "Connection refused");
    refused("a neighbour over IPv6", &engine.outside(&plain_ping(HOST6, "6380")), "Connection refused");
    let logs = both(&engine.docker(&["logs", &engine.container(&development, "app")]));
    assert_eq!(logs.lines().collect::<Vec<_>>(), ["PONG", "OK", "stored"]);

    // Same profile name, nothing in common.
    let project = |deployment: &Deployment| engine.inspect(&engine.container(deployment, "redis"), r#"{{index .Config.Labels "com.docker.compose.project"}}"#);
    assert_eq!(project(production), "api-forge");
    assert_eq!(project(&development), "api-forge-dev");
    let volume = |deployment: &Deployment| engine.inspect(&engine.container(deployment, "redis"), "{{range .Mounts}}{{.Name}}{{end}}");
    assert_eq!(volume(production), "api-forge_data");
    assert_eq!(volume(&development), "api-forge-dev_data");
    good("flushall", engine.inside(&["redis-cli", "-e", "-h", "127.0.0.1", "-p", "6380", "flushall"]));
    assert_eq!(stdout(&as_user(engine, production, "sessionapp", &["get", "user:redisgen-example"])), "stored", "production lost data");
    engine.down(&development);
    assert_eq!(stdout(&as_user(engine, production, "sessionapp", &["get", "user:redisgen-example"])), "stored", "production lost data");
}

// ------------------------------------------------------------------------------------------ 4: exposures

/// A development profile with a password, so that any exposure is possible.
fn exposed(name: &str, network: &str) -> Deployment {
    let profile = format!(
        "version: 1\nname: {name}\nenvironment: development\nengine: {{ kind: redis, version: \"{VERSION}\" }}\n\
         network: {network}\ntls: {{ mode: server }}\nusers:\n  - {{ name: admin, role: admin }}\n  - {{ name: app, role: application, keys: [\"app:*\"] }}\n"
    );
    Deployment::new(name, &profile)
}

/// The answer to a correct login from another machine.
fn neighbour(engine: &Engine, deployment: &Deployment, address: &str) -> Output {
    engine.outside(&redis_cli(deployment, "admin", &deployment.password("admin"), address, "6390", &["ping"]))
}

fn published(engine: &Engine, deployment: &Deployment) -> Vec<String> {
    let text = stdout(&good("port", engine.docker(&["port", &engine.container(deployment, "redis")])));
    text.lines().map(|line| line.trim_start_matches("6379/tcp -> ").to_owned()).collect()
}

#[test]
fn exposures_publish_what_they_say() {
    let engine = Engine::start();
    three_lines_are_enough(&engine);
    internal_publishes_nothing(&engine);
    open_publishes_everywhere(&engine);
    open_publishes_where_it_listens(&engine);
    a_subnet_is_used(&engine);
    an_existing_network_is_joined(&engine);
}

/// Production's defaults: server TLS, an administrator and one application.
fn three_lines_are_enough(engine: &Engine) {
    let minimal = Deployment::new("prod-minimal", &format!("{}engine: {{ version: \"{VERSION}\" }}\n", Deployment::fixture("prod-minimal")));
    engine.up(&minimal);
    assert_eq!(published(engine, &minimal), ["127.0.0.1:6379"]);
    let logs = both(&engine.docker(&["logs", &engine.container(&minimal, "app")]));
    assert_eq!(logs.lines().collect::<Vec<_>>(), ["PONG", "OK", "stored"]);
    refused("a neighbour", &engine.outside(&plain_ping(HOST4, "6379")), "Connection refused");
    engine.down(&minimal);
}

fn internal_publishes_nothing(engine: &Engine) {
    let internal = exposed("internal", "{ exposure: internal, port: 6390 }");
    engine.up(&internal);
    assert_eq!(published(engine, &internal), [""; 0]);
    let id = engine.container(&internal, "redis");
    assert_eq!(engine.inspect(&id, "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}"), "internal-dev_app");
    for address in ["127.0.0.1", HOST4] {
        let words = redis_cli(&internal, "admin", &internal.password("admin"), address, "6390", &["ping"]);
        refused("the host's port", &engine.inside(&words), "Connection refused");
    }
    // The application reached it all the same: `up` waited for that.
    engine.down(&internal);
}

fn open_publishes_everywhere(engine: &Engine) {
    let open = exposed("open", "{ exposure: open, port: 6390 }");
    engine.up(&open);
    let mut addresses = published(engine, &open);
    addresses.sort();
    assert_eq!(addresses, ["0.0.0.0:6390", "[::]:6390"]);
    for address in [HOST4, HOST6] {
        assert_eq!(stdout(&good(address, neighbour(engine, &open, address))), "PONG");
    }
    // Open is not free: still a password.
    let wrong = redis_cli(&open, "admin", "wrong", HOST4, "6390", &["ping"]);
    refused("a wrong password", &engine.outside(&wrong), "WRONGPASS");
    engine.down(&open);
}

fn open_publishes_where_it_listens(engine: &Engine) {
    // Of the two families of the same interface only one address is listed.
    let listen = exposed("listen", &format!("{{ exposure: open, port: 6390, listen: [127.0.0.1, \"{HOST6}\"] }}"));
    engine.up(&listen);
    let mut addresses = published(engine, &listen);
    addresses.sort();
    assert_eq!(addresses, ["127.0.0.1:6390".to_owned(), format!("[{HOST6}]:6390")]);
    assert_eq!(stdout(&good("IPv6", neighbour(engine, &listen, HOST6))), "PONG");
    refused("IPv4", &neighbour(engine, &listen, HOST4), "Connection refused");
    engine.down(&listen);
}

fn a_subnet_is_used(engine: &Engine) {
    let subnet = exposed("subnet", "{ exposure: localhost, port: 6390, docker: { subnet: 10.77.3.0/24 } }");
    engine.up(&subnet);
    let seen = good("network", engine.docker(&["network", "inspect", "--format", "{{range .IPAM.Config}}{{.Subnet}}{{end}} {{.Internal}}", "subnet-dev_app"]));
    assert_eq!(stdout(&seen), "10.77.3.0/24 true");
    let address = engine.inspect(&engine.container(&subnet, "app"), "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    assert!(address.starts_with("10.77.3."), "{address}");
    engine.down(&subnet);
}

fn an_existing_network_is_joined(engine: &Engine) {
    let joined = exposed("joined", "{ exposure: localhost, port: 6390, docker: { network: shared } }");
    refused("a network that is not there", &engine.compose(&joined, &["up", "--detach"]), "shared");
    good("network", engine.docker(&["network", "create", "--internal", "shared"]));
    engine.up(&joined);
    assert!(engine.inspect(&engine.container(&joined, "app"), "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}").starts_with("shared"));
    // A client that was there before, and belongs to nobody's compose file.
    let reply = engine.docker(&["run", "--rm", "--network", "shared", IMAGE, "redis-cli", "-h", "redis", "--tls", "--insecure", "ping"]);
    assert!(both(&reply).contains("NOAUTH"), "{}", both(&reply));
    engine.down(&joined);
    good("the network is not ours to remove", engine.docker(&["network", "inspect", "shared"]));
}
