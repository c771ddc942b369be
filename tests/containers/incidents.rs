//! Incidents, with a real Docker: `scripts/contain.sh` step by step, and every command of `docs/RUNBOOK.md`.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::deployment::*;
use crate::engine::*;
use crate::program::*;

/// A production whose list has the neighbour on it, with what the scripts call on the path.
struct Site {
    engine: Engine,
    deployment: Deployment,
    programs: TempDir,
}

impl Site {
    fn start() -> Self {
        let engine = Engine::start();
        let programs = tempfile::tempdir().expect("a temporary folder");
        docker_with_compose(programs.path());
        symlink(env!("CARGO_BIN_EXE_redisgen"), programs.path().join("redisgen")).expect("a link");
        let key = programs.path().join("key");
        let made = good("age-keygen", run(Command::new("age-keygen").arg("-o").arg(&key)));
        let recipient = both(&made).split_whitespace().last().expect("a key").to_owned();
        let store = programs.path().join("store");
        fs::create_dir(&store).expect("folder");
        fs::set_permissions(&store, fs::Permissions::from_mode(0o700)).expect("mode");
        let mut profile = Deployment::runnable("prod");
        for (from, to) in [
            ("192.168.1.100", "198.51.100.2"),
            ("/srv/backup/api-forge", &store.display().to_string()),
            ("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", &recipient),
            // Its image is not at hand; the exporter has tests of its own.
            ("  exporter: true\n", "  exporter: false\n"),
        ] {
            profile = replace(&profile, from, to);
        }
        let deployment = Deployment::new("prod", &profile);
        engine.up(&deployment);
        good("apply.sh", engine.inside(&[deployment.path("firewall/apply.sh")]));
        Site { engine, deployment, programs }
    }

    /// A shell in the deployment's folder, on the host that runs Docker.
    fn shell(&self, script: &str) -> Output {
        let path = format!("{}:{}", self.programs.path().display(), std::env::var("PATH").unwrap_or_default());
        let words = [
            "env".to_owned(),
            format!("PATH={path}"),
            format!("REDISGEN_LOCK={}/lock", self.programs.path().display()),
            format!("REDISGEN_TEXTFILE_DIR={}", self.programs.path().display()),
            format!("identity=cat {}/key", self.programs.path().display()),
            "sh".to_owned(),
            "-euc".to_owned(),
            format!("cd '{}'\n{script}", self.deployment.out().display()),
        ];
        self.engine.inside(&words)
    }

    #[track_caller]
    fn does(&self, script: &str) -> String {
        stdout(&good(script, self.shell(script)))
    }

    fn neighbour(&self, args: &[&str]) -> Output {
        let password = self.deployment.password("sessionapp");
        self.engine.outside(&redis_cli(&self.deployment, "sessionapp", &password, HOST4, "6379", args))
    }

    /// The application's own check inside its container, which goes over the network of both.
    fn application_is_served(&self) -> bool {
        let app = self.engine.container(&self.deployment, "app");
        let reply = self.engine.exec(&app, &["timeout", "2", "redis-cli", "-e", "-h", "redis", "-p", "6379", "ping"]);
        // Without a certificate it is the server that ends the connection: it was reached.
        let text = both(&reply);
        let away = [
            "not resolve",
            "Name or service",
            "Temporary failure",
            "timed out",
            "Try again",
            "No route",
            "unreachable",
        ];
        if away.iter().any(|word| text.contains(word)) || reply.status.code() == Some(124) {
            return false;
        }
        assert!(
            text.contains("reset by peer") || text.contains("closed the connection") || text.contains("I/O error"),
            "{text}"
        );
        true
    }

    fn users_that_are_on(&self) -> Vec<String> {
        let list = self.does("scripts/admin.sh acl list");
        let lines = list.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        lines.filter(|words| words[2] == "on").map(|words| words[1].to_owned()).collect()
    }
}

/// A connection of a user that asks once and again, until it is closed.
struct Busy(Child);

