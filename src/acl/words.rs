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
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r');
    let mut bytes = text.bytes().peekable();
    let mut words = Vec::new();
    loop {
        while bytes.next_if(blank).is_some() {}
        if bytes.peek().is_none() {
            return Some(words);
        }
        let mut word = Vec::new();
        let mut quote = None;
        loop {
            match (bytes.next(), quote) {
                (None, None) => break,
                (None, Some(_)) => return None,
                (Some(b'\\'), Some(b'"')) => escaped(&mut bytes, &mut word)?,
                (Some(b'\\'), Some(b'\'')) if bytes.peek() == Some(&b'\'') => word.extend(bytes.next()),
                (Some(byte), Some(open)) if byte == open => {
                    if bytes.peek().is_some_and(|next| !blank(next)) {
                        return None;
                    }
                    break;
                }
                (Some(byte @ (b'"' | b'\'')), None) => quote = Some(byte),
                (Some(byte), None) if blank(&byte) => break,
                (Some(byte), _) => word.push(byte),
            }
        }
        // The server takes any bytes; what is no text is refused here.
        words.push(String::from_utf8(word).ok()?);
    }
}

fn escaped(bytes: &mut std::iter::Peekable<std::str::Bytes<'_>>, word: &mut Vec<u8>) -> Option<()> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = match bytes.next()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        b'x' => {
            let mut ahead = bytes.clone();
            match (ahead.next().and_then(digit), ahead.next().and_then(digit)) {
                (Some(high), Some(low)) => {
                    *bytes = ahead;
                    high << 4 | low
                }
                // Without two digits it is a letter like others.
                _ => b'x',
            }
        }
        other => other,
    };
    word.push(byte);
    Some(())
}
