//! `terraform/`: encrypted volumes in the clouds that the profile names, and the users' passwords in the store
//! that it names. One module per cloud, of five files that share their data.

pub(super) mod aws;
pub(super) mod azure;
pub(super) mod gcp;
pub(super) mod vault;

use serde::Serialize;

use crate::cloud::Cloud;
use crate::model::Model;

/// The five files of a module: `module!("aws", wanted, context)`.
macro_rules! module {
    ($name:literal, $wanted:expr, $context:expr) => {
        pub(in crate::artefact) const MODULE: &[$crate::artefact::Artefact] = &[
    module!(@file concat!("terraform/", $name, "/versions.tf"), $wanted, $context),
    module!(@file concat!("terraform/", $name, "/variables.tf"), $wanted, $context),
    module!(@file concat!("terraform/", $name, "/main.tf"), $wanted, $context),
    module!(@file concat!("terraform/", $name, "/outputs.tf"), $wanted, $context),
    module!(@file concat!("terraform/", $name, "/tests/redis.tftest.hcl"), $wanted, $context),
        ];
    };
    (@file $path:expr, $wanted:expr, $context:expr) => {
        $crate::artefact::Artefact {
            path: |_| $path.to_owned(),
            mode: 0o644,
            wanted: $wanted,
            template: $path,
            context: |model| $crate::artefact::context(model, $context(model)),
        }
    };
}
use module;

/// A network that may connect.
#[derive(Serialize)]
struct Allowed<'model> {
    network: String,
    comment: Option<&'model str>,
}

fn allowed(model: &Model) -> Vec<Allowed<'_>> {
    let comment = |place: usize| model.profile.network.allow.get(place)?.comment.as_ref();
    let entry = |allowed: &crate::allowlist::Allowed| Allowed {
        network: allowed.network.to_string(),
        // `terraform fmt` has no blanks at the end of a line.
        comment: comment(allowed.place).map(|comment| comment.as_str().trim()).filter(|comment| !comment.is_empty()),
    };
    model.allowed.iter().map(entry).collect()
}

/// How often snapshots are taken, and how long they are kept.
#[derive(Serialize)]
struct Snapshots {
    hours: u64,
    offered: &'static [u64],
    keep: u64,
    most: u64,
}

fn snapshots(model: &Model, cloud: Cloud) -> Option<Snapshots> {
    let chosen = cloud.snapshots(model.profile.backups.as_ref()?);
    Some(Snapshots { hours: chosen.hours, offered: cloud.intervals(), keep: chosen.keep, most: cloud.most_kept() })
}

fn sizes(cloud: Cloud) -> [u64; 2] {
    [*cloud.sizes().start(), *cloud.sizes().end()]
}

/// Users whose passwords are kept in the store.
fn users(model: &Model) -> Vec<&str> {
    model.clients().map(|user| user.name.as_str()).collect()
}
