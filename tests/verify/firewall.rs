//! Level firewall: real packets, with each protection of the rules taken out.

use std::fs;

use crate::deployment::{Deployment, production_profile};
use crate::proof::{Proof, edit};

/// File, what stands there, what stands there instead, the checks that must fail.
const SABOTAGE: &[(&str, &str, &str, &[&str])] = &[
    ("firewall/redisgen.nft", "192.168.1.100", "192.168.1.99", &["firewall/nftables/sources"]),
    ("firewall/redisgen.nft", "fd00:8::/64", "fd00:9::/64", &["firewall/nftables/sources"]),
    ("firewall/redisgen.nft", "ct count over 20", "ct count over 30", &["firewall/nftables/connections"]),
    (
        "firewall/redisgen.nft",
        "limit rate over 10/second burst 20",
        "limit rate over 1000/second burst 2000",
        &["firewall/nftables/rate"],
    ),
    ("firewall/redisgen.nft", "table inet", "tabel inet", &["firewall/nftables/load"]),
    (
        "firewall/remove.sh",
        "set -eu\n",
        "exit 0\n",
        &["firewall/iptables/control", "firewall/nftables/remove", "firewall/ufw/control"],
    ),
    ("firewall/iptables.v4", "-s 192.168.1.100 ", "-s 192.168.1.0/24 ", &["firewall/iptables/sources"]),
    ("firewall/iptables.v6", "fd00:8::/64", "fd00:9::/64", &["firewall/iptables/sources"]),
    ("firewall/iptables.v4", "--connlimit-above 20", "--connlimit-above 30", &["firewall/iptables/connections"]),
    ("firewall/ufw.sh", "192.168.1.100", "192.168.1.101", &["firewall/ufw/sources"]),
];

#[test]
fn real_packets_and_each_missing_protection() {
    let next = std::sync::atomic::AtomicUsize::new(0);
    Proof::of(&Deployment::build(&production_profile()), "firewall", &[]).holds(19);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let deployment = Deployment::build(&production_profile());
                while let Some((file, from, to, fails)) =
                    SABOTAGE.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    let path = deployment.out().join(file);
                    let before = fs::read_to_string(&path).expect("readable");
                    edit(&path, from, to);
                    let proof = Proof::of(&deployment, "firewall", &[]);
                    fs::write(&path, before).expect("written back");
                    proof.fails(&format!("{from} -> {to}"), fails);
                }
            });
        }
    });
}

/// The port of the loopback: who is not the host does not get in, and nobody is listed.
#[test]
fn the_guard_of_the_loopback() {
    let profile = production_profile();
    let start = profile.find("  exposure: allowlist").expect("exposure");
    let end = profile.find("  firewall:").expect("firewall");
    let local = format!(
        "{}  exposure: localhost\n  hostname: redis.internal.example.com\n{}",
        &profile[..start],
        &profile[end..]
    );
    let local = local.replace("  bastion: { host: bastion.example.com, user: ops, target: 10.8.0.1 }\n", "");
    let local = local.replace("[nftables, iptables, ufw]", "[nftables]");
    let deployment = Deployment::build(&local);
    let proof = Proof::of(&deployment, "firewall", &[]);
    assert_eq!(proof.in_state("failed"), [""; 0], "{:#?}", proof.checks());
    let (state, seen) = proof.checks()["firewall/nftables/sources"].clone();
    assert_eq!(state, "held");
    assert!(seen.starts_with("0 addresses get in"), "{seen}");
}
