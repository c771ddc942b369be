//! Production: what runs is what the profile promises.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::deployment::*;
use crate::engine::*;
use crate::program::*;

#[test]
fn production_holds_what_the_profile_promises() {
    let engine = Engine::start();
    without_secrets_nothing_starts(&engine);
    let profile = Deployment::runnable("prod");
    let production = Deployment::new("prod", &profile);
    engine.up(&production);
    for service in ["redis", "app"] {
        assert_eq!(
            engine.inspect(&engine.container(&production, service), "{{.State.Health.Status}}"),
            "healthy",
            "{service}"
        );
    }
    the_application_stored_and_read(&engine, &production);
    the_exporter_is_read_on_this_host_only(&engine, &production);
    the_live_process_is_confined(&engine, &production);
    only_listed_sources_connect(&engine, &production);
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
    bare.make_data_folder();
    bare.build(&Deployment::runnable("prod"), &["--no-secrets"]);
    let file = bare.server_file();
    refused(
        "up without secrets",
        &engine.compose_with(&bare, &[file], &["up", "--detach"]),
        &format!("bind source path does not exist: {}", bare.path("secrets/server").display()),
    );
    assert!(!bare.path("secrets").exists(), "compose made an empty folder");
    let running = stdout(&engine.docker(&["ps", "--quiet"]));
    assert_eq!(running, "", "something runs");
    engine.down_one(&bare);

    locked_files_open_nothing(engine);
}

/// Someone mounts the locked ACL file instead of the sealed one: the server runs, and nobody gets in.
fn locked_files_open_nothing(engine: &Engine) {
    let plain = replace(
        &replace(&Deployment::runnable("prod"), "mode: mutual", "mode: disabled"),
        "exposure: allowlist",
        "exposure: localhost",
    );
    let bare = Deployment { folder: tempfile::tempdir().expect("a temporary folder"), name: "prod".to_owned() };
    bare.make_data_folder();
    bare.build(&plain, &["--no-secrets"]);
    fs::create_dir_all(bare.path("secrets/server")).expect("folder");
    fs::copy(bare.path("redis/users.acl"), bare.path("secrets/server/users.acl")).expect("copied");
    // Not --wait: there is no health password, so it never becomes healthy, and should not; nor does the exporter start.
    good("up", engine.compose_with(&bare, &[bare.server_file()], &["up", "--detach", "redis"]));
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
        good(
            "down",
            self.compose_with(deployment, &[deployment.server_file()], &["down", "--volumes", "--timeout", "5"]),
        );
    }
}

fn the_application_stored_and_read(engine: &Engine, production: &Deployment) {
    let logs = both(&engine.docker(&["logs", &engine.container(production, "app")]));
    assert_eq!(logs.lines().collect::<Vec<_>>(), ["PONG", "OK", "stored"]);
    let reply = good("get", as_user(engine, production, "sessionapp", &["get", "user:redisgen-example"]));
    assert_eq!(stdout(&reply), "stored");
}

