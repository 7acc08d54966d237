//! The functions of expressions.

use super::bind::{named, one_type};
use super::collation::{Bytes, Collation};
use super::eval::{mismatch, order, too_long, whole};
use super::node::{Domain, Type};
use super::{DateTime, Datum, Decimal};

/// Longest text that a function makes.
const TEXT_CHARS_MAX: usize = 1 << 20;

macro_rules! functions {
    ($($function:ident: $($name:literal)|+;)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Function { $($function,)+ }

        impl Function {
            /// By the name in upper case.
            pub(super) fn by_name(name: &str) -> Option<Self> {
                match name {
                    $($($name)|+ => Some(Self::$function),)+
                    _ => None,
                }
            }
        }

        const NAMES: &[&str] = &[$($($name,)+)+];
    };
}

functions! {
    Coalesce: "COALESCE" | "IFNULL";
    Greatest: "GREATEST";
    Least: "LEAST";
    Abs: "ABS";
    Ceiling: "CEILING" | "CEIL";
    Floor: "FLOOR";
    Round: "ROUND";
    Truncate: "TRUNCATE";
    Sign: "SIGN";
    Mod: "MOD";
    Concat: "CONCAT";
    Length: "LENGTH" | "OCTET_LENGTH";
    CharLength: "CHAR_LENGTH" | "CHARACTER_LENGTH";
    Lower: "LOWER" | "LCASE";
    Upper: "UPPER" | "UCASE";
    Substring: "SUBSTRING" | "SUBSTR" | "MID";
    Left: "LEFT";
    Right: "RIGHT";
    Trim: "TRIM";
    LeftTrim: "LTRIM";
    RightTrim: "RTRIM";
    Reverse: "REVERSE";
    LeftPad: "LPAD";
    RightPad: "RPAD";
    Date: "DATE";
    Year: "YEAR";
    Month: "MONTH";
    Day: "DAY" | "DAYOFMONTH";
    Hour: "HOUR";
    Minute: "MINUTE";
    Second: "SECOND";
    DayOfWeek: "DAYOFWEEK";
    WeekDay: "WEEKDAY";
    ToDays: "TO_DAYS";
    DateDiff: "DATEDIFF";
}

/// Why there is no such function.
pub(super) fn unknown(name: &str) -> String {
    const CHANGING: &[&str] = &[
        "NOW",
        "CURDATE",
        "CURRENT_DATE",
        "CURRENT_TIMESTAMP",
        "SYSDATE",
        "RAND",
        "UUID",
        "USER",
        "SLEEP",
        "LAST_INSERT_ID",
    ];
    if CHANGING.contains(&name) {
        return format!(
            "{name} gives another value each time: whether a row takes part may depend on the row only"
        );
    }
    format!(
        "function {name} is not known here; known are {}",
        NAMES.join(", ")
    )
}

