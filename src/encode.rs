//! How a text is written in each output format, so that it arrives as itself or is refused: never as syntax.

use crate::access::human::shown;
use crate::format::Network;

/// One argument of redis.conf, as `sdssplitargs` reads it.
pub fn redis_conf(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/:@,*+%=-".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => {
                out.push('\\');
                out.push(char::from(byte));
            }
            b' '..=b'~' => out.push(char::from(byte)),
            _ => {
                out.push_str("\\x");
                out.push_str(&crate::hex(&[byte]));
            }
        }
    }
    out.push('"');
    out
}

/// One token of an ACL file, which has no quoting at all.
///
/// # Errors
/// The text cannot be written there.
pub fn acl(text: &str) -> Result<String, String> {
    acl_line(std::iter::once(text))
}

/// The words of a line of an ACL file, with a blank between two.
///
/// # Errors
/// As [`acl`], of any word.
pub fn acl_line<'word>(words: impl Iterator<Item = &'word str>) -> Result<String, String> {
    let mut line = String::new();
    for word in words {
        if word.is_empty() || word.bytes().any(|byte| !byte.is_ascii_graphic() || b"\"'".contains(&byte)) {
            return Err("an ACL file cannot hold blanks, quotes or non-ASCII characters".to_owned());
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    Ok(line)
}

/// A double-quoted YAML scalar, which every YAML reader takes for the same text.
pub fn yaml(text: &str) -> String {
    quoted(text, |sign| match u32::from(sign) {
        code @ ..=0xffff => format!("\\u{code:04x}"),
        code => format!("\\U{code:08x}"),
    })
}

/// A string of Python, whose escapes are those of YAML.
pub fn python(text: &str) -> String {
    yaml(text)
}

/// An interpreted string of Go, whose escapes are those of YAML.
pub fn go(text: &str) -> String {
    yaml(text)
}

/// A string of JavaScript.
pub fn javascript(text: &str) -> String {
    quoted(text, |sign| format!("\\u{{{:x}}}", u32::from(sign)))
}

/// A string of Rust, whose escapes are those of JavaScript. In a format string `{` would still mean something.
pub fn rust(text: &str) -> String {
    javascript(text)
}

/// A string of JSON: in ASCII, beyond which it knows pairs of surrogates only.
pub fn json(text: &str) -> String {
    quoted(text, |sign| {
        let mut units = [0_u16; 2];
        sign.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat()
    })
}

/// In double quotes: a backslash before what ends or escapes, and an escape for what is not printable ASCII.
fn quoted(text: &str, escape: impl Fn(char) -> String) -> String {
    let plain = |sign: char| matches!(sign, ' '..='~') && !matches!(sign, '"' | '\\');
    if text.chars().all(plain) {
        return ["\"", text, "\""].concat();
    }
    let mut out = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' | '\\' => {
                out.push('\\');
                out.push(sign);
            }
            _ if plain(sign) => out.push(sign),
            _ => out.push_str(&escape(sign)),
        }
    }
    out.push('"');
    out
}

/// A value in a file of environment variables. Shells, Compose, Docker and systemd read such files, and quote in
/// different ways: only what needs no quotes means the same to all of them.
///
/// # Errors
/// The text needs quotes.
pub fn environment(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/:@,+-".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("a file of environment variables holds plain words only".to_owned())
    }
}

/// The same for a compose file, which expands `$`.
pub fn compose(text: &str) -> String {
    yaml(&text.replace('$', "$$"))
}

/// One word of a POSIX shell.
pub fn shell(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/:@,+%=-".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    ["'", &text.replace('\'', "'\\''"), "'"].concat()
}