impl Busy {
    fn start(site: &Site, user: &str) -> Self {
        let mut words = redis_cli(&site.deployment, user, &site.deployment.password(user), HOST4, "6379", &[]);
        "120".clone_into(&mut words[1]);
        words.extend(["-r", "-1", "-i", "0.1", "ping"].map(str::to_owned));
        let child = site.engine.enter("exec", &words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let busy = Self(child.expect("a client"));
        eventually("the client", Duration::from_secs(10), || {
            site.does("scripts/admin.sh client list").contains(&format!("user={user} "))
        });
        busy
    }

    /// True if it goes on.
    fn works(&mut self) -> bool {
        std::thread::sleep(Duration::from_millis(500));
        self.0.try_wait().expect("waits").is_none()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_breach_is_contained_and_each_step_goes_back() {
    let site = Site::start();
    nothing_happens_unconfirmed(&site);
    users_are_turned_off_and_on(&site);
    all_at_once(&site);
    passwords_are_replaced(&site);
    let shown = site.does("scripts/contain.sh help");
    assert!(shown.contains("usage: contain.sh"), "{shown}");
    for wrong in ["", "--nonsense", "isolate now", "rotate", "disable admin --yes", "disable nobody --yes"] {
        let output = site.shell(&format!("scripts/contain.sh {wrong}"));
        assert_eq!(output.status.code(), Some(2), "{wrong}: {}", both(&output));
    }
}

fn nothing_happens_unconfirmed(site: &Site) {
    let before = (site.users_that_are_on(), site.does("nft -s list ruleset"));
    for step in ["isolate", "disable", "rotate ../prod.yaml", "all"] {
        for answer in ["no", ""] {
            let output = site.shell(&format!("echo {answer} | scripts/contain.sh {step}"));
            assert_eq!(output.status.code(), Some(3), "{step}: {}", both(&output));
        }
    }
    assert_eq!((site.users_that_are_on(), site.does("nft -s list ruleset")), before);
    assert_eq!(stdout(&site.neighbour(&["ping"])), "PONG");
    assert!(site.application_is_served());
    assert_eq!(site.does("scripts/contain.sh status"), "");
}

fn users_are_turned_off_and_on(site: &Site) {
    let (mut app, mut monitor) = (Busy::start(site, "sessionapp"), Busy::start(site, "monitor"));
    site.does("scripts/contain.sh disable sessionapp --yes");
    assert!(monitor.works() && !app.works(), "only the named one loses its connection");
    refused("a login", &site.neighbour(&["ping"]), "WRONGPASS");
    assert_eq!(site.does("scripts/contain.sh status"), "turned off:\nsessionapp");
    site.does("scripts/contain.sh enable --yes");
    assert_eq!(stdout(&site.neighbour(&["ping"])), "PONG");
    assert_eq!(site.does("scripts/contain.sh status"), "");
    // Off already, and in still: nothing but `disable` comes between it and the server.
    let turn = |state: &str| {
        good(state, as_user(&site.engine, &site.deployment, "admin", &["acl", "setuser", "readonly", state]));
    };
    let mut off = Busy::start(site, "readonly");
    turn("off");
    assert!(off.works(), "the control");
    site.does("scripts/contain.sh disable --yes");
    assert!(!off.works());
    site.does("scripts/contain.sh enable --yes");
    assert!(!site.users_that_are_on().contains(&"readonly".to_owned()), "it was not contain.sh that turned it off");
    turn("on");
}

fn all_at_once(site: &Site) {
    // Whom the attacker made: without a name, and with one that is a command for a careless script.
    let evil = r#"e"v\il$(id)"#;
    let made = ["", evil];
    good(
        "nameless",
        as_user(&site.engine, &site.deployment, "admin", &["acl", "setuser", "", "on", "nopass", "+@all"]),
    );
    good(
        "evil",
        as_user(&site.engine, &site.deployment, "admin", &["acl", "setuser", evil, "on", "nopass", "+@all", "~*"]),
    );
    let before = site.users_that_are_on();
    assert!(before.contains(&evil.to_owned()), "{before:?}");
    let _busy = Busy::start(site, "monitor");
    // Where the server's own way out leads.
    let id = site.engine.container(&site.deployment, "redis");
    let leaves =
        || site.engine.exec(&id, &["timeout", "3", "redis-cli", "-e", "-h", "203.0.113.1", "-p", "7777", "ping"]);
    let _far = Far::start(&site.engine, "7777");
    assert_eq!(stdout(&leaves()), "PONG", "the control");
    site.does("scripts/contain.sh all --yes");
    assert!(!stdout(&leaves()).contains("PONG"), "{}", both(&leaves()));
    assert_eq!(site.users_that_are_on(), ["admin", "health"]);
    dropped("the neighbour", &site.neighbour(&["ping"]));
    assert!(!site.application_is_served());
    assert!(!site.does("scripts/admin.sh client list").contains("user=monitor"));
    assert_eq!(site.engine.inspect(&id, "{{.State.Health.Status}}"), "healthy");
    kept(site, evil);
    // Again: there is nothing left to do, and nothing breaks.
    site.does("scripts/contain.sh all --yes");
    assert!(site.does("scripts/contain.sh status").contains("isolated: nftables"));

    site.does("scripts/contain.sh release --yes && scripts/contain.sh release --yes");
    assert!(site.application_is_served());
    refused("a login", &site.neighbour(&["ping"]), "WRONGPASS");
    site.does("scripts/contain.sh enable --yes && scripts/contain.sh enable --yes");
    assert_eq!(stdout(&site.neighbour(&["ping"])), "PONG");
    let (ours, theirs): (Vec<String>, Vec<String>) =
        before.into_iter().partition(|user| !made.contains(&user.as_str()));
    assert_eq!(theirs, made, "they were on");
    assert_eq!(site.users_that_are_on(), ours, "whom the profile does not have stays off");
    assert_eq!(site.does("scripts/contain.sh status"), "");
}

fn folders(site: &Site, kind: &str) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(site.deployment.path("incident")).expect("incident").map(|entry| entry.expect("entry").path());
    let mut found: Vec<PathBuf> =
        entries.filter(|path| path.file_name().expect("name").to_string_lossy().starts_with(kind)).collect();
    found.sort();
    found
}

fn kept(site: &Site, evil: &str) {
    let folder = folders(site, "evidence").pop().expect("evidence");
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&site.deployment.path("incident"))), (0o700, 0o700));
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    for (file, part) in [
        ("acl-log.txt", "sessionapp"),
        ("clients.txt", "user=monitor"),
        ("slowlog.txt", ""),
        ("info.txt", "cmdstat_ping"),
        ("users.txt", evil),
        ("server.log", "Ready to accept connections"),
        ("container.json", "\"ReadonlyRootfs\": true"),
        ("checksums.txt", "secrets/server/users.acl"),
        ("filter.txt", "chain judge"),
    ] {
        assert!(read(file).contains(part), "{file}: {}", read(file));
    }
    let digest = |word: &str| word.len() == 65 && word.starts_with('#');
    assert!(!read("users.txt").split_whitespace().any(digest), "{}", read("users.txt"));
    good("sha256sum", run(Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&folder)));
    let ignored = fs::read_to_string(site.deployment.path("incident/.gitignore")).expect(".gitignore");
    assert_eq!(ignored, "*\n");
}

