//! The sections `resources`, `persistence`, `backups`, `secrets`, `encryption_at_rest` and `monitoring`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::choice;
use crate::format::{
    AbsolutePath, AgeRecipient, DevicePath, Duration, Image, Percent, Region, ResourceName, Size, Url,
};

choice! {
    /// What happens when memory is full.
    Eviction {
        Noeviction = "noeviction", AllkeysLru = "allkeys-lru", AllkeysLfu = "allkeys-lfu",
        AllkeysRandom = "allkeys-random", VolatileLru = "volatile-lru", VolatileLfu = "volatile-lfu",
        VolatileRandom = "volatile-random", VolatileTtl = "volatile-ttl",
    }
}

/// Memory, processor and connection limits.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Memory limit of the container.
    #[schemars(example = "512MiB")]
    pub memory: Option<Size>,
    /// Limit for data inside the server. Five eighths of `memory` if absent: the rest is room for
    /// copy-on-write while saving, buffers and fragmentation.
    #[schemars(example = "320MiB")]
    pub maxmemory: Option<Size>,
    /// What happens at that limit: refuse writes, or which keys to drop.
    pub eviction: Eviction,
    /// Processors that the container may use.
    #[schemars(range(min = 0.01, max = 1024), example = 1.0)]
    pub cpus: Option<f64>,
    /// Most clients at the same time.
    #[schemars(range(min = 10, max = 1_000_000))]
    pub max_clients: u32,
    /// Close connections that were idle this long; never if absent.
    #[schemars(example = "300s")]
    pub idle_timeout: Option<Duration>,
}

choice! {
    /// When the append-only file is forced to disk.
    Aof { Disabled = "disabled", Always = "always", Everysec = "everysec", Os = "os" }
}

/// What survives a restart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Persistence {
    /// When the append-only file is forced to disk: `always`, every second, when the operating system
    /// likes; `disabled` keeps none.
    pub aof: Aof,
    /// When a snapshot is written; none if empty.
    pub snapshots: Vec<Snapshot>,
}

/// A snapshot after so long if so much changed.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Time since the last one.
    #[schemars(example = "300s")]
    pub after: Duration,
    /// Least number of changes.
    #[schemars(range(min = 1, max = 2_147_483_647))]
    pub changes: u32,
}

/// Encrypted copies of the data, made on a schedule.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backups {
    /// Time between two backups.
    #[schemars(example = "24h")]
    pub every: Duration,
    /// How long a backup is kept.
    #[schemars(example = "14d")]
    pub keep: Duration,
    /// Folder on the host.
    #[schemars(example = "/srv/backup/redis")]
    pub directory: AbsolutePath,
    /// Public keys of the age recipients that can read the backups.
    #[schemars(length(min = 1))]
    pub encrypt_to: Vec<AgeRecipient>,
}

choice! {
    /// Where passwords are kept.
    SecretStore { Files = "files", Dotenv = "dotenv", Vault = "vault", AwsSecretsManager = "aws-secrets-manager" }
}

/// Where passwords and keys are kept, and how long.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// `files` below `secrets/`, HashiCorp Vault, or AWS Secrets Manager; `dotenv` adds a `.env` for each user in development.
    pub store: SecretStore,
    /// How old a password may become.
    #[schemars(example = "90d")]
    pub rotate_after: Option<Duration>,
    /// Where in Vault, for store `vault`.
    pub vault: Option<Vault>,
    /// Where in AWS, for store `aws-secrets-manager`.
    pub aws: Option<AwsSecrets>,
}

/// Where in Vault.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    /// Address of the Vault server.
    #[schemars(example = "https://vault.example.com:8200")]
    pub address: Url,
    /// Mount of the key-value store, version 2.
    #[schemars(example = &"secret")]
    pub mount: ResourceName,
}

/// Where in AWS Secrets Manager.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsSecrets {
    /// Region of the secrets.
    #[schemars(example = "us-east-1")]
    pub region: Region,
}

/// Encrypted volumes for the data.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EncryptionAtRest {
    /// An encrypted partition on the host.
    pub luks: Option<Luks>,
    /// An EBS volume with a key of its own.
    pub aws: Option<AwsVolume>,
    /// A persistent disk with a key of its own.
    pub gcp: Option<GcpVolume>,
    /// A managed disk with a key of its own.
    pub azure: Option<AzureVolume>,
}

/// An encrypted partition on the host.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Luks {
    /// The block device.
    #[schemars(example = "/dev/sdb1")]
    pub device: DevicePath,
    /// Where it is mounted.
    #[schemars(example = "/mnt/encrypted_redis")]
    pub mount: AbsolutePath,
}

/// An EBS volume.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsVolume {
    /// Region, as `us-east-1`.
    pub region: Region,
    /// Availability zone, as `us-east-1a`.
    pub availability_zone: Region,
    /// Size of the volume.
    pub size: Size,
}

/// A persistent disk.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GcpVolume {
    /// Project id.
    pub project: Region,
    /// Zone, as `us-central1-a`.
    pub zone: Region,
    /// Size of the disk.
    pub size: Size,
}

/// A managed disk.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureVolume {
    /// Location, as `eastus`.
    pub location: Region,
    /// Name of an existing resource group.
    pub resource_group: ResourceName,
    /// Size of the disk.
    pub size: Size,
}

choice! {
    /// How the application encrypts values.
    ApplicationEncryption { Fernet = "fernet" }
}

/// Metrics and alerts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Monitoring {
    /// Runs an exporter for Prometheus beside the server.
    pub exporter: bool,
    /// Image of the exporter, best with a digest: one whose first program is `redis_exporter`. `oliver006/redis_exporter`
    /// of the version that the tests run if absent.
    #[schemars(example = "oliver006/redis_exporter:v1.69.0")]
    pub image: Option<Image>,
    /// Port on the host's loopback where Prometheus reads the figures; 9121 if absent.
    #[schemars(range(min = 1, max = 65535), example = 9121)]
    pub port: Option<u16>,
    /// Thresholds of the alerts; no alerts if absent.
    pub alerts: Option<Alerts>,
}

/// Thresholds of the alerts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// Share of maxmemory that is in use.
    pub memory_above: Percent,
    /// Time that a command takes.
    pub latency_above: Duration,
}