/// A code span of Markdown. What a terminal or a page might hide is written out.
pub fn markdown(text: &str) -> String {
    let text = shown(text);
    if !text.is_empty() && !text.contains('`') && !text.starts_with(' ') && !text.ends_with(' ') {
        return ["`", &text, "`"].concat();
    }
    let longest = text.split(|sign| sign != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.is_empty() || text.starts_with([' ', '`']) || text.ends_with([' ', '`']) { " " } else { "" };
    [&fence, pad, &text, pad, &fence].concat()
}

/// A sentence in Markdown: words stay words, and what stands between two back-ticks stays code.
pub fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // With an odd back-tick left over, none of them quotes anything.
    let quoted = text.bytes().filter(|byte| *byte == b'`').count().is_multiple_of(2);
    for (place, part) in text.split('`').enumerate() {
        if quoted && place % 2 == 1 {
            out.push_str(&markdown(part));
            continue;
        }
        if place > 0 && !quoted {
            out.push_str("\\`");
        }
        escaped(&shown(part), &mut out, |sign| match sign {
            '\\' => Some("\\\\"),
            '*' => Some("\\*"),
            '_' => Some("\\_"),
            '[' => Some("\\["),
            ']' => Some("\\]"),
            '<' => Some("\\<"),
            '>' => Some("\\>"),
            '#' => Some("\\#"),
            '|' => Some("\\|"),
            '&' => Some("\\&"),
            '~' => Some("\\~"),
            _ => None,
        });
    }
    out
}

/// Appends a text, with something else instead of some of its signs; what is between two of them goes in one piece.
fn escaped(text: &str, out: &mut String, instead: impl Fn(char) -> Option<&'static str>) {
    let mut start = 0;
    for (place, sign) in text.char_indices() {
        if let Some(instead) = instead(sign) {
            out.push_str(text.get(start..place).unwrap_or(""));
            out.push_str(instead);
            start = place + sign.len_utf8();
        }
    }
    out.push_str(text.get(start..).unwrap_or(""));
}

/// Text of a page, in an element or in a quoted attribute.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escaped(&shown(text), &mut out, |sign| match sign {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '>' => Some("&gt;"),
        '"' => Some("&quot;"),
        '\'' => Some("&#39;"),
        _ => None,
    });
    out
}

/// A sentence of a page: what stands between two back-ticks is code.
pub fn page_prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return html(text);
    }
    let each = parts.iter().enumerate();
    each.map(|(place, part)| if place % 2 == 1 { format!("<code>{}</code>", html(part)) } else { html(part) }).collect()
}

/// One word of an nftables file, which knows no escape inside quotes. A keyword such as `tcp` stays one; names of ours have
/// a prefix that no keyword has.
///
/// # Errors
/// The text cannot be written there.
pub fn nft(text: &str) -> Result<String, String> {
    // Of what starts with a digit, or holds a colon, addresses alone are one bare word there.
    if text.parse::<Network>().is_ok() {
        return Ok(text.to_owned());
    }
    match text.bytes().next() {
        Some(first) if !first.is_ascii_alphabetic() => quoted_if_printable(text, None, "an nftables file"),
        _ => quoted_if_printable(text, Some(b"._/-"), "an nftables file"),
    }
}

/// One word of a file for iptables-restore.
///
/// # Errors
/// The text cannot be written there.
pub fn iptables(text: &str) -> Result<String, String> {
    quoted_if_printable(text, Some(b"._/:+-"), "a file of iptables")
}

/// Bare if it may be, and has only letters, digits and these signs; else in double quotes, without anything that could
/// end or escape them.
fn quoted_if_printable(text: &str, bare: Option<&[u8]>, place: &str) -> Result<String, String> {
    let plain = |byte: u8| bare.is_some_and(|bare| byte.is_ascii_alphanumeric() || bare.contains(&byte));
    let printable = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'$');
    match text {
        "" => Err(format!("{place} has no empty word")),
        _ if text.bytes().all(plain) && !text.starts_with('-') => Ok(text.to_owned()),
        _ if text.bytes().all(printable) => Ok(["\"", text, "\""].concat()),
        _ => Err(format!("{place} cannot hold quotes, backslashes, `$` and what is not printable")),
    }
}

/// A word of a systemd unit.
///
/// # Errors
/// The text has signs that systemd reads as syntax, some of them in front of a command or a path only.
pub fn unit(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/:@+-".contains(&byte);
    if !text.is_empty() && !text.starts_with(['-', '+', ':', '@']) && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("a unit file holds plain words only".to_owned())
    }
}

