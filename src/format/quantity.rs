//! Versions, sizes, times, rates, shares and dates: numbers that carry their unit.

use std::fmt;
use std::str::FromStr;

/// Version of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EngineVersion {
    /// Major and minor: the line.
    pub line: (u16, u16),
    /// Patch level.
    pub patch: u16,
}

impl FromStr for EngineVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "a version is `MAJOR.MINOR.PATCH`, as \"7.4.11\"".to_owned();
        let mut parts = text.split('.').map(|part| whole_number(part).and_then(|number| u16::try_from(number).ok()));
        match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten(), parts.next()) {
            (Some(major), Some(minor), Some(patch), None) => Ok(EngineVersion { line: (major, minor), patch }),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for EngineVersion {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.line.0, self.line.1, self.patch)
    }
}

/// Digits without sign and without leading zeros.
pub(super) fn whole_number(text: &str) -> Option<u64> {
    let plain =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// A whole number above zero and the unit behind it.
fn with_unit<'unit>(text: &str, units: &[(&'unit str, u64)], expected: &str) -> Result<(u64, &'unit str), String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (unit, factor) = units.iter().find(|(name, _)| *name == unit).ok_or_else(|| expected.to_owned())?;
    whole_number(number)
        .filter(|number| *number > 0)
        .and_then(|number| number.checked_mul(*factor))
        // Redis holds sizes and times in signed 64 bits.
        .filter(|value| *value <= i64::MAX as u64 / 1024)
        .map(|value| (value, *unit))
        .ok_or_else(|| expected.to_owned())
}

/// An amount of memory or disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Bytes of a mebibyte.
pub const MIB: u64 = 1 << 20;

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("KiB", 1 << 10), ("MiB", MIB), ("GiB", 1 << 30), ("TiB", 1 << 40)];
        with_unit(text, &units, "a size is a whole number with its unit KiB, MiB, GiB or TiB, as 512MiB")
            .map(|(bytes, _)| Size(bytes))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (factor, unit) = [(1 << 40, "TiB"), (1 << 30, "GiB"), (MIB, "MiB")]
            .into_iter()
            .find(|(factor, _)| self.0.is_multiple_of(*factor))
            .unwrap_or((1 << 10, "KiB"));
        write!(out, "{}{unit}", self.0 / factor)
    }
}

/// A length of time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub u64);

impl Duration {
    /// Whole seconds, rounded up, so that a limit never becomes 0 (which Redis reads as "none").
    pub const fn seconds(self) -> u64 {
        self.0.div_ceil(1000)
    }
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        with_unit(text, &units, "a duration is a whole number with its unit ms, s, m, h or d, as 30s")
            .map(|(time, _)| Duration(time))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (factor, unit) = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")]
            .into_iter()
            .find(|(factor, _)| self.0.is_multiple_of(*factor))
            .unwrap_or((1, "ms"));
        write!(out, "{}{unit}", self.0 / factor)
    }
}

/// So many in a unit of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u64,
    /// `second`, `minute`, `hour` or `day`.
    pub per: &'static str,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = "a rate is `NUMBER/second`, `/minute`, `/hour` or `/day`, as 10/second";
        let units = [("/second", 1), ("/minute", 1), ("/hour", 1), ("/day", 1)];
        with_unit(text, &units, expected).map(|(count, unit)| Rate { count, per: unit.trim_start_matches('/') })
    }
}

/// A share from 1 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(pub u8);

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        with_unit(text, &[("%", 1)], "a share is a whole number from 1 to 100 with `%`, as 80%").and_then(
            |(value, _)| {
                u8::try_from(value)
                    .ok()
                    .filter(|value| *value <= 100)
                    .map(Percent)
                    .ok_or_else(|| "a share is at most 100%".to_owned())
            },
        )
    }
}

/// A calendar day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date(pub time::Date);

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || "a date is `YYYY-MM-DD` and exists, as \"2027-01-31\"".to_owned();
        let shape = text.len() == 10
            && text
                .bytes()
                .enumerate()
                .all(|(place, byte)| if place == 4 || place == 7 { byte == b'-' } else { byte.is_ascii_digit() });
        let mut parts = text.splitn(3, '-').map(|part| part.parse::<u16>().ok());
        let (Some(Some(year)), Some(Some(month)), Some(Some(day)), true) =
            (parts.next(), parts.next(), parts.next(), shape)
        else {
            return Err(expected());
        };
        let month =
            u8::try_from(month).ok().and_then(|month| time::Month::try_from(month).ok()).ok_or_else(expected)?;
        let day = u8::try_from(day).map_err(|_| expected())?;
        time::Date::from_calendar_date(i32::from(year), month, day).map(Date).map_err(|_| expected())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}-{:02}", self.0.year(), u8::from(self.0.month()), self.0.day())
    }
}
