//! What a tree's files can do when `verify --dir` runs them: a hostile health check, a hostile `dir` and a hostile firewall
//! script change nothing of the host, see none of its secrets and none of our variables.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::deployment::{Deployment, production_profile};
use crate::proof::{Proof, edit, redisgen};

/// Tries what a file of a tree should not be able to, and says each word in capitals where it could.
const HOSTILE: &str = r#"
tell() { echo "$1" >&2; }
tell "STARTED-$(id -u)"
for folder in /usr/share /usr/lib /etc /root /var/lib /dev /proc/1/root/usr/share /proc/1/cwd/usr/share; do
  { echo x >"$folder/redisgen-MARKER"; } 2>/dev/null || continue
  tell "wrote in $folder"
done
mount -o remount,bind,rw /usr 2>/dev/null && { tell "REMOUNTED"; touch /usr/share/redisgen-MARKER; }
[ ! -e /etc/shadow ] || tell "SHADOW"
[ ! -e /proc/1/root/etc/shadow ] || tell "SHADOW-BY-PROC"
[ -z "${REDISGEN_CANARY-}" ] || tell "VARIABLE"
grep -qz REDISGEN_CANARY /proc/[0-9]*/environ 2>/dev/null && tell "VARIABLE-BY-PROC"
{ cat /proc/sys/kernel/core_pattern >/proc/sys/kernel/core_pattern; } 2>/dev/null && tell "KERNEL"
[ ! -e "$CANARY_FILE" ] || tell "FILE-OF-THE-HOST"
exit 1
"#;

/// Where a marker of [`HOSTILE`] would lie on the host.
fn markers() -> Vec<String> {
    let folders = ["/usr/share", "/usr/lib", "/etc", "/root", "/var/lib", "/dev"];
    let paths = folders.map(|folder| format!("{folder}/redisgen-MARKER"));
    paths.into_iter().filter(|path| Path::new(path).exists()).collect()
}

/// Puts the hostile script into a file of the tree, and proves a level.
fn with_hostile(file: &str, level: &str, check: &str) -> String {
    let deployment = Deployment::build(&production_profile());
    let canary = deployment.folder().join("canary");
    fs::write(&canary, "x").expect("written");
    let script = HOSTILE.replace("$CANARY_FILE", &canary.display().to_string());
    edit(&deployment.out().join(file), "set -eu\n", &format!("{script}\nset -eu\n"));
    let mut command = redisgen(&["verify", "--deny", "error", "--format", "json", "--level", level]);
    command.arg(deployment.folder().join("profile.yaml")).arg("--dir").arg(deployment.out());
    let proof = Proof::run(command.env("REDISGEN_CANARY", "secret"));
    let left = markers();
    for path in &left {
        fs::remove_file(path).expect("removed");
    }
    assert_eq!(left, [""; 0], "files on the host");
    proof.checks()[check].1.clone()
}

#[test]
fn a_hostile_health_check_harms_nobody() {
    let seen = with_hostile("redis/healthcheck.sh", "server", "server/health-green");
    assert!(seen.ends_with("STARTED-999"), "{seen}");
}

#[test]
fn a_hostile_firewall_script_harms_nobody() {
    let seen = with_hostile("firewall/apply.sh", "firewall", "firewall/nftables/load");
    // It is root there, in a root file system that goes with it.
    assert!(seen.contains("STARTED-0"), "{seen}");
    let private = ["wrote in /etc", "wrote in /root", "wrote in /var/lib", "wrote in /dev"];
    let more = seen.split("STARTED-0").nth(1).expect("it started");
    let more = private.iter().fold(more.to_owned(), |text, known| text.replacen(known, "", 1));
    assert_eq!(more.trim(), "", "{seen}");
}

#[test]
fn a_hostile_folder_of_data_is_not_written() {
    let names = |path: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(path).expect("a folder").map(|entry| entry.expect("entry").file_name());
        entries.map(|name| name.to_string_lossy().into_owned()).collect()
    };
    for folder in ["/usr/share", "/var/lib", "/tmp"] {
        let before = names(folder);
        let deployment = Deployment::build(&production_profile());
        edit(&deployment.out().join("redis/redis.conf"), "\ndir /data\n", &format!("\ndir {folder}\n"));
        let proof = Proof::of(&deployment, "server", &[]);
        assert!(!proof.in_state("failed").is_empty(), "{folder}: {:#?}", proof.checks());
        let data = ["appendonlydir", "appendonly.aof", "dump.rdb"];
        let more: Vec<String> = names(folder).difference(&before).cloned().collect();
        assert!(!more.iter().any(|name| data.contains(&name.as_str())), "{folder}: {more:?}");
    }
}

/// A user without rights, who may make user namespaces, proves the same.
#[test]
fn nobody_can_prove_a_tree() {
    let folder = tempfile::tempdir().expect("folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("open to nobody");
    let program = folder.path().join("redisgen");
    fs::copy(env!("CARGO_BIN_EXE_redisgen"), &program).expect("copied");
    let work = folder.path().join("work");
    fs::create_dir(&work).expect("folder");
    fs::write(work.join("profile.yaml"), production_profile()).expect("profile");
    let owned = Command::new("chown").args(["-R", "nobody"]).arg(&work).status().expect("chown");
    assert!(owned.success());
    let run = |words: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(&program).args(words);
        command.current_dir(&work).env("TMPDIR", &work).env("HOME", &work);
        command
    };
    let built = run(&["build", "--deny", "error", "--out", "out", "profile.yaml"]).output().expect("build");
    assert!(built.status.success(), "{built:?}");
    let words = ["verify", "--deny", "error", "--format", "json", "--dir", "out", "--level", "server", "profile.yaml"];
    Proof::run(&mut run(&words)).holds(25);
    // Whatever it runs as, it has no rights.
    let path = work.join("out/redis/healthcheck.sh");
    edit(&path, "set -eu\n", &format!("{}\nset -eu\n", HOSTILE.replace("$CANARY_FILE", "/nowhere")));
    let proof = Proof::run(run(&words).env("REDISGEN_CANARY", "secret"));
    assert_eq!(markers(), [""; 0]);
    let seen = proof.checks()["server/health-green"].1.clone();
    let seen = seen.split("STARTED-0").nth(1).unwrap_or_else(|| panic!("{seen}")).to_owned();
    assert!(!seen.contains("VARIABLE") && !seen.contains("REMOUNTED") && !seen.contains("SHADOW"), "{seen}");
    assert!(!seen.contains("/usr") && !seen.contains("KERNEL"), "{seen}");
}

/// The copy of keys and passwords is its owner's, whatever the umask.
#[test]
fn the_folder_of_a_proof_is_private() {
    let deployment = Deployment::build(&production_profile());
    let temporary = deployment.folder().join("tmp");
    fs::create_dir(&temporary).expect("folder");
    let mut child = Command::new("sh")
        .args(["-c", "umask 0; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_redisgen"), "verify", "--deny", "error"])
        .args(["--level", "certificates,scripts", "--dir"])
        .arg(deployment.out())
        .arg(deployment.folder().join("profile.yaml"))
        .env("TMPDIR", &temporary)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("runs");
    let mut mode = None;
    while child.try_wait().expect("child").is_none() {
        let entry = fs::read_dir(&temporary).expect("folder").find_map(Result::ok);
        if let Some(is) = entry.and_then(|entry| entry.metadata().ok()) {
            mode = Some(is.permissions().mode() & 0o777);
        }
    }
    assert_eq!(mode.map(|mode| format!("{mode:o}")), Some("700".to_owned()));
}