impl Function {
    /// The type of the result.
    pub(super) fn check(self, types: &[Type]) -> Result<Type, String> {
        use Function as F;
        let count = |from: usize, to: usize| {
            if (from..=to).contains(&types.len()) {
                Ok(())
            } else {
                Err(format!(
                    "it takes {from} to {to} arguments, here are {}",
                    types.len()
                ))
            }
        };
        let each = |wanted: fn(&Type) -> bool, what: &str, of: &[Type]| match of
            .iter()
            .find(|ty| !wanted(ty) && **ty != Type::Null)
        {
            None => Ok(()),
            Some(ty) => Err(format!("{} is no {what}", named(ty))),
        };
        let text = Type::is_text;
        let exact = Type::is_exact;
        let dated: fn(&Type) -> bool = |ty| matches!(ty, Type::Date | Type::DateTime);
        let timed: fn(&Type) -> bool = |ty| matches!(ty, Type::Time | Type::DateTime);
        let int = Ok(Type::Int(false));
        let first = || types.first().cloned().unwrap_or(Type::Null);
        let tail = types.get(1..).unwrap_or_default();
        match self {
            F::Coalesce => {
                count(1, 100)?;
                one_type(types)
            }
            F::Greatest | F::Least => {
                count(2, 100)?;
                each(exact, "whole or decimal number", types)?;
                one_type(types)
            }
            F::Abs => {
                count(1, 1)?;
                each(Type::is_number, "number", types)?;
                Ok(first())
            }
            F::Ceiling | F::Floor => {
                count(1, 1)?;
                each(exact, "whole or decimal number", types)?;
                Ok(match first() {
                    Type::Int(unsigned) => Type::Int(unsigned),
                    _ => Type::Decimal,
                })
            }
            F::Sign => {
                count(1, 1)?;
                each(Type::is_number, "number", types)?;
                int
            }
            F::Round | F::Truncate => {
                count(if self == F::Round { 1 } else { 2 }, 2)?;
                each(exact, "whole or decimal number", types)?;
                each(|ty| matches!(ty, Type::Int(_)), "whole number", tail)?;
                Ok(first())
            }
            F::Mod => {
                count(2, 2)?;
                each(exact, "whole or decimal number", types)?;
                one_type(types)
            }
            F::Concat => {
                count(1, 100)?;
                each(text, "text", types)?;
                one_type(types)
            }
            F::Length | F::CharLength => {
                count(1, 1)?;
                each(text, "text", types)?;
                int
            }
            F::Lower | F::Upper | F::Reverse | F::Trim | F::LeftTrim | F::RightTrim => {
                count(1, 1)?;
                each(text, "text", types)?;
                Ok(first())
            }
            F::Left | F::Right | F::Substring => {
                count(2, if self == F::Substring { 3 } else { 2 })?;
                each(text, "text", types.get(..1).unwrap_or_default())?;
                each(|ty| matches!(ty, Type::Int(_)), "whole number", tail)?;
                Ok(first())
            }
            F::LeftPad | F::RightPad => {
                count(3, 3)?;
                each(text, "text", &[first()])?;
                each(
                    |ty| matches!(ty, Type::Int(_)),
                    "whole number",
                    tail.get(..1).unwrap_or_default(),
                )?;
                each(text, "text", tail.get(1..).unwrap_or_default())?;
                Ok(first())
            }
            F::Date => {
                count(1, 1)?;
                each(dated, "date", types)?;
                Ok(Type::Date)
            }
            F::Year | F::Month | F::Day | F::DayOfWeek | F::WeekDay | F::ToDays => {
                count(1, 1)?;
                each(dated, "date", types)?;
                int
            }
            F::Hour | F::Minute | F::Second => {
                count(1, 1)?;
                each(timed, "time", types)?;
                int
            }
            F::DateDiff => {
                count(2, 2)?;
                each(dated, "date", types)?;
                int
            }
        }
    }
}

/// Values as [`Function::check`] admitted their types.
pub(super) fn call(
    function: Function,
    values: &[Datum],
    collation: Collation,
) -> Result<Datum, String> {
    use Function as F;
    if function == F::Coalesce {
        let found = values.iter().find(|value| **value != Datum::Null);
        return Ok(found.cloned().unwrap_or(Datum::Null));
    }
    if values.contains(&Datum::Null) {
        return Ok(Datum::Null);
    }
    match (function, values) {
        (F::Greatest | F::Least, [first, rest @ ..]) => {
            let mut best = first;
            for value in rest {
                let order = order(Domain::Exact, value, best)?;
                if (function == F::Greatest && order.is_gt())
                    || (function == F::Least && order.is_lt())
                {
                    best = value;
                }
            }
            Ok(best.clone())
        }
        (F::Concat, _) => {
            let texts: Vec<&str> = values
                .iter()
                .filter_map(|value| {
                    if let Datum::Text(text) = value {
                        Some(text.as_str())
                    } else {
                        None
                    }
                })
                .collect();
            Ok(Datum::Text(texts.concat()))
        }
        (_, [Datum::Text(text), rest @ ..]) => of_text(function, text, rest, collation),
        (F::DateDiff, [Datum::DateTime(a), Datum::DateTime(b)]) => {
            let days = a.day_number().zip(b.day_number());
            Ok(days.map_or(Datum::Null, |(a, b)| Datum::Int(i128::from(a - b))))
        }
        (_, [Datum::DateTime(date)]) => of_date(function, date),
        (_, [Datum::Time(micros)]) => {
            let seconds = micros.unsigned_abs() / 1_000_000;
            let value = match function {
                F::Hour => seconds / 3_600,
                F::Minute => seconds / 60 % 60,
                F::Second => seconds % 60,
                _ => return Err(mismatch()),
            };
            Ok(Datum::Int(i128::from(value)))
        }
        _ => of_number(function, values),
    }
}

