//! Rules on the application's own code.

use super::{Rule, Sink, WARNING};
use crate::model::Model;
use crate::session;
use crate::topic;

pub(super) const RULES: &[Rule] = &[Rule {
    id: "encryption-without-sessions",
    severity: WARNING,
    title: "No application may keep the sessions that shall be encrypted",
    topic: topic::APPLICATION_ENCRYPTION,
    why: "`application_encryption` asks for code that keeps encrypted sessions, written for the first enabled application. It needs SET, GET, DEL and EXPIRE, and keys with a common start that it may read and write; else there is no code, and nothing is encrypted.",
    fix: "Give the first enabled application these commands and such keys, or remove `application_encryption`.",
    source: "client/python/redis_sessions.py",
    waivable: true,
    check: Some(without_sessions),
}];

fn without_sessions(model: &Model, sink: &mut Sink) {
    if model.profile.application_encryption.is_none() {
        return;
    }
    match model.application() {
        None => {
            sink.report("application_encryption", "there is no enabled application; no code that encrypts is written");
        }
        Some(user) => {
            if let Some(lacks) = session::lacks(model, user) {
                let message = format!("`{}` lacks {lacks}; no code that encrypts is written", user.name);
                sink.report("application_encryption", message);
            }
        }
    }
}
