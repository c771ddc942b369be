//! `rename-breaks-failover` is true: Sentinel in front of servers with and without the lines that redisgen writes.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::deployment::Deployment;
use crate::engine;
use crate::rename::{profile, renamed};

/// A child that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Servers that this test starts itself, since Sentinel wants two and a port for each.
fn started(folder: &Path, name: &str, settings: &str, more: &[&str]) -> Ended {
    let conf = folder.join(format!("{name}.conf"));
    fs::write(&conf, format!("bind 127.0.0.1\ndir {}\n{settings}", folder.display())).expect("settings");
    let log = File::create(folder.join(format!("{name}.log"))).expect("log");
    let mut command = Command::new(engine::debian().binary);
    Ended(command.arg(conf).args(more).stdin(Stdio::null()).stdout(log).spawn().expect("redis-server"))
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its address").port()
}

/// What Sentinel says of the first failover that a replica with these settings is chosen for.
fn failover(settings: &str) -> String {
    let folder = tempfile::tempdir().expect("temporary folder");
    let log = |name: &str| fs::read_to_string(folder.path().join(format!("{name}.log"))).unwrap_or_default();
    let wait_for = |name: &str, words: &[&str]| {
        let start = Instant::now();
        loop {
            if let Some(word) = words.iter().find(|word| log(name).contains(**word)) {
                return (*word).to_owned();
            }
            assert!(start.elapsed() < Duration::from_secs(40), "{name} does not say {words:?}:\n{}", log(name));
            sleep(Duration::from_millis(50));
        }
    };
    let [master, replica, sentinel] = [free_port(), free_port(), free_port()];
    let common = format!("save \"\"\nrepl-diskless-sync-delay 0\n{settings}");
    let first = started(folder.path(), "master", &format!("port {master}\n{common}"), &[]);
    let _second = started(
        folder.path(),
        "replica",
        &format!("port {replica}\nreplicaof 127.0.0.1 {master}\ndbfilename replica.rdb\n{common}"),
        &[],
    );
    wait_for("replica", &["Finished with success"]);
    let monitor = format!(
        "port {sentinel}\nsentinel monitor m 127.0.0.1 {master} 1\nsentinel down-after-milliseconds m 500\nsentinel failover-timeout m 3000\n"
    );
    let _sentinel = started(folder.path(), "sentinel", &monitor, &["--sentinel"]);
    wait_for("sentinel", &["+slave "]);
    // Until Sentinel has heard from the replica; too early, it tries again.
    sleep(Duration::from_secs(2));
    drop(first);
    wait_for("sentinel", &["+switch-master", "-failover-abort-slave-timeout"])
}

/// `rename-breaks-failover`, with the lines that redisgen writes.
#[test]
fn sentinel_cannot_fail_over_to_a_renamed_server() {
    let deployment = Deployment::build(&profile(&engine::debian(), "rename: true"));
    let lines =
        renamed(&deployment).iter().map(|name| format!("rename-command {name} \"\"\n")).collect::<Vec<_>>().concat();
    assert!(lines.contains("rename-command slaveof"), "{lines}");
    let control = std::thread::spawn(|| failover(""));
    assert_eq!(failover(&lines), "-failover-abort-slave-timeout");
    assert_eq!(control.join().expect("the control"), "+switch-master");
}
