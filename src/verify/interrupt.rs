//! Whether somebody asked to stop: SIGINT, SIGTERM or SIGHUP. Every wait of a proof asks here, so that what was started
//! is stopped in order by destructors.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::check::Trouble;

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on the signals ask instead of ending the program.
///
/// # Errors
/// The system refuses, with its reason.
pub fn listen() -> Result<(), String> {
    let flag = ASKED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(flag)).map_err(|error| format!("signals: {error}"))?;
    }
    Ok(())
}

/// True if somebody asked to stop.
pub fn asked() -> bool {
    ASKED.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// Waits until something is there, asking again every few milliseconds; none if it is not there in time.
///
/// # Errors
/// Somebody asked to stop, or `ready` fails.
pub fn wait<T>(limit: Duration, mut ready: impl FnMut() -> Result<Option<T>, Trouble>) -> Result<Option<T>, Trouble> {
    let start = Instant::now();
    loop {
        if let Some(found) = ready()? {
            return Ok(Some(found));
        }
        if asked() {
            return Err(Trouble::Interrupted);
        }
        if start.elapsed() > limit {
            return Ok(None);
        }
        sleep(Duration::from_millis(5));
    }
}
