//! In: the text of a user's rules. Out: the words that the server makes of it, before any is looked at.

use super::account::Refusal;
use crate::engine::Line;

/// Joins the words of each `( … )`, as `ACLMergeSelectorArguments` does; each with the place of its first word.
pub(crate) fn join_selectors(line: &Line, words: &[&str]) -> Result<Vec<(usize, String)>, (usize, Refusal)> {
    let mut joined: Vec<(usize, String)> = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (place, word) in words.iter().enumerate() {
        if let Some((start, mut text)) = open.take() {
            text.push(' ');
            text.push_str(word);
            if word.ends_with(')') {
                joined.push((start, text));
            } else {
                open = Some((start, text));
            }
        } else if line.has_selectors() && word.starts_with('(') && !word.ends_with(')') {
            open = Some((place, (*word).to_owned()));
        } else {
            joined.push((place, (*word).to_owned()));
        }
    }
    match open {
        Some((start, _)) => Err((start, Refusal::Parenthesis)),
        None => Ok(joined),
    }
}

/// Words of a text, which may be quoted, as `sdssplitargs` reads them; none if a quote is left open or ends in the
/// middle of a word.
pub(crate) fn split_arguments(text: &str) -> Option<Vec<String>> {
    let blank = |sign: &char| matches!(sign, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r');
    let mut signs = text.chars().peekable();
    let mut words = Vec::new();
    loop {
        while signs.next_if(blank).is_some() {}
        if signs.peek().is_none() {
            return Some(words);
        }
        let mut word = String::new();
        let mut quote = None;
        loop {
            match (signs.next(), quote) {
                (None, None) => break,
                (None, Some(_)) => return None,
                (Some('\\'), Some('"')) => word.push(escaped(&mut signs)?),
                (Some('\\'), Some('\'')) if signs.peek() == Some(&'\'') => word.extend(signs.next()),
                (Some(sign), Some(open)) if sign == open => {
                    if signs.peek().is_some_and(|next| !blank(next)) {
                        return None;
                    }
                    break;
                }
                (Some(sign @ ('"' | '\'')), None) => quote = Some(sign),
                (Some(sign), None) if blank(&sign) => break,
                (Some(sign), _) => word.push(sign),
            }
        }
        words.push(word);
    }
}

fn escaped(signs: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    Some(match signs.next()? {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'b' => '\u{8}',
        'a' => '\u{7}',
        other => other,
    })
}
