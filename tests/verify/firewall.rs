//! Level firewall: real packets, with each protection of the rules taken out.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::deployment::{Deployment, production_profile, replaced};
use crate::proof::{Proof, edit};

const NFT: &str = "firewall/redisgen.nft";
const V4: &str = "firewall/iptables.v4";
const V6: &str = "firewall/iptables.v6";
const UFW: &str = "firewall/ufw.sh";
const BACKENDS: [&str; 3] = ["nftables", "iptables", "ufw"];

/// File, what stands there, what stands there instead, the checks that must fail. Only the backends of those run.
const SABOTAGE: &[(&str, &str, &str, &[&str])] = &[
    (NFT, "192.168.1.100", "192.168.1.99", &["nftables/sources", "nftables/published", "nftables/routed"]),
    (NFT, "fd00:8::/64", "fd00:8::/63", &["nftables/sources", "nftables/published", "nftables/routed"]),
    (V4, "-s 192.168.1.100 ", "-s 192.168.1.0/24 ", &["iptables/sources", "iptables/published", "iptables/routed"]),
    (V6, "fd00:8::/64", "fd00:8::/63", &["iptables/sources", "iptables/published", "iptables/routed"]),
    (UFW, "192.168.1.100", "192.168.1.101", &["ufw/sources"]),
    (UFW, "fd00:8::/64", "fd00:8::/63", &["ufw/sources"]),
    // Each family has limits of its own.
    (NFT, "ip saddr ct count over 20", "ip saddr ct count over 30", &["nftables/connections"]),
    (NFT, "ip6 saddr ct count over 20", "ip6 saddr ct count over 30", &["nftables/connections"]),
    (V4, "--connlimit-above 20", "--connlimit-above 30", &["iptables/connections"]),
    (V6, "--connlimit-above 20", "--connlimit-above 30", &["iptables/connections"]),
    (
        NFT,
        "ip saddr limit rate over 10/second burst 20",
        "ip saddr limit rate over 1000/second burst 2000",
        &["nftables/rate"],
    ),
    (
        NFT,
        "ip6 saddr limit rate over 10/second burst 20",
        "ip6 saddr limit rate over 1000/second burst 2000",
        &["nftables/rate"],
    ),
    (V4, "10/second --hashlimit-burst 20", "1000/second --hashlimit-burst 2000", &["iptables/rate"]),
    (V6, "10/second --hashlimit-burst 20", "1000/second --hashlimit-burst 2000", &["iptables/rate"]),
    // Docker's way: rules that see a packet too late, or not at all.
    (
        NFT,
        "hook prerouting priority dstnat - 10",
        "hook input priority filter - 10",
        &["nftables/published", "nftables/revoked"],
    ),
    (NFT, "priority dstnat - 10", "priority dstnat + 10", &["nftables/published", "nftables/revoked"]),
    (NFT, "\t\ttcp dport 6379 jump judge\n", "", &["nftables/routed", "nftables/revoked"]),
    (V4, "\n-I FORWARD", "\n# -I FORWARD", &["iptables/routed", "iptables/revoked"]),
    (V6, "\n-I FORWARD", "\n# -I FORWARD", &["iptables/routed", "iptables/revoked"]),
    // Who was in stays in.
    (NFT, "chain judge {\n", "chain judge {\n\t\tct state established accept\n", &["nftables/revoked"]),
    (
        V4,
        "-A RG-4A998D31 -s 10.8.0.0/24",
        "-A RG-4A998D31 -m conntrack --ctstate ESTABLISHED -j RETURN\n-A RG-4A998D31 -s 10.8.0.0/24",
        &["iptables/revoked"],
    ),
    (
        V6,
        "-A RG-4A998D31 -s fd00:8::/64",
        "-A RG-4A998D31 -m conntrack --ctstate ESTABLISHED -j RETURN\n-A RG-4A998D31 -s fd00:8::/64",
        &["iptables/revoked"],
    ),
    (UFW, "ss --kill --tcp", "ss --tcp", &["ufw/revoked"]),
    // The host itself.
    (NFT, "\t\tiif \"lo\" accept\n", "", &["nftables/loopback"]),
    (V4, "! -i lo ", "", &["iptables/loopback"]),
    (V6, "! -i lo ", "", &["iptables/loopback"]),
    (UFW, "\tss --kill", "\tiptables -I INPUT -i lo -j DROP\n\tss --kill", &["ufw/loopback"]),
    // Coming and going.
    (NFT, "table inet", "tabel inet", &["nftables/load"]),
    (V4, "COMMIT", "COMIT", &["iptables/load"]),
    (UFW, "echo \"deny log", "echo \"dney log", &["ufw/load"]),
    ("firewall/remove.sh", "set -eu\n", "exit 0\n", &["nftables/remove", "iptables/control", "ufw/control"]),
    ("firewall/apply.sh", "\t\tsed 's/^/-D /' \"$state/jumps.now\"\n", "", &["iptables/remove", "ufw/control"]),
    (UFW, "change delete $rule", "true", &["ufw/remove"]),
];

#[test]
fn real_packets_get_in_where_they_should() {
    Proof::of(&Deployment::build(&production_profile()), "firewall", &[]).holds(26);
}

#[test]
fn each_missing_protection_of_the_firewall_is_missed() {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some((file, from, to, fails)) = SABOTAGE.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // By itself UFW is refused: it does not see what Docker publishes.
                    let alone = fails.iter().all(|check| check.starts_with("ufw/"));
                    let judged = |backend: &&str| {
                        fails.iter().any(|check| check.starts_with(*backend)) || (alone && *backend == "nftables")
                    };
                    let backends = BACKENDS.into_iter().filter(judged).collect::<Vec<_>>().join(", ");
                    let profile = replaced(
                        &production_profile(),
                        "backends: [nftables, iptables, ufw]",
                        &format!("backends: [{backends}]"),
                    );
                    let deployment = Deployment::build(&profile);
                    edit(&deployment.out().join(file), from, to);
                    let mut fails: Vec<String> = fails.iter().map(|check| format!("firewall/{check}")).collect();
                    fails.sort();
                    let fails: Vec<&str> = fails.iter().map(String::as_str).collect();
                    Proof::of(&deployment, "firewall", &[]).fails(&format!("{from} -> {to}"), &fails);
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
    let local = local.replace("[nftables, iptables, ufw]", "[nftables, iptables]");
    let deployment = Deployment::build(&local);
    let proof = Proof::of(&deployment, "firewall", &[]);
    assert_eq!(proof.in_state("failed"), [""; 0], "{:#?}", proof.checks());
    for backend in ["nftables", "iptables"] {
        for way in ["sources", "published", "routed"] {
            let (state, seen) = proof.checks()[&format!("firewall/{backend}/{way}")].clone();
            assert_eq!(state, "held");
            assert!(seen.starts_with("0 addresses get in"), "{seen}");
        }
    }
    let all = ["published", "revoked", "routed", "sources"];
    for (file, from, to, backend) in [
        (NFT, "\t\tdrop\n", "\t\taccept\n", "nftables"),
        (V4, "-j DROP", "-j RETURN", "iptables"),
        (V6, "-j DROP", "-j RETURN", "iptables"),
    ] {
        let path = deployment.out().join(file);
        let before = std::fs::read_to_string(&path).expect("readable");
        edit(&path, from, to);
        let fails = all.map(|check| format!("firewall/{backend}/{check}"));
        Proof::of(&deployment, "firewall", &[]).fails(from, &fails.each_ref().map(String::as_str));
        std::fs::write(&path, before).expect("written back");
    }
}
