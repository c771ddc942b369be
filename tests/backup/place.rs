//! A deployment with a server, a folder for backups, a key, and programs in the place of Docker and of the image's.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::engine::Engine;

/// Everything of one test. The server ends with it.
pub struct Place {
    folder: TempDir,
    pub engine: Engine,
}

/// How a script ended and what it said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub text: String,
}

impl Said {
    #[track_caller]
    pub fn is(self, code: i32, text: &str) -> Said {
        assert!(self.code == code && self.text.contains(text), "expected {code} and `{text}`: {self:#?}");
        self
    }
}

pub fn said(output: &Output) -> Said {
    let text = [output.stdout.clone(), output.stderr.clone()].concat();
    Said { code: output.status.code().unwrap_or(-1), text: String::from_utf8_lossy(&text).into_owned() }
}

impl Place {
    pub fn new(engine: &Engine, aof: &str) -> Place {
        let place = Place { folder: tempfile::tempdir().expect("a temporary folder"), engine: engine.clone() };
        for folder in ["bin", "data", "store", "metrics"] {
            fs::create_dir(place.path(folder)).expect("folder");
        }
        fs::set_permissions(place.path("store"), fs::Permissions::from_mode(0o700)).expect("mode");
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("port").local_addr().expect("address").port();
        fs::write(place.path("port"), port.to_string()).expect("port");
        let key = place.key("key");
        place.programs();
        let profile = format!(
            "version: 1\nname: kept\nenvironment: production\n{}\ntls: {{ mode: disabled }}\nusers: [{{ name: admin, role: admin }}]\npersistence: {{ aof: {aof}, snapshots: [] }}\nbackups: {{ every: 6h, keep: 14d, directory: {}, encrypt_to: [{key}] }}\n",
            engine.section(),
            place.path("store").display()
        );
        fs::write(place.path("kept.yaml"), profile).expect("profile");
        let mut build = Command::new(env!("CARGO_BIN_EXE_redisgen"));
        build.args(["build", "--deny", "error", "--out"]).arg(place.path("out")).arg(place.path("kept.yaml"));
        said(&build.output().expect("redisgen runs")).is(0, "");
        place
    }

    /// With a server that runs.
    pub fn running(engine: &Engine, aof: &str) -> Place {
        let place = Place::new(engine, aof);
        place.start();
        place
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Makes a key of age and gives its public half.
    pub fn key(&self, name: &str) -> String {
        let output = Command::new("age-keygen").arg("-o").arg(self.path(name)).output();
        let text = said(&output.expect("age-keygen runs: install the package age")).is(0, "age1").text;
        text.split_whitespace().last().expect("a key").to_owned()
    }

    /// The image's programs: the server is also what checks snapshots, by another name.
    fn programs(&self) {
        let bin = self.path("bin");
        let check = if self.engine.kind == "redis" { "redis-check-rdb" } else { "valkey-check-rdb" };
        let bytes = fs::read(&self.engine.binary).expect("server");
        if bytes.starts_with(b"#!") {
            let text = String::from_utf8(bytes).expect("a script");
            let named = if text.contains("--argv0 ") {
                text.replace("--argv0 redis-server", "--argv0 redis-check-rdb")
            } else {
                let real = text.split('\'').find(|word| word.ends_with("/redis-server")).expect("the program");
                symlink(real, bin.join("real-redis-check-rdb")).expect("link");
                text.replace(real, &bin.join("real-redis-check-rdb").display().to_string())
            };
            let named = named.replace("--argv0 valkey-server", "--argv0 valkey-check-rdb");
            assert_ne!(named, text, "no other name in {text}");
            script(&bin.join(check), &named);
        } else {
            symlink(&self.engine.binary, bin.join(check)).expect("link");
        }
        symlink(&self.engine.binary, bin.join("server")).expect("link");
        symlink("/usr/bin/redis-cli", bin.join("valkey-cli")).expect("link");
        symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backup/docker.sh"), bin.join("docker"))
            .expect("link");
    }

    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .env("PATH", format!("{}:{path}", self.path("bin").display()))
            .env("ROOT", self.folder.path())
            .env("REDISGEN_LOCK", self.path("lock"))
            .env("REDISGEN_TEXTFILE_DIR", self.path("metrics"))
            .env_remove("REDISCLI_AUTH")
            .stdin(Stdio::null());
        command
    }

    pub fn docker(&self, words: &[&str]) {
        said(&self.command(self.path("bin/docker")).args(words).output().expect("docker.sh")).is(0, "");
    }

    pub fn start(&self) {
        self.docker(&["compose", "up"]);
        let begun = Instant::now();
        while !said(&self.command(self.path("bin/docker")).arg("inspect").output().expect("docker.sh"))
            .text
            .contains("running healthy")
        {
            let log = fs::read_to_string(self.path("server.log")).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(30), "{:?} does not start:\n{log}", self.engine);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn stop(&self) {
        self.docker(&["compose", "stop"]);
    }

    pub fn pid(&self) -> String {
        fs::read_to_string(self.path("pid")).unwrap_or_default()
    }

    pub fn back_up_with(&self, change: impl FnOnce(&mut Command)) -> Said {
        let mut command = self.command(self.path("out/backup/backup.sh"));
        change(&mut command);
        said(&command.output().expect("backup.sh"))
    }

    /// Makes a backup, which must succeed.
    #[track_caller]
    pub fn back_up(&self) -> PathBuf {
        let before = self.backups();
        self.back_up_with(|_| ()).is(0, "made ");
        let new: Vec<PathBuf> = self.backups().into_iter().filter(|path| !before.contains(path)).collect();
        assert_eq!(new.len(), 1, "{new:?}");
        new[0].clone()
    }

    /// All backups, oldest first.
    pub fn backups(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> =
            self.store().into_iter().filter(|path| path.to_string_lossy().ends_with(".age")).collect();
        found.sort();
        found
    }

    /// Everything in the folder of backups.
    pub fn store(&self) -> Vec<PathBuf> {
        fs::read_dir(self.path("store")).expect("store").map(|entry| entry.expect("entry").path()).collect()
    }

    pub fn restore(&self, words: &[&str]) -> Said {
        said(&self.command(self.path("out/backup/restore.sh")).args(words).output().expect("restore.sh"))
    }

    pub fn bring_back(&self, file: &Path) -> Said {
        let (file, key) = (file.display().to_string(), self.path("key").display().to_string());
        self.restore(&[&file, "--identity", &key, "--yes"])
    }

    /// A value of the metrics.
    pub fn metric(&self, name: &str) -> u64 {
        let text = fs::read_to_string(self.path("metrics/redisgen-backup-kept.prom")).expect("metrics");
        let start = format!("redisgen_backup_last_{name}{{deployment=\"kept\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.parse().expect("a number")
    }

    /// Changes a script of the deployment: a control.
    #[track_caller]
    pub fn mutate(&self, script: &str, from: &str, to: &str) {
        let path = self.path("out/backup").join(script);
        let text = fs::read_to_string(&path).expect("script");
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {script}");
        fs::write(&path, text.replace(from, to)).expect("written");
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.command(self.path("bin/docker")).args(["compose", "stop"]).output();
    }
}

/// Writes a program.
pub fn script(path: &Path, text: &str) {
    fs::write(path, text).expect("script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("mode");
}