fn of_number(function: Function, values: &[Datum]) -> Result<Datum, String> {
    use Function as F;
    if let (F::Abs, [Datum::Double(value)]) = (function, values) {
        return Ok(Datum::Double(value.abs()));
    }
    if let (F::Sign, [Datum::Double(value)]) = (function, values) {
        let sign = i128::from(*value > 0.0) - i128::from(*value < 0.0);
        return Ok(Datum::Int(sign));
    }
    let numbers: Option<Vec<Decimal>> = values.iter().map(Datum::to_decimal).collect();
    let numbers = numbers.ok_or_else(mismatch)?;
    let is_whole = matches!(values.first(), Some(Datum::Int(_)));
    // What comes of a whole number is one.
    let back = |value: Option<Decimal>| {
        let value = value.ok_or_else(too_long)?;
        if is_whole {
            let number = value.floor().ok_or_else(too_long)?;
            return whole(number, number > i128::from(i64::MAX));
        }
        Ok(Datum::Decimal(value))
    };
    let digits = |value: &Datum| match value {
        Datum::Int(digits) => i64::try_from(*digits)
            .map(|d| d.clamp(-40, 30))
            .map_err(|_| too_long()),
        _ => Err(mismatch()),
    };
    match (function, numbers.as_slice(), values) {
        (F::Abs, [value], _) if value.compare(Decimal::whole(0)).is_lt() => back(value.negated()),
        (F::Abs, [value], _) => back(Some(*value)),
        (F::Sign, [value], _) => {
            let order = value.compare(Decimal::whole(0));
            Ok(Datum::Int(
                i128::from(order.is_gt()) - i128::from(order.is_lt()),
            ))
        }
        (F::Floor, [value], _) => back(value.floor().map(Decimal::whole)),
        (F::Ceiling, [value], _) => back(
            value
                .negated()
                .and_then(Decimal::floor)
                .and_then(i128::checked_neg)
                .map(Decimal::whole),
        ),
        (F::Round, [value], _) => back(value.with_digits(0, false)),
        (F::Round, [value, _], [_, by]) => back(value.with_digits(digits(by)?, false)),
        (F::Truncate, [value, _], [_, by]) => back(value.with_digits(digits(by)?, true)),
        (F::Mod, [_, by], _) if by.is_zero() => Ok(Datum::Null),
        (F::Mod, [value, by], [Datum::Int(_), Datum::Int(_)]) => back(value.modulo(*by)),
        (F::Mod, [value, by], _) => value.modulo(*by).map(Datum::Decimal).ok_or_else(too_long),
        _ => Err(mismatch()),
    }
}

