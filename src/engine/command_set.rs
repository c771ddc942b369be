//! Sets of commands as bits over their ids, so that evaluating ten thousand users stays cheap.

/// A set of commands and subcommands of one line, by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandSet(Vec<u64>);

impl CommandSet {
    /// No command, of so many.
    pub fn none(size: usize) -> CommandSet {
        CommandSet(vec![0; size.div_ceil(64)])
    }

    /// Adds one id.
    pub fn insert(&mut self, id: usize) {
        if let Some(word) = self.0.get_mut(id / 64) {
            *word |= 1 << (id % 64);
        }
    }

    /// Removes one id.
    pub fn take(&mut self, id: usize) {
        if let Some(word) = self.0.get_mut(id / 64) {
            *word &= !(1 << (id % 64));
        }
    }

    /// True if the id is in the set.
    pub fn contains(&self, id: usize) -> bool {
        self.0.get(id / 64).is_some_and(|word| word >> (id % 64) & 1 == 1)
    }

    /// True if both have an id in common.
    pub fn intersects(&self, other: &CommandSet) -> bool {
        self.0.iter().zip(&other.0).any(|(mine, theirs)| mine & theirs != 0)
    }

    /// True if every id of the other set is in this one.
    pub fn contains_all(&self, other: &CommandSet) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(mine, theirs)| theirs & !mine == 0)
    }

    /// The ids in it, ascending.
    pub fn ids(&self) -> impl Iterator<Item = usize> {
        ids(self.0.iter().copied())
    }

    /// The ids in both sets, ascending.
    pub fn both(&self, other: &CommandSet) -> Vec<usize> {
        ids(self.0.iter().zip(&other.0).map(|(mine, theirs)| mine & theirs)).collect()
    }

    /// The ids of this set that the other one lacks, ascending.
    pub fn minus(&self, other: &CommandSet) -> Vec<usize> {
        ids(self.0.iter().zip(&other.0).map(|(mine, theirs)| mine & !theirs)).collect()
    }

    /// True if nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Adds everything of the other set.
    pub fn add(&mut self, other: &CommandSet) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine |= theirs);
    }

    /// Removes everything of the other set.
    pub fn remove(&mut self, other: &CommandSet) {
        self.0.iter_mut().zip(&other.0).for_each(|(mine, theirs)| *mine &= !theirs);
    }
}

/// The ids of the bits that are set: a step for each of them, not for each that could be.
fn ids(words: impl Iterator<Item = u64>) -> impl Iterator<Item = usize> {
    words.enumerate().flat_map(|(place, word)| {
        let left = |word: u64| Some(word).filter(|word| *word != 0);
        let lowest_gone = move |word: &u64| left(word & (word - 1));
        std::iter::successors(left(word), lowest_gone).map(move |word| place * 64 + word.trailing_zeros() as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_those_that_it_contains() {
        let of = |members: &[usize]| {
            let mut set = CommandSet::none(200);
            for id in members {
                set.insert(*id);
            }
            set
        };
        let (a, b) = (of(&[0, 5, 63, 64, 127, 128, 199]), of(&[5, 64, 128, 130]));
        assert!(a.ids().eq([0, 5, 63, 64, 127, 128, 199]));
        assert_eq!(a.both(&b), [5, 64, 128]);
        assert_eq!(a.minus(&b), [0, 63, 127, 199]);
        assert!(of(&[]).is_empty() && of(&[]).both(&a).is_empty() && !a.is_empty());
    }
}
