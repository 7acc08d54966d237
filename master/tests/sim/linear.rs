//! Is there an order of the operations on one register that explains what everybody saw?
//!
//! The search of Wing and Gong with Lowe's memory of (set of operations, value). An operation without an answer may take effect at
//! any time after its call, or never.

use std::collections::BTreeSet;

/// What an operation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    Wrote(u64),
    Read(u64),
}

/// One operation on one register. Times are numbers of events, each used once.
#[derive(Debug, Clone, Copy)]
pub struct Op {
    pub called: u64,
    /// Nothing: the outcome is not known.
    pub returned: Option<u64>,
    pub seen: Seen,
}

impl Op {
    fn end(&self) -> u64 {
        self.returned.unwrap_or(u64::MAX)
    }
}

/// Explains the history of a register that held `initial` at first; the error is the history.
pub fn check(ops: &[Op], initial: u64) -> Result<(), String> {
    let mut ops = ops.to_vec();
    ops.sort_by_key(|op| op.called);
    let mut visited = BTreeSet::new();
    // Depth first; each frame is what is done so far, the value, and the next candidate.
    let mut stack = vec![(vec![false; ops.len()], initial, 0usize)];
    while let Some((done, value, from)) = stack.pop() {
        if ops
            .iter()
            .zip(&done)
            .all(|(op, done)| *done || op.returned.is_none())
        {
            return Ok(());
        }
        // Nothing that returned is left behind one that was called later.
        let open = ops.iter().zip(&done).filter(|(_, done)| !**done);
        let horizon = open.map(|(op, _)| op.end()).min().unwrap_or(u64::MAX);
        for at in from..ops.len() {
            let op = ops[at];
            if op.called > horizon {
                break;
            }
            if done[at] {
                continue;
            }
            let next = match op.seen {
                Seen::Wrote(new) => new,
                Seen::Read(seen) if seen == value => value,
                Seen::Read(_) => continue,
            };
            let mut after = done.clone();
            after[at] = true;
            if visited.insert((after.clone(), next)) {
                stack.push((done, value, at + 1));
                stack.push((after, next, 0));
                break;
            }
        }
    }
    let text: Vec<String> = ops.iter().map(|op| format!("{op:?}")).collect();
    Err(format!("not linearizable:\n{}", text.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(called: u64, returned: u64, seen: Seen) -> Op {
        Op {
            called,
            returned: (returned != 0).then_some(returned),
            seen,
        }
    }

    #[test]
    fn what_can_be_explained() {
        use Seen::{Read, Wrote};
        let fine = [op(1, 4, Wrote(1)), op(2, 3, Read(0)), op(5, 6, Read(1))];
        check(&fine, 0).unwrap();
        // Not acknowledged, seen nevertheless; or never seen.
        check(&[op(1, 0, Wrote(1)), op(2, 3, Read(1))], 0).unwrap();
        check(&[op(1, 0, Wrote(1)), op(2, 3, Read(0))], 0).unwrap();
        // Acknowledged and not seen; seen and gone again; seen twice around another one.
        check(&[op(1, 2, Wrote(1)), op(3, 4, Read(0))], 0).unwrap_err();
        let gone = [op(1, 0, Wrote(1)), op(2, 3, Read(1)), op(4, 5, Read(0))];
        check(&gone, 0).unwrap_err();
        let twice = [
            op(1, 9, Wrote(1)),
            op(2, 3, Read(1)),
            op(4, 5, Wrote(2)),
            op(6, 7, Read(2)),
            op(10, 11, Read(1)),
        ];
        check(&twice, 0).unwrap_err();
    }
}
