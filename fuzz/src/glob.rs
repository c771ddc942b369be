//! `stringmatchlen` of Redis (util.c, 7.4), word for word: what patterns of keys and channels are compared by.

/// True if the pattern matches the whole name.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    go(pattern, name, &mut false)
}

fn go(mut pattern: &[u8], mut name: &[u8], skip_longer: &mut bool) -> bool {
    while !pattern.is_empty() && !name.is_empty() {
        match pattern[0] {
            b'*' => {
                while pattern.len() > 1 && pattern[1] == b'*' {
                    pattern = &pattern[1..];
                }
                if pattern.len() == 1 {
                    return true;
                }
                while !name.is_empty() {
                    if go(&pattern[1..], name, skip_longer) {
                        return true;
                    }
                    if *skip_longer {
                        return false;
                    }
                    name = &name[1..];
                }
                // No match for the rest of the pattern, which was tried at every place.
                *skip_longer = true;
                return false;
            }
            b'?' => name = &name[1..],
            b'[' => {
                pattern = &pattern[1..];
                let not = pattern.first() == Some(&b'^');
                if not {
                    pattern = &pattern[1..];
                }
                let mut found = false;
                loop {
                    if pattern.len() >= 2 && pattern[0] == b'\\' {
                        pattern = &pattern[1..];
                        found |= pattern[0] == name[0];
                    } else if matches!(pattern.first(), Some(b']') | None) {
                        break;
                    } else if pattern.len() >= 3 && pattern[1] == b'-' {
                        let (start, end) = (pattern[0].min(pattern[2]), pattern[0].max(pattern[2]));
                        pattern = &pattern[2..];
                        found |= (start..=end).contains(&name[0]);
                    } else {
                        found |= pattern[0] == name[0];
                    }
                    pattern = &pattern[1..];
                }
                if found == not {
                    return false;
                }
                name = &name[1..];
            }
            sign => {
                if sign == b'\\' && pattern.len() >= 2 {
                    pattern = &pattern[1..];
                }
                if pattern[0] != name[0] {
                    return false;
                }
                name = &name[1..];
            }
        }
        // Behind a class that was never closed nothing is left.
        pattern = pattern.get(1..).unwrap_or(&[]);
        if name.is_empty() {
            while pattern.first() == Some(&b'*') {
                pattern = &pattern[1..];
            }
            break;
        }
    }
    pattern.is_empty() && name.is_empty()
}
