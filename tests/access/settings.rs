//! `access/ssh_config` as ssh itself understands it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::deployment::{Deployment, replaced};
use crate::sandbox::succeeded;
use crate::tunnel::{on_address, on_loopback};

/// What `ssh -G` says about a name.
fn settings(file: &Path, name: &str) -> BTreeMap<String, String> {
    let output = Command::new("ssh").arg("-G").arg("-F").arg(file).arg(name).output();
    let text = succeeded(&output.expect("ssh runs: install the package openssh-client"));
    let pair = |line: &str| line.split_once(' ').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.lines().filter_map(pair).collect()
}

const SAFE: &[(&str, &str)] = &[
    ("stricthostkeychecking", "true"),
    ("updatehostkeys", "false"),
    ("forwardagent", "no"),
    ("forwardx11", "no"),
    ("gssapidelegatecredentials", "no"),
    ("passwordauthentication", "no"),
    ("exitonforwardfailure", "yes"),
    ("controlpath", "none"),
    ("serveraliveinterval", "30"),
    ("serveralivecountmax", "3"),
    ("user", "ops"),
];

#[track_caller]
fn expect(found: &BTreeMap<String, String>, wanted: &[(&str, &str)]) {
    for (name, value) in wanted {
        let found = found.get(*name).map(String::as_str);
        // ssh -G leaves out a ControlPath of `none`.
        assert_eq!(found.or((*name == "controlpath").then_some("none")), Some(*value), "{name}");
    }
}

#[test]
fn every_name_is_safe_and_leads_where_it_says() {
    let deployment = Deployment::build(&on_loopback());
    let file = deployment.out().join("access/ssh_config");
    for name in ["bastion", "target", "redis"] {
        expect(&settings(&file, &format!("api-forge-{name}")), SAFE);
    }
    let bastion = settings(&file, "api-forge-bastion");
    expect(&bastion, &[("hostname", "bastion.example.com")]);
    assert!(!bastion.contains_key("proxyjump") && !bastion.contains_key("localforward"), "{bastion:?}");
    let target = settings(&file, "api-forge-target");
    expect(&target, &[("hostname", "10.8.0.1"), ("proxyjump", "api-forge-bastion")]);
    assert!(!target.contains_key("localforward"), "tunnel.sh would open two");
    let forward = "[127.0.0.1]:6379 [127.0.0.1]:6379";
    expect(
        &settings(&file, "api-forge-redis"),
        &[("hostname", "10.8.0.1"), ("proxyjump", "api-forge-bastion"), ("localforward", forward)],
    );
    // The control: other names get nothing of ours.
    expect(&settings(&file, "elsewhere"), &[("stricthostkeychecking", "ask"), ("passwordauthentication", "yes")]);
}

/// Where the port is published on an address that the bastion reaches, it goes no further than the bastion.
#[test]
fn a_published_address_needs_no_jump() {
    for (target, forward) in
        [("10.8.0.1", "[10.8.0.1]:6379"), ("\"fd00:8::1\"", "[fd00:8::1]:6379"), ("redis", "[redis]:6379")]
    {
        let deployment = Deployment::build(&on_address(target));
        let found = settings(&deployment.out().join("access/ssh_config"), "api-forge-redis");
        expect(&found, SAFE);
        expect(
            &found,
            &[("hostname", "bastion.example.com"), ("localforward", &format!("[127.0.0.1]:6379 {forward}"))],
        );
        assert!(!found.contains_key("proxyjump"), "{found:?}");
    }
}

/// The bastion's port is the bastion's alone, and `known_hosts` writes it into the name.
#[test]
fn the_bastion_may_listen_elsewhere() {
    let ported =
        |profile: &str| replaced(profile, "host: bastion.example.com,", "host: bastion.example.com, port: 2222,");
    let jumping = Deployment::build(&ported(&on_loopback()));
    let file = jumping.out().join("access/ssh_config");
    for (name, port) in [("bastion", "2222"), ("target", "22"), ("redis", "22")] {
        expect(&settings(&file, &format!("api-forge-{name}")), &[("port", port)]);
    }
    let direct = Deployment::build(&ported(&on_address("10.8.0.1")));
    expect(&settings(&direct.out().join("access/ssh_config"), "api-forge-redis"), &[("port", "2222")]);
    for script in ["access/ssh_config", "access/tunnel.sh"] {
        let text = fs::read_to_string(jumping.out().join(script)).expect("readable");
        assert!(text.contains("[bastion.example.com]:2222"), "{script}: {text}");
    }
}

#[test]
fn included_first_it_wins() {
    let deployment = Deployment::build(&on_loopback());
    let careless = "Host *\n  StrictHostKeyChecking no\n  UpdateHostKeys yes\n  ForwardAgent yes\n  ForwardX11 yes\n  \
                    GSSAPIDelegateCredentials yes\n  PasswordAuthentication yes\n  ExitOnForwardFailure no\n  \
                    ControlPath /tmp/%C\n  ServerAliveInterval 0\n  ServerAliveCountMax 99\n  User root\n";
    let include = format!("Include {}\n", deployment.out().join("access/ssh_config").display());
    let file = deployment.folder().join("config");
    fs::write(&file, format!("{include}{careless}")).expect("written");
    expect(&settings(&file, "api-forge-bastion"), SAFE);
    // The control: the careless settings do count where ours do not stand first.
    expect(
        &settings(&file, "elsewhere"),
        &[("stricthostkeychecking", "false"), ("forwardagent", "yes"), ("user", "root")],
    );
    fs::write(&file, format!("{careless}{include}")).expect("written");
    expect(&settings(&file, "api-forge-bastion"), &[("stricthostkeychecking", "false"), ("user", "root")]);
}

/// What ssh would take for an option or expand never gets there: a finding at its line, and nothing is written.
#[test]
fn names_that_ssh_would_misread_are_refused() {
    for (field, text) in [
        ("host", "-oProxyCommand=touch EVIL"),
        ("host", "-oStrictHostKeyChecking=no"),
        ("host", "%h"),
        ("host", "a b"),
        ("user", "-lroot"),
        ("user", "%r"),
        ("target", "-W"),
        ("target", "10.8.0.1:22"),
        ("target", "${HOME}"),
    ] {
        let folder = tempfile::tempdir().expect("folder");
        let fields = ["host", "user", "target"].map(|name| {
            let fine = if name == "user" { "ops" } else { "a.example.com" };
            format!("    {name}: \"{}\"\n", if name == field { text } else { fine })
        });
        let profile =
            format!("version: 1\nname: a\nenvironment: production\nnetwork:\n  bastion:\n{}", fields.concat());
        fs::write(folder.path().join("p.yaml"), profile).expect("written");
        let output = Command::new(env!("CARGO_BIN_EXE_redisgen"))
            .args(["build", "--format", "json", "p.yaml"])
            .current_dir(folder.path())
            .output()
            .expect("redisgen runs");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let finding = &report["findings"][0];
        let line = 6 + ["host", "user", "target"].iter().position(|name| *name == field).expect("field");
        assert_eq!(output.status.code(), Some(1), "{field}: {text}");
        assert_eq!(finding["path"], format!("network.bastion.{field}"), "{report}");
        assert_eq!(finding["line"], line, "{report}");
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1, "{text}: something was written");
    }
}
