//! Backups and restores with a real Docker: the emitted scripts as they are, on an encrypted volume's folder with the
//! append-only file and mutual TLS, and on a volume of Docker's without. Every server at hand: tests/backup.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use crate::deployment::*;
use crate::engine::*;
use crate::program::*;

const MARKER: &str = "Zq7-plain-text-of-a-key-8Xw";
const FILL: &str = "for i=1,500 do redis.call('set','user:'..i,i) end \
    redis.call('hset','auth:h','a',1,'b',2) redis.call('zadd','auth:z',1.5,'a',2,'b') \
    redis.call('rpush','auth:l','a','b') redis.call('xadd','auth:x','1-1','f','v') \
    redis.call('set','user:timed','x','PXAT',4102444800000) redis.call('set','user:marker',ARGV[1]) return 'OK'";
/// Every key with what it holds and when it ends.
const DIGEST: &str = "local k=redis.call('keys','*') table.sort(k) local o={} \
    for _,n in ipairs(k) do o[#o+1]=n..' '..redis.sha1hex(redis.call('dump',n))..' '..redis.call('pexpiretime',n) end return o";

/// A deployment with a key of age, a folder for backups, and `docker compose` on the path.
struct Site<'engine> {
    engine: &'engine Engine,
    deployment: Deployment,
    folder: TempDir,
}

impl<'engine> Site<'engine> {
    fn new(engine: &'engine Engine, change: impl Fn(&str) -> String) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (key, store, bin) = (folder.path().join("key"), folder.path().join("store"), folder.path().join("bin"));
        let made = good("age-keygen", run(std::process::Command::new("age-keygen").arg("-o").arg(&key)));
        let recipient = both(&made).split_whitespace().last().expect("a key").to_owned();
        fs::create_dir(&store).expect("folder");
        fs::set_permissions(&store, fs::Permissions::from_mode(0o700)).expect("mode");
        fs::create_dir(&bin).expect("folder");
        docker_with_compose(&bin);
        let profile = replace(&Deployment::runnable("prod"), "/srv/backup/api-forge", &store.display().to_string());
        let profile = replace(&profile, "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p", &recipient);
        Site { engine, deployment: Deployment::new("prod", &change(&profile)), folder }
    }

    fn script(&self, name: &str, args: &[&str]) -> Output {
        let path = std::env::var("PATH").unwrap_or_default();
        let folder = self.folder.path().display();
        let mut words = vec![
            "env".to_owned(),
            format!("PATH={folder}/bin:{path}"),
            format!("REDISGEN_LOCK={folder}/lock"),
            format!("REDISGEN_TEXTFILE_DIR={folder}"),
            self.deployment.path("backup").join(name).display().to_string(),
        ];
        words.extend(args.iter().map(ToString::to_string));
        self.engine.inside(&words)
    }

    fn restore(&self, file: &Path, last: &str) -> Output {
        let key = self.folder.path().join("key").display().to_string();
        self.script("restore.sh", &[&file.display().to_string(), "--identity", &key, last])
    }

    fn backups(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.folder.path().join("store")).expect("store");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "age"));
        paths.sort();
        paths
    }

    #[track_caller]
    fn admin(&self, args: &[&str]) -> String {
        stdout(&good("admin", as_user(self.engine, &self.deployment, "admin", args)))
    }

    fn status(&self) -> String {
        let text = fs::read_to_string(self.folder.path().join("redisgen-backup-api-forge.prom")).expect("metrics");
        text.lines().last().expect("a line").rsplit(' ').next().expect("a number").to_owned()
    }

    /// Compose on one service of the profile `backup`.
    fn one_off(&self, file: &str, args: &[&str]) -> Output {
        let words = [&["--profile", "backup", "run", "-T", "--no-deps"], args].concat();
        self.engine.compose_with(&self.deployment, &[file], &words)
    }
}

