//! Levels certificates, scripts, alerts and terraform: files that a program reads and nobody starts.

use std::fs;
use std::process::Command;

use crate::deployment::{Deployment, production_profile};
use crate::proof::{Proof, edit, redisgen};
use crate::provider::{ENDS, Provider};

fn sh(script: &str, deployment: &Deployment) {
    let output = Command::new("sh").args(["-euc", script]).current_dir(deployment.secret("")).output().expect("sh");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Signs again with the deployment's own authority: a certificate, its subject, its extensions, its days.
pub fn sign(deployment: &Deployment, stem: &str, subject: &str, extensions: &str, days: i32) {
    sh(
        &format!(
            "openssl req -new -key {stem}.key -subj /CN={subject} -out {stem}.csr
printf '%s\\n' 'basicConstraints=critical,CA:FALSE' 'subjectKeyIdentifier=hash' 'authorityKeyIdentifier=keyid' 'keyUsage=critical,digitalSignature' {extensions} >{stem}.ext
openssl x509 -req -in {stem}.csr -CA server/ca.crt -CAkey ca/ca.key -days {days} -extfile {stem}.ext -out {stem}.crt
rm {stem}.csr {stem}.ext"
        ),
        deployment,
    );
}

#[test]
fn certificates_are_judged_by_openssl() {
    Proof::of(&Deployment::build(&production_profile()), "certificates", &[]).holds(6);
    let names = "'subjectAltName=DNS:redis.internal.example.com,DNS:redis,DNS:localhost,IP:127.0.0.1'";
    let cases: [(&str, &str, String, i32, &[&str]); 4] = [
        ("server/redis", "redis", format!("{names} extendedKeyUsage=serverAuth,clientAuth"), 300, &["certificates/server"]),
        ("server/redis", "redis", "'subjectAltName=DNS:redis' extendedKeyUsage=serverAuth".to_owned(), 300, &["certificates/names"]),
        (
            "server/redis",
            "redis",
            "'subjectAltName=DNS:redis.internal.example.com,DNS:redis,DNS:localhost,DNS:redisgen-verify.invalid,IP:127.0.0.1' extendedKeyUsage=serverAuth".to_owned(),
            300,
            &["certificates/names"],
        ),
        ("clients/sessionapp/client", "admin", "extendedKeyUsage=clientAuth".to_owned(), 300, &["certificates/clients"]),
    ];
    for (stem, subject, extensions, days, fails) in cases {
        let deployment = Deployment::build(&production_profile());
        sign(&deployment, stem, subject, &extensions, days);
        Proof::of(&deployment, "certificates", &[]).fails(&extensions, fails);
    }
    // Over since yesterday.
    let deployment = Deployment::build(&production_profile());
    sign(&deployment, "server/redis", "redis", &format!("{names} extendedKeyUsage=serverAuth"), -1);
    let ended = ["certificates/age", "certificates/names", "certificates/server"];
    Proof::of(&deployment, "certificates", &[]).fails("it has ended", &ended);
    // The same authority, with the same key, that may sign other authorities.
    let deployment = Deployment::build(&production_profile());
    sh(
        "id=$(openssl x509 -noout -ext subjectKeyIdentifier -in server/ca.crt | tail -n 1 | tr -d ' ')
printf '%s\\n' 'basicConstraints=critical,CA:TRUE' 'keyUsage=critical,keyCertSign,cRLSign' \"subjectKeyIdentifier=$id\" >ca/ext
openssl x509 -in server/ca.crt -signkey ca/ca.key -days 300 -clrext -extfile ca/ext -out ca/new.crt
mv ca/new.crt server/ca.crt
rm ca/ext",
        &deployment,
    );
    Proof::of(&deployment, "certificates", &[]).fails("no pathlen", &["certificates/authority"]);
    // Due for renewal: told, and no failure.
    let deployment = Deployment::build(&production_profile());
    sign(&deployment, "server/redis", "redis", &format!("{names} extendedKeyUsage=serverAuth"), 10);
    let proof = Proof::of(&deployment, "certificates", &[]);
    assert_eq!(proof.in_state("advice"), ["certificates/age"], "{:#?}", proof.checks());
    assert_eq!(proof.output.status.code(), Some(0));
    // Another's key.
    sh("cp clients/admin/client.key clients/sessionapp/client.key", &deployment);
    Proof::of(&deployment, "certificates", &[]).fails("another's key", &["certificates/keys"]);
}

#[test]
fn scripts_are_judged_by_shellcheck() {
    let deployment = Deployment::build(&production_profile());
    Proof::of(&deployment, "scripts", &[]).holds(8);
    edit(&deployment.out().join("redis/healthcheck.sh"), "set -eu\n", "set -eu\nrm -rf $1/x\n");
    Proof::of(&deployment, "scripts", &[]).fails("an unquoted word", &["scripts/redis/healthcheck.sh"]);
}

#[test]
fn alerts_are_judged_by_promtool() {
    let deployment = Deployment::build(&production_profile());
    let proof = Proof::of(&deployment, "alerts", &[]);
    assert_eq!(proof.in_state("not-run"), ["alerts/nothing"]);
    assert_eq!(proof.output.status.code(), Some(1), "required, and nothing to prove");
    let path = deployment.out().join("monitoring/alerts.yml");
    fs::create_dir(path.parent().expect("a folder")).expect("made");
    fs::write(&path, "groups: [{ name: a, rules: [{ alert: Down, expr: redis_up == 0 }] }]\n").expect("written");
    Proof::of(&deployment, "alerts", &[]).holds(1);
    edit(&path, "redis_up == 0", "redis_up == (");
    Proof::of(&deployment, "alerts", &[]).fails("no expression", &["alerts/monitoring/alerts.yml"]);
    fs::remove_file(&path).expect("removed");
    let path = deployment.out().join("monitoring/prometheus.yml");
    fs::write(&path, "scrape_configs: [{ job_name: redis, static_configs: [{ targets: [\"redis:9121\"] }] }]\n")
        .expect("written");
    Proof::of(&deployment, "alerts", &[]).holds(1);
    edit(&path, "job_name", "job_title");
    Proof::of(&deployment, "alerts", &[]).fails("no setting", &["alerts/monitoring/prometheus.yml"]);
}

#[test]
fn modules_are_judged_by_terraform() {
    let deployment = Deployment::build(&production_profile());
    let provider = Provider::start(ENDS[1]);
    let proof = |served: bool, more: &[&str]| {
        let mut command = redisgen(&["verify", "--deny", "error", "--format", "json", "--level", "terraform"]);
        command.arg(deployment.folder().join("profile.yaml")).arg("--dir").arg(deployment.out()).args(more);
        if served {
            command.env("TF_REATTACH_PROVIDERS", provider.reattach());
        }
        Proof::run(&mut command)
    };
    proof(true, &[]).holds(12);
    // Nothing is fetched: without providers it is said, and an empty folder of them is a failure.
    let without = proof(false, &[]);
    assert_eq!(without.in_state("not-run"), ["terraform/aws/init", "terraform/azure/init", "terraform/gcp/init"]);
    let empty = deployment.folder().join("providers");
    fs::create_dir(&empty).expect("folder");
    let without = proof(false, &["--providers", &empty.display().to_string()]);
    assert_eq!(without.in_state("failed"), ["terraform/aws/init", "terraform/azure/init", "terraform/gcp/init"]);
    for (file, from, to, fails) in [
        ("gcp/main.tf", "kms_key_self_link", "kms_key_name", &["terraform/gcp/validate"][..]),
        ("gcp/versions.tf", "  required_version", "      required_version", &["terraform/gcp/fmt"]),
        ("aws/main.tf", "= true\n  kms", "= false\n  kms", &["terraform/aws/test"]),
    ] {
        let path = deployment.out().join("terraform").join(file);
        let before = fs::read_to_string(&path).expect("readable");
        fs::write(&path, before.replacen(from, to, 1)).expect("edited");
        proof(true, &[]).fails(to, fails);
        fs::write(&path, before).expect("written back");
    }
}
