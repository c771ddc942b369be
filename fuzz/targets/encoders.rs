//! Every encoder: what it writes is read back as the same text by a reader of its own, or it refuses. What no format has
//! a meaning for is never refused.

#![no_main]

use libfuzzer_sys::fuzz_target;
use redisgen::encode;
use redisgen_fuzz::readers;
use syn::parse::Parser;

/// Words that no format could have a reason to refuse.
fn harmless(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fuzz_target!(|text: &str| {
    always(text);
    code(text);
    refusing(text);
    documents(text);
});

/// Encoders that write any text.
fn always(text: &str) {
    let written = encode::redis_conf(text);
    let line = format!("directive {written} last");
    let words = readers::redis_conf(&line).unwrap_or_else(|| panic!("{line}"));
    assert_eq!(words, [b"directive".as_slice(), text.as_bytes(), b"last"], "{line}");
    assert!(written.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{written}");

    for (written, expected) in [(encode::yaml(text), text.to_owned()), (encode::compose(text), text.replace('$', "$$"))]
    {
        // As a value and as a key, in both styles.
        let document = format!("a: {written}\n{written}: b\nc: [{written}, {{d: {written}}}]\n");
        let read: Result<serde_yaml::Value, _> = serde_yaml::from_str(&document);
        match read {
            Ok(read) => {
                assert_eq!(read["a"].as_str(), Some(&*expected));
                assert_eq!(read["c"][0].as_str(), Some(&*expected));
                assert_eq!(read["c"][1]["d"].as_str(), Some(&*expected));
            }
            // `a` and `c` stand there already; a key has at most 1024 signs.
            Err(_) if matches!(text, "a" | "c") || written.len() > 1000 => {}
            Err(error) => panic!("{error}: {document}"),
        }
    }

    let read: String = serde_json::from_str(&encode::json(text)).expect("JSON");
    assert_eq!(read, text);
    assert!(encode::json(text).is_ascii());

    if !text.contains('\0') {
        // No argument of a program has a zero.
        let written = encode::shell(text);
        assert_eq!(shlex::split(&format!("printf {written} x")), Some(vec!["printf".into(), text.into(), "x".into()]));
    }
}

/// Strings of programs.
fn code(text: &str) {
    for written in [encode::python(text), encode::go(text), encode::javascript(text)] {
        assert_eq!(readers::quoted(&written).as_deref(), Some(text), "{written}");
    }
    let literal = <syn::LitStr as syn::parse::Parse>::parse.parse_str(&encode::rust(text)).expect("a literal of Rust");
    assert_eq!(literal.value(), text);
    match encode::hcl(text) {
        Ok(written) => assert_eq!(readers::hcl(&written).as_deref(), Some(text), "{written}"),
        Err(_) => assert!(!text.is_ascii()),
    }
    match encode::vault(text) {
        Ok(written) => {
            assert_eq!(readers::quoted(&written).as_deref(), Some(text), "{written}");
            assert!(!written.contains("${"), "{written}");
        }
        Err(_) => assert!(text.contains("${")),
    }
}

/// Encoders that write plain words, bare or in quotes, and refuse the rest.
fn refusing(text: &str) {
    let all = [
        ("acl", encode::acl(text), false),
        ("environment", encode::environment(text), false),
        ("unit", encode::unit(text), false),
        ("ssh_config", encode::ssh_config(text), false),
        ("nft", encode::nft(text), true),
        ("iptables", encode::iptables(text), true),
    ];
    for (name, written, quotes) in all {
        let Ok(written) = written else {
            assert!(!harmless(text), "{name} refuses {text:?}");
            continue;
        };
        assert!(!text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{name} takes {text:?}");
        match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(inner) if quotes => {
                // No escapes: nothing that could end the quotes, and nothing that is expanded in them.
                assert!(inner == text && !inner.contains(['"', '\\', '$']), "{name}: {written}");
            }
            _ => {
                assert_eq!(written, text, "{name}");
                let syntax = if name == "acl" { " \"'" } else { " \"'\\$%`#;&|<>(){}*?!~^=" };
                assert!(!written.contains(|sign| syntax.contains(sign)), "{name}: {written}");
                let option = matches!(name, "unit" | "ssh_config" | "nft" | "iptables") && written.starts_with('-');
                assert!(!option, "{name}: {written}");
            }
        }
    }
    match encode::comment(text) {
        Ok(written) => {
            assert_eq!(written, text);
            let one_line = written.lines().count() <= 1
                && !written.contains(['\0', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}']);
            assert!(one_line, "{written:?}");
        }
        Err(_) => assert!(!text.bytes().all(|byte| (b' '..=b'~').contains(&byte))),
    }
}

/// Documents, in which what a terminal might obey or hide is written out.
fn documents(text: &str) {
    let shown = redisgen::access::human::shown(text);
    assert_eq!(readers::html(&encode::html(text)).as_deref(), Some(&*shown));

    // A code span: as it stands, but that blanks alone or at both ends are not told apart.
    let written = encode::markdown(text);
    let read = readers::markdown(&format!("x {written} x")).unwrap_or_else(|| panic!("{written}"));
    let code: Vec<&str> = read.iter().filter(|(code, _)| *code).map(|(_, text)| text.as_str()).collect();
    assert_eq!(code.len(), 1, "{written} {read:?}");
    assert_eq!(code[0].trim_matches(' '), shown.trim_matches(' '), "{written}");
    assert_eq!(read.len(), 3, "{written} {read:?}");

    // A sentence: all of its words arrive, and nothing else.
    let written = encode::prose(text);
    let read = readers::markdown(&format!("x {written} x")).unwrap_or_else(|| panic!("{written:?}"));
    let squeezed = |text: &str| text.replace([' ', '`'], "");
    let all: String = read.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(squeezed(&all), squeezed(&format!("x {shown} x")), "{written:?}");
    let page = encode::page_prose(text).replace("<code>", "").replace("</code>", "");
    assert_eq!(readers::html(&page).map(|text| text.replace('`', "")), Some(shown.replace('`', "")));
}
