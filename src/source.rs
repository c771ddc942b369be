//! In: the text of every file that took part. Out: names, lines and columns for byte spans.

use std::sync::OnceLock;

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

/// All files of one load, in the order in which they were read, each with the starts of its lines once somebody asks.
#[derive(Debug, Default)]
pub struct Sources(Vec<(Source, OnceLock<Vec<usize>>)>);

impl Sources {
    /// Adds a file and gives its handle.
    pub fn add(&mut self, source: Source) -> FileId {
        self.0.push((source, OnceLock::new()));
        FileId(u16::try_from(self.0.len() - 1).unwrap_or(u16::MAX))
    }

    /// The file behind a handle that this collection gave out.
    pub fn get(&self, file: FileId) -> Option<&Source> {
        self.0.get(usize::from(file.0)).map(|(source, _)| source)
    }

    /// The same, to fill in later.
    pub fn get_mut(&mut self, file: FileId) -> Option<&mut Source> {
        let (source, lines) = self.0.get_mut(usize::from(file.0))?;
        lines.take();
        Some(source)
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
        let own = self.0.iter().find(|(source, _)| source.named_at.is_none() && !source.embedded);
        own.map_or("?", |(source, _)| source.name.as_str())
    }

    /// How many bytes all files have together.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|(source, _)| source.text.len()).sum()
    }

    /// Where a span starts and ends.
    pub fn positions(&self, span: Span) -> (Position, Position) {
        let Some((source, lines)) = self.0.get(usize::from(span.file.0)) else {
            return (position("", &[0], 0), position("", &[0], 0));
        };
        let lines = lines.get_or_init(|| line_starts(&source.text));
        let (start, end) = (span.start as usize, span.end.max(span.start) as usize);
        (position(&source.text, lines, start), position(&source.text, lines, end))
    }
}

fn line_starts(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(newline, _)| newline + 1)).collect()
}

/// `lines` has the start of each line.
fn position(text: &str, lines: &[usize], offset: usize) -> Position {
    let offset = floor_boundary(text, offset);
    let line = lines.partition_point(|start| *start <= offset);
    let start = line.checked_sub(1).and_then(|before| lines.get(before)).copied().unwrap_or(0);
    Position { line, column: text.get(start..offset).unwrap_or("").chars().count() + 1 }
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

    fn sources(text: &str) -> (Sources, FileId) {
        let mut sources = Sources::default();
        let name = "p.yaml".to_owned();
        let file = sources.add(Source { name, text: text.to_owned(), echo: true, embedded: false, named_at: None });
        (sources, file)
    }

    /// By counting.
    fn counted(text: &str, offset: usize) -> Position {
        let before = text.get(..floor_boundary(text, offset)).unwrap();
        let column = before.chars().rev().take_while(|sign| *sign != '\n').count() + 1;
        Position { line: before.matches('\n').count() + 1, column }
    }

    #[test]
    fn positions_count_lines_and_characters() {
        for text in ["a\nä: b\n\n  c", "", "\n", "x\n"] {
            let (sources, file) = sources(text);
            for start in 0..=text.len() + 1 {
                for end in start..=text.len() + 1 {
                    let span = Span { file, start: u32::try_from(start).unwrap(), end: u32::try_from(end).unwrap() };
                    assert_eq!(sources.positions(span), (counted(text, start), counted(text, end)), "{start}..{end}");
                }
            }
        }
        assert_eq!(counted("a\nä: b", 5), Position { line: 2, column: 3 });
    }

    #[test]
    fn a_text_that_is_filled_in_later_is_counted_anew() {
        let (mut sources, file) = sources("");
        let span = Span { file, start: 2, end: 3 };
        assert_eq!(sources.positions(span).0, Position { line: 1, column: 1 });
        "a\nb\n".clone_into(&mut sources.get_mut(file).unwrap().text);
        assert_eq!(sources.positions(span).0, Position { line: 2, column: 1 });
    }
}