/// One argument in a file for ssh.
///
/// # Errors
/// It would be more than a word there: readers before OpenSSH 8.7 know no escapes in quotes, `%` and `$` expand,
/// `*`, `?`, `!` and `,` make patterns, and `-` may start an option where ssh runs itself, as `ProxyJump` does.
pub fn ssh_config(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/[]-".contains(&byte);
    if !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err("a file for ssh holds letters, digits and `._:/[]-` only, and no leading `-`".to_owned())
    }
}

/// A quoted string of HCL, in which `${` and `%{` would start a template.
///
/// # Errors
/// Terraform turns other characters than ASCII into their NFC form, so that they might arrive changed.
pub fn hcl(text: &str) -> Result<String, String> {
    let mut out = String::from("\"");
    let mut signs = text.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '"' | '\\' => {
                out.push('\\');
                out.push(sign);
            }
            // Doubled, the first sign takes the second one's meaning away.
            '$' | '%' if signs.peek() == Some(&'{') => {
                out.push(sign);
                out.push(sign);
            }
            ' '..='~' => out.push(sign),
            _ if sign.is_ascii() => out.push_str(&format!("\\u{:04x}", u32::from(sign))),
            _ => return Err("a string of Terraform has ASCII characters only here".to_owned()),
        }
    }
    out.push('"');
    Ok(out)
}

/// A quoted string of Vault's HCL, whose escapes are those of Go. `${` starts nothing there, but its reader looks for the end.
///
/// # Errors
/// It would have to be read as more than a string.
pub fn vault(text: &str) -> Result<String, String> {
    if text.contains("${") {
        return Err("a string of Vault's settings cannot hold `${`".to_owned());
    }
    Ok(go(text))
}

