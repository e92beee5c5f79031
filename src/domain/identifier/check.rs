//! The arithmetic of the check characters. Every function takes the values of characters already known to be in their
//! alphabet.

/// The 31 characters of GB 32100, by value: no I, O, S, V, Z, which look like digits.
pub(super) const USCC_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// The check characters of GB 11643, by the weighted sum modulo 11.
const CITIZEN_ID_CHECKS: &[u8; 11] = b"10X98765432";

/// The digits and letters, by value.
const BASE_36: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The value of a digit (0 to 9) or an upper-case letter (10 to 35).
pub(super) fn base_36(c: u8) -> Option<usize> {
    BASE_36.iter().position(|&each| each == c)
}

/// GB 32100 over the first 17 characters of a credit code: weights 3^i mod 31.
pub(super) fn gb_32100(values: impl IntoIterator<Item = usize>) -> char {
    let mut weight = 1;
    let mut sum = 0;
    for value in values {
        sum = (sum + value * weight) % 31;
        weight = weight * 3 % 31;
    }
    char::from(USCC_ALPHABET[(31 - sum) % 31])
}

/// GB 11714 over the first eight characters of an organisation code.
pub(super) fn gb_11714(values: impl IntoIterator<Item = usize>) -> char {
    const WEIGHTS: [usize; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let sum: usize = values.into_iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
    match 11 - sum % 11 {
        10 => 'X',
        11 => '0',
        digit => char::from(BASE_36[digit]),
    }
}

/// GB 11643 (ISO 7064 MOD 11-2) over the first 17 digits of a citizen id: weights 2^(17-i) mod 11.
pub(super) fn gb_11643(values: impl IntoIterator<Item = usize>) -> char {
    const WEIGHTS: [usize; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: usize = values.into_iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum();
    char::from(CITIZEN_ID_CHECKS[sum % 11])
}

/// ISO/IEC 7064 MOD 37,36 (GB/T 17710).
///
/// The last step is taken modulo 36: a remainder of 1 gives the check character 0, where 37 − 1 would point past the
/// alphabet.
pub(super) fn mod_37_36(values: impl IntoIterator<Item = usize>) -> char {
    let remainder = values.into_iter().fold(36, |p, value| match (p + value) % 36 {
        0 => 36 * 2 % 37,
        sum => sum * 2 % 37,
    });
    char::from(BASE_36[(37 - remainder) % 36])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<usize> {
        text.bytes().map(|c| base_36(c).unwrap()).collect()
    }

    #[test]
    fn mod_37_36_gives_zero_where_the_difference_is_36() {
        // (36 + 19) mod 36 = 19, doubled 38 mod 37 = 1, and 37 − 1 = 36 must become 0.
        assert_eq!(mod_37_36(values("J")), '0');
        assert_eq!(mod_37_36(values("11100000000013338W00911330105002500287C2025052201002")), '0');
    }

    #[test]
    fn mod_37_36_of_the_worked_example_is_u_and_the_oid_root_would_make_it_7() {
        let body = "11100000000013338W01111430000006122244L20230000403001";
        assert_eq!(body.len(), 53);
        assert_eq!(mod_37_36(values(body)), 'U');
        assert_eq!(mod_37_36(values(&format!("1215630052{body}"))), '7');
    }

    #[test]
    fn gb_11714_gives_x_for_ten_and_zero_for_eleven() {
        assert_eq!(gb_11714(values("00000000")), '0');
        // 2 × 6 = 12, 12 mod 11 = 1, 11 − 1 = 10.
        assert_eq!(gb_11714(values("00000006")), 'X');
        assert_eq!(gb_11714(values("70846113")), '6');
    }
}
