//! A whole build: a profile of valid and hostile values. Once checked, it renders; the same profile makes the same bytes,
//! whatever the day; and what was rendered is what the readers of its formats take it for.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redisgen::access::Access;
use redisgen::acl::file;
use redisgen::lock::Lock;
use redisgen::model::Model;
use redisgen::render::{self, File};
use redisgen::report::{SecurityReport, page};
use redisgen_fuzz::profile::Profile;
use redisgen_fuzz::{Orphan, day, judge, readers, tell};

fuzz_target!(|profile: Profile| {
    let text = profile.to_string();
    let (found, report) = judge(text.as_bytes(), &mut Orphan, day());
    tell(&report);
    let Some(model) = found.filter(|_| !report.has_errors()) else { return };
    let files = render::render(&model).unwrap_or_else(|error| panic!("{error}\n{text}"));
    files.iter().for_each(read);
    users(&model, &files);
    let lock = Lock::new(&model, &files);
    let written = lock.to_file(&model).expect("a lock");
    let written = std::str::from_utf8(&written.bytes).expect("text");
    assert_eq!(Lock::parse(written).as_ref(), Ok(&lock), "{text}");
    let report = serde_json::to_value(SecurityReport::new(&model, &files)).expect("a report is JSON");
    for item in
        report["checklist"].as_array().into_iter().flatten().flat_map(|section| section["items"].as_array()).flatten()
    {
        let shown = item["evidence"].as_array().expect("evidence");
        assert!(shown.iter().all(|shown| shown["line"].is_u64()), "{item}\n{text}");
    }
    let data = page::data(&model, &files).unwrap_or_else(|error| panic!("{error}\n{text}"));
    render::one("report.html", data).unwrap_or_else(|error| panic!("{error}\n{text}"));

    let later = "2031-01-31".parse().expect("a date");
    let (again, _) = judge(text.as_bytes(), &mut Orphan, later);
    let again = again.expect("loads again");
    assert_eq!(render::render(&again).as_ref(), Ok(&files), "{text}");
    assert_eq!(Lock::new(&again, &files), lock, "{text}");
});

/// Reads a file as the reader of its format does.
fn read(file: &File) {
    let text = std::str::from_utf8(&file.bytes).unwrap_or_else(|error| panic!("{}: {error}", file.path));
    let odd = |sign: char| sign.is_control() && !matches!(sign, '\n' | '\t');
    assert!(!text.contains(odd), "{}: {text:?}", file.path);
    match file.path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "yml" | "yaml" => {
            let read: Result<serde_yaml::Value, _> = serde_yaml::from_str(text);
            assert!(read.is_ok_and(|read| read.is_mapping()), "{}: {text}", file.path);
        }
        "json" => {
            let read: Result<serde_json::Value, _> = serde_json::from_str(text);
            assert!(read.is_ok_and(|read| read.is_object()), "{}: {text}", file.path);
        }
        "conf" => {
            for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
                let words = readers::redis_conf(line).unwrap_or_else(|| panic!("{}: {line}", file.path));
                assert!(words.len() >= 2, "{}: {line}", file.path);
            }
        }
        _ => {}
    }
}

/// The ACL file is loaded, and its users are those that the rules were judged by.
fn users(model: &Model, files: &[File]) {
    let acl = files.iter().find(|file| file.path == "redis/users.acl").expect("an ACL file");
    let text = std::str::from_utf8(&acl.bytes).expect("text");
    let users = file::read(model.line, text).unwrap_or_else(|bad| panic!("{bad:?}: {text}"));
    assert_eq!(users.accounts.len(), model.users.len(), "{text}");
    for (user, account) in model.users.iter().zip(&model.accounts) {
        assert_eq!(users.accounts.get(&user.name), Some(account), "{}: {text}", user.name);
    }
    let read = Access::of_file(model.line, text).expect("loads").without(&model.renames.away);
    let none = redisgen::access::difference::difference(&Access::of_model(model), &read);
    assert!(none.users.is_empty(), "{}: {text}", redisgen::access::difference::human(&none));
}
