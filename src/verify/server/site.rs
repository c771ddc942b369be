//! Where a server runs for a proof, and how it and its health check are started there.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::program::Program;
use crate::folder::Folder;
use crate::layout::Layout;
use crate::model::Model;
use crate::render;
use crate::source::FileId;
use crate::tree::{Node, Value};
use crate::verify::check::Trouble;
use crate::verify::inside;
use crate::verify::lab::Lab;
use crate::verify::process;
use crate::yaml;

/// Folders of the host that hold programs and libraries, and what those need.
const HOST: &str = "bin sbin lib lib32 lib64 libx32 usr etc dev proc";

/// A prepared place.
pub(super) struct Site {
    /// Folder of the host that holds the ACL file, certificates and passwords of the server.
    pub secrets: PathBuf,
    /// Where the server listens.
    pub address: SocketAddr,
    /// The health check's file, as it is started.
    health: PathBuf,
    /// redis.conf, as the server is told.
    conf: PathBuf,
    /// Folder that is `/` to the server, if that is another one than ours.
    root: Option<PathBuf>,
    /// Whom the server runs as, if that is somebody else than us.
    user: Option<u32>,
}

fn failed(reason: String) -> Trouble {
    Trouble::Failed(reason)
}

impl Site {
    /// A private folder and a free port: the model learns both, and the emitters write for them.
    pub(super) fn layout(lab: &Lab, model: &mut Model) -> Result<Site, Trouble> {
        let folder = |name: &str| lab.subfolder(&format!("server/{name}")).map_err(failed);
        let (conf, secrets, data) = (folder("conf")?, folder("secrets")?, folder("data")?);
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.local_addr())
            .map_err(|error| failed(format!("a free port: {error}")))?
            .port();
        let text = |path: &Path| path.display().to_string();
        model.layout = Layout {
            conf: text(&conf),
            secrets: text(&secrets),
            data: text(&data),
            bind: vec![Ipv4Addr::LOCALHOST.to_string()],
            port,
        };
        for file in render::render(model).map_err(failed)? {
            if let Some(name) = file.path.strip_prefix("redis/") {
                // Its name is the sealed one's where there are no secrets.
                let name = if name == "users.acl" { "users.acl.locked" } else { name };
                lab.write(&format!("server/conf/{name}"), &file.bytes, file.mode).map_err(failed)?;
            }
        }
        if model.has_secrets() {
            let from = Folder::open(&lab.tree().join("secrets/server")).map_err(failed)?;
            let to = Folder::open(&secrets).map_err(failed)?;
            for name in from.names().map_err(failed)? {
                if let Some((bytes, mode)) = from.read(&name).map_err(failed)? {
                    to.stage(&name, &bytes, mode, false).and_then(crate::folder::Staged::commit).map_err(failed)?;
                }
            }
        }
        Ok(Site {
            // Without secrets the ACL file lies beside redis.conf.
            secrets: if model.has_secrets() { secrets } else { conf.clone() },
            address: (Ipv4Addr::LOCALHOST, port).into(),
            health: conf.join("healthcheck.sh"),
            conf: conf.join("redis.conf"),
            root: None,
            user: None,
        })
    }

    /// The tree's files on the compose file's paths, below a root of its own; for a proof inside namespaces.
    pub(super) fn tree(lab: &Lab, model: &Model, program: &Program) -> Result<Site, Trouble> {
        let file = format!("docker-compose.{}.yml", model.environment_suffix());
        let service = Service::read(&lab.text(&file)).map_err(|reason| failed(format!("{file}: {reason}")))?;
        let root = lab.subfolder("root").map_err(failed)?;
        let data = lab.subfolder("data").map_err(failed)?;
        // As in the container: whoever runs the server owns what it writes. The copies are ours to give.
        let user = inside::user();
        let mut script = String::from(ROOT);
        let folder = program.path.parent().unwrap_or(Path::new("/usr"));
        if !folder.starts_with("/usr") {
            script.push_str(&bind(folder, folder));
        }
        for mount in &service.mounts {
            let from = match mount.source.strip_prefix("./") {
                Some(below) => lab.tree().join(below),
                // A volume, or the folder on the encrypted one.
                None => data.clone(),
            };
            script.push_str(&bind(&from, Path::new(&mount.target)));
            if let Some(user) = user {
                script.push_str(&format!("chown -hR {user}:{user} \"$root\"{}\n", crate::encode::shell(&mount.target)));
            }
        }
        script.push_str("ip link set lo up 2>/dev/null || ifconfig lo up\n");
        let mut command = process::command("sh");
        command.args(["-euc", &script, "mounts"]).arg(&root).arg(HOST);
        let said = process::run(&mut command, Duration::from_secs(20))?;
        if !said.well() {
            return Trouble::failed(format!("the compose file's mounts: {}", said.told()));
        }
        let within = |target: &str| PathBuf::from(format!("{}{target}", root.display()));
        let acl = if model.has_secrets() { Layout::SECRETS } else { Layout::CONF };
        Ok(Site {
            secrets: within(acl),
            address: (Ipv4Addr::LOCALHOST, Layout::PORT).into(),
            health: PathBuf::from(&service.health),
            conf: PathBuf::from(&service.conf),
            root: Some(root),
            user,
        })
    }

    /// True if the tree's own files run.
    pub(super) fn is_tree(&self) -> bool {
        self.root.is_some()
    }

    /// The ACL file that was written for this place, with locked passwords.
    pub(super) fn locked(&self) -> Result<String, String> {
        let folder = self.conf.parent().unwrap_or(Path::new("/"));
        let bytes = Folder::open(folder)?.read("users.acl.locked")?.map(|(bytes, _)| bytes);
        Ok(String::from_utf8_lossy(&bytes.ok_or("users.acl is missing")?).into_owned())
    }

    /// The server's command; it ends with whoever starts it.
    pub(super) fn server(&self, program: &Program) -> Result<Command, Trouble> {
        let mut command = self.enter(&program.path)?;
        command.arg(&self.conf);
        Ok(command)
    }

    /// Gives a file to whoever runs the server.
    pub(super) fn give(&self, file: &Path) -> Result<(), Trouble> {
        let Some(user) = self.user else { return Ok(()) };
        std::os::unix::fs::chown(file, Some(user), Some(user))
            .map_err(|error| failed(format!("{}: {error}", file.display())))
    }

    /// The health check's command.
    pub(super) fn health(&self) -> Result<Command, Trouble> {
        self.enter(&self.health)
    }

    /// Starts a program there with no rights: both the server's configuration and the health check are files of the tree.
    fn enter(&self, program: &Path) -> Result<Command, Trouble> {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(root) = &self.root {
            words.extend([process::need("chroot", "coreutils")?.into(), root.clone().into()]);
        }
        match inside::without_rights("", self.user) {
            Ok(more) => words.extend(more),
            Err(trouble) if self.root.is_some() => return Err(trouble),
            // Files that were written for this proof.
            Err(_) => {}
        }
        words.push(program.into());
        let mut words = words.into_iter();
        let mut command = process::command(words.next().unwrap_or_default());
        command.args(words);
        if self.root.is_some() {
            // As in the container.
            command.env_remove("HOME").env_remove("TMPDIR");
            command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        }
        Ok(command)
    }
}

