//! In: a password that may come from anywhere. Out: why it could be guessed, if it looks like that. What redisgen makes
//! never does; nobody can prove the opposite of a text.

use std::collections::BTreeSet;

/// Of 64 random hexadecimal digits fewer are different in one case of 10^11.
const DIFFERENT: usize = 10;

/// Why a password is weak, if it is.
pub fn weakness(password: &str) -> Option<&'static str> {
    let bytes = password.as_bytes();
    if bytes.len() < 32 {
        return Some("it has fewer than 32 characters");
    }
    if bytes.iter().collect::<BTreeSet<_>>().len() < DIFFERENT {
        return Some("it has fewer than 10 different characters");
    }
    if (1..=bytes.len() / 2).any(|period| bytes.iter().zip(bytes.iter().skip(period)).all(|(a, b)| a == b)) {
        return Some("it repeats a shorter text");
    }
    // Of random hexadecimal digits about one in six follows the one before, or is the same.
    let near = bytes.windows(2).filter(|pair| matches!(pair, [a, b] if a.abs_diff(*b) <= 1)).count();
    if near * 2 > bytes.len() {
        return Some("most of its characters follow one another");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_weak_and_what_we_make_is_not() {
        for weak in [
            "hunter2",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "0101010101010101010101010101010101010101",
            "correct-horsecorrect-horsecorrect-horse",
            "abcdefghijklmnopqrstuvwxyz0123456789",
            "changeme-changeme-changeme-changeme-",
        ] {
            assert!(weakness(weak).is_some(), "{weak}");
        }
        for _ in 0..2000 {
            let password = super::super::new_password().expect("random");
            assert_eq!(weakness(&password), None, "{}", &*password);
        }
    }
}
