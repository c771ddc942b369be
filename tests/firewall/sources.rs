//! Who gets in.

use crate::clients::*;
use crate::lab::*;
use crate::rules::*;

on_a_server! {
    nftables: only_listed_sources_connect, connections_follow_the_list, denied_packets_are_counted_and_logged_a_little,
        another_port_leaves_nothing_behind, a_stale_copy_for_the_boot_is_told, no_packet_passes_while_rules_are_loaded, localhost_admits_the_host_only,
        the_exporter_is_for_the_host_only;
    iptables: only_listed_sources_connect, connections_follow_the_list, denied_packets_are_counted_and_logged_a_little,
        another_port_leaves_nothing_behind, a_stale_copy_for_the_boot_is_told, no_packet_passes_while_rules_are_loaded, localhost_admits_the_host_only,
        the_exporter_is_for_the_host_only;
    legacy: only_listed_sources_connect, connections_follow_the_list, denied_packets_are_counted_and_logged_a_little;
}

fn everybody() -> Vec<&'static str> {
    INSIDE.iter().chain(OUTSIDE).copied().collect()
}

fn only_listed_sources_connect(server: &Server) {
    server.foreign_rules();
    let before = server.listing();
    for part in ["table inet canary", "-A CANARY-INPUT", "-A CANARY-PREROUTING"] {
        assert!(before.contains(part), "the control: `{part}` is not in\n{before}");
    }
    // The control: without the rules everybody connects, so what is dropped later is dropped by them.
    admits(&everybody(), &[]);

    let rules = server.rules("a", &allowlist(server.backend, ALLOW, ""));
    rules.apply();
    admits(INSIDE, OUTSIDE);
    let loaded = server.listing();
    assert_ne!(loaded, before);
    rules.apply();
    assert_eq!(server.listing(), loaded, "a second load changes something");
    for line in before.lines() {
        assert!(loaded.contains(line), "somebody else's `{line}` is gone");
    }

    rules.remove();
    assert_eq!(server.listing(), before, "something is left, or gone");
    admits(&everybody(), &[]);
    rules.remove();
    assert_eq!(server.listing(), before, "removing what is not there changes something");
}

fn connections_follow_the_list(server: &Server) {
    let mut allowed = FAMILIES.map(|family| connected("allowed", family));
    let mut vpn = FAMILIES.map(|family| connected("vpn", family));
    let mut stranger = FAMILIES.map(|family| connected("stranger", family));
    let mut own = FAMILIES.map(|family| connected("loopback", family));
    let rules = server.rules("a", &allowlist(server.backend, ALLOW, ""));
    for load in ["first", "second"] {
        rules.apply();
        assert!(allowed.iter_mut().chain(&mut vpn).chain(&mut own).all(alive), "lost by the {load} load");
    }
    assert!(!stranger.iter_mut().any(alive), "a stranger's connection outlives the rules");

    // The list changes: one leaves, one joins, one stays.
    let other = ALLOW.replace("192.168.1.100", "192.168.1.101").replace("fd00:1::100", "fd00:1::101");
    server.rules("a", &allowlist(server.backend, &other, "")).apply();
    admits(&["beside", "vpn", "loopback", "server"], &["allowed", "beyond", "stranger"]);
    assert!(!allowed.iter_mut().any(alive), "a revoked source keeps its connection");
    assert!(vpn.iter_mut().chain(&mut own).all(alive));
    // One family has no sources left.
    server.rules("a", &allowlist(server.backend, "[{ source: 10.8.0.0/24 }]", "")).apply();
    assert!(alive(&mut vpn[0]) && !alive(&mut vpn[1]), "IPv6 is open, or IPv4 closed");
    assert!(own.iter_mut().all(alive));
}

