//! A tree that the program built.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::program::*;

/// A folder with a profile and what was built from it. It goes when the test ends.
pub struct Deployment {
    pub folder: TempDir,
    pub name: String,
}

impl Deployment {
    pub fn new(name: &str, profile: &str) -> Self {
        let deployment = Self { folder: tempfile::tempdir().expect("a temporary folder"), name: name.to_owned() };
        deployment.make_data_folder();
        deployment.build(profile, &[]);
        deployment
    }

    pub fn fixture(name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/ok").join(format!("{name}.yaml"));
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The fixture for the server that is in the image, and for the addresses that the engine has.
    pub fn runnable(name: &str) -> String {
        let text = replace(&Self::fixture(name), "7.4.11", VERSION);
        text.replace(r#"[10.8.0.1, "fd00:8::1"]"#, &format!(r#"[{HOST4}, "{HOST6}"]"#))
    }

    pub fn build(&self, profile: &str, more: &[&str]) -> Output {
        let path = self.folder.path().join(format!("{}.yaml", self.name));
        // In place of the encrypted volume a folder that goes with the test; never one of the host.
        let volume = self.volume().display().to_string();
        fs::write(&path, profile.replace("/mnt/encrypted_redis", &volume)).expect("profile written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_redisgen"));
        // A folder for temporary files is no place for a volume, says a warning.
        command.args(["build", "--deny", "error"]);
        good("build", run(command.arg(path).arg("--out").arg(self.out()).args(more)))
    }

    /// Where the encrypted volume is mounted.
    pub fn volume(&self) -> PathBuf {
        self.folder.path().join("volume")
    }

    /// What storage/luks.sh leaves there.
    pub fn make_data_folder(&self) {
        let data = self.volume().join("data");
        fs::create_dir_all(&data).expect("folder");
        std::os::unix::fs::chown(&data, Some(999), Some(999)).expect("chown, which needs root");
    }

    pub fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.out().join(below)
    }

    pub fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap_or_else(|error| panic!("{below}: {error}"))
    }

    pub fn server_file(&self) -> &'static str {
        ["docker-compose.prod.yml", "docker-compose.dev.yml"]
            .into_iter()
            .find(|name| self.path(name).is_file())
            .expect("a compose file")
    }

    /// The server's file, and the example client's if there is one.
    pub fn files(&self) -> Vec<&'static str> {
        let mut files = vec![self.server_file()];
        files.extend(Some("docker-compose.app.yml").filter(|name| self.path(name).is_file()));
        files
    }

    pub fn password(&self, user: &str) -> String {
        let keep = redisgen::model::keep(user);
        self.read(&format!("secrets/{}", keep.path(keep.password)))
    }

    /// Every password that was made, by user.
    pub fn passwords(&self) -> Vec<(String, String)> {
        let clients = fs::read_dir(self.path("secrets/clients")).expect("clients");
        let users = clients.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned());
        users.chain(["health".to_owned()]).map(|user| (user.clone(), self.password(&user))).collect()
    }
}
