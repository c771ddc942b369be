//! Rules on what project files demand of the profiles that they list; found by `check`, which knows the terms.

use super::{ERROR, Rule};
use crate::topic;

pub(super) const RULES: &[Rule] = &[Rule {
    id: "environment-not-as-agreed",
    severity: ERROR,
    title: "The profile's environment is not the one that redisgen.toml states",
    topic: topic::WAIVERS,
    why: "The environment decides defaults and severities: a profile that could call itself `development` would choose \
          to be judged mildly.",
    fix: "Write the environment that redisgen.toml states, or change it there, where its owners see it.",
    source: "redisgen.toml, version 1",
    waivable: false,
    check: None,
}];
