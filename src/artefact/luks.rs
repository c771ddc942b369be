//! `storage/luks.sh`: makes the encrypted volume on the host, opens and closes it; never formats what is not empty.

use serde::Serialize;

use super::{Artefact, context};
use crate::model::Model;

pub(super) const ARTEFACT: Artefact = Artefact {
    path: |_| "storage/luks.sh".to_owned(),
    mode: 0o755,
    wanted: |model| model.luks().is_some(),
    template: "storage/luks.sh",
    context: |model| context(model, script(model)),
};

#[derive(Serialize)]
struct Script<'model> {
    device: &'model str,
    mount: &'model str,
    name: String,
}

/// None if there is no volume; then the script is not wanted.
fn script(model: &Model) -> Option<Script<'_>> {
    let luks = model.luks()?;
    Some(Script { device: luks.device.as_str(), mount: luks.mount.as_str(), name: model.mapping() })
}