/// Text behind `#`.
///
/// # Errors
/// A line break would end the comment.
pub fn comment(text: &str) -> Result<String, String> {
    if text.chars().any(|sign| sign.is_control() || matches!(sign, '\u{2028}' | '\u{2029}')) {
        return Err("a comment cannot hold control characters".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EVIL: &str = "a\"b'c\\d $(id) ${x} `id` %{y} # : \n\r\tä\u{2028}";

    #[test]
    fn markdown_shows_texts_as_they_are() {
        assert_eq!(markdown("a`b"), "``a`b``");
        assert_eq!(markdown("`"), "`` ` ``");
        assert_eq!(markdown(""), "`  `");
        assert_eq!(prose("say `a*b` *now* <b>"), "say `a*b` \\*now\\* \\<b\\>");
        assert_eq!(prose("one ` only_"), "one \\` only\\_");
    }

    #[test]
    fn shell_words_arrive() {
        for text in [EVIL, "", "plain", "it's", "-n"] {
            let script = format!("printf %s {}", shell(text));
            let out = std::process::Command::new("sh").args(["-c", &script]).output().expect("sh");
            assert_eq!(String::from_utf8_lossy(&out.stdout), text);
        }
    }

    #[test]
    fn settings_of_vault_hold_texts_and_no_templates() {
        assert_eq!(vault("{{ with \"a\\b\" }}").as_deref(), Ok("\"{{ with \\\"a\\\\b\\\" }}\""));
        assert_eq!(vault("a$b").as_deref(), Ok("\"a$b\""));
        assert!(vault(EVIL).is_err());
    }

    #[test]
    fn acl_refuses_what_it_cannot_hold() {
        for text in ["a b", "a\"", "'", "", "ä", "a\n"] {
            assert!(acl(text).is_err(), "{text:?}");
        }
        assert_eq!(acl("~user:*").as_deref(), Ok("~user:*"));
    }

    #[test]
    fn filters_and_units_refuse_syntax() {
        for text in ["a\"b", "a\\b", "$(id)", "a\nb", "ä", ""] {
            assert!(nft(text).is_err() && iptables(text).is_err() && unit(text).is_err(), "{text:?}");
        }
        assert_eq!(nft("rg-1-*").as_deref(), Ok("\"rg-1-*\""));
        assert_eq!(nft("fd00:8::/64").as_deref(), Ok("fd00:8::/64"));
        assert_eq!(nft("10.8.0.1").as_deref(), Ok("10.8.0.1"));
        assert_eq!(nft("rg-a:b").as_deref(), Ok("\"rg-a:b\""));
        assert_eq!(nft("1:30").as_deref(), Ok("\"1:30\""));
        assert_eq!(iptables("rg-1-+").as_deref(), Ok("rg-1-+"));
        assert_eq!(iptables("-j ACCEPT").as_deref(), Ok("\"-j ACCEPT\""));
        assert!(unit("a %h").is_err() && unit("+/bin/sh").is_err() && unit("-/a").is_err());
        assert_eq!(unit("/srv/a+b@c/-d").as_deref(), Ok("/srv/a+b@c/-d"));
    }

    #[test]
    fn ssh_config_refuses_what_is_more_than_a_word() {
        for text in [
            EVIL,
            "",
            "-oProxyCommand=id",
            "a b",
            "a\nHost *",
            "\"",
            "%h",
            "${HOME}",
            "*",
            "!a",
            "a,b",
            "a#",
            "a=b",
            "ä",
        ] {
            assert!(ssh_config(text).is_err(), "{text:?}");
        }
        for text in ["bastion.example.com", "fd00:8::1", "[fd00:8::1]:6379", "_ops-1"] {
            assert_eq!(ssh_config(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn hcl_takes_templates_for_text() {
        for (text, expected) in [
            ("", r#""""#),
            ("a\"\\b", r#""a\"\\b""#),
            ("${x} %{y} $x 5% $$ {", r#""$${x} %%{y} $x 5% $$ {""#),
            ("$${x} $%{y}", r#""$$${x} $%%{y}""#),
            ("a\n\t\0\u{7f}", r#""a\u000a\u0009\u0000\u007f""#),
        ] {
            assert_eq!(hcl(text).as_deref(), Ok(expected));
        }
        assert!(hcl("e\u{301}").is_err() && hcl("\u{2028}").is_err());
    }

    #[test]
    fn comments_stay_on_their_line() {
        assert!(comment(EVIL).is_err());
        assert!(comment("prod $(id) `x`.yaml").is_ok());
    }

    proptest! {
        #[test]
        fn yaml_reads_back(text in "\\PC*|[\\x00-\\x7f]*") {
            let read: String = serde_yaml::from_str(&yaml(&text)).expect("YAML");
            prop_assert_eq!(read, text.clone());
            let read: String = serde_yaml::from_str(&compose(&text)).expect("YAML");
            prop_assert_eq!(read.replace("$$", "$"), text);
        }

        #[test]
        fn json_reads_back(text in "\\PC*|[\\x00-\\x7f]*") {
            let read: String = serde_json::from_str(&json(&text)).expect("JSON");
            prop_assert_eq!(read, text);
        }

        /// Read back as HCL's grammar says: escapes behind a backslash, `$${` and `%%{` for `${` and `%{`.
        #[test]
        fn hcl_reads_back(text in "[\\x00-\\x7f]*|[$%{}\"\\\\a]*") {
            let written = hcl(&text).expect("ASCII");
            let inner = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).expect("quotes");
            prop_assert!(inner.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            let (mut read, mut rest) = (String::new(), inner);
            while let Some(sign) = rest.chars().next() {
                if let Some(after) = rest.strip_prefix("\\u") {
                    read.push(char::from_u32(u32::from_str_radix(&after[..4], 16).expect("hex")).expect("sign"));
                    rest = &after[4..];
                } else if let Some(after) = rest.strip_prefix('\\') {
                    prop_assert!(after.starts_with(['"', '\\']));
                    read.push_str(&after[..1]);
                    rest = &after[1..];
                } else if let Some(after) = rest.strip_prefix("$${").or_else(|| rest.strip_prefix("%%{")) {
                    read.push(sign);
                    read.push('{');
                    rest = after;
                } else {
                    let syntax = sign == '"' || rest.starts_with("${") || rest.starts_with("%{");
                    prop_assert!(!syntax, "{}", written);
                    read.push(sign);
                    rest = &rest[1..];
                }
            }
            prop_assert_eq!(read, text);
        }

        #[test]
        fn redis_conf_stays_on_one_line(text in "[\\x00-\\x7f]*") {
            let written = redis_conf(&text);
            prop_assert!(!written.contains('\n') && !written.contains('\r'));
        }
    }
}
