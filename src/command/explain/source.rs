//! `redisgen explain PROFILE --source ADDRESS`: may it connect, by which entry, and which line of each backend's
//! file says so. The lines are looked up in the files that `build` would write.

use std::net::IpAddr;

use crate::command::{Exit, place};
use crate::console;
use crate::firewall::{Admits, Firewall, Verdict};
use crate::format::{Address, Network};
use crate::load::Loaded;
use crate::model::Model;
use crate::path::Path;
use crate::profile::{Exposure, FirewallBackend};
use crate::render::{self, File};

pub(super) fn run(loaded: &Loaded, model: &Model, address: Address) -> Result<Exit, String> {
    // What a person copies from a dual-stack socket's log.
    let source = address.0.to_canonical();
    let network = &model.profile.network;
    let mut out = String::new();
    let Some(firewall) = &model.firewall else {
        out.push_str(&match network.exposure {
            Exposure::Internal => format!("{source}: denied. Exposure `internal` publishes no port.\n"),
            Exposure::Localhost if source.is_loopback() => format!("{source}: allowed. It is the host itself.\n"),
            Exposure::Localhost => format!(
                "{source}: denied by the published address alone. No packet filter is written: `firewall.backends` is empty.\n"
            ),
            Exposure::Allowlist => {
                format!("{source}: allowed, like everyone. No packet filter is written: `firewall.backends` is empty.\n")
            }
            Exposure::Open => {
                format!("{source}: allowed, like everyone. Exposure `open` without limits needs no packet filter.\n")
            }
        });
        console::out(&out);
        return Ok(Exit::Fine);
    };
    // What the host sends to an address of its own goes through its loopback.
    let own = network.listen.iter().any(|address| address.0 == source);
    let verdict = if own { Verdict::Loopback } else { firewall.judge(&model.allowed, source) };
    out.push_str(&format!("{source}: {}\n", sentence(firewall, verdict)));
    if let Verdict::Allowed(_) = verdict {
        let entries = network.allow.iter().enumerate().filter(|(_, allow)| allow.source.0.contains(&source));
        let more = entries.clone().count().saturating_sub(ENTRIES);
        for (index, allow) in entries.take(ENTRIES) {
            let path = format!("network.allow[{index}]");
            let span = loaded.tree.locate(&Path::parse(&path).unwrap_or_default()).span();
            let comment = allow.comment.as_ref().map_or(String::new(), |comment| format!("  # {comment}"));
            let until = allow.until.map_or(String::new(), |until| format!(", until {until}"));
            out.push_str(&format!(
                "  entry     {}: {path}, {}{until}{comment}\n",
                place(&loaded.sources, span),
                allow.source
            ));
        }
        if more > 0 {
            out.push_str(&format!("  entry     and {more} more\n"));
        }
    }
    let files = render::render(model)?;
    for backend in &firewall.backends {
        let line = line(firewall, *backend, verdict, source, &files)?;
        out.push_str(&format!("  {:<9} {line}\n", backend.word()));
    }
    if firewall.backends == [FirewallBackend::Ufw] {
        out.push_str("  docker    UFW does not see a port that Docker publishes: this holds on bare metal only\n");
    }
    if firewall.limited() && matches!(verdict, Verdict::Allowed(_) | Verdict::Open) {
        out.push_str(&format!("  limits    {}\n", limits(firewall)));
    }
    console::out(&out);
    Ok(Exit::Fine)
}

/// Most entries that are shown: who takes access away reads them one by one.
const ENTRIES: usize = 20;

fn sentence(firewall: &Firewall, verdict: Verdict<'_>) -> String {
    let port = firewall.port;
    match verdict {
        Verdict::Loopback => format!("allowed to connect to port {port}: it is the host itself"),
        Verdict::Allowed(_) => format!("allowed to connect to port {port}"),
        Verdict::Open => format!("allowed to connect to port {port}, like everyone"),
        Verdict::Denied if firewall.admits == Admits::Loopback => {
            format!("denied: exposure `localhost` admits only the host itself to port {port}")
        }
        Verdict::Denied => format!("denied: no entry of network.allow admits it to port {port}"),
    }
}

fn limits(firewall: &Firewall) -> String {
    let connections = firewall.connections.map(|most| format!("{most} connections at a time"));
    let rate = firewall
        .rate
        .map(|rate| format!("{} new ones each {}, {} at once after a pause", rate.count, rate.per, rate.burst));
    let both: Vec<String> = [connections, rate].into_iter().flatten().collect();
    let ufw = if firewall.backends.contains(&FirewallBackend::Ufw) { "; UFW keeps none" } else { "" };
    format!("{}{ufw}", both.join(", "))
}

/// File, number and text of the line that decides.
fn line(
    firewall: &Firewall,
    backend: FirewallBackend,
    verdict: Verdict<'_>,
    source: IpAddr,
    files: &[File],
) -> Result<String, String> {
    let chain = &firewall.chain;
    let (file, start) = match (backend, verdict) {
        (FirewallBackend::Nftables, _) => (
            "firewall/redisgen.nft",
            match verdict {
                Verdict::Loopback => "iif \"lo\" accept".to_owned(),
                Verdict::Allowed(_) if source.is_ipv4() => "ip saddr @allow4 ".to_owned(),
                Verdict::Allowed(_) => "ip6 saddr @allow6 ".to_owned(),
                Verdict::Open => "goto within_limits".to_owned(),
                Verdict::Denied => "drop".to_owned(),
            },
        ),
        (FirewallBackend::Iptables, _) => (
            if source.is_ipv4() { "firewall/iptables.v4" } else { "firewall/iptables.v6" },
            match verdict {
                Verdict::Loopback => "-I PREROUTING ! -i lo ".to_owned(),
                Verdict::Allowed(allowed) => format!("-A {chain} -s {} ", Network(allowed.network)),
                Verdict::Open => format!("-A {chain} -g "),
                Verdict::Denied => format!("-A {chain} -j DROP"),
            },
        ),
        (FirewallBackend::Ufw, Verdict::Loopback) => return Ok("UFW's own first rules accept the loopback".to_owned()),
        (FirewallBackend::Ufw, _) => (
            "firewall/ufw.sh",
            match verdict {
                Verdict::Allowed(allowed) => Network(allowed.network).to_string(),
                Verdict::Denied => "echo \"deny log ".to_owned(),
                _ => "echo \"allow ".to_owned(),
            },
        ),
    };
    let text = files.iter().find(|written| written.path == file).map(|written| String::from_utf8_lossy(&written.bytes));
    let text = text.ok_or_else(|| format!("{file} is not written"))?;
    let found = text.lines().enumerate().find(|(_, line)| line.trim_start().starts_with(&start));
    let (number, line) = found.ok_or_else(|| format!("{file} has no line `{start}`"))?;
    Ok(format!("{file}:{}: {}", number + 1, line.trim_start()))
}
