//! Level server: what `build` writes holds, and each protection is missed when it is gone.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::deployment::{Deployment, development_profile, production_profile, replaced};
use crate::engine;
use crate::proof::{Proof, edit};

const CONF: &str = "redis/redis.conf";
const SEALED: &str = "secrets/server/users.acl";

/// The production posture, with a channel, a user that is off, and one whose commands reach keys and channels.
fn profile() -> String {
    let users = "  - { name: monitor, role: monitoring }\n  - { name: listener, role: application, keys: [\"news:*\"], channels: [\"news:*\"], commands: [+get, +publish, +subscribe] }\n  - { name: gone, role: application, keys: [\"gone:*\"], enabled: false }\n";
    replaced(&production_profile(), "  - { name: monitor, role: monitoring }\n", users)
}

/// A protection that is taken away: file, what stands there, what stands there instead (behind `…`: at the end of lines that
/// start so), and the checks that must fail.
struct Sabotage {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    fails: &'static [&'static str],
}

impl Sabotage {
    fn commit(&self, path: &Path) {
        let Some(more) = self.to.strip_prefix('…') else { return edit(path, self.from, self.to) };
        let text = fs::read_to_string(path).expect("readable");
        let lines = text
            .lines()
            .map(|line| if line.starts_with(self.from) { format!("{line}{more}\n") } else { format!("{line}\n") });
        let new: String = lines.collect();
        assert_ne!(new, text, "no line starts with {:?}", self.from);
        fs::write(path, new).expect("edited");
    }
}

