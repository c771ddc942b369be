//! `terraform/gcp`: a persistent disk with a key of its own.

use serde::Serialize;

use super::{Allowed, Snapshots, module};
use crate::cloud::Cloud;
use crate::model::Model;

module!("gcp", |model| data(model).is_some(), data);

#[derive(Serialize)]
struct Gcp<'model> {
    name: &'model str,
    environment: &'static str,
    project: &'model str,
    zone: &'model str,
    gib: u64,
    sizes: [u64; 2],
    snapshots: Option<Snapshots>,
    port: u16,
    allowed: Vec<Allowed<'model>>,
}

fn data(model: &Model) -> Option<Gcp<'_>> {
    let gcp = model.profile.encryption_at_rest.as_ref()?.gcp.as_ref()?;
    Some(Gcp {
        name: &model.project,
        environment: model.profile.environment.word(),
        project: gcp.project.as_str(),
        zone: gcp.zone.as_str(),
        gib: Cloud::Gcp.gib(gcp.size)?,
        sizes: super::sizes(Cloud::Gcp),
        snapshots: super::snapshots(model, Cloud::Gcp),
        port: model.profile.network.port,
        allowed: super::allowed(model),
    })
}
