//! Rules on the encrypted volume and on backups.

use super::{ERROR, INFO, Rule, Sink, WARNING_IN_PRODUCTION};
use crate::acl;
use crate::model::{BACKUP, Model};
use crate::topic;

const DEVICE: &str = "encryption_at_rest.luks.device";
const MOUNT: &str = "encryption_at_rest.luks.mount";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "luks-mount-hides-system",
        severity: ERROR,
        title: "The volume would be mounted over a part of the system",
        topic: topic::VOLUMES,
        why: "A mount hides what the folder holds, and the bare folder is made immutable: programs, settings or other people's data would be gone.",
        fix: "Name a folder of the volume's own, as `/mnt/encrypted_redis`.",
        source: "Filesystem Hierarchy Standard 3.0",
        waivable: false,
        check: Some(mount_hides_system),
    },
    Rule {
        id: "luks-mount-volatile",
        severity: WARNING_IN_PRODUCTION,
        title: "The volume would be mounted below a folder that is emptied",
        topic: topic::VOLUMES,
        why: "The mount point is lost at boot or by a cleaner, and with it the flag that keeps data from the bare folder.",
        fix: "Name a folder on a disk, as `/mnt/encrypted_redis`.",
        source: "Filesystem Hierarchy Standard 3.0, /run and /tmp; tmpfiles.d(5)",
        waivable: true,
        check: Some(|model, sink| {
            if let Some(luks) = model.luks()
                && VOLATILE.iter().any(|folder| below(luks.mount.as_str(), folder))
            {
                sink.report(MOUNT, "this folder does not last");
            }
        }),
    },
    Rule {
        id: "luks-device-no-disk",
        severity: ERROR,
        title: "The device is no disk",
        topic: topic::VOLUMES,
        why: "A volume can only be made on a block device of its own.",
        fix: "Name a disk or partition, best below `/dev/disk/by-id`.",
        source: "Linux allocated devices (admin-guide/devices)",
        waivable: false,
        check: Some(device_no_disk),
    },
    Rule {
        id: "luks-device-keeps-nothing",
        severity: WARNING_IN_PRODUCTION,
        title: "The device is made anew at boot, or can be taken out",
        topic: topic::VOLUMES,
        why: "Memory, and files behind loop and network devices, are not there when the volume is opened at boot, or are empty then.",
        fix: "Name a disk or partition, best below `/dev/disk/by-id`.",
        source: "Linux allocated devices (admin-guide/devices)",
        waivable: true,
        check: Some(|model, sink| {
            let passing = ["ram", "zram", "loop", "nbd", "fd", "sr"];
            if let Some(luks) = model.luks()
                && passing.iter().any(|kind| numbered(luks.device.as_str(), kind))
            {
                sink.report(DEVICE, "this device does not last");
            }
        }),
    },
    Rule {
        id: "luks-device-named-by-content",
        severity: WARNING_IN_PRODUCTION,
        title: "The device's name comes from what it holds",
        topic: topic::VOLUMES,
        why: "An empty device has no such name, and formatting gives it another: the script finds the device neither before nor after.",
        fix: "Name it by `/dev/disk/by-id`, `by-path` or `by-partuuid`.",
        source: "systemd, rules.d/60-persistent-storage.rules",
        waivable: true,
        check: Some(|model, sink| {
            if let Some(luks) = model.luks()
                && ["/dev/disk/by-uuid", "/dev/disk/by-label"].iter().any(|folder| below(luks.device.as_str(), folder))
            {
                sink.report(DEVICE, "this name is gone when the device is empty or formatted");
            }
        }),
    },
    Rule {
        id: "luks-device-unstable",
        severity: INFO,
        title: "The device's name may be another disk's after a restart",
        topic: topic::VOLUMES,
        why: "The kernel hands these names out in the order in which it finds disks. The script formats only an empty device and opens only its own volume, by UUID at boot; but which empty disk it takes depends on that order.",
        fix: "Name it by `/dev/disk/by-id`; `ls -l /dev/disk/by-id` shows the names.",
        source: "systemd, rules.d/60-persistent-storage.rules",
        waivable: true,
        check: Some(|model, sink| {
            if let Some(luks) = model.luks()
                && is_unstable(luks.device.as_str())
            {
                sink.report(DEVICE, "this name may be another disk's after a restart");
            }
        }),
    },
    Rule {
        id: "luks-device-mapped",
        severity: INFO,
        title: "The device is a mapping itself",
        topic: topic::VOLUMES,
        why: "A logical volume is fine; a volume that is encrypted already would be encrypted twice, and a mapping that is not opened at boot delays it.",
        fix: "Nothing to do for LVM; else name the disk or partition below.",
        source: "crypttab(5)",
        waivable: true,
        check: Some(|model, sink| {
            if let Some(luks) = model.luks()
                && below(luks.device.as_str(), "/dev/mapper")
                && luks.device.as_str() != "/dev/mapper/control"
                && luks.device.as_str() != own_mapping(model)
            {
                sink.report(DEVICE, "this is a mapping: fine if it is a logical volume");
            }
        }),
    },
    Rule {
        id: "backups-on-the-volume",
        severity: WARNING_IN_PRODUCTION,
        title: "Backups lie on the disk that they are to replace",
        topic: topic::BACKUPS,
        why: "A lost disk, header or key takes data and backups together.",
        fix: "Name a folder on another disk, best on another machine.",
        source: "security guide, Backups",
        waivable: true,
        check: Some(|model, sink| {
            if let (Some(luks), Some(backups)) = (model.luks(), &model.profile.backups)
                && below(backups.directory.as_str(), luks.mount.as_str())
            {
                sink.report("backups.directory", "this is on the encrypted volume itself")
                    .related(MOUNT, "mounted here");
            }
        }),
    },
    Rule {
        id: "backups-in-the-system",
        severity: ERROR,
        title: "Backups would lie among files of the system or of Docker",
        topic: topic::BACKUPS,
        why: "What keeps these folders may empty them, or they are no disk at all; below Docker's own folder backups go with the data that they are to replace.",
        fix: "Name a folder of their own on another disk, as `/srv/backup/redis`.",
        source: "Filesystem Hierarchy Standard 3.0; Docker documentation, /var/lib/docker",
        waivable: false,
        check: Some(|model, sink| {
            let Some(backups) = &model.profile.backups else { return };
            let directory = backups.directory.as_str();
            if let Some(folder) = SYSTEM.iter().find(|folder| below(directory, folder)) {
                sink.report("backups.directory", format!("{folder} belongs to the system"));
            } else if SHARED.contains(&directory) && !VOLATILE.contains(&directory) {
                sink.report("backups.directory", "this folder holds other things")
                    .help(format!("Name one in it: `{directory}/redis`."));
            }
        }),
    },
    Rule {
        id: "backups-volatile",
        severity: WARNING_IN_PRODUCTION,
        title: "Backups would lie in a folder that is emptied",
        topic: topic::BACKUPS,
        why: "They are lost at boot or by a cleaner.",
        fix: "Name a folder on another disk, as `/srv/backup/redis`.",
        source: "Filesystem Hierarchy Standard 3.0, /run and /tmp; tmpfiles.d(5)",
        waivable: true,
        check: Some(|model, sink| {
            if let Some(backups) = &model.profile.backups
                && VOLATILE.iter().any(|folder| below(backups.directory.as_str(), folder))
            {
                sink.report("backups.directory", "this folder does not last");
            }
        }),
    },
    Rule {
        id: "backup-commands-denied",
        severity: ERROR,
        title: "The backup cannot save",
        topic: topic::BACKUPS,
        why: "The backup's user starts a save by BGSAVE and sees it end by INFO; disabled commands are taken from everybody but admins.",
        fix: "Take `bgsave` and `info`, or the category that brings them, from `commands.disabled`.",
        source: "tests/backup",
        waivable: false,
        check: Some(commands_denied),
    },
];

