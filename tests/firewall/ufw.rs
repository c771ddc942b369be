//! UFW on bare metal, on a copy of the host's settings. Needs root: UFW does not run in a user namespace.

use crate::clients::*;
use crate::lab::*;
use crate::rules::*;

on_a_server! {
    ufw: inactive_stays_inactive, only_listed_sources_connect, the_exporter_is_for_the_host_only, what_stands_in_the_way_is_refused;
}

/// UFW as Debian installs it, that leaves the kernel's settings alone, since they are not the namespace's.
fn installed(server: &Server) {
    server.private_etc();
    server.sh("sed -i 's/^IPT_SYSCTL/#&/; s/^IPV6=.*/IPV6=yes/' /etc/default/ufw; ufw --force reset >/dev/null");
}

/// Active, with rules of somebody else, and admitting what no rule speaks of.
fn active(server: &Server) {
    installed(server);
    server.sh("
ufw allow 22/tcp
ufw allow from 192.0.2.9 to any port 80 proto tcp comment 'somebody: redisgen'
ufw deny 81
ufw default allow incoming
ufw --force enable");
}

/// What UFW was told, and what it made of that.
fn told(server: &Server) -> String {
    server.sh("ufw show added; ufw status verbose") + &server.listing()
}

/// What it never changes.
fn settings(server: &Server) -> String {
    server.sh("cat /etc/default/ufw /etc/ufw/ufw.conf /etc/ufw/before*.rules /etc/ufw/after*.rules")
}

fn inactive_stays_inactive(server: &Server) {
    installed(server);
    let before = told(server) + &settings(server);
    assert!(before.contains("Status: inactive"), "{before}");
    let rules = server.rules("a", &allowlist(server.backend, ALLOW, ""));
    refused(&run(&mut rules.script("apply.sh", &[])), 1, "ufw is not active");
    assert_eq!(told(server) + &settings(server), before);
}

fn only_listed_sources_connect(server: &Server) {
    active(server);
    let (before, unchanged) = (told(server), settings(server));
    admits(&[INSIDE, OUTSIDE].concat(), &[]);
    let mut held = ["allowed", "vpn", "stranger"].map(|machine| FAMILIES.map(|family| connected(machine, family)));
    let rules = server.rules("a", &allowlist(server.backend, ALLOW, ""));

    refused(&rules.apply_with(&["--confirm", "60"], "no\n"), 1, "went back");
    assert_eq!(told(server), before, "--confirm");
    rules.apply();
    admits(INSIDE, OUTSIDE);
    assert!(!held.iter_mut().flatten().any(alive), "UFW itself lets what is open stay open");
    let loaded = told(server);
    let mut held = FAMILIES.map(|family| connected("allowed", family));
    rules.apply();
    assert_eq!(told(server), loaded, "a second time changes something");
    assert!(held.iter_mut().all(alive), "a second time closes connections");

    // The list changes: one leaves, one joins.
    let other = ALLOW.replace("192.168.1.100", "192.168.1.101").replace("fd00:1::100", "fd00:1::101");
    let changed = server.rules("b", &allowlist(server.backend, &other, ""));
    refused(&changed.apply_with(&["--confirm", "60"], "no\n"), 1, "went back");
    assert_eq!(told(server), loaded, "--confirm over an older version");
    let mut held = FAMILIES.map(|family| connected("allowed", family));
    changed.apply();
    assert!(!held.iter_mut().any(alive), "a revoked source keeps its connection");
    admits(&["beside", "vpn", "loopback", "server"], &["allowed", "beyond", "stranger"]);

    // Where nothing else is admitted, the listed sources are.
    server.sh("ufw default deny incoming");
    admits(&["beside", "vpn", "loopback", "server"], &["allowed", "beyond", "stranger"]);
    server.sh("ufw default allow incoming");

    changed.remove();
    assert_eq!(told(server), before, "something is left, or gone");
    assert_eq!(settings(server), unchanged);
    changed.remove();
    assert_eq!(told(server), before);
}

/// Without Docker, where UFW sees the port.
fn the_exporter_is_for_the_host_only(server: &Server) {
    active(server);
    server.listen("redis-server", 9121);
    admits_on(9121, &[INSIDE, OUTSIDE].concat(), &[]);
    let before = told(server);
    let profile = allowlist(server.backend, ALLOW, "");
    let watched = format!("{profile}monitoring: {{ exporter: true }}\n");
    let rules = server.rules("a", &watched);
    rules.apply();
    admits_on(9121, &["loopback", "server"], &["allowed", "vpn", "stranger"]);
    admits(INSIDE, OUTSIDE);
    let loaded = told(server);
    rules.apply();
    assert_eq!(told(server), loaded, "a second time changes something");

    // Its rule stays when the other port changes, and a second time closes no connection then either.
    server.listen("redis-server", 6390);
    let moved = server.rules("b", &watched.replace("port: 6379", "port: 6390"));
    moved.apply();
    let loaded = told(server);
    let mut held = FAMILIES.map(|family| connect("allowed", family, 6390).expect("a listed source"));
    moved.apply();
    assert_eq!(told(server), loaded, "a second time changes something");
    assert!(held.iter_mut().all(alive), "a second time closes connections");
    admits_on(9121, &["loopback", "server"], &["allowed", "vpn", "stranger"]);

    // Without an exporter the port is nobody's business again.
    server.rules("b", &profile).apply();
    admits_on(9121, &[INSIDE, OUTSIDE].concat(), &[]);
    rules.apply();
    rules.remove();
    assert_eq!(told(server), before, "something is left, or gone");
}

fn what_stands_in_the_way_is_refused(server: &Server) {
    active(server);
    let rules = server.rules("a", &allowlist(server.backend, ALLOW, ""));
    let apply = || run(&mut rules.script("apply.sh", &[]));
    // Somebody's own rule: ours would take its place, and go with ours.
    server.sh("ufw allow from 10.8.0.0/24 to any port 6379 proto tcp comment mine");
    let before = told(server);
    refused(&apply(), 1, "from somebody else");
    assert_eq!(told(server), before);
    server.sh("ufw delete allow from 10.8.0.0/24 to any port 6379 proto tcp");

    server.sh("sed -i 's/^IPV6=.*/IPV6=no/' /etc/default/ufw");
    let before = told(server);
    refused(&apply(), 1, "IPv6 support not enabled");
    let only4 = server.rules("c", &allowlist(server.backend, "[{ source: 192.168.1.100 }]", ""));
    refused(&run(&mut only4.script("apply.sh", &[])), 1, "IPV6=yes is missing");
    assert_eq!(told(server), before);
    server.sh("sed -i 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw; ufw reload");

    server.sh("cp /usr/bin/redis-server /run/sshd");
    server.listen("/run/sshd", 6390);
    let ssh = server.rules("b", &allowlist(server.backend, ALLOW, "").replace("port: 6379", "port: 6390"));
    refused(&run(&mut ssh.script("apply.sh", &[])), 1, "sshd listens on port 6390");
    rules.edit("ufw.sh", "10.8.0.0/24", "10.8.0.0/33");
    let before = told(server);
    refused(&apply(), 1, "nothing was changed");
    assert_eq!(told(server), before);
}
