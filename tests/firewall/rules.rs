//! The rules that the program writes for a profile, how they are loaded, and what is loaded.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::lab::*;

/// What loads the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Nftables,
    Iptables,
    /// iptables with the kernel's older half.
    Legacy,
    Ufw,
}

/// Where the tools of the older half have the names that scripts call.
const LEGACY: &str = "/run/legacy";

impl Backend {
    pub fn named(name: &str) -> Backend {
        match name {
            "nftables" => Backend::Nftables,
            "iptables" => Backend::Iptables,
            "legacy" => Backend::Legacy,
            "ufw" => Backend::Ufw,
            other => panic!("no backend {other}"),
        }
    }

    /// As profiles and scripts say it.
    pub fn word(self) -> &'static str {
        match self {
            Backend::Nftables => "nftables",
            Backend::Iptables | Backend::Legacy => "iptables",
            Backend::Ufw => "ufw",
        }
    }

    pub fn path(self) -> String {
        let path = std::env::var("PATH").expect("PATH");
        if self == Backend::Legacy { format!("{LEGACY}:{path}") } else { path }
    }
}

/// Gives the older half the names that scripts call.
pub fn link_legacy_tools() {
    fs::create_dir(LEGACY).expect("a folder");
    for tool in ["iptables", "ip6tables"] {
        for part in ["", "-save", "-restore"] {
            let target = format!("/usr/sbin/{tool}-legacy{part}");
            assert!(Path::new(&target).exists(), "{target} is missing: install the package iptables");
            std::os::unix::fs::symlink(target, format!("{LEGACY}/{tool}{part}")).expect("a link");
        }
    }
}

/// A profile with this `network`, less its backends; `limits` may be empty.
pub fn profile(backend: Backend, network: &str, limits: &str) -> String {
    format!(
        "version: 1\nname: packets\nenvironment: development\ntls: {{ mode: server }}\n\
         users:\n  - {{ name: admin, role: admin }}\n\
         network:\n  {network}\n  firewall: {{ backends: [{}]{}{limits} }}\n{}",
        backend.word(),
        if limits.is_empty() { "" } else { ", " },
        // Docker is not there.
        if backend == Backend::Ufw { "waivers: [{ rule: firewall-missing, reason: bare metal }]\n" } else { "" },
    )
}

/// For these sources.
pub fn allowlist(backend: Backend, allow: &str, limits: &str) -> String {
    profile(backend, &format!("exposure: allowlist\n  port: 6379\n  allow: {allow}"), limits)
}

/// What was built from a profile.
pub struct Rules<'lab> {
    server: &'lab Server,
    folder: PathBuf,
}

impl Server {
    /// Builds a profile's rules; a second build under the same name takes the place of the first.
    #[track_caller]
    pub fn rules(&self, name: &str, profile: &str) -> Rules<'_> {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("p.yaml"), profile).expect("written");
        let mut command = redisgen();
        command.current_dir(&folder).args(["build", "p.yaml", "--no-secrets", "--out", "out"]);
        good("build", run(&mut command));
        Rules { server: self, folder: folder.join("out/firewall") }
    }

    /// All that is loaded, without counts and without what traffic put into sets.
    #[track_caller]
    pub fn listing(&self) -> String {
        // nft lists the tables of iptables too, their chains in another order each time.
        let nft = self.sh("nft -s list ruleset 2>/dev/null");
        let mut listing = String::new();
        let (mut foreign, mut dynamic, mut elements) = (false, false, false);
        for line in nft.lines() {
            let words: Vec<_> = line.split_whitespace().collect();
            if let ["table", family, name, "{"] = words[..] {
                foreign = matches!(family, "ip" | "ip6") && matches!(name, "filter" | "nat" | "mangle" | "raw");
            }
            dynamic = (dynamic || line.contains("flags dynamic")) && !line.contains("set ");
            elements |= dynamic && line.contains("elements = {");
            if !foreign && !elements {
                listing.push_str(line);
                listing.push('\n');
            }
            elements &= !line.trim_end().ends_with('}');
        }
        for tool in ["iptables-save", "ip6tables-save"] {
            listing.push_str(&format!("== {tool}\n"));
            for line in self.sh(tool).lines().filter(|line| !line.starts_with('#')) {
                listing.push_str(line.split(" [").next().expect("a line"));
                listing.push('\n');
            }
        }
        listing
    }

    /// Rules of other people, of each kind that there is.
    pub fn foreign_rules(&self) {
        self.sh("nft -f - <<'TEXT'
table inet canary {
	set friends {
		type ipv4_addr
		elements = { 192.0.2.1 }
	}
	chain input {
		type filter hook input priority 5; policy accept;
		tcp dport 1 counter drop
	}
}
TEXT
for tool in iptables ip6tables; do
	for place in filter:INPUT mangle:PREROUTING mangle:FORWARD; do
		table=${place%:*} chain=${place#*:}
		$tool -t $table -N CANARY-$chain
		$tool -t $table -A CANARY-$chain -p tcp --dport 2 -j DROP
		$tool -t $table -A $chain -j CANARY-$chain
	done
done");
    }

    /// How many packets a loaded rule of the IPv4 half met: the one that drops, or the one that logs.
    #[track_caller]
    pub fn count(&self, rule: Counted) -> usize {
        let number = match (self.backend, rule) {
            (Backend::Nftables, Counted::Dropped) => "nft list counter inet redisgen_packets_dev denied",
            (Backend::Nftables, Counted::Logged) => {
                "nft list chain inet redisgen_packets_dev judge | grep 'log prefix'"
            }
            (_, Counted::Dropped) => "iptables-save -c -t mangle | grep -e '-j DROP'",
            (_, Counted::Logged) => "iptables-save -c -t mangle | grep -e '-j LOG'",
        };
        let line = self.sh(number);
        let start = if self.backend == Backend::Nftables { "packets " } else { "[" };
        let (_, count) = line.split_once(start).unwrap_or_else(|| panic!("no count: {line}"));
        count.split(|c: char| !c.is_ascii_digit()).next().and_then(|digits| digits.parse().ok()).expect("a number")
    }
}

/// What a rule did.
#[derive(Clone, Copy)]
pub enum Counted {
    Dropped,
    Logged,
}

impl Rules<'_> {
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    pub fn script(&self, name: &str, args: &[&str]) -> Command {
        let mut command = self.server.command(self.path(name).to_str().expect("a path"));
        command.args(args);
        command
    }

    /// Loads the rules, which must succeed.
    #[track_caller]
    pub fn apply(&self) {
        good("apply.sh", run(&mut self.script("apply.sh", &[])));
    }

    #[track_caller]
    pub fn remove(&self) {
        good("remove.sh", run(&mut self.script("remove.sh", &[])));
    }

    /// Loads them with this on standard input, then its end.
    pub fn apply_with(&self, args: &[&str], input: &str) -> Output {
        let mut command = self.script("apply.sh", args);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("apply.sh");
        // It may have ended without reading.
        let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
        child.wait_with_output().expect("ends")
    }

    /// Changes one of its files, which must hold `from`.
    #[track_caller]
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(file)).expect("a file");
        assert!(text.contains(from), "`{from}` is not in:\n{text}");
        fs::write(self.path(file), text.replace(from, to)).expect("written");
    }
}

/// Fails, with this code and for the reason that we mean.
#[track_caller]
pub fn refused(output: &Output, code: i32, reason: &str) {
    let text = both(output);
    assert!(
        output.status.code() == Some(code) && text.contains(reason),
        "{}, not {code} `{reason}`:\n{text}",
        output.status
    );
}
