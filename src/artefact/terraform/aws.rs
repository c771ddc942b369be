//! `terraform/aws`: an EBS volume with a key of its own, and the passwords if AWS Secrets Manager keeps them.

use serde::Serialize;

use super::{Allowed, Snapshots, module};
use crate::cloud::Cloud;
use crate::format::Region;
use crate::model::Model;
use crate::profile::SecretStore;

module!("aws", |model| volume(model).is_some() || secrets(model).is_some(), data);

#[derive(Serialize)]
struct Aws<'model> {
    name: &'model str,
    environment: &'static str,
    region: &'model str,
    volume: Option<Volume<'model>>,
    secrets: Option<Secrets<'model>>,
}

#[derive(Serialize)]
struct Volume<'model> {
    availability_zone: &'model str,
    gib: u64,
    sizes: [u64; 2],
    snapshots: Option<Snapshots>,
    port: u16,
    allowed: Vec<Allowed<'model>>,
}

#[derive(Serialize)]
struct Secrets<'model> {
    users: Vec<&'model str>,
    rotation_days: u64,
}

fn data(model: &Model) -> Aws<'_> {
    let profile = &model.profile;
    let of_volume = profile.encryption_at_rest.as_ref().and_then(|rest| rest.aws.as_ref()).map(|aws| &aws.region);
    let of_secrets = profile.secrets.aws.as_ref().map(|aws| &aws.region);
    Aws {
        name: &model.project,
        environment: profile.environment.word(),
        region: of_volume.or(of_secrets).map(Region::as_str).unwrap_or_default(),
        volume: volume(model),
        secrets: secrets(model),
    }
}

fn volume(model: &Model) -> Option<Volume<'_>> {
    let aws = model.profile.encryption_at_rest.as_ref()?.aws.as_ref()?;
    Some(Volume {
        availability_zone: aws.availability_zone.as_str(),
        gib: Cloud::Aws.gib(aws.size)?,
        sizes: super::sizes(Cloud::Aws),
        snapshots: super::snapshots(model, Cloud::Aws),
        port: model.profile.network.port,
        allowed: super::allowed(model),
    })
}

/// The secrets, if the store is AWS Secrets Manager and there is anything to keep.
fn secrets(model: &Model) -> Option<Secrets<'_>> {
    let wanted = model.profile.secrets.store == SecretStore::AwsSecretsManager && model.clients().next().is_some();
    wanted.then(|| Secrets {
        users: super::users(model),
        // checkov, too, asks for a password that is no older than 90 days.
        rotation_days: model.profile.secrets.rotate_after.map_or(90, |time| time.seconds() / 86_400),
    })
}
