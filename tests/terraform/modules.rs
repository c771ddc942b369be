//! Every module of every fixture against both ends of its provider range; and modules that must fail.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::common::Room;
use crate::provider::{ENDS, Provider, built, ready, run, terraform};

fn fixtures() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/ok");
    let entries = std::fs::read_dir(folder).expect("fixtures").map(|entry| entry.expect("entry").path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    files.sort();
    files
}

/// The fixture that has every part of a module.
fn fixture(name: &str) -> String {
    std::fs::read_to_string(format!("{}/fixtures/ok/{name}.yaml", env!("CARGO_MANIFEST_DIR"))).expect("readable")
}

fn every_module_passes(end: &str) {
    let provider = Provider::start(end);
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    for profile in fixtures() {
        let room = Room::new();
        let modules = built(&room, &profile);
        for (name, folder) in &modules {
            run(terraform(folder).args(["fmt", "-check", "-diff", "-recursive"]), None).fine();
            provider.terraform(folder, &["init", "-input=false"]).fine();
            provider.terraform(folder, &["validate"]).fine();
            let tested = provider.terraform(folder, &["test"]).fine();
            assert!(tested.out.contains("passed, 0 failed") && !tested.out.contains("0 passed"), "{}", tested.out);
            provider.terraform(folder, &["plan", "-input=false"]).fine();
            seen.insert((name.clone(), profile.file_stem().expect("a stem").to_string_lossy().into_owned()));
        }
    }
    let modules: BTreeSet<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(modules, BTreeSet::from(["aws", "azure", "gcp", "vault"]));
    assert!(seen.len() >= 9, "{seen:?}");
}

#[test]
fn every_module_passes_with_the_oldest_providers() {
    every_module_passes(ENDS[0]);
}

#[test]
fn every_module_passes_with_the_newest_providers() {
    every_module_passes(ENDS[1]);
}

/// Changes a file of a module.
#[track_caller]
fn change(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).expect("readable");
    assert!(text.contains(from), "{file} has no {from}");
    std::fs::write(&path, text.replacen(from, to, 1)).expect("written");
}

/// What the proofs above would miss if they could not fail.
#[test]
fn a_wrong_module_is_refused() {
    for end in ENDS {
        let provider = Provider::start(end);
        let (_room, modules) = ready(&provider, &fixture("prod"));
        let folder = |wanted: &str| &modules.iter().find(|(name, _)| name == wanted).expect("a module").1;
        let refused = |module: &str, file: &str, from: &str, to: &str, command: &str, reason: &str| {
            let original = std::fs::read_to_string(folder(module).join(file)).expect("readable");
            change(folder(module), file, from, to);
            provider.terraform(folder(module), &[command]).refused(reason);
            std::fs::write(folder(module).join(file), original).expect("written");
        };
        let unexpected = "Unsupported argument";
        // The mistakes of the guide's snippets come first.
        refused("gcp", "main.tf", "kms_key_self_link", "kms_key_name", "validate", unexpected);
        refused("azure", "main.tf", "disk_encryption_set_id ", "encryption_settings_id ", "validate", unexpected);
        refused("aws", "main.tf", "aws_kms_key.redis.arn", "aws_kms_key.other.arn", "validate", "undeclared resource");
        refused("aws", "main.tf", "  size  ", "  sise  ", "validate", unexpected);
        refused("aws", "main.tf", "\"aws_ebs_volume\"", "\"aws_ebs_volumes\"", "validate", "does not support resource");
        refused("azure", "main.tf", "  tenant_id ", "  # tenant_id ", "validate", "Missing required argument");
        refused("aws", "versions.tf", ">= 1.11.0", ">= 99.0.0", "validate", "Unsupported Terraform Core version");
        // The modules' own tests see what no schema forbids.
        refused("aws", "main.tf", "= true\n  kms", "= false\n  kms", "test", "an encrypted gp3 volume");
        refused("aws", "main.tf", "\"kms:CancelKeyDeletion\"", "\"kms:*\"", "test", "no wildcard");
        refused("gcp", "main.tf", "[each.value]", "local.allowed_v4", "test", "everybody else must be denied");
        refused("azure", "main.tf", "\"DenyAll\"", "\"AllowAll\"", "test", "nobody may export the disk");
        let unformatted = folder("aws").join("outputs.tf");
        std::fs::write(&unformatted, "output   \"x\" { value =1 }\n").expect("written");
        assert!(!run(terraform(folder("aws")).args(["fmt", "-check"]), None).good);
    }
}

/// The two ends are not one: what the next major release took away, and what it demands.
#[test]
fn the_ends_differ() {
    let (from, to) = ("rbac_authorization_enabled    = true", "enable_rbac_authorization = true");
    for end in ENDS {
        let provider = Provider::start(end);
        let (_room, modules) = ready(&provider, &fixture("prod"));
        let azure = &modules.iter().find(|(name, _)| name == "azure").expect("a module").1;
        change(azure, "main.tf", from, to);
        let run = provider.terraform(azure, &["validate"]);
        if end == "oldest" { drop(run.fine()) } else { run.refused("An argument named \"enable_rbac_authorization\"") }
    }
}

/// Values that would open the port, or that lie elsewhere, are refused by the variables themselves.
#[test]
fn dangerous_variables_are_refused() {
    let provider = Provider::start("newest");
    let (_room, modules) = ready(&provider, &fixture("prod"));
    let plan = |folder: &Path, variable: &str| provider.terraform(folder, &["plan", "-input=false", "-var", variable]);
    for (name, folder) in &modules {
        for everyone in ["0.0.0.0/0", "::/0", "10.0.0.0/00", "10.8.0.0", "everyone"] {
            plan(folder, &format!("allowed_cidrs=[\"{everyone}\"]")).refused("Invalid value for variable");
        }
        plan(folder, "redis_port=0").refused("redis_port must be");
        plan(folder, "name=Upper").refused("name must be");
        let place = match name.as_str() {
            "aws" => ("availability_zone=eu-west-1a", "must lie in the region"),
            "gcp" => ("zone=us-central1", "zone must look like"),
            _ => ("location=East US", "location must be"),
        };
        plan(folder, place.0).refused(place.1);
    }
}
