//! Backups that fail say so: by exit code, by metrics, and by leaving no file. Those that succeed replace only old ones.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::engine;
use crate::place::{Place, Said, said, script};

/// One good backup, and then something goes wrong.
fn with_a_backup() -> Place {
    let place = Place::running(&engine::debian(), "everysec");
    place.fill();
    place.back_up();
    place
}

/// Failed with this code, which the metrics show; the good backup and its time are still there, and nothing else.
#[track_caller]
fn fails(place: &Place, said: Said, code: i32, text: &str) {
    said.is(code, text);
    assert_eq!(place.metric("status"), u64::try_from(code).expect("a code"));
    assert!(place.metric("success_timestamp_seconds") > 1_000_000_000, "the last success is forgotten");
    assert_eq!(place.store().len(), 2, "{:?}", place.store());
    assert_eq!(place.backups().len(), 1);
}

#[test]
fn what_goes_wrong_is_told() {
    let place = with_a_backup();
    let back_up = || place.back_up_with(|_| ());

    // The server cannot put its snapshot into place.
    fs::remove_file(place.path("data/dump.rdb")).expect("removed");
    fs::create_dir_all(place.path("data/dump.rdb/full")).expect("in the way");
    fails(&place, back_up(), 1, "the save failed");
    fs::remove_dir_all(place.path("data/dump.rdb")).expect("removed");

    let password = place.path("out/secrets/backup/password");
    let right = fs::read_to_string(&password).expect("password");
    fs::write(&password, "wrong").expect("password");
    fails(&place, back_up(), 1, "WRONGPASS");
    fs::write(&password, "").expect("password");
    fails(&place, back_up(), 1, "cannot be read");
    fs::write(&password, &right).expect("password");

    place.stop();
    fails(&place, back_up(), 1, "the server does not answer");
    place.start();

    // A snapshot that the disk has damaged.
    fs::create_dir(place.path("other-data")).expect("folder");
    let mut bytes = fs::read(place.path("data/dump.rdb")).unwrap_or_default();
    if bytes.is_empty() {
        assert_eq!(place.tell("SAVE"), "OK");
        bytes = fs::read(place.path("data/dump.rdb")).expect("snapshot");
    }
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(place.path("other-data/dump.rdb"), &bytes).expect("damaged");
    fails(&place, back_up(), 1, "the file is damaged");
    fs::remove_dir_all(place.path("other-data")).expect("removed");

    // The connection to the container breaks.
    fs::write(place.path("break"), "status").expect("written");
    fails(&place, back_up(), 1, "snapshot failed");
    fs::write(place.path("break"), "short").expect("written");
    fails(&place, back_up(), 1, "1000 bytes of");
    fs::remove_file(place.path("break")).expect("removed");

    // A program without age, and one that fails.
    let bare = place.path("bare");
    fs::create_dir(&bare).expect("folder");
    for tool in ["sh", "flock", "sed", "cat", "rm", "mv", "chmod", "date", "dirname"] {
        let path = ["/usr/bin", "/bin"].map(|folder| std::path::Path::new(folder).join(tool));
        std::os::unix::fs::symlink(path.iter().find(|path| path.exists()).expect("tool"), bare.join(tool))
            .expect("link");
    }
    fails(
        &place,
        place.back_up_with(|command| {
            command.env("PATH", &bare);
        }),
        2,
        "age is missing",
    );
    script(&place.path("bin/age"), "#!/bin/sh\ncat >/dev/null\nexit 1\n");
    fails(&place, back_up(), 1, "encrypt failed");
    fs::remove_file(place.path("bin/age")).expect("removed");

    // Somebody else could delete or plant backups.
    fs::set_permissions(place.path("store"), fs::Permissions::from_mode(0o777)).expect("mode");
    fails(&place, back_up(), 2, "others can write");
    fs::set_permissions(place.path("store"), fs::Permissions::from_mode(0o700)).expect("mode");
    fs::rename(place.path("store"), place.path("elsewhere")).expect("renamed");
    back_up().is(2, "mount it, or make it");
    assert_eq!(place.metric("status"), 2);
    fs::rename(place.path("elsewhere"), place.path("store")).expect("renamed");

    place.back_up();
    assert_eq!(place.metric("status"), 0);
}