/// Figures of the real server, in networks where only this host and nobody beside it reaches them.
fn the_exporter_is_read_on_this_host_only(engine: &Engine, production: &Deployment) {
    let script =
        "import sys, urllib.request; sys.stdout.write(urllib.request.urlopen(sys.argv[1], timeout=3).read().decode())";
    let read = |address: &str| {
        ["python3".to_owned(), "-c".to_owned(), script.to_owned(), format!("http://{address}:9121/metrics")]
    };
    let metrics = stdout(&good("the exporter", engine.inside(&read("127.0.0.1"))));
    assert!(metrics.lines().any(|line| line == "redis_up 1"), "{metrics}");
    for address in [HOST4, HOST6] {
        let address = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        let output = engine.outside(&read(&address));
        assert!(!output.status.success() && !both(&output).contains("redis_up"), "{address}: {}", both(&output));
    }
    let id = engine.container(production, "exporter");
    let pid = engine.inspect(&id, "{{.State.Pid}}");
    let status = stdout(&good("status", engine.inside(&["cat", &format!("/proc/{pid}/status")])));
    for fact in ["Uid:\t59000\t", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"] {
        assert!(status.contains(fact), "{fact}:\n{status}");
    }
    let command = stdout(&good("cmdline", engine.inside(&["cat", &format!("/proc/{pid}/cmdline")])));
    let environment = engine.inspect(&id, "{{json .Config.Env}}");
    let password = fs::read_to_string(production.path("secrets/exporter/password")).expect("a password");
    assert!(!command.contains(&password) && !environment.contains(&password), "the password shows");
    // Applications share no network with it: the name is nobody's, and its address is not routed to them.
    let own = engine.inspect(&id, "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}");
    let app = engine.container(production, "redis");
    let joined = engine.inspect(&app, "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}");
    assert_eq!(own.split_whitespace().count(), 2, "{own}");
    assert!(joined.contains("_monitor") && !joined.contains("_metrics"), "{joined}");
    let client = engine.container(production, "app");
    let joined = engine.inspect(&client, "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}");
    assert!(!joined.contains("_monitor") && !joined.contains("_metrics"), "{joined}");
}