fn commands_denied(model: &Model, sink: &mut Sink) {
    if model.profile.backups.is_none() {
        return;
    }
    for name in ["bgsave", "info"] {
        let Some(command) = model.line.command(name).filter(|command| model.denied.contains(*command)) else {
            continue;
        };
        let place = model.profile.commands.disabled.iter().position(|entry| {
            acl::denied(model.line, std::slice::from_ref(entry)).is_ok_and(|set| set.contains(command))
        });
        let entry = place.and_then(|place| model.profile.commands.disabled.get(place)).map(ToString::to_string);
        let entry = entry.unwrap_or_default();
        sink.report(
            format!("commands.disabled[{}]", place.unwrap_or(0)),
            format!("the user `{BACKUP}` could not run {}", name.to_ascii_uppercase()),
        )
        .help(if entry.starts_with('@') {
            format!("`{entry}` brings it: list the commands that are meant instead")
        } else {
            format!("take `{entry}` from the list, or leave `backups` out")
        })
        .related("backups", "asked for here");
    }
}

/// Nothing of the volume belongs into these, nor below.
const SYSTEM: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/efi",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/dpkg",
    "/var/lib/rpm",
    "/var/lib/systemd",
    "/var/log",
];

/// A folder of its own below these is what they are for; they themselves hold others' data.
const SHARED: &[&str] = &[
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/run",
    "/srv",
    "/tmp",
    "/var",
    "/var/backups",
    "/var/cache",
    "/var/lib",
    "/var/local",
    "/var/lock",
    "/var/mail",
    "/var/opt",
    "/var/run",
    "/var/spool",
    "/var/tmp",
];

