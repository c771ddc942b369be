//! In: a pattern of keys or channels, and a name. Out: whether it matches, as `stringmatchlen` in util.c decides it; and
//! whether one pattern surely covers another.

/// True if the pattern matches the whole name.
pub fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    if name.is_empty() {
        // The server compares nothing then: even `*` does not match.
        return pattern.is_empty();
    }
    let (mut at, mut read) = (0, 0);
    // Behind the last `*`, and how far the name was read there: every other sign takes one byte, so that no earlier
    // `*` has to be tried again.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(at) == Some(&b'*') {
            at = behind_stars(pattern, at);
            if at == pattern.len() {
                return true;
            }
            star = Some((at, read));
            continue;
        }
        let next = name.get(read).and_then(|byte| one(pattern, at, *byte));
        if let Some(next) = next {
            (at, read) = (next, read + 1);
            if read < name.len() {
                continue;
            }
            if behind_stars(pattern, at) == pattern.len() {
                return true;
            }
        }
        match star {
            Some((behind, from)) if from + 1 < name.len() => {
                (at, read) = (behind, from + 1);
                star = Some((at, read));
            }
            _ => return false,
        }
    }
}

fn behind_stars(pattern: &[u8], at: usize) -> usize {
    at + pattern.iter().skip(at).take_while(|byte| **byte == b'*').count()
}

/// The place behind the sign at `at`, if that sign takes this byte.
fn one(pattern: &[u8], at: usize, byte: u8) -> Option<usize> {
    let sign = *pattern.get(at)?;
    match sign {
        b'?' => Some(at + 1),
        b'[' => class(pattern, at + 1, byte),
        b'\\' if at + 1 < pattern.len() => (pattern.get(at + 1) == Some(&byte)).then_some(at + 2),
        _ => (sign == byte).then_some(at + 1),
    }
}

/// A class, from behind its `[`; one that is never closed ends with the pattern.
fn class(pattern: &[u8], mut at: usize, byte: u8) -> Option<usize> {
    let not = pattern.get(at) == Some(&b'^');
    at += usize::from(not);
    let mut found = false;
    loop {
        match (pattern.get(at), pattern.get(at + 1), pattern.get(at + 2)) {
            (Some(b'\\'), Some(escaped), _) => {
                found |= *escaped == byte;
                at += 2;
            }
            (Some(b']'), ..) => {
                at += 1;
                break;
            }
            (None, ..) => break,
            (Some(start), Some(b'-'), Some(end)) => {
                found |= (*start.min(end)..=*start.max(end)).contains(&byte);
                at += 3;
            }
            (Some(sign), ..) => {
                found |= *sign == byte;
                at += 1;
            }
        }
    }
    (found != not).then_some(at)
}

/// True if every name that `inner` matches is surely matched by `outer`. False may mean that it is too hard to tell.
pub fn covers(outer: &str, inner: &str) -> bool {
    // An empty name is matched by an empty pattern only.
    if outer == inner || inner.is_empty() {
        return outer == inner;
    }
    if matches!(outer, "*" | "**") {
        return true;
    }
    let hard = |text: &str| text.contains(['[', '\\']);
    if hard(outer) || hard(inner) {
        return false;
    }
    let (outer, inner) = (outer.as_bytes(), inner.as_bytes());
    // covered[i]: what is left of `outer` covers what is left of `inner` from its i-th sign on.
    let mut covered = vec![false; inner.len() + 1];
    if let Some(end) = covered.last_mut() {
        *end = true;
    }
    for sign in outer.iter().rev() {
        let rest = covered.clone();
        let at = |list: &[bool], place: usize| list.get(place).copied().unwrap_or(false);
        let mut any = false;
        for (place, slot) in covered.iter_mut().enumerate().rev() {
            let here = inner.get(place);
            any |= at(&rest, place);
            *slot = match (sign, here) {
                // As much of `inner` as one likes, its stars included.
                (b'*', _) => any,
                (_, None | Some(b'*')) => false,
                (b'?', Some(_)) => at(&rest, place + 1),
                (sign, Some(here)) => sign == here && at(&rest, place + 1),
            };
        }
    }
    covered.first().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_server_matches() {
        for (pattern, name, expected) in [
            ("user:*", "user:1", true),
            ("user:*", "user:", true),
            ("user:*", "users:1", false),
            ("*", "", false),
            ("", "", true),
            ("*a*b", "xaab", true),
            ("*a*b", "xaac", false),
            ("h?llo", "hello", true),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-c]", "hb", true),
            ("h[c-a]", "hb", true),
            ("h[b", "hb", true),
            ("h[]", "h]", false),
            (r"h\*", "h*", true),
            (r"h\*", "hx", false),
            (r"h\", r"h\", true),
            ("a**", "a", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_long_pattern_costs_no_more_than_both_lengths() {
        let pattern = "*a".repeat(2000) + "b";
        assert!(!matches(&pattern, &"a".repeat(20_000)));
    }

    #[test]
    fn what_covers_matches_all_that_is_covered() {
        for (outer, inner, expected) in [
            ("*", "a[b]", true),
            ("user:*", "user:1:*", true),
            ("user:1:*", "user:*", false),
            ("a?c", "abc", true),
            ("a?", "a*", false),
            ("*x*", "ax", true),
            ("a*", "a", true),
            ("a", "a*", false),
            ("*", "", false),
            ("*", "**", true),
            ("", "", true),
        ] {
            assert_eq!(covers(outer, inner), expected, "{outer} {inner}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_name_escapes_a_covering_pattern(outer in "[ab*?]{0,5}", inner in "[ab*?]{0,5}", name in "[ab]{1,5}") {
            if covers(&outer, &inner) && matches(&inner, &name) {
                proptest::prop_assert!(matches(&outer, &name), "{outer} {inner} {name}");
            }
        }
    }
}
