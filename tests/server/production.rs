//! The production tree on its own paths: who gets in, what the health check sees, what is left behind.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::deployment::{Deployment, production_profile, replaced};
use crate::engine;
use crate::sandbox::{Changes, Server, succeeded};

const USERS: [&str; 5] = ["admin", "readonly", "sessionapp", "monitor", "health"];

#[test]
fn production_boots_without_any_privilege() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    let status = server.proc("status");
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("field")
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(field("Uid:"), "999 999 999 999");
    assert_eq!(field("Gid:"), "999 999 999 999");
    assert_eq!(field("Groups:"), "");
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
    assert_eq!(field("NoNewPrivs:"), "1");
    // The server is the process that Docker would signal, not a shell around it.
    assert!(server.proc("cmdline").starts_with("redis-server "), "{}", server.proc("cmdline"));
    assert_eq!(server.client("admin").run("PING"), "PONG");
    // It had the descriptors for its maxclients, and nothing else to complain about in its settings.
    for complaint in ["maximum number of open files", "can't", "Fatal", "WARNING: "] {
        assert!(!server.log().contains(complaint), "{complaint}:\n{}", server.log());
    }
}

#[test]
fn production_refuses_whoever_cannot_prove_themselves() {
    let deployment = Deployment::build(&production_profile());
    let elsewhere = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    let client = server.client("sessionapp");
    assert_eq!(client.run("PING"), "PONG");

    assert_eq!(client.clone().without_password().run("PING"), "NOAUTH Authentication required.");
    let wrong = client.clone().password("sessionapp", "0123456789abcdef").run("PING");
    assert!(wrong.contains("WRONGPASS invalid username-password pair or user is disabled."), "{wrong}");
    let other = client.clone().password("admin", &deployment.password("sessionapp")).run("PING");
    assert!(other.contains("WRONGPASS"), "one user's password is not another's: {other}");
    let default = client.clone().password("default", "").run("AUTH default x");
    assert!(default.contains("WRONGPASS"), "{default}");

    let refused = |client: crate::client::Client, why: &str| {
        let reply = client.run("PING");
        assert!(!reply.contains("PONG") && !reply.contains("NOAUTH"), "{why} reached the server: {reply}");
        assert!(reply.contains("Error") || reply.contains("Could not connect"), "{why}: {reply}");
    };
    refused(client.clone().without_certificate(), "nobody's certificate");
    let (certificate, key) = elsewhere.certificate("sessionapp");
    refused(client.clone().certificate(certificate, key), "another authority's certificate");
    // It is of the right authority, but for servers.
    refused(
        client.clone().certificate(deployment.secret("server/redis.crt"), deployment.secret("server/redis.key")),
        "the server's certificate",
    );
    // No second port without TLS.
    let plain = server.in_network("redis-cli").args(["-p", "6379", "PING"]).output().expect("redis-cli");
    assert!(!plain.status.success(), "{plain:?}");
}

#[test]
fn locked_acl_file_admits_nobody() {
    let deployment = Deployment::build(&production_profile());
    let locked = deployment.folder().join("locked");
    copy_folder(&deployment.secret("server"), &locked);
    let sealed = Server::boot(&deployment, &engine::debian());
    for user in USERS {
        assert_eq!(sealed.client(user).run("PING"), "PONG", "the control: the sealed file admits {user}");
    }
    drop(sealed);

    fs::copy(deployment.out().join("redis/users.acl"), locked.join("users.acl")).expect("locked file");
    let server =
        Server::boot_with(&deployment, &engine::debian(), &Changes { secrets: Some(locked), ..Changes::default() });
    for user in USERS {
        let client = server.client(user);
        assert_eq!(client.clone().without_password().run("PING"), "NOAUTH Authentication required.");
        let guesses = [deployment.password(user), "0".repeat(64), format!("#{}", "0".repeat(64)), "x".to_owned()];
        for guess in guesses {
            let reply = client.clone().password(user, &guess).run("PING");
            assert!(reply.contains("WRONGPASS") && reply.contains("NOAUTH"), "{user} got in: {reply}");
        }
        let empty = client.without_password().run(&format!("AUTH {user} \"\""));
        assert!(empty.contains("WRONGPASS"), "{empty}");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir(to).expect("folder");
    for entry in fs::read_dir(from).expect("folder") {
        let entry = entry.expect("entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copy");
    }
}

#[test]
fn health_check_tells_right_from_wrong_credentials() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    let green = || server.health_check().output().expect("health check runs").status.success();
    assert!(green());
    let file = deployment.secret("server/health.password");
    let right = deployment.password("health");
    fs::write(&file, "0123456789abcdef0123456789abcdef").expect("wrong password");
    assert!(!green(), "green with a wrong password");
    fs::write(&file, &right).expect("right password");
    assert!(green());
    server.client("admin").replies(&["ACL SETUSER health -ping"]);
    assert!(!green(), "green without a PONG");
    server.client("admin").replies(&["ACL SETUSER health +ping"]);
    fs::remove_file(&file).expect("removed");
    assert!(!green(), "green without a password");
}