fn passwords_are_replaced(site: &Site) {
    let old = site.deployment.password("sessionapp");
    let with = |password: &str| {
        site.engine.outside(&redis_cli(&site.deployment, "sessionapp", password, HOST4, "6379", &["ping"]))
    };
    let mut busy = Busy::start(site, "sessionapp");
    good(
        "theirs",
        as_user(&site.engine, &site.deployment, "admin", &["acl", "setuser", "theirs", "on", "nopass", "+ping"]),
    );
    // A rotation that is pending is somebody's, and would be ended in place of this one.
    site.does("redisgen secrets rotate ../prod.yaml --out . --user monitor");
    let pending = site.shell("scripts/contain.sh rotate ../prod.yaml --yes");
    assert_eq!(pending.status.code(), Some(2), "{}", both(&pending));
    site.does("redisgen secrets rotate ../prod.yaml --out . --user monitor --rollback");
    site.does("scripts/contain.sh rotate ../prod.yaml --yes");
    assert!(!busy.works(), "who is in with the old password is out");
    assert!(!site.users_that_are_on().contains(&"theirs".to_owned()));
    let new = site.deployment.password("sessionapp");
    assert_ne!(old, new);
    refused("the old password", &with(&old), "WRONGPASS");
    assert_eq!(stdout(&with(&new)), "PONG");
    assert_eq!(site.does("scripts/admin.sh ping"), "PONG", "admin's own is a new one, too");
    site.does("redisgen diff ../prod.yaml --out . --deny error");
    // A restart brings the same.
    site.does("docker compose -f docker-compose.prod.yml restart redis && docker compose -f docker-compose.prod.yml up --wait redis");
    refused("the old password", &with(&old), "WRONGPASS");
    assert_eq!(stdout(&with(&new)), "PONG");
    let folder = folders(site, "passwords").pop().expect("passwords");
    // Nothing is touched for a folder that lacks one.
    let lacking = site.shell(&format!(
        "cp -r '{0}' '{0}.part' && rm '{0}.part/clients/monitor/password' && scripts/contain.sh unrotate ../prod.yaml '{0}.part' --yes",
        folder.display()
    ));
    assert_eq!(lacking.status.code(), Some(2), "{}", both(&lacking));
    assert_eq!(stdout(&with(&new)), "PONG");
    site.does(&format!("scripts/contain.sh unrotate ../prod.yaml '{}' --yes", folder.display()));
    refused("the new password", &with(&new), "WRONGPASS");
    assert_eq!(stdout(&with(&old)), "PONG");
    site.does("redisgen diff ../prod.yaml --out . --deny error");
}

