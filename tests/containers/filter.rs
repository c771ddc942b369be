//! The packet filter in front of ports that Docker publishes: who reaches them, and that Docker, its other rules
//! and the containers' own connections go on.

use crate::deployment::*;
use crate::engine::*;
use crate::program::*;

const PORT: &str = "6390";
/// Further addresses of the host. The neighbour answers to them as somebody else.
const OTHER4: &str = "198.51.100.10";
const OTHER6: &str = "2001:db8:7267::10";
/// Whom the neighbour is then: these are in no list.
const STRANGER4: &str = "203.0.113.1";
const STRANGER6: &str = "2001:db8:dead::1";

#[test]
fn nftables_guards_published_ports() {
    guards("nftables");
}

#[test]
fn iptables_guards_published_ports() {
    guards("iptables");
}

fn guards(backend: &str) {
    let engine = Engine::start();
    for line in [&format!("ip addr add {OTHER4}/32 dev rg-up"), &format!("ip addr add {OTHER6}/128 dev rg-up nodad")] {
        good(line, engine.inside(&line.split(' ').collect::<Vec<_>>()));
    }
    for line in [
        &format!("ip addr add {STRANGER6}/128 dev lo nodad"),
        &format!("ip route add {OTHER4} via {HOST4} src {STRANGER4}"),
        &format!("ip route add {OTHER6} via {HOST6} src {STRANGER6}"),
    ] {
        good(line, engine.outside(&line.split(' ').collect::<Vec<_>>()));
    }
    // Without TLS, so that a bare connection tells whether the server is reached: it asks for a password.
    let deployment = |name: &str, network: &str| {
        let profile = format!(
            "version: 1\nname: {name}\nenvironment: development\nengine: {{ kind: redis, version: \"{VERSION}\" }}\n\
             network:\n  port: {PORT}\n  {network}\n  firewall: {{ backends: [{backend}] }}\n\
             users:\n  - {{ name: admin, role: admin }}\n  - {{ name: app, role: application, keys: [\"app:*\"] }}\n"
        );
        Deployment::new(name, &profile)
    };
    let listed = "exposure: allowlist\n  allow: [{ source: 198.51.100.2 }, { source: \"2001:db8:7267::2\" }]";
    only_listed_sources_connect(&engine, &deployment("listed", listed));
    nobody_but_the_host_connects(&engine, &deployment("local", "exposure: localhost"));
}

/// True if the server answers, false if nobody does.
#[track_caller]
fn reaches(reply: &std::process::Output) -> bool {
    let text = both(reply);
    assert!(reply.status.code() == Some(124) || text.contains("NOAUTH"), "{}:\n{text}", reply.status);
    text.contains("NOAUTH")
}

/// Whom of the outside the server answers: the listed neighbour, then the stranger, over both families, and both
/// past the published port.
#[track_caller]
fn answered(engine: &Engine, container: &str) -> [bool; 6] {
    let ping = |address: &str, port: &str| {
        reaches(&engine.outside(&["timeout", "1.5", "redis-cli", "-e", "-h", address, "-p", port, "ping"]))
    };
    let straight = |source: &str| {
        let route = ["ip", "route", "replace", container, "via", HOST4, "src", source];
        good("route", engine.outside(&route));
        ping(container, "6379")
    };
    [
        ping(HOST4, PORT),
        ping(HOST6, PORT),
        straight("198.51.100.2"),
        ping(OTHER4, PORT),
        ping(OTHER6, PORT),
        straight(STRANGER4),
    ]
}

/// The server's address in the network that publishes its port.
fn edge(engine: &Engine, deployment: &Deployment) -> String {
    let id = engine.container(deployment, "redis");
    let network = format!("{}-dev_edge", deployment.name);
    engine.inspect(&id, &format!("{{{{(index .NetworkSettings.Networks \"{network}\").IPAddress}}}}"))
}

/// What is loaded, without counts.
fn loaded(engine: &Engine) -> String {
    let list = "iptables-save; ip6tables-save; nft -s list tables 2>/dev/null";
    let text = stdout(&good("listing", engine.inside(&["sh", "-c", list])));
    let lines = text.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(" [").next().expect("a line"));
    lines.collect::<Vec<_>>().join("\n")
}

fn script(engine: &Engine, deployment: &Deployment, name: &str) {
    good(name, engine.inside(&[deployment.path(&format!("firewall/{name}"))]));
}

/// The host itself, and the application, whose own container is checked by Compose.
#[track_caller]
fn the_host_is_served(engine: &Engine, deployment: &Deployment, addresses: &[&str]) {
    for address in addresses {
        assert!(reaches(&engine.inside(&["timeout", "1.5", "redis-cli", "-e", "-h", address, "-p", PORT, "ping"])));
    }
    let app = engine.container(deployment, "app");
    assert!(reaches(&engine.exec(&app, &["timeout", "1.5", "redis-cli", "-e", "-h", "redis", "ping"])));
}

