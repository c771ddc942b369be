//! A run changes nothing and shows no password, even on a server where every protection is missing.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::deployment::Deployment;
use crate::engine;
use crate::engines::profile;
use crate::sandbox::Server;
use crate::tap::{Tap, script};

fn state(server: &Server) -> Vec<String> {
    let admin = server.client("admin");
    let clients = admin.run("CLIENT LIST").lines().count().to_string();
    let mut state: Vec<String> =
        ["KEYS *", "CONFIG GET *", "DBSIZE", "INFO replication"].map(|it| admin.run(it)).into();
    state.extend([clients, admin.run("ACL LIST"), admin.run("FUNCTION LIST"), admin.run("GET cart:1")]);
    // Bytes of the replication backlog grow with every ping.
    state
        .iter()
        .map(|text| text.lines().filter(|line| !line.contains("offset")).collect::<Vec<_>>().join("\n"))
        .collect()
}

#[test]
fn nothing_is_changed_on_the_server() {
    for engine in engine::all() {
        let deployment = Deployment::build(&profile(&engine, "disabled"));
        let server = Server::boot(&deployment, &engine);
        server.client("admin").replies(&["SET cart:1 x", "SET other x"]);
        let before = state(&server);
        Tap::of(&server, &[]).holds();
        assert_eq!(state(&server), before, "{engine:?}");
    }
}

#[test]
fn nothing_is_changed_where_everybody_may_do_everything() {
    for engine in engine::all() {
        let deployment = Deployment::build(&profile(&engine, "disabled"));
        let path = deployment.secret("server/users.acl");
        let text = fs::read_to_string(&path).expect("users.acl");
        let names = text.lines().filter_map(|line| line.split(' ').nth(1));
        let open: Vec<String> = names.map(|name| format!("user {name} on nopass ~* &* +@all")).collect();
        fs::write(&path, open.join("\n") + "\n").expect("users.acl");
        let conf = deployment.out().join("redis/redis.conf");
        let text = fs::read_to_string(&conf).expect("redis.conf");
        fs::write(&conf, text.replace("-command no", "-command yes")).expect("redis.conf");
        let server = Server::boot(&deployment, &engine);
        server.client("admin").replies(&["SET cart:1 x", "SET other x", "SET user:1 x"]);
        let before = state(&server);
        let tap = Tap::of(&server, &[]);
        assert_eq!(tap.code, Some(1), "{}", tap.text);
        for expected in [
            "without a login nothing is answered",
            "default is off",
            "cart: a wrong password is refused",
            "cart: dangerous commands are refused",
            "cart reads no other keys",
            "cart writes no other keys",
            "reports writes nothing",
            "retired is disabled: its password is refused",
        ] {
            assert!(tap.failed().contains(&expected), "{engine:?}: {expected}\n{}", tap.text);
        }
        assert!(!tap.failed().iter().any(|failed| failed.contains("(control)")), "{engine:?}\n{}", tap.text);
        assert_eq!(state(&server), before, "{engine:?}");
    }
}

/// Looks into every process while the script runs. The control: it sees the client, and a password on a command line.
#[test]
fn passwords_are_in_no_process_list_and_no_output() {
    let deployment = Deployment::build(&profile(&engine::debian(), "mutual"));
    let server = Server::boot(&deployment, &engine::debian());
    let passwords: Vec<String> =
        ["admin", "cart", "reports", "grafana", "health"].map(|user| deployment.password(user)).into();
    let done = AtomicBool::new(false);
    let (seen, tap) = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                for entry in fs::read_dir("/proc").expect("/proc").flatten() {
                    for file in ["cmdline", "environ"] {
                        let text = fs::read(entry.path().join(file)).unwrap_or_default();
                        let text = String::from_utf8_lossy(&text).into_owned();
                        if text.starts_with("redis-cli") {
                            seen.insert("redis-cli".to_owned());
                        }
                        seen.extend(passwords.iter().filter(|password| text.contains(*password)).cloned());
                    }
                }
            }
            seen
        });
        let tap = Tap::of(&server, &[]);
        done.store(true, Ordering::Relaxed);
        (watcher.join().expect("the watcher ends"), tap)
    });
    tap.holds();
    assert_eq!(seen, BTreeSet::from(["redis-cli".to_owned()]));
    assert!(!passwords.iter().any(|password| tap.text.contains(password.as_str())));
    let text = fs::read_to_string(script(&deployment)).expect("the script");
    assert!(!passwords.iter().any(|password| text.contains(password.as_str())));
}
