//! What can come out: one line of the table per artefact, which names its file, its template and the
//! function that makes the template's data. `plan` picks those that the model asks for.

mod access;
pub mod access_sheet;
pub mod app_compose;
pub mod backup;
mod client;
pub mod compose;
mod firewall;
mod healthcheck;
mod incident;
mod luks;
mod monitoring;
pub mod redis_conf;
mod runbook;
mod secret_store;
mod security_sheet;
mod security_test;
mod terraform;
pub mod users_acl;

use minijinja::value::Value;
use serde::Serialize;

use crate::layout::Layout;
use crate::model::Model;
use crate::render::File;

pub use users_acl::LOCKED;

/// Port of the server inside the container.
pub const PORT: u16 = Layout::PORT;
/// Folder of the configuration inside the container.
pub const CONF: &str = Layout::CONF;
/// Folder of `secrets/server` inside the container.
pub const SECRETS: &str = Layout::SECRETS;

/// A kind of file that redisgen writes.
pub struct Artefact {
    /// Path below the output folder.
    pub path: fn(&Model) -> String,
    /// File mode.
    pub mode: u32,
    /// True if the model asks for it.
    pub wanted: fn(&Model) -> bool,
    /// Name of the template.
    pub template: &'static str,
    /// Data for the template; every decision is taken here.
    pub context: fn(&Model) -> Value,
}

/// All artefacts, in the order in which a reader looks at them.
pub const ARTEFACTS: &[&[Artefact]] = &[
    &[compose::ARTEFACT, app_compose::ARTEFACT, redis_conf::ARTEFACT, users_acl::ARTEFACT, healthcheck::ARTEFACT],
    firewall::ARTEFACTS,
    &[luks::ARTEFACT],
    backup::ARTEFACTS,
    &[access::SSH_CONFIG, access::TUNNEL, access::CLIENT],
    client::ARTEFACTS,
    terraform::aws::MODULE,
    terraform::gcp::MODULE,
    terraform::azure::MODULE,
    terraform::vault::MODULE,
    secret_store::ARTEFACTS,
    monitoring::ARTEFACTS,
    &[security_test::ARTEFACT],
    incident::ARTEFACTS,
    &[access_sheet::ARTEFACT, runbook::ARTEFACT],
];

/// A document that points at lines of the other files, and is made after them.
pub struct Document {
    /// Path below the output folder.
    pub path: &'static str,
    /// Name of the template.
    pub template: &'static str,
    /// Data for the template, from the model and the files that it points at.
    pub context: fn(&Model, &[File]) -> Value,
}

/// All documents; every deployment has them.
pub const DOCUMENTS: &[Document] = &[security_sheet::DOCUMENT];

/// The artefacts of this model.
pub fn plan(model: &Model) -> impl Iterator<Item = &'static Artefact> {
    ARTEFACTS.iter().copied().flatten().filter(|artefact| (artefact.wanted)(model))
}

/// Adds the profile's name, for the header.
fn context<T: Serialize>(model: &Model, data: T) -> Value {
    with_source(&model.source, data)
}

fn with_source<T: Serialize>(source: &str, data: T) -> Value {
    minijinja::context! { source, ..Value::from(minijinja::value::Serde(&data)) }
}

/// Name of the command line client in the engine's image.
pub fn cli(model: &Model) -> &'static str {
    match model.profile.engine.kind {
        crate::profile::EngineKind::Redis => "redis-cli",
        crate::profile::EngineKind::Valkey => "valkey-cli",
    }
}
