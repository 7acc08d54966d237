//! Exact numbers.

use std::cmp::Ordering;
use std::fmt;

/// Digits that the server keeps in one word of a DECIMAL; a quotient ends at a whole word.
const WORD_DIGITS: u32 = 9;
/// Digits that a division adds (`div_precision_increment`).
const DIVISION_DIGITS: u32 = 4;

/// A number with a fixed count of digits behind its point: at most 38 digits in all.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    unscaled: i128,
    scale: u32,
}

impl Decimal {
    /// A whole number.
    pub fn whole(value: i128) -> Self {
        Self {
            unscaled: value,
            scale: 0,
        }
    }

    /// Reads `-12.50`; `None` when it is none or too long.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = format!("{sign}{whole}{fraction}");
        let is_number = !(whole.is_empty() && fraction.is_empty())
            && whole
                .bytes()
                .chain(fraction.bytes())
                .all(|b| b.is_ascii_digit());
        Some(Self {
            unscaled: is_number.then(|| all.parse().ok()).flatten()?,
            scale: u32::try_from(fraction.len()).ok()?,
        })
    }

    pub(super) fn is_zero(&self) -> bool {
        self.unscaled == 0
    }

    pub(super) fn negated(self) -> Option<Self> {
        Some(Self {
            unscaled: self.unscaled.checked_neg()?,
            ..self
        })
    }

    pub(super) fn add(self, other: Self) -> Option<Self> {
        let (a, b, scale) = self.aligned(other)?;
        Some(Self {
            unscaled: a.checked_add(b)?,
            scale,
        })
    }

    pub(super) fn subtract(self, other: Self) -> Option<Self> {
        self.add(other.negated()?)
    }

    pub(super) fn multiply(self, other: Self) -> Option<Self> {
        Some(Self {
            unscaled: self.unscaled.checked_mul(other.unscaled)?,
            scale: self.scale + other.scale,
        })
    }

    /// Cut, not rounded, after as many digits as the server keeps. The divisor isn't zero.
    pub(super) fn divide(self, other: Self) -> Option<Self> {
        let words = |digits: u32| digits.div_ceil(WORD_DIGITS) * WORD_DIGITS;
        let (own, others) = (words(self.scale), words(other.scale));
        let spare = own - self.scale + others - other.scale;
        let scale = words(own + others + DIVISION_DIGITS.saturating_sub(spare));
        let shift = (scale + other.scale).checked_sub(self.scale)?;
        let dividend = self.unscaled.checked_mul(10_i128.checked_pow(shift)?)?;
        Some(Self {
            unscaled: dividend.checked_div(other.unscaled)?,
            scale,
        })
    }

    /// With the sign of the dividend. The divisor isn't zero.
    pub(super) fn modulo(self, other: Self) -> Option<Self> {
        let (a, b, scale) = self.aligned(other)?;
        Some(Self {
            unscaled: a.checked_rem(b)?,
            scale,
        })
    }

    /// The whole part of a quotient. The divisor isn't zero.
    pub(super) fn whole_quotient(self, other: Self) -> Option<i128> {
        let (a, b, _) = self.aligned(other)?;
        a.checked_div(b)
    }

    /// With so many digits behind the point (negative: before it); the rest is cut or rounded half away from zero.
    pub(super) fn with_digits(self, digits: i64, cut: bool) -> Option<Self> {
        let drop = i64::from(self.scale) - digits;
        if drop <= 0 {
            return Some(self);
        }
        let Some(unit) = u32::try_from(drop)
            .ok()
            .and_then(|d| 10_i128.checked_pow(d))
        else {
            return Some(Self::whole(0));
        };
        let mut kept = self.unscaled / unit;
        let rest = self.unscaled % unit;
        if !cut && rest.abs() >= unit - rest.abs() {
            kept += rest.signum();
        }
        match u32::try_from(digits) {
            Ok(scale) => Some(Self {
                unscaled: kept,
                scale,
            }),
            Err(_) => {
                let zeroes = u32::try_from(digits.checked_neg()?).ok()?;
                Some(Self::whole(kept.checked_mul(10_i128.checked_pow(zeroes)?)?))
            }
        }
    }

    pub(super) fn floor(self) -> Option<i128> {
        Some(self.unscaled.div_euclid(10_i128.checked_pow(self.scale)?))
    }

    pub(super) fn to_f64(self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        match self.aligned(other) {
            Some((a, b, _)) => a.cmp(&b),
            // One is so much larger that the other, aligned, would not fit.
            None => self.to_f64().total_cmp(&other.to_f64()),
        }
    }

    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        let lift = |value: Self| {
            value
                .unscaled
                .checked_mul(10_i128.checked_pow(scale - value.scale)?)
        };
        Some((lift(self)?, lift(other)?, scale))
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.compare(*other).is_eq()
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let width = self.scale as usize + 1;
        let digits = format!("{:0width$}", self.unscaled.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        if fraction.is_empty() {
            write!(f, "{sign}{whole}")
        } else {
            write!(f, "{sign}{whole}.{fraction}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn numbers_as_the_server_has_them() {
        assert_eq!(
            decimal("1").divide(decimal("3")).unwrap().to_string(),
            "0.333333333"
        );
        assert_eq!(
            decimal("-7.5").modulo(decimal("2")).unwrap().to_string(),
            "-1.5"
        );
        let round = |text, digits| {
            decimal(text)
                .with_digits(digits, false)
                .unwrap()
                .to_string()
        };
        assert_eq!(round("2.5", 0), "3");
        assert_eq!(round("-2.5", 0), "-3");
        assert_eq!(round("2.449", 1), "2.4");
        assert_eq!(round("149", -2), "100");
        assert_eq!(round("150", -2), "200");
        assert_eq!(decimal("1.50"), decimal("1.5"));
        assert_eq!(decimal(".5").to_string(), "0.5");
        assert_eq!(decimal("-0.05").floor(), Some(-1));
        for bad in ["", ".", "1.2.3", "a", "--1", "1e3"] {
            assert!(Decimal::parse(bad).is_none(), "{bad}");
        }
    }
}
