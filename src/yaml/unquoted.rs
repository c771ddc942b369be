//! In: a text and a place that is no YAML. Out: the pattern that stands there without quotes, if surely one does.

use crate::output::mask;

/// Longest pattern that is quoted for its author.
const LONGEST: usize = 256;
/// Longest line that is looked at.
const LONGEST_LINE: usize = 2000;

/// The pattern from `offset` on: it starts with `*` or `%`, is one item of a list, and has no sign that could mean
/// something else. `*name` repeats a node that `&name` marks: where any `&` stands, nobody knows. A line that may hold a
/// secret gives none: findings repeat what they would write.
pub(super) fn pattern(text: &str, offset: usize) -> Option<&str> {
    let rest = text.get(offset..)?.split(['\n', '\r']).next()?;
    let sign = |sign: char| sign.is_ascii_alphanumeric() || "_:.*%~|+/?-".contains(sign);
    let word = rest.get(..rest.find(|other| !sign(other)).unwrap_or(rest.len()))?;
    let starts = word.starts_with(['*', '%']) && word.len() <= LONGEST && !word.ends_with(':');
    if !starts || (word.starts_with('*') && text.contains('&')) {
        return None;
    }
    let start = text.get(..offset)?.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(start..offset + rest.len())?;
    if line.len() > LONGEST_LINE || mask(line) != line {
        return None;
    }
    let before = text.get(start..offset)?;
    // In `[` and `,` of a list in one line, a comma ends the value; after `- ` it may belong to it.
    let listed = before.trim_end_matches(' ').ends_with(['[', ',']);
    let alone = before.ends_with("- ");
    let after = rest.get(word.len()..)?;
    let comment = after.trim_start_matches(' ').starts_with('#') && after.starts_with(' ');
    let ends = after.trim_end_matches(' ').is_empty() || comment;
    let next = after.trim_start_matches(' ').starts_with([',', ']']);
    ((alone && ends) || (listed && (ends || next))).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn only_what_is_certain() {
        for (text, word) in [
            ("keys: [*]", "*"),
            ("keys: [ %R~a:* , b]", "%R~a:*"),
            ("keys:\n  - *:x # all\n", "*:x"),
            ("keys: [a,*b]", "*b"),
            ("- *\r\n", "*"),
        ] {
            let offset = text.find(['*', '%']).expect("a sign");
            assert_eq!(pattern(text, offset), Some(word), "{text}");
        }
        // Blanks, brackets and quotes inside; an anchor; a key; a directive; a value that began before.
        for text in [
            "- *a b",
            "- *[ab]*",
            "- *\"",
            "- &x 1\n- *x",
            "- *a: 1",
            "%YAML 1.2",
            "a*",
            "- \"x\"*",
            "- *a,b",
            "a: *",
            "pass: [*b]",
        ] {
            let offset = text.find(['*', '%']).expect("a sign");
            assert_eq!(pattern(text, offset), None, "{text}");
        }
    }
}
