//! In: a word that is none of some. Out: the one that may be meant.

/// The candidate that a typing mistake away from `text`, if any.
pub fn nearest<'word>(text: &str, candidates: impl Iterator<Item = &'word str>) -> Option<&'word str> {
    let candidates: Vec<&str> = candidates.collect();
    if let Some(same) = candidates.iter().find(|candidate| candidate.eq_ignore_ascii_case(text)) {
        return Some(same);
    }
    // Of two letters, everything is near everything.
    if text.len() > 64 || text.len() < 3 {
        return None;
    }
    if text.len() >= 3
        && let Some(longer) = candidates.iter().find(|candidate| candidate.starts_with(text))
    {
        return Some(longer);
    }
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(text, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(3) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}
