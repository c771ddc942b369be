//! A lock may come from a stranger's pull request: whatever it holds, a build follows it to no place but ours.

#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use redisgen::lock::Lock;
use redisgen::project;

fuzz_target!(|text: &str| {
    if let Ok(lock) = Lock::parse(text) {
        for file in &lock.files {
            let parts: Vec<Component<'_>> = Path::new(&file.path).components().collect();
            assert!(parts.iter().all(|part| matches!(part, Component::Normal(_))), "{}", file.path);
            assert_eq!(Path::new("out").join(&file.path).components().count(), parts.len() + 1, "{}", file.path);
            let top = parts[0].as_os_str().to_str().expect("text");
            let ours = parts.len() > 1 && top != "secrets" && !top.starts_with('.');
            assert!(ours || top.starts_with("docker-compose."), "{}", file.path);
        }
        let again = toml::to_string(&lock).expect("a lock can be written");
        assert_eq!(Lock::parse(&again).as_ref(), Ok(&lock));
    }
    // The other TOML that a stranger may hand in.
    if let Ok(project) = project::parse("redisgen.toml", text) {
        for path in project.profiles.iter().flat_map(|profile| [&profile.path, &profile.out]) {
            let up = Path::new(path).components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir));
            assert!(!up, "{path}");
        }
    }
});