/// Fill, back up, destroy, restore, compare.
fn comes_back(site: &Site, destroy: impl Fn()) {
    let Site { engine, deployment, .. } = site;
    engine.up(deployment);
    let services = stdout(&engine.compose(deployment, &["ps", "--all", "--services"]));
    assert_eq!(services.lines().collect::<Vec<_>>(), ["app", "exporter", "redis"], "`up` starts more");
    assert_eq!(site.admin(&["eval", FILL, "0", MARKER]), "OK");
    let before = site.admin(&["eval", DIGEST, "0"]);
    assert!(before.lines().count() > 500, "{before}");
    good("backup.sh", site.script("backup.sh", &[]));
    assert_eq!((site.backups().len(), site.status().as_str()), (1, "0"));
    let file = site.backups().remove(0);

    good("down", engine.compose(deployment, &["down", "--volumes", "--timeout", "5"]));
    destroy();
    engine.up(deployment);
    assert!(!site.admin(&["eval", DIGEST, "0"]).contains("user:500"), "not destroyed");
    assert_eq!(site.admin(&["set", "user:newer", "1"]), "OK");

    let verified = good("restore.sh --verify-only", site.restore(&file, "--verify-only"));
    assert!(both(&verified).contains("is whole"), "{}", both(&verified));
    assert_eq!(site.admin(&["exists", "user:newer"]), "1");
    let restored = good("restore.sh", site.restore(&file, "--yes"));
    assert!(both(&restored).contains("the server is healthy and holds"), "{}", both(&restored));
    assert_eq!(site.admin(&["eval", DIGEST, "0"]), before);
    // Not only in memory.
    good("restart", engine.compose(deployment, &["restart", "redis"]));
    engine.up(deployment);
    assert_eq!(site.admin(&["eval", DIGEST, "0"]), before);

    // Cut short by one byte, with a sum that fits.
    let mut bytes = fs::read(&file).expect("backup");
    bytes.pop();
    let cut = site.folder.path().join("cut");
    fs::write(&cut, &bytes).expect("cut");
    fs::write(site.folder.path().join("cut.sha256"), redisgen::lock::sha256(&bytes)).expect("sum");
    let output = site.restore(&cut, "--yes");
    refused("a backup that is cut short", &output, "age refuses the backup");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(site.admin(&["eval", DIGEST, "0"]), before);

    good("restore.sh --undo", site.script("restore.sh", &["--undo", "--yes"]));
    assert_eq!(site.admin(&["exists", "user:newer", "user:500"]), "1");
    let left = stdout(&engine.docker(&["ps", "--all", "--format", "{{.Names}}"]));
    assert!(!left.contains("-run-"), "containers are left: {left}");
}

#[test]
fn backups_come_back_on_an_encrypted_volume_with_the_append_only_file() {
    needs(&[("age", "age")]);
    let engine = Engine::start();
    let site = Site::new(&engine, ToOwned::to_owned);
    let data = site.deployment.volume().join("data");
    comes_back(&site, || {
        fs::remove_dir_all(&data).expect("destroyed");
        site.deployment.make_data_folder();
    });
    no_plain_text_outside_the_volume(&site);
    the_backup_reads_only(&site);

    // A folder that the server cannot write to.
    chown(&data, Some(0), Some(0)).expect("chown, which needs root");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).expect("mode");
    let output = site.script("backup.sh", &[]);
    refused("a save that fails", &output, "the save failed");
    assert_eq!((output.status.code(), site.status().as_str(), site.backups().len()), (Some(1), "1", 1));
    chown(&data, Some(999), Some(999)).expect("chown");
    fs::write(site.deployment.path("secrets/backup/password"), "wrong").expect("password");
    refused("a wrong password", &site.script("backup.sh", &[]), "WRONGPASS");
    assert_eq!((site.status().as_str(), site.backups().len()), ("1", 1));
    engine.down(&site.deployment);
}

#[test]
fn backups_come_back_on_a_volume_of_dockers_without_the_append_only_file() {
    needs(&[("age", "age")]);
    let engine = Engine::start();
    let site = Site::new(&engine, |profile| {
        let plain = replace(profile, "  luks: { device: /dev/sdb1, mount: /mnt/encrypted_redis }\n", "");
        replace(&plain, "aof: everysec ", "aof: disabled ")
    });
    assert!(site.deployment.read("docker-compose.prod.yml").contains("type: volume, source: data"));
    comes_back(&site, || ());
    engine.down(&site.deployment);
}

/// What passes through Docker leaves no copy on the engine's disk.
fn no_plain_text_outside_the_volume(site: &Site) {
    let found = |folder: &Path| {
        let mut grep = std::process::Command::new("grep");
        run(grep.args(["--recursive", "--quiet", "--text", "--fixed-strings", MARKER]).arg(folder)).status.success()
    };
    assert!(found(&site.deployment.volume()), "the control: the data holds it");
    assert!(!found(site.engine.folder.path()), "Docker keeps a copy");
    assert!(!found(site.folder.path()), "the backup is not encrypted");
    // With a log there would be one.
    assert_eq!(site.admin(&["set", "user:marker", MARKER]), "OK");
    let open = replace(
        &site.deployment.read("docker-compose.prod.yml"),
        "logging: { driver: none }",
        "logging: { driver: json-file }",
    );
    fs::write(site.deployment.path("open.yml"), open).expect("written");
    good("a backup with a log", site.one_off("open.yml", &["backup"]));
    assert!(found(site.engine.folder.path()), "the control: no log");
}

fn the_backup_reads_only(site: &Site) {
    let file = "docker-compose.prod.yml";
    let touch = |folder: &str| {
        site.one_off(
            file,
            &["--rm", "--entrypoint", "sh", "backup", "-c", &format!("echo >{folder}/new && rm {folder}/new")],
        )
    };
    for folder in ["/data", "/run/backup", "/usr/local/etc/backup"] {
        refused(folder, &touch(folder), "Read-only file system");
    }
    good("the control", touch("/tmp"));
}
