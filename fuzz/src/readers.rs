//! Independent readers of the formats that `encode` writes, each after its format's own rules.

/// Arguments of one line of redis.conf, after `sdssplitargs` of Redis (sds.c).
pub fn redis_conf(line: &str) -> Option<Vec<Vec<u8>>> {
    let line = line.as_bytes();
    let blank = |byte: u8| matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r');
    let mut at = 0;
    let mut words = Vec::new();
    loop {
        while line.get(at).is_some_and(|byte| blank(*byte)) {
            at += 1;
        }
        if at >= line.len() {
            return Some(words);
        }
        let (mut word, mut double, mut single) = (Vec::new(), false, false);
        loop {
            let byte = line.get(at).copied();
            if double {
                match byte? {
                    b'\\' if line.get(at + 1) == Some(&b'x') && hex(line, at + 2).is_some() => {
                        word.push(hex(line, at + 2)?);
                        at += 3;
                    }
                    b'\\' if at + 1 < line.len() => {
                        at += 1;
                        word.push(match line[at] {
                            b'n' => b'\n',
                            b'r' => b'\r',
                            b't' => b'\t',
                            b'b' => 8,
                            b'a' => 7,
                            other => other,
                        });
                    }
                    b'"' => {
                        if line.get(at + 1).is_some_and(|next| !blank(*next)) {
                            return None;
                        }
                        at += 1;
                        break;
                    }
                    other => word.push(other),
                }
            } else if single {
                match byte? {
                    b'\\' if line.get(at + 1) == Some(&b'\'') => {
                        at += 1;
                        word.push(b'\'');
                    }
                    b'\'' => {
                        if line.get(at + 1).is_some_and(|next| !blank(*next)) {
                            return None;
                        }
                        at += 1;
                        break;
                    }
                    other => word.push(other),
                }
            } else {
                match byte {
                    None | Some(b' ' | b'\n' | b'\r' | b'\t' | 0) => break,
                    Some(b'"') => double = true,
                    Some(b'\'') => single = true,
                    Some(other) => word.push(other),
                }
            }
            at += 1;
        }
        words.push(word);
    }
}

fn hex(line: &[u8], at: usize) -> Option<u8> {
    let digit = |at: usize| line.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    u8::try_from(digit(at)? * 16 + digit(at + 1)?).ok()
}

/// A string in double quotes of Python, Go or JavaScript, by the escapes that all three have in common with what each
/// adds; none if it is not one string on one line of ASCII.
pub fn quoted(written: &str) -> Option<String> {
    let inner = written.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::new();
    let mut signs = inner.chars();
    while let Some(sign) = signs.next() {
        match sign {
            '"' => return None,
            '\\' => out.push(match signs.next()? {
                sign @ ('"' | '\\') => sign,
                'u' => match signs.clone().next()? {
                    '{' => {
                        signs.next();
                        let (digits, rest) = signs.as_str().split_once('}')?;
                        signs = rest.chars();
                        scalar(digits)?
                    }
                    _ => digits(&mut signs, 4)?,
                },
                'U' => digits(&mut signs, 8)?,
                _ => return None,
            }),
            ' '..='~' => out.push(sign),
            _ => return None,
        }
    }
    Some(out)
}

fn digits(signs: &mut std::str::Chars<'_>, count: usize) -> Option<char> {
    let text = signs.as_str();
    let value = scalar(text.get(..count)?)?;
    *signs = text.get(count..)?.chars();
    Some(value)
}

fn scalar(digits: &str) -> Option<char> {
    let digit = |byte: u8| byte.is_ascii_hexdigit();
    (!digits.is_empty() && digits.bytes().all(digit))
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
        .and_then(char::from_u32)
}

/// A quoted template of HCL (hcl/v2 hclsyntax/spec.md); none if a template would start in it.
pub fn hcl(written: &str) -> Option<String> {
    let mut rest = written.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::new();
    while let Some(sign) = rest.chars().next() {
        if rest.starts_with("${") || rest.starts_with("%{") || sign == '"' || sign.is_control() {
            return None;
        } else if let Some(after) = rest.strip_prefix("$${").or_else(|| rest.strip_prefix("%%{")) {
            out.push(sign);
            out.push('{');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('\\') {
            let mut signs = after.chars();
            out.push(match signs.next()? {
                sign @ ('"' | '\\') => sign,
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => digits(&mut signs, 4)?,
                'U' => digits(&mut signs, 8)?,
                _ => return None,
            });
            rest = signs.as_str();
        } else {
            out.push(sign);
            rest = &rest[sign.len_utf8()..];
        }
    }
    Some(out)
}

/// Text of a page; none if a tag, an unknown entity or the end of an attribute stands in it.
pub fn html(written: &str) -> Option<String> {
    let mut rest = written;
    let mut out = String::new();
    while let Some(sign) = rest.chars().next() {
        rest = &rest[sign.len_utf8()..];
        match sign {
            '<' | '>' | '"' | '\'' => return None,
            '&' => {
                let (name, after) = rest.split_once(';')?;
                out.push(match name {
                    "amp" => '&',
                    "lt" => '<',
                    "gt" => '>',
                    "quot" => '"',
                    "#39" => '\'',
                    _ => return None,
                });
                rest = after;
            }
            _ => out.push(sign),
        }
    }
    Some(out)
}

/// The texts of one paragraph of Markdown: plain, and in code spans. None if there is anything else in it.
pub fn markdown(written: &str) -> Option<Vec<(bool, String)>> {
    use pulldown_cmark::{Event, Parser, Tag, TagEnd};
    let mut parts: Vec<(bool, String)> = Vec::new();
    let mut add = |code: bool, text: &str| match parts.last_mut() {
        Some((last, before)) if *last == code && !code => before.push_str(text),
        _ => parts.push((code, text.to_owned())),
    };
    for event in Parser::new(written) {
        match event {
            Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
            Event::Text(text) => add(false, &text),
            Event::Code(text) => add(true, &text),
            _ => return None,
        }
    }
    Some(parts)
}
