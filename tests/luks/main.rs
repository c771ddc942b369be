//! `storage/luks.sh`, as the program emits it, on real disks under a real kernel: User-Mode Linux, since a test must
//! not touch the host's device-mapper (and this may have none). The scenarios are shell (`refusals.sh`,
//! `volume.sh`); here stands which of them must have passed.
//!
//! Needs root, and the packages user-mode-linux, kmod, cryptsetup-bin, e2fsprogs and systemd. A missing one fails.

#![allow(clippy::expect_used, clippy::disallowed_methods, clippy::panic, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What must be refused with nothing changed, and a second deployment that asks for a passphrase.
const REFUSALS: &str = "
    refuses-ext4 refuses-mounted refuses-swap refuses-partitions refuses-luks1 refuses-foreign-luks2
    refuses-data-without-signature refuses-file refuses-missing-device
    refuses-no-command refuses-unknown-option refuses-too-many-words refuses-without-root refuses-at-the-same-time
    status-without-volume help-is-help
    refuses-full-mount-point refuses-linked-mount-point refuses-taken-mount-point refuses-foreign-fstab
    refuses-foreign-crypttab
    passphrase-setup passphrase-pbkdf passphrase-crypttab passphrase-no-key-file passphrase-mounts passphrase-close
    passphrase-without-saying passphrase-wrong wrong-passphrase-opens-nothing
    refuses-open-elsewhere
    end-of-refusals";

/// The life of a volume.
const VOLUME: &str = "
    setup-is-interrupted interrupted-before-crypttab setup-completes
    luks-version luks-pbkdf luks-cipher luks-label
    key-file key-folder header-file header-folder nothing-left-over data-folder mount-closed mount-options
    crypttab fstab table-modes status-of-open-volume second-run-changes-nothing edited-lines-are-kept
    marker-is-in-the-volume marker-is-not-on-the-disk control-without-luks-it-is
    close-refuses-a-busy-file busy-stays-mounted close-refuses-a-container container-stays-mounted
    control-umount-does-not-notice control-the-container-writes-on control-cryptsetup-is-late mounts-again
    close-with-a-follower closed-is-closed status-of-closed-volume close-twice
    bare-folder-is-empty bare-folder-takes-no-file bare-folder-says-why control-without-the-flag-it-does
    opens-again data-is-still-there bare-folder-is-closed-again
    lost-key wrong-key key-for-others key-of-another short-key right-key
    damaged-header-is-not-formatted header-comes-back restored-header-opens restored-data
    header-backup-again old-header-is-replaced new-header-file new-header-has-the-new-key
    damaged-file-system-is-not-made-again repaired-file-system-mounts status-without-data
    systemd-reads-crypttab systemd-reads-fstab boot-opens-it boot-goes-on-without-it boot-mounts-it
    boot-goes-on-unmounted boot-mounts-there systemd-opens mount-takes-the-line mounted-at-boot status-after-boot
    docker-waits docker-may-go-on
    docker-unit-is-understood docker-other-lines-too control-a-misspelt-one-is-not
    control-luksFormat-does-not-ask control-luksFormat-destroys
    end-of-volume";

#[test]
fn setup_refuses_what_is_not_empty_and_changes_nothing() {
    scenarios("refusals.sh", REFUSALS);
}

#[test]
fn a_volume_lives_through_close_damage_and_boot() {
    scenarios("volume.sh", VOLUME);
}

/// The production example for another disk; its name and mount stay.
fn production() -> String {
    let text = fs::read_to_string(root().join("fixtures/ok/prod.yaml")).expect("fixture");
    assert!(text.contains("/dev/sdb1"), "the fixture names another device");
    text.replace("/dev/sdb1", "/dev/ubdb")
}

const SECOND: &str = "version: 1\nname: second\nenvironment: development\n\
    encryption_at_rest: { luks: { device: /dev/ubdc, mount: /mnt/second } }\n";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The emitted script of a profile.
fn emitted(folder: &Path, name: &str, profile: &str) -> PathBuf {
    let (source, out) = (folder.join(format!("{name}.yaml")), folder.join(name));
    fs::write(&source, profile).expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_redisgen"))
        .args(["build", "--no-secrets", "--out"])
        .args([&out, &source])
        .output()
        .expect("redisgen runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    out.join("storage/luks.sh")
}

#[track_caller]
fn scenarios(script: &str, expected: &str) {
    let folder = tempfile::tempdir().expect("folder");
    let variable = |name: &str, path: &Path| format!("{name}={}", path.display());
    let output = Command::new(root().join("tests/luks/uml.sh"))
        .arg(folder.path())
        .arg(root().join("tests/luks").join(script))
        .arg(variable("SCRIPT", &emitted(folder.path(), "one", &production())))
        .arg(variable("OTHER", &emitted(folder.path(), "other", SECOND)))
        .stdin(Stdio::null())
        .output()
        .expect("uml.sh runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let passed: BTreeSet<&str> = said.lines().filter_map(|line| line.strip_prefix("ok ")).map(str::trim).collect();
    let expected: BTreeSet<&str> = expected.split_whitespace().collect();
    assert!(!said.contains("FAIL"), "{said}");
    assert_eq!(passed, expected, "scenarios that did not run, or that nobody expects:\n{said}");
}