/// Makes a root with the host's programs and libraries in it: `sh -c ROOT mounts FOLDER NAMES`.
const ROOT: &str = r#"
root=$1
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$root"
for part in $2; do
  if [ -L "/$part" ]; then
    cp -P "/$part" "$root/"
  elif [ -d "/$part" ]; then
    mkdir "$root/$part"
    mount --rbind "/$part" "$root/$part"
  fi
done
mkdir -m 1777 "$root/tmp"
# What the host has there is none of ours, and the compose file mounts there.
if [ -d /usr/local/etc ]; then hidden=/usr/local/etc; else hidden=/usr/local; fi
mount -t tmpfs -o mode=755 tmpfs "$root$hidden"
"#;

fn bind(from: &Path, target: &Path) -> String {
    let from = crate::encode::shell(&from.display().to_string());
    let target = crate::encode::shell(&target.display().to_string());
    format!("mkdir -p \"$root\"{target}\nmount --bind {from} \"$root\"{target}\n")
}

/// What the server's service says in a compose file, by a reader that knows no more than it must.
struct Service {
    conf: String,
    health: String,
    mounts: Vec<Mount>,
}

struct Mount {
    source: String,
    target: String,
}

impl Service {
    fn read(text: &str) -> Result<Service, String> {
        let tree = yaml::parse(text, FileId(0)).map_err(|_| "it is not the YAML that redisgen writes".to_owned())?;
        let service = get(get(&tree, "services")?, "redis")?;
        let entrypoint = list(get(service, "entrypoint")?);
        let conf = entrypoint.get(1).and_then(string).ok_or("`entrypoint` names no redis.conf")?;
        let health = list(get(get(service, "healthcheck")?, "test")?);
        let health = health.get(1).and_then(string).ok_or("`healthcheck` names no program")?;
        let mut mounts = Vec::new();
        for volume in list(get(service, "volumes")?) {
            let word =
                |key: &str| string(get(volume, key)?).ok_or_else(|| format!("`volumes` has a `{key}` that is no text"));
            let mount = Mount { source: word("source")?, target: word("target")? };
            // A folder that is made below one of the host's would be made on the host.
            let normal = |path: &str| path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
            let first = mount.target.split('/').nth(1).unwrap_or_default();
            let of_host = HOST.split(' ').any(|part| part == first) && !mount.target.starts_with("/usr/local/etc/");
            if !mount.target.starts_with('/') || of_host || !normal(&mount.target) || !normal(&mount.source) {
                return Err(format!("`volumes`: {} on {} is refused here", mount.source, mount.target));
            }
            mounts.push(mount);
        }
        Ok(Service { conf, health, mounts })
    }
}

fn get<'tree>(node: &'tree Node, key: &str) -> Result<&'tree Node, String> {
    let Value::Map(entries) = &node.value else { return Err(format!("`{key}` is asked of what is no mapping")) };
    let found = entries.iter().find(|entry| &*entry.key == key);
    found.map(|entry| &entry.value).ok_or_else(|| format!("`{key}` is missing"))
}

fn list(node: &Node) -> &[Node] {
    match &node.value {
        Value::Seq(items) => items,
        _ => &[],
    }
}

fn string(node: &Node) -> Option<String> {
    match &node.value {
        Value::Str(text) => Some(text.to_string()),
        _ => None,
    }
}
