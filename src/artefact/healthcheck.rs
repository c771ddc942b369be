//! `redis/healthcheck.sh`: fails on wrong credentials, which `redis-cli ping` by itself does not.

use serde::Serialize;

use super::{Artefact, cli, context};

pub(super) const ARTEFACT: Artefact = Artefact {
    path: |_| "redis/healthcheck.sh".to_owned(),
    mode: 0o755,
    wanted: |_| true,
    template: "redis/healthcheck.sh",
    context: |model| {
        context(
            model,
            HealthCheck {
                cli: cli(model),
                folder: model.layout.secrets.clone(),
                port: model.layout.port,
                password: model.passwords(),
                tls: model.tls(),
                mutual: model.mutual(),
            },
        )
    },
};

#[derive(Serialize)]
struct HealthCheck {
    cli: &'static str,
    folder: String,
    port: u16,
    password: bool,
    tls: bool,
    mutual: bool,
}
