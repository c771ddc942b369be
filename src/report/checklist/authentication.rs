//! Passwords: strong, kept, replaced.

use super::{Item, Verdict, compose};
use crate::model::{Login, Model};
use crate::profile::SecretStore;
use crate::topic;

/// The guide's first item, and its first mitigation.
pub const PASSWORD: Item = Item {
    id: "strong-password",
    text: "Strong password set (32+ characters, random)",
    topic: topic::LOGIN,
    judge: |model| {
        match model.users.iter().find(|user| user.login == Login::Anything) {
        Some(user) => Verdict::not_held(format!("`{}` needs no password; list `users`.", user.name)),
        None => Verdict::held(
            "Each password that redisgen makes is 256 bits of the operating system's randomness in 64 hexadecimal digits; one that somebody else puts there has at least 32 characters, and how random those are nobody can see. The server holds SHA-256 digests, and nobody is anything before logging in.",
        )
        .shown("redis/users.acl", "user health on ", "tests/write.rs passwords_are_long_and_random")
        .shown(
            "redis/redis.conf",
            "aclfile ",
            "tests/server/production.rs production_refuses_whoever_cannot_prove_themselves",
        )
        .shown("redis/users.acl", "user default ", "tests/server/production.rs locked_acl_file_admits_nobody"),
    }
    },
};

pub(super) const ITEMS: &[&Item] = &[
    &PASSWORD,
    &Item { id: "password-kept", text: "Password stored in secrets management", topic: topic::SECRETS, judge: kept },
    &Item {
        id: "rotation-scheduled",
        text: "Password rotation schedule defined (90 days)",
        topic: topic::ROTATION,
        judge: rotation,
    },
];

fn kept(model: &Model) -> Verdict {
    if !model.passwords() {
        return Verdict::not_held("There is no password to keep; list `users`.");
    }
    let files = "One file for each client in `secrets/`, a folder of mode 0700 that Git ignores; none in a command line, in the environment of a process that lives long, or in a generated file.";
    let verdict = match model.profile.secrets.store {
        SecretStore::Files => Verdict::held(files),
        SecretStore::Dotenv => Verdict::not_held(
            "In `.env`, too, which puts them into the environment of whatever reads it; write `store: files`.",
        ),
        SecretStore::Vault => {
            Verdict::held(format!("Terraform puts them into Vault, `secret-store/fetch.sh` brings them here. {files}"))
                .shown(
                    "terraform/vault/main.tf",
                    "resource \"vault_kv_secret_v2\"",
                    "tests/terraform/secrets.rs no_password_reaches_plan_or_state",
                )
                .shown(
                    "secret-store/agent.hcl",
                    "auto_auth",
                    "tests/stores/vault.rs passwords_come_from_vault_and_the_token_stays_in_memory",
                )
        }
        SecretStore::AwsSecretsManager => Verdict::held(format!(
            "Terraform puts them into AWS Secrets Manager, `secret-store/fetch.sh` brings them here. {files}"
        ))
        .shown(
            "terraform/aws/main.tf",
            "resource \"aws_secretsmanager_secret_version\"",
            "tests/terraform/secrets.rs no_password_reaches_plan_or_state",
        )
        .shown(
            "secret-store/fetch.sh",
            "aws secretsmanager get-secret-value",
            "tests/stores/aws.rs passwords_come_from_aws_and_leave_no_trace",
        ),
    };
    verdict
        .shown(
            compose(model),
            "- { type: bind, source: ./secrets/server,",
            "tests/server/production.rs no_password_in_any_command_line",
        )
        .shown("redis/users.acl", "user health on ", "tests/cli.rs output_never_shows_a_password")
}

fn rotation(model: &Model) -> Verdict {
    match (&model.profile.secrets.rotate_after, model.passwords()) {
        (_, false) => Verdict::not_held("There is no password to replace; list `users`."),
        (None, true) => Verdict::not_held("Write `secrets: { rotate_after: 90d }`."),
        (Some(age), true) => Verdict::outside(format!(
            "The profile says `{age}`. Whoever operates the deployment replaces the files in `secrets/` by then: this version of redisgen reminds nobody and replaces none."
        )),
    }
}