const SABOTAGE: &[Sabotage] = &[
    Sabotage { file: CONF, from: "hz 10\n", to: "hz 11\n", fails: &["server/settings"] },
    // A line more opens a server as well as a line less.
    Sabotage {
        file: CONF,
        from: "hz 10\n",
        to: "hz 10\nunixsocket /tmp/redis.sock\nunixsocketperm 777\n",
        fails: &["server/settings"],
    },
    Sabotage {
        file: CONF,
        from: "hz 10\n",
        to: "hz 10\nmasterauth hunter2\nmasteruser spy\n",
        fails: &["server/settings"],
    },
    Sabotage { file: CONF, from: "hz 10\n", to: "hz 10\nrequirepass hunter2\n", fails: &["server/settings"] },
    Sabotage { file: CONF, from: "hz 10\n", to: "hz 10\nlua-time-limit 0\n", fails: &["server/settings"] },
    Sabotage {
        file: CONF,
        from: "hz 10\n",
        to: "hz 10\ntls-client-cert-file /run/redis/redis.crt\ntls-client-key-file /run/redis/redis.key\n",
        fails: &["server/settings"],
    },
    Sabotage {
        file: CONF,
        from: "hz 10\n",
        to: "hz 10\nclient-output-buffer-limit replica 0 0 0\n",
        fails: &["server/settings"],
    },
    Sabotage {
        file: CONF,
        from: "hz 10\n",
        to: "hz 10\nreplicaof 203.0.113.9 6379\nreplica-read-only no\n",
        // A replica leaves the limit to its master.
        fails: &["server/memory-limit", "server/replication", "server/settings"],
    },
    Sabotage {
        file: CONF,
        from: "enable-protected-configs no",
        to: "enable-protected-configs yes",
        fails: &["server/protected-settings", "server/settings"],
    },
    Sabotage {
        file: CONF,
        from: "enable-module-command no",
        to: "enable-module-command yes",
        fails: &["server/modules", "server/settings"],
    },
    Sabotage {
        file: CONF,
        from: "enable-debug-command no",
        to: "enable-debug-command yes",
        fails: &["server/debug", "server/settings"],
    },
    Sabotage { file: CONF, from: "\nport 0\n", to: "\nport 6380\n", fails: &["server/plain-text", "server/settings"] },
    Sabotage {
        file: CONF,
        from: "tls-auth-clients yes",
        to: "tls-auth-clients no",
        fails: &["server/client-certificate", "server/settings"],
    },
    Sabotage {
        file: CONF,
        from: "tls-protocols \"TLSv1.2 TLSv1.3\"\ntls-ciphers ",
        to: "tls-protocols \"TLSv1.1 TLSv1.2 TLSv1.3\"\ntls-ciphers DEFAULT@SECLEVEL=0:",
        fails: &["server/old-tls", "server/settings", "server/weak-ciphers"],
    },
    Sabotage {
        file: CONF,
        from: "tls-ciphers ",
        to: "tls-ciphers ECDHE-ECDSA-AES128-SHA256:",
        fails: &["server/settings", "server/weak-ciphers"],
    },
    Sabotage {
        file: CONF,
        from: "tls-protocols \"TLSv1.2 TLSv1.3\"",
        to: "tls-protocols TLSv1.3",
        fails: &["server/modern-tls", "server/settings"],
    },
    Sabotage {
        file: CONF,
        from: "maxmemory 320mb",
        to: "maxmemory 0",
        fails: &["server/memory-limit", "server/settings"],
    },
    Sabotage {
        file: CONF,
        from: "client-output-buffer-limit normal 64mb 32mb 60",
        to: "client-output-buffer-limit normal 0 0 0",
        fails: &["server/output-limit", "server/settings"],
    },
    Sabotage {
        file: CONF,
        from: "appendonly yes\n",
        to: "appendonly no\nshutdown-on-sigterm nosave\n",
        fails: &["server/restart", "server/settings"],
    },
    Sabotage { file: CONF, from: "appendonly yes\n", to: "appendonly maybe\n", fails: &["server/boot"] },
    // What a server quotes when it does not start may be a password.
    Sabotage { file: CONF, from: "hz 10\n", to: "hz 10\nrequirepass hunter2 hunter2\n", fails: &["server/boot"] },
    Sabotage {
        file: SEALED,
        from: "user sessionapp on",
        to: "user sessionapp on >hunter2 hunter2",
        fails: &["server/boot", "tree/sealed-users"],
    },
    // Dead on SIGTERM, as the snapshot it must write cannot take the place of a folder.
    Sabotage {
        file: CONF,
        from: "hz 10\n",
        to: "hz 10\ndbfilename appendonlydir\n",
        fails: &["server/clean-stop", "server/settings"],
    },
    // Another one's password.
    Sabotage {
        file: "secrets/clients/sessionapp/password",
        from: "",
        to: "…x",
        fails: &["server/channels", "server/disabled-commands", "server/keys", "server/logins"],
    },
    Sabotage { file: "redis/healthcheck.sh", from: "reply=", to: "exit 0; reply=", fails: &["server/health-red"] },
    Sabotage {
        file: "redis/healthcheck.sh",
        from: "reply=",
        to: "exit 1; reply=",
        fails: &["server/health-green", "server/health-red"],
    },
    Sabotage {
        file: SEALED,
        from: "user default off",
        to: "user default on nopass +@all ~* &*",
        // Who is in already is not asked for a password: every other check of `default` fails with it.
        fails: &["server/default-user", "server/unauthenticated", "server/users", "tree/sealed-users"],
    },
    Sabotage {
        file: SEALED,
        from: "user monitor ",
        // Behind its password, which would take `nopass` away again.
        to: "… nopass",
        fails: &["server/users", "server/wrong-password", "tree/sealed-users"],
    },
    Sabotage {
        file: SEALED,
        from: "user gone off",
        to: "user gone on",
        fails: &["server/disabled-users", "server/users", "tree/sealed-users"],
    },
    Sabotage {
        file: SEALED,
        from: "user sessionapp on",
        to: "user sessionapp on #ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        fails: &["server/passwords", "tree/sealed-users"],
    },
    Sabotage {
        file: SEALED,
        from: "+get +set +setex",
        to: "+flushall +get +set +setex",
        fails: &["server/disabled-commands", "server/roles", "server/users", "tree/sealed-users"],
    },
    Sabotage {
        file: SEALED,
        from: "~user:* ~auth:* resetchannels -@all +get +set",
        to: "~* resetchannels -@all +get +set",
        fails: &["server/keys", "server/users", "tree/sealed-users"],
    },
    Sabotage {
        file: SEALED,
        from: "&news:*",
        to: "&*",
        fails: &["server/channels", "server/users", "tree/sealed-users"],
    },
    Sabotage {
        file: "redis/users.acl",
        from: "user admin on sanitize-payload #0000000000000000000000000000000000000000000000000000000000000000",
        to: "user admin on nopass sanitize-payload",
        fails: &["server/locked-users", "tree/sealed-users"],
    },
];

#[test]
fn everything_holds_on_a_built_tree() {
    let deployment = Deployment::build(&profile());
    Proof::of(&deployment, "server,tree", &[]).holds(35);
}

