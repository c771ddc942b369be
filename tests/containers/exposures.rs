//! Who can reach the port.

use std::process::Output;

use crate::deployment::*;
use crate::engine::*;
use crate::program::*;

/// A development profile with a password, so that any exposure is possible.
fn exposed(name: &str, network: &str) -> Deployment {
    let profile = format!(
        "version: 1\nname: {name}\nenvironment: development\nengine: {{ kind: redis, version: \"{VERSION}\" }}\n\
         network: {network}\ntls: {{ mode: server }}\n\
         waivers: [{{ rule: version-open-to-strangers, reason: the image has no newer server }}]\nusers:\n  - {{ name: admin, role: admin }}\n  - {{ name: app, role: application, keys: [\"app:*\"] }}\n"
    );
    Deployment::new(name, &profile)
}

/// The answer to a correct login from another machine.
fn neighbour(engine: &Engine, deployment: &Deployment, address: &str) -> Output {
    engine.outside(&redis_cli(deployment, "admin", &deployment.password("admin"), address, "6390", &["ping"]))
}

fn published(engine: &Engine, deployment: &Deployment) -> Vec<String> {
    let text = stdout(&good("port", engine.docker(&["port", &engine.container(deployment, "redis")])));
    text.lines().map(|line| line.trim_start_matches("6379/tcp -> ").to_owned()).collect()
}

#[test]
fn exposures_publish_what_they_say() {
    let engine = Engine::start();
    three_lines_are_enough(&engine);
    internal_publishes_nothing(&engine);
    open_publishes_everywhere(&engine);
    open_publishes_where_it_listens(&engine);
    a_subnet_is_used(&engine);
    an_existing_network_is_joined(&engine);
}

/// Production's defaults: server TLS, an administrator and one application.
fn three_lines_are_enough(engine: &Engine) {
    let minimal = Deployment::new(
        "prod-minimal",
        &format!("{}engine: {{ version: \"{VERSION}\" }}\n", Deployment::fixture("prod-minimal")),
    );
    engine.up(&minimal);
    assert_eq!(published(engine, &minimal), ["127.0.0.1:6379"]);
    let logs = both(&engine.docker(&["logs", &engine.container(&minimal, "app")]));
    assert_eq!(logs.lines().collect::<Vec<_>>(), ["PONG", "OK", "stored"]);
    refused("a neighbour", &engine.outside(&plain_ping(HOST4, "6379")), "Connection refused");
    engine.down(&minimal);
}

fn internal_publishes_nothing(engine: &Engine) {
    let internal = exposed("internal", "{ exposure: internal, port: 6390 }");
    engine.up(&internal);
    assert_eq!(published(engine, &internal), [""; 0]);
    let id = engine.container(&internal, "redis");
    assert_eq!(
        engine.inspect(&id, "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}"),
        "internal-dev_app"
    );
    for address in ["127.0.0.1", HOST4] {
        let words = redis_cli(&internal, "admin", &internal.password("admin"), address, "6390", &["ping"]);
        refused("the host's port", &engine.inside(&words), "Connection refused");
    }
    // The application reached it all the same: `up` waited for that.
    engine.down(&internal);
}

fn open_publishes_everywhere(engine: &Engine) {
    let open = exposed("open", "{ exposure: open, port: 6390 }");
    engine.up(&open);
    let mut addresses = published(engine, &open);
    addresses.sort();
    assert_eq!(addresses, ["0.0.0.0:6390", "[::]:6390"]);
    for address in [HOST4, HOST6] {
        assert_eq!(stdout(&good(address, neighbour(engine, &open, address))), "PONG");
    }
    // Open is not free: still a password.
    let wrong = redis_cli(&open, "admin", "wrong", HOST4, "6390", &["ping"]);
    refused("a wrong password", &engine.outside(&wrong), "WRONGPASS");
    engine.down(&open);
}

fn open_publishes_where_it_listens(engine: &Engine) {
    // Of the two families of the same interface only one address is listed.
    let listen = exposed("listen", &format!("{{ exposure: open, port: 6390, listen: [127.0.0.1, \"{HOST6}\"] }}"));
    engine.up(&listen);
    let mut addresses = published(engine, &listen);
    addresses.sort();
    assert_eq!(addresses, ["127.0.0.1:6390".to_owned(), format!("[{HOST6}]:6390")]);
    assert_eq!(stdout(&good("IPv6", neighbour(engine, &listen, HOST6))), "PONG");
    refused("IPv4", &neighbour(engine, &listen, HOST4), "Connection refused");
    engine.down(&listen);
}

fn a_subnet_is_used(engine: &Engine) {
    let subnet = exposed("subnet", "{ exposure: localhost, port: 6390, docker: { subnet: 10.77.3.0/24 } }");
    engine.up(&subnet);
    let seen = good(
        "network",
        engine.docker(&[
            "network",
            "inspect",
            "--format",
            "{{range .IPAM.Config}}{{.Subnet}}{{end}} {{.Internal}}",
            "subnet-dev_app",
        ]),
    );
    assert_eq!(stdout(&seen), "10.77.3.0/24 true");
    let address =
        engine.inspect(&engine.container(&subnet, "app"), "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}");
    assert!(address.starts_with("10.77.3."), "{address}");
    engine.down(&subnet);
}

fn an_existing_network_is_joined(engine: &Engine) {
    let joined = exposed("joined", "{ exposure: localhost, port: 6390, docker: { network: shared } }");
    refused("a network that is not there", &engine.compose(&joined, &["up", "--detach"]), "shared");
    good("network", engine.docker(&["network", "create", "--internal", "shared"]));
    engine.up(&joined);
    assert!(
        engine
            .inspect(
                &engine.container(&joined, "app"),
                "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}"
            )
            .starts_with("shared")
    );
    // A client that was there before, and belongs to nobody's compose file.
    let reply = engine.docker(&[
        "run",
        "--rm",
        "--network",
        "shared",
        IMAGE,
        "redis-cli",
        "-h",
        "redis",
        "--tls",
        "--insecure",
        "ping",
    ]);
    assert!(both(&reply).contains("NOAUTH"), "{}", both(&reply));
    engine.down(&joined);
    good("the network is not ours to remove", engine.docker(&["network", "inspect", "shared"]));
}