const VOLATILE: &[&str] = &["/run", "/tmp", "/var/lock", "/var/run", "/var/tmp"];

/// True for the folder itself too.
fn below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn mount_hides_system(model: &Model, sink: &mut Sink) {
    let Some(luks) = model.luks() else { return };
    let mount = luks.mount.as_str();
    if let Some(folder) = SYSTEM.iter().find(|folder| below(mount, folder)) {
        sink.report(MOUNT, format!("{folder} belongs to the system"));
    } else if SHARED.contains(&mount) {
        sink.report(MOUNT, "this folder holds other things, which the mount would hide");
    }
}

/// Where the opened volume appears.
fn own_mapping(model: &Model) -> String {
    format!("/dev/mapper/{}", model.mapping())
}

/// Device nodes that are characters, pipes and folders of the kernel.
const NO_DISKS: &[&str] = &[
    "console",
    "core",
    "cpu",
    "cpu_dma_latency",
    "cuse",
    "fb",
    "fd",
    "full",
    "fuse",
    "hpet",
    "hugepages",
    "hwrng",
    "input",
    "kmsg",
    "kvm",
    "log",
    "mem",
    "mqueue",
    "net",
    "null",
    "port",
    "ppp",
    "ptmx",
    "pts",
    "random",
    "rtc",
    "shm",
    "snd",
    "stderr",
    "stdin",
    "stdout",
    "tty",
    "uinput",
    "urandom",
    "vcs",
    "vcsa",
    "vfio",
    "watchdog",
    "zero",
];

fn device_no_disk(model: &Model, sink: &mut Sink) {
    let Some(luks) = model.luks() else { return };
    let device = luks.device.as_str();
    if device == own_mapping(model) {
        sink.report(DEVICE, "this is where the opened volume itself appears").help("Name the disk below it.");
    } else if device == "/dev/mapper/control"
        || NO_DISKS.iter().any(|name| below(device, &format!("/dev/{name}")))
        || ["tty", "ttyS", "rtc", "fb", "vcs", "vcsa", "watchdog"].iter().any(|kind| numbered(device, kind))
    {
        sink.report(DEVICE, "this is no block device");
    }
}

/// `/dev/KIND` and a number, with anything behind it: `loop0p1`.
fn numbered(device: &str, kind: &str) -> bool {
    let rest = device.strip_prefix("/dev/").and_then(|name| name.strip_prefix(kind));
    rest.is_some_and(|rest| rest.starts_with(|sign: char| sign.is_ascii_digit()))
}

/// Names by order of discovery: `sdb1`, `vda`, `nvme0n1p1`, `dm-3`.
fn is_unstable(device: &str) -> bool {
    let lettered = |kind: &str| {
        let rest = device.strip_prefix("/dev/").and_then(|name| name.strip_prefix(kind));
        rest.is_some_and(|rest| {
            rest.starts_with(|sign: char| sign.is_ascii_lowercase())
                && rest.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        })
    };
    ["sd", "vd", "xvd", "hd"].into_iter().any(lettered)
        || ["nvme", "mmcblk", "md", "dm-"].iter().any(|kind| numbered(device, kind))
}
