//! Who reads our files without running them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::common::Room;
use crate::installed::{ROOT, TOOLS};

fn run(tool: &str, arguments: &[&str], files: &[PathBuf]) -> Output {
    let program = TOOLS.join(tool);
    Command::new(&program).args(arguments).args(files).env("NO_COLOR", "1").output().expect("starts")
}

#[track_caller]
fn accepts(tool: &str, arguments: &[&str], file: &Path) {
    let output = run(tool, arguments, &[file.to_owned()]);
    let both = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{tool}: {both}");
}

#[track_caller]
fn refuses(tool: &str, arguments: &[&str], file: &Path) {
    assert!(!run(tool, arguments, &[file.to_owned()]).status.success(), "{tool} accepts {}", file.display());
}

/// The example of docs/ci.md that stands in this file of a repository.
pub fn example(name: &str) -> String {
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/ci.md")).expect("the page");
    let comment = format!("# {name}\n");
    let blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().expect("closed").to_owned());
    blocks
        .into_iter()
        .find(|block| block.starts_with(&comment))
        .unwrap_or_else(|| panic!("{name} is not in docs/ci.md"))
}

const OFFLINE: [&str; 3] = ["--offline", "--no-progress", "--persona=pedantic"];

#[test]
fn the_action_is_accepted() {
    let action = Path::new(ROOT).join("action.yml");
    let schema = ["--builtin-schema", "vendor.github-actions"];
    accepts("check-jsonschema", &schema, &action);
    accepts("zizmor", &OFFLINE, &action);
    // Both can refuse: an input that stands in a script is syntax there.
    let text = std::fs::read_to_string(&action).expect("read");
    let room = Room::new();
    let bad = room.file("action.yml", text.replacen("[ -z \"$DENY\" ]", "[ -z '${{ inputs.deny }}' ]", 1));
    refuses("zizmor", &OFFLINE, &bad);
    refuses("check-jsonschema", &schema, &room.file("other/action.yml", text.replace("using:", "usign:")));
}

#[test]
fn the_examples_are_accepted() {
    let room = Room::new();
    let workflow = room.file(".github/workflows/redis.yml", example(".github/workflows/redis.yml"));
    accepts("check-jsonschema", &["--builtin-schema", "vendor.github-workflows"], &workflow);
    accepts("zizmor", &OFFLINE[..2], &workflow);
    let gitlab = room.file(".gitlab-ci.yml", example(".gitlab-ci.yml"));
    let schema = ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"];
    accepts("check-jsonschema", &schema, &gitlab);
    accepts(
        "pre-commit",
        &["validate-config"],
        &room.file(".pre-commit-config.yaml", example(".pre-commit-config.yaml")),
    );
    accepts("pre-commit", &["validate-manifest"], &Path::new(ROOT).join(".pre-commit-hooks.yaml"));
    // Each can refuse.
    let read = |file: &Path| std::fs::read_to_string(file).expect("read");
    let example = example(".github/workflows/redis.yml");
    let loose = example.replace("08c6903cd8c0fde910a37f88322edcfb5dd907a8", "v5");
    assert_ne!(loose, example);
    refuses("zizmor", &OFFLINE[..2], &room.file("bad/.github/workflows/redis.yml", loose));
    refuses("check-jsonschema", &schema, &room.file("bad.yml", read(&gitlab).replace("script:", "scirpt:")));
    refuses("pre-commit", &["validate-manifest"], &room.file("hooks.yaml", "- id: x\n"));
}

/// The project file of the page is read as it stands, and by a second reader of TOML.
#[test]
fn the_project_file_of_the_page_is_one() {
    let page = std::fs::read_to_string(Path::new(ROOT).join("docs/ci.md")).expect("the page");
    let text = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a project file");
    let project = redisgen::project::parse("redisgen.toml", text).expect("read");
    assert_eq!(project.profiles[0].out, "deploy/prod");
    let room = Room::new();
    let script = "import sys, tomllib; print(tomllib.load(open(sys.argv[1], 'rb'))['profiles'][0]['path'])";
    let mut python = crate::common::python();
    let read = crate::common::text_of(python.args(["-c", script]).arg(room.file("redisgen.toml", text)));
    assert_eq!(read.trim_end(), project.profiles[0].path);
}
