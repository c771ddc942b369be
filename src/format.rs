//! String types of the profile: each is one parser, one `format` name and one pattern for editors.
//! The schema names the format, the schema walk calls the parser, serde calls the same parser again.
//!
//! Error messages say what is expected and never repeat the value: it might be a secret in the wrong place.

mod address;
mod quantity;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

pub use address::{Address, Network};
pub use quantity::{Date, Duration, EngineVersion, MIB, Percent, Rate, Size};

/// A row of the table that the schema walk looks formats up in.
pub struct Format {
    /// Value of the schema's `format` keyword.
    pub name: &'static str,
    /// Regular expression for editors; accepts at least what the parser accepts.
    pub pattern: &'static str,
    /// Says what is wrong with a text.
    pub check: fn(&str) -> Result<(), String>,
}

macro_rules! formats {
    ($($type:ident $name:literal $pattern:literal)*) => {
        /// All formats.
        pub const FORMATS: &[Format] = &[$(Format {
            name: $name,
            pattern: $pattern,
            check: |text| text.parse::<$type>().map(drop),
        }),*];
        $(
            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                    Cow::<'de, str>::deserialize(from)?.parse().map_err(serde::de::Error::custom)
                }
            }
            impl JsonSchema for $type {
                fn schema_name() -> Cow<'static, str> {
                    stringify!($type).into()
                }
                fn inline_schema() -> bool {
                    true
                }
                fn json_schema(_: &mut SchemaGenerator) -> Schema {
                    json_schema!({"type": "string", "format": $name, "pattern": $pattern})
                }
            }
        )*
    };
}

formats! {
    ProfileName "profile-name" "^[a-z][a-z0-9-]{0,31}$"
    UserName "user-name" "^[A-Za-z0-9_.-]{1,64}$"
    EngineVersion "engine-version" "^[0-9]+\\.[0-9]+\\.[0-9]+$"
    Image "image" "^[A-Za-z0-9][A-Za-z0-9._/:@-]*$"
    Size "size" "^[1-9][0-9]*(KiB|MiB|GiB|TiB)$"
    Duration "duration" "^[1-9][0-9]*(ms|s|m|h|d)$"
    Rate "rate" "^[1-9][0-9]*/(second|minute|hour|day)$"
    Percent "percent" "^[1-9][0-9]?%$|^100%$"
    Date "date" "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
    HostName "dns-name" "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$"
    HostOrAddress "host" "^[A-Za-z0-9_.:-]+$"
    Address "ip-address" "^[0-9A-Fa-f.:]+$"
    Network "ip-network" "^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$"
    Account "account" "^[a-z_][a-z0-9_-]{0,31}$"
    KeyPattern "key-pattern" "^\\S+$"
    ChannelPattern "channel-pattern" "^\\S+$"
    AclRule "acl-rule" "^[+-]@?[a-z0-9_.|-]+$"
    CommandName "command-name" "^@?[a-z0-9_.|-]+$"
    AbsolutePath "absolute-path" "^/[A-Za-z0-9._+@/-]+$"
    DevicePath "device-path" "^/dev/[A-Za-z0-9._+@/-]+$"
    RelativePath "relative-path" "^[A-Za-z0-9._+@/ -]+$"
    AgeRecipient "age-recipient" "^age1[0-9a-z]+$"
    Region "region" "^[a-z][a-z0-9-]{1,62}$"
    ResourceName "resource-name" "^[A-Za-z0-9][A-Za-z0-9._()-]{0,89}$"
    Url "https-url" "^https?://[A-Za-z0-9._:/-]+$"
    Text "text" "^[^\\x00-\\x1f]+$"
}

/// Declares a text type whose parser keeps the text as it is.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $expected:expr, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The text as written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) { Ok($name(text.to_owned())) } else { Err($expected.to_owned()) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    };
}

fn only(text: &str, sizes: std::ops::RangeInclusive<usize>, further: &[u8]) -> bool {
    sizes.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || further.contains(&byte))
}

fn starts_lower(text: &str) -> bool {
    text.starts_with(|sign: char| sign.is_ascii_lowercase())
}