#[test]
fn a_full_disk_leaves_nothing_half_made() {
    let place = with_a_backup();
    let good = place.metric("success_timestamp_seconds");
    // A disk of its own, too small, in mounts of its own.
    let mut small = place.command("unshare");
    let steps = "mount -t tmpfs -o size=16k,mode=700 tmpfs \"$1\"\nif \"$2\"; then code=0; else code=$?; fi\nls -A \"$1\"\nexit $code\n";
    small.args(["--mount", "--propagation", "private", "sh", "-euc", steps, "sh"]);
    let output = small.arg(place.path("store")).arg(place.path("out/backup/backup.sh")).output().expect("unshare");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "something is left");
    fails(&place, said(&output), 1, "no backup was made");
    assert_eq!(place.metric("success_timestamp_seconds"), good);
}

/// Each check that stands between a broken pipe and a file that looks like a backup.
#[test]
fn without_its_checks_a_broken_backup_looks_good() {
    let place = with_a_backup();
    fs::write(place.path("break"), "status").expect("written");
    place.mutate("backup.sh", "= 0 ] || stop 1 \"$name failed", "= 0 ] || log \"$name failed");
    place.back_up();
    fs::write(place.path("break"), "short").expect("written");
    place.mutate("backup.sh", "stop 1 \"${arrived:-no} bytes", "log \"${arrived:-no} bytes");
    place.mutate("backup.sh", "[ \"$bytes\" -gt \"$sent\" ] ||", "true ||");
    let short = place.back_up();
    fs::remove_file(place.path("break")).expect("removed");
    place.bring_back(&short).is(1, "the snapshot is refused");

    fs::create_dir(place.path("other-data")).expect("folder");
    fs::write(place.path("other-data/dump.rdb"), "REDIS0010 damaged").expect("damaged");
    place.mutate("snapshot.sh", "said=$(redis-check-rdb /proc/self/fd/3 2>&1) ||", "true ||");
    let damaged = place.back_up();
    place.bring_back(&damaged).is(1, "the snapshot is refused");
}

#[test]
fn the_second_place_and_old_backups() {
    let place = with_a_backup();
    let first = place.backups().remove(0);
    let old = |name: &str| {
        fs::write(place.path("store").join(name), "old").expect("old");
        place.path("store").join(name)
    };
    // Older than 14 days, of this deployment and of others.
    let gone = [old("kept-20200101T000000Z.rdb.age"), old("kept-20200101T000000Z.rdb.age.sha256")];
    let others = [
        old("kept-too-20200101T000000Z.rdb.age"),
        old("other-20200101T000000Z.rdb.age"),
        old("kept-20200101T000000Z.rdb.age.txt"),
        old("kept-latest.rdb.age"),
        old("kept-20991231T235959Z.rdb.age"),
    ];
    let hook = place.path("hook");
    let with_hook = || {
        place.back_up_with(|command| {
            command.env("BACKUP_HOOK", &hook);
        })
    };
    with_hook().is(3, "cannot be run");
    script(&hook, "#!/bin/sh\nexit 7\n");
    with_hook().is(3, "the backup is here only");
    assert_eq!(place.metric("status"), 3);
    assert!(gone[0].exists(), "deleted although there is no second place");

    script(&hook, &format!("#!/bin/sh\nset -eu\ncp \"$1\" \"$1.sha256\" {}/\n", place.path("metrics").display()));
    with_hook().is(0, "deleted");
    assert_eq!(place.metric("status"), 0);
    assert!(gone.iter().all(|path| !path.exists()) && others.iter().all(|path| path.exists()) && first.exists());
    let copied = |path: &std::path::PathBuf| place.path("metrics").join(path.file_name().expect("a name")).exists();
    assert_eq!(place.backups().iter().filter(|path| copied(path)).count(), 1);

    assert_eq!(fs::metadata(&first).expect("backup").permissions().mode() & 0o7777, 0o600);
    let mut held = place.command("flock");
    let output = held.arg(place.path("lock")).arg(place.path("out/backup/backup.sh")).output();
    said(&output.expect("flock runs")).is(4, "at work");
    assert_eq!(place.metric("status"), 0, "the one at work tells the metrics");
    place
        .back_up_with(|command| {
            command.arg("now");
        })
        .is(2, "usage: backup.sh");
    place
        .back_up_with(|command| {
            command.arg("help");
        })
        .is(0, "usage: backup.sh");
}