fn of_text(
    function: Function,
    text: &str,
    rest: &[Datum],
    collation: Collation,
) -> Result<Datum, String> {
    use Function as F;
    let chars: Vec<char> = text.chars().collect();
    let made = |chars: &[char]| Ok(Datum::Text(chars.iter().collect()));
    let number = |value: Option<&Datum>| match value {
        Some(Datum::Int(number)) => Ok(i64::try_from(*number).unwrap_or(i64::MAX)),
        _ => Err(mismatch()),
    };
    let length = i64::try_from(chars.len()).unwrap_or(i64::MAX);
    let part = |from: i64, count: i64| {
        let from = usize::try_from(from.clamp(0, length)).unwrap_or(0);
        let end = usize::try_from(count.max(0)).map_or(chars.len(), |count| {
            from.saturating_add(count).min(chars.len())
        });
        chars.get(from..end).unwrap_or_default()
    };
    match function {
        F::Length => {
            let bytes = match collation.bytes {
                Bytes::Utf8 => text.len(),
                Bytes::One => chars.len(),
                Bytes::Unknown => {
                    return Err(
                        "how many bytes the character set takes is not known here".to_owned()
                    );
                }
            };
            Ok(Datum::Int(bytes as i128))
        }
        F::CharLength => Ok(Datum::Int(i128::from(length))),
        F::Lower | F::Upper => chars
            .iter()
            .map(|c| cased(*c, function == F::Upper))
            .collect::<Result<String, String>>()
            .map(Datum::Text),
        F::Reverse => Ok(Datum::Text(chars.iter().rev().collect())),
        F::Trim => Ok(Datum::Text(text.trim_matches(' ').to_owned())),
        F::LeftTrim => Ok(Datum::Text(text.trim_start_matches(' ').to_owned())),
        F::RightTrim => Ok(Datum::Text(text.trim_end_matches(' ').to_owned())),
        F::Left => made(part(0, number(rest.first())?)),
        F::Right => {
            let count = number(rest.first())?.clamp(0, length);
            made(part(length - count, count))
        }
        F::Substring => {
            let at = number(rest.first())?;
            let count = match rest.get(1) {
                None => length,
                count => number(count)?,
            };
            // Counted from 1, or from the end; 0 and beyond the beginning is nothing.
            let from = if at < 0 { length + at } else { at - 1 };
            if at == 0 || from < 0 {
                return Ok(Datum::Text(String::new()));
            }
            made(part(from, count))
        }
        F::LeftPad | F::RightPad => padded(&chars, rest, function == F::LeftPad),
        _ => Err(mismatch()),
    }
}

fn padded(chars: &[char], rest: &[Datum], left: bool) -> Result<Datum, String> {
    let [Datum::Int(wanted), Datum::Text(pad)] = rest else {
        return Err(mismatch());
    };
    let Ok(wanted) = usize::try_from(*wanted) else {
        return Ok(Datum::Null);
    };
    if wanted > TEXT_CHARS_MAX {
        return Err(format!("a text of more than {TEXT_CHARS_MAX} characters"));
    }
    if let Some(head) = chars.get(..wanted) {
        return Ok(Datum::Text(head.iter().collect()));
    }
    if pad.is_empty() {
        return Err("padding with nothing differs between servers".to_owned());
    }
    let filling = pad.chars().cycle().take(wanted - chars.len());
    Ok(Datum::Text(if left {
        filling.chain(chars.iter().copied()).collect()
    } else {
        chars.iter().copied().chain(filling).collect()
    }))
}

/// Where case is more than ASCII's, servers differ.
fn cased(c: char, upper: bool) -> Result<char, String> {
    if c.is_ascii() {
        return Ok(if upper {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        });
    }
    let caseless = c.to_lowercase().eq([c]) && c.to_uppercase().eq([c]);
    if caseless {
        Ok(c)
    } else {
        Err(format!("the case of {c:?} differs between servers"))
    }
}

fn of_date(function: Function, date: &DateTime) -> Result<Datum, String> {
    use Function as F;
    let days = || date.day_number();
    let int = |value: i64| Ok(Datum::Int(i128::from(value)));
    let known =
        |value: Option<i64>| Ok(value.map_or(Datum::Null, |value| Datum::Int(i128::from(value))));
    match function {
        F::Date => Ok(Datum::DateTime(date.date())),
        F::Year => int(i64::from(date.year)),
        F::Month => int(i64::from(date.month)),
        F::Day => int(i64::from(date.day)),
        F::Hour => int(i64::from(date.hour)),
        F::Minute => int(i64::from(date.minute)),
        F::Second => int(i64::from(date.second)),
        _ if date.is_zero() => Ok(Datum::Null),
        // 1 is Sunday; day 719528 was a Thursday.
        F::DayOfWeek => known(days().map(|days| (days - 719_528 + 4).rem_euclid(7) + 1)),
        // 0 is Monday.
        F::WeekDay => known(days().map(|days| (days - 719_528 + 3).rem_euclid(7))),
        F::ToDays => known(days()),
        _ => Err(mismatch()),
    }
}