/// The shell's blocks of a section.
fn commands(runbook: &str) -> Vec<(String, String)> {
    let mut section = String::new();
    let mut block: Option<String> = None;
    let mut found = Vec::new();
    for line in runbook.lines() {
        match (&mut block, line) {
            (None, "```sh") => block = Some(String::new()),
            (Some(text), "```") => {
                found.push((section.clone(), std::mem::take(text)));
                block = None;
            }
            (Some(text), line) => text.push_str(&format!("{line}\n")),
            (None, line) => {
                if let Some(title) = line.strip_prefix("## ") {
                    title.clone_into(&mut section);
                }
            }
        }
    }
    found
}

#[test]
fn every_command_of_the_runbook_works() {
    let site = Site::start();
    let runbook = site.deployment.read("docs/RUNBOOK.md");
    let blocks = commands(&runbook);
    let (_, setting) = &blocks[0];
    good("set", as_user(&site.engine, &site.deployment, "admin", &["set", "user:1", "kept"]));
    site.does("backup/backup.sh");
    let mut sections = Vec::new();
    for (section, block) in &blocks[1..] {
        let output = site.shell(&format!("{setting}\n{block}"));
        assert!(output.status.success(), "{section}: {block}\n{}", both(&output));
        // redis-cli ends well on some refusals.
        for word in ["NOPERM", "NOAUTH", "WRONGPASS", "ERR "] {
            let asked = block.contains("acl log");
            assert!(asked || !stdout(&output).contains(word), "{section}: {block}\n{}", both(&output));
        }
        sections.push(section.as_str());
        let last = blocks.get(sections.len() + 1).is_none_or(|(next, _)| next != section);
        if last && section != "Decommissioning" {
            assert_eq!(site.does("scripts/admin.sh get user:1"), "kept", "{section}");
        }
    }
    sections.dedup();
    let expected = [
        "Suspected breach",
        "Data loss",
        "Performance degradation",
        "Lost certificate",
        "Lost password",
        "Full disk",
        "Decommissioning",
    ];
    assert_eq!(sections, expected);
    // Nothing is left that could be started, or read.
    assert!(!site.deployment.path("secrets").exists() && !site.deployment.path("incident").exists());
    assert_eq!(
        stdout(&site.engine.docker(&["ps", "--all", "--quiet", "--filter", "label=com.docker.compose.service=redis"])),
        ""
    );
    assert!(!site.does("nft list tables").contains("redisgen"));
}

