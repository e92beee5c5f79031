//! What was probably meant by a word that is not known.

/// The known word that is nearest to a text, if it is near: at most a third of its characters written otherwise.
pub(crate) fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let text: Vec<char> = text.to_lowercase().chars().take(LONGEST).collect();
    let near = known.into_iter().map(|word| (distance(&text, &word.to_lowercase().chars().collect::<Vec<_>>()), word));
    let (edits, word) = near.min_by_key(|(edits, _)| *edits)?;
    (edits * 3 <= word.chars().count().max(3)).then_some(word)
}

/// Of a longer text no known word is near.
const LONGEST: usize = 64;

/// The edits (insertion, deletion, substitution, exchange of neighbours) that make one text of the other.
fn distance(from: &[char], to: &[char]) -> usize {
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (position, a) in from.iter().enumerate() {
        let mut row = vec![position + 1];
        for (index, b) in to.iter().enumerate() {
            let substituted = at(&last, index) + usize::from(a != b);
            let edited = substituted.min(at(&last, index + 1) + 1).min(at(&row, index) + 1);
            let exchanged =
                index > 0 && position > 0 && to.get(index - 1) == Some(a) && from.get(position - 1) == Some(b);
            row.push(if exchanged { edited.min(at(&before, index - 1) + 1) } else { edited });
        }
        before = std::mem::replace(&mut last, row);
    }
    at(&last, to.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        let known = ["sharing_class", "sharing_condition", "name", "LICENCE"];
        for (text, suggestion) in [
            ("sharing_clas", Some("sharing_class")),
            ("shareing_condition", Some("sharing_condition")),
            ("nmae", Some("name")),
            ("nam", Some("name")),
            ("License", Some("LICENCE")),
            ("licence", Some("LICENCE")),
            ("", None),
            ("共享类型", None),
        ] {
            assert_eq!(nearest(text, known), suggestion, "{text}");
        }
    }
}
