//! Values of bound expressions. NULL logic is SQL's: what isn't known stays NULL.

use std::cmp::Ordering;

use super::ast::{Arith, Compare};
use super::collation::{Collation, NotKnown};
use super::node::{Domain, Node};
use super::{Datum, Decimal, functions};

/// Doubles hold whole numbers up to here exactly.
const EXACT_MAX: i128 = 1 << 53;

type Valued = Result<Datum, String>;

pub(super) fn eval(node: &Node, column: &dyn Fn(usize) -> Datum) -> Valued {
    let truth = |node: &Node| eval(node, column).map(|value| value.is_true());
    let known = |value: Option<bool>| value.map_or(Datum::Null, Datum::truth);
    Ok(match node {
        Node::Const(value) => value.clone(),
        Node::Column(index) => column(*index),
        Node::Not(inner) => known(truth(inner)?.map(|value| !value)),
        Node::And(a, b) => known(match truth(a)? {
            Some(false) => Some(false),
            first => match (first, truth(b)?) {
                (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
        }),
        Node::Or(a, b) => known(match truth(a)? {
            Some(true) => Some(true),
            first => match (first, truth(b)?) {
                (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
        }),
        Node::Xor(a, b) => known(truth(a)?.zip(truth(b)?).map(|(a, b)| a != b)),
        Node::Compare(compare, domain, a, b) => {
            let (a, b) = (eval(a, column)?, eval(b, column)?);
            compared(*compare, *domain, &a, &b)?
        }
        Node::IsNull(inner) => Datum::truth(eval(inner, column)? == Datum::Null),
        Node::IsTruth(inner, wanted) => Datum::truth(truth(inner)? == Some(*wanted)),
        Node::In(item, list) => {
            let item = eval(item, column)?;
            let mut found = Some(false);
            for (domain, one) in list {
                match compared(Compare::Equal, *domain, &item, &eval(one, column)?)?.is_true() {
                    Some(true) => return Ok(Datum::truth(true)),
                    Some(false) => {}
                    None => found = None,
                }
            }
            known(found)
        }
        Node::Between(item, (low_domain, low), (high_domain, high)) => {
            let item = eval(item, column)?;
            let low = compared(
                Compare::GreaterEqual,
                *low_domain,
                &item,
                &eval(low, column)?,
            )?;
            let high = compared(
                Compare::LessEqual,
                *high_domain,
                &item,
                &eval(high, column)?,
            )?;
            known(match (low.is_true(), high.is_true()) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            })
        }
        Node::Like(text, pattern, escape, collation) => {
            match (eval(text, column)?, eval(pattern, column)?) {
                (Datum::Text(text), Datum::Text(pattern)) => {
                    let pattern = items(&pattern, *escape);
                    let text: Vec<char> = text.chars().collect();
                    Datum::truth(like(&text, &pattern, *collation).map_err(not_known)?)
                }
                _ => Datum::Null,
            }
        }
        Node::Arith(operator, double, unsigned, a, b) => {
            let (a, b) = (eval(a, column)?, eval(b, column)?);
            if a == Datum::Null || b == Datum::Null {
                return Ok(Datum::Null);
            }
            arith(*operator, *double, *unsigned, &a, &b)?
        }
        Node::Minus(inner) => match eval(inner, column)? {
            Datum::Null => Datum::Null,
            Datum::Int(value) => whole(-value, false)?,
            Datum::Double(value) => Datum::Double(-value),
            other => Datum::Decimal(
                other
                    .to_decimal()
                    .and_then(Decimal::negated)
                    .ok_or_else(too_long)?,
            ),
        },
        Node::Case(branches, otherwise) => {
            for (when, then) in branches {
                if truth(when)? == Some(true) {
                    return eval(then, column);
                }
            }
            eval(otherwise, column)?
        }
        Node::Cast(inner, unsigned) => cast(&eval(inner, column)?, *unsigned)?,
        Node::Call(function, arguments, collation) => {
            let values = arguments
                .iter()
                .map(|argument| eval(argument, column))
                .collect::<Result<Vec<_>, _>>()?;
            functions::call(*function, &values, *collation)?
        }
    })
}

fn compared(compare: Compare, domain: Domain, a: &Datum, b: &Datum) -> Valued {
    if *a == Datum::Null || *b == Datum::Null {
        return Ok(if compare == Compare::NullSafe {
            Datum::truth(a == b)
        } else {
            Datum::Null
        });
    }
    let order = order(domain, a, b)?;
    Ok(Datum::truth(match compare {
        Compare::Equal | Compare::NullSafe => order.is_eq(),
        Compare::NotEqual => order.is_ne(),
        Compare::Less => order.is_lt(),
        Compare::LessEqual => order.is_le(),
        Compare::Greater => order.is_gt(),
        Compare::GreaterEqual => order.is_ge(),
    }))
}

/// Neither is NULL.
pub(super) fn order(domain: Domain, a: &Datum, b: &Datum) -> Result<Ordering, String> {
    match (domain, a, b) {
        (Domain::Text(collation), Datum::Text(a), Datum::Text(b)) => {
            collation.compare(a, b).map_err(not_known)
        }
        (Domain::Bytes, Datum::Bytes(a), Datum::Bytes(b)) => Ok(a.cmp(b)),
        (Domain::DateTime, Datum::DateTime(a), Datum::DateTime(b)) => Ok(a.cmp(b)),
        (Domain::Time, Datum::Time(a), Datum::Time(b)) => Ok(a.cmp(b)),
        (Domain::Exact, Datum::Int(a), Datum::Int(b)) => Ok(a.cmp(b)),
        (Domain::Exact, a, b) => {
            let numbers = a.to_decimal().zip(b.to_decimal());
            numbers.map(|(a, b)| a.compare(b)).ok_or_else(mismatch)
        }
        (Domain::Double, a, b) => {
            let (x, y) = (double(a)?, double(b)?);
            x.partial_cmp(&y).ok_or_else(mismatch)
        }
        _ => Err(mismatch()),
    }
}

/// Doubles stand for whole numbers only as far as they do so exactly.
fn double(value: &Datum) -> Result<f64, String> {
    if let Datum::Int(number) = value
        && !(-EXACT_MAX..=EXACT_MAX).contains(number)
    {
        return Err(format!(
            "{number} can't be compared with a text or a double exactly"
        ));
    }
    value.to_f64().ok_or_else(mismatch)
}

fn arith(operator: Arith, in_doubles: bool, unsigned: bool, a: &Datum, b: &Datum) -> Valued {
    if in_doubles {
        let (x, y) = (
            a.to_f64().ok_or_else(mismatch)?,
            b.to_f64().ok_or_else(mismatch)?,
        );
        let value = match operator {
            Arith::Add => x + y,
            Arith::Subtract => x - y,
            Arith::Multiply => x * y,
            _ if y == 0.0 => return Ok(Datum::Null),
            Arith::Divide => x / y,
            Arith::Modulo => x % y,
            Arith::IntDivide => return Err(mismatch()),
        };
        return if value.is_finite() {
            Ok(Datum::Double(value))
        } else {
            Err("a DOUBLE is out of range".to_owned())
        };
    }
    if let (Datum::Int(x), Datum::Int(y)) = (a, b) {
        match operator {
            Arith::Add => return whole(x + y, unsigned),
            Arith::Subtract => return whole(x - y, unsigned),
            Arith::Multiply => return whole(x.saturating_mul(*y), unsigned),
            Arith::Divide => {}
            _ if *y == 0 => return Ok(Datum::Null),
            Arith::IntDivide => return whole(x / y, unsigned),
            Arith::Modulo => return whole(x % y, unsigned),
        }
    }
    let (x, y) = a.to_decimal().zip(b.to_decimal()).ok_or_else(mismatch)?;
    let value = match operator {
        Arith::Add => x.add(y),
        Arith::Subtract => x.subtract(y),
        Arith::Multiply => x.multiply(y),
        _ if y.is_zero() => return Ok(Datum::Null),
        Arith::Divide => x.divide(y),
        Arith::Modulo => x.modulo(y),
        Arith::IntDivide => return whole(x.whole_quotient(y).ok_or_else(too_long)?, unsigned),
    };
    value.map(Datum::Decimal).ok_or_else(too_long)
}

/// The server refuses what doesn't fit into a BIGINT.
pub(super) fn whole(value: i128, unsigned: bool) -> Valued {
    let fits = if unsigned {
        u64::try_from(value).is_ok()
    } else {
        i64::try_from(value).is_ok()
    };
    if fits {
        Ok(Datum::Int(value))
    } else {
        Err(format!("the number {value} is out of range"))
    }
}

fn cast(value: &Datum, unsigned: bool) -> Valued {
    let number = match value {
        Datum::Null => return Ok(Datum::Null),
        Datum::Int(number) => *number,
        other => other
            .to_decimal()
            .and_then(|decimal| decimal.with_digits(0, false))
            .and_then(Decimal::floor)
            .ok_or_else(too_long)?,
    };
    if unsigned && matches!(value, Datum::Int(_)) && number < 0 {
        // The bits of a negative number, as the server has it.
        return Ok(Datum::Int(number + (1 << 64)));
    }
    whole(number, unsigned)
}

/// An item of a LIKE pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Item {
    Char(char),
    One,
    Any,
}

fn items(pattern: &str, escape: Option<char>) -> Vec<Item> {
    let mut items = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if Some(c) == escape
            && let Some(escaped) = chars.next()
        {
            items.push(Item::Char(escaped));
            continue;
        }
        items.push(match c {
            '%' => Item::Any,
            '_' => Item::One,
            c => Item::Char(c),
        });
    }
    items
}

/// Goes back to the last `%` when the rest doesn't fit: quadratic at worst.
fn like(text: &[char], pattern: &[Item], collation: Collation) -> Result<bool, NotKnown> {
    let (mut at, mut item) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        let fits = match (pattern.get(item), text.get(at)) {
            (None, None) => return Ok(true),
            (Some(Item::Any), _) => {
                back = Some((at, item + 1));
                item += 1;
                continue;
            }
            (Some(Item::One), Some(_)) => true,
            (Some(Item::Char(wanted)), Some(c)) => collation.same_char(*wanted, *c)?,
            (None, Some(_)) => false,
            (Some(_), None) => return Ok(false),
        };
        if fits {
            at += 1;
            item += 1;
        } else if let Some((from, after)) = back {
            (at, item) = (from + 1, after);
            back = Some((from + 1, after));
        } else {
            return Ok(false);
        }
    }
}

pub(super) fn not_known(NotKnown(c): NotKnown) -> String {
    format!("how the collation compares {c:?} is not known here")
}

pub(super) fn too_long() -> String {
    "a number is too long".to_owned()
}

pub(super) fn mismatch() -> String {
    "a value is not of its column's type".to_owned()
}
