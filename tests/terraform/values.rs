//! What a profile may say arrives in Terraform: names, sizes, texts.

use std::path::Path;

use redisgen::encode;
use serde_json::Value;

use crate::common::Room;
use crate::provider::{Provider, ready, run, terraform};

/// Strings that would be syntax in HCL, read back from terraform itself.
#[test]
fn strings_arrive() {
    let mut texts: Vec<String> = [
        "",
        "plain",
        "a\"b",
        "\\",
        "\\\"",
        "${x}",
        "$${x}",
        "$$${x}",
        "%{ if true }",
        "%%{x}",
        "$%{x}",
        "%${x}",
        "$",
        "%",
        "${",
        "%{",
        "$ {x}",
        "}",
        "<<EOT",
        "# // /* */",
        "\n",
        "\r\n\t",
        "\\n",
        "\\u0024{x}",
        "$(id) `id`",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push((0..=127).map(char::from).collect());
    texts.push((0..=127_u8).flat_map(|byte| ['$', char::from(byte), '%', char::from(byte), '{']).collect());
    let strings: Vec<String> = texts.iter().map(|text| encode::hcl(text).expect("ASCII")).collect();
    let room = Room::new();
    room.file("main.tf", format!("output \"texts\" {{\n  value = [\n    {},\n  ]\n}}\n", strings.join(",\n    ")));
    run(terraform(&room.path("")).args(["init", "-input=false"]), None).fine();
    run(terraform(&room.path("")).args(["fmt", "-check"]), None).fine();
    run(terraform(&room.path("")).args(["apply", "-auto-approve"]), None).fine();
    let read = run(terraform(&room.path("")).args(["output", "-json", "texts"]), None).fine().out;
    assert_eq!(serde_json::from_str::<Vec<String>>(&read).expect("JSON"), texts);
}

/// Comments hold what people write, and the networks stay what they are.
#[test]
fn comments_change_nothing() {
    let provider = Provider::start("newest");
    for comment in [
        "${var.name} %{ if true }",
        "*/ /* // #",
        "\"] default = [\"0.0.0.0/0\", \"",
        "<<EOT",
        "  x  ",
        "käse \u{1f9c0}",
        "\\",
    ] {
        let profile = format!(
            "{PLAIN}{VOLUMES}network: {{ exposure: allowlist, allow: [{{ source: 10.8.0.0/24, comment: {} }}, {{ source: \"fd00::/64\" }}] }}\n",
            serde_json::to_string(comment).expect("JSON")
        );
        let (_room, modules) = ready(&provider, &profile);
        assert_eq!(modules.len(), 3);
        for (name, folder) in &modules {
            run(terraform(folder).args(["fmt", "-check", "-diff", "-recursive"]), None).fine();
            let networks = provider.console(folder, "jsonencode(sort(var.allowed_cidrs))");
            assert_eq!(networks, r#""[\"10.8.0.0/24\",\"fd00::/64\"]""#, "{name} {comment}");
        }
    }
}

const PLAIN: &str = "version: 1\nname: demo\nenvironment: production\n";
const VOLUMES: &str = "encryption_at_rest:
  aws: { region: us-east-1, availability_zone: us-east-1a, size: 10GiB }
  gcp: { project: demo-prod, zone: us-central1-a, size: 10GiB }
  azure: { location: eastus, resource_group: demo, size: 10GiB }
";

/// Names and bounds that the clouds state, for every name that a resource of ours has.
fn name_fits(kind: &str, name: &str) -> bool {
    let starts = name.starts_with(|sign: char| sign.is_ascii_lowercase());
    let ends = name.ends_with(|sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit());
    let most = match kind {
        "google_compute_disk"
        | "google_compute_firewall"
        | "google_compute_resource_policy"
        | "google_kms_key_ring" => 63,
        "aws_iam_role" | "azurerm_private_endpoint" => 64,
        "azurerm_data_protection_backup_vault" => 50,
        "azurerm_key_vault" => 24,
        _ => 80,
    };
    starts && (ends || name.ends_with('-')) && name.len() <= most
}

/// The shortest and the longest profile names, and volumes at both bounds, pass the modules' own validations.
#[test]
fn every_legal_name_and_size_is_accepted() {
    let provider = Provider::start("newest");
    let (mut seen, mut longest) = (0, 0);
    let last = "a".repeat(31) + "-";
    for (name, environment, sizes) in [
        ("a", "production", ["1GiB", "10GiB", "4GiB"]),
        ("sg", "development", ["1TiB", "64TiB", "1TiB"]),
        (last.as_str(), "development", ["64TiB", "64TiB", "32767GiB"]),
    ] {
        let profile = format!(
            "version: 1\nname: {name}\nenvironment: {environment}\nencryption_at_rest:\n  aws: {{ region: us-east-1, availability_zone: us-east-1-bos-1a, size: {} }}\n  gcp: {{ project: demo-prod, zone: us-central1-a, size: {} }}\n  azure: {{ location: eastus, resource_group: demo, size: {} }}\nbackups: {{ every: 12h, keep: 225d, directory: /srv/backup, encrypt_to: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p] }}\nsecrets: {{ store: vault, vault: {{ address: \"https://vault.example.com\", mount: secret }} }}\nusers: [{{ name: admin, role: admin }}]\n",
            sizes[0], sizes[1], sizes[2]
        );
        let (_room, modules) = ready(&provider, &profile);
        assert_eq!(modules.len(), 4);
        for (module, folder) in &modules {
            let plan = everything(&provider, module, folder);
            for change in plan["resource_changes"].as_array().expect("changes") {
                let (kind, after) = (change["type"].as_str().expect("a type"), &change["change"]["after"]);
                let prefix = after["name_prefix"].as_str().filter(|_| kind == "aws_security_group");
                assert!(!prefix.is_some_and(|prefix| prefix.starts_with("sg-")), "{after}");
                let Some(name) = after["name"].as_str().filter(|_| kind != "aws_kms_alias" && module != "vault") else {
                    continue;
                };
                assert!(name_fits(kind, name), "{kind} {name}");
                (seen, longest) = (seen + 1, longest.max(name.len()));
            }
        }
    }
    assert!(seen >= 45 && longest > 45, "{seen} names, at most {longest}");
}

/// A plan with everything that is off by default.
fn everything(provider: &Provider, module: &str, folder: &Path) -> Value {
    let variables: &[&str] = match module {
        "aws" => &["vpc_id=vpc-1", "network_interface_id=eni-1", "instance_id=i-0123456789abcdef0"],
        "gcp" => {
            &["network=default", "instance_self_link=projects/p/zones/z/instances/i", "allowed_cidrs=[\"10.0.0.0/8\"]"]
        }
        "azure" => &[
            "network_security_group_name=nsg",
            "allowed_cidrs=[\"10.0.0.0/8\",\"fd00::/64\"]",
            "private_endpoint_subnet_id=s",
            "virtual_machine_id=v",
        ],
        _ => &[],
    };
    let variables: Vec<String> = variables.iter().map(|text| format!("-var={text}")).collect();
    let mut arguments = vec!["plan", "-input=false", "-out=plan"];
    arguments.extend(variables.iter().map(String::as_str));
    provider.terraform(folder, &arguments).fine();
    let shown = provider.terraform(folder, &["show", "-json", "plan"]).fine().out;
    serde_json::from_str(&shown).expect("JSON")
}