/// Where the filter is iptables', and where there is none, so that the container leaves the network that publishes its port.
#[test]
fn every_way_in_is_cut_and_comes_back() {
    let engine = Engine::start();
    let programs = tempfile::tempdir().expect("a temporary folder");
    docker_with_compose(programs.path());
    let path = format!("PATH={}:{}", programs.path().display(), std::env::var("PATH").unwrap_or_default());
    let listed = "exposure: allowlist\n  allow: [{ source: 198.51.100.2 }, { source: \"2001:db8:7267::2\" }]\n  \
                  firewall: { backends: [iptables] }";
    for (name, network, isolated) in [
        ("listed", listed, "isolated: iptables drops"),
        ("open", "exposure: open", "isolated: the container is not in open-dev_edge"),
    ] {
        // Debian's server is known to be vulnerable; nobody is out there.
        let waiver = "waivers: [{ rule: version-open-to-strangers, reason: a test }]\n";
        let waiver = if name == "open" { waiver } else { "" };
        let profile = format!(
            "version: 1\nname: {name}\nenvironment: development\nengine: {{ kind: redis, version: \"{VERSION}\" }}\n\
             network:\n  port: 6390\n  {network}\nusers:\n  - {{ name: admin, role: admin }}\n{waiver}"
        );
        let deployment = Deployment::new(name, &profile);
        engine.up(&deployment);
        let contain = |args: &[&str]| {
            let script = deployment.path("scripts/contain.sh").display().to_string();
            stdout(&good("contain.sh", engine.inside(&[&["env", &path, &script], args].concat())))
        };
        let reached = || {
            [HOST4, HOST6].map(|address| {
                let ping = ["timeout", "1.5", "redis-cli", "-e", "-h", address, "-p", "6390", "ping"];
                both(&engine.outside(&ping)).contains("NOAUTH")
            })
        };
        assert_eq!(reached(), [true, true], "{name}: the control");
        contain(&["isolate", "--yes"]);
        contain(&["isolate", "--yes"]);
        assert_eq!(reached(), [false, false], "{name}");
        assert!(contain(&["status"]).contains(isolated), "{name}: {}", contain(&["status"]));
        contain(&["evidence"]);
        contain(&["release", "--yes"]);
        assert_eq!(reached(), [true, true], "{name}");
        assert_eq!(contain(&["status"]), "", "{name}");
        engine.down(&deployment);
    }
}

/// The control: the same eyes see an argument of ours.
#[test]
fn the_administrators_client_shows_no_password() {
    let site = Site::start();
    let password = site.deployment.password("admin");
    let done = std::sync::atomic::AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = std::collections::BTreeSet::new();
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").expect("/proc").flatten() {
                    let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                    let line = String::from_utf8_lossy(&line).into_owned();
                    for word in [password.as_str(), "argument-that-shows"] {
                        if line.contains(word) {
                            seen.insert(word.to_owned());
                        }
                    }
                }
            }
            seen
        });
        site.does("(echo 'echo argument-that-hides'; sleep 2) | scripts/admin.sh; scripts/admin.sh echo argument-that-shows; scripts/admin.sh -r 20 -i 0.1 ping argument-that-shows");
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        watcher.join().expect("the watcher ends")
    });
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["argument-that-shows"]);
}
