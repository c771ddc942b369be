//! What is refused, before anything is loaded.

use std::fs;

use crate::clients::*;
use crate::lab::*;
use crate::rules::*;

on_a_server! {
    nftables: what_still_guards_is_named, broken_rules_change_nothing, the_way_in_stays_open, wrong_calls_are_told;
    iptables: broken_rules_change_nothing, the_way_in_stays_open, wrong_calls_are_told;
}

fn broken_rules_change_nothing(server: &Server) {
    server.foreign_rules();
    let rules = server.rules("a", &allowlist(server.backend, ALLOW, ""));
    let try_all = || {
        let before = server.listing();
        for (file, from, to) in match server.backend {
            Backend::Nftables => &[
                ("redisgen.nft", "jump judge", "jump nowhere"),
                ("redisgen.nft", "10.8.0.0/24", "10.8.0.0/33"),
                ("redisgen.nft", "\tchain judge", "\tchain"),
            ][..],
            // `--test` lets the first pass.
            _ => &[
                ("iptables.v4", "-j RG-", "-j NOWHERE-"),
                ("iptables.v6", "-j RG-", "-j NOWHERE-"),
                ("iptables.v4", "10.8.0.0/24", "10.8.0.0/33"),
                ("iptables.v6", "COMMIT", ""),
            ],
        } {
            let broken = server.rules("b", &allowlist(server.backend, ALLOW, ""));
            broken.edit(file, from, to);
            let output = run(&mut broken.script("apply.sh", &[]));
            refused(&output, 1, "nothing was changed");
            assert_eq!(server.listing(), before, "{file} with `{to}`");
            fs::remove_dir_all(broken.path("..")).expect("removed");
        }
    };
    try_all();
    rules.apply();
    try_all();
    admits(INSIDE, OUTSIDE);
}

fn the_way_in_stays_open(server: &Server) {
    let before = server.listing();
    let profile = allowlist(server.backend, ALLOW, "").replace("port: 6379", "port: 6390");
    let rules = server.rules("a", &profile);
    // The name of the process is what counts.
    let sshd = server.folder.path().join("sshd");
    fs::copy("/usr/bin/redis-server", &sshd).expect("redis-server: install the package redis-server");
    server.listen(sshd.to_str().expect("a path"), 6390);
    refused(&run(&mut rules.script("apply.sh", &[])), 1, "sshd listens on port 6390");
    assert_eq!(server.listing(), before);
    // The port through which somebody logged in, whoever listens there.
    let rules = server.rules("a", &allowlist(server.backend, ALLOW, ""));
    let login =
        |port| run(rules.script("apply.sh", &[]).env("SSH_CONNECTION", format!("192.0.2.1 50000 192.0.2.2 {port}")));
    refused(&login("6379"), 1, "sshd listens on port 6379");
    assert_eq!(server.listing(), before);
    good("the control", login("22"));
}

fn wrong_calls_are_told(server: &Server) {
    let rules = server.rules("a", &allowlist(server.backend, ALLOW, ""));
    let before = server.listing();
    let word = server.backend.word();
    for args in [
        &["--frobnicate"][..],
        &["ufw"],
        &[word, word],
        &["--confirm"],
        &["--confirm", "soon"],
        &["--confirm", "0"],
        &["--remove", "--confirm", "9"],
    ] {
        refused(&run(&mut rules.script("apply.sh", args)), 2, "usage: apply.sh");
    }
    assert!(both(&good("help", run(&mut rules.script("apply.sh", &["--help"])))).contains("usage: apply.sh"));
    // In a user namespace that maps nobody.
    let mut command = server.command("unshare");
    command.arg("--user").arg(rules.path("apply.sh"));
    refused(&run(&mut command), 1, "this needs root");
    assert_eq!(server.listing(), before);
    for args in [&["ufw"][..], &[word, word], &["--confirm", "9"]] {
        refused(&run(&mut rules.script("remove.sh", args)), 2, "usage: remove.sh");
    }
    good("named", run(&mut rules.script("apply.sh", &[word])));
    assert!(both(&good("named", run(&mut rules.script("remove.sh", &[word])))).contains("reaches port 6379 now"));
    assert!(both(&good("again", run(&mut rules.script("remove.sh", &[])))).contains("nothing of ours is loaded"));
}

/// Who removes one backend's rules learns that another one's are still there.
fn what_still_guards_is_named(server: &Server) {
    let profile = allowlist(server.backend, ALLOW, "");
    let listed = format!("backends: [{}]", server.backend.word());
    assert!(profile.contains(&listed));
    let both_backends = profile.replace(&listed, "backends: [nftables, iptables]");
    let rules = server.rules("a", &both_backends);
    for backend in ["nftables", "iptables"] {
        good("apply", run(&mut rules.script("apply.sh", &[backend])));
    }
    let out = good("remove", run(&mut rules.script("remove.sh", &[])));
    assert!(both(&out).contains("iptables still guards port 6379"), "{}", both(&out));
    admits(INSIDE, OUTSIDE);
    let out = good("remove", run(&mut rules.script("remove.sh", &["iptables"])));
    assert!(both(&out).contains("reaches port 6379 now"), "{}", both(&out));
    admits(&["stranger"], &[]);
}
