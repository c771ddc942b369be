//! A profile of mostly valid values, so that most of what is made gets past the checks: its sections come and go, and now
//! and then a value is hostile.

use std::collections::BTreeSet;
use std::fmt;

use arbitrary::{Arbitrary, Result, Unstructured};
use redisgen::{engine, rules};
use serde_json::{Map, Value, json};

/// A profile, as JSON: every JSON text is YAML.
#[derive(Debug)]
pub struct Profile(Value);

impl fmt::Display for Profile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The loader refuses keys over 1024 signs and very long lines are hard to read: one value a line.
        out.write_str(&serde_json::to_string_pretty(&self.0).map_err(|_| fmt::Error)?)
    }
}

/// Values that some format has a meaning for.
const HOSTILE: &[&str] = &[
    "",
    " ",
    "a b",
    "\"",
    "'",
    "\\",
    "$(id)",
    "${x}",
    "%{y}",
    "`id`",
    "$",
    "%h",
    "#",
    "a\nb",
    "a\tb",
    "\0",
    "{{ x }}",
    "{% raw %}",
    "ä",
    "\u{1f512}",
    "e\u{301}",
    "*",
    "-",
    "--",
    "~",
    "<<",
    "null",
    "yes",
    "0",
    "1e3",
    "@",
    "!",
    "&",
    "|",
    ">",
    "..",
    "/",
    "a/../b",
    "-oProxyCommand=id",
    "\u{2028}",
    "\u{202e}",
    "]]>",
    "<b>",
    "*/",
    "a'b\"c`d$e\\f",
];

/// Makes the values of one profile out of bytes. Without bytes left, every choice takes its first option.
struct Maker<'a, 'bytes>(&'a mut Unstructured<'bytes>);

impl Maker<'_, '_> {
    fn one_in(&mut self, number: u8) -> Result<bool> {
        Ok(self.0.int_in_range(0..=number - 1)? == number - 1)
    }

    /// One of these, now and then something else.
    fn word(&mut self, valid: &[&str]) -> Result<Value> {
        if self.one_in(96)? {
            return self.hostile();
        }
        self.valid(valid)
    }

    fn valid(&mut self, valid: &[&str]) -> Result<Value> {
        Ok(json!(self.0.choose(valid)?))
    }

    fn hostile(&mut self) -> Result<Value> {
        Ok(match self.0.int_in_range(0..=4)? {
            0 => json!(self.0.choose(HOSTILE)?),
            1 => json!(self.0.arbitrary::<String>()?),
            2 => json!(self.0.arbitrary::<i64>()?),
            3 => json!(self.0.arbitrary::<bool>()?),
            _ => json!([]),
        })
    }

    /// Words for people, which may hold almost anything.
    fn text(&mut self) -> Result<Value> {
        let text: String = match self.0.int_in_range(0..=2)? {
            0 => "VPN".to_owned(),
            1 => format!("a{}", self.0.choose(HOSTILE)?),
            _ => self.0.arbitrary()?,
        };
        // Not empty, and without what is refused in any text.
        let text: String = text.chars().filter(|sign| !sign.is_control()).take(256).collect();
        Ok(json!(if text.is_empty() { "x".to_owned() } else { text }))
    }

    fn number(&mut self, least: i64, most: i64) -> Result<Value> {
        Ok(json!(if self.one_in(64)? { self.0.arbitrary::<i64>()? } else { self.0.int_in_range(least..=most)? }))
    }

    fn list(&mut self, most: usize, item: impl Fn(&mut Self) -> Result<Value>) -> Result<Value> {
        let count = self.0.int_in_range(0..=most)?;
        Ok(Value::Array((0..count).map(|_| item(self)).collect::<Result<_>>()?))
    }

    /// The same, with one at least.
    fn some(&mut self, most: usize, item: impl Fn(&mut Self) -> Result<Value>) -> Result<Value> {
        let count = self.0.int_in_range(1..=most)?;
        Ok(Value::Array((0..count).map(|_| item(self)).collect::<Result<_>>()?))
    }

    /// Maybe a key of a section.
    fn maybe(
        &mut self,
        to: &mut Map<String, Value>,
        key: &str,
        make: impl Fn(&mut Self) -> Result<Value>,
    ) -> Result<()> {
        if self.one_in(2)? {
            to.insert(key.to_owned(), make(self)?);
        }
        Ok(())
    }

