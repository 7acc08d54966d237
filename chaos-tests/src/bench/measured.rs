use std::fmt;

/// The figures of one benchmark; `Display` is its last line.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Name of the benchmark.
    pub name: &'static str,
    /// `s`, `MiB`, `x` …
    pub unit: &'static str,
    /// One per run.
    pub values: Vec<f64>,
}

impl Measured {
    /// The middle one, or the mean of the middle two.
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match (
            sorted.len() % 2,
            sorted.get(middle),
            sorted.get(middle.wrapping_sub(1)),
        ) {
            (1, Some(value), _) => *value,
            (_, Some(high), Some(low)) => f64::midpoint(*high, *low),
            _ => f64::NAN,
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = self.values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self
            .values
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let (name, median, unit, count) = (self.name, self.median(), self.unit, self.values.len());
        write!(
            f,
            "{name}: {median:.2} {unit}  spread {least:.2}-{most:.2}  pairs {count}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line() {
        let measured = Measured {
            name: "failover-worker",
            unit: "s",
            values: vec![3.0, 1.0, 2.5, 2.0],
        };
        assert_eq!(
            measured.to_string(),
            "failover-worker: 2.25 s  spread 1.00-3.00  pairs 4"
        );
    }
}
