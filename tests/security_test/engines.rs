//! The script holds against what was built, on every server and in every mode of TLS.

use crate::deployment::{Deployment, development_profile, production_profile, replaced};
use crate::engine::{self, Engine};
use crate::sandbox::Server;
use crate::tap::Tap;

/// Users of every role, published on the loopback.
pub fn profile(engine: &Engine, tls: &str) -> String {
    format!(
        r#"version: 1
name: shop
environment: production
{}
tls: {{ mode: {tls}, names: [redis, localhost], addresses: [127.0.0.1] }}
users:
  - {{ name: admin, role: admin }}
  - {{ name: cart, role: application, keys: ["cart:*"], channels: ["cart:*"] }}
  - {{ name: listed, role: application, keys: ["user:*"], commands: [+get, +set] }}
  - {{ name: reports, role: readonly, keys: ["cart:*"] }}
  - {{ name: grafana, role: monitoring }}
  - {{ name: Narrow_9.x-y, role: custom, keys: ["n[a-z]*:{{x}}:$(id)*"], commands: [+@read, -@dangerous] }}
  - {{ name: retired, role: application, keys: ["old:*"], enabled: false }}
"#,
        engine.section()
    )
}

#[test]
fn holds_on_every_engine() {
    for engine in engine::all() {
        let deployment = Deployment::build(&profile(&engine, "disabled"));
        let server = Server::boot(&deployment, &engine);
        let tap = Tap::of(&server, &[]);
        tap.holds();
        assert!(tap.checks.len() > 40, "{engine:?}:\n{}", tap.text);
    }
}

#[test]
fn holds_in_every_mode_of_tls() {
    for tls in ["server", "mutual"] {
        let deployment = Deployment::build(&profile(&engine::debian(), tls));
        let server = Server::boot(&deployment, &engine::debian());
        Tap::of(&server, &[]).holds();
    }
    let profile = replaced(&production_profile(), "minimum: \"1.2\"", "minimum: \"1.3\"");
    let deployment = Deployment::build(&profile);
    let server = Server::boot(&deployment, &engine::debian());
    let tap = Tap::of(&server, &["--host", "127.0.0.1"]);
    tap.holds();
    assert!(tap.text.contains("TLS 1.2 is refused"), "{}", tap.text);
}

#[test]
fn holds_in_development_and_with_renamed_commands() {
    let deployment = Deployment::build(&development_profile());
    let server = Server::boot(&deployment, &engine::debian());
    let tap = Tap::of(&server, &["--port", "6379"]);
    tap.holds();
    assert!(tap.text.contains("whoever gets to the port is served"), "{}", tap.text);
    drop(server);
    for engine in engine::all() {
        let renamed = format!(
            "{}commands: {{ disabled: [flushall, config, eval, shutdown, keys], rename: true }}\nwaivers: [{{ rule: rename-meets-old-aof, reason: a test }}]\n",
            profile(&engine, "disabled")
        );
        let deployment = Deployment::build(&renamed);
        let server = Server::boot(&deployment, &engine);
        Tap::of(&server, &[]).holds();
    }
}
