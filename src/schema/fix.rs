//! In: a word of a profile and the words of the schema. Out: an edit, where it is certain what was meant.

use super::Rules;
use crate::finding::Fix;
use crate::source::Span;
use crate::tree::{Node, Value};

/// Shorter words are near to too many others.
const SHORTEST: usize = 4;

/// The one word that differs from `text` by a single slip of the hand or by case only; none if there are two.
pub(super) fn meant<'word>(text: &str, words: impl Iterator<Item = &'word str>) -> Option<&'word str> {
    if !(SHORTEST..=64).contains(&text.len()) {
        return None;
    }
    let near = |word: &str| {
        word.len() >= SHORTEST
            && word.len().abs_diff(text.len()) <= 3
            && (word.eq_ignore_ascii_case(text) || strsim::damerau_levenshtein(text, word) == 1)
    };
    let mut near = words.filter(|word| near(word));
    near.next().filter(|_| near.next().is_none())
}

/// Another word in a word's place; in quotes where quotes stood, since JSON has no keys without.
pub(super) fn word(span: Span, old: &str, new: &str) -> Fix {
    let plain = (span.end - span.start) as usize == old.len();
    Fix { span, text: if plain { new.to_owned() } else { format!("\"{new}\"") } }
}

/// True if a number, written as it is, is a word of the schema that only lacks its quotes. Of the same length, `1.2` is
/// no `1.20`.
pub(super) fn is_word(rules: &Rules, node: &Node) -> bool {
    let text = match &node.value {
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        _ => return false,
    };
    let length = (node.span.end - node.span.start) as usize;
    length == text.len() && rules.words.iter().any(|word| word.as_str() == Some(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain() {
        let words = ["production", "development", "mutual", "server", "aof", "exposure", "expose"];
        let meant = |text: &str| meant(text, words.into_iter());
        for (text, word) in [("prodction", "production"), ("Production", "production"), ("muutal", "mutual")] {
            assert_eq!(meant(text), Some(word), "{text}");
        }
        // Two slips, too short, near to two, far from all.
        for text in ["prodctin", "ao", "aofs", "exposre1", "", "something"] {
            assert_eq!(meant(text), None, "{text}");
        }
        assert_eq!(super::meant("exposur", ["exposure", "exposur2"].into_iter()), None);
    }
}