fn no_upper(text: &str) -> bool {
    !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

text!(
    /// Name of a deployment: part of host names, network names and key prefixes.
    ProfileName,
    "a name starts with a letter and has at most 32 lower-case letters, digits and `-`",
    |text| only(text, 1..=32, b"-") && starts_lower(text) && no_upper(text)
);
text!(
    /// Name of a Redis user, also the name of a folder below `secrets/clients`.
    UserName,
    "a user name has 1 to 64 letters, digits, `_`, `-` and `.`, and is neither `.` nor `..`",
    |text| only(text, 1..=64, b"_.-") && text != "." && text != ".."
);
text!(
    /// A container image, with or without digest.
    Image,
    "an image is `name:tag`, `name@sha256:…` or both",
    |text| {
        let (name, digest) = text.split_once('@').map_or((text, None), |(name, digest)| (name, Some(digest)));
        let hex = |digest: &str| digest.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64 && only(hex, 64..=64, b"") && no_upper(hex));
        let (path, last) = name.rsplit_once('/').map_or((None, name), |(path, last)| (Some(path), last));
        let (last, tag) = last.split_once(':').map_or((last, "x"), |(last, tag)| (last, tag));
        let part = |part: &str| only(part, 1..=128, b"._-") && part.starts_with(|sign: char| sign.is_ascii_alphanumeric());
        // Only the registry, which comes first, may have a port.
        let registry = |(place, part_text): (usize, &str)| {
            let host = part_text.split_once(':').filter(|(_, port)| place == 0 && port.parse::<u16>().is_ok());
            part(host.map_or(part_text, |(host, _)| host))
        };
        name.len() <= 255
            && path.is_none_or(|path| path.split('/').enumerate().all(registry))
            && part(last) && no_upper(last) && part(tag) && digest.is_none_or(hex)
    }
);
text!(
    /// A DNS name.
    HostName,
    "a DNS name has labels of letters, digits and `-`, joined by dots; addresses have a field of their own",
    is_dns_name
);
text!(
    /// A DNS name or an address.
    HostOrAddress,
    "expected a DNS name or an IP address",
    |text| is_dns_name(text) || text.parse::<IpAddr>().is_ok()
);
text!(
    /// Name of a Unix account.
    Account,
    "an account name has at most 32 lower-case letters, digits, `_` and `-`, and starts with a letter or `_`",
    |text| only(text, 1..=32, b"_-") && no_upper(text) && !text.starts_with(|sign: char| sign.is_ascii_digit() || sign == '-')
);
text!(
    /// One rule for commands in an ACL: `+get`, `-@dangerous`, `+config|get`.
    AclRule,
    "a command rule is `+` or `-` and a lower-case command, `command|subcommand` or `@category`",
    |text| text.strip_prefix(['+', '-']).is_some_and(is_command_name)
);
text!(
    /// A command, `command|subcommand` or `@category`.
    CommandName,
    "expected a lower-case command, `command|subcommand` or `@category`",
    is_command_name
);
text!(
    /// An absolute path without `.`, `..` or doubled slashes; never `/` itself.
    AbsolutePath,
    "expected an absolute path below `/`, of letters, digits and `._+@-`, without `.`, `..`, `//` and a `/` at its end",
    is_absolute_path
);
text!(
    /// A block device.
    DevicePath,
    "expected a device below /dev, as `/dev/sdb1`",
    |text| text.starts_with("/dev/") && is_absolute_path(text)
);
text!(
    /// A path below the folder of the file that names it.
    RelativePath,
    "expected a relative path to a profile, of letters, digits, blanks and `._+@-`",
    |text| only(text, 1..=1024, b"._+@-/ ") && !text.starts_with('/') && !text.ends_with('/') && text.split('/').all(|part| !part.is_empty())
);
text!(
    /// A region, zone, location or project of a cloud.
    Region,
    "expected 2 to 63 lower-case letters, digits and `-`, starting with a letter, as the cloud writes it: us-east-1, westeurope",
    |text| only(text, 2..=63, b"-") && no_upper(text) && starts_lower(text)
);
text!(
    /// A name of something in a cloud or a secret store.
    ResourceName,
    "expected at most 90 letters, digits and `._()-`",
    |text| only(text, 1..=90, b"._()-") && text.starts_with(|sign: char| sign.is_ascii_alphanumeric())
);
text!(
    /// Address of a service.
    Url,
    "expected `https://host` with optional port and path",
    |text| text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).is_some_and(|rest| only(rest, 1..=253, b"._:/-") && !rest.starts_with('/'))
);
text!(
    /// Words for people, on one line.
    Text,
    "expected 1 to 256 characters on one line",
    |text| (1..=256).contains(&text.chars().count()) && !text.chars().any(char::is_control)
);
text!(
    /// Public key of an age recipient; the bech32 checksum is verified.
    AgeRecipient,
    "this is no age recipient: `age1…` with a valid checksum, as `age-keygen -y` prints it",
    |text| {
        let parsed = bech32::primitives::decode::CheckedHrpstring::new::<bech32::Bech32>(text);
        no_upper(text) && parsed.is_ok_and(|checked| checked.hrp().as_str() == "age" && checked.byte_iter().count() == 32)
    }
);
text!(
    /// A pub/sub channel pattern.
    ChannelPattern,
    "a channel pattern is visible ASCII without blanks and quotes (an ACL file cannot quote), as \"news:*\"",
    |text| is_pattern(text) && !text.starts_with('&')
);

fn is_command_name(text: &str) -> bool {
    let name = text.strip_prefix('@').unwrap_or(text);
    only(name, 1..=64, b"_.-|") && no_upper(name) && !name.starts_with(['|', '-']) && !name.ends_with('|')
}

fn is_dns_name(text: &str) -> bool {
    let label = |label: &str| only(label, 1..=63, b"-_") && !label.starts_with('-') && !label.ends_with('-');
    let numeric = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= 253 && text.split('.').all(label) && !text.rsplit('.').next().is_some_and(numeric)
}

