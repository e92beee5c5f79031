//! Masks: some characters of a text stay, the others become `*`.

/// What stands for a masked character.
const MASK: char = '*';

pub(super) fn name(name: &str) -> String {
    let lone = name.chars().nth(1).is_none();
    mask_where(name, |index, c| (index > 0 || lone) && !is_name_separator(c))
}

pub(super) fn citizen_id(id: &str) -> String {
    const CHARS: usize = 18;
    let whole = id.chars().count() != CHARS;
    mask_where(id, |index, _| whole || (6..CHARS - 4).contains(&index))
}

pub(super) fn phone(phone: &str) -> String {
    const SHORTEST_NUMBER: usize = 7;
    let digits = phone.chars().filter(|&c| is_digit(c)).count();
    let masked = if digits < SHORTEST_NUMBER { 0..digits } else { digits.saturating_sub(8)..digits - 4 };
    let mut seen = 0;
    mask_where(phone, |_, c| {
        let index = seen;
        seen += usize::from(is_digit(c));
        is_digit(c) && masked.contains(&index)
    })
}

pub(super) fn middle(text: &str) -> String {
    let chars = text.chars().count();
    let kept = chars / 3;
    mask_where(text, |index, _| (kept..chars - kept).contains(&index))
}

pub(super) fn address(text: &str) -> String {
    mask_where(text, |_, c| is_digit(c))
}

fn mask_where(text: &str, mut masked: impl FnMut(usize, char) -> bool) -> String {
    text.chars().enumerate().map(|(index, c)| if masked(index, c) { MASK } else { c }).collect()
}

fn is_digit(c: char) -> bool {
    matches!(c, '0'..='9' | '０'..='９')
}

/// Space, hyphen, and the middle dots (U+00B7, U+2022, U+2027, U+30FB) that input methods put between the parts of a
/// name.
fn is_name_separator(c: char) -> bool {
    matches!(c, ' ' | '-' | '\u{B7}' | '\u{2022}' | '\u{2027}' | '\u{30FB}')
}
