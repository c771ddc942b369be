//! Two texts as a unified diff, which `patch` and `git apply` read.

use similar::algorithms::{Capture, Compact, Replace, myers};
use similar::udiff::UnifiedHunkHeader;
use similar::{ChangeTag, group_diff_ops};

/// Equal lines around a change.
const CONTEXT: usize = 3;

/// The difference by lines, which end with `\n` alone, as `patch` reads them; empty if there is none. `from` and `to` are what
/// the header calls the two.
pub(super) fn unified((from, old): (&str, &str), (to, new): (&str, &str)) -> String {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let new: Vec<&str> = new.split_inclusive('\n').collect();
    // One algorithm, called by name: `TextDiff` brings four of them along, in many copies: 250 kB of the program.
    let mut found = Compact::new(Replace::new(Capture::new()), &old[..], &new[..]);
    let Ok(()) = myers::diff(&mut found, &old[..], 0..old.len(), &new[..], 0..new.len());
    let mut text = String::new();
    for hunk in group_diff_ops(found.into_inner().into_inner().into_ops(), CONTEXT) {
        if text.is_empty() {
            text = format!("--- {from}\n+++ {to}\n");
        }
        text.push_str(&format!("{}\n", UnifiedHunkHeader::new(&hunk)));
        for change in hunk.iter().flat_map(|operation| operation.iter_changes(&old[..], &new[..])) {
            text.push(match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            });
            text.push_str(change.value());
            if !change.value().ends_with('\n') {
                text.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    text
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "git reads the files of a test")]
mod tests {
    use std::fs;
    use std::process::Command;

    use proptest::prelude::*;

    use super::unified;

    /// What `git apply` makes of the first text.
    fn applied(old: &str, diff: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, old).expect("written");
        fs::write(folder.path().join("diff"), diff).expect("written");
        let mut git = Command::new("git");
        // In no repository, wherever the folder lies, so that the path is taken as it is.
        let above = folder.path().parent().expect("a folder above");
        git.args(["apply", "diff"]).current_dir(&folder).env("GIT_CEILING_DIRECTORIES", above);
        let output = git.output().expect("git");
        assert!(output.status.success(), "{}\n{diff}", String::from_utf8_lossy(&output.stderr));
        fs::read_to_string(&file).expect("readable")
    }

    #[test]
    fn equal_texts_have_no_difference() {
        for text in ["", "a", "a\nb\n"] {
            assert_eq!(unified(("a/file", text), ("b/file", text)), "");
        }
    }

    #[test]
    fn hunks_are_told_apart() {
        let lines: Vec<String> = (1..=30).map(|line| line.to_string()).collect();
        let old = lines.join("\n") + "\n";
        let new = old.replace("\n5\n", "\nfive\n").replace("\n30\n", "\n");
        let diff = unified(("a/file", &old), ("b/file", &new));
        assert_eq!(
            diff,
            "--- a/file\n+++ b/file\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n@@ -27,4 +27,3 @@\n 27\n 28\n 29\n-30\n"
        );
        assert_eq!(applied(&old, &diff), new);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
        #[test]
        fn git_applies_it(old in "([ab\r]?\n){0,20}[ab]?", new in "([ab\r]?\n){0,20}[ab]?") {
            // Of a file that becomes empty, git asks for another header.
            prop_assume!(old != new && !old.is_empty() && !new.is_empty());
            prop_assert_eq!(applied(&old, &unified(("a/file", &old), ("b/file", &new))), new);
        }
    }
}
