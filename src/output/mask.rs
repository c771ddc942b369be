//! Hides what looks like a password in an excerpt: a secret in the wrong place must not travel on into a CI log.

/// The same text with secrets replaced by as many `*` bytes, so that spans stay right.
pub(crate) fn mask(text: &str) -> String {
    text.split_inclusive('\n').map(mask_line).collect()
}

fn mask_line(line: &str) -> String {
    let mut hidden: Vec<(usize, usize)> = Vec::new();
    let bytes = line.as_bytes();
    let at = |place: usize| bytes.get(place).copied().unwrap_or(b'\n');
    for start in 0..bytes.len() {
        let boundary = start == 0 || b" \t\"'[,(".contains(&at(start - 1));
        // `>secret` of an ACL rule, `<secret` that removes one.
        if boundary && matches!(at(start), b'>' | b'<') && !at(start + 1).is_ascii_whitespace() {
            hidden.push((start + 1, end_of_word(line, start + 1)));
        }
        // scheme://user:secret@host
        if line.get(start..).is_some_and(|rest| rest.starts_with("://")) {
            let word = line.get(start + 3..end_of_word(line, start + 3)).unwrap_or("");
            if let (Some(colon), Some(host)) = (word.find(':'), word.rfind('@'))
                && colon < host
            {
                hidden.push((start + 4 + colon, start + 3 + host));
            }
        }
        // `password: secret`, also in flow style
        if at(start) == b':' && is_secret_key(line.get(..start).unwrap_or("")) {
            let value =
                start + 1 + line.get(start + 1..).unwrap_or("").bytes().take_while(u8::is_ascii_whitespace).count();
            // `secrets: { … }` is a section of ours; any other `secrets` holds some.
            let ours = key_before(line.get(..start).unwrap_or("")) == "secrets" && at(value) == b'{';
            if !ours && at(value) != b'\n' {
                let rest = line.get(value..).unwrap_or("");
                let end = rest.find(" #").into_iter().chain(rest.find(['\n', '\r'])).min().unwrap_or(rest.len());
                hidden.push((value, value + end));
            }
        }
    }
    let mut out = String::with_capacity(line.len());
    for (place, sign) in line.char_indices() {
        if hidden.iter().any(|(start, end)| (*start..*end).contains(&place)) {
            (0..sign.len_utf8()).for_each(|_| out.push('*'));
        } else {
            out.push(sign);
        }
    }
    out
}

fn end_of_word(line: &str, start: usize) -> usize {
    let rest = line.get(start..).unwrap_or("");
    start + rest.find(|sign: char| sign.is_whitespace() || "\"',]}".contains(sign)).unwrap_or(rest.len())
}

/// The key before a colon.
fn key_before(before: &str) -> String {
    let key = before.trim_end_matches(['"', '\'']);
    let start =
        key.rfind(|sign: char| !(sign.is_ascii_alphanumeric() || "_-.".contains(sign))).map_or(0, |place| place + 1);
    key.get(start..).unwrap_or("").to_ascii_lowercase()
}

/// True if a key's name says that its value is secret.
fn is_secret_key(before: &str) -> bool {
    let key = key_before(before);
    let secret = ["pass", "secret", "token", "requirepass", "masterauth", "private", "apikey", "api_key", "credential"];
    secret.iter().any(|word| key.contains(word))
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn hides_secrets_and_keeps_lengths() {
        for (text, secret) in [
            ("  commands: [\">hunter2\", +get]", "hunter2"),
            ("password: hunter2 # old", "hunter2"),
            ("  { name: app, password: \"hunter2\" }", "hunter2"),
            ("url: redis://app:hunter2@host:6379", "hunter2"),
            ("user default on >hunter2 ~*", "hunter2"),
            ("REDIS_PASSWORD: hüntér2", "hüntér2"),
            ("'secret_key': hunter2", "hunter2"),
            ("passwords: [hunter2]", "hunter2"),
            ("secrets: hunter2", "hunter2"),
            ("secrets: [hunter2]", "hunter2"),
        ] {
            let masked = mask(text);
            assert!(!masked.contains(secret), "{masked}");
            assert_eq!(masked.len(), text.len());
        }
        for text in ["secrets: { store: files }", "maxmemory: 512MiB # > 10", "memory_above: 80%"] {
            assert_eq!(mask(text), text);
        }
    }
}
