//! Data at rest and its copies.

use super::{Item, Verdict};
use crate::model::Model;
use crate::session;
use crate::topic;

/// Encrypted volumes.
pub const AT_REST: Item = Item {
    id: "encrypted-at-rest",
    text: "Encryption at rest enabled (OS-level or cloud)",
    topic: topic::VOLUMES,
    judge: at_rest,
};

/// Values that the server cannot read.
pub const APPLICATION_ENCRYPTION: Item = Item {
    id: "encrypted-by-the-application",
    text: "Sensitive data encrypted at application level",
    topic: topic::APPLICATION_ENCRYPTION,
    judge: |model| match model.profile.application_encryption {
        Some(_) if session::encrypted(model).next().is_none() => Verdict::not_held(
            "The profile asks for it, and no application may keep sessions: no code that encrypts is written.",
        ),
        Some(_) => Verdict::outside(
            "`client/python/redis_sessions.py` encrypts sessions before they leave the application, which has to use it; its keys are in `secrets/clients/<user>/fernet.keys`. Moved off this host, they hold against root here, too.",
        ),
        None => Verdict::outside(
            "Whoever writes the application decides; it is the only encryption that holds against somebody who may read keys.",
        ),
    },
};

pub(super) const ITEMS: &[&Item] = &[
    &AT_REST,
    &APPLICATION_ENCRYPTION,
    &Item {
        id: "backups-encrypted",
        text: "Backups encrypted",
        topic: topic::BACKUP_ENCRYPTION,
        judge: |model| {
            match &model.profile.backups {
            Some(_) => Verdict::held(
                "`backup/backup.sh` encrypts with age on the way to the disk, to the recipients of the profile; what decrypts is not on this host.",
            )
            .shown(
                "backup/backup.sh",
                "age --recipient ",
                "tests/containers/backups.rs backups_come_back_on_an_encrypted_volume_with_the_append_only_file",
            ),
            None => Verdict::not_held("There are no backups; see `backups`."),
        }
        },
    },
    &Item {
        id: "backup-retention",
        text: "Backup retention policy defined",
        topic: topic::BACKUPS,
        judge: |model| match &model.profile.backups {
            Some(backups) => Verdict::outside(format!(
                "Defined: every `{}`, kept `{}`. Whoever operates the deployment installs `backup/redisgen-backup.timer`, keeps a second place, and tries `backup/restore.sh --verify-only`.",
                backups.every, backups.keep
            )),
            None => Verdict::not_held("There are no backups; see `backups`."),
        },
    },
];

fn at_rest(model: &Model) -> Verdict {
    let Some(asked) = &model.profile.encryption_at_rest else {
        return Verdict::not_held("Data lies in clear on the host's disk; see `encryption_at_rest`.");
    };
    let clouds: Vec<&str> = [
        asked.aws.as_ref().map(|_| "an EBS volume"),
        asked.gcp.as_ref().map(|_| "a persistent disk"),
        asked.azure.as_ref().map(|_| "a managed disk"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let each = if clouds.len() == 1 { "" } else { "each " };
    let made = format!("Terraform makes {}, {each}with a key of its own.", clouds.join(", "));
    let verdict = match (asked.luks.is_some(), clouds.is_empty()) {
        (false, true) => return Verdict::not_held("`encryption_at_rest` names no volume."),
        (true, none) => Verdict::held(format!(
            "Data lies on a LUKS2 volume that `sudo storage/luks.sh setup` makes; without it the container does not start. Against a lost disk, not against whoever is on the running host.{}",
            if none { String::new() } else { format!(" {made}") }
        ))
        .shown(
            "storage/luks.sh",
            "cryptsetup luksFormat ",
            "tests/luks/main.rs a_volume_lives_through_close_damage_and_boot",
        )
        .shown(
            super::compose(model),
            "- { type: bind, source: ",
            "tests/containers/storage.rs without_the_volume_nothing_starts_and_nothing_reaches_the_bare_disk",
        ),
        (false, false) => Verdict::outside(format!(
            "{made} Whoever operates the deployment keeps Docker's volumes there: the compose file uses one, wherever that lies."
        )),
    };
    let test = "tests/terraform/modules.rs every_module_passes_with_the_newest_providers";
    let lines = [
        (asked.aws.is_some(), "terraform/aws/main.tf", "encrypted "),
        (asked.gcp.is_some(), "terraform/gcp/main.tf", "disk_encryption_key {"),
        (asked.azure.is_some(), "terraform/azure/main.tf", "disk_encryption_set_id "),
    ];
    lines
        .into_iter()
        .filter(|(wanted, ..)| *wanted)
        .fold(verdict, |verdict, (_, file, line)| verdict.shown(file, line, test))
}
