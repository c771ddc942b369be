//! A list without repetitions that finds its items fast: somebody may hand in a file with 100 000 patterns.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Items by name, in the order in which they came.
#[derive(Clone, Debug)]
pub struct Ordered<V> {
    places: BTreeMap<Arc<str>, u64>,
    items: BTreeMap<u64, V>,
    next: u64,
}

impl<V> Default for Ordered<V> {
    fn default() -> Self {
        Ordered { places: BTreeMap::new(), items: BTreeMap::new(), next: 0 }
    }
}

/// Equal items in the same order.
impl<V: PartialEq> PartialEq for Ordered<V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<V: Eq> Eq for Ordered<V> {}

impl<V> Ordered<V> {
    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = &V> {
        self.items.values()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// True if there is an item of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// The item of a name.
    pub fn get(&self, name: &str) -> Option<&V> {
        self.places.get(name).and_then(|place| self.items.get(place))
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        self.places.get(name).and_then(|place| self.items.get_mut(place))
    }

    /// Adds an item at the end, unless there is one of its name; the item may keep the name.
    pub fn insert(&mut self, name: &str, item: impl FnOnce(Arc<str>) -> V) {
        if !self.contains(name) {
            let name: Arc<str> = name.into();
            self.places.insert(Arc::clone(&name), self.next);
            self.items.insert(self.next, item(name));
            self.next += 1;
        }
    }

    /// Removes the item of a name.
    pub fn remove(&mut self, name: &str) -> Option<V> {
        self.places.remove(name).and_then(|place| self.items.remove(&place))
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.places.clear();
        self.items.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_keep_their_order() {
        let mut list = Ordered::default();
        for name in ["c", "a", "b", "a"] {
            list.insert(name, |_| name);
        }
        assert_eq!(list.remove("c"), Some("c"));
        list.insert("c", |_| "c");
        assert_eq!(list.iter().copied().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(list.contains("a") && !list.contains("d"));
        let mut same = Ordered::default();
        for name in ["a", "b", "c"] {
            same.insert(name, |_| name);
        }
        assert_eq!(list, same);
    }
}