fn is_absolute_path(text: &str) -> bool {
    text.strip_prefix('/').is_some_and(|rest| {
        only(rest, 1..=1024, b"._+@-/") && rest.split('/').all(|part| !matches!(part, "" | "." | ".."))
    })
}

/// What a token of an ACL file can hold: the format has no quoting (measured on 6.2 to 8.0).
fn is_pattern(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'".contains(&byte))
}

/// A key pattern and what may be done with the keys it matches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPattern {
    /// The glob.
    pub pattern: String,
    /// Reading is allowed.
    pub read: bool,
    /// Writing is allowed.
    pub write: bool,
}

impl FromStr for KeyPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (pattern, read, write) = if let Some(pattern) = text.strip_prefix("%R~") {
            (pattern, true, false)
        } else if let Some(pattern) = text.strip_prefix("%W~") {
            (pattern, false, true)
        } else {
            (text.strip_prefix("%RW~").unwrap_or(text), true, true)
        };
        if !is_pattern(pattern) || pattern.starts_with(['~', '%']) {
            return Err("a key pattern is visible ASCII without blanks and quotes (an ACL file cannot quote), as \"user:*\", \"%R~auth:*\" or \"%W~log:*\"".to_owned());
        }
        Ok(KeyPattern { pattern: pattern.to_owned(), read, write })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, text: &str) -> bool {
        let format = FORMATS.iter().find(|format| format.name == name).expect("known format");
        (format.check)(text).is_ok()
    }

    #[test]
    fn accepts_and_refuses() {
        for (name, good, bad) in [
            (
                "size",
                vec!["512MiB", "1GiB"],
                vec!["512M", "512mb", "0MiB", "0512MiB", "-1MiB", "99999999999999999999MiB", "MiB", ""],
            ),
            ("duration", vec!["30s", "24h", "90d", "10ms"], vec!["30", "1w", "1.5h", "0s", " 30s"]),
            ("rate", vec!["10/second"], vec!["10", "10/s", "0/second"]),
            ("percent", vec!["80%", "100%"], vec!["0%", "101%", "80", "80 %"]),
            ("date", vec!["2027-01-31", "2028-02-29"], vec!["2027-02-29", "2027-1-31", "31-01-2027", "2027-13-01"]),
            ("engine-version", vec!["7.4.11"], vec!["7.4", "7.4.x", "07.4.1", "7.4.1.1", "99999.0.0"]),
            (
                "profile-name",
                vec!["api-forge"],
                vec!["Api", "1a", "-a", "", "a_b", &"a".repeat(33)].into_iter().collect(),
            ),
            ("user-name", vec!["a.b-c_D1"], vec!["", ".", "..", "a b", "a/b", "ä"]),
            ("ip-address", vec!["10.8.0.1", "fd00:8::1"], vec!["010.8.0.1", "10.8.1", "fe80::1%eth0", "host"]),
            (
                "ip-network",
                vec!["10.8.0.0/24", "fd00:8::/64", "1.2.3.4"],
                vec!["10.8.0.1/24", "10.8.0.0/33", "10.8.0.0/", "a/24"],
            ),
            ("dns-name", vec!["redis", "redis.internal.example.com"], vec!["", "-a", "a..b", "1.2.3.4", "a b", "*.x"]),
            (
                "key-pattern",
                vec!["user:*", "%R~auth:*", "%W~log:*", "*"],
                vec!["", "a b", "\"x\"", "~user:*", "%X~a", "%R~"],
            ),
            (
                "acl-rule",
                vec!["+get", "-@dangerous", "+config|get", "+select|0"],
                vec!["get", "+GET", ">hunter2", "+", "+a b", "+|x"],
            ),
            (
                "absolute-path",
                vec!["/srv/backup"],
                vec!["/", "srv", "/srv/../etc", "/srv//x", "/srv/", "/a b", "/a$(id)"],
            ),
            ("device-path", vec!["/dev/sdb1"], vec!["/srv/x", "/dev/", "/dev/../etc/passwd"]),
            (
                "age-recipient",
                vec!["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"],
                vec!["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8q", "age1", "AGE1"],
            ),
            (
                "image",
                vec![
                    "redis:7.4.11-bookworm",
                    "valkey/valkey:8.1.1",
                    "registry.example.com:5000/a/redis:1",
                    "localhost:5000/redis",
                ],
                vec!["redis@sha256:12", "Redis", "redis latest", "$(id)", "redis:", "redis:a:b", "a//b:1", "/a", "a/"],
            ),
            (
                "host",
                vec!["bastion.example.com", "bastion", "10.8.0.1", "fd00:8::1"],
                vec!["-oProxyCommand=id", "-a", "ops@a", "a b", "%h", "a:22", "[fd00::1]", "fe80::1%eth0", ""],
            ),
            ("account", vec!["ops", "_a-1"], vec!["-l", "Ops", "1a", "a b", "%r", "ops@a", "a.b", ""]),
            ("text", vec!["VPN: \"x\" $(id)"], vec!["", "a\nb"]),
        ] {
            for text in good {
                assert!(check(name, text), "{name} refuses {text}");
            }
            for text in bad {
                assert!(!check(name, text), "{name} accepts {text}");
            }
        }
    }
}
