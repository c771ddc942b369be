//! Rules on encrypted volumes in clouds and on stores of passwords.

use super::{ERROR, INFO, Rule, Sink, WARNING, WARNING_IN_PRODUCTION};
use crate::cloud::{self, Cloud};
use crate::model::Model;
use crate::profile::{Exposure, SecretStore};
use crate::topic;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "cloud-place-unusable",
        severity: ERROR,
        title: "A region, zone, project or resource group that the cloud cannot have",
        topic: topic::CLOUD,
        why: "Terraform would stop half-way, or look in a place that does not exist.",
        fix: "",
        source: "AWS, Google Cloud and Azure documentation on regions and names",
        waivable: false,
        check: Some(places),
    },
    Rule {
        id: "zone-outside-region",
        severity: ERROR,
        title: "The availability zone is not in the region",
        topic: topic::CLOUD,
        why: "Volume and key must lie in one region.",
        fix: "Write a zone of the region, as us-east-1a in us-east-1.",
        source: "AWS documentation, Regions and Zones",
        waivable: false,
        check: Some(|model, sink| {
            let Some(aws) = model.profile.encryption_at_rest.as_ref().and_then(|rest| rest.aws.as_ref()) else {
                return;
            };
            let region = aws.region.as_str();
            if cloud::is_aws_region(region) && !cloud::is_aws_zone(region, aws.availability_zone.as_str()) {
                sink.report("encryption_at_rest.aws.availability_zone", "this is no zone of the region")
                    .help(format!("write a zone of the region, as {region}a"))
                    .related("encryption_at_rest.aws.region", "the region");
            }
        }),
    },
    Rule {
        id: "cloud-admits-nobody",
        severity: INFO,
        title: "The cloud's packet filter admits nobody, though the exposure is `open`",
        topic: topic::CLOUD,
        why: "The modules never open the port to the whole internet, and their list of sources is that of an allow list.",
        fix: "Write `exposure: allowlist`, or set `allowed_cidrs` when you apply the module.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            if let Some(rest) = model.profile.encryption_at_rest.as_ref()
                && model.profile.network.exposure == Exposure::Open
                && (rest.aws.is_some() || rest.gcp.is_some() || rest.azure.is_some())
            {
                sink.report("network.exposure", "Terraform's rules for the port stay closed");
            }
        }),
    },
    Rule {
        id: "volume-size-unusable",
        severity: ERROR,
        title: "A volume of a size that the cloud does not have",
        topic: topic::CLOUD,
        why: "Clouds make volumes of whole GiB, between bounds.",
        fix: "",
        source: "AWS gp3, Google Cloud persistent disk and Azure managed disk documentation",
        waivable: false,
        check: Some(|model, sink| {
            for (cloud, size) in volumes(model) {
                if cloud.gib(size).is_none() {
                    let (name, key) = cloud.names();
                    sink.report(format!("encryption_at_rest.{key}.size"), format!("{name} has no volume of this size"))
                        .help(format!(
                            "Write a whole number of GiB, from {}GiB to {}GiB.",
                            cloud.sizes().start(),
                            cloud.sizes().end()
                        ));
                }
            }
        }),
    },
    Rule {
        id: "cloud-sources-too-many",
        severity: ERROR,
        title: "More sources than a cloud's packet filter takes",
        topic: topic::CLOUD,
        why: "Terraform would stop half-way, and some of the sources would be shut out.",
        fix: "Merge networks; where the limit is a quota, have it raised and waive this rule.",
        source: "AWS VPC quotas, Google Cloud NGFW quotas, Azure networking limits",
        waivable: true,
        check: Some(|model, sink| {
            let most = model.allowed.v4.len().max(model.allowed.v6.len());
            for (cloud, _) in volumes(model).filter(|(cloud, _)| most > cloud.most_sources()) {
                let (name, key) = cloud.names();
                sink.report("network.allow", format!("{name} takes {} networks of a family", cloud.most_sources()))
                    .related(format!("encryption_at_rest.{key}"), "the cloud");
            }
        }),
    },
    Rule {
        id: "cloud-snapshots-differ",
        severity: INFO,
        title: "A cloud takes snapshots at other intervals than backups are made",
        topic: topic::CLOUD,
        why: "Clouds offer some intervals only, at most a day; the nearest one that is not longer is taken.",
        fix: "",
        source: "Amazon Data Lifecycle Manager, Compute Engine and Azure Disk Backup documentation",
        waivable: true,
        check: Some(|model, sink| {
            let Some(backups) = &model.profile.backups else { return };
            for (cloud, _) in volumes(model).filter(|(cloud, _)| !cloud.keeps_time(backups)) {
                let (name, hours) = (cloud.names().0, cloud.snapshots(backups).hours);
                sink.report("backups.every", format!("{name} takes a snapshot of the volume every {hours}h"));
            }
        }),
    },
    Rule {
        id: "cloud-snapshots-too-many",
        severity: ERROR,
        title: "Snapshots are to be kept for longer than a cloud keeps them",
        topic: topic::CLOUD,
        why: "The cloud refuses the schedule.",
        fix: "Keep them for a shorter time, or make them less often.",
        source: "Amazon Data Lifecycle Manager, Compute Engine and Azure Disk Backup documentation",
        waivable: false,
        check: Some(|model, sink| {
            let Some(backups) = &model.profile.backups else { return };
            for (cloud, _) in volumes(model).filter(|(cloud, _)| !cloud.can_keep(backups)) {
                let (name, key) = cloud.names();
                let count = cloud.snapshots(backups).count;
                sink.report("backups.keep", format!("{name} does not keep {count} snapshots for so long"))
                    .related(format!("encryption_at_rest.{key}"), "the cloud");
            }
        }),
    },
    Rule {
        id: "secret-store-without-place",
        severity: ERROR,
        title: "A store for passwords without its address",
        topic: topic::SECRETS,
        why: "Neither the server's address nor the region can be guessed.",
        fix: "",
        source: "profile format",
        waivable: false,
        check: Some(|model, sink| {
            let secrets = &model.profile.secrets;
            let store = secrets.store.word();
            if secrets.store == SecretStore::Vault && secrets.vault.is_none() {
                sink.report("secrets.store", format!("`{store}` needs `secrets.vault`"))
                    .help("Add `vault: { address: \"https://vault.example.com:8200\", mount: secret }`.");
            }
            if secrets.store == SecretStore::AwsSecretsManager && secrets.aws.is_none() {
                sink.report("secrets.store", format!("`{store}` needs `secrets.aws`"))
                    .help("Add `aws: { region: us-east-1 }`.");
            }
        }),
    },
    Rule {
        id: "secret-store-empty",
        severity: WARNING,
        title: "A store for passwords, and no user who has one",
        topic: topic::SECRETS,
        why: "Nothing is kept there and nothing is fetched: whoever reaches the server needs no password.",
        fix: "List `users`, or leave `secrets.store` out.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            if model.profile.secrets.store != SecretStore::Files && model.clients().next().is_none() {
                sink.report("secrets.store", "there is no password to keep");
            }
        }),
    },
    Rule {
        id: "dotenv-in-production",
        severity: ERROR,
        title: "Passwords of production in `.env`",
        topic: topic::SECRETS,
        why: "Variables of a process are seen by its children, by `docker inspect` and by reports of crashes, and they stay what they were when the process started.",
        fix: "Write `store: files`, `vault` or `aws-secrets-manager`: applications read a file.",
        source: "redis security guide, Secrets Management; OWASP Secrets Management Cheat Sheet, environment variables",
        waivable: false,
        check: Some(|model, sink| {
            if model.profile.secrets.store == SecretStore::Dotenv && model.production() {
                sink.report("secrets.store", "`dotenv` is for development");
            }
        }),
    },
    Rule {
        id: "secret-store-unused",
        severity: INFO,
        title: "The place of a store that is not used",
        topic: topic::SECRETS,
        why: "It has no effect while `store` names another one.",
        fix: "Change `store`, or remove it.",
        source: "profile format",
        waivable: true,
        check: Some(|model, sink| {
            let secrets = &model.profile.secrets;
            for (set, store, path) in [
                (secrets.vault.is_some(), SecretStore::Vault, "secrets.vault"),
                (secrets.aws.is_some(), SecretStore::AwsSecretsManager, "secrets.aws"),
            ] {
                if set && secrets.store != store {
                    sink.report(path, format!("nothing reads this while `store` is `{}`", secrets.store.word()));
                }
            }
        }),
    },
    Rule {
        id: "secrets-in-another-region",
        severity: ERROR,
        title: "Volume and passwords lie in different regions of AWS",
        topic: topic::CLOUD,
        why: "One key encrypts both, and a key belongs to one region.",
        fix: "Name one region.",
        source: "AWS KMS documentation",
        waivable: false,
        check: Some(|model, sink| {
            let secrets = model.profile.secrets.aws.as_ref().map(|aws| &aws.region);
            let volume = model.profile.encryption_at_rest.as_ref().and_then(|rest| rest.aws.as_ref());
            let used = model.profile.secrets.store == SecretStore::AwsSecretsManager;
            if let (Some(secrets), Some(volume), true) = (secrets, volume, used)
                && *secrets != volume.region
            {
                sink.report("secrets.aws.region", "this is not the volume's region")
                    .related("encryption_at_rest.aws.region", "the volume's region");
            }
        }),
    },
    Rule {
        id: "rotation-beyond-aws",
        severity: ERROR,
        title: "AWS Secrets Manager does not rotate at this interval",
        topic: topic::ROTATION,
        why: "It counts whole days, from 1 to 1000.",
        fix: "From 1d to 1000d.",
        source: "AWS Secrets Manager documentation, RotationRulesType",
        waivable: false,
        check: Some(|model, sink| {
            let secrets = &model.profile.secrets;
            let days = secrets.rotate_after.map(|time| time.seconds() / 86_400);
            if secrets.store == SecretStore::AwsSecretsManager && days.is_some_and(|days| !(1..=1000).contains(&days)) {
                sink.report("secrets.rotate_after", "this is less than a day or more than 1000 days");
            }
        }),
    },
    Rule {
        id: "vault-path-refused",
        severity: ERROR,
        title: "A name that Vault does not take in a path",
        topic: topic::SECRETS,
        why: "Vault refuses every request whose path holds `..`.",
        fix: "Rename it.",
        source: "Vault source, logical: paths with parent references are refused",
        waivable: false,
        check: Some(|model, sink| {
            if model.profile.secrets.store != SecretStore::Vault {
                return;
            }
            if model.profile.secrets.vault.as_ref().is_some_and(|vault| vault.mount.as_str().contains("..")) {
                sink.report("secrets.vault.mount", "Vault takes `..` for a parent");
            }
            for (place, user) in model.profile.users.iter().enumerate() {
                if user.name.as_str().contains("..") {
                    sink.report(format!("users[{place}].name"), "Vault takes `..` in this user's path for a parent");
                }
            }
        }),
    },
    Rule {
        id: "vault-without-tls",
        severity: WARNING_IN_PRODUCTION,
        title: "Passwords go to Vault in clear",
        topic: topic::SECRETS,
        why: "Whoever is on the wire reads them, and the token too.",
        fix: "Write `https://`.",
        source: "Vault documentation, Production hardening",
        waivable: true,
        check: Some(|model, sink| {
            let secrets = &model.profile.secrets;
            let clear = secrets.vault.as_ref().is_some_and(|vault| vault.address.as_str().starts_with("http://"));
            if secrets.store == SecretStore::Vault && clear {
                sink.report("secrets.vault.address", "this connection is not encrypted");
            }
        }),
    },
];

