//! `secret-store/`: how the host gets its users' passwords from Vault or from AWS Secrets Manager, if one of them keeps
//! them. Credentials of our own services are made on the host and stay there.

use minijinja::value::Value;
use serde::Serialize;

use super::{Artefact, context};
use crate::encode;
use crate::model::Model;
use crate::profile::SecretStore;

pub(super) const ARTEFACTS: &[Artefact] = &[
    Artefact {
        path: |_| "secret-store/fetch.sh".to_owned(),
        mode: 0o755,
        wanted: |model| place(model).is_some(),
        template: "secret-store/fetch.sh",
        context: data,
    },
    Artefact {
        path: |_| "secret-store/approle.sh".to_owned(),
        mode: 0o755,
        wanted: in_vault,
        template: "secret-store/approle.sh",
        context: data,
    },
    // Vault reads HCL of its own, an older one than Terraform's.
    Artefact {
        path: |_| "secret-store/agent.hcl".to_owned(),
        mode: 0o644,
        wanted: in_vault,
        template: "secret-store/agent.vault",
        context: data,
    },
    Artefact {
        path: |_| "secret-store/policy.hcl".to_owned(),
        mode: 0o644,
        wanted: in_vault,
        template: "secret-store/policy.vault",
        context: data,
    },
];

#[derive(Serialize)]
struct Store<'model> {
    project: &'model str,
    users: Vec<User<'model>>,
    #[serde(flatten)]
    place: Place<'model>,
}

/// Where passwords are.
#[derive(Serialize)]
#[serde(tag = "store", rename_all = "lowercase")]
enum Place<'model> {
    Vault { store_name: &'static str, address: &'model str, role: String },
    Aws { store_name: &'static str, region: &'model str },
}

#[derive(Serialize)]
struct User<'model> {
    name: &'model str,
    /// Path of its secret in Vault, as a policy names it.
    path: String,
    /// What the agent writes into its file.
    template: String,
}

/// None if passwords are files only, or there are none to keep.
fn place(model: &Model) -> Option<Place<'_>> {
    model.clients().next()?;
    let secrets = &model.profile.secrets;
    match secrets.store {
        SecretStore::Vault => Some(Place::Vault {
            store_name: "Vault",
            address: secrets.vault.as_ref()?.address.as_str(),
            role: format!("redis.{}", model.project),
        }),
        SecretStore::AwsSecretsManager => {
            Some(Place::Aws { store_name: "AWS Secrets Manager", region: secrets.aws.as_ref()?.region.as_str() })
        }
        SecretStore::Files | SecretStore::Dotenv => None,
    }
}

fn in_vault(model: &Model) -> bool {
    matches!(place(model), Some(Place::Vault { .. }))
}

fn data(model: &Model) -> Value {
    let mount = model.profile.secrets.vault.as_ref().map_or("", |vault| vault.mount.as_str());
    let user = |name| {
        // A store of version 2 has its values below `data`.
        let path = format!("{mount}/data/{}/{name}", super::terraform::vault::path(model));
        let template = format!("{{{{ with secret {} }}}}{{{{ .Data.data.password }}}}{{{{ end }}}}", encode::go(&path));
        User { name, path, template }
    };
    let users = model.clients().map(|client| user(client.name.as_str())).collect();
    context(model, place(model).map(|place| Store { project: &model.project, users, place }))
}
