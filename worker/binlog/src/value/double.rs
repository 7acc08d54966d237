//! DOUBLE inside JSON, printed as MySQL prints it.

use std::fmt::Write;

/// Fixed notation is used while the decimal point stands within so many digits of the first one.
const FIXED_POINT_MIN: i32 = -14;
const FIXED_POINT_MAX: i32 = 15;

/// Appends the shortest digits that give the same number again, in the server's notation: fixed within
/// 15 digits of the point, else with an exponent; whole numbers get `.0`.
pub(super) fn push_double(out: &mut String, number: f64) {
    let shortest = format!("{number:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa
        .strip_prefix('-')
        .map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let point = exponent.saturating_add(1);
    out.push_str(sign);
    if (FIXED_POINT_MIN..=FIXED_POINT_MAX).contains(&point) {
        push_fixed(out, &digits, point);
    } else {
        let (first, rest) = digits.split_at_checked(1).unwrap_or((&digits, ""));
        out.push_str(first);
        if !rest.is_empty() {
            out.push('.');
            out.push_str(rest);
        }
        // Writing to a String cannot fail.
        let _ = write!(out, "e{exponent}");
    }
}

fn push_fixed(out: &mut String, digits: &str, point: i32) {
    let Ok(point) = usize::try_from(point) else {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', point.unsigned_abs() as usize));
        out.push_str(digits);
        return;
    };
    match digits.split_at_checked(point) {
        Some(("", fraction)) => {
            out.push_str("0.");
            out.push_str(fraction);
        }
        Some((whole, "")) => {
            out.push_str(whole);
            out.push_str(".0");
        }
        Some((whole, fraction)) => {
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
        None => {
            out.push_str(digits);
            out.extend(std::iter::repeat_n('0', point.saturating_sub(digits.len())));
            out.push_str(".0");
        }
    }
}
