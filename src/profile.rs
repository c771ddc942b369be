//! The profile as its author writes it, after defaults and parents were merged in. Field documentation
//! here is what editors and `redisgen explain` show; nothing in these types reads or decides.

mod network;
mod operations;
mod users;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::format::{AclRule, CommandName, Date, EngineVersion, Image, ProfileName, RelativePath, Text};

pub use network::*;
pub use operations::*;
pub use users::*;

/// Declares a choice between words; variants carry no documentation of their own so that the schema
/// stays a plain `enum`.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, schemars::JsonSchema)]
        #[schemars(inline)]
        pub enum $name { $(#[serde(rename = $word)] #[allow(missing_docs, reason = "the words speak")] $variant),* }

        impl $name {
            /// The word that a profile writes.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),* }
            }
        }
    };
}
pub(crate) use choice;

/// A security profile for one Redis or Valkey deployment.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "redisgen profile")]
pub struct Profile {
    /// Version of the profile format; always 1.
    #[schemars(extend("enum" = [1]))]
    pub version: u8,
    /// Profiles that this one builds on, from left to right: relative paths of regular files. Mappings
    /// merge by key, lists and single values replace.
    #[schemars(length(max = 16), example = ["base.yaml"])]
    pub extends: Option<Vec<RelativePath>>,
    /// Name of the deployment: it prefixes networks, default keys and certificate subjects.
    #[schemars(example = "api-forge")]
    pub name: ProfileName,
    /// Where it runs; decides every default and how strict the rules are.
    pub environment: Environment,
    /// Which server runs.
    pub engine: Engine,
    /// Who can reach the server.
    pub network: NetworkSection,
    /// Encryption and authentication of connections.
    pub tls: Tls,
    /// Users and what they may do. Without any, only `default` exists (development only).
    #[schemars(length(max = 25_000))]
    pub users: Vec<User>,
    /// Commands that are kept from everyone but users of role `admin`.
    pub commands: Commands,
    /// Memory, processor and connection limits.
    pub resources: Resources,
    /// What survives a restart.
    pub persistence: Persistence,
    /// Encrypted copies of the data, made on a schedule.
    pub backups: Option<Backups>,
    /// Where passwords and keys are kept, and how long.
    pub secrets: Secrets,
    /// Encrypted volumes for the data.
    pub encryption_at_rest: Option<EncryptionAtRest>,
    /// Encryption of values by the application before they reach the server.
    pub application_encryption: Option<ApplicationEncryption>,
    /// Metrics and alerts.
    pub monitoring: Monitoring,
    /// Regimes whose controls the documents map to.
    pub compliance: Vec<Regime>,
    /// Further tuning directives of redis.conf, checked against the engine's own list. Values are the
    /// words that Redis reads, so `yes` and `no` are right here.
    #[schemars(example = BTreeMap::from([("hz", 10)]))]
    #[schemars(extend("maxProperties" = 1024))]
    pub config: BTreeMap<String, Word>,
    /// Findings that were looked at and accepted, each with a reason.
    #[schemars(length(max = 1024))]
    pub waivers: Vec<Waiver>,
}

choice! {
    /// Where a deployment runs.
    Environment { Development = "development", Production = "production" }
}

choice! {
    /// A server implementation.
    EngineKind { Redis = "redis", Valkey = "valkey" }
}

/// Which server runs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Engine {
    /// `redis` or `valkey`.
    pub kind: EngineKind,
    /// Exact version, quoted. Its line decides which directives, commands and ACL features exist.
    #[schemars(example = "7.4.11")]
    pub version: EngineVersion,
    /// Container image, best with a digest. The official Debian image of the version if absent.
    #[schemars(example = "redis:7.4.11-bookworm")]
    pub image: Option<Image>,
}

/// Commands that are kept from everyone but users of role `admin`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Commands {
    /// Commands, `command|subcommand` or quoted `"@category"`. Relatives that do the same are denied
    /// with them, as EVALSHA with EVAL and REPLICAOF with SLAVEOF.
    #[schemars(length(max = 1024), example = ["flushall", "keys", "@scripting"])]
    pub disabled: Vec<CommandName>,
    /// Take the disabled commands and their relatives from admins, too, by `rename-command` in redis.conf.
    /// ACL rules deny them to everyone else already. The server does not start on an append-only file that
    /// holds one of them, Sentinel cannot fail over, and exporters lose CONFIG; findings say what applies.
    pub rename: bool,
}

/// A scalar in the words of redis.conf: text or a whole number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word(pub String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(from)? {
            serde_json::Value::String(text) => Ok(Word(text)),
            serde_json::Value::Number(number) if number.is_i64() => Ok(Word(number.to_string())),
            _ => Err(serde::de::Error::custom("expected text or a whole number")),
        }
    }
}

impl JsonSchema for Word {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Word".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": ["string", "integer"]})
    }
}

/// A finding that was looked at and accepted.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Id of the rule, as findings print it.
    pub rule: String,
    /// Why it is acceptable here.
    pub reason: Text,
    /// Last day on which the waiver counts.
    #[schemars(example = "2027-01-31")]
    pub until: Option<Date>,
}

choice! {
    /// A regime whose controls the documents map to.
    Regime { Gdpr = "gdpr", Hipaa = "hipaa", PciDss = "pci-dss" }
}

/// A list of command rules, as a user states it.
pub type CommandRules = Vec<AclRule>;
