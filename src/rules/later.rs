//! Sections whose artefacts a later version brings: nothing a profile asks for is dropped in silence.

use super::{INFO, Rule, Sink};
use crate::model::Model;
use crate::profile::SecretStore;
use crate::topic;

pub(super) const RULES: &[Rule] = &[Rule {
    id: "not-emitted-yet",
    severity: INFO,
    title: "A section is checked, and its artefacts are not written yet",
    topic: topic::FORMAT,
    why: "This version of redisgen writes no files for it; what it describes must be set up by hand for now.",
    fix: "",
    source: "redisgen",
    waivable: true,
    check: Some(not_emitted),
}];

fn not_emitted(model: &Model, sink: &mut Sink) {
    let profile = &model.profile;
    let asked = [(
        profile.secrets.store != SecretStore::Files,
        "secrets.store",
        "access of the server to this store; Terraform fills it, passwords are files meanwhile",
    )];
    for (wanted, path, what) in asked {
        if wanted {
            sink.report(path, format!("not written by this version yet: {what}"));
        }
    }
}
