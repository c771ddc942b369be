//! The same work on many items at once, on all processors; results come in the order of the items.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// So many items are worth a thread: to start one costs about as much as to judge a tenth of a profile.
const WORTH: usize = 4;

/// How many threads so many items are worth on this machine.
pub fn threads(items: usize) -> usize {
    // Asking how many processors there are reads files.
    let worth = items / WORTH;
    if worth < 2 { 1 } else { thread::available_parallelism().map_or(1, NonZero::get).min(worth) }
}

/// Applies `work` to each item.
///
/// # Panics
/// Where `work` does.
pub fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let threads = threads(items.len());
    if threads < 2 {
        return items.into_iter().map(work).collect();
    }
    let queue = Mutex::new(items.into_iter().enumerate());
    let worker = || {
        let mut done = Vec::new();
        loop {
            // Not in the loop's condition, which would hold the lock while it works.
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((place, item)) = next else { return done };
            done.push((place, work(item)));
        }
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        // Where the system gives no more threads, those that there are do the work.
        let spawn = |_| thread::Builder::new().spawn_scoped(scope, worker).ok();
        let threads: Vec<_> = (1..threads).map_while(spawn).collect();
        let own = worker();
        let ended = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        own.into_iter().chain(ended.flatten()).collect()
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for count in [0, 1, WORTH * 2, 1000] {
            let squares = map((0..count).collect(), |number| {
                // The first items end last.
                thread::sleep(std::time::Duration::from_micros(if number < 4 { 2000 } else { 0 }));
                number * number
            });
            assert!(squares.into_iter().eq((0..count).map(|number| number * number)), "{count}");
        }
    }

    #[test]
    #[should_panic(expected = "seven")]
    fn a_panic_is_not_lost() {
        map((0..100).collect(), |number| assert!(number != 7, "seven"));
    }
}
