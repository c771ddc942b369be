//! How many connections one source gets, and how fast.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::clients::*;
use crate::lab::*;
use crate::rules::*;

on_a_server! {
    nftables: held_connections_are_limited, new_connections_are_limited, open_is_limited_by_network,
        a_reload_keeps_what_was_counted;
    iptables: held_connections_are_limited, new_connections_are_limited, open_is_limited_by_network;
    legacy: held_connections_are_limited, new_connections_are_limited;
}

fn held_connections_are_limited(server: &Server) {
    for family in FAMILIES {
        assert_eq!(open("allowed", family, 40).len(), 40, "the control, {family:?}");
    }
    server.rules("a", &allowlist(server.backend, ALLOW, "connections_per_source: 20")).apply();
    for family in FAMILIES {
        let held = open("allowed", family, 40);
        assert_eq!(held.len(), 20, "{family:?}");
        assert_eq!(open("allowed", family, 5).len(), 0, "{family:?}: none is free");
        assert_eq!(open("vpn", family, 5).len(), 5, "{family:?}: another source has its own");
        drop(held);
        eventually("closed connections are free again", || open("allowed", family, 1).len() == 1);
    }
    server.rules("a", &allowlist(server.backend, ALLOW, "connections_per_source: 25")).apply();
    for family in FAMILIES {
        assert_eq!(open("allowed", family, 40).len(), 25, "{family:?}: the new limit");
    }
}

fn a_reload_keeps_what_was_counted(server: &Server) {
    let rules = server.rules("a", &allowlist(server.backend, ALLOW, "connections_per_source: 20"));
    rules.apply();
    for family in FAMILIES {
        let mut held = open("allowed", family, 20);
        assert_eq!(held.len(), 20, "{family:?}");
        rules.apply();
        assert_eq!(open("allowed", family, 20).len(), 0, "{family:?}: counted anew after a reload");
        // A changed list is no reason to forget either.
        let longer = ALLOW.replace("[{", "[{ source: 192.0.2.0/24 }, {");
        server.rules("a", &allowlist(server.backend, &longer, "connections_per_source: 20")).apply();
        assert_eq!(open("allowed", family, 20).len(), 0, "{family:?}: counted anew after a change");
        assert!(held.iter_mut().all(alive));
    }
}

fn new_connections_are_limited(server: &Server) {
    server.rules("a", &allowlist(server.backend, ALLOW, "new_connections: 10/second")).apply();
    for family in FAMILIES {
        // Twenty at once, then ten each second; a packet that was refused is not repeated within this time.
        for ready in [20, 10] {
            let start = Instant::now();
            let got = open("allowed", family, 60).len();
            let most = ready + 2 + usize::try_from(start.elapsed().as_millis() / 100).expect("small");
            assert!((ready - 2..=most).contains(&got), "{family:?}: {got} connections, {ready} to {most} expected");
            sleep(Duration::from_secs(1));
        }
    }
}

fn open_is_limited_by_network(server: &Server) {
    let profile = |limit| profile(server.backend, "exposure: open\n  port: 6379", limit);
    let rules = server.rules("a", &profile("connections_per_source: 20, new_connections: 1000/second"));
    rules.apply();
    admits(&["allowed", "stranger", "cousin", "loopback", "server"], &[]);
    // A closed connection counts until both ends have said so.
    sleep(Duration::from_secs(1));
    let held = [open("stranger", Family::V4, 25), open("cousin", Family::V4, 25)];
    assert_eq!(held.each_ref().map(Vec::len), [20, 20], "two IPv4 addresses are two sources");
    let held = [open("stranger", Family::V6, 15), open("cousin", Family::V6, 15), open("allowed", Family::V6, 15)];
    assert_eq!(held.each_ref().map(Vec::len), [15, 5, 15], "one IPv6 network is one source");
    assert_eq!(open("loopback", Family::V4, 40).len(), 40, "the host itself is not limited");

    // What is listed can be loaded again.
    let loaded = server.listing();
    let other = server.rules("b", &profile("connections_per_source: 30"));
    refused(&other.apply_with(&["--confirm", "60"], "no\n"), 1, "went back");
    assert_eq!(server.listing(), loaded);
}
