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

fn data(model: &Model) -> Option<Vault<'_>> {
    let secrets = &model.profile.secrets;
    let vault = secrets.vault.as_ref().filter(|_| secrets.store == SecretStore::Vault)?;
    Some(Vault {
        address: vault.address.as_str(),
        mount: vault.mount.as_str(),
        path: format!("redis/{}", model.project),
        users: super::users(model),
    })
}