/// The server is stopped, so that redis-cli stands still while it is looked at.
#[test]
fn no_password_in_any_command_line() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    let password = deployment.password("health");
    let environment = server.proc("environ");
    for user in USERS {
        assert!(!environment.contains(&deployment.password(user)), "the server's environment holds a password");
    }
    server.signal("STOP");

    let mut check = Ended(server.health_check().stdout(Stdio::null()).spawn().expect("health check runs"));
    let seen = command_line_of_child(check.0.id(), "redis-cli");
    assert!(seen.contains("--user"), "not the redis-cli that was meant: {seen}");
    assert!(!seen.contains(&password), "the password is in {seen}");
    for (pid, line) in command_lines() {
        assert!(!line.contains(&password), "the password is in the command line of process {pid}");
    }

    // The control: the same look finds a password that is there.
    let mut loose = Ended(
        server
            .in_network("redis-cli")
            .args(["-a", &password, "PING"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-cli"),
    );
    let found = || command_lines().iter().any(|(_, line)| line.contains(&password));
    wait_until("the control is seen", found);
    let _ = loose.0.kill();

    server.signal("CONT");
    assert!(check.0.wait().expect("health check").success(), "the health check that was looked at is green in the end");
}

/// A child that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "waited in vain: {what}");
        sleep(Duration::from_millis(5));
    }
}

fn command_lines() -> Vec<(u32, String)> {
    let processes =
        fs::read_dir("/proc").expect("/proc").filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    processes
        .filter_map(|pid| {
            Some((pid, String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/cmdline")).ok()?).into_owned()))
        })
        .collect()
}

fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

fn descends(pid: u32, ancestor: u32) -> bool {
    std::iter::successors(Some(pid), |pid| parent(*pid)).take(8).any(|pid| pid == ancestor)
}

/// The command line of a program that the process started.
fn command_line_of_child(ancestor: u32, program: &str) -> String {
    let mut found = None;
    wait_until(program, || {
        found = command_lines()
            .into_iter()
            .find(|(pid, line)| line.starts_with(program) && descends(*pid, ancestor))
            .map(|(_, line)| line);
        found.is_some()
    });
    found.unwrap_or_default()
}

#[test]
fn sigterm_saves_and_a_restart_has_the_data() {
    let deployment = Deployment::build(&production_profile());
    let engine = engine::debian();
    let server = Server::boot(&deployment, &engine);
    assert_eq!(server.client("sessionapp").run("SET user:1 kept"), "OK");
    assert!(!deployment.data().join("dump.rdb").exists(), "a snapshot before its time proves nothing about SIGTERM");
    let (status, log) = server.terminate();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("DB saved on disk"), "{log}");
    assert!(deployment.data().join("dump.rdb").exists());
    assert!(deployment.data().join("appendonlydir").exists());

    let server = Server::boot(&deployment, &engine);
    assert_eq!(server.client("readonly").run("GET user:1"), "kept");
}

/// Without an append-only file, the snapshot that SIGTERM writes brings the data back; without snapshots nothing does.
#[test]
fn snapshots_alone_survive_a_restart() {
    let snapshots = "  snapshots:\n    - { after: 3600s, changes: 1 }\n    - { after: 300s, changes: 100 }\n    - { after: 60s, changes: 10000 }\n";
    for (profile, left) in
        [(production_profile(), "kept"), (replaced(&production_profile(), snapshots, "  snapshots: []\n"), "")]
    {
        let aof = "  aof: everysec              # disabled | always | everysec | os\n";
        let deployment = Deployment::build(&replaced(&profile, aof, "  aof: disabled\n"));
        let engine = engine::debian();
        let server = Server::boot(&deployment, &engine);
        assert_eq!(server.client("sessionapp").run("SET user:1 kept"), "OK");
        server.terminate();
        assert!(!deployment.data().join("appendonlydir").exists());
        let server = Server::boot(&deployment, &engine);
        assert_eq!(server.client("readonly").run("GET user:1"), left);
    }
}

/// Through the folder that is mounted: a file mounted by itself would still show the old rules.
#[test]
fn rebuilt_rights_arrive_by_acl_load() {
    let profile = production_profile();
    let deployment = Deployment::build(&profile);
    let server = Server::boot(&deployment, &engine::debian());
    let application = server.client("sessionapp");
    let refused = "NOPERM this user has no permissions to run the 'incr' command";
    assert_eq!(application.run("INCR user:visits"), refused);

    deployment.rebuild(&replaced(&profile, "[+get, +set, +setex, +del, +expire, +ttl, +exists]", "[+get, +incr]"));
    assert_eq!(application.run("INCR user:visits"), refused, "nothing changes before ACL LOAD");
    assert_eq!(server.client("admin").run("ACL LOAD"), "OK");
    assert_eq!(application.run("INCR user:visits"), "1");
    assert!(application.run("SET user:visits 0").starts_with("NOPERM"), "a revoked right is gone");

    // A user that was switched off is out, with its password and certificate still in hand.
    deployment.rebuild(&replaced(
        &profile,
        "- { name: monitor, role: monitoring }",
        "- { name: monitor, role: monitoring, enabled: false }",
    ));
    assert_eq!(server.client("monitor").run("PING"), "PONG");
    assert_eq!(server.client("admin").run("ACL LOAD"), "OK");
    assert!(server.client("monitor").run("PING").contains("WRONGPASS"));
}

/// Docker shows a replaced folder entry to a running container; so must our check of the mount here.
#[test]
fn server_sees_the_folder_and_cannot_write_it() {
    let deployment = Deployment::build(&production_profile());
    let server = Server::boot(&deployment, &engine::debian());
    let saved = server.client("admin").run("ACL SAVE");
    assert!(saved.contains("ERR"), "the server wrote its read-only secrets: {saved}");
    assert!(server.client("admin").run("CONFIG SET dir /tmp").contains("protected config"), "enable-protected-configs");
    assert!(server.client("admin").run("DEBUG SLEEP 0").contains("DEBUG command not allowed"), "enable-debug-command");
    assert!(
        server.client("admin").run("MODULE LOAD /tmp/x.so").contains("MODULE command not allowed"),
        "enable-module-command"
    );
    succeeded(&server.health_check().output().expect("health check runs"));
}
