//! The encrypted volume as Compose sees it: a folder that is there only while the volume is mounted. The volume
//! itself is proven in tests/luks; here a second folder, bound over the mount point, stands for it.

use std::fs;

use crate::deployment::*;
use crate::engine::*;
use crate::program::*;

/// The test's own engine has its own mounts: none of these exists on the host.
struct Volume<'test> {
    engine: &'test Engine,
    deployment: &'test Deployment,
}

impl Volume<'_> {
    /// The folder on it.
    fn data(&self) -> String {
        self.deployment.volume().join("data").display().to_string()
    }

    #[track_caller]
    fn mount(&self) {
        let (disk, mount) = (self.deployment.folder.path().join("disk"), self.deployment.volume());
        good("mount", self.engine.inside(&["mount".as_ref(), "--bind".as_ref(), disk.as_os_str(), mount.as_os_str()]));
    }

    /// Succeeds while the container runs: that has a mount of its own, which umount does not see.
    #[track_caller]
    fn unmount(&self) {
        good("umount", self.engine.inside(&["umount".as_ref(), self.deployment.volume().as_os_str()]));
    }

    /// What lies on the bare disk: the test is outside the engine's mounts.
    fn bare(&self) -> usize {
        fs::read_dir(self.deployment.volume()).expect("the mount point").count()
    }
}

#[test]
fn without_the_volume_nothing_starts_and_nothing_reaches_the_bare_disk() {
    let engine = Engine::start();
    let production = Deployment { folder: tempfile::tempdir().expect("a temporary folder"), name: "prod".to_owned() };
    production.build(&Deployment::runnable("prod"), &[]);
    let volume = Volume { engine: &engine, deployment: &production };
    fs::create_dir(production.volume()).expect("the mount point");
    let disk = production.folder.path().join("disk/data");
    fs::create_dir_all(&disk).expect("the volume");
    std::os::unix::fs::chown(&disk, Some(999), Some(999)).expect("chown, which needs root");

    never_mounted(&volume);
    volume.mount();
    engine.up(&production);
    good("set", as_user(&engine, &production, "sessionapp", &["set", "user:kept", "value"]));
    assert!(disk.join("appendonlydir").is_dir(), "the data lies somewhere else");
    unmounted_while_running(&volume);
    volume.mount();
    engine.up(&production);
    let kept = || stdout(&as_user(&engine, &production, "sessionapp", &["get", "user:kept"]));
    assert_eq!(kept(), "later");
    // Data on the volume outlives what `down --volumes` removes.
    engine.down(&production);
    engine.up(&production);
    assert_eq!(kept(), "later");
    engine.down(&production);
}

fn never_mounted(volume: &Volume) {
    let Volume { engine, deployment } = volume;
    let file = deployment.server_file();
    let missing = format!("bind source path does not exist: {}", volume.data());
    // The server alone: the exporter would wait for it.
    let up = |file: &str| engine.compose_with(deployment, &[file], &["up", "--detach", "redis"]);
    refused("up without the volume", &up(file), &missing);
    assert_eq!(volume.bare(), 0, "a folder was made on the bare disk");
    good("down", engine.compose_with(deployment, &[file], &["down"]));

    // The control: without the fence Docker makes the folder, and the data would be written unencrypted.
    let fenced = format!("source: \"{}\", target: /data, bind: {{ create_host_path: false }}", volume.data());
    let open = replace(&deployment.read(file), &fenced, &fenced.replace("false", "true"));
    fs::write(deployment.path("open.yml"), open).expect("written");
    good("up without the fence", up("open.yml"));
    assert_eq!(volume.bare(), 1, "the control: nothing was made");
    good("down", engine.compose_with(deployment, &["open.yml"], &["down"]));
    fs::remove_dir_all(volume.data()).expect("removed");
}

fn unmounted_while_running(volume: &Volume) {
    let Volume { engine, deployment } = volume;
    volume.unmount();
    // The server goes on in its own mount, to the volume and not to the bare disk.
    let set = ["set", "user:kept", "later"];
    assert_eq!(stdout(&good("set", as_user(engine, deployment, "sessionapp", &set))), "OK");
    let id = engine.container(deployment, "redis");
    refused("restart", &engine.docker(&["restart", &id]), &volume.data());
    assert_eq!(engine.inspect(&id, "{{.State.Running}}"), "false");
    refused("up", &engine.compose(deployment, &["up", "--detach"]), &volume.data());
    assert_eq!(volume.bare(), 0, "something was written to the bare disk");
}
