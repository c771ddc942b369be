//! The unit, under a systemd that boots beside the test.

use std::fs;
use std::process::{Child, Output, Stdio};

use crate::clients::*;
use crate::lab::*;
use crate::rules::*;

on_a_server! {
    nftables: the_unit_guards_from_boot_on;
    iptables: the_unit_guards_from_boot_on;
}

const UNIT: &str = "redisgen-firewall-packets-dev.service";

/// A running systemd; ends with the test.
struct Booted<'lab> {
    server: &'lab Server,
    process: Child,
}

impl<'lab> Booted<'lab> {
    fn boot(server: &'lab Server) -> Booted<'lab> {
        let process = server
            .command("sh")
            .args(["-euc", include_str!("boot.sh"), "boot.sh"])
            .arg(server.folder.path())
            .stdout(fs::File::create(server.folder.path().join("boot.log")).expect("a log"))
            .stderr(Stdio::inherit())
            .spawn()
            .expect("sh");
        let booted = Booted { server, process };
        eventually("systemd is up: install the package systemd", || {
            booted.run("systemctl is-active multi-user.target").status.success()
        });
        booted
    }

    /// A shell line on the booted machine, in the folder of the test.
    fn run(&self, line: &str) -> Output {
        let parent = self.process.id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
        let first = children.split(' ').next().expect("a word");
        let line = format!("cd /mnt && {line}");
        run(self.server.command("nsenter").args(["--target", first, "--mount", "--pid", "sh", "-euc", &line]))
    }

    #[track_caller]
    fn good(&self, line: &str) -> String {
        both(&good(line, self.run(line)))
    }
}

impl Drop for Booted<'_> {
    fn drop(&mut self) {
        // Everything ends with its first process.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let groups = "for _ in 1 2 3 4 5 6 7 8 9; do sleep 0.1; find \"$(cat group)\" -depth -type d -exec rmdir {} + && break; done; umount groups";
        let _ = self.server.command("sh").args(["-c", groups]).stderr(Stdio::null()).status();
    }
}

/// What a test may not take from the machine: its own units, and a Docker that only looks at what is loaded.
fn units(server: &Server) {
    server.private_etc();
    server.sh("
cd /etc/systemd/system
: >/etc/fstab
cat >multi-user.target <<'TEXT'
[Unit]
DefaultDependencies=no
Wants=nftables.service docker.service
After=nftables.service docker.service
TEXT
cat >docker.service <<'TEXT'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'nft list ruleset >/run/docker-saw; iptables-save >>/run/docker-saw; ip6tables-save >>/run/docker-saw'
TEXT
printf '#!/usr/sbin/nft -f\\nflush ruleset\\n' >/etc/nftables.conf
");
}

fn the_unit_guards_from_boot_on(server: &Server) {
    units(server);
    let rules = server.rules("a", &allowlist(server.backend, ALLOW, "connections_per_source: 20"));
    let unit = fs::read_to_string(rules.path("redisgen-firewall.service")).expect("the unit");
    let machine = Booted::boot(server);
    assert!(!machine.good("cat /run/docker-saw").contains("rg_packets"), "the control");
    admits(&["stranger"], &[]);

    // The lines of its own comment, as root types them.
    let lines: Vec<_> = unit.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
    let lines: Vec<_> = lines.into_iter().filter(|line| line.contains("/etc/") || line.contains("systemctl")).collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    machine.good(&format!("cd a/out && {}", lines.join(" && ")));
    assert_eq!(machine.good(&format!("systemd-analyze verify --man=no /etc/systemd/system/{UNIT}")), "");
    admits(INSIDE, OUTSIDE);
    let loaded = server.listing();

    // The control: what nftables.service does takes our rules away too.
    machine.good("nft -f /etc/nftables.conf");
    admits(&["stranger"], &[]);
    for line in ["restart nftables", "reload nftables", "stop nftables && systemctl start nftables"] {
        machine.good(&format!("systemctl {line}"));
        // A reload that was passed on is a job of its own, which may still have to begin.
        eventually(line, || {
            machine.good(&format!("systemctl show -P ActiveState {UNIT}")).trim() == "active"
                && machine.good("systemctl list-jobs --no-legend").trim().is_empty()
        });
        assert_eq!(server.listing(), loaded, "{line}");
    }
    admits(INSIDE, OUTSIDE);
    // Stopping the unit opens nothing.
    machine.good(&format!("systemctl stop {UNIT}"));
    assert_eq!(server.listing(), loaded, "stopped");
    drop(machine);

    // A cold start: Docker finds the rules there.
    server.sh("nft flush ruleset");
    let machine = Booted::boot(server);
    let saw = machine.good("cat /run/docker-saw");
    let ours = match server.backend {
        Backend::Nftables => "table inet redisgen_packets_dev",
        _ => "-j DROP",
    };
    assert!(saw.contains(ours), "Docker was earlier than the rules: {saw}");
    admits(INSIDE, OUTSIDE);
    // Rules that cannot be loaded are seen.
    machine.good(
        "echo broken >/etc/redisgen/packets-dev/redisgen.nft; echo broken >/etc/redisgen/packets-dev/iptables.v6",
    );
    assert!(!machine.run(&format!("systemctl restart {UNIT}")).status.success());
    admits(INSIDE, OUTSIDE);
    drop(machine);
}
