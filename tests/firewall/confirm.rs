//! `--confirm`: the way back that needs nobody.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::clients::*;
use crate::lab::*;
use crate::rules::*;

on_a_server! {
    nftables: yes_keeps_the_rules, yes_brings_flushed_rules_back, anything_else_goes_back, an_older_version_comes_back;
    iptables: yes_keeps_the_rules, yes_brings_flushed_rules_back, anything_else_goes_back, an_older_version_comes_back;
}

const STATE: &str = "/run/redisgen_packets_dev";

/// Loaded, and waiting for an answer that does not come. Called by its bare name from its own folder, as people do.
fn waiting(server: &Server, rules: &Rules<'_>, seconds: &str) -> Child {
    let mut command = server.command("sh");
    command.current_dir(rules.path("")).args(["apply.sh", "--confirm", seconds]);
    // A group of its own, as a shell gives each line of a terminal.
    let child = command.stdin(Stdio::piped()).stderr(Stdio::null()).process_group(0).spawn().expect("apply.sh");
    eventually("the rules are loaded", || connect("stranger", Family::V4, 6379).is_err());
    child
}

/// Nothing of the scripts runs, and nothing lies about.
fn nothing_is_left() -> bool {
    let runs = |pid: &Path| {
        let line = fs::read(pid.join("cmdline")).unwrap_or_default();
        // A process that has ended has no words.
        ["apply.sh", "sleep"].iter().any(|name| String::from_utf8_lossy(&line).contains(name))
    };
    let mut processes = fs::read_dir("/proc").expect("/proc").map(|entry| entry.expect("entry").path());
    !processes.any(|path| runs(&path)) && !Path::new(STATE).exists()
}

fn yes_keeps_the_rules(server: &Server) {
    let rules = server.rules("a", &allowlist(server.backend, ALLOW, ""));
    assert!(both(&good("apply.sh", rules.apply_with(&["--confirm", "3"], "yes\n"))).contains("kept"));
    let loaded = server.listing();
    eventually("nothing is left", nothing_is_left);
    admits(INSIDE, OUTSIDE);
    sleep(Duration::from_secs(4));
    assert_eq!(server.listing(), loaded, "gone back after all");
    // A second time, over what is there.
    good("again", rules.apply_with(&["--confirm", "2"], "yes\n"));
    sleep(Duration::from_secs(3));
    assert_eq!(server.listing(), loaded, "gone back after all");
}

/// Somebody reloads nftables while the question is open.
fn yes_brings_flushed_rules_back(server: &Server) {
    let rules = server.rules("a", &allowlist(server.backend, ALLOW, ""));
    let mut child = waiting(server, &rules, "60");
    server.sh("nft flush ruleset");
    admits(&["stranger"], &[]);
    child.stdin.take().expect("piped").write_all(b"yes\n").expect("heard");
    assert!(child.wait().expect("ends").success());
    admits(INSIDE, OUTSIDE);
}

fn anything_else_goes_back(server: &Server) {
    server.foreign_rules();
    let before = server.listing();
    let rules = server.rules("a", &allowlist(server.backend, ALLOW, ""));
    let back = |how: &str| {
        eventually(&format!("{how}: nothing is left"), nothing_is_left);
        assert_eq!(server.listing(), before, "{how}");
    };
    for (how, answer) in [("no", "no\n"), ("nothing", ""), ("an empty line", "\n"), ("almost", "yes please\n")] {
        refused(&rules.apply_with(&["--confirm", "60"], answer), 1, "went back");
        back(how);
    }
    // Nobody hears what it says.
    let deaf = format!("{} --confirm 60 2>&-", rules.path("apply.sh").display());
    assert_eq!(run(server.command("sh").args(["-c", &deaf])).status.code(), Some(1));
    back("nobody hears it");

    // Time passes.
    let mut child = waiting(server, &rules, "2");
    assert_eq!(child.wait().expect("ends").code(), Some(1));
    back("silence");
    // Ctrl-C, the end of the terminal's connection, an order to end.
    for signal in ["INT", "HUP", "TERM"] {
        let mut child = waiting(server, &rules, "60");
        server.sh(&format!("kill -s {signal} -- -{}", child.id()));
        assert_eq!(child.wait().expect("ends").code(), Some(1), "{signal}");
        back(signal);
    }
    // Its end without a chance to do anything; another call meanwhile would save the wrong rules.
    let mut child = waiting(server, &rules, "3");
    let other = run(&mut rules.script("apply.sh", &[]));
    refused(&other, 1, "another call is at work");
    server.sh(&format!("kill -s KILL -- -{}", child.id()));
    child.wait().expect("ends");
    assert!(Path::new(STATE).exists(), "the control: it did not end in order");
    back("SIGKILL");
}

fn an_older_version_comes_back(server: &Server) {
    server
        .rules("a", &allowlist(server.backend, ALLOW, "connections_per_source: 20, new_connections: 10/second"))
        .apply();
    let old = server.listing();
    let other = r#"[{ source: 192.168.1.101, comment: "it's $(new) {}" }]"#;
    let mut new = allowlist(server.backend, other, "connections_per_source: 30");
    for port in ["port: 6379", "port: 6390"] {
        new = new.replace("port: 6379", port);
        let rules = server.rules("b", &new);
        refused(&rules.apply_with(&["--confirm", "60"], "no\n"), 1, "went back");
        assert_eq!(server.listing(), old);
    }
    admits(INSIDE, OUTSIDE);
}