/// The volumes that the profile asks for, with their sizes.
fn volumes(model: &Model) -> impl Iterator<Item = (Cloud, crate::format::Size)> {
    let rest = model.profile.encryption_at_rest.as_ref();
    let aws = rest.and_then(|rest| rest.aws.as_ref()).map(|aws| (Cloud::Aws, aws.size));
    let gcp = rest.and_then(|rest| rest.gcp.as_ref()).map(|gcp| (Cloud::Gcp, gcp.size));
    let azure = rest.and_then(|rest| rest.azure.as_ref()).map(|azure| (Cloud::Azure, azure.size));
    [aws, gcp, azure].into_iter().flatten()
}

fn places(model: &Model, sink: &mut Sink) {
    let mut check = |good: bool, path: &str, expected: &str| {
        if !good {
            sink.report(path, format!("expected {expected}"));
        }
    };
    if let Some(aws) = &model.profile.secrets.aws {
        check(cloud::is_aws_region(aws.region.as_str()), "secrets.aws.region", "a region of AWS, as us-east-1");
    }
    let Some(rest) = &model.profile.encryption_at_rest else { return };
    if let Some(aws) = &rest.aws {
        let region = aws.region.as_str();
        check(cloud::is_aws_region(region), "encryption_at_rest.aws.region", "a region of AWS, as us-east-1");
    }
    if let Some(gcp) = &rest.gcp {
        let (zone, project) = (gcp.zone.as_str(), gcp.project.as_str());
        check(cloud::is_gcp_zone(zone), "encryption_at_rest.gcp.zone", "a zone of Google Cloud, as us-central1-a");
        check(
            cloud::is_gcp_project(project),
            "encryption_at_rest.gcp.project",
            "a project id of 6 to 30 characters that does not end in `-`",
        );
    }
    if let Some(azure) = &rest.azure {
        let (location, group) = (azure.location.as_str(), azure.resource_group.as_str());
        check(
            cloud::is_azure_location(location),
            "encryption_at_rest.azure.location",
            "the short name of an Azure region, as eastus",
        );
        check(
            cloud::is_azure_resource_group(group),
            "encryption_at_rest.azure.resource_group",
            "a name that does not end in a period",
        );
    }
}
