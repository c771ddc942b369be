//! Words of shell scripts and of files of variables, and what stands behind `#`.

use std::process::{Command, Stdio};

use redisgen::encode;

use crate::common::{Room, text_of};
use crate::nasty::{batches, same, taken};

/// Splits what `printf '%s\0'` printed.
fn words(printed: &str) -> Vec<String> {
    printed.split_terminator('\0').map(str::to_owned).collect()
}

/// A shell that reaches no program and no file of ours: what an encoder lets through would run.
fn confined(shell: &str, room: &Room) -> Command {
    let mut command = Command::new(format!("/bin/{shell}"));
    command.env("PATH", "/nowhere").current_dir(room.path("")).stdin(Stdio::null());
    command
}

/// No argument of a program holds a zero.
fn without_zero(texts: &[String]) -> Vec<String> {
    texts.iter().filter(|text| !text.contains('\0')).cloned().collect()
}

#[test]
fn words_of_scripts_arrive() {
    let room = Room::new();
    for shell in ["dash", "bash"] {
        batches(|texts| {
            let pairs = taken(&without_zero(texts), |text| Ok(encode::shell(text)))?;
            let all: String = pairs.iter().map(|(_, written)| format!(" {written}")).collect();
            room.file("script", format!("printf '%s\\0'{all}\n"));
            // The environment has what a word could expand to.
            let printed = text_of(confined(shell, &room).arg("script").env("x", "expanded"));
            same(&pairs, &words(&printed))
        });
    }
}

#[test]
fn variables_arrive() {
    let room = Room::new();
    batches(|texts| {
        let pairs = taken(texts, encode::environment)?;
        let lines: String =
            pairs.iter().enumerate().map(|(place, (_, written))| format!("V{place}={written}\n")).collect();
        room.file("variables", lines);
        let all: String = (0..pairs.len()).map(|place| format!(" \"$V{place}\"")).collect();
        let script = format!(". ./variables\nprintf '%s\\0'{all}");
        let printed = text_of(confined("sh", &room).args(["-c", &script]));
        same(&pairs, &words(&printed))
    });
}

#[test]
fn comments_hide_no_command() {
    let room = Room::new();
    batches(|texts| {
        // Printable text is no reason to refuse.
        for text in texts.iter().filter(|text| text.bytes().all(|byte| (b' '..=b'~').contains(&byte))) {
            proptest::prop_assert!(encode::comment(text).is_ok(), "{:?} is refused", text);
        }
        let pairs = taken(texts, encode::comment)?;
        let lines: String = pairs.iter().map(|(_, written)| format!("# {written}\n")).collect();
        // Nothing of it runs, and what stands on the next line does.
        room.file("script", format!("{lines}echo end\n"));
        for shell in ["dash", "bash"] {
            let printed = text_of(confined(shell, &room).arg("script"));
            proptest::prop_assert_eq!(printed, "end\n");
        }
        room.file("script.py", format!("{lines}print('end')\n"));
        let printed = text_of(crate::common::python().arg(room.path("script.py")));
        proptest::prop_assert_eq!(printed, "end\n");
        Ok(())
    });
}