    fn section(&mut self, fill: impl Fn(&mut Self, &mut Map<String, Value>) -> Result<()>) -> Result<Value> {
        let mut section = Map::new();
        fill(self, &mut section)?;
        Ok(Value::Object(section))
    }

    fn profile(&mut self) -> Result<Value> {
        self.section(|make, profile| {
            profile.insert("version".to_owned(), json!(1));
            profile.insert(
                "name".to_owned(),
                make.word(&["shop", "s-", "api-forge", "a2345678901234567890123456789012"])?,
            );
            profile.insert("environment".to_owned(), make.valid(&["production", "development"])?);
            make.maybe(profile, "engine", Maker::engine)?;
            make.maybe(profile, "network", Maker::network)?;
            make.maybe(profile, "tls", Maker::tls)?;
            make.maybe(profile, "users", Maker::users)?;
            make.maybe(profile, "commands", Maker::commands)?;
            make.maybe(profile, "resources", Maker::resources)?;
            make.maybe(profile, "persistence", Maker::persistence)?;
            make.maybe(profile, "backups", Maker::backups)?;
            make.maybe(profile, "secrets", Maker::secrets)?;
            make.maybe(profile, "encryption_at_rest", Maker::volumes)?;
            make.maybe(profile, "application_encryption", |make| make.word(&["fernet"]))?;
            make.maybe(profile, "monitoring", Maker::monitoring)?;
            make.maybe(profile, "compliance", |make| make.list(3, |make| make.word(&["gdpr", "hipaa", "pci-dss"])))?;
            make.maybe(profile, "config", Maker::config)?;
            make.maybe(profile, "waivers", |make| make.list(6, Maker::waiver))?;
            if make.one_in(64)? {
                let key: String = make.0.arbitrary()?;
                profile.insert(key, make.hostile()?);
            }
            Ok(())
        })
    }

    fn engine(&mut self) -> Result<Value> {
        self.section(|make, engine| {
            let lines: Vec<_> = engine::lines().collect();
            let line = make.0.choose(&lines)?;
            engine.insert("kind".to_owned(), json!(line.kind.word()));
            let patch = make.0.int_in_range(0..=30)?;
            engine.insert("version".to_owned(), json!(format!("{}.{}.{patch}", line.number.0, line.number.1)));
            make.maybe(engine, "image", |make| {
                make.word(&["redis:7.4.11-bookworm", "registry.example.com:5000/a/redis:1"])
            })
        })
    }

    fn network(&mut self) -> Result<Value> {
        const SOURCES: &[&str] = &[
            "10.8.0.0/24",
            "192.0.2.1",
            "fd00:8::/64",
            "2001:db8::1",
            "10.8.0.7",
            "0.0.0.0/1",
            "203.0.113.0/25",
            "127.0.0.1",
            "::1",
            "0.0.0.0/0",
        ];
        self.section(|make, network| {
            make.maybe(network, "exposure", |make| make.word(&["localhost", "allowlist", "internal", "open"]))?;
            make.maybe(network, "port", |make| make.number(1, 65535))?;
            make.maybe(network, "listen", |make| {
                make.list(3, |make| make.word(&["10.8.0.1", "fd00:8::1", "192.0.2.7", "0.0.0.0", "127.0.0.1"]))
            })?;
            make.maybe(network, "hostname", |make| make.word(&["redis.example.com", "redis"]))?;
            make.maybe(network, "allow", |make| {
                make.list(5, |make| {
                    make.section(|make, allow| {
                        allow.insert("source".to_owned(), make.word(SOURCES)?);
                        make.maybe(allow, "comment", Maker::text)?;
                        make.maybe(allow, "until", |make| make.word(&["2031-01-31", "2027-01-31", "2026-12-01"]))
                    })
                })
            })?;
            make.maybe(network, "firewall", |make| {
                make.section(|make, firewall| {
                    make.maybe(firewall, "backends", |make| {
                        make.list(3, |make| make.word(&["nftables", "iptables", "ufw"]))
                    })?;
                    make.maybe(firewall, "connections_per_source", |make| make.number(1, 1000))?;
                    make.maybe(firewall, "new_connections", |make| {
                        make.word(&["10/second", "1/day", "999/minute", "40/hour"])
                    })
                })
            })?;
            make.maybe(network, "bastion", |make| {
                make.section(|make, bastion| {
                    bastion.insert("host".to_owned(), make.word(&["bastion.example.com", "10.8.0.9", "fd00:8::9"])?);
                    bastion.insert("user".to_owned(), make.word(&["ops", "_a-1"])?);
                    bastion.insert("target".to_owned(), make.word(&["10.8.0.1", "localhost", "redis.example.com"])?);
                    make.maybe(bastion, "port", |make| make.number(1, 65535))
                })
            })?;
            make.maybe(network, "docker", |make| {
                make.section(|make, docker| {
                    make.maybe(docker, "network", |make| make.word(&["apps", "a.b_(c)-d"]))?;
                    make.maybe(docker, "subnet", |make| make.word(&["172.30.0.0/24", "10.8.0.0/24", "fd00::/64"]))
                })
            })
        })
    }