/// What the kernel says of the process itself, not what the engine was asked for.
fn the_live_process_is_confined(engine: &Engine, production: &Deployment) {
    let id = engine.container(production, "redis");
    let pid = engine.inspect(&id, "{{.State.Pid}}");
    let status = stdout(&good("status", engine.inside(&["cat", &format!("/proc/{pid}/status")])));
    let field = |name: &str| {
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .unwrap_or_else(|| panic!("no {name}"));
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
    let limit = |v2: &str, v1: &str| {
        stdout(
            &engine
                .exec(&id, &["sh", "-c", &format!("cat /sys/fs/cgroup/{v2} 2>/dev/null || cat /sys/fs/cgroup/{v1}")]),
        )
    };
    assert_eq!(limit("memory.max", "memory/memory.limit_in_bytes"), "536870912");
    assert_eq!(limit("pids.max", "pids/pids.max"), "64");
    assert_eq!(engine.inspect(&id, "{{.HostConfig.NanoCpus}}"), "1000000000");
    let limits = stdout(&good("limits", engine.inside(&["cat", &format!("/proc/{pid}/limits")])));
    let words = |name: &str| {
        limits
            .lines()
            .find_map(|line| Some(line.strip_prefix(name)?.split_whitespace().collect::<Vec<_>>()))
            .expect("a limit")
    };
    assert_eq!(words("Max open files").get(..2), Some(&["1128", "1128"][..]));
    assert_eq!(words("Max core file size").get(..2), Some(&["0", "0"][..]));

    let mounts = stdout(&good("mounts", engine.inside(&["cat", &format!("/proc/{pid}/mounts")])));
    let options = |target: &str| {
        let line = mounts
            .lines()
            .find(|line| line.split(' ').nth(1) == Some(target))
            .unwrap_or_else(|| panic!("{target} is not mounted"));
        line.split(' ').nth(3).unwrap_or_default().split(',').map(str::to_owned).collect::<Vec<_>>()
    };
    for target in ["/", "/usr/local/etc/redis", "/run/redis"] {
        assert!(options(target).contains(&"ro".to_owned()), "{target} is writable");
    }
    assert!(options("/data").contains(&"rw".to_owned()), "the control: /data is for writing");
    for flag in ["rw", "noexec", "nosuid", "nodev"] {
        assert!(options("/tmp").contains(&flag.to_owned()), "/tmp without {flag}");
    }
    let program = |folder: &str| {
        engine.exec(&id, &["sh", "-c", &format!("cp /usr/bin/true {folder}/program && {folder}/program")])
    };
    refused("a program in /tmp", &program("/tmp"), "Permission denied");
    good("the control: the same program where noexec is not set", program("/data"));
    let maxclients = good("maxclients", as_user(engine, production, "admin", &["config", "get", "maxclients"]));
    assert_eq!(stdout(&maxclients), "maxclients\n1000", "lowered by the server for lack of descriptors");
}

fn only_listed_sources_connect(engine: &Engine, production: &Deployment) {
    let id = engine.container(production, "redis");
    let mut published: Vec<_> =
        stdout(&engine.docker(&["port", &id])).lines().map(|line| line.replace("6379/tcp -> ", "")).collect();
    published.sort();
    assert_eq!(published, [format!("{HOST4}:6379"), format!("[{HOST6}]:6379")]);
    refused("the loopback", &engine.inside(&plain_ping("127.0.0.1", "6379")), "Connection refused");
    // The same client, password and certificate, first from the host, then from a neighbour: the control.
    let command = |address| redis_cli(production, "admin", &production.password("admin"), address, "6379", &["ping"]);
    for address in [HOST4, HOST6] {
        assert_eq!(stdout(&good("ping on the host", engine.inside(&command(address)))), "PONG");
        assert_eq!(stdout(&good("a neighbour, without the filter", engine.outside(&command(address)))), "PONG");
    }
    // Someone on the link who routes to the container's own address in the application network.
    let address = engine.inspect(&id, r#"{{(index .NetworkSettings.Networks "api-forge_app").IPAddress}}"#);
    good("route", engine.outside(&["ip", "route", "add", &address, "via", HOST4]));
    let reply = engine.outside(&command(&address));
    assert!(
        !reply.status.success() && !both(&reply).contains("PONG"),
        "the application network is reached: {}",
        both(&reply)
    );
    // The same to the edge network: Docker before 28 lets that through, so that what stands there is mutual TLS.
    let address = engine.inspect(&id, r#"{{(index .NetworkSettings.Networks "api-forge_edge").IPAddress}}"#);
    good("route", engine.outside(&["ip", "route", "add", &address, "via", HOST4]));
    for options in [&[][..], &["--tls", "--insecure"]] {
        let reply = engine.outside(&[&["timeout", "3", "redis-cli", "-e", "-h", &address, "ping"], options].concat());
        assert!(!reply.status.success() && !both(&reply).contains("PONG"), "without a certificate: {}", both(&reply));
    }
    assert_eq!(stdout(&good("a neighbour, straight to the container", engine.outside(&command(&address)))), "PONG");

    // All that follows in this test happens behind the filter.
    good("apply.sh", engine.inside(&[production.path("firewall/apply.sh")]));
    for address in [HOST4, HOST6, &address] {
        dropped("a neighbour", &engine.outside(&command(address)));
    }
    assert_eq!(stdout(&good("ping on the host", engine.inside(&command(HOST4)))), "PONG");
}

fn networks_are_split(engine: &Engine, production: &Deployment) {
    let seen = |network: &str, format: &str| {
        stdout(&good("network", engine.docker(&["network", "inspect", "--format", format, network])))
    };
    let bridge = r#"{{index .Options "com.docker.network.bridge.name"}}"#;
    assert_eq!(seen("api-forge_app", "{{.Internal}}"), "true");
    assert_eq!(seen("api-forge_edge", "{{.Internal}}"), "false");
    for network in ["api-forge_app", "api-forge_edge"] {
        let name = seen(network, bridge);
        assert!(name.starts_with("rg-") && name.len() <= 15, "{name}");
        good("the bridge has its name in the kernel", engine.inside(&["ip", "link", "show", &name]));
    }
    let networks = |service: &str| {
        engine.inspect(
            &engine.container(production, service),
            "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}",
        )
    };
    assert_eq!(networks("redis"), "api-forge_app api-forge_edge api-forge_monitor");
    assert_eq!(networks("app"), "api-forge_app");

    // No way out of the application's network; the server's edge is the control.
    let far = Far::start(engine, "7000");
    let dial = ["timeout", "3", "redis-cli", "-h", "203.0.113.1", "-p", "7000", "ping"];
    assert_eq!(stdout(&engine.exec(&engine.container(production, "redis"), &dial)), "PONG");
    let reply = engine.exec(&engine.container(production, "app"), &dial);
    assert!(!reply.status.success() && !both(&reply).contains("PONG"), "the application gets out: {}", both(&reply));
    drop(far);
}

/// A shell line for the example client, with the password from `source`.
fn application_line(user: &str, source: &str, certificate: bool) -> String {
    let pair =
        if certificate { "--cert /run/secrets/redis_client_crt --key /run/secrets/redis_client_key" } else { "" };
    format!(
        "REDISCLI_AUTH=\"$({source})\" redis-cli -e --no-auth-warning -h redis --user {user} --tls --cacert /run/secrets/redis_ca {pair} get user:redisgen-example"
    )
}

fn wrong_credentials_are_refused(engine: &Engine, production: &Deployment) {
    let app = engine.container(production, "app");
    let call = |user: &str, source: &str, certificate| {
        engine.exec(&app, &["sh", "-c", &application_line(user, source, certificate)])
    };
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
    assert_eq!(
        stdout(&good("admin", as_user(engine, production, "admin", &["dbsize"]))),
        "1",
        "the control: someone gets in"
    );
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
        eventually("the application is back", Duration::from_secs(20), || {
            engine.inspect(&app, "{{.State.Health.Status}}") == "healthy"
        });
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
    for file in
        ["redisgen.lock", production.server_file(), "docker-compose.app.yml", "redis/redis.conf", "redis/users.acl"]
    {
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
    eventually("healthy again", Duration::from_secs(15), || {
        engine.inspect(&id, "{{.State.Health.Status}}") == "healthy"
    });
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
        [
            "/run/redis ro",
            "/usr/local/etc/redis ro",
            "bounding 0000000000000000",
            "core 0",
            "nnp 1",
            "pids 64",
            "root read-only",
            "uid 999"
        ]
    );
    let open = facts("weak.yml");
    for fact in &protected {
        assert!(!open.contains(fact), "`{fact}` without its protection too: {open:?}");
    }
    good("down", engine.compose_with(production, &["weak.yml"], &["down", "--volumes"]));
}

fn development_runs_beside(engine: &Engine, production: &Deployment) {
    let development = Deployment::new("dev", &Deployment::runnable("dev"));
    engine.up(&development);
    assert_eq!(stdout(&engine.inside(&plain_ping("127.0.0.1", "6380"))), "PONG");
    refused("a neighbour", &engine.outside(&plain_ping(HOST4, "6380")), "Connection refused");
    refused("a neighbour over IPv6", &engine.outside(&plain_ping(HOST6, "6380")), "Connection refused");
    let logs = both(&engine.docker(&["logs", &engine.container(&development, "app")]));
    assert_eq!(logs.lines().collect::<Vec<_>>(), ["PONG", "OK", "stored"]);

    // Same profile name, nothing in common.
    let project = |deployment: &Deployment| {
        engine
            .inspect(&engine.container(deployment, "redis"), r#"{{index .Config.Labels "com.docker.compose.project"}}"#)
    };
    assert_eq!(project(production), "api-forge");
    assert_eq!(project(&development), "api-forge-dev");
    let volume = |deployment: &Deployment| {
        engine.inspect(
            &engine.container(deployment, "redis"),
            r#"{{range .Mounts}}{{if eq .Destination "/data"}}{{.Type}} {{.Name}}{{.Source}}{{end}}{{end}}"#,
        )
    };
    assert_eq!(volume(production), format!("bind {}", production.volume().join("data").display()));
    assert!(volume(&development).starts_with("volume api-forge-dev_data/"), "{}", volume(&development));
    good("flushall", engine.inside(&["redis-cli", "-e", "-h", "127.0.0.1", "-p", "6380", "flushall"]));
    assert_eq!(
        stdout(&as_user(engine, production, "sessionapp", &["get", "user:redisgen-example"])),
        "stored",
        "production lost data"
    );
    engine.down(&development);
    assert_eq!(
        stdout(&as_user(engine, production, "sessionapp", &["get", "user:redisgen-example"])),
        "stored",
        "production lost data"
    );
}
