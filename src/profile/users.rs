//! The section `users`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{CommandRules, choice};
use crate::format::{ChannelPattern, KeyPattern, UserName};

choice! {
    /// What a user is for; expands to ACL rules.
    Role { Admin = "admin", Application = "application", Readonly = "readonly", Monitoring = "monitoring", Custom = "custom" }
}

/// A user and what it may do.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Name to log in with. `health`, `exporter` and `backup` are reserved.
    #[schemars(example = &"sessionapp")]
    pub name: UserName,
    /// `admin` may do everything; `application` works on its keys; `readonly` reads its keys;
    /// `monitoring` sees metrics and no data; `custom` has exactly the rules that stand here.
    pub role: Role,
    /// False keeps the user in the file but lets nobody log in.
    #[serde(default = "enabled")]
    pub enabled: bool,
    /// Key patterns: "user:*" to read and write, "%R~user:*" to read, "%W~user:*" to write.
    #[schemars(example = ["user:*"])]
    pub keys: Option<Vec<KeyPattern>>,
    /// Pub/sub channel patterns; none if absent.
    #[schemars(example = ["news:*"])]
    pub channels: Option<Vec<ChannelPattern>>,
    /// Command rules in order. For role `application` they replace the general read and write
    /// commands; connection commands are always added there.
    #[schemars(length(max = 1024), example = ["+get", "+set"])]
    pub commands: Option<CommandRules>,
    /// Further permissions beside the above, each with keys and commands of its own (7.0 and later).
    #[schemars(length(max = 64))]
    pub selectors: Option<Vec<Selector>>,
}

/// A further set of permissions of a user.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// Command rules in order.
    #[schemars(length(min = 1, max = 1024))]
    pub commands: CommandRules,
    /// Key patterns, as of a user.
    pub keys: Option<Vec<KeyPattern>>,
    /// Channel patterns, as of a user.
    pub channels: Option<Vec<ChannelPattern>>,
}

const fn enabled() -> bool {
    true
}
