//! In: the text of every file that took part. Out: names, lines and columns for byte spans.

/// Index of a file in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(pub u16);

/// A byte range in one file; always on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// Line and column, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

/// One input file.
#[derive(Debug)]
pub struct Source {
    /// How the user names it: a path as given, `<stdin>`, or `<production defaults>`.
    pub name: String,
    /// Its whole text.
    pub text: String,
    /// False for a file that is no profile: its content is never shown, since a stranger's
    /// `extends` could point at anything.
    pub echo: bool,
    /// True for the embedded defaults.
    pub embedded: bool,
    /// Of a parent: where `extends` names it.
    pub named_at: Option<Span>,
}

/// All files of one load, in the order in which they were read.
#[derive(Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a file and gives its handle.
    pub fn add(&mut self, source: Source) -> FileId {
        self.0.push(source);
        FileId(u16::try_from(self.0.len() - 1).unwrap_or(u16::MAX))
    }

    /// The file behind a handle that this collection gave out.
    pub fn get(&self, file: FileId) -> Option<&Source> {
        self.0.get(usize::from(file.0))
    }

    /// The same, to fill in later.
    pub fn get_mut(&mut self, file: FileId) -> Option<&mut Source> {
        self.0.get_mut(usize::from(file.0))
    }

    /// The name of a file.
    pub fn name(&self, file: FileId) -> &str {
        self.get(file).map_or("?", |source| source.name.as_str())
    }

    /// Where the profile's own `extends` brings a file in, perhaps through parents of parents.
    pub fn brought_in_by(&self, file: FileId) -> Option<Span> {
        let mut named = self.get(file)?.named_at?;
        // Who names a parent was read before it, so that this ends.
        while let Some(further) = self.get(named.file).and_then(|source| source.named_at) {
            named = further;
        }
        Some(named)
    }

    /// True for the profile's own file: no parent, and not the defaults.
    pub fn is_own(&self, file: FileId) -> bool {
        self.get(file).is_some_and(|source| source.named_at.is_none() && !source.embedded)
    }

    /// The name of the profile's own file.
    pub fn own_name(&self) -> &str {
        let own = self.0.iter().find(|source| source.named_at.is_none() && !source.embedded);
        own.map_or("?", |source| source.name.as_str())
    }

    /// How many bytes all files have together.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|source| source.text.len()).sum()
    }

    /// Where a span starts and ends.
    pub fn positions(&self, span: Span) -> (Position, Position) {
        let text = self.get(span.file).map_or("", |source| source.text.as_str());
        let start = position(text, span.start as usize);
        // The text before is read once: a span may stand at the end of megabytes.
        let from = floor_boundary(text, span.start as usize);
        let to = floor_boundary(text, span.end as usize).max(from);
        let inside = position(text.get(from..to).unwrap_or(""), to - from);
        let column = if inside.line == 1 { start.column + inside.column - 1 } else { inside.column };
        (start, Position { line: start.line + inside.line - 1, column })
    }
}

fn position(text: &str, offset: usize) -> Position {
    let offset = floor_boundary(text, offset);
    let before = text.get(..offset).unwrap_or("");
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
        column: before.get(line_start..).unwrap_or("").chars().count() + 1,
    }
}

/// The nearest character boundary at or before `offset`.
pub fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_ends_where_it_would_start() {
        let text = "a\nä: b\n\n  c";
        let mut sources = Sources::default();
        let file = sources.add(Source {
            name: "p.yaml".to_owned(),
            text: text.to_owned(),
            echo: true,
            embedded: false,
            named_at: None,
        });
        for start in 0..text.len() {
            for end in start..=text.len() {
                let span = Span { file, start: u32::try_from(start).unwrap(), end: u32::try_from(end).unwrap() };
                assert_eq!(sources.positions(span), (position(text, start), position(text, end)), "{start}..{end}");
            }
        }
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(position("a\nä: b", 5), Position { line: 2, column: 3 });
        assert_eq!(position("", 9), Position { line: 1, column: 1 });
    }
}
