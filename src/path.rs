//! Profile paths such as `network.allow[0].source`: how rules and people name a place in a profile.

use std::fmt;

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// A key of a mapping.
    Key(String),
    /// An item of a list, from 0.
    Index(usize),
}

/// A place in a profile. The empty path is the whole profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<Segment>);

impl Path {
    /// The steps, outermost first.
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Appends a step.
    pub fn push(&mut self, segment: Segment) {
        self.0.push(segment);
    }

    /// Takes the last step away.
    pub fn pop(&mut self) {
        self.0.pop();
    }

    /// Reads `a.b[0]["odd key"]`; gives the offending text if it is no path.
    ///
    /// # Errors
    /// The rest of the text from the first character that does not belong there.
    pub fn parse(text: &str) -> Result<Path, String> {
        let mut path = Path::default();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix("[\"") {
                let (key, after) = inner.split_once("\"]").ok_or(rest)?;
                path.push(Segment::Key(key.to_owned()));
                rest = after;
            } else if let Some(inner) = rest.strip_prefix('[') {
                let (index, after) = inner.split_once(']').ok_or(rest)?;
                path.push(Segment::Index(index.parse().map_err(|_| rest)?));
                rest = after;
            } else {
                let key = rest.strip_prefix('.').filter(|_| !path.0.is_empty()).unwrap_or(rest);
                let end = key.find(['.', '[']).unwrap_or(key.len());
                let (key, after) = key.split_at(end);
                if key.is_empty() {
                    return Err(rest.to_owned());
                }
                path.push(Segment::Key(key.to_owned()));
                rest = after;
            }
        }
        Ok(path)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(out, "[{index}]")?,
                Segment::Key(key) if is_plain(key) && place == 0 => write!(out, "{key}")?,
                Segment::Key(key) if is_plain(key) => write!(out, ".{key}")?,
                Segment::Key(key) => write!(out, "[\"{key}\"]")?,
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_back() {
        for text in ["", "a", "a.b[0].c", "config[\"odd key\"]", "a[1][2]", "[\"x.y\"].z"] {
            assert_eq!(Path::parse(text).map(|path| path.to_string()).as_deref(), Ok(text));
        }
        for text in ["a..b", "a[x]", "a[", ".a"] {
            assert!(Path::parse(text).is_err(), "{text}");
        }
    }
}