/// Without namespaces: the same emitters, for a folder of the proof's own.
#[test]
fn everything_holds_without_a_tree() {
    for profile in [profile(), replaced(&profile(), "mode: mutual ", "mode: server "), development_profile()] {
        let deployment = Deployment::build(&profile);
        let path = deployment.folder().join("profile.yaml");
        let words = ["verify", "--deny", "error", "--format", "json", "--require", "server", "--level", "server"];
        Proof::run(crate::proof::redisgen(&words).arg(path)).holds(14);
    }
}

#[test]
fn each_missing_protection_is_missed() {
    // A few at a time: two cores, and each proof waits more than it works.
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let deployment = Deployment::build(&profile());
                while let Some(sabotage) = SABOTAGE.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let path = deployment.out().join(sabotage.file);
                    let before = fs::read_to_string(&path).expect("readable");
                    sabotage.commit(&path);
                    let proof = Proof::of(&deployment, "server,tree", &[]);
                    fs::write(&path, before).expect("written back");
                    let shown = [&proof.output.stdout[..], &proof.output.stderr].concat();
                    assert!(!String::from_utf8_lossy(&shown).contains("hunter2"), "a password is shown");
                    let mut failed = proof.in_state("failed");
                    // What `default` may do then is in many answers.
                    if sabotage.to.contains("nopass +@all") {
                        failed.retain(|name| sabotage.fails.contains(&name.as_str()));
                    }
                    assert_eq!(failed, sabotage.fails, "{} -> {}: {:#?}", sabotage.from, sabotage.to, proof.checks());
                    assert_eq!(proof.output.status.code(), Some(1), "{}", sabotage.to);
                }
            });
        }
    });
}

/// Where a profile keeps nobody from anything, nothing is claimed to be kept.
#[test]
fn nothing_kept_is_not_held() {
    let kept = |profile: &str| {
        let proof = Proof::of(&Deployment::build(profile), "server", &[]);
        ["server/keys", "server/channels"].map(|check| proof.checks()[check].clone())
    };
    for (state, seen) in kept(&development_profile()) {
        assert!(state == "advice" && seen.contains("0 refused outside"), "{state}: {seen}");
    }
    for (state, seen) in kept(&production_profile()) {
        assert!(state == "held" && !seen.contains(" 0 refused outside"), "{state}: {seen}");
    }
}

/// Development's `default` is open, and each user gets in.
#[test]
fn a_closed_default_is_missed() {
    let deployment = Deployment::build(&development_profile());
    Proof::of(&deployment, "server", &[]).holds(14);
    edit(&deployment.out().join("redis/users.acl"), "user default on nopass", "user default on");
    let proof = Proof::of(&deployment, "server", &[]);
    assert_eq!(proof.checks()["server/open-default"].0, "failed", "{:#?}", proof.checks());
}

const USERS: &str = r#"resources: { memory: 128MiB }
users:
  - { name: admin, role: admin }
  - { name: general, role: application, keys: ["app:*"], channels: ["news:*"] }
  - { name: listed, role: application, keys: ["user:*"], commands: [+get, +set, +@hash] }
  - { name: reader, role: readonly, keys: ["user:*"] }
  - { name: watcher, role: monitoring }
  - { name: gone, role: application, keys: ["gone:*"], enabled: false }
"#;