    fn tls(&mut self) -> Result<Value> {
        const DURATIONS: [(&str, &[&str]); 3] = [
            ("ca_validity", &["3650d", "36500d", "397d"]),
            ("leaf_validity", &["397d", "90d", "1h", "3651d"]),
            ("renew_before", &["30d", "1ms", "1h", "397d"]),
        ];
        self.section(|make, tls| {
            make.maybe(tls, "mode", |make| make.word(&["server", "mutual", "disabled"]))?;
            make.maybe(tls, "minimum", |make| make.word(&["1.2", "1.3"]))?;
            make.maybe(tls, "key", |make| make.word(&["ecdsa-p256", "ecdsa-p384", "ed25519"]))?;
            make.maybe(tls, "names", |make| make.list(3, |make| make.word(&["redis", "localhost", "a.example.com"])))?;
            make.maybe(tls, "addresses", |make| make.list(2, |make| make.word(&["127.0.0.1", "fd00:8::1"])))?;
            for (key, durations) in DURATIONS {
                make.maybe(tls, key, |make| make.word(durations))?;
            }
            make.maybe(tls, "authority", |make| Ok(json!({
                "certificate": make.word(&["/etc/ssl/ca.crt"])?, "key": make.word(&["/etc/ssl/ca.key", "/run/a+b@c/k.pem"])?
            })))
        })
    }

    /// A rule, mostly of commands that the line of the defaults has.
    fn rule(&mut self) -> Result<Value> {
        const NAMES: &[&str] = &[
            "get",
            "set",
            "@read",
            "@write",
            "@all",
            "@dangerous",
            "@admin",
            "config|get",
            "client|setname",
            "select|0",
            "keys",
            "ping",
            "@connection",
            "eval",
            "script",
            "xgroup|create",
            "info",
            "debug",
            "acl|setuser",
            "subscribe",
            "migrate",
        ];
        if self.one_in(16)? {
            let lines: Vec<_> = engine::lines().collect();
            let commands: Vec<&str> = self.0.choose(&lines)?.commands.iter().map(|command| command.name).collect();
            return Ok(json!(format!("+{}", self.0.choose(&commands)?)));
        }
        let name = self.0.choose(NAMES)?;
        let sign = if self.one_in(3)? { '-' } else { '+' };
        if self.one_in(64)? { self.hostile() } else { Ok(json!(format!("{sign}{name}"))) }
    }

    fn keys(&mut self) -> Result<Value> {
        self.some(3, |make| {
            make.word(&["shop:*", "%R~auth:*", "%W~log:*", "*", "%R~*", "a[b-c]?\\*", "shop:*", "${x}#", "$(id)", "a)"])
        })
    }

    fn channels(&mut self) -> Result<Value> {
        self.list(2, |make| make.word(&["news:*", "*", "a[b]", "$x|y", "(z"]))
    }

    /// Mostly of different names.
    fn users(&mut self) -> Result<Value> {
        let mut users = self.list(5, Maker::user)?;
        let repeated = self.one_in(16)?;
        if let Some(users) = users.as_array_mut().filter(|_| !repeated) {
            let mut seen = BTreeSet::new();
            users.retain(|user| seen.insert(user["name"].to_string()));
        }
        Ok(users)
    }