/// Backups that go with the deployment are none, by whatever path they are there.
#[test]
fn a_folder_inside_the_deployment_is_refused() {
    let place = with_a_backup();
    let inside = place.path("out/store");
    fs::rename(place.path("store"), &inside).expect("renamed");
    std::os::unix::fs::symlink(&inside, place.path("store")).expect("link");
    fails(&place, place.back_up_with(|_| ()), 2, "is inside the deployment");
    // The deployment itself, which nobody else can write to either.
    fs::remove_file(place.path("store")).expect("removed");
    std::os::unix::fs::symlink(place.path("out"), place.path("store")).expect("link");
    place.back_up_with(|_| ()).is(2, "is inside the deployment");
    // The control.
    fs::remove_file(place.path("store")).expect("removed");
    fs::rename(&inside, place.path("store")).expect("renamed");
    place.back_up();
}

/// A snapshot is read from the disk: whoever has this user's password reads and changes nothing by it.
#[test]
fn the_backup_user_can_save_and_nothing_else() {
    let place = with_a_backup();
    let listed = place.tell("COMMAND LIST");
    let container = |name: &str| listed.lines().any(|other| other.starts_with(&format!("{name}|")));
    let commands: Vec<String> =
        listed.lines().filter(|name| !container(name)).map(|name| name.replace('|', " ")).collect();
    // The server counts arguments before it looks at rights.
    let permitted = |user: &str| {
        let each = |name: &String| {
            (0..9).map(|count| format!("ACL DRYRUN {user} {name}{}", " 1".repeat(count))).collect::<Vec<_>>()
        };
        let replies = place.ask(&commands.iter().flat_map(each).collect::<Vec<_>>());
        let judged = |name: &str, replies: &[String]| {
            let denied = replies.iter().any(|reply| reply.contains("has no permissions to"));
            let granted = replies.iter().any(|reply| reply == "OK");
            assert!(denied != granted, "{user}: {name}: {replies:?}");
            granted
        };
        let mut granted: Vec<&str> = commands
            .iter()
            .zip(replies.chunks(9))
            .filter(|(name, replies)| judged(name, replies))
            .map(|(name, _)| name.as_str())
            .collect();
        granted.sort_unstable();
        granted
    };
    // Logging in and leaving is everybody's.
    assert_eq!(permitted("backup"), ["auth", "bgsave", "hello", "info", "lastsave", "ping", "quit", "reset"]);
    // The control.
    let admin = permitted("admin");
    assert!(admin.len() > 300, "{admin:?}");
}

/// Everything that runs while the backup talks to the server, and what that has in its environment.
#[test]
fn no_password_is_in_arguments_or_the_long_lived_environment() {
    let place = with_a_backup();
    let password = fs::read_to_string(place.path("out/secrets/backup/password")).expect("password");
    // In the place of redis-cli: looks at every process, and is then the real one. Its own environment is left out.
    let witness = "#!/bin/sh\ncat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' >>\"$ROOT/arguments\"\ntr '\\0' '\\n' <\"/proc/$PPID/environ\" >>\"$ROOT/arguments\"\nprintf '%s' \"$REDISCLI_AUTH\" >\"$ROOT/given\"\nexec /usr/bin/redis-cli \"$@\"\n";
    script(&place.path("bin/redis-cli"), witness);
    let file = place.back_up();
    let seen = || fs::read_to_string(place.path("arguments")).expect("arguments");
    let made = seen();
    assert!(made.contains("bgsave") && made.contains("age1") && !made.contains(&password), "{made}");
    assert_eq!(fs::read_to_string(place.path("given")).expect("given"), password, "the control");
    fs::remove_file(place.path("arguments")).expect("removed");
    place.bring_back(&file).is(0, "the server is healthy");
    assert!(seen().contains("keyspace") && !seen().contains(&password), "{}", seen());
    // The control.
    place.mutate("snapshot.sh", "--user backup", "--user backup --pass \"$password\"");
    place.back_up();
    assert!(seen().contains(&password), "{}", seen());
}
