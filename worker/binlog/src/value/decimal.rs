//! DECIMAL in its sortable binary form: groups of nine digits in four bytes, shorter groups at both ends,
//! the sign bit inverted, and all bits inverted for negative numbers.

use crate::DecodeError;
use crate::reader::Reader;

/// Columns have up to 65 digits; values computed inside JSON up to the nine groups of the server's buffer.
const PRECISION_MAX: u8 = 81;
const SCALE_MAX: u8 = 38;
const GROUP_DIGITS: usize = 9;
const GROUP_BYTES: usize = 4;
/// Bytes of the longest value: all digits in groups, with a short group at each end.
const VALUE_BYTES_MAX: usize = 40;

/// Precision and scale of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DecimalShape {
    integer_digits: u8,
    scale: u8,
}

impl DecimalShape {
    pub(crate) fn new(precision: u8, scale: u8) -> Result<Self, DecodeError> {
        match precision.checked_sub(scale) {
            Some(integer_digits)
                if (1..=PRECISION_MAX).contains(&precision) && scale <= SCALE_MAX =>
            {
                Ok(Self {
                    integer_digits,
                    scale,
                })
            }
            _ => Err(DecodeError::Malformed {
                what: "precision or scale of a DECIMAL is out of range",
            }),
        }
    }

    /// Bytes of one value.
    pub(crate) fn bytes(self) -> usize {
        digits_bytes(self.integer_digits).saturating_add(digits_bytes(self.scale))
    }

    /// Reads a value and prints it with all digits of its scale.
    pub(crate) fn read(self, reader: &mut Reader<'_>) -> Result<String, DecodeError> {
        const SIGN: u8 = 0x80;
        let stored = reader.bytes(self.bytes())?;
        let negative = stored.first().is_some_and(|first| first & SIGN == 0);
        let inversion = if negative { 0xff } else { 0 };
        let mut plain = [0u8; VALUE_BYTES_MAX];
        for (index, (to, from)) in plain.iter_mut().zip(stored).enumerate() {
            *to = from ^ inversion ^ if index == 0 { SIGN } else { 0 };
        }
        let mut groups = Reader::new(&plain, "a DECIMAL");
        let mut text = String::with_capacity(
            usize::from(self.integer_digits)
                .saturating_add(usize::from(self.scale))
                .saturating_add(3),
        );
        if negative {
            text.push('-');
        }
        self.integer(&mut groups, &mut text)?;
        self.fraction(&mut groups, &mut text)?;
        Ok(text)
    }

    /// The short group comes first; leading zeros are not printed.
    fn integer(self, groups: &mut Reader<'_>, text: &mut String) -> Result<(), DecodeError> {
        let mut digits = [0u8; PRECISION_MAX as usize];
        let all = usize::from(self.integer_digits);
        let mut used = 0usize;
        let short = all % GROUP_DIGITS;
        for count in
            std::iter::once(short).chain(std::iter::repeat_n(GROUP_DIGITS, all / GROUP_DIGITS))
        {
            let to = digits.get_mut(used..).unwrap_or_default();
            group(groups, count, to)?;
            used = used.saturating_add(count);
        }
        let digits = digits.get(..all).unwrap_or_default();
        let first = digits
            .iter()
            .position(|digit| *digit != b'0')
            .unwrap_or(all);
        match digits.get(first..) {
            None | Some([]) => text.push('0'),
            Some(significant) => text.extend(significant.iter().map(|digit| char::from(*digit))),
        }
        Ok(())
    }

    /// The short group comes last.
    fn fraction(self, groups: &mut Reader<'_>, text: &mut String) -> Result<(), DecodeError> {
        let all = usize::from(self.scale);
        if all == 0 {
            return Ok(());
        }
        text.push('.');
        for count in std::iter::repeat_n(GROUP_DIGITS, all / GROUP_DIGITS)
            .chain(std::iter::once(all % GROUP_DIGITS))
        {
            let mut digits = [0u8; GROUP_DIGITS];
            group(groups, count, &mut digits)?;
            text.extend(digits.iter().take(count).map(|digit| char::from(*digit)));
        }
        Ok(())
    }
}

/// Reads a group of `count` digits and writes them, zero-padded, to the front of `to`.
fn group(groups: &mut Reader<'_>, count: usize, to: &mut [u8]) -> Result<(), DecodeError> {
    let mut number = groups.uint_be(group_bytes(count))?;
    for digit in to.iter_mut().take(count).rev() {
        *digit = b'0'.saturating_add((number % 10) as u8);
        number /= 10;
    }
    if number != 0 {
        return Err(DecodeError::Malformed {
            what: "a digit group of a DECIMAL is out of range",
        });
    }
    Ok(())
}

fn digits_bytes(digits: u8) -> usize {
    let digits = usize::from(digits);
    (digits / GROUP_DIGITS)
        .saturating_mul(GROUP_BYTES)
        .saturating_add(group_bytes(digits % GROUP_DIGITS))
}

/// Bytes of a group of up to nine digits.
fn group_bytes(digits: usize) -> usize {
    match digits {
        0 => 0,
        1 | 2 => 1,
        3 | 4 => 2,
        5 | 6 => 3,
        _ => GROUP_BYTES,
    }
}
