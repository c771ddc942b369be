//! `terraform/vault`: the passwords in HashiCorp Vault, if that keeps them.

use serde::Serialize;

use super::module;
use crate::model::Model;
use crate::profile::SecretStore;

module!("vault", |model| data(model).is_some_and(|vault| !vault.users.is_empty()), data);

#[derive(Serialize)]
struct Vault<'model> {
    address: &'model str,
    mount: &'model str,
    path: String,
    users: Vec<&'model str>,
}

/// Where below the mount the passwords are, one for each user.
pub(in crate::artefact) fn path(model: &Model) -> String {
    format!("redis/{}", model.project)
}

fn data(model: &Model) -> Option<Vault<'_>> {
    let secrets = &model.profile.secrets;
    let vault = secrets.vault.as_ref().filter(|_| secrets.store == SecretStore::Vault)?;
    Some(Vault {
        address: vault.address.as_str(),
        mount: vault.mount.as_str(),
        path: path(model),
        users: super::users(model),
    })
}