fn only_listed_sources_connect(engine: &Engine, deployment: &Deployment) {
    engine.up(deployment);
    assert_eq!(answered(engine, &edge(engine, deployment)), [true; 6], "the control");
    // Somebody else's rules. Without any, iptables would show the table that ours stood in, empty, for ever.
    let foreign = "for tool in iptables ip6tables; do $tool -t mangle -A FORWARD -p tcp --dport 2 -j DROP; done";
    good("foreign rules", engine.inside(&["sh", "-euc", foreign]));
    let before = loaded(engine);
    script(engine, deployment, "apply.sh");
    let listed_only = [true, true, true, false, false, false];
    assert_eq!(answered(engine, &edge(engine, deployment)), listed_only);
    the_host_is_served(engine, deployment, &["127.0.0.1", HOST4, "::1"]);

    // A replica's connection to a Redis far away, on Redis' own port.
    let far = Far::start(engine, "6379");
    let dial = ["timeout", "3", "redis-cli", "-h", STRANGER4, "ping"];
    assert_eq!(stdout(&engine.exec(&engine.container(deployment, "redis"), &dial)), "PONG");
    drop(far);

    // Docker changes its own rules: ours stay, and so do Docker's when ours go.
    good("network", engine.docker(&["network", "create", "another"]));
    good("network", engine.docker(&["network", "rm", "another"]));
    assert_eq!(answered(engine, &edge(engine, deployment)), listed_only, "after Docker's own changes");
    script(engine, deployment, "remove.sh");
    assert_eq!(loaded(engine), before);

    // The rules first, and Docker's network and port after them.
    engine.down(deployment);
    script(engine, deployment, "apply.sh");
    engine.up(deployment);
    the_bridges_have_the_rules_names(engine, deployment);
    assert_eq!(answered(engine, &edge(engine, deployment)), listed_only, "the rules were there first");
    the_host_is_served(engine, deployment, &["127.0.0.1", HOST4]);
    script(engine, deployment, "remove.sh");
    assert_eq!(answered(engine, &edge(engine, deployment)), [true; 6], "the control");
    engine.down(deployment);
}

fn the_bridges_have_the_rules_names(engine: &Engine, deployment: &Deployment) {
    let files = ["firewall/redisgen.nft", "firewall/iptables.v4"].map(|name| deployment.path(name));
    let rules: String = files.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    for network in ["app", "edge"] {
        let name = format!("{}-dev_{network}", deployment.name);
        let option = r#"{{index .Options "com.docker.network.bridge.name"}}"#;
        let bridge = stdout(&good("network", engine.docker(&["network", "inspect", "--format", option, &name])));
        good("the kernel knows it", engine.inside(&["ip", "link", "show", &bridge]));
        let (tag, _) = bridge.rsplit_once('-').expect("a name with an end");
        assert!(rules.contains(&format!("{tag}-*")) || rules.contains(&format!("{tag}-+")), "{bridge} in:\n{rules}");
    }
}

fn nobody_but_the_host_connects(engine: &Engine, deployment: &Deployment) {
    engine.up(deployment);
    // A neighbour that sends packets for 127.0.0.1 to the host.
    let steps = format!(
        "ip addr del 127.0.0.1/8 dev lo; echo 1 >/proc/sys/net/ipv4/conf/rg-up/route_localnet; \
         ip route add 127.0.0.1 via {HOST4} src 198.51.100.2"
    );
    good("a neighbour's routes", engine.outside(&["sh", "-euc", &steps]));
    let container = edge(engine, deployment);
    good("route", engine.outside(&["ip", "route", "replace", &container, "via", HOST4]));
    let answered = || {
        [("127.0.0.1", PORT), (&container, "6379")].map(|(address, port)| {
            reaches(&engine.outside(&["timeout", "1.5", "redis-cli", "-e", "-h", address, "-p", port, "ping"]))
        })
    };
    assert_eq!(answered(), [true; 2], "the control: this Docker lets a neighbour in");
    refused("the host's address", &engine.outside(&plain_ping(HOST4, PORT)), "Connection refused");
    script(engine, deployment, "apply.sh");
    assert_eq!(answered(), [false; 2]);
    dropped("the host's address", &engine.outside(&plain_ping(HOST4, PORT)));
    the_host_is_served(engine, deployment, &["127.0.0.1"]);
    script(engine, deployment, "remove.sh");
    assert_eq!(answered(), [true; 2], "the control");
    engine.down(deployment);
}
