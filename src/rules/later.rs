//! Sections whose artefacts a later version brings: nothing a profile asks for is dropped in silence.

use super::{INFO, Rule, Sink};
use crate::model::Model;
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
    let asked = [
        (profile.backups.is_some(), "backups", "the backup service and its scripts"),
        (profile.secrets.rotate_after.is_some(), "secrets.rotate_after", "rotation and its reminders"),
    ];
    for (wanted, path, what) in asked {
        if wanted {
            sink.report(path, format!("not written by this version yet: {what}"));
        }
    }
}
