//! `terraform/azure`: a managed disk with a key of its own.

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Allowed, Snapshots, module};
use crate::cloud::Cloud;
use crate::model::Model;

module!("azure", |model| data(model).is_some(), data);

#[derive(Serialize)]
struct Azure<'model> {
    name: &'model str,
    environment: &'static str,
    location: &'model str,
    resource_group: &'model str,
    key_vault: String,
    gib: u64,
    sizes: [u64; 2],
    snapshots: Option<Snapshots>,
    port: u16,
    allowed: Vec<Allowed<'model>>,
}

fn data(model: &Model) -> Option<Azure<'_>> {
    let azure = model.profile.encryption_at_rest.as_ref()?.azure.as_ref()?;
    let (location, resource_group) = (azure.location.as_str(), azure.resource_group.as_str());
    Some(Azure {
        name: &model.project,
        environment: model.profile.environment.word(),
        location,
        resource_group,
        key_vault: key_vault(&model.project, resource_group, location),
        gib: Cloud::Azure.gib(azure.size)?,
        sizes: super::sizes(Cloud::Azure),
        snapshots: super::snapshots(model, Cloud::Azure),
        port: model.profile.network.port,
        allowed: super::allowed(model),
    })
}

/// A key vault's name has at most 24 characters and is unique in all of Azure: the digest keeps deployments apart.
fn key_vault(project: &str, resource_group: &str, location: &str) -> String {
    let digest = crate::hex(&Sha256::digest(format!("{project}\n{resource_group}\n{location}")));
    format!("redis-{}", digest.get(..16).unwrap_or_default())
}