    fn user(&mut self) -> Result<Value> {
        self.section(|make, user| {
            user.insert(
                "name".to_owned(),
                make.word(&["app", "admin", "reports", "a.b-c_D1", "monitor", "default", "ops", "-x", "0"])?,
            );
            let role = make.word(&["application", "admin", "readonly", "monitoring", "custom"])?;
            let named = role.as_str().unwrap_or_default().to_owned();
            user.insert("role".to_owned(), role);
            // What a role cannot do without, and what it has no use for, now and then.
            let keys = matches!(named.as_str(), "application" | "readonly" | "custom");
            if keys != make.one_in(16)? {
                user.insert("keys".to_owned(), make.keys()?);
            }
            if (named == "custom" || (named == "application" && make.one_in(2)?)) != make.one_in(16)? {
                user.insert("commands".to_owned(), make.list(5, Maker::rule)?);
            }
            if keys && make.one_in(4)? {
                user.insert("channels".to_owned(), make.channels()?);
            }
            if make.one_in(8)? {
                user.insert("enabled".to_owned(), json!(false));
            }
            if make.one_in(8)? {
                user.insert(
                    "selectors".to_owned(),
                    make.list(2, |make| {
                        make.section(|make, selector| {
                            selector.insert("commands".to_owned(), make.list(3, Maker::rule)?);
                            make.maybe(selector, "keys", Maker::keys)?;
                            make.maybe(selector, "channels", Maker::channels)
                        })
                    })?,
                );
            }
            Ok(())
        })
    }

    fn commands(&mut self) -> Result<Value> {
        const NAMES: &[&str] = &[
            "flushall",
            "flushdb",
            "keys",
            "config",
            "debug",
            "shutdown",
            "@scripting",
            "slaveof",
            "config|set",
            "ping",
            "get",
            "@dangerous",
            "client|kill",
            "bgsave",
            "info",
            "@admin",
            "acl",
        ];
        self.section(|make, commands| {
            make.maybe(commands, "disabled", |make| make.list(6, |make| make.word(NAMES)))?;
            make.maybe(commands, "rename", |make| Ok(json!(make.one_in(2)?)))
        })
    }

    fn resources(&mut self) -> Result<Value> {
        const EVICTION: &[&str] = &["noeviction", "allkeys-lru", "volatile-ttl", "allkeys-random"];
        const SIZES: &[&str] = &["512MiB", "1GiB", "64MiB", "8191TiB", "320MiB"];
        self.section(|make, resources| {
            make.maybe(resources, "memory", |make| make.word(SIZES))?;
            make.maybe(resources, "maxmemory", |make| make.word(SIZES))?;
            make.maybe(resources, "eviction", |make| make.word(EVICTION))?;
            make.maybe(resources, "cpus", |make| {
                Ok(json!(*make.0.choose(&[1.0, 0.01, 0.333_333_333, 1024.0, 1e-7, 2.5e3])?))
            })?;
            make.maybe(resources, "max_clients", |make| make.number(10, 1_000_000))?;
            make.maybe(resources, "idle_timeout", |make| make.word(&["300s", "1ms", "1h", "100000d"]))
        })
    }

    fn persistence(&mut self) -> Result<Value> {
        self.section(|make, persistence| {
            make.maybe(persistence, "aof", |make| make.word(&["everysec", "disabled", "always", "os"]))?;
            make.maybe(persistence, "snapshots", |make| {
                make.list(3, |make| {
                    Ok(json!({"after": make.word(&["300s", "1s", "90d"])?, "changes": make.number(1, 2_147_483_647)?}))
                })
            })
        })
    }

    fn backups(&mut self) -> Result<Value> {
        const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        Ok(json!({
            "every": self.word(&["24h", "1h", "90d", "1ms", "15m", "7s"])?,
            "keep": self.word(&["14d", "1h", "1ms"])?,
            "directory": self.word(&["/srv/backup/shop", "/mnt/encrypted_redis/b", "/tmp/x", "/a+b@c/-d"])?,
            "encrypt_to": [self.word(&[KEY])?],
        }))
    }