fn denied_packets_are_counted_and_logged_a_little(server: &Server) {
    server.rules("a", &allowlist(server.backend, ALLOW, "")).apply();
    assert_eq!(server.count(Counted::Dropped), 0);
    assert_eq!(open("allowed", Family::V4, 10).len(), 10);
    for _ in 0..2 {
        // Nothing more is sent within its time, but the log may get its breath back.
        assert!(open("stranger", Family::V4, 25).is_empty());
    }
    let count = server.count(Counted::Dropped);
    assert!((50..60).contains(&count), "{count} denied packets counted, 50 sent");
    // Five at once, then one each ten seconds.
    let count = server.count(Counted::Logged);
    assert!((5..=6).contains(&count), "{count} denied packets logged");
}

fn another_port_leaves_nothing_behind(server: &Server) {
    let profile = allowlist(server.backend, ALLOW, "");
    server.rules("a", &profile).apply();
    admits_on(6379, &[], &["stranger"]);
    server.listen("redis-server", 6390);
    admits_on(6390, &["stranger"], &[]);
    server.rules("a", &profile.replace("port: 6379", "port: 6390")).apply();
    admits_on(6390, INSIDE, OUTSIDE);
    admits_on(6379, &["stranger"], &[]);
}

fn no_packet_passes_while_rules_are_loaded(server: &Server) {
    // The second differs in what nftables cannot change in place.
    let rules = [
        server.rules("a", &allowlist(server.backend, ALLOW, "connections_per_source: 20")),
        server.rules("b", &allowlist(server.backend, ALLOW, "connections_per_source: 30")),
    ];
    rules[0].apply();
    for family in FAMILIES {
        let (knocks, opened) = knocking("stranger", family, || {
            for _ in 0..5 {
                rules.iter().for_each(Rules::apply);
            }
        });
        assert!(knocks > 100, "only {knocks} packets were sent");
        assert_eq!(opened, 0, "{family:?}: of {knocks} packets some passed");
    }
    // The control: the same with the rules gone for a moment.
    let (_, opened) = knocking("stranger", Family::V4, || {
        rules[0].remove();
        rules[0].apply();
    });
    assert!(opened > 0, "the knocking does not see an open door");
}

fn localhost_admits_the_host_only(server: &Server) {
    server.rules("a", &profile(server.backend, "exposure: localhost\n  port: 6379", "")).apply();
    admits(&["loopback", "server"], &["allowed", "vpn", "stranger"]);
}

/// Not even for those who may reach Redis; and the second rule comes and goes as exactly as the first.
fn the_exporter_is_for_the_host_only(server: &Server) {
    server.foreign_rules();
    server.listen("redis-server", 9121);
    admits_on(9121, &everybody(), &[]);
    let before = server.listing();
    let profile = allowlist(server.backend, ALLOW, "");
    let rules = server.rules("a", &format!("{profile}monitoring: {{ exporter: true }}\n"));
    rules.apply();
    let loaded = server.listing();
    admits_on(9121, &["loopback", "server"], &["allowed", "vpn", "stranger"]);
    admits(INSIDE, OUTSIDE);
    rules.apply();
    assert_eq!(server.listing(), loaded, "a second load changes something");
    // Without an exporter the port is nobody's business again.
    server.rules("a", &profile).apply();
    admits_on(9121, &everybody(), &[]);
    server.rules("a", &format!("{profile}monitoring: {{ exporter: true }}\n")).apply();
    rules.remove();
    assert_eq!(server.listing(), before, "something is left, or gone");
}

/// The unit loads a copy: whoever is taken off the list must not be back after the next boot.
fn a_stale_copy_for_the_boot_is_told(server: &Server) {
    server.private_etc();
    let rules = server.rules("a", &allowlist(server.backend, ALLOW, ""));
    let said = |what: &str| both(&good(what, run(&mut rules.script("apply.sh", &[])))).contains("copy it again");
    assert!(!said("there is no copy"));
    server.sh("mkdir -p /etc/redisgen/packets-dev && cp a/out/firewall/* /etc/redisgen/packets-dev/");
    assert!(!said("the copy is the same"));
    let other = ALLOW.replace("192.168.1.100", "192.168.1.101");
    server.rules("a", &allowlist(server.backend, &other, ""));
    assert!(said("the copy is older"));
}
