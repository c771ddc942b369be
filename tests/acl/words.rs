//! Lists of words that a person, or a careless program, may write for a user.

use redisgen::acl::account::KeyGrant;
use redisgen::engine::Line;

/// Makes them, from a seed.
pub struct Words {
    line: &'static Line,
    state: u64,
}

impl Words {
    pub fn new(line: &'static Line, seed: u64) -> Words {
        Words { line, state: seed | 1 }
    }

    /// Below a bound (xorshift64*, which is random enough for this).
    pub fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        usize::try_from(self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33).expect("small") % bound
    }

    pub fn pick<'text>(&mut self, from: &[&'text str]) -> &'text str {
        from[self.below(from.len())]
    }

    pub fn list(&mut self) -> Vec<String> {
        let length = 1 + self.below(8);
        (0..length).map(|_| self.word()).collect()
    }

    fn word(&mut self) -> String {
        match self.below(24) {
            0..=5 => {
                let sign = self.pick(&["+", "+", "-"]);
                format!("{sign}{}", self.command())
            }
            6..=12 => {
                let sign = self.pick(&["+", "-"]);
                format!("{sign}@{}", self.category())
            }
            13 => self.pick(&["+@all", "-@all", "allcommands", "nocommands", "+@ALL"]).to_owned(),
            14 => {
                let sign = self.pick(&["+", "+", "+", "-"]);
                format!("{sign}{}|{}", self.command(), self.pick(&["a", "0", "Get", "id", "x"]))
            }
            15 | 16 => self
                .pick(&["~a:*", "~b", "~c?[d]", "~*", "~a:*", "%R~r:*", "%W~r:*", "%RW~a:*", "%w~w", "allkeys"])
                .to_owned(),
            17 => self.pick(&["&n:*", "&m", "&*", "allchannels", "resetchannels"]).to_owned(),
            18 => {
                self.pick(&["on", "off", "nopass", "resetpass", ">secret", "<secret", ">other", "resetkeys"]).to_owned()
            }
            19 if self.line.has_selectors() => {
                let inner: Vec<String> =
                    (0..self.below(4)).map(|_| self.word()).filter(|word| !word.contains('(')).collect();
                format!("({})", inner.join(" "))
            }
            20 => self
                .pick(&["reset", "clearselectors", "+nosuch", "-@nosuch", "junk", "sanitize-payload", ""])
                .to_owned(),
            _ => {
                let name = self.command().to_ascii_uppercase();
                format!("+{name}")
            }
        }
    }

    fn command(&mut self) -> String {
        let id = self.below(self.line.commands.len());
        self.line.commands[id].name.to_owned()
    }

    fn category(&mut self) -> String {
        let id = self.below(self.line.commands.len());
        let categories = &self.line.commands[id].categories;
        if categories.is_empty() { "read".to_owned() } else { categories[self.below(categories.len())].to_owned() }
    }
}

/// A key pattern as the server writes it.
pub fn key(key: &KeyGrant) -> String {
    match (key.read, key.write) {
        (true, false) => format!("%R~{}", key.pattern),
        (false, true) => format!("%W~{}", key.pattern),
        _ => format!("~{}", key.pattern),
    }
}