    fn secrets(&mut self) -> Result<Value> {
        self.section(|make, secrets| {
            let store = make.word(&["files", "vault", "aws-secrets-manager", "dotenv"])?;
            let named = store.as_str().unwrap_or_default().to_owned();
            secrets.insert("store".to_owned(), store);
            make.maybe(secrets, "rotate_after", |make| make.word(&["90d", "1ms", "1000d"]))?;
            if (named == "vault") != make.one_in(16)? {
                secrets.insert("vault".to_owned(), json!({
                    "address": make.word(&["https://vault.example.com:8200", "http://v/-:_"])?, "mount": make.word(&["secret", "a(b).c"])?
                }));
            }
            if (named == "aws-secrets-manager") != make.one_in(16)? {
                secrets.insert("aws".to_owned(), json!({"region": make.word(&["us-east-1", "us-gov-west-1"])?}));
            }
            Ok(())
        })
    }

    fn volumes(&mut self) -> Result<Value> {
        const SIZES: &[&str] = &["10GiB", "1GiB", "32767GiB", "1KiB", "64TiB"];
        self.section(|make, volumes| {
            make.maybe(volumes, "luks", |make| {
                Ok(json!({
                    "device": make.word(&["/dev/disk/by-id/ata-x", "/dev/sdb1", "/dev/mapper/x", "/dev/null"])?,
                    "mount": make.word(&["/mnt/encrypted_redis", "/srv/a+b@c", "/etc", "/-x"])?
                }))
            })?;
            make.maybe(volumes, "aws", |make| Ok(json!({
                "region": make.word(&["us-east-1"])?, "availability_zone": make.word(&["us-east-1a", "us-east-1b"])?,
                "size": make.word(SIZES)?
            })))?;
            make.maybe(volumes, "gcp", |make| Ok(json!({
                "project": make.word(&["shop-1"])?, "zone": make.word(&["us-central1-a"])?, "size": make.word(SIZES)?
            })))?;
            make.maybe(volumes, "azure", |make| {
                Ok(json!({
                    "location": make.word(&["eastus"])?, "resource_group": make.word(&["Shop_(test).eu", "a."])?,
                    "size": make.word(SIZES)?
                }))
            })
        })
    }

    fn monitoring(&mut self) -> Result<Value> {
        self.section(|make, monitoring| {
            make.maybe(monitoring, "exporter", |make| Ok(json!(make.one_in(2)?)))?;
            make.maybe(monitoring, "image", |make| make.word(&["oliver006/redis_exporter:v1.69.0"]))?;
            make.maybe(monitoring, "port", |make| make.number(1, 65535))?;
            make.maybe(monitoring, "alerts", |make| Ok(json!({
                "memory_above": make.word(&["80%", "100%", "1%"])?, "latency_above": make.word(&["10ms", "1h", "100000d"])?
            })))
        })
    }

    fn config(&mut self) -> Result<Value> {
        const VALUES: &[&str] = &["yes", "no", "10", "0", "1000", "10kb", "-1", "", "a b", "notice", "0.5"];
        self.section(|make, config| {
            let lines: Vec<_> = engine::lines().collect();
            for _ in 0..make.0.int_in_range(0..=3)? {
                let names: Vec<&str> = make.0.choose(&lines)?.directive_names().collect();
                let name = if make.one_in(3)? { *make.0.choose(&names)? } else { "hz" };
                let value = if name == "hz" { make.number(1, 500)? } else { make.word(VALUES)? };
                config.insert(name.to_owned(), value);
            }
            Ok(())
        })
    }

    fn waiver(&mut self) -> Result<Value> {
        let ids: Vec<&str> = rules::all().filter(|rule| rule.waivable).map(|rule| rule.id).collect();
        self.section(|make, waiver| {
            waiver.insert("rule".to_owned(), make.word(&ids)?);
            waiver.insert("reason".to_owned(), make.text()?);
            make.maybe(waiver, "until", |make| make.word(&["2031-01-31", "2026-12-01", "2020-02-29"]))
        })
    }
}

impl<'bytes> Arbitrary<'bytes> for Profile {
    fn arbitrary(bytes: &mut Unstructured<'bytes>) -> Result<Self> {
        Maker(bytes).profile().map(Profile)
    }
}