/// Debian's server, and those of tests/servers.sh; what they lack is said. Those from wheels have no TLS.
#[test]
fn everything_holds_on_every_engine() {
    let programs = tempfile::tempdir().expect("folder");
    // Debian 12 has no valkey-cli; redis-cli understands the same options.
    std::os::unix::fs::symlink("/usr/bin/redis-cli", programs.path().join("valkey-cli")).expect("a link");
    let path = format!("{}:{}", programs.path().display(), std::env::var("PATH").expect("PATH"));
    let work = std::sync::Mutex::new(engine::all());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(engine) = { work.lock().expect("work").pop() } {
                    let name = format!("{} {}", engine.kind, engine.version);
                    let profile = |tls: &str| {
                        format!(
                            "version: 1\nname: plain\nenvironment: production\n{}\ntls: {{ mode: {tls} }}\n{USERS}",
                            engine.section()
                        )
                    };
                    let prove = |profile: &str, tree: bool| {
                        let deployment = Deployment::build(profile);
                        let levels = ["verify", "--deny", "error", "--format", "json", "--level", "server", "--server"];
                        let mut command = crate::proof::redisgen(&levels);
                        command.arg(&engine.binary).env("PATH", &path);
                        if tree {
                            command.arg("--dir").arg(deployment.out());
                        }
                        Proof::run(command.arg(deployment.folder().join("profile.yaml")))
                    };
                    let proof = prove(&profile("disabled"), engine.kind == "redis");
                    assert_eq!(proof.in_state("failed"), [""; 0], "{name}: {:#?}", proof.checks());
                    let lacks: &[&str] = if engine.since(7, 0) { &[] } else { &["server/roles"] };
                    assert_eq!(proof.in_state("not-run"), lacks, "{name}: {:#?}", proof.checks());
                    assert_eq!(proof.output.status.code(), Some(0), "{name}");
                    assert!(proof.in_state("held").len() >= 20, "{name}: {:#?}", proof.checks());
                    // One without TLS proves nothing of a profile that asks for it, and does not fail it.
                    let with_tls = prove(&profile("mutual"), true);
                    let without = with_tls.in_state("not-run").contains(&"server/boot".to_owned());
                    assert_eq!(without, ["6.2.14", "9.0.0", "9.1.2"].contains(&engine.version.as_str()), "{name}");
                    // Inside, programs are those of the host's /usr, which has no valkey-cli.
                    let health = with_tls.in_state("not-run").iter().filter(|check| check.contains("/health-")).count();
                    assert_eq!(health, if engine.version == "8.1.1" { 2 } else { 0 }, "{name}");
                    assert_eq!(with_tls.in_state("failed"), [""; 0], "{name}: {:#?}", with_tls.checks());
                    assert_eq!(with_tls.output.status.code(), Some(i32::from(without)), "{name}");
                    assert_eq!(with_tls.document["profiles"][0]["passed"], !without, "{name}");
                }
            });
        }
    });
}

/// The least module that there is, without the engine's headers: all it does is to have a name.
const MODULE: &str = r#"
int RedisModule_OnLoad(void **ctx, void **argv, int argc) {
  (void)argv; (void)argc;
  int (*get)(const char *, void *) = (int (*)(const char *, void *))ctx[0];
  void (*attributes)(void *, const char *, int, int);
  if (get("RedisModule_SetModuleAttribs", &attributes)) return 1;
  attributes(ctx, "backdoor", 1, 1);
  return 0;
}
"#;

#[test]
fn a_loaded_module_is_missed() {
    let deployment = Deployment::build(&profile());
    let source = deployment.folder().join("backdoor.c");
    fs::write(&source, MODULE).expect("written");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(deployment.secret("server/backdoor.so")).arg(source);
    assert!(compiler.status().expect("cc: install gcc").success());
    Proof::of(&deployment, "server", &[]).holds(30);
    edit(&deployment.out().join(CONF), "hz 10\n", "hz 10\nloadmodule /run/redis/backdoor.so\n");
    let proof = Proof::of(&deployment, "server", &[]);
    proof.fails("a module", &["server/loaded-modules"]);
    assert_eq!(proof.checks()["server/loaded-modules"].1, "backdoor");
}

/// A certificate without one of the names, signed by the right authority.
#[test]
fn a_missing_name_is_missed() {
    let deployment = Deployment::build(&profile());
    let script = "openssl req -new -key redis.key -subj /CN=redis -addext subjectAltName=DNS:redis.internal.example.com,DNS:localhost -addext extendedKeyUsage=serverAuth -out /dev/shm/$$.csr
openssl x509 -req -in /dev/shm/$$.csr -CA ca.crt -CAkey ../ca/ca.key -days 30 -copy_extensions copy -out redis.crt; rm /dev/shm/$$.csr";
    let output =
        Command::new("sh").args(["-euc", script]).current_dir(deployment.secret("server")).output().expect("sh");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Proof::of(&deployment, "server", &[]).fails("no name `redis`", &["server/server-name"]);
}

/// What `rename` takes away, on every line that tests can start.
#[test]
fn renamed_commands_are_proven() {
    let deployment = Deployment::build(&replaced(&profile(), "  disabled: [", "  rename: true\n  disabled: ["));
    let proof = Proof::of(&deployment, "server", &[]);
    assert!(proof.in_state("failed").is_empty(), "{:#?}", proof.checks());
    assert_eq!(proof.checks()["server/renamed-commands"].0, "held", "{:#?}", proof.checks());
    edit(&deployment.out().join(CONF), "rename-command flushall \"\"\n", "");
    Proof::of(&deployment, "server", &[]).fails("flushall is back", &["server/renamed-commands"]);
}
