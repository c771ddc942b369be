//! Fill, back up, destroy, restore, compare every key: on each server, with the append-only file on and off.

use std::fs;

use crate::data::same;
use crate::engine;
use crate::place::Place;

#[test]
fn every_key_comes_back_with_the_append_only_file() {
    on_every_server("everysec");
}

#[test]
fn every_key_comes_back_without_the_append_only_file() {
    on_every_server("disabled");
}

/// Side by side: most of the time is waiting for whole seconds.
fn on_every_server(aof: &str) {
    std::thread::scope(|scope| {
        for engine in engine::all() {
            scope.spawn(move || comes_back(&Place::running(&engine, aof)));
        }
    });
}

fn comes_back(place: &Place) {
    let what = format!("{:?}", place.engine);
    place.fill();
    let before = place.contents();
    assert!(before.len() > 600, "{what}: {}", before.len());
    let file = place.back_up();
    assert_eq!(place.metric("status"), 0);
    assert_eq!(place.metric("size_bytes"), fs::metadata(&file).expect("backup").len());

    place.stop();
    fs::remove_dir_all(place.path("data")).expect("destroyed");
    fs::create_dir(place.path("data")).expect("a new volume");
    place.start();
    assert_eq!(place.tell("DBSIZE"), "0", "{what}: not destroyed");
    assert_eq!(place.tell("SET later-than-the-backup 1"), "OK");
    assert_eq!(place.tell("SAVE"), "OK");

    let said = place.bring_back(&file).is(0, "the server is healthy and holds");
    assert!(said.text.contains("is kept in"), "{said:?}");
    same(&what, &before, &place.contents());

    // What was restored, and what is written from now on, outlives restarts.
    assert_eq!(place.tell("SET after-it 1"), "OK");
    assert_eq!(place.tell("SAVE"), "OK");
    place.stop();
    place.start();
    assert_eq!(place.tell("DEL after-it"), "1", "{what}");
    assert_eq!(place.tell("SAVE"), "OK");
    same(&what, &before, &place.contents());

    // What was replaced comes back, and so does what that replaced.
    place.restore(&["--undo", "--yes"]).is(0, "holds 1 keys");
    assert_eq!(place.tell("GET later-than-the-backup"), "1", "{what}");
    place.restore(&["--undo", "--yes"]).is(0, "is kept in");
    same(&what, &before, &place.contents());
    place.restore(&["--discard", "--yes"]).is(0, "before-restore-");
    assert_eq!(beside(place), Vec::<String>::new());
    same(&what, &before, &place.contents());
}

/// Folders of restores in the data folder.
pub fn beside(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.path("data")).expect("data");
    let names = entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains("restore")).collect()
}

#[test]
fn verify_only_replaces_nothing() {
    let place = Place::running(&engine::debian(), "everysec");
    place.fill();
    let file = place.back_up();
    assert_eq!(place.tell("SET newer 1"), "OK");
    let (before, pid) = (place.contents(), place.pid());
    let (file, key) = (file.display().to_string(), place.path("key").display().to_string());
    place.restore(&[&file, "--identity", &key, "--verify-only"]).is(0, "is whole").is(0, "nothing was replaced");
    assert_eq!((pid, beside(&place)), (place.pid(), Vec::new()));
    same("verify", &before, &place.contents());
    // The key comes by standard input, and is in no file of this host.
    let mut command = place.command("sh");
    command.args(["-c", r#"cat "$1" | "$2" "$3" --identity - --verify-only"#, "sh", &key]);
    command.arg(place.path("out/backup/restore.sh")).arg(&file);
    crate::place::said(&command.output().expect("sh")).is(0, "is whole");
    // Nobody is there to ask.
    place.restore(&[&file, "--identity", &key]).is(2, "say --yes");
    same("unasked", &before, &place.contents());
}
